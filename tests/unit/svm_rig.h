/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_SVM_RIG_H
#define PN_TEST_SVM_RIG_H

#include "amdvi_drv.h"
#include "host_rig.h"
#include "postern/amdvi.h"
#include "svm.h"

/*
 * A machine for tests of host code, in one thread: real IOMMU models behind the registers, four
 * CPUs that take interrupts as soon as they are enabled, tasks that only record whether they sleep.
 * A test lets another agent act in between by a hook at a step of the host (rig.at) or at a
 * register write (rig.on_write).
 */

#define RIG_IOMMUS 2u

struct rig;

struct rig_mmio {
	struct rig *rig;
	struct pn_amdvi *vi;
};

struct rig {
	struct pn_bus bus;
	struct pn_amdvi *vi[RIG_IOMMUS];
	struct rig_mmio mmio[RIG_IOMMUS];
	struct pn_agent hw[RIG_IOMMUS];
	struct pn_step_table hw_steps[RIG_IOMMUS], cpu_steps[RIG_CPUS];
	struct pn_agent agent[RIG_CPUS];
	struct pn_os os;
	struct pn_pages pages;
	struct pn_amdvi_drv drv[RIG_IOMMUS];
	struct pn_iommus iommus;
	struct pn_svm svm;
	struct pn_host_cpu cpu[RIG_CPUS];
	struct pn_svm_vm vm;
	struct pn_svm_vcpu vcpu[RIG_VCPUS];
	struct pn_amdvi_ir ir[RIG_VCPUS];
	struct rig_task task[RIG_VCPUS], log_thread;
	uint64_t pending[RIG_CPUS][4]; /* physical interrupts while they are off */
	unsigned intrs, ipis, bells, kicks;
	uint8_t ipi_vector;
	uint32_t ipi_cpu, bell_apicid, intr_dest, intr_vector;
	/* hooks */
	unsigned at;	/* the host's step number that calls @hook; 0: none */
	unsigned steps; /* host steps so far */
	void (*hook)(struct rig *r);
	uint32_t write_off; /* register write that calls @on_write, before it takes effect */
	void (*on_write)(struct rig *r);
	bool dead_mmio; /* registers do not answer */
	unsigned writes;
};

struct rig_conf {
	enum pn_notify notify;
	enum pn_masked_policy masked;
	bool gate_always, erratum1235, no_gappidis, x2avic;
	uint32_t inhibits;
	uint32_t vcpus; /* 0: RIG_VCPUS */
	uint32_t galog_entries;
	enum pn_recover recover;
	void (*tune)(struct pn_amdvi_config *, uint32_t); /* the IOMMUs; NULL: as they are */
};

static inline void rig_take(struct rig *r, uint32_t cpu, uint8_t vector)
{
	struct pn_agent *a = &r->agent[cpu];

	a->irq_off++; /* as the processor does on entry */
	if (vector == PN_VEC_WAKEUP)
		pn_svm_wakeup_irq(&r->svm.hyp, &r->cpu[cpu]);
	else if (vector == PN_VEC_GA_LOG)
		pn_galog_irq(&r->drv[0], a, &r->log_thread);
	a->irq_off--;
}

static inline void rig_poll(struct pn_agent *a)
{
	struct rig *r = a->world;
	uint32_t cpu = a->id;

	for (unsigned v = 0; v < 256; v++) {
		if (!(r->pending[cpu][v / 64] >> (v % 64) & 1))
			continue;
		r->pending[cpu][v / 64] &= ~(1ull << (v % 64));
		rig_take(r, cpu, (uint8_t)v);
	}
}

static inline int rig_cpu_of(uint32_t apicid)
{
	for (uint32_t i = 0; i < RIG_CPUS; i++) {
		if (RIG_APICID(i) == apicid)
			return (int)i;
	}
	return -1;
}

static inline void rig_intr(void *ctx, const struct pn_intr *m)
{
	struct rig *r = ctx;
	int cpu = rig_cpu_of(m->dest);

	r->intrs++;
	r->intr_dest = m->dest;
	r->intr_vector = m->vector;
	if (cpu < 0 || !pn_ld32(&r->cpu[cpu].online))
		return;
	if (r->agent[cpu].irq_off)
		r->pending[cpu][m->vector / 64] |= 1ull << (m->vector % 64);
	else
		rig_take(r, (uint32_t)cpu, m->vector);
}

