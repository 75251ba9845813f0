/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_XREPORT_H
#define PN_LAB_XREPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "px.h"

/*
 * What the explorer found, for people and for programs. Pure functions of the result: nothing here
 * explores.
 */

/* One variant of a case, explored. */
struct pn_xrun {
	const char *name;
	const char *variant;	      /* "broken", "fixed" */
	const char *memory;	      /* "x86-tso", "sc" */
	const char *overflow_restart; /* "needs_toggle", "w1c"; NULL counts as the first */
	/* The property that the run must violate, or several words: one of them; NULL: none. */
	const char *property;
	unsigned bound; /* preemptions; UINT32_MAX: none */
	struct px_result res;
	char why[160]; /* not finished: the reason */
};

/* "held", "violation", "not finished". */
const char *pn_xreport_verdict(enum px_verdict v);
/* Found what is expected; a violation is one of an expected property. */
bool pn_xreport_as_expected(const struct pn_xrun *r);

/* The table, one row for each run, with lines below it for results that need an explanation. */
void pn_xreport_table(FILE *f, const struct pn_xrun *run, unsigned n);

/*
 * The counter-example: a line a step, agents side by side, and the violated property at the end.
 * Steps that no other agent can notice are folded unless @all_steps. Prints nothing without one.
 */
void pn_xreport_trace(FILE *f, const struct pn_xrun *r, bool all_steps);

/* postern.explore/1. New reference. */
json_t *pn_xreport_json(const struct pn_xrun *run, unsigned n);
/* Chrome trace format: a process for each run that has a counter-example, a row for each agent, a
 * slice of 1 us for each step. New reference. */
json_t *pn_xreport_chrome(const struct pn_xrun *run, unsigned n);
/* The same in Perfetto's format. Not 0: no memory. */
int pn_xreport_perfetto(const struct pn_xrun *run, unsigned n, FILE *f);

#endif
