/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_VMX_RIG_H
#define PN_TEST_VMX_RIG_H

#include "host_rig.h"
#include "postern/apicv.h"
#include "postern/vtd.h"
#include "vmx.h"
#include "vtd_drv.h"

/*
 * A machine of one thread for the host's half on Intel: a real VT-d unit with its driver, four CPUs
 * with local APICs and APIC virtualization, tasks that only know whether they sleep. A CPU takes an
 * interrupt as soon as it can: in the guest by posted processing or a VM exit, in the host once
 * interrupts are on. What another agent could do in between is done from the host's own steps.
 */

struct rig_cpu {
	struct pn_apicv core;
	struct pn_lapic lapic;
	struct pn_vmcs_apic vmcs;
	struct pn_vmx_vcpu *running;
	unsigned exits;		 /* by interrupts */
	unsigned posted_in_host; /* 0xf2 outside the guest, or acknowledged by an exit */
	unsigned wakeups, kicks;
};

struct rig_conf {
	bool no_posting, ipiv, xapic, no_devices;
	uint32_t inhibits, vcpus, max_ids;
};

struct rig {
	struct pn_bus bus;
	struct pn_vtd *unit;
	struct pn_agent hw, agent[RIG_CPUS];
	struct pn_step_table hw_steps, cpu_steps[RIG_CPUS];
	struct pn_os os;
	struct pn_pages pages;
	struct pn_vtd_drv drv;
	struct pn_host_cpu cpu[RIG_CPUS];
	struct rig_cpu c[RIG_CPUS];
	struct pn_vmx vmx;
	struct pn_vmx_vm vm;
	struct pn_vmx_vcpu vcpu[RIG_VCPUS];
	struct rig_task task[RIG_VCPUS];
	struct pn_vtd_ir ir[RIG_VCPUS];
	unsigned intrs, ipis; /* from hardware; from the host */
	uint32_t intr_dest;
	uint8_t intr_vector, ipi_vector;
	uint32_t ipi_cpu;
	/* hook: called at the @nth next step @at of any host CPU */
	unsigned at;
	unsigned nth;
	void (*hook)(struct rig *r);
	/* every register write of the driver, before it takes effect */
	void (*on_write)(struct rig *r, uint32_t off);
};

/* ---- interrupts ---- */

static inline void rig_handle(struct rig *r, uint32_t cpu, uint8_t vector)
{
	r->agent[cpu].irq_off++; /* as the processor does on entry */
	if (vector == PN_VEC_WAKEUP) {
		r->c[cpu].wakeups++;
		pn_vmx_wakeup_irq(&r->vmx.hyp, &r->cpu[cpu]);
	} else if (vector == PN_VEC_POSTED) {
		r->c[cpu].posted_in_host++;
	} else if (vector == PN_VEC_RESCHED) {
		r->c[cpu].kicks++;
	}
	r->agent[cpu].irq_off--;
}

/* Leaves the guest; the caller goes on in the host. */
static inline void rig_exit(struct rig *r, uint32_t cpu)
{
	struct rig_cpu *c = &r->c[cpu];

	pn_apicv_vmexit(&c->core, &c->vmcs);
	pn_vmx_vmexit(c->running, &c->vmcs);
	pn_vmx_leave(&c->running->h, &r->cpu[cpu]);
	c->running = NULL;
}

static inline void rig_poll_cpu(struct rig *r, uint32_t cpu)
{
	struct rig_cpu *c = &r->c[cpu];
	int vector;

	while (c->running && pn_lapic_pending(&c->lapic) >= 0) {
		if (pn_apicv_intr(&c->core, &c->lapic, &vector) != PN_INTR_EXIT)
			break;
		c->exits++;
		rig_exit(r, cpu);
		pn_lapic_eoi(&c->lapic);
		rig_handle(r, cpu, (uint8_t)vector);
	}
	while (!c->running && !r->agent[cpu].irq_off) {
		vector = pn_lapic_take(&c->lapic);
		if (vector < 0)
			break;
		rig_handle(r, cpu, (uint8_t)vector);
		pn_lapic_eoi(&c->lapic);
	}
}

static inline void rig_poll(struct pn_agent *a)
{
	rig_poll_cpu(a->world, a->id);
}

static inline void rig_raise(struct rig *r, uint32_t cpu, uint8_t vector)
{
	if (!pn_ld32(&r->cpu[cpu].online))
		return;
	pn_lapic_accept(&r->c[cpu].lapic, vector);
	rig_poll_cpu(r, cpu);
}

