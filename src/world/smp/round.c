/* SPDX-License-Identifier: MIT */
/*
 * The director: gives devices and CPUs something to do, waits until everything rests, and looks
 * whether all that was sent has arrived.
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "smp.h"

#define POSTS_LOG2 20 /* of a device in a round, at most */
#define FEW_LOG2   8  /* in most rounds: what is lost at their end stays lost */
#define MORE_LOG2  12 /* and in some: a log of 512 entries overflows, and the round ends soon */
#define MORE	   16 /* one round in so many */
#define HEAVY	   32
#define PACE_LOG2  11 /* turns between two posts, at most */
/* Then: accesses from one time to the next, about, at least, and how often that is doubled. */
#define STUMBLE_MIN  16u
#define STUMBLE_LOG2 6
#define CHORES_LOG2  4	  /* in a round, at most */
#define LOOK_MS	     100  /* the caller is asked whether to give up */
#define STUCK_S	     20.0 /* without a single interrupt sent or taken */

double smp_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- counts ---- */

/* These and all other loads of the director need no order: what rests was ordered by the count of
 * threads that work, and while they run a count is a view of some moment. */
uint64_t smp_sent(const struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->books; i++)
		n += pn_ld64(&s->source[i].sent);
	return n;
}

uint64_t smp_taken(const struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->books; i++)
		n += pn_ld64(&s->source[i].taken);
	return n;
}

/*
 * For which vCPUs @src is pending. A device's interrupt may have been moved meanwhile, so there can
 * be several. All IPIs to all others have one vector.
 */
static uint64_t pending_for(const struct smp *s, const struct smp_source *src)
{
	uint64_t may = pn_ld64(&src->may), vcpus = 0;

	for (unsigned i = 0; i < s->vcpus; i++)
		if (may >> i & 1 && smp_pends(s, &s->vcpu[i], src->vector))
			vcpus |= 1ull << i;
	return vcpus;
}

static uint64_t open_of(const struct smp_source *src)
{
	return pn_ld64(&src->sent) - pn_ld64(&src->covered);
}

uint64_t smp_masked(const struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->books; i++)
		if (open_of(&s->source[i]) && pending_for(s, &s->source[i]))
			n += open_of(&s->source[i]);
	return n;
}

uint64_t smp_lost(const struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->books; i++)
		n += open_of(&s->source[i]);
	return n - smp_masked(s);
}

unsigned smp_missed(const struct smp *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->vcpus; i++)
		n += pn_ld32(&s->vcpu[i].task.state) == SMP_ASLEEP &&
		     smp_deliverable(s, &s->vcpu[i]) >= 0;
	return n;
}

/* ---- checks at rest ---- */

static void check_vcpu(struct smp *s, struct smp_vcpu *v)
{
	const char *what = s->hyp->ops->check(v->h, &s->watch);
	int vector = smp_deliverable(s, v);

	if (vector >= 0 && pn_ld32(&v->task.state) == SMP_ASLEEP)
		smp_fail(s, "P1",
			 "vCPU %u sleeps, vector 0x%02x could be delivered, and nobody is left to "
			 "wake it",
			 v->id, (unsigned)vector);
	else if (vector >= 0 && v->inside)
		smp_fail(s, "P4",
			 "vCPU %u waits in its guest, vector 0x%02x could be delivered, and nobody "
			 "is left to tell it",
			 v->id, (unsigned)vector);
	else if (vector >= 0)
		smp_fail(s, "P1",
			 "vCPU %u is not asleep and does not run, with vector 0x%02x to take",
			 v->id, (unsigned)vector);
	if (what)
		smp_fail(s, "P2", "vCPU %u: %s", v->id, what);
	if (pn_ld32(&v->task.state) == SMP_ASLEEP && pn_ld32(&v->h->requests) & PN_REQ_BLOCK_MASK)
		smp_fail(s, "P6", "vCPU %u sleeps with a request to wake up", v->id);
	if (!pn_host_apicv(v->h) != !!s->hyp->ops->inhibits(v->h))
		smp_fail(s, "P6", "vCPU %u: interrupt virtualization is %s, against its inhibits",
			 v->id, pn_host_apicv(v->h) ? "on" : "off");
	if (v->inside && pn_ld32(&v->h->requests) & PN_REQ_APICV_UPDATE)
		smp_fail(s, "P6", "vCPU %u stays in its guest with a request", v->id);
}

