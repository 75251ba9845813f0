/* SPDX-License-Identifier: MIT */
/* Completes a sweep: default modes and figures, the number of runs; the scenario at every point. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "sweep_build.h"

/* So many points are tried before the first run; of a larger sweep each value by itself. */
#define CHECKED_POINTS 5000

static int keep_texts(struct pn_sweep *s, struct pn_diag *d)
{
	struct pn_ini_text t;
	size_t size;
	FILE *f;
	int err = pn_ini_read(s->scenario, pn_builtin_scenarios, "scenario", &t, d);

	if (err)
		return err;
	s->scenario_text = strndup(t.text, t.size);
	pn_ini_free(&t);
	f = open_memstream(&s->costs_text, &size);
	if (f) {
		err = pn_costs_write(&s->base->costs, f);
		fclose(f);
	}
	if (!f || err || !s->scenario_text)
		return pn_diag_set(d, -ENOMEM, s->path, 0, "out of memory");
	return 0;
}

/* An error that "--set" made is one of this file. */
static int at_line(const struct pn_sweep *s, unsigned long line, const char *where, int err,
		   struct pn_diag *d)
{
	char text[sizeof(d->text)];

	if (strcmp(d->file, "--set") && d->file[0])
		return err;
	memcpy(text, d->text, sizeof(text));
	return pn_diag_set(d, err, s->path, line, "%s%s%s", where, *where ? ": " : "", text);
}

/* The scenario with the first @sets of [set]. */
static int load_base(struct pn_sweep *s, unsigned sets, struct pn_diag *d)
{
	const char *set[PN_SWEEP_SETS + 1] = {NULL};

	for (unsigned i = 0; i < sets; i++)
		set[i] = s->set[i];
	free(s->base);
	s->base = NULL;
	return pn_scenario_load(s->scenario, s->costs[0] ? s->costs : NULL, set, &s->base, d);
}

static int check_base(struct pn_sweep *s, struct pn_diag *d)
{
	struct pn_diag first = {0};
	int err = load_base(s, s->sets, &first);

	if (!err)
		return 0;
	/* which of them it was */
	for (unsigned i = 0; i <= s->sets; i++) {
		struct pn_diag now = {0};

		if (!load_base(s, i, &now))
			continue;
		*d = now;
		if (err == -ENOENT && !i)
			return pn_diag_set(d, err, s->path,
					   strcmp(now.file, s->costs) ? s->scenario_line
								      : s->costs_line,
					   "%s: %s", now.file, now.text);
		return at_line(s, i ? s->set_line[i - 1] : s->scenario_line, "", err, d);
	}
	*d = first;
	return at_line(s, s->set_line[s->sets - 1], "", err, d);
}

/* ---- points ---- */

static int axis_error(const struct pn_sweep *s, const unsigned *value, int err, struct pn_diag *d)
{
	/* which axis: the first without which it can be read */
	for (unsigned n = 1; n <= s->axes; n++) {
		const char *set[PN_SWEEP_SETS + PN_SWEEP_AXES * PN_SWEEP_KEYS + 1] = {NULL};
		struct pn_axis_sets room[PN_SWEEP_AXES];
		struct pn_scenario *sc;
		struct pn_diag now = {0};
		unsigned k = 0;
		char where[192];

		for (unsigned i = 0; i < s->sets; i++)
			set[k++] = s->set[i];
		for (unsigned i = 0; i < n; i++)
			k = pn_axis_set(&s->axis[i], value[i], &room[i], set, k);
		if (!pn_scenario_load(s->scenario, s->costs[0] ? s->costs : NULL, set, &sc, &now)) {
			free(sc);
			continue;
		}
		*d = now;
		snprintf(where, sizeof(where), "%s=%s", s->axis[n - 1].key,
			 s->axis[n - 1].values.text[value[n - 1]]);
		return at_line(s, s->axis[n - 1].line, where, err, d);
	}
	return at_line(s, s->axis[0].line, "", err, d);
}

static int mode_error(const struct pn_sweep *s, uint64_t point, int err, struct pn_diag *d)
{
	char where[400], text[sizeof(d->text)];

	memcpy(text, d->text, sizeof(text));
	pn_sweep_point_text(s, point, where, sizeof(where));
	return pn_diag_set(d, err, s->path, s->modes_line ? s->modes_line : s->scenario_line,
			   "%s%s%s", where, *where ? ": " : "", text);
}

/* @left: modes that were not asked for; those that do not fit are taken out. */
static int check_modes(struct pn_sweep *s, const struct pn_scenario *sc, uint64_t point, bool asked,
		       struct pn_diag *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->modes; i++) {
		struct pn_diag now = {0};
		int err = pn_scenario_fits(sc, &s->mode[i], &now);

		if (err && asked) {
			*d = now;
			return mode_error(s, point, err, d);
		}
		if (err)
			s->left_out |= 1u << pn_mode_index(s->mode[i].info);
		else
			s->mode[n++] = s->mode[i];
	}
	if (!n)
		return pn_diag_set(d, -EINVAL, s->path,
				   s->axes ? s->axis[0].line : s->scenario_line,
				   "no mode fits every point");
	s->modes = n;
	return 0;
}

