/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_BENCH_EXPLORE_H
#define PN_CLI_BENCH_EXPLORE_H

#include "bench.h"

/* The explorer's figures, after those of the lab. As pn_bench_get(). */
const struct pn_bench *pn_bench_explore_get(unsigned i);

/*
 * SPIN on the hand-written model of block-without-fence: *seconds is what the two searches take,
 * without and with the fence; building them is not counted. 0; -ENOENT if SPIN or a compiler is
 * missing; -EPROTO if the verdicts are not a violation and none.
 */
int pn_spin_measure(double *seconds);

/* bench/block-without-fence.pml */
extern const char pn_spin_model[];

#endif
