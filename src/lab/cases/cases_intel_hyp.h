/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_INTEL_HYP_H
#define PN_LAB_CASES_INTEL_HYP_H

#include "cases_intel.h"
#include "vmx_priv.h"

/* For cases of one agent that look at what the hypervisor's functions change. */

static inline struct pn_vmx_vcpu *v(unsigned i)
{
	return &intel->vcpu[i];
}

static inline void eq(uint64_t got, uint64_t want, const char *what)
{
	rig_eq(got, want, "P2", what);
}

/* Parts of the case of a VM: it comes up, and its VMCS; in set-up, memory for it. */
void intel_vm_makes(void), intel_vm_memory(void);

#endif
