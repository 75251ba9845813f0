/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_RUNNER_H
#define PN_CLI_RUNNER_H

#include "options.h"
#include "run.h"

/* Scenarios by workload, each mode runs its own; NULL: no mode needs it. The first one gives the
 * comparison its name, machine and costs. */
struct pn_cli_work {
	const struct pn_scenario *of[PN_WORK_NR];
};

const struct pn_scenario *pn_cli_first(const struct pn_cli_work *w);

/* One simulation. */
struct pn_cli_item {
	const struct pn_scenario *sc;
	const struct pn_mode *mode;
};

/*
 * Runs @n of them on several threads unless there is a @trace; results in their order, out->n of
 * them; the caller frees out->result. False: a message was printed. Runs that a Ctrl-C kept from
 * starting are left out.
 */
bool pn_cli_run_items(const struct pn_cli_options *o, const struct pn_cli_item *item, unsigned n,
		      struct pn_recording *rec, FILE *trace, struct pn_comparison *out);

/* Names the comparison after the scenarios of @w. */
void pn_cli_begin(const struct pn_cli_options *o, const struct pn_cli_work *w,
		  struct pn_comparison *out);

/* Runs every mode of @o, on several threads unless there is a @trace; results in the order of the
 * modes. False: a message was printed. Modes that a Ctrl-C kept from starting are left out. */
bool pn_cli_run_modes(const struct pn_cli_options *o, const struct pn_cli_work *w,
		      struct pn_recording *rec, FILE *trace, struct pn_comparison *out);

/*
 * The same, and o->draws times more with drawn costs: out->draw. A draw that a Ctrl-C kept from
 * being complete is left out. The caller frees *out with pn_cli_free().
 */
bool pn_cli_run_draws(const struct pn_cli_options *o, const struct pn_cli_work *w,
		      struct pn_comparison *out);
void pn_cli_free(struct pn_comparison *c);

/*
 * The main job of compare, run and replay: opens the output files, runs, writes, prints; @detail
 * prints the long report. Returns the exit status.
 */
int pn_cli_compare_work(const struct pn_cli_options *o, const struct pn_cli_work *w,
			struct pn_recording *rec, bool detail);

/* compare --fidelity. Returns the exit status. */
int pn_cli_fidelity(const struct pn_cli_options *o);

/* Loads the scenario @name with costs, --set and --duration of @o, or NULL after a message;
 * *status is then the exit status. */
struct pn_scenario *pn_cli_load(struct pn_cli_options *o, const char *name, int *status);

#endif
