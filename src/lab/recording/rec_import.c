/* SPDX-License-Identifier: MIT */
/*
 * Reads a recording line by line: CPUs, interrupt lines, switches, and what is missing and must be
 * inferred. Fills the summary and the store.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rec_priv.h"

#define CPU_NUMBERS 65536

/* State that exists only while the file is read. */
struct import {
	struct pn_recording *rec;
	struct pn_rec_text *text;
	const struct pn_rec_hints *hints;
	struct pn_rec_tasks tasks;
	struct pn_rec_lines lines;
	struct pn_rec_store *store;
	struct pn_diag *d;
	uint64_t newest;
	uint64_t last_irq_ns;
	bool tracer_header, trace_cmd_header;
	char machine[64];	  /* the one that all lines must name */
	unsigned long lacks_line; /* the first one that looks like an interrupt and is none */
	char lacks[160];
	uint16_t seen[CPU_NUMBERS];		/* order of appearance + 1, 0: not yet */
	struct pn_rec_cpu cpu[PN_REC_MAX_CPUS]; /* in order of appearance */
};

__attribute__((format(printf, 3, 4))) static int bad(struct import *im, int err, const char *fmt,
						     ...)
{
	char text[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return pn_diag_set(im->d, err, im->rec->sum.path, pn_rec_text_line(im->text), "%s", text);
}

/* Names come from the file and go to people's terminals. */
static void printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void skip(struct import *im, const char *kind, size_t len, uint64_t count)
{
	struct pn_rec_summary *s = &im->rec->sum;
	unsigned i;

	if (len >= sizeof(s->skip[0].kind))
		len = sizeof(s->skip[0].kind) - 1;
	for (i = 0; i < s->skips; i++)
		if (!strncmp(s->skip[i].kind, kind, len) && !s->skip[i].kind[len])
			break;
	if (i == PN_REC_MAX_SKIP - 1 && i == s->skips) {
		kind = "other events";
		len = strlen(kind);
	} else if (i == PN_REC_MAX_SKIP) {
		i--;
	}
	if (i == s->skips) {
		memcpy(s->skip[i].kind, kind, len);
		s->skip[i].kind[len] = 0;
		s->skip[i].first_line = pn_rec_text_line(im->text);
		s->skips++;
	}
	s->skip[i].count += count;
}

/* A CPU's place in order of appearance, or negative errno. */
static int cpu_index(struct import *im, const struct pn_rec_line *l)
{
	struct pn_rec_summary *s = &im->rec->sum;

	if (l->cpu >= CPU_NUMBERS)
		return bad(im, -E2BIG, "CPU %u (numbers go up to %d)", l->cpu, CPU_NUMBERS - 1);
	if (im->seen[l->cpu])
		return im->seen[l->cpu] - 1;
	if (s->cpus == PN_REC_MAX_CPUS)
		return bad(im, -E2BIG, "more than %d CPUs", PN_REC_MAX_CPUS);
	s->cpu_number[s->cpus] = l->cpu;
	pn_rec_cpu_init(&im->cpu[s->cpus]);
	im->seen[l->cpu] = (uint16_t)++s->cpus;
	return (int)s->cpus - 1;
}

static const char *format_name(const struct import *im, const struct pn_rec_line *l)
{
	bool trace_cmd = im->trace_cmd_header && !im->tracer_header;

	if (l->task.cut)
		return trace_cmd ? "trace-cmd report -l" : "ftrace, latency format";
	if (l->subsystem || l->format[0] == 'b' || !strcmp(l->format, "function_graph"))
		return l->format;
	if (im->tracer_header)
		return "ftrace";
	return trace_cmd ? "trace-cmd report" : l->format;
}

/* Times of several machines do not fit together, and their CPUs have the same numbers. */
static int machine_check(struct import *im, const struct pn_rec_line *l)
{
	size_t len = l->machine.len;

	if (len >= sizeof(im->machine))
		len = sizeof(im->machine) - 1;
	if (!im->rec->sum.events) {
		memcpy(im->machine, l->machine.s ? l->machine.s : "", len);
		im->machine[len] = 0;
		printable(im->machine);
		return 0;
	}
	if (!strncmp(im->machine, l->machine.s ? l->machine.s : "", len) && !im->machine[len])
		return 0;
	return bad(im, -EINVAL,
		   "lines of several machines, files or buffers, '%s' and '%.*s' (expected one: "
		   "trace-cmd report -i FILE, perf script -i FILE, one host of babeltrace)",
		   im->machine[0] ? im->machine : "the host", len ? (int)len : 8,
		   len ? l->machine.s : "the host");
}

/* Nanoseconds of a clock that counts ticks, if their rate is known. */
static int clock_rate(struct import *im, struct pn_rec_line *l)
{
	double ghz = im->hints->tsc_ghz;

	if (l->clock == PN_CLOCK_SECONDS && !(ghz > 0))
		return 0;
	if (l->clock == PN_CLOCK_SECONDS)
		return bad(im, -EINVAL, "--tsc-ghz: the times are in seconds, not in ticks");
	if (!(ghz > 0))
		return bad(im, -EINVAL,
			   "the clock counts ticks, and their rate is missing (expected --tsc-ghz, "
			   "3.0 for x86-tsc at 3 GHz, 1 for nanoseconds, 0.000001 for uptime at "
			   "1000 Hz; or a recording with the clock local, global or mono)");
	if ((double)l->ns / ghz > 9e18)
		return bad(im, -EINVAL, "--tsc-ghz: the time %llu is too large for this rate",
			   (unsigned long long)l->ns);
	l->ns = (uint64_t)((long double)l->ns / (long double)ghz);
	return 0;
}

/* Checks the clock, and takes the format and the first time from the first event. */
static int clock_check(struct import *im, const struct pn_rec_line *l)
{
	struct pn_rec_summary *s = &im->rec->sum;
	uint64_t back = im->newest > l->ns ? im->newest - l->ns : 0;

	if (!s->events++) {
		snprintf(s->format, sizeof(s->format), "%s", format_name(im, l));
		s->first_ns = l->ns;
	}
	if (l->ns < s->first_ns)
		s->first_ns = l->ns;
	if (!back) {
		im->newest = l->ns;
		return 0;
	}
	if (back > PN_REC_TOLERANCE_NS)
		return bad(
			im, -EPROTO,
			"the clock goes back by %llu us, to %llu.%06llu (at most %llu us can be "
			"put in order)",
			(unsigned long long)(back / 1000), (unsigned long long)(l->ns / 1000000000),
			(unsigned long long)(l->ns / 1000 % 1000000), PN_REC_TOLERANCE_NS / 1000);
	s->sorted++;
	if (back > s->worst_back_ns) {
		s->worst_back_ns = back;
		s->worst_back_line = pn_rec_text_line(im->text);
	}
	return 0;
}

static int keep(struct import *im, const struct pn_rec_raw *raw)
{
	int err = pn_rec_store_add(im->store, raw, im->newest);

	if (err == -EPROTO)
		return bad(im, err, "the clock goes back across more than %d events",
			   PN_REC_WINDOW);
	if (err)
		return bad(im, err, "temporary file: %s", strerror(-err));
	return 0;
}

/* Adds a switch that the recording lacks: @task runs there, but another task did before. */
static int infer(struct import *im, int cpu, uint32_t task, uint64_t now)
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

static void saw(struct import *im, int cpu, uint64_t ns, bool irq)
{
	im->cpu[cpu].last_ns = ns;
	im->cpu[cpu].last_irq = irq;
	if (irq)
		im->last_irq_ns = ns;
}

static int no_memory(struct import *im)
{
	return bad(im, -ENOMEM, "out of memory");
}

/* The task that the line says runs there. */
static int on_task(struct import *im, const struct pn_rec_task *as, int cpu, uint64_t ns,
		   uint32_t *task)
{
	if (pn_rec_task_id(&im->tasks, as, task))
		return no_memory(im);
	return infer(im, cpu, *task, ns);
}

static int on_irq(struct import *im, const struct pn_rec_line *l, int cpu)
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
		return no_memory(im);
	shared = pn_rec_line_shared(c, s, raw.a, l->ns);
	saw(im, cpu, l->ns, true);
	pn_rec_handler_begins(c, l->ns);
	if (shared) {
		s->shared++;
		return 0;
	}
	if (pn_rec_line_slot(&im->lines, s, (uint32_t)cpu, raw.a, &raw.b))
		return no_memory(im);
	if (c->current != PN_TASK_UNKNOWN)
		im->tasks.task[c->current].interrupts++;
	s->interrupts++;
	s->line[raw.a].count++;
	return keep(im, &raw);
}

