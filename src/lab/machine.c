/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

_Static_assert(PN_SIM_VEC_TIMER == PN_VEC_TIMER && PN_SIM_VEC_RESCHED == PN_VEC_RESCHED,
	       "the world and the host share these vectors");

#define FIRST_DEVID 0x0008u /* 00:01.0; one function a device */

/* ---- the bus ---- */

static void iommu_intr(void *ctx, const struct pn_intr *intr)
{
	struct pn_lab_iommu *io = ctx;
	struct pn_machine *m = io->m;
	uint64_t delay = io->agent.elapsed_ns + m->sc->costs.ns[PN_STEP_INTR_WIRE];

	if (intr->dest >= m->sc->machine.pcpus)
		return;
	if (intr->vector == PN_VEC_GA_LOG)
		io->ga_pending = true;
	pn_step(&io->agent, PN_STEP_INTR_WIRE, intr->dest, intr->vector);
	pn_sim_raise(m->sim, intr->dest, intr->vector, delay);
}

static void ring(struct pn_machine *m, struct pn_agent *from, uint32_t apicid)
{
	uint64_t delay = from->elapsed_ns + m->sc->costs.ns[PN_STEP_DOORBELL_WIRE];

	if (apicid < m->sc->machine.pcpus)
		pn_sim_doorbell(m->sim, apicid, delay);
}

static void iommu_doorbell(void *ctx, uint32_t apicid)
{
	struct pn_lab_iommu *io = ctx;

	ring(io->m, &io->agent, apicid);
}

static void core_doorbell(void *ctx, uint32_t apicid)
{
	struct pn_lab_core *core = ctx;

	ring(core->m, &core->sim->agent, apicid);
}

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct pn_lab_iommu *io = ctx;
	uint64_t value = 0;

	pn_amdvi_read(io->vi, off, size, &value);
	return value;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct pn_lab_iommu *io = ctx;

	pn_amdvi_write(io->vi, off, size, value);
}

/* ---- building ---- */

static uint32_t device_queues(const struct pn_scenario *sc, const struct pn_sc_device *dev,
			      const struct pn_sc_vm *vm)
{
	(void)sc;
	return dev->queues ? dev->queues : vm->vcpus;
}

static const struct pn_sc_vm *vm_of(const struct pn_scenario *sc, const struct pn_sc_device *dev)
{
	for (unsigned i = 0; i < sc->vms; i++)
		if (!strcmp(sc->vm[i].name, dev->vm))
			return &sc->vm[i];
	return &sc->vm[0];
}

static unsigned load_of(const struct pn_scenario *sc, const struct pn_sc_device *dev)
{
	for (unsigned i = 0; i < sc->loads; i++)
		if (!strcmp(sc->load[i].name, dev->load))
			return i;
	return 0;
}

static void count(struct pn_machine *m, uint32_t *devices)
{
	const struct pn_scenario *sc = m->sc;

	*devices = 0;
	for (unsigned i = 0; i < sc->vms; i++) {
		m->vms += sc->vm[i].count;
		m->vcpus += sc->vm[i].count * sc->vm[i].vcpus;
	}
	for (unsigned i = 0; i < sc->devices; i++) {
		const struct pn_sc_device *dev = &sc->device[i];

		*devices += dev->count;
		m->queues += dev->count * device_queues(sc, dev, vm_of(sc, dev));
	}
}

static int make_ram(struct pn_machine *m, uint32_t devices)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	uint64_t irt = 16ull << sm->inttablen;
	uint64_t per_iommu = 1 << 20 | (FIRST_DEVID + devices) * 32ull;
	uint64_t bytes = (1ull << 20) + sm->iommus * per_iommu + devices * irt +
			 m->vcpus * 4096ull + m->vms * (40ull << 10);

	bytes = (bytes + 0xFFFF) & ~0xFFFFull;
	m->ram = aligned_alloc(4096, bytes);
	if (!m->ram)
		return -ENOMEM;
	memset(m->ram, 0, bytes);
	m->bus = (struct pn_bus){.ram = m->ram, .ram_base = 1ull << 32, .ram_size = bytes};
	pn_pages_init(&m->pages, &m->bus, m->bus.ram_base, bytes);
	return 0;
}

static struct pn_sim_conf sim_conf(const struct pn_machine *m, uint64_t seed)
{
	const struct pn_sc_machine *sm = &m->sc->machine;

	return (struct pn_sim_conf){
		.pcpus = sm->pcpus,
		.vcpus = m->vcpus,
		.queues = m->queues,
		.slice = sm->slice,
		.wakeup_granularity = sm->wakeup_granularity,
		.halt_poll = sm->halt_poll,
		.host_tick = sm->host_tick,
		.noise_period = sm->noise_period,
		.noise_time = sm->noise_time,
		.seed = seed,
		.cost_ns = m->sc->costs.ns,
	};
}

