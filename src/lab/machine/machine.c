/* SPDX-License-Identifier: MIT */
/* Builds a machine from a scenario and a mode: everything that does not depend on the vendor. */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

_Static_assert(PN_SIM_VEC_TIMER == PN_VEC_TIMER && PN_SIM_VEC_RESCHED == PN_VEC_RESCHED,
	       "the world and the host share these vectors");

void pn_machine_intr(void *ctx, const struct pn_intr *intr)
{
	struct pn_lab_iommu *io = ctx;
	struct pn_machine *m = io->m;
	uint64_t delay;

	if (intr->dest >= m->sc->machine.pcpus)
		return;
	delay = pn_unit_route(io, intr->dest, intr->vector) + m->sc->costs.ns[PN_STEP_INTR_WIRE];
	if (intr->vector == PN_VEC_GA_LOG)
		io->ga_pending = true;
	pn_step(&io->agent, PN_STEP_INTR_WIRE, intr->dest, intr->vector);
	pn_sim_raise(m->sim, intr->dest, intr->vector, delay);
}

/* ---- building ---- */

/* One queue for each vCPU or CPU that takes interrupts, unless the scenario has a number. */
static uint32_t device_queues(const struct pn_scenario *sc, const struct pn_sc_device *dev,
			      const struct pn_sc_vm *vm)
{
	if (dev->queues)
		return dev->queues;
	return sc->work == PN_WORK_BARE ? sc->machine.pcpus : vm->vcpus;
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
	uint64_t bytes = (1ull << 20) + m->vcpus * 4096ull + m->plat->ram(m, devices);

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
		.kvm_poll = {.on = sm->kvm_poll,
			     .max = sm->halt_poll_ns,
			     .grow_start = sm->halt_poll_ns_grow_start,
			     .grow = sm->halt_poll_ns_grow,
			     .shrink = sm->halt_poll_ns_shrink},
		.idle_poll = sm->idle_poll,
		.host_tick = sm->host_tick,
		.noise_period = sm->noise_period,
		.noise_time = sm->noise_time,
		.seed = seed,
		.cost_ns = m->sc->costs.ns,
		.apps = m->sc->work == PN_WORK_BARE,
	};
}

/* The parts of a processor that do not depend on the vendor. */
static void make_cores(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++) {
		struct pn_lab_core *core = &m->core[i];

		core->m = m;
		core->sim = &m->sim->pcpu[i];
		core->sim->hw = core;
		core->bus = m->bus;
		core->bus.ctx = core;
		core->next_vector = PN_VEC_DEVICE_FIRST;
		m->cpu[i].agent = &core->sim->agent;
		m->cpu[i].apicid = i;
	}
}

static void make_iommus(struct pn_machine *m)
{
	pn_host_agent_init(&m->router, m->sc->machine.iommus, &m->router_steps, m->sc->costs.ns);
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
		struct pn_lab_iommu *io = &m->iommu[i];

		io->m = m;
		pn_host_agent_init(&io->agent, i, &io->steps, m->sc->costs.ns);
		io->bus = m->bus;
		io->bus.ctx = io;
		io->bus.intr = pn_machine_intr;
		pn_unit_init(io);
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

static void make_vcpu(struct pn_machine *m, const struct pn_sc_vm *vm, uint32_t number,
		      uint32_t first, uint32_t i)
{
	struct pn_lab_vcpu *lv = &m->vcpu[first + i];
	struct pn_vcpu *v = &m->sim->vcpu[first + i];

	lv->m = m;
	lv->sim = v;
	lv->vm = number;
	lv->first = first;
	lv->inject = -1;
	v->hw = lv;
	v->conf = guest_conf(vm);
	for (unsigned k = 0; k < m->sc->ipis; k++) {
		if (strcmp(m->sc->ipi[k].vm, vm->name))
			continue;
		v->ipi = &m->ipi[k];
		v->ipi_first = &m->sim->vcpu[first];
		v->ipi_vcpus = vm->vcpus;
	}
	if (vm->pin) {
		v->task.pin = (int32_t)((vm->first_pcpu + i) % m->sc->machine.pcpus);
		v->task.cpu = (uint32_t)v->task.pin;
	}
}

static int make_vms(struct pn_machine *m)
{
	const struct pn_scenario *sc = m->sc;
	uint32_t number = 0, first = 0;
	int err = 0;

	for (unsigned i = 0; i < sc->vms && !err; i++) {
		for (uint32_t k = 0; k < sc->vm[i].count && !err; k++) {
			for (uint32_t n = 0; n < sc->vm[i].vcpus; n++)
				make_vcpu(m, &sc->vm[i], number, first, n);
			err = m->plat->vm(m, &sc->vm[i], number++, first);
			first += sc->vm[i].vcpus;
		}
	}
	return err;
}

static void make_ipis(struct pn_machine *m)
{
	for (unsigned i = 0; i < m->sc->ipis; i++) {
		const struct pn_sc_ipi *l = &m->sc->ipi[i];

		m->ipi[i] = (struct pn_ipi_conf){
			.pingpong = l->kind == PN_IPI_PINGPONG,
			.reply_memory = l->reply_memory,
			.senders = l->senders,
			.think = l->think,
			.handler = l->handler,
			.vector = l->vector,
			.share = {[PN_SEND_LOGICAL] = l->logical,
				  [PN_SEND_BROADCAST] = l->broadcast,
				  [PN_SEND_SELF] = l->self,
				  [PN_SEND_NMI] = l->nmi,
				  [PN_SEND_INIT] = l->init},
		};
	}
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
			.stall_spread = l->stall_spread,
		};
	}
}

