/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SWEEP_CELL_H
#define PN_LAB_SWEEP_CELL_H

#include "stats.h"
#include "sweep_db.h"

/* The runs of one mode at one point. */
struct pn_cell {
	struct pn_sample
		seeds[PN_FIGURES]; /* the table as it is; without runs that have no such figure */
	struct pn_sample draws[PN_FIGURES];	 /* a mean over the seeds for each draw */
	double sd[PN_FIGURES], lag1[PN_FIGURES]; /* of batches */
	uint32_t batches;
};

/* 0 or -EIO. */
int pn_sweep_cell(struct pn_sweep_db *db, const struct pn_sweep *s, uint64_t point, unsigned mode,
		  struct pn_cell *out);
/* Half the width of the figure's interval, that of a quantile's bucket included; NAN: none. */
double pn_cell_half(const struct pn_sweep *s, const struct pn_cell *c, unsigned figure);
/* "4.29 +-0.05 us", or "-"; returns @buf of PN_FIGURE_TEXT bytes. */
const char *pn_cell_text(const struct pn_sweep *s, const struct pn_cell *c, unsigned figure,
			 char *buf);
/* What the interval is: "mean of 5 seeds +- 95 % interval"; empty without one. Returns @buf. */
const char *pn_sweep_interval_text(const struct pn_sweep *s, char *buf, size_t size);

/* Where two modes change places along an axis. */
struct pn_break_even {
	unsigned low, high; /* modes: whose figure is lower before it, and higher after */
	unsigned before,
		after; /* indices of the values between which the order is decided otherwise */
	double at;     /* where the means cross; NAN: they do not between those */
	/* Over the draws: how many of them have the crossing, and where the first and last are. */
	unsigned crossed, of;
	double first, last;
};

#define PN_BREAK_EVENS 32

/*
 * Those of one figure along the axis s->along, if it is one of numbers, the other axes as in
 * @fixed. A difference counts where the interval of the seeds' paired differences leaves out 0. How
 * many, at most PN_BREAK_EVENS; or -EIO.
 */
int pn_sweep_break_evens(struct pn_sweep_db *db, const struct pn_sweep *s, unsigned figure,
			 const unsigned fixed[PN_SWEEP_AXES], struct pn_break_even *out);
/* "avic and galog change places near 31 k/s (20k/s .. 50k/s): ..." Returns @buf. */
const char *pn_break_even_text(const struct pn_sweep *s, const struct pn_break_even *b, char *buf,
			       size_t size);

/* The next combination of the axes other than s->along; false: that was the last. Begin with 0. */
bool pn_sweep_next_fixed(const struct pn_sweep *s, unsigned fixed[PN_SWEEP_AXES]);
/* "guest.vcpus=8": the axes other than s->along. Empty if there are none. */
const char *pn_sweep_fixed_text(const struct pn_sweep *s, const unsigned fixed[PN_SWEEP_AXES],
				char *buf, size_t size);

#endif
