/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_SIM_RIG_H
#define PN_TEST_SIM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim.h"

/* The simulated world with a machine that only records calls. */

#define US 1000ull
#define MS 1000000ull

#define IDLE_EXIT 1500u
#define SWITCH	  1000u
#define CHECK	  800u
#define VMRUN	  400u
#define VECTOR	  0x41
#define CPUS	  4
#define THREADS	  8

enum what {
	RAN,	    /* a piece of thread @arg */
	IRQ,	    /* host vector @arg */
	MORE,	    /* another piece of one */
	GUEST_INTR, /* posted processing on CPU @arg */
	SENT,	    /* IPI of kind @arg */
	IPI_EXIT,   /* ICR write of vCPU @arg handled */
	BLOCK,	    /* vCPU @arg, and so on */
	CHECKED,
	UNBLOCK,
	ENTER,
	LEAVE,
	DELIVER,
	PUT,
	LOAD,
	OFFLINED,
};

struct note {
	uint64_t at;
	enum what what;
	uint32_t cpu, arg;
};

struct worker {
	struct pn_thread th;
	struct rig *r;
	uint32_t id;
	uint64_t left, piece; /* ns */
	uint64_t done;
	uint32_t last_cpu;
};

struct rig {
	struct pn_sim *s;
	struct worker w[THREADS];
	struct pn_lapic vapic[CPUS]; /* by vCPU */
	struct pn_vcpu *guest[CPUS];
	struct note *note;
	unsigned notes, room;
	void *more; /* for the test */
};

static inline void note(struct rig *r, enum what what, uint32_t cpu, uint32_t arg)
{
	if (r->notes == r->room) {
		r->room = r->room ? 2 * r->room : 1024;
		r->note = realloc(r->note, r->room * sizeof(*r->note));
		assert_non_null(r->note);
	}
	r->note[r->notes++] = (struct note){pn_sim_now(r->s), what, cpu, arg};
}

static inline unsigned how_often(const struct rig *r, enum what what)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->notes; i++)
		n += r->note[i].what == what;
	return n;
}

/* Time of the first @what at or after @from; UINT64_MAX: none. */
static inline uint64_t first_at(const struct rig *r, enum what what, uint32_t arg, uint64_t from)
{
	for (unsigned i = 0; i < r->notes; i++)
		if (r->note[i].what == what && r->note[i].arg == arg && r->note[i].at >= from)
			return r->note[i].at;
	return UINT64_MAX;
}

/* ---- the machine ---- */

/* A virtual interrupt without a notification. */
static inline void pend(struct rig *r, uint32_t vcpu, uint8_t vector)
{
	pn_lapic_accept(&r->vapic[vcpu], vector);
}

static inline bool f_host_vector(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector)
{
	note(s->ctx, IRQ, p->id, vector);
	return false;
}

static inline void f_load(struct pn_vcpu *v, struct pn_pcpu *p)
{
	note(p->sim->ctx, LOAD, p->id, v->id);
}

static inline void f_put(struct pn_vcpu *v, struct pn_pcpu *p)
{
	note(p->sim->ctx, PUT, p->id, v->id);
}

static inline void f_blocking(struct pn_vcpu *v, struct pn_pcpu *p)
{
	note(p->sim->ctx, BLOCK, p->id, v->id);
}

static inline bool f_pending(struct pn_vcpu *v)
{
	return pn_lapic_pending(&((struct rig *)v->sim->ctx)->vapic[v->id]) >= 0;
}

static inline bool f_must_run(struct pn_vcpu *v, struct pn_pcpu *p)
{
	note(p->sim->ctx, CHECKED, p->id, v->id);
	p->agent.elapsed_ns += CHECK;
	return f_pending(v);
}

static inline void f_unblocking(struct pn_vcpu *v, struct pn_pcpu *p)
{
	note(p->sim->ctx, UNBLOCK, p->id, v->id);
}

static inline bool f_enter(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct rig *r = p->sim->ctx;

	note(r, ENTER, p->id, v->id);
	p->agent.elapsed_ns += VMRUN;
	r->guest[p->id] = v;
	return true;
}

static inline void f_leave(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct rig *r = p->sim->ctx;

	note(r, LEAVE, p->id, v->id);
	r->guest[p->id] = NULL;
}

static inline int f_deliver(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct rig *r = p->sim->ctx;
	int vector = pn_lapic_take(&r->vapic[v->id]);

	if (vector >= 0)
		note(r, DELIVER, p->id, v->id);
	return vector;
}

static inline bool f_eoi(struct pn_vcpu *v, struct pn_pcpu *p)
{
	(void)p;
	pn_lapic_eoi(&((struct rig *)v->sim->ctx)->vapic[v->id]);
	return false;
}

static inline void f_nothing(struct pn_vcpu *v, struct pn_pcpu *p)
{
	(void)v;
	(void)p;
}

static inline bool f_set_tpr(struct pn_vcpu *v, struct pn_pcpu *p, uint8_t tpr)
{
	(void)v;
	(void)p;
	(void)tpr;
	return false;
}

static inline bool f_doorbell(struct pn_pcpu *p)
{
	return ((struct rig *)p->sim->ctx)->guest[p->id];
}

