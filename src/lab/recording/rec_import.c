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
	struct pn_rec_comms *comms;
	struct pn_rec_store *store;
	struct pn_diag *d;
	uint64_t newest;
	uint64_t last_irq_ns;
	bool tracer_header, trace_cmd_header;
	unsigned last_line;	    /* index of the interrupt line of the last interrupt */
	uint16_t seen[CPU_NUMBERS]; /* order of appearance + 1, 0: not yet */
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

static bool is_line(const struct pn_rec_summary *s, unsigned i, const struct pn_rec_line *l,
		    size_t len)
{
	return s->line[i].irq == (uint32_t)l->number && !s->line[i].name[len] &&
	       !memcmp(s->line[i].name, l->name.s, len);
}

static int line_index(struct import *im, const struct pn_rec_line *l)
{
	struct pn_rec_summary *s = &im->rec->sum;
	size_t len = l->name.len;
	unsigned i;

	if (len >= sizeof(s->line[0].name))
		len = sizeof(s->line[0].name) - 1;
	if (im->last_line < s->lines && is_line(s, im->last_line, l, len))
		return (int)im->last_line;
	for (i = 0; i < s->lines; i++)
		if (is_line(s, i, l, len))
			break;
	if (i == PN_REC_MAX_LINES)
		return bad(im, -E2BIG, "more than %d interrupt lines", PN_REC_MAX_LINES);
	if (i == s->lines) {
		s->line[i].irq = (uint32_t)l->number;
		memcpy(s->line[i].name, l->name.s, len);
		s->line[i].name[len] = 0;
		s->lines++;
	}
	im->last_line = i;
	return (int)i;
}

static const char *format_name(const struct import *im, const struct pn_rec_line *l)
{
	if (l->subsystem)
		return "perf script";
	if (im->tracer_header)
		return "ftrace";
	return im->trace_cmd_header || !l->flags ? "trace-cmd report" : "ftrace";
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
static int infer(struct import *im, int cpu, uint16_t task, uint64_t now)
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
	pn_rec_comm_switched_to(im->comms, task);
	im->rec->sum.inferred++;
	return keep(im, &raw);
}

static uint16_t current_task(struct import *im, const struct pn_rec_line *l)
{
	if (!l->idle_task && !l->task.len)
		return PN_COMM_UNKNOWN;
	return pn_rec_comm(im->comms, l->task, l->idle_task);
}

static void saw(struct import *im, int cpu, uint64_t ns, bool irq)
{
	im->cpu[cpu].last_ns = ns;
	im->cpu[cpu].last_irq = irq;
	if (irq)
		im->last_irq_ns = ns;
}

static int on_irq(struct import *im, const struct pn_rec_line *l, int cpu)
{
	struct pn_rec_raw raw = {.ns = l->ns, .cpu = (uint16_t)cpu, .kind = PN_RAW_IRQ};
	int err = infer(im, cpu, current_task(im, l), l->ns), line;

	if (err)
		return err;
	line = line_index(im, l);
	if (line < 0)
		return line;
	saw(im, cpu, l->ns, true);
	im->rec->sum.interrupts++;
	im->rec->sum.line[line].count++;
	raw.a = (uint16_t)line;
	return keep(im, &raw);
}

static int on_irq_exit(struct import *im, const struct pn_rec_line *l, int cpu)
{
	int err = infer(im, cpu, current_task(im, l), l->ns);

	saw(im, cpu, l->ns, true);
	im->rec->sum.exits++;
	return err;
}

static int on_switch(struct import *im, const struct pn_rec_line *l, int cpu)
{
	struct pn_rec_raw raw = {.ns = l->ns, .cpu = (uint16_t)cpu, .kind = PN_RAW_SWITCH};
	int err;

	raw.a = pn_rec_comm(im->comms, l->prev, l->prev_idle);
	raw.b = pn_rec_comm(im->comms, l->next, l->next_idle);
	raw.flags = l->runnable ? PN_RAW_RUNNABLE : 0;
	if (l->kthread)
		pn_rec_comm_kernel(im->comms, raw.a);
	err = infer(im, cpu, raw.a, l->ns);
	if (err)
		return err;
	saw(im, cpu, l->ns, false);
	im->cpu[cpu].current = raw.b;
	pn_rec_comm_switched_to(im->comms, raw.b);
	im->rec->sum.switches++;
	return keep(im, &raw);
}

static int on_event(struct import *im, const struct pn_rec_line *l)
{
	int cpu = cpu_index(im, l), err;

	if (cpu < 0)
		return cpu;
	err = clock_check(im, l);
	if (err)
		return err;
	if (l->what == PN_LINE_IRQ)
		return on_irq(im, l, cpu);
	return l->what == PN_LINE_SWITCH ? on_switch(im, l, cpu) : on_irq_exit(im, l, cpu);
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
		skip(im, "lost events", 11, l.number);
		return 0;
	case PN_LINE_UNKNOWN:
		skip(im, "not an event", 12, 1);
		return pn_rec_text_line(im->text) == 1 ? binary(im, s, end) : 0;
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
		rec->runs_first[n] = rec->load == PN_COMM_IDLE || im->cpu[i].first == rec->load ||
				     im->cpu[i].first == PN_COMM_UNKNOWN;
		s->cpu_number[n++] = number;
	}
}

/* Names come from the file and go to people's terminals. */
static void printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
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
	im->rec->load = pn_rec_comm_busiest(im->comms, s->load_comm, sizeof(s->load_comm));
	order_cpus(im);
	printable(s->load_comm);
	for (unsigned i = 0; i < s->lines; i++)
		printable(s->line[i].name);
	return 0;
}

int pn_rec_import(struct pn_recording *rec, struct pn_rec_text *text, struct pn_diag *d)
{
	struct import *im = calloc(1, sizeof(*im));
	int err = -ENOMEM;

	if (im) {
		im->rec = rec;
		im->text = text;
		im->d = d;
		im->store = pn_rec_store_new(rec->fd);
		im->comms = pn_rec_comms_new();
	}
	if (im && im->store && im->comms) {
		err = read_lines(im);
		if (!err)
			err = finish(im);
	} else {
		pn_diag_set(d, err, rec->sum.path, 0, "out of memory");
	}
	if (im) {
		pn_rec_store_free(im->store);
		free(im->comms);
	}
	free(im);
	return err;
}
