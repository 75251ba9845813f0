/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_BENCH_EXPLORE_H
#define PN_CLI_BENCH_EXPLORE_H

#include "bench.h"

/* The explorer's figures, after those of the lab. As pn_bench_get(). */
const struct pn_bench *pn_bench_explore_get(unsigned i);

/* A program on the same protocol, written by hand: bench/. */
struct pn_peer_model {
	const char *text;
	const char *fixed; /* the macro that makes the broken variant the fixed one */
};

extern const struct pn_peer_model pn_spin_block, pn_spin_list, pn_cbmc_block;

/*
 * SPIN on a model: *seconds is what the searches of both variants take, *states the number of
 * states of the fixed one; building the searches is not counted. 0; -ENOENT if SPIN or a compiler
 * is missing; -EPROTO if the verdicts are not a violation and none.
 */
int pn_spin_measure(const struct pn_peer_model *m, double *seconds, double *states);
/* CBMC, likewise: both variants with memory order x86-TSO, from C to the verdict. */
int pn_cbmc_measure(const struct pn_peer_model *m, double *seconds);

/* bench/block-without-fence.pml, list-after-irte.pml, block-without-fence.c */
extern const char pn_spin_block_text[], pn_spin_list_text[], pn_cbmc_block_text[];

#endif
