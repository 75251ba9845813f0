/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SCENARIO_KEYS_H
#define PN_LAB_SCENARIO_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "scenario.h"

enum pn_sc_kind {
	PN_SC_MACHINE,
	PN_SC_COSTS,
	PN_SC_VM,
	PN_SC_DEVICE,
	PN_SC_LOAD,
	PN_SC_IPI,
	PN_SC_INHIBIT,
	PN_SC_KINDS
};

enum pn_key_type {
	PN_KEY_COUNT,  /* unsigned of any size, min .. max */
	PN_KEY_TIME,   /* uint64_t nanoseconds, min .. max */
	PN_KEY_CHOICE, /* one of choices, any size */
	PN_KEY_SHARE,  /* double 0 .. 1 */
	PN_KEY_RATE,   /* double per second, above 0, up to max */
	PN_KEY_DIST,   /* struct pn_dist; with PN_KEY_ZERO also a time, or 0 */
	PN_KEY_NAME,   /* char[32]: the name of a section of kind @min */
	PN_KEY_IOMMU,  /* index, or "spread" */
	PN_KEY_REASON, /* uint32_t, 1 + enum pn_inhibit */
};

#define PN_KEY_ZERO 1u /* 0 is allowed too, below min */
#define PN_KEY_POW2 2u
#define PN_KEY_HEX  4u /* written in hexadecimal */
#define PN_KEY_NS   8u /* a time that may come without a unit, in nanoseconds, as KVM's */

struct pn_key_choice {
	const char *name; /* end: NULL */
	uint32_t value;
};

/* One key of a scenario file. The table of them is all there is to know about the keys. */
struct pn_key {
	uint8_t kind; /* enum pn_sc_kind */
	uint8_t type; /* enum pn_key_type */
	uint8_t flags;
	uint8_t size;	 /* of the field */
	uint8_t useless; /* workloads whose modes do not look at it: 1 << enum pn_workload */
	uint16_t offset;
	const char *name;
	const char *dflt; /* as in a file; NULL: @without says what happens without it */
	const char *without;
	uint64_t min, max;
	const struct pn_key_choice *choices;
	const char *doc;
};

#define PN_KEY_MAX 112

extern const struct pn_key pn_keys[];
extern const unsigned pn_key_count;

/* "machine", "vm", ... */
const char *pn_sc_kind_name(enum pn_sc_kind kind);
/* Index of a key in pn_keys, or -ENOENT. */
int pn_key_find(enum pn_sc_kind kind, const char *name);
/* Names of the keys of @kind; @names has room for PN_KEY_MAX. Returns how many. */
unsigned pn_key_names(enum pn_sc_kind kind, const char **names);
/* Unit and range for people: "time, 1us .. 1h". Returns @buf. */
const char *pn_key_range(const struct pn_key *k, char *buf, size_t size);
/* Stores @value in the section's struct at @base. -EINVAL, with the reason in @why. */
int pn_key_set(const struct pn_key *k, void *base, const char *value, char *why, size_t size);

#endif
