/* SPDX-License-Identifier: MIT */
/* Device queues: requests complete, completions are coalesced into MSIs. */
#include <stdlib.h>

#include "sim.h"

#define START_SPREAD_NS 100000

static uint64_t exponential(struct pn_queue *q, double mean)
{
	struct pn_dist d = {PN_DIST_EXP, mean, 0};

	return pn_dist_sample(&d, &q->rng);
}

static void signal_msi(struct pn_queue *q)
{
	q->signalled = q->unsignalled;
	q->unsignalled = 0;
	if (q->src->coalesce > 1)
		pn_wheel_cancel(&q->sim->wheel, &q->coalesce_ev);
	q->sim->ops->msi(q);
}

void pn_queue_complete(struct pn_queue *q, uint32_t n)
{
	q->ready += n;
	q->unsignalled += n;
	if (q->unsignalled >= q->src->coalesce)
		signal_msi(q);
	else if (!pn_event_pending(&q->coalesce_ev))
		pn_wheel_add(&q->sim->wheel, &q->coalesce_ev,
			     pn_sim_now(q->sim) + q->src->coalesce_time);
}

static void coalesce_event(struct pn_event *ev)
{
	signal_msi(pn_container(ev, struct pn_queue, coalesce_ev));
}

/* ---- pauses ---- */

static void stall_again(struct pn_stall *st)
{
	struct pn_dist next = {PN_DIST_EXP, (double)st->period, 0};

	pn_wheel_add(&st->sim->wheel, &st->ev,
		     pn_sim_now(st->sim) + pn_dist_sample(&next, st->rng));
}

static void stall_event(struct pn_event *ev)
{
	struct pn_stall *st = pn_container(ev, struct pn_stall, ev);

	st->until = pn_sim_now(st->sim) + st->time;
	stall_again(st);
}

void pn_stall_init(struct pn_stall *st, struct pn_sim *s, struct pn_rng *rng)
{
	st->sim = s;
	st->rng = rng;
	pn_event_init(&st->ev, stall_event);
}

void pn_stall_start(struct pn_stall *st)
{
	if (st->period)
		stall_again(st);
}

/* ---- closed loop ---- */

void pn_queue_begin(struct pn_queue *q)
{
	uint64_t done = pn_sim_now(q->sim) + pn_dist_sample(&q->src->service, &q->rng);
	struct pn_request *r = q->free;

	q->free = r->next_free;
	if (done < q->last_done + q->src->service_floor)
		done = q->last_done + q->src->service_floor;
	if (done > q->last_done)
		q->last_done = done;
	pn_wheel_add(&q->sim->wheel, &r->ev, done);
}

static void submit(struct pn_queue *q)
{
	if (!q->free || q->sim->draining)
		return;
	if (q->station)
		pn_station_submit(q->station, q);
	else
		pn_queue_begin(q);
}

static void submit_all(struct pn_queue *q)
{
	for (uint32_t i = 0; i < q->src->depth; i++)
		submit(q);
}

static void release(struct pn_queue *q, struct pn_request *r)
{
	r->next_free = q->free;
	q->free = r;
}

static const struct pn_stall *stall_of(const struct pn_queue *q)
{
	return q->vcpu ? &q->vcpu->stall : &q->app->stall;
}

static void request_event(struct pn_event *ev)
{
	struct pn_request *r = pn_container(ev, struct pn_request, ev);
	struct pn_queue *q = r->q;
	uint64_t until = stall_of(q)->until;

	/*
	 * A pause: the device takes up the request again at the end of the pause, or some time
	 * after it.
	 */
	if (until > pn_sim_now(q->sim)) {
		if (q->src->stall_spread)
			until += pn_rng_below(&q->rng, q->src->stall_spread);
		pn_wheel_add(&q->sim->wheel, ev, until + pn_dist_sample(&q->src->service, &q->rng));
		return;
	}
	release(q, r);
	pn_queue_complete(q, 1);
}

void pn_queue_worked(struct pn_queue *q)
{
	if (q->src->kind == PN_SRC_CLOSED)
		submit(q);
}

/* ---- open loops ---- */

static uint64_t onoff_next(struct pn_queue *q, uint64_t now)
{
	uint64_t cycle = q->src->on + q->src->off;
	uint64_t next = now + exponential(q, q->src->interval_ns);

	/* An arrival in the off phase is moved into the next on phase. */
	while (next >= q->phase_end) {
		next += q->src->off;
		q->phase_end += cycle;
	}
	return next;
}

