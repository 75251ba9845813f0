/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_BENCH_SIM_H
#define PN_CLI_BENCH_SIM_H

#include "bench.h"

/* The simulator's figures that need other programs. As pn_bench_get(). */
const struct pn_bench *pn_bench_sim_get(unsigned i);

/* bench/queues.py, bench/queues-ns3.cc */
extern const char pn_queues_text[], pn_queues_ns3_text[];

#endif
