/* SPDX-License-Identifier: MIT */
/*
 * The cases on Intel about vCPUs: guests that wait inside, several vCPUs on a list, every word of a
 * PIR, APICv that is inhibited, the end of the module.
 */
#include "cases_intel.h"

/* ---- guests that wait for a notification ---- */

/* One vector comes twice. */
void intel_waits(bool broken)
{
	static const int posts[] = {0, 1, 0, -1};

	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	rig_run_guest(0, 0, -1);
	rig_run_posts(0, posts);
	rig_run_handlers(1);
}

/* Preempted and moved to another CPU first: SN, then NDST, then the PIR. */
void intel_waits_moved(bool broken)
{
	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	rig->vcpu[0].yields = 1;
	rig_run_guest(0, 0, 1);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(2);
}

/* @arg: a string of vectors. */
static void injects(void *arg)
{
	for (const char *vector = arg; *vector; vector++) {
		px_doing("injects an interrupt");
		rig_inject(&rig->vcpu[0], &rig->cpu[1], (uint8_t)*vector);
	}
}

void intel_waits_soft(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_run_guest(0, 0, -1);
	px_thread("irqfd", 1, injects, (void *)(uintptr_t) "\x41\x91\x41");
	rig_run_handlers(1);
}

void intel_soft_blocked(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_run_vcpu(0, 0, -1);
	px_thread("irqfd", 1, injects, (void *)(uintptr_t) "\x41\x41");
	rig_run_handlers(1);
}

/* ---- several on a list ---- */

/* All asleep on CPU 0; what they do then is seen of the last one only. */
void intel_list_of_three(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 3});
	for (unsigned i = 0; i < 3; i++) {
		rig_intel_attach(i, &rig->vcpu[i], LOW);
		rig_fall_asleep(i, 0);
	}
	rig_run_vcpu(2, 1, -1);
	rig_run_posts(0, rig_three_posts);
	rig_run_handlers(2);
}

static void offliner(void *arg)
{
	(void)arg;
	px_doing("CPU 0 goes offline");
	pn_vmx_cpu_offline(&intel->vmx.hyp, &rig->cpu[0], &rig->cpu[2]);
}

/* Both asleep on CPU 0, which takes no interrupts any more; they wake up elsewhere. */
void intel_offline_two(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2});
	for (unsigned i = 0; i < 2; i++) {
		rig_intel_attach(i, &rig->vcpu[i], LOW);
		rig_fall_asleep(i, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		rig_run_vcpu(i, (int)i + 1, -1);
	rig_run_posts(0, rig_second_only);
	px_thread("offline", 2, offliner, NULL);
	for (unsigned i = 1; i < 3; i++)
		px_handler(rig_text("CPU %u irq", i), (int)i, rig->vendor->handler, &rig->cpu[i]);
}

/* ---- every word ---- */

/* A vector in each half of each word of the PIR, which are there when it blocks; one comes then. */
void intel_words(bool broken)
{
	static const uint8_t vectors[RIG_IRS] = {0x18, 0x31, 0x51, 0x71, 0x81, 0xA1, 0xC1, 0xF8};

	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	for (unsigned i = 0; i < RIG_IRS; i++) {
		rig_intel_attach(i, &rig->vcpu[0], vectors[i]);
		if (i)
			rig->vendor->post(i);
	}
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(1);
}

/* ---- RFLAGS.IF = 0 ---- */

static void pokes(void *arg)
{
	struct rig_vcpu *v = arg;

	px_doing("sends an NMI");
	rig->flag = 1;
	pn_or32(&v->h->requests, PN_REQ_UNBLOCK); /* pairs with pn_vmx_must_run() */
	rig_ops()->poke(v->h, &rig->cpu[1]);
}

/* HLT with interrupts off, until an NMI; its handler switches them on. */
static void halts_with_irqs_off(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];

	v->h->irq_blocked = true;
	px_doing("blocks with IF = 0");
	rig_ops()->blocking(v->h, c);
	c = rig_block(v, c);
	if (!rig->flag)
		px_fail("P5", "a vCPU with IF = 0 leaves its HLT for an interrupt");
	v->h->irq_blocked = false;
	rig->vendor->guest(v, c);
	rig_vcpu_loop(v);
}

