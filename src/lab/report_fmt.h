/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_FMT_H
#define PN_LAB_REPORT_FMT_H

#include <stdbool.h>
#include <stdio.h>

#include "report.h"

/* How reports write numbers and what they all say. Every function that takes a buffer returns it.
 */

#define PN_FMT_SIZE 32

/* Three significant digits: "2.31 us". */
const char *pn_fmt_ns(char *buf, double ns);
/* "1 234" is written 1234; from 100 000 on "123 k", "1.23 M". */
const char *pn_fmt_count(char *buf, double n);
/* Exact, however large: for what must be zero. */
const char *pn_fmt_exact(char *buf, uint64_t n);
/* "0.25", "2.1e-05": three significant digits, no unit. */
const char *pn_fmt_ratio(char *buf, double x);
/* "12.5 %" */
const char *pn_fmt_share(char *buf, double x);

/* One row of the comparison. @fill writes the cell, or returns false where the mode has no such
 * thing. */
struct pn_report_row {
	const char *group; /* heading before this row, or NULL */
	const char *label;
	bool (*fill)(const struct pn_result *r, char *buf);
	bool detail; /* only in the report of one mode */
};

/* The i-th row, NULL beyond the end. */
const struct pn_report_row *pn_report_row(unsigned i);
/* Fills the cell; a dash and false where there is nothing to say. */
bool pn_report_cell(const struct pn_report_row *row, const struct pn_result *r, char *buf);
/* True if it is for comparisons and some mode has something to say. */
bool pn_report_row_used(const struct pn_report_row *row, const struct pn_comparison *c);

/*
 * The sentences below the table. What was lost, missed or failed comes first and is an alarm, then
 * what is partial, then a comparison as far as the samples carry one.
 */
struct pn_reading {
	bool alarm;
	char text[700];
};

#define PN_READING_MAX 24

/* Fills at most PN_READING_MAX; returns how many. */
unsigned pn_report_reading(const struct pn_comparison *c, struct pn_reading *out);

/* "SCENARIO, seed 1, 1.00 s simulated, costs "default": modelled, not measured" */
void pn_report_header(const struct pn_comparison *c, FILE *f);
/* The reading, lines no longer than the table: only the alarms, or all but them. */
void pn_report_sentences(const struct pn_comparison *c, FILE *f, bool alarms);

/* "from the device's write to the guest's handler"; PN_WORK_NR: whosever. */
const char *pn_report_path(enum pn_workload w);
/* The workload of all modes; PN_WORK_NR: several. */
enum pn_workload pn_report_workload(const struct pn_comparison *c);

uint64_t pn_report_exits(const struct pn_result *r);
uint64_t pn_report_host_interrupts(const struct pn_result *r);

#endif
