/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MACHINE_AMD_H
#define PN_LAB_MACHINE_AMD_H

#include "machine.h"

/* What only the AMD machine has. */
struct pn_amd {
	struct pn_amdvi_drv *drv;
	struct pn_iommus iommus;
	struct pn_svm svm;
	struct pn_svm_vm *vm;
	struct pn_svm_vcpu *svcpu;
	uint32_t ga_cpu;
};

extern const struct pn_sim_ops pn_amd_ops;

#endif
