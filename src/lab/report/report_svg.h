/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_SVG_H
#define PN_LAB_REPORT_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "result.h"

/* Text as HTML or SVG content or attribute: every character with a special meaning is escaped. */
void pn_html_text(const char *s, FILE *f);

/* One curve per mode: percentile (log of 1 / (1 - p)) against latency (log), of one kind of
 * interrupts where there are both. */
void pn_svg_curves(const struct pn_comparison *c, enum pn_part_kind kind, bool wake, FILE *f);

#endif
