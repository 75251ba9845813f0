/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_ENGINE_H
#define PN_PX_ENGINE_H

#include "fiber.h"
#include "px.h"

/* Shared by the files of the explorer: threads, their next operations, memory, events. */

#define PX_THREADS 8		    /* real ones */
#define PX_PROCS   (2 * PX_THREADS) /* and the flushes of their store buffers */
#define PX_CPUS	   4
#define PX_BUFFER  32
#define PX_DEAD	   16
#define PX_NAMES   160
#define PX_STACK   (64u << 10)
#define PX_LINE	   64u

enum px_op {
	PX_OP_NONE, /* finished */
	PX_OP_LOAD,
	PX_OP_STORE, /* into the buffer */
	PX_OP_FLUSH, /* out of it */
	PX_OP_RMW,
	PX_OP_LINE, /* all accesses to a line between its begin and end */
	PX_OP_FENCE,
	PX_OP_LOCK,
	PX_OP_SEND,
	PX_OP_SLEEP,
	PX_OP_SPIN,
	PX_OP_BEGIN, /* of an interrupt handler */
	PX_OP_END,
	PX_OP_WINDOW, /* before interrupts go off: they may still come here */
	PX_OP_KILL,   /* memory is freed: counts as a write in races */
};

struct px_val {
	uint64_t lo, hi;
};

/* An operation that a process is about to do, or has done. */
struct px_access {
	enum px_op op;
	enum px_rmw rmw;
	uint32_t size; /* 0: no memory */
	char *addr;
	struct px_val val, want; /* operand; CAS: expected. SPIN: the value that was read */
	const struct px_site *site;
	const char *what;
};

struct px_buffered {
	char *addr;
	uint32_t size;
	uint64_t val;
	int16_t number; /* of its flush */
	const struct px_site *site;
};

struct px_thread_state {
	char name[24];
	struct px_fiber fiber;
	void (*fn)(void *);
	void (*irq_fn)(void *, uint8_t);
	void *arg;
	int cpu;  /* where it runs; -1: hardware */
	int home; /* where it starts */
	bool handler;
	bool done;
	uint32_t irq_off;
	struct px_access next;
	struct px_val result;
	struct px_buffered buf[PX_BUFFER];
	uint32_t head, tail; /* buf[head % .. tail) */
	char *last_addr;     /* of the last load, for spinning */
	uint32_t last_size;
	struct px_val last_val;
	const char *doing;
	bool fenced;   /* passed a fence with its buffer empty since its last transition */
	bool migrates; /* has changed its CPU in some execution */
};

/* How many events of each process came before. Signed: one instruction takes eight maxima. */
struct px_clock {
	int16_t c[PX_PROCS];
};

/* One executed transition, with the search node before it. */
struct px_event {
	uint8_t proc;
	uint8_t op;
	int8_t cpu; /* of its thread; -1: hardware */
	bool writes, forwarded;
	/*
	 * Sets of CPUs, for events of an interrupted thread or its buffer. @toggles: the event
	 * changes whether an interrupt can begin there. @irq_ok: before the event the interrupt
	 * flag allowed one.
	 */
	uint8_t toggles, irq_ok;
	uint32_t begin; /* index of a handler's PX_OP_BEGIN, of a flush's store */
	int16_t own; /* number of a store's flush; of a load's: of what its thread stored, or 0 */
	int16_t seq; /* number among the events of its process, from 1 */
	uint32_t size;
	char *addr;
	struct px_val before, after; /* LINE: of the quadwords that @changed says */
	struct px_clock clock;
	/* node: sets of processes */
	uint32_t enabled, backtrack, done, sleep;
	uint32_t preemptions;
	/* for the trace */
	const struct px_site *site;
	const char *what, *doing;
	struct px_val got;
	uint8_t rmw;
	uint8_t changed; /* LINE: set of quadwords */
};

struct px_cpu_state {
	uint64_t pending[4]; /* 256 vectors; only the low word takes part in races */
	int active;	     /* handler thread that runs, or -1 */
	int handler;	     /* thread, or -1 */
};

struct px {
	struct px_thread_state thread[PX_THREADS];
	struct px_cpu_state cpu[PX_CPUS];
	unsigned threads;
	int current; /* thread that executes; -1: alone */
	struct px_fiber main;
	bool sc, failed;
	bool line; /* the current thread is inside px_line_begin() */
	char property[16];
	char text[PX_TEXT];
	/* memory of the program */
	char *arena, *initial;
	size_t arena_size, arena_used;
	struct {
		char *p;
		size_t size;
		const char *property, *what;
	} dead[PX_DEAD];
	unsigned deads;
	struct {
		const char *p;
		size_t size;
		const char *name;
	} named[PX_NAMES];
	unsigned names;
	enum pn_mistake mistake;
	int error; /* of the program: -ENOMEM, -EINVAL */
	/* The threads that have accessed each 16 bytes of memory: see private() in engine.c. */
	uint16_t *share;
	bool show_named; /* named places count as shared, for a counter-example that people read */
	bool reclassified; /* a place turned out to be shared: start again */
	uint32_t events;   /* executed in this execution */
};

extern struct px px;

/* Puts memory and threads back to the start. */
void px_reset(void);
uint32_t px_enabled(void);
/* Executes the next transition of @proc, recording what it did in @ev. */
void px_execute(unsigned proc, struct px_event *ev);
/* What @proc would do next; op NONE if nothing. */
struct px_access px_next(unsigned proc);
/* The memory at the place of @a; for interrupts: not 0 if one is pending. */
struct px_val px_value_at(const struct px_access *a);
/* True if the waiting operation @a would continue if the memory at its place were @v. */
bool px_would_go(const struct px_access *a, struct px_val v);
/* The thread of event's or operation's process is a handler. */
bool px_is_handler(unsigned proc);
/* True if the load that @proc does next gets its value from the store buffer. */
bool px_forwards(unsigned proc);
bool px_waits(enum px_op op);

#endif