static uint64_t next_arrival(struct pn_queue *q)
{
	uint64_t now = pn_sim_now(q->sim);

	switch (q->src->kind) {
	case PN_SRC_PERIODIC:
		return now + (uint64_t)q->src->interval_ns;
	case PN_SRC_ONOFF:
		return onoff_next(q, now);
	default:
		return now + exponential(q, q->src->interval_ns);
	}
}

static void arrival_event(struct pn_event *ev)
{
	struct pn_queue *q = pn_container(ev, struct pn_queue, ev);

	if (q->sim->draining)
		return;
	if (q->src->kind == PN_SRC_CLOSED) {
		submit_all(q);
		return;
	}
	pn_wheel_add(&q->sim->wheel, ev, next_arrival(q));
	pn_queue_complete(q, 1);
}

static void start_onoff(struct pn_queue *q)
{
	uint64_t cycle = q->src->on + q->src->off;
	uint64_t phase = q->src->sync ? 0 : pn_rng_below(&q->rng, cycle);

	/* The first on phase begins at now + phase. */
	q->phase_end = pn_sim_now(q->sim) + phase + q->src->on;
	pn_wheel_add(&q->sim->wheel, &q->ev, onoff_next(q, pn_sim_now(q->sim) + phase));
}

void pn_queue_start(struct pn_queue *q)
{
	struct pn_wheel *w = &q->sim->wheel;

	switch (q->src->kind) {
	case PN_SRC_CLOSED:
		/*
		 * The queues do not start all at once, since those of one vCPU would then keep
		 * their places at all devices.
		 */
		if (q->station)
			pn_wheel_add(w, &q->ev, w->now + pn_rng_below(&q->rng, START_SPREAD_NS));
		else
			submit_all(q);
		break;
	case PN_SRC_PERIODIC:
		pn_wheel_add(w, &q->ev,
			     w->now + 1 + pn_rng_below(&q->rng, (uint64_t)q->src->interval_ns + 1));
		break;
	case PN_SRC_POISSON:
		pn_wheel_add(w, &q->ev, next_arrival(q));
		break;
	case PN_SRC_ONOFF:
		start_onoff(q);
		break;
	case PN_SRC_EXTERNAL:
		break;
	}
}

static int make_requests(struct pn_queue *q)
{
	uint32_t depth = q->src->depth;

	q->request = calloc(depth, sizeof(*q->request));
	if (!q->request)
		return -1;
	for (uint32_t i = 0; i < depth; i++) {
		q->request[i].q = q;
		pn_event_init(&q->request[i].ev, request_event);
		release(q, &q->request[i]);
	}
	return 0;
}

int pn_queue_init(struct pn_sim *s, uint32_t i, const struct pn_source *src, struct pn_vcpu *v,
		  struct pn_app *app, uint8_t vector, uint64_t seed)
{
	struct pn_queue *q = &s->queue[i];
	struct pn_stall *st = v ? &v->stall : &app->stall;

	q->sim = s;
	q->src = src;
	pn_list_init(&q->todo_node);
	pn_list_init(&q->station_node);
	pn_rng_seed(&q->rng, seed, 0x1000000 + i);
	pn_event_init(&q->ev, arrival_event);
	pn_event_init(&q->coalesce_ev, coalesce_event);
	q->app = app;
	q->vector = vector;
	if (v)
		pn_queue_retarget(q, v, vector);
	if (src->stall_period) {
		st->period = src->stall_period;
		st->time = src->stall_time;
	}
	return src->kind == PN_SRC_CLOSED ? make_requests(q) : 0;
}

/* No work outside the handler: it submits the next requests itself, and no program is woken. */
static void worked_in_handler(struct pn_queue *q)
{
	for (uint32_t n = q->ready; n; n--) {
		q->sim->completions++;
		pn_queue_worked(q);
	}
	q->ready = 0;
}

void pn_queue_harvest(struct pn_queue *q, struct pn_pcpu *p)
{
	if (!q->ready)
		return;
	if (!q->src->work) {
		worked_in_handler(q);
		return;
	}
	pn_worker_take(&q->app->work, q);
	pn_task_wake(&q->app->task, p);
}

void pn_queue_retarget(struct pn_queue *q, struct pn_vcpu *v, uint8_t vector)
{
	q->vcpu = v;
	q->vector = vector;
	v->by_vector[vector] = q;
}
