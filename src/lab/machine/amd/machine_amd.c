/* SPDX-License-Identifier: MIT */
/* The AMD machine: IOMMUs and cores of hw/amd, the driver and hypervisor of host/amd. */
#include "machine_amd.h"

#include <errno.h>
#include <stdlib.h>

#include "inhibit.h"
#include "vectors.h"

static void ring(struct pn_machine *m, uint32_t apicid, uint64_t after)
{
	if (apicid < m->sc->machine.pcpus)
		pn_sim_doorbell(m->sim, apicid, after + m->sc->costs.ns[PN_STEP_DOORBELL_WIRE]);
}

static void iommu_doorbell(void *ctx, uint32_t apicid)
{
	struct pn_lab_iommu *io = ctx;

	ring(io->m, apicid, pn_unit_route(io, apicid, 0));
}

static void core_doorbell(void *ctx, uint32_t apicid)
{
	struct pn_lab_core *core = ctx;

	ring(core->m, apicid, core->sim->agent.elapsed_ns);
}

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct pn_lab_iommu *io = ctx;
	uint64_t value = 0;

	pn_amdvi_read(pn_amdvi_of(io), off, size, &value);
	return value;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct pn_lab_iommu *io = ctx;

	pn_amdvi_write(pn_amdvi_of(io), off, size, value);
}

static bool galog_thread(struct pn_thread *th, struct pn_pcpu *p)
{
	return pn_galog_step(th->arg, &p->agent);
}

static int make_iommu(struct pn_machine *m, uint32_t i)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_lab_iommu *io = &m->iommu[i];
	struct pn_amdvi_config hw;
	struct pn_amdvi *vi;
	int err;

	io->bus.doorbell = iommu_doorbell;
	pn_amdvi_config_default(&hw);
	hw.bus = &io->bus;
	hw.agent = &io->agent;
	hw.peer = i ? pn_amdvi_of(&m->iommu[0]) : NULL;
	hw.knobs = sm->knobs;
	hw.irte_cache = sm->irte_cache;
	if (!sm->gappi)
		hw.efr &= ~PN_EFR_GAPPISUP;
	if (!sm->gappidis)
		hw.efr2 &= ~PN_EFR2_GAPPIDISSUP;
	hw.no_irtcachedis = !sm->irtcachedis;
	err = pn_amdvi_create(&hw, &vi);
	if (err)
		return err;
	io->hw = vi;
	m->amd->drv[i].mmio = (struct pn_mmio){io, mmio_read, mmio_write};
	pn_thread_init(&io->thread, m->sim, (int32_t)sm->galog_cpu, sm->galog_fifo, galog_thread,
		       &m->amd->drv[i]);
	return 0;
}

static int make_iommus(struct pn_machine *m, uint32_t devices)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_iommus_config cfg = {
		.notify = pn_mode_has(&m->mode, PN_TRAIT_GAPPI)	  ? PN_NOTIFY_GAPPI
			  : pn_mode_has(&m->mode, PN_TRAIT_GALOG) ? PN_NOTIFY_GALOG
								  : PN_NOTIFY_NONE,
		.galog_entries = sm->galog_entries,
		.devids = PN_LAB_FIRST_DEVID + devices,
		.ga_apicid = sm->galog_cpu,
		.irt2k = sm->inttablen > 9,
		.irtcachedis = true,
	};
	int err = 0;

	m->amd->ga_cpu = sm->galog_cpu;
	for (uint32_t i = 0; i < sm->iommus && !err; i++)
		err = make_iommu(m, i);
	return err ? err
		   : pn_iommus_init(&m->amd->iommus, m->amd->drv, sm->iommus, &cfg, &m->os, &m->bus,
				    &m->pages, &m->sim->pcpu[0].agent);
}

static void make_cores(struct pn_machine *m)
{
	struct pn_avic_features feat;

	pn_avic_features_default(&feat);
	feat.erratum1235 = m->sc->machine.erratum1235;
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++) {
		struct pn_lab_core *core = &m->core[i];

		core->bus.doorbell = core_doorbell;
		core->hw = &m->amd->avic[i];
		pn_avic_init(core->hw, &core->bus, &core->sim->agent, &feat, i);
	}
}

