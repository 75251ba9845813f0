/* SPDX-License-Identifier: MIT */
/*
 * `postern explore` over the ranks of an MPI job. A rank's worker starts a process for each search,
 * as without MPI, so that limits of time and memory hold there, and sends what that wrote.
 */
#include "explore_ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "hash.h"
#include "progress.h"
#include "ranks_job.h"

struct xfarm {
	struct pn_xjob *job;
	unsigned n, next, done;
	void *answer; /* a worker's last one */
	struct pn_ranks_job ranks;
};

static size_t work(void *ctx, uint64_t task, const void **answer)
{
	struct xfarm *x = ctx;
	size_t size = 0;

	pn_xjobs_run(&x->job[task], 1, 1);
	free(x->answer);
	x->answer = pn_xjob_pack(&x->job[task], &size);
	*answer = x->answer;
	return size;
}

static bool next(void *ctx, uint64_t *task)
{
	struct xfarm *x = ctx;

	*task = x->next;
	return x->next < x->n && x->next++ < x->n;
}

static uint64_t left(void *ctx)
{
	const struct xfarm *x = ctx;

	return x->n - x->next;
}

static bool done(void *ctx, uint64_t task, const void *answer, size_t size, const char *why)
{
	struct xfarm *x = ctx;

	if (task < x->n && !x->job[task].done)
		pn_xjob_unpack(&x->job[task], answer, size, why);
	x->done++;
	return true;
}

static bool idle(void *ctx)
{
	const struct xfarm *x = ctx;

	if (pn_progress_due())
		pn_progress_line("%u of %u explored, %.0f s", x->done, x->n, pn_progress_seconds());
	return true;
}

/* Of what is explored and how: all ranks must mean the same. */
static uint64_t hash_of(const struct pn_xjob *job, unsigned n)
{
	uint64_t h = PN_HASH_BEGIN;
	char text[256];

	for (unsigned i = 0; i < n; i++) {
		const struct pn_xjob *j = &job[i];

		snprintf(text, sizeof(text), "%s %s %s %s %u %u %g %zu", j->run.name,
			 j->run.variant, j->run.memory, j->run.overflow_restart, j->opt.bound,
			 (unsigned)j->opt.max_steps, j->opt.seconds, j->memory);
		h = pn_hash_text(h, text);
	}
	return h;
}

static struct xfarm x;

bool pn_xranks_open(struct pn_xjob *job, unsigned n, unsigned at_once)
{
	x = (struct xfarm){.job = job, .n = n};
	x.ranks.farm = (struct pn_farm){work, next, done, idle, left, pn_cli_stopped, &x, at_once};
	return pn_ranks_job_open(&x.ranks, hash_of(job, n));
}

void pn_xranks_run(void)
{
	pn_ranks_job_run(&x.ranks);
}

void pn_xranks_close(int status)
{
	pn_ranks_job_close(&x.ranks, status);
}
