/* SPDX-License-Identifier: MIT */
/*
 * Measures a recording for a scenario: rates of the lines of one kind on each CPU, how they come,
 * for how long the load runs after an interrupt and by itself. What is alike on neighbouring CPUs
 * becomes one part.
 */
#include "from_rec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MANY_LINES 64 /* of one CPU; more share */

/* Lines of one kind on one CPU. */
struct cell {
	uint64_t count, woken_ns;
	uint32_t lines, part;
};

struct cpu {
	uint8_t state; /* enum pn_rec_kind */
	bool woken;
	uint32_t woken_kind; /* of the interrupt that woke it last */
	uint64_t since, other_ns, stints, displaced_ns, displaced;
};

struct measure {
	struct pn_recording *rec;
	struct pn_from_rec *out;
	uint32_t *kind_of; /* by line */
	struct cell *cell; /* kind * cpus + cpu */
	struct cpu *cpu;
	uint64_t *last_ns; /* + 1, of slot * cpus + cpu */
};

static int make_kinds(struct measure *x)
{
	const struct pn_rec_summary *s = x->out->sum;

	x->kind_of = calloc(s->lines, sizeof(*x->kind_of));
	if (!x->kind_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->lines; i++) {
		char stem[48];
		unsigned k = 0;

		pn_rec_stem(s->line[i].name, stem, sizeof(stem));
		while (k < x->out->kinds && strcmp(x->out->kind[k], stem))
			k++;
		if (k >= PN_FROM_KINDS - 1) {
			k = PN_FROM_KINDS - 1;
			strcpy(stem, "others");
		}
		if (k >= x->out->kinds) {
			memcpy(x->out->kind[k], stem, sizeof(stem));
			x->out->kinds = k + 1;
		}
		x->kind_of[i] = k;
	}
	return 0;
}

static struct cell *cell_of(const struct measure *x, uint32_t kind, uint32_t cpu)
{
	return &x->cell[kind * x->out->sum->cpus + cpu];
}

/* The time since @cpu->since. What ran was for the interrupt that woke it, or the load's own. */
static void spend(struct measure *x, uint32_t c, uint64_t now)
{
	struct cpu *cpu = &x->cpu[c];
	uint64_t ns = now - cpu->since;

	cpu->since = now;
	if (cpu->state == PN_REC_PREEMPT)
		cpu->displaced_ns += ns;
	else if (cpu->state == PN_REC_RUN && cpu->woken)
		cell_of(x, cpu->woken_kind, c)->woken_ns += ns;
	else if (cpu->state == PN_REC_RUN)
		cpu->other_ns += ns;
}

/* It runs, perhaps with interruptions by others, until it sleeps. */
static void stint_ends(struct cpu *cpu)
{
	cpu->stints += cpu->state != PN_REC_SLEEP && !cpu->woken;
}

static void on_interrupt(struct measure *x, const struct pn_rec_event *ev)
{
	uint64_t *last = &x->last_ns[(size_t)ev->slot * x->out->sum->cpus + ev->cpu];
	uint32_t kind = x->kind_of[ev->line];
	struct cell *cell = cell_of(x, kind, ev->cpu);

	cell->count++;
	cell->lines += !*last;
	*last = ev->ns + 1;
	if (ev->runs_next) {
		x->cpu[ev->cpu].woken = true;
		x->cpu[ev->cpu].woken_kind = kind;
	}
}

static void on_state(struct measure *x, const struct pn_rec_event *ev)
{
	struct cpu *cpu = &x->cpu[ev->cpu];

	spend(x, ev->cpu, ev->ns);
	if (ev->kind == PN_REC_SLEEP) {
		stint_ends(cpu);
		cpu->woken = false;
	}
	cpu->displaced += ev->kind == PN_REC_PREEMPT && cpu->state != PN_REC_PREEMPT;
	cpu->state = ev->kind;
}

