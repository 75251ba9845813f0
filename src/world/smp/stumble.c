/* SPDX-License-Identifier: MIT */
/*
 * What widens windows: a thread stumbles between two accesses, and its stores wait in a buffer, as
 * in a processor, while later loads go ahead.
 */
#include <sched.h>

#include "smp.h"

#define STUMBLE 400 /* turns, at most */
#define YIELDS	16  /* one stumble in so many gives the processor away */
#define LOOKS	8   /* loads that go ahead of a store, at most */
#define FRAMES	(1u << 20)

__thread struct smp_dice smp_dice;

/* ---- the buffer ---- */

static void perform(const struct smp_store *s)
{
	/* The order that the thread asked for, with the number of bytes. */
	if (s->size == 4 && s->release)
		(pn_st32_rel)(s->at, (uint32_t)s->value);
	else if (s->size == 4)
		(pn_st32)(s->at, (uint32_t)s->value);
	else if (s->release)
		(pn_st64_rel)(s->at, s->value);
	else
		(pn_st64)(s->at, s->value);
}

void smp_land(void)
{
	struct smp_dice *d = &smp_dice;

	for (unsigned i = 0; i < d->kept; i++)
		perform(&d->store[i]);
	d->kept = 0;
}

static bool is_kept(const void *p, unsigned size)
{
	uintptr_t at = (uintptr_t)p;

	for (unsigned i = 0; i < smp_dice.kept; i++) {
		const struct smp_store *s = &smp_dice.store[i];

		if (at < (uintptr_t)s->at + s->size && (uintptr_t)s->at < at + size)
			return true;
	}
	return false;
}

/* A variable of a function, which may be gone when the store is made. */
static bool on_stack(const void *p)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return (uintptr_t)p - here + FRAMES < 2 * FRAMES;
}

/* ---- stumbling ---- */

void smp_pause(uint64_t *dice, uint32_t turns)
{
	turns = smp_draw(dice, turns);
	while (turns--)
		(pn_relax)();
}

static void wait_some(struct smp_dice *d)
{
	if (!smp_draw(&d->random, YIELDS))
		sched_yield();
	else
		smp_pause(&d->random, STUMBLE);
}

void smp_stumble(void)
{
	struct smp_dice *d = &smp_dice;

	if (!d->mean)
		return; /* 2^32 accesses from here */
	wait_some(d);
	smp_land();
	d->left = 1 + smp_draw(&d->random, 2 * d->mean);
	if (d->agent && !d->masked && !d->agent->irq_off)
		smp_irqs(smp_cpu_of(d->agent));
	smp_land(); /* of the handlers */
}

void smp_stumble_at_load(const void *p, unsigned size)
{
	struct smp_dice *d = &smp_dice;

	if (d->kept && d->looks && !is_kept(p, size)) {
		d->looks--;
		d->left = 1;
		return;
	}
	smp_stumble();
}

bool smp_keeps(const struct smp_store *s)
{
	struct smp_dice *d = &smp_dice;

	if (on_stack(s->at) || !d->mean || d->kept == SMP_STORES) {
		smp_stumble();
		return false;
	}
	if (!d->kept) {
		smp_stumble();
		if (smp_draw(&d->random, 2))
			return false;
		d->looks = 1 + smp_draw(&d->random, LOOKS);
	}
	d->store[d->kept++] = *s;
	d->left = 1;
	return true;
}

/* ---- chance ---- */

void smp_mood(struct smp *s)
{
	struct smp_dice *d = &smp_dice;
	/* Pairs with the director: a new value comes with a new round. */
	uint32_t mean = (pn_ld32)(&s->wild);

	if (mean == d->mean)
		return;
	smp_land();
	d->mean = mean;
	d->left = mean ? 1 + smp_draw(&d->random, 2 * mean) : 0;
}
