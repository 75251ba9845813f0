/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_ENGINE_H
#define PN_PX_ENGINE_H

#include "fiber.h"
#include "px.h"

/* Shared by the files of the explorer: threads, their next operations, memory, events. */

#define PX_THREADS 16		    /* real ones */
#define PX_PROCS   (2 * PX_THREADS) /* and the flushes of their store buffers */
#define PX_CPUS	   4
#define PX_BUFFER  32
#define PX_DEAD	   16
#define PX_NAMES   256
#define PX_GHOSTS  32
#define PX_LOCKS   32
#define PX_STACK   (64u << 10)
#define PX_ARENA   (1u << 20)
#define PX_LINE	   64u
#define PX_QUIET   1000000u /* accesses without a transition: a loop that never ends */

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
	PX_OP_WINDOW,	   /* before interrupts go off: they may still come here */
	PX_OP_KILL,	   /* memory is freed: counts as a write in races */
	PX_OP_PLAIN_READ,  /* of what other threads access plainly, too; the access itself comes */
	PX_OP_PLAIN_WRITE, /* when the thread continues */
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
	int home; /* where it starts */
	bool handler;
	bool migrates; /* has changed its CPU in some execution */
	/* From here to @buf: what a transition of the thread changes, and a checkpoint keeps. */
	bool done;
	bool fenced; /* passed a fence with its buffer empty since its last transition */
	int cpu;     /* where it runs; -1: hardware */
	uint32_t irq_off;
	uint32_t locks;	     /* that it holds: a set of px.lock[] */
	uint32_t head, tail; /* buf[head % .. tail) */
	struct px_access next;
	struct px_val result;
	char *last_addr; /* of the last load, for spinning */
	uint32_t last_size;
	struct px_val last_val;
	const char *doing;
	const char *writes; /* see px_plain() */
	size_t writes_size;
	struct px_buffered buf[PX_BUFFER];
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
	/* checkpoint: the path and the memory before the event */
	uint32_t last_before, floor_before, begin_before, store_before;
	size_t saved;
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

#define PX_LOCK_USES 64

/* Where a lock was taken with interrupts off, and where with interrupts on. */
struct px_lock_use {
	const struct pn_lock *lock;
	const struct px_site *off, *on;
};

struct px {
	struct px_thread_state thread[PX_THREADS];
	struct px_cpu_state cpu[PX_CPUS];
	unsigned threads;
	int current; /* thread that executes; -1: alone */
	struct px_fiber main;
	bool sc, failed;
	bool line;  /* the current thread is inside px_line_begin() */
	bool split; /* px_split_lines() */
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
	int error;		/* of the program: -ENOMEM, -EINVAL */
	struct px_place *place; /* see place.c */
	const char *lock[PX_LOCKS];
	unsigned locks;
	struct px_lock_use use[PX_LOCK_USES];
	bool show_named; /* named places count as shared, for a counter-example that people read */
	bool all;	 /* every access counts as shared */
	bool merge; /* stores go into the buffer without a transition where nobody can notice */
	bool reclassified; /* a place turned out to be shared: start again */
	void (*on_resume)(void);
	/* Statistics, sorted by address: no part of a state. */
	struct {
		char *p;
		size_t size;
	} ghost[PX_GHOSTS];
	unsigned ghosts;
	uint32_t quiet; /* accesses of the current thread since its last transition */
	uint32_t moves; /* times that a thread went on */
	bool builds;	/* the program is being set up */
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

/* ---- place.c: which memory agents share ---- */

/* One for each 4 bytes of memory. */
struct px_place {
	uint16_t readers, writers; /* sets of threads */
	uint32_t locks;		   /* held in each access */
};

/* Room for @size bytes of memory, not accessed so far. 0 or -ENOMEM. */
int px_places_init(size_t size);
void px_places_free(void);
/*
 * The current thread accesses [@addr, @addr + @size): true if the access commutes with everything
 * that other threads can do meanwhile, so that it needs no transition of its own.
 */
bool px_local(const char *addr, size_t size, bool write);
/* The current thread takes or drops the lock at @addr. */
void px_holds(const char *addr, bool on);

/* ---- save.c: checkpoints ---- */

/* True: the program's code says what it writes (px_touch); else memory is searched for changes. */
extern bool px_hooked;
/* See px_options.check_writes. */
extern bool px_check_writes;
/* False: a sanitizer has its own idea of stacks. Then nothing of the following may be called. */
bool px_can_save(void);
/* The state at the start of an execution. @hash: px_state_hash() will be asked. 0 or -ENOMEM. */
int px_save_start(bool hash);
void px_save_free(void);
/* [@p, @p + @size) is about to be written, or has been. */
void px_touch(const void *p, size_t size);
/*
 * After a transition of @proc with the operation @op: notes what it changed, so that it can be
 * undone. 0, -ENOMEM or -EIO.
 */
int px_save_step(unsigned proc, enum px_op op);
/* The point to which px_undo() goes back: before the transitions that come now. */
size_t px_saved(void);
void px_undo(size_t saved);
/* Puts memory back as it was after the last transition. */
void px_save_forget(void);

struct px_hash {
	uint64_t lo, hi;
};

/* Of the whole state: memory but statistics, threads with stacks and buffers, interrupts. */
struct px_hash px_state_hash(void);

/* ---- fault.c: programs that cannot go on ---- */

/* From now on (@on) a thread that the processor stops violates P6, and one that computes for
 * seconds without a transition P1; the search goes on. */
void px_faults(bool on);
/* Sets the program up; so does what stops in it. */
void px_build(const struct px_program *prog);
/* The current thread goes round for ever without a transition: P1. Does not return. */
void px_endless(void);

/* The current thread is about to access memory without the seam. */
void px_plain(const void *p, size_t size, bool write);

static inline void px_count_access(void)
{
	if (__builtin_expect(++px.quiet > PX_QUIET, 0) && px.current >= 0)
		px_endless();
}

/* ---- the value of memory, for the files of the engine ---- */

static inline bool px_same(struct px_val a, struct px_val b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

struct px_val px_peek(const char *p, uint32_t size);
void px_poke(char *p, uint32_t size, struct px_val v);
struct px_val px_combine(const struct px_access *a, struct px_val old);
/* A thread accesses @a without a transition: P6 if that memory is gone. */
void px_check_dead(const struct px_access *a);
/* Stops the current thread before @a until the search chooses it; the result of the operation. */
struct px_val px_point(const struct px_access *a);
/* True while no other thread sees an intermediate state: set-up, checks, an access of a line. */
bool px_alone(void);
/* The newest store in the own buffer of @t that overlaps @a, or NULL. */
const struct px_buffered *px_newest(const struct px_thread_state *t, const struct px_access *a);
bool px_within(const struct px_buffered *b, const struct px_access *a);
/*
 * What the load @a of @t returns: the store @b in its own buffer, or memory. A thread that spins
 * then waits for that place.
 */
struct px_val px_loaded(struct px_thread_state *t, const struct px_access *a,
			const struct px_buffered *b);
/* Puts the store @a into the buffer of @t, which has room; the number of its flush. */
int16_t px_buffer(struct px_thread_state *t, const struct px_access *a);

#endif
