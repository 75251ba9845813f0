/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MACHINE_AMD_H
#define PN_LAB_MACHINE_AMD_H

#include "amdvi_drv.h"
#include "machine.h"
#include "postern/amdvi.h"
#include "postern/avic.h"
#include "svm.h"

/* State that only the AMD machine has. */
struct pn_amd {
	struct pn_amdvi_drv *drv;
	struct pn_iommus iommus;
	struct pn_svm svm;
	struct pn_svm_vm *vm;
	struct pn_svm_vcpu *svcpu;
	struct pn_amdvi_ir *ir;	       /* one for each queue */
	struct pn_avic *avic;	       /* one for each CPU */
	struct pn_avic_exit *ipi_exit; /* one for each vCPU: of an ICR write that exited */
	uint32_t ga_cpu;
};

static inline struct pn_amdvi *pn_amdvi_of(const struct pn_lab_iommu *io)
{
	return io->hw;
}

static inline struct pn_amdvi_ir *pn_amdvi_ir_of(const struct pn_lab_queue *q)
{
	return pn_container(q->entry, struct pn_amdvi_ir, host);
}

static inline struct pn_avic *pn_avic_of(const struct pn_pcpu *p)
{
	return pn_core_of(p)->hw;
}

extern const struct pn_sim_ops pn_amd_ops;

#endif
