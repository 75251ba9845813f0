/* SPDX-License-Identifier: MIT */
/*
 * Keeps a few wakeups of a run with their steps. Which of them is the median is known only at the
 * end, so one is kept for each length, about as fine as a histogram; its steps are taken from a
 * ring of the last steps when its handler starts.
 */
#include <math.h>
#include <stdlib.h>

#include "trace.h"
#include "wakes.h"

#define RING	 262144u /* a power of two */
#define PER_TWO	 16	 /* lengths told apart between one and its double */
#define LENGTHS	 (64 * PER_TWO)
#define LEFT_CPU 3 /* CPUs that one wakeup can involve */

struct entry {
	uint64_t now, serves; /* when it took effect; an IOMMU's: for which interrupt */
	const struct pn_lab_vcpu *vcpu;
	struct pn_wake_step step;
};

struct pn_wakelog {
	const struct pn_machine *m;
	uint64_t steps; /* so far: the next place in the ring */
	struct entry ring[RING];
	struct pn_wake *kept[LENGTHS], *slowest;
	uint64_t too_old; /* wakeups whose beginning had left the ring */
};

/* What is looked for around one wakeup. */
struct look {
	const struct pn_wakelog *log;
	uint64_t first, sent, flow; /* first: place in the ring */
	const struct pn_lab_vcpu *vcpu;
	struct pn_wake *w;
	uint32_t cpu[LEFT_CPU];
	unsigned cpus;
	const struct entry *wake; /* NULL: it was not found */
};

struct pn_wakelog *pn_wakelog_open(const struct pn_machine *m)
{
	struct pn_wakelog *l = calloc(1, sizeof(*l));

	if (l)
		l->m = m;
	return l;
}

void pn_wakelog_close(struct pn_wakelog *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < LENGTHS; i++)
		free(l->kept[i]);
	free(l->slowest);
	free(l);
}

static const struct entry *at_place(const struct pn_wakelog *l, uint64_t place)
{
	return &l->ring[place & (RING - 1)];
}

/* ---- finding the parts ---- */

static bool is_by(const struct entry *e, enum pn_wake_who who, uint32_t id)
{
	return e->step.who == who && e->step.id == id;
}

static void add_cpu(struct look *k, uint32_t cpu)
{
	for (unsigned i = 0; i < k->cpus; i++)
		if (k->cpu[i] == cpu)
			return;
	if (k->cpus < LEFT_CPU)
		k->cpu[k->cpus++] = cpu;
}

/* The newest step of that kind on a CPU that began before @before; NULL: none since it was sent. */
static const struct entry *newest(const struct look *k, unsigned a, unsigned b, uint32_t cpu,
				  uint64_t before)
{
	for (uint64_t i = k->log->steps; i > k->first; i--) {
		const struct entry *e = at_place(k->log, i - 1);

		if ((e->step.step == a || e->step.step == b) && is_by(e, PN_WAKE_BY_CPU, cpu) &&
		    e->step.at <= before)
			return e;
	}
	return NULL;
}

static void find_wake(struct look *k)
{
	for (uint64_t i = k->log->steps; i > k->first; i--) {
		const struct entry *e = at_place(k->log, i - 1);

		if (e->step.step == PN_STEP_WAKE && e->vcpu == k->vcpu) {
			k->wake = e;
			return;
		}
	}
}

/* The log's thread can be on another CPU than the interrupt that woke it. */
static uint32_t told_cpu(struct look *k)
{
	for (uint64_t i = k->log->steps; i > k->first; i--) {
		const struct entry *e = at_place(k->log, i - 1);

		if (e->step.step == PN_STEP_IRQ_GA_LOG && e->step.at <= k->wake->step.at)
			return e->step.id;
	}
	return k->wake->step.id;
}

static uint64_t end_of(const struct entry *e)
{
	return e->step.at + e->step.ns;
}

static void find_unit(struct look *k)
{
	uint64_t begun = UINT64_MAX, told = 0;

	for (uint64_t i = k->first; i < k->log->steps; i++) {
		const struct entry *e = at_place(k->log, i);

		if (e->serves != k->flow || e->step.who != PN_WAKE_BY_IOMMU)
			continue;
		k->w->iommu = e->step.id;
		begun = e->step.at < begun ? e->step.at : begun;
		told = end_of(e) > told ? end_of(e) : told;
	}
	if (begun == UINT64_MAX)
		return;
	k->w->end[PN_WAKE_UNIT_BUSY] = begun;
	k->w->end[PN_WAKE_UNIT] = told;
}

