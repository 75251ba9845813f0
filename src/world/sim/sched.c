/* SPDX-License-Identifier: MIT */
/* A fair scheduler: least virtual time first, time slices, wake-up preemption; FIFO tasks first. */
#include "sim.h"

void pn_task_init(struct pn_task *t, struct pn_sim *s, int32_t pin, bool fifo)
{
	t->sim = s;
	t->state = PN_TASK_SLEEPING;
	t->fifo = fifo;
	t->queued = t->hold = false;
	t->pin = pin;
	t->cpu = pin >= 0 ? (uint32_t)pin : 0;
	t->vruntime = 0;
	pn_list_init(&t->rq);
	t->run = NULL;
	t->in = t->out = NULL;
}

static struct pn_task *task_of(struct pn_list *node)
{
	return pn_container(node, struct pn_task, rq);
}

/* Puts @p into a set of CPUs, or takes it out. */
static void mark(struct pn_cpus *set, const struct pn_pcpu *p, bool in)
{
	uint32_t w = p->id / 64;
	uint64_t bit = 1ull << (p->id % 64);

	set->word[w] = in ? set->word[w] | bit : set->word[w] & ~bit;
	if (set->word[w])
		set->used |= 1ull << w;
	else
		set->used &= ~(1ull << w);
}

/* The first CPU of a set from @from on, around the end; -1: it is empty. */
static int find(const struct pn_cpus *set, uint32_t from)
{
	uint32_t w = from / 64;
	uint64_t word = set->word[w] & ~0ull << (from % 64), later;

	if (!word) {
		later = set->used & ~1ull << w;
		if (!later)
			later = set->used;
		if (!later)
			return -1;
		w = (uint32_t)__builtin_ctzll(later);
		word = set->word[w];
	}
	return (int)(w * 64 + (uint32_t)__builtin_ctzll(word));
}

void pn_sched_idle(struct pn_pcpu *p, bool idle)
{
	mark(&p->sim->idle, p, idle);
}

/* Virtual times have no fixed origin, so only their differences have a meaning. */
static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static bool may_move(const struct pn_task *t)
{
	return t->pin < 0 && !t->fifo;
}

static void enqueue(struct pn_pcpu *p, struct pn_task *t)
{
	struct pn_list *at;

	t->cpu = p->id;
	t->queued = true;
	p->waiting++;
	if (may_move(t) && !p->movable++)
		mark(&p->sim->movers, p, true);
	if (t->fifo) {
		pn_list_add_tail(&p->fifo, &t->rq);
		return;
	}
	for (at = p->fair.prev; at != &p->fair; at = at->prev)
		if (!before(t->vruntime, task_of(at)->vruntime))
			break;
	pn_list_add_tail(at->next, &t->rq);
}

static void dequeue(struct pn_pcpu *p, struct pn_task *t)
{
	pn_list_del(&t->rq);
	t->queued = false;
	p->waiting--;
	if (may_move(t) && !--p->movable)
		mark(&p->sim->movers, p, false);
}

void pn_sched_account(struct pn_pcpu *p)
{
	struct pn_task *t = p->cur;
	uint64_t now = pn_sim_now(p->sim), low;
	struct pn_list *first;

	if (!t)
		return;
	t->vruntime += now - t->ran_since;
	t->ran_since = now;
	if (t->fifo)
		return;
	first = pn_list_first(&p->fair);
	low = t->vruntime;
	if (first && before(task_of(first)->vruntime, low))
		low = task_of(first)->vruntime;
	/* It never decreases: a task that wakes is placed by it. */
	if (before(p->min_vruntime, low))
		p->min_vruntime = low;
}

static void arm_slice(struct pn_pcpu *p)
{
	struct pn_sim *s = p->sim;

	if (pn_event_pending(&p->slice) || !p->cur || p->cur->fifo || pn_list_empty(&p->fair))
		return;
	pn_wheel_add(&s->wheel, &p->slice, pn_sim_now(s) + s->conf.slice);
}

static bool preempts(const struct pn_pcpu *p, const struct pn_task *t)
{
	const struct pn_task *cur = p->cur;

	if (!cur || cur->state != PN_TASK_RUNNABLE)
		return true;
	if (cur->fifo)
		return false;
	return t->fifo || before(t->vruntime + p->sim->conf.wakeup_granularity, cur->vruntime);
}

static struct pn_pcpu *select_cpu(struct pn_task *t)
{
	struct pn_sim *s = t->sim;
	struct pn_pcpu *prev = &s->pcpu[t->cpu];
	int idle;

	if (t->pin >= 0 && s->pcpu[t->pin].online)
		return &s->pcpu[t->pin];
	if (prev->online && prev->mode == PN_CPU_IDLE && !prev->waiting)
		return prev;
	idle = find(&s->idle, t->cpu);
	if (idle >= 0)
		return &s->pcpu[idle];
	while (!prev->online)
		prev = &s->pcpu[(prev->id + 1) % s->conf.pcpus];
	return prev;
}

