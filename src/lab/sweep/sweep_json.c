/* SPDX-License-Identifier: MIT */
/*
 * The results of a sweep as JSON and as CSV. The cells are written one by one: a sweep may be
 * larger than memory.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "report_json.h"
#include "sweep_report.h"

#define FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(12))

static json_t *real(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *mode_text(const struct pn_mode *m)
{
	char text[64];

	return json_string(pn_mode_text(m, text, sizeof(text)));
}

/* "key": value, on a line of its own */
static int member(FILE *f, const char *key, json_t *value, bool last)
{
	int err = fprintf(f, "\"%s\":", key) < 0 ||
		  json_dumpf(value, f, FLAGS | JSON_ENCODE_ANY) < 0 ||
		  fputs(last ? "\n" : ",\n", f) < 0;

	json_decref(value);
	return err ? -EIO : 0;
}

/* ---- what was swept ---- */

static json_t *axes(const struct pn_sweep *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->axes; i++) {
		const struct pn_values *v = &s->axis[i].values;
		json_t *values = json_array(), *at = json_array();

		for (unsigned k = 0; k < v->n; k++) {
			json_array_append_new(values, pn_json_text(v->text[k]));
			if (v->numeric)
				json_array_append_new(at, json_real(v->at[k]));
		}
		json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "key", s->axis[i].key,
						      "values", values, "numbers", at));
	}
	return list;
}

static json_t *seeds(const struct pn_sweep *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->spans; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:o}", "first", integer(s->seed[i].first),
						"count", integer(s->seed[i].n)));
	return list;
}

static json_t *modes(const struct pn_sweep *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->modes; i++)
		json_array_append_new(list, mode_text(&s->mode[i]));
	return list;
}

static json_t *left_out(const struct pn_sweep *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; pn_modes[i]; i++)
		if (s->left_out >> i & 1)
			json_array_append_new(list, json_string(pn_modes[i]->name));
	return list;
}

static int head(const struct pn_sweep *s, const struct pn_sweep_state *st, FILE *f)
{
	int err = fputs("{", f) < 0;

	err |= member(f, "schema", json_string("postern.sweep/1"), false);
	err |= member(f, "sweep", pn_json_text(s->name), false);
	err |= member(f, "scenario", pn_json_text(s->base->name), false);
	err |= member(f, "costs", pn_json_text(s->base->costs.name), false);
	err |= member(f, "program", json_string("postern " PN_VERSION), false);
	err |= member(f, "runs", integer(s->runs), false);
	err |= member(f, "done", integer(st->done), false);
	err |= member(f, "violated", integer(st->violated), false);
	err |= member(f, "failed", integer(st->failed), false);
	err |= member(f, "partial", json_boolean(st->partial), false);
	err |= member(f, "confidence", json_real(s->confidence), false);
	err |= member(f, "axes", axes(s), false);
	err |= member(f, "along", s->axes ? json_string(s->axis[s->along].key) : json_null(),
		      false);
	err |= member(f, "modes", modes(s), false);
	err |= member(f, "left_out", left_out(s), false);
	err |= member(f, "seeds", seeds(s), false);
	err |= member(f, "draws", integer(s->draws), false);
	err |= member(f, "batches", integer(s->batches), false);
	return err ? -EIO : 0;
}

/* ---- cells ---- */

static json_t *figure(const struct pn_sweep *s, const struct pn_cell *c, unsigned i)
{
	const struct pn_sample *x = &c->seeds[i], *d = &c->draws[i];
	json_t *o;

	if (!x->n)
		return json_null();
	o = json_pack("{s:o, s:o, s:o, s:o, s:o}", "n", integer(x->n), "mean", real(x->mean),
		      "half", real(pn_cell_half(s, c, i)), "min", real(x->min), "max",
		      real(x->max));
	if (c->batches)
		json_object_set_new(o, "lag1", real(c->lag1[i]));
	if (s->draws)
		json_object_set_new(o, "draws",
				    d->n ? json_pack("{s:o, s:o, s:o}", "n", integer(d->n), "min",
						     real(d->min), "max", real(d->max))
					 : json_null());
	return o;
}

static json_t *place(const struct pn_sweep *s, const unsigned *value, unsigned but)
{
	json_t *at = json_object();

	for (unsigned i = 0; i < s->axes; i++)
		if (i != but)
			json_object_set_new(at, s->axis[i].key,
					    pn_json_text(s->axis[i].values.text[value[i]]));
	return at;
}

static int cell(struct pn_sweep_db *db, const struct pn_sweep *s, uint64_t point, unsigned mode,
		bool last, FILE *f)
{
	unsigned value[PN_SWEEP_AXES];
	json_t *figures = json_object(), *o;
	struct pn_cell c;
	int err = pn_sweep_cell(db, s, point, mode, &c);

	pn_sweep_point(s, point, value);
	for (unsigned i = 0; i < PN_FIGURES && !err; i++)
		json_object_set_new(figures, pn_figures[i].name, figure(s, &c, i));
	o = json_pack("{s:o, s:o, s:o}", "at", place(s, value, PN_SWEEP_AXES), "mode",
		      mode_text(&s->mode[mode]), "figures", figures);
	if (!err && (json_dumpf(o, f, FLAGS) < 0 || fputs(last ? "\n" : ",\n", f) < 0))
		err = -EIO;
	json_decref(o);
	return err;
}

