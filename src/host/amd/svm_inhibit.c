/* SPDX-License-Identifier: MIT */
/*
 * Inhibits: AVIC is active for a vCPU while there is no cause against it, neither one of the VM,
 * which other agents raise and which all its vCPUs follow, nor one of its own. Q of
 * docs/protocol-amd.md.
 */
#include "svm_priv.h"

static bool wants_avic(const struct pn_svm_vcpu *v)
{
	/* Pairs with pn_svm_cause() and pn_svm_nested(). */
	return !pn_ld32(&v->vm->h.inhibits) && !pn_ld32(&v->inhibits) &&
	       pn_ld32(&v->h.apic_mode) != PN_APIC_DISABLED;
}

void pn_svm_refresh(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	bool early = pn_mistake(PN_MISTAKE_CAUSES_FIRST) && wants_avic(v), want;

	/* Relaxed: pairs with ask_update(). The AND below orders what follows. */
	if (!(pn_ld32(&v->h.requests) & PN_REQ_APICV_UPDATE))
		return;
	/*
	 * Q2. Before the causes are read: pairs with agents that change them before they set the
	 * request.
	 */
	pn_and32(&v->h.requests, ~PN_REQ_APICV_UPDATE);
	want = pn_mistake(PN_MISTAKE_CAUSES_FIRST) ? early : wants_avic(v);
	pn_lock_irq(c->agent, &v->ir_lock);
	if (want != pn_host_apicv(&v->h)) {
		if (pn_mistake(PN_MISTAKE_ENTRIES_FIRST))
			(void)pn_svm_sync_post(v, c->agent);
		/* Pairs with pn_svm_notify(). */
		pn_st32(&v->h.apicv, want);
		pn_svm_update_msrs(v);
		/* An IRTE that could not be switched keeps its form; it is switched next time. */
		if (!pn_mistake(PN_MISTAKE_ENTRIES_FIRST))
			(void)pn_svm_sync_post(v, c->agent);
		pn_svm_show(v, c->agent);
	}
	pn_unlock_irq(c->agent, &v->ir_lock);
	/* Q3. Store: apicv (and IRTEs). Load: the IRR, by the caller or by VMRUN. Other side:
	 * pn_svm_notify() and IOMMUs, which set the bit first. */
	if (!pn_mistake(PN_MISTAKE_INHIBIT_NO_FENCE))
		pn_fence();
}

static void ask_update(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	uint32_t cpu;

	/* Q1. Stores: inhibits, the request. Load: mode. Both stores are locked. Other side:
	 * pn_svm_enter(), mode then requests. */
	pn_or32(&v->h.requests, PN_REQ_APICV_UPDATE);
	if (pn_ld32_acq(&v->h.mode) != PN_IN_GUEST) {
		if (!pn_mistake(PN_MISTAKE_INHIBIT_SILENT))
			pn_svm_wake(v, c->agent, PN_WAKE_REQUEST);
		return;
	}
	cpu = pn_ld32(&v->h.cpu); /* after mode: pairs with pn_svm_set_running() */
	if (cpu != c->id && !pn_mistake(PN_MISTAKE_INHIBIT_NO_KICK))
		pn_host_kick(v->vm->svm->os, c->agent, pn_svm_key(v), cpu);
}

void pn_svm_cause(struct pn_svm_vm *vm, struct pn_host_cpu *c, enum pn_inhibit why, bool set)
{
	uint32_t bit = 1u << why;
	/* Pairs with pn_svm_refresh(). */
	uint32_t old = set ? pn_or32(&vm->h.inhibits, bit) : pn_and32(&vm->h.inhibits, ~bit);
	uint32_t now = set ? old | bit : old & ~bit;

	vm->raised[why] += set && !(old & bit);
	if (!old == !now)
		return;
	pn_step(c->agent, PN_STEP_INHIBIT, vm->h.id, now);
	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++)
		ask_update(&vm->vcpu[i], c);
}

void pn_svm_inhibit(struct pn_host_vm *h, struct pn_host_cpu *c, enum pn_inhibit why, bool set)
{
	struct pn_svm_vm *vm = pn_svm_vm_of(h);

	pn_lock_take(&vm->apic_lock);
	pn_svm_cause(vm, c, why, set);
	pn_lock_drop(&vm->apic_lock);
}

uint32_t pn_svm_inhibits(const struct pn_host_vcpu *h)
{
	const struct pn_svm_vcpu *v = pn_svm_of_const(h);

	/* Pairs with pn_svm_cause() and pn_svm_nested(). */
	return pn_ld32(&v->vm->h.inhibits) | pn_ld32(&v->inhibits);
}

/*
 * V_IRQ, which opens the window, is ignored with AVIC on (15.29.4), so all vCPUs run without AVIC
 * as long as one waits. A vCPU that runs a nested guest has no AVIC anyway.
 */
void pn_svm_irq_window(struct pn_svm_vcpu *v, struct pn_host_cpu *c, bool open)
{
	struct pn_svm_vm *vm = v->vm;

	pn_lock_take(&vm->apic_lock);
	open &= v->irq_window || !(pn_ld32(&v->inhibits) & 1u << PN_INHIBIT_NESTED);
	if (open != v->irq_window) {
		v->irq_window = open;
		vm->irq_windows += open ? 1 : UINT32_MAX;
		pn_svm_cause(vm, c, PN_INHIBIT_IRQWIN,
			     pn_mistake(PN_MISTAKE_WINDOW_FIRST) ? open : vm->irq_windows);
	}
	pn_lock_drop(&vm->apic_lock);
}

void pn_svm_nested(struct pn_svm_vcpu *v, struct pn_host_cpu *c, bool in_l2)
{
	uint32_t bit = 1u << PN_INHIBIT_NESTED, old;

	pn_lock_take(&v->vm->apic_lock);
	/* Pairs with pn_svm_refresh(). */
	old = in_l2 ? pn_or32(&v->inhibits, bit) : pn_and32(&v->inhibits, ~bit);
	if (!(old & bit) == in_l2) {
		v->vm->raised[PN_INHIBIT_NESTED] += in_l2;
		ask_update(v, c);
	}
	pn_lock_drop(&v->vm->apic_lock);
}
