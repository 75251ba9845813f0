/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_OPS_H
#define PN_LAB_CASES_OPS_H

#include "case_file.h"

/* Each vendor's machine as a text knows it: ops_amd.c, ops_intel.c. */
extern const struct pn_case_vendor rig_text_amd, rig_text_intel;

/* Operations that a text describes in each vendor's words: rig_vendor.cause comes up, and goes. */
bool rig_op_inhibit(struct rig_agent *me, const int *arg);
bool rig_op_allow(struct rig_agent *me, const int *arg);

#endif
