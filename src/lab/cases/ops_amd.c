/* SPDX-License-Identifier: MIT */
/* The AMD machine in a case's text: keys of [machine], and operations of its own. */
#include "ops.h"
#include "rig_amd.h"

/* ---- the machine ---- */

static const char *const notify_words[] = {"none", "galog", "gappi", NULL};
static const char *const masked_words[] = {"none", "park", NULL};
static const char *const recover_words[] = {"wake", "none", NULL};

_Static_assert(PN_NOTIFY_GALOG == 1 && PN_NOTIFY_GAPPI == 2 && PN_MASKED_PARK == 1 &&
		       PN_RECOVER_NONE == 1,
	       "the words are in the order of the values");

#define FIELD(f) PN_CASE_FIELD(struct rig_amd_conf, f)

static const struct pn_case_key keys[] = {
	{"notify", FIELD(notify), 0, notify_words, "how IOMMUs tell the host; default none"},
	{"masked", FIELD(masked), 0, masked_words,
	 "what the host does with bits that cannot be delivered; default none"},
	{"recover", FIELD(recover), 0, recover_words,
	 "what the host does after a log has overflowed; default wake"},
	{"iommus", FIELD(iommus), RIG_IOMMUS, NULL, "default 1"},
	{"two_vms", FIELD(two_vms), 0, pn_case_no_yes, "vCPU 1 is vCPU 0 of a second VM"},
	{"no_gappi_on_1", FIELD(no_gappi_on_1), 0, pn_case_no_yes, "IOMMU 1 lacks GAPPISup"},
	{"isrun_early", FIELD(isrun_early), 0, pn_case_no_yes,
	 "IOMMUs read IsRun before they set the IRR bit"},
	{"tpr", FIELD(tpr), 0xff, NULL, "TPR of vCPU 0"},
	{"galog_ring", FIELD(galog_ring), 512, NULL, "entries of a log; default 512"},
	{"no_xt", FIELD(no_xt), 0, pn_case_no_yes,
	 "IOMMUs lack XTSup: their own interrupts are MSIs"},
	{"irtcachedis", FIELD(irtcachedis), 0, pn_case_no_yes, "IOMMUs cache no entries"},
	{"stops_late", FIELD(stops_late), 0, pn_case_no_yes,
	 "GALogRun falls some time after GALOverflow rises"},
	{"erratum_core", FIELD(erratum_core), 0, pn_case_no_yes, "processors have erratum 1235"},
	{"erratum_known", FIELD(erratum_known), 0, pn_case_no_yes, "the hypervisor knows of it"},
	{"xapic", FIELD(xapic), 0, pn_case_no_yes, "no x2AVIC"},
	{"moving", FIELD(moving), 0, pn_case_no_yes,
	 "what a device sends is owed where it arrives"},
	{"lowers_tpr", FIELD(lowers_tpr), 0, pn_case_no_yes,
	 "the guest of vCPU 0 writes TPR = 0 once it has taken something"},
	{"mail", FIELD(mail), 0, pn_case_no_yes,
	 "the guest reads data that senders store (operation mail)"},
	{"w1c_lost", FIELD(w1c_lost), 0, pn_case_no_yes,
	 "the first write of 1 to GAInt meets hardware that sets it"},
	{0},
};

static void build(void *conf, unsigned vcpus)
{
	struct rig_amd_conf *c = conf;

	c->vcpus = vcpus;
	rig_amd_build(c);
}

static const char *refuse(const void *conf, unsigned vcpus)
{
	const struct rig_amd_conf *c = conf;

	if (!vcpus)
		return "there is no [vcpu 0]";
	if (c->two_vms && vcpus != 2)
		return "two_vms: each has one vCPU, so there are two";
	if (c->no_gappi_on_1 && c->iommus != 2)
		return "no_gappi_on_1: there is no IOMMU 1 (iommus = 2)";
	return NULL;
}

/* Doorbells have to be watched then. */
static void stays(void)
{
	amd->waiters = true;
}

static void interrupt(unsigned index, const struct pn_case_interrupt *irq)
{
	struct rig_vcpu *v = irq->vcpu < 0 ? NULL : &rig->vcpu[irq->vcpu];

	rig_amd_attach(index, (unsigned)irq->iommu, irq->posted ? v : NULL, (uint8_t)irq->vector);
	rig->ir[index].target = v;
}

/* ---- operations ---- */

static bool op_log(struct rig_agent *me, const int *arg)
{
	(void)me;
	rig_amd_log_thread((unsigned)arg[0]);
	return true;
}

static bool op_only_if_overflow(struct rig_agent *me, const int *arg)
{
	(void)me;
	return amd->iommu[arg[0]].overflowed;
}

static bool op_stop_log(struct rig_agent *me, const int *arg)
{
	(void)me;
	rig_amd_stop_log((unsigned)arg[0]);
	return true;
}

static bool op_use_log(struct rig_agent *me, const int *arg)
{
	(void)arg;
	pn_svm_switch_notify(&amd->svm, me->c, PN_NOTIFY_GALOG);
	return true;
}

static bool op_use_gappi(struct rig_agent *me, const int *arg)
{
	(void)arg;
	pn_svm_switch_notify(&amd->svm, me->c, PN_NOTIFY_GAPPI);
	return true;
}

static bool op_log_interrupt(struct rig_agent *me, const int *arg)
{
	pn_iommus_ga_affinity(&amd->iommus, me->c->agent, (uint32_t)arg[0]);
	return true;
}

static bool op_kexec(struct rig_agent *me, const int *arg)
{
	(void)arg;
	pn_iommus_disable(&amd->iommus, me->c->agent);
	amd->new_kernel = true;
	rig->no_hyp_check = true;
	return true;
}

