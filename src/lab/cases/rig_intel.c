/* SPDX-License-Identifier: MIT */
/*
 * The explorer's small Intel machine: a remapping unit and cores of hw/intel, driver and hypervisor
 * of host/intel, without time.
 */
#include "rig_intel.h"

#include <stdio.h>

#define RAM_SIZE    (32u << 10)
#define IRT_ENTRIES 4u

struct rig_intel *intel;

static struct rig_intel_core *core_of(const struct pn_host_cpu *c)
{
	return &intel->core[c->id];
}

/* Pairs with other steps on this processor: its guest's instructions, interrupts. */
static void take_turn(struct rig_intel_core *k)
{
	pn_or32(&k->turn, 1);
}

/* ---- the unit ---- */

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	uint64_t v = 0;

	(void)ctx;
	px_device_enter(&intel->busy);
	pn_vtd_read(intel->vtd, off, size, &v);
	px_device_leave(&intel->busy);
	return v;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	(void)ctx;
	px_device_enter(&intel->busy);
	pn_vtd_write(intel->vtd, off, size, value);
	px_device_leave(&intel->busy);
}

static void post(unsigned index)
{
	struct pn_msi msi = {.devid = RIG_DEVID};

	pn_vtd_ir_msi(&intel->ir[index], &msi.addr, &msi.data);
	px_device_enter(&intel->busy);
	rig_sends(index);
	if (pn_vtd_msi(intel->vtd, &msi) == PN_MSI_ABORTED)
		px_fail("P6", "the unit blocked an interrupt request");
	px_device_leave(&intel->busy);
}

/* ---- in the guest ---- */

void rig_intel_vmentry(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct rig_intel_core *k = core_of(c);
	struct pn_apicv_exit exit;

	take_turn(k);
	pn_vmx_vmcs(pn_vmx_of(v->h), &k->vmcs);
	if (pn_apicv_vmentry(&k->apicv, &k->vmcs, &exit))
		px_fail("P7", "VM entry fails");
}

void rig_intel_vmexit(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct rig_intel_core *k = core_of(c);

	take_turn(k);
	pn_apicv_vmexit(&k->apicv, &k->vmcs);
	pn_vmx_vmexit(pn_vmx_of(v->h), &k->vmcs);
	pn_vmx_leave(v->h, c);
}

/* One interrupt of the guest, if there is one; nothing comes in between. */
static bool deliver_one(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct rig_intel_core *k = core_of(c);
	struct pn_apicv_exit exit;
	int vector;

	pn_irq_off(c->agent);
	take_turn(k);
	vector = pn_apicv_pending(&k->apicv, true);
	if (vector >= 0) {
		pn_apicv_deliver(&k->apicv);
		rig_took(v, vector);
		pn_apicv_wrmsr(&k->apicv, PN_X2APIC_MSR + PN_APIC_EOI / 16, 0, &exit);
	}
	pn_irq_on(c->agent);
	return vector >= 0;
}

void rig_intel_deliver(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	while (deliver_one(v, c))
		;
}

void rig_intel_ipi(struct pn_host_cpu *c, unsigned to, uint8_t vector)
{
	struct pn_apicv_exit exit;
	uint64_t icr = (uint64_t)to << 32 | vector;

	rig->vcpu[to].sent[vector] = true;
	pn_irq_off(c->agent);
	take_turn(core_of(c));
	if (pn_apicv_wrmsr(&core_of(c)->apicv, PN_X2APIC_MSR + PN_APIC_ICRL / 16, icr, &exit) !=
	    PN_APICV_DONE)
		px_fail("P7", "an IPI that the processor can send exits");
	pn_irq_on(c->agent);
}

void rig_intel_stay(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct rig_intel_core *k = core_of(c);

	for (;;) {
		pn_xchg32(&k->halted, 1); /* pairs with in_guest() */
		rig_intel_deliver(v, c);
		px_sleep(&k->halted, "the guest, by an interrupt");
	}
}

