/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_RUN_H
#define PN_LAB_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "diag.h"
#include "recording.h"
#include "result.h"
#include "scenario.h"

struct pn_run_options {
	uint64_t seed;
	struct pn_recording *recording; /* NULL: the scenario's own loads */
	FILE *trace;			/* NULL: none */
	bool trace_perfetto;		/* in Perfetto's format; else in Chrome's */
	unsigned trace_pid;		/* process number in the trace: index of the mode */
	FILE *steps;			/* a line for each step; NULL: none */
	const bool *step_wanted;	/* PN_ALL_STEPS_NR entries: which; NULL: all */
	uint64_t trace_limit;		/* steps written at most; 0: a million */
	/* Only steps that begin in this span of the simulated time, and all of them; until 0: from
	 * the start, and no more than trace_limit. */
	uint64_t trace_from, trace_until;
	bool wakes; /* keep some wakeups with their steps: pn_result.wakes */
	/* Called now and then with simulated time done and in all; false: stop, result is partial.
	 */
	bool (*progress)(void *ctx, uint64_t done_ns, uint64_t all_ns);
	void *progress_ctx;
	/* The measured part in so many pieces, each reported when it is over; 0: none. What depends
	 * on the end of the run (lost, self-check) is not in a piece. */
	unsigned batches;
	void (*batch)(void *ctx, const struct pn_result *r);
	void *batch_ctx;
};

/* Chrome's format: every event is written as one line "{...},\n" of a JSON array that the caller
 * opens and closes. Runs one mode. What cannot be written is no error; @trace and @steps keep it.
 * 0, -ENOMEM, -EINVAL with @d, or the error of the recording. */
int pn_run(const struct pn_scenario *sc, const struct pn_mode *mode,
	   const struct pn_run_options *opt, struct pn_result *out, struct pn_diag *d);

/*
 * The scenario for a recording, with one MSI per interrupt line and CPU: one VM with a vCPU per
 * recorded CPU on as many pCPUs, or bare metal. @base gives machine and costs. Free with free().
 */
int pn_replay_scenario(const struct pn_rec_summary *rec, const struct pn_scenario *base,
		       enum pn_workload work, struct pn_scenario **out, struct pn_diag *d);

#endif
