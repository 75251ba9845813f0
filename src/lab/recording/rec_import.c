/* SPDX-License-Identifier: MIT */
/*
 * Reads a recording line by line: CPUs, interrupt lines, switches, and what is missing and must be
 * inferred. Fills the summary and the store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rec_import.h"

static int keep(struct pn_rec_import *im, const struct pn_rec_raw *raw)
{
	int err = pn_rec_store_add(im->store, raw, im->newest);

	if (err == -EPROTO)
		return pn_rec_bad(im, err, "the clock goes back across more than %d events",
				  PN_REC_WINDOW);
	if (err)
		return pn_rec_bad(im, err, "temporary file: %s", strerror(-err));
	return 0;
}

/* Adds a switch that the recording lacks: @task runs there, but another task did before. */
static int infer(struct pn_rec_import *im, int cpu, uint32_t task, uint64_t now)
{
	uint64_t oldest = pn_rec_store_oldest(im->store);
	struct pn_rec_raw raw;

	if (!pn_rec_cpu_runs(&im->cpu[cpu], task, now, im->last_irq_ns, &raw))
		return 0;
	if (raw.ns < im->newest && im->newest - raw.ns > PN_REC_TOLERANCE_NS)
		raw.ns = im->newest - PN_REC_TOLERANCE_NS;
	if (raw.ns < oldest)
		raw.ns = oldest;
	raw.cpu = (uint16_t)cpu;
	im->tasks.task[task].switched_to++;
	im->rec->sum.inferred++;
	return keep(im, &raw);
}

static void saw(struct pn_rec_import *im, int cpu, uint64_t ns, bool irq)
{
	im->cpu[cpu].last_ns = ns;
	im->cpu[cpu].last_irq = irq;
	if (irq)
		im->last_irq_ns = ns;
}

/* The task that the line says runs there. */
static int on_task(struct pn_rec_import *im, const struct pn_rec_task *as, int cpu, uint64_t ns,
		   uint32_t *task)
{
	if (pn_rec_task_id(&im->tasks, as, task))
		return pn_rec_no_memory(im);
	return infer(im, cpu, *task, ns);
}

static int on_irq(struct pn_rec_import *im, const struct pn_rec_line *l, int cpu)
{
	struct pn_rec_raw raw = {.ns = l->ns, .cpu = (uint16_t)cpu, .kind = PN_RAW_IRQ};
	struct pn_rec_summary *s = &im->rec->sum;
	struct pn_rec_cpu *c = &im->cpu[cpu];
	uint32_t task;
	bool shared;
	int err = on_task(im, &l->task, cpu, l->ns, &task);

	if (err)
		return err;
	if (pn_rec_line_index(&im->lines, s, l, &raw.a))
		return pn_rec_no_memory(im);
	shared = pn_rec_line_shared(c, s, raw.a, l->ns);
	saw(im, cpu, l->ns, true);
	pn_rec_handler_begins(c, l->ns);
	if (shared) {
		s->shared++;
		return 0;
	}
	if (pn_rec_line_slot(&im->lines, s, (uint32_t)cpu, raw.a, &raw.b))
		return pn_rec_no_memory(im);
	if (c->current != PN_TASK_UNKNOWN)
		im->tasks.task[c->current].interrupts++;
	s->interrupts++;
	c->interrupts++;
	s->line[raw.a].count++;
	return keep(im, &raw);
}

static int on_irq_exit(struct pn_rec_import *im, const struct pn_rec_line *l, int cpu)
{
	uint32_t task;
	int err = on_task(im, &l->task, cpu, l->ns, &task);

	saw(im, cpu, l->ns, true);
	im->cpu[cpu].irq_ns = l->ns;
	if (im->cpu[cpu].irq_known)
		pn_rec_handler_ends(im->rec, &im->cpu[cpu], l->number, l->ns);
	im->rec->sum.exits++;
	return err;
}

