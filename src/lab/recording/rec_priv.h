/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_PRIV_H
#define PN_LAB_REC_PRIV_H

#include <stddef.h>
#include <sys/types.h>

#include "rec_line.h"
#include "rec_tasks.h"
#include "recording.h"

/* ---- rec_text.c: lines of a plain or gzip file ---- */

/* A program that makes text of its standard input: rec_tool.c */
#define PN_REC_TOOL_ARGS 8
struct pn_rec_tool {
	const char *magic;
	size_t magic_len;
	const char *program, *file, *expected;
	const char *arg[PN_REC_TOOL_ARGS];
	bool dat; /* rec_dat.c reads it too */
};

/* NULL: none is needed, or the file cannot be read twice. */
const struct pn_rec_tool *pn_rec_tool_for(int fd);
/* The end of a pipe with its output, or negative errno with @d. */
int pn_rec_tool_start(const struct pn_rec_tool *tool, int fd, const char *path, pid_t *pid,
		      struct pn_diag *d);
/* 0, or -ENODATA with @d: it failed. */
int pn_rec_tool_end(const struct pn_rec_tool *tool, pid_t pid, const char *path, struct pn_diag *d);

/* ---- rec_dat.c: trace.dat through libtracecmd ---- */

struct pn_rec_dat;

/* -ENOSYS: built without the library, @d is not filled. Else 0 or negative errno with @d. */
int pn_rec_dat_open(int fd, const char *path, struct pn_rec_dat **out, struct pn_diag *d);
/* Text, as read() gives it; 0 at the end. */
int pn_rec_dat_read(struct pn_rec_dat *t, char *buf, size_t size);
/* How much of it there was so far. */
uint64_t pn_rec_dat_bytes(const struct pn_rec_dat *t);
void pn_rec_dat_close(struct pn_rec_dat *t);

struct pn_rec_text;

typedef bool (*pn_rec_progress)(void *ctx, uint64_t done, uint64_t all);

int pn_rec_text_open(const char *path, pn_rec_progress progress, void *ctx,
		     struct pn_rec_text **out, struct pn_diag *d);
/* The same of @size bytes of plain text in memory, which must stay. */
int pn_rec_text_memory(const char *name, const char *text, size_t size, struct pn_rec_text **out,
		       struct pn_diag *d);
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

/* ---- rec_store.c: records in an unnamed file, put in order on the way ---- */

enum { PN_RAW_IRQ, PN_RAW_SWITCH, PN_RAW_POSTED_MSI };
#define PN_RAW_RUNNABLE 1u

struct pn_rec_raw {
	uint64_t ns;
	uint32_t a;   /* IRQ: index of the line; SWITCH: the previous task */
	uint32_t b;   /* IRQ: the line's slot on the CPU; SWITCH: the next task */
	uint16_t cpu; /* in order of appearance */
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
	uint32_t first, current; /* tasks */
	uint64_t interrupts;	 /* and vectors */
	/* the interrupt whose handlers run here: rec_lines.c */
	bool irq_known;
	uint32_t irq_first, irq_last; /* its first and last handler, as lines */
	uint64_t irq_ns;
	/* what has begun here: rec_durations.c */
	bool in_handler, handler_done, in_exit;
	uint64_t handler_ns, handler_end_ns, exit_ns;
};

void pn_rec_cpu_init(struct pn_rec_cpu *cpu);
/*
 * The recording shows @task on the CPU at @now. True: another task was there before and the switch
 * is missing; *raw becomes that switch. @last_irq_ns: the last interrupt on any CPU.
 */
bool pn_rec_cpu_runs(struct pn_rec_cpu *cpu, uint32_t task, uint64_t now, uint64_t last_irq_ns,
		     struct pn_rec_raw *raw);

/* ---- rec_lines.c: interrupt lines, and the queues that they are on the CPUs ---- */

struct pn_rec_lines {
	struct pn_rec_map by_name, by_cpu;
	uint32_t room, last; /* most lines repeat an interrupt line */
	uint32_t slots[PN_REC_MAX_CPUS];
};

/* The place of @l in s->line, or -ENOMEM as *index's error. */
int pn_rec_line_index(struct pn_rec_lines *x, struct pn_rec_summary *s, const struct pn_rec_line *l,
		      uint32_t *index);
/* Which of the lines of @cpu it is. */
int pn_rec_line_slot(struct pn_rec_lines *x, struct pn_rec_summary *s, uint32_t cpu, uint32_t line,
		     uint32_t *slot);
/*
 * A handler of @line starts. True: it is a further handler of the interrupt that the CPU has
 * already: several share a number, and all are called for one interrupt.
 */
bool pn_rec_line_shared(struct pn_rec_cpu *cpu, const struct pn_rec_summary *s, uint32_t line,
			uint64_t ns);
void pn_rec_lines_free(struct pn_rec_lines *x);

/* ---- rec_durations.c: how long things took ---- */

struct pn_recording;

void pn_rec_handler_begins(struct pn_rec_cpu *c, uint64_t ns);
void pn_rec_handler_ends(struct pn_recording *rec, struct pn_rec_cpu *c, uint64_t number,
			 uint64_t ns);
void pn_rec_woken(struct pn_rec_thread *t, uint32_t cpu, uint64_t ns);
/* @to: NULL is idle. */
void pn_rec_switched(struct pn_recording *rec, struct pn_rec_cpu *c, struct pn_rec_thread *to,
		     uint32_t cpu, bool from_idle, uint64_t ns);
void pn_rec_guest_left(struct pn_rec_cpu *c, uint64_t ns);
void pn_rec_guest_entered(struct pn_recording *rec, struct pn_rec_cpu *c, uint64_t ns);

/* ---- rec_counts.c ---- */

/* One more of that name. */
void pn_rec_count(struct pn_rec_counts *c, const char *name, size_t len);

/* ---- rec_import.c: one pass over the text ---- */

/* Fills everything of @rec. */
int pn_rec_import(struct pn_recording *rec, const struct pn_rec_hints *hints,
		  struct pn_rec_text *text, struct pn_diag *d);

struct pn_recording {
	struct pn_rec_summary sum;
	int fd;
	uint8_t *is_load; /* by task; NULL: no load is known, all run */
	uint32_t tasks;
	struct pn_rec_hist span[PN_SPAN_NR];
	struct pn_rec_hist *by_line; /* of handlers; by_line_room of them */
	uint32_t by_line_room;
	uint16_t cpu[PN_REC_MAX_CPUS];	  /* order of appearance to order of numbers */
	bool runs_first[PN_REC_MAX_CPUS]; /* by order of numbers */
};

#endif
