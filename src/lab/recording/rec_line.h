/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_LINE_H
#define PN_LAB_REC_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one line of a recording says. Strings point into the line. */

enum pn_rec_what {
	PN_LINE_COMMENT,
	PN_LINE_LOST,	 /* @number events lost */
	PN_LINE_UNKNOWN, /* not an event */
	PN_LINE_LACKS,	 /* looks like irq_handler_entry, but @lacks is missing */
	PN_LINE_OTHER,	 /* an event of no interest: @name */
	PN_LINE_IRQ,	 /* irq_handler_entry: @number, @name */
	PN_LINE_EXIT,	 /* irq_handler_exit: @number */
	PN_LINE_SWITCH,
	PN_LINE_WAKEUP,	  /* sched_waking, sched_wakeup: @next becomes runnable */
	PN_LINE_VM_ENTRY, /* kvm_entry */
	PN_LINE_VM_EXIT,  /* kvm_exit: @name is the reason */
	PN_LINE_KVM,	  /* another event of kvm: @name */
	PN_LINE_VECTOR,	  /* irq_vectors: NAME_entry, with @number; @name is NAME */
};

struct pn_rec_str {
	const char *s;
	size_t len;
};

/* A task as a line names it. */
struct pn_rec_task {
	struct pn_rec_str comm; /* empty: not known */
	int64_t tid;		/* -1: not known; 0: idle */
	int64_t tgid;		/* -1: not known */
	bool cut;		/* the format cuts names short */
};

enum pn_rec_clock { PN_CLOCK_SECONDS, PN_CLOCK_TICKS };

struct pn_rec_line {
	enum pn_rec_what what;
	const char *format; /* "ftrace", "perf script" ...; NULL: not an event */
	enum pn_rec_clock clock;
	bool flags;	/* the line has ftrace's column of flags */
	bool subsystem; /* the event is written irq:irq_handler_entry, as perf does */
	bool runnable;	/* SWITCH: the previous task wanted to go on */
	bool kthread;	/* SWITCH: its state is one that only kernel threads have */
	uint32_t cpu;
	uint64_t ns; /* or ticks */
	uint64_t number;
	struct pn_rec_str name;
	struct pn_rec_str machine; /* file, VM or host that the line names; empty: none */
	struct pn_rec_task task;
	struct pn_rec_task prev, next; /* SWITCH */
	const char *lacks;
};

/* rec_parse.c */
void pn_rec_parse(const char *s, const char *end, struct pn_rec_line *l);

/* rec_head.c: everything before the event's name. Returns where the name begins, *end is where the
 * line's text ends, or NULL if no format fits. */
const char *pn_rec_head(const char *s, const char **end, struct pn_rec_line *l);
/* "event:" or "subsystem:event:" into l->name: where its fields begin, or NULL. */
const char *pn_rec_event_name(const char *s, const char *end, struct pn_rec_line *l);

/* rec_dress.c: takes off what loggers and reports put before a line. */
const char *pn_rec_undress(const char *s, const char *end, struct pn_rec_line *l);

/* rec_fields.c: what follows the name. */
enum pn_rec_what pn_rec_fields(const char *s, const char *end, struct pn_rec_line *l);

/* rec_lacks.c: why a line with an irq_handler_entry cannot be read. */
const char *pn_rec_lacks(const char *s, const char *end);

#endif
