/* SPDX-License-Identifier: MIT */
#include "svm_priv.h"

/*
 * Exit 401h: AMD64 APM vol 2 rev 3.44, 15.29.6. The processor gives up on an IPI in two ways: it
 * has posted it everywhere and found somebody not running (id 1), or it has done nothing. C and S
 * of docs/protocol.md.
 */

#define XAPIC_BCAST	 0xFFu
#define X2APIC_BCAST	 0xFFFFFFFFu
#define VECTOR_FIRST	 16u
#define ESR_SEND_ILLEGAL (1u << 5)

static bool logical_x2(const struct pn_svm_vcpu *t, uint32_t dest)
{
	return t->idx >> 4 == dest >> 16 && (dest >> (t->idx & 15) & 1);
}

/* Logical destination against the target's own LDR and DFR (16.7). */
static bool logical_x(const struct pn_svm_vcpu *t, uint32_t dest)
{
	uint32_t ldr = pn_vapic_read(t->page, PN_APIC_LDR) >> 24;
	bool flat = pn_vapic_read(t->page, PN_APIC_DFR) >> 28 == 0xF;

	if (flat)
		return ldr & dest;
	return ldr >> 4 == dest >> 4 && (ldr & dest & 0xF);
}

static bool matches(const struct pn_svm_vcpu *from, const struct pn_svm_vcpu *t, uint64_t icr)
{
	bool x2 = t->vm->x2avic;
	uint32_t dest = (uint32_t)(x2 ? icr >> 32 : icr >> 56);

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
	if (!(icr & PN_ICR_LOGICAL))
		return t->idx == dest;
	return x2 ? logical_x2(t, dest) : logical_x(t, dest);
}

/* Is the doorbell that the processor itself sent enough? Not when it never rings (erratum 1235). */
static bool runs_by_itself(const struct pn_svm_vcpu *t)
{
	/* The IRR bit is older than this look. In the guest: it entered after the bit, or IsRunning
	 * was set and the doorbell rang. */
	return t->vm->svm->enable_ipiv && pn_svm_apicv(t) && pn_ld32_acq(&t->mode) == PN_IN_GUEST;
}

/* Id 1. The bits are set everywhere: to set them again could deliver an interrupt twice. */
static void wake_targets(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint64_t icr)
{
	for (uint32_t i = 0; i < v->vm->nr_vcpus; i++) {
		struct pn_svm_vcpu *t = &v->vm->vcpu[i];

		/* Its own bit is found by the next VMRUN. */
		if (t == v || !matches(v, t, icr))
			continue;
		/* C6. Store: the IRR bit, by this CPU's silicon. Load: mode. Other side: as in
		 * pn_svm_notify(). */
		pn_fence();
		if (!runs_by_itself(t))
			pn_svm_notify(t, c, PN_WAKE_NOTIFY);
	}
}

static void deliver(struct pn_svm_vcpu *v, struct pn_svm_vcpu *t, struct pn_svm_cpu *c,
		    uint8_t vector)
{
	if (t == v) {
		/* Own context: the next entry looks. Pairs with other posters. */
		pn_vapic_set(v->page, PN_APIC_IRR, vector);
		pn_or32(&v->requests, PN_REQ_EVENT);
		return;
	}
	pn_svm_inject(t, c, vector, PN_WAKE_NOTIFY);
}

/* Lowest priority: any of those with the lowest PPR; here the first. */
static void deliver_lowest(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint64_t icr)
{
	struct pn_svm_vcpu *best = NULL;

	for (uint32_t i = 0; i < v->vm->nr_vcpus; i++) {
		struct pn_svm_vcpu *t = &v->vm->vcpu[i];

		if (matches(v, t, icr) &&
		    (!best || pn_vapic_ppr(t->page) < pn_vapic_ppr(best->page)))
			best = t;
	}
	if (best)
		deliver(v, best, c, PN_ICR_VECTOR(icr));
}

static void deliver_fixed(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint64_t icr)
{
	for (uint32_t i = 0; i < v->vm->nr_vcpus; i++) {
		struct pn_svm_vcpu *t = &v->vm->vcpu[i];

		if (matches(v, t, icr))
			deliver(v, t, c, PN_ICR_VECTOR(icr));
	}
}

/* NMI, INIT, SIPI, SMI: guests here have no use for them. The target looks, finds nothing, goes on.
 */
static void ignore(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint64_t icr)
{
	v->ipis_ignored++;
	for (uint32_t i = 0; i < v->vm->nr_vcpus; i++) {
		struct pn_svm_vcpu *t = &v->vm->vcpu[i];

		if (t == v || !matches(v, t, icr))
			continue;
		/* Pairs with pn_svm_must_run(). */
		pn_or32(&t->requests, PN_REQ_UNBLOCK);
		pn_svm_notify(t, c, PN_WAKE_REQUEST);
	}
}

/* Nothing was delivered: all of it by software, for the targets that exist. */
static void emulate(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint64_t icr)
{
	bool vectored = PN_ICR_MODE(icr) == PN_DM_FIXED || PN_ICR_MODE(icr) == PN_DM_LOWEST;

	if (vectored && PN_ICR_VECTOR(icr) < VECTOR_FIRST) {
		/* 16.4.6: send illegal vector. The register is the vCPU's own. */
		pn_vapic_write(v->page, PN_APIC_ESR,
			       pn_vapic_read(v->page, PN_APIC_ESR) | ESR_SEND_ILLEGAL);
		return;
	}
	if (PN_ICR_MODE(icr) == PN_DM_FIXED)
		deliver_fixed(v, c, icr);
	else if (PN_ICR_MODE(icr) == PN_DM_LOWEST)
		deliver_lowest(v, c, icr);
	else
		ignore(v, c, icr);
}

/* Hardware may leave BUSY set; x2APIC has no such bit. */
static void clear_busy(struct pn_svm_vcpu *v)
{
	uint32_t icrl = pn_vapic_read(v->page, PN_APIC_ICRL);

	if (icrl & PN_ICR_BUSY)
		pn_vapic_write(v->page, PN_APIC_ICRL, icrl & ~PN_ICR_BUSY);
}

void pn_svm_incomplete_ipi(struct pn_svm_vcpu *v, struct pn_svm_cpu *c,
			   const struct pn_avic_exit *exit)
{
	uint64_t icr = exit->info1;

	if (exit->info2 >> 32 == PN_IPI_NOT_RUNNING)
		wake_targets(v, c, icr);
	else
		emulate(v, c, icr);
	clear_busy(v);
}
