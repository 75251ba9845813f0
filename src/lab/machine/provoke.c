/* SPDX-License-Identifier: MIT */
/*
 * Inhibits that a scenario provokes: [vm] inhibit, from the start and for good, or at exponential
 * intervals for a fixed time, each time by another vCPU; [inhibit], from one moment to another. The
 * cause is really made: IDs are written into the APIC, and the hypervisor decides what follows.
 */
#include <errno.h>
#include <stdlib.h>

#include "inhibit.h"
#include "machine.h"

struct pn_provoker {
	struct pn_event ev;
	struct pn_machine *m;
	enum pn_inhibit why;
	const struct pn_sc_vm *vm;
	const struct pn_sc_inhibit *window; /* NULL: as the VM says */
	struct pn_lab_vcpu *first, *v;	    /* of its VM; whose turn it is */
	bool on;
};

static void later(struct pn_provoker *p, uint64_t ns)
{
	pn_wheel_add(&p->m->sim->wheel, &p->ev, pn_sim_now(p->m->sim) + ns);
}

static void pause(struct pn_provoker *p)
{
	struct pn_dist d = {PN_DIST_EXP, (double)(p->vm->inhibit_period - p->vm->inhibit_time), 0};

	if (!p->m->sim->draining)
		later(p, pn_dist_sample(&d, &p->m->churn_rng));
}

/* An ID is aliased with that of vCPU 0, so it is another vCPU's. */
static struct pn_lab_vcpu *draw(struct pn_provoker *p)
{
	uint32_t n = p->vm->vcpus;

	if (p->why != PN_INHIBIT_LOGICAL_ID_ALIASED && p->why != PN_INHIBIT_PHYSICAL_ID_ALIASED)
		return p->first + pn_rng_below(&p->m->churn_rng, n);
	return p->first + 1 + pn_rng_below(&p->m->churn_rng, n - 1);
}

static void toggle(struct pn_provoker *p)
{
	p->on = !p->on;
	if (p->on)
		p->v = draw(p);
	pn_churn_inhibit(p->v, p->why, p->on);
}

static void event(struct pn_event *ev)
{
	struct pn_provoker *p = pn_container(ev, struct pn_provoker, ev);

	toggle(p);
	if (p->window && p->on && p->window->end)
		later(p, p->window->end - p->window->start);
	if (p->window)
		return;
	if (p->on)
		later(p, p->vm->inhibit_time);
	else
		pause(p);
}

static uint32_t count(const struct pn_machine *m)
{
	uint32_t n = m->vms;

	for (unsigned i = 0; i < m->sc->inhibits; i++)
		n += pn_sc_inhibit_vm(m->sc, &m->sc->inhibit[i])->count;
	return n;
}

/* One for each copy of @vm, whose first vCPU is @first. */
static struct pn_provoker *add(struct pn_machine *m, struct pn_provoker *p,
			       const struct pn_sc_vm *vm, struct pn_lab_vcpu *first,
			       const struct pn_sc_inhibit *window)
{
	enum pn_inhibit why = window ? (enum pn_inhibit)(window->reason - 1) : pn_sc_vm_cause(vm);

	for (uint32_t k = 0; k < vm->count; k++, p++) {
		*p = (struct pn_provoker){
			.m = m, .why = why, .vm = vm, .window = window, .first = first};
		pn_event_init(&p->ev, event);
		first += vm->vcpus;
	}
	return p;
}

int pn_provoke_init(struct pn_machine *m)
{
	struct pn_lab_vcpu *first[PN_MAX_SECTION];
	struct pn_lab_vcpu *next = m->vcpu;
	struct pn_provoker *p;

	m->provokers = count(m);
	m->provoker = calloc(m->provokers + 1, sizeof(*m->provoker));
	if (!m->provoker)
		return -ENOMEM;
	p = m->provoker;
	for (unsigned i = 0; i < m->sc->vms; i++) {
		first[i] = next;
		next += (size_t)m->sc->vm[i].count * m->sc->vm[i].vcpus;
		p = add(m, p, &m->sc->vm[i], first[i], NULL);
	}
	for (unsigned i = 0; i < m->sc->inhibits; i++) {
		const struct pn_sc_vm *vm = pn_sc_inhibit_vm(m->sc, &m->sc->inhibit[i]);

		p = add(m, p, vm, first[vm - m->sc->vm], &m->sc->inhibit[i]);
	}
	return 0;
}

static void start_window(struct pn_provoker *p)
{
	uint64_t warmup = p->m->sc->machine.warmup;

	if (p->window->start) {
		later(p, warmup + p->window->start);
		return;
	}
	toggle(p);
	if (p->window->end)
		later(p, warmup + p->window->end);
}

void pn_provoke_start(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->provokers; i++) {
		struct pn_provoker *p = &m->provoker[i];

		if (p->window)
			start_window(p);
		else if (p->why != PN_INHIBIT_NR && p->vm->inhibit_period)
			pause(p);
		else if (p->why != PN_INHIBIT_NR)
			toggle(p);
	}
}
