/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_BENCH_PID_H
#define PN_LAB_BENCH_PID_H

/* pid_posts_per_s and its peer eventfd_write: interrupts a second, both with a second thread that
 * takes them. As struct pn_bench.fn. */
int pn_bench_pid_posts(double *value, double *peer);

#endif
