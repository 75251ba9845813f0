/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_WAKES_H
#define PN_LAB_REPORT_WAKES_H

#include <stdio.h>

#include "result.h"

/* Chosen wakeups of a comparison, for a page: where their time goes, mode beside mode, and each as
 * a timeline. Nothing if no mode kept any. */
void pn_report_wakes(const struct pn_comparison *c, FILE *f);

#endif
