/* SPDX-License-Identifier: MIT */
/*
 * Cases of the hypervisor on AMD: guests that wait inside for a doorbell, several vCPUs on one
 * list, IPIs and injections, inhibits, and what others see of pending interrupts.
 */
#include "case_setup.h"
#include <stdio.h>

#include "rig_amd.h"

/* A guest that does not exit at HLT: it waits inside. */
static void stays(unsigned vcpu)
{
	rig->vcpu[vcpu].stays = true;
	amd->waiters = true;
}

/* Asleep: woken, it takes what is there and is done. */
static void wakes_once(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[v->cpu];

	px_sleep(&v->task.sleeping, "the vCPU's task");
	rig_load(v, c);
	px_doing("unblocks");
	pn_svm_unblocking(v->h, c);
	rig->vendor->guest(v, c);
}

/* vCPU @n sleeps on the list of @cpu, and wakes up once, on @wakes_on. */
static void sleeper(unsigned n, unsigned cpu, int wakes_on)
{
	rig_fall_asleep(n, cpu);
	rig->vcpu[n].cpu = wakes_on;
	px_thread(rig_text("vCPU %u", n), wakes_on, wakes_once, &rig->vcpu[n]);
}

/* Enters its guest again and again, and never blocks. */
static void runs_on(void *arg)
{
	struct rig_vcpu *v = arg;

	for (;;)
		rig->vendor->guest(v, &rig->cpu[v->cpu]);
}

static void runner(unsigned n, int cpu)
{
	stays(n);
	rig->vcpu[n].cpu = cpu;
	rig_load(&rig->vcpu[n], &rig->cpu[cpu]);
	px_thread(rig_text("vCPU %u", n), cpu, runs_on, &rig->vcpu[n]);
}

/* ---- doorbells ---- */

static void old_cpu(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[0], 0x91);
	rig_fall_asleep(0, 0);
	stays(0);
	rig_run_vcpu(0, 1, -1);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(2);
}

/* An IPI of vCPU @arg, which runs on the CPU with its number. */
static void send_ipi(void *arg)
{
	struct rig_vcpu *me = arg;
	struct pn_host_cpu *c = &rig->cpu[me->cpu];
	struct pn_avic *av = &amd->core[me->cpu];
	uint8_t *due[RIG_VCPUS] = {NULL};
	struct pn_avic_vmcb vmcb;
	struct pn_avic_exit exit;
	bool trap;

	px_doing("IPI to all others");
	pn_svm_enter(me->h, c);
	pn_svm_vmcb(pn_svm_of(me->h), &vmcb);
	pn_avic_vmrun(av, &vmcb);
	for (unsigned i = 0; i < rig->vcpus; i++)
		if (&rig->vcpu[i] != me)
			due[i] = rig_sends_to(&rig->vcpu[i], 0x41);
	trap = pn_avic_ipi(av, PN_ICR_SH_OTHERS << 18 | 0x41, &exit) == PN_AVIC_TRAP;
	pn_avic_vmexit(av);
	pn_svm_leave(me->h, c);
	if (trap) {
		px_doing("exit: incomplete IPI");
		pn_svm_incomplete_ipi(pn_svm_of(me->h), c, &exit);
	}
	for (unsigned i = 0; i < rig->vcpus; i++)
		if (due[i])
			rig_has_sent(due[i]);
}

static void sender(unsigned n, int cpu)
{
	rig->vcpu[n].cpu = cpu;
	rig_load(&rig->vcpu[n], &rig->cpu[cpu]);
	px_thread(rig_text("vCPU %u", n), cpu, send_ipi, &rig->vcpu[n]);
}

static void ipi_early(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 2});
	rig_run_vcpu(0, 0, -1);
	sender(1, 1);
}

static void ipi_inside(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 2});
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	runner(0, 1); /* it has moved */
	sender(1, 2);
	rig_run_handlers(2);
}

