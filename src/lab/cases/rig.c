/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RAM_BASE 0x100000u
#define RAM_SIZE (176u << 10)

struct rig *rig;

/* ---- the operating system ---- */

static bool os_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	struct rig_task *t = task;

	(void)ctx;
	(void)self;
	(void)why;
	return pn_xchg32(&t->sleeping, 0); /* pairs with the task, which sets it and then looks */
}

static void os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	(void)ctx;
	(void)self;
	px_send((int)cpu, vector);
}

/* A vCPU of the rig halts as soon as it has nothing to deliver, and looks before it sleeps: the
 * doorbell is seen by the trace and by nobody else. */
static void ring(uint32_t apicid)
{
	if (apicid < RIG_CPUS)
		pn_or32(&rig->bell[apicid], 1);
}

static void os_doorbell(void *ctx, struct pn_agent *self, uint32_t apicid)
{
	(void)ctx;
	(void)self;
	ring(apicid);
}

static void bus_doorbell(void *ctx, uint32_t apicid)
{
	(void)ctx;
	ring(apicid);
}

static void bus_intr(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	if (intr->dest < RIG_CPUS && intr->vector >= 16)
		px_send((int)intr->dest, intr->vector);
}

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct rig_iommu *io = ctx;
	uint64_t v = 0;

	px_device_enter(&io->busy);
	pn_amdvi_read(io->vi, off, size, &v);
	px_device_leave(&io->busy);
	return v;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct rig_iommu *io = ctx;

	px_device_enter(&io->busy);
	pn_amdvi_write(io->vi, off, size, value);
	px_device_leave(&io->busy);
}

/* ---- building ---- */

static void build_iommus(const struct rig_conf *conf)
{
	struct pn_iommus_config cfg = {.notify = conf->notify,
				       .galog_entries = 512,
				       .devids = RIG_DEVID + 1,
				       .ga_apicid = 1};
	unsigned n = conf->iommus ? conf->iommus : 1;

	for (unsigned i = 0; i < n; i++) {
		struct rig_iommu *io = &rig->iommu[i];
		struct pn_amdvi_config hw;

		io->r = rig;
		io->bus = rig->bus;
		io->bus.ctx = io;
		io->bus.intr = bus_intr;
		io->bus.doorbell = bus_doorbell;
		io->log.sleeping = 1;
		pn_agent_init(&io->agent, i);
		pn_amdvi_config_default(&hw);
		hw.bus = &io->bus;
		hw.agent = &io->agent;
		hw.peer = i ? rig->iommu[0].vi : NULL;
		hw.knobs.volatile_fetch =
			conf->isrun_early ? PN_VOLATILE_BEFORE_IRR : PN_VOLATILE_AFTER_IRR;
		hw.knobs.galog_ring = conf->galog_ring;
		hw.dte_cache = 1;
		hw.irte_cache = 4;
		if (i == 1 && conf->no_gappi_on_1)
			hw.efr &= ~PN_EFR_GAPPISUP;
		pn_amdvi_create(&hw, &io->vi);
		rig->drv[i].mmio = (struct pn_mmio){io, mmio_read, mmio_write};
	}
	pn_iommus_init(&rig->iommus, rig->drv, n, &cfg, &rig->os, &rig->bus, &rig->pages,
		       rig->cpu[0].agent);
	for (unsigned i = 0; i < n && conf->galog_ring; i++)
		rig->drv[i].galog_entries = conf->galog_ring;
	for (unsigned i = 0; i < n; i++)
		pn_irt_create(&rig->drv[i], rig->cpu[0].agent, RIG_DEVID, 2);
}

static void build_cpus(const struct rig_conf *conf)
{
	struct pn_avic_features feat;

	pn_avic_features_default(&feat);
	feat.erratum1235 = conf->erratum_core;
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		struct pn_bus *bus = &rig->bus;

		pn_agent_init(&rig->cpu_agent[i], i);
		rig->cpu[i].agent = &rig->cpu_agent[i];
		rig->cpu[i].apicid = i;
		pn_avic_init(&rig->core[i], bus, &rig->cpu_agent[i], &feat, i);
	}
}

