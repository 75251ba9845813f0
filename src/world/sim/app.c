/* SPDX-License-Identifier: MIT */
/*
 * A program on bare metal: it sleeps on its CPU until the handler of a device has completions for
 * it, and processes them one by one. Interrupts and other tasks can interrupt it at any point.
 */
#include "sim.h"

void pn_app_run(struct pn_task *t, struct pn_pcpu *p)
{
	struct pn_worker *w = &pn_container(t, struct pn_app, task)->work;

	if (!pn_worker_next(w)) {
		t->state = PN_TASK_SLEEPING;
		return;
	}
	if (!w->work_ns) {
		pn_worker_done(w);
		return;
	}
	p->poll_since = pn_sim_now(p->sim);
	pn_pcpu_span(p, PN_CPU_POLL, w->work_ns);
}

static void poll_end(struct pn_task *t, struct pn_pcpu *p)
{
	pn_app_of(t)->work.work_ns -= pn_sim_now(p->sim) - p->poll_since;
}

void pn_app_init(struct pn_sim *s, uint32_t cpu)
{
	struct pn_app *a = &s->app[cpu];

	pn_task_init(&a->task, s, (int32_t)cpu, false);
	a->task.run = pn_app_run;
	a->task.poll_end = poll_end;
	a->sim = s;
	a->cpu = cpu;
	pn_worker_init(&a->work);
	pn_rng_seed(&a->rng, s->conf.seed, 0x30000 + cpu);
	pn_stall_init(&a->stall, s, &a->rng);
}
