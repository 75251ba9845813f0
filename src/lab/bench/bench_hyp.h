/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_BENCH_HYP_H
#define PN_LAB_BENCH_HYP_H

/* hyp_call_ns, and the same functions called by name. 0 or -ENOMEM. */
int pn_bench_hyp_calls(double *value, double *peer);

#endif