static inline void rig_intr(void *ctx, const struct pn_intr *m)
{
	struct rig *r = ctx;

	r->intrs++;
	r->intr_dest = m->dest;
	r->intr_vector = m->vector;
	for (uint32_t i = 0; i < RIG_CPUS; i++) {
		if (r->cpu[i].apicid == m->dest)
			rig_raise(r, i, m->vector);
	}
}

static inline void rig_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	struct rig *r = ctx;

	(void)self;
	r->ipis++;
	r->ipi_cpu = cpu;
	r->ipi_vector = vector;
	rig_raise(r, cpu, vector);
}

static inline void rig_step(void *ctx, struct pn_agent *a, unsigned step, uint64_t x, uint64_t y)
{
	struct rig *r = ctx;
	void (*f)(struct rig *) = r->hook;

	row_note(pn_any_step_key(step), a, x, y);
	if (!f || step != r->at || --r->nth)
		return;
	r->hook = NULL;
	f(r);
}

static inline void rig_hook(struct rig *r, unsigned at, unsigned nth, void (*f)(struct rig *))
{
	r->at = at;
	r->nth = nth;
	r->hook = f;
}

/* ---- set-up ---- */

static inline uint64_t rig_mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct rig *r = ctx;
	uint64_t v = 0;

	pn_vtd_read(r->unit, off, size, &v);
	return v;
}

static inline void rig_mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct rig *r = ctx;

	if (r->on_write)
		r->on_write(r, off);
	pn_vtd_write(r->unit, off, size, value);
}

static inline void rig_cpus(struct rig *r, bool x2apic)
{
	struct pn_apicv_features feat;

	pn_apicv_features_default(&feat);
	for (uint32_t i = 0; i < RIG_CPUS; i++) {
		struct pn_agent *a = &r->agent[i];

		rig_host_cpu(i, a, &r->cpu_steps[i], &r->cpu[i], r);
		a->irq_poll = rig_poll;
		a->observe = rig_step;
		pn_apicv_init(&r->c[i].core, &r->bus, a, &feat, x2apic);
	}
}

static inline void rig_hardware(struct rig *r, const struct rig_conf *conf)
{
	struct pn_vtd_config cfg;

	memset(r, 0, sizeof(*r));
	r->bus = (struct pn_bus){.ctx = r, .intr = rig_intr};
	rig_memory(&r->bus, &r->pages);
	r->os = (struct pn_os){.ctx = r, .wake = rig_wake, .ipi = rig_ipi};
	pn_host_agent_init(&r->hw, 0, &r->hw_steps, NULL);
	rig_cpus(r, !conf->xapic);
	pn_vtd_config_default(&cfg);
	cfg.bus = &r->bus;
	cfg.agent = &r->hw;
	cfg.poison_stale = true;
	assert_int_equal(pn_vtd_create(&cfg, &r->unit), 0);
	r->drv.mmio = (struct pn_mmio){.ctx = r, .read = rig_mmio_read, .write = rig_mmio_write};
	assert_int_equal(pn_vtd_drv_init(&r->drv,
					 &(struct pn_vtd_drv_config){.irt_entries = 64,
								     .x2apic = !conf->xapic,
								     .fault_apicid = RIG_APICID(0)},
					 &r->bus, &r->pages, &r->agent[0]),
			 0);
}

/* Interrupt i of the device is for vCPU i; until then for CPU 3, vector 0x50 + i. */
static inline void rig_start(struct rig *r, const struct rig_conf *conf)
{
	rig_hardware(r, conf);
	pn_vmx_init(&r->vmx, &(struct pn_vmx_config){.os = &r->os,
						     .cpu = r->cpu,
						     .nr_cpus = RIG_CPUS,
						     .posting = !conf->no_posting,
						     .ipiv = conf->ipiv,
						     .host_x2apic = !conf->xapic});
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		r->vcpu[i].h.task = &r->task[i];
	assert_int_equal(pn_vmx_vm_init(&r->vmx, &r->vm, r->vcpu,
					conf->vcpus ? conf->vcpus : RIG_VCPUS, conf->max_ids,
					!conf->xapic, conf->inhibits, &r->pages),
			 0);
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		assert_int_equal(pn_vtd_ir_init(&r->ir[i], &r->drv, &r->agent[0], (uint16_t)(i + 1),
						RIG_DEV, RIG_APICID(3), (uint8_t)(0x50 + i)),
				 0);
	if (conf->no_devices || conf->no_posting)
		return;
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		assert_int_equal(pn_vmx_pi_update(&r->vmx.hyp, &r->ir[i].host, &r->vcpu[i].h,
						  (uint8_t)(0x41 + i), &r->cpu[0]),
				 0);
	for (uint32_t i = 0; i < RIG_VCPUS; i++) {
		r->vcpu[i].h.requests = 0;
		memset(&r->task[i], 0, sizeof(r->task[i]));
	}
}

