/* SPDX-License-Identifier: MIT */
/* Notification by software, entry and exit, injection while AVIC is off: S, W1, B1 and E of
 * docs/protocol-amd.md. */
#include "svm_priv.h"

bool pn_svm_wake(struct pn_svm_vcpu *v, struct pn_agent *self, enum pn_wake_reason why)
{
	return pn_host_wake(v->vm->svm->os, &v->h, self, pn_svm_key(v), why);
}

bool pn_svm_wake_once(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	return pn_host_wake_once(v->vm->svm->os, &v->h, self, pn_svm_key(v));
}

static void kick(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint32_t cpu)
{
	pn_host_kick(v->vm->svm->os, c->agent, pn_svm_key(v), cpu);
}

static void ring(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint32_t cpu)
{
	const struct pn_svm *svm = v->vm->svm;
	const struct pn_os *os = svm->os;

	pn_step(c->agent, PN_STEP_DOORBELL_WRMSR, pn_svm_key(v), svm->cpu[cpu].apicid);
	os->doorbell(os->ctx, c->agent, svm->cpu[cpu].apicid);
}

void pn_svm_notify(struct pn_svm_vcpu *v, struct pn_host_cpu *c, enum pn_wake_reason why)
{
	/*
	 * Read before mode. If this is a stale 1, the vCPU clears apicv, fences and reads the IRR
	 * before it is in the guest without AVIC, and the bit was set before.
	 */
	bool apicv = pn_host_apicv(&v->h);
	uint32_t cpu;

	if (!apicv)
		pn_or32(&v->h.requests, PN_REQ_EVENT); /* S2 */
	/*
	 * S3. Stores: the IRR bit, a request. Load: mode. Other side: pn_svm_enter() stores
	 * IN_GUEST, fences, reads both; after pn_svm_leave() the fence in pn_svm_blocking().
	 */
	pn_fence();
	if (pn_ld32_acq(&v->h.mode) != PN_IN_GUEST) { /* S4 */
		pn_svm_wake(v, c->agent, why);	      /* S5 */
		return;
	}
	/*
	 * S6. A stale number is harmless: to move, the vCPU has to enter again, and the entry reads
	 * the IRR.
	 */
	cpu = pn_ld32(&v->h.cpu);
	if (cpu == c->id)
		return; /* it is not in the guest while this code runs on its CPU */
	if (apicv || pn_mistake(PN_MISTAKE_RING_INHIBITED))
		ring(v, c, cpu);
	else
		kick(v, c, cpu);
}

bool pn_svm_set_irr(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		    enum pn_wake_reason why)
{
	bool was;

	if (pn_mistake(PN_MISTAKE_INJECT_LOOKS_EARLY)) {
		pn_svm_notify(v, c, why);
		return pn_vapic_set(v->h.page, PN_APIC_IRR, vector);
	}
	/*
	 * S1. Pairs with the agent that takes the bit: the processor, pn_host_inject_one(),
	 * park_round().
	 */
	was = pn_vapic_set(v->h.page, PN_APIC_IRR, vector);
	if (pn_ld32_acq(&v->has_parked))
		was |= pn_ld32_acq(&v->parked[vector >> 5]) >> (vector & 31) & 1;
	pn_svm_notify(v, c, why);
	return was;
}

bool pn_svm_inject(struct pn_host_vcpu *h, struct pn_host_cpu *c, uint8_t vector,
		   enum pn_wake_reason why)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);

	pn_step(c->agent, PN_STEP_IRQFD_INJECT, pn_svm_key(v), vector);
	return pn_svm_set_irr(v, c, vector, why);
}

/* ---- entry and exit ---- */

int pn_svm_enter(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);

	pn_svm_unpark(v, c->agent);	      /* E1: normally done by pn_svm_unblocking() */
	pn_st32_rel(&v->h.mode, PN_IN_GUEST); /* E2 */
	/* E3. Store: mode. Loads: requests and IRR, here and by VMRUN. Other side: pn_svm_notify()
	 * and pn_svm_inhibit(). From here on they ring or kick. */
	pn_fence();
	if (pn_ld32(&v->h.requests)) {
		/* E4. Cleared before the requested state is read. */
		pn_and32(&v->h.requests, ~(PN_REQ_UNBLOCK | PN_REQ_EVENT));
		pn_svm_refresh(v, c);
	}
	return pn_host_apicv(&v->h) ? -1
				    : pn_host_inject_one(&v->h, c->agent, pn_svm_key(v)); /* E5 */
}

void pn_svm_leave(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);

	(void)c;
	/*
	 * B1. Pairs with pn_svm_notify(): a sender that still sees IN_GUEST rings without effect,
	 * but the next entry sees its bit, or the check before sleep, which comes after a fence.
	 */
	pn_st32_rel(&v->h.mode, PN_OUTSIDE_GUEST);
}

int pn_svm_eoi(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	const struct pn_host_vm *vm = &pn_svm_of(h)->vm->h;
	int vector = pn_host_eoi(h, c->agent, pn_svm_key(pn_svm_of(h)));

	if (vector >= 0 && vm->ioapic)
		pn_ioapic_eoi(vm->ioapic, h, c, (uint8_t)vector);
	return vector;
}