static int create(struct pn_machine *m, uint32_t devices, struct pn_diag *d)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_amd *a = calloc(1, sizeof(*a));
	struct pn_svm_config cfg = {
		.os = &m->os,
		.cpu = m->cpu,
		.nr_cpus = sm->pcpus,
		.masked = m->mode.masked_none ? PN_MASKED_NONE : PN_MASKED_PARK,
		.recover = m->mode.recover_wake ? PN_RECOVER_WAKE : PN_RECOVER_NONE,
		.gate_always = m->mode.gate_always,
		.erratum1235 = sm->erratum1235,
	};
	int err;

	if (!a)
		return -ENOMEM;
	m->amd = a;
	cfg.iommus = &a->iommus;
	a->drv = calloc(sm->iommus, sizeof(*a->drv));
	a->vm = calloc(m->vms, sizeof(*a->vm));
	a->svcpu = calloc(m->vcpus, sizeof(*a->svcpu));
	a->ir = calloc(m->queues + 1, sizeof(*a->ir));
	a->avic = calloc(sm->pcpus, sizeof(*a->avic));
	a->ipi_exit = calloc(m->vcpus, sizeof(*a->ipi_exit));
	if (!a->drv || !a->vm || !a->svcpu || !a->ir || !a->avic || !a->ipi_exit)
		return -ENOMEM;
	make_cores(m);
	err = make_iommus(m, devices);
	if (err)
		return err;
	if (pn_mode_has(&m->mode, PN_TRAIT_GAPPI) && a->iommus.notify != PN_NOTIFY_GAPPI)
		return pn_diag_set(
			d, -EINVAL, m->sc->path, 0,
			"mode gappi needs gappi = yes: this machine's IOMMUs lack GAPPISup");
	pn_svm_init(&a->svm, &cfg);
	m->hyp = &a->svm.hyp;
	return 0;
}

static void destroy(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		if (m->iommu[i].hw)
			pn_amdvi_destroy(m->iommu[i].hw);
	if (!m->amd)
		return;
	free(m->amd->drv);
	free(m->amd->vm);
	free(m->amd->svcpu);
	free(m->amd->ir);
	free(m->amd->avic);
	free(m->amd->ipi_exit);
	free(m->amd);
}

static uint64_t ram(const struct pn_machine *m, uint32_t devices)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	uint64_t irt = 16ull << sm->inttablen;
	uint64_t per_iommu = 1 << 20 | (PN_LAB_FIRST_DEVID + devices) * 32ull;

	return sm->iommus * per_iommu + devices * irt + m->vms * (40ull << 10);
}

static int make_vm(struct pn_machine *m, const struct pn_sc_vm *vm, uint32_t number, uint32_t first)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	uint32_t inhibits = m->mode.info->inhibits ? 0 : 1u << PN_INHIBIT_DISABLED;
	bool x2 = pn_guests_x2apic(m->sc, m->mode.info);

	for (uint32_t i = first; i < first + vm->vcpus; i++) {
		m->vcpu[i].h = &m->amd->svcpu[i].h;
		m->vcpu[i].h->task = &m->sim->vcpu[i].task;
	}
	return pn_svm_vm_init(&m->amd->svm, &m->amd->vm[number], &m->amd->svcpu[first], vm->vcpus,
			      x2, sm->x2avic_ext, inhibits, &m->pages);
}

static int make_function(struct pn_machine *m, uint32_t iommu, uint16_t devid, uint32_t queues)
{
	(void)queues;
	return pn_amdvi_irt_create(&m->amd->drv[iommu], m->cpu[0].agent, devid,
				   m->sc->machine.inttablen);
}

static int make_queue(struct pn_lab_queue *q, uint16_t devid, uint32_t index, uint8_t vector)
{
	struct pn_machine *m = q->m;
	struct pn_amdvi_ir *ir = &m->amd->ir[q - m->queue];
	int err;

	q->msi = (struct pn_msi){.addr = PN_MSI_ADDR_BASE, .data = index, .devid = devid};
	q->entry = &ir->host;
	err = pn_amdvi_ir_init(ir, &m->amd->drv[q->unit->agent.id], m->cpu[0].agent, devid,
			       (uint16_t)index, q->host_cpu, q->host_vector);
	return err ? err
		   : pn_svm_pi_update(m->hyp, q->entry, pn_lab_of(q->sim->vcpu)->h, vector,
				      &m->cpu[0]);
}