static int on_irq_exit(struct import *im, const struct pn_rec_line *l, int cpu)
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

static int on_switch(struct import *im, const struct pn_rec_line *l, int cpu)
{
	struct pn_rec_raw raw = {.ns = l->ns, .cpu = (uint16_t)cpu, .kind = PN_RAW_SWITCH};
	struct pn_rec_task prev = l->prev;
	bool known;
	int err;

	if (l->task.tid == prev.tid)
		prev.tgid = l->task.tgid;
	if (pn_rec_task_id(&im->tasks, &l->next, &raw.b))
		return no_memory(im);
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
static int on_guest(struct import *im, const struct pn_rec_line *l, int cpu)
{
	uint32_t task;
	int err = on_task(im, &l->task, cpu, l->ns, &task);

	if (err)
		return err;
	if (l->what == PN_LINE_VM_ENTRY) {
		im->rec->sum.vm_entries++;
		pn_rec_guest_entered(im->rec, &im->cpu[cpu], l->ns);
	} else {
		im->rec->sum.vm_exits++;
		pn_rec_guest_left(&im->cpu[cpu], l->ns);
	}
	if (task == PN_TASK_UNKNOWN)
		task = im->cpu[cpu].current;
	if (task != PN_TASK_UNKNOWN && task != PN_TASK_IDLE)
		im->tasks.task[task].guest = true;
	return 0;
}

static int on_wakeup(struct import *im, const struct pn_rec_line *l, int cpu)
{
	uint32_t task;

	if (pn_rec_task_id(&im->tasks, &l->next, &task))
		return no_memory(im);
	if (task != PN_TASK_IDLE && task != PN_TASK_UNKNOWN)
		pn_rec_woken(&im->tasks.task[task], (uint32_t)cpu, l->ns);
	return 0;
}

static int on_event(struct import *im, struct pn_rec_line *l)
{
	int cpu, err = machine_check(im, l);

	if (err)
		return err;
	err = clock_rate(im, l);
	if (err)
		return err;
	cpu = cpu_index(im, l);
	if (cpu < 0)
		return cpu;
	err = clock_check(im, l);
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
	default:
		return on_guest(im, l, cpu);
	}
}

