/* SPDX-License-Identifier: MIT */
/* `postern compare --sensitivity`: the same comparison with drawn costs, again and again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "runner.h"

/* A copy of each scenario for each draw. */
struct draws {
	const struct pn_cli_options *o;
	const struct pn_cli_work *w;
	struct pn_scenario *sc[PN_WORK_NR]; /* o->draws of them, or NULL */
	struct pn_cli_item *item;	    /* o->modes of the table as it is, then of each draw */
	unsigned drawn;
};

static bool draw_costs(struct draws *d)
{
	for (unsigned w = 0; w < PN_WORK_NR; w++) {
		const struct pn_scenario *base = d->w->of[w];

		if (!base)
			continue;
		d->sc[w] = calloc(d->o->draws, sizeof(*d->sc[w]));
		if (!d->sc[w])
			return false;
		for (unsigned k = 0; k < d->o->draws; k++) {
			d->sc[w][k] = *base;
			d->drawn = pn_costs_draw(&base->costs, k + 1, &d->sc[w][k].costs);
		}
	}
	return true;
}

static bool list_items(struct draws *d)
{
	const struct pn_cli_options *o = d->o;

	d->item = calloc((size_t)(o->draws + 1) * o->modes, sizeof(*d->item));
	if (!d->item)
		return false;
	for (unsigned k = 0; k <= o->draws; k++)
		for (unsigned i = 0; i < o->modes; i++) {
			enum pn_workload w = o->mode[i].info->work;

			d->item[k * o->modes + i] = (struct pn_cli_item){
				k ? &d->sc[w][k - 1] : d->w->of[w], &o->mode[i]};
		}
	return true;
}

/* True if no run was left out or cut short. */
static bool complete(const struct pn_comparison *all, unsigned from, const struct pn_mode *mode,
		     unsigned modes)
{
	if (all->n < from + modes)
		return false;
	for (unsigned i = 0; i < modes; i++)
		if (all->result[from + i].partial ||
		    memcmp(&all->result[from + i].mode, &mode[i], sizeof(mode[i])) != 0)
			return false;
	return true;
}

/* The first modes are the comparison, the others its draws. */
static bool split(const struct draws *d, struct pn_comparison *out)
{
	unsigned modes = d->o->modes;
	struct pn_comparison *draw = calloc(d->o->draws, sizeof(*draw));
	unsigned k = 0;

	if (!draw)
		return false;
	while (k < d->o->draws && complete(out, (k + 1) * modes, d->o->mode, modes)) {
		draw[k] = *out;
		draw[k].n = modes;
		draw[k].result = out->result + (size_t)(k + 1) * modes;
		k++;
	}
	if (out->n > modes)
		out->n = modes;
	out->draws = k;
	out->draw = draw;
	out->drawn = d->drawn;
	return true;
}

bool pn_cli_run_draws(const struct pn_cli_options *o, const struct pn_cli_work *w,
		      struct pn_comparison *out)
{
	struct draws d = {.o = o, .w = w};
	bool ok = draw_costs(&d) && list_items(&d);

	pn_cli_begin(o, w, out);
	if (!ok)
		pn_cli_error("%s", strerror(ENOMEM));
	ok = ok && pn_cli_run_items(o, d.item, (o->draws + 1) * o->modes, NULL, NULL, out);
	if (ok && !split(&d, out)) {
		pn_cli_error("%s", strerror(ENOMEM));
		ok = false;
	}
	for (unsigned i = 0; i < PN_WORK_NR; i++)
		free(d.sc[i]);
	free(d.item);
	return ok;
}

void pn_cli_free(struct pn_comparison *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->result[i].wakes);
	free(c->draw);
	free(c->result);
}
