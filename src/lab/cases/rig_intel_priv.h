/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_RIG_INTEL_PRIV_H
#define PN_LAB_CASES_RIG_INTEL_PRIV_H

#include "rig_intel.h"

/* What the files of the Intel machine share. */

static inline struct rig_intel_core *rig_intel_core(const struct pn_host_cpu *c)
{
	return &intel->core[c->id];
}

/* The driver's part of interrupt @index: not posted, to CPU 1. */
void rig_intel_init_ir(unsigned index);
/* Bare metal: its posted MSIs; CPU @c takes what its local APIC has. */
void rig_intel_build_bare(void);
void rig_intel_bare_irq(struct pn_host_cpu *c, struct rig_intel_core *k);

#endif