static void guest(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	px_doing("enters the guest");
	pn_irq_off(c->agent);
	pn_vmx_enter(v->h, c);
	rig_intel_vmentry(v, c);
	pn_irq_on(c->agent);
	px_doing("in the guest");
	rig_intel_deliver(v, c);
	px_doing("leaves the guest: HLT");
	pn_irq_off(c->agent);
	rig_intel_vmexit(v, c);
	pn_irq_on(c->agent);
}

/* ---- the host's side of a vCPU ---- */

/* A vCPU is a member of a list at most once, independent of its own fields. */
static void check_lists(const struct rig_vcpu *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RIG_CPUS; i++) {
		unsigned steps = 0;

		pn_list_for_each (node, &rig->cpu[i].wake_list) {
			n += node == &pn_vmx_of_const(v->h)->wake_node;
			if (++steps > RIG_VCPUS)
				break;
		}
	}
	if (n > 1)
		px_fail("P3", "a vCPU is on a wakeup list twice");
}

/* A task that was woken on its way to sleep counts as preempted for put. */
static void put(struct rig_vcpu *v, struct pn_host_cpu *c, bool asleep)
{
	if (!asleep || !pn_ld32(&v->task.sleeping)) /* pairs with os_wake() */
		v->preempted = true;
	pn_vmx_put(v->h, c, v->preempted);
	check_lists(v);
}

/* ---- interrupts ---- */

static void posted_msi(struct pn_pmsi_cpu *p)
{
	pn_pmsi_irq_begin(p);
	while (pn_pmsi_irq_step(p))
		;
}

static void host_irq(struct pn_host_cpu *c, uint8_t vector)
{
	switch (vector) {
	case PN_VEC_WAKEUP:
		pn_vmx_wakeup_irq(&intel->vmx.hyp, c);
		break;
	case PN_VEC_POSTED: /* no guest takes it: it is only counted */
	case PN_VEC_RESCHED:
		break;
	default:
		rig_device_irq(vector, c);
	}
}

/* The processor in its guest takes the interrupt by itself, or exits for it. */
static bool in_guest(struct rig_intel_core *k)
{
	int vector;

	if (!k->apicv.in_guest || pn_apicv_intr(&k->apicv, &k->lapic, &vector) != PN_INTR_POSTED)
		return false;
	pn_xchg32(&k->halted, 0); /* pairs with a guest that waits */
	return true;
}

static void vm_irq(struct pn_host_cpu *c, struct rig_intel_core *k, uint8_t vector)
{
	if (in_guest(k))
		return;
	if (!k->apicv.in_guest)
		pn_lapic_take(&k->lapic);
	pn_lapic_eoi(&k->lapic);
	host_irq(c, vector);
}

/* Bare metal. A vector in service stays there until its EOI. */
static void bare_irq(struct pn_host_cpu *c, struct rig_intel_core *k)
{
	int taken;

	while ((taken = pn_lapic_take(&k->lapic)) >= 0) {
		if (taken == PN_VEC_POSTED_MSI)
			posted_msi(&intel->pcpu[c->id]);
		else
			pn_pmsi_device_irq(&intel->pcpu[c->id], (uint8_t)taken);
	}
}

static void handler(void *arg, uint8_t vector)
{
	struct pn_host_cpu *c = arg;
	struct rig_intel_core *k = core_of(c);

	take_turn(k);
	pn_lapic_accept(&k->lapic, vector);
	if (intel->conf.no_vm)
		bare_irq(c, k);
	else
		vm_irq(c, k, vector);
}

static const struct rig_vendor vendor = {
	.put = put,
	.guest = guest,
	.post = post,
	.pending = "its PIR or IRR",
	.handler = handler,
};

/* ---- building ---- */

