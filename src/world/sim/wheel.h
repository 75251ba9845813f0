/* SPDX-License-Identifier: MIT */
#ifndef PN_SIM_WHEEL_H
#define PN_SIM_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Pending events in time order: a hierarchy of wheels, one per digit of the time. An event lies on
 * the wheel of the highest digit in which its time differs from now. Events of the same time come
 * out in the order they went in, and nothing is allocated.
 *
 * The lowest wheel has 4096 slots, so that most of what a simulation schedules goes there at once.
 * Its slots are sorted; above, 64 slots each are as long as the wheel below and moved down when
 * their time comes, at most 9 times. So insert and pop are O(1) as long as few different times
 * share a slot of the lowest wheel, and cancel always is. A slot is 2^resolution ns: the more
 * events a machine has at the same time, the shorter it should be.
 */
struct pn_event {
	struct pn_event *next, *prev; /* of the same slot; circular */
	uint64_t when;
	void (*fn)(struct pn_event *ev); /* called with the event unscheduled */
	uint32_t bucket;		 /* PN_EVENT_IDLE: not scheduled */
};

#define PN_EVENT_IDLE UINT32_MAX

#define PN_WHEEL_RESOLUTION 6u /* the longest slot, for a small machine */
#define PN_WHEEL_HIGH	    9u /* wheels of 64 slots above the lowest one */
#define PN_WHEEL_ROWS	    (64u + PN_WHEEL_HIGH)

/* Lower rows and slots are earlier, so the first bit that is set leads to the earliest event. */
struct pn_wheel {
	uint64_t now;
	uint64_t rows; /* bit per row of 64 slots of the lowest wheel that holds events */
	uint32_t high; /* bit per wheel above it that does */
	uint32_t resolution;
	uint64_t slots[PN_WHEEL_ROWS]; /* bit per slot that does */
	struct pn_event *slot[PN_WHEEL_ROWS * 64];
};

/* @resolution: PN_WHEEL_RESOLUTION or less. */
void pn_wheel_init(struct pn_wheel *w, unsigned resolution);

static inline void pn_event_init(struct pn_event *ev, void (*fn)(struct pn_event *))
{
	ev->next = ev->prev = 0;
	ev->fn = fn;
	ev->bucket = PN_EVENT_IDLE;
}

static inline bool pn_event_pending(const struct pn_event *ev)
{
	return ev->bucket != PN_EVENT_IDLE;
}

/* Slot @b holds nothing any more. */
static inline void pn_wheel_empty(struct pn_wheel *w, uint32_t b)
{
	uint32_t row = b / 64;

	w->slot[b] = NULL;
	w->slots[row] &= ~(1ull << (b % 64));
	if (w->slots[row])
		return;
	if (row < 64)
		w->rows &= ~(1ull << row);
	else
		w->high &= ~(1u << (row - 64));
}

/* Schedules an idle event; a time in the past counts as now. */
void pn_wheel_add(struct pn_wheel *w, struct pn_event *ev, uint64_t when);
/* Takes a scheduled event out; harmless if it is idle. */
void pn_wheel_cancel(struct pn_wheel *w, struct pn_event *ev);
/* Moves events to the lowest wheel, which is empty; false: none is due until @limit. */
bool pn_wheel_descend(struct pn_wheel *w, uint64_t limit);

/* Takes @ev out of its slot. */
static inline void pn_wheel_unlink(struct pn_wheel *w, struct pn_event *ev)
{
	struct pn_event *next = ev->next;
	uint32_t b = ev->bucket;

	ev->bucket = PN_EVENT_IDLE;
	if (next == ev) {
		pn_wheel_empty(w, b);
		return;
	}
	next->prev = ev->prev;
	ev->prev->next = next;
	if (w->slot[b] == ev)
		w->slot[b] = next;
}

/* Removes and returns the earliest event and moves now to it; NULL: none, or none until @limit, and
 * now stays. */
static inline struct pn_event *pn_wheel_pop(struct pn_wheel *w, uint64_t limit)
{
	struct pn_event *ev;
	unsigned row;

	while (__builtin_expect(!w->rows, 0)) {
		if (!pn_wheel_descend(w, limit))
			return NULL;
	}
	row = (unsigned)__builtin_ctzll(w->rows);
	ev = w->slot[row * 64 + (unsigned)__builtin_ctzll(w->slots[row])];
	if (ev->when > limit)
		return NULL;
	pn_wheel_unlink(w, ev);
	w->now = ev->when;
	return ev;
}

#endif
