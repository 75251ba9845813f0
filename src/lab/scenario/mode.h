/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MODE_H
#define PN_LAB_MODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diag.h"

/*
 * What is sent and what receives it. Each scenario is one workload; each mode is made for one of
 * the first three, and those with guests run scenarios with devices and IPIs too.
 */
enum pn_workload {
	PN_WORK_PASSTHROUGH, /* devices interrupt guests */
	PN_WORK_BARE,	     /* devices interrupt the host, no guests */
	PN_WORK_IPI,	     /* the vCPUs of a guest interrupt each other */
	PN_WORK_MIXED,	     /* both: devices interrupt guests, and vCPUs each other */
	PN_WORK_NR
};

enum pn_vendor { PN_VENDOR_AMD, PN_VENDOR_INTEL };

/* Properties of a mode. Rows, sentences and checks depend on these, never on the mode itself. */
enum pn_trait {
	PN_TRAIT_BASELINE = 1 << 0, /* the other modes of its workload are compared with it */
	PN_TRAIT_GALOG = 1 << 1,    /* the IOMMU posts, and logs for vCPUs that sleep */
	PN_TRAIT_GAPPI = 1 << 2, /* the IOMMU posts, and sends an interrupt for vCPUs that sleep */
	PN_TRAIT_DESCRIPTORS = 1 << 3,	 /* posted-interrupt descriptors are posted to */
	PN_TRAIT_POSTED_MSI = 1 << 4,	 /* descriptors of the host's CPUs */
	PN_TRAIT_IPIV = 1 << 5,		 /* the PID-pointer table is on */
	PN_TRAIT_X2AVIC_GUESTS = 1 << 6, /* x2avic says the APIC mode of guests; else x2apic */
};

struct pn_scenario;
struct pn_platform;
struct pn_mode_info;

/* A variant of a mode: a choice of two, of which the first is the default, or a number. */
struct pn_mode_key {
	const char *name, *values[2]; /* no values: a number */
	size_t offset;		      /* in struct pn_mode: a bool, true = the second; a uint32_t */
	uint32_t dflt, max;	      /* of a number, which is at least 1 */
};

#define PN_MODE_KEYS 2

/* A mode. Its record is in modes.c of its vendor's machine; no other code names the mode. */
struct pn_mode_info {
	const char *name;
	const char *doc; /* one line, for `list modes` */
	enum pn_vendor vendor;
	enum pn_workload work;
	uint32_t traits;   /* of enum pn_trait */
	uint32_t inhibits; /* causes that its hypervisor knows, bits 1 << enum pn_inhibit; 0:
			      nothing is virtualized */
	struct pn_mode_key key[PN_MODE_KEYS + 1];
	const char *variants;	 /* the keys for people; NULL: none */
	const char *still_exits; /* IPIs that it does not send without an exit */
	const struct pn_platform *platform;
	/*
	 * Checks beyond the workload: 0 if the mode can run @sc, or -EINVAL with @d; NULL: it
	 * always can.
	 */
	int (*fits)(const struct pn_scenario *sc, const struct pn_mode_info *info,
		    struct pn_diag *d);
};

#define PN_MODE_MAX 32 /* sets of modes are bits of 32 */

/* All modes in the order in which they are shown, NULL at the end. Defined in src/lab/machine. */
extern const struct pn_mode_info *const pn_modes[];

/* A mode with its variants, as written on the command line: "galog:gate=always:recover=wake". */
struct pn_mode {
	const struct pn_mode_info *info;
	bool gate_always;  /* galog:gate=always; default blocking */
	bool recover_wake; /* galog:recover=wake; default none, as Linux */
	bool masked_none;  /* gappi:masked=none; default park */
	uint32_t loops;	   /* posted-msi:loops=N, 1 .. 64: harvests at most; 0 in other modes */
};

static inline bool pn_mode_has(const struct pn_mode *m, enum pn_trait t)
{
	return m->info->traits & t;
}

/* The i-th; NULL beyond the end. */
const struct pn_mode_info *pn_mode_at(unsigned i);
/* NULL: there is none of that name. */
const struct pn_mode_info *pn_mode_find(const char *name);
/* Its place among all modes. */
unsigned pn_mode_index(const struct pn_mode_info *info);

/* True if the mode can run scenarios of workload @w, unless its own checks say no. */
bool pn_mode_runs(const struct pn_mode_info *info, enum pn_workload w);

/* The mode with its default variant. */
struct pn_mode pn_mode_plain(const struct pn_mode_info *info);
/* Parses one mode. -EINVAL names the nearest mode, variant key or value in @d, or the mode that
 * has the variant. */
int pn_mode_parse(const char *text, struct pn_mode *out, struct pn_diag *d);
/* "passthrough", "bare metal", "guest IPIs", "passthrough and guest IPIs"; NULL beyond the end. */
const char *pn_workload_name(enum pn_workload w);
/* "emulated, avic, galog, gappi or vtd-pi": the modes that fit a workload; PN_WORK_NR: all modes.
 * Returns @buf. */
const char *pn_workload_modes(enum pn_workload w, char *buf, unsigned size);

#define PN_MODE_VALUE 16 /* room for a variant's value */

/* The @i-th variant's key and value ("gate", "blocking"), the value in @buf of PN_MODE_VALUE bytes;
 * false: the mode has no more of them. */
bool pn_mode_variant(const struct pn_mode *m, unsigned i, const char **key, char *buf);
/* "galog:gate=always"; default values are left out. Returns @buf. */
const char *pn_mode_text(const struct pn_mode *m, char *buf, unsigned size);

#endif
