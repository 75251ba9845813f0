/* SPDX-License-Identifier: MIT */
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

static inline uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256** by Blackman and Vigna. */
uint64_t pn_rng_next(struct pn_rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

double pn_rng_unit(struct pn_rng *r)
{
	return (double)((pn_rng_next(r) >> 11) + 1) * 0x1p-53;
}

uint64_t pn_rng_below(struct pn_rng *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)pn_rng_next(r) * n) >> 64);
}

static double normal(struct pn_rng *r)
{
	double u = pn_rng_unit(r), v = pn_rng_unit(r);

	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
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
		x = d->a * exp(d->b * normal(r));
		break;
	case PN_DIST_PARETO:
		x = d->a * pow(pn_rng_unit(r), -1.0 / d->b);
		break;
	}
	if (!(x >= 1.0))
		return 1;
	return x < 0x1p62 ? (uint64_t)x : (uint64_t)1 << 62;
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
