/* SPDX-License-Identifier: MIT */
/*
 * A vCPU: the host task that runs it, and its guest. The guest handles interrupts (IF=0 in the
 * handler), then processes their completions, then does its other work, then halts.
 */
#include "sim.h"

/* ---- the guest ---- */

/* Leaves the guest for host code; @st is what the host does unless something else comes first. */
static void leave(struct pn_vcpu *v, struct pn_pcpu *p, unsigned reason, enum pn_vcpu_state st)
{
	pn_step(&p->agent, reason, v->id, 0);
	p->sim->ops->leave(v, p);
	v->act = PN_ACT_NONE;
	v->st = st;
	p->mode = PN_CPU_HOST;
}

static bool is_ipi(const struct pn_vcpu *v, int vector)
{
	return v->ipi && vector == v->ipi->vector;
}

static uint64_t handler_cost(const struct pn_vcpu *v, uint8_t vector)
{
	const struct pn_queue *q = v->by_vector[vector];

	if (q)
		return q->src->handler;
	return is_ipi(v, vector) ? v->ipi->handler : PN_GUEST_TIMER_NS;
}

static void begin_handler(struct pn_vcpu *v, struct pn_pcpu *p, uint8_t vector)
{
	v->handler = vector;
	v->handler_ns = handler_cost(v, vector);
	pn_step(&p->agent, PN_STEP_HANDLER_START, v->id, vector);
}

/* Nothing to do, and it does not halt. */
static bool spins(const struct pn_vcpu *v)
{
	return v->conf.idle_poll || v->script_run || (v->ipi_waits && v->ipi->reply_memory);
}

/* The guest goes on: the next thing it has to do, or HLT. */
static void guest_continue(struct pn_vcpu *v, struct pn_pcpu *p)
{
	uint64_t length;

	if (v->handler >= 0) {
		v->act = PN_ACT_HANDLER;
		length = v->handler_ns;
	} else if (pn_worker_next(&v->work)) {
		v->act = PN_ACT_WORK;
		length = v->work.work_ns;
	} else if (v->ipi_due) {
		v->act = PN_ACT_THINK;
		length = v->think_ns;
	} else if (v->busy_ns) {
		v->act = PN_ACT_BUSY;
		length = v->busy_ns;
	} else if (spins(v)) {
		v->act = PN_ACT_SPIN;
		length = UINT64_MAX;
	} else {
		leave(v, p, PN_STEP_EXIT_HLT, PN_V_HALT);
		return;
	}
	v->span_start = pn_sim_now(p->sim) + p->agent.elapsed_ns;
	pn_pcpu_span(p, PN_CPU_GUEST, length);
}

/*
 * An evaluation point: entry, EOI, TPR, doorbell, posted processing, an IPI of its own (AMD64 APM
 * vol 2, 15.29.8; SDM vol 3, 30.2.1). At other times a processor does not look at what is pending.
 */
static void evaluate(struct pn_vcpu *v, struct pn_pcpu *p)
{
	int vector = v->handler < 0 ? p->sim->ops->deliver(v, p) : -1;

	if (vector >= 0)
		begin_handler(v, p, (uint8_t)vector);
}

static void rearm(struct pn_vcpu *v, struct pn_event *ev, uint64_t after)
{
	pn_wheel_cancel(&v->sim->wheel, ev);
	pn_wheel_add(&v->sim->wheel, ev, pn_sim_now(v->sim) + after);
}

/* Other guest work comes in bursts with exponential pauses, so that its share is conf.busy. */
static void busy_pause(struct pn_vcpu *v)
{
	struct pn_dist pause = {PN_DIST_EXP,
				(double)v->conf.busy_burst * (1 - v->conf.busy) / v->conf.busy, 0};

	rearm(v, &v->busy_ev, pn_dist_sample(&pause, &v->rng));
}

/* Subtracts the time of the current span from the work that it belongs to. */
static void consume(struct pn_vcpu *v)
{
	uint64_t now = pn_sim_now(v->sim);
	uint64_t done = now > v->span_start ? now - v->span_start : 0;

	switch (v->act) {
	case PN_ACT_HANDLER:
		v->handler_ns -= done;
		break;
	case PN_ACT_WORK:
		v->work.work_ns -= done;
		break;
	case PN_ACT_BUSY:
		if (v->busy_ns == UINT64_MAX)
			break;
		v->busy_ns -= done;
		if (!v->busy_ns) /* the burst just ended: the next one is armed here only */
			busy_pause(v);
		break;
	case PN_ACT_THINK:
		v->think_ns -= done;
		break;
	default:
		break;
	}
}

