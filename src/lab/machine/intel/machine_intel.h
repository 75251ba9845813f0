/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MACHINE_INTEL_H
#define PN_LAB_MACHINE_INTEL_H

#include "machine.h"
#include "posted_msi.h"
#include "postern/apicv.h"
#include "postern/vtd.h"
#include "vmx.h"
#include "vtd_drv.h"

struct pn_intel_core {
	struct pn_apicv apicv;
	struct pn_vmcs_apic vmcs;
};

/* What the Intel machines have: with guests, and bare metal. */
struct pn_intel {
	struct pn_vtd_drv *drv;
	struct pn_vmx vmx;
	struct pn_vmx_vm *vm;
	struct pn_vmx_vcpu *vcpu;
	struct pn_vtd_ir *ir;	    /* one for each queue */
	struct pn_intel_core *core; /* one for each CPU */
	struct pn_pmsi pmsi;	    /* bare metal */
	struct pn_pmsi_cpu *pmsi_cpu;
};

static inline struct pn_vtd_ir *pn_vtd_ir_of(const struct pn_lab_queue *q)
{
	return pn_container(q->entry, struct pn_vtd_ir, host);
}

static inline struct pn_intel_core *pn_intel_core_of(const struct pn_pcpu *p)
{
	return pn_core_of(p)->hw;
}

extern const struct pn_sim_ops pn_intel_ops, pn_bare_ops;

/* IOMMUs, their driver and the cores; @m->intel. */
int pn_intel_create(struct pn_machine *m);
void pn_intel_destroy(struct pn_machine *m);
uint64_t pn_intel_ram(const struct pn_machine *m, uint32_t devices);
/* Remapped to the host, as the queue says. */
int pn_intel_queue(struct pn_lab_queue *q, uint16_t devid);
/* The unit's answer to the device's MSI, in the books. */
enum pn_msi_result pn_intel_request(struct pn_lab_iommu *io, struct pn_lab_queue *q, uint64_t sent);
void pn_intel_affinity(struct pn_lab_queue *q, struct pn_host_cpu *self);
/* With guests: is @vector in the descriptor? */
bool pn_intel_in_pir(const struct pn_lab_vcpu *v, uint8_t vector);
/* The queue's entry in the table; false: no request of this device gets through it. */
bool pn_intel_entry(const struct pn_lab_queue *q, struct pn_virte *out);
/* Does it lead to the queue's own CPU and vector? */
bool pn_intel_remapped(const struct pn_lab_queue *q, const struct pn_virte *e);
void pn_intel_check_iommus(struct pn_complaints *r, struct pn_machine *m,
			   const struct pn_totals *t);

#endif
