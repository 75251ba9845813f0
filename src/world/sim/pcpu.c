/* SPDX-License-Identifier: MIT */
/*
 * A physical CPU: idle, in host code, in a guest, or polling for a halted guest; a host program
 * counts as polling too. Host code is run a piece at a time by host_step(); between two pieces
 * pending interrupts are taken and tasks switched.
 */
#include "sim.h"

static void irq(struct pn_pcpu *p, uint8_t vector)
{
	const struct pn_sim_ops *ops = p->sim->ops;

	p->interrupts++;
	pn_step(&p->agent, p->irq_warm ? PN_STEP_IRQ_AGAIN : PN_STEP_IRQ_ENTRY, p->id, vector);
	switch (vector) {
	case PN_SIM_VEC_RESCHED:
		pn_step(&p->agent, PN_STEP_IRQ_RESCHED, p->id, vector);
		break;
	case PN_SIM_VEC_TIMER:
		pn_step(&p->agent, PN_STEP_IRQ_TIMER, p->id, vector);
		if (p->tick_due)
			pn_step(&p->agent, PN_STEP_HOST_TICK, p->id, 0);
		if (p->slice_due)
			pn_sched_slice(p);
		p->slice_due = p->tick_due = false;
		pn_vcpu_timers(p);
		break;
	default:
		p->irq_more = ops->host_vector(p->sim, p, vector) && ops->host_more;
	}
	if (!p->irq_more)
		pn_lapic_eoi(&p->lapic);
}

static void irq_more(struct pn_pcpu *p)
{
	p->irq_more = p->sim->ops->host_more(p->sim, p);
	if (!p->irq_more)
		pn_lapic_eoi(&p->lapic);
}

/*
 * Bare metal: a task that a handler woke is switched to at the end of the interrupt, before
 * interrupts are on again.
 */
static void irq_exit_switch(struct pn_pcpu *p)
{
	bool free = !p->cur || p->resched;

	if (p->sim->conf.apps && free && p->waiting && pn_lapic_pending(&p->lapic) < 0)
		pn_sched_switch(p);
}

static void go_idle(struct pn_pcpu *p)
{
	p->mode = PN_CPU_IDLE;
	p->idle_since = pn_sim_now(p->sim);
	if (p->online) {
		pn_sched_idle(p, true);
		return;
	}
	p->parked = true;
	p->sim->ops->offlined(p);
}

/* A vector that a VM exit acknowledged is in service already. -1: none can be taken. */
static int next_vector(struct pn_pcpu *p)
{
	const uint64_t *irr = p->lapic.irr;
	int acked = p->acked;

	p->acked = -1;
	if (acked >= 0)
		return acked;
	return irr[0] | irr[1] | irr[2] | irr[3] ? pn_lapic_take(&p->lapic) : -1;
}

/* One piece of host code. */
static void work(struct pn_pcpu *p)
{
	struct pn_task *t = p->cur;
	int vector;

	if (p->irq_more) {
		irq_more(p);
		if (!p->irq_more)
			irq_exit_switch(p);
		return;
	}
	if (t && t->hold) {
		p->irq_warm = false;
		t->run(t, p);
		return;
	}
	vector = next_vector(p);
	if (vector >= 0) {
		irq(p, (uint8_t)vector);
		p->irq_warm = true; /* until anything else has run here */
		return;
	}
	if (!t || p->resched || t->state != PN_TASK_RUNNABLE) {
		pn_sched_switch(p);
		if (!p->cur)
			go_idle(p);
		return;
	}
	p->irq_warm = false;
	t->run(t, p);
}

static void host_step(struct pn_pcpu *p)
{
	do {
		p->agent.elapsed_ns = 0;
		work(p);
		if (p->mode != PN_CPU_HOST)
			return;
	} while (!p->agent.elapsed_ns);
	pn_pcpu_host(p);
}

static void host_event(struct pn_event *ev)
{
	host_step(pn_container(ev, struct pn_pcpu, ev));
}

static void guest_event(struct pn_event *ev)
{
	struct pn_pcpu *p = pn_container(ev, struct pn_pcpu, ev);

	p->agent.elapsed_ns = 0;
	pn_vcpu_span_end(pn_container(p->cur, struct pn_vcpu, task), p);
}

static void poll_event(struct pn_event *ev)
{
	pn_pcpu_kick(pn_container(ev, struct pn_pcpu, ev));
}

void pn_pcpu_host(struct pn_pcpu *p)
{
	uint64_t ns = p->agent.elapsed_ns;

	p->mode = PN_CPU_HOST;
	p->host_ns += ns;
	p->agent.elapsed_ns = 0;
	p->ev.fn = host_event;
	pn_wheel_after(&p->sim->wheel, &p->ev, ns);
}

void pn_pcpu_span(struct pn_pcpu *p, enum pn_pcpu_mode mode, uint64_t length)
{
	uint64_t charged = p->agent.elapsed_ns;

	p->mode = mode;
	p->agent.elapsed_ns = 0;
	p->ev.fn = mode == PN_CPU_GUEST ? guest_event : poll_event;
	if (length != UINT64_MAX)
		pn_wheel_after(&p->sim->wheel, &p->ev, charged + length);
}

/* The program that a recording shows on this CPU: bare metal, the load or another one; with guests
 * what displaces the vCPU. */
static bool is_recorded(const struct pn_pcpu *p)
{
	return p->cur == &p->script.task;
}

