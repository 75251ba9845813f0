/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_XCHILD_H
#define PN_CLI_XCHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "cases.h"
#include "xreport.h"

/*
 * Explorations in processes of their own: one that dies, hangs or reaches its memory limit is "not
 * finished" and does not disturb the others.
 */
struct pn_xjob {
	const struct pn_case *c;
	struct pn_case_variant variant;
	struct px_options opt;
	size_t memory; /* bytes at most; 0: no limit */
	/* NULL, or what is run instead: a program with its words, which writes what xwire.h says.
	 */
	char *const *program;

	struct pn_xrun run; /* what came out; valid when done */
	bool done;
	char explored[4096]; /* functions that a @program says it ran */

	/* while it runs */
	pid_t pid; /* 0: not started or over */
	int fd;
	char *buf;
	size_t used, room;
	double begun;
	const char *ended; /* from outside, and why */
};

#define PN_XJOBS_AT_ONCE 256

/* Runs all, at most @at_once at a time. Those that a Ctrl-C kept from starting are not done. */
void pn_xjobs_run(struct pn_xjob *job, unsigned n, unsigned at_once);
/* What came out of a job that is done, in one piece: free() it. NULL: out of memory. */
void *pn_xjob_pack(const struct pn_xjob *job, size_t *size);
/* The same into another job; @data NULL: it did not finish, and @why. */
void pn_xjob_unpack(struct pn_xjob *job, const void *data, size_t size, const char *why);
void pn_xjobs_free(struct pn_xjob *job, unsigned n);

#endif
