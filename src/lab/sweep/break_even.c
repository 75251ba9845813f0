/* SPDX-License-Identifier: MIT */
/* Where along an axis two modes change places, and how sure that is. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_cell.h"

/* The difference of two modes at one value of the axis. */
struct difference {
	double mean; /* NAN: a run is not there */
	int sign;    /* 0: not decided */
};

struct pair {
	struct pn_sweep_db *db;
	const struct pn_sweep *s;
	unsigned figure, a, b;
	unsigned value[PN_SWEEP_AXES];
	double half_a, half_b; /* of batches; NAN: none */
};

static double batch_half(const struct pair *p, const struct pn_sweep_record *r)
{
	return r->batches ? pn_half_width(r->sd[p->figure], r->batches, p->s->confidence) : NAN;
}

/* The seeds' differences: both modes have the same random numbers, so they are compared in pairs.
 */
static int sample(struct pair *p, unsigned draw, struct pn_sample *diff, struct pn_sample *size)
{
	uint64_t point = pn_sweep_point_of(p->s, p->value);

	memset(diff, 0, sizeof(*diff));
	memset(size, 0, sizeof(*size));
	for (uint64_t k = 0; k < p->s->seeds; k++) {
		struct pn_sweep_record a, b;
		int fa = pn_sweep_db_get(p->db, pn_sweep_id(p->s, point, p->a, k, draw), &a);
		int fb = pn_sweep_db_get(p->db, pn_sweep_id(p->s, point, p->b, k, draw), &b);

		if (fa < 0 || fb < 0)
			return -EIO;
		if (!fa || !fb || isnan(a.figure[p->figure]) || isnan(b.figure[p->figure]))
			continue;
		pn_sample_add(diff, a.figure[p->figure] - b.figure[p->figure]);
		pn_sample_add(size, fmax(fabs(a.figure[p->figure]), fabs(b.figure[p->figure])));
		p->half_a = batch_half(p, &a);
		p->half_b = batch_half(p, &b);
	}
	return 0;
}

static int compare(struct pair *p, unsigned draw, struct difference *out)
{
	struct pn_sample diff, size;
	int err = sample(p, draw, &diff, &size);
	double half;

	out->mean = NAN;
	out->sign = 0;
	if (err || !diff.n)
		return err;
	half = pn_sample_half(&diff, p->s->confidence);
	if (isnan(half))
		half = isnan(p->half_a) || isnan(p->half_b) ? 0 : hypot(p->half_a, p->half_b);
	if (pn_figures[p->figure].bucketed)
		half += 2 * PN_BUCKET_ERROR * size.mean;
	out->mean = diff.mean;
	out->sign = diff.mean > half ? 1 : diff.mean < -half ? -1 : 0;
	return 0;
}

/* Where the means cross between two values; the one before has the sign @sign. */
static double cross(const struct pn_values *v, const struct difference *d, unsigned from,
		    unsigned to, int sign)
{
	for (unsigned i = from; i < to; i++) {
		double x = d[i].mean / (d[i].mean - d[i + 1].mean);

		if (isnan(x) || d[i].mean * sign < 0 || d[i + 1].mean * sign > 0 ||
		    d[i].mean == d[i + 1].mean)
			continue;
		if (v->log)
			return v->at[i] * pow(v->at[i + 1] / v->at[i], x);
		return v->at[i] + x * (v->at[i + 1] - v->at[i]);
	}
	return NAN;
}

static int line(struct pair *p, unsigned draw, struct difference *d)
{
	unsigned n = p->s->axis[p->s->along].values.n;
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++) {
		p->value[p->s->along] = i;
		err = compare(p, draw, &d[i]);
	}
	return err;
}

/* Where the draws have the crossing: the whole axis counts, for it may be elsewhere. */
static int with_draws(struct pair *p, struct difference *d, struct pn_break_even *b)
{
	const struct pn_values *v = &p->s->axis[p->s->along].values;
	int sign = b->low == p->a ? -1 : 1;

	b->first = b->last = NAN;
	b->crossed = b->of = 0;
	for (unsigned k = 1; k <= p->s->draws; k++) {
		int err = line(p, k, d);
		double at;

		if (err)
			return err;
		at = cross(v, d, 0, v->n - 1, sign);
		b->of++;
		if (isnan(at))
			continue;
		b->crossed++;
		b->first = fmin(isnan(b->first) ? at : b->first, at);
		b->last = fmax(isnan(b->last) ? at : b->last, at);
	}
	return 0;
}

static int of_pair(struct pair *p, struct difference *d, struct pn_break_even *out, int n)
{
	const struct pn_values *v = &p->s->axis[p->s->along].values;
	int err = line(p, 0, d), sign = 0, first = n;
	unsigned since = 0;

	for (unsigned i = 0; i < v->n && !err; i++) {
		if (d[i].sign && sign && d[i].sign != sign && n < PN_BREAK_EVENS)
			out[n++] = (struct pn_break_even){sign < 0 ? p->a : p->b,
							  sign < 0 ? p->b : p->a,
							  since,
							  i,
							  cross(v, d, since, i, sign),
							  0,
							  0,
							  NAN,
							  NAN};
		if (d[i].sign) {
			sign = d[i].sign;
			since = i;
		}
	}
	for (int i = first; i < n && !err; i++)
		err = with_draws(p, d, &out[i]);
	return err ? err : n;
}

int pn_sweep_break_evens(struct pn_sweep_db *db, const struct pn_sweep *s, unsigned figure,
			 const unsigned fixed[PN_SWEEP_AXES], struct pn_break_even *out)
{
	struct difference *d;
	int n = 0;

	if (!s->axes || !s->axis[s->along].values.numeric)
		return 0;
	d = calloc(s->axis[s->along].values.n, sizeof(*d));
	if (!d)
		return -ENOMEM;
	for (unsigned a = 0; a < s->modes && n >= 0; a++)
		for (unsigned b = a + 1; b < s->modes && n >= 0; b++) {
			struct pair p = {db, s, figure, a, b, {0}, NAN, NAN};

			memcpy(p.value, fixed, sizeof(p.value));
			n = of_pair(&p, d, out, n);
		}
	free(d);
	return n;
}

const char *pn_break_even_text(const struct pn_sweep *s, const struct pn_break_even *b, char *buf,
			       size_t size)
{
	const struct pn_values *v = &s->axis[s->along].values;
	char low[64], high[64], at[PN_FIGURE_TEXT], last[PN_FIGURE_TEXT], draws[160] = "",
									  where[80] = "";

	if (!isnan(b->at)) /* the means may not cross where the order is decided otherwise */
		snprintf(where, sizeof(where), "near %s, ", pn_value_text(v->unit, b->at, at));
	if (b->of && b->crossed)
		snprintf(draws, sizeof(draws), "; in %u of %u draws, from %s to %s", b->crossed,
			 b->of, pn_value_text(v->unit, b->first, at),
			 pn_value_text(v->unit, b->last, last));
	else if (b->of)
		snprintf(draws, sizeof(draws), "; in 0 of %u draws", b->of);
	snprintf(buf, size,
		 "%s is below %s up to %s, above from %s on (break-even %sbetween the two%s)",
		 pn_mode_text(&s->mode[b->low], low, sizeof(low)),
		 pn_mode_text(&s->mode[b->high], high, sizeof(high)), v->text[b->before],
		 v->text[b->after], where, draws);
	return buf;
}
