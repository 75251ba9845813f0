/* SPDX-License-Identifier: MIT */
/* Delivery by software, PIR to IRR, entry and exit, inhibits: S, Y, E and Q of
 * docs/protocol-intel.md. */
#include "vmx_priv.h"

/* ---- waking and kicking ---- */

bool pn_vmx_wake(struct pn_vmx_vcpu *v, struct pn_agent *self, enum pn_wake_reason why)
{
	return pn_host_wake(pn_vmx_cfg(v)->os, &v->h, self, pn_vmx_key(v), why);
}

enum where {
	OUTSIDE,   /* not in the guest */
	HERE,	   /* not in the guest, because this code runs on its CPU; it continues there */
	ELSEWHERE, /* in the guest on another CPU */
};

static enum where where(const struct pn_vmx_vcpu *v, const struct pn_host_cpu *c, uint32_t *cpu)
{
	/* Pairs with E1 and E2. */
	if (pn_ld32_sc(&v->h.mode) != PN_IN_GUEST)
		return OUTSIDE;
	/* A stale number is harmless: to move, the vCPU has to enter again, and the entry syncs. */
	*cpu = pn_ld32(&v->h.cpu);
	return *cpu == c->id ? HERE : ELSEWHERE;
}

void pn_vmx_prod(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, enum pn_wake_reason why)
{
	uint32_t cpu;
	enum where w;

	/* Stores: a request, perhaps an IRR bit. Load: mode. Other side: E1, E2, E3. */
	pn_fence();
	w = where(v, c, &cpu);
	if (w == OUTSIDE)
		pn_vmx_wake(v, c->agent, why);
	else if (w == ELSEWHERE)
		pn_host_kick(pn_vmx_cfg(v)->os, c->agent, pn_vmx_key(v), cpu);
}

/* ---- the software sender ---- */

/* S3, S4. To the CPU that it runs on: NDST is not used. */
static void notify(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, enum pn_wake_reason why)
{
	const struct pn_os *os = pn_vmx_cfg(v)->os;
	uint32_t cpu;
	enum where w = where(v, c, &cpu);

	if (w == OUTSIDE)
		pn_vmx_wake(v, c->agent, why);
	if (w != ELSEWHERE)
		return;
	pn_step(c->agent, PN_STEP_PI_IPI, pn_vmx_key(v), PN_VEC_POSTED);
	os->ipi(os->ctx, c->agent, cpu, PN_VEC_POSTED);
}

bool pn_vmx_post(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		 enum pn_wake_reason why)
{
	const uint64_t bit = 1ull << (vector & 63);
	bool was;

	/*
	 * A stale value is harmless: every entry syncs and takes RVI from the IRR, with APICv on or
	 * off, and if posted processing is off the notification makes the guest exit.
	 */
	if (!pn_host_apicv(&v->h)) {
		/* S5. Pairs with pn_host_inject_one(). */
		was = pn_vapic_set(v->h.page, PN_APIC_IRR, vector);
		pn_or32(&v->h.requests, PN_REQ_EVENT);
		pn_vmx_prod(v, c, why);
		return was;
	}
	/* S1. Pairs with the agent that takes the PIR. Set already: its poster then sets ON. */
	if (pn_or64(&v->pid->pir[vector >> 6], bit) & bit)
		return true;
	/*
	 * S2. Set already: a notification is on its way, or a sync to come. SN is not checked. The
	 * store is locked; load: mode. Other side: E1, E2, E4.
	 */
	if (!(pn_or64(&v->pid->control, PN_PID_ON) & PN_PID_ON))
		notify(v, c, why);
	return false;
}

bool pn_vmx_inject(struct pn_host_vcpu *h, struct pn_host_cpu *c, uint8_t vector,
		   enum pn_wake_reason why)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);

	pn_step(c->agent, PN_STEP_IRQFD_INJECT, pn_vmx_key(v), vector);
	return pn_vmx_post(v, c, vector, why);
}

/* ---- PIR to IRR ---- */

