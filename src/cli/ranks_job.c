/* SPDX-License-Identifier: MIT */
/* The beginning and the end of a farm over the ranks of an MPI job, the same for several verbs. */
#include "ranks_job.h"

#include <stdlib.h>

#include "cli.h"
#include "progress.h"

bool pn_ranks_job_open(struct pn_ranks_job *j, uint64_t hash)
{
	char text[PN_PROBLEM + 200];
	int status = CLI_INPUT;
	bool agreed;

	/* processes are there before MPI begins */
	j->pool = pn_pool_open(&j->farm);
	j->ranks = pn_ranks_open();
	if (!j->ranks) {
		if (j->pool)
			pn_pool_close(j->pool);
		return false;
	}
	agreed = pn_ranks_agree(j->ranks, j->pool ? "" : "no process could be started", hash, text,
				sizeof(text));
	if (!agreed && !j->ranks->rank)
		pn_cli_error("%s", text);
	if (agreed && !j->ranks->rank)
		return true;
	if (agreed)
		status = pn_ranks_serve(j->ranks, j->pool);
	if (j->pool)
		pn_pool_close(j->pool);
	pn_ranks_close(j->ranks, status, agreed);
	exit(status);
}

bool pn_ranks_job_run(struct pn_ranks_job *j)
{
	bool all;

	pn_progress_begin();
	all = pn_ranks_manage(j->ranks, &j->farm, j->pool);
	pn_progress_end();
	return all;
}

void pn_ranks_job_close(struct pn_ranks_job *j, int status)
{
	pn_pool_close(j->pool);
	pn_ranks_close(j->ranks, status, true);
}
