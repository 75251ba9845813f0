/* SPDX-License-Identifier: MIT */
/*
 * Scheduling and blocking: what the descriptor says about where the vCPU is. L1, P2, ... are the
 * steps of docs/protocol-intel.md. The two-sided protocol with posters:
 *
 *	vCPU:	NV, NDST, SN change; full barrier; look at ON or PIR
 *	others:	set the PIR bit; look at SN and ON; if ON goes from 0 to 1, notify NV at NDST
 *
 * Other agents set ON at any time, so every change of control is a locked one (R7).
 */
#include "vmx_priv.h"

/*
 * @clear, then @set in control; the new value. Pairs with posters, which set ON and nothing else.
 * The load is relaxed: a stale value fails in the exchange.
 */
static uint64_t change(struct pn_vmx_vcpu *v, uint64_t clear, uint64_t set)
{
	uint64_t *control = &v->pid->control;
	uint64_t old = pn_ld64(control), next;

	do {
		next = (old & ~clear) | set;
		if (pn_mistake(PN_MISTAKE_PID_PLAIN_STORE)) {
			pn_st64(control, next);
			break;
		}
	} while (!pn_cas64(control, &old, next));
	return next;
}

bool pn_vmx_posted_to(const struct pn_vmx_vcpu *v)
{
	/* Pairs with pn_vmx_pi_update(): A1 and D3. */
	if (pn_vmx_cfg(v)->ipiv && !pn_mistake(PN_MISTAKE_IPIV_NOT_ARMED))
		return true;
	return pn_ld32(&v->vm->assigned);
}

/* ---- load ---- */

/*
 * L4, L5. Interrupts that were posted while SN was 1 were not notified, and sync reads the PIR only
 * if ON is 1 (R3, R4).
 */
static void recover_on(struct pn_vmx_vcpu *v)
{
	if (pn_mistake(PN_MISTAKE_SN_CLEAR_LOSES_ON))
		return;
	/* L4. Store: SN = 0. Load: PIR. Other side: an IOMMU or a processor, PIR then SN. */
	pn_fence();
	if (!pn_vmx_pir_empty(v))
		pn_or64(&v->pid->control, PN_PID_ON); /* L5 */
}

/*
 * L2. The list is that of the CPU on which the vCPU was put, which need not be its present CPU
 * (R5).
 */
static void unlink_from(struct pn_vmx_vcpu *v, struct pn_host_cpu *c)
{
	struct pn_host_cpu *home = &pn_vmx_cfg(v)->cpu[v->list_cpu];

	if (pn_mistake(PN_MISTAKE_MIGRATE_WRONG_LOCK))
		home = c;
	pn_wakelist_del(home, &v->wake_node);
	pn_step(c->agent, PN_STEP_LIST_DEL, pn_vmx_key(v), v->list_cpu);
}

void pn_vmx_load(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);
	bool on_list = pn_vmx_on_list(v);
	uint64_t next;

	/* The mistake of 2017: forgets the list if the last device went away meanwhile. */
	if (pn_mistake(PN_MISTAKE_DOUBLE_LIST_ADD) && on_list && !pn_vmx_posted_to(v))
		return;
	/* L1. The same CPU, and not on a list. Own context writes cpu. */
	if (!on_list && pn_ld32(&v->h.cpu) == c->id) {
		if (!(pn_ld64(&v->pid->control) & PN_PID_SN)) /* only own context changes it */
			return;
		next = change(v, PN_PID_SN, 0);
		pn_step(c->agent, PN_STEP_PID_WRITE, pn_vmx_key(v), next);
		recover_on(v);
		return;
	}
	pn_irq_off(c->agent);
	if (on_list)
		unlink_from(v, c);
	/* L3. All three at once: a poster that sees one sees the others. */
	if (pn_mistake(PN_MISTAKE_NDST_STALE))
		next = change(v, PN_PID_NV_MASK | PN_PID_SN, pn_vmx_nv(PN_VEC_POSTED));
	else
		next = change(v, PN_PID_NDST_MASK | PN_PID_NV_MASK | PN_PID_SN,
			      pn_vmx_ndst(v, c) | pn_vmx_nv(PN_VEC_POSTED));
	/* Pairs with pn_vmx_inject(), which reads it after it saw IN_GUEST; that is set later. */
	pn_st32(&v->h.cpu, c->id);
	pn_irq_on(c->agent);
	pn_step(c->agent, PN_STEP_PID_WRITE, pn_vmx_key(v), next);
	recover_on(v);
}

