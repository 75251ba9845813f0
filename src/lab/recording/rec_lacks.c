/* SPDX-License-Identifier: MIT */
/*
 * A line that speaks of irq_handler_entry and fits no format: what it lacks, and which option of
 * the tool that wrote it adds that.
 */
#include "rec_line.h"
#include "rec_scan.h"

struct looks {
	const char *s, *end, *event;
	bool perf;  /* "irq:irq_handler_entry" */
	bool cpu;   /* "[001]" before the event */
	bool time;  /* "12.345678:" before the event */
	bool words; /* "irq=" behind it */
};

static bool has_cpu(const char *s, const char *end)
{
	uint64_t v;

	for (; (s = memchr(s, '[', (size_t)(end - s))) != NULL; s++) {
		const char *close = pn_number(s + 1, end, &v);

		if (close && close < end && *close == ']')
			return true;
	}
	return false;
}

static bool has_time(const char *s, const char *end)
{
	uint64_t v;

	while (s < end) {
		const char *word = s = pn_skip_blanks(s, end), *dot = pn_number(s, end, &v);

		s = pn_skip_word(s, end);
		if (dot && dot < s && *dot == '.' && pn_number(dot + 1, s, &v) && s[-1] == ':' &&
		    s > word + 1)
			return true;
	}
	return false;
}

static const char *graph(const struct looks *k)
{
	const char *slash = pn_find(k->s, k->event, "/* ");
	const char *close = memchr(k->s, ')', (size_t)(k->event - k->s));

	if (!slash)
		return NULL;
	if (!close || close > slash)
		return "function_graph without CPUs: the CPU is missing (expected the trace option "
		       "funcgraph-cpu)";
	return "function_graph without times: the time is missing (expected the trace option "
	       "funcgraph-abstime, or the tracer nop)";
}

static const char *perf(const struct looks *k)
{
	const char *after = k->event + strlen("irq_handler_entry");

	if (after < k->end && *after == '(')
		return "the format of perf trace: the CPU is missing (expected perf record and "
		       "perf "
		       "script)";
	if (!k->perf)
		return NULL;
	if (!k->cpu && !k->time)
		return "perf script without CPU and time (expected perf script -F +cpu,+time)";
	if (!k->cpu)
		return "perf script without the CPU (expected perf script -F +cpu)";
	if (!k->time)
		return "perf script without the time (expected perf script -F +time)";
	if (!k->words)
		return "perf script without the event's fields (expected perf script -F +trace)";
	return NULL;
}

/* "fio 900 1 3 00010001 [...] 100.000ms (+0.000ms): irq_handler_entry": ftrace's option verbose */
static const char *verbose(const struct looks *k)
{
	return pn_find(k->s, k->event, "ms (+") || pn_find(k->s, k->event, "us (+")
		       ? "ftrace's verbose latency format (expected the trace option noverbose)"
		       : NULL;
}

static const char *babel(const struct looks *k)
{
	if (!pn_find(k->event, k->end, ": {") && !pn_find(k->event, k->end, "fields = {"))
		return NULL;
	if (!pn_find(k->s, k->end, "cpu_id = "))
		return "babeltrace without the CPU: cpu_id is missing (expected a trace with the "
		       "packet context)";
	return "a form of babeltrace that is not known (expected its default form, [TIME] "
	       "(+DELTA) HOST EVENT: { cpu_id = N }, { FIELDS })";
}

static const char *other(const struct looks *k)
{
	if (!k->words)
		return "irq_handler_entry without its number, \"irq=N name=NAME\"";
	if (!k->cpu)
		return "irq_handler_entry without a CPU in brackets, \"[001]\"";
	if (!k->time)
		return "irq_handler_entry without a time, \"12.345678:\"";
	return "irq_handler_entry in a form that is not known";
}

const char *pn_rec_lacks(const char *s, const char *end)
{
	static const char *(*const why[])(const struct looks *) = {graph, perf, verbose, babel,
								   other};
	struct looks k = {.s = s, .end = end, .event = pn_find(s, end, "irq_handler_entry")};
	const char *text = NULL, *number;
	uint64_t v;

	if (!k.event)
		return NULL;
	k.perf = k.event - s >= 4 && !memcmp(k.event - 4, "irq:", 4);
	k.cpu = has_cpu(s, k.event);
	k.time = has_time(s, k.event);
	number = pn_find(k.event, end, "irq=");
	number = number ? pn_number(number + 4, end, &v) : NULL;
	k.words = number && v <= UINT32_MAX;
	for (size_t i = 0; !text && i < sizeof(why) / sizeof(why[0]); i++)
		text = why[i](&k);
	return text;
}
