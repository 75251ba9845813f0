/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_PRIV_H
#define PN_LAB_REC_PRIV_H

#include <stddef.h>

#include "recording.h"

/* ---- rec_text.c: lines of a plain or gzip file ---- */

struct pn_rec_text;

typedef bool (*pn_rec_progress)(void *ctx, uint64_t done, uint64_t all);

int pn_rec_text_open(const char *path, pn_rec_progress progress, void *ctx,
		     struct pn_rec_text **out, struct pn_diag *d);
/* 1: [*s, *end) is the next line, without its end, valid until the next call; a line that is longer
 * than the buffer comes as an empty one. 0: end of file. Negative errno with @d. */
int pn_rec_text_next(struct pn_rec_text *t, const char **s, const char **end, struct pn_diag *d);
/*
 * Reads to the end: -EBADMSG with @d (or another read error) if the gzip file is damaged. That
 * explains lines that make no sense.
 */
int pn_rec_text_damaged(struct pn_rec_text *t, struct pn_diag *d);
unsigned long pn_rec_text_line(const struct pn_rec_text *t);
void pn_rec_text_close(struct pn_rec_text *t);

/* ---- rec_parse.c: what one line says ---- */

enum pn_rec_what {
	PN_LINE_COMMENT,
	PN_LINE_LOST,	 /* @number events lost */
	PN_LINE_UNKNOWN, /* not an event */
	PN_LINE_OTHER,	 /* an event of no interest: @name */
	PN_LINE_IRQ,	 /* irq_handler_entry: @number, @name */
	PN_LINE_EXIT,
	PN_LINE_SWITCH,
};

struct pn_rec_str {
	const char *s;
	size_t len;
};

struct pn_rec_line {
	enum pn_rec_what what;
	bool flags;	/* the line has ftrace's column of flags */
	bool subsystem; /* the event is written irq:irq_handler_entry, as perf does */
	bool idle_task; /* the current task has pid 0 */
	bool runnable;	/* SWITCH: the previous task wanted to go on */
	bool kthread;	/* SWITCH: its state is one that only kernel threads have */
	uint32_t cpu;
	uint64_t ns;
	uint64_t number;
	struct pn_rec_str name;
	struct pn_rec_str task;	      /* comm of the current task; empty: not known */
	struct pn_rec_str prev, next; /* SWITCH: comms */
	bool prev_idle, next_idle;
};

void pn_rec_parse(const char *s, const char *end, struct pn_rec_line *out);

/* ---- rec_comm.c: the names of tasks, as small numbers ---- */

#define PN_COMM_IDLE	0
#define PN_COMM_KERNEL	1 /* kernel threads, and names for which there is no room */
#define PN_COMM_FIRST	2
#define PN_COMM_MAX	4096
#define PN_COMM_UNKNOWN UINT16_MAX

struct pn_rec_comms;

struct pn_rec_comms *pn_rec_comms_new(void);
uint16_t pn_rec_comm(struct pn_rec_comms *c, struct pn_rec_str name, bool idle);
void pn_rec_comm_switched_to(struct pn_rec_comms *c, uint16_t id);
void pn_rec_comm_kernel(struct pn_rec_comms *c, uint16_t id);
/* The comm that was switched to most often, or PN_COMM_IDLE if there was none. */
uint16_t pn_rec_comm_busiest(const struct pn_rec_comms *c, char *name, size_t size);

/* ---- rec_store.c: records in an unnamed file, put in order on the way ---- */

enum { PN_RAW_IRQ, PN_RAW_SWITCH };
#define PN_RAW_RUNNABLE 1u

struct pn_rec_raw {
	uint64_t ns;
	uint16_t cpu; /* in order of appearance */
	uint16_t a;   /* IRQ: index of the line; SWITCH: comm of the previous task */
	uint16_t b;   /* SWITCH: comm of the next task */
	uint8_t kind, flags;
};

#define PN_REC_WINDOW 65536 /* records that wait to be put in order, at most */

struct pn_rec_store;

struct pn_rec_store *pn_rec_store_new(int fd);
/* @newest: largest time seen so far; what is older than the tolerance is written. -EPROTO: @raw is
 * older than what was written already; -EIO. */
int pn_rec_store_add(struct pn_rec_store *st, const struct pn_rec_raw *raw, uint64_t newest);
int pn_rec_store_finish(struct pn_rec_store *st);
void pn_rec_store_free(struct pn_rec_store *st);
/* The oldest time that pn_rec_store_add() still takes. */
uint64_t pn_rec_store_oldest(const struct pn_rec_store *st);
/* Unnamed temporary file (TMPDIR, else /tmp), or negative errno. */
int pn_rec_tmpfile(void);

/* ---- rec_task.c: which task a CPU runs, where the recording leaves switches out ---- */

struct pn_rec_cpu {
	uint64_t last_ns;	 /* of the CPU's last event */
	bool last_irq;		 /* it was an interrupt */
	uint16_t first, current; /* comms */
};

void pn_rec_cpu_init(struct pn_rec_cpu *cpu);
/*
 * The recording shows @task on the CPU at @now. True: another task was there before and the switch
 * is missing; *raw becomes that switch. @last_irq_ns: the last interrupt on any CPU.
 */
bool pn_rec_cpu_runs(struct pn_rec_cpu *cpu, uint16_t task, uint64_t now, uint64_t last_irq_ns,
		     struct pn_rec_raw *raw);

/* ---- rec_import.c: one pass over the text ---- */

struct pn_recording;

/* Fills everything of @rec. */
int pn_rec_import(struct pn_recording *rec, struct pn_rec_text *text, struct pn_diag *d);

struct pn_recording {
	struct pn_rec_summary sum;
	int fd;
	uint16_t load;			  /* comm; PN_COMM_IDLE: unknown, all run */
	uint16_t cpu[PN_REC_MAX_CPUS];	  /* order of appearance to order of numbers */
	bool runs_first[PN_REC_MAX_CPUS]; /* by order of numbers */
};

#endif
