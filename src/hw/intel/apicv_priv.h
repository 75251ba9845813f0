/* SPDX-License-Identifier: MIT */
#ifndef PN_APICV_PRIV_H
#define PN_APICV_PRIV_H

#include "postern/apicv.h"

#define PN_FIRST_VECTOR 16 /* below: illegal */

/* Controls of a VMCS, after those that are not activated were cleared. */
static inline bool pn_apicv_tpr_shadow(const struct pn_vmcs_apic *v)
{
	return v->proc & PN_PROC_TPR_SHADOW;
}

static inline bool pn_apicv_vid(const struct pn_vmcs_apic *v)
{
	return v->proc2 & PN_PROC2_VID;
}

static inline bool pn_apicv_regs(const struct pn_vmcs_apic *v)
{
	return v->proc2 & PN_PROC2_APIC_REGS;
}

static inline bool pn_apicv_ipiv(const struct pn_vmcs_apic *v)
{
	return v->proc3 & PN_PROC3_IPI_VIRT;
}

/* All of [pa, pa + len) within the processor's physical addresses; len > 0. */
static inline bool pn_apicv_reachable(const struct pn_apicv_features *f, uint64_t pa, uint64_t len)
{
	uint64_t last = pa + len - 1;

	return last >= pa && (f->maxphyaddr >= 64 || !(last >> f->maxphyaddr));
}

/* Memory at @pa, aligned to @align, or NULL. */
static inline void *pn_apicv_map(const struct pn_apicv *a, uint64_t pa, size_t len, size_t align)
{
	void *p = pn_apicv_reachable(&a->feat, pa, len) ? pn_bus_ptr(a->bus, pa, len) : NULL;

	return (uintptr_t)p & (align - 1) ? NULL : p;
}

static inline enum pn_apicv_access pn_apicv_trap(struct pn_apicv_exit *exit, uint32_t reason,
						 uint64_t qualification)
{
	exit->reason = reason;
	exit->qualification = qualification;
	return PN_APICV_TRAP;
}

/* The operations of SDM vol 3, 30.1; VTPR, VEOI, VICR have been written. */
enum pn_apicv_access pn_apicv_tpr(struct pn_apicv *a, struct pn_apicv_exit *exit);
enum pn_apicv_access pn_apicv_eoi(struct pn_apicv *a, struct pn_apicv_exit *exit);
enum pn_apicv_access pn_apicv_self_ipi(struct pn_apicv *a, uint8_t vector);
/* What a write of VICR_LO does in xAPIC mode, and one of VICR in x2APIC mode. */
enum pn_apicv_access pn_apicv_icr_mmio(struct pn_apicv *a, uint32_t low,
				       struct pn_apicv_exit *exit);
enum pn_apicv_access pn_apicv_icr_msr(struct pn_apicv *a, uint64_t icr, struct pn_apicv_exit *exit);

/* ICR bits 31:20, 17:16 and 13: reserved in both modes. */
#define PN_ICR_RESERVED 0xFFF32000u

#endif
