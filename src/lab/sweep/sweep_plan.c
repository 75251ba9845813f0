/* SPDX-License-Identifier: MIT */
/* Numbers the runs of a sweep, and makes one. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "hash.h"
#include "run.h"
#include "stats.h"
#include "sweep.h"

const char *pn_builtin_sweep(unsigned i, const char **description)
{
	for (const struct pn_builtin *b = pn_builtin_sweeps; b->name; b++, i--) {
		if (i)
			continue;
		if (description)
			*description = b->description;
		return b->name;
	}
	return NULL;
}

/* The last axis changes fastest. */
void pn_sweep_point(const struct pn_sweep *s, uint64_t point, unsigned value[PN_SWEEP_AXES])
{
	for (unsigned i = s->axes; i-- > 0;) {
		value[i] = (unsigned)(point % s->axis[i].values.n);
		point /= s->axis[i].values.n;
	}
}

uint64_t pn_sweep_point_of(const struct pn_sweep *s, const unsigned value[PN_SWEEP_AXES])
{
	uint64_t point = 0;

	for (unsigned i = 0; i < s->axes; i++)
		point = point * s->axis[i].values.n + value[i];
	return point;
}

void pn_sweep_at(const struct pn_sweep *s, uint64_t id, struct pn_sweep_run *out)
{
	out->id = id;
	out->mode = (unsigned)(id % s->modes);
	id /= s->modes;
	out->point = id % s->points;
	id /= s->points;
	out->seed = id % s->seeds;
	out->draw = (unsigned)(id / s->seeds);
	pn_sweep_point(s, out->point, out->value);
}

uint64_t pn_sweep_id(const struct pn_sweep *s, uint64_t point, unsigned mode, uint64_t seed,
		     unsigned draw)
{
	return ((draw * s->seeds + seed) * s->points + point) * s->modes + mode;
}

uint64_t pn_sweep_seed(const struct pn_sweep *s, uint64_t index)
{
	unsigned i = 0;

	while (index >= s->seed[i].n)
		index -= s->seed[i++].n;
	return s->seed[i].first + index;
}

const char *pn_sweep_point_text(const struct pn_sweep *s, uint64_t point, char *buf, size_t size)
{
	unsigned value[PN_SWEEP_AXES];
	size_t used = 0;

	buf[0] = 0;
	pn_sweep_point(s, point, value);
	for (unsigned i = 0; i < s->axes && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s=%s", i ? ", " : "",
					 s->axis[i].key, s->axis[i].values.text[value[i]]);
	return buf;
}

bool pn_axis_key(const char **at, const char **key, size_t *len)
{
	const char *s = *at;
	size_t all;

	if (!s)
		return false;
	*key = s += strspn(s, " \t");
	all = *len = strcspn(s, "+");
	while (*len && (s[*len - 1] == ' ' || s[*len - 1] == '\t'))
		--*len;
	*at = s[all] ? s + all + 1 : NULL;
	return true;
}

unsigned pn_axis_set(const struct pn_axis *a, unsigned value, struct pn_axis_sets *room,
		     const char **set, unsigned n)
{
	const char *at = a->key, *key;
	size_t len;

	for (unsigned i = 0; i < PN_SWEEP_KEYS && pn_axis_key(&at, &key, &len); i++) {
		snprintf(room->text[i], sizeof(room->text[i]), "%.*s=%s", (int)len, key,
			 a->values.text[value]);
		set[n++] = room->text[i];
	}
	return n;
}

int pn_sweep_scenario(const struct pn_sweep *s, uint64_t point, unsigned draw,
		      struct pn_scenario **out, struct pn_diag *d)
{
	const char *set[PN_SWEEP_SETS + PN_SWEEP_AXES * PN_SWEEP_KEYS + 1] = {NULL};
	struct pn_axis_sets room[PN_SWEEP_AXES];
	unsigned value[PN_SWEEP_AXES], n = 0;
	struct pn_costs table;
	int err;

	pn_sweep_point(s, point, value);
	for (unsigned i = 0; i < s->sets; i++)
		set[n++] = s->set[i];
	for (unsigned i = 0; i < s->axes; i++)
		n = pn_axis_set(&s->axis[i], value[i], &room[i], set, n);
	err = pn_scenario_load(s->scenario, s->costs[0] ? s->costs : NULL, set, out, d);
	if (err || !draw)
		return err;
	table = (*out)->costs;
	pn_costs_draw(&table, draw, &(*out)->costs);
	return 0;
}

/* ---- a run ---- */

struct batches {
	bool (*stop)(void);
	unsigned n, all;
	double *x; /* all of each figure */
};

static bool on_progress(void *ctx, uint64_t done_ns, uint64_t all_ns)
{
	const struct batches *b = ctx;

	(void)done_ns;
	(void)all_ns;
	return !b->stop || !b->stop();
}

static void on_batch(void *ctx, const struct pn_result *r)
{
	struct batches *b = ctx;
	double figure[PN_FIGURES];

	if (b->n == b->all)
		return;
	pn_figures_of(r, figure);
	for (unsigned i = 0; i < PN_FIGURES; i++)
		b->x[i * b->all + b->n] = figure[i];
	b->n++;
}