static void build_unit(void)
{
	static const struct pn_vtd_drv_config cfg = {
		.irt_entries = IRT_ENTRIES, .x2apic = true, .fault_apicid = 2};
	struct pn_vtd_config hw;

	intel->bus = rig->bus;
	intel->bus.ctx = intel;
	pn_host_agent_init(&intel->agent, 0, &intel->steps, NULL);
	pn_vtd_config_default(&hw);
	hw.bus = &intel->bus;
	hw.agent = &intel->agent;
	hw.irte_cache = IRT_ENTRIES;
	pn_vtd_create(&hw, &intel->vtd);
	intel->drv.mmio = (struct pn_mmio){intel, mmio_read, mmio_write};
	pn_vtd_drv_init(&intel->drv, &cfg, &rig->bus, &rig->pages, rig->cpu[0].agent);
}

static void build_cores(void)
{
	struct pn_apicv_features feat;

	pn_apicv_features_default(&feat);
	for (unsigned i = 0; i < RIG_CPUS; i++)
		pn_apicv_init(&intel->core[i].apicv, &rig->bus, &rig->cpu_agent[i], &feat, true);
}

static void build_vm(const struct rig_intel_conf *conf)
{
	const struct pn_vmx_config cfg = {
		.os = &rig->os,
		.cpu = rig->cpu,
		.nr_cpus = RIG_CPUS,
		.posting = true,
		.ipiv = conf->ipiv,
		.host_x2apic = true,
	};

	for (unsigned i = 0; i < rig->vcpus; i++) {
		rig->vcpu[i].h = &intel->vcpu[i].h;
		intel->vcpu[i].h.task = &rig->vcpu[i].task;
	}
	pn_vmx_init(&intel->vmx, &cfg);
	rig->hyp = &intel->vmx.hyp;
	rig->vm = &intel->vm.h;
	pn_vmx_vm_init(&intel->vmx, &intel->vm, intel->vcpu, rig->vcpus, 0, true, 0, &rig->pages);
}

/* The vector identifies the device whose handler runs. */
static void dispatch(void *ctx, struct pn_host_cpu *c, uint8_t vector)
{
	(void)ctx;
	for (unsigned i = 0; i < RIG_IRS; i++)
		if (rig->ir[i].vector == vector)
			rig->ir[i].taken = true;
	pn_pmsi_ack(&intel->pcpu[c->id]);
}

static void eoi(void *ctx, struct pn_host_cpu *c)
{
	(void)ctx;
	pn_lapic_eoi(&core_of(c)->lapic);
}

static void build_bare(void)
{
	const struct pn_pmsi_config cfg = {
		.cpu = rig->cpu,
		.nr_cpus = RIG_CPUS,
		.loops = PN_PMSI_LOOPS_DEFAULT,
		.x2apic = true,
		.dispatch = dispatch,
		.eoi = eoi,
	};

	for (unsigned i = 0; i < RIG_CPUS; i++)
		pn_host_cpu_init(&rig->cpu[i], i);
	pn_pmsi_init(&intel->pmsi, intel->pcpu, &cfg, &rig->pages);
}

/* For counter-examples: the places that agents share. */
static void name_pid(struct pn_pid *pid, const char *const name[6])
{
	for (unsigned i = 0; i < 4; i++)
		px_name(&pid->pir[i], 8, name[i]);
	px_name(&pid->control, 8, name[4]);
	px_name(pid, sizeof(*pid), name[5]);
}