static void find_host(struct look *k)
{
	const struct entry *e;
	uint32_t told;

	find_wake(k);
	if (!k->wake)
		return;
	told = told_cpu(k);
	k->w->waker = k->wake->step.id;
	e = newest(k, PN_STEP_IRQ_ENTRY, PN_STEP_IRQ_AGAIN, told, k->wake->step.at);
	if (e)
		k->w->end[PN_WAKE_CPU_BUSY] = e->step.at;
	k->w->end[PN_WAKE_HOST] = end_of(k->wake);
	add_cpu(k, told);
	add_cpu(k, k->wake->step.id);
}

/* The first entry of the guest after the CPU switched to it. */
static void find_vmrun(struct look *k, const struct entry *sw)
{
	for (uint64_t i = k->first; i < k->log->steps; i++) {
		const struct entry *e = at_place(k->log, i);

		if (e->step.step != PN_STEP_VMRUN || e->vcpu != k->vcpu || e->step.at < sw->step.at)
			continue;
		k->w->end[PN_WAKE_ENTRY] = end_of(e);
		return;
	}
}

static void find_entry(struct look *k, uint32_t cpu, uint64_t at)
{
	const struct entry *e = newest(k, PN_STEP_CTX_SWITCH, PN_STEP_CTX_SWITCH, cpu, at);

	k->w->cpu = cpu;
	add_cpu(k, cpu);
	k->w->end[PN_WAKE_GUEST] = at;
	if (!e)
		return;
	k->w->end[PN_WAKE_RUNNABLE] = e->step.at;
	find_vmrun(k, e);
}

/* The vCPU in whose guest the CPU was at the beginning. */
static uint32_t guest_before(const struct look *k, uint32_t cpu)
{
	uint64_t oldest = k->log->steps > RING ? k->log->steps - RING : 0;

	for (uint64_t i = k->first; i > oldest; i--) {
		const struct entry *e = at_place(k->log, i - 1);

		if (!is_by(e, PN_WAKE_BY_CPU, cpu))
			continue;
		if (e->step.step == PN_STEP_VMEXIT)
			break;
		if (e->step.step == PN_STEP_VMRUN)
			return e->step.vcpu;
	}
	return PN_WAKE_NONE;
}

/* A part that was not found, or ended before the one before it, has no length. */
static void put_in_order(struct pn_wake *w)
{
	uint64_t last = w->sent;

	for (unsigned i = 0; i < PN_WAKE_PARTS; i++) {
		if (w->end[i] < last)
			w->end[i] = last;
		if (w->end[i] > w->end[PN_WAKE_GUEST])
			w->end[i] = w->end[PN_WAKE_GUEST];
		last = w->end[i];
	}
}

/* ---- keeping the steps ---- */

/* What the waker does once the vCPU is runnable is not on the way. */
static bool by_involved_cpu(const struct look *k, const struct entry *e)
{
	for (unsigned i = 0; i < k->cpus; i++)
		if (is_by(e, PN_WAKE_BY_CPU, k->cpu[i]))
			return end_of(e) >= k->sent &&
			       (k->cpu[i] == k->w->cpu || e->step.at < k->w->end[PN_WAKE_HOST]);
	return false;
}

static bool belongs(const struct look *k, const struct entry *e)
{
	const struct pn_wake *w = k->w;

	if (e->step.at > w->end[PN_WAKE_GUEST])
		return false;
	switch (e->step.who) {
	case PN_WAKE_BY_DEVICE:
	case PN_WAKE_BY_ROUTER:
		return e->serves == k->flow;
	case PN_WAKE_BY_IOMMU:
		return e->serves == k->flow ||
		       (e->step.id == w->iommu && e->step.at < w->end[PN_WAKE_UNIT_BUSY]);
	default:
		return by_involved_cpu(k, e);
	}
}