static inline void f_guest_timer(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pend(v->sim->ctx, v->id, VECTOR);
	pn_task_wake(&v->task, p);
}

static inline void f_msi(struct pn_queue *q)
{
	(void)q;
}

static inline void f_merged(struct pn_pcpu *p, uint8_t vector)
{
	(void)p;
	(void)vector;
}

static inline void f_offlined(struct pn_pcpu *p)
{
	note(p->sim->ctx, OFFLINED, p->id, 0);
}

static const struct pn_sim_ops rig_ops = {
	.host_vector = f_host_vector,
	.load = f_load,
	.put = f_put,
	.blocking = f_blocking,
	.must_run = f_must_run,
	.unblocking = f_unblocking,
	.pending = f_pending,
	.enter = f_enter,
	.leave = f_leave,
	.deliver = f_deliver,
	.eoi = f_eoi,
	.eoi_exit = f_nothing,
	.set_tpr = f_set_tpr,
	.doorbell = f_doorbell,
	.guest_timer = f_guest_timer,
	.msi = f_msi,
	.merged = f_merged,
	.offlined = f_offlined,
};

/* ---- the rig ---- */

static inline bool piece(struct pn_thread *th, struct pn_pcpu *p)
{
	struct worker *w = th->arg;

	if (!w->left)
		return false;
	note(w->r, RAN, p->id, w->id);
	w->left -= w->piece < w->left ? w->piece : w->left;
	w->done += w->piece;
	w->last_cpu = p->id;
	p->agent.elapsed_ns += w->piece;
	return true;
}

static inline struct rig *make_with(const struct pn_sim_ops *ops, uint32_t pcpus, uint32_t vcpus,
				    struct pn_sim_conf conf)
{
	static const uint32_t cost[PN_ALL_STEPS_NR] = {
		[PN_STEP_IDLE_EXIT] = IDLE_EXIT, [PN_STEP_CTX_SWITCH] = SWITCH};
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	conf.pcpus = pcpus;
	conf.vcpus = vcpus;
	conf.cost_ns = cost;
	if (!conf.slice)
		conf.slice = 3 * MS;
	if (!conf.wakeup_granularity)
		conf.wakeup_granularity = 1 * MS;
	assert_int_equal(pn_sim_create(&conf, ops, r, &r->s), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		r->w[i] = (struct worker){.r = r, .id = i, .piece = 10 * US};
		pn_thread_init(&r->w[i].th, r->s, -1, false, piece, &r->w[i]);
	}
	return r;
}

static inline struct rig *make(uint32_t pcpus, uint32_t vcpus, struct pn_sim_conf conf)
{
	return make_with(&rig_ops, pcpus, vcpus, conf);
}

static inline void unmake(struct rig *r)
{
	pn_sim_destroy(r->s);
	free(r->note);
	free(r);
}

static inline void run(struct rig *r, uint64_t until)
{
	while (pn_sim_run(r->s, until, 1u << 20))
		;
}

static inline void set(struct rig *r, unsigned i, int32_t pin, bool fifo)
{
	pn_thread_init(&r->w[i].th, r->s, pin, fifo, piece, &r->w[i]);
}

static inline void start(struct rig *r, unsigned i, uint64_t work)
{
	r->w[i].left = work;
	pn_task_wake(&r->w[i].th.task, NULL);
}

struct later {
	struct pn_event ev;
	struct rig *r;
	unsigned what;
	uint32_t arg;
};

enum {
	L_START,
	L_RAISE,
	L_PEND,
	L_PEND_BELL,
	L_PEND_WAKE,
	L_OFFLINE,
	L_ONLINE,
	L_COMPLETE,
	L_DRAIN
};

static inline void later_event(struct pn_event *ev)
{
	struct later *l = pn_container(ev, struct later, ev);
	struct rig *r = l->r;

	switch (l->what) {
	case L_START:
		start(r, l->arg, 100 * MS);
		break;
	case L_RAISE:
		pn_sim_raise(r->s, 0, (uint8_t)l->arg, 0);
		break;
	case L_PEND:
		pend(r, l->arg, VECTOR);
		break;
	case L_PEND_BELL:
		pend(r, l->arg, VECTOR);
		pn_pcpu_doorbell(&r->s->pcpu[r->s->vcpu[l->arg].task.cpu]);
		break;
	case L_PEND_WAKE:
		pend(r, l->arg, VECTOR);
		pn_task_wake(&r->s->vcpu[l->arg].task, NULL);
		break;
	case L_OFFLINE:
		pn_pcpu_offline(&r->s->pcpu[l->arg]);
		break;
	case L_ONLINE:
		pn_pcpu_online(&r->s->pcpu[l->arg]);
		break;
	case L_COMPLETE:
		pn_queue_complete(&r->s->queue[l->arg], 1);
		break;
	case L_DRAIN:
		r->s->draining = true;
		break;
	}
}

static inline void at(struct rig *r, struct later *l, uint64_t when, unsigned what, uint32_t arg)
{
	*l = (struct later){.r = r, .what = what, .arg = arg};
	pn_event_init(&l->ev, later_event);
	pn_wheel_add(&r->s->wheel, &l->ev, when);
}

#endif