static bool op_free(struct rig_agent *me, const int *arg)
{
	struct pn_amdvi_ir *ir = &amd->ir[arg[0]].ir;

	(void)me;
	px_kill(ir, sizeof(*ir), "P6", "the interrupt's handle");
	return true;
}

/* Enters the guest, sends @icr to the vCPUs of the bits @to, and handles the exit if there is one.
 */
static void send_ipi(struct rig_agent *me, uint64_t icr, unsigned to)
{
	struct pn_avic *av = &amd->core[me->c->id];
	uint8_t *due[RIG_VCPUS] = {NULL};
	struct pn_avic_vmcb vmcb;
	struct pn_avic_exit exit;
	bool trap;

	pn_svm_enter(me->v->h, me->c);
	pn_svm_vmcb(pn_svm_of(me->v->h), &vmcb);
	pn_avic_vmrun(av, &vmcb);
	for (unsigned i = 0; i < rig->vcpus; i++)
		if (to >> i & 1)
			due[i] = rig_sends_to(&rig->vcpu[i], (uint8_t)icr);
	trap = pn_avic_ipi(av, icr, &exit) == PN_AVIC_TRAP;
	pn_avic_vmexit(av);
	pn_svm_leave(me->v->h, me->c);
	if (trap) {
		px_doing("exit: incomplete IPI");
		pn_svm_incomplete_ipi(pn_svm_of(me->v->h), me->c, &exit);
	}
	for (unsigned i = 0; i < rig->vcpus; i++)
		if (due[i])
			rig_has_sent(due[i]);
}

static bool op_ipi(struct rig_agent *me, const int *arg)
{
	unsigned dest = amd->conf.xapic ? 56 : 32; /* where the ICR has the destination */

	send_ipi(me, (uint64_t)arg[0] << dest | (uint32_t)arg[1], 1u << arg[0]);
	return true;
}

static bool op_ipi_others(struct rig_agent *me, const int *arg)
{
	send_ipi(me, PN_ICR_SH_OTHERS << 18 | (uint32_t)arg[0], ~(1u << (me->v - rig->vcpu)));
	return true;
}

static bool op_pend(struct rig_agent *me, const int *arg)
{
	(void)me;
	pn_vapic_set(rig->vcpu[arg[0]].h->page, PN_APIC_IRR, (uint8_t)arg[1]);
	rig_posted(&rig->vcpu[arg[0]], (uint8_t)arg[1]);
	return true;
}

static bool op_mail(struct rig_agent *me, const int *arg)
{
	(void)me;
	(void)arg;
	pn_st32(&amd->mail, pn_ld32(&amd->mail) + 1); /* pairs with the guest */
	return true;
}

/* The memory of vCPU 0 is freed then. */
static bool op_destroy(struct rig_agent *me, const int *arg)
{
	(void)arg;
	pn_svm_vm_destroy(&amd->vm[0].h, me->c->agent);
	px_doing("its memory is freed");
	px_kill(rig->vcpu[0].h->page, 4096, "P6", "the vAPIC page");
	px_kill(&amd->vcpu[0], sizeof(amd->vcpu[0]), "P6", "the vCPU");
	return true;
}

static const struct pn_case_op ops[] = {
	{"log", "u", NULL, "the thread of IOMMU U's GA log, for ever",
	 PN_CASE_CPU | PN_CASE_WAITS | PN_CASE_ENDLESS, op_log},
	{"only-if-overflow", "u", NULL, "goes on only if the log of IOMMU U has overflowed", 0,
	 op_only_if_overflow},
	{"stop-log", "u", NULL, "with stops_late: GALogRun falls if the log has overflowed", 0,
	 op_stop_log},
	{"use-log", "", "switches from GAPPI to the log", "the host uses the log instead of GAPPI",
	 PN_CASE_CPU, op_use_log},
	{"use-gappi", "", "switches from the log to GAPPI",
	 "the host uses GAPPI instead of the log", PN_CASE_CPU, op_use_gappi},
	{"log-interrupt", "c", "the logs' interrupts go to CPU %",
	 "the interrupts of the logs go to CPU C from now on", PN_CASE_CPU, op_log_interrupt},
	{"kexec", "", "kexec", "the host disables its IOMMUs; another kernel begins", PN_CASE_CPU,
	 op_kexec},
	{"free", "i", "frees interrupt %", "the handle of interrupt I is freed", PN_CASE_CPU,
	 op_free},
	{"ipi-others", "x", "IPI to all others", "the guest sends an IPI to all other vCPUs",
	 PN_CASE_CPU | PN_CASE_VCPU | PN_CASE_WAITS, op_ipi_others},
	{"inhibit", "", "a cause against AVIC comes up", "AVIC is inhibited for all vCPUs",
	 PN_CASE_CPU, rig_op_inhibit},
	{"allow", "", "the cause goes away", "it is no longer", PN_CASE_CPU, rig_op_allow},
	{"pend", "vx", NULL, "vector X is in the IRR of vCPU V", 0, op_pend},
	{"mail", "", NULL, "with mail: stores data that the guest reads when it takes a vector", 0,
	 op_mail},
	{"destroy", "", "the VM is destroyed", "the VM goes, and the memory of vCPU 0", PN_CASE_CPU,
	 op_destroy},
	{"ipi", "vx", "sends vCPU % vector %", "the guest sends an IPI",
	 PN_CASE_CPU | PN_CASE_VCPU | PN_CASE_WAITS, op_ipi},
	{0},
};

const struct pn_case_vendor rig_text_amd = {
	.name = "amd",
	.keys = keys,
	.ops = ops,
	.build = build,
	.refuse = refuse,
	.stays = stays,
	.interrupt = interrupt,
	.check = rig_check,
};