static bool galog_thread(struct pn_thread *th, struct pn_pcpu *p)
{
	return pn_galog_step(th->arg, &p->agent);
}

static int make_iommus(struct pn_machine *m, uint32_t devices)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	bool posted = m->mode.id == PN_MODE_GALOG || m->mode.id == PN_MODE_GAPPI;
	struct pn_iommus_config cfg = {
		.notify = !posted			? PN_NOTIFY_NONE
			  : m->mode.id == PN_MODE_GAPPI ? PN_NOTIFY_GAPPI
							: PN_NOTIFY_GALOG,
		.galog_entries = sm->galog_entries,
		.devids = FIRST_DEVID + devices,
		.ga_apicid = sm->galog_cpu,
		.irt2k = sm->inttablen > 9,
	};

	m->ga_cpu = sm->galog_cpu;
	for (uint32_t i = 0; i < sm->iommus; i++) {
		struct pn_lab_iommu *io = &m->iommu[i];
		struct pn_amdvi_config hw;
		int err;

		io->m = m;
		pn_agent_init(&io->agent, i);
		io->agent.cost_ns = m->sc->costs.ns;
		io->bus = m->bus;
		io->bus.ctx = io;
		io->bus.intr = iommu_intr;
		io->bus.doorbell = iommu_doorbell;
		pn_amdvi_config_default(&hw);
		hw.bus = &io->bus;
		hw.agent = &io->agent;
		hw.peer = m->iommu[0].vi;
		hw.knobs = sm->knobs;
		hw.irte_cache = sm->irte_cache;
		if (!sm->gappi)
			hw.efr &= ~PN_EFR_GAPPISUP;
		if (!sm->gappidis)
			hw.efr2 &= ~PN_EFR2_GAPPIDISSUP;
		err = pn_amdvi_create(&hw, &io->vi);
		if (err)
			return err;
		m->drv[i].mmio = (struct pn_mmio){io, mmio_read, mmio_write};
		pn_thread_init(&io->thread, m->sim, (int32_t)sm->galog_cpu, sm->galog_fifo,
			       galog_thread, &m->drv[i]);
	}
	return pn_iommus_init(&m->iommus, m->drv, sm->iommus, &cfg, &m->os, &m->bus, &m->pages,
			      &m->sim->pcpu[0].agent);
}

static void make_cores(struct pn_machine *m)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_avic_features feat;

	pn_avic_features_default(&feat);
	feat.erratum1235 = sm->erratum1235;
	for (uint32_t i = 0; i < sm->pcpus; i++) {
		struct pn_lab_core *core = &m->core[i];

		core->m = m;
		core->sim = &m->sim->pcpu[i];
		core->sim->hw = core;
		core->bus = m->bus;
		core->bus.ctx = core;
		core->bus.doorbell = core_doorbell;
		core->next_vector = PN_VEC_DEVICE_FIRST;
		pn_avic_init(&core->avic, &core->bus, &core->sim->agent, &feat, i);
		m->cpu[i].agent = &core->sim->agent;
		m->cpu[i].apicid = i;
	}
}

static struct pn_guest_conf guest_conf(const struct pn_sc_vm *vm)
{
	return (struct pn_guest_conf){
		.timer = vm->timer,
		.idle_poll = vm->idle_poll,
		.tpr = vm->tpr,
		.tpr_period = vm->tpr_period,
		.tpr_hold = vm->tpr_hold,
		.busy = vm->busy,
		.busy_burst = vm->busy_burst,
	};
}

static int make_vm(struct pn_machine *m, const struct pn_sc_vm *vm, uint32_t number, uint32_t first)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	uint32_t inhibits = m->mode.id == PN_MODE_EMULATED ? 1u << PN_INHIBIT_DISABLED : 0;

	for (uint32_t i = 0; i < vm->vcpus; i++) {
		struct pn_lab_vcpu *lv = &m->vcpu[first + i];
		struct pn_vcpu *v = &m->sim->vcpu[first + i];

		lv->m = m;
		lv->sim = v;
		lv->svm = &m->svcpu[first + i];
		lv->svm->task = &v->task;
		lv->inject = -1;
		v->hw = lv;
		v->conf = guest_conf(vm);
		if (vm->pin) {
			v->task.pin = (int32_t)((vm->first_pcpu + i) % sm->pcpus);
			v->task.cpu = (uint32_t)v->task.pin;
		}
	}
	return pn_svm_vm_init(&m->svm, &m->vm[number], &m->svcpu[first], vm->vcpus, sm->x2avic,
			      sm->x2avic_ext, inhibits, &m->pages);
}

