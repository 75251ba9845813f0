/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CHART_H
#define PN_LAB_CHART_H

#include <stdbool.h>
#include <stdio.h>

/* Formats a value into @buf of PN_FMT_SIZE and returns it: pn_fmt_ns() and its like. */
typedef const char *pn_chart_fmt(char *buf, double v);

struct pn_chart_axis {
	double min, max; /* min < max; log: both above 0 */
	bool log;
	pn_chart_fmt *fmt;
	double step; /* between ticks; 0: one that suits; a log axis has its powers of ten */
};

/* One line: a value, or NAN, for each x of the chart. */
struct pn_chart_line {
	const char *name;
	unsigned colour; /* the page has eight; larger numbers begin again */
	const double *y;
	const double *low, *high; /* a band around it; NULL: none */
};

/* A value of x that has a name. */
struct pn_chart_mark {
	double x;
	const char *name;
};

/*
 * Lines over a common x. The page's script (page.h) says the values at the pointer: an SVG of one
 * size that scales, with caption and legend beside it as text.
 */
struct pn_chart {
	const char *caption;
	struct pn_chart_axis x, y;
	const double *at; /* ascending */
	unsigned n;
	const struct pn_chart_line *line;
	unsigned lines;
	const struct pn_chart_mark *mark;
	unsigned marks;
};

void pn_chart_write(const struct pn_chart *c, FILE *f);

#endif