static void headers(struct import *im, const char *s, const char *end)
{
	size_t len = (size_t)(end - s);

	im->tracer_header |= len >= 9 && !memcmp(s, "# tracer:", 9);
	im->trace_cmd_header |= len >= 5 && !memcmp(s, "cpus=", 5);
}

static int binary(struct import *im, const char *s, const char *end)
{
	size_t len = (size_t)(end - s);

	if (len >= 8 && !memcmp(s, "PERFILE2", 8))
		return bad(im, -ENODATA, "a perf.data file (expected the text of perf script)");
	if (len >= 10 && !memcmp(s, "\x17\x08\x44tracing", 10))
		return bad(im, -ENODATA,
			   "a trace.dat file (expected the text of trace-cmd report)");
	return 0;
}

static int on_lacks(struct import *im, const struct pn_rec_line *l)
{
	if (!im->lacks_line) {
		im->lacks_line = pn_rec_text_line(im->text);
		snprintf(im->lacks, sizeof(im->lacks), "%s", l->lacks);
	}
	skip(im, l->lacks, strlen(l->lacks), 1);
	return 0;
}

static int on_line(struct import *im, const char *s, const char *end)
{
	struct pn_rec_line l;

	pn_rec_parse(s, end, &l);
	switch (l.what) {
	case PN_LINE_COMMENT:
		headers(im, s, end);
		skip(im, "comment", 7, 1);
		return 0;
	case PN_LINE_LOST:
		im->rec->sum.lost += l.number;
		skip(im, "lost events", 11, l.number);
		return 0;
	case PN_LINE_LACKS:
		return on_lacks(im, &l);
	case PN_LINE_UNKNOWN:
		skip(im, "not an event", 12, 1);
		return pn_rec_text_line(im->text) == 1 ? binary(im, s, end) : 0;
	case PN_LINE_VECTOR:
	case PN_LINE_KVM:
		im->rec->sum.vectors += l.what == PN_LINE_VECTOR;
		im->rec->sum.kvm_events += l.what == PN_LINE_KVM;
		skip(im, l.name.s, l.name.len, 1);
		return 0;
	case PN_LINE_OTHER:
		skip(im, l.name.s, l.name.len, 1);
		return 0;
	default:
		return on_event(im, &l);
	}
}