static inline void rig_bell(void *ctx, uint32_t apicid)
{
	struct rig *r = ctx;

	r->bells++;
	r->bell_apicid = apicid;
}

static inline uint64_t rig_read(void *ctx, uint32_t off, unsigned size)
{
	struct rig_mmio *m = ctx;
	uint64_t v = 0;

	if (!m->rig->dead_mmio)
		pn_amdvi_read(m->vi, off, size, &v);
	return v;
}

static inline void rig_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct rig_mmio *m = ctx;
	struct rig *r = m->rig;

	r->writes++;
	if (r->on_write && off == r->write_off) {
		void (*f)(struct rig *) = r->on_write;

		r->on_write = NULL;
		f(r);
	}
	pn_amdvi_write(m->vi, off, size, value);
}

static inline void rig_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	struct rig *r = ctx;

	(void)self;
	r->ipis++;
	r->ipi_cpu = cpu;
	r->ipi_vector = vector;
}

static inline void rig_os_bell(void *ctx, struct pn_agent *self, uint32_t apicid)
{
	(void)self;
	rig_bell(ctx, apicid);
}

static inline void rig_step(void *ctx, struct pn_agent *a, unsigned step, uint64_t x, uint64_t y)
{
	struct rig *r = ctx;

	row_note(pn_any_step_key(step), a, x, y);
	r->steps++;
	if (r->hook && r->steps == r->at)
		r->hook(r);
}

/* Hardware and operating system; the driver is not initialised. @tune may be NULL. */
static inline void rig_open(struct rig *r, void (*tune)(struct pn_amdvi_config *, uint32_t))
{
	memset(r, 0, sizeof(*r));
	r->bus = (struct pn_bus){.ctx = r, .intr = rig_intr, .doorbell = rig_bell};
	rig_memory(&r->bus, &r->pages);
	r->os = (struct pn_os){.ctx = r, .wake = rig_wake, .ipi = rig_ipi, .doorbell = rig_os_bell};
	for (uint32_t i = 0; i < RIG_IOMMUS; i++) {
		struct pn_amdvi_config cfg;

		pn_amdvi_config_default(&cfg);
		pn_host_agent_init(&r->hw[i], i, &r->hw_steps[i], NULL);
		cfg.bus = &r->bus;
		cfg.agent = &r->hw[i];
		cfg.poison_stale = true;
		cfg.peer = i ? r->vi[0] : NULL;
		if (tune)
			tune(&cfg, i);
		assert_int_equal(pn_amdvi_create(&cfg, &r->vi[i]), 0);
		r->mmio[i] = (struct rig_mmio){.rig = r, .vi = r->vi[i]};
		r->drv[i].mmio =
			(struct pn_mmio){.ctx = &r->mmio[i], .read = rig_read, .write = rig_write};
	}
	for (uint32_t i = 0; i < RIG_CPUS; i++) {
		struct pn_agent *a = &r->agent[i];

		rig_host_cpu(i, a, &r->cpu_steps[i], &r->cpu[i], r);
		a->irq_poll = rig_poll;
		a->observe = rig_step;
	}
}

static inline void rig_close(struct rig *r)
{
	for (uint32_t i = 0; i < RIG_IOMMUS; i++)
		pn_amdvi_destroy(r->vi[i]);
	rig_ram_close(r->bus.ram, RIG_SIZE);
}

static inline int rig_driver(struct rig *r, const struct pn_iommus_config *cfg)
{
	return pn_iommus_init(&r->iommus, r->drv, RIG_IOMMUS, cfg, &r->os, &r->bus, &r->pages,
			      &r->agent[0]);
}

