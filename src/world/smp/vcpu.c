/* SPDX-License-Identifier: MIT */
/*
 * The task of a vCPU: runs its guest, blocks, sleeps, moves. The same order of calls of the
 * hypervisor as in the other worlds; and the books of what was sent and what arrived.
 */
#include "smp.h"

#define EVER	  8   /* one time in so many: preempted between the look and the sleep */
#define LOOKS	  4   /* one preemption in so many is looked at */
#define SLOW_S	  1.0 /* no sender needs so long for one interrupt */
#define TPR_CLASS 16
#define IPIS_LOG2 7 /* that a guest sends at a timer, without a budget */

/* ---- the operating system ---- */

/*
 * A read-modify-write, so a full barrier between what the caller stored and the state. Other side:
 * the task stores DROWSY, and then looks for what the caller stored.
 */
bool smp_os_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	struct smp_task *t = task;
	struct smp_cpu *c = smp_cpu_of(self);
	uint32_t old = pn_xchg32(&t->state, SMP_AWAKE);

	(void)ctx;
	(void)why;
	if (old == SMP_ASLEEP && t->vcpu)
		smp_enqueue(t->s, t->vcpu, &c->dice);
	else if (old == SMP_ASLEEP)
		smp_raise(&t->s->cpu[0], PN_VEC_RESCHED);
	c->woken += old == SMP_ASLEEP;
	return old != SMP_AWAKE;
}

void smp_os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	struct smp *s = ctx;

	(void)self;
	if (cpu < s->cpus)
		smp_raise(&s->cpu[cpu], vector);
	else
		smp_fail(s, "P5", "vector 0x%02x goes to CPU %u, which does not exist", vector,
			 cpu);
}

/* ---- the books ---- */

void smp_sends(struct smp_source *src)
{
	/*
	 * Release: pairs with smp_took(). One sender, so the load needs no order. The number is
	 * visible before the bit that the sender sets next.
	 */
	pn_st64_rel(&src->sent, pn_ld64(&src->sent) + 1);
}

void smp_aim(struct smp_source *src, uint32_t id)
{
	/* Pairs with smp_took(): before anything is sent there. */
	pn_or64(&src->may, 1ull << id);
	/* Pairs with the host's handler, which injects it there. */
	pn_st32_rel(&src->target, id);
}

/* Whose @vector it is: a vCPU's IPI to itself, which nothing sends, stands for all others. */
static struct smp_source *source_of(struct smp *s, const struct smp_vcpu *v, unsigned index)
{
	if (s->ipis && index < s->timers && index % (s->vcpus + 1) == 0)
		index = s->sources + index / (s->vcpus + 1) * s->vcpus + v->id;
	return &s->source[index];
}

