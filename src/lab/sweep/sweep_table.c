/* SPDX-License-Identifier: MIT */
/* The results of a sweep as text: a table for each figure. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_report.h"

#define COLUMNS	   100
#define RANGE_TEXT (2 * PN_FIGURE_TEXT + 4)

const char *pn_sweep_headline(const struct pn_sweep *s, const struct pn_sweep_state *st, char *buf,
			      size_t size)
{
	char draws[64] = "", of[32] = "";

	if (s->draws)
		snprintf(draws, sizeof(draws), " and %u draw%s of the assumed ones", s->draws,
			 s->draws == 1 ? "" : "s");
	if (st->done < s->runs)
		snprintf(of, sizeof(of), " of %llu", (unsigned long long)s->runs);
	snprintf(buf, size, "%s: %s, %llu%s run%s, costs \"%s\"%s: modelled, not measured%s",
		 s->name, s->base->name, (unsigned long long)st->done, of, s->runs == 1 ? "" : "s",
		 s->base->costs.name, draws, st->partial ? " (partial)" : "");
	return buf;
}

struct table {
	struct pn_sweep_db *db;
	const struct pn_sweep *s;
	FILE *f;
	unsigned figure;
	bool draws; /* the range over draws instead of the mean */
	unsigned fixed[PN_SWEEP_AXES];
	unsigned first, width[PN_SWEEP_MODES]; /* of columns */
};

static const char *range_text(const struct table *t, const struct pn_cell *c, char *buf)
{
	const struct pn_sample *x = &c->draws[t->figure];
	char low[PN_FIGURE_TEXT], high[PN_FIGURE_TEXT];

	if (!x->n)
		return strcpy(buf, "-");
	pn_figure_text(pn_figures[t->figure].unit, x->min, low);
	pn_figure_text(pn_figures[t->figure].unit, x->max, high);
	snprintf(buf, RANGE_TEXT, "%s to %s", low, high);
	return buf;
}

static int cell(const struct table *t, unsigned value, unsigned mode, char *buf)
{
	unsigned at[PN_SWEEP_AXES];
	struct pn_cell c;
	int err;

	memcpy(at, t->fixed, sizeof(at));
	if (t->s->axes)
		at[t->s->along] = value;
	err = pn_sweep_cell(t->db, t->s, pn_sweep_point_of(t->s, at), mode, &c);
	if (err)
		return err;
	if (t->draws)
		range_text(t, &c, buf);
	else
		pn_cell_text(t->s, &c, t->figure, buf);
	return 0;
}

static unsigned rows(const struct table *t)
{
	return t->s->axes ? t->s->axis[t->s->along].values.n : 1;
}

static const char *row_name(const struct table *t, unsigned row)
{
	return t->s->axes ? t->s->axis[t->s->along].values.text[row] : "";
}

static int measure(struct table *t)
{
	char text[RANGE_TEXT];
	int err = 0;

	t->first = t->s->axes ? (unsigned)strlen(t->s->axis[t->s->along].key) : 0;
	for (unsigned r = 0; r < rows(t); r++)
		if (strlen(row_name(t, r)) > t->first)
			t->first = (unsigned)strlen(row_name(t, r));
	for (unsigned m = 0; m < t->s->modes; m++) {
		pn_mode_text(&t->s->mode[m], text, sizeof(text));
		t->width[m] = (unsigned)strlen(text);
		for (unsigned r = 0; r < rows(t) && !err; r++) {
			err = cell(t, r, m, text);
			if (strlen(text) > t->width[m])
				t->width[m] = (unsigned)strlen(text);
		}
	}
	return err;
}

/* The modes from @from on that fit into a line; at least one. */
static unsigned last_mode(const struct table *t, unsigned from)
{
	unsigned m = from, used = t->first;

	while (m < t->s->modes && (m == from || used + 2 + t->width[m] <= COLUMNS))
		used += 2 + t->width[m++];
	return m;
}

