/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_CURVES_H
#define PN_LAB_REPORT_CURVES_H

#include <stdbool.h>
#include <stdio.h>

#include "result.h"

/* One curve per mode: percentile (log of 1 / (1 - p)) against latency (log), of one kind of
 * interrupts where there are both. */
void pn_report_curves(const struct pn_comparison *c, enum pn_part_kind kind, bool wake, FILE *f);

#endif
