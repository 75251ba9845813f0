/* SPDX-License-Identifier: MIT */
/* The module that speaks MPI for ranks.h. */
#include <mpi.h>

#include "ranks.h"

#define TAG 1

__attribute__((visibility("default"))) const struct pn_ranks *pn_ranks_module(void);

static void gather(const void *mine, size_t size, void *all)
{
	MPI_Gather(mine, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD);
}

static void spread(void *value, size_t size)
{
	MPI_Bcast(value, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD);
}

/* MPI keeps a copy of what is small, and for the rest waits for the receiver, which asks all the
 * time. */
static int send_to(int to, const void *data, size_t size)
{
	return MPI_Send(data, (int)size, MPI_BYTE, to, TAG, MPI_COMM_WORLD) == MPI_SUCCESS ? 0 : -1;
}

static size_t probe(int *from)
{
	MPI_Status st;
	int there = 0, n = 0;

	if (MPI_Iprobe(MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, &there, &st) != MPI_SUCCESS || !there)
		return 0;
	MPI_Get_count(&st, MPI_BYTE, &n);
	*from = st.MPI_SOURCE;
	return (size_t)n;
}

static int take(int from, void *data, size_t size)
{
	return MPI_Recv(data, (int)size, MPI_BYTE, from, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE) ==
			       MPI_SUCCESS
		       ? 0
		       : -1;
}

static void finish(void)
{
	MPI_Finalize();
}

static void abort_all(int status)
{
	MPI_Abort(MPI_COMM_WORLD, status);
}

const struct pn_ranks *pn_ranks_module(void)
{
	static struct pn_ranks r = {0, 0, gather, spread, send_to, probe, take, finish, abort_all};

	if (MPI_Init(NULL, NULL) != MPI_SUCCESS)
		return NULL;
	/* a rank that is gone is an error of one call, as far as MPI goes on at all */
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_rank(MPI_COMM_WORLD, &r.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &r.size);
	return &r;
}
