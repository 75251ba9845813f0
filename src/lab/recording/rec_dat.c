/* SPDX-License-Identifier: MIT */
/*
 * trace.dat through libtracecmd, as the lines that trace-cmd report -t would print. Memory does not
 * grow with the file: the library maps its pages, and one record of each CPU is held.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rec_priv.h"

#ifdef PN_LIBTRACECMD
#include <trace-cmd.h>

/* The library has it, and its header leaves it out. */
const char *tracecmd_get_trace_clock(struct tracecmd_input *handle);

struct pn_rec_dat {
	struct tracecmd_input *file;  /* all of it */
	struct tracecmd_input *trace; /* the buffer that is read */
	struct tep_handle *tep;
	int cpus;
	bool ticks;
	struct tep_record **next; /* of each CPU; NULL: no more */
	struct trace_seq line;
	size_t given; /* characters of @line that were read */
	uint64_t bytes;
};

static bool counts_ticks(struct tracecmd_input *file)
{
	static const char *const clocks[] = {"x86-tsc", "uptime", "counter", "ppc-tb"};
	const char *clock = tracecmd_get_trace_clock(file);

	for (size_t i = 0; clock && i < sizeof(clocks) / sizeof(clocks[0]); i++)
		if (!strcmp(clock, clocks[i]))
			return true;
	return false;
}

static void drop_records(struct pn_rec_dat *t)
{
	for (int i = 0; t->next && i < t->cpus; i++)
		if (t->next[i])
			tracecmd_free_record(t->next[i]);
	free(t->next);
	t->next = NULL;
}

/* The first records of a buffer. False: it is empty; or there is no memory, and next is NULL. */
static bool begin(struct pn_rec_dat *t, struct tracecmd_input *trace)
{
	bool any = false;

	t->trace = trace;
	t->tep = tracecmd_get_tep(trace);
	t->cpus = tep_get_cpus(t->tep);
	t->next = calloc((size_t)(t->cpus > 0 ? t->cpus : 1), sizeof(*t->next));
	for (int i = 0; t->next && i < t->cpus; i++) {
		t->next[i] = tracecmd_read_cpu_first(trace, i);
		any |= t->next[i] != NULL;
	}
	return any;
}

/* Buffers have CPUs and clocks in common, but a task's switches are in one of them only. */
static int one_buffer(struct pn_rec_dat *t, const char *path, struct pn_diag *d)
{
	int n = tracecmd_buffer_instances(t->file), full = -1;
	bool top = begin(t, t->file);

	for (int i = 0; i < n; i++) {
		struct tracecmd_input *one = tracecmd_buffer_instance_handle(t->file, i);
		struct pn_rec_dat look = {0};
		bool any = one && begin(&look, one);

		drop_records(&look);
		if (any && (top || full >= 0)) {
			tracecmd_close(one);
			return pn_diag_set(d, -EINVAL, path, 0,
					   "events in several buffers, one is '%s' (expected one: "
					   "trace-cmd report, and its lines of one buffer)",
					   tracecmd_buffer_instance_name(t->file, i));
		}
		full = any ? i : full;
		if (one)
			tracecmd_close(one);
	}
	if (full < 0)
		return 0;
	drop_records(t);
	begin(t, tracecmd_buffer_instance_handle(t->file, full));
	return 0;
}

void pn_rec_dat_close(struct pn_rec_dat *t)
{
	drop_records(t);
	if (t->trace && t->trace != t->file)
		tracecmd_close(t->trace);
	if (t->file)
		tracecmd_close(t->file);
	trace_seq_destroy(&t->line);
	free(t);
}

