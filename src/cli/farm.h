/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_FARM_H
#define PN_CLI_FARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Many independent tasks, each a number, in processes of their own: on this machine, and on others
 * through MPI (ranks.h). An idle process gets the next task; one manager takes the answers. A
 * process that dies costs the task that it had.
 */
struct pn_farm {
	/*
	 * In a worker: the answer to @task, of at most PN_FARM_ANSWER bytes, which stays until the
	 * next call. Returns its size.
	 */
	size_t (*work)(void *ctx, uint64_t task, const void **answer);
	/* In the manager. The next task; false: there are no more. */
	bool (*next)(void *ctx, uint64_t *task);
	/* @answer NULL: the process that had the task died, as @why says. False: stop everything.
	 */
	bool (*done)(void *ctx, uint64_t task, const void *answer, size_t size, const char *why);
	/* No more answers are waiting. False: stop everything. */
	bool (*idle)(void *ctx);
	/* Tasks that next() still has, about. */
	uint64_t (*left)(void *ctx);
	/* True: stop everything, as after Ctrl-C. */
	bool (*stop)(void);
	void *ctx;
	unsigned jobs; /* processes on this machine */
};

#define PN_FARM_ANSWER (64u << 20)
#define PN_FARM_JOBS   1024
#define PN_FARM_UNABLE "no process can be started any more"

/* Processes that wait for tasks. */
struct pn_pool;

/* Starts them. NULL: errno says why not. The farm stays where it is. */
struct pn_pool *pn_pool_open(const struct pn_farm *farm);
/*
 * Gives a task to one of them; @deep: also to one that has a task already. One that could not be
 * started again when it had died is tried once more. False: none takes it.
 */
bool pn_pool_give(struct pn_pool *p, uint64_t task, bool deep);
/* False: none is left, and none could be started. */
bool pn_pool_alive(const struct pn_pool *p);
/* Its processes. */
unsigned pn_pool_size(const struct pn_pool *p);
/* Tasks without an answer. */
unsigned pn_pool_busy(const struct pn_pool *p);
typedef bool pn_pool_got(void *ctx, uint64_t task, const void *answer, size_t size,
			 const char *why);
/* Waits at most @ms, takes the answers that are there. False: @got did. */
bool pn_pool_wait(struct pn_pool *p, int ms, pn_pool_got *got, void *ctx);
/* Ends them, whatever they do. */
void pn_pool_close(struct pn_pool *p);

/* Does all tasks in @p. False: stopped. */
bool pn_farm_run(const struct pn_farm *farm, struct pn_pool *p);

#endif