/*
 * The guest's timer handler: acts on the reasons of the interrupt. True if setting TPR left the
 * guest.
 */
static bool timer_handler(struct pn_vcpu *v, struct pn_pcpu *p)
{
	uint32_t flags = v->timer_flags;

	v->timer_flags = 0;
	if (flags & PN_GT_BUSY)
		v->busy_ns = v->conf.busy_burst;
	if (!(flags & (PN_GT_MASK | PN_GT_UNMASK)))
		return false;
	v->masked = flags & PN_GT_MASK;
	rearm(v, &v->mask_ev, v->masked ? v->conf.tpr_hold : v->conf.tpr_period - v->conf.tpr_hold);
	return p->sim->ops->set_tpr(v, p, v->masked ? v->conf.tpr : 0);
}

static void handler_done(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_queue *q = v->by_vector[v->handler];
	bool tpr_exit = false;

	if (q)
		pn_worker_take(&v->work, q);
	else if (is_ipi(v, v->handler))
		pn_guest_ipi_handled(v);
	else
		tpr_exit = timer_handler(v, p);
	v->handler = -1;
	if (p->sim->ops->eoi(v, p)) {
		leave(v, p, PN_STEP_EXIT_EOI, PN_V_EOI);
		return;
	}
	if (tpr_exit) {
		leave(v, p, PN_STEP_EXIT_TPR, PN_V_ENTER);
		return;
	}
	evaluate(v, p);
	guest_continue(v, p);
}

static void span_end(struct pn_vcpu *v, struct pn_pcpu *p)
{
	enum pn_guest_act act = v->act;
	enum pn_ipi_sent sent;

	v->act = PN_ACT_NONE;
	switch (act) {
	case PN_ACT_HANDLER:
		handler_done(v, p);
		return;
	case PN_ACT_WORK:
		pn_worker_done(&v->work);
		break;
	case PN_ACT_BUSY:
		v->busy_ns = 0;
		busy_pause(v);
		break;
	case PN_ACT_THINK:
		sent = pn_guest_ipi_send(v, p);
		if (sent == PN_IPI_EXIT) {
			leave(v, p, PN_STEP_EXIT_IPI, PN_V_IPI);
			return;
		}
		if (sent == PN_IPI_EVALUATE)
			evaluate(v, p);
		break;
	default:
		break;
	}
	guest_continue(v, p);
}

/* Called from an event: if the guest was left, host code continues after the time of the exit. */
static void settle(struct pn_pcpu *p)
{
	if (p->mode == PN_CPU_HOST)
		pn_pcpu_host(p);
}

/* Time charged to the guest that has not passed yet: the current span has not begun. */
static uint64_t owed(const struct pn_vcpu *v)
{
	uint64_t now = pn_sim_now(v->sim);

	return v->span_start > now ? v->span_start - now : 0;
}

/* Ends the span early: after the charged time the guest continues with what is first now. */
static void go_on(struct pn_vcpu *v, struct pn_pcpu *p)
{
	consume(v);
	pn_wheel_cancel(&p->sim->wheel, &p->ev);
	v->act = PN_ACT_NONE;
	guest_continue(v, p);
	settle(p);
}

void pn_vcpu_span_end(struct pn_vcpu *v, struct pn_pcpu *p)
{
	span_end(v, p);
	settle(p);
}

/* An evaluation point from outside: the doorbell, or a recording that changes what there is to do.
 */
void pn_vcpu_poke(struct pn_vcpu *v, struct pn_pcpu *p)
{
	if (v->handler >= 0)
		return; /* IF = 0: evaluated again at EOI */
	if (v->ipi)
		p->agent.elapsed_ns += owed(v);
	evaluate(v, p);
	if (v->handler >= 0 || v->act == PN_ACT_SPIN)
		go_on(v, p);
}

void pn_vcpu_stored(struct pn_vcpu *v)
{
	struct pn_pcpu *p = &v->sim->pcpu[v->task.cpu];

	if (p->cur != &v->task || p->mode != PN_CPU_GUEST || v->act != PN_ACT_SPIN)
		return;
	p->agent.elapsed_ns = owed(v);
	go_on(v, p);
}

/* True if the local APIC has an interrupt that may be taken now. */
static bool interrupted(const struct pn_pcpu *p)
{
	struct pn_lapic l;

	if (pn_lapic_pending(&p->lapic) < 0)
		return false;
	l = p->lapic;
	return pn_lapic_take(&l) >= 0;
}

