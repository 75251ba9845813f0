/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_OPS_H
#define PN_LAB_CASES_OPS_H

#include "case_file.h"

/* Each vendor's machine as a text knows it: ops_amd.c, ops_intel.c. */
extern const struct pn_case_vendor rig_text_amd, rig_text_intel;

#endif
