/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SWEEP_REPORT_H
#define PN_LAB_SWEEP_REPORT_H

#include <stdio.h>

#include "sweep_cell.h"

/* What became of a sweep. */
struct pn_sweep_state {
	uint64_t done;	   /* runs that are in the database */
	uint64_t violated; /* of them: something was lost, or a wakeup missed */
	uint64_t failed;   /* runs that ended without a result, this time */
	bool partial;	   /* stopped before all were made */
};

/* All write to @f: 0, -EIO, -ENOMEM. They read the database run by run. */

/* A table for each figure, along one axis, and where modes change places. */
int pn_sweep_table(struct pn_sweep_db *db, const struct pn_sweep *s,
		   const struct pn_sweep_state *st, FILE *f);
/* postern.sweep/1: a cell for each point and mode. */
int pn_sweep_json(struct pn_sweep_db *db, const struct pn_sweep *s, const struct pn_sweep_state *st,
		  FILE *f);
/* A line for each run: axes, mode, seed, draw, figures. */
int pn_sweep_csv(struct pn_sweep_db *db, const struct pn_sweep *s, FILE *f);
/* A page: a chart for each figure along the axis. */
int pn_sweep_html(struct pn_sweep_db *db, const struct pn_sweep *s, const struct pn_sweep_state *st,
		  FILE *f);

/* Name, scenario, runs, costs: what every report begins with. Returns @buf. */
const char *pn_sweep_headline(const struct pn_sweep *s, const struct pn_sweep_state *st, char *buf,
			      size_t size);
/* How many runs of each mode lost an interrupt or missed a wakeup. 0 or -EIO. */
int pn_sweep_alarms(struct pn_sweep_db *db, const struct pn_sweep *s,
		    uint64_t violated[PN_SWEEP_MODES]);

#endif
