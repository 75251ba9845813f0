/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_IMPORT_H
#define PN_LAB_REC_IMPORT_H

#include "rec_priv.h"

/* The parts of the one pass over a recording's text. */

#define PN_REC_CPU_NUMBERS 65536
#define PN_REC_POSTED_MSI  235 /* the vector of its notifications */

/* State that exists only while the file is read. */
struct pn_rec_import {
	struct pn_recording *rec;
	struct pn_rec_text *text;
	const struct pn_rec_hints *hints;
	struct pn_rec_tasks tasks;
	struct pn_rec_lines lines;
	struct pn_rec_store *store;
	struct pn_diag *d;
	uint64_t newest;
	uint64_t last_irq_ns;
	bool tracer_header, trace_cmd_header;
	char machine[64];	  /* the one that all lines must name */
	unsigned long lacks_line; /* the first one that looks like an interrupt and is none */
	char lacks[160];
	uint16_t seen[PN_REC_CPU_NUMBERS];	/* order of appearance + 1, 0: not yet */
	struct pn_rec_cpu cpu[PN_REC_MAX_CPUS]; /* in order of appearance */
};

/* An error of the line that was read last; returns @err. */
__attribute__((format(printf, 3, 4))) int pn_rec_bad(struct pn_rec_import *im, int err,
						     const char *fmt, ...);
int pn_rec_no_memory(struct pn_rec_import *im);

/* ---- rec_check.c: what all lines must agree on. 0, or negative errno with a message ---- */

/* A CPU's place in order of appearance, or negative errno. */
int pn_rec_cpu_index(struct pn_rec_import *im, const struct pn_rec_line *l);
int pn_rec_machine_check(struct pn_rec_import *im, const struct pn_rec_line *l);
/* Makes nanoseconds of a clock that counts ticks, if their rate is known. */
int pn_rec_clock_rate(struct pn_rec_import *im, struct pn_rec_line *l);
/* Takes the format and the first time from the first event. */
int pn_rec_clock_check(struct pn_rec_import *im, const struct pn_rec_line *l);

/* ---- rec_finish.c: the summary ---- */

/* Names come from the file and go to people's terminals. */
void pn_rec_printable(char *s);
/* Counts lines of one kind that are not read. */
void pn_rec_skip(struct pn_rec_import *im, const char *kind, size_t len, uint64_t count);
/* After the last line: is there anything, who is the load, which CPUs are there. */
int pn_rec_finish(struct pn_rec_import *im);

#endif
