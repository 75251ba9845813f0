/* SPDX-License-Identifier: MIT */
/*
 * Threads: how they start and end, sleep and wake each other, and how it is known that all of them
 * rest; devices, which post.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "smp.h"

#define SPINS	   64 /* before a thread that waits gives its processor away */
#define STRAYS	   64 /* one post in so many comes after one that is refused */
#define BURST_LOG2 11 /* posts of one interrupt after the other, at most */
#define CALM	   16 /* posts after a storm, at most */

enum pn_mistake smp_mistake;

/* ---- chance ---- */

uint64_t smp_random(uint64_t *dice)
{
	/* xorshift64* (S. Vigna, 2016) */
	*dice ^= *dice >> 12;
	*dice ^= *dice << 25;
	*dice ^= *dice >> 27;
	return *dice * 0x2545F4914F6CDD1Dull;
}

uint32_t smp_draw(uint64_t *dice, uint32_t n)
{
	return (uint32_t)((smp_random(dice) >> 32) * n >> 32);
}

static void seed_thread(uint64_t seed)
{
	smp_dice.random = seed * 0x9E3779B97F4A7C15ull | 1;
}

/* ---- waiting ---- */

void smp_relax(void)
{
	static __thread unsigned turns;

	smp_land();
	if (++turns % SPINS)
		(pn_relax)();
	else
		sched_yield();
}

void smp_lock_wait(struct pn_lock *l)
{
	do {
		/* Relaxed: the exchange orders. */
		while (__atomic_load_n(&l->held, __ATOMIC_RELAXED))
			smp_relax();
		/* Acquire: as in smp_lock(). */
	} while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE));
}

void smp_hold(struct pn_lock *l)
{
	smp_dice.masked++;
	pn_lock_take(l);
}

void smp_let_go(struct pn_lock *l)
{
	pn_lock_drop(l);
	smp_dice.masked--;
}

static void futex_wait(uint32_t *word, uint32_t value, unsigned ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ms ? &t : NULL, NULL, 0);
}