/* A batch without a sample has no figure, and then the others say nothing about the run's. */
static void spread(const struct batches *b, struct pn_sweep_record *out)
{
	out->batches = b->n;
	for (unsigned i = 0; i < PN_FIGURES; i++) {
		const double *x = &b->x[i * b->all];
		struct pn_sample s = {0};

		for (unsigned k = 0; k < b->n; k++)
			pn_sample_add(&s, x[k]);
		out->sd[i] = b->n < 2 || isnan(s.mean) ? NAN : pn_sample_sd(&s);
		out->lag1[i] = isnan(out->sd[i]) ? NAN : pn_lag1(x, b->n);
	}
}

static int run(const struct pn_sweep *s, const struct pn_sweep_run *at, struct batches *b,
	       struct pn_result *r, struct pn_diag *d)
{
	struct pn_run_options opt = {
		.seed = pn_sweep_seed(s, at->seed),
		.progress = on_progress,
		.progress_ctx = b,
		.batches = s->batches,
		.batch = on_batch,
		.batch_ctx = b,
	};
	struct pn_scenario *sc;
	int err = pn_sweep_scenario(s, at->point, at->draw, &sc, d);

	if (err)
		return err;
	err = pn_scenario_fits(sc, &s->mode[at->mode], d);
	if (!err)
		err = pn_run(sc, &s->mode[at->mode], &opt, r, d);
	free(sc);
	return !err && r->partial ? -EINTR : err;
}

int pn_sweep_do(const struct pn_sweep *s, uint64_t id, bool (*stop)(void),
		struct pn_sweep_record *out, struct pn_diag *d)
{
	struct pn_result *r = calloc(1, sizeof(*r));
	struct batches b = {stop, 0, s->batches, NULL};
	struct pn_sweep_run at;
	int err = -ENOMEM;

	memset(out, 0, sizeof(*out));
	b.x = calloc((size_t)PN_FIGURES * (s->batches + 1), sizeof(*b.x));
	if (r && b.x) {
		pn_sweep_at(s, id, &at);
		err = run(s, &at, &b, r, d);
	}
	if (!err) {
		out->id = id;
		out->violated = pn_result_violated(r);
		pn_figures_of(r, out->figure);
		if (s->batches)
			spread(&b, out);
	}
	free(b.x);
	free(r);
	return err;
}

/* ---- identity ---- */

static void seeds_text(const struct pn_sweep *s, FILE *f)
{
	for (unsigned i = 0; i < s->spans; i++)
		fprintf(f, "%s%llu..%llu", i ? "," : "", (unsigned long long)s->seed[i].first,
			(unsigned long long)(s->seed[i].first + s->seed[i].n - 1));
}

static void axes_text(const struct pn_sweep *s, FILE *f)
{
	for (unsigned i = 0; i < s->axes; i++) {
		fprintf(f, "%s%s=", i ? " " : "", s->axis[i].key);
		for (unsigned k = 0; k < s->axis[i].values.n; k++)
			fprintf(f, "%s%s", k ? "," : "", s->axis[i].values.text[k]);
	}
}

static void modes_text(const struct pn_sweep *s, FILE *f)
{
	char text[64];

	for (unsigned i = 0; i < s->modes; i++)
		fprintf(f, "%s%s", i ? "," : "", pn_mode_text(&s->mode[i], text, sizeof(text)));
}

static void set_text(const struct pn_sweep *s, FILE *f)
{
	for (unsigned i = 0; i < s->sets; i++)
		fprintf(f, "%s%s", i ? " " : "", s->set[i]);
}

bool pn_sweep_identity(const struct pn_sweep *s, unsigned i, const char **name, char **value)
{
	static const char *const names[] = {"program", "scenario", "costs", "set",    "axes",
					    "modes",   "seeds",	   "draws", "batches"};
	size_t size;
	FILE *f;

	*value = NULL;
	if (i >= sizeof(names) / sizeof(names[0]))
		return false;
	*name = names[i];
	f = open_memstream(value, &size);
	if (!f)
		return false;
	if (i == 0)
		fputs("postern " PN_VERSION, f);
	else if (i == 1)
		fputs(s->scenario_text, f);
	else if (i == 2)
		fputs(s->costs_text, f);
	else if (i == 3)
		set_text(s, f);
	else if (i == 4)
		axes_text(s, f);
	else if (i == 5)
		modes_text(s, f);
	else if (i == 6)
		seeds_text(s, f);
	else
		fprintf(f, "%u", i == 7 ? s->draws : s->batches);
	fclose(f);
	return true;
}

uint64_t pn_sweep_hash(const struct pn_sweep *s)
{
	uint64_t h = PN_HASH_BEGIN;
	const char *name;
	char *value;

	for (unsigned i = 0; pn_sweep_identity(s, i, &name, &value); i++) {
		h = pn_hash_byte(pn_hash_text(h, value), 0xff);
		free(value);
	}
	return h;
}
