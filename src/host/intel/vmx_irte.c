/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts are given to vCPUs and taken away: A and D of docs/protocol-intel.md. An entry
 * leads to the vCPU's descriptor, which says where the vCPU is, so nothing here depends on that.
 */
#include <errno.h>

#include "vmx_priv.h"

#define VECTOR_FIRST 16u

/* A2. A vCPU that blocked while no agent could post to it did not switch NV: it blocks again. */
static void block_again(struct pn_vmx_vm *vm, struct pn_host_cpu *c)
{
	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++) {
		struct pn_vmx_vcpu *v = &vm->vcpu[i];

		/* Pairs with pn_vmx_must_run(). */
		pn_or32(&v->h.requests, PN_REQ_UNBLOCK);
		pn_vmx_wake(v, c->agent, PN_WAKE_REQUEST);
		if (pn_mistake(PN_MISTAKE_BLOCK_AGAIN_ONE))
			break;
	}
}

static uint32_t count(struct pn_vmx_vm *vm, uint32_t by)
{
	uint32_t old = pn_ld32(&vm->assigned); /* relaxed: a stale value fails below */

	/* Pairs with pn_vmx_put() and with other interrupts' owners. */
	while (!pn_cas32(&vm->assigned, &old, old + by))
		pn_relax();
	return old;
}

/* A1, before any entry leads here: a vCPU that is put from now on switches NV. */
static void assign(struct pn_vmx_vm *vm, struct pn_host_cpu *c)
{
	if (!count(vm, 1) && !pn_mistake(PN_MISTAKE_NO_BLOCK_AGAIN))
		block_again(vm, c);
}

/*
 * D3, D4. The entry no longer posts to @v. Interrupts that it posted were announced, but a vCPU
 * that was about to block may have found that no agent posts to it; then it did not switch NV and
 * did not check ON.
 */
static void unassign(struct pn_vmx_vcpu *v, struct pn_host_cpu *c)
{
	count(v->vm, UINT32_MAX);
	if (pn_mistake(PN_MISTAKE_UNASSIGN_BLIND))
		return;
	/*
	 * The count was a locked store. Load: ON and PIR. Other side: put reads the count, after
	 * the task's state was set to sleeping.
	 */
	if ((pn_ld64_acq(&v->pid->control) & PN_PID_ON) || !pn_vmx_pir_empty(v))
		pn_vmx_prod(v, c, PN_WAKE_REQUEST);
}

/* The entry as @v and @vector say, or remapped; invalidated, and waited for. */
static int retarget(struct pn_vtd_ir *ir, struct pn_vmx_vcpu *v, uint8_t vector,
		    struct pn_host_cpu *c)
{
	int r = v ? pn_vtd_ir_post(ir, c->agent, v->pid_pa, vector, false)
		  : pn_vtd_ir_remap(ir, c->agent);

	if (v && r)
		(void)pn_vtd_ir_remap(ir, c->agent);
	return r;
}

static void leave_list(struct pn_vtd_ir *ir)
{
	pn_list_del(&ir->host.node);
	ir->host.vcpu = NULL;
}

/*
 * D1, D2: first the entry, so that no IOMMU posts to @old any more; then the hypervisor's own
 * fields.
 */
static int move(struct pn_vtd_ir *ir, struct pn_vmx_vcpu *old, struct pn_vmx_vcpu *to,
		uint8_t vector, struct pn_host_cpu *c)
{
	int r;

	pn_lock_irq(c->agent, &old->ir_lock);
	r = retarget(ir, to, vector, c);
	if (to != old || r)
		leave_list(ir);
	pn_unlock_irq(c->agent, &old->ir_lock);
	return r;
}

/* A3, A4. */
static int attach(struct pn_vtd_ir *ir, struct pn_vmx_vcpu *v, uint8_t vector,
		  struct pn_host_cpu *c, bool posts_already)
{
	int r;

	pn_lock_irq(c->agent, &v->ir_lock);
	r = posts_already ? 0 : retarget(ir, v, vector, c);
	if (!r) {
		pn_list_add_tail(&v->ir_list, &ir->host.node);
		ir->host.vcpu = &v->h;
	}
	pn_unlock_irq(c->agent, &v->ir_lock);
	return r;
}

int pn_vmx_pi_update(struct pn_hyp *hyp, struct pn_host_entry *e, struct pn_host_vcpu *h,
		     uint8_t vector, struct pn_host_cpu *c)
{
	struct pn_vtd_ir *ir = pn_container(e, struct pn_vtd_ir, host);
	struct pn_vmx_vcpu *v = h ? pn_vmx_of(h) : NULL;
	struct pn_vmx_vcpu *old = e->vcpu ? pn_vmx_of(e->vcpu) : NULL;
	int r = 0;

	if (v && !pn_vmx_of_hyp(hyp)->cfg.posting)
		return -ENODEV;
	if (v && vector < VECTOR_FIRST)
		return -EINVAL;
	if (v && v != old)
		assign(v->vm, c);
	if (old)
		r = move(ir, old, v, vector, c);
	if (!r && v && v != old)
		r = attach(ir, v, vector, c, old != NULL);
	if (r && v && v != old)
		unassign(v, c);
	if (old && (v != old || r))
		unassign(old, c);
	return r;
}
