/* SPDX-License-Identifier: MIT */
/* What all lines of a recording must agree on: the machine, the clock, the CPUs that there are. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rec_import.h"

int pn_rec_bad(struct pn_rec_import *im, int err, const char *fmt, ...)
{
	char text[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return pn_diag_set(im->d, err, im->rec->sum.path, pn_rec_text_line(im->text), "%s", text);
}

int pn_rec_no_memory(struct pn_rec_import *im)
{
	return pn_rec_bad(im, -ENOMEM, "out of memory");
}

int pn_rec_cpu_index(struct pn_rec_import *im, const struct pn_rec_line *l)
{
	struct pn_rec_summary *s = &im->rec->sum;

	if (l->cpu >= PN_REC_CPU_NUMBERS)
		return pn_rec_bad(im, -E2BIG, "CPU %u (numbers go up to %d)", l->cpu,
				  PN_REC_CPU_NUMBERS - 1);
	if (im->seen[l->cpu])
		return im->seen[l->cpu] - 1;
	if (s->cpus == PN_REC_MAX_CPUS)
		return pn_rec_bad(im, -E2BIG, "more than %d CPUs", PN_REC_MAX_CPUS);
	s->cpu_number[s->cpus] = l->cpu;
	pn_rec_cpu_init(&im->cpu[s->cpus]);
	im->seen[l->cpu] = (uint16_t)++s->cpus;
	return (int)s->cpus - 1;
}

static const char *format_name(const struct pn_rec_import *im, const struct pn_rec_line *l)
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
int pn_rec_machine_check(struct pn_rec_import *im, const struct pn_rec_line *l)
{
	size_t len = l->machine.len;

	if (len >= sizeof(im->machine))
		len = sizeof(im->machine) - 1;
	if (!im->rec->sum.events) {
		memcpy(im->machine, l->machine.s ? l->machine.s : "", len);
		im->machine[len] = 0;
		pn_rec_printable(im->machine);
		return 0;
	}
	if (!strncmp(im->machine, l->machine.s ? l->machine.s : "", len) && !im->machine[len])
		return 0;
	return pn_rec_bad(
		im, -EINVAL,
		"lines of several machines, files or buffers, '%s' and '%.*s' (expected one: "
		"trace-cmd report -i FILE, perf script -i FILE, one host of babeltrace)",
		im->machine[0] ? im->machine : "the host", len ? (int)len : 8,
		len ? l->machine.s : "the host");
}

int pn_rec_clock_rate(struct pn_rec_import *im, struct pn_rec_line *l)
{
	double ghz = im->hints->tsc_ghz;

	if (l->clock == PN_CLOCK_SECONDS && !(ghz > 0))
		return 0;
	if (l->clock == PN_CLOCK_SECONDS)
		return pn_rec_bad(im, -EINVAL, "--tsc-ghz: the times are in seconds, not in ticks");
	if (!(ghz > 0))
		return pn_rec_bad(
			im, -EINVAL,
			"the clock counts ticks, and their rate is missing (expected --tsc-ghz, "
			"3.0 for x86-tsc at 3 GHz, 1 for nanoseconds, 0.000001 for uptime at "
			"1000 Hz; or a recording with the clock local, global or mono)");
	if ((double)l->ns / ghz > 9e18)
		return pn_rec_bad(im, -EINVAL,
				  "--tsc-ghz: the time %llu is too large for this rate",
				  (unsigned long long)l->ns);
	l->ns = (uint64_t)((long double)l->ns / (long double)ghz);
	return 0;
}

int pn_rec_clock_check(struct pn_rec_import *im, const struct pn_rec_line *l)
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
		return pn_rec_bad(
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
