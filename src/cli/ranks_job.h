/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_RANKS_JOB_H
#define PN_CLI_RANKS_JOB_H

#include "ranks.h"

/* A farm over the ranks of an MPI job, for verbs that keep no file of their own meanwhile. */
struct pn_ranks_job {
	struct pn_farm farm; /* the caller's */
	struct pn_pool *pool;
	const struct pn_ranks *ranks;
};

/*
 * Opens MPI. @hash: of what is done and how, the same in all ranks. Ranks other than 0 work in here
 * until the end and do not return; nor does rank 0 if the ranks do not agree. False: a message was
 * printed.
 */
bool pn_ranks_job_open(struct pn_ranks_job *j, uint64_t hash);
/* Rank 0: does all tasks. False: stopped. */
bool pn_ranks_job_run(struct pn_ranks_job *j);
/* All ranks end with @status. */
void pn_ranks_job_close(struct pn_ranks_job *j, int status);

#endif
