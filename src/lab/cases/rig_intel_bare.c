/* SPDX-License-Identifier: MIT */
/* The explorer's small Intel machine without a VM: posted MSIs of the host's own devices. */
#include "rig_intel_priv.h"

#include <stdio.h>

/* ---- interrupts ---- */

static void posted_msi(struct pn_pmsi_cpu *p)
{
	pn_pmsi_irq_begin(p);
	while (pn_pmsi_irq_step(p))
		;
}

/* Bare metal. A vector in service stays there until its EOI. */
void rig_intel_bare_irq(struct pn_host_cpu *c, struct rig_intel_core *k)
{
	int taken;

	while ((taken = pn_lapic_take(&k->lapic)) >= 0) {
		if (taken == PN_VEC_DMAR_FAULT) {
			pn_vtd_drv_fault_irq(&intel->drv, c->agent);
			pn_lapic_eoi(&k->lapic);
		} else if (taken == PN_VEC_POSTED_MSI)
			posted_msi(&intel->pcpu[c->id]);
		else
			pn_pmsi_device_irq(&intel->pcpu[c->id], (uint8_t)taken);
	}
}

/* The vector identifies the device whose handler runs. */
static void dispatch(void *ctx, struct pn_host_cpu *c, uint8_t vector)
{
	(void)ctx;
	for (unsigned i = 0; i < RIG_IRS; i++)
		if (rig->ir[i].vector == vector)
			rig->ir[i].due &= (uint8_t)~RIG_OWED;
	pn_pmsi_ack(&intel->pcpu[c->id]);
}

static void eoi(void *ctx, struct pn_host_cpu *c)
{
	(void)ctx;
	pn_lapic_eoi(&rig_intel_core(c)->lapic);
}

/* ---- building ---- */

void rig_intel_build_bare(void)
{
	const struct pn_pmsi_config cfg = {
		.cpu = rig->cpu,
		.nr_cpus = RIG_CPUS,
		.loops = PN_PMSI_LOOPS_DEFAULT,
		.x2apic = true,
		.dispatch = dispatch,
		.eoi = eoi,
	};

	for (unsigned i = 0; i < RIG_CPUS; i++) {
		pn_host_cpu_init(&rig->cpu[i], i);
		px_ghost(&intel->pcpu[i].notifications, 3 * sizeof(intel->pcpu[i].notifications));
	}
	pn_pmsi_init(&intel->pmsi, intel->pcpu, &cfg, &rig->pages);
}

void rig_intel_attach_msi(unsigned index, unsigned cpu, uint8_t vector, bool posted)
{
	struct pn_vtd_ir *ir = &intel->ir[index];

	rig_intel_init_ir(index);
	rig->ir[index].vector = vector;
	if (posted)
		pn_pmsi_attach(&intel->pmsi, ir, rig->cpu[0].agent, &rig->cpu[cpu], vector);
	else
		pn_vtd_ir_affinity(ir, rig->cpu[0].agent, rig->cpu[cpu].apicid, vector);
}

/* ---- properties ---- */

static int highest(const uint64_t *bits)
{
	for (int i = 255; i >= 0; i--)
		if (bits[i / 64] >> (i % 64) & 1)
			return i;
	return -1;
}

static const char *check_cpu(unsigned cpu, char *text, unsigned size)
{
	const struct rig_intel_core *k = &intel->core[cpu];
	int waits = highest(k->lapic.irr), serves = highest(k->lapic.isr);
	int posted = highest(intel->pcpu[cpu].pid->pir);

	if (posted >= 0) {
		snprintf(text, size, "vector 0x%02x is in the PIR of CPU %u, and nobody takes it",
			 (unsigned)posted, cpu);
		return "P4";
	}
	if (waits < 0)
		return NULL;
	snprintf(text, size,
		 "vector 0x%02x waits in the local APIC of CPU %u for the end of vector "
		 "0x%02x, which does not come",
		 (unsigned)waits, cpu, (unsigned)serves);
	return "P4";
}

const char *rig_intel_bare_check(void *arg, char *text, unsigned size)
{
	(void)arg;
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		const char *property = check_cpu(i, text, size);

		if (property)
			return property;
	}
	for (unsigned i = 0; i < RIG_IRS; i++) {
		if (rig->ir[i].due & RIG_OWED) {
			snprintf(text, size, "vector 0x%02x was posted, and is nowhere",
				 rig->ir[i].vector);
			return "P4";
		}
	}
	return NULL;
}
