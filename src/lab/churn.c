/* SPDX-License-Identifier: MIT */
#include "machine.h"
#include "vectors.h"

/*
 * Disturbances that must lose nothing (P6): CPUs go offline, AVIC is inhibited, interrupts move to
 * another vCPU or are taken away for a while. Each comes at exponential intervals; the undoing
 * after a fixed while.
 */

enum churn_kind { OFFLINE, ONLINE, INHIBIT, ALLOW, RETARGET, DETACH, ATTACH };

#define OFFLINE_NS 2000000u
#define INHIBIT_NS 300000u
#define DETACH_NS  200000u

static uint64_t period_of(const struct pn_machine *m, uint32_t what)
{
	const struct pn_sc_machine *sm = &m->sc->machine;

	switch (what) {
	case OFFLINE:
		return sm->churn_offline;
	case INHIBIT:
		return sm->churn_inhibit;
	case RETARGET:
		return sm->churn_retarget;
	case DETACH:
		return sm->churn_detach;
	default:
		return 0;
	}
}

static void later(struct pn_machine *m, uint32_t what, uint32_t arg, uint64_t ns)
{
	struct pn_churn_event *e = &m->churn[what];

	e->what = what;
	e->arg = arg;
	if (!pn_event_pending(&e->ev))
		pn_wheel_add(&m->sim->wheel, &e->ev, pn_sim_now(m->sim) + ns);
}

static void again(struct pn_machine *m, uint32_t what)
{
	struct pn_dist d = {PN_DIST_EXP, (double)period_of(m, what), 0};

	if (period_of(m, what) && !m->sim->draining)
		later(m, what, 0, pn_dist_sample(&d, &m->churn_rng));
}

/* Some CPU that is online and not @but; NULL if there is none. */
static struct pn_svm_cpu *some_cpu(struct pn_machine *m, uint32_t but)
{
	uint32_t n = m->sc->machine.pcpus, first = (uint32_t)pn_rng_below(&m->churn_rng, n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t cpu = (first + i) % n;

		if (cpu != but && m->sim->pcpu[cpu].online)
			return &m->cpu[cpu];
	}
	return NULL;
}

/* What runs here is paid for by nobody: it stands for code that runs elsewhere on the host. */
static void unpay(struct pn_svm_cpu *c, uint64_t elapsed)
{
	c->agent->elapsed_ns = elapsed;
}

/* Host interrupts of devices leave a CPU before it goes. */
static bool move_device_irqs(struct pn_machine *m, uint32_t dead, struct pn_svm_cpu *self)
{
	for (uint32_t i = 0; i < m->queues; i++) {
		struct pn_lab_queue *q = &m->queue[i];
		struct pn_svm_cpu *to;
		struct pn_lab_core *core;

		if (q->host_cpu != dead)
			continue;
		to = some_cpu(m, dead);
		if (!to)
			return false;
		core = &m->core[to->id];
		if (core->next_vector > PN_VEC_DEVICE_LAST)
			core->next_vector = PN_VEC_DEVICE_FIRST;
		while (core->by_vector[core->next_vector] && core->next_vector < PN_VEC_DEVICE_LAST)
			core->next_vector++;
		if (core->by_vector[core->next_vector])
			return false;
		/* The old vector keeps its handler for what is on its way. */
		q->host_cpu = to->id;
		q->host_vector = core->next_vector++;
		core->by_vector[q->host_vector] = i + 1;
		pn_ir_affinity(&q->ir, self->agent, to->apicid, q->host_vector);
	}
	return true;
}

static void offline(struct pn_machine *m)
{
	struct pn_svm_cpu *victim = some_cpu(m, UINT32_MAX), *self;
	uint64_t elapsed;

	if (!victim || pn_event_pending(&m->churn[ONLINE].ev))
		return;
	self = some_cpu(m, victim->id);
	if (!self)
		return;
	elapsed = self->agent->elapsed_ns;
	if (move_device_irqs(m, victim->id, self)) {
		if (m->ga_cpu == victim->id) {
			m->ga_cpu = self->id;
			pn_iommus_ga_affinity(&m->iommus, self->agent, self->apicid);
			for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
				m->iommu[i].thread.task.pin = (int32_t)self->id;
		}
		pn_pcpu_offline(&m->sim->pcpu[victim->id]);
	}
	unpay(self, elapsed);
}