static int on_switch(struct pn_rec_import *im, const struct pn_rec_line *l, int cpu)
{
	struct pn_rec_raw raw = {.ns = l->ns, .cpu = (uint16_t)cpu, .kind = PN_RAW_SWITCH};
	struct pn_rec_task prev = l->prev;
	bool known;
	int err;

	if (l->task.tid == prev.tid)
		prev.tgid = l->task.tgid;
	if (pn_rec_task_id(&im->tasks, &l->next, &raw.b))
		return pn_rec_no_memory(im);
	err = on_task(im, &prev, cpu, l->ns, &raw.a);
	if (err)
		return err;
	raw.flags = l->runnable ? PN_RAW_RUNNABLE : 0;
	if (l->kthread && raw.a != PN_TASK_UNKNOWN)
		im->tasks.task[raw.a].kernel = true;
	saw(im, cpu, l->ns, false);
	im->cpu[cpu].current = raw.b;
	known = raw.b != PN_TASK_IDLE && raw.b != PN_TASK_UNKNOWN;
	pn_rec_switched(im->rec, &im->cpu[cpu], known ? &im->tasks.task[raw.b] : NULL,
			(uint32_t)cpu, raw.a == PN_TASK_IDLE, l->ns);
	if (known)
		im->tasks.task[raw.b].switched_to++;
	im->rec->sum.switches++;
	return keep(im, &raw);
}

/* An entry into a guest, or an exit from it: only a vCPU does that. */
static int on_guest(struct pn_rec_import *im, const struct pn_rec_line *l, int cpu)
{
	uint32_t task;
	int err = on_task(im, &l->task, cpu, l->ns, &task);

	if (err)
		return err;
	if (l->what == PN_LINE_VM_ENTRY) {
		im->rec->sum.vm_entries++;
		pn_rec_guest_entered(im->rec, &im->cpu[cpu], l->ns);
	} else {
		pn_rec_count(&im->rec->sum.vm_exits, l->name.s, l->name.len);
		pn_rec_guest_left(&im->cpu[cpu], l->ns);
	}
	if (task == PN_TASK_UNKNOWN)
		task = im->cpu[cpu].current;
	if (task != PN_TASK_UNKNOWN && task != PN_TASK_IDLE)
		im->tasks.task[task].guest = true;
	return 0;
}

