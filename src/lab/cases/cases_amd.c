/* SPDX-License-Identifier: MIT */
/* The cases on AMD: how their machines and agents are set up. */
#include "case_setup.h"
#include "rig_amd.h"

/* A vCPU on CPU 0 with two interrupts of one IOMMU, GAPPI. */
static void gappi_machine(const struct rig_amd_conf *more)
{
	struct rig_amd_conf conf = *more;

	conf.notify = PN_NOTIFY_GAPPI;
	conf.masked = more->masked;
	rig_amd_build(&conf);
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[0], 0x91);
}

static void gappi_plain(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

static void masked_irr(bool broken)
{
	gappi_machine(&(struct rig_amd_conf){.masked = broken ? PN_MASKED_NONE : PN_MASKED_PARK,
					     .tpr = 0x50});
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

static void masked_park(bool broken)
{
	masked_irr(false);
	(void)broken;
}

static void second_sleep(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK, .tpr = 0x50});
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

static void isrun_early(bool broken)
{
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK, .isrun_early = broken});
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

/* ---- interrupts that come and go ---- */

/* On the CPU @arg. */
static void detacher(void *arg)
{
	px_doing("takes interrupt 0 away");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, arg);
}

static void detach_from(const struct rig_amd_conf *conf, const int *posts)
{
	gappi_machine(conf);
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[1].ir.host, NULL, 0, &rig->cpu[0]);
	rig_run_vcpu(0, 0, -1);
	/* Interrupt 1 goes through the host, which wakes the vCPU; so interrupt 0 is the last. */
	rig_run_posts(0, posts);
	px_thread("detach", 1, detacher, &rig->cpu[1]);
	rig_run_handlers(2);
}

static void detach(bool broken)
{
	detach_from(&(struct rig_amd_conf){.masked = PN_MASKED_PARK},
		    broken ? rig_first_only : rig_other_way);
}

static void detach_uncached(bool broken)
{
	(void)broken;
	detach_from(&(struct rig_amd_conf){.masked = PN_MASKED_PARK, .irtcachedis = true},
		    rig_first_only);
}

/* The host knows interrupt 0 by its route alone: nothing is attached before. */
static void routes(bool broken)
{
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .vcpus = 2});
	rig_amd_attach(0, 0, NULL, 0x41);
	rig->ir[0].target = &rig->vcpu[0];
	rig_run_vcpu(0, 0, -1);
	rig_run_routes(0x41, broken ? RIG_BOTH_FOR_GOOD : RIG_THERE_AND_BACK);
	rig_run_handlers(2);
}

/* The same with the log, as mainline does it: it is the IRTE that is left behind. */
static void unlist_early(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_first_only);
	px_thread("detach", 2, detacher, &rig->cpu[2]);
	rig_amd_run_log(0, 1);
	rig_run_handlers(2);
}

static void attacher(void *arg)
{
	(void)arg;
	px_doing("gives interrupt 0 to vCPU 0");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, rig->vcpu[0].h, 0x41, &rig->cpu[1]);
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[1].ir.host, rig->vcpu[0].h, 0x91, &rig->cpu[1]);
	rig_set_flag();
}

static void attach(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, &rig->cpu[0]);
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[1].ir.host, NULL, 0, &rig->cpu[0]);
	rig_run_vcpu(0, 0, -1);
	px_thread("attach", 1, attacher, NULL);
	rig_run_late_posts(rig_two_posts);
	rig_run_handlers(1);
}

static void one_attacher(void *arg)
{
	(void)arg;
	px_doing("gives interrupt 0 to vCPU 0");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, rig->vcpu[0].h, 0x41, &rig->cpu[1]);
}

/* Raised twice; at any time its interrupts begin to be posted and no longer go through the host. */
static void list_order(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, &rig->cpu[0]);
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[1].ir.host, NULL, 0, &rig->cpu[0]);
	rig_run_vcpu(0, 0, -1);
	px_thread("attach", 1, one_attacher, NULL);
	rig_run_posts(0, rig_twice);
	rig_run_handlers(2);
}

static void deassigner(void *arg)
{
	bool broken = arg != NULL;

	px_doing("removes the irqfd of interrupt 0");
	if (!broken)
		pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, &rig->cpu[1]);
	px_doing("frees it");
	px_kill(&amd->ir[0].ir, sizeof(amd->ir[0].ir), "P6", "the interrupt's handle");
}