/* @taker: a vCPU, or a CPU on bare metal. */
static void take(struct smp *s, struct smp_source *src, uint32_t taker)
{
	uint64_t sent, covered, taken;

	if (!(pn_ld64_acq(&src->may) >> taker & 1)) /* pairs with smp_aim() */
		smp_fail(s, "P4", "vector 0x%02x is taken by %s %u, to which nothing sent it",
			 src->vector, s->hyp ? "vCPU" : "CPU", taker);
	/* Acquire: pairs with smp_sends(). The bit was cleared before this load. */
	sent = pn_ld64_acq(&src->sent);
	taken = __atomic_add_fetch(&src->taken, 1, __ATOMIC_RELAXED); /* a count */
	if (taken > sent)
		smp_fail(s, "P4",
			 "vector 0x%02x was taken %llu times, now by %s %u, and sent %llu times",
			 src->vector, (unsigned long long)taken, s->hyp ? "vCPU" : "CPU", taker,
			 (unsigned long long)sent);
	/* The maximum. It is read at rest; relaxed, since rest orders it. */
	covered = __atomic_load_n(&src->covered, __ATOMIC_RELAXED);
	while (covered < sent && !__atomic_compare_exchange_n(&src->covered, &covered, sent, true,
							      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void smp_took(struct smp *s, struct smp_vcpu *v, int vector)
{
	int index = smp_index(s, vector);

	if (index < 0)
		smp_fail(s, "P4", "vector 0x%02x is taken, which nothing sends", (unsigned)vector);
	else
		take(s, source_of(s, v, (unsigned)index), v->id);
}

void smp_host_took(struct smp *s, uint32_t cpu, int vector)
{
	int index = smp_host_index(s, vector);

	if (index < 0)
		smp_fail(s, "P4", "CPU %u takes vector 0x%02x, which nothing sends", cpu,
			 (unsigned)vector);
	else
		take(s, &s->source[index], cpu);
}

static void inject(struct smp_cpu *c, struct smp_source *src)
{
	struct smp *s = c->s;
	uint32_t to = pn_ld32(&src->target); /* pairs with chores: any value that it has had */

	if (s->hyp->ops->inject(s->vcpu[to].h, c->host, src->vector, PN_WAKE_NOTIFY))
		c->merged++;
	else
		c->fresh++;
}

void smp_inject(struct smp_cpu *c, struct smp_source *src)
{
	smp_sends(src);
	inject(c, src);
}

void smp_device_irq(struct smp_cpu *c, uint8_t vector)
{
	struct smp_source *src = &c->s->source[smp_host_index(c->s, vector)];

	if (c->s->calm && src->direct)
		smp_fail(c->s, "P4", "interrupt %u comes to the host although its entry posts",
			 src->index);
	if (c->s->ops->device_irq)
		c->s->ops->device_irq(c, src);
	else
		inject(c, src);
}

bool smp_pends(const struct smp *s, const struct smp_vcpu *v, unsigned vector)
{
	return s->hyp->ops->irr(v->h, vector / 32) >> (vector % 32) & 1;
}

int smp_deliverable(const struct smp *s, const struct smp_vcpu *v)
{
	int ppr = pn_vapic_ppr(v->h->page);

	for (int i = 255; i >> 4 > ppr >> 4; i--)
		if (smp_pends(s, v, (unsigned)i))
			return i;
	return -1;
}

/* ---- what guests do ---- */

void smp_handle(struct smp_vcpu *v, struct smp_cpu *c, int vector, int *tpr)
{
	struct smp *s = c->s;

	smp_took(s, v, vector);
	*tpr = -1;
	if (vector < s->source[s->timers].vector)
		return;
	/* Its timer. It has the highest class, so nothing holds it back. */
	if (s->ipis) {
		uint32_t budget = pn_xchg32(&v->budget, 0); /* pairs with the director */

		v->ipis += budget ? budget
				  : 1 + smp_draw(&c->dice, 1u << smp_draw(&c->dice, IPIS_LOG2));
	}
	if (s->masks)
		*tpr = s->last || smp_draw(&c->dice, 2)
			       ? 0
			       : (int)smp_draw(&c->dice, s->source[s->timers].vector / TPR_CLASS)
					 << 4;
}

void smp_ended(struct smp_vcpu *v, struct smp_cpu *c)
{
	uint32_t ppr = pn_vapic_read(v->h->page, PN_APIC_PPR);

	if (ppr != (uint32_t)pn_vapic_ppr(v->h->page))
		smp_fail(c->s, "P5", "after an EOI vCPU %u reads 0x%02x from its PPR", v->id, ppr);
}

/* ---- scheduling ---- */

static void load(struct smp_vcpu *v, struct smp_cpu *c)
{
	v->preempted = false;
	v->moves += v->cpu != c->id;
	v->cpu = c->id;
	c->s->hyp->ops->load(v->h, c->host);
}

/* As in Linux: a task that was woken on its way to sleep counts as preempted. */
static void put(struct smp_vcpu *v, struct smp_cpu *c, bool asleep)
{
	if (!asleep || pn_ld32(&v->task.state) == SMP_AWAKE) /* pairs with smp_os_wake() */
		v->preempted = true;
	c->s->hyp->ops->put(v->h, c->host, v->preempted);
}

int smp_overlooked(const struct smp *s, const struct smp_vcpu *v)
{
	for (unsigned w = 0; v->pir && w < 4; w++) {
		/* Senders add bits, so what is here now is there afterwards. */
		uint64_t bits = pn_ld64_acq(&v->pir[w]);

		for (; bits; bits &= bits - 1) {
			unsigned vector = w * 64 + (unsigned)__builtin_ctzll(bits);

			if (!smp_pends(s, v, vector))
				return (int)vector;
		}
	}
	return -1;
}

/* It is switched out, and not in a queue yet: nothing but senders changes it if no chore runs. */
static void look(struct smp_vcpu *v, struct smp_cpu *c)
{
	const struct pn_hyp_ops *ops = c->s->hyp->ops;
	const char *what;
	double until;
	int vector;

	if (smp_draw(&c->dice, LOOKS) || !smp_try_hold(c->s, SMP_HOLDS_ALL))
		return;
	until = smp_now() + SLOW_S;
	/* A sender may be between the steps of a post. */
	while ((vector = smp_deliverable(c->s, v)) >= 0 && !ops->pending(v->h) && smp_now() < until)
		smp_relax();
	if (vector >= 0 && !ops->pending(v->h))
		smp_fail(c->s, "P1", "vCPU %u is preempted, and pending() overlooks vector 0x%02x",
			 v->id, (unsigned)vector);
	vector = smp_overlooked(c->s, v);
	if (vector >= 0)
		smp_fail(c->s, "P4", "vCPU %u is preempted, and irr() overlooks vector 0x%02x",
			 v->id, (unsigned)vector);
	what = c->s->ops->looks ? ops->check(v->h, c->host) : NULL;
	if (what)
		smp_fail(c->s, "P2", "vCPU %u is preempted: %s", v->id, what);
	smp_unhold(c->s, SMP_HOLDS_ALL);
}

static void preempt(struct smp_vcpu *v, struct smp_cpu *c)
{
	put(v, c, false);
	look(v, c);
	c->preemptions++;
	smp_enqueue(c->s, v, &c->dice);
}

/* The block loop. False: @v is no longer here, asleep or preempted. */
static bool block(struct smp_vcpu *v, struct smp_cpu *c)
{
	const struct pn_hyp_ops *ops = c->s->hyp->ops;

	if (!v->blocking)
		ops->blocking(v->h, c->host);
	v->blocking = true;
	for (;;) {
		uint32_t drowsy = SMP_DROWSY;

		/* The state first, then the look; a waker uses the opposite order. */
		if (pn_mistake(PN_MISTAKE_NO_FENCE))
			pn_st32(&v->task.state, SMP_DROWSY);
		else
			pn_xchg32(&v->task.state, SMP_DROWSY);
		if (ops->must_run(v->h, c->host))
			break;
		if (!smp_draw(&c->dice, EVER) && !pn_ld32(&c->s->stop)) {
			preempt(v, c);
			return false;
		}
		put(v, c, true);
		v->sleeps++;
		/* Pairs with smp_os_wake(): the waker that finds ASLEEP puts it into a queue. From
		 * then on this thread has nothing to do with @v. */
		if (pn_cas32(&v->task.state, &drowsy, SMP_ASLEEP))
			return false;
		load(v, c);
	}
	pn_xchg32(&v->task.state, SMP_AWAKE); /* nothing has to wake it any more */
	ops->unblocking(v->h, c->host);
	v->blocking = false;
	return true;
}

bool smp_wanted(const struct smp_cpu *c)
{
	/* A thread that changes one of these sends an interrupt afterwards. */
	return c->resched || pn_ld32(&c->queued) || pn_ld32(&c->chores) || pn_ld32(&c->dying) ||
	       pn_ld32(&c->s->stop);
}

void smp_run(struct smp_cpu *c, struct smp_vcpu *v)
{
	load(v, c);
	if (v->blocking && !block(v, c))
		return;
	for (;;) {
		enum smp_left left;

		v->stays = !smp_draw(&c->dice, 4);
		left = c->s->ops->guest(v, c);
		smp_irqs(c);
		if (left == SMP_HALTED && !block(v, c))
			return;
		if (pn_ld32(&c->s->stop)) /* pairs with end(): any time soon */
			return;
		if (smp_wanted(c)) {
			preempt(v, c);
			return;
		}
	}
}