int pn_rec_dat_open(int fd, const char *path, struct pn_rec_dat **out, struct pn_diag *d)
{
	struct pn_rec_dat *t = calloc(1, sizeof(*t));
	int mine = dup(fd), err = 0;

	*out = NULL;
	if (!t || mine < 0) {
		free(t);
		if (mine >= 0)
			close(mine);
		return pn_diag_set(d, -ENOMEM, path, 0, "out of memory");
	}
	trace_seq_init(&t->line);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	lseek(mine, 0, SEEK_SET);
	t->file = tracecmd_open_fd(mine, 0);
	if (!t->file) {
		close(mine);
		err = pn_diag_set(d, -ENODATA, path, 1,
				  "a trace.dat file that libtracecmd cannot read (expected the "
				  "text of trace-cmd report)");
	}
	err = err ? err : one_buffer(t, path, d);
	if (!err && !t->next)
		err = pn_diag_set(d, -ENOMEM, path, 0, "out of memory");
	if (err) {
		pn_rec_dat_close(t);
		return err;
	}
	t->ticks = counts_ticks(t->file);
	trace_seq_printf(&t->line, "cpus=%d\n", t->cpus);
	*out = t;
	return 0;
}

static int oldest(const struct pn_rec_dat *t)
{
	int cpu = -1;

	for (int i = 0; i < t->cpus; i++)
		if (t->next[i] && (cpu < 0 || t->next[i]->ts < t->next[cpu]->ts))
			cpu = i;
	return cpu;
}

static void print(struct pn_rec_dat *t, struct tep_record *r)
{
	struct tep_event *event = tep_find_event_by_record(t->tep, r);
	int pid = tep_data_pid(t->tep, r);

	if (r->missed_events > 0)
		trace_seq_printf(&t->line, "CPU:%d [%lld EVENTS DROPPED]\n", r->cpu,
				 r->missed_events);
	else if (r->missed_events < 0)
		trace_seq_printf(&t->line, "CPU:%d [EVENTS DROPPED]\n", r->cpu);
	trace_seq_printf(&t->line, "%s-%d [%03d] ", tep_data_comm_from_pid(t->tep, pid), pid,
			 r->cpu);
	if (t->ticks)
		trace_seq_printf(&t->line, "%llu: ", r->ts);
	else
		trace_seq_printf(&t->line, "%llu.%09llu: ", r->ts / 1000000000, r->ts % 1000000000);
	if (event)
		tep_print_event(t->tep, &t->line, r, "%s: %s", TEP_PRINT_NAME, TEP_PRINT_INFO);
	else
		trace_seq_printf(&t->line, "unknown_event: ");
	trace_seq_printf(&t->line, "\n");
}

/* The next line. False: there is none. */
static bool next_line(struct pn_rec_dat *t)
{
	int cpu = oldest(t);
	struct tep_record *r;

	t->given = 0;
	trace_seq_reset(&t->line);
	if (cpu < 0)
		return false;
	r = t->next[cpu];
	print(t, r);
	tracecmd_free_record(r);
	t->next[cpu] = tracecmd_read_data(t->trace, cpu);
	return true;
}

int pn_rec_dat_read(struct pn_rec_dat *t, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		size_t left = t->line.len - t->given;

		if (!left && next_line(t))
			continue;
		if (!left)
			break;
		if (left > size - n)
			left = size - n;
		memcpy(buf + n, t->line.buffer + t->given, left);
		t->given += left;
		n += left;
	}
	t->bytes += n;
	return (int)n;
}

uint64_t pn_rec_dat_bytes(const struct pn_rec_dat *t)
{
	return t->bytes;
}

#else

int pn_rec_dat_open(int fd, const char *path, struct pn_rec_dat **out, struct pn_diag *d)
{
	(void)fd;
	(void)path;
	(void)d;
	*out = NULL;
	return -ENOSYS;
}

int pn_rec_dat_read(struct pn_rec_dat *t, char *buf, size_t size)
{
	(void)t;
	(void)buf;
	(void)size;
	return 0;
}

uint64_t pn_rec_dat_bytes(const struct pn_rec_dat *t)
{
	(void)t;
	return 0;
}

void pn_rec_dat_close(struct pn_rec_dat *t)
{
	(void)t;
}
#endif