static int make_vms(struct pn_machine *m)
{
	const struct pn_scenario *sc = m->sc;
	struct pn_svm_config cfg = {
		.os = &m->os,
		.iommus = &m->iommus,
		.cpu = m->cpu,
		.nr_cpus = sc->machine.pcpus,
		.masked = m->mode.masked_none ? PN_MASKED_NONE : PN_MASKED_PARK,
		.gate_always = m->mode.gate_always,
		.erratum1235 = sc->machine.erratum1235,
	};
	uint32_t number = 0, first = 0;
	int err = 0;

	pn_svm_init(&m->svm, &cfg);
	for (unsigned i = 0; i < sc->vms && !err; i++) {
		for (uint32_t k = 0; k < sc->vm[i].count && !err; k++) {
			err = make_vm(m, &sc->vm[i], number++, first);
			first += sc->vm[i].vcpus;
		}
	}
	return err;
}

static void make_sources(struct pn_machine *m)
{
	for (unsigned i = 0; i < m->sc->loads; i++) {
		const struct pn_sc_load *l = &m->sc->load[i];
		static const enum pn_source_kind kind[] = {
			[PN_LOAD_CLOSED] = PN_SRC_CLOSED,      [PN_LOAD_POISSON] = PN_SRC_POISSON,
			[PN_LOAD_PERIODIC] = PN_SRC_PERIODIC,  [PN_LOAD_ONOFF] = PN_SRC_ONOFF,
			[PN_LOAD_RECORDING] = PN_SRC_EXTERNAL,
		};

		m->source[i] = (struct pn_source){
			.kind = kind[l->kind],
			.depth = l->depth,
			.service = l->service,
			.service_floor = l->service_floor,
			.interval_ns = l->rate > 0 ? 1e9 / l->rate : 1e9,
			.on = l->on,
			.off = l->off,
			.sync = l->sync,
			.handler = l->handler,
			.work = l->work,
			.coalesce = l->coalesce,
			.coalesce_time = l->coalesce_time,
			.stall_period = l->stall_period,
			.stall_time = l->stall_time,
		};
	}
}

static uint8_t guest_vector(const struct pn_vcpu *v, uint8_t wanted)
{
	if (wanted && !v->by_vector[wanted])
		return wanted;
	for (unsigned i = PN_GUEST_VECTOR_FIRST; i <= PN_GUEST_VECTOR_LAST; i++)
		if (!v->by_vector[i])
			return (uint8_t)i;
	return 0;
}

/* The CPU and vector on the host that the queue's interrupt has while it is not posted. */
static bool host_vector(struct pn_machine *m, struct pn_lab_queue *q, uint32_t number)
{
	uint32_t n = m->sc->machine.pcpus;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t cpu = m->sc->machine.irq_spread ? (number + k) % n : k;
		struct pn_lab_core *core = &m->core[cpu];

		if (core->next_vector > PN_VEC_DEVICE_LAST)
			continue;
		q->host_cpu = cpu;
		q->host_vector = core->next_vector++;
		core->by_vector[q->host_vector] = number + 1;
		return true;
	}
	return false;
}

static int make_queue(struct pn_machine *m, uint32_t number, const struct pn_sc_device *dev,
		      uint32_t iommu, uint16_t devid, uint32_t index, struct pn_vcpu *v,
		      uint64_t seed, struct pn_diag *d)
{
	struct pn_lab_queue *q = &m->queue[number];
	struct pn_svm_cpu *boot = &m->cpu[0];
	uint8_t vector = guest_vector(v, dev->vector);
	int err;

	if (!vector)
		return pn_diag_set(d, -EINVAL, m->sc->path, 0,
				   "vCPU %u has no vector left for [device %s]", v->id, dev->name);
	if (!host_vector(m, q, number))
		return pn_diag_set(d, -EINVAL, m->sc->path, 0,
				   "no host vector left for queue %u of [device %s] (%d per pCPU)",
				   index, dev->name, PN_VEC_DEVICE_LAST - PN_VEC_DEVICE_FIRST + 1);
	q->m = m;
	q->sim = &m->sim->queue[number];
	q->sim->hw = q;
	q->iommu = iommu;
	q->msi = (struct pn_msi){.addr = PN_MSI_ADDR_BASE, .data = index, .devid = devid};
	err = pn_queue_init(m->sim, number, &m->source[load_of(m->sc, dev)], v, vector, seed);
	if (!err)
		err = pn_ir_init(&q->ir, &m->drv[iommu], boot->agent, devid, (uint16_t)index,
				 q->host_cpu, q->host_vector);
	if (!err)
		err = pn_svm_pi_update(&m->svm, &q->ir, pn_lab_of(v)->svm, vector, boot);
	return err;
}

