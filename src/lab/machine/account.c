/* SPDX-License-Identifier: MIT */
/*
 * What becomes of every interrupt: delivered, coalesced or lost, and whether a sleeping vCPU was
 * notified. It is kept from outside, by what the machine does, so that selfcheck.c can compare it
 * with what hardware and host count themselves.
 */
#include <string.h>

#include "machine.h"
#include "ring.h"

static struct pn_part *part_of(struct pn_machine *m, uint64_t sent)
{
	return &m->part[sent & PN_SENT_IPI ? PN_PART_IPIS : PN_PART_DEVICES];
}

void pn_account_sent_part(struct pn_machine *m, uint64_t sent)
{
	part_of(m, sent)->interrupts++;
}

void pn_account_coalesced(struct pn_machine *m, uint64_t sent)
{
	if (!(sent & PN_SENT_WINDOW))
		return;
	m->now.coalesced++;
	if (m->part)
		part_of(m, sent)->coalesced++;
}

void pn_account_irr(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent)
{
	if (v->sent[vector]) {
		pn_account_coalesced(v->m, sent);
		return;
	}
	v->sent[vector] = sent;
	v->m->outstanding++;
}

/* A bit of the PIR merges with one of the IRR only when it gets there: until then both count. */
void pn_account_pir(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent, bool merged)
{
	if (merged) {
		pn_account_coalesced(v->m, sent);
		return;
	}
	if (!v->sent[vector]) {
		pn_account_irr(v, vector, sent);
		return;
	}
	if (v->second[vector]) { /* it is in the IRR, where it met the first one */
		pn_account_coalesced(v->m, v->second[vector]);
		v->m->outstanding--;
	}
	v->second[vector] = sent;
	v->m->outstanding++;
}

/* A self-IPI goes into the IRR at once, past what is in the PIR. */
void pn_account_self(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent, bool merged)
{
	if (merged) {
		pn_account_coalesced(v->m, sent);
		return;
	}
	if (v->sent[vector]) {
		v->second[vector] = v->sent[vector];
		v->sent[vector] = 0;
	}
	pn_account_irr(v, vector, sent);
}

static void note_need(struct pn_lab_vcpu *v)
{
	if (v->need || v->sim->task.state != PN_TASK_SLEEPING)
		return;
	v->need = true;
	v->m->now.needed++;
}

void pn_account_injecting(struct pn_lab_vcpu *v, uint8_t vector)
{
	if ((vector & 0xF0) > (pn_vapic_ppr(v->h->page) & 0xF0))
		note_need(v);
}

void pn_account_posted(struct pn_lab_vcpu *v, bool told)
{
	if (told)
		v->notified = true;
	if (v->sim->task.state == PN_TASK_SLEEPING && v->m->plat->deliverable(v))
		note_need(v);
}

void pn_account_dropped(struct pn_lab_vcpu *v)
{
	bool needed = v->need;

	pn_account_posted(v, false);
	v->dropped |= !needed && v->need && !v->notified;
}

bool pn_account_stranded(struct pn_machine *m)
{
	bool any = false;

	for (uint32_t i = 0; i < m->vcpus; i++) {
		struct pn_lab_vcpu *v = &m->vcpu[i];

		if (!v->need || v->sim->task.state != PN_TASK_SLEEPING)
			continue;
		v->need = v->dropped = false;
		m->now.missed++;
		any |= pn_task_wake(&v->sim->task, NULL);
	}
	return any;
}

/* ---- on the way to the host ---- */

static uint64_t *flight(struct pn_lab_queue *q, uint32_t k)
{
	return &q->flight[(q->flight_head + k) & (q->flight_room - 1)];
}

void pn_account_flight(struct pn_lab_queue *q, uint64_t sent)
{
	if (q->flights == q->flight_room) {
		uint64_t *more =
			pn_ring_more(q->flight, &q->flight_room, &q->flight_head, sizeof(*more));

		if (!more) {
			q->m->sim->out_of_memory = true;
			return;
		}
		q->flight = more;
	}
	*flight(q, q->flights++) = sent;
	q->m->outstanding++;
}

/* The oldest one has arrived; 0: there is none. */
static uint64_t landed(struct pn_lab_queue *q)
{
	uint64_t sent;

	if (!q->flights)
		return 0;
	sent = *flight(q, 0);
	q->flight_head = (q->flight_head + 1) & (q->flight_room - 1);
	q->flights--;
	q->m->outstanding--;
	return sent;
}

/* The oldest one waits in the local APIC, the next one meets it there; more may be on the way. */
void pn_account_merged(struct pn_lab_queue *q)
{
	uint64_t met;

	if (q->flights > 1) {
		met = *flight(q, 1);
		*flight(q, 1) = *flight(q, 0);
		*flight(q, 0) = met;
	}
	met = landed(q);
	if (met)
		pn_account_coalesced(q->m, met);
}

void pn_account_inject(struct pn_lab_queue *q, struct pn_host_cpu *c)
{
	struct pn_lab_vcpu *v = pn_lab_of(q->sim->vcpu);
	uint8_t vector = q->sim->vector;
	uint64_t sent = landed(q);

	if (sent)
		v->m->plat->arrived(v, vector, sent);
	pn_account_injecting(v, vector);
	v->m->hyp->ops->inject(v->h, c, vector, PN_WAKE_NOTIFY);
}