/* Y3. Every bit is taken once. Granule: any would do. Returns true if there was one. */
static bool take_pir(struct pn_vmx_vcpu *v)
{
	bool any = false;

	for (unsigned i = 0; i < (pn_mistake(PN_MISTAKE_SYNC_SKIPS_WORD) ? 3 : 4); i++) {
		uint64_t *word = &v->pid->pir[i], bits;
		uint32_t *irr = &v->h.page[(PN_APIC_IRR + i * 32) / 4];

		/* Pairs with posters; a bit that they set after this is announced by ON again. */
		if (!pn_ld64_sc(word))
			continue;
		bits = pn_xchg64(word, 0);
		/* Pairs with pn_vmx_inject() of one that saw APICv inhibited. */
		if ((uint32_t)bits)
			pn_or32(&irr[0], (uint32_t)bits);
		if (bits >> 32)
			pn_or32(&irr[4], (uint32_t)(bits >> 32));
		any = true;
	}
	return any;
}

/*
 * Y1 to Y3; R8: first ON, then the PIR. A post in between is taken, and its notification is
 * spurious.
 */
static bool take(struct pn_vmx_vcpu *v)
{
	uint64_t *control = &v->pid->control;
	bool any;

	if (pn_mistake(PN_MISTAKE_ON_AFTER_PIR)) {
		any = take_pir(v);
		pn_and64(control, ~PN_PID_ON);
		return any;
	}
	/* Y2. Store: ON = 0, locked. Load: PIR. Other side: posters, PIR then ON. */
	pn_and64(control, ~PN_PID_ON);
	return take_pir(v);
}

void pn_vmx_sync(struct pn_vmx_vcpu *v, struct pn_agent *self)
{
	/* Y1. Pairs with posters and with L5. */
	if (pn_ld64_acq(&v->pid->control) & PN_PID_ON) {
		bool any = take(v);

		pn_step(self, PN_STEP_PID_SYNC, pn_vmx_key(v), any);
	}
	v->rvi = pn_vmx_highest(v, PN_APIC_IRR); /* Y4 */
}

/*
 * ON alone is not enough: a vCPU that was preempted has SN set, and interrupts that are posted then
 * leave ON clear until it is loaded. Between the two steps of a virtualized IPI the PIR has a bit
 * and ON is 0, too; with SN clear the second step notifies.
 */
static bool outstanding(const struct pn_vmx_vcpu *v)
{
	/* Pairs with posters. */
	uint64_t control = pn_ld64_acq(&v->pid->control);

	if (control & PN_PID_ON)
		return true;
	return (control & PN_PID_SN) && !pn_mistake(PN_MISTAKE_TRUST_ON) && !pn_vmx_pir_empty(v);
}

/* Relaxed: a request that is missed here is seen by pn_vmx_must_run(), before the vCPU sleeps. */
bool pn_vmx_pending(const struct pn_host_vcpu *h)
{
	return (pn_ld32(&h->requests) & PN_REQ_BLOCK_MASK) || outstanding(pn_vmx_of_const(h)) ||
	       pn_vapic_deliverable(h->page) >= 0;
}

uint32_t pn_vmx_irr(const struct pn_host_vcpu *h, unsigned word)
{
	const struct pn_vmx_vcpu *v = pn_vmx_of_const(h);
	/*
	 * Pairs with posters. A bit on its way is in neither place for a moment, as in silicon: the
	 * result is exact only while the vCPU does not run.
	 */
	uint32_t pir = (uint32_t)(pn_ld64_acq(&v->pid->pir[word / 2]) >> (word % 2 * 32));

	if (pn_mistake(PN_MISTAKE_SAVE_NO_PIR))
		pir = 0;
	return pir | pn_vapic_read(v->h.page, PN_APIC_IRR + word * 16);
}

/* ---- entry and exit ---- */

/* Known mistakes. */
static bool skips_sync(const struct pn_vmx_vcpu *v)
{
	return pn_mistake(PN_MISTAKE_ENTER_NO_SYNC) ||
	       (pn_mistake(PN_MISTAKE_SYNC_IF_APICV) && !pn_host_apicv(&v->h));
}

