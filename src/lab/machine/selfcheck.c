/* SPDX-License-Identifier: MIT */
/*
 * At the end of every run: interrupts sent, posted, logged, read by the host and handled by guests
 * must add up, and every table must agree with the host.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

void pn_wrong(struct pn_complaints *r, const char *fmt, ...)
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
static void check_irr(struct pn_complaints *r, const struct pn_lab_vcpu *v)
{
	for (unsigned word = 0; word < 8; word++) {
		uint32_t irr = v->m->hyp->ops->irr(v->h, word), want = 0;

		for (unsigned bit = 0; bit < 32; bit++) {
			unsigned vector = word * 32 + bit;

			if (vector == PN_GUEST_TIMER_VECTOR)
				want |= irr & 1u << bit;
			else if (v->sent[vector])
				want |= 1u << bit;
		}
		if (irr != want)
			pn_wrong(r, "vCPU %u: IRR word %u is %08x, on their way are %08x",
				 v->sim->id, word, irr, want);
	}
}

/* ISR holds the handler that runs and nothing else. */
static void check_isr(struct pn_complaints *r, const struct pn_lab_vcpu *v)
{
	int in_service = pn_vapic_highest(v->h->page, PN_APIC_ISR);
	int handler = v->inject >= 0 ? v->inject : v->sim->handler;

	if (v->sim->st == PN_V_EOI && handler < 0)
		return; /* the EOI has exited and is not handled yet */
	if (in_service != handler || pn_vapic_count(v->h->page, PN_APIC_ISR) > 1)
		pn_wrong(r, "vCPU %u: ISR says %d, the guest handles %d", v->sim->id, in_service,
			 handler);
}

static void check_vcpus(struct pn_complaints *r, struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->vcpus; i++) {
		struct pn_lab_vcpu *v = &m->vcpu[i];
		const char *text;

		check_irr(r, v);
		check_isr(r, v);
		text = m->plat->check ? m->plat->check(v) : NULL;
		if (!text)
			text = m->hyp->ops->check(v->h, &m->cpu[0]);
		if (text)
			pn_wrong(r, "vCPU %u: %s", i, text);
	}
}

static void check_lists(struct pn_complaints *r, struct pn_machine *m)
{
	uint64_t listed = 0, believed = 0;

	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++)
		pn_list_for_each (node, &m->cpu[i].wake_list)
			listed++;
	for (uint32_t i = 0; i < m->vcpus; i++)
		believed += m->hyp->ops->listed(m->vcpu[i].h);
	if (listed != believed)
		pn_wrong(r, "wakeup lists hold %lu vCPUs, %lu believe to be on one",
			 (unsigned long)listed, (unsigned long)believed);
}

static bool on_its_way(const struct pn_lab_queue *q)
{
	const struct pn_machine *m = q->m;

	if (q->flights || m->core[q->host_cpu].handling == q)
		return true;
	/* It may have moved since: any vCPU that knows it by some vector. */
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
static void check_queues(struct pn_complaints *r, const struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->queues; i++) {
		const struct pn_queue *q = m->queue[i].sim;
		const char *text = m->plat->check_queue ? m->plat->check_queue(&m->queue[i]) : NULL;

		if (text)
			pn_wrong(r, "queue %u: %s", i, text);
		if (q->ready > q->unsignalled && !on_its_way(&m->queue[i]))
			pn_wrong(r, "queue %u: %u completions that no handler saw", i,
				 q->ready - q->unsignalled);
	}
}

static void check_cpus(struct pn_complaints *r, struct pn_machine *m)
{
	for (uint32_t i = 0; m->plat->check_cpu && i < m->sc->machine.pcpus; i++) {
		const char *text = m->plat->check_cpu(m, i);

		if (text)
			pn_wrong(r, "CPU %u: %s", i, text);
	}
}

/* Interrupts that are on their way: all, and those of the measured part by kind. */
struct under_way {
	uint64_t all, window[PN_PARTS];
};

static void found(struct under_way *u, uint64_t sent)
{
	u->all += sent != 0;
	if (sent & PN_SENT_WINDOW)
		u->window[sent & PN_SENT_IPI ? PN_PART_IPIS : PN_PART_DEVICES]++;
}

