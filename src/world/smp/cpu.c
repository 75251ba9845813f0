/* SPDX-License-Identifier: MIT */
/* A physical CPU: interrupts, the tasks that wait for it, chores; offline and online. */
#include "smp.h"

/* ---- interrupts ---- */

int smp_take_irq(struct smp_cpu *c)
{
	/* Pairs with smp_raise(): a bit that is set after the look sets @pending again. */
	if (!pn_ld32_sc(&c->pending) || !pn_xchg32(&c->pending, 0))
		return -1;
	for (int w = 3; w >= 0; w--) {
		uint64_t bits = pn_ld64_sc(&c->irr[w]);

		if (!bits)
			continue;
		w = w * 64 + 63 - __builtin_clzll(bits);
		pn_and64(&c->irr[w / 64], ~(1ull << w % 64));
		/* There may be more. Pairs with smp_wait(). */
		pn_xchg32(&c->pending, 1);
		return w;
	}
	return -1;
}

static void handle(struct smp_cpu *c, int vector)
{
	c->irqs++;
	if (vector == PN_VEC_RESCHED)
		c->resched = true;
	else if (smp_host_index(c->s, vector) >= 0)
		smp_device_irq(c, (uint8_t)vector);
	else
		c->s->ops->irq(c, (uint8_t)vector);
}

void smp_irqs(struct smp_cpu *c)
{
	int vector = c->deferred;

	c->deferred = -1;
	c->agent.irq_off++; /* in handlers they are off */
	if (vector >= 0)
		handle(c, vector);
	while ((vector = smp_take_irq(c)) >= 0)
		handle(c, vector);
	c->agent.irq_off--;
}

/* Interrupts are on again: they come here. */
static void poll(struct pn_agent *agent)
{
	struct smp_cpu *c = smp_cpu_of(agent);

	if (smp_interrupted(c) || c->deferred >= 0)
		smp_irqs(c);
}

/* ---- tasks ---- */

/* False: @c takes none. */
static bool add(struct smp_cpu *c, struct smp_vcpu *v)
{
	bool ok;

	smp_hold(&c->queue_lock);
	ok = !c->closed;
	if (ok) {
		c->queue[c->queued] = v;
		/* Written under the lock; read without it by @c alone, which then takes it. */
		pn_st32(&c->queued, c->queued + 1);
	}
	smp_let_go(&c->queue_lock);
	return ok;
}

void smp_enqueue(struct smp *s, struct smp_vcpu *v, uint64_t *dice)
{
	uint32_t to = smp_draw(dice, 4) ? v->cpu : smp_draw(dice, s->cpus);

	/* CPU 0 is never offline. */
	while (!add(&s->cpu[to], v))
		to = smp_draw(dice, s->cpus);
	smp_raise(&s->cpu[to], PN_VEC_RESCHED);
}

static struct smp_vcpu *next(struct smp_cpu *c)
{
	struct smp_vcpu *v = NULL;

	if (!pn_ld32(&c->queued)) /* a task that comes now is announced by an interrupt */
		return NULL;
	smp_hold(&c->queue_lock);
	if (c->queued) {
		uint32_t left = c->queued - 1;

		v = c->queue[0];
		for (uint32_t i = 0; i < left; i++)
			c->queue[i] = c->queue[i + 1];
		pn_st32(&c->queued, left); /* as in add() */
	}
	smp_let_go(&c->queue_lock);
	return v;
}

/* Kernel threads are tasks of CPU 0. Says asleep first: pairs with their wakers. */
static bool run_thread(struct smp_cpu *c, struct smp_task *t)
{
	uint32_t drowsy = SMP_DROWSY;

	if (!t->step || pn_ld32_sc(&t->state) == SMP_ASLEEP)
		return false;
	do {
		smp_irqs(c);
		pn_xchg32(&t->state, SMP_DROWSY); /* pairs with smp_os_wake() */
	} while (t->step(t->arg, c));
	(void)pn_cas32(&t->state, &drowsy, SMP_ASLEEP);
	return true;
}

static bool run_threads(struct smp_cpu *c)
{
	bool ran = false;

	for (unsigned i = 0; !c->id && i < c->s->devices; i++)
		ran |= run_thread(c, &c->s->device[i].log);
	return ran;
}

/* The guest of one more vCPU begins to send. */
static void begin_ipis(struct smp_cpu *c)
{
	struct smp *s = c->s;
	uint32_t begins = pn_ld32(&s->begins);

	if (!begins)
		return;
	pn_and32(&s->begins, begins - 1); /* pairs with the director; all is held */
	smp_inject(c, &s->source[s->timers + (unsigned)__builtin_ctz(begins)]);
}

bool smp_try_hold(struct smp *s, uint32_t holds)
{
	/* Pairs with smp_unhold(), by the exchange: what the last chore did is visible. */
	uint32_t old = pn_ld32(&s->holds);

	do {
		if (old & holds)
			return false;
	} while (!pn_cas32(&s->holds, &old, old | holds));
	return true;
}

void smp_unhold(struct smp *s, uint32_t holds)
{
	pn_and32(&s->holds, ~holds); /* pairs with smp_try_hold() */
}

static void open_gate(struct smp *s)
{
	if (pn_ld32(&s->opens) && pn_xchg32(&s->opens, 0))	   /* pairs with the director */
		__atomic_fetch_sub(&s->gate, 1, __ATOMIC_SEQ_CST); /* pairs with devices */
}

/* What comes before all others; NULL: a chore is drawn. */
static void (*first(struct smp *s))(struct smp_cpu *c)
{
	return s->last ? s->last : pn_ld32(&s->begins) ? begin_ipis : NULL;
}

static struct smp_chore *draw_chore(struct smp_cpu *c)
{
	struct smp *s = c->s;
	uint32_t menu = pn_ld32(&s->menu), i; /* pairs with the director */