int pn_vmx_enter(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);

	pn_st32_rel(&v->h.mode, PN_IN_GUEST); /* E1 */
	/* E2. Store: mode. Loads: requests, ON, IRR. Other side: pn_vmx_inject(), pn_vmx_prod().
	 * From here on they send an IPI. */
	if (!pn_mistake(PN_MISTAKE_ENTER_NO_FENCE))
		pn_fence();
	if (pn_ld32(&v->h.requests)) {
		/* E3. Cleared before the requested state is read. */
		pn_and32(&v->h.requests, ~(PN_REQ_UNBLOCK | PN_REQ_EVENT));
		pn_vmx_refresh(v);
		pn_vmx_scan(v, c);
	}
	if (!skips_sync(v))
		pn_vmx_sync(v, c->agent); /* E4; R9: whether APICv is inhibited or not */
	/* E5. Active: VM entry evaluates RVI. */
	return pn_host_apicv(&v->h) ? -1 : pn_host_inject_one(&v->h, c->agent, pn_vmx_key(v));
}

void pn_vmx_vmexit(struct pn_vmx_vcpu *v, const struct pn_vmcs_apic *vmcs)
{
	if (vmcs->proc2 & PN_PROC2_VID) {
		v->rvi = (uint8_t)vmcs->intr_status;
		v->svi = (uint8_t)(vmcs->intr_status >> 8);
	}
}

void pn_vmx_leave(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);

	(void)c;
	/*
	 * E6. Pairs with pn_vmx_inject(): a sender that still sees IN_GUEST sends an IPI without
	 * effect, but the next entry sees ON, or the check before sleep, which comes after a fence.
	 */
	if (!pn_mistake(PN_MISTAKE_LEAVE_KEEPS_MODE))
		pn_st32_rel(&v->h.mode, PN_OUTSIDE_GUEST);
}

int pn_vmx_eoi(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);
	int vector = pn_host_eoi(&v->h, c->agent, pn_vmx_key(v));

	v->svi = pn_vmx_highest(v, PN_APIC_ISR);
	if (vector >= 0)
		pn_vmx_ended(v, c, (uint8_t)vector);
	return vector;
}

/* ---- inhibits ---- */

void pn_vmx_refresh(struct pn_vmx_vcpu *v)
{
	bool want, early;

	if (!(pn_ld32(&v->h.requests) & PN_REQ_APICV_UPDATE))
		return;
	early = pn_mistake(PN_MISTAKE_INHIBIT_EARLY) && !pn_ld32(&v->vm->h.inhibits);
	/* Q2. Before inhibits is read: pairs with pn_vmx_inhibit(), which changes it first. */
	pn_and32(&v->h.requests, ~PN_REQ_APICV_UPDATE);
	want = pn_mistake(PN_MISTAKE_INHIBIT_EARLY) ? early : !pn_ld32(&v->vm->h.inhibits);
	if (want == pn_host_apicv(&v->h))
		return;
	/* Software has injected and ended interrupts meanwhile, in ISR and IRR only. */
	v->svi = pn_vmx_highest(v, PN_APIC_ISR);
	/* Pairs with pn_vmx_inject(). Entries of the remapping table stay as they are (R9). */
	pn_st32(&v->h.apicv, want);
	/*
	 * Q3. Store: apicv. Load: ON and IRR, by the caller. Other side: pn_vmx_inject(), which
	 * reads apicv first and mode last.
	 */
	pn_fence();
}

void pn_vmx_inhibit(struct pn_host_vm *h, struct pn_host_cpu *c, enum pn_inhibit why, bool set)
{
	struct pn_vmx_vm *vm = pn_vmx_vm_of(h);
	uint32_t bit = 1u << why;
	/* Q1. Pairs with pn_vmx_refresh(). */
	uint32_t old = set ? pn_or32(&vm->h.inhibits, bit) : pn_and32(&vm->h.inhibits, ~bit);
	uint32_t now = set ? old | bit : old & ~bit;

	if (!old == !now)
		return;
	pn_step(c->agent, PN_STEP_INHIBIT, vm->h.id, now);
	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++) {
		/* Pairs with pn_vmx_refresh(), which clears the request, then reads the causes. */
		pn_or32(&vm->vcpu[i].h.requests, PN_REQ_APICV_UPDATE);
		if (!pn_mistake(PN_MISTAKE_PI_INHIBIT_SILENT))
			pn_vmx_prod(&vm->vcpu[i], c, PN_WAKE_REQUEST);
	}
}
