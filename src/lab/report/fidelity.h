/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_FIDELITY_H
#define PN_LAB_FIDELITY_H

#include <stdbool.h>
#include <stdio.h>

#include "result.h"
#include "scenario.h"

/*
 * Published figures against what the models give. A row names the values of the cost table or its
 * scenario that were chosen to fit it: such a row shows that the model can be calibrated; a row
 * without them is a prediction.
 */

/* One simulation that rows are taken from. */
struct pn_fidelity_run {
	const char *scenario;	/* built-in */
	const char *mode;	/* as on the command line */
	const char *const *set; /* as --set, NULL-terminated; NULL: none */
};

#define PN_FIDELITY_RUNS 20

struct pn_fidelity_row {
	const char *what, *unit;
	const char *source; /* of the published figure */
	double published;
	/* From the results of all runs, in the order of pn_fidelity_run(). */
	double (*modelled)(const struct pn_result *r, const struct pn_costs *costs);
	const char *calibrated; /* what was chosen to fit; NULL: nothing */
};

/* The i-th; NULL beyond the end. */
const struct pn_fidelity_run *pn_fidelity_run(unsigned i);
const struct pn_fidelity_row *pn_fidelity_row(unsigned i);

/* @r: the results of all runs. Both write to @f and return 0 or -EIO. */
int pn_fidelity_table(const struct pn_result *r, const struct pn_costs *costs, FILE *f);
int pn_fidelity_json(const struct pn_result *r, const struct pn_costs *costs, uint64_t seed,
		     FILE *f);

#endif