/* The host injects a vector, @arg times, from CPU 1. */
static void injector(void *arg)
{
	for (uintptr_t i = (uintptr_t)arg; i--;) {
		px_doing("injects a vector");
		if (amd->conf.mail)
			pn_st32(&amd->mail, pn_ld32(&amd->mail) + 1); /* pairs with the guest */
		rig_inject(&rig->vcpu[0], &rig->cpu[1], 0x41);
	}
}

static void run_injector(uintptr_t times)
{
	px_thread("injector", 1, injector, (void *)times);
}

static void inject_early(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE});
	rig_run_vcpu(0, 0, -1);
	run_injector(1);
}

static void skipped_or(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .mail = true});
	runner(0, 0);
	run_injector(2);
	rig_run_handlers(1);
}

static void inhibit_now(bool set)
{
	pn_svm_inhibit(rig->vm, &rig->cpu[2], PN_INHIBIT_HYPERV, set);
}

static void ring_inhibited(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE});
	inhibit_now(true);
	runner(0, 0);
	run_injector(1);
	rig_run_handlers(1);
}

/* ---- several vCPUs ---- */

static void two_sleep(const struct rig_amd_conf *conf)
{
	rig_amd_build(conf);
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[1], 0x91);
	sleeper(0, 0, 1);
	sleeper(1, 0, 2);
}

static void scan_first(bool broken)
{
	(void)broken;
	two_sleep(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .vcpus = 2});
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

static void offliner(void *arg)
{
	(void)arg;
	px_doing("CPU 0 goes offline");
	pn_svm_cpu_offline(&amd->svm.hyp, &rig->cpu[0], &rig->cpu[2]);
}

static void offline_first(bool broken)
{
	(void)broken;
	two_sleep(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .vcpus = 2});
	rig_run_posts(0, rig_second_only);
	px_thread("offline", 2, offliner, NULL);
	px_handler("CPU 1 irq", 1, rig_amd_handler, &rig->cpu[1]);
}

static void recover_first(bool broken)
{
	(void)broken;
	two_sleep(&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG, .vcpus = 2, .galog_ring = 2});
	rig_run_posts(0, rig_two_posts);
	rig_amd_run_log(0, 1);
	px_handler("CPU 1 irq", 1, rig_amd_handler, &rig->cpu[1]);
}

static void ipi_first(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 3});
	sleeper(0, 0, 0);
	sleeper(1, 0, 1);
	sender(2, 2);
}

/* ---- vectors of every word ---- */

static void every_word(bool broken)
{
	static const uint8_t masked[] = {0x11, 0x31, 0x51, 0x71, 0x91, 0xb1, 0xd1, 0xe1};

	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI,
					     .masked = PN_MASKED_PARK,
					     .tpr = 0xe0,
					     .lowers_tpr = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0xf1);
	for (unsigned i = 0; i < sizeof(masked); i++) {
		pn_vapic_set(rig->vcpu[0].h->page, PN_APIC_IRR, masked[i]);
		rig_posted(&rig->vcpu[0], masked[i]);
	}
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(1);
}

/* ---- inhibits ---- */

static void inhibitor(void *arg)
{
	px_doing("a cause against AVIC comes up");
	inhibit_now(true);
	if (!arg)
		return;
	px_doing("the cause goes away");
	inhibit_now(false);
}

static void causes_first(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE});
	rig_run_vcpu(0, 0, -1);
	px_thread("inhibitor", 2, inhibitor, rig);
}

static void inhibit_blocked(bool broken)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	sleeper(0, 0, 0);
	px_thread("inhibitor", 2, inhibitor, NULL);
	if (!broken) /* it would wake the vCPU */
		rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

static void inhibit_inside(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	runner(0, 0);
	px_thread("inhibitor", 2, inhibitor, NULL);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

/* AVIC comes back while a device interrupts. */
static void uninhibit(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	inhibit_now(true);
	pn_svm_unblocking(rig->vcpu[0].h, &rig->cpu[0]); /* AVIC is off */
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	inhibit_now(false);
	runner(0, 0);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

static void no_fence(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE});
	inhibit_now(true);
	runner(0, 0);
	run_injector(1);
	rig_run_handlers(1);
}

