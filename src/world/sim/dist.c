/* SPDX-License-Identifier: MIT */
/* Random numbers and distributions of times. */
#include "dist.h"

#include <math.h>

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9E3779B97F4A7C15ull;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
	return z ^ (z >> 31);
}

void pn_rng_seed(struct pn_rng *r, uint64_t seed, uint64_t stream)
{
	uint64_t x = seed * 0xD1342543DE82EF95ull + stream * 0xA0761D6478BD642Full + 1;

	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&x);
}

double pn_rng_unit(struct pn_rng *r)
{
	return (double)((pn_rng_next(r) >> 11) + 1) * 0x1p-53;
}

uint64_t pn_rng_below(struct pn_rng *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)pn_rng_next(r) * n) >> 64);
}

uint64_t pn_dist_sample(const struct pn_dist *d, struct pn_rng *r)
{
	double x = d->a;

	switch (d->kind) {
	case PN_DIST_CONST:
		break;
	case PN_DIST_UNIFORM:
		x = d->a + (d->b - d->a) * pn_rng_unit(r);
		break;
	case PN_DIST_EXP:
		x = -d->a * log(pn_rng_unit(r));
		break;
	case PN_DIST_LOGNORMAL:
		x = d->a * exp(d->b * pn_rng_normal(r));
		break;
	case PN_DIST_PARETO:
		x = d->a * pow(pn_rng_unit(r), -1.0 / d->b);
		break;
	}
	if (!(x >= 1.0))
		return 1;
	return x < 0x1p62 ? (uint64_t)(int64_t)x : (uint64_t)1 << 62;
}

double pn_dist_mean(const struct pn_dist *d)
{
	switch (d->kind) {
	case PN_DIST_UNIFORM:
		return (d->a + d->b) / 2;
	case PN_DIST_LOGNORMAL:
		return d->a * exp(d->b * d->b / 2);
	case PN_DIST_PARETO:
		return d->b > 1 ? d->a * d->b / (d->b - 1) : INFINITY;
	default:
		return d->a;
	}
}