static int block(const struct table *t, unsigned from, unsigned to)
{
	char text[RANGE_TEXT];
	int err = 0;

	fprintf(t->f, "%-*s", (int)t->first, t->s->axes ? t->s->axis[t->s->along].key : "");
	for (unsigned m = from; m < to; m++)
		fprintf(t->f, "  %*s", (int)t->width[m],
			pn_mode_text(&t->s->mode[m], text, sizeof(text)));
	fputc('\n', t->f);
	for (unsigned r = 0; r < rows(t) && !err; r++) {
		fprintf(t->f, "%-*s", (int)t->first, row_name(t, r));
		for (unsigned m = from; m < to && !err; m++) {
			err = cell(t, r, m, text);
			fprintf(t->f, "  %*s", (int)t->width[m], err ? "" : text);
		}
		fputc('\n', t->f);
	}
	return err;
}

static int grid(struct table *t)
{
	int err = measure(t);

	for (unsigned from = 0; from < t->s->modes && !err; from = last_mode(t, from)) {
		if (from)
			fputc('\n', t->f);
		err = block(t, from, last_mode(t, from));
	}
	return err;
}

static int break_evens(const struct table *t)
{
	struct pn_break_even b[PN_BREAK_EVENS];
	char text[512];
	int n = pn_sweep_break_evens(t->db, t->s, t->figure, t->fixed, b);

	for (int i = 0; i < n; i++)
		fprintf(t->f, "%s.\n", pn_break_even_text(t->s, &b[i], text, sizeof(text)));
	return n < 0 ? n : 0;
}

static void title(const struct table *t)
{
	char fixed[400], interval[80];

	fputs(pn_figures[t->figure].title, t->f);
	if (t->draws)
		fprintf(t->f, ", least to most of %u draw%s", t->s->draws,
			t->s->draws == 1 ? "" : "s");
	else if (*pn_sweep_interval_text(t->s, interval, sizeof(interval)))
		fprintf(t->f, ", %s", interval);
	if (*pn_sweep_fixed_text(t->s, t->fixed, fixed, sizeof(fixed)))
		fprintf(t->f, ": %s", fixed);
	fputc('\n', t->f);
}

/* One figure at one combination of the other axes. */
static int figure(struct table *t)
{
	int err;

	fputc('\n', t->f);
	t->draws = false;
	title(t);
	err = grid(t);
	if (!err)
		err = break_evens(t);
	if (err || !t->s->draws)
		return err;
	fputc('\n', t->f);
	t->draws = true;
	title(t);
	return grid(t);
}

struct count {
	uint64_t *n;
	const struct pn_sweep *s;
};

static int count_violated(void *ctx, const struct pn_sweep_record *r)
{
	const struct count *c = ctx;
	struct pn_sweep_run at;

	pn_sweep_at(c->s, r->id, &at);
	c->n[at.mode] += r->violated;
	return 0;
}

int pn_sweep_alarms(struct pn_sweep_db *db, const struct pn_sweep *s,
		    uint64_t violated[PN_SWEEP_MODES])
{
	struct count c = {violated, s};

	memset(violated, 0, sizeof(*violated) * PN_SWEEP_MODES);
	return pn_sweep_db_each(db, count_violated, &c, NULL);
}

static int alarms(struct pn_sweep_db *db, const struct pn_sweep *s, FILE *f)
{
	uint64_t n[PN_SWEEP_MODES];
	int err = pn_sweep_alarms(db, s, n);
	char text[64];

	for (unsigned m = 0; m < s->modes && !err; m++)
		if (n[m])
			fprintf(f,
				"VIOLATED: %s lost an interrupt or missed a wakeup in %llu %s.\n",
				pn_mode_text(&s->mode[m], text, sizeof(text)),
				(unsigned long long)n[m], n[m] == 1 ? "run" : "runs");
	return err;
}

int pn_sweep_table(struct pn_sweep_db *db, const struct pn_sweep *s,
		   const struct pn_sweep_state *st, FILE *f)
{
	struct table t = {.db = db, .s = s, .f = f};
	char line[400];
	int err;

	fprintf(f, "%s\n", pn_sweep_headline(s, st, line, sizeof(line)));
	err = alarms(db, s, f);
	for (unsigned i = 0; i < s->figures && !err; i++) {
		t.figure = s->figure[i];
		do {
			err = figure(&t);
		} while (!err && pn_sweep_next_fixed(s, t.fixed));
	}
	for (unsigned i = 0; pn_modes[i]; i++)
		if (s->left_out >> i & 1)
			fprintf(f, "%sLeft out: %s does not fit every point.\n", i ? "" : "\n",
				pn_modes[i]->name);
	return !err && ferror(f) ? -EIO : err;
}
