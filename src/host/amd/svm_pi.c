/* SPDX-License-Identifier: MIT */
/* Device interrupts: attach, detach, the log's notifications, and the switch between log and GAPPI.
 * A1, R1, ... are the steps of docs/protocol-amd.md. */
#include <errno.h>

#include "svm_priv.h"

#define VECTOR_FIRST 16u

static bool irr_empty(const struct pn_svm_vcpu *v)
{
	/* Pairs with IOMMUs. No fence here: COMPLETION_WAIT has completed before. */
	return pn_vapic_empty(v->h.page, PN_APIC_IRR);
}

/*
 * A5. IRTEs of a blocked vCPU have come or gone. Bits that are in the IRR now may have been posted
 * without a notification, and while they are there no GAPPI fires (H1, H7): the vCPU has to check
 * the IRR.
 */
static void recheck(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	if (pn_mistake(PN_MISTAKE_ATTACH_UNARMED) || pn_mistake(PN_MISTAKE_LIST_AFTER_IRTE))
		return;
	if (v->blocking && !irr_empty(v))
		pn_svm_wake(v, c->agent, PN_WAKE_REQUEST);
}

static void leave_list(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	if (v->on_list && !pn_svm_wants_list(v))
		pn_svm_list_del(v, c->agent);
}

/*
 * The order of Linux 7.3: until the entry is rewritten it posts to @v, but updates of the IRTEs by
 * @v no longer include it.
 */
static int detach_unlisted(struct pn_svm_vcpu *v, struct pn_amdvi_ir *ir, struct pn_host_cpu *c)
{
	pn_lock_irq(c->agent, &v->ir_lock);
	pn_list_del(&ir->host.node);
	ir->host.vcpu = NULL;
	pn_unlock_irq(c->agent, &v->ir_lock);
	return pn_amdvi_ir_deactivate(ir, c->agent);
}

/*
 * H6: the entry is changed first, with invalidation and wait, so that no IOMMU posts here any more;
 * then the list; and last the check for interrupts that were posted in between. An interrupt in
 * flight may have read IsRun or the tag of the new entry after it set the IRR bit here: it notified
 * the wrong vCPU or none. So the vCPU is woken if it sleeps, and gets a doorbell if it is in the
 * guest.
 */
static int detach(struct pn_svm_vcpu *v, struct pn_amdvi_ir *ir, struct pn_host_cpu *c)
{
	bool posted;
	int r;

	if (pn_mistake(PN_MISTAKE_UNLIST_EARLY))
		return detach_unlisted(v, ir, c);
	pn_lock_irq(c->agent, &v->ir_lock);
	posted = ir->guest_mode && !pn_mistake(PN_MISTAKE_UNLIST_FIRST);
	if (pn_mistake(PN_MISTAKE_UNLIST_FIRST) && v->on_list)
		pn_svm_list_del(v, c->agent);
	r = pn_amdvi_ir_deactivate(ir, c->agent); /* R1 */
	pn_list_del(&ir->host.node);
	ir->host.vcpu = NULL;
	leave_list(v, c); /* R2 */
	if (posted && !irr_empty(v))
		pn_svm_notify(v, c, PN_WAKE_REQUEST); /* R3 */
	pn_unlock_irq(c->agent, &v->ir_lock);
	return r;
}

/* A2. A CPU that takes interrupts, for a Destination that must be valid even if the vCPU never ran.
 */
static void settle(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	/* Pairs with pn_svm_cpu_offline(). A vCPU that is on a list stays with it: H5, H8. */
	if (!v->loaded && !v->on_list && !pn_ld32(&v->vm->svm->cpu[v->gcpu].online))
		v->gcpu = c->id;
}

static void arm(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	if (pn_svm_wants_list(v) && !v->on_list && !pn_mistake(PN_MISTAKE_ATTACH_UNARMED))
		pn_svm_list_add(v, c); /* A3 */
}

static int program(struct pn_svm_vcpu *v, struct pn_amdvi_ir *ir, uint8_t vector,
		   struct pn_host_cpu *c)
{
	int r;

	if (!pn_svm_can_post(v)) {
		ir->vector = vector; /* for pn_svm_refresh() */
		return 0;
	}
	settle(v, c);
	if (!pn_mistake(PN_MISTAKE_LIST_AFTER_IRTE))
		arm(v, c);
	r = pn_amdvi_ir_activate(ir, c->agent, v->h.page_pa, vector, pn_svm_ga_tag(v),
				 pn_svm_ir_state(v));
	if (pn_mistake(PN_MISTAKE_LIST_AFTER_IRTE))
		arm(v, c);
	return r;
}

/* A1 to A5; H7: a valid CPU, the list first, then the entry, then the check of the IRR. */
static int attach(struct pn_svm_vcpu *v, struct pn_amdvi_ir *ir, uint8_t vector,
		  struct pn_host_cpu *c)
{
	int r;

	pn_lock_irq(c->agent, &v->ir_lock);
	if (!ir->host.vcpu) {
		pn_list_add_tail(&v->ir_list, &ir->host.node);
		ir->host.vcpu = &v->h;
	}
	r = program(v, ir, vector, c);
	if (r) {
		(void)pn_amdvi_ir_deactivate(ir, c->agent);
		pn_list_del(&ir->host.node);
		ir->host.vcpu = NULL;
		leave_list(v, c);
	}
	recheck(v, c);
	pn_unlock_irq(c->agent, &v->ir_lock);
	return r;
}

