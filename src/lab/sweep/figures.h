/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_FIGURES_H
#define PN_LAB_FIGURES_H

#include <stdbool.h>

#include "result.h"

enum pn_figure_unit {
	PN_UNIT_TIME,  /* ns */
	PN_UNIT_COUNT, /* of anything, or per second */
	PN_UNIT_RATIO, /* of two counts */
};

/* One figure of a run: a column of the database, and what tables and pages are made of. */
struct pn_figure {
	const char *name;  /* in files of sweeps and as a column */
	const char *title; /* above its table */
	enum pn_figure_unit unit;
	bool bucketed; /* from a histogram: known within 3.2 % */
	bool (*value)(const struct pn_result *r, double *value); /* false: the mode has none */
};

#define PN_FIGURES 18
/* How far a bucketed figure may be from the quantile that it stands for. */
#define PN_BUCKET_ERROR (1.0 / 64)

extern const struct pn_figure pn_figures[PN_FIGURES];

/* Index, or -1. */
int pn_figure_find(const char *name);
/* Every figure of @r; NAN where there is none. */
void pn_figures_of(const struct pn_result *r, double out[PN_FIGURES]);

#define PN_FIGURE_TEXT 48

/* "4.29 us"; returns @buf of PN_FIGURE_TEXT bytes. "-" if @value is NAN. */
const char *pn_figure_text(enum pn_figure_unit unit, double value, char *buf);
/* "4.29 +-0.05 us": both in the mean's unit. @half NAN: as above. */
const char *pn_figure_interval(enum pn_figure_unit unit, double mean, double half, char *buf);

#endif
