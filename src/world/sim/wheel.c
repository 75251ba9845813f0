/* SPDX-License-Identifier: MIT */
/* Events in order of time: insertion, cancellation, and the next one. */
#include "wheel.h"

#include <string.h>

#define SLOT_BITS 4  /* of the time are open in a slot of the lowest wheel, */
#define WIDE_BITS 16 /* and so many in that wheel */
#define HIGH_ROW  64 /* of the wheel above it */

void pn_wheel_init(struct pn_wheel *w)
{
	memset(w, 0, sizeof(*w));
}

static inline void mark_used(struct pn_wheel *w, uint32_t b)
{
	uint32_t row = b / 64;

	w->slots[row] |= 1ull << (b % 64);
	w->rows[row / 64] |= 1ull << (row % 64);
}

static inline void mark_empty(struct pn_wheel *w, uint32_t b)
{
	uint32_t row = b / 64;

	w->slots[row] &= ~(1ull << (b % 64));
	if (!w->slots[row])
		w->rows[row / 64] &= ~(1ull << (row % 64));
}

/* Puts @ev behind @prev; NULL: in front. */
static inline void link_event(struct pn_wheel *w, uint32_t b, struct pn_event *prev,
			      struct pn_event *ev)
{
	struct pn_slot *slot = &w->slot[b];

	ev->bucket = b;
	ev->prev = prev;
	ev->next = prev ? prev->next : slot->head;
	if (ev->next)
		ev->next->prev = ev;
	else
		slot->tail = ev;
	if (prev)
		prev->next = ev;
	else
		slot->head = ev;
	mark_used(w, b);
}

static inline void unlink_event(struct pn_wheel *w, struct pn_event *ev)
{
	struct pn_slot *slot = &w->slot[ev->bucket];

	if (ev->prev)
		ev->prev->next = ev->next;
	else
		slot->head = ev->next;
	if (ev->next)
		ev->next->prev = ev->prev;
	else
		slot->tail = ev->prev;
	if (!slot->head)
		mark_empty(w, ev->bucket);
	ev->bucket = PN_EVENT_IDLE;
}

static inline void find_first(struct pn_wheel *w)
{
	unsigned row;

	w->first = NULL;
	if (!w->rows[0])
		return;
	row = (unsigned)__builtin_ctzll(w->rows[0]);
	w->first = w->slot[row * 64 + (unsigned)__builtin_ctzll(w->slots[row])].head;
}

static inline void insert(struct pn_wheel *w, struct pn_event *ev)
{
	uint64_t changed = ev->when ^ w->now;
	struct pn_event *prev;
	unsigned digit;
	uint32_t b;

	if (changed >> WIDE_BITS) {
		digit = (63 - WIDE_BITS - (unsigned)__builtin_clzll(changed)) / 6;
		b = (HIGH_ROW + digit) * 64 + (ev->when >> (WIDE_BITS + 6 * digit) & 63);
		link_event(w, b, w->slot[b].tail, ev);
		return;
	}
	b = ev->when >> SLOT_BITS & 4095;
	for (prev = w->slot[b].tail; prev; prev = prev->prev)
		if (prev->when <= ev->when)
			break;
	link_event(w, b, prev, ev);
	if (!w->first || ev->when < w->first->when)
		w->first = ev;
}

void pn_wheel_add(struct pn_wheel *w, struct pn_event *ev, uint64_t when)
{
	ev->when = when < w->now ? w->now : when;
	insert(w, ev);
}

void pn_wheel_cancel(struct pn_wheel *w, struct pn_event *ev)
{
	if (!pn_event_pending(ev))
		return;
	unlink_event(w, ev);
	if (ev == w->first)
		find_first(w);
}

/* Moves the events of a slot to lower wheels, in their order. */
static void cascade(struct pn_wheel *w, uint32_t b)
{
	struct pn_event *ev = w->slot[b].head;

	w->slot[b] = (struct pn_slot){NULL, NULL};
	mark_empty(w, b);
	while (ev) {
		struct pn_event *next = ev->next;

		if (next)
			__builtin_prefetch(next->next);
		insert(w, ev);
		ev = next;
	}
}

/*
 * Empties the earliest slot above the lowest wheel into the wheels below and moves now to its
 * start; false if nothing in it is due until @limit: then now is unchanged, since callers read it.
 */
static bool descend(struct pn_wheel *w, uint64_t limit)
{
	unsigned wheel = (unsigned)__builtin_ctzll(w->rows[1]), row = HIGH_ROW + wheel;
	uint32_t b = row * 64 + (unsigned)__builtin_ctzll(w->slots[row]);
	unsigned open = WIDE_BITS + 6 * wheel;
	const struct pn_event *ev = w->slot[b].head;

	while (ev && ev->when > limit)
		ev = ev->next;
	if (!ev)
		return false;
	w->now = ev->when >> open << open;
	cascade(w, b);
	return true;
}

struct pn_event *pn_wheel_pop(struct pn_wheel *w, uint64_t limit)
{
	struct pn_event *ev;

	while (!w->first) {
		if (!w->rows[1] || !descend(w, limit))
			return NULL;
	}
	ev = w->first;
	if (ev->when > limit)
		return NULL;
	unlink_event(w, ev);
	w->now = ev->when;
	/* Finds the next event now, so that it is known when this one has run. */
	find_first(w);
	return ev;
}
