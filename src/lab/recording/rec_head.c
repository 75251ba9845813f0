/* SPDX-License-Identifier: MIT */
/*
 * The formats of tracers: what stands before the event's name.
 *   ftrace            COMM-PID [(TGID)] [CPU] FLAGS SECONDS: EVENT: FIELDS
 *   trace-cmd report  COMM-PID [CPU] SECONDS: EVENT: FIELDS
 *   perf script       COMM PID[/TID] [CPU] SECONDS: SUBSYSTEM:EVENT: FIELDS
 *   latency format    COMM-PID CPUFLAGS SECONDS: or MICROSECONDSus: EVENT: FIELDS
 *   function_graph    SECONDS | CPU) [COMM-PID |] ... EVENT: FIELDS as a comment of C
 *   babeltrace        [TIME] (+DELTA) [HOST] EVENT: { cpu_id = CPU }, ... { FIELDS }
 * A comm may hold blanks, brackets and anything else: the first head that an event follows counts.
 */
#define _GNU_SOURCE /* memrchr() */
#include "rec_line.h"
#include "rec_scan.h"

/* "4445.920023" with 1 to 9 decimals, or "4445920023" ticks. */
static const char *time_value(const char *s, const char *end, struct pn_rec_line *l)
{
	uint64_t sec, frac;
	const char *dot = pn_number(s, end, &sec), *tail;

	if (!dot)
		return NULL;
	l->clock = PN_CLOCK_TICKS;
	l->ns = sec;
	if (dot == end || *dot != '.')
		return dot;
	tail = pn_number(dot + 1, end, &frac);
	if (!tail || tail - dot > 10 || sec > 9000000000ull)
		return NULL;
	for (long i = tail - dot; i < 10; i++)
		frac *= 10;
	l->clock = PN_CLOCK_SECONDS;
	l->ns = sec * 1000000000ull + frac;
	return tail;
}

/* The difference to the line before, "(+265)", which trace-cmd report --ts-diff adds. */
static const char *skip_diff(const char *s, const char *end)
{
	const char *close;

	s = pn_skip_blanks(s, end);
	if (s == end || *s != '(')
		return s;
	close = memchr(s, ')', (size_t)(end - s));
	return close ? pn_skip_blanks(close + 1, end) : s;
}

/* A time and its colon. */
static const char *timestamp(const char *s, const char *end, struct pn_rec_line *l)
{
	s = time_value(s, end, l);
	s = s ? skip_diff(s, end) : NULL;
	return s && s < end && *s == ':' ? skip_diff(s + 1, end) : NULL;
}

static bool is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!pn_is_digit(s[i]) && s[i] != '_' && s[i] != '-' && s[i] != '.' &&
		    !pn_is_letter(s[i]))
			return false;
	return len > 0;
}

const char *pn_rec_event_name(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *word_end = pn_skip_word(s, end), *colon;
	uint64_t period;

	/* perf puts the period of a sampled event before its name */
	if (s < end && pn_is_digit(*s) && pn_number(s, end, &period) == word_end) {
		s = pn_skip_blanks(word_end, end);
		word_end = pn_skip_word(s, end);
	}
	if (word_end - s < 2 || word_end[-1] != ':')
		return NULL;
	colon = memchr(s, ':', (size_t)(word_end - 1 - s));
	l->subsystem = colon != NULL;
	l->name.s = colon ? colon + 1 : s;
	l->name.len = (size_t)(word_end - 1 - l->name.s);
	return is_name(l->name.s, l->name.len) ? pn_skip_blanks(word_end, end) : NULL;
}

/* Takes off what stands between the PID and the CPU: "(TGID)", "(-------)", flags of perf-prof. */
static const char *before_cpu(const char *s, const char *end, struct pn_rec_task *t)
{
	const char *open, *word;
	uint64_t v;

	end = pn_trim(s, end);
	if (end > s && end[-1] == ')') {
		open = memrchr(s, '(', (size_t)(end - s));
		if (!open)
			return end;
		if (pn_number(pn_skip_blanks(open + 1, end), end, &v))
			t->tgid = (int64_t)v;
		return pn_trim(s, open);
	}
	for (word = end; word > s && !pn_is_blank(word[-1]);)
		word--;
	if (word > s && end - word >= 4 && end - word <= 6 && strchr("dD.bB", *word) &&
	    pn_is_digit(pn_trim(s, word)[-1]))
		end = pn_trim(s, word);
	return end;
}

static bool is_unknown_comm(const struct pn_rec_str *c)
{
	return !c->len || c->s[0] == ':' || (c->len == 5 && !memcmp(c->s, "<...>", 5)) ||
	       (c->len == 9 && !memcmp(c->s, "<unknown>", 9));
}