static uint32_t first_vcpu(const struct pn_scenario *sc, const struct pn_sc_vm *vm, uint32_t copy)
{
	uint32_t first = 0;

	for (const struct pn_sc_vm *i = sc->vm; i < vm; i++)
		first += i->count * i->vcpus;
	return first + copy * vm->vcpus;
}

static int make_device(struct pn_machine *m, const struct pn_sc_device *dev, uint32_t copy,
		       uint16_t devid, uint32_t *number, uint64_t seed, struct pn_diag *d)
{
	const struct pn_scenario *sc = m->sc;
	const struct pn_sc_vm *vm = vm_of(sc, dev);
	uint32_t queues = device_queues(sc, dev, vm);
	uint32_t iommu = dev->iommu_spread ? copy % sc->machine.iommus : dev->iommu;
	uint32_t base = first_vcpu(sc, vm, copy % vm->count);
	int err = pn_irt_create(&m->drv[iommu], m->cpu[0].agent, devid, sc->machine.inttablen);

	for (uint32_t i = 0; i < queues && !err; i++) {
		uint32_t v = base + (dev->first_vcpu + i) % vm->vcpus;

		err = make_queue(m, (*number)++, dev, iommu, devid, i, &m->sim->vcpu[v], seed, d);
	}
	return err;
}

static int make_devices(struct pn_machine *m, uint64_t seed, struct pn_diag *d)
{
	uint16_t devid = FIRST_DEVID;
	uint32_t number = 0;
	int err = 0;

	for (unsigned i = 0; i < m->sc->devices && !err; i++)
		for (uint32_t k = 0; k < m->sc->device[i].count && !err; k++)
			err = make_device(m, &m->sc->device[i], k, devid++, &number, seed, d);
	return err;
}

static int allocate(struct pn_machine *m)
{
	const struct pn_sc_machine *sm = &m->sc->machine;

	m->iommu = calloc(sm->iommus, sizeof(*m->iommu));
	m->drv = calloc(sm->iommus, sizeof(*m->drv));
	m->cpu = calloc(sm->pcpus, sizeof(*m->cpu));
	m->core = calloc(sm->pcpus, sizeof(*m->core));
	m->vm = calloc(m->vms, sizeof(*m->vm));
	m->svcpu = calloc(m->vcpus, sizeof(*m->svcpu));
	m->vcpu = calloc(m->vcpus, sizeof(*m->vcpu));
	m->queue = calloc(m->queues, sizeof(*m->queue));
	m->latency = malloc(sizeof(*m->latency));
	m->wake = malloc(sizeof(*m->wake));
	if (!m->iommu || !m->drv || !m->cpu || !m->core || !m->vm || !m->svcpu || !m->vcpu ||
	    !m->queue || !m->latency || !m->wake)
		return -ENOMEM;
	pn_hist_init(m->latency);
	pn_hist_init(m->wake);
	return 0;
}

int pn_machine_create(const struct pn_scenario *sc, const struct pn_mode *mode, uint64_t seed,
		      struct pn_machine **out, struct pn_diag *d)
{
	struct pn_machine *m = calloc(1, sizeof(*m));
	struct pn_sim_conf conf;
	uint32_t devices;
	int err;

	*out = m;
	if (!m)
		return -ENOMEM;
	m->sc = sc;
	m->mode = *mode;
	count(m, &devices);
	conf = sim_conf(m, seed);
	m->os = pn_machine_os(m);
	err = allocate(m);
	if (!err)
		err = make_ram(m, devices);
	if (!err)
		err = pn_sim_create(&conf, &pn_machine_ops, m, &m->sim);
	if (err)
		return err;
	make_cores(m);
	make_sources(m);
	pn_rng_seed(&m->churn_rng, seed, 0x30000);
	err = make_iommus(m, devices);
	if (!err)
		err = make_vms(m);
	if (!err)
		err = make_devices(m, seed, d);
	if (!err && mode->id == PN_MODE_GAPPI && m->iommus.notify != PN_NOTIFY_GAPPI)
		err = pn_diag_set(
			d, -EINVAL, sc->path, 0,
			"mode gappi needs gappi = yes: this machine's IOMMUs lack GAPPISup");
	if (err && d && !d->text[0])
		pn_diag_set(d, err, sc->path, 0, "the machine cannot be built: %s", strerror(-err));
	return err;
}

void pn_machine_destroy(struct pn_machine *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; m->iommu && i < m->sc->machine.iommus; i++)
		if (m->iommu[i].vi)
			pn_amdvi_destroy(m->iommu[i].vi);
	pn_sim_destroy(m->sim);
	free(m->iommu);
	free(m->drv);
	free(m->cpu);
	free(m->core);
	free(m->vm);
	free(m->svcpu);
	free(m->vcpu);
	free(m->queue);
	free(m->latency);
	free(m->wake);
	free(m->ram);
	free(m);
}
