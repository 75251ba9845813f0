/* SPDX-License-Identifier: MIT */
/* Cases on Intel that are no text: other designs of software and hardware, the I/O APIC. */
#include <stdio.h>

#include "cases_intel.h"

/* A vCPU on CPU 0 with two interrupts. */
void intel_machine(const struct rig_intel_conf *conf)
{
	rig_intel_build(conf);
	rig_intel_attach(0, &rig->vcpu[0], LOW);
	rig_intel_attach(1, &rig->vcpu[0], HIGH);
}

/* ---- other designs ---- */

static bool pir_empty(const struct pn_pid *pid)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < 4; i++)
		bits |= pn_ld64_acq(&pid->pir[i]); /* pairs with posters */
	return !bits;
}

/*
 * Resuming as ACRN does, and as the VT-d specification suggests: software takes no PIR over, the
 * processor does when it gets the notification vector in the guest; if there is something, it gets
 * one from here.
 */
static void resume(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];
	bool late = pn_mistake(PN_MISTAKE_SELF_IPI_LATE);

	px_doing("is resumed: is there anything in the PIR?");
	if (!late)
		pn_irq_off(c->agent);
	if (!pir_empty(pn_vmx_of(v->h)->pid))
		rig->os.ipi(rig->os.ctx, c->agent, c->id, PN_VEC_POSTED);
	if (late)
		pn_irq_off(c->agent);
	px_doing("enters the guest");
	rig_intel_vmentry(v, c);
	pn_irq_on(c->agent);
	px_doing("in the guest");
	rig_in_guest(v, c);
}

void intel_self_ipi(bool broken)
{
	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	rig->vcpu[0].stays = true;
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	px_thread("vCPU 0", 0, resume, &rig->vcpu[0]);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

const char *intel_self_ipi_check(void *arg, char *text, unsigned size)
{
	const struct rig_vcpu *v = &rig->vcpu[0];

	(void)arg;
	for (unsigned i = 0; i < 256; i++) {
		if (!(v->due[i] & RIG_OWED))
			continue;
		snprintf(text, size,
			 "vCPU 0 is in its guest, vector 0x%02x is in its PIR, ON is 1, and "
			 "no notification is left",
			 i);
		return "P4";
	}
	return NULL;
}

/* A vCPU that has used up its time: SN = 1, but an urgent interrupt must wake it. */
static void throttled(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];

	px_doing("is throttled: SN = 1, NV = wakeup");
	rig_ops()->unblocking(v->h, c); /* its earlier requests are done */
	rig_ops()->blocking(v->h, c);
	pn_xchg32(&v->task.sleeping, 1); /* pairs with os_wake() */
	if (!rig_ops()->must_run(v->h, c)) {
		/* The specification's design, not KVM's, which has one of the two. */
		pn_vmx_put(v->h, c, false);
		pn_or64(&pn_vmx_of(v->h)->pid->control, PN_PID_SN); /* pairs with posters */
		px_sleep(&v->task.sleeping, "the vCPU's task, for something urgent");
		px_doing("is switched in");
		rig_load(v, c);
	}
	pn_xchg32(&v->task.sleeping, 0);
	rig_ops()->unblocking(v->h, c);
	rig->vendor->guest(v, c);
}

