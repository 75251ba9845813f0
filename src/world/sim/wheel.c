/* SPDX-License-Identifier: MIT */
/* Events in order of time: insertion, cancellation, and the way down to the lowest wheel. */
#include "wheel.h"

#include <string.h>

#define LOW_BITS 13		   /* of the slot number in the lowest wheel */
#define HIGH_ROW PN_WHEEL_LOW_ROWS /* of the wheel above it */

_Static_assert(PN_WHEEL_SLOTS == 1u << LOW_BITS, "slots of the lowest wheel");

void pn_wheel_init(struct pn_wheel *w, unsigned resolution)
{
	memset(w, 0, sizeof(*w));
	w->resolution = resolution;
	w->span = 1ull << (resolution + LOW_BITS);
}

/* The last one of a slot that has others. */
static inline void append(struct pn_event *first, struct pn_event *ev)
{
	ev->next = NULL;
	ev->prev = first->prev;
	first->prev->next = ev;
	first->prev = ev;
}

/* A slot of the lowest wheel is sorted: behind the last one that is not later. */
void pn_wheel_join(struct pn_wheel *w, struct pn_event *ev, uint32_t b)
{
	struct pn_event *first = w->slot[b], *at = first->prev;

	if (at->when <= ev->when) {
		append(first, ev);
		return;
	}
	if (ev->when < first->when) {
		ev->next = first;
		ev->prev = at;
		first->prev = ev;
		w->slot[b] = ev;
		return;
	}
	while (at->when > ev->when)
		at = at->prev;
	ev->next = at->next;
	ev->prev = at;
	at->next->prev = ev;
	at->next = ev;
}

void pn_wheel_add_high(struct pn_wheel *w, struct pn_event *ev)
{
	unsigned low = w->resolution + LOW_BITS;
	unsigned wheel = (63 - low - (unsigned)__builtin_clzll(ev->when ^ w->now)) / 6;
	uint32_t b = (HIGH_ROW + wheel) * 64 + (ev->when >> (low + 6 * wheel) & 63);

	ev->bucket = b;
	if (w->slot[b]) {
		append(w->slot[b], ev);
		return;
	}
	pn_wheel_alone(w, ev, b);
	w->high |= 1u << wheel;
}

static void unlink_event(struct pn_wheel *w, struct pn_event *ev)
{
	struct pn_event *next = ev->next, *first = w->slot[ev->bucket];

	if (ev == first && !next) {
		pn_wheel_empty(w, ev->bucket);
		return;
	}
	if (ev == first)
		w->slot[ev->bucket] = next;
	else
		ev->prev->next = next;
	if (next)
		next->prev = ev->prev;
	else
		first->prev = ev->prev;
}

void pn_wheel_cancel(struct pn_wheel *w, struct pn_event *ev)
{
	if (!pn_event_pending(ev))
		return;
	unlink_event(w, ev);
	ev->bucket = PN_EVENT_IDLE;
}

/* Moves the events of a slot to lower wheels, in their order. */
static void cascade(struct pn_wheel *w, uint32_t b)
{
	struct pn_event *ev = w->slot[b], *next;

	pn_wheel_empty(w, b);
	for (; ev; ev = next) {
		next = ev->next;
		if (next)
			__builtin_prefetch(next->next);
		pn_wheel_insert(w, ev);
	}
}

/*
 * Empties the earliest slot above the lowest wheel into the wheels below and moves now to its
 * start; false if nothing in it is due until @limit: then now is unchanged, since callers read it.
 */
bool __attribute__((noinline)) pn_wheel_descend(struct pn_wheel *w, uint64_t limit)
{
	const struct pn_event *ev;
	unsigned wheel, row, open;
	uint32_t b;

	if (!w->high)
		return false;
	wheel = (unsigned)__builtin_ctz(w->high);
	row = HIGH_ROW + wheel;
	b = row * 64 + (unsigned)__builtin_ctzll(w->slots[row]);
	open = w->resolution + LOW_BITS + 6 * wheel;
	for (ev = w->slot[b]; ev->when > limit; ev = ev->next)
		if (!ev->next)
			return false;
	w->now = ev->when >> open << open;
	w->row = 0;
	cascade(w, b);
	return true;
}
