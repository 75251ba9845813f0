/* SPDX-License-Identifier: MIT */
#ifndef PN_SIM_DIST_H
#define PN_SIM_DIST_H

#include <stdint.h>

/* Deterministic random numbers: the same seed gives the same sequence on every machine. */
struct pn_rng {
	uint64_t s[4];
};

void pn_rng_seed(struct pn_rng *r, uint64_t seed, uint64_t stream);

static inline uint64_t pn_rng_rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256** by Blackman and Vigna. */
static inline uint64_t pn_rng_next(struct pn_rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = pn_rng_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = pn_rng_rotl(s[3], 45);
	return result;
}

/* Uniform in (0, 1]. */
double pn_rng_unit(struct pn_rng *r);
/* Mean 0, deviation 1. */
double pn_rng_normal(struct pn_rng *r);
/* Uniform in [0, n), n > 0. */
uint64_t pn_rng_below(struct pn_rng *r, uint64_t n);

enum pn_dist_kind {
	PN_DIST_CONST,	   /* a */
	PN_DIST_UNIFORM,   /* a .. b */
	PN_DIST_EXP,	   /* mean a */
	PN_DIST_LOGNORMAL, /* median a, sigma b */
	PN_DIST_PARETO,	   /* minimum a, shape b */
};

/* A distribution of times in nanoseconds. */
struct pn_dist {
	enum pn_dist_kind kind;
	double a, b;
};

/* One sample, at least 1 ns and at most 2^62. */
uint64_t pn_dist_sample(const struct pn_dist *d, struct pn_rng *r);
double pn_dist_mean(const struct pn_dist *d);

#endif
