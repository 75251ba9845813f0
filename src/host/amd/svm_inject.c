/* SPDX-License-Identifier: MIT */
#include "svm_priv.h"
#include "vectors.h"

/* Notification by software, entry and exit, injection while AVIC is off, inhibits: S, W1, B1, E and
 * Q of docs/protocol.md. */

static bool wake_task(struct pn_svm_vcpu *v, struct pn_agent *self, enum pn_wake_reason why)
{
	const struct pn_os *os = v->vm->svm->os;
	bool slept = os->wake(os->ctx, self, v->task, why);

	pn_step(self, slept ? PN_STEP_WAKE : PN_STEP_WAKE_SPURIOUS, pn_svm_key(v), why);
	return slept;
}

bool pn_svm_wake(struct pn_svm_vcpu *v, struct pn_agent *self, enum pn_wake_reason why)
{
	/* W1. Pairs with pn_svm_must_run(): cleared, fence, look. */
	pn_xchg32(&v->woken, 1);
	return wake_task(v, self, why);
}

bool pn_svm_wake_once(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	/*
	 * W1. Pairs with pn_svm_must_run(). Set already: whoever set it wakes the task, and the
	 * task has not looked since, so it will look, and later than the bit that brought us here.
	 */
	if (pn_xchg32(&v->woken, 1))
		return false;
	return wake_task(v, self, PN_WAKE_NOTIFY);
}

static void kick(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint32_t cpu)
{
	const struct pn_os *os = v->vm->svm->os;

	pn_step(c->agent, PN_STEP_KICK_IPI, pn_svm_key(v), cpu);
	os->ipi(os->ctx, c->agent, cpu, PN_VEC_RESCHED);
}

static void ring(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint32_t cpu)
{
	const struct pn_svm *svm = v->vm->svm;
	const struct pn_os *os = svm->os;

	pn_step(c->agent, PN_STEP_DOORBELL_WRMSR, pn_svm_key(v), svm->cpu[cpu].apicid);
	os->doorbell(os->ctx, c->agent, svm->cpu[cpu].apicid);
}

void pn_svm_notify(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, enum pn_wake_reason why)
{
	/*
	 * Looked at before mode. If this is a stale 1, the vCPU clears apicv, fences and looks at
	 * the IRR before it is in the guest without AVIC, and our bit was set before.
	 */
	bool apicv = pn_svm_apicv(v);
	uint32_t cpu;

	if (!apicv)
		pn_or32(&v->requests, PN_REQ_EVENT); /* S2 */
	/* S3. Stores: the IRR bit, a request. Load: mode. Other side: pn_svm_enter() says IN_GUEST,
	 * fences, looks at both; after pn_svm_leave() the fence in pn_svm_blocking(). */
	pn_fence();
	if (pn_ld32_acq(&v->mode) != PN_IN_GUEST) { /* S4 */
		pn_svm_wake(v, c->agent, why);	    /* S5 */
		return;
	}
	/* S6. A stale number is harmless: to move, it has to enter again, and that looks at the
	 * IRR. */
	cpu = pn_ld32(&v->cpu);
	if (cpu == c->id)
		return; /* it is not in the guest while we run here */
	if (apicv)
		ring(v, c, cpu);
	else
		kick(v, c, cpu);
}

bool pn_svm_inject(struct pn_svm_vcpu *v, struct pn_svm_cpu *c, uint8_t vector,
		   enum pn_wake_reason why)
{
	bool was;

	pn_step(c->agent, PN_STEP_IRQFD_INJECT, pn_svm_key(v), vector);
	/* S1. Pairs with whoever takes the bit: the processor, inject_one(), park_round(). */
	was = pn_vapic_set(v->page, PN_APIC_IRR, vector);
	if (pn_ld32_acq(&v->has_parked))
		was |= pn_ld32_acq(&v->parked[vector >> 5]) >> (vector & 31) & 1;
	pn_svm_notify(v, c, why);
	return was;
}

/* ---- entry and exit ---- */

static void update_ppr(struct pn_svm_vcpu *v)
{
	pn_vapic_write(v->page, PN_APIC_PPR, pn_vapic_ppr(v->page));
}

/* What the processor does by itself while AVIC is on. */
static int inject_one(struct pn_svm_vcpu *v, struct pn_svm_cpu *c)
{
	int vector = v->irq_blocked ? -1 : pn_vapic_deliverable(v->page);

	if (vector < 0)
		return -1;
	/* In service first: it is never in neither. Pairs with posters that set it again. */
	pn_vapic_set(v->page, PN_APIC_ISR, (uint8_t)vector);
	pn_vapic_clear(v->page, PN_APIC_IRR, (uint8_t)vector);
	update_ppr(v);
	pn_step(c->agent, PN_STEP_ENTRY_INJECT, pn_svm_key(v), (uint64_t)vector);
	return vector;
}