void pn_churn_offlined(struct pn_machine *m, struct pn_pcpu *p)
{
	struct pn_lab_core *core = &m->core[p->id];
	struct pn_svm_cpu *self = some_cpu(m, p->id);
	uint64_t elapsed = self->agent->elapsed_ns;

	/* What its local APIC still held is raised again where the interrupt lives now. */
	for (unsigned v = PN_VEC_DEVICE_FIRST; v <= PN_VEC_DEVICE_LAST; v++)
		if (p->lapic.irr[v / 64] >> (v % 64) & 1 && core->by_vector[v])
			pn_account_inject(&m->queue[core->by_vector[v] - 1], self);
	if (p->lapic.irr[PN_VEC_GA_LOG / 64] >> (PN_VEC_GA_LOG % 64) & 1)
		pn_sim_raise(m->sim, m->ga_cpu, PN_VEC_GA_LOG, 0);
	p->lapic = (struct pn_lapic){0};
	pn_svm_cpu_offline(&m->svm, &m->cpu[p->id], self);
	unpay(self, elapsed);
	later(m, ONLINE, p->id, OFFLINE_NS);
}

static void online(struct pn_machine *m, uint32_t cpu)
{
	pn_pcpu_online(&m->sim->pcpu[cpu]);
	pn_svm_cpu_online(&m->svm, &m->cpu[cpu]);
}

static void inhibit(struct pn_machine *m, uint32_t vm, bool set)
{
	struct pn_svm_cpu *self = some_cpu(m, UINT32_MAX);
	uint64_t elapsed = self->agent->elapsed_ns;

	pn_svm_inhibit(&m->vm[vm], self, PN_INHIBIT_IRQWIN, set);
	unpay(self, elapsed);
	if (set)
		later(m, ALLOW, vm, INHIBIT_NS);
}

static void retarget(struct pn_machine *m)
{
	struct pn_lab_queue *q = &m->queue[pn_rng_below(&m->churn_rng, m->queues)];
	struct pn_svm_vcpu *old = pn_lab_of(q->sim->vcpu)->svm;
	uint32_t base = (uint32_t)(old->vm->vcpu - m->svcpu);
	struct pn_lab_vcpu *to = &m->vcpu[base + pn_rng_below(&m->churn_rng, old->vm->nr_vcpus)];
	uint8_t vector = q->sim->vector;
	struct pn_svm_cpu *self = some_cpu(m, UINT32_MAX);
	uint64_t elapsed = self->agent->elapsed_ns;
	const struct pn_queue *there = to->sim->by_vector[vector];

	/* A guest moves an interrupt only to a vector that is free there; its own old one is. */
	if (q->detached || to->svm == old || (there && there != q->sim) || to->sent[vector])
		return;
	if (pn_svm_pi_update(&m->svm, &q->ir, to->svm, vector, self))
		m->error = 4;
	pn_queue_retarget(q->sim, to->sim, vector);
	unpay(self, elapsed);
}

static void detach(struct pn_machine *m, uint32_t number, bool away)
{
	struct pn_lab_queue *q = &m->queue[number];
	struct pn_svm_vcpu *v = pn_lab_of(q->sim->vcpu)->svm;
	struct pn_svm_cpu *self = some_cpu(m, UINT32_MAX);
	uint64_t elapsed = self->agent->elapsed_ns;

	q->detached = away;
	if (pn_svm_pi_update(&m->svm, &q->ir, away ? NULL : v, q->sim->vector, self))
		m->error = 5;
	unpay(self, elapsed);
	if (away)
		later(m, ATTACH, number, DETACH_NS);
}

static void churn_event(struct pn_event *ev)
{
	struct pn_churn_event *e = pn_container(ev, struct pn_churn_event, ev);
	struct pn_machine *m = e->m;

	switch (e->what) {
	case OFFLINE:
		offline(m);
		break;
	case ONLINE:
		online(m, e->arg);
		break;
	case INHIBIT:
		if (!pn_event_pending(&m->churn[ALLOW].ev))
			inhibit(m, (uint32_t)pn_rng_below(&m->churn_rng, m->vms), true);
		break;
	case ALLOW:
		inhibit(m, e->arg, false);
		break;
	case RETARGET:
		retarget(m);
		break;
	case DETACH:
		if (!pn_event_pending(&m->churn[ATTACH].ev))
			detach(m, (uint32_t)pn_rng_below(&m->churn_rng, m->queues), true);
		break;
	case ATTACH:
		detach(m, e->arg, false);
		break;
	}
	again(m, e->what);
}

void pn_churn_start(struct pn_machine *m)
{
	for (uint32_t i = 0; i < PN_CHURN_EVENTS; i++) {
		pn_event_init(&m->churn[i].ev, churn_event);
		m->churn[i].m = m;
	}
	again(m, OFFLINE);
	again(m, INHIBIT);
	again(m, RETARGET);
	again(m, DETACH);
}