static uint8_t guest_vector(const struct pn_vcpu *v, uint8_t wanted)
{
	if (wanted && !v->by_vector[wanted])
		return wanted;
	for (unsigned i = PN_GUEST_VECTOR_FIRST; i <= PN_GUEST_VECTOR_LAST; i++)
		if (!v->by_vector[i] && !(v->ipi && v->ipi->vector == i))
			return (uint8_t)i;
	return 0;
}

bool pn_machine_host_vector(struct pn_machine *m, struct pn_lab_queue *q, uint32_t cpu)
{
	struct pn_lab_core *core = &m->core[cpu];

	if (core->next_vector > PN_VEC_DEVICE_LAST)
		return false;
	q->host_cpu = cpu;
	q->host_vector = core->next_vector++;
	core->by_vector[q->host_vector] = (uint32_t)(q - m->queue) + 1;
	return true;
}

/* For guests it does not matter where the host takes it, as long as there is a vector. */
static bool find_host_vector(struct pn_machine *m, struct pn_lab_queue *q, uint32_t number)
{
	uint32_t n = m->sc->machine.pcpus;

	for (uint32_t k = 0; k < n; k++) {
		if (pn_machine_host_vector(m, q, m->sc->machine.irq_spread ? (number + k) % n : k))
			return true;
	}
	return false;
}

static int no_vector(const struct pn_machine *m, const struct pn_sc_device *dev, uint32_t index,
		     struct pn_diag *d)
{
	return pn_diag_set(d, -EINVAL, m->sc->path, 0,
			   "no host vector left for queue %u of [device %s] (%d per pCPU)", index,
			   dev->name, PN_VEC_DEVICE_LAST - PN_VEC_DEVICE_FIRST + 1);
}

/* A queue of a device, for @v or on bare metal for the CPU that the scenario says. */
struct place {
	const struct pn_sc_device *dev;
	uint32_t iommu, index;
	uint16_t devid;
	struct pn_vcpu *v;
	struct pn_station *station;
};

/* NULL: the device takes up any number of requests at once. */
static struct pn_station *make_station(struct pn_machine *m, const struct pn_sc_load *l,
				       uint16_t devid)
{
	struct pn_station *st = &m->station[devid - PN_LAB_FIRST_DEVID];

	if (!(l->capacity > 0))
		return NULL;
	pn_station_init(st, m->sim, l->capacity, l->burst);
	return st;
}

static int make_queue(struct pn_machine *m, uint32_t number, const struct place *at, uint64_t seed,
		      struct pn_diag *d)
{
	struct pn_lab_queue *q = &m->queue[number];
	uint32_t cpu = (at->dev->first_pcpu + at->index) % m->sc->machine.pcpus;
	uint8_t vector = 0;
	int err;