static int check_point(struct pn_sweep *s, const unsigned *value, bool asked, struct pn_diag *d)
{
	uint64_t point = pn_sweep_point_of(s, value);
	struct pn_scenario *sc;
	int err = pn_sweep_scenario(s, point, 0, &sc, d);

	if (err)
		return s->axes ? axis_error(s, value, err, d) : err;
	err = check_modes(s, sc, point, asked, d);
	free(sc);
	return err;
}

static int check_points(struct pn_sweep *s, bool asked, struct pn_diag *d)
{
	unsigned value[PN_SWEEP_AXES] = {0};
	int err = 0;

	if (s->points <= CHECKED_POINTS) {
		for (uint64_t p = 0; p < s->points && !err; p++) {
			pn_sweep_point(s, p, value);
			err = check_point(s, value, asked, d);
		}
		return err;
	}
	for (unsigned a = 0; a < s->axes && !err; a++) {
		unsigned n = s->axis[a].values.n,
			 step = n > CHECKED_POINTS ? n / CHECKED_POINTS : 1;

		for (value[a] = 0; value[a] < n && !err; value[a] += step)
			err = check_point(s, value, asked, d);
		value[a] = 0;
	}
	return err;
}

/* ---- the whole ---- */

static int find_along(struct pn_sweep_build *b, struct pn_diag *d)
{
	const char *names[PN_SWEEP_AXES], *near;
	struct pn_sweep *s = b->s;

	for (unsigned i = 0; i < s->axes; i++) {
		names[i] = s->axis[i].key;
		if (!strcmp(b->along, names[i])) {
			s->along = i;
			return 0;
		}
	}
	for (s->along = 0; s->along + 1 < s->axes && s->axis[s->along].values.n < 2;)
		s->along++;
	if (!b->along[0])
		return 0;
	near = pn_nearest(b->along, names, s->axes);
	return pn_diag_set(d, -EINVAL, s->path, b->along_line, "along: %s is no axis%s%s%s",
			   b->along, near ? " (did you mean \"" : "", near ? near : "",
			   near ? "\"?)" : "");
}

static int count(struct pn_sweep *s, struct pn_diag *d)
{
	uint64_t n = 1;
	bool over = false;

	for (unsigned i = 0; i < s->axes; i++)
		over |= __builtin_mul_overflow(n, s->axis[i].values.n, &n);
	s->points = n;
	over |= __builtin_mul_overflow(n, s->seeds, &n);
	over |= __builtin_mul_overflow(n, s->draws + 1ull, &n);
	over |= __builtin_mul_overflow(n, (uint64_t)s->modes, &n);
	s->runs = n;
	if (over || n > PN_SWEEP_MOST)
		return pn_diag_set(d, -EINVAL, s->path, 0, "more than %llu runs", PN_SWEEP_MOST);
	return 0;
}

static void default_modes(struct pn_sweep *s)
{
	for (unsigned i = 0; pn_modes[i] && s->modes < PN_SWEEP_MODES; i++)
		if (pn_mode_runs(pn_modes[i], s->base->work))
			s->mode[s->modes++] = pn_mode_plain(pn_modes[i]);
}

static void default_figures(struct pn_sweep *s)
{
	static const char *const names[] = {"rate", "p99", "cpu", "irqs"};

	for (unsigned i = 0; !s->figures && i < 4; i++)
		s->figure[i] = (unsigned)pn_figure_find(names[i]);
	s->figures = s->figures ? s->figures : 4;
}

int pn_sweep_check(struct pn_sweep_build *b, struct pn_diag *d)
{
	struct pn_sweep *s = b->s;
	bool asked = s->modes > 0;
	int err;

	if (!s->scenario[0])
		return pn_diag_set(d, -EINVAL, s->path, 0,
				   "no scenario (expected scenario = NAME in [sweep])");
	if (!s->seeds) {
		s->seed[s->spans++] = (struct pn_seed_span){1, 1};
		s->seeds = 1;
	}
	if (s->batches && s->seeds > 1)
		return pn_diag_set(
			d, -EINVAL, s->path, b->batches_line,
			"batches are for the interval of one long run: not with several seeds");
	default_figures(s);
	err = find_along(b, d);
	if (!err)
		err = check_base(s, d);
	if (!err && !asked)
		default_modes(s);
	if (!err)
		err = count(s, d);
	if (!err)
		err = check_points(s, asked, d);
	if (!err)
		err = count(s, d);
	return err ? err : keep_texts(s, d);
}
