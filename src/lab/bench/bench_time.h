/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_BENCH_TIME_H
#define PN_LAB_BENCH_TIME_H

/* Monotonic time in nanoseconds. */
double pn_bench_now_ns(void);

/* The median of @v, @n of them and at least one; sorts @v. */
double pn_bench_median(double *v, unsigned n);

#endif