/* ---- while it runs ---- */

static uint64_t notifications(const struct pn_agent *a)
{
	return a->step[PN_STEP_GALOG_ENTRY].count + a->step[PN_STEP_GAPPI_SEND].count;
}

/*
 * It was posted by @io. A dropped entry counts as a notification if the host wakes all sleepers
 * after an overflow.
 */
static void posted(struct pn_lab_vcpu *v, const struct pn_lab_iommu *io, uint64_t told,
		   uint64_t dropped)
{
	if (io->agent.step[PN_STEP_GALOG_DROP].count == dropped)
		pn_account_posted(v, notifications(&io->agent) != told);
	else if (v->m->mode.recover_wake)
		pn_account_posted(v, true);
	else
		pn_account_dropped(v);
}

static void not_posted(struct pn_lab_iommu *io, struct pn_lab_queue *q, uint64_t sent,
		       enum pn_msi_result r)
{
	if (r == PN_MSI_REMAPPED) {
		pn_lab_of(q->sim->vcpu)->notified = true;
		pn_account_flight(q, sent);
	} else {
		io->m->error = "the IOMMU neither posted nor remapped an MSI";
	}
}

static enum pn_msi_result __attribute__((noinline))
request_asleep(struct pn_lab_iommu *io, struct pn_lab_queue *q, uint64_t sent)
{
	struct pn_lab_vcpu *v = pn_lab_of(q->sim->vcpu);
	uint64_t told = notifications(&io->agent);
	uint64_t dropped = io->agent.step[PN_STEP_GALOG_DROP].count;
	enum pn_msi_result r = pn_amdvi_msi(pn_amdvi_of(io), &q->msi);

	if (r == PN_MSI_POSTED) {
		pn_account_irr(v, q->sim->vector, sent);
		posted(v, io, told, dropped);
	} else {
		not_posted(io, q, sent, r);
	}
	return r;
}

/* Whether the host was notified matters only if the vCPU sleeps. */
static enum pn_msi_result request(struct pn_lab_iommu *io, struct pn_lab_queue *q, uint64_t sent)
{
	struct pn_vcpu *v = q->sim->vcpu;
	enum pn_msi_result r;

	if (v->task.state == PN_TASK_SLEEPING)
		return request_asleep(io, q, sent);
	r = pn_amdvi_msi(pn_amdvi_of(io), &q->msi);
	if (r == PN_MSI_POSTED)
		pn_account_irr(pn_lab_of(v), q->sim->vector, sent);
	else
		not_posted(io, q, sent, r);
	return r;
}

static bool deliverable(const struct pn_lab_vcpu *v)
{
	return pn_vapic_deliverable(v->h->page) >= 0;
}

static void affinity(struct pn_lab_queue *q, struct pn_host_cpu *self)
{
	pn_amdvi_ir_affinity(pn_amdvi_ir_of(q), self->agent, q->m->cpu[q->host_cpu].apicid,
			     q->host_vector);
}

/* Moves the log's interrupt, and wakes its threads, since one interrupt may be lost on the way. */
static void move_own(struct pn_machine *m, uint32_t from, struct pn_host_cpu *to)
{
	if (m->amd->ga_cpu != from)
		return;
	m->amd->ga_cpu = to->id;
	pn_iommus_ga_affinity(&m->amd->iommus, to->agent, to->apicid);
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
		struct pn_task *task = &m->iommu[i].thread.task;

		task->pin = (int32_t)to->id;
		pn_task_wake(task, NULL);
	}
}