void intel_irqs_off(bool broken)
{
	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	px_thread("vCPU 0", 0, halts_with_irqs_off, &rig->vcpu[0]);
	px_thread("NMI", 1, pokes, &rig->vcpu[0]);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

/* ---- APICv inhibited ---- */

static void sends_one(void *arg)
{
	struct pn_host_cpu *c = &rig->cpu[1];

	(void)arg;
	pn_irq_off(c->agent);
	pn_vmx_enter(rig->vcpu[1].h, c);
	rig_intel_vmentry(&rig->vcpu[1], c);
	pn_irq_on(c->agent);
	px_doing("sends an IPI");
	rig_intel_ipi(c, 0, HIGH);
	pn_irq_off(c->agent);
	rig_intel_vmexit(&rig->vcpu[1], c);
	pn_irq_on(c->agent);
}

/* vCPU 0 has switched APICv off, vCPU 1 has not yet: it and a device go on posting. */
void intel_inhibited(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2, .ipiv = true});
	rig_intel_attach(0, &rig->vcpu[0], LOW);
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	rig_load(&rig->vcpu[1], &rig->cpu[1]);
	intel->vcpu[0].h.apicv = 0;
	pn_or32(&intel->vm.h.inhibits, 1u << PN_INHIBIT_IRQWIN);
	rig_run_guest(0, 0, -1);
	px_thread("vCPU 1", 1, sends_one, NULL);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(1);
}

static void toggles(void *arg)
{
	struct pn_host_cpu *c = &rig->cpu[1];

	(void)arg;
	px_doing("inhibits APICv");
	pn_vmx_inhibit(&intel->vm.h, c, PN_INHIBIT_IRQWIN, true);
	px_doing("allows APICv again");
	pn_vmx_inhibit(&intel->vm.h, c, PN_INHIBIT_IRQWIN, false);
}

void intel_toggles(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_run_guest(0, 0, -1);
	px_thread("inhibit", 1, toggles, NULL);
	rig_run_handlers(1);
}

static void inhibits(void *arg)
{
	struct pn_host_cpu *c = &rig->cpu[1];

	(void)arg;
	px_doing("inhibits APICv");
	pn_vmx_inhibit(&intel->vm.h, c, PN_INHIBIT_IRQWIN, true);
}

/* While a device posts. */
void intel_inhibits(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_intel_attach(0, &rig->vcpu[0], LOW);
	rig_run_guest(0, 0, -1);
	px_thread("inhibit", 1, inhibits, NULL);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(1);
}

/* The host injects, and another agent asks where the interrupt is. */
static void injector(void *arg)
{
	struct rig_vcpu *v = arg;

	px_doing("is about to enter: injects");
	pn_vmx_enter(v->h, &rig->cpu[0]);
}

static void looks(void *arg)
{
	struct rig_vcpu *v = arg;

	px_doing("looks at the IRR, then at the ISR");
	if (!pn_vapic_test(v->h->page, PN_APIC_IRR, LOW) &&
	    !pn_vapic_test(v->h->page, PN_APIC_ISR, LOW))
		px_fail("P4", "vector 0x%02x is in neither IRR nor ISR", LOW);
}

void intel_injects(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	intel->vcpu[0].h.apicv = 0;
	intel->vm.h.inhibits = 1u << PN_INHIBIT_IRQWIN;
	pn_vapic_set(intel->vcpu[0].h.page, PN_APIC_IRR, LOW);
	px_thread("vCPU 0", 0, injector, &rig->vcpu[0]);
	px_thread("reader", 1, looks, &rig->vcpu[0]);
}

/* ---- the end of the module ---- */

static void unloader(void *arg)
{
	(void)arg;
	px_doing("the module goes");
	pn_vmx_vm_destroy(&intel->vm.h, rig->cpu[1].agent);
	pn_vmx_exit(&intel->vmx.hyp);
	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_kill(&rig->cpu[i].wake_lock, sizeof(rig->cpu[i].wake_lock), "P6",
			"the module's wakeup list");
}

void intel_exits(bool broken)
{
	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	rig_fall_asleep(0, 0);
	rig->ir[0].target = rig->ir[1].target = NULL;
	rig->no_rest_check = true;
	rig_run_posts(0, rig_two_posts);
	px_thread("unload", 1, unloader, NULL);
	rig_run_handlers(1);
}

/* ---- abilities ---- */

/* No unit can post, but processors can: IPI virtualization. */
void intel_pir_check(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2, .ipiv = true, .no_posting = true});
	rig_run_vcpu(0, 0, -1);
	rig_load(&rig->vcpu[1], &rig->cpu[1]);
	px_thread("vCPU 1", 1, sends_one, NULL);
	rig_run_handlers(1);
}
