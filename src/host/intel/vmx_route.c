/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC, and what follows from the IDs of APICs. An EOI reaches the host if its vector is in
 * the EOI-exit bitmap (SDM vol 3, 30.1.4), so the bitmap follows the I/O APIC. X of
 * docs/protocol-intel.md.
 */
#include "vmx_priv.h"

/* X1. No vCPU is woken for it: a vCPU that sleeps handles the request before it enters. */
static void ask(struct pn_vmx_vcpu *v, struct pn_host_cpu *c)
{
	uint32_t cpu;

	/* The store is locked. Load: mode. Other side: E1, E2, E3. */
	pn_or32(&v->h.requests, PN_REQ_SCAN_IOAPIC);
	if (pn_ld32_sc(&v->h.mode) != PN_IN_GUEST)
		return;
	cpu = pn_ld32(&v->h.cpu);
	if (cpu != c->id)
		pn_host_kick(pn_vmx_cfg(v)->os, c->agent, pn_vmx_key(v), cpu);
}

_Static_assert(offsetof(struct pn_host_vcpu, mode) % 8 == 0 &&
		       offsetof(struct pn_host_vcpu, requests) ==
			       offsetof(struct pn_host_vcpu, mode) + 4,
	       "one load has both");

/* X2. In the guest with the old bitmap it could end an interrupt by the new entry unseen. */
static bool runs_with_old(const struct pn_vmx_vcpu *v)
{
	/* Both words, in one load, are what the loop waits for. Pairs with E1 and E6, and with X3.
	 */
	uint64_t both = pn_ld64_acq((const uint64_t *)(const void *)&v->h.mode);

	return (uint32_t)both == PN_IN_GUEST && both >> 32 & PN_REQ_SCAN_IOAPIC;
}

void pn_vmx_ioapic_changed(struct pn_host_vm *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vm *vm = pn_vmx_vm_of(h);

	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++)
		ask(&vm->vcpu[i], c);
	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++) {
		if (pn_mistake(PN_MISTAKE_SCAN_NOT_AWAITED))
			break;
		while (runs_with_old(&vm->vcpu[i]))
			pn_relax();
	}
}

void pn_vmx_scan(struct pn_vmx_vcpu *v, struct pn_host_cpu *c)
{
	/* Relaxed: pairs with X1. The AND below orders what follows. */
	if (!(pn_ld32(&v->h.requests) & PN_REQ_SCAN_IOAPIC))
		return;
	/* X3. Before the entries are read: pairs with X1, which comes after their change. */
	pn_and32(&v->h.requests, ~PN_REQ_SCAN_IOAPIC);
	if (!v->vm->h.ioapic)
		return;
	/* X4. An interrupt of the old entry may still be in the PIR. */
	pn_vmx_sync(v, c->agent);
	v->stale_eoi = pn_ioapic_handled(v->vm->h.ioapic, &v->h, v->eoi_exit);
}

void pn_vmx_ended(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint8_t vector)
{
	/* X5. The last of an old entry: the bitmap need not have it any more. */
	if (vector == v->stale_eoi)
		pn_or32(&v->h.requests, PN_REQ_SCAN_IOAPIC);
	if (v->vm->h.ioapic)
		pn_ioapic_eoi(v->vm->h.ioapic, &v->h, c, vector);
}

void pn_vmx_eoi_exit(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint8_t vector)
{
	pn_step(c->agent, PN_STEP_EOI_EXIT, pn_vmx_key(v), vector);
	if (pn_vapic_test(v->h.page, PN_APIC_TMR, vector))
		pn_vmx_ended(v, c, vector);
}

/* ---- IDs ---- */

bool pn_vmx_apic_trap(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint32_t off)
{
	if (off != PN_APIC_ID && off != PN_APIC_LDR && off != PN_APIC_DFR && off != PN_APIC_SVR)
		return false;
	/* An entry that could not be changed stays remapped. */
	(void)pn_host_routes_refresh(&v->vm->h, c);
	pn_vmx_ioapic_changed(&v->vm->h, c);
	return true;
}
