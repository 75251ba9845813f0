/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CALIBRATE_H
#define PN_LAB_CALIBRATE_H

#include <stdio.h>

#include "costs.h"
#include "recording.h"

/*
 * Puts what @rec shows of its machine into @c: medians, as measured values with the file, the
 * number of samples and quantiles as note. What it does not show stays. Returns how many values
 * changed.
 */
unsigned pn_calibrate(const struct pn_recording *rec, struct pn_costs *c);
/* What was measured, and what for: a row for each kind of duration, and for each line's handler. */
void pn_report_calibration(const struct pn_recording *rec, const struct pn_costs *c, FILE *f);

#endif
