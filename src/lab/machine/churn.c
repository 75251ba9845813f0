/* SPDX-License-Identifier: MIT */
/*
 * Disturbances that must lose nothing (P6): CPUs go offline, AVIC or APICv is inhibited, interrupts
 * move to another vCPU or are taken away for a while. Each comes at exponential intervals and is
 * undone after a fixed time.
 */
#include <string.h>

#include "machine.h"
#include "vectors.h"

enum churn_kind { OFFLINE, PARK, ONLINE, INHIBIT, ALLOW, RETARGET, DETACH, ATTACH };
_Static_assert(ATTACH < PN_CHURN_EVENTS, "one event of each kind");

#define OFFLINE_NS 2000000u
#define SETTLE_NS  100000u /* longer than any message is on its way */
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
static struct pn_host_cpu *some_cpu(struct pn_machine *m, uint32_t but)
{
	uint32_t n = m->sc->machine.pcpus, first = (uint32_t)pn_rng_below(&m->churn_rng, n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t cpu = (first + i) % n;

		if (cpu != but && m->sim->pcpu[cpu].online)
			return &m->cpu[cpu];
	}
	return NULL;
}

/*
 * A CPU other than @but to run host code on. Leaves the guest first: that code assumes that its own
 * CPU is not in a guest.
 */
static struct pn_host_cpu *borrow_cpu(struct pn_machine *m, uint32_t but)
{
	struct pn_host_cpu *c = some_cpu(m, but);
	struct pn_pcpu *p = c ? &m->sim->pcpu[c->id] : NULL;

	if (p && (p->mode == PN_CPU_GUEST || (p->cur && p->cur->hold)))
		pn_pcpu_intr(p, PN_SIM_VEC_RESCHED);
	return c;
}

/* Undoes the charge: this stands for code that runs elsewhere on the host. */
static void unpay(struct pn_host_cpu *c, uint64_t elapsed)
{
	c->agent->elapsed_ns = elapsed;
}

/* Host interrupts of devices leave a CPU before it goes. */
static bool move_device_irqs(struct pn_machine *m, uint32_t dead, struct pn_host_cpu *self)
{
	for (uint32_t i = 0; i < m->queues; i++) {
		struct pn_lab_queue *q = &m->queue[i];
		struct pn_host_cpu *to;

		if (q->host_cpu != dead)
			continue;
		to = some_cpu(m, dead);
		if (!to || !pn_machine_host_vector(m, q, to->id))
			return false;
		m->plat->affinity(q, self);
	}
	return true;
}

/* One CPU at a time is away, or on its way there. */
static bool all_online(const struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++)
		if (!m->sim->pcpu[i].online)
			return false;
	return !pn_event_pending(&m->churn[PARK].ev);
}

/*
 * First its interrupts move; the CPU itself goes when messages that were sent to it have arrived.
 */
static void offline(struct pn_machine *m)
{
	struct pn_host_cpu *victim, *self;
	uint64_t elapsed;

	if (!all_online(m))
		return;
	victim = some_cpu(m, UINT32_MAX);
	self = borrow_cpu(m, victim->id);
	if (!self)
		return;
	elapsed = self->agent->elapsed_ns;
	if (move_device_irqs(m, victim->id, self)) {
		if (m->plat->move_own)
			m->plat->move_own(m, victim->id, self);
		later(m, PARK, victim->id, SETTLE_NS);
	}
	unpay(self, elapsed);
}

void pn_churn_offlined(struct pn_machine *m, struct pn_pcpu *p)
{
	struct pn_host_cpu *self = borrow_cpu(m, p->id);
	uint64_t elapsed = self->agent->elapsed_ns;

	m->hyp->ops->cpu_offline(m->hyp, &m->cpu[p->id], self);
	unpay(self, elapsed);
	later(m, ONLINE, p->id, OFFLINE_NS);
}

static void online(struct pn_machine *m, uint32_t cpu)
{
	struct pn_lab_core *core = &m->core[cpu];

	/* Nothing that was sent to its old vectors is left. */
	memset(core->by_vector, 0, sizeof(core->by_vector));
	core->next_vector = PN_VEC_DEVICE_FIRST;
	pn_pcpu_online(&m->sim->pcpu[cpu]);
	m->hyp->ops->cpu_online(m->hyp, &m->cpu[cpu]);
}