static void deassign(bool broken)
{
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	rig->ir[0].target = NULL;
	rig_run_vcpu(0, 0, -1);
	rig_amd_attach(2, 0, &rig->vcpu[0], 0x51);
	rig_run_posts(0, rig_last_two);
	px_thread("deassign", 1, deassigner, broken ? rig : NULL);
	rig_run_handlers(1);
}

static void retargeter(void *arg)
{
	(void)arg;
	px_doing("changes the vector of interrupt 0");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, rig->vcpu[0].h, 0x61, &rig->cpu[1]);
	rig->ir[0].vector = 0x61;
	rig_set_flag();
}

static void stale_cache(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	rig->vendor->post(0); /* now the entry is cached */
	rig_run_vcpu(0, 0, -1);
	px_thread("retarget", 1, retargeter, NULL);
	rig_run_late_posts(rig_two_posts);
	rig_run_handlers(1);
}

/* ---- CPUs, modules, kernels ---- */

static void fall_asleep(unsigned vcpu, unsigned cpu)
{
	struct rig_vcpu *v = &rig->vcpu[vcpu];

	pn_svm_load(v->h, &rig->cpu[cpu]);
	pn_svm_blocking(v->h, &rig->cpu[cpu]);
	pn_svm_put(v->h, &rig->cpu[cpu], false);
	v->task.sleeping = 1;
	v->asleep = true;
}

static void offliner(void *arg)
{
	(void)arg;
	/* CPU 0 takes no interrupts any more once the vCPU is asleep or has moved away. */
	px_doing("CPU 0 goes offline");
	pn_svm_cpu_offline(&amd->svm.hyp, &rig->cpu[0], &rig->cpu[2]);
}

static void offline(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	/* Blocked on CPU 0, asleep; it wakes up on CPU 1. No handler runs on CPU 0. */
	fall_asleep(0, 0);
	rig_run_vcpu(0, 1, -1);
	rig_run_posts(0, rig_two_posts);
	px_thread("offline", 2, offliner, NULL);
	px_handler("CPU 1 irq", 1, rig_amd_handler, &rig->cpu[1]);
}

static void unloader(void *arg)
{
	(void)arg;
	px_doing("the module goes");
	pn_svm_vm_destroy(&amd->vm[0].h, rig->cpu[1].agent);
	pn_svm_exit(&amd->svm.hyp);
	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_kill(&rig->cpu[i].wake_lock, sizeof(rig->cpu[i].wake_lock), "P6",
			"the module's wakeup list");
}

static void left_behind(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	pn_svm_load(rig->vcpu[0].h, &rig->cpu[0]);
	pn_svm_blocking(rig->vcpu[0].h, &rig->cpu[0]);
	rig->ir[0].target = rig->ir[1].target = NULL;
	rig->no_rest_check = true;
	rig_run_posts(0, rig_two_posts);
	px_thread("unload", 1, unloader, NULL);
	rig_run_handlers(1);
}

static void kexec(void *arg)
{
	(void)arg;
	px_doing("kexec");
	pn_iommus_disable(&amd->iommus, rig->cpu[1].agent);
	amd->new_kernel = true;
	rig_set_flag();
}

static void over_kexec(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	pn_svm_load(rig->vcpu[0].h, &rig->cpu[0]);
	pn_svm_blocking(rig->vcpu[0].h, &rig->cpu[0]);
	rig->no_rest_check = true;
	px_thread("kexec", 1, kexec, NULL);
	rig_run_late_posts(rig_two_posts);
	rig_run_handlers(1);
}

/* ---- the log, several IOMMUs, modes ---- */

static void mixed(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI,
					     .masked = PN_MASKED_PARK,
					     .iommus = 2,
					     .no_gappi_on_1 = true});
	rig_amd_attach(0, 1, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 1, &rig->vcpu[0], 0x91);
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(1, rig_two_posts);
	rig_amd_run_log(1, 1);
	rig_run_handlers(2);
}

static void switcher(void *arg)
{
	(void)arg;
	px_doing("switches from GAPPI to the log");
	pn_svm_switch_notify(&amd->svm, &rig->cpu[2], PN_NOTIFY_GALOG);
}

