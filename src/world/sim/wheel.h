/* SPDX-License-Identifier: MIT */
#ifndef PN_SIM_WHEEL_H
#define PN_SIM_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Pending events in time order: a hierarchy of wheels, one per digit of the time. An event lies on
 * the wheel of the highest digit in which its time differs from now. Events of the same time come
 * out in the order they went in, and nothing is allocated.
 *
 * The lowest wheel is wide: 4096 slots of 16 ns, so that most of what a simulation schedules goes
 * there at once. Its slots are sorted; above, 64 slots each are as long as the wheel below and
 * moved down when their time comes, at most 8 times. So insert and pop are O(1) as long as few
 * different times share 16 ns, and cancel always is.
 */
struct pn_event {
	struct pn_event *next, *prev; /* next == NULL and bucket == PN_EVENT_IDLE: not scheduled */
	uint64_t when;
	void (*fn)(struct pn_event *ev); /* called with the event unscheduled */
	uint32_t bucket;
};

#define PN_EVENT_IDLE UINT32_MAX

/* Rows of 64 slots: the lowest wheel has 64, the eight above have one each. */
#define PN_WHEEL_ROWS 72

struct pn_slot {
	struct pn_event *head, *tail;
};

/* Lower rows and slots are earlier, so the first bit that is set leads to the earliest event. */
struct pn_wheel {
	uint64_t now;
	struct pn_event *first;	       /* earliest of the lowest wheel; NULL: that is empty */
	uint64_t rows[2];	       /* bit per row that holds events */
	uint64_t slots[PN_WHEEL_ROWS]; /* bit per slot that does */
	struct pn_slot slot[PN_WHEEL_ROWS * 64];
};

void pn_wheel_init(struct pn_wheel *w);

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

/* Schedules an idle event; a time in the past counts as now. */
void pn_wheel_add(struct pn_wheel *w, struct pn_event *ev, uint64_t when);
/* Takes a scheduled event out; harmless if it is idle. */
void pn_wheel_cancel(struct pn_wheel *w, struct pn_event *ev);
/* Removes and returns the earliest event and moves now to it; NULL: none, or none until @limit, and
 * now stays. */
struct pn_event *pn_wheel_pop(struct pn_wheel *w, uint64_t limit);

#endif