int pn_svm_pi_update(struct pn_hyp *hyp, struct pn_host_entry *e, struct pn_host_vcpu *h,
		     uint8_t vector, struct pn_host_cpu *c)
{
	struct pn_amdvi_ir *ir = pn_container(e, struct pn_amdvi_ir, host);
	struct pn_host_vcpu *old = e->vcpu;
	int r = 0;

	if (!pn_svm_of_hyp(hyp)->iommus)
		return -ENODEV;
	if (h && vector < VECTOR_FIRST)
		return -EINVAL;
	if (!ir->irte && !pn_mistake(PN_MISTAKE_NO_ENTRY))
		return -EINVAL;
	/* Another page is two steps: in between the interrupt goes to the host, which injects it.
	 */
	if (old && old != h && !(h && pn_mistake(PN_MISTAKE_LINK_STAYS)))
		r = detach(pn_svm_of(old), ir, c);
	if (r || !h)
		return r;
	return attach(pn_svm_of(h), ir, vector, c);
}

/* ---- the GA log ---- */

void pn_svm_ga_entry(void *ctx, struct pn_agent *self, uint32_t tag)
{
	struct pn_svm *svm = ctx;
	struct pn_svm_vcpu *v;

	pn_lock_take(&svm->vm_lock); /* the VM cannot go away before the unlock */
	v = pn_svm_by_tag(svm, tag); /* G4 */
	pn_step(self, PN_STEP_TAG_LOOKUP, tag, v != NULL);
	if (v)
		pn_svm_wake_once(v, self);
	pn_lock_drop(&svm->vm_lock);
}

static void recover(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	pn_lock_irq(self, &v->ir_lock);
	if (v->blocking && !pn_list_empty(&v->ir_list))
		pn_svm_wake(v, self, PN_WAKE_RECOVER);
	pn_unlock_irq(self, &v->ir_lock);
}

/*
 * G6. Entries were dropped, and with them the wakeup of vCPUs whose IRR bits are set. The log runs
 * again: a vCPU that is awake here and blocks later reads its IRR after all entries that were
 * dropped.
 */
void pn_svm_ga_overflow(void *ctx, struct pn_agent *self)
{
	struct pn_svm *svm = ctx;

	pn_lock_take(&svm->vm_lock);
	for (uint32_t i = 0; i < PN_SVM_MAX_VMS; i++) {
		struct pn_svm_vm *vm = svm->vm[i];

		for (uint32_t n = 0; vm && n < vm->h.nr_vcpus; n++)
			if (!n || !pn_mistake(PN_MISTAKE_RECOVER_FIRST_ONLY))
				recover(&vm->vcpu[n], self);
	}
	pn_lock_drop(&svm->vm_lock);
}

/* ---- GALOG <-> GAPPI ---- */

/* As detach and attach, with all IRTEs at once; they stay in the list. */
static int hold(struct pn_svm_vcpu *v, struct pn_host_cpu *c, bool on)
{
	int r;

	pn_lock_irq(c->agent, &v->ir_lock);
	v->hold = on;
	settle(v, c);
	if (pn_svm_wants_list(v) && !v->on_list)
		pn_svm_list_add(v, c);
	r = pn_svm_sync_post(v, c->agent);
	leave_list(v, c);
	if (!pn_list_empty(&v->ir_list) && !irr_empty(v) && !pn_mistake(PN_MISTAKE_TOGGLE_FIRST))
		pn_svm_notify(v, c, PN_WAKE_REQUEST);
	pn_unlock_irq(c->agent, &v->ir_lock);
	return r;
}

static int hold_all(struct pn_svm *svm, struct pn_host_cpu *c, bool on)
{
	int ret = 0;

	for (uint32_t i = 0; i < PN_SVM_MAX_VMS; i++) {
		struct pn_svm_vm *vm = svm->vm[i];

		for (uint32_t n = 0; vm && n < vm->h.nr_vcpus; n++) {
			int r = hold(&vm->vcpu[n], c, on);

			ret = ret ? ret : r;
		}
	}
	return ret;
}

/*
 * M1 to M3; H16: GATag has another meaning with Control.GAPPIEn, so no entry may be in guest mode
 * while it changes. hold keeps the vCPUs' own transitions and new attachments out. Log entries that
 * were not read are dropped with the log: each stands for an IRR bit, and hold() wakes a vCPU that
 * sleeps on one.
 */
int pn_svm_switch_notify(struct pn_svm *svm, struct pn_host_cpu *c, enum pn_notify to)
{
	int r = 0, back;

	if (!svm->iommus)
		return -ENODEV;
	pn_lock_take(&svm->vm_lock);
	if (pn_mistake(PN_MISTAKE_TOGGLE_FIRST))
		r = pn_iommus_switch(svm->iommus, c->agent, to);
	if (!r)
		r = hold_all(svm, c, true);
	if (!r)
		r = pn_iommus_switch(svm->iommus, c->agent, to);
	back = hold_all(svm, c, false);
	pn_lock_drop(&svm->vm_lock);
	return r ? r : back;
}