	do
		i = smp_draw(&c->dice, s->chores);
	while (!(menu >> i & 1));
	return &s->chore[i];
}

static bool do_chore(struct smp_cpu *c)
{
	struct smp *s = c->s;
	void (*before)(struct smp_cpu * c);
	struct smp_chore *chore;
	uint32_t holds;

	if (!pn_ld32(&c->chores)) /* pairs with the director */
		return false;
	before = first(s);
	chore = before ? NULL : draw_chore(c);
	holds = chore ? chore->holds : SMP_HOLDS_ALL;
	if (!smp_try_hold(s, holds)) {
		smp_relax();
		return true; /* later */
	}
	open_gate(s);
	if (before)
		before(c);
	else if (chore->run(c))
		__atomic_fetch_add(&chore->done, 1, __ATOMIC_RELAXED); /* a count */
	smp_unhold(s, holds);
	__atomic_fetch_sub(&c->chores, 1, __ATOMIC_SEQ_CST);
	return true;
}

/* ---- offline and online ---- */

/* Interrupts were off when these came, and the operating system looks for devices' only. */
static void forget(struct smp_cpu *c, const uint8_t *vector)
{
	/* Pairs with smp_raise(). */
	for (; vector && *vector; vector++)
		pn_and64(&c->irr[*vector / 64], ~(1ull << *vector % 64));
}

/*
 * Its tasks go elsewhere. Then its interrupts are off, while those of devices get another target;
 * it takes what has arrived, as far as the operating system looks for it, and no more.
 */
static void go_down(struct smp_cpu *c)
{
	struct smp_vcpu *v;

	smp_hold(&c->queue_lock);
	c->closed = true;
	smp_let_go(&c->queue_lock);
	while ((v = next(c)))
		smp_enqueue(c->s, v, &c->dice);
	c->agent.irq_off++;
	pn_xchg32(&c->dying, SMP_DEAF); /* pairs with smp_offline() */
	while (pn_ld32_sc(&c->dying) != SMP_LEFT && !pn_ld32_sc(&c->s->stop))
		smp_relax();
	if (smp_draw(&c->dice, 2))
		forget(c, c->s->ops->notices);
	c->agent.irq_off--;
	smp_irqs(c);
	pn_xchg32(&c->down, 1); /* pairs with smp_offline() and with senders of messages */
	while (pn_ld32_sc(&c->down) && !pn_ld32_sc(&c->s->stop))
		smp_wait(c);
	c->resched = false;
	smp_hold(&c->queue_lock);
	c->closed = false;
	smp_let_go(&c->queue_lock);
}

void smp_set_affinity(struct smp_source *src, struct smp_cpu *to, struct smp_cpu *self)
{
	struct smp *s = to->s;

	if (!s->hyp)
		smp_aim(src, to->id);
	if (s->ops->affinity(src, to, self))
		smp_fail(s, "P6", "the target of interrupt %u cannot be changed", src->index);
}

static void move_sources(struct smp_cpu *c, struct smp_cpu *self)
{
	struct smp *s = c->s;

	for (unsigned i = 0; i < s->sources && s->ops->affinity; i++)
		if (s->source[i].entry)
			smp_set_affinity(&s->source[i], self, self);
}

bool smp_offline(struct smp_cpu *c, struct smp_cpu *self)
{
	struct smp *s = c->s;

	/* Only chores that hold CPUs change it. */
	if (!c->id || c == self || pn_ld32(&c->down))
		return false;
	pn_xchg32(&c->dying, SMP_ASKED); /* pairs with smp_cpu_main() */
	smp_raise(c, PN_VEC_RESCHED);
	while (pn_ld32_sc(&c->dying) != SMP_DEAF) /* pairs with go_down() */
		smp_relax();
	move_sources(c, self);
	if (s->ops->leave)
		s->ops->leave(c, self);
	pn_xchg32(&c->dying, SMP_LEFT); /* pairs with go_down() */
	while (!pn_ld32_sc(&c->down))	/* pairs with go_down() */
		smp_relax();
	if (s->ops->left)
		s->ops->left(c, self);
	if (s->hyp)
		s->hyp->ops->cpu_offline(s->hyp, c->host, self->host);
	return true;
}

void smp_online(struct smp_cpu *c)
{
	struct smp *s = c->s;

	if (!pn_ld32(&c->down)) /* as in smp_offline() */
		return;
	/* Reset: what was on its way is gone. */
	for (unsigned w = 0; w < 4; w++)
		pn_xchg64(&c->irr[w], 0);
	pn_xchg32(&c->pending, 0);
	pn_xchg32(&c->bell, 0);
	pn_xchg32(&c->dying, 0);
	if (s->hyp)
		s->hyp->ops->cpu_online(s->hyp, c->host);
	pn_xchg32(&c->down, 0); /* pairs with go_down() */
	smp_raise(c, PN_VEC_RESCHED);
}

/* ---- the thread ---- */

void *smp_cpu_main(void *arg)
{
	struct smp_cpu *c = arg;
	struct smp *s = c->s;

	c->agent.irq_poll = poll;
	while (!pn_ld32_sc(&s->stop)) {
		struct smp_vcpu *v;
		bool ran;

		smp_mood(s);
		smp_irqs(c);
		c->resched = false;
		if (pn_ld32(&c->dying)) { /* pairs with smp_offline() */
			go_down(c);
			continue;
		}
		ran = run_threads(c);
		ran |= do_chore(c);
		v = next(c);
		if (v)
			smp_run(c, v);
		else if (!ran && !pn_xchg32(&c->bell, 0)) /* a doorbell has no effect in the host */
			smp_wait(c);
	}
	return NULL;
}
