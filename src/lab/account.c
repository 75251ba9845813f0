/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "machine.h"

/*
 * What becomes of every interrupt: delivered, coalesced or lost, and whether a sleeping vCPU was
 * told. Kept from outside, by what the machine does, so that it can be held against what the
 * hardware and the host count themselves (selfcheck.c).
 */

static uint64_t stamp(const struct pn_machine *m, const struct pn_lab_vcpu *v)
{
	uint64_t now = pn_sim_now(m->sim);
	uint64_t blocked = v->sim->task.state == PN_TASK_SLEEPING ? PN_SENT_BLOCKED : 0;
	uint64_t window = now >= m->warmup_at ? PN_SENT_WINDOW : 0;

	return (now + 1) << PN_SENT_SHIFT | blocked | window;
}

static void coalesce(struct pn_machine *m, uint64_t sent)
{
	if (sent & PN_SENT_WINDOW)
		m->now.coalesced++;
}

/* The IRR bit of @vector is set, or was already. */
static void arrived(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent)
{
	if (v->sent[vector]) {
		coalesce(v->m, sent);
		return;
	}
	v->sent[vector] = sent;
	v->m->outstanding++;
}

static void note_need(struct pn_lab_vcpu *v)
{
	if (v->need || v->sim->task.state != PN_TASK_SLEEPING)
		return;
	v->need = true;
	v->m->now.needed++;
}

static uint64_t notifications(const struct pn_agent *a)
{
	return a->count[PN_STEP_GALOG_ENTRY] + a->count[PN_STEP_GALOG_DROP] +
	       a->count[PN_STEP_GAPPI_SEND];
}

void pn_account_msi(struct pn_lab_queue *q)
{
	struct pn_machine *m = q->m;
	struct pn_lab_iommu *io = &m->iommu[q->iommu];
	struct pn_lab_vcpu *v = pn_lab_of(q->sim->vcpu);
	uint64_t sent = stamp(m, v), told;

	io->agent.elapsed_ns = 0;
	pn_step(&io->agent, PN_STEP_DEVICE_WRITE, v->sim->id, q->sim->vector);
	if (sent & PN_SENT_WINDOW)
		m->now.interrupts++;
	told = notifications(&io->agent);
	switch (pn_amdvi_msi(io->vi, &q->msi)) {
	case PN_MSI_POSTED:
		arrived(v, q->sim->vector, sent);
		if (notifications(&io->agent) != told)
			v->notified = true;
		if (v->sim->task.state == PN_TASK_SLEEPING &&
		    pn_vapic_deliverable(v->svm->page) >= 0)
			note_need(v);
		break;
	case PN_MSI_REMAPPED:
		v->notified = true;
		if (q->flights == PN_FLIGHTS) {
			m->error = 2;
			break;
		}
		q->flight[(q->flight_head + q->flights++) % PN_FLIGHTS].sent = sent;
		m->outstanding++;
		break;
	default:
		m->error = 3;
	}
}

void pn_account_merged(struct pn_lab_queue *q)
{
	if (!q->flights)
		return;
	q->flights--;
	q->m->outstanding--;
	coalesce(q->m, q->flight[(q->flight_head + q->flights) % PN_FLIGHTS].sent);
}

void pn_account_inject(struct pn_lab_queue *q, struct pn_svm_cpu *c)
{
	struct pn_lab_vcpu *v = pn_lab_of(q->sim->vcpu);
	uint8_t vector = q->sim->vector;

	if (q->flights) {
		uint64_t sent = q->flight[q->flight_head].sent;

		q->flight_head = (q->flight_head + 1) % PN_FLIGHTS;
		q->flights--;
		q->m->outstanding--;
		arrived(v, vector, sent);
	}
	if ((vector & 0xF0) > (pn_vapic_ppr(v->svm->page) & 0xF0))
		note_need(v);
	pn_svm_inject(v->svm, c, vector, PN_WAKE_NOTIFY);
}

static void latency(struct pn_machine *m, uint64_t sent, uint64_t at)
{
	uint64_t ns = at - ((sent >> PN_SENT_SHIFT) - 1);

	pn_hist_add(m->latency, ns);
	if (sent & PN_SENT_BLOCKED)
		pn_hist_add(m->wake, ns);
}

void pn_account_take(struct pn_lab_vcpu *v, uint8_t vector)
{
	v->taken = v->sent[vector];
	v->sent[vector] = 0;
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
	if (!(sent & PN_SENT_WINDOW))
		return;
	v->m->now.delivered++;
	latency(v->m, sent, at);
}

bool pn_account_wake(struct pn_lab_vcpu *v, struct pn_pcpu *self, enum pn_wake_reason why)
{
	bool need = v->need;

	if (!pn_task_wake(&v->sim->task, self))
		return false;
	v->need = false;
	if (why == PN_WAKE_NOTIFY || why == PN_WAKE_RECOVER)
		v->m->now.spurious += !need;
	else
		v->m->now.missed += need && !v->notified;
	return true;
}

/* ---- sums ---- */

static void add_agent(struct pn_totals *t, const struct pn_agent *a)
{
	for (unsigned i = 0; i < PN_STEP_NR; i++)
		t->steps[i] += a->count[i];
}

void pn_machine_totals(const struct pn_machine *m, struct pn_totals *t)
{
	*t = m->now;
	memset(t->steps, 0, sizeof(t->steps));
	t->host_ns = 0;
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++) {
		const struct pn_pcpu *p = &m->sim->pcpu[i];

		add_agent(t, &p->agent);
		t->host_ns += p->host_ns;
		t->cpu_interrupts[i] = p->interrupts;
	}
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		add_agent(t, &m->iommu[i].agent);
	t->parked = 0;
	for (uint32_t i = 0; i < m->vcpus; i++)
		t->parked += m->svcpu[i].parked_bits;
	t->completions = m->sim->completions;
	t->events = m->sim->events;
}
