/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

/*
 * At the end of every run: what devices sent, what hardware posted and logged, what the host read
 * and what guests handled must add up, and every table must say what the host believes.
 */

struct report {
	char *buf;
	unsigned size, used;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct report *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (r->used + 1 >= r->size)
		return;
	if (r->used)
		r->used += (unsigned)snprintf(r->buf + r->used, r->size - r->used, "; ");
	if (r->used >= r->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(r->buf + r->used, r->size - r->used, fmt, ap);
	va_end(ap);
	r->used += n > 0 ? (unsigned)n : 0;
}

/* IRR and parked bits are exactly the interrupts that are on their way to this guest. */
static void check_irr(struct report *r, const struct pn_lab_vcpu *v)
{
	for (unsigned word = 0; word < 8; word++) {
		uint32_t irr = pn_svm_irr(v->svm, word), want = 0;

		for (unsigned bit = 0; bit < 32; bit++) {
			unsigned vector = word * 32 + bit;

			if (vector == PN_GUEST_TIMER_VECTOR)
				want |= irr & 1u << bit;
			else if (v->sent[vector])
				want |= 1u << bit;
		}
		if (irr != want)
			wrong(r, "vCPU %u: IRR word %u is %08x, on their way are %08x", v->sim->id,
			      word, irr, want);
	}
}

/* ISR holds the handler that runs and nothing else. */
static void check_isr(struct report *r, const struct pn_lab_vcpu *v)
{
	int in_service = pn_vapic_highest(v->svm->page, PN_APIC_ISR);
	int handler = v->inject >= 0 ? v->inject : v->sim->handler;

	if (v->sim->st == PN_V_EOI && handler < 0)
		return; /* the EOI has exited and is not handled yet */
	if (in_service != handler || pn_vapic_count(v->svm->page, PN_APIC_ISR) > 1)
		wrong(r, "vCPU %u: ISR says %d, the guest handles %d", v->sim->id, in_service,
		      handler);
}

static void check_vcpus(struct report *r, struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->vcpus; i++) {
		struct pn_lab_vcpu *v = &m->vcpu[i];
		const char *text;

		check_irr(r, v);
		check_isr(r, v);
		text = pn_svm_check(v->svm, &m->cpu[0]);
		if (text)
			wrong(r, "vCPU %u: %s", i, text);
	}
}

/* The IOMMU's own counters, its steps and what the lab saw are three books of the same thing. */
static void check_iommus(struct report *r, struct pn_machine *m, const struct pn_totals *t)
{
	uint64_t msis = 0, entries = 0, sent = 0, logged;

	for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
		struct pn_lab_iommu *io = &m->iommu[i];
		struct pn_amdvi_stats st;
		uint64_t head = 0, tail = 0;

		pn_amdvi_stats(io->vi, &st);
		pn_amdvi_read(io->vi, PN_AMDVI_GA_HEAD, 8, &head);
		pn_amdvi_read(io->vi, PN_AMDVI_GA_TAIL, 8, &tail);
		logged = (tail - head) / PN_GALOG_SIZE % m->sc->machine.galog_entries;
		if (logged)
			wrong(r, "IOMMU %u: %lu log entries nobody read", i, (unsigned long)logged);
		if (st.msis != st.forwarded + st.remapped + st.posted + st.aborted)
			wrong(r, "IOMMU %u: results do not add up to requests", i);
		if (st.posted != io->agent.count[PN_STEP_IRR_SET])
			wrong(r, "IOMMU %u: posted %lu, IRR set %lu", i, (unsigned long)st.posted,
			      (unsigned long)io->agent.count[PN_STEP_IRR_SET]);
		if (st.aborted || st.forwarded || st.events)
			wrong(r, "IOMMU %u: %lu requests aborted, %lu forwarded, %lu events", i,
			      (unsigned long)st.aborted, (unsigned long)st.forwarded,
			      (unsigned long)st.events);
		msis += st.msis;
		entries += st.galog_entries;
		sent += st.gappi_sent;
	}
	if (msis != t->steps[PN_STEP_DEVICE_WRITE])
		wrong(r, "devices sent %lu, IOMMUs saw %lu",
		      (unsigned long)t->steps[PN_STEP_DEVICE_WRITE], (unsigned long)msis);
	if (entries != t->steps[PN_STEP_GALOG_READ])
		wrong(r, "%lu log entries written, %lu read", (unsigned long)entries,
		      (unsigned long)t->steps[PN_STEP_GALOG_READ]);
	if (sent < t->steps[PN_STEP_IRQ_WAKEUP])
		wrong(r, "%lu GAPPIs sent, %lu taken", (unsigned long)sent,
		      (unsigned long)t->steps[PN_STEP_IRQ_WAKEUP]);
}

