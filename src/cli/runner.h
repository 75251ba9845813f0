/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_RUNNER_H
#define PN_CLI_RUNNER_H

#include "options.h"
#include "run.h"

/* Runs every mode of @o, on several threads unless there is a @trace; results in the order of the
 * modes. False: a message was printed. Modes that a Ctrl-C kept from starting are left out. */
bool pn_cli_run_modes(const struct pn_cli_options *o, const struct pn_scenario *sc,
		      struct pn_recording *rec, FILE *trace, struct pn_comparison *out);

/*
 * The main job of compare, run and replay: opens the output files, runs, writes, prints; @detail
 * prints the long report. Returns the exit status.
 */
int pn_cli_compare_scenario(const struct pn_cli_options *o, const struct pn_scenario *sc,
			    struct pn_recording *rec, bool detail);

/* Loads the scenario @name with costs, --set and --duration of @o, or NULL after a message;
 * *status is then the exit status. */
struct pn_scenario *pn_cli_load(struct pn_cli_options *o, const char *name, int *status);

#endif