static int cells(struct pn_sweep_db *db, const struct pn_sweep *s, FILE *f)
{
	int err = fputs("\"cells\":[\n", f) < 0 ? -EIO : 0;

	for (uint64_t p = 0; p < s->points && !err; p++)
		for (unsigned m = 0; m < s->modes && !err; m++)
			err = cell(db, s, p, m, p + 1 == s->points && m + 1 == s->modes, f);
	return err || fputs("],\n", f) < 0 ? (err ? err : -EIO) : 0;
}

/* ---- where modes change places ---- */

static json_t *break_even(const struct pn_sweep *s, unsigned fig, const unsigned *fixed,
			  const struct pn_break_even *b)
{
	const struct pn_values *v = &s->axis[s->along].values;
	json_t *o =
		json_pack("{s:s, s:o, s:o, s:o, s:[o, o], s:o}", "figure", pn_figures[fig].name,
			  "at_others", place(s, fixed, s->along), "lower_before",
			  mode_text(&s->mode[b->low]), "higher_before",
			  mode_text(&s->mode[b->high]), "between", pn_json_text(v->text[b->before]),
			  pn_json_text(v->text[b->after]), "near", real(b->at));

	if (b->of)
		json_object_set_new(o, "draws",
				    json_pack("{s:i, s:i, s:o, s:o}", "n", (int)b->of, "crossed",
					      (int)b->crossed, "min", real(b->first), "max",
					      real(b->last)));
	return o;
}

static int break_evens(struct pn_sweep_db *db, const struct pn_sweep *s, FILE *f)
{
	json_t *list = json_array();
	int n = 0;

	for (unsigned i = 0; i < s->figures && n >= 0; i++) {
		unsigned fixed[PN_SWEEP_AXES] = {0};

		do {
			struct pn_break_even b[PN_BREAK_EVENS];

			n = pn_sweep_break_evens(db, s, s->figure[i], fixed, b);
			for (int k = 0; k < n; k++)
				json_array_append_new(list,
						      break_even(s, s->figure[i], fixed, &b[k]));
		} while (n >= 0 && pn_sweep_next_fixed(s, fixed));
	}
	if (n < 0) {
		json_decref(list);
		return n;
	}
	return member(f, "break_even", list, true);
}

int pn_sweep_json(struct pn_sweep_db *db, const struct pn_sweep *s, const struct pn_sweep_state *st,
		  FILE *f)
{
	int err = head(s, st, f);

	if (!err)
		err = cells(db, s, f);
	if (!err)
		err = break_evens(db, s, f);
	if (!err && fputs("}\n", f) < 0)
		err = -EIO;
	return !err && ferror(f) ? -EIO : err;
}

/* ---- CSV ---- */

struct csv {
	const struct pn_sweep *s;
	FILE *f;
};

/* RFC 4180 */
static void field(const char *text, FILE *f)
{
	bool quote = strpbrk(text, ",\"\n") != NULL;

	if (quote)
		fputc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	if (quote)
		fputc('"', f);
}

static int csv_line(void *ctx, const struct pn_sweep_record *r)
{
	const struct csv *c = ctx;
	struct pn_sweep_run at;
	char text[64];

	pn_sweep_at(c->s, r->id, &at);
	fprintf(c->f, "%llu", (unsigned long long)r->id);
	for (unsigned i = 0; i < c->s->axes; i++) {
		fputc(',', c->f);
		field(c->s->axis[i].values.text[at.value[i]], c->f);
	}
	fprintf(c->f, ",%s,%llu,%u,%u", pn_mode_text(&c->s->mode[at.mode], text, sizeof(text)),
		(unsigned long long)pn_sweep_seed(c->s, at.seed), at.draw, r->violated);
	for (unsigned i = 0; i < PN_FIGURES; i++) {
		if (isnan(r->figure[i]))
			fputc(',', c->f);
		else
			fprintf(c->f, ",%.12g", r->figure[i]);
	}
	return fputc('\n', c->f) == EOF ? -EIO : 0;
}

int pn_sweep_csv(struct pn_sweep_db *db, const struct pn_sweep *s, FILE *f)
{
	struct csv c = {s, f};

	fputs("id", f);
	for (unsigned i = 0; i < s->axes; i++) {
		fputc(',', f);
		field(s->axis[i].key, f);
	}
	fputs(",mode,seed,draw,violated", f);
	for (unsigned i = 0; i < PN_FIGURES; i++)
		fprintf(f, ",%s", pn_figures[i].name);
	fputc('\n', f);
	return pn_sweep_db_each(db, csv_line, &c, NULL);
}