/* ---- pending interrupts, seen from outside ---- */

/* Blocks with a masked vector, and unblocks. */
static void parks(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];

	px_doing("blocks");
	pn_svm_blocking(v->h, c);
	px_doing("may it sleep?");
	(void)pn_svm_must_run(v->h, c);
	px_doing("unblocks");
	pn_svm_unblocking(v->h, c);
}

static void reader(void *arg)
{
	(void)arg;
	px_doing("asks what is pending for vCPU 0");
	if (!(pn_svm_irr(rig->vcpu[0].h, 2) & 2))
		px_fail("P4", "vector 0x41, which was sent and not taken, is not pending");
}

static void masked_machine(void)
{
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .tpr = 0x50, .moving = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
}

static void seen_outside(bool broken)
{
	(void)broken;
	masked_machine();
	pn_vapic_set(rig->vcpu[0].h->page, PN_APIC_IRR, 0x41);
	rig_posted(&rig->vcpu[0], 0x41);
	px_thread("vCPU 0", 0, parks, &rig->vcpu[0]);
	px_thread("reader", 1, reader, NULL);
}

/* Stops, gives its device back, and saves what is pending. */
static void saver(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];

	px_doing("blocks");
	pn_svm_blocking(v->h, c);
	px_doing("may it sleep?");
	(void)pn_svm_must_run(v->h, c);
	px_doing("stops: its device is taken away");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, c);
	px_doing("saves what is pending");
	amd->saved = pn_svm_irr(v->h, 2);
}

static const char *check_saved(void *arg, char *text, unsigned size)
{
	const struct pn_svm_vcpu *v = &amd->vcpu[0];
	uint32_t left =
		(pn_vapic_read(v->h.page, PN_APIC_IRR + 2 * 16) | v->parked[2]) & ~amd->saved;

	(void)arg;
	if (!left)
		return NULL;
	snprintf(text, size, "vector 0x%02x is pending and was not saved",
		 64 + (unsigned)__builtin_ctz(left));
	return "P4";
}

