/* SPDX-License-Identifier: MIT */
/* Histograms of durations: exact if all samples of a bucket, a step of 12 %, are alike. */
#include "rec_span.h"

static unsigned bucket_of(uint64_t ns)
{
	unsigned top;

	if (ns < 16)
		return (unsigned)ns;
	top = 63 - (unsigned)__builtin_clzll(ns);
	return (top - 2) * 8 + (unsigned)(ns >> (top - 3) & 7);
}

void pn_rec_hist_add(struct pn_rec_hist *h, uint64_t ns)
{
	unsigned b = bucket_of(ns);

	h->n++;
	h->bucket[b]++;
	h->sum[b] += ns;
}

uint64_t pn_rec_hist_quantile(const struct pn_rec_hist *h, double fraction)
{
	uint64_t want = (uint64_t)(fraction * (double)h->n), seen = 0;
	unsigned b = 0;

	if (!h->n)
		return 0;
	if (want >= h->n)
		want = h->n - 1;
	while ((seen += h->bucket[b]) <= want)
		b++;
	return h->sum[b] / h->bucket[b];
}