int pn_svm_enter(struct pn_svm_vcpu *v, struct pn_svm_cpu *c)
{
	pn_svm_unpark(v, c->agent);	    /* E1: normally done by pn_svm_unblocking() */
	pn_st32_rel(&v->mode, PN_IN_GUEST); /* E2 */
	/* E3. Store: mode. Loads: requests and IRR, here and by VMRUN. Other side: pn_svm_notify()
	 * and pn_svm_inhibit(). From here on they ring or kick. */
	pn_fence();
	if (pn_ld32(&v->requests)) {
		/* E4. Cleared before the look at what they ask for. */
		pn_and32(&v->requests, ~(PN_REQ_UNBLOCK | PN_REQ_EVENT));
		pn_svm_refresh(v, c);
	}
	return pn_svm_apicv(v) ? -1 : inject_one(v, c); /* E5 */
}

void pn_svm_leave(struct pn_svm_vcpu *v, struct pn_svm_cpu *c)
{
	(void)c;
	/* B1. Pairs with pn_svm_notify(): who still sees IN_GUEST rings in vain, but its bit is
	 * seen by the next entry, or by the look before sleep, which comes after a fence. */
	pn_st32_rel(&v->mode, PN_OUTSIDE_GUEST);
}

void pn_svm_eoi(struct pn_svm_vcpu *v, struct pn_svm_cpu *c)
{
	int vector = pn_vapic_highest(v->page, PN_APIC_ISR);

	pn_step(c->agent, PN_STEP_EOI_EXIT, pn_svm_key(v), vector < 0 ? 0 : (uint64_t)vector);
	if (vector < 0)
		return;
	pn_vapic_clear(v->page, PN_APIC_ISR, (uint8_t)vector);
	update_ppr(v);
}

/* ---- inhibits ---- */

void pn_svm_refresh(struct pn_svm_vcpu *v, struct pn_svm_cpu *c)
{
	bool want;

	if (!(pn_ld32(&v->requests) & PN_REQ_APICV_UPDATE))
		return;
	/* Q2. Before the look at inhibits: pairs with pn_svm_inhibit(), which changes it first. */
	pn_and32(&v->requests, ~PN_REQ_APICV_UPDATE);
	want = !pn_ld32(&v->vm->inhibits);
	pn_lock_irq(c->agent, &v->ir_lock);
	if (want != pn_svm_apicv(v)) {
		/* Pairs with pn_svm_notify(). */
		pn_st32(&v->apicv, want);
		/* An IRTE that could not be switched keeps its form; it is switched next time. */
		(void)pn_svm_sync_post(v, c->agent);
		pn_svm_show(v, c->agent);
	}
	pn_unlock_irq(c->agent, &v->ir_lock);
	/* Q3. Store: apicv (and IRTEs). Load: the IRR, by the caller or by VMRUN. Other side:
	 * pn_svm_notify() and IOMMUs, which set the bit first. */
	pn_fence();
}

static void ask_update(struct pn_svm_vcpu *v, struct pn_svm_cpu *c)
{
	uint32_t cpu;

	/* Q1. Stores: inhibits, the request. Load: mode. Both stores are locked. Other side:
	 * pn_svm_enter(), mode then requests. */
	pn_or32(&v->requests, PN_REQ_APICV_UPDATE);
	if (pn_ld32_acq(&v->mode) != PN_IN_GUEST) {
		pn_svm_wake(v, c->agent, PN_WAKE_REQUEST);
		return;
	}
	cpu = pn_ld32(&v->cpu);
	if (cpu != c->id)
		kick(v, c, cpu);
}

void pn_svm_inhibit(struct pn_svm_vm *vm, struct pn_svm_cpu *c, enum pn_inhibit why, bool set)
{
	uint32_t bit = 1u << why;
	/* Pairs with pn_svm_refresh(). */
	uint32_t old = set ? pn_or32(&vm->inhibits, bit) : pn_and32(&vm->inhibits, ~bit);
	uint32_t now = set ? old | bit : old & ~bit;

	if (!old == !now)
		return;
	pn_step(c->agent, PN_STEP_INHIBIT, vm->id, now);
	for (uint32_t i = 0; i < vm->nr_vcpus; i++)
		ask_update(&vm->vcpu[i], c);
}
