/* SPDX-License-Identifier: MIT */
/* The cases on Intel about IPIs that processors send by themselves, and about the I/O APIC. */
#include <stdio.h>

#include "cases_intel.h"

static void enter(unsigned n, struct pn_host_cpu *c)
{
	pn_irq_off(c->agent);
	pn_vmx_enter(rig->vcpu[n].h, c);
	rig_intel_vmentry(&rig->vcpu[n], c);
	pn_irq_on(c->agent);
}

/* ---- IPIs ---- */

static void self_ipis(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];
	struct pn_apicv *a = &intel->core[0].apicv;
	struct pn_apicv_exit exit;
	uint8_t *due;

	enter(0, c);
	px_doing("sends an IPI to itself");
	due = rig_sends_to(v, OWN);
	pn_irq_off(c->agent);
	pn_or32(&intel->core[0].turn, 1); /* pairs with interrupts on this processor */
	if (pn_apicv_wrmsr(a, PN_X2APIC_MSR + PN_APIC_SELF_IPI / 16, OWN, &exit) !=
	    PN_APICV_EVALUATE)
		px_fail("P7", "an IPI to itself exits");
	pn_irq_on(c->agent);
	rig_has_sent(due);
	px_doing("in the guest");
	v->stays = true;
	rig_in_guest(v, c);
}

/* While a device posts. */
void intel_self(bool broken)
{
	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	px_thread("vCPU 0", 0, self_ipis, &rig->vcpu[0]);
	rig_run_posts(0, rig_two_posts);
	rig_run_handlers(1);
}

/* ---- the I/O APIC ---- */

#define PIN 3

static void write_pin(unsigned half, uint32_t value, unsigned cpu)
{
	pn_ioapic_write(&intel->ioapic, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * PIN + half,
			&rig->cpu[cpu]);
	pn_ioapic_write(&intel->ioapic, PN_IOAPIC_WINDOW, value, &rig->cpu[cpu]);
}

/* The device is content after it was served twice. */
void intel_serves_line(struct rig_vcpu *v, struct pn_host_cpu *c, uint8_t vector)
{
	(void)v;
	(void)c;
	if (vector == LOW && intel->ioapic.delivered == 2)
		intel->ioapic.line = 0; /* its driver reaches it through no exit */
}

static void routes_pin(void *arg)
{
	(void)arg;
	px_doing("the guest unmasks the pin: level, vector 0x41, vCPU 1");
	write_pin(1, 1u << 24, 1);
	write_pin(0, LOW | PN_REDIR_LEVEL, 1);
}

/* The line is up; vCPU 1 is in its guest, with an EOI-exit bitmap that does not know the vector. */
void intel_old_bitmap(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2});
	pn_ioapic_init(&intel->ioapic, &intel->vm.h);
	intel->took = intel_serves_line;
	rig->vcpu[1].due[LOW] = RIG_MAY_GET;
	pn_ioapic_line(&intel->ioapic, PIN, true, &rig->cpu[1]);
	rig_run_guest(1, 0, -1);
	px_thread("vCPU 0", 1, routes_pin, NULL);
	rig_run_handlers(1);
}

const char *intel_old_bitmap_check(void *arg, char *text, unsigned size)
{
	(void)arg;
	if (intel->ioapic.eois == 2 && intel->ioapic.delivered == 2)
		return rig_check(arg, text, size);
	snprintf(text, size, "pin %u interrupted %u times, and its EOI came %u times", PIN,
		 (unsigned)intel->ioapic.delivered, (unsigned)intel->ioapic.eois);
	return "P4";
}