/* Offers the pending interrupt to the processor in guest mode; false: VM exit. */
static bool stays(struct pn_vcpu *v, struct pn_pcpu *p)
{
	const struct pn_sim_ops *ops = p->sim->ops;

	do
		if (!ops->guest_intr || !ops->guest_intr(v, p))
			return false;
	while (interrupted(p));
	return true;
}

void pn_vcpu_intr(struct pn_vcpu *v, struct pn_pcpu *p)
{
	uint64_t before = owed(v);

	if (!interrupted(p))
		return; /* held back by one in service */
	p->agent.elapsed_ns = before;
	if (stays(v, p)) {
		evaluate(v, p);
		go_on(v, p);
		return;
	}
	consume(v);
	pn_wheel_cancel(&p->sim->wheel, &p->ev);
	p->agent.elapsed_ns -= before; /* an exit cuts it short */
	leave(v, p, PN_STEP_EXIT_INTR, PN_V_ENTER);
	pn_pcpu_host(p);
}

/* ---- its host task ---- */

static void enter(struct pn_vcpu *v, struct pn_pcpu *p)
{
	if (!p->sim->ops->enter(v, p))
		return;
	v->st = PN_V_GUEST;
	v->task.hold = true;
}

/* VMRUN is complete. An interrupt or a reschedule request that came meanwhile exits at once. */
static void entered(struct pn_vcpu *v, struct pn_pcpu *p)
{
	v->task.hold = false;
	if (p->resched || (interrupted(p) && !stays(v, p))) {
		leave(v, p, PN_STEP_EXIT_INTR, PN_V_ENTER);
		return;
	}
	evaluate(v, p);
	guest_continue(v, p);
}

static void halted(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_step(&p->agent, PN_STEP_EXIT_HANDLE, v->id, 0);
	if (p->sim->ops->pending(v))
		v->st = PN_V_ENTER;
	else
		v->st = pn_poll_begin(v, p) ? PN_V_POLL : PN_V_BLOCK;
}

static void poll(struct pn_vcpu *v, struct pn_pcpu *p)
{
	uint64_t left = pn_poll_left(v, p);

	if (p->sim->ops->pending(v)) {
		pn_poll_over(v, pn_sim_now(p->sim));
		pn_step(&p->agent, PN_STEP_HALT_POLL, v->id, 0);
		v->st = PN_V_ENTER;
		return;
	}
	if (!left) {
		v->st = PN_V_BLOCK;
		return;
	}
	p->poll_since = pn_sim_now(p->sim);
	pn_pcpu_span(p, PN_CPU_POLL, left);
}

void pn_vcpu_notice(struct pn_task *t, struct pn_pcpu *p)
{
	struct pn_vcpu *v = pn_vcpu_of(t);

	if (v && p->cur == t && p->mode == PN_CPU_POLL && p->sim->ops->pending(v))
		pn_pcpu_kick(p);
}

/*
 * One turn of the block loop: sets the task's state first, then checks for interrupts (pairs with
 * pn_task_wake).
 */
static void check(struct pn_vcpu *v, struct pn_pcpu *p)
{
	v->task.state = PN_TASK_SLEEPING;
	if (!p->sim->ops->must_run(v, p)) {
		v->poll.slept = true;
		return;
	}
	v->task.state = PN_TASK_RUNNABLE;
	v->st = PN_V_UNBLOCK;
}

void pn_vcpu_run(struct pn_task *t, struct pn_pcpu *p)
{
	struct pn_vcpu *v = pn_container(t, struct pn_vcpu, task);
	const struct pn_sim_ops *ops = p->sim->ops;

	switch (v->st) {
	case PN_V_ENTER:
		enter(v, p);
		break;
	case PN_V_GUEST:
		entered(v, p);
		break;
	case PN_V_EOI:
		ops->eoi_exit(v, p);
		v->st = PN_V_ENTER;
		break;
	case PN_V_IPI:
		ops->ipi_exit(v, p);
		v->st = PN_V_ENTER;
		break;
	case PN_V_HALT:
		halted(v, p);
		break;
	case PN_V_POLL:
		poll(v, p);
		break;
	case PN_V_BLOCK:
		ops->blocking(v, p);
		v->st = PN_V_CHECK;
		break;
	case PN_V_CHECK:
		check(v, p);
		break;
	case PN_V_UNBLOCK:
		ops->unblocking(v, p);
		pn_poll_over(v, pn_sim_now(p->sim) + p->agent.elapsed_ns);
		v->st = PN_V_ENTER;
		break;
	}
}