static inline void rig_close(struct rig *r)
{
	pn_vtd_destroy(r->unit);
	rig_ram_close(r->bus.ram, RIG_SIZE);
}

/* ---- what happens ---- */

/* The device writes MSI @i. */
static inline enum pn_msi_result rig_msi(struct rig *r, unsigned i)
{
	struct pn_msi m = {.devid = RIG_DEV};

	pn_vtd_ir_msi(&r->ir[i], &m.addr, &m.data);
	return pn_vtd_msi(r->unit, &m);
}

/* Into the guest; the vector that software injected, or -1. */
static inline int rig_enter(struct rig *r, struct pn_vmx_vcpu *v, uint32_t cpu)
{
	struct rig_cpu *c = &r->c[cpu];
	struct pn_apicv_exit exit;
	int vector = pn_vmx_enter(&v->h, &r->cpu[cpu]);

	pn_vmx_vmcs(v, &c->vmcs);
	assert_int_equal(pn_apicv_vmentry(&c->core, &c->vmcs, &exit), 0);
	c->running = v;
	rig_poll_cpu(r, cpu);
	return vector;
}

/* The guest on @cpu ends the interrupt in service. */
static inline void rig_eoi(struct rig *r, uint32_t cpu)
{
	struct pn_apicv *a = &r->c[cpu].core;
	struct pn_apicv_exit exit;

	if (a->vmcs.proc2 & PN_PROC2_X2APIC)
		pn_apicv_wrmsr(a, PN_X2APIC_MSR + PN_APIC_EOI / 16, 0, &exit);
	else
		pn_apicv_write(a, PN_APIC_EOI, 0, &exit);
}

/* Takes and ends everything that the guest on @cpu can take; the first vector, or -1. */
static inline int rig_drain(struct rig *r, uint32_t cpu)
{
	struct rig_cpu *c = &r->c[cpu];
	int first = -1, vector;

	while (c->running && pn_apicv_pending(&c->core, true) >= 0) {
		vector = pn_apicv_deliver(&c->core);
		first = first < 0 ? vector : first;
		rig_eoi(r, cpu);
	}
	return first;
}

/* Block loop up to the sleep: true if it sleeps. */
static inline bool rig_block(struct rig *r, struct pn_vmx_vcpu *v, uint32_t cpu)
{
	struct rig_task *t = v->h.task;

	pn_vmx_blocking(&v->h, &r->cpu[cpu]);
	t->asleep = true;
	if (pn_vmx_must_run(&v->h, &r->cpu[cpu])) {
		t->asleep = false;
		return false;
	}
	pn_vmx_put(&v->h, &r->cpu[cpu], false);
	return t->asleep;
}

/* Scheduled in again after a wake-up; does it have to run? */
static inline bool rig_resume(struct rig *r, struct pn_vmx_vcpu *v, uint32_t cpu)
{
	bool run;

	pn_vmx_load(&v->h, &r->cpu[cpu]);
	run = pn_vmx_must_run(&v->h, &r->cpu[cpu]);
	if (run)
		pn_vmx_unblocking(&v->h, &r->cpu[cpu]);
	return run;
}

static inline bool rig_listed(const struct rig *r, const struct pn_vmx_vcpu *v, uint32_t cpu)
{
	pn_list_for_each (node, &r->cpu[cpu].wake_list) {
		if (node == &v->wake_node)
			return true;
	}
	return false;
}

static inline void rig_check(struct rig *r, const char *name)
{
	for (uint32_t i = 0; i < r->vm.h.nr_vcpus && i < RIG_VCPUS; i++) {
		const char *what = pn_vmx_check(&r->vm.vcpu[i].h, &r->cpu[0]);

		if (what)
			fail_msg("%s: vCPU %u: %s", name, i, what);
	}
}

static inline uint64_t rig_ctl(const struct pn_vmx_vcpu *v)
{
	return v->pid->control;
}

static inline bool rig_pir(const struct pn_vmx_vcpu *v, uint8_t vector)
{
	return v->pid->pir[vector / 64] >> (vector % 64) & 1;
}

#endif
