/* SPDX-License-Identifier: MIT */
/* The Intel machine in a case's text: keys of [machine], and operations of its own. */
#include "ops.h"
#include "rig_intel.h"

/* ---- the machine ---- */

#define FIELD(f) PN_CASE_FIELD(struct rig_intel_conf, f)

static const struct pn_case_key keys[] = {
	{"ipiv", FIELD(ipiv), 0, pn_case_no_yes, "IPI virtualization"},
	{"no_vm", FIELD(no_vm), 0, pn_case_no_yes, "bare metal: posted MSI"},
	{"no_posting", FIELD(no_posting), 0, pn_case_no_yes, "no unit can post; processors can"},
	{"caching_mode", FIELD(caching_mode), 0, pn_case_no_yes,
	 "the unit keeps entries that are not present, too"},
	{"small_granule", FIELD(small_granule), 0, pn_case_no_yes,
	 "processors take the PIR by 32 bits, not by 64"},
	{"split_lines", FIELD(split_lines), 0, pn_case_no_yes,
	 "the unit accesses a descriptor in several steps, not at once"},
	{0},
};

static void build(void *conf, unsigned vcpus)
{
	struct rig_intel_conf *c = conf;

	c->vcpus = vcpus;
	rig_intel_build(c);
}

static const char *refuse(const void *conf, unsigned vcpus)
{
	const struct rig_intel_conf *c = conf;

	if (c->no_vm && vcpus)
		return "no_vm: bare metal has no vCPU";
	return vcpus || c->no_vm ? NULL : "there is no [vcpu 0]";
}

static void interrupt(unsigned index, const struct pn_case_interrupt *irq)
{
	struct rig_vcpu *v = irq->vcpu < 0 ? NULL : &rig->vcpu[irq->vcpu];

	if (intel->conf.no_vm) {
		rig_intel_attach_msi(index, (unsigned)irq->to_cpu, (uint8_t)irq->vector,
				     irq->posted);
		return;
	}
	rig_intel_attach(index, irq->posted ? v : NULL, (uint8_t)irq->vector);
	rig->ir[index].target = v;
}

static const char *check(void *arg, char *text, unsigned size)
{
	return intel->conf.no_vm ? rig_intel_bare_check(arg, text, size)
				 : rig_check(arg, text, size);
}

/* ---- operations ---- */

static bool op_enter(struct rig_agent *me, const int *arg)
{
	(void)arg;
	pn_irq_off(me->c->agent);
	pn_vmx_enter(me->v->h, me->c);
	rig_intel_vmentry(me->v, me->c);
	pn_irq_on(me->c->agent);
	return true;
}

static bool op_leave(struct rig_agent *me, const int *arg)
{
	(void)arg;
	pn_irq_off(me->c->agent);
	rig_intel_vmexit(me->v, me->c);
	pn_irq_on(me->c->agent);
	return true;
}

static bool op_ipi(struct rig_agent *me, const int *arg)
{
	rig_intel_ipi(me->c, (unsigned)arg[0], (uint8_t)arg[1]);
	return true;
}

static bool op_inhibit_too(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->inhibit(rig->vm, me->c, PN_INHIBIT_ABSENT, true);
	return true;
}

static bool op_allow_too(struct rig_agent *me, const int *arg)
{
	(void)arg;
	rig_ops()->inhibit(rig->vm, me->c, PN_INHIBIT_ABSENT, false);
	return true;
}

static bool op_retrigger(struct rig_agent *me, const int *arg)
{
	rig->os.ipi(rig->os.ctx, me->c->agent, (uint32_t)arg[0], (uint8_t)arg[1]);
	return true;
}

static bool op_look(struct rig_agent *me, const int *arg)
{
	struct pn_pid *pid = intel->vcpu[arg[0]].pid;
	uint64_t posted = 0;
	bool on;

	(void)me;
	pn_line_begin(pid, sizeof(*pid));
	on = pn_ld64(&pid->control) & PN_PID_ON; /* pairs with posters */
	for (unsigned i = 0; i < 4; i++)
		posted |= pn_ld64_acq(&pid->pir[i]); /* pairs with posters */
	pn_line_end(pid);
	if (posted && !on)
		px_fail("P2", "ON and SN are 0, and the PIR is not empty");
	return true;
}

#define A_VCPU (PN_CASE_VCPU | PN_CASE_CPU | PN_CASE_VM | PN_CASE_WAITS)

static const struct pn_case_op ops[] = {
	{"enter", "", "enters the guest", "VM entry", A_VCPU, op_enter},
	{"leave", "", "leaves the guest", "VM exit", A_VCPU, op_leave},
	{"ipi", "vx", "sends vCPU % vector %", "in the guest: the processor sends an IPI by itself",
	 A_VCPU, op_ipi},
	{"inhibit", "", "inhibits APICv", "APICv is inhibited for all vCPUs",
	 PN_CASE_CPU | PN_CASE_VM, rig_op_inhibit},
	{"allow", "", "allows APICv again", "it is no longer", PN_CASE_CPU | PN_CASE_VM,
	 rig_op_allow},
	{"inhibit-too", "", "inhibits APICv by another cause",
	 "APICv is inhibited by another cause, too", PN_CASE_CPU | PN_CASE_VM, op_inhibit_too},
	{"allow-too", "", "that cause goes away", "this cause is no longer",
	 PN_CASE_CPU | PN_CASE_VM, op_allow_too},
	{"retrigger", "cx", "interrupts CPU % with vector % again",
	 "bare metal: the host raises vector X at CPU C once more", PN_CASE_CPU, op_retrigger},
	{"look", "v", "looks at the descriptor",
	 "reads the descriptor of vCPU V at once, while SN is 0: P2", PN_CASE_CPU | PN_CASE_VM,
	 op_look},
	{0},
};

const struct pn_case_vendor rig_text_intel = {
	.name = "intel",
	.keys = keys,
	.ops = ops,
	.build = build,
	.refuse = refuse,
	.interrupt = interrupt,
	.check = check,
};