static int first_pass(struct measure *x)
{
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	int got = pn_rec_reader_open(x->rec, &r);

	while (!got && (got = pn_rec_reader_next(r, &ev)) == 1) {
		got = 0;
		if (ev.kind == PN_REC_IRQ)
			on_interrupt(x, &ev);
		else
			on_state(x, &ev);
	}
	pn_rec_reader_close(r);
	for (uint32_t c = 0; c < x->out->sum->cpus; c++) {
		spend(x, c, x->out->sum->span_ns);
		stint_ends(&x->cpu[c]);
		x->out->displaced += x->cpu[c].displaced;
		x->out->displaced_ns += x->cpu[c].displaced_ns;
	}
	return got;
}

/* ---- parts ---- */

/* Of the time that others left it. */
static double busy_of(const struct measure *x, uint32_t c)
{
	uint64_t span = x->out->sum->span_ns, ns = span - x->cpu[c].displaced_ns;

	if (!x->out->sum->load_comm[0])
		return 1; /* as in a replay */
	return ns ? (double)x->cpu[c].other_ns / (double)ns : 0;
}

/* False: too many for a scenario. */
static bool make_vms(struct measure *x, double within)
{
	struct pn_from_rec *out = x->out;
	double low = 0, high = 0;

	out->vms = 0;
	for (uint32_t c = 0; c < out->sum->cpus; c++) {
		double b = busy_of(x, c);

		if (!out->vms || b > low + within || b < high - within) {
			if (out->vms == PN_FROM_PARTS)
				return false;
			out->vm[out->vms++] = (struct pn_from_vm){.cpu = c};
			low = high = b;
		}
		low = b < low ? b : low;
		high = b > high ? b : high;
		out->vm[out->vms - 1].cpus++;
	}
	return true;
}

static void measure_vms(struct measure *x)
{
	for (unsigned i = 0; i < x->out->vms; i++) {
		struct pn_from_vm *vm = &x->out->vm[i];
		uint64_t stints = 0, ns = 0;

		for (uint32_t c = vm->cpu; c < vm->cpu + vm->cpus; c++) {
			vm->busy += busy_of(x, c) / vm->cpus;
			stints += x->cpu[c].stints;
			ns += x->cpu[c].other_ns;
		}
		vm->burst_ns = stints ? (double)ns / (double)stints : 0;
	}
}

/* The next CPU belongs to the part too; @factor 0: whatever its rate. */
static bool goes_on(const struct pn_from_part *p, const struct cell *cell, uint64_t low,
		    uint64_t high, double factor)
{
	double n = (double)cell->count;

	if (factor <= 0)
		return true;
	return cell->lines == p->lines && n <= (double)low * factor && n * factor >= (double)high;
}

static bool parts_of(struct measure *x, uint32_t kind, unsigned v, double factor)
{
	const struct pn_from_vm *vm = &x->out->vm[v];
	struct pn_from_part *p = NULL;
	uint64_t low = 0, high = 0;

	for (uint32_t c = vm->cpu; c < vm->cpu + vm->cpus; c++) {
		struct cell *cell = cell_of(x, kind, c);

		if (!cell->count) {
			p = factor > 0 ? NULL : p;
			continue;
		}
		if (!p || !goes_on(p, cell, low, high, factor)) {
			if (x->out->parts == PN_FROM_PARTS)
				return false;
			p = &x->out->part[x->out->parts++];
			memset(p, 0, sizeof(*p));
			*p = (struct pn_from_part){.kind = kind, .cpu = c, .vm = v};
			low = high = cell->count;
		}
		low = cell->count < low ? cell->count : low;
		high = cell->count > high ? cell->count : high;
		p->cpus = c + 1 - p->cpu;
		p->lines = cell->lines > p->lines ? cell->lines : p->lines;
		p->count += cell->count;
		p->woken_ns += cell->woken_ns;
		cell->part = x->out->parts - 1;
	}
	return true;
}

