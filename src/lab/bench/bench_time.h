/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_BENCH_TIME_H
#define PN_LAB_BENCH_TIME_H

#include <stdbool.h>

/* False in a build with a sanitizer, where times mean nothing: there the work is done once. */
extern const bool pn_bench_measures;

/* @n, or 1 where nothing is measured. */
unsigned pn_bench_rounds(unsigned n);

/* Monotonic time in nanoseconds. */
double pn_bench_now_ns(void);

/* The median of @v, @n of them and at least one; sorts @v. */
double pn_bench_median(double *v, unsigned n);

#endif