static int no_interrupts(struct import *im)
{
	const struct pn_rec_summary *s = &im->rec->sum;
	char found[320] = "";
	size_t n = 0;

	if (!s->text_lines)
		return bad(im, -ENODATA, "the file is empty");
	if (im->lacks_line)
		return pn_diag_set(im->d, -EINVAL, s->path, im->lacks_line, "%s", im->lacks);
	if (s->switches)
		n = (size_t)snprintf(found, sizeof(found), "%llu sched_switch",
				     (unsigned long long)s->switches);
	if (s->exits && n < sizeof(found))
		n += (size_t)snprintf(found + n, sizeof(found) - n, "%s%llu irq_handler_exit",
				      n ? ", " : "", (unsigned long long)s->exits);
	for (unsigned i = 0; i < s->skips && n < sizeof(found); i++)
		n += (size_t)snprintf(found + n, sizeof(found) - n, "%s%llu %s", n ? ", " : "",
				      (unsigned long long)s->skip[i].count, s->skip[i].kind);
	return bad(im, -ENODATA, "no irq_handler_entry events (found: %s)", found);
}

/* From order of appearance to order of the recording's numbers; and the first task of each CPU. */
static void order_cpus(struct import *im)
{
	struct pn_recording *rec = im->rec;
	struct pn_rec_summary *s = &rec->sum;
	uint32_t n = 0;

	for (uint32_t number = 0; number < CPU_NUMBERS; number++) {
		unsigned i = im->seen[number];

		if (!i--)
			continue;
		rec->cpu[i] = (uint16_t)n;
		rec->runs_first[n] = !rec->is_load || im->cpu[i].first == PN_TASK_UNKNOWN ||
				     rec->is_load[im->cpu[i].first];
		s->cpu_number[n++] = number;
	}
}

static int read_lines(struct import *im)
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

static int choose_load(struct import *im)
{
	struct pn_rec_summary *s = &im->rec->sum;
	struct pn_rec_choice load;
	char names[200];
	int err = pn_rec_choose_load(&im->tasks, im->hints->load, &load);

	if (err == -ESRCH) {
		pn_rec_busiest(&im->tasks, names, sizeof(names));
		return bad(im, err, "--load %.64s: no such task (there is %s)", im->hints->load,
			   names[0] ? names : "none with a name");
	}
	if (err)
		return no_memory(im);
	im->rec->is_load = load.is_load;
	im->rec->tasks = im->tasks.n;
	s->load_threads = load.threads;
	memcpy(s->load_comm, load.name, sizeof(s->load_comm));
	memcpy(s->load_why, load.why, sizeof(s->load_why));
	return 0;
}

static int finish(struct import *im)
{
	struct pn_rec_summary *s = &im->rec->sum;
	int err;

	if (!s->interrupts)
		return no_interrupts(im);
	err = pn_rec_store_finish(im->store);
	if (err)
		return bad(im, err, "temporary file: %s", strerror(-err));
	s->span_ns = im->newest - s->first_ns;
	err = choose_load(im);
	if (err)
		return err;
	order_cpus(im);
	for (uint32_t i = 0; i < s->lines; i++)
		printable(s->line[i].name);
	return 0;
}

int pn_rec_import(struct pn_recording *rec, const struct pn_rec_hints *hints,
		  struct pn_rec_text *text, struct pn_diag *d)
{
	struct import *im = calloc(1, sizeof(*im));
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
			err = finish(im);
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