static void latency(struct pn_machine *m, uint64_t sent, uint64_t at)
{
	uint64_t ns = at - ((sent >> PN_SENT_SHIFT) - 1);

	pn_hist_add(m->latency, ns);
	if (sent & PN_SENT_BLOCKED)
		pn_hist_add(m->wake, ns);
	if (!m->part)
		return;
	pn_hist_add(&part_of(m, sent)->latency, ns);
	if (sent & PN_SENT_BLOCKED)
		pn_hist_add(&part_of(m, sent)->wake_latency, ns);
}

static void delivered(struct pn_machine *m, uint64_t sent, uint64_t at)
{
	if (!(sent & PN_SENT_WINDOW))
		return;
	m->now.delivered++;
	if (m->part)
		part_of(m, sent)->delivered++;
	latency(m, sent, at);
}

void pn_account_handled(struct pn_lab_queue *q, uint64_t at)
{
	uint64_t sent = landed(q);

	if (sent)
		delivered(q->m, sent, at);
	else
		q->m->now.unexpected++;
}

/* ---- in the guest ---- */

/* What waits in the PIR is the next one; what does not was merged in the IRR. */
static uint64_t next_of(struct pn_lab_vcpu *v, uint8_t vector, bool pir)
{
	uint64_t second = v->second[vector];

	v->second[vector] = 0;
	if (!second || pir)
		return second;
	pn_account_coalesced(v->m, second);
	v->m->outstanding--;
	return 0;
}

void pn_account_take(struct pn_lab_vcpu *v, uint8_t vector, bool pir)
{
	v->taken = v->sent[vector];
	v->sent[vector] = next_of(v, vector, pir);
	if (!v->taken && vector != PN_GUEST_TIMER_VECTOR)
		v->m->now.unexpected++;
}

void pn_account_deliver(struct pn_lab_vcpu *v, uint64_t at)
{
	uint64_t sent = v->taken;

	if (!sent)
		return;
	v->taken = 0;
	v->m->outstanding--;
	delivered(v->m, sent, at);
}

/* ---- IPIs ---- */

uint64_t pn_account_ipi_sent(struct pn_lab_vcpu *from)
{
	return pn_account_stamp(from->m, NULL) | PN_SENT_IPI;
}

static void ipi_to(const struct pn_lab_vcpu *from, struct pn_lab_vcpu *to, const struct pn_ipi *ipi,
		   uint64_t sent, void (*set)(struct pn_lab_vcpu *, uint8_t, uint64_t))
{
	uint64_t blocked = to->sim->task.state == PN_TASK_SLEEPING ? PN_SENT_BLOCKED : 0;

	pn_account_sent(to->m, sent);
	to->m->now.ipis++;
	if (to->m->tracer)
		pn_tracer_ipi(to->m->tracer, from, to, ipi->vector, sent);
	set(to, ipi->vector, sent | blocked);
}

void pn_account_ipi(struct pn_lab_vcpu *from, const struct pn_ipi *ipi, uint64_t sent,
		    void (*set)(struct pn_lab_vcpu *, uint8_t, uint64_t))
{
	struct pn_machine *m = from->m;

	switch (ipi->kind) {
	case PN_SEND_FIXED:
	case PN_SEND_LOGICAL:
		ipi_to(from, pn_lab_of(ipi->to), ipi, sent, set);
		break;
	case PN_SEND_SELF:
		ipi_to(from, from, ipi, sent, set);
		break;
	case PN_SEND_BROADCAST:
		for (uint32_t i = 0; i < from->sim->ipi_vcpus; i++)
			if (&m->vcpu[from->first + i] != from)
				ipi_to(from, &m->vcpu[from->first + i], ipi, sent, set);
		break;
	default: /* NMI, INIT: no vector that a handler would see */
		break;
	}
}

static void injected(struct pn_lab_vcpu *to, uint8_t vector, uint64_t sent)
{
	to->m->now.ipis_injected++;
	to->m->plat->arrived(to, vector, sent);
	pn_account_injecting(to, vector);
}

void pn_account_ipi_exit(struct pn_lab_vcpu *from, const struct pn_ipi *ipi, uint64_t sent)
{
	pn_account_ipi(from, ipi, sent, injected);
}

bool pn_account_wake(struct pn_lab_vcpu *v, struct pn_pcpu *self, enum pn_wake_reason why)
{
	bool need = v->need, notification = why == PN_WAKE_NOTIFY || why == PN_WAKE_RECOVER;

	if (!pn_task_wake(&v->sim->task, self))
		return false;
	/* The host never gets a dropped entry: a later interrupt, or a timer, woke the vCPU. */
	v->m->now.missed += need && (v->dropped || (!notification && !v->notified));
	v->m->now.spurious += notification && !need;
	v->need = v->dropped = false;
	return true;
}

/* ---- sums ---- */

static void add_agent(struct pn_totals *t, const struct pn_agent *a)
{
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		t->steps[i] += a->step[i].count;
}

void pn_machine_totals(const struct pn_machine *m, struct pn_totals *t)
{
	*t = m->now;
	memset(t->steps, 0, sizeof(t->steps));
	t->host_ns = t->recorded_ns = 0;
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++) {
		const struct pn_pcpu *p = &m->sim->pcpu[i];

		add_agent(t, &p->agent);
		t->host_ns += p->host_ns;
		t->recorded_ns += p->recorded_ns;
		t->cpu_interrupts[i] = p->interrupts;
	}
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		add_agent(t, &m->iommu[i].agent);
	add_agent(t, &m->router);
	t->parked = 0;
	for (uint32_t i = 0; i < m->vcpus; i++)
		t->parked += m->plat->parked ? m->plat->parked(&m->vcpu[i]) : 0;
	t->completions = m->sim->completions;
	t->ipi_completions = m->sim->ipi_completions;
	t->polls = m->sim->polls;
	t->events = m->sim->events;
}