static void build_vms(const struct rig_conf *conf)
{
	struct pn_svm_config cfg = {.os = &rig->os,
				    .iommus = &rig->iommus,
				    .cpu = rig->cpu,
				    .nr_cpus = RIG_CPUS,
				    .masked = conf->masked,
				    .erratum1235 = conf->erratum_known};
	unsigned n = conf->vcpus ? conf->vcpus : 1;

	for (unsigned i = 0; i < n; i++) {
		rig->vcpu[i] = (struct rig_vcpu){
			.r = rig, .svm = &rig->svcpu[i], .cpu = (int)i, .moves_to = -1};
		rig->svcpu[i].task = &rig->vcpu[i].task;
	}
	pn_svm_init(&rig->svm, &cfg);
	if (conf->two_vms) {
		pn_svm_vm_init(&rig->svm, &rig->vm[0], &rig->svcpu[0], 1, true, true, 0,
			       &rig->pages);
		pn_svm_vm_init(&rig->svm, &rig->vm[1], &rig->svcpu[1], 1, true, true, 0,
			       &rig->pages);
	} else {
		pn_svm_vm_init(&rig->svm, &rig->vm[0], &rig->svcpu[0], n, true, true, 0,
			       &rig->pages);
	}
	pn_vapic_write(rig->svcpu[0].page, PN_APIC_TPR, conf->tpr);
	pn_vapic_write(rig->svcpu[0].page, PN_APIC_PPR, conf->tpr);
}

/* For counter-examples: the places that agents share. */
static void name_vcpu(unsigned n)
{
	static const char *const irr[RIG_VCPUS][8] = {
		{"IRR[00-1f] of vCPU 0", "IRR[20-3f] of vCPU 0", "IRR[40-5f] of vCPU 0",
		 "IRR[60-7f] of vCPU 0", "IRR[80-9f] of vCPU 0", "IRR[a0-bf] of vCPU 0",
		 "IRR[c0-df] of vCPU 0", "IRR[e0-ff] of vCPU 0"},
		{"IRR[00-1f] of vCPU 1", "IRR[20-3f] of vCPU 1", "IRR[40-5f] of vCPU 1",
		 "IRR[60-7f] of vCPU 1", "IRR[80-9f] of vCPU 1", "IRR[a0-bf] of vCPU 1",
		 "IRR[c0-df] of vCPU 1", "IRR[e0-ff] of vCPU 1"},
	};
	struct pn_svm_vcpu *v = &rig->svcpu[n];

	for (unsigned i = 0; i < 8; i++)
		px_name(&v->page[(PN_APIC_IRR + i * 16) / 4], 4, irr[n][i]);
	px_name(v->phys_entry, 8,
		n ? "physical ID entry of vCPU 1" : "physical ID entry of vCPU 0");
	px_name(&rig->vcpu[n].task, 4, n ? "task of vCPU 1 asleep" : "task of vCPU 0 asleep");
	px_name(&v->ir_lock, 4, n ? "ir_lock of vCPU 1" : "ir_lock of vCPU 0");
	px_name(&v->woken, 4, n ? "woken of vCPU 1" : "woken of vCPU 0");
	px_name(&v->requests, 4, n ? "requests of vCPU 1" : "requests of vCPU 0");
}

static void name_places(unsigned vcpus, unsigned iommus)
{
	static const char *const lock[] = {"wake_lock of CPU 0", "wake_lock of CPU 1",
					   "wake_lock of CPU 2"};

	for (unsigned i = 0; i < vcpus; i++)
		name_vcpu(i);
	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_name(&rig->cpu[i].wake_lock, 4, lock[i]);
	for (unsigned i = 0; i < iommus; i++) {
		px_name(&rig->iommu[i].busy, 4, i ? "IOMMU 1 itself" : "IOMMU 0 itself");
		px_name(&rig->iommu[i].log, 4, i ? "log thread 1 asleep" : "log thread 0 asleep");
	}
}

void rig_build(const struct rig_conf *conf)
{
	uint8_t *ram = px_alloc(RAM_SIZE, 4096);

	rig = px_alloc(sizeof(*rig), 64);
	rig->conf = *conf;
	rig->bus = (struct pn_bus){
		.ram = ram, .ram_base = RAM_BASE, .ram_size = RAM_SIZE, .doorbell = bus_doorbell};
	rig->os = (struct pn_os){rig, os_wake, os_ipi, os_doorbell};
	pn_pages_init(&rig->pages, &rig->bus, RAM_BASE, RAM_SIZE);
	build_cpus(conf);
	build_iommus(conf);
	build_vms(conf);
	name_places(conf->vcpus ? conf->vcpus : 1, conf->iommus ? conf->iommus : 1);
}