/* ---- put ---- */

/* P1 to P3. Interrupts are off. */
static void arm(struct pn_vmx_vcpu *v, struct pn_host_cpu *c)
{
	const struct pn_os *os = pn_vmx_cfg(v)->os;
	uint64_t next;

	/*
	 * P1. Add to the list before switching NV: the wakeup handler must find the vCPU. It is on
	 * the list exactly while NV is the wakeup vector.
	 */
	if (!pn_vmx_on_list(v) || pn_mistake(PN_MISTAKE_DOUBLE_LIST_ADD)) {
		v->list_cpu = pn_wakelist_add(c, c, &v->wake_node)->id;
		pn_step(c->agent, PN_STEP_LIST_ADD, pn_vmx_key(v), v->list_cpu);
	}
	/* P2. NDST names this CPU since it was loaded here. */
	next = change(v, PN_PID_NV_MASK, pn_vmx_nv(PN_VEC_WAKEUP));
	pn_step(c->agent, PN_STEP_PID_WRITE, pn_vmx_key(v), next);
	/*
	 * P3. The value that was just stored: a poster that set ON before the switch sent the other
	 * vector, which the host ignores, and later posters find ON set and send nothing (R1, R2).
	 */
	if (!(next & PN_PID_ON) || pn_mistake(PN_MISTAKE_NV_SWITCH_MISSES_ON))
		return;
	pn_step(c->agent, PN_STEP_PI_IPI, pn_vmx_key(v), PN_VEC_WAKEUP);
	os->ipi(os->ctx, c->agent, c->id, PN_VEC_WAKEUP);
}

/*
 * P4. No interrupt has to wake it: it runs again by itself, or its guest takes none. Load reads the
 * PIR (R6).
 */
static void suppress(struct pn_vmx_vcpu *v, struct pn_host_cpu *c)
{
	uint64_t next = change(v, 0, PN_PID_SN);

	pn_step(c->agent, PN_STEP_PID_WRITE, pn_vmx_key(v), next);
}

void pn_vmx_put(struct pn_host_vcpu *h, struct pn_host_cpu *c, bool preempted)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);

	if (!pn_vmx_posted_to(v))
		return;
	if (preempted || !v->blocking || v->h.irq_blocked) {
		suppress(v, c);
		return;
	}
	pn_irq_off(c->agent);
	arm(v, c);
	pn_irq_on(c->agent);
}

/* ---- blocking ---- */

/* B1. The descriptor changes only at put, which may never happen. */
void pn_vmx_blocking(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	(void)c;
	pn_vmx_of(h)->blocking = true;
}

bool pn_vmx_must_run(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);
	bool run;

	pn_st32(&v->h.woken, 0);
	/*
	 * B2. Store: woken (and the task's state). Load: requests, ON and IRR. Other side: every
	 * waker, after it stored the interrupt or request.
	 */
	pn_fence();
	run = pn_ld32(&v->h.requests) & PN_REQ_BLOCK_MASK;
	if (!run) {
		/* The look depends on the processor's ability, which every vCPU here has. */
		if (!pn_mistake(PN_MISTAKE_PIR_CHECK_BY_UNIT) || pn_vmx_cfg(v)->posting)
			pn_vmx_sync(v, c->agent); /* B3 */
		run = !v->h.irq_blocked && pn_vapic_deliverable(v->h.page) >= 0;
	}
	pn_step(c->agent, PN_STEP_BLOCK_CHECK, pn_vmx_key(v), run);
	return run;
}