	if (at->v) {
		vector = guest_vector(at->v, at->dev->vector);
		if (!vector)
			return pn_diag_set(d, -EINVAL, m->sc->path, 0,
					   "vCPU %u has no vector left for [device %s]", at->v->id,
					   at->dev->name);
	}
	if (at->v ? !find_host_vector(m, q, number) : !pn_machine_host_vector(m, q, cpu))
		return no_vector(m, at->dev, at->index, d);
	q->m = m;
	q->sim = &m->sim->queue[number];
	q->sim->hw = q;
	q->unit = &m->iommu[at->iommu];
	err = pn_queue_init(m->sim, number, &m->source[load_of(m->sc, at->dev)], at->v,
			    at->v ? NULL : &m->sim->app[cpu], vector, seed);
	q->sim->station = at->station;
	return err ? err : m->plat->queue(q, at->devid, at->index, vector);
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
	struct place at = {
		.dev = dev,
		.iommu = pn_scenario_iommu(sc, dev, copy),
		.station = make_station(m, &sc->load[load_of(sc, dev)], devid),
		.devid = devid,
	};
	uint32_t base = sc->work == PN_WORK_BARE ? 0 : first_vcpu(sc, vm, copy % vm->count);
	int err = m->plat->function ? m->plat->function(m, at.iommu, devid, queues) : 0;

	for (; at.index < queues && !err; at.index++) {
		if (sc->work != PN_WORK_BARE)
			at.v = &m->sim->vcpu[base + (dev->first_vcpu + at.index) % vm->vcpus];
		err = make_queue(m, (*number)++, &at, seed, d);
	}
	return err;
}

static int make_devices(struct pn_machine *m, uint64_t seed, struct pn_diag *d)
{
	uint16_t devid = PN_LAB_FIRST_DEVID;
	uint32_t number = 0;
	int err = 0;

	for (unsigned i = 0; i < m->sc->devices && !err; i++)
		for (uint32_t k = 0; k < m->sc->device[i].count && !err; k++)
			err = make_device(m, &m->sc->device[i], k, devid++, &number, seed, d);
	return err;
}

static int allocate(struct pn_machine *m, uint32_t devices)
{
	const struct pn_sc_machine *sm = &m->sc->machine;

	m->iommu = calloc(sm->iommus, sizeof(*m->iommu));
	m->cpu = calloc(sm->pcpus, sizeof(*m->cpu));
	m->core = calloc(sm->pcpus, sizeof(*m->core));
	m->vcpu = calloc(m->vcpus + 1, sizeof(*m->vcpu));
	m->queue = calloc(m->queues + 1, sizeof(*m->queue));
	m->station = calloc(devices + 1, sizeof(*m->station));
	m->latency = malloc(sizeof(*m->latency));
	m->wake = malloc(sizeof(*m->wake));
	if (!m->iommu || !m->cpu || !m->core || !m->vcpu || !m->queue || !m->station ||
	    !m->latency || !m->wake)
		return -ENOMEM;
	pn_hist_init(m->latency);
	pn_hist_init(m->wake);
	if (m->sc->work != PN_WORK_MIXED)
		return 0;
	m->part = malloc(PN_PARTS * sizeof(*m->part));
	if (!m->part)
		return -ENOMEM;
	for (unsigned i = 0; i < PN_PARTS; i++)
		pn_part_init(&m->part[i]);
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
	m->plat = mode->info->platform;
	count(m, &devices);
	conf = sim_conf(m, seed);
	m->os = pn_machine_os(m);
	err = allocate(m, devices);
	if (!err)
		err = make_ram(m, devices);
	if (!err)
		err = pn_sim_create(&conf, m->plat->ops, m, &m->sim);
	if (err)
		return err;
	make_cores(m);
	make_iommus(m);
	make_sources(m);
	make_ipis(m);
	pn_rng_seed(&m->churn_rng, seed, 0x30000);
	err = m->plat->create(m, devices, d);
	if (!err)
		err = make_vms(m);
	if (!err)
		err = pn_provoke_init(m);
	if (!err)
		err = make_devices(m, seed, d);
	if (err && d && !d->text[0])
		pn_diag_set(d, err, sc->path, 0, "the machine cannot be built: %s", strerror(-err));
	return err;
}

void pn_machine_destroy(struct pn_machine *m)
{
	if (!m)
		return;
	if (m->iommu)
		m->plat->destroy(m);
	pn_sim_destroy(m->sim);
	for (uint32_t i = 0; m->queue && i < m->queues; i++)
		free(m->queue[i].flight);
	for (uint32_t i = 0; m->iommu && i < m->sc->machine.iommus; i++)
		free(m->iommu[i].waiting);
	free(m->iommu);
	free(m->cpu);
	free(m->core);
	free(m->provoker);
	free(m->vcpu);
	free(m->queue);
	free(m->station);
	free(m->latency);
	free(m->wake);
	free(m->part);
	free(m->ram);
	free(m);
}
