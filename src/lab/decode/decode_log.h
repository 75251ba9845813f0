/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_DECODE_LOG_H
#define PN_LAB_DECODE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode.h"

/* Longer lines are cut. /proc/interrupts has 11 bytes for each CPU. */
#define PN_DECLOG_LINE 32768

/*
 * Lines of logs, traces and debugfs tables. Each line that is known is reported once, with what its
 * values mean; a record of several lines with its first line. Memory does not grow with the log.
 */
struct pn_declog {
	struct pn_decode_options opt;
	void (*report)(void *arg, unsigned long line, const struct pn_decoded *d);
	void *arg;
	unsigned long line, known, unknown; /* so far; empty lines are neither */
	/* From here on: its own. */
	char held[PN_DECLOG_LINE]; /* a line that goes on */
	unsigned long held_line;
	unsigned joined;
	struct {
		uint64_t word[4];
		unsigned words;
		unsigned long line;
	} dte, cmd;
	uint64_t exit_code, exit_info1; /* of a dump of a VMCB */
	struct pn_decoded out, next;
};

void pn_declog_init(struct pn_declog *log, const struct pn_decode_options *opt,
		    void (*report)(void *arg, unsigned long line, const struct pn_decoded *d),
		    void *arg);
/* One line of @size bytes; a line end is not needed. */
void pn_declog_feed(struct pn_declog *log, const char *text, size_t size);
/* Reports what is still held. */
void pn_declog_end(struct pn_declog *log);

/* The i-th kind of line, and an example; NULL beyond the end. */
const char *pn_declog_kind(unsigned i, const char **example);

#endif
