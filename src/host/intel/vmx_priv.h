/* SPDX-License-Identifier: MIT */
#ifndef PN_VMX_PRIV_H
#define PN_VMX_PRIV_H

#include "postern/x86.h"
#include "vectors.h"
#include "vmx.h"

/* Shared by the files of the hypervisor. */

#define PN_VMX_NO_CPU 0xFFFFFFFFu /* pn_host_vcpu.cpu: has never run */

static inline uint64_t pn_vmx_key(const struct pn_vmx_vcpu *v)
{
	return (uint64_t)v->vm->h.id << 32 | v->h.idx;
}

static inline const struct pn_vmx_config *pn_vmx_cfg(const struct pn_vmx_vcpu *v)
{
	return &v->vm->vmx->cfg;
}

static inline uint64_t pn_vmx_nv(uint8_t vector)
{
	return (uint64_t)vector << PN_PID_NV_SH;
}

/* NDST for notifications that @c is to take. */
static inline uint64_t pn_vmx_ndst(const struct pn_vmx_vcpu *v, const struct pn_host_cpu *c)
{
	return pn_pid_ndst(c->apicid, pn_vmx_cfg(v)->host_x2apic);
}

/* True if NV is the wakeup vector. Only own context changes it. */
static inline bool pn_vmx_on_list(const struct pn_vmx_vcpu *v)
{
	return pn_pid_nv(pn_ld64(&v->pid->control)) == PN_VEC_WAKEUP;
}

/* Word by word: not one atomic read. */
static inline bool pn_vmx_pir_empty(const struct pn_vmx_vcpu *v)
{
	uint64_t bits = 0;

	/* Pairs with posters: an IOMMU, a processor that virtualizes an IPI, pn_vmx_inject(). */
	for (unsigned i = 0; i < 4; i++)
		bits |= pn_ld64_acq(&v->pid->pir[i]);
	return !bits;
}

static inline uint8_t pn_vmx_highest(const struct pn_vmx_vcpu *v, uint32_t bank)
{
	int vector = pn_vapic_highest(v->h.page, bank);

	return vector < 0 ? 0 : (uint8_t)vector;
}

/* True if anything besides pn_vmx_inject() can post to @v, so that it needs notifications. */
bool pn_vmx_posted_to(const struct pn_vmx_vcpu *v);
/* PIR to IRR, if ON is 1; RVI. Own context. */
void pn_vmx_sync(struct pn_vmx_vcpu *v, struct pn_agent *self);
/* PN_REQ_APICV_UPDATE, if it is set. Own context, not in the guest. */
void pn_vmx_refresh(struct pn_vmx_vcpu *v);
/* Wakes the task; true if it slept. */
bool pn_vmx_wake(struct pn_vmx_vcpu *v, struct pn_agent *self, enum pn_wake_reason why);
/* PN_REQ_SCAN_IOAPIC, if it is set. Own context, before the guest runs. */
void pn_vmx_scan(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);
/* Passes an EOI to the VM's I/O APIC, if there is one. Own context. */
void pn_vmx_ended(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint8_t vector);
/* Makes @v handle its requests, which were set before: kick or wake. */
void pn_vmx_prod(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, enum pn_wake_reason why);

/* pn_vmx_inject() without what an irqfd costs: an IPI that the hypervisor emulates. */
bool pn_vmx_post(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		 enum pn_wake_reason why);

#endif