static void futex_wake(uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

/*
 * @busy counts threads. Only a thread that is counted, or the director while it is counted itself,
 * gives work to another one, and counts that one first: so at 0 nothing can happen any more. All of
 * these are read-modify-writes, so a thread that sees 0 sees what every thread did before it
 * rested.
 */
void smp_busy(struct smp *s)
{
	smp_land();
	__atomic_fetch_add(&s->busy, 1, __ATOMIC_SEQ_CST);
}

void smp_rests(struct smp *s)
{
	smp_land();
	if (__atomic_fetch_sub(&s->busy, 1, __ATOMIC_SEQ_CST) == 1)
		futex_wake(&s->busy, 1);
}

bool smp_at_rest(struct smp *s, unsigned ms)
{
	uint32_t busy = pn_ld32_sc(&s->busy);

	if (busy)
		futex_wait(&s->busy, busy, ms);
	return !pn_ld32_sc(&s->busy);
}

/* ---- messages to CPUs ---- */

/*
 * Store: the message. Load: idle. Other side: smp_wait() stores idle and loads the messages. All
 * are sequentially consistent, so one of the two sees the other.
 */
static void prod(struct smp_cpu *c)
{
	if (!pn_ld32_sc(&c->idle))
		return;
	smp_busy(c->s); /* before it can run: it may rest again at once */
	if (pn_xchg32(&c->idle, 0))
		futex_wake(&c->idle, 1);
	else
		smp_rests(c->s);
}

bool smp_raise(struct smp_cpu *c, uint8_t vector)
{
	uint64_t bit = 1ull << (vector & 63), old;

	if (pn_ld32(&c->down)) /* pairs with go_down(): what comes just before it is lost, too */
		return false;
	old = pn_or64(&c->irr[vector >> 6], bit);
	/* Pairs with smp_take_irq(). One step of hardware: no stumble in between. */
	(pn_xchg32)(&c->pending, 1);
	prod(c);
	return old & bit;
}

void smp_ring(struct smp_cpu *c)
{
	pn_xchg32(&c->bell, 1); /* pairs with the core, which takes it in its guest */
	prod(c);
}

static bool has_message(const struct smp_cpu *c)
{
	if (pn_ld32_sc(&c->s->stop))
		return true;
	/* Nothing reaches a CPU that is offline. */
	return !pn_ld32_sc(&c->down) &&
	       (pn_ld32_sc(&c->pending) || pn_ld32_sc(&c->bell) || smp_wanted(c));
}

/* From the look until it sleeps no interrupt is taken: it could be the one that it waits for. */
static void wait(struct smp_cpu *c)
{
	pn_xchg32(&c->idle, 1); /* pairs with prod() */
	if (has_message(c)) {
		if (!pn_xchg32(&c->idle, 0))
			smp_rests(c->s); /* prod() has counted it */
		return;
	}
	smp_rests(c->s);
	while (pn_ld32_acq(&c->idle)) /* pairs with prod() */
		futex_wait(&c->idle, 1, 0);
}

void smp_wait(struct smp_cpu *c)
{
	smp_dice.masked++;
	wait(c);
	smp_dice.masked--;
}

struct smp_cpu *smp_cpu_of(struct pn_agent *agent)
{
	return pn_container(agent, struct smp_cpu, agent);
}

/* ---- devices ---- */

static void post(struct smp_device *d, struct smp_source *src)
{
	smp_hold(&d->busy);
	if (d->s->ops->stray && !smp_draw(&d->dice, STRAYS))
		d->s->ops->stray(d);
	smp_sends(src);
	d->s->ops->post(d, src);
	smp_let_go(&d->busy);
}

/* How many of which source; a storm comes first, and leaves a few for others. */
static uint64_t draw_burst(struct smp_device *d, bool first, uint32_t *at, bool *all)
{
	/* Both pair with the director. */
	bool storm = first && pn_ld32(&d->s->storm);
	bool hot = first || smp_draw(&d->dice, 2);
	uint64_t n = 1 + smp_draw(&d->dice, 1u << smp_draw(&d->dice, BURST_LOG2));

	*at = hot ? pn_ld32(&d->s->hot) % d->sources : smp_draw(&d->dice, d->sources);
	*all = !storm && smp_draw(&d->dice, 2);
	if (storm && d->budget > CALM)
		n = d->budget - smp_draw(&d->dice, CALM);
	return n < d->budget ? n : d->budget;
}

static void work(struct smp_device *d)
{
	bool first = true;
	uint32_t pace = pn_ld32(&d->s->pace); /* pairs with the director */

	/* Pairs with the director: any time soon. */
	while (d->budget && d->sources && !pn_ld32(&d->s->cut)) {
		uint32_t at;
		bool all; /* or one of them */
		uint64_t n = draw_burst(d, first, &at, &all);

		first = false;
		d->budget -= n;
		while (n--) {
			smp_pause(&d->dice, pace);
			post(d, &d->s->source[d->source[at]]);
			if (all && ++at == d->sources)
				at = 0;
		}
	}
}

/* All at once, so that their first interrupts meet. */
static void begin_together(struct smp *s)
{
	if (!pn_ld32(&s->gate)) /* pairs with the director */
		return;
	__atomic_fetch_sub(&s->gate, 1, __ATOMIC_SEQ_CST); /* pairs with the other devices */
	while (pn_ld32_sc(&s->gate))
		smp_relax();
}

static void *device_main(void *arg)
{
	struct smp_device *d = arg;
	struct smp *s = d->s;
	uint32_t seen = 0, now;

	seed_thread(d->dice);
	smp_dice.bits = &d->bits;
	for (;;) {
		/* Acquire: pairs with the director, which wrote @budget before. */
		while ((now = pn_ld32_acq(&s->round)) == seen)
			futex_wait(&s->round, seen, 0);
		seen = now;
		if (pn_ld32(&s->stop))
			return NULL;
		smp_mood(s);
		begin_together(s);
		work(d);
		smp_rests(s);
	}
}

/* ---- start and end ---- */

static void *cpu_main(void *arg)
{
	struct smp_cpu *c = arg;

	seed_thread(c->dice);
	smp_dice.agent = &c->agent;
	smp_dice.bits = &c->bits;
	return smp_cpu_main(c);
}

static void end(struct smp *s, unsigned cpus, unsigned devices)
{
	pn_xchg32(&s->stop, 1); /* pairs with all threads */
	for (unsigned i = 0; i < cpus; i++) {
		pn_xchg32(&s->cpu[i].idle, 0);
		futex_wake(&s->cpu[i].idle, 1);
	}
	__atomic_fetch_add(&s->round, 1, __ATOMIC_SEQ_CST);
	futex_wake(&s->round, SMP_DEVICES);
	for (unsigned i = 0; i < cpus; i++)
		pthread_join(s->cpu[i].thread, NULL);
	for (unsigned i = 0; i < devices; i++)
		pthread_join(s->device[i].thread, NULL);
}

int smp_start(struct smp *s)
{
	unsigned cpus = 0, devices = 0;
	int err = 0;

	s->busy = s->cpus;
	while (cpus < s->cpus && !err) {
		struct smp_cpu *c = &s->cpu[cpus];

		err = pthread_create(&c->thread, NULL, cpu_main, c);
		cpus += !err;
	}
	while (devices < s->devices && !err) {
		struct smp_device *d = &s->device[devices];

		err = pthread_create(&d->thread, NULL, device_main, d);
		devices += !err;
	}
	if (err)
		end(s, cpus, devices);
	return -err;
}

void smp_join(struct smp *s)
{
	end(s, s->cpus, s->devices);
}

/* ---- violations ---- */

void smp_fail(struct smp *s, const char *property, const char *fmt, ...)
{
	va_list ap;

	smp_hold(&s->fail_lock);
	if (!s->failed) {
		snprintf(s->property, sizeof(s->property), "%s", property);
		va_start(ap, fmt);
		vsnprintf(s->text, sizeof(s->text), fmt, ap);
		va_end(ap);
		pn_xchg32(&s->failed, 1); /* pairs with the director */
		pn_xchg32(&s->cut, 1);
	}
	smp_let_go(&s->fail_lock);
}
