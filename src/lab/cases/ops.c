/* SPDX-License-Identifier: MIT */
/* Operations of a case's text that both vendors have. A new one is a function and a row. */
#include "ops.h"
#include "rig.h"

/* ---- a vCPU ---- */

static bool op_loop(struct rig_agent *me, const int *arg)
{
	(void)arg;
	me->v->cpu = (int)me->c->id;
	rig_vcpu_loop(me->v);
	return true;
}

static bool op_guest(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig->vendor->guest(me->v, me->c);
	return true;
}

static bool op_run(struct rig_agent *me, const int *arg)
{
	(void)arg;
	do {
		rig->vendor->guest(me->v, me->c);
	} while (true);
	return true;
}

static bool op_wake(struct rig_agent *me, const int *arg)
{
	(void)arg;
	px_sleep(&me->v->task.sleeping, "the vCPU's task");
	rig_load(me->v, me->c);
	px_doing("unblocks");
	rig_ops()->unblocking(me->v->h, me->c);
	return true;
}

static bool op_block(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->blocking(me->v->h, me->c);
	return true;
}

static bool op_look_before_sleep(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->must_run(me->v->h, me->c);
	return true;
}

static bool op_unblock(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->unblocking(me->v->h, me->c);
	return true;
}

static bool op_yield(struct rig_agent *me, const int *arg)
{
	(void)arg;
	me->c = rig_resched(me->v, me->c, false);
	return true;
}

static bool op_preempt(struct rig_agent *me, const int *arg)
{
	(void)arg;
	me->v->preempt++;
	return true;
}

static bool op_move(struct rig_agent *me, const int *arg)
{
	me->v->moves_to = arg[0];
	return true;
}

/* Off the CPU until another agent finds that an interrupt is pending for it. */
static bool op_sit_out(struct rig_agent *me, const int *arg)
{
	struct rig_vcpu *v = me->v;

	(void)arg;
	pn_xchg32(&v->task.sleeping, 1); /* pairs with op_yield_to() */
	rig_ops()->put(v->h, me->c, true);
	if (!rig_ops()->pending(v->h))
		px_sleep(&v->task.sleeping, "the vCPU's task, yielded to");
	px_doing("is switched in");
	rig_load(v, me->c);
	return true;
}

static bool op_yield_to(struct rig_agent *me, const int *arg)
{
	struct rig_vcpu *to = &rig->vcpu[arg[0]];

	(void)me;
	if (rig_ops()->pending(to->h))
		pn_xchg32(&to->task.sleeping, 0); /* pairs with op_sit_out() */
	return true;
}

/* ---- devices ---- */

static bool op_post(struct rig_agent *me, const int *arg)
{
	(void)me;
	rig_post((unsigned)arg[0]);
	return true;
}

static bool op_await_wake(struct rig_agent *me, const int *arg)
{
	(void)me;
	px_sleep(&rig->vcpu[arg[0]].task.sleeping, "that the vCPU wakes up");
	return true;
}

/* ---- interrupts ---- */

static void pi_update(struct rig_agent *me, int ir, struct rig_vcpu *v, int vector)
{
	rig_ops()->pi_update(rig->hyp, rig->ir[ir].entry, v ? v->h : NULL, (uint8_t)vector, me->c);
}

static bool op_detach(struct rig_agent *me, const int *arg)
{
	pi_update(me, arg[0], NULL, 0);
	return true;
}

bool rig_op_inhibit(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->inhibit(rig->vm, me->c, rig->vendor->cause, true);
	return true;
}

bool rig_op_allow(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->inhibit(rig->vm, me->c, rig->vendor->cause, false);
	return true;
}

static bool op_attach(struct rig_agent *me, const int *arg)
{
	const struct rig_ir *ir = &rig->ir[arg[0]];

	pi_update(me, arg[0], ir->target, ir->vector);
	return true;
}

static bool op_retarget(struct rig_agent *me, const int *arg)
{
	pi_update(me, arg[0], rig->ir[arg[0]].target, arg[1]);
	rig->ir[arg[0]].vector = (uint8_t)arg[1];
	return true;
}