/* The section of VM number @vm. */
static unsigned section_of(const struct pn_machine *m, uint32_t vm)
{
	unsigned i = 0;

	while (i + 1 < m->sc->vms && vm >= m->sc->vm[i].count)
		vm -= m->sc->vm[i++].count;
	return i;
}

void pn_churn_inhibit(struct pn_lab_vcpu *v, enum pn_inhibit why, bool set)
{
	struct pn_machine *m = v->m;
	struct pn_host_cpu *self = borrow_cpu(m, UINT32_MAX);
	uint64_t elapsed = self->agent->elapsed_ns;
	uint32_t before = m->hyp->ops->inhibits(v->h), new;

	m->plat->inhibit(v, self, why, set);
	new = m->hyp->ops->inhibits(v->h) & ~before;
	for (unsigned i = 0; i < PN_INHIBIT_NR; i++) {
		m->now.inhibits[i] += new >> i & 1;
		m->now.inhibits_of[section_of(m, v->vm)][i] += new >> i & 1;
	}
	unpay(self, elapsed);
}

/* vCPU 0 of VM @vm answers for it. */
static void inhibit(struct pn_machine *m, uint32_t vm, bool set)
{
	struct pn_lab_vcpu *v = m->vcpu;

	while (v->vm != vm)
		v++;
	pn_churn_inhibit(v, m->plat->churn, set);
	if (set)
		later(m, ALLOW, vm, INHIBIT_NS);
}

/*
 * True for a vector that the guest may give to an interrupt of @v: unused, and no interrupt of it
 * is left.
 */
static bool vector_free(const struct pn_lab_vcpu *v, unsigned vector)
{
	const struct pn_queue *q = v->sim->by_vector[vector];

	if (q && q->vcpu == v->sim && q->vector == vector)
		return false;
	if (v->sim->ipi && v->sim->ipi->vector == vector)
		return false;
	return !v->sent[vector] && v->inject != (int)vector && v->sim->handler != (int)vector;
}

static uint8_t pick_vector(const struct pn_lab_vcpu *v, uint8_t wanted)
{
	if (vector_free(v, wanted))
		return wanted;
	for (unsigned i = PN_GUEST_VECTOR_FIRST; i <= PN_GUEST_VECTOR_LAST; i++)
		if (vector_free(v, i))
			return (uint8_t)i;
	return 0;
}

static uint32_t vcpus_of(const struct pn_machine *m, const struct pn_lab_vcpu *v)
{
	uint32_t n = 0;

	while (v->first + n < m->vcpus && m->vcpu[v->first + n].vm == v->vm)
		n++;
	return n;
}

static void retarget(struct pn_machine *m)
{
	struct pn_lab_queue *q = &m->queue[pn_rng_below(&m->churn_rng, m->queues)];
	const struct pn_lab_vcpu *from = pn_lab_of(q->sim->vcpu);
	struct pn_lab_vcpu *to =
		&m->vcpu[from->first + pn_rng_below(&m->churn_rng, vcpus_of(m, from))];
	uint8_t vector = pick_vector(to, q->sim->vector);
	struct pn_host_cpu *self;
	uint64_t elapsed;

	if (q->detached || !vector)
		return;
	self = borrow_cpu(m, UINT32_MAX);
	elapsed = self->agent->elapsed_ns;
	if (m->hyp->ops->pi_update(m->hyp, q->entry, to->h, vector, self))
		m->error = "an interrupt could not be moved to another vCPU";
	pn_queue_retarget(q->sim, to->sim, vector);
	unpay(self, elapsed);
}

static void detach(struct pn_machine *m, uint32_t number, bool away)
{
	struct pn_lab_queue *q = &m->queue[number];
	struct pn_lab_vcpu *v = pn_lab_of(q->sim->vcpu);
	struct pn_host_cpu *self = borrow_cpu(m, UINT32_MAX);
	uint64_t elapsed = self->agent->elapsed_ns;

	q->detached = away;
	if (m->hyp->ops->pi_update(m->hyp, q->entry, away ? NULL : v->h, q->sim->vector, self))
		m->error = "an interrupt could not be taken from a vCPU, or given back";
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
	case PARK:
		pn_pcpu_offline(&m->sim->pcpu[e->arg]);
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
	pn_provoke_start(m);
	again(m, OFFLINE);
	again(m, INHIBIT);
	again(m, RETARGET);
	again(m, DETACH);
}
