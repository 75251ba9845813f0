/* SPDX-License-Identifier: MIT */
/* ICR writes that hardware did not execute: finds the target vCPUs and delivers to them. */
#include "hyp.h"

#define XAPIC_BCAST	 0xFFu
#define X2APIC_BCAST	 0xFFFFFFFFu
#define VECTOR_FIRST	 16u
#define ESR_SEND_ILLEGAL (1u << 5)

static bool logical_x2(const struct pn_host_vcpu *t, uint32_t dest)
{
	return t->idx >> 4 == dest >> 16 && (dest >> (t->idx & 15) & 1);
}

/* Logical destination against the target's own LDR and DFR (APM vol 2, 16.7; SDM likewise). */
static bool logical_x(const struct pn_host_vcpu *t, uint32_t dest)
{
	uint32_t ldr = pn_vapic_read(t->page, PN_APIC_LDR) >> 24;
	bool flat = pn_vapic_read(t->page, PN_APIC_DFR) >> 28 == 0xF;

	if (flat)
		return ldr & dest;
	return ldr >> 4 == dest >> 4 && (ldr & dest & 0xF);
}

bool pn_host_dest_matches(const struct pn_host_vcpu *t, uint32_t dest, bool logical)
{
	if (!logical)
		return pn_host_apic_id(t) == dest;
	return pn_host_x2apic(t) ? logical_x2(t, dest) : logical_x(t, dest);
}

bool pn_host_ipi_matches(const struct pn_host_vcpu *from, const struct pn_host_vcpu *t,
			 uint64_t icr)
{
	bool x2 = pn_host_x2apic(from);
	uint32_t dest = (uint32_t)(x2 ? icr >> 32 : icr >> 56);

	/* Pairs with the target's own context. */
	if (t != from && pn_ld32_acq(&t->apic_mode) == PN_APIC_DISABLED)
		return false;
	switch (PN_ICR_SHORTHAND(icr)) {
	case PN_ICR_SH_SELF:
		return t == from;
	case PN_ICR_SH_ALL:
		return true;
	case PN_ICR_SH_OTHERS:
		return t != from;
	default:
		break;
	}
	if (dest == (x2 ? X2APIC_BCAST : XAPIC_BCAST))
		return true;
	return pn_host_dest_matches(t, dest, icr & PN_ICR_LOGICAL);
}

static void deliver(const struct pn_host_vm *vm, struct pn_host_vcpu *from, struct pn_host_vcpu *t,
		    struct pn_host_cpu *c, uint8_t vector)
{
	if (t != from) {
		vm->hyp->ops->deliver(t, c, vector);
		return;
	}
	/* Own context: the next entry reads it. Pairs with other posters. */
	pn_vapic_set(t->page, PN_APIC_IRR, vector);
	pn_or32(&t->requests, PN_REQ_EVENT);
}

/* Lowest priority: any of those with the lowest PPR; here the first. */
static void deliver_lowest(const struct pn_host_vm *vm, struct pn_host_vcpu *from,
			   struct pn_host_cpu *c, uint64_t icr)
{
	struct pn_host_vcpu *best = NULL;

	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pn_host_vcpu *t = vm->hyp->ops->vcpu(vm, i);

		if (pn_host_ipi_matches(from, t, icr) &&
		    (!best || pn_vapic_ppr(t->page) < pn_vapic_ppr(best->page)))
			best = t;
	}
	if (best)
		deliver(vm, from, best, c, PN_ICR_VECTOR(icr));
}

static void deliver_fixed(const struct pn_host_vm *vm, struct pn_host_vcpu *from,
			  struct pn_host_cpu *c, uint64_t icr)
{
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pn_host_vcpu *t = vm->hyp->ops->vcpu(vm, i);

		if (pn_host_ipi_matches(from, t, icr))
			deliver(vm, from, t, c, PN_ICR_VECTOR(icr));
	}
}

/*
 * NMI, INIT, SIPI, SMI: guests here do not use them. The target checks, finds nothing and
 * continues.
 */
static void ignore(const struct pn_host_vm *vm, struct pn_host_vcpu *from, struct pn_host_cpu *c,
		   uint64_t icr)
{
	from->ipis_ignored++;
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pn_host_vcpu *t = vm->hyp->ops->vcpu(vm, i);

		if (t == from || !pn_host_ipi_matches(from, t, icr))
			continue;
		/* Pairs with the check before sleep. */
		pn_or32(&t->requests, PN_REQ_UNBLOCK);
		vm->hyp->ops->poke(t, c);
	}
}

void pn_host_ipi_emulate(const struct pn_host_vm *vm, struct pn_host_vcpu *from,
			 struct pn_host_cpu *c, uint64_t icr)
{
	bool vectored = PN_ICR_MODE(icr) == PN_DM_FIXED || PN_ICR_MODE(icr) == PN_DM_LOWEST;

	if (vectored && PN_ICR_VECTOR(icr) < VECTOR_FIRST) {
		/* APM vol 2, 16.4.6: send illegal vector. The register is the vCPU's own. */
		pn_vapic_write(from->page, PN_APIC_ESR,
			       pn_vapic_read(from->page, PN_APIC_ESR) | ESR_SEND_ILLEGAL);
		return;
	}
	if (PN_ICR_MODE(icr) == PN_DM_FIXED)
		deliver_fixed(vm, from, c, icr);
	else if (PN_ICR_MODE(icr) == PN_DM_LOWEST && pn_mistake(PN_MISTAKE_LOWEST_TO_ALL))
		deliver_fixed(vm, from, c, icr);
	else if (PN_ICR_MODE(icr) == PN_DM_LOWEST)
		deliver_lowest(vm, from, c, icr);
	else
		ignore(vm, from, c, icr);
}

void pn_host_icr_idle(struct pn_host_vcpu *h)
{
	uint32_t icrl = pn_vapic_read(h->page, PN_APIC_ICRL);

	/* x2APIC has no such bit. */
	if (icrl & PN_ICR_BUSY)
		pn_vapic_write(h->page, PN_APIC_ICRL, icrl & ~PN_ICR_BUSY);
}
