/* SPDX-License-Identifier: MIT */
/* Time and medians for benchmarks. */
#include "bench_time.h"

#include <stdlib.h>
#include <time.h>

#ifdef PN_SANITIZED
const bool pn_bench_measures = false;
#else
const bool pn_bench_measures = true;
#endif

unsigned pn_bench_rounds(unsigned n)
{
	return pn_bench_measures ? n : 1;
}

double pn_bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double pn_bench_median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare_double);
	return v[n / 2];
}
