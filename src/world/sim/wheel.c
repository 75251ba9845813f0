/* SPDX-License-Identifier: MIT */
/* Events in order of time: insertion, cancellation, and the way down to the lowest wheel. */
#include "wheel.h"

#include <string.h>

#define LOW_BITS 12 /* of the slot number in the lowest wheel */
#define HIGH_ROW 64 /* of the wheel above it */

void pn_wheel_init(struct pn_wheel *w, unsigned resolution)
{
	memset(w, 0, sizeof(*w));
	w->resolution = resolution;
}

/* Puts @ev before @next in the circle of its slot. */
static inline void link_before(struct pn_event *next, struct pn_event *ev)
{
	ev->next = next;
	ev->prev = next->prev;
	next->prev->next = ev;
	next->prev = ev;
}

/* The first one of its slot. */
static inline void link_alone(struct pn_wheel *w, uint32_t b, struct pn_event *ev)
{
	ev->next = ev->prev = ev;
	w->slot[b] = ev;
	w->slots[b / 64] |= 1ull << (b % 64);
}

static inline void insert_low(struct pn_wheel *w, struct pn_event *ev)
{
	uint32_t b = ev->when >> w->resolution & ((1u << LOW_BITS) - 1);
	struct pn_event *first = w->slot[b], *at = first;

	ev->bucket = b;
	if (!first) {
		link_alone(w, b, ev);
		w->rows |= 1ull << (b / 64);
		return;
	}
	if (ev->when < first->when) {
		w->slot[b] = ev;
	} else { /* behind the last one that is not later */
		while (at->prev->when > ev->when)
			at = at->prev;
	}
	link_before(at, ev);
}

static void __attribute__((noinline))
insert_high(struct pn_wheel *w, struct pn_event *ev, uint64_t changed)
{
	unsigned low = w->resolution + LOW_BITS;
	unsigned wheel = (63 - low - (unsigned)__builtin_clzll(changed)) / 6;
	uint32_t b = (HIGH_ROW + wheel) * 64 + (ev->when >> (low + 6 * wheel) & 63);

	ev->bucket = b;
	if (w->slot[b]) {
		link_before(w->slot[b], ev);
		return;
	}
	link_alone(w, b, ev);
	w->high |= 1u << wheel;
}

static inline void insert(struct pn_wheel *w, struct pn_event *ev)
{
	uint64_t changed = ev->when ^ w->now;

	if (changed >> w->resolution >> LOW_BITS)
		insert_high(w, ev, changed);
	else
		insert_low(w, ev);
}

void pn_wheel_add(struct pn_wheel *w, struct pn_event *ev, uint64_t when)
{
	ev->when = when < w->now ? w->now : when;
	insert(w, ev);
}

void pn_wheel_cancel(struct pn_wheel *w, struct pn_event *ev)
{
	if (pn_event_pending(ev))
		pn_wheel_unlink(w, ev);
}

/* Moves the events of a slot to lower wheels, in their order. */
static void cascade(struct pn_wheel *w, uint32_t b)
{
	struct pn_event *ev = w->slot[b], *last = ev->prev;

	pn_wheel_empty(w, b);
	for (;;) {
		struct pn_event *next = ev->next;
		bool end = ev == last;

		__builtin_prefetch(next->next);
		insert(w, ev);
		if (end)
			return;
		ev = next;
	}
}

/*
 * Empties the earliest slot above the lowest wheel into the wheels below and moves now to its
 * start; false if nothing in it is due until @limit: then now is unchanged, since callers read it.
 */
bool pn_wheel_descend(struct pn_wheel *w, uint64_t limit)
{
	const struct pn_event *first, *ev;
	unsigned wheel, row, open;
	uint32_t b;

	if (!w->high)
		return false;
	wheel = (unsigned)__builtin_ctz(w->high);
	row = HIGH_ROW + wheel;
	b = row * 64 + (unsigned)__builtin_ctzll(w->slots[row]);
	open = w->resolution + LOW_BITS + 6 * wheel;
	ev = first = w->slot[b];
	while (ev->when > limit) {
		ev = ev->next;
		if (ev == first)
			return false;
	}
	w->now = ev->when >> open << open;
	cascade(w, b);
	return true;
}