static bool op_lend(struct rig_agent *me, const int *arg)
{
	pi_update(me, arg[0], &rig->vcpu[arg[1]], arg[2]);
	return true;
}

static bool op_give(struct rig_agent *me, const int *arg)
{
	struct rig_ir *ir = &rig->ir[arg[0]];

	pi_update(me, arg[0], &rig->vcpu[arg[1]], arg[2]);
	ir->target = &rig->vcpu[arg[1]];
	ir->vector = (uint8_t)arg[2];
	return true;
}

static bool op_inject(struct rig_agent *me, const int *arg)
{
	rig_inject(&rig->vcpu[arg[0]], me->c, (uint8_t)arg[1]);
	return true;
}

static void route(struct rig_agent *me, int index, uint64_t addr)
{
	struct rig_ir *ir = &rig->ir[index];

	pn_host_route_set(rig->vm, &ir->route, ir->entry, addr, ir->vector, me->c);
}

static bool op_route(struct rig_agent *me, const int *arg)
{
	route(me, arg[0], PN_MSI_ADDR_BASE | (uint64_t)arg[1] << 12);
	return true;
}

static bool op_route_to_both(struct rig_agent *me, const int *arg)
{
	/* logical: cluster 0, IDs 0 and 1 */
	route(me, arg[0], PN_MSI_ADDR_BASE | 3u << 12 | 1u << 2);
	return true;
}

/* ---- the host ---- */

static bool op_offline(struct rig_agent *me, const int *arg)
{
	rig_ops()->cpu_offline(rig->hyp, &rig->cpu[arg[0]], me->c);
	return true;
}

static bool op_unload(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->vm_destroy(rig->vm, me->c->agent);
	rig_ops()->exit(rig->hyp);
	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_kill(&rig->cpu[i].wake_lock, sizeof(rig->cpu[i].wake_lock), "P6",
			"the module's wakeup list");
	if (rig->vendor->gone)
		rig->vendor->gone();
	return true;
}

static bool op_load(struct rig_agent *me, const int *arg)
{
	rig_load(&rig->vcpu[arg[0]], me->c);
	return true;
}

static bool op_do_requests(struct rig_agent *me, const int *arg)
{
	rig_ops()->unblocking(rig->vcpu[arg[0]].h, me->c);
	return true;
}

static bool op_expect_pending(struct rig_agent *me, const int *arg)
{
	(void)me;
	if (!(rig_ops()->irr(rig->vcpu[arg[0]].h, (unsigned)arg[1] / 32) >> arg[1] % 32 & 1))
		px_fail("P4", "vector 0x%02x, which was sent and not taken, is not pending",
			(unsigned)arg[1]);
	return true;
}

/* ---- between agents ---- */

static bool op_signal(struct rig_agent *me, const int *arg)
{
	(void)me;
	(void)arg;
	rig_set_flag();
	return true;
}

static bool op_wait(struct rig_agent *me, const int *arg)
{
	(void)me;
	(void)arg;
	while (!pn_ld32(&rig->flag)) /* pairs with rig_set_flag() */
		pn_relax();
	return true;
}

/* ---- what is owed ---- */

static bool op_owed(struct rig_agent *me, const int *arg)
{
	(void)me;
	rig->vcpu[arg[0]].due[arg[1]] = RIG_OWED;
	return true;
}

static bool op_may_take(struct rig_agent *me, const int *arg)
{
	(void)me;
	rig->vcpu[arg[0]].due[arg[1]] = RIG_MAY_GET;
	return true;
}

static bool op_disown(struct rig_agent *me, const int *arg)
{
	(void)me;
	rig->ir[arg[0]].target = NULL;
	return true;
}

#define A_VCPU (PN_CASE_VCPU | PN_CASE_CPU | PN_CASE_VM)
#define A_HOST (PN_CASE_CPU | PN_CASE_VM)

