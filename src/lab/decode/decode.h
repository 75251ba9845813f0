/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_DECODE_H
#define PN_LAB_DECODE_H

#include <stdint.h>

#include "diag.h"

#define PN_DECODE_MAX_FIELDS 64
#define PN_DECODE_MAX_ERRORS 16
#define PN_DECODE_MAX_WORDS  64

enum pn_decode_order {
	PN_DECODE_ORDER_FIND, /* the one that makes a valid object; refused if both do */
	PN_DECODE_LOW_FIRST,
	PN_DECODE_HIGH_FIRST,
};

struct pn_decode_options {
	enum pn_decode_order order;
	unsigned vcpu_bits; /* of a GA tag that Linux made; 0: not known */
	unsigned kernel;    /* PN_DECODE_KERNEL(6, 17); 0: not known */
};

#define PN_DECODE_KERNEL(major, minor) ((major) << 16 | (minor))

struct pn_decoded {
	const char *kind;
	unsigned words, fields, errors;
	char word[PN_DECODE_MAX_WORDS][24]; /* as given, normalised to 0x... */
	struct {
		char name[32];
		char bits[16]; /* "63:32" or "5"; counted over the whole object */
		uint64_t value;
		char meaning[224];
	} field[PN_DECODE_MAX_FIELDS];
	char error[PN_DECODE_MAX_ERRORS][128];
	char note[128];	   /* the order of the words, if it was not as expected */
	char reading[640]; /* what follows from the whole object; may be empty */
};

/* The i-th kind ("irte"), its description and the words that it takes; NULL beyond the end. */
const char *pn_decode_kind(unsigned i, const char **description, const char **usage);

/* Decodes @n hexadecimal words (with or without 0x, 4/8/16/32 digits as they come out of a dump).
 * -EINVAL with @d: unknown kind (nearest named), wrong number or size of words, not hexadecimal, an
 * order of words that cannot be known. */
int pn_decode_as(const char *kind, const char *const *words, unsigned n,
		 const struct pn_decode_options *opt, struct pn_decoded *out, struct pn_diag *d);
int pn_decode(const char *kind, const char *const *words, unsigned n, struct pn_decoded *out,
	      struct pn_diag *d);

/* "6.17", "6.17.3-arch1", "v6.17-rc2": sets opt->kernel, and opt->vcpu_bits if it is 0. -EINVAL:
 * no version. */
int pn_decode_kernel(const char *version, struct pn_decode_options *opt);

#endif