static void check_lists(struct report *r, struct pn_machine *m)
{
	uint64_t listed = 0, believed = 0;

	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++)
		pn_list_for_each (node, &m->cpu[i].wake_list)
			listed++;
	for (uint32_t i = 0; i < m->vcpus; i++)
		believed += m->svcpu[i].on_list;
	if (listed != believed)
		wrong(r, "wakeup lists hold %lu vCPUs, %lu believe to be on one",
		      (unsigned long)listed, (unsigned long)believed);
}

static bool on_its_way(const struct pn_lab_queue *q)
{
	const struct pn_machine *m = q->m;

	if (q->flights)
		return true;
	/* It may have moved since: whoever knows it by some vector. */
	for (uint32_t i = 0; i < m->vcpus; i++) {
		const struct pn_lab_vcpu *v = &m->vcpu[i];

		for (unsigned k = 0; k < 256; k++)
			if (v->sim->by_vector[k] == q->sim &&
			    (v->sent[k] || v->sim->handler == (int)k || v->inject == (int)k))
				return true;
	}
	return false;
}

/* What a device signalled is seen by a handler, or the interrupt is still to come. */
static void check_queues(struct report *r, const struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->queues; i++) {
		const struct pn_queue *q = m->queue[i].sim;

		if (q->ready > q->unsignalled && !on_its_way(&m->queue[i]))
			wrong(r, "queue %u: %u completions that no handler saw", i,
			      q->ready - q->unsignalled);
	}
}

/* Every interrupt is delivered, coalesced, or in one of the places where it can be on its way. */
static void check_books(struct report *r, const struct pn_machine *m, const struct pn_totals *t)
{
	uint64_t window = 0, all = 0;

	for (uint32_t i = 0; i < m->vcpus; i++) {
		const struct pn_lab_vcpu *v = &m->vcpu[i];

		window += v->taken & PN_SENT_WINDOW;
		all += v->taken != 0;
		for (unsigned k = 0; k < 256; k++) {
			window += v->sent[k] & PN_SENT_WINDOW;
			all += v->sent[k] != 0;
		}
	}
	for (uint32_t i = 0; i < m->queues; i++) {
		const struct pn_lab_queue *q = &m->queue[i];

		all += q->flights;
		for (uint32_t k = 0; k < q->flights; k++)
			window +=
				q->flight[(q->flight_head + k) % PN_FLIGHTS].sent & PN_SENT_WINDOW;
	}
	if (t->interrupts != t->delivered + t->coalesced + window)
		wrong(r, "%lu interrupts, but %lu delivered, %lu coalesced, %lu on their way",
		      (unsigned long)t->interrupts, (unsigned long)t->delivered,
		      (unsigned long)t->coalesced, (unsigned long)window);
	if (m->outstanding != all)
		wrong(r, "%lu interrupts outstanding, %lu found", (unsigned long)m->outstanding,
		      (unsigned long)all);
}

void pn_selfcheck(struct pn_machine *m, char *buf, unsigned size)
{
	struct report r = {buf, size, 0};
	struct pn_totals t;

	buf[0] = '\0';
	pn_machine_totals(m, &t);
	check_books(&r, m, &t);
	if (t.unexpected)
		wrong(&r, "%lu vectors delivered that nobody sent", (unsigned long)t.unexpected);
	if (m->error)
		wrong(&r, "internal error %d", m->error);
	if (m->sim->out_of_memory)
		wrong(&r, "out of memory for messages");
	check_vcpus(&r, m);
	check_iommus(&r, m, &t);
	check_lists(&r, m);
	check_queues(&r, m);
}
