/* SPDX-License-Identifier: MIT */
/*
 * One line of text:
 *   ftrace            COMM-PID [(TGID)] [CPU] FLAGS SECONDS: EVENT: FIELDS
 *   trace-cmd report  COMM-PID [CPU] SECONDS: EVENT: FIELDS
 *   perf script       COMM PID[/TID] [CPU] SECONDS: SUBSYSTEM:EVENT: FIELDS
 * A comm may hold blanks, brackets and anything else: the first [NUMBER] that a time follows
 * counts.
 */
#define _GNU_SOURCE /* memrchr() */
#include <string.h>

#include "rec_priv.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	return s;
}

static const char *skip_word(const char *s, const char *end)
{
	while (s < end && *s != ' ' && *s != '\t')
		s++;
	return s;
}

/* Digits that fit below 10^18: their end, or NULL. */
static const char *number(const char *s, const char *end, uint64_t *out)
{
	const char *from = s;
	uint64_t v = 0;

	for (; s < end && is_digit(*s) && s - from < 18; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	if (s == from || (s < end && is_digit(*s)))
		return NULL;
	*out = v;
	return s;
}

static const char *literal(const char *s, const char *end, const char *what, size_t len)
{
	return (size_t)(end - s) >= len && !memcmp(s, what, len) ? s + len : NULL;
}
#define LITERAL(s, end, what) literal(s, end, what, sizeof(what) - 1)

/* Where @what begins in [s, end), or NULL. */
static const char *find(const char *s, const char *end, const char *what, size_t len)
{
	while ((size_t)(end - s) >= len) {
		s = memchr(s, what[0], (size_t)(end - s) - len + 1);
		if (!s || !memcmp(s, what, len))
			return s;
		s++;
	}
	return NULL;
}
#define FIND(s, end, what) find(s, end, what, sizeof(what) - 1)

/* "4445.920023:" with 1 to 9 decimals. */
static const char *timestamp(const char *s, const char *end, uint64_t *ns)
{
	uint64_t sec, frac;
	const char *dot = number(s, end, &sec), *tail;

	if (!dot || dot == end || *dot != '.' || sec > 9000000000ull)
		return NULL;
	tail = number(dot + 1, end, &frac);
	if (!tail || tail == end || *tail != ':' || tail - dot > 10)
		return NULL;
	for (long i = tail - dot; i < 10; i++)
		frac *= 10;
	*ns = sec * 1000000000ull + frac;
	return tail + 1;
}

/* The task that the line begins with: "fio-4503", "fio-4503 ( 4503)", "fio 4503", "fio 4503/4503".
 */
static void current_task(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *pid;

	while (end > s && end[-1] == ' ')
		end--;
	if (end > s && end[-1] == ')') { /* thread group */
		while (end > s && *end != '(')
			end--;
		while (end > s && end[-1] == ' ')
			end--;
	}
	for (pid = end; pid > s && is_digit(pid[-1]);)
		pid--;
	l->idle_task = end - pid == 1 && *pid == '0';
	if (pid > s && pid[-1] == '/')
		for (pid--; pid > s && is_digit(pid[-1]);)
			pid--;
	if (pid > s && pid[-1] == '-')
		pid--;
	while (pid > s && pid[-1] == ' ')
		pid--;
	l->task = (struct pn_rec_str){s, (size_t)(pid - s)};
	if (LITERAL(s, pid, "<...>"))
		l->task.len = 0;
}

/* From the bracket of "[001] d..2. 4445.920023:": what follows the time, or NULL. */
static const char *after_cpu(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *word;
	uint64_t cpu;

	s = number(s + 1, end, &cpu);
	if (!s || s == end || *s != ']' || cpu > UINT32_MAX)
		return NULL;
	l->cpu = (uint32_t)cpu;
	l->flags = false;
	s = skip_blanks(s + 1, end);
	word = timestamp(s, end, &l->ns);
	if (word)
		return word;
	l->flags = true;
	return timestamp(skip_blanks(skip_word(s, end), end), end, &l->ns);
}

static const char *find_event(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *bracket = s;

	while ((bracket = memchr(bracket, '[', (size_t)(end - bracket))) != NULL) {
		const char *event = after_cpu(bracket, end, l);

		if (event) {
			current_task(s, bracket, l);
			return skip_blanks(event, end);
		}
		bracket++;
	}
	return NULL;
}

static bool is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(s[i]) && s[i] != '_' && s[i] != '-' && s[i] != '.' &&
		    ((s[i] | 0x20) < 'a' || (s[i] | 0x20) > 'z'))
			return false;
	return len > 0;
}

/* "event:" or "subsystem:event:": its end; NULL if there is no such word. */
static const char *event_name(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *word_end = skip_word(s, end), *colon;
	uint64_t period;

	/* perf puts the period of a sampled event before its name */
	if (s < end && is_digit(*s) && number(s, end, &period) == word_end) {
		s = skip_blanks(word_end, end);
		word_end = skip_word(s, end);
	}
	if (word_end - s < 2 || word_end[-1] != ':')
		return NULL;
	colon = memchr(s, ':', (size_t)(word_end - 1 - s));
	l->subsystem = colon != NULL;
	l->name.s = colon ? colon + 1 : s;
	l->name.len = (size_t)(word_end - 1 - l->name.s);
	return is_name(l->name.s, l->name.len) ? skip_blanks(word_end, end) : NULL;
}

