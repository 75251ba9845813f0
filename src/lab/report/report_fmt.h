/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_FMT_H
#define PN_LAB_REPORT_FMT_H

#include <stdbool.h>
#include <stdio.h>

#include "report.h"

/*
 * Numbers, rows and sentences that all reports share. Every function that takes a buffer returns
 * it.
 */

#define PN_FMT_SIZE 32

/* Three significant digits: "2.31 us". */
const char *pn_fmt_ns(char *buf, double ns);
/* "1 234" is written 1234; from 100 000 on "123 k", "1.23 M". */
const char *pn_fmt_count(char *buf, double n);
/* Every digit, for values that must be zero. Exact up to 2^53. */
const char *pn_fmt_exact(char *buf, double n);
/* "0.25", "2.1e-05": three significant digits, no unit. */
const char *pn_fmt_ratio(char *buf, double x);
/* "12.5 %" */
const char *pn_fmt_share(char *buf, double x);

/* One row of the comparison. @value returns false where the mode has no such figure. */
struct pn_report_row {
	const char *group; /* heading before this row, or NULL */
	const char *label;
	bool (*value)(const struct pn_result *r, double *value);
	const char *(*fmt)(char *buf, double value);
	bool detail; /* only in the report of one mode */
	/* Only in comparisons, and beside a recording that has such events. NULL: always. */
	bool (*beside)(const struct pn_rec_summary *s);
	/* What a recording itself shows of it; false: nothing. NULL: no recording can. */
	bool (*measured)(const struct pn_rec_summary *s, double *value);
};

/* The i-th row, NULL beyond the end. */
const struct pn_report_row *pn_report_row(unsigned i);
/* Fills the cell; a dash and false if the mode has no such figure. */
bool pn_report_cell(const struct pn_report_row *row, const struct pn_result *r, char *buf);
/* The cell of the recording; a dash and false if it does not show that. */
bool pn_report_measured_cell(const struct pn_report_row *row, const struct pn_comparison *c,
			     char *buf);
/* True if the row is for comparisons and some mode of workload @w has the figure; PN_WORK_NR: of
 * any workload. */
bool pn_report_row_used(const struct pn_report_row *row, const struct pn_comparison *c,
			enum pn_workload w);

/*
 * The sentences below the table: first alarms (lost, missed, failed), then partial results, then a
 * comparison if there are enough samples.
 */
struct pn_reading {
	bool alarm;
	char text[1200];
	/*
	 * What the sentence claims, without its figures: two cost tables agree on a reading if both
	 * give a sentence with this claim. Empty: a count or a remark, which claims nothing.
	 */
	char claim[160];
	char question[160];	/* the same as a question, for a claim that does not hold */
	double amount;		/* how much: a factor, a percentage. NAN: no such figure */
	const char *amount_fmt; /* of printf, for one double */
	/* With drawn costs: in how many of the draws the claim holds. */
	unsigned holds, of;
	bool open; /* it holds in fewer than nine of ten */
};

#define PN_READING_MAX 32

/*
 * Fills at most PN_READING_MAX; returns how many. If @c has draws, each claim says in how many of
 * them it holds, one that holds in fewer than nine of ten is worded as an open question, and a
 * property that is violated only in a draw is an alarm.
 */
unsigned pn_report_reading(const struct pn_comparison *c, struct pn_reading *out);

/*
 * Counts the draws of @c for the @n sentences in @out and rewords them; returns the new number of
 * sentences. pn_report_reading() calls it.
 */
unsigned pn_reading_weigh(const struct pn_comparison *c, struct pn_reading *out, unsigned n);

/* The least and the most of a row's figure of result @mode over the draws of @c; false: no draw has
 * the figure. */
bool pn_report_range(const struct pn_report_row *row, const struct pn_comparison *c, unsigned mode,
		     double *min, double *max);

/* "SCENARIO, seed 1, 1.00 s simulated, costs "default": modelled, not measured" */
void pn_report_header(const struct pn_comparison *c, FILE *f);
/* The reading, lines no longer than the table: only the alarms, or all but them. */
void pn_report_sentences(const struct pn_comparison *c, FILE *f, bool alarms);

/* "from the device's write to the guest's handler"; PN_WORK_NR: for several workloads. */
const char *pn_report_path(enum pn_workload w);
/* The workload of all modes; PN_WORK_NR: several. */
enum pn_workload pn_report_workload(const struct pn_comparison *c);

uint64_t pn_report_exits(const struct pn_result *r);
uint64_t pn_report_host_interrupts(const struct pn_result *r);

#endif
