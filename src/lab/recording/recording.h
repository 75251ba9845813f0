/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_RECORDING_H
#define PN_LAB_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diag.h"
#include "rec_span.h"

/*
 * A recording of a real machine, as tracers write it (rec_head.c has the formats), plain or packed.
 * Events: irq_handler_entry (each becomes one MSI), irq_handler_exit, sched_switch; and those that
 * only say how long something took, or how often it was: sched_wakeup, kvm_*, irq_vectors.
 * Without irq_handler_entry each notification of posted MSIs (vector 235) becomes one MSI.
 * Everything else is skipped and counted.
 *
 * Each CPU of the recording is a vCPU. It runs while one of the load's tasks is on it, sleeps while
 * it is idle or its load task went to sleep, and is preempted while a load task that wanted to go
 * on (prev_state R) is displaced by another one. rec_load.c says which tasks are the load.
 */
enum pn_rec_kind {
	PN_REC_IRQ,
	PN_REC_RUN,
	PN_REC_SLEEP,
	PN_REC_PREEMPT,
};

struct pn_rec_event {
	uint64_t ns;   /* since the first event */
	uint32_t cpu;  /* 0 .. cpus - 1, compacted in order of the recording's numbers */
	uint32_t line; /* PN_REC_IRQ: index into line[] */
	uint8_t kind;
	uint8_t runs_next; /* PN_REC_IRQ while asleep: the next thing on this CPU is PN_REC_RUN,
			      soon */
	uint32_t slot;	   /* PN_REC_IRQ: which of its CPU's lines it is, in order of appearance */
};

#define PN_REC_MAX_CPUS 1024
#define PN_REC_MAX_SKIP 16

/* How often each of some names was seen. The last place counts what there was no room for. */
#define PN_REC_MAX_NAMES 64
struct pn_rec_counts {
	uint64_t all;
	unsigned names;
	struct {
		char name[40];
		uint64_t count;
	} of[PN_REC_MAX_NAMES];
};

struct pn_rec_irq {
	uint32_t irq;
	char name[48];
	uint64_t count;
};

struct pn_rec_summary {
	char path[256];
	char format[24];    /* "ftrace", "trace-cmd report", "perf script" ... */
	char load_comm[32]; /* empty: no load is known, vCPUs are taken as always running */
	char load_why[96];  /* why it was taken for the load */
	uint32_t load_threads;
	double load_share;   /* of the time of all CPUs; below 0: not known */
	uint64_t text_lines; /* all lines, comments included */
	uint64_t events;     /* events understood */
	uint64_t interrupts, switches, exits;
	/* What the recorded machine's hypervisor and interrupt vectors did, as far as recorded. */
	uint64_t vm_entries;
	struct pn_rec_counts vm_exits; /* by KVM's name of the reason */
	struct pn_rec_counts kvm;      /* other events of kvm */
	struct pn_rec_counts vectors;  /* irq_vectors, without _entry; 235, 241 and 242 are
					  posted_msi, wakeup and notify */
	uint64_t posted_msi;
	bool from_vectors; /* no device interrupt was recorded: each notification of posted MSIs is
			      taken for one */
	uint64_t busiest;  /* interrupts of the CPU that got most, vectors included */
	uint64_t wakeups;  /* an interrupt found a sleeping load, which ran soon */
	uint64_t shared;   /* further handlers of the same interrupt */
	uint64_t lost;	   /* events of which tracers say that they are missing */
	uint64_t inferred; /* switches that are missing in the recording (filtered) but must have
			      happened */
	uint64_t first_ns, span_ns; /* recorded clock; last - first */
	uint32_t cpus;
	uint32_t cpu_number[PN_REC_MAX_CPUS];
	uint32_t lines, slots; /* slots: the most lines that one CPU has */
	struct pn_rec_irq *line;
	unsigned skips; /* kinds of skipped lines: event name, "comment", "not an event", "lost
			   events" */
	struct {
		char kind[160];
		uint64_t count;
		unsigned long first_line;
	} skip[PN_REC_MAX_SKIP];
	uint64_t sorted;	/* events that came late, within the tolerance */
	uint64_t worst_back_ns; /* by how much at most */
	unsigned long worst_back_line;
};

#define PN_REC_TOLERANCE_NS 1000000ull

struct pn_recording;

/* What a recording does not say itself. All may be 0 or NULL. */
struct pn_rec_hints {
	double tsc_ghz;	  /* rate of a clock that counts ticks */
	const char *load; /* names of the load's tasks, a pattern of the shell; or a tid or tgid */
};

/*
 * Reads a recording once: parses, sorts within PN_REC_TOLERANCE_NS, keeps the events in an unnamed
 * temporary file. Memory does not grow with the input. @progress (may be NULL) is called now and
 * then with bytes read and bytes in all (0: unknown); returning false stops with -EINTR.
 * Errors, each with file and line: -ENOENT and other open errors, -ENODATA (empty, or no interrupt
 * events: says which events there were), -EPROTO (clock goes back beyond the tolerance: says
 * where), -EBADMSG (truncated or corrupt gzip), -E2BIG (too many CPUs), -EINVAL (a format that says
 * too little, several machines, a clock in ticks: says what is missing), -ESRCH (no such load),
 * -EIO.
 */
int pn_recording_open(const char *path, const struct pn_rec_hints *hints,
		      bool (*progress)(void *ctx, uint64_t done, uint64_t all), void *ctx,
		      struct pn_recording **out, struct pn_diag *d);
/* The same of plain text in memory, where its events stay too. */
int pn_recording_memory(const char *name, const char *chars, size_t size,
			const struct pn_rec_hints *hints, struct pn_recording **out,
			struct pn_diag *d);
const struct pn_rec_summary *pn_recording_summary(const struct pn_recording *rec);

/* How long it took, of all lines; or of the handlers of one line: NULL, none was seen. */
const struct pn_rec_hist *pn_recording_span(const struct pn_recording *rec, enum pn_rec_span what);
const struct pn_rec_hist *pn_recording_handler(const struct pn_recording *rec, uint32_t line);

/* @name with each number replaced by '*'. */
void pn_rec_stem(const char *name, char *out, size_t size);

/* An independent reader from the beginning. Its first events are one PN_REC_RUN or PN_REC_SLEEP for
 * each CPU, at 0 ns. */
struct pn_rec_reader;
int pn_rec_reader_open(struct pn_recording *rec, struct pn_rec_reader **out);
/* 1: *ev is the next event, in time order; 0: end; negative errno. */
int pn_rec_reader_next(struct pn_rec_reader *r, struct pn_rec_event *ev);
void pn_rec_reader_close(struct pn_rec_reader *r);

void pn_recording_close(struct pn_recording *rec);

#endif
