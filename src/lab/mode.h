/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MODE_H
#define PN_LAB_MODE_H

#include <stdbool.h>

#include "diag.h"

enum pn_mode_id { PN_MODE_EMULATED, PN_MODE_AVIC, PN_MODE_GALOG, PN_MODE_GAPPI, PN_MODE_NR };

/* A mode with its variants, as written on the command line: "galog:gate=always". */
struct pn_mode {
	enum pn_mode_id id;
	bool gate_always; /* galog:gate=always; default blocking */
	bool masked_none; /* gappi:masked=none; default park */
};

/* Parses one mode. -EINVAL names the nearest mode, variant key or value in @d. */
int pn_mode_parse(const char *text, struct pn_mode *out, struct pn_diag *d);
/* "galog" */
const char *pn_mode_name(enum pn_mode_id id);
/* One line about a mode, for `list modes`. */
const char *pn_mode_doc(enum pn_mode_id id);
/* The variant's key and value ("gate", "blocking"); false: the mode has none. */
bool pn_mode_variant(const struct pn_mode *m, const char **key, const char **value);
/* "galog:gate=always"; the default variant is left out. Returns @buf. */
const char *pn_mode_text(const struct pn_mode *m, char *buf, unsigned size);

#endif