void rig_attach(unsigned index, unsigned iommu, struct rig_vcpu *v, uint8_t vector)
{
	static const char *const name[] = {"IRTE 0", "IRTE 1", "IRTE 2"};
	struct rig_ir *ir = &rig->ir[index];

	ir->iommu = iommu;
	ir->target = v;
	ir->vector = vector;
	pn_ir_init(&ir->ir, &rig->drv[iommu], rig->cpu[0].agent, RIG_DEVID, (uint16_t)index, 1,
		   (uint8_t)(PN_VEC_DEVICE_FIRST + index));
	if (v)
		pn_svm_pi_update(&rig->svm, &ir->ir, v->svm, vector, &rig->cpu[0]);
	px_name(ir->ir.irte, 16, name[index]);
}

/* ---- threads ---- */

void rig_post(unsigned index)
{
	static const char *const text[] = {"MSI of interrupt 0", "MSI of interrupt 1",
					   "MSI of interrupt 2"};
	struct rig_ir *ir = &rig->ir[index];
	struct rig_iommu *io = &rig->iommu[ir->iommu];
	struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = index, .devid = RIG_DEVID};

	px_doing(text[index]);
	px_device_enter(&io->busy);
	if (ir->target)
		ir->target->sent[ir->vector] = true;
	if (pn_amdvi_msi(io->vi, &msi) == PN_MSI_ABORTED)
		px_fail("P6", "the IOMMU aborted an interrupt request");
	px_device_leave(&io->busy);
	px_doing(NULL);
}

static void posts(void *arg)
{
	for (const int *i = arg; *i >= 0; i++)
		rig_post((unsigned)*i);
}

void rig_run_posts(unsigned iommu, const int *list)
{
	static const char *const name[] = {"IOMMU 0", "IOMMU 1"};

	px_thread(name[iommu], -1, posts, (void *)(uintptr_t)list);
}

static void took(struct rig_vcpu *v, int vector)
{
	if (!v->sent[vector])
		px_fail("P4", "the guest takes vector 0x%02x that nobody sent", (unsigned)vector);
	v->taken[vector] = true;
}

/* In and out again: takes everything that can be delivered. */
static void guest(struct rig_vcpu *v, struct pn_svm_cpu *c)
{
	struct pn_avic *av = &rig->core[c->id];
	struct pn_avic_vmcb vmcb;
	struct pn_avic_exit exit;
	int vector;

	px_doing("enters the guest");
	vector = pn_svm_enter(v->svm, c);
	if (vector >= 0) {
		took(v, vector);
		pn_svm_leave(v->svm, c);
		pn_svm_eoi(v->svm, c);
		return;
	}
	pn_svm_vmcb(v->svm, &vmcb);
	pn_avic_vmrun(av, &vmcb);
	px_doing("in the guest");
	while ((vector = pn_avic_evaluate(av, true)) >= 0) {
		pn_avic_deliver(av, (uint8_t)vector);
		took(v, vector);
		pn_avic_write(av, PN_APIC_EOI, 0, &exit);
	}
	px_doing("leaves the guest: HLT");
	pn_avic_vmexit(av);
	pn_svm_leave(v->svm, c);
}

/* Scheduled out and in again; perhaps elsewhere. */
static struct pn_svm_cpu *resched(struct rig_vcpu *v, struct pn_svm_cpu *c, bool asleep)
{
	px_doing(asleep ? "is switched out asleep" : "is preempted");
	pn_svm_put(v->svm, c);
	if (asleep)
		px_sleep(&v->task.sleeping, "the vCPU's task");
	if (v->moves_to >= 0) {
		c = &rig->cpu[v->moves_to];
		px_migrate(v->moves_to);
		v->moves_to = -1;
	}
	px_doing("is switched in");
	pn_svm_load(v->svm, c);
	return c;
}

static struct pn_svm_cpu *block_loop(struct rig_vcpu *v, struct pn_svm_cpu *c)
{
	for (;;) {
		/* The task's state first, then the look; a waker does it the other way round. */
		if (pn_mistake(PN_MISTAKE_NO_FENCE))
			pn_st32(&v->task.sleeping, 1);
		else
			pn_xchg32(&v->task.sleeping, 1);
		px_doing("may it sleep?");
		if (pn_svm_must_run(v->svm, c))
			break;
		if (v->preempt) {
			v->preempt--;
			c = resched(v, c, false);
			continue;
		}
		c = resched(v, c, true);
	}
	pn_xchg32(&v->task.sleeping, 0); /* nobody has to wake it any more */
	px_doing("unblocks");
	pn_svm_unblocking(v->svm, c);
	return c;
}

