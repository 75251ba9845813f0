/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_BENCH_SWEEP_H
#define PN_CLI_BENCH_SWEEP_H

#include "bench.h"

/* The figures of sweeps; that of ranks where MPI is. As pn_bench_get(). */
const struct pn_bench *pn_bench_sweep_get(unsigned i);

#endif
