/* SPDX-License-Identifier: MIT */
#include "wheel.h"

#include <string.h>

void pn_wheel_init(struct pn_wheel *w)
{
	memset(w, 0, sizeof(*w));
}

static inline void append(struct pn_wheel *w, struct pn_event *ev)
{
	unsigned level = (unsigned)(63 - __builtin_clzll((ev->when ^ w->now) | 1)) / 6;
	unsigned slot = (unsigned)(ev->when >> (6 * level)) & 63;
	uint32_t b = level * 64 + slot;
	struct pn_event *tail = w->tail[b];

	ev->bucket = b;
	ev->next = NULL;
	ev->prev = tail;
	if (tail)
		tail->next = ev;
	else
		w->head[b] = ev;
	w->tail[b] = ev;
	w->slots[level] |= 1ull << slot;
	w->levels |= 1u << level;
}

static inline void mark_empty(struct pn_wheel *w, uint32_t b)
{
	unsigned level = b / 64;

	w->slots[level] &= ~(1ull << (b % 64));
	if (!w->slots[level])
		w->levels &= ~(1u << level);
}

void pn_wheel_add(struct pn_wheel *w, struct pn_event *ev, uint64_t when)
{
	ev->when = when < w->now ? w->now : when;
	append(w, ev);
	w->pending++;
}

void pn_wheel_cancel(struct pn_wheel *w, struct pn_event *ev)
{
	uint32_t b = ev->bucket;

	if (b == PN_EVENT_IDLE)
		return;
	if (ev->prev)
		ev->prev->next = ev->next;
	else
		w->head[b] = ev->next;
	if (ev->next)
		ev->next->prev = ev->prev;
	else
		w->tail[b] = ev->prev;
	if (!w->head[b])
		mark_empty(w, b);
	ev->bucket = PN_EVENT_IDLE;
	w->pending--;
}

/* Moves now to the start of a slot and its events to lower wheels, in their order. */
static void cascade(struct pn_wheel *w, uint32_t b)
{
	unsigned shift = 6 * (b / 64);
	uint64_t digit = (uint64_t)(b % 64) << shift;
	uint64_t above = shift + 6 < 64 ? w->now >> (shift + 6) << (shift + 6) : 0;
	struct pn_event *ev = w->head[b];

	w->head[b] = w->tail[b] = NULL;
	mark_empty(w, b);
	w->now = above | digit;
	while (ev) {
		struct pn_event *next = ev->next;

		if (next)
			__builtin_prefetch(next->next);
		append(w, ev);
		ev = next;
	}
}

struct pn_event *pn_wheel_pop(struct pn_wheel *w, uint64_t limit)
{
	while (w->levels) {
		unsigned level = (unsigned)__builtin_ctz(w->levels);
		unsigned slot = (unsigned)__builtin_ctzll(w->slots[level]);
		uint32_t b = level * 64 + slot;
		struct pn_event *ev = w->head[b];
		unsigned shift = 6 * level;
		uint64_t start = ev->when >> shift << shift;

		if (start > limit)
			return NULL;
		/* The earliest slot holds the earliest event; alone in it, it needs no cascade. */
		if (level && ev->next) {
			cascade(w, b);
			continue;
		}
		if (ev->when > limit)
			return NULL;
		w->head[b] = ev->next;
		if (ev->next) {
			ev->next->prev = NULL;
		} else {
			w->tail[b] = NULL;
			mark_empty(w, b);
		}
		ev->bucket = PN_EVENT_IDLE;
		w->pending--;
		w->now = ev->when;
		return ev;
	}
	return NULL;
}
