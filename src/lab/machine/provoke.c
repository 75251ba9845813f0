/* SPDX-License-Identifier: MIT */
/*
 * Inhibits that a scenario provokes: [vm] inhibit, from the start and for good, or at exponential
 * intervals for a fixed time, each time by another vCPU. The cause is really made: IDs are written
 * into the APIC, and the hypervisor decides what follows.
 */
#include <errno.h>
#include <stdlib.h>

#include "inhibit.h"
#include "machine.h"

struct pn_provoker {
	struct pn_event ev;
	struct pn_machine *m;
	const struct pn_sc_vm *vm;
	struct pn_lab_vcpu *first, *v; /* of its VM; whose turn it is */
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

	if (pn_sc_vm_cause(p->vm) != PN_INHIBIT_LOGICAL_ID_ALIASED)
		return p->first + pn_rng_below(&p->m->churn_rng, n);
	return p->first + 1 + pn_rng_below(&p->m->churn_rng, n - 1);
}

static void toggle(struct pn_provoker *p)
{
	p->on = !p->on;
	if (p->on)
		p->v = draw(p);
	pn_churn_inhibit(p->v, pn_sc_vm_cause(p->vm), p->on);
}

static void event(struct pn_event *ev)
{
	struct pn_provoker *p = pn_container(ev, struct pn_provoker, ev);

	toggle(p);
	if (p->on)
		later(p, p->vm->inhibit_time);
	else
		pause(p);
}

int pn_provoke_init(struct pn_machine *m)
{
	struct pn_lab_vcpu *first = m->vcpu;
	struct pn_provoker *p;

	m->provoker = calloc(m->vms + 1, sizeof(*m->provoker));
	if (!m->provoker)
		return -ENOMEM;
	p = m->provoker;
	for (unsigned i = 0; i < m->sc->vms; i++) {
		for (uint32_t k = 0; k < m->sc->vm[i].count; k++, p++) {
			*p = (struct pn_provoker){.m = m, .vm = &m->sc->vm[i], .first = first};
			pn_event_init(&p->ev, event);
			first += m->sc->vm[i].vcpus;
		}
	}
	return 0;
}

void pn_provoke_start(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->vms; i++) {
		struct pn_provoker *p = &m->provoker[i];

		if (pn_sc_vm_cause(p->vm) == PN_INHIBIT_NR)
			continue;
		if (p->vm->inhibit_period)
			pause(p);
		else
			toggle(p);
	}
}