static bool named(const struct pn_rec_line *l, const char *name, size_t len)
{
	return l->name.len == len && !memcmp(l->name.s, name, len);
}
#define NAMED(l, name) named(l, name, sizeof(name) - 1)

/* "irq=36 name=virtio1-req.0" */
static enum pn_rec_what irq_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *name;

	s = LITERAL(s, end, "irq=");
	s = s ? number(s, end, &l->number) : NULL;
	if (!s || l->number > UINT32_MAX)
		return PN_LINE_UNKNOWN;
	s = skip_blanks(s, end);
	name = LITERAL(s, end, "name=");
	name = name ? name : LITERAL(s, end, "handler=");
	while (end > s && end[-1] == ' ')
		end--;
	l->name.s = name ? name : end;
	l->name.len = (size_t)(end - l->name.s);
	return PN_LINE_IRQ;
}

/* TASK_REPORT letters; "R+" was preempted, "I" is the uninterruptible sleep of kernel threads. */
static void state(const char *s, struct pn_rec_line *l)
{
	l->runnable = *s == 'R';
	l->kthread = *s == 'I';
}

/* "prev_comm=fio prev_pid=1 prev_prio=120 prev_state=R ==> next_comm=a next_pid=2 next_prio=120" */
static enum pn_rec_what switch_keys(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *pid = FIND(s, end, " prev_pid="), *st, *next, *next_pid;
	uint64_t prev_pid, new_pid;

	if (!pid)
		return PN_LINE_UNKNOWN;
	l->prev = (struct pn_rec_str){s, (size_t)(pid - s)};
	pid = number(pid + 10, end, &prev_pid);
	st = pid ? FIND(pid, end, " prev_state=") : NULL;
	next = st ? FIND(st, end, " ==> next_comm=") : NULL;
	if (!next || next == st + 12)
		return PN_LINE_UNKNOWN;
	state(st + 12, l);
	next += 15;
	next_pid = FIND(next, end, " next_pid=");
	if (!next_pid || !number(next_pid + 10, end, &new_pid))
		return PN_LINE_UNKNOWN;
	l->next = (struct pn_rec_str){next, (size_t)(next_pid - next)};
	l->prev_idle = !prev_pid;
	l->next_idle = !new_pid;
	return PN_LINE_SWITCH;
}

/* "fio:4530 [120]": comm and pid; the rest after the bracket, or NULL. */
static const char *task(const char *s, const char *end, struct pn_rec_str *comm, bool *idle)
{
	const char *open = memrchr(s, '[', (size_t)(end - s)), *close, *colon;
	uint64_t pid;

	close = open ? memchr(open, ']', (size_t)(end - open)) : NULL;
	colon = close ? memrchr(s, ':', (size_t)(open - s)) : NULL;
	if (!colon || !number(colon + 1, open, &pid))
		return NULL;
	*comm = (struct pn_rec_str){s, (size_t)(colon - s)};
	*idle = !pid;
	return skip_blanks(close + 1, end);
}

/* "fio:4530 [120] R ==> rcu_preempt:15 [120]" */
static enum pn_rec_what switch_short(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *arrow = FIND(s, end, " ==> "), *st;

	if (!arrow)
		return PN_LINE_UNKNOWN;
	st = task(s, arrow, &l->prev, &l->prev_idle);
	if (!st || st == arrow || !task(arrow + 5, end, &l->next, &l->next_idle))
		return PN_LINE_UNKNOWN;
	state(st, l);
	return PN_LINE_SWITCH;
}

static enum pn_rec_what switch_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *keys = LITERAL(s, end, "prev_comm=");

	return keys ? switch_keys(keys, end, l) : switch_short(s, end, l);
}

/* "CPU:1 [LOST 265 EVENTS]", "CPU:1 [265 EVENTS DROPPED]" */
static bool lost(const char *s, const char *end, struct pn_rec_line *l)
{
	if (!LITERAL(s, end, "CPU:") || (!FIND(s, end, "LOST") && !FIND(s, end, "DROPPED")))
		return false;
	l->number = 1;
	s = memchr(s, '[', (size_t)(end - s));
	while (s && s < end && !is_digit(*s))
		s++;
	if (s && s < end)
		number(s, end, &l->number);
	return true;
}

static enum pn_rec_what no_event(const char *s, const char *end, struct pn_rec_line *l)
{
	if (s == end || *s == '#' || LITERAL(s, end, "cpus="))
		return PN_LINE_COMMENT;
	return lost(s, end, l) ? PN_LINE_LOST : PN_LINE_UNKNOWN;
}

void pn_rec_parse(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *fields;

	s = skip_blanks(s, end);
	l->what = PN_LINE_UNKNOWN;
	fields = s < end && *s != '#' ? find_event(s, end, l) : NULL;
	if (fields)
		fields = event_name(fields, end, l);
	if (!fields)
		l->what = no_event(s, end, l);
	else if (NAMED(l, "irq_handler_entry"))
		l->what = irq_fields(fields, end, l);
	else if (NAMED(l, "irq_handler_exit"))
		l->what = PN_LINE_EXIT;
	else if (NAMED(l, "sched_switch"))
		l->what = switch_fields(fields, end, l);
	else
		l->what = PN_LINE_OTHER;
}
