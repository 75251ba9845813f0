/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_SEARCH_H
#define PN_PX_SEARCH_H

#include "engine.h"

/* An execution so far. */
struct px_path {
	struct px_event *ev;
	uint32_t n;
	int16_t seq[PX_PROCS];	    /* events of each process */
	uint32_t last[PX_PROCS];    /* index + 1 of the last one; 0: none */
	uint32_t floor[PX_THREADS]; /* index + 1 of its last flush before a fence that was passed */
	uint32_t begin[PX_CPUS];    /* index of the last PX_OP_BEGIN there */
	uint32_t store[PX_THREADS][PX_BUFFER]; /* index of the STORE behind each buffered entry */
};

/*
 * The events that always come before the operation @j: its own, its store, its flushes. To be
 * called before it is executed.
 */
struct px_clock px_own_past(const struct px_path *p, const struct px_event *j);
/*
 * Gives @j, executed and about to be appended, its clock, and makes the search try every event with
 * which it races in the other order, too.
 */
void px_order(struct px_path *p, struct px_event *j, const struct px_access *a,
	      struct px_clock own);
/* The execution ends here: the same for the operations that could not continue. */
void px_order_waiting(struct px_path *p, uint32_t enabled);
/* True if the next operation of @q depends on @e, just executed; true in doubt. */
bool px_next_depends(const struct px_path *p, unsigned q, const struct px_event *e);

/* Writes the executed path as the steps of a counter-example. 0 or -ENOMEM. */
int px_tell(const struct px_event *ev, uint32_t n, struct px_result *res);

#endif
