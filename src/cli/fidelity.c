/* SPDX-License-Identifier: MIT */
/*
 * `postern compare --fidelity`: every published figure, and the value that the models give for it.
 */
#include <stdlib.h>

#include "cli.h"
#include "fidelity.h"
#include "progress.h"
#include "runner.h"

struct job {
	struct pn_scenario *sc[PN_FIDELITY_RUNS];
	struct pn_mode mode[PN_FIDELITY_RUNS];
	struct pn_cli_item item[PN_FIDELITY_RUNS];
	unsigned n;
};
_Static_assert(PN_FIDELITY_RUNS <= CLI_MAX_MODES, "the runner takes them all at once");

static bool load(const struct pn_cli_options *o, struct job *j)
{
	const struct pn_fidelity_run *run;
	struct pn_diag d = {0};

	while ((run = pn_fidelity_run(j->n)) != NULL) {
		unsigned i = j->n;

		if (pn_mode_parse(run->mode, &j->mode[i], &d) ||
		    pn_scenario_load(run->scenario, o->costs, run->set, &j->sc[i], &d)) {
			pn_cli_diag(&d);
			return false;
		}
		j->item[i] = (struct pn_cli_item){j->sc[i], &j->mode[i]};
		j->n++;
	}
	return true;
}

static int report(const struct pn_cli_options *o, const struct job *j,
		  const struct pn_comparison *c)
{
	const struct pn_costs *costs = &j->sc[0]->costs;

	if (c->n < j->n || pn_cli_stopped()) {
		pn_cli_error("stopped before everything was simulated");
		return CLI_STOPPED;
	}
	if (o->json)
		pn_fidelity_json(c->result, costs, o->seed, stdout);
	else
		pn_fidelity_table(c->result, costs, stdout);
	for (unsigned i = 0; i < c->n; i++)
		if (pn_result_violated(&c->result[i]))
			return CLI_VIOLATED;
	return CLI_DONE;
}

int pn_cli_fidelity(const struct pn_cli_options *o)
{
	struct job *j = calloc(1, sizeof(*j));
	struct pn_comparison c = {0};
	int status = CLI_INPUT;

	if (!j) {
		pn_cli_error("out of memory");
		return CLI_INPUT;
	}
	pn_cli_catch_stop();
	if (load(o, j) && pn_cli_run_items(o, j->item, j->n, NULL, NULL, &c))
		status = report(o, j, &c);
	for (unsigned i = 0; i < PN_FIDELITY_RUNS; i++)
		free(j->sc[i]);
	free(c.result);
	free(j);
	return status;
}
