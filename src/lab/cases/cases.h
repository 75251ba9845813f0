/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_H
#define PN_LAB_CASES_H

#include <stdbool.h>

#include "px.h"

struct pn_case_file;

/*
 * The named cases of `postern explore`: host and hardware code in a small machine, once with a real
 * mistake and once without. Compiled against the explorer's seam; one exploration at a time in a
 * process.
 */
struct pn_case {
	const char *name;
	const char *origin;   /* where it is known from; "inferred" if from spec text alone */
	const char *broken;   /* the mistake, one sentence */
	const char *fixed;    /* the right way, one sentence */
	const char *property; /* that the broken variant violates: "P1" */
	bool inferred;
	bool needs_tso; /* the broken variant holds under sequential consistency */
	/* The broken variant holds if a log runs on once its overflow bit is cleared (knob
	 * overflow_restart = w1c). */
	bool needs_toggle;
	/* Written as text; NULL: in C. */
	const struct pn_case_file *file;
	bool one_variant; /* there is no broken one */
};

/* The variant of a case that is explored. */
struct pn_case_variant {
	bool broken;
	bool overflow_w1c; /* knob overflow_restart of the IOMMUs: w1c, else needs_toggle */
};

/* The i-th case of a vendor (0 AMD, 1 Intel) that is written in C; NULL beyond the end. The list of
 * all is pn_case_get() of src/lab/case_text. */
const struct pn_case *pn_case_c(unsigned vendor, unsigned i);

/* Explores one variant of @c. As px_explore(). */
int pn_case_explore(const struct pn_case *c, const struct pn_case_variant *variant,
		    const struct px_options *opt, struct px_result *res);

#endif