static void check_sources(struct smp *s)
{
	for (unsigned i = 0; i < s->books; i++) {
		const struct smp_source *src = &s->source[i];
		uint64_t open = open_of(src);

		if (open && !pending_for(s, src))
			smp_fail(s, "P4",
				 "vector 0x%02x was sent %llu times since it was taken last, and "
				 "is nowhere",
				 src->vector, (unsigned long long)open);
	}
}

/* Nothing is on its way: what comes from now on is for the target, and what is pending stays. */
static void aim_sources(struct smp *s)
{
	for (unsigned i = 0; i < s->books; i++) {
		struct smp_source *src = &s->source[i];

		/* Pairs with threads that have not begun. */
		pn_st64(&src->may, 1ull << src->target | src->always | pending_for(s, src));
		src->direct = src->entry && s->ops->direct && s->ops->direct(src);
	}
}

/* Bits that were set by software and silicon, each once. */
static uint64_t set_bits(const struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->cpus; i++)
		n += s->cpu[i].fresh;
	for (unsigned i = 0; i < s->devices; i++) {
		const struct pn_step_slot *slot = s->device[i].steps.slot;

		n += slot[PN_STEP_IRR_SET].count - slot[PN_STEP_IRR_MERGE].count;
		n += slot[PN_STEP_PIR_SET].count - slot[PN_STEP_PIR_MERGE].count;
	}
	return n;
}

/* A bit that was set is taken once, or is pending still, or has merged where a word was moved. */
static void check_balance(struct smp *s)
{
	uint64_t set = set_bits(s), gone = smp_taken(s), hidden;

	for (unsigned v = 0; v < s->vcpus; v++)
		for (unsigned w = 0; w < 8; w++)
			gone += (unsigned)__builtin_popcount(s->hyp->ops->irr(s->vcpu[v].h, w));
	hidden = s->ops->hidden ? s->ops->hidden(s) : 0;
	if (gone > set || set - gone > hidden)
		smp_fail(s, "P4", "%llu bits were set, and %llu taken or are pending%s",
			 (unsigned long long)set, (unsigned long long)gone,
			 hidden ? ", more than can have merged" : "");
}

static void check(struct smp *s)
{
	const char *what = s->ops->check ? s->ops->check(s) : NULL;

	if (what)
		smp_fail(s, "P6", "%s", what);
	for (unsigned i = 0; i < s->vcpus; i++)
		check_vcpu(s, &s->vcpu[i]);
	check_sources(s);
	aim_sources(s);
	if (s->watched)
		smp_check_bits(s);
	if (s->hyp && !s->ipis)
		check_balance(s);
}

/* ---- a round ---- */

/* Small numbers as often as large ones: 1 to 2^@log2, at most @max. */
static uint64_t some(struct smp *s, unsigned log2, uint64_t max)
{
	uint64_t n = 1ull << smp_draw(&s->dice, log2);

	n += smp_draw(&s->dice, (uint32_t)n);
	return n < max ? n : max;
}

static void give_chore(struct smp_cpu *c)
{
	__atomic_fetch_add(&c->chores, 1, __ATOMIC_SEQ_CST); /* pairs with its thread */
	smp_raise(c, PN_VEC_RESCHED);
}

/*
 * Which chores there are in this round: a quarter, half or all of them. Many wake vCPUs, and so
 * hide that a wakeup was lost.
 */
static uint32_t draw_menu(struct smp *s)
{
	uint32_t all = (1u << s->chores) - 1, menu = all;

	for (uint32_t n = smp_draw(&s->dice, 3); n--;)
		menu &= smp_draw(&s->dice, UINT32_MAX);
	return menu ? menu : all;
}

static uint64_t draw_chores(struct smp *s)
{
	if (s->last || !s->chores || !smp_draw(&s->dice, 4))
		return 0;
	return some(s, CHORES_LOG2, UINT64_MAX);
}

static void give_chores(struct smp *s, uint64_t n)
{
	while (n--) {
		struct smp_cpu *c = &s->cpu[smp_draw(&s->dice, s->cpus)];

		/* Chores of this round may change it: a CPU that is down does its own later. */
		if (pn_ld32(&c->down))
			c = &s->cpu[0];
		give_chore(c);
	}
}