/* A VM and one device of IOMMU 0, whose interrupt i goes to CPU 3, vector 0x50 + i. */
static inline void rig_vm(struct rig *r, const struct rig_conf *conf)
{
	const struct pn_svm_config cfg = {.os = &r->os,
					  .iommus = &r->iommus,
					  .cpu = r->cpu,
					  .nr_cpus = RIG_CPUS,
					  .masked = conf->masked,
					  .recover = conf->recover,
					  .gate_always = conf->gate_always,
					  .erratum1235 = conf->erratum1235};

	pn_svm_init(&r->svm, &cfg);
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		r->vcpu[i].h.task = &r->task[i];
	assert_int_equal(pn_svm_vm_init(&r->svm, &r->vm, r->vcpu,
					conf->vcpus ? conf->vcpus : RIG_VCPUS, conf->x2avic, false,
					conf->inhibits, &r->pages),
			 0);
	assert_int_equal(pn_amdvi_irt_create(&r->drv[0], &r->agent[0], RIG_DEV, 5), 0);
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		assert_int_equal(pn_amdvi_ir_init(&r->ir[i], &r->drv[0], &r->agent[0], RIG_DEV,
						  (uint16_t)i, RIG_APICID(3), (uint8_t)(0x50 + i)),
				 0);
}

static inline void rig_no_gappidis(struct pn_amdvi_config *cfg, uint32_t i)
{
	(void)i;
	cfg->efr2 &= ~PN_EFR2_GAPPIDISSUP;
}

/* Starts the whole machine. GA log interrupts go to CPU 0. */
static inline void rig_start(struct rig *r, const struct rig_conf *conf)
{
	const struct pn_iommus_config cfg = {.notify = conf->notify,
					     .galog_entries = conf->galog_entries,
					     .devids = 0x1000,
					     .ga_apicid = RIG_APICID(0)};

	rig_open(r, conf->no_gappidis ? rig_no_gappidis : conf->tune);
	assert_int_equal(rig_driver(r, &cfg), 0);
	rig_vm(r, conf);
}

static inline void rig_forget(struct rig *r)
{
	r->intrs = r->ipis = r->bells = r->steps = r->writes = 0;
	memset(r->task, 0, sizeof(r->task));
	for (uint32_t i = 0; i < RIG_CPUS; i++)
		pn_count_anew(&r->cpu_steps[i]);
}

static inline uint64_t rig_count(const struct rig *r, unsigned step)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < RIG_CPUS; i++)
		n += r->agent[i].step[step].count;
	return n;
}

static inline enum pn_msi_result rig_msi(struct rig *r, uint32_t index)
{
	const struct pn_msi m = {.addr = 0xFEE00000ull, .data = index, .devid = RIG_DEV};

	return pn_amdvi_msi(r->vi[0], &m);
}

/* Runs the log's thread if it was woken. */
static inline void rig_threads(struct rig *r)
{
	for (int i = 0; i < 100000 && !r->log_thread.asleep; i++) {
		r->log_thread.asleep = true; /* asleep first, then the check */
		if (pn_galog_step(&r->drv[0], &r->agent[0]))
			r->log_thread.asleep = false;
	}
}

/* One turn of the block loop; true if the task sleeps now. */
static inline bool rig_sleep(struct rig *r, uint32_t i, uint32_t cpu)
{
	r->task[i].asleep = true;
	if (pn_svm_must_run(&r->vcpu[i].h, &r->cpu[cpu]))
		r->task[i].asleep = false;
	return r->task[i].asleep;
}

static inline void rig_checked(struct rig *r, const char *name)
{
	for (uint32_t i = 0; i < r->vm.h.nr_vcpus; i++) {
		const char *what = pn_svm_check(&r->vcpu[i].h, &r->cpu[0]);

		if (what)
			fail_msg("%s: vCPU %u: %s", name, i, what);
	}
	for (uint32_t i = 0; i < RIG_CPUS; i++)
		row_eq(name, "nesting of disabled interrupts", r->agent[i].irq_off, 0);
}

static inline void rig_attach(struct rig *r, uint32_t ir, uint32_t vcpu, uint8_t vector)
{
	assert_int_equal(pn_svm_pi_update(&r->svm.hyp, &r->ir[ir].host, &r->vcpu[vcpu].h, vector,
					  &r->cpu[0]),
			 0);
}

static inline uint64_t rig_reg(struct rig *r, uint32_t i, uint32_t off)
{
	uint64_t v;

	assert_int_equal(pn_amdvi_read(r->vi[i], off, 8, &v), 0);
	return v;
}

#endif
