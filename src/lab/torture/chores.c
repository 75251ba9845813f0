/* SPDX-License-Identifier: MIT */
/* What the host of a torture does while devices post: at once, but for what holds the same. */
#include "rig.h"
#include "vectors.h"

#define NOTICES	  3 /* without a reason, one after the other, at most */
#define TIMERS	  4 /* that ring one after the other, at most */
#define TOGGLES	  6 /* of an inhibit, likewise */
#define STAYS_ON  4
#define STAYS_OFF 3 /* a CPU is offline longer than online: devices post meanwhile */

static enum pn_inhibit cause;

void tor_add_chore(struct smp *s, const char *name, bool (*run)(struct smp_cpu *c), uint32_t holds)
{
	s->chore[s->chores++] = (struct smp_chore){.name = name, .run = run, .holds = holds};
}

static struct smp_vcpu *some_vcpu(struct smp_cpu *c)
{
	return &c->s->vcpu[smp_draw(&c->dice, c->s->vcpus)];
}

/* Software interrupts vCPUs: an irqfd, or their timers. */
static bool timer(struct smp_cpu *c)
{
	struct smp *s = c->s;
	uint32_t n = 1 + smp_draw(&c->dice, TIMERS), id = some_vcpu(c)->id;

	while (n--) {
		smp_inject(c, &s->source[s->timers + id]);
		if (smp_draw(&c->dice, 2))
			id = some_vcpu(c)->id;
	}
	return true;
}

/* One that is busy in this round, every other time. */
static struct smp_source *some_source(struct smp_cpu *c)
{
	struct smp *s = c->s;
	const struct smp_device *d = &s->device[smp_draw(&c->dice, s->devices)];
	uint32_t hot = pn_ld32(&s->hot); /* pairs with the director */

	if (!s->devices || !d->sources)
		return NULL;
	return &s->source[d->source[(smp_draw(&c->dice, 2) ? hot : smp_draw(&c->dice, d->sources)) %
				    d->sources]];
}

/* NULL: taken away, so that it comes to the host, which injects it. */
static void give(struct smp_cpu *c, struct smp_source *src, struct smp_vcpu *v)
{
	struct smp *s = c->s;

	if (s->hyp->ops->pi_update(s->hyp, src->entry, v ? v->h : NULL, src->vector, c->host))
		smp_fail(s, "P6", "the vCPU of interrupt %u cannot be changed", src->index);
}

/* A device's interrupt is given to another vCPU. */
static bool assign(struct smp_cpu *c)
{
	struct smp_source *src = some_source(c);
	struct smp_vcpu *v = some_vcpu(c);

	if (!src)
		return false;
	smp_aim(src, v->id);
	give(c, src, v);
	return true;
}

/* One interrupt is taken away, or all of a vCPU, or all of the VM. */
static bool take_away(struct smp_cpu *c)
{
	struct smp *s = c->s;
	struct smp_source *one = some_source(c);
	uint32_t how = smp_draw(&c->dice, 8);

	for (unsigned i = 0; one && i < s->timers; i++) {
		struct smp_source *src = &s->source[i];

		if (src == one || (how < 4 && src->target == one->target) || how < 2)
			give(c, src, NULL);
	}
	return one;
}

bool tor_chore_affinity(struct smp_cpu *c)
{
	struct smp_source *src = some_source(c);
	struct smp_cpu *to = &c->s->cpu[smp_draw(&c->dice, c->s->cpus)];

	if (!src || pn_ld32(&to->down)) /* only chores change it */
		return false;
	smp_set_affinity(src, to, c);
	return true;
}

static bool inhibited(const struct smp *s)
{
	return pn_ld32(&s->vm->inhibits) & 1u << cause; /* only this chore changes it */
}

static void toggle(struct smp_cpu *c)
{
	struct smp *s = c->s;

	smp_pause(&c->dice, 1u << smp_draw(&c->dice, TOR_PAUSE_LOG2));
	s->hyp->ops->inhibit(s->vm, c->host, cause, !inhibited(s));
}

/* Off, on again, and so on: a vCPU may be in the middle of the last change. Mostly it stays on. */
static bool inhibit(struct smp_cpu *c)
{
	for (uint32_t n = 1 + smp_draw(&c->dice, TOGGLES); n--;)
		toggle(c);
	if (inhibited(c->s) && smp_draw(&c->dice, STAYS_ON))
		toggle(c);
	return true;
}

bool tor_chore_offline(struct smp_cpu *c)
{
	return smp_offline(&c->s->cpu[smp_draw(&c->dice, c->s->cpus)], c);
}

bool tor_chore_online(struct smp_cpu *c)
{
	struct smp *s = c->s;

	if (smp_draw(&c->dice, STAYS_OFF))
		return false;
	for (unsigned i = 1; i < s->cpus; i++) {
		if (!pn_ld32(&s->cpu[i].down)) /* only chores that hold CPUs change it */
			continue;
		smp_online(&s->cpu[i]);
		return true;
	}
	return false;
}

/* A reschedule, so that the task there goes elsewhere. */
bool tor_chore_preempt(struct smp_cpu *c)
{
	smp_raise(&c->s->cpu[smp_draw(&c->dice, c->s->cpus)], PN_VEC_RESCHED);
	return true;
}

/* A notification that no interrupt is behind. */
static void notify(struct smp_cpu *c)
{
	struct smp_cpu *to = &c->s->cpu[smp_draw(&c->dice, c->s->cpus)];

	switch (smp_draw(&c->dice, 4)) {
	case 0:
		smp_raise(to, PN_VEC_WAKEUP);
		break;
	case 1:
		smp_raise(to, PN_VEC_POSTED);
		break;
	case 2:
		smp_ring(to);
		break;
	default:
		c->s->hyp->ops->poke(some_vcpu(c)->h, c->host);
	}
}

