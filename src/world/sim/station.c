/* SPDX-License-Identifier: MIT */
/*
 * The capacity of a device, shared by its queues: it takes up requests no faster than that, queue
 * after queue in turn, some from each. It works on all requests that it has taken up at the same
 * time, so the capacity is a limit and the service time a delay.
 */
#include "sim.h"

#define PS_PER_NS 1000ull

/* One request of the queue whose turn it is. */
static void take(struct pn_station *st)
{
	struct pn_queue *q = pn_container(pn_list_first(&st->todo), struct pn_queue, station_node);
	bool turn_over = !--st->left;

	if (!--q->submitted || turn_over) {
		pn_list_del(&q->station_node);
		st->left = st->burst;
	}
	if (q->submitted && turn_over)
		pn_list_add_tail(&st->todo, &q->station_node);
	pn_queue_begin(q);
}

/*
 * Events are at whole nanoseconds, but the capacity need not be: a request that is late by less
 * than one nanosecond counts as in time.
 */
static void proceed(struct pn_station *st)
{
	uint64_t now_ps = pn_sim_now(st->sim) * PS_PER_NS;

	if (pn_event_pending(&st->ev))
		return;
	while (!pn_list_empty(&st->todo) && st->free_ps <= now_ps) {
		if (st->free_ps + PS_PER_NS <= now_ps)
			st->free_ps = now_ps;
		st->free_ps += st->gap_ps;
		take(st);
	}
	if (!pn_list_empty(&st->todo))
		pn_wheel_add(&st->sim->wheel, &st->ev, (st->free_ps + PS_PER_NS - 1) / PS_PER_NS);
}

static void free_again(struct pn_event *ev)
{
	struct pn_station *st = pn_container(ev, struct pn_station, ev);

	if (!st->sim->draining)
		proceed(st);
}

void pn_station_init(struct pn_station *st, struct pn_sim *s, double capacity, uint32_t burst)
{
	st->sim = s;
	st->gap_ps = (uint64_t)(1e12 / capacity);
	st->burst = st->left = burst;
	st->free_ps = 0;
	pn_list_init(&st->todo);
	pn_event_init(&st->ev, free_again);
}

void pn_station_submit(struct pn_station *st, struct pn_queue *q)
{
	if (!q->submitted++)
		pn_list_add_tail(&st->todo, &q->station_node);
	proceed(st);
}