/* Ends an idle or polling span and charges its cost. */
static void end_span(struct pn_pcpu *p)
{
	struct pn_sim *s = p->sim;

	p->agent.elapsed_ns = 0;
	if (p->mode == PN_CPU_IDLE) {
		pn_sched_idle(p, false);
		if (pn_sim_now(s) - p->idle_since < s->conf.idle_poll)
			return;
		p->irq_warm = false;
		pn_step(&p->agent, PN_STEP_IDLE_EXIT, p->id, 0);
		return;
	}
	pn_wheel_cancel(&s->wheel, &p->ev);
	/* a program is no overhead of the host */
	if (is_recorded(p))
		p->recorded_ns += pn_sim_now(s) - p->poll_since;
	else if (!pn_app_of(p->cur))
		p->host_ns += pn_sim_now(s) - p->poll_since;
	p->mode = PN_CPU_HOST;
	p->cur->poll_end(p->cur, p);
}

void pn_pcpu_kick(struct pn_pcpu *p)
{
	if (p->mode != PN_CPU_IDLE && p->mode != PN_CPU_POLL)
		return;
	end_span(p);
	pn_pcpu_host(p);
}

/*
 * Called for a message or a timer, while no code runs: a handler that nothing delays begins at
 * once.
 */
static void interrupt(struct pn_pcpu *p)
{
	end_span(p);
	p->mode = PN_CPU_HOST;
	if (p->sim->conf.apps && !p->agent.elapsed_ns)
		host_step(p);
	else
		pn_pcpu_host(p);
}

void pn_pcpu_intr(struct pn_pcpu *p, uint8_t vector)
{
	if (p->parked)
		return;
	if (pn_lapic_accept(&p->lapic, vector)) {
		p->sim->ops->merged(p, vector);
		return;
	}
	if (p->mode == PN_CPU_GUEST)
		pn_vcpu_intr(pn_vcpu_of(p->cur), p);
	else if (p->mode != PN_CPU_HOST)
		interrupt(p);
}

void pn_pcpu_doorbell(struct pn_pcpu *p)
{
	const struct pn_sim_ops *ops = p->sim->ops;
	struct pn_vcpu *v = p->cur ? pn_vcpu_of(p->cur) : NULL;

	if (p->mode == PN_CPU_GUEST)
		p->agent.elapsed_ns = 0;
	/*
	 * Between VMRUN and the guest's first instruction the processor itself holds the doorbell.
	 */
	if (ops->doorbell(p) && p->mode == PN_CPU_GUEST)
		pn_vcpu_poke(v, p);
	else if (p->mode == PN_CPU_POLL && v && ops->pending(v))
		pn_pcpu_kick(p);
}

static void slice_event(struct pn_event *ev)
{
	struct pn_pcpu *p = pn_container(ev, struct pn_pcpu, slice);

	p->slice_due = true;
	pn_pcpu_intr(p, PN_SIM_VEC_TIMER);
}

static void host_tick_event(struct pn_event *ev)
{
	struct pn_pcpu *p = pn_container(ev, struct pn_pcpu, tick_ev);
	struct pn_sim *s = p->sim;

	pn_wheel_add(&s->wheel, ev, pn_sim_now(s) + s->conf.host_tick);
	if (p->mode != PN_CPU_IDLE) {
		p->slice_due = p->tick_due = true;
		pn_pcpu_intr(p, PN_SIM_VEC_TIMER);
	}
}

static void noise_event(struct pn_event *ev)
{
	struct pn_pcpu *p = pn_container(ev, struct pn_pcpu, noise_ev);
	struct pn_sim *s = p->sim;
	struct pn_dist next = {PN_DIST_EXP, (double)s->conf.noise_period, 0};

	pn_wheel_add(&s->wheel, ev, pn_sim_now(s) + pn_dist_sample(&next, &p->rng));
	if (p->online)
		pn_thread_burn(&p->noise, s->conf.noise_time, NULL);
}

void pn_pcpu_init(struct pn_sim *s, uint32_t id)
{
	struct pn_pcpu *p = &s->pcpu[id];

	p->sim = s;
	p->id = id;
	p->mode = PN_CPU_IDLE;
	p->online = true;
	p->acked = -1;
	pn_host_agent_init(&p->agent, id, &p->steps, s->conf.cost_ns);
	p->agent.world = p;
	pn_event_init(&p->ev, host_event);
	pn_event_init(&p->slice, slice_event);
	pn_event_init(&p->tick_ev, host_tick_event);
	pn_event_init(&p->noise_ev, noise_event);
	pn_list_init(&p->fair);
	pn_list_init(&p->fifo);
	pn_list_init(&p->timers);
	pn_rng_seed(&p->rng, s->conf.seed, 0x10000 + id);
	pn_thread_init(&p->noise, s, (int32_t)id, true, NULL, NULL);
	pn_thread_init(&p->script, s, (int32_t)id, true, NULL, NULL);
	pn_sched_idle(p, true);
}

void pn_pcpu_offline(struct pn_pcpu *p)
{
	if (!p->online)
		return;
	p->online = false;
	p->resched = true;
	pn_sched_idle(p, false);
	pn_sched_drain(p);
	if (p->mode == PN_CPU_GUEST)
		pn_pcpu_intr(p, PN_SIM_VEC_RESCHED);
	else
		pn_pcpu_kick(p);
}

void pn_pcpu_online(struct pn_pcpu *p)
{
	if (!p->parked)
		return;
	p->online = true;
	p->parked = false;
	p->lapic = (struct pn_lapic){0};
	pn_sched_idle(p, true);
}