static void name_places(void)
{
	static const char *const vcpu[RIG_VCPUS][6] = {
		{"PIR[00-3f] of vCPU 0", "PIR[40-7f] of vCPU 0", "PIR[80-bf] of vCPU 0",
		 "PIR[c0-ff] of vCPU 0", "PID control of vCPU 0", "PID of vCPU 0"},
		{"PIR[00-3f] of vCPU 1", "PIR[40-7f] of vCPU 1", "PIR[80-bf] of vCPU 1",
		 "PIR[c0-ff] of vCPU 1", "PID control of vCPU 1", "PID of vCPU 1"},
	};
	static const char *const cpu[6] = {"PIR[00-3f] of CPU 0",  "PIR[40-7f] of CPU 0",
					   "PIR[80-bf] of CPU 0",  "PIR[c0-ff] of CPU 0",
					   "PID control of CPU 0", "PID of CPU 0"};

	static const char *const core[RIG_CPUS] = {"CPU 0 itself", "CPU 1 itself", "CPU 2 itself"};

	px_name(&intel->busy, 4, "IOMMU 0 itself");
	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_name(&intel->core[i].turn, 4, core[i]);
	if (intel->conf.no_vm) {
		name_pid(intel->pcpu[0].pid, cpu);
		return;
	}
	for (unsigned i = 0; i < rig->vcpus; i++) {
		rig_name_vcpu(i);
		name_pid(intel->vcpu[i].pid, vcpu[i]);
		px_name(&intel->vcpu[i].ir_lock, 4, i ? "ir_lock of vCPU 1" : "ir_lock of vCPU 0");
	}
	rig_name_cpus();
}

void rig_intel_build(const struct rig_intel_conf *conf)
{
	rig_init(&vendor, conf->vcpus, RAM_SIZE);
	intel = px_alloc(sizeof(*intel), 64);
	intel->conf = *conf;
	build_cores();
	build_unit();
	if (conf->no_vm)
		build_bare();
	else
		build_vm(conf);
	name_places();
}

static void init_ir(unsigned index)
{
	static const char *const name[] = {"IRTE 0", "IRTE 1", "IRTE 2"};
	struct pn_vtd_ir *ir = &intel->ir[index];

	pn_vtd_ir_init(ir, &intel->drv, rig->cpu[0].agent, (uint16_t)index, RIG_DEVID, 1,
		       (uint8_t)(PN_VEC_DEVICE_FIRST + index));
	px_name(ir->irte, 16, name[index]);
}

void rig_intel_attach(unsigned index, struct rig_vcpu *v, uint8_t vector)
{
	init_ir(index);
	rig_attach(index, &intel->ir[index].host, v, vector);
}

void rig_intel_attach_msi(unsigned index, unsigned cpu, uint8_t vector, bool posted)
{
	struct pn_vtd_ir *ir = &intel->ir[index];

	init_ir(index);
	rig->ir[index].vector = vector;
	if (posted)
		pn_pmsi_attach(&intel->pmsi, ir, rig->cpu[0].agent, &rig->cpu[cpu], vector);
	else
		pn_vtd_ir_affinity(ir, rig->cpu[0].agent, rig->cpu[cpu].apicid, vector);
}

/* ---- properties of bare metal ---- */

static int highest(const uint64_t *bits)
{
	for (int i = 255; i >= 0; i--)
		if (bits[i / 64] >> (i % 64) & 1)
			return i;
	return -1;
}

const char *rig_intel_bare_check(void *arg, char *text, unsigned size)
{
	const struct rig_intel_core *k = &intel->core[0];
	int waits = highest(k->lapic.irr), serves = highest(k->lapic.isr);
	int posted = highest(intel->pcpu[0].pid->pir);

	(void)arg;
	if (posted >= 0) {
		snprintf(text, size, "vector 0x%02x is in the PIR of CPU 0, and nobody takes it",
			 (unsigned)posted);
		return "P4";
	}
	if (waits >= 0) {
		snprintf(text, size,
			 "vector 0x%02x waits in the local APIC of CPU 0 for the end of vector "
			 "0x%02x, which does not come",
			 (unsigned)waits, (unsigned)serves);
		return "P4";
	}
	for (unsigned i = 0; i < RIG_IRS; i++) {
		if (rig->ir[i].sent && !rig->ir[i].taken) {
			snprintf(text, size, "vector 0x%02x was posted, and is nowhere",
				 rig->ir[i].vector);
			return "P4";
		}
	}
	return NULL;
}
