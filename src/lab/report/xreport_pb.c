/* SPDX-License-Identifier: MIT */
/* Counter-examples of the explorer in Perfetto's format. */
#include <string.h>

#include "perfetto.h"
#include "xreport.h"

#define MAX_RUNS 1024 /* a track's number is made of the run's and of the agent's */
#define MAX_ROWS 64
#define STEP_NS	 1000

static uint32_t number(unsigned run, unsigned row)
{
	return row * MAX_RUNS + run % MAX_RUNS + 1;
}

struct rows {
	unsigned n;
	const char *agent[MAX_ROWS];
	struct pn_perfetto_track *track[MAX_ROWS];
};

/* By first appearance; agents beyond the last row share it. */
static struct pn_perfetto_track *row_of(struct pn_perfetto *p, struct rows *r, unsigned run,
					const char *agent)
{
	unsigned i = 0;

	while (i < r->n && strcmp(r->agent[i], agent))
		i++;
	if (i == MAX_ROWS)
		return r->track[MAX_ROWS - 1];
	if (i == r->n) {
		r->agent[i] = agent;
		r->track[i] = pn_perfetto_track(p, number(run, i + 1), number(run, 0), agent, i);
		r->n++;
	}
	return r->track[i];
}

static void add_step(struct pn_perfetto_track *t, const struct px_step *s, unsigned index)
{
	const struct pn_perfetto_arg arg[] = {
		{.name = "where", .text = s->where},
		{.name = "buffered", .text = s->buffered},
		{.name = "doing", .text = s->doing},
		{.name = "shared", .text = s->shared ? "yes" : "no"},
	};
	struct pn_perfetto_event e = {.kind = PN_PERFETTO_BEGIN,
				      .at = (uint64_t)index * STEP_NS,
				      .text = s->text,
				      .arg = arg,
				      .args = 4};

	pn_perfetto_event(t, &e);
	e = (struct pn_perfetto_event){.kind = PN_PERFETTO_END, .at = e.at + STEP_NS};
	pn_perfetto_event(t, &e);
}

static void add_run(struct pn_perfetto *p, const struct pn_xrun *r, unsigned run)
{
	struct rows rows = {.n = 0};
	char title[512];

	snprintf(title, sizeof(title), "%s, %s: %s: %s", r->name, r->variant, r->res.property,
		 r->res.text);
	pn_perfetto_process(p, number(run, 0), run + 1, title);
	for (unsigned i = 0; i < r->res.steps; i++)
		add_step(row_of(p, &rows, run, r->res.step[i].agent), &r->res.step[i], i);
}

int pn_xreport_perfetto(const struct pn_xrun *run, unsigned n, FILE *f)
{
	struct pn_perfetto *p = pn_perfetto_open(f);

	if (!p)
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (run[i].res.verdict == PX_VIOLATION)
			add_run(p, &run[i], i);
	return pn_perfetto_close(p);
}
