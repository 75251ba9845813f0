/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_RANKS_H
#define PN_CLI_RANKS_H

#include "farm.h"

/*
 * A farm over the ranks of an MPI job. MPI itself is in a module (ranks_mpi.c) that is loaded when
 * the program was started by mpirun or srun: the program does not depend on it.
 */
struct pn_ranks {
	int rank, size;
	/* Rank 0 gets @size bytes of every rank in @all, in their order. */
	void (*gather)(const void *mine, size_t size, void *all);
	/* All ranks get rank 0's. */
	void (*spread)(void *value, size_t size);
	/* A message, which is on its way when the function returns. 0, or -1: the rank is gone. */
	int (*send)(int to, const void *data, size_t size);
	/* The size of a message that has come, and its sender; 0: there is none. take() gets it. */
	size_t (*probe)(int *from);
	/* 0, or -1. */
	int (*take)(int from, void *data, size_t size);
	/* Ends MPI; all ranks call it. */
	void (*close)(void);
	/* Ends the job although a rank is gone. Does not return. */
	void (*abort)(int status);
};

#define PN_PROBLEM	1000		  /* room for what is wrong with an input */
#define PN_RANKS_MODULE "pn_ranks_module" /* const struct pn_ranks *(*)(void) */

/* This program is a rank of several. */
bool pn_ranks_wanted(void);
/* Where the module is; NULL: it was not built. Static. */
const char *pn_ranks_module_path(void);
/* NULL: a message was printed. */
const struct pn_ranks *pn_ranks_open(void);
/*
 * All ranks call it with what is wrong with their input, or "", and the input's hash. False in all
 * of them if it is wrong in one; rank 0 then has the line to print in @text.
 */
bool pn_ranks_agree(const struct pn_ranks *r, const char *problem, uint64_t hash, char *text,
		    size_t size);
/* Rank 0: does all tasks, in @p and in the pools of the others. False: stopped. */
bool pn_ranks_manage(const struct pn_ranks *r, const struct pn_farm *f, struct pn_pool *p);
/* The others: does what comes until rank 0 ends. Returns the status that it ended with. */
int pn_ranks_serve(const struct pn_ranks *r, struct pn_pool *p);
/* Rank 0 tells the others its @status first, if they agreed. */
void pn_ranks_close(const struct pn_ranks *r, int status, bool agreed);

#endif