static void check_parts(struct pn_complaints *r, const struct pn_machine *m,
			const struct pn_totals *t, const struct under_way *u)
{
	uint64_t interrupts = 0;

	for (unsigned i = 0; i < PN_PARTS; i++) {
		const struct pn_part *p = &m->part[i];

		interrupts += p->interrupts;
		if (p->interrupts != p->delivered + p->coalesced + u->window[i] ||
		    p->latency.n != p->delivered)
			pn_wrong(r,
				 "%s: %lu sent, but %lu delivered, %lu coalesced, %lu on their way",
				 pn_part_name((enum pn_part_kind)i), (unsigned long)p->interrupts,
				 (unsigned long)p->delivered, (unsigned long)p->coalesced,
				 (unsigned long)u->window[i]);
	}
	if (interrupts != t->interrupts)
		pn_wrong(r, "%lu interrupts, but %lu of devices and IPIs",
			 (unsigned long)t->interrupts, (unsigned long)interrupts);
}

/* Every interrupt is delivered, coalesced, or in one of the places where it can be on its way. */
static void check_books(struct pn_complaints *r, const struct pn_machine *m,
			const struct pn_totals *t)
{
	struct under_way u = {0};
	uint64_t window;

	for (uint32_t i = 0; i < m->vcpus; i++) {
		const struct pn_lab_vcpu *v = &m->vcpu[i];

		found(&u, v->taken);
		for (unsigned k = 0; k < 256; k++) {
			found(&u, v->sent[k]);
			found(&u, v->second[k]);
		}
	}
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
		const struct pn_lab_iommu *io = &m->iommu[i];

		for (uint32_t k = 0; k < io->waits; k++)
			found(&u, io->waiting[(io->head + k) & (io->room - 1)].sent);
	}
	for (uint32_t i = 0; i < m->queues; i++) {
		const struct pn_lab_queue *q = &m->queue[i];

		for (uint32_t k = 0; k < q->flights; k++)
			found(&u, q->flight[(q->flight_head + k) & (q->flight_room - 1)]);
	}
	window = u.window[PN_PART_DEVICES] + u.window[PN_PART_IPIS];
	if (t->interrupts != t->delivered + t->coalesced + window)
		pn_wrong(r, "%lu interrupts, but %lu delivered, %lu coalesced, %lu on their way",
			 (unsigned long)t->interrupts, (unsigned long)t->delivered,
			 (unsigned long)t->coalesced, (unsigned long)window);
	if (m->outstanding != u.all)
		pn_wrong(r, "%lu interrupts outstanding, %lu found", (unsigned long)m->outstanding,
			 (unsigned long)u.all);
	if (m->part)
		check_parts(r, m, t, &u);
}

/* Each target of an IPI got its bit once: from a processor, or from the hypervisor. */
static void check_ipis(struct pn_complaints *r, const struct pn_totals *t)
{
	if (t->steps[PN_STEP_IPI_POST] + t->ipis_injected != t->ipis)
		pn_wrong(r, "IPIs to %lu vCPUs, but hardware posted %lu and the host %lu",
			 (unsigned long)t->ipis, (unsigned long)t->steps[PN_STEP_IPI_POST],
			 (unsigned long)t->ipis_injected);
}

/* All time that CPUs spent on polling is in the account of a poll, over or not. */
static void check_polls(struct pn_complaints *r, const struct pn_machine *m)
{
	const struct pn_poll_stats *st = &m->sim->polls;
	uint64_t spent = st->success_ns + st->fail_ns;

	for (uint32_t i = 0; i < m->vcpus; i++)
		spent += m->vcpu[i].sim->poll.spent;
	if (spent != st->spans_ns)
		pn_wrong(r, "CPUs polled for %lu ns, but halts account for %lu",
			 (unsigned long)st->spans_ns, (unsigned long)spent);
	if (st->successful > st->attempted)
		pn_wrong(r, "%lu of %lu polls met an interrupt", (unsigned long)st->successful,
			 (unsigned long)st->attempted);
}

void pn_selfcheck(struct pn_machine *m, char *buf, unsigned size)
{
	struct pn_complaints r = {buf, size, 0};
	struct pn_totals t;

	buf[0] = '\0';
	pn_machine_totals(m, &t);
	check_books(&r, m, &t);
	if (t.unexpected)
		pn_wrong(&r, "%lu vectors delivered that nobody sent", (unsigned long)t.unexpected);
	if (m->error)
		pn_wrong(&r, "internal error: %s", m->error);
	if (m->sim->out_of_memory)
		pn_wrong(&r, "out of memory for messages");
	check_ipis(&r, &t);
	check_polls(&r, m);
	check_vcpus(&r, m);
	check_cpus(&r, m);
	m->plat->check_iommus(&r, m, &t);
	check_lists(&r, m);
	check_queues(&r, m);
}
