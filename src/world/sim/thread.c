/* SPDX-License-Identifier: MIT */
/*
 * Host threads. A step of a thread is not interrupted; between steps the CPU takes interrupts and
 * reschedules.
 */
#include "sim.h"

static void thread_run(struct pn_task *t, struct pn_pcpu *p)
{
	struct pn_thread *th = pn_container(t, struct pn_thread, task);

	if (th->step) {
		/* Asleep first, so that a wakeup during the last step is not missed. */
		t->state = PN_TASK_SLEEPING;
		if (th->step(th, p))
			t->state = PN_TASK_RUNNABLE;
		return;
	}
	if (!th->work_ns) {
		t->state = PN_TASK_SLEEPING;
		return;
	}
	pn_pcpu_span(p, PN_CPU_POLL, th->work_ns);
	p->poll_since = pn_sim_now(p->sim);
}

static void thread_poll_end(struct pn_task *t, struct pn_pcpu *p)
{
	struct pn_thread *th = pn_container(t, struct pn_thread, task);
	uint64_t done = pn_sim_now(p->sim) - p->poll_since;

	if (th->work_ns != UINT64_MAX)
		th->work_ns -= done < th->work_ns ? done : th->work_ns;
}

void pn_thread_init(struct pn_thread *th, struct pn_sim *s, int32_t pin, bool fifo,
		    bool (*step)(struct pn_thread *, struct pn_pcpu *), void *arg)
{
	pn_task_init(&th->task, s, pin, fifo);
	th->task.run = thread_run;
	th->task.poll_end = thread_poll_end;
	th->step = step;
	th->arg = arg;
	th->work_ns = 0;
}

void pn_thread_burn(struct pn_thread *th, uint64_t ns, struct pn_pcpu *self)
{
	struct pn_pcpu *p = &th->task.sim->pcpu[th->task.cpu];

	th->work_ns = ns;
	if (!pn_task_wake(&th->task, self) && p->cur == &th->task && p->mode == PN_CPU_POLL)
		pn_pcpu_kick(p);
}