static void left_at_save(bool broken)
{
	(void)broken;
	masked_machine();
	rig->ir[0].target = NULL; /* what the host takes later belongs to whoever restores */
	px_thread("vCPU 0", 0, saver, &rig->vcpu[0]);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

const struct case_setup pn_cases_amd_hyp[] = {
	{{"doorbell-to-old-cpu", "inferred",
	  "a vCPU that wakes up elsewhere still names its old CPU: the doorbell rings there",
	  "load() and unblocking() store the new CPU before IsRun = 1", "P4", true, false},
	 PN_MISTAKE_DOORBELL_OLD_CPU,
	 old_cpu,
	 0},
	{{"ipi-isrunning-early", "APM vol 2, 15.29.6, inferred",
	  "the processor reads IsRunning of an IPI's target before it sets the IRR bit",
	  "the IRR bit first, then IsRunning", "P1", true, false},
	 PN_MISTAKE_IPI_LOOKS_EARLY,
	 ipi_early,
	 0},
	{{"ipi-to-old-cpu", "inferred",
	  "the physical ID entry of a vCPU that has moved names its old CPU",
	  "IsRunning and the CPU in one store", "P4", true, false},
	 PN_MISTAKE_ENTRY_OLD_CPU,
	 ipi_inside,
	 0,
	 true},
	{{"inject-looks-early", "S1 to S5, inferred",
	  "the host looks whether the vCPU is in its guest before it sets the IRR bit",
	  "the IRR bit, a fence, then the look", "P1", true, false},
	 PN_MISTAKE_INJECT_LOOKS_EARLY,
	 inject_early,
	 0},
	{{"set-without-or", "inferred",
	  "an IRR bit that looks set is not set again: the sender's data are not ordered",
	  "always a locked OR", "P6", true, true},
	 PN_MISTAKE_OR_SKIPPED,
	 skipped_or,
	 0},
	{{"doorbell-while-inhibited", "inferred",
	  "a vCPU whose AVIC is off gets a doorbell, which has no effect there",
	  "it is kicked out of its guest", "P4", true, false},
	 PN_MISTAKE_RING_INHIBITED,
	 ring_inhibited,
	 0},
	{{"wakeup-first-only", "inferred", "the handler stops at the first vCPU that it wakes",
	  "it looks at the whole list", "P1", true, false},
	 PN_MISTAKE_SCAN_FIRST_ONLY,
	 scan_first,
	 0},
	{{"offline-first-only", "inferred", "a CPU goes away and wakes the first of its list alone",
	  "it wakes all", "P1", true, false},
	 PN_MISTAKE_OFFLINE_FIRST_ONLY,
	 offline_first,
	 0},
	{{"overflow-first-only", "inferred",
	  "after an overflow of the log the first vCPU of a VM is woken alone",
	  "every blocked vCPU with posted IRTEs", "P1", true, false},
	 PN_MISTAKE_RECOVER_FIRST_ONLY,
	 recover_first,
	 0},
	{{"ipi-first-only", "inferred",
	  "the exit of an IPI to several vCPUs wakes the first that does not run",
	  "all that do not run", "P1", true, false},
	 PN_MISTAKE_IPI_FIRST_ONLY,
	 ipi_first,
	 0},
	{{"park-every-word", "inferred", "parked vectors of the last word do not come back",
	  "all eight words are merged", "P1", true, false},
	 PN_MISTAKE_UNPARK_SHORT,
	 every_word,
	 0},
	{{"inhibit-request-lost", "KVM, inferred",
	  "the causes are read before the request is cleared", "the request is cleared first", "P6",
	  true, false},
	 PN_MISTAKE_CAUSES_FIRST,
	 causes_first,
	 0},
	{{"inhibit-while-blocked", "inferred",
	  "a vCPU that sleeps is not woken when a cause comes up: its entries go on posting",
	  "it is woken and switches AVIC in its own context", "P6", true, false},
	 PN_MISTAKE_INHIBIT_SILENT,
	 inhibit_blocked,
	 0},
	{{"inhibit-in-guest", "inferred", "a vCPU in its guest is not kicked when a cause comes up",
	  "it is kicked", "P6", true, false},
	 PN_MISTAKE_INHIBIT_NO_KICK,
	 inhibit_inside,
	 0},
	{{"inhibit-without-fence", "inferred",
	  "AVIC is switched off, and the IRR is read without a fence in between", "a fence", "P4",
	  true, true},
	 PN_MISTAKE_INHIBIT_NO_FENCE,
	 no_fence,
	 0},
	{{"uninhibit-entries-first", "inferred",
	  "entries are switched before AVIC is on again: they stay in remapped form",
	  "AVIC first, then the entries", "P2", true, false},
	 PN_MISTAKE_ENTRIES_FIRST,
	 uninhibit,
	 0},
	{{"pending-seen-outside", "inferred",
	  "bits leave the IRR before they are in the side map: a reader misses them",
	  "into the side map first", "P4", true, false},
	 PN_MISTAKE_PARK_CLEARS_FIRST,
	 seen_outside,
	 0},
	{{"pending-left-at-save", "inferred", "what is saved is the IRR alone, without parked bits",
	  "all that is pending, after the entries have left guest mode", "P4", true, false},
	 PN_MISTAKE_SAVE_FORGETS,
	 left_at_save,
	 0,
	 false,
	 check_saved},
};

const unsigned pn_cases_amd_hyp_nr = sizeof(pn_cases_amd_hyp) / sizeof(pn_cases_amd_hyp[0]);