/* "fio-4503", "fio-4503 ( 4503)", "fio 4503", "fio 4500/4503", ":-1 -1". False: no PID. */
static bool current_task(const char *s, const char *end, struct pn_rec_task *t)
{
	const char *pid;
	uint64_t v = 0;

	end = before_cpu(s, end, t);
	for (pid = end; pid > s && pn_is_digit(pid[-1]);)
		pid--;
	if (pid == end || !pn_number(pid, end, &v)) {
		t->comm = (struct pn_rec_str){s, (size_t)(end - s)};
		return false;
	}
	t->tid = (int64_t)v;
	if (pid > s + 1 && pid[-1] == '/' && pn_is_digit(pid[-2])) {
		end = pid - 1;
		for (pid--; pid > s && pn_is_digit(pid[-1]);)
			pid--;
		if (pn_number(pid, end, &v))
			t->tgid = (int64_t)v;
	}
	if (pid > s && pid[-1] == '-') {
		pid--;
		if (pid > s && pn_is_blank(pid[-1])) /* "-1": perf knows no task */
			t->tid = t->tgid = -1;
	} else if (pid > s && !pn_is_blank(pid[-1])) {
		return false;
	}
	t->comm = (struct pn_rec_str){s, (size_t)(pn_trim(s, pid) - s)};
	if (is_unknown_comm(&t->comm))
		t->comm.len = 0;
	return true;
}

/* "   host.dat:           fio-900": trace-cmd report, when it reads several files or buffers. A
 * comm may hold ": " itself, but is no longer than @room: the report pads it behind the file. */
static void split_file(struct pn_rec_line *l, size_t room)
{
	struct pn_rec_str *comm = &l->task.comm;
	const char *end, *colon;

	if (comm->len <= room)
		return;
	end = comm->s + comm->len;
	colon = pn_find(comm->s, end, ": ");
	if (!colon)
		return;
	l->machine = (struct pn_rec_str){comm->s, (size_t)(colon - comm->s)};
	comm->s = pn_skip_blanks(colon + 1, end);
	comm->len = (size_t)(end - comm->s);
	if (is_unknown_comm(comm))
		comm->len = 0;
}

/* From the bracket of "[001] d..2. 4445.920023:": what follows the time. */
static const char *after_cpu(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *word;
	uint64_t cpu;

	s = pn_number(s + 1, end, &cpu);
	if (!s || s == end || *s != ']' || cpu > UINT32_MAX)
		return NULL;
	l->cpu = (uint32_t)cpu;
	l->flags = false;
	s = pn_skip_blanks(s + 1, end);
	word = timestamp(s, end, l);
	if (word)
		return word;
	l->flags = true;
	return timestamp(pn_skip_blanks(pn_skip_word(s, end), end), end, l);
}

static const char *bracket_head(const char *s, const char **end, struct pn_rec_line *l)
{
	const char *bracket = s, *fields;

	while ((bracket = memchr(bracket, '[', (size_t)(*end - bracket))) != NULL) {
		const char *event = after_cpu(bracket, *end, l);

		fields = event ? pn_rec_event_name(event, *end, l) : NULL;
		if (fields) {
			current_task(s, bracket, &l->task);
			if (!l->subsystem)
				split_file(l, 17);
			l->format = l->subsystem ? "perf script"
				    : l->flags	 ? "ftrace"
						 : "trace-cmd report";
			return fields;
		}
		bracket++;
	}
	return NULL;
}

/* "1d.h1.": a CPU and its flags; trace-cmd and ftrace write them without a blank between. */
static bool cpu_and_flags(const char *s, const char *end, uint32_t *cpu)
{
	uint64_t v;
	const char *flags = s;

	while (flags < end && pn_is_digit(*flags))
		flags++;
	if (!pn_number(s, flags, &v) || v > UINT32_MAX || end - flags < 3 || end - flags > 7)
		return false;
	for (const char *f = flags; f < end; f++)
		if (!pn_is_letter(*f) && !pn_is_digit(*f) && *f != '.' && *f != '#' && *f != '*')
			return false;
	*cpu = (uint32_t)v;
	return true;
}

/* "100us :", "100us+:", "100.000100:" */
static const char *latency_time(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *event = timestamp(s, end, l), *us;
	uint64_t v;

	if (event)
		return event;
	us = pn_number(s, end, &v);
	s = us ? pn_literal(us, end, "us") : NULL;
	if (!s || v > UINT64_MAX / 1000)
		return NULL;
	while (s < end && (pn_is_blank(*s) || strchr("+!#*@$", *s)))
		s++;
	if (s == end || *s != ':')
		return NULL;
	l->clock = PN_CLOCK_SECONDS;
	l->ns = v * 1000;
	return pn_skip_blanks(s + 1, end);
}

