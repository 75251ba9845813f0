/* SPDX-License-Identifier: MIT */
/*
 * Wakeup lists of GAPPIs: for each CPU the vCPUs that sleep and whose GAPPIs come to it. The
 * handler takes the list's lock and no other (H9), and does not change the list: a vCPU takes
 * itself off. B3, U2, W and O of docs/protocol-amd.md.
 */
#include "svm_priv.h"

/* @c runs this code, so it takes interrupts. */
void pn_svm_list_add(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	struct pn_host_cpu *home = &v->vm->svm->cpu[v->gcpu];

	if (pn_mistake(PN_MISTAKE_LIST_IRQS_ON))
		pn_irq_on(c->agent);
	/* ir_lock is held: interrupts are off. */
	v->gcpu = pn_wakelist_add(home, c, &v->wake_node)->id;
	v->on_list = true;
	if (pn_mistake(PN_MISTAKE_LIST_IRQS_ON))
		pn_irq_off(c->agent);
	pn_step(c->agent, PN_STEP_LIST_ADD, pn_svm_key(v), v->gcpu);
}

void pn_svm_list_del(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	/* The lock of the CPU whose list holds it, which need not be the CPU where @v is now. */
	struct pn_host_cpu *home = &v->vm->svm->cpu[v->gcpu];

	pn_wakelist_del(home, &v->wake_node);
	v->on_list = false;
	pn_step(self, PN_STEP_LIST_DEL, pn_svm_key(v), home->id);
}

static void scan(struct pn_host_cpu *c)
{
	bool found = false;

	c->wake_irqs++;
	pn_list_for_each (node, &c->wake_list) {
		struct pn_svm_vcpu *v = pn_container(node, struct pn_svm_vcpu, wake_node);
		/*
		 * H13: the handler does not know the vector, so it reads all eight words. H14: the
		 * IOMMU's OR is visible before its interrupt arrives. H10: nothing found is no
		 * error.
		 */
		bool pending = !pn_vapic_empty(v->h.page, PN_APIC_IRR);
		bool woken = pending && pn_svm_wake_once(v, c->agent); /* H11 */

		found |= pending;
		c->wake_scanned++;
		pn_step(c->agent, PN_STEP_LIST_SCAN, pn_svm_key(v), woken);
		if (woken && pn_mistake(PN_MISTAKE_SCAN_FIRST_ONLY))
			break;
	}
	if (!found)
		c->wake_spurious++;
}

void pn_svm_wakeup_irq(struct pn_hyp *hyp, struct pn_host_cpu *c)
{
	const struct pn_svm *svm = pn_svm_of_hyp(hyp);

	pn_st32(&c->in_handler, 1);
	/* W2. Store: in_handler. Load: loaded. Other side: pn_svm_exit(). */
	pn_fence();
	if (pn_ld32(&svm->loaded)) {
		pn_lock_take(&c->wake_lock); /* interrupts are off here */
		scan(c);		     /* W3 */
		pn_lock_drop(&c->wake_lock);
	}
	pn_st32_rel(&c->in_handler, 0);
}

/*
 * H8. GAPPIs may have gone to @dead without effect, and its list will not be scanned again. Its
 * vCPUs leave the block loop, and with it the list, and block again elsewhere. ir_lock comes before
 * wake_lock, so the vCPUs take it, not this function.
 */
void pn_svm_cpu_offline(struct pn_hyp *hyp, struct pn_host_cpu *dead, struct pn_host_cpu *self)
{
	(void)hyp;
	if (pn_mistake(PN_MISTAKE_OFFLINE_SILENT))
		return;
	/* O1. Before the lock: pairs with pn_wakelist_add(). */
	pn_xchg32(&dead->online, 0);
	pn_lock_irq(self->agent, &dead->wake_lock);
	pn_list_for_each (node, &dead->wake_list) {
		struct pn_svm_vcpu *v = pn_container(node, struct pn_svm_vcpu, wake_node);

		/* O2. Pairs with pn_svm_must_run(), which reads the requests after the wakeup. */
		pn_or32(&v->h.requests, PN_REQ_UNBLOCK);
		pn_svm_wake(v, self->agent, PN_WAKE_REQUEST);
		if (pn_mistake(PN_MISTAKE_OFFLINE_FIRST_ONLY))
			break;
	}
	pn_unlock_irq(self->agent, &dead->wake_lock);
}

void pn_svm_cpu_online(struct pn_hyp *hyp, struct pn_host_cpu *c)
{
	(void)hyp;
	/* Pairs with pn_wakelist_add(). */
	pn_xchg32(&c->online, 1);
}
