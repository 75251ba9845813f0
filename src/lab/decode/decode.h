/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_DECODE_H
#define PN_LAB_DECODE_H

#include <stdint.h>

#include "diag.h"

#define PN_DECODE_MAX_FIELDS 64
#define PN_DECODE_MAX_ERRORS 16
#define PN_DECODE_MAX_WORDS  64

struct pn_decoded {
	const char *kind;
	unsigned words, fields, errors;
	char word[PN_DECODE_MAX_WORDS][24]; /* as given, normalised to 0x... */
	struct {
		char name[32];
		char bits[16]; /* "63:32" or "5"; counted over the whole object */
		uint64_t value;
		char meaning[96];
	} field[PN_DECODE_MAX_FIELDS];
	char error[PN_DECODE_MAX_ERRORS][128];
};

/* The i-th kind ("irte"), its description and the words that it takes; NULL beyond the end. */
const char *pn_decode_kind(unsigned i, const char **description, const char **usage);

/* Decodes @n hexadecimal words (with or without 0x, 4/8/16 digits as they come out of a dump).
 * -EINVAL with @d: unknown kind (nearest named), wrong number or size of words, not hexadecimal. */
int pn_decode(const char *kind, const char *const *words, unsigned n, struct pn_decoded *out,
	      struct pn_diag *d);

#endif
