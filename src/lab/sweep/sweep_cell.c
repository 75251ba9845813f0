/* SPDX-License-Identifier: MIT */
/* Means and intervals of the runs at a point. */
#include "sweep_cell.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int one_draw(struct pn_sweep_db *db, const struct pn_sweep *s, uint64_t point, unsigned mode,
		    unsigned draw, struct pn_sample sample[PN_FIGURES], struct pn_cell *c)
{
	struct pn_sweep_record r;

	memset(sample, 0, sizeof(*sample) * PN_FIGURES);
	for (uint64_t k = 0; k < s->seeds; k++) {
		int found = pn_sweep_db_get(db, pn_sweep_id(s, point, mode, k, draw), &r);

		if (found < 0)
			return found;
		for (unsigned i = 0; i < PN_FIGURES && found; i++)
			if (!isnan(r.figure[i]))
				pn_sample_add(&sample[i], r.figure[i]);
		if (found && s->batches && !draw) {
			c->batches = r.batches;
			memcpy(c->sd, r.sd, sizeof(c->sd));
			memcpy(c->lag1, r.lag1, sizeof(c->lag1));
		}
	}
	return 0;
}

int pn_sweep_cell(struct pn_sweep_db *db, const struct pn_sweep *s, uint64_t point, unsigned mode,
		  struct pn_cell *out)
{
	struct pn_sample sample[PN_FIGURES];
	int err;

	memset(out, 0, sizeof(*out));
	err = one_draw(db, s, point, mode, 0, out->seeds, out);
	for (unsigned d = 1; d <= s->draws && !err; d++) {
		err = one_draw(db, s, point, mode, d, sample, out);
		for (unsigned i = 0; i < PN_FIGURES && !err; i++)
			if (sample[i].n)
				pn_sample_add(&out->draws[i], sample[i].mean);
	}
	return err;
}

double pn_cell_half(const struct pn_sweep *s, const struct pn_cell *c, unsigned figure)
{
	const struct pn_sample *x = &c->seeds[figure];
	double half = c->batches ? pn_half_width(c->sd[figure], c->batches, s->confidence)
				 : pn_sample_half(x, s->confidence);

	return pn_figures[figure].bucketed ? half + PN_BUCKET_ERROR * x->mean : half;
}

const char *pn_cell_text(const struct pn_sweep *s, const struct pn_cell *c, unsigned figure,
			 char *buf)
{
	const struct pn_sample *x = &c->seeds[figure];

	return pn_figure_interval(pn_figures[figure].unit, x->n ? x->mean : NAN,
				  pn_cell_half(s, c, figure), buf);
}

const char *pn_sweep_interval_text(const struct pn_sweep *s, char *buf, size_t size)
{
	buf[0] = 0;
	if (s->seeds > 1)
		snprintf(buf, size, "mean of %llu seeds +- %.4g %% interval",
			 (unsigned long long)s->seeds, 100 * s->confidence);
	else if (s->batches)
		snprintf(buf, size, "+- %.4g %% interval of %u batches", 100 * s->confidence,
			 s->batches);
	return buf;
}

bool pn_sweep_next_fixed(const struct pn_sweep *s, unsigned fixed[PN_SWEEP_AXES])
{
	for (unsigned i = s->axes; i-- > 0;) {
		if (i == s->along)
			continue;
		if (++fixed[i] < s->axis[i].values.n)
			return true;
		fixed[i] = 0;
	}
	return false;
}

const char *pn_sweep_fixed_text(const struct pn_sweep *s, const unsigned fixed[PN_SWEEP_AXES],
				char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < s->axes && used < size; i++)
		if (i != s->along)
			used += (size_t)snprintf(buf + used, size - used, "%s%s=%s",
						 used ? ", " : "", s->axis[i].key,
						 s->axis[i].values.text[fixed[i]]);
	return buf;
}