static bool spurious(struct smp_cpu *c)
{
	for (uint32_t n = 1 + smp_draw(&c->dice, NOTICES); n--;) {
		smp_pause(&c->dice, 1u << smp_draw(&c->dice, TOR_PAUSE_LOG2));
		notify(c);
	}
	return true;
}

void tor_unmask(struct smp_cpu *c)
{
	struct smp *s = c->s;

	for (unsigned i = 1; i < s->cpus; i++)
		smp_online(&s->cpu[i]);
	if (s->hyp && cause != PN_INHIBIT_NR)
		s->hyp->ops->inhibit(s->vm, c->host, cause, false);
	for (unsigned i = s->timers; i < s->sources; i++)
		smp_inject(c, &s->source[i]);
}

void tor_chores(struct smp *s, enum pn_inhibit why)
{
	cause = why;
	tor_add_chore(s, "timers", timer, SMP_HOLDS_TIMERS);
	tor_add_chore(s, "preempt", tor_chore_preempt, 0);
	tor_add_chore(s, "spurious", spurious, 0);
	if (s->devices) {
		tor_add_chore(s, "attach", assign, SMP_HOLDS_ENTRIES);
		tor_add_chore(s, "detach", take_away, SMP_HOLDS_ENTRIES);
		tor_add_chore(s, "affinity", tor_chore_affinity, SMP_HOLDS_CPUS);
	}
	if (why != PN_INHIBIT_NR)
		tor_add_chore(s, "inhibit", inhibit, SMP_HOLDS_VM);
	if (s->cpus > 1) {
		tor_add_chore(s, "offline", tor_chore_offline, SMP_HOLDS_CPUS);
		tor_add_chore(s, "online", tor_chore_online, SMP_HOLDS_CPUS);
	}
}

/* ---- messages ---- */

#define LEGAL 16 /* the first vector that a local APIC accepts */

static bool deliver(struct smp *s, const struct pn_intr *intr)
{
	if (intr->dest >= s->cpus) {
		smp_fail(s, "P5", "vector 0x%02x is sent to CPU %u", intr->vector, intr->dest);
		return false;
	}
	return smp_raise(&s->cpu[intr->dest], intr->vector);
}

/* Under @busy of the unit. */
void tor_unit_intr(void *ctx, const struct pn_intr *intr)
{
	struct smp_device *d = ctx;
	bool merges;

	if (intr->vector < LEGAL) {
		d->illegal++;
		return;
	}
	merges = deliver(d->s, intr);
	d->merged += merges && smp_host_index(d->s, intr->vector) >= 0;
}

void tor_core_intr(void *ctx, const struct pn_intr *intr)
{
	deliver(((struct smp_cpu *)ctx)->s, intr);
}

#define SHORTHAND(to) ((uint64_t)PN_ICR_SH_##to << 18)
#define LOWEST	      ((uint64_t)PN_DM_LOWEST << 8)
#define KINDS	      16 /* of IPIs; most are to one other vCPU */

/* Of what the guest has to send; none is left if the round is cut short. */
static void spend(struct smp_vcpu *v, struct smp *s, uint32_t n)
{
	v->ipis = n < v->ipis && !pn_ld32(&s->cut) ? v->ipis - n : 0; /* pairs with the director */
}

/* To each vCPU of @mask, with one vector. */
static uint64_t to_several(struct smp_vcpu *v, struct smp *s, uint32_t mask)
{
	spend(v, s, (unsigned)__builtin_popcount(mask));
	for (unsigned to = 0; to < s->vcpus; to++)
		if (mask >> to & 1)
			smp_sends(&s->source[s->sources + v->id * s->vcpus + to]);
	return s->source[v->id * (s->vcpus + 1)].vector;
}

/* One cluster has them all: SMP_VCPUS is not above 16. */
static uint64_t logical(uint32_t mask)
{
	return (uint64_t)mask << 32 | PN_ICR_LOGICAL;
}

/* One of @mask, which the host chooses. */
static uint64_t to_lowest(struct smp_vcpu *v, struct smp *s, uint32_t mask)
{
	struct smp_source *src = &s->source[s->vcpus * s->vcpus + v->id];

	spend(v, s, 1);
	smp_sends(src);
	return logical(mask) | LOWEST | src->vector;
}

static uint64_t to_one(struct smp_vcpu *v, struct smp *s, uint32_t to)
{
	struct smp_source *src = &s->source[v->id * s->vcpus + to];

	spend(v, s, 1);
	smp_sends(src);
	return (uint64_t)to << 32 | src->vector;
}

uint64_t tor_next_ipi(struct smp_vcpu *v, struct smp_cpu *c)
{
	struct smp *s = c->s;
	uint32_t self = 1u << v->id, others = ((1u << s->vcpus) - 1) & ~self;
	uint32_t to = smp_draw(&c->dice, s->vcpus - 1), some;

	to += to >= v->id;
	some = (smp_draw(&c->dice, 1u << s->vcpus) & others) | 1u << to;
	switch (smp_draw(&c->dice, KINDS)) {
	case 0:
		return SHORTHAND(OTHERS) | to_several(v, s, others);
	case 1:
		return logical(some) | to_several(v, s, some);
	case 2:
		return SHORTHAND(ALL) | to_several(v, s, others | self);
	case 3:
		return SHORTHAND(SELF) | to_several(v, s, self);
	case 4:
		return to_lowest(v, s, some);
	default:
		return to_one(v, s, to);
	}
}
