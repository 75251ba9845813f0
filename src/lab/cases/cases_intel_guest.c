/* SPDX-License-Identifier: MIT */
/* Cases on Intel about vCPUs that are no text: interrupts off at HLT, APICv that is inhibited. */
#include "cases_intel.h"

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
