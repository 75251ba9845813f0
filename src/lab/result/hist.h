/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_HIST_H
#define PN_LAB_HIST_H

#include <stdint.h>
#include <stdio.h>

/*
 * Log-linear histogram of nanoseconds: 32 linear steps per octave, so every recorded value is known
 * within 3.2 %. 0 .. 2^63 - 1; fixed size, no allocation. One thread.
 */
#define PN_HIST_SUB_BITS 5
#define PN_HIST_BUCKETS	 ((64 - PN_HIST_SUB_BITS + 1) << PN_HIST_SUB_BITS)

struct pn_hist {
	uint64_t n, min, max;
	double sum, sum_sq;
	uint64_t bucket[PN_HIST_BUCKETS];
};

void pn_hist_init(struct pn_hist *h);

static inline unsigned pn_hist_index(uint64_t v)
{
	unsigned shift;

	if (v < (2u << PN_HIST_SUB_BITS))
		return (unsigned)v;
	shift = (unsigned)(63 - __builtin_clzll(v)) - PN_HIST_SUB_BITS;
	return (shift << PN_HIST_SUB_BITS) + (unsigned)(v >> shift);
}

static inline void pn_hist_add(struct pn_hist *h, uint64_t v)
{
	h->n++;
	h->sum += (double)v;
	h->sum_sq += (double)v * (double)v;
	if (v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	h->bucket[pn_hist_index(v)]++;
}

void pn_hist_merge(struct pn_hist *into, const struct pn_hist *from);

/* Value at or below which @fraction (0..1) of the samples lie: the middle of the bucket, clipped to
 * min and max. 0 if empty. */
uint64_t pn_hist_quantile(const struct pn_hist *h, double fraction);
double pn_hist_mean(const struct pn_hist *h);
/* Lowest value of a bucket, and the first value above it. */
uint64_t pn_hist_low(unsigned index);
uint64_t pn_hist_high(unsigned index);

/* Writes HdrHistogram's text percentile distribution (.hgrm), values in ns / @unit. 0 or -EIO. */
int pn_hist_hgrm(const struct pn_hist *h, FILE *f, double unit);

#endif