static void mode_switch(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	rig_run_vcpu(0, 0, -1);
	rig->vendor->post(0); /* the first interrupt is there already when it blocks */
	rig_run_posts(0, rig_second_only);
	px_thread("switch", 2, switcher, NULL);
	rig_amd_run_log(0, 1);
	rig_run_handlers(2);
}

static void two_iommus(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .iommus = 2});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 1, &rig->vcpu[0], 0x91);
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_first_only);
	rig_run_posts(1, rig_second_only);
	rig_run_handlers(1);
}

static void overflow(bool broken)
{
	rig_amd_build(
		&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG,
				       .vcpus = 2,
				       .galog_ring = 2,
				       .recover = broken ? PN_RECOVER_NONE : PN_RECOVER_WAKE});
	rig_amd_attach(0, 0, &rig->vcpu[1], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[0], 0x91);
	/* vCPU 1 sleeps; its only purpose is that its entry fills the log. */
	pn_svm_load(rig->vcpu[1].h, &rig->cpu[2]);
	pn_svm_blocking(rig->vcpu[1].h, &rig->cpu[2]);
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_two_posts);
	rig_amd_run_log(0, 1);
	rig_run_handlers(2);
}

/*
 * Two interrupts of vCPU 1 can be one too many for the log. If they are, then a third comes once
 * vCPU 1 is awake and the log's thread asleep, that is after its last look at Status: for vCPU 0,
 * of which nothing was dropped so far.
 */
static void two_and_a_later_one(void *arg)
{
	(void)arg;
	rig_post(0);
	rig_post(1);
	if (!amd->iommu[0].overflowed)
		return;
	if (amd->conf.stops_late)
		rig_amd_stop_log(0);
	px_sleep(&rig->vcpu[1].task.sleeping, "the device, by a request of vCPU 1");
	rig_post(2);
}

static void overflow_machine(bool stops_late)
{
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GALOG, .vcpus = 2, .galog_ring = 2, .stops_late = stops_late});
	rig_amd_attach(0, 0, &rig->vcpu[1], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[1], 0x51);
	rig_amd_attach(2, 0, &rig->vcpu[0], 0x91);
	fall_asleep(0, 0);
	fall_asleep(1, 2);
	rig_run_vcpu(0, 0, -1);
	px_thread("IOMMU 0", -1, two_and_a_later_one, NULL);
	rig_amd_run_log(0, 1);
	rig_run_handlers(2);
}

static void overflow_unseen(bool broken)
{
	(void)broken;
	overflow_machine(false);
}

static void restart_early(bool broken)
{
	(void)broken;
	overflow_machine(true);
}

static void status_latch(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[0], 0x91);
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_two_posts);
	rig_amd_run_log(0, 1);
	rig_run_handlers(2);
}

/* ---- IPIs, and vCPUs that are not where they seem ---- */

static void sender(void *arg)
{
	static const uint8_t vector[] = {0x41, 0x91};
	struct rig_vcpu *me = &rig->vcpu[1], *to = &rig->vcpu[0];
	struct pn_host_cpu *c = &rig->cpu[1];
	struct pn_avic *av = &amd->core[1];
	struct pn_avic_vmcb vmcb;
	struct pn_avic_exit exit;
	uint8_t *due;

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		px_doing(i ? "second IPI" : "first IPI");
		pn_svm_enter(me->h, c);
		pn_svm_vmcb(pn_svm_of(me->h), &vmcb);
		pn_avic_vmrun(av, &vmcb);
		due = rig_sends_to(to, vector[i]);
		if (pn_avic_ipi(av, vector[i], &exit) == PN_AVIC_TRAP) {
			pn_avic_vmexit(av);
			pn_svm_leave(me->h, c);
			px_doing("exit: incomplete IPI");
			pn_svm_incomplete_ipi(pn_svm_of(me->h), c, &exit);
		} else {
			pn_avic_vmexit(av);
			pn_svm_leave(me->h, c);
		}
		rig_has_sent(due);
	}
}

static void erratum(bool broken)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE,
					     .vcpus = 2,
					     .erratum_core = true,
					     .erratum_known = !broken});
	rig_run_vcpu(0, 0, -1);
	pn_svm_load(rig->vcpu[1].h, &rig->cpu[1]);
	px_thread("vCPU 1", 1, sender, NULL);
}