void intel_urgent(bool broken)
{
	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	for (unsigned i = 0; i < 2; i++)
		pn_vtd_ir_post(&intel->ir[i], rig->cpu[0].agent, intel->vcpu[0].pid_pa,
			       rig->ir[i].vector, true);
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	intel->agent.step[PN_STEP_PI_NOTIFY].watched = 1;
	rig->cpu_agent[0].step[PN_STEP_PID_SYNC].watched = 1;
	rig->cpu_agent[0].step[PN_STEP_PI_PROCESS].watched = 1;
	px_thread("vCPU 0", 0, throttled, &rig->vcpu[0]);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

/* Through SN = 1, yes; through ON = 1, never: each notification set ON, and an agent cleared it. */
const char *intel_urgent_check(void *arg, char *text, unsigned size)
{
	bool on = intel->vcpu[0].pid->control & PN_PID_ON;

	(void)arg;
	if (rig->vcpu[0].task.sleeping) {
		snprintf(text, size,
			 "vCPU 0 sleeps, something urgent is in its PIR, and nobody "
			 "is left to wake it");
		return "P1";
	}
	if (intel->notified <= intel->cleared + on)
		return NULL;
	snprintf(text, size, "%u notifications, but ON was cleared %u times and is %u",
		 intel->notified, intel->cleared, on);
	return "P5";
}

static void enter(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	pn_irq_off(c->agent);
	pn_vmx_enter(v->h, c);
	rig_intel_vmentry(v, c);
	pn_irq_on(c->agent);
}

/* ---- the I/O APIC ---- */

#define PIN 3

/* One instruction of the guest between two exits: takes what waits, or ends what it serves. */
static void step_guest(struct rig_vcpu *v, struct pn_host_cpu *c, bool end)
{
	struct pn_apicv *a = &intel->core[c->id].apicv;
	struct pn_apicv_exit exit;
	bool trap = false;
	int vector;

	enter(v, c);
	pn_irq_off(c->agent);
	vector = pn_apicv_pending(a, !end);
	if (vector >= 0) {
		pn_apicv_deliver(a);
		rig_took(v, vector);
	}
	if (end)
		trap = pn_apicv_wrmsr(a, PN_X2APIC_MSR + PN_APIC_EOI / 16, 0, &exit) ==
		       PN_APICV_TRAP;
	rig_intel_vmexit(v, c);
	pn_irq_on(c->agent);
	if (trap)
		pn_vmx_eoi_exit(pn_vmx_of(v->h), c, (uint8_t)exit.qualification);
}

static void serves(void *arg)
{
	struct rig_vcpu *v = arg;

	px_doing("takes the interrupt of the pin");
	step_guest(v, &rig->cpu[0], false);
	px_doing("ends it");
	step_guest(v, &rig->cpu[0], true);
	v->stays = true;
	for (;;)
		rig->vendor->guest(v, &rig->cpu[0]);
}

static void rerouter(void *arg)
{
	(void)arg;
	px_doing("the guest routes the pin to vCPU 1");
	pn_ioapic_write(&intel->ioapic, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * PIN + 1,
			&rig->cpu[1]);
	pn_ioapic_write(&intel->ioapic, PN_IOAPIC_WINDOW, 1u << 24, &rig->cpu[1]);
}

/* A level-triggered pin whose line stays up: it was delivered to vCPU 0. */
void intel_reroute(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2});
	pn_ioapic_init(&intel->ioapic, &intel->vm.h);
	intel->took = intel_serves_line;
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	pn_ioapic_write(&intel->ioapic, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * PIN, &rig->cpu[1]);
	pn_ioapic_write(&intel->ioapic, PN_IOAPIC_WINDOW, LOW | PN_REDIR_LEVEL, &rig->cpu[1]);
	rig->vcpu[0].due[LOW] = rig->vcpu[1].due[LOW] = RIG_MAY_GET;
	pn_ioapic_line(&intel->ioapic, PIN, true, &rig->cpu[1]);
	px_thread("vCPU 0", 0, serves, &rig->vcpu[0]);
	px_thread("reroute", 1, rerouter, NULL);
	rig_run_handlers(1);
}

const char *intel_reroute_check(void *arg, char *text, unsigned size)
{
	(void)arg;
	if (intel->ioapic.eois && intel->ioapic.delivered == 2)
		return NULL;
	snprintf(text, size,
		 "the line of pin %u is up, its remote IRR is 1, and no EOI of vector 0x%02x is to "
		 "come",
		 PIN, LOW);
	return "P4";
}