/* A new task is in @p's queue: reschedules the CPU if the task should run now. */
static void notify(struct pn_pcpu *p, struct pn_task *t, struct pn_pcpu *self)
{
	if (p->mode == PN_CPU_IDLE || p->mode == PN_CPU_POLL) {
		p->resched = true;
		pn_pcpu_kick(p);
		return;
	}
	pn_sched_account(p);
	if (!preempts(p, t)) {
		arm_slice(p);
		return;
	}
	p->resched = true;
	if (p == self || p->mode == PN_CPU_HOST)
		return;
	if (self) {
		pn_step(&self->agent, PN_STEP_RESCHED_IPI, p->id, 0);
		pn_sim_raise(p->sim, p->id, PN_SIM_VEC_RESCHED,
			     self->agent.elapsed_ns + p->agent.step[PN_STEP_INTR_WIRE].cost_ns);
	} else {
		pn_sim_raise(p->sim, p->id, PN_SIM_VEC_RESCHED, 0);
	}
}

bool pn_task_wake(struct pn_task *t, struct pn_pcpu *self)
{
	struct pn_sim *s = t->sim;
	struct pn_pcpu *p = &s->pcpu[t->cpu];
	uint64_t credit = s->conf.slice;

	if (t->state != PN_TASK_SLEEPING) {
		pn_vcpu_notice(t, p);
		return false;
	}
	t->state = PN_TASK_RUNNABLE;
	if (p->cur == t) /* about to sleep, not switched out yet */
		return true;
	pn_sched_account(p);
	t->vruntime -= p->min_vruntime;
	p = select_cpu(t);
	pn_sched_account(p);
	t->vruntime += p->min_vruntime;
	if (before(t->vruntime + credit, p->min_vruntime))
		t->vruntime = p->min_vruntime - credit;
	enqueue(p, t);
	notify(p, t, self);
	return true;
}

/* An idle CPU takes a waiting task that may move from a busy one: the next one in their order. */
static struct pn_task *steal(struct pn_pcpu *p)
{
	struct pn_sim *s = p->sim;
	int busy = find(&s->movers, p->id);
	struct pn_pcpu *from;

	if (busy < 0)
		return NULL;
	from = &s->pcpu[busy];
	pn_list_for_each (node, &from->fair) {
		struct pn_task *t = task_of(node);

		if (!may_move(t))
			continue;
		dequeue(from, t);
		pn_sched_account(from);
		t->vruntime += p->min_vruntime - from->min_vruntime;
		t->cpu = p->id;
		return t;
	}
	return NULL;
}

static struct pn_task *pick(struct pn_pcpu *p)
{
	struct pn_list *node = pn_list_first(&p->fifo);
	struct pn_task *t;

	if (!node)
		node = pn_list_first(&p->fair);
	if (!node)
		return p->online ? steal(p) : NULL;
	t = task_of(node);
	dequeue(p, t);
	return t;
}

void pn_sched_switch(struct pn_pcpu *p)
{
	struct pn_task *prev = p->cur, *next;

	pn_sched_account(p);
	p->resched = false;
	pn_wheel_cancel(&p->sim->wheel, &p->slice);
	if (prev && prev->state == PN_TASK_RUNNABLE && p->online)
		enqueue(p, prev);
	next = pick(p);
	if (next == prev) {
		arm_slice(p);
		return;
	}
	if (prev && prev->out)
		prev->out(prev, p);
	p->cur = next;
	if (prev && prev->state == PN_TASK_RUNNABLE && !p->online) {
		prev->state = PN_TASK_SLEEPING;
		pn_task_wake(prev, p);
	}
	if (!next)
		return;
	pn_step(&p->agent, PN_STEP_CTX_SWITCH, 0, 0);
	pn_step(&p->agent, PN_STEP_TASK_RUN, 0, 0);
	next->ran_since = pn_sim_now(p->sim);
	next->cpu = p->id;
	if (next->in)
		next->in(next, p);
	arm_slice(p);
}

void pn_sched_slice(struct pn_pcpu *p)
{
	struct pn_list *first = pn_list_first(&p->fair);

	pn_sched_account(p);
	if (!pn_list_empty(&p->fifo) && p->cur && !p->cur->fifo)
		p->resched = true;
	else if (first && p->cur && !p->cur->fifo &&
		 before(task_of(first)->vruntime, p->cur->vruntime))
		p->resched = true;
	else
		arm_slice(p);
}

void pn_sched_drain(struct pn_pcpu *p)
{
	struct pn_list *node;

	while ((node = pn_list_first(&p->fair)) || (node = pn_list_first(&p->fifo))) {
		struct pn_task *t = task_of(node);

		dequeue(p, t);
		t->state = PN_TASK_SLEEPING;
		pn_task_wake(t, NULL);
	}
}