static void preempted(bool broken)
{
	(void)broken;
	gappi_machine(&(struct rig_amd_conf){.masked = PN_MASKED_PARK});
	rig->vcpu[0].preempt = 1;
	rig_run_vcpu(0, 0, 1);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(2);
}

static void other_vcpu(void *arg)
{
	(void)arg;
	px_doing("another VM's vCPU is scheduled");
	pn_svm_put(rig->vcpu[0].h, &rig->cpu[2], false);
	pn_svm_load(rig->vcpu[0].h, &rig->cpu[2]);
}

static void bucket(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .vcpus = 2, .two_vms = true});
	rig_amd_attach(0, 0, &rig->vcpu[1], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[1], 0x91);
	rig_amd_attach(2, 0, &rig->vcpu[0], 0x51);
	rig_run_vcpu(1, 0, -1);
	pn_svm_load(rig->vcpu[0].h, &rig->cpu[2]);
	px_thread("vCPU of VM 1", 2, other_vcpu, NULL);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

const struct case_setup pn_cases_amd[] = {
	{{"gappi-second-sleep", "H1", "parking is done once and not before each sleep",
	  "the policy runs again at every sleep", "P1", true, false},
	 PN_MISTAKE_PARK_ONCE,
	 second_sleep,
	 0},
	{{"isrun-sampled-early", "H2", "the IOMMU reads IsRun before it sets the IRR bit",
	  "the IRR bit first, then IsRun", "P1", true, false},
	 PN_MISTAKE_NONE,
	 isrun_early,
	 0},
	{{"block-without-fence", "H2", "no full fence between IsRun=0 and the look at the IRR",
	  "a fence", "P1", false, true},
	 PN_MISTAKE_NO_FENCE,
	 gappi_plain,
	 0},
	{{"list-after-irte", "H3", "an IRTE names a CPU before the vCPU is on its list",
	  "the list first", "P1", false, false},
	 PN_MISTAKE_LIST_AFTER_IRTE,
	 list_order,
	 0},
	{{"detach-unlists-first", "H6, RFC v3",
	  "the vCPU leaves the list before its IRTE is flushed",
	  "retarget, flush, wait; then the list; then wake if the IRR is not empty", "P1", false,
	  false},
	 PN_MISTAKE_UNLIST_FIRST,
	 detach,
	 0},
	{{"unlist-before-retarget", "Linux 7.3, read in source",
	  "an IRTE leaves its vCPU's list before it is retargeted, and keeps IsRun = 1 when the "
	  "vCPU blocks",
	  "retarget, flush, wait; then the list; then wake if the IRR is not empty", "P1", true,
	  false},
	 PN_MISTAKE_UNLIST_EARLY,
	 unlist_early,
	 0},
	{{"attach-while-blocked", "H7",
	  "an IRTE is programmed for a sleeping vCPU, nothing is armed",
	  "list first, valid CPU, look at the IRR afterwards", "P1", false, false},
	 PN_MISTAKE_ATTACH_UNARMED,
	 attach,
	 0},
	{{"cpu-offline", "H8, Xen 92fc8d10f5", "a CPU goes away with vCPUs on its list",
	  "they are woken and block elsewhere", "P1", false, false},
	 PN_MISTAKE_OFFLINE_SILENT,
	 offline,
	 0},
	{{"handler-lock-irqs-on", "review of RFC v1", "the list lock is taken with interrupts on",
	  "interrupts off", "P1", false, false},
	 PN_MISTAKE_LIST_IRQS_ON,
	 gappi_plain,
	 0},
	{{"handler-left-behind", "review of RFC v1", "the handler outlives its module",
	  "unregister, then wait", "P6", false, false},
	 PN_MISTAKE_NO_UNREGISTER,
	 left_behind,
	 0},
	{{"gappi-over-kexec", "review of RFC v1", "GAPPIEn survives into the next kernel",
	  "cleared at disable", "P6", false, false},
	 PN_MISTAKE_KEXEC_KEEPS_GAPPI,
	 over_kexec,
	 0},
	{{"mixed-iommus", "H15", "the first IOMMU decides for one that cannot",
	  "the log everywhere", "P1", false, false},
	 PN_MISTAKE_FIRST_IOMMU_DECIDES,
	 mixed,
	 0,
	 true},
	{{"mode-switch", "H16", "GAPPIEn is toggled before the IRTEs are rewritten",
	  "all entries leave guest mode first", "P1", false, false},
	 PN_MISTAKE_TOGGLE_FIRST,
	 mode_switch,
	 0},
	{{"two-iommus-one-page", "spec text", "each IOMMU sees the other's bit and stays silent",
	  "hardware errs on the spurious side", "P1", true, false},
	 PN_MISTAKE_SCAN_AFTER_OR,
	 two_iommus,
	 0},
	{{"park-against-scan", "found here",
	  "hardware looks for other IRR bits before its OR, the "
	  "host parks them in between",
	  "hardware errs on the spurious side", "P1", true, false},
	 PN_MISTAKE_SCAN_BEFORE_OR,
	 masked_park,
	 0},
	{{"galog-overflow-sleep", "7.4, Linux 7.3", "what an overflow dropped is never looked for",
	  "restart, then wake every blocked vCPU with posted IRTEs", "P1", false, false},
	 PN_MISTAKE_NONE,
	 overflow,
	 0},
	{{"galog-overflow-unseen", "Linux 6.12 and 7.3, found here",
	  "the overflow bit is cleared although the last look did not see it",
	  "GAInt alone is acknowledged; the restart clears the overflow", "P1", true, false, true},
	 PN_MISTAKE_CLEARS_UNSEEN,
	 overflow_unseen,
	 0},
	{{"galog-restart-too-early", "Linux 6.12 and 7.3, read in source",
	  "the overflow was seen and cleared, but the log runs still when it is to be restarted",
	  "wait for GALogRun = 0, then GALogEn = 0, clear the overflow, GALogEn = 1", "P1", true,
	  false, true},
	 PN_MISTAKE_RESTART_EARLY,
	 restart_early,
	 0},
	{{"galog-status-latch", "QEMU, Jul 2026", "writing 1 to a Status bit sets it",
	  "write 1 to clear", "P1", false, false},
	 PN_MISTAKE_STATUS_COPIES,
	 status_latch,
	 3000},
	{{"erratum-1235", "Zen 1 and 2", "IsRunning is set although the core may see it stale",
	  "IsRunning is never set in the real table", "P1", false, false},
	 PN_MISTAKE_NONE,
	 erratum,
	 0},
	{{"isrunning-outside-guest", "KVM, Nov-Dec 2021",
	  "a vCPU preempted while it blocks is shown "
	  "as running",
	  "load() leaves a blocking vCPU alone", "P1", false, false},
	 PN_MISTAKE_LOAD_WHILE_BLOCKING,
	 preempted,
	 0},
	{{"stale-irte-cache", "list thread, Apr 2025",
	  "a cached field changes without invalidation",
	  "INVALIDATE_INTERRUPT_TABLE and COMPLETION_WAIT", "P4", false, false},
	 PN_MISTAKE_NO_IRT_FLUSH,
	 stale_cache,
	 0},
	{{"irtcachedis-no-wait", "Linux option irtcachedis, inferred",
	  "with IRTCacheDis a changed entry is neither invalidated nor waited for",
	  "COMPLETION_WAIT all the same: an interrupt in flight has read the old entry", "P1",
	  false, false},
	 PN_MISTAKE_NO_IRT_WAIT,
	 detach_uncached,
	 0},
	{{"route-to-several", "KVM, inferred",
	  "the guest routes an interrupt to several vCPUs, and its entry goes on posting to one",
	  "the host decides anew: remapped format, and delivery to each by software", "P4", false,
	  false},
	 PN_MISTAKE_ROUTE_NOT_DECIDED,
	 routes,
	 0},
	{{"hash-bucket-collision", "review of 2016", "update_ga rewrites another VM's IRTE",
	  "the handle is a pointer", "P1", false, false},
	 PN_MISTAKE_HASH_BUCKET,
	 bucket,
	 0},
	{{"irqfd-deassign", "KVM, Jan 2026", "the handle is freed while the vCPU still updates it",
	  "detach before free", "P6", false, false},
	 PN_MISTAKE_NO_DETACH,
	 deassign,
	 0},
};

const unsigned pn_cases_amd_nr = sizeof(pn_cases_amd) / sizeof(pn_cases_amd[0]);