const struct pn_case_op pn_case_shared_ops[] = {
	{"loop", "", NULL, "blocks, sleeps and runs its guest, for ever",
	 A_VCPU | PN_CASE_WAITS | PN_CASE_ENDLESS, op_loop},
	{"guest", "", NULL, "enters its guest, which takes all that can be delivered and leaves",
	 A_VCPU | PN_CASE_WAITS, op_guest},
	{"run", "", NULL, "enters its guest again and again, and never blocks",
	 A_VCPU | PN_CASE_WAITS | PN_CASE_ENDLESS, op_run},
	{"wake", "", NULL, "of one that starts asleep: it is woken, and unblocks",
	 A_VCPU | PN_CASE_WAITS, op_wake},
	{"block", "", "blocks", "begins to block", A_VCPU, op_block},
	{"look-before-sleep", "", "may it sleep?", "looks whether it must run, and does not sleep",
	 A_VCPU, op_look_before_sleep},
	{"unblock", "", "unblocks", "blocks no longer", A_VCPU, op_unblock},
	{"yield", "", NULL, "is switched out while it is runnable, and in again",
	 A_VCPU | PN_CASE_WAITS, op_yield},
	{"preempt", "", NULL, "will be preempted once on its way to sleep", A_VCPU, op_preempt},
	{"move", "c", NULL, "will run on CPU C from the next time on that it is switched in",
	 A_VCPU, op_move},
	{"sit-out", "", "is preempted",
	 "is switched out runnable, until another agent yields to it", A_VCPU | PN_CASE_WAITS,
	 op_sit_out},
	{"yield-to", "v", "it waits; is anything pending for vCPU %?",
	 "vCPU V goes on with its sit-out, if an interrupt is pending for it", A_HOST, op_yield_to},
	{"post", "i", NULL, "a device writes the MSI of interrupt I", 0, op_post},
	{"await-wake", "v", NULL, "goes on when the task of vCPU V is awake",
	 PN_CASE_WAITS | PN_CASE_VM, op_await_wake},
	{"detach", "i", "takes interrupt % away", "interrupt I is posted no longer", A_HOST,
	 op_detach},
	{"attach", "i", "gives interrupt % to its vCPU",
	 "interrupt I begins to be posted to its vCPU", A_HOST, op_attach},
	{"retarget", "ix", "changes the vector of interrupt % to %",
	 "interrupt I has vector X from now on", A_HOST, op_retarget},
	{"give", "ivx", "gives interrupt % to vCPU % as %",
	 "interrupt I is posted to vCPU V as vector X from now on", A_HOST, op_give},
	{"lend", "ivx", "gives interrupt % to vCPU % as %",
	 "the same, but the guest does not expect it: nothing is owed", A_HOST, op_lend},
	{"inject", "vx", "gives vCPU % vector %", "the host delivers vector X to vCPU V", A_HOST,
	 op_inject},
	{"route", "iv", "the guest routes interrupt % to vCPU % alone",
	 "the guest programs interrupt I to vCPU V", A_HOST, op_route},
	{"route-to-both", "i", "the guest routes interrupt % to both vCPUs",
	 "the guest programs interrupt I to vCPUs 0 and 1", A_HOST, op_route_to_both},
	{"offline", "c", "CPU % goes offline", "CPU C takes no interrupts any more, and goes",
	 A_HOST, op_offline},
	{"unload", "", "the module goes", "the VM goes, and then the hypervisor's module", A_HOST,
	 op_unload},
	{"load", "v", NULL, "vCPU V is scheduled in here", A_HOST, op_load},
	{"do-requests", "v", NULL, "vCPU V does what it was asked for", A_HOST, op_do_requests},
	{"expect-pending", "vx", "asks what is pending for vCPU %",
	 "a violation of P4 if vector X is not pending for vCPU V", A_HOST, op_expect_pending},
	{"signal", "", NULL, "lets those go on that wait", 0, op_signal},
	{"wait", "", NULL, "goes on after some agent's signal", PN_CASE_WAITS, op_wait},
	{"owed", "vx", NULL, "vCPU V has to get vector X", PN_CASE_VM, op_owed},
	{"may-take", "vx", NULL, "vCPU V may get vector X, and need not", PN_CASE_VM, op_may_take},
	{"disown", "i", NULL, "what interrupt I sends from now on is owed to no vCPU", 0,
	 op_disown},
	{0},
};