/*
 * How many interrupts a device, or a guest, sends at most, as a power of 2; and how threads run
 * meanwhile.
 */
static unsigned draw_shape(struct smp *s)
{
	bool heavy = !smp_draw(&s->dice, HEAVY), more = !smp_draw(&s->dice, MORE);
	bool wild = !heavy && smp_draw(&s->dice, 2);
	bool paced = !heavy && !more && smp_draw(&s->dice, 2);

	/* All pair with threads that have not begun. */
	pn_st32(&s->menu, draw_menu(s));
	pn_st32(&s->hot, smp_draw(&s->dice, SMP_SOURCES));
	pn_st32(&s->storm, more);
	pn_st32(&s->wild, wild ? STUMBLE_MIN << smp_draw(&s->dice, STUMBLE_LOG2) : 0);
	pn_st32(&s->pace, paced ? 1u << smp_draw(&s->dice, PACE_LOG2 + 1) : 0);
	return heavy ? POSTS_LOG2 : more ? MORE_LOG2 : 1 + smp_draw(&s->dice, FEW_LOG2);
}

/* In half of the rounds devices begin at once, and not before the first chore does. */
static void set_gate(struct smp *s, uint64_t chores)
{
	bool gate = s->devices && smp_draw(&s->dice, 2);

	/* Both pair with threads that have not begun. */
	pn_st32(&s->opens, gate && chores);
	pn_st32(&s->gate, gate ? s->devices + !!chores : 0);
}

static uint64_t draw_budget(struct smp *s, unsigned log2, uint64_t left)
{
	return left ? some(s, log2, left) : 0;
}

/* Half of the guests send IPIs: the timer of each is a chore that comes before all others. */
static void give_budgets(struct smp *s, unsigned log2, uint64_t left)
{
	for (unsigned i = 0; i < s->vcpus; i++) {
		uint64_t n = smp_draw(&s->dice, 2) ? draw_budget(s, log2, left) : 0;

		if (!n)
			continue;
		left -= n;
		pn_xchg32(&s->vcpu[i].budget, (uint32_t)n); /* pairs with its guest */
		pn_or32(&s->begins, 1u << i);		    /* pairs with chores */
	}
}

static void begin(struct smp *s, uint64_t left)
{
	uint64_t chores = draw_chores(s);
	unsigned log2 = draw_shape(s);

	smp_busy(s); /* the director */
	s->rounds++;
	s->calm = !s->last && !chores;
	pn_st32(&s->cut, 0); /* pairs with threads that have not begun */
	set_gate(s, chores);
	for (unsigned i = 0; i < s->devices; i++) {
		s->device[i].budget = draw_budget(s, log2, left);
		left -= s->device[i].budget;
		smp_busy(s);
	}
	if (s->ipis && !s->last)
		give_budgets(s, log2, left);
	__atomic_fetch_add(&s->round, 1, __ATOMIC_SEQ_CST); /* pairs with devices: the budgets */
	syscall(SYS_futex, &s->round, FUTEX_WAKE_PRIVATE, SMP_DEVICES, NULL, NULL, 0);
	if (s->last)
		give_chore(&s->cpu[0]);
	else
		give_chores(s, chores + (unsigned)__builtin_popcount(pn_ld32(&s->begins)));
	smp_rests(s);
}

bool smp_round(struct smp *s, uint64_t posts, bool (*give_up)(void *), void *arg)
{
	double since = smp_now();
	uint64_t before = 0;

	begin(s, posts);
	while (!smp_at_rest(s, LOOK_MS)) {
		uint64_t moved = smp_sent(s) + smp_taken(s);

		if (give_up && give_up(arg))
			pn_xchg32(&s->cut, 1); /* pairs with devices */
		if (moved != before)
			since = smp_now();
		before = moved;
		if (smp_now() - since < STUCK_S)
			continue;
		smp_fail(s, "P1",
			 "it does not come to rest: agents wait for each other, or go round for "
			 "ever");
		s->stuck = true;
		return false;
	}
	check(s);
	return !pn_ld32(&s->failed);
}

bool smp_last_round(struct smp *s, void (*last)(struct smp_cpu *c))
{
	s->last = last; /* everything rests: no thread reads it */
	return smp_round(s, 0, NULL, NULL);
}