void pn_vmx_unblocking(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);

	(void)c;
	v->blocking = false;
	/* U1. If it was put, load has taken it off the list: the request is fulfilled. Pairs with
	 * pn_vmx_cpu_offline() and A2. */
	pn_and32(&v->h.requests, ~PN_REQ_UNBLOCK);
	pn_vmx_refresh(v);
}

/* ---- the wakeup vector ---- */

static void scan(struct pn_vmx *vmx, struct pn_host_cpu *c)
{
	bool found = false;

	c->wake_irqs++;
	pn_list_for_each (node, &c->wake_list) {
		struct pn_vmx_vcpu *v = pn_container(node, struct pn_vmx_vcpu, wake_node);
		/* Pairs with posters: ON is visible before the vector arrives. */
		bool on = pn_ld64_acq(&v->pid->control) & PN_PID_ON;
		bool woken = on && pn_host_wake_once(vmx->cfg.os, &v->h, c->agent, pn_vmx_key(v));

		found |= on;
		c->wake_scanned++;
		pn_step(c->agent, PN_STEP_LIST_SCAN, pn_vmx_key(v), woken);
		if (woken && pn_mistake(PN_MISTAKE_PI_WAKE_FIRST))
			break;
	}
	if (!found)
		c->wake_spurious++;
}

/* It does not change ON or the list: a vCPU takes itself off, and sync clears ON. */
void pn_vmx_wakeup_irq(struct pn_hyp *hyp, struct pn_host_cpu *c)
{
	struct pn_vmx *vmx = pn_vmx_of_hyp(hyp);

	pn_st32(&c->in_handler, 1);
	/* W1. Store: in_handler. Load: loaded. Other side: pn_vmx_exit(). */
	pn_fence();
	if (pn_ld32(&vmx->loaded)) {
		pn_lock_take(&c->wake_lock); /* interrupts are off here */
		scan(vmx, c);		     /* W2 */
		pn_lock_drop(&c->wake_lock);
	}
	pn_st32_rel(&c->in_handler, 0);
}

/* ---- CPUs come and go ---- */

/*
 * Notifications may have gone to @dead without effect, and its list will not be scanned again. Its
 * vCPUs leave the block loop, and with it the list, and block again elsewhere. They may still be
 * unlinked under @dead's lock.
 */
void pn_vmx_cpu_offline(struct pn_hyp *hyp, struct pn_host_cpu *dead, struct pn_host_cpu *self)
{
	const struct pn_os *os = pn_vmx_of_hyp(hyp)->cfg.os;

	if (pn_mistake(PN_MISTAKE_PI_OFFLINE_SILENT))
		return;
	/* O1. Before the lock: pairs with pn_wakelist_add(). */
	pn_xchg32(&dead->online, 0);
	pn_lock_irq(self->agent, &dead->wake_lock);
	pn_list_for_each (node, &dead->wake_list) {
		struct pn_vmx_vcpu *v = pn_container(node, struct pn_vmx_vcpu, wake_node);

		/* O2. Pairs with pn_vmx_must_run(), which reads the requests after the wakeup. */
		pn_or32(&v->h.requests, PN_REQ_UNBLOCK);
		pn_host_wake(os, &v->h, self->agent, pn_vmx_key(v), PN_WAKE_REQUEST);
		if (pn_mistake(PN_MISTAKE_PI_OFFLINE_FIRST))
			break;
	}
	pn_unlock_irq(self->agent, &dead->wake_lock);
}

void pn_vmx_cpu_online(struct pn_hyp *hyp, struct pn_host_cpu *c)
{
	(void)hyp;
	/* Pairs with pn_wakelist_add(). */
	pn_xchg32(&c->online, 1);
}
