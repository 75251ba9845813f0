/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_TIMELINE_H
#define PN_LAB_REPORT_TIMELINE_H

#include <stdio.h>

#include "wakes.h"

/* One wakeup as a picture with a row for the device, the IOMMU, each CPU and the vCPU, and its
 * steps as text; @mode and @which name it. */
void pn_report_timeline(const struct pn_wake *w, const char *mode, const char *which, FILE *f);

#endif
