/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_COSTS_H
#define PN_LAB_COSTS_H

#include <stdint.h>
#include <stdio.h>

#include "diag.h"
#include "steps.h"

/* Where a cost comes from. */
enum pn_cost_source { PN_COST_MEASURED, PN_COST_DERIVED, PN_COST_ASSUMPTION };

/*
 * A cost table: nanoseconds for every step (scenarios/costs/NAME.ini). One section per step key:
 *   [irr_set]
 *   value = 40ns
 *   source = measured | derived | assumption
 *   note = citation or reasoning; required for measured and derived
 * Every step must be there; "[table]" holds name, cpu_ghz and a description.
 */
struct pn_costs {
	char name[64];
	char description[256];
	double cpu_ghz;
	uint32_t ns[PN_ALL_STEPS_NR];
	uint8_t source[PN_ALL_STEPS_NR]; /* enum pn_cost_source */
	char note[PN_ALL_STEPS_NR][160];
};

/* Reads a table from a file, or, if @name has no slash and no such file exists, the built-in one of
 * that name ("default"). -ENOENT, -EINVAL with @d. */
int pn_costs_load(const char *name, struct pn_costs *out, struct pn_diag *d);
struct pn_ini_text;
/* The same of a text that was read: ini_text.h. */
int pn_costs_parse(const struct pn_ini_text *t, struct pn_costs *out, struct pn_diag *d);
/* Changes one value ("irr_set", "40ns"); its source becomes assumption. */
int pn_costs_set(struct pn_costs *c, const char *key, const char *value, const char *file,
		 unsigned long line, struct pn_diag *d);
/* The file from which pn_costs_load() reads the same. 0, -EIO. */
int pn_costs_write(const struct pn_costs *c, FILE *f);
const char *pn_cost_source_name(enum pn_cost_source s);
/*
 * Draw number @draw of the table @base into @out (another object): every value that is marked
 * assumption and is not 0 becomes one between its half and its double, the logarithm uniform, each
 * by itself. The same number gives the same table on every machine. Returns how many values were
 * drawn. Never fails; thread-safe.
 */
unsigned pn_costs_draw(const struct pn_costs *base, unsigned draw, struct pn_costs *out);

#endif