static const char *latency_head(const char *s, const char **end, struct pn_rec_line *l)
{
	const char *word = pn_skip_word(s, *end);

	for (word = pn_skip_blanks(word, *end); word < *end;) {
		const char *stop = pn_skip_word(word, *end), *event, *fields;

		if (cpu_and_flags(word, stop, &l->cpu) && pn_is_digit(pn_trim(s, word)[-1])) {
			event = latency_time(pn_skip_blanks(stop, *end), *end, l);
			fields = event ? pn_rec_event_name(event, *end, l) : NULL;
			if (fields && current_task(s, word, &l->task)) {
				split_file(l, 9);
				l->task.cut = true;
				l->flags = true;
				l->format = "latency format";
				return fields;
			}
		}
		word = pn_skip_blanks(stop, *end);
	}
	return NULL;
}

static const char *graph_head(const char *s, const char **end, struct pn_rec_line *l)
{
	const char *open = pn_find(s, *end, "/* "), *close, *bar, *at;
	uint64_t cpu;

	at = open ? time_value(s, open, l) : NULL;
	at = at ? pn_skip_blanks(at, open) : NULL;
	if (!at || at == open || *at != '|' || l->clock != PN_CLOCK_SECONDS)
		return NULL;
	at = pn_number(pn_skip_blanks(at + 1, open), open, &cpu);
	if (!at || at == open || *at != ')' || cpu > UINT32_MAX)
		return NULL;
	l->cpu = (uint32_t)cpu;
	at = pn_skip_blanks(at + 1, open);
	bar = memchr(at, '|', (size_t)(open - at));
	if (bar && pn_trim(at, bar) > at && memchr(at, '-', (size_t)(bar - at)))
		current_task(at, bar, &l->task);
	close = pn_trim(open, *end);
	if (close - open > 5 && !memcmp(close - 2, "*/", 2))
		*end = pn_trim(open, close - 2);
	l->format = "function_graph";
	return pn_rec_event_name(pn_skip_blanks(open + 3, *end), *end, l);
}

/* "[13:45:36.000100000]", "[2024-01-05 13:45:36.000100000]", "[1704.000100000]" */
static const char *babel_time(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *close = memchr(s, ']', (size_t)(end - s)), *at = close, *stop;
	uint64_t field, sec = 0, unit = 60;

	if (*s != '[' || !close)
		return NULL;
	while (at > s + 1 && (pn_is_digit(at[-1]) || at[-1] == '.'))
		at--;
	if (!time_value(at, close, l))
		return NULL;
	while (at > s + 1 && at[-1] == ':' && unit <= 3600) {
		for (stop = --at; at > s + 1 && pn_is_digit(at[-1]);)
			at--;
		if (!pn_number(at, stop, &field) || field > 100)
			return NULL;
		sec += field * unit;
		unit *= 60;
	}
	l->ns += l->clock == PN_CLOCK_SECONDS ? sec * 1000000000ull : 0;
	return close + 1;
}

static const char *babel_head(const char *s, const char **end, struct pn_rec_line *l)
{
	const char *open = s < *end ? babel_time(s, *end, l) : NULL, *at, *word, *cpu;
	uint64_t v;

	at = open ? pn_literal(pn_skip_blanks(open, *end), *end, "(+") : NULL;
	at = at ? memchr(at, ')', (size_t)(*end - at)) : NULL;
	open = at ? pn_find(at, *end, ": {") : NULL;
	cpu = open ? pn_find(open, *end, "cpu_id = ") : NULL;
	if (!cpu || !pn_number(cpu + 9, *end, &v) || v > UINT32_MAX)
		return NULL;
	l->cpu = (uint32_t)v;
	for (word = open; word > at + 1 && !pn_is_blank(word[-1]);)
		word--;
	at = pn_skip_blanks(at + 1, word);
	if (pn_trim(at, word) > at)
		l->machine = (struct pn_rec_str){at, (size_t)(pn_trim(at, word) - at)};
	l->format = "babeltrace";
	return pn_rec_event_name(word, *end, l);
}

const char *pn_rec_head(const char *s, const char **end, struct pn_rec_line *l)
{
	static const char *(*const formats[])(const char *, const char **, struct pn_rec_line *) = {
		bracket_head,
		graph_head,
		babel_head,
		latency_head,
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct pn_rec_line try = *l;
		const char *stop = *end, *fields = formats[i](s, &stop, &try);

		if (!fields)
			continue;
		*l = try;
		*end = stop;
		return fields;
	}
	return NULL;
}