void rig_vcpu_loop(struct rig_vcpu *v)
{
	struct pn_svm_cpu *c = &rig->cpu[v->cpu];

	if (v->asleep) {
		px_sleep(&v->task.sleeping, "the vCPU's task");
		pn_svm_load(v->svm, c);
	}
	for (;;) {
		if (!v->asleep) {
			px_doing("blocks");
			pn_svm_blocking(v->svm, c);
		}
		v->asleep = false;
		c = block_loop(v, c);
		guest(v, c);
	}
}

static void vcpu_thread(void *arg)
{
	rig_vcpu_loop(arg);
}

void rig_run_vcpu(unsigned v, int cpu, int moves_to)
{
	static const char *const name[] = {"vCPU 0", "vCPU 1"};
	struct rig_vcpu *rv = &rig->vcpu[v];

	rv->cpu = cpu;
	rv->moves_to = moves_to;
	if (!rv->asleep)
		pn_svm_load(rv->svm, &rig->cpu[cpu]);
	px_thread(name[v], cpu, vcpu_thread, rv);
}

static void device_irq(unsigned index, struct pn_svm_cpu *c)
{
	struct rig_ir *ir = &rig->ir[index];

	if (index < RIG_IRS && ir->target)
		pn_svm_inject(ir->target->svm, c, ir->vector, PN_WAKE_NOTIFY);
}

void rig_handler(void *arg, uint8_t vector)
{
	struct pn_svm_cpu *c = arg;

	switch (vector) {
	case PN_VEC_WAKEUP:
		if (rig->new_kernel)
			px_fail("P6", "vector 0x%02x arrives and nobody owns it", vector);
		else
			pn_svm_wakeup_irq(&rig->svm, c);
		break;
	case PN_VEC_GA_LOG:
		for (unsigned i = 0; i < rig->iommus.n; i++)
			pn_galog_irq(&rig->drv[i], c->agent, &rig->iommu[i].log);
		break;
	case PN_VEC_RESCHED:
		break;
	default:
		device_irq(vector - PN_VEC_DEVICE_FIRST, c);
	}
}

void rig_run_handlers(unsigned cpus)
{
	static const char *const name[] = {"CPU 0 irq", "CPU 1 irq", "CPU 2 irq"};

	for (unsigned i = 0; i < cpus; i++)
		px_handler(name[i], (int)i, rig_handler, &rig->cpu[i]);
}

static void log_thread(void *arg)
{
	struct rig_iommu *io = arg;
	struct pn_amdvi_drv *d = &rig->drv[io - rig->iommu];

	for (;;) {
		px_sleep(&io->log.sleeping, "the log thread");
		do {
			/* Asleep first: pairs with pn_galog_irq(). */
			pn_xchg32(&io->log.sleeping, 1);
		} while (pn_galog_step(d, rig->cpu[1].agent));
	}
}

void rig_run_log(unsigned iommu, int cpu)
{
	static const char *const name[] = {"log thread 0", "log thread 1"};

	px_thread(name[iommu], cpu, log_thread, &rig->iommu[iommu]);
}

/* ---- properties ---- */

static const char *check_vcpu(struct rig_vcpu *v, unsigned n, char *text, unsigned size)
{
	const char *what;
	int vector = pn_vapic_deliverable(v->svm->page);

	if (v->task.sleeping && vector >= 0) {
		snprintf(text, size,
			 "vCPU %u sleeps, vector 0x%02x is in its IRR and could be delivered, and "
			 "nobody is left to wake it",
			 n, (unsigned)vector);
		return "P1";
	}
	for (unsigned i = 0; i < 256; i++) {
		if (!v->sent[i] || v->taken[i] || pn_svm_irr(v->svm, i / 32) >> (i % 32) & 1)
			continue;
		snprintf(text, size, "vector 0x%02x was sent to vCPU %u and is nowhere", i, n);
		return "P4";
	}
	what = pn_svm_check(v->svm, &rig->cpu[0]);
	if (what) {
		snprintf(text, size, "vCPU %u: %s", n, what);
		return "P2";
	}
	return NULL;
}

const char *rig_check(void *arg, char *text, unsigned size)
{
	unsigned n = rig->conf.vcpus ? rig->conf.vcpus : 1;
	const char *property = NULL;

	(void)arg;
	if (rig->no_rest_check)
		return NULL;
	for (unsigned i = 0; i < n && !property; i++)
		property = check_vcpu(&rig->vcpu[i], i, text, size);
	return property;
}
