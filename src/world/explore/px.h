/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_H
#define PN_PX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seam.h"

/*
 * The explorer: runs a small program of agents under every interleaving that x86-TSO allows.
 *
 * Agents are coroutines. Each access through the seam, each interrupt and each sleep is a
 * transition; between two transitions of an agent any other agent may run. A plain store goes to
 * the agent's store buffer; taking the oldest store out of a buffer to memory is a transition of
 * its own.
 *
 * Search: each state once, with sleep sets (P. Godefroid, LNCS 1032, 1996), going back by a journal
 * of changes. Or each trace once: source-DPOR with sleep sets (P. Abdulla, S. Aronis, B. Jonsson,
 * K. Sagonas, "Optimal dynamic partial order reduction", POPL 2014, algorithm 1), with a store
 * buffer's owner and its flushes as two processes, and with waiting operations (locks, sleep,
 * spinning, interrupt delivery) racing with the last write before which they were enabled too.
 *
 * One exploration at a time in a process.
 */

/* ---- a program ---- */

/* Memory of the program: zeroed, put back to its state at the start before each execution. */
void *px_alloc(size_t size, size_t align);

/* A thread that runs on CPU @cpu (interrupts of that CPU may interrupt it), or -1: hardware. */
void px_thread(const char *name, int cpu, void (*fn)(void *arg), void *arg);
/* The interrupt handler of CPU @cpu: runs while no handler does there and interrupts are on. */
void px_handler(const char *name, int cpu, void (*fn)(void *arg, uint8_t vector), void *arg);

/* ---- what its threads may do besides the seam ---- */

/*
 * The caller's next pn_relax() waits until *@p is not @val, instead of for the place that it loaded
 * last. Call it after a device register was read: @p is where the device keeps the value that the
 * register shows.
 */
void px_relax_on(const uint32_t *p, uint32_t val);
/* Raises @vector at @cpu; a vector that is pending there merges. Drains the caller's buffer. */
void px_send(int cpu, uint8_t vector);
/* Leaves the CPU until *@state is 0, then goes on. Others see the CPU idle meanwhile. */
void px_sleep(const uint32_t *state, const char *what);
/* Says on which CPU the calling thread runs from now on. */
void px_migrate(int cpu);
/* Serializes a device. Earlier stores are visible on entry, stores made inside on exit. */
void px_device_enter(struct pn_lock *busy);
void px_device_leave(struct pn_lock *busy);
/* The name of [p, p + size) in counter-examples; @name is not copied. */
void px_name(const void *p, size_t size, const char *name);
/* Shown beside the following steps of this thread; not copied. Returns what was shown before. */
const char *px_doing(const char *text);
/* @property ("P1") is violated now. Ends this execution. */
void px_fail(const char *property, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* [p, p + size) is freed: any later access through the seam violates @property. */
void px_kill(const void *p, size_t size, const char *property, const char *what);
/*
 * @fn is called before every access to a list of src/seam/list.h, in the thread that makes it: the
 * list of which @l is head or member; @member, unless NULL, is to be one of its members. NULL:
 * none.
 */
typedef void px_list_fn(const struct pn_list *l, const struct pn_list *member);
void px_on_lists(px_list_fn *fn);
/*
 * During set-up: [p, p + size) is statistics, which change nothing. Not part of the state: two
 * states that differ there only are one. A program may not do different things for different values
 * there.
 */
void px_ghost(const void *p, size_t size);
/*
 * During set-up: pn_line_begin() and pn_line_end() join nothing, as with real threads; what comes
 * between them has to be right in program order.
 */
void px_split_lines(void);
/*
 * During set-up: @fn is called each time before a thread goes on, px.current being that thread;
 * what a processor has of its own (segment bases) can be put in place there.
 */
void px_on_resume(void (*fn)(void));
/* Mistake that is made in this exploration. */
void px_set_mistake(enum pn_mistake m);

/* ---- exploring it ---- */

struct px_program {
	/* Builds memory and threads. Runs once, before the first execution, alone. */
	void (*setup)(void *arg);
	/*
	 * Called when no thread can continue: NULL, or the property that is violated, with a
	 * sentence in @text. Runs alone; accesses through the seam are not transitions.
	 */
	const char *(*check)(void *arg, char *text, unsigned size);
	void *arg;
};

enum px_method {
	PX_STATES, /* each state once */
	PX_TRACES, /* each trace once: source-DPOR */
};

struct px_options {
	enum px_method method;
	bool replay;	    /* goes back by running again, not by checkpoints; then by traces */
	bool check_writes;  /* a write that no hook of the compiler told: -EIO. Slow */
	bool sc;	    /* no store buffers */
	bool unreduced;	    /* no partial-order reduction: for comparison on small programs */
	unsigned bound;	    /* preemptions at most; UINT32_MAX: none */
	uint64_t max_steps; /* of one execution; beyond: livelock. 0: 20000 */
	double seconds;	    /* 0: no limit; beyond: not finished */
	bool quick;	    /* first look for a violation with few preemptions */
	/* Called for each complete execution: the final state as the program sees it. */
	void (*outcome)(void *ctx);
	void *outcome_ctx;
	uint32_t shuffle; /* not 0: try things in another, pseudo-random order; for tests */
};

enum px_verdict {
	PX_HELD,
	PX_VIOLATION,
	PX_UNFINISHED, /* time or memory ran out */
};

#define PX_TEXT 240

/* A step of a counter-example. */
struct px_step {
	char agent[24];
	char text[PX_TEXT]; /* what was read or written */
	char doing[48];
	char where[64];	    /* file:line */
	char buffered[160]; /* stores of this agent that are still in its buffer */
	bool shared;	    /* another agent accesses the place, and one of them writes */
};

struct px_result {
	enum px_verdict verdict;
	char property[16];
	char text[PX_TEXT];
	/*
	 * @executions came to an end; @blocked were given up, as what follows had been tried; of
	 * @transitions, @replayed were executed only to come back to a place; @states were
	 * different (0: not counted).
	 */
	uint64_t executions, blocked, transitions, replayed, states, depth;
	bool exhaustive;
	double seconds;
	size_t memory;	/* bytes that the search holds */
	unsigned steps; /* of the counter-example */
	struct px_step *step;
};

/* 0 or -ENOMEM, -EINVAL (no thread, too many), -EIO. @res->step is freed by px_result_free(). */
int px_explore(const struct px_program *prog, const struct px_options *opt, struct px_result *res);
void px_result_free(struct px_result *res);

#endif