/* First what is much alike; until it fits, what is less alike. With one VM and any rate it does. */
static void make_parts(struct measure *x)
{
	static const struct {
		double busy, rate;
	} within[] = {{0.1, 1.25}, {0.1, 2}, {0.2, 4}, {0.3, 0}, {1, 0}};

	for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++) {
		bool ok = make_vms(x, within[i].busy);

		x->out->parts = 0;
		x->out->rate_factor = within[i].rate;
		for (uint32_t k = 0; k < x->out->kinds && ok; k++)
			for (unsigned v = 0; v < x->out->vms && ok; v++)
				ok = parts_of(x, k, v, within[i].rate);
		if (ok)
			break;
	}
	measure_vms(x);
}

/* ---- how they come ---- */

static int second_pass(struct measure *x)
{
	uint32_t cpus = x->out->sum->cpus;
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	int got = pn_rec_reader_open(x->rec, &r);

	memset(x->last_ns, 0, (size_t)x->out->sum->slots * cpus * sizeof(*x->last_ns));
	while (!got && (got = pn_rec_reader_next(r, &ev)) == 1) {
		uint64_t *last = &x->last_ns[(size_t)ev.slot * cpus + ev.cpu];
		struct pn_from_part *p;
		got = 0;
		if (ev.kind != PN_REC_IRQ)
			continue;
		p = &x->out->part[cell_of(x, x->kind_of[ev.line], ev.cpu)->part];
		if (*last) {
			pn_rec_hist_add(&p->gaps, ev.ns + 1 - *last);
			p->gap_sum += (double)(ev.ns + 1 - *last);
		}
		*last = ev.ns + 1;
	}
	pn_rec_reader_close(r);
	return got;
}

static void handlers(struct measure *x)
{
	double sum[PN_FROM_KINDS] = {0}, n[PN_FROM_KINDS] = {0};

	for (uint32_t i = 0; i < x->out->sum->lines; i++) {
		const struct pn_rec_hist *h = pn_recording_handler(x->rec, i);

		for (size_t b = 0; h && b < sizeof(h->bucket) / sizeof(h->bucket[0]); b++)
			sum[x->kind_of[i]] += (double)h->sum[b];
		n[x->kind_of[i]] += h ? (double)h->n : 0;
	}
	for (unsigned i = 0; i < x->out->parts; i++) {
		uint32_t kind = x->out->part[i].kind;

		x->out->part[i].handler_ns = n[kind] > 0 ? sum[kind] / n[kind] : -1;
	}
}

/* A CPU has vectors for so many queues only. */
static void share_lines(struct pn_from_rec *out)
{
	for (;;) {
		struct pn_from_part *most = &out->part[0];
		uint32_t all = 0;

		for (unsigned i = 0; i < out->parts; i++) {
			all += out->part[i].lines;
			if (out->part[i].lines > most->lines)
				most = &out->part[i];
		}
		if (all <= MANY_LINES || most->lines == 1)
			return;
		most->lines = (most->lines + 1) / 2;
	}
}

int pn_from_rec(struct pn_recording *rec, struct pn_from_rec *out)
{
	struct measure x = {.rec = rec, .out = out};
	const struct pn_rec_summary *s = pn_recording_summary(rec);
	int err;

	memset(out, 0, sizeof(*out));
	out->sum = s;
	err = make_kinds(&x);
	x.cell = calloc((size_t)s->cpus * PN_FROM_KINDS, sizeof(*x.cell));
	x.cpu = calloc(s->cpus, sizeof(*x.cpu));
	for (uint32_t c = 0; x.cpu && c < s->cpus; c++)
		x.cpu[c].state = PN_REC_SLEEP;
	x.last_ns = calloc((size_t)s->slots * s->cpus, sizeof(*x.last_ns));
	if (!x.cell || !x.cpu || !x.last_ns)
		err = -ENOMEM;
	err = err ? err : first_pass(&x);
	if (!err) {
		make_parts(&x);
		handlers(&x);
		err = second_pass(&x);
		share_lines(out);
	}
	free(x.kind_of);
	free(x.cell);
	free(x.cpu);
	free(x.last_ns);
	return err;
}
