/* SPDX-License-Identifier: MIT */
#ifndef PN_SIM_WHEEL_H
#define PN_SIM_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Pending events in time order: a hierarchy of wheels, 64 slots each, one per 6-bit digit of the
 * time. An event lies on the wheel of the highest digit in which its time differs from now. Insert,
 * cancel and pop are O(1) amortised (an event moves down at most 10 times), events of the same time
 * come out in the order they went in, and nothing is allocated.
 */
struct pn_event {
	struct pn_event *next, *prev; /* next == NULL and bucket == PN_EVENT_IDLE: not scheduled */
	uint64_t when;
	void (*fn)(struct pn_event *ev); /* called with the event unscheduled */
	uint32_t bucket;
};

#define PN_WHEEL_LEVELS 11
#define PN_EVENT_IDLE	UINT32_MAX

struct pn_wheel {
	uint64_t now;
	uint32_t levels; /* bit per level that holds events */
	uint64_t pending;
	uint64_t slots[PN_WHEEL_LEVELS]; /* bit per slot */
	struct pn_event *head[PN_WHEEL_LEVELS * 64];
	struct pn_event *tail[PN_WHEEL_LEVELS * 64];
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
/* Removes and returns the earliest event and moves now to it; NULL: none, or none until @limit. */
struct pn_event *pn_wheel_pop(struct pn_wheel *w, uint64_t limit);

#endif