/* Vectors whose tracepoints have different names, or none, in one kernel and another. */
static void count_vector(struct pn_rec_counts *c, const struct pn_rec_line *l)
{
	static const struct {
		unsigned vector;
		const char *name;
	} known[] = {{PN_REC_POSTED_MSI, "posted_msi"}, {241, "wakeup"}, {242, "notify"}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (l->number == known[i].vector) {
			pn_rec_count(c, known[i].name, strlen(known[i].name));
			return;
		}
	pn_rec_count(c, l->name.s, l->name.len);
}

/* An interrupt of the processor's own: a timer, an IPI, a notification. */
static int on_vector(struct pn_rec_import *im, const struct pn_rec_line *l, int cpu)
{
	struct pn_rec_raw raw = {.ns = l->ns, .cpu = (uint16_t)cpu, .kind = PN_RAW_POSTED_MSI};
	struct pn_rec_summary *s = &im->rec->sum;
	struct pn_rec_cpu *c = &im->cpu[cpu];
	uint32_t task;
	int err = on_task(im, &l->task, cpu, l->ns, &task);

	if (err)
		return err;
	saw(im, cpu, l->ns, false);
	c->in_exit = false;
	c->interrupts++;
	count_vector(&s->vectors, l);
	if (l->number != PN_REC_POSTED_MSI)
		return 0;
	s->posted_msi++;
	return keep(im, &raw);
}

static int on_kvm(struct pn_rec_import *im, const struct pn_rec_line *l, int cpu)
{
	uint32_t task;

	pn_rec_count(&im->rec->sum.kvm, l->name.s, l->name.len);
	return on_task(im, &l->task, cpu, l->ns, &task);
}

static int on_wakeup(struct pn_rec_import *im, const struct pn_rec_line *l, int cpu)
{
	uint32_t task;

	if (pn_rec_task_id(&im->tasks, &l->next, &task))
		return pn_rec_no_memory(im);
	if (task != PN_TASK_IDLE && task != PN_TASK_UNKNOWN)
		pn_rec_woken(&im->tasks.task[task], (uint32_t)cpu, l->ns);
	return 0;
}

static int on_event(struct pn_rec_import *im, struct pn_rec_line *l)
{
	int cpu, err = pn_rec_machine_check(im, l);

	if (err)
		return err;
	err = pn_rec_clock_rate(im, l);
	if (err)
		return err;
	cpu = pn_rec_cpu_index(im, l);
	if (cpu < 0)
		return cpu;
	err = pn_rec_clock_check(im, l);
	if (err)
		return err;
	switch (l->what) {
	case PN_LINE_IRQ:
		return on_irq(im, l, cpu);
	case PN_LINE_SWITCH:
		return on_switch(im, l, cpu);
	case PN_LINE_EXIT:
		return on_irq_exit(im, l, cpu);
	case PN_LINE_WAKEUP:
		return on_wakeup(im, l, cpu);
	case PN_LINE_VECTOR:
		return on_vector(im, l, cpu);
	case PN_LINE_KVM:
		return on_kvm(im, l, cpu);
	default:
		return on_guest(im, l, cpu);
	}
}

static void headers(struct pn_rec_import *im, const char *s, const char *end)
{
	size_t len = (size_t)(end - s);

	im->tracer_header |= len >= 9 && !memcmp(s, "# tracer:", 9);
	im->trace_cmd_header |= len >= 5 && !memcmp(s, "cpus=", 5);
}

static int binary(struct pn_rec_import *im, const char *s, const char *end)
{
	size_t len = (size_t)(end - s);

	if (len >= 8 && !memcmp(s, "PERFILE2", 8))
		return pn_rec_bad(im, -ENODATA,
				  "a perf.data file (expected the text of perf script)");
	if (len >= 10 && !memcmp(s, "\x17\x08\x44tracing", 10))
		return pn_rec_bad(im, -ENODATA,
				  "a trace.dat file (expected the text of trace-cmd report)");
	return 0;
}

static int on_lacks(struct pn_rec_import *im, const struct pn_rec_line *l)
{
	if (!im->lacks_line) {
		im->lacks_line = pn_rec_text_line(im->text);
		snprintf(im->lacks, sizeof(im->lacks), "%s", l->lacks);
	}
	pn_rec_skip(im, l->lacks, strlen(l->lacks), 1);
	return 0;
}

static int on_line(struct pn_rec_import *im, const char *s, const char *end)
{
	struct pn_rec_line l;

	pn_rec_parse(s, end, &l);
	switch (l.what) {
	case PN_LINE_COMMENT:
		headers(im, s, end);
		pn_rec_skip(im, "comment", 7, 1);
		return 0;
	case PN_LINE_LOST:
		im->rec->sum.lost += l.number;
		pn_rec_skip(im, "lost events", 11, l.number);
		return 0;
	case PN_LINE_LACKS:
		return on_lacks(im, &l);
	case PN_LINE_UNKNOWN:
		pn_rec_skip(im, "not an event", 12, 1);
		return pn_rec_text_line(im->text) == 1 ? binary(im, s, end) : 0;
	case PN_LINE_OTHER:
		pn_rec_skip(im, l.name.s, l.name.len, 1);
		return 0;
	default:
		return on_event(im, &l);
	}
}

static int read_lines(struct pn_rec_import *im)
{
	const char *s, *end;
	int got, err = 0;

	while (!err && (got = pn_rec_text_next(im->text, &s, &end, im->d)) != 0) {
		if (got < 0)
			return got;
		im->rec->sum.text_lines++;
		err = on_line(im, s, end);
	}
	if (err == -EPROTO || err == -E2BIG) {
		got = pn_rec_text_damaged(im->text, im->d);
		err = got ? got : err;
	}
	return err;
}

int pn_rec_import(struct pn_recording *rec, const struct pn_rec_hints *hints,
		  struct pn_rec_text *text, struct pn_diag *d)
{
	struct pn_rec_import *im = calloc(1, sizeof(*im));
	int err = -ENOMEM;

	if (im) {
		im->rec = rec;
		im->text = text;
		im->d = d;
		im->hints = hints;
		im->store = pn_rec_store_new(rec->fd);
	}
	if (im && im->store && !pn_rec_tasks_init(&im->tasks)) {
		err = read_lines(im);
		if (!err)
			err = pn_rec_finish(im);
	} else {
		pn_diag_set(d, err, rec->sum.path, 0, "out of memory");
	}
	if (im) {
		pn_rec_store_free(im->store);
		pn_rec_tasks_free(&im->tasks);
		pn_rec_lines_free(&im->lines);
	}
	free(im);
	return err;
}