static void vcpu_in(struct pn_task *t, struct pn_pcpu *p)
{
	p->sim->ops->load(pn_vcpu_of(t), p);
}

static void vcpu_out(struct pn_task *t, struct pn_pcpu *p)
{
	if (t->state == PN_TASK_SLEEPING)
		pn_step(&p->agent, PN_STEP_TASK_SLEEP, pn_vcpu_of(t)->id, 0);
	p->sim->ops->put(pn_vcpu_of(t), p);
}

/* ---- guest timers ---- */

static void guest_timer(struct pn_vcpu *v, uint32_t flag)
{
	struct pn_sim *s = v->sim;
	struct pn_pcpu *p = &s->pcpu[v->task.cpu];

	while (!p->online)
		p = &s->pcpu[(p->id + 1) % s->conf.pcpus];
	v->timer_flags |= flag;
	if (!v->timer_due_listed) {
		v->timer_due_listed = true;
		pn_list_add_tail(&p->timers, &v->timer_due);
	}
	pn_pcpu_intr(p, PN_SIM_VEC_TIMER);
}

void pn_vcpu_timers(struct pn_pcpu *p)
{
	struct pn_list *node;

	while ((node = pn_list_first(&p->timers))) {
		struct pn_vcpu *v = pn_container(node, struct pn_vcpu, timer_due);

		pn_list_del(node);
		v->timer_due_listed = false;
		p->sim->ops->guest_timer(v, p);
	}
}

static void tick_event(struct pn_event *ev)
{
	struct pn_vcpu *v = pn_container(ev, struct pn_vcpu, tick_ev);

	rearm(v, ev, v->conf.timer);
	guest_timer(v, PN_GT_TICK);
}

static void busy_event(struct pn_event *ev)
{
	guest_timer(pn_container(ev, struct pn_vcpu, busy_ev), PN_GT_BUSY);
}

static void mask_event(struct pn_event *ev)
{
	struct pn_vcpu *v = pn_container(ev, struct pn_vcpu, mask_ev);

	guest_timer(v, v->masked ? PN_GT_UNMASK : PN_GT_MASK);
}

void pn_vcpu_init(struct pn_sim *s, uint32_t id)
{
	struct pn_vcpu *v = &s->vcpu[id];

	pn_task_init(&v->task, s, -1, false);
	v->task.run = pn_vcpu_run;
	v->task.in = vcpu_in;
	v->task.out = vcpu_out;
	v->task.poll_end = pn_poll_end;
	v->task.cpu = id % s->conf.pcpus;
	v->sim = s;
	v->id = id;
	v->st = PN_V_ENTER;
	v->handler = -1;
	pn_worker_init(&v->work);
	pn_list_init(&v->timer_due);
	pn_rng_seed(&v->rng, s->conf.seed, 0x20000 + id);
	pn_event_init(&v->tick_ev, tick_event);
	pn_event_init(&v->busy_ev, busy_event);
	pn_event_init(&v->mask_ev, mask_event);
	pn_stall_init(&v->stall, s, &v->rng);
}

void pn_vcpu_start(struct pn_vcpu *v)
{
	if (v->conf.timer)
		rearm(v, &v->tick_ev, 1 + pn_rng_below(&v->rng, v->conf.timer));
	if (v->conf.busy >= 1)
		v->busy_ns = UINT64_MAX;
	else if (v->conf.busy > 0)
		busy_pause(v);
	if (v->conf.tpr_period)
		rearm(v, &v->mask_ev, 1 + pn_rng_below(&v->rng, v->conf.tpr_period));
	pn_stall_start(&v->stall);
	if (v->ipi)
		pn_guest_ipi_start(v);
	if (v->task.pin >= 0)
		v->task.cpu = (uint32_t)v->task.pin;
	pn_task_wake(&v->task, NULL);
}

void pn_vcpu_script(struct pn_vcpu *v, bool run)
{
	struct pn_pcpu *p = &v->sim->pcpu[v->task.cpu];

	if (v->script_run == run)
		return;
	v->script_run = run;
	if (run && v->st != PN_V_GUEST)
		guest_timer(v, PN_GT_SCRIPT);
	else if (p->cur == &v->task && p->mode == PN_CPU_GUEST) {
		p->agent.elapsed_ns = 0;
		pn_vcpu_poke(v, p);
	}
}