/* The action of guest, hypervisor or debugger, as the hypervisor sees it. */
static void inhibit(struct pn_lab_vcpu *v, struct pn_host_cpu *self, enum pn_inhibit why, bool set)
{
	struct pn_svm_vcpu *svm = pn_svm_of(v->h);
	uint32_t idx = v->h->idx, n = svm->vm->h.nr_vcpus;

	switch (why) {
	case PN_INHIBIT_IRQWIN:
		pn_svm_irq_window(svm, self, set);
		break;
	case PN_INHIBIT_NESTED:
		pn_svm_nested(svm, self, set);
		break;
	case PN_INHIBIT_LOGICAL_ID_ALIASED: /* vCPU 0 has it too */
		pn_svm_apic_write(svm, self, PN_APIC_LDR,
				  pn_machine_logical_id(set ? 0 : idx, n) << 24);
		break;
	case PN_INHIBIT_APIC_ID_MODIFIED: /* the first that is free */
		pn_svm_apic_write(svm, self, PN_APIC_ID, (set ? n : idx) << 24);
		break;
	case PN_INHIBIT_PHYSICAL_ID_ALIASED: /* that of vCPU 0: modified, too */
		pn_svm_apic_write(svm, self, PN_APIC_ID, (set ? 0 : idx) << 24);
		break;
	default:
		pn_svm_inhibit(&svm->vm->h, self, why, set);
	}
}

static uint64_t parked(const struct pn_lab_vcpu *v)
{
	return pn_svm_of(v->h)->parked_bits;
}

/* The IOMMU's own counters, its steps and what the lab saw count the same events and must agree. */
static void check_iommus(struct pn_complaints *r, struct pn_machine *m, const struct pn_totals *t)
{
	uint64_t msis = 0, entries = 0, sent = 0, logged;

	for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
		struct pn_lab_iommu *io = &m->iommu[i];
		struct pn_amdvi_stats st;
		uint64_t head = 0, tail = 0;

		pn_amdvi_stats(pn_amdvi_of(io), &st);
		pn_amdvi_read(pn_amdvi_of(io), PN_AMDVI_GA_HEAD, 8, &head);
		pn_amdvi_read(pn_amdvi_of(io), PN_AMDVI_GA_TAIL, 8, &tail);
		logged = (tail - head) / PN_GALOG_SIZE % m->sc->machine.galog_entries;
		if (logged)
			pn_wrong(r, "IOMMU %u: %lu log entries nobody read", i,
				 (unsigned long)logged);
		if (st.msis != st.forwarded + st.remapped + st.posted + st.aborted)
			pn_wrong(r, "IOMMU %u: results do not add up to requests", i);
		if (st.posted != io->agent.step[PN_STEP_IRR_SET].count)
			pn_wrong(r, "IOMMU %u: posted %lu, IRR set %lu", i,
				 (unsigned long)st.posted,
				 (unsigned long)io->agent.step[PN_STEP_IRR_SET].count);
		if (st.aborted || st.forwarded || st.events)
			pn_wrong(r, "IOMMU %u: %lu requests aborted, %lu forwarded, %lu events", i,
				 (unsigned long)st.aborted, (unsigned long)st.forwarded,
				 (unsigned long)st.events);
		msis += st.msis + io->waits;
		entries += st.galog_entries;
		sent += st.gappi_sent;
	}
	if (msis != t->steps[PN_STEP_DEVICE_WRITE])
		pn_wrong(r, "devices sent %lu, IOMMUs saw %lu",
			 (unsigned long)t->steps[PN_STEP_DEVICE_WRITE], (unsigned long)msis);
	if (entries != t->steps[PN_STEP_GALOG_READ])
		pn_wrong(r, "%lu log entries written, %lu read", (unsigned long)entries,
			 (unsigned long)t->steps[PN_STEP_GALOG_READ]);
	if (sent < t->steps[PN_STEP_IRQ_WAKEUP])
		pn_wrong(r, "%lu GAPPIs sent, %lu taken", (unsigned long)sent,
			 (unsigned long)t->steps[PN_STEP_IRQ_WAKEUP]);
}

const struct pn_platform pn_platform_amd = {
	.create = create,
	.destroy = destroy,
	.ram = ram,
	.vm = make_vm,
	.function = make_function,
	.queue = make_queue,
	.request = request,
	.arrived = pn_account_irr,
	.deliverable = deliverable,
	.affinity = affinity,
	.move_own = move_own,
	.inhibit = inhibit,
	.churn = PN_INHIBIT_IRQWIN,
	.check_iommus = check_iommus,
	.parked = parked,
	.ops = &pn_amd_ops,
};