/* Those that are for it first, then the newest of the others. */
static void keep(struct look *k, bool for_it)
{
	for (uint64_t i = k->log->steps; i > k->first && k->w->n < PN_WAKE_STEPS; i--) {
		const struct entry *e = at_place(k->log, i - 1);
		bool its = e->serves == k->flow || e == k->wake;
		struct pn_wake_step *s = &k->w->step[k->w->n];

		if (its != for_it || !belongs(k, e))
			continue;
		*s = e->step;
		s->for_it = its;
		s->awaited = e == k->wake;
		k->w->n++;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct pn_wake_step *x = a, *y = b;

	if (x->at != y->at)
		return x->at > y->at ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

static struct pn_wake *take(const struct pn_wakelog *l, const struct pn_traced *s)
{
	struct look k = {.log = l,
			 .sent = (s->stamp >> PN_SENT_SHIFT) - 1,
			 .flow = s->flow,
			 .vcpu = s->vcpu};

	k.w = calloc(1, sizeof(*k.w));
	if (!k.w)
		return NULL;
	k.w->sent = k.sent;
	k.w->vcpu = s->vcpu->sim->id;
	k.w->vector = (uint32_t)s->b;
	k.first = l->steps > RING ? l->steps - RING : 0;
	while (k.first < l->steps && at_place(l, k.first)->now < k.sent)
		k.first++;
	find_unit(&k);
	find_host(&k);
	find_entry(&k, s->agent->id, s->at);
	k.w->other = guest_before(&k, s->agent->id);
	put_in_order(k.w);
	keep(&k, true);
	keep(&k, false);
	qsort(k.w->step, k.w->n, sizeof(*k.w->step), by_time);
	return k.w;
}

static void look_at(struct pn_wakelog *l, const struct pn_traced *s)
{
	uint64_t ns = s->at - ((s->stamp >> PN_SENT_SHIFT) - 1);
	unsigned length = ns ? (unsigned)(PER_TWO * log2((double)ns)) : 0;

	if (!(s->stamp & PN_SENT_WINDOW) || !(s->stamp & PN_SENT_BLOCKED))
		return;
	if (l->steps > RING &&
	    at_place(l, l->steps - RING)->now >= (s->stamp >> PN_SENT_SHIFT) - 1) {
		l->too_old++;
		return;
	}
	if (!l->kept[length])
		l->kept[length] = take(l, s);
	if (l->slowest && pn_wake_ns(l->slowest) >= ns)
		return;
	free(l->slowest);
	l->slowest = take(l, s);
}

void pn_wakelog_step(struct pn_wakelog *l, const struct pn_traced *s)
{
	uint64_t place = l->steps++;
	struct entry *e = &l->ring[place & (RING - 1)];

	*e = (struct entry){
		.now = pn_sim_now(l->m->sim),
		.serves = s->serves,
		.vcpu = s->vcpu,
		.step = {.at = s->at,
			 .ns = s->ns,
			 .order = place,
			 .id = s->agent->id,
			 .vcpu = s->vcpu ? s->vcpu->sim->id : PN_WAKE_NONE,
			 .step = (uint16_t)s->step,
			 .who = s->step == PN_STEP_DEVICE_WRITE ? PN_WAKE_BY_DEVICE
				: pn_traced_by_cpu(s)		? PN_WAKE_BY_CPU
				: s->agent == &l->m->router	? PN_WAKE_BY_ROUTER
								: PN_WAKE_BY_IOMMU},
	};
	if (s->step == PN_STEP_HANDLER_START && s->stamp && s->vcpu)
		look_at(l, s);
}

/* ---- choosing ---- */

static const struct pn_wake *nearest(const struct pn_wakelog *l, uint64_t ns)
{
	const struct pn_wake *best = l->slowest;

	for (unsigned i = 0; i < LENGTHS; i++) {
		const struct pn_wake *w = l->kept[i];

		if (w && llabs((long long)(pn_wake_ns(w) - ns)) <
				 llabs((long long)(pn_wake_ns(best) - ns)))
			best = w;
	}
	return best;
}

struct pn_wakes *pn_wakelog_choose(const struct pn_wakelog *l, const struct pn_hist *wake)
{
	struct pn_wakes *w = calloc(1, sizeof(*w));

	if (!w || !l->slowest)
		return w;
	w->too_long = l->too_old;
	w->wake[PN_WAKE_P50] = *nearest(l, pn_hist_quantile(wake, 0.5));
	w->wake[PN_WAKE_P99] = *nearest(l, pn_hist_quantile(wake, 0.99));
	w->wake[PN_WAKE_MAX] = *l->slowest;
	w->n = PN_WAKE_CHOICES;
	return w;
}
