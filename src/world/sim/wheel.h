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
 * The lowest wheel has 8192 slots, so that most of what a simulation schedules goes there at once.
 * Its slots are sorted; above, 64 slots each are as long as the wheel below and moved down when
 * their time comes, at most 9 times. So insert and pop are O(1) as long as few different times
 * share a slot of the lowest wheel, and cancel always is. A slot is 2^resolution ns: the more
 * events a machine has at the same time, the shorter it should be.
 */
struct pn_event {
	struct pn_event *next, *prev; /* of the same slot; the first one's prev is the last one */
	uint64_t when;
	void (*fn)(struct pn_event *ev); /* called with the event unscheduled */
	uint32_t bucket;		 /* PN_EVENT_IDLE: not scheduled */
};

#define PN_EVENT_IDLE UINT32_MAX

#define PN_WHEEL_RESOLUTION 5u	  /* the longest slot, for a small machine */
#define PN_WHEEL_SLOTS	    8192u /* of the lowest wheel */
#define PN_WHEEL_HIGH	    9u	  /* wheels of 64 slots above the lowest one */
#define PN_WHEEL_LOW_ROWS   (PN_WHEEL_SLOTS / 64)
#define PN_WHEEL_ROWS	    (PN_WHEEL_LOW_ROWS + PN_WHEEL_HIGH)

/* Lower rows and slots are earlier, so the first bit that is set leads to the earliest event. */
struct pn_wheel {
	uint64_t now;
	uint64_t span; /* of the lowest wheel, in ns */
	uint64_t row;  /* of 64 slots of the lowest wheel: those before it hold no event */
	uint32_t high; /* bit per wheel above it that holds events */
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
	if (row >= PN_WHEEL_LOW_ROWS && !w->slots[row])
		w->high &= ~(1u << (row - PN_WHEEL_LOW_ROWS));
}

/* Takes a scheduled event out; harmless if it is idle. */
void pn_wheel_cancel(struct pn_wheel *w, struct pn_event *ev);
/* Moves events to the lowest wheel, which is empty; false: none is due until @limit. */
bool pn_wheel_descend(struct pn_wheel *w, uint64_t limit);

/* Behind pn_wheel_add(): an event that others share a slot with, or that is far away. */
void pn_wheel_join(struct pn_wheel *w, struct pn_event *ev, uint32_t b);
void pn_wheel_add_high(struct pn_wheel *w, struct pn_event *ev);

/* The first one of slot @b. */
static inline void pn_wheel_alone(struct pn_wheel *w, struct pn_event *ev, uint32_t b)
{
	ev->next = NULL;
	ev->prev = ev;
	w->slot[b] = ev;
	w->slots[b / 64] |= 1ull << (b % 64);
}

/* Puts @ev into the wheel that its time belongs to. */
static inline void pn_wheel_insert(struct pn_wheel *w, struct pn_event *ev)
{
	uint32_t b = ev->when >> w->resolution & (PN_WHEEL_SLOTS - 1);

	if ((ev->when ^ w->now) >= w->span) {
		pn_wheel_add_high(w, ev);
		return;
	}
	ev->bucket = b;
	if (w->slot[b]) {
		pn_wheel_join(w, ev, b);
		return;
	}
	pn_wheel_alone(w, ev, b);
}

/* Schedules an idle event; a time in the past counts as now. */
static inline void pn_wheel_add(struct pn_wheel *w, struct pn_event *ev, uint64_t when)
{
	ev->when = when < w->now ? w->now : when;
	pn_wheel_insert(w, ev);
}

/* The same for @delay ns from now. */
static inline void pn_wheel_after(struct pn_wheel *w, struct pn_event *ev, uint64_t delay)
{
	ev->when = w->now + delay;
	pn_wheel_insert(w, ev);
}

/* Removes and returns the earliest event and moves now to it; NULL: none, or none until @limit, and
 * now stays. */
static inline struct pn_event *pn_wheel_pop(struct pn_wheel *w, uint64_t limit)
{
	struct pn_event *ev, *next, **slot;
	uint64_t row = w->row, bits;

	while (__builtin_expect(!(bits = w->slots[row]), 0)) {
		if (++row < PN_WHEEL_LOW_ROWS)
			continue;
		if (!pn_wheel_descend(w, limit))
			return NULL;
		row = 0;
	}
	slot = &w->slot[row * 64 + (uint64_t)__builtin_ctzll(bits)];
	ev = *slot;
	if (ev->when > limit)
		return NULL;
	ev->bucket = PN_EVENT_IDLE;
	*slot = next = ev->next;
	if (next)
		next->prev = ev->prev;
	else
		w->slots[row] = bits & (bits - 1); /* its lowest bit is the slot's */
	w->row = row;
	w->now = ev->when;
	return ev;
}

#endif
