/* SPDX-License-Identifier: MIT */
/* Histograms of latencies with 32 steps for each octave: quantiles, mean, .hgrm output. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "hist.h"

#define SUB	       (1u << PN_HIST_SUB_BITS)
#define TICKS_PER_HALF 5

void pn_hist_init(struct pn_hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

uint64_t pn_hist_low(unsigned index)
{
	unsigned shift;

	if (index < 2 * SUB)
		return index;
	if (index >= PN_HIST_BUCKETS)
		return UINT64_MAX;
	shift = (index >> PN_HIST_SUB_BITS) - 1;
	return (uint64_t)(index - (shift << PN_HIST_SUB_BITS)) << shift;
}

uint64_t pn_hist_high(unsigned index)
{
	return index + 1 < PN_HIST_BUCKETS ? pn_hist_low(index + 1) : UINT64_MAX;
}

void pn_hist_merge(struct pn_hist *into, const struct pn_hist *from)
{
	if (!from->n)
		return;
	into->n += from->n;
	into->sum += from->sum;
	into->sum_sq += from->sum_sq;
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	for (unsigned i = 0; i < PN_HIST_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

/*
 * The value reported for a sample in @bucket: its middle, within the minimum and maximum that
 * occurred.
 */
static uint64_t middle(const struct pn_hist *h, unsigned bucket)
{
	uint64_t low = pn_hist_low(bucket), v = low + (pn_hist_high(bucket) - low) / 2;

	if (v < h->min)
		v = h->min;
	return v > h->max ? h->max : v;
}

/* Rank of the sample at @fraction: 1 .. n. */
static uint64_t rank_of(const struct pn_hist *h, double fraction)
{
	double r = ceil(fraction * (double)h->n);

	if (!(r > 1))
		return 1;
	return r >= (double)h->n ? h->n : (uint64_t)r;
}

/* The bucket in which the running count reaches @rank, going on from *bucket with *count below it.
 */
static void advance(const struct pn_hist *h, uint64_t rank, unsigned *bucket, uint64_t *count)
{
	while (*bucket < PN_HIST_BUCKETS - 1 && *count + h->bucket[*bucket] < rank)
		*count += h->bucket[(*bucket)++];
}

static uint64_t value_at(const struct pn_hist *h, uint64_t rank, unsigned bucket)
{
	if (rank <= 1)
		return h->min;
	return rank >= h->n ? h->max : middle(h, bucket);
}

uint64_t pn_hist_quantile(const struct pn_hist *h, double fraction)
{
	uint64_t count = 0, rank;
	unsigned bucket = 0;

	if (!h->n)
		return 0;
	rank = rank_of(h, fraction);
	advance(h, rank, &bucket, &count);
	return value_at(h, rank, bucket);
}

double pn_hist_mean(const struct pn_hist *h)
{
	return h->n ? h->sum / (double)h->n : 0;
}

static double deviation(const struct pn_hist *h)
{
	double mean = pn_hist_mean(h), var;

	if (!h->n)
		return 0;
	var = h->sum_sq / (double)h->n - mean * mean;
	return var > 0 ? sqrt(var) : 0;
}

static void hgrm_rows(const struct pn_hist *h, FILE *f, double unit)
{
	uint64_t count = 0, upto;
	unsigned bucket = 0;
	double level = 0;

	for (;;) {
		uint64_t rank = rank_of(h, level);
		double ticks;

		advance(h, rank, &bucket, &count);
		upto = count + h->bucket[bucket];
		if (upto >= h->n)
			break;
		fprintf(f, "%12.3f %2.12f %10llu %14.2f\n",
			(double)value_at(h, rank, bucket) / unit, level, (unsigned long long)upto,
			1 / (1 - level));
		/* TICKS_PER_HALF steps for each halving of the rest. */
		ticks = TICKS_PER_HALF * exp2(floor(log2(1 / (1 - level))) + 1);
		level += 1 / ticks;
	}
	fprintf(f, "%12.3f %2.12f %10llu\n", (double)h->max / unit, 1.0, (unsigned long long)h->n);
}

int pn_hist_hgrm(const struct pn_hist *h, FILE *f, double unit)
{
	fprintf(f, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	if (h->n)
		hgrm_rows(h, f, unit);
	fprintf(f, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", pn_hist_mean(h) / unit,
		deviation(h) / unit);
	fprintf(f, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max / unit,
		(unsigned long long)h->n);
	fprintf(f, "#[Buckets = %12u, SubBuckets     = %12u]\n", 64 - PN_HIST_SUB_BITS + 1, SUB);
	return ferror(f) ? -EIO : 0;
}
