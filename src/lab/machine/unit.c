/* SPDX-License-Identifier: MIT */
/*
 * An IOMMU as a queue of requests, and the part of the way to the CPUs that all IOMMUs share.
 *
 * A unit keeps the order of what devices write: an interrupt that it sends waits for the writes
 * before it and holds up what comes behind, completions included. What its steps cost is therefore
 * time in which it is busy, and not only a delay as elsewhere. Behind the units is one router for
 * all of them: it passes one message after another, and a remapped interrupt, which is ordered,
 * keeps its unit until the router has taken it. A notification or a doorbell waits on its own.
 */
#include <stdlib.h>

#include "machine.h"
#include "ring.h"

/* On their way, or overlapping with the next request's: the unit does not wait for them. */
static uint64_t beside(const struct pn_step_slot *step)
{
	return step[PN_STEP_INTR_WIRE].count * step[PN_STEP_INTR_WIRE].cost_ns +
	       step[PN_STEP_IRTE_VOLATILE].count * step[PN_STEP_IRTE_VOLATILE].cost_ns;
}

static inline void serve(struct pn_lab_iommu *io, struct pn_lab_queue *q, uint64_t sent,
			 uint64_t now)
{
	uint64_t start = now + beside(io->agent.step), free_at;
	enum pn_msi_result r;

	io->agent.elapsed_ns = 0;
	io->routed_at = 0;
	io->serving = q;
	io->serving_sent = sent;
	r = io->m->plat->request(io, q, sent);
	free_at = start + io->agent.elapsed_ns - beside(io->agent.step);
	if (r != PN_MSI_REMAPPED)
		io->routed_at = 0;
	io->busy_until = free_at < io->routed_at ? io->routed_at : free_at;
}

static inline void wait_for(struct pn_lab_iommu *io)
{
	if (io->waits && !pn_event_pending(&io->ev))
		pn_wheel_add(&io->m->sim->wheel, &io->ev, io->busy_until);
}

static void note_wait(struct pn_machine *m, uint64_t sent)
{
	uint64_t waited = pn_sim_now(m->sim) + 1 - (sent >> PN_SENT_SHIFT);

	if ((sent & PN_SENT_WINDOW) && waited > m->now.unit_wait)
		m->now.unit_wait = waited;
}

static void free_again(struct pn_event *ev)
{
	struct pn_lab_iommu *io = pn_container(ev, struct pn_lab_iommu, ev);
	struct pn_waiting w = io->waiting[io->head];

	io->head = (io->head + 1) & (io->room - 1);
	io->waits--;
	io->m->outstanding--;
	note_wait(io->m, w.sent);
	w.q->sim->ready += w.completions;
	serve(io, w.q, w.sent, pn_sim_now(io->m->sim));
	wait_for(io);
}

void pn_unit_init(struct pn_lab_iommu *io)
{
	pn_event_init(&io->ev, free_again);
}

/*
 * The request waits, and with it the completions before it; without those that a handler has seen
 * before: with coalescing they were written long ago.
 */
static void __attribute__((noinline))
enqueue(struct pn_lab_iommu *io, struct pn_lab_queue *q, uint64_t sent)
{
	struct pn_queue *dev = q->sim;
	uint32_t held = dev->signalled < dev->ready ? dev->signalled : dev->ready;

	if (io->waits == io->room) {
		struct pn_waiting *more =
			pn_ring_more(io->waiting, &io->room, &io->head, sizeof(*more));

		if (!more) {
			io->m->sim->out_of_memory = true;
			return;
		}
		io->waiting = more;
	}
	dev->ready -= held;
	io->waiting[(io->head + io->waits++) & (io->room - 1)] = (struct pn_waiting){q, sent, held};
	io->m->outstanding++;
	wait_for(io);
}

void pn_unit_msi(struct pn_lab_queue *q)
{
	struct pn_lab_iommu *io = q->unit;
	const struct pn_vcpu *v = q->sim->vcpu;
	uint64_t now = pn_sim_now(io->m->sim), sent = pn_account_stamp(io->m, v);

	io->agent.elapsed_ns = 0;
	pn_step(&io->agent, PN_STEP_DEVICE_WRITE, v ? v->id : q->host_cpu,
		v ? q->sim->vector : q->host_vector);
	pn_account_sent(io->m, sent);
	if (io->waits || io->busy_until > now)
		enqueue(io, q, sent);
	else
		serve(io, q, sent, now);
}

uint64_t pn_unit_route(struct pn_lab_iommu *io, uint32_t dest, uint8_t vector)
{
	struct pn_machine *m = io->m;
	uint64_t now = pn_sim_now(m->sim), at = now + io->agent.elapsed_ns;

	if (at < m->router_free) {
		if (now >= m->warmup_at && m->router_free - at > m->now.router_wait)
			m->now.router_wait = m->router_free - at;
		at = m->router_free;
	}
	m->router.elapsed_ns = at - now;
	pn_step(&m->router, PN_STEP_INTR_ROUTE, dest, vector);
	m->router_free = now + m->router.elapsed_ns;
	io->routed_at = at;
	return at - now;
}
