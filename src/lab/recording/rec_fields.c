/* SPDX-License-Identifier: MIT */
/*
 * The fields of the events that are of interest. Each field is found by its name, as the kernel,
 * perf ("irq=36 name=x") and babeltrace ("irq = 36, name = "x"") write it; sched_switch and the
 * wakeups also come in the short form of trace-cmd ("fio:4530 [120] R ==> rcu:15 [120]").
 */
#define _GNU_SOURCE /* memrchr() */
#include "rec_line.h"
#include "rec_scan.h"

static bool named(const struct pn_rec_line *l, const char *name)
{
	return l->name.len == strlen(name) && !memcmp(l->name.s, name, l->name.len);
}

/* ---- babeltrace: "KEY = VALUE, " ---- */

static const char *ctf_value(const char *s, const char *end, const char *key)
{
	size_t len = strlen(key);

	while ((s = pn_find(s, end, key)) != NULL) {
		const char *eq = pn_literal(s + len, end, " = ");

		if (eq && pn_is_blank(s[-1]))
			return eq;
		s += len;
	}
	return NULL;
}

static bool ctf_number(const char *s, const char *end, const char *key, uint64_t *v)
{
	s = ctf_value(s, end, key);
	return s && pn_number(s, end, v);
}

static bool ctf_string(const char *s, const char *end, const char *key, struct pn_rec_str *out)
{
	const char *from = ctf_value(s, end, key), *close;

	from = from ? pn_literal(from, end, "\"") : NULL;
	close = from ? memchr(from, '"', (size_t)(end - from)) : NULL;
	if (!close)
		return false;
	*out = (struct pn_rec_str){from, (size_t)(close - from)};
	return true;
}

static enum pn_rec_what ctf_irq(const char *s, const char *end, struct pn_rec_line *l)
{
	if (!ctf_number(s, end, "irq", &l->number) || l->number > UINT32_MAX)
		return PN_LINE_UNKNOWN;
	if (!ctf_string(s, end, "name", &l->name))
		l->name.len = 0;
	return PN_LINE_IRQ;
}

static bool ctf_task(const char *s, const char *end, const char *const key[3],
		     struct pn_rec_task *t)
{
	uint64_t tid;

	if (!ctf_number(s, end, key[1], &tid) && !ctf_number(s, end, key[2], &tid))
		return false;
	t->tid = (int64_t)tid;
	t->tgid = -1;
	return ctf_string(s, end, key[0], &t->comm);
}

/* The state is a number, or a set of names of bits: 0, or one above the reported states, is R. */
static enum pn_rec_what ctf_switch(const char *s, const char *end, struct pn_rec_line *l)
{
	static const char *const prev[] = {"prev_comm", "prev_tid", "prev_pid"};
	static const char *const next[] = {"next_comm", "next_tid", "next_pid"};
	const char *state = ctf_value(s, end, "prev_state");
	uint64_t v = 0;

	if (!state || !ctf_task(s, end, prev, &l->prev) || !ctf_task(s, end, next, &l->next))
		return PN_LINE_UNKNOWN;
	if (pn_number(state, end, &v))
		l->runnable = !(v & 0xff);
	else
		l->runnable = pn_literal(state, end, "( \"TASK_RUNNING\"") != NULL;
	return PN_LINE_SWITCH;
}

/* ---- the kernel's and perf's own form ---- */

/* perf script -F +ip,sym adds an address and a symbol behind the fields. */
static const char *before_address(const char *s, const char *end)
{
	const char *at = pn_find(s, end, " ffffffff");

	return at ? pn_trim(s, at) : end;
}

/* "irq=36 name=virtio1-req.0" */
static enum pn_rec_what irq_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *name;

	if (pn_literal(s, end, "{"))
		return ctf_irq(s, end, l);
	s = pn_literal(s, end, "irq=");
	s = s ? pn_number(s, end, &l->number) : NULL;
	if (!s || l->number > UINT32_MAX)
		return PN_LINE_UNKNOWN;
	s = pn_skip_blanks(s, end);
	name = pn_literal(s, end, "name=");
	name = name ? name : pn_literal(s, end, "handler=");
	end = before_address(s, end);
	l->name.s = name && name < end ? name : end;
	l->name.len = (size_t)(end - l->name.s);
	return PN_LINE_IRQ;
}

static enum pn_rec_what exit_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	if (pn_literal(s, end, "{"))
		return ctf_number(s, end, "irq", &l->number) ? PN_LINE_EXIT : PN_LINE_OTHER;
	s = pn_literal(s, end, "irq=");
	return s && pn_number(s, end, &l->number) ? PN_LINE_EXIT : PN_LINE_OTHER;
}

/* TASK_REPORT letters; "R+" was preempted, "I" is the uninterruptible sleep of kernel threads. */
static void state(const char *s, struct pn_rec_line *l)
{
	l->runnable = *s == 'R';
	l->kthread = *s == 'I';
}

static struct pn_rec_task full_task(struct pn_rec_str comm, uint64_t tid)
{
	return (struct pn_rec_task){.comm = comm, .tid = (int64_t)tid, .tgid = -1};
}

/* "prev_comm=fio prev_pid=1 prev_prio=120 prev_state=R ==> next_comm=a next_pid=2 next_prio=120" */
static enum pn_rec_what switch_keys(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *pid = pn_find(s, end, " prev_pid="), *st, *next, *next_pid;
	uint64_t prev_tid, next_tid;

	if (!pid)
		return PN_LINE_UNKNOWN;
	st = pn_number(pid + 10, end, &prev_tid);
	st = st ? pn_find(st, end, " prev_state=") : NULL;
	next = st ? pn_find(st, end, " ==> next_comm=") : NULL;
	if (!next || next == st + 12)
		return PN_LINE_UNKNOWN;
	state(st + 12, l);
	next += 15;
	next_pid = pn_find(next, end, " next_pid=");
	if (!next_pid || !pn_number(next_pid + 10, end, &next_tid))
		return PN_LINE_UNKNOWN;
	l->prev = full_task((struct pn_rec_str){s, (size_t)(pid - s)}, prev_tid);
	l->next = full_task((struct pn_rec_str){next, (size_t)(next_pid - next)}, next_tid);
	return PN_LINE_SWITCH;
}

/* "fio:4530 [120]": comm and pid; the rest after the bracket, or NULL. */
static const char *short_task(const char *s, const char *end, struct pn_rec_task *t)
{
	const char *open = memrchr(s, '[', (size_t)(end - s)), *close, *colon;
	uint64_t tid;

	close = open ? memchr(open, ']', (size_t)(end - open)) : NULL;
	colon = close ? memrchr(s, ':', (size_t)(open - s)) : NULL;
	if (!colon || !pn_number(colon + 1, open, &tid))
		return NULL;
	*t = full_task((struct pn_rec_str){s, (size_t)(colon - s)}, tid);
	return pn_skip_blanks(close + 1, end);
}

/* "fio:4530 [120] R ==> rcu_preempt:15 [120]" */
static enum pn_rec_what switch_short(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *arrow = pn_find(s, end, " ==> "), *st;

	if (!arrow)
		return PN_LINE_UNKNOWN;
	st = short_task(s, arrow, &l->prev);
	if (!st || st == arrow || !short_task(arrow + 5, before_address(arrow + 5, end), &l->next))
		return PN_LINE_UNKNOWN;
	state(st, l);
	return PN_LINE_SWITCH;
}

static enum pn_rec_what switch_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *keys = pn_literal(s, end, "prev_comm=");

	if (pn_literal(s, end, "{"))
		return ctf_switch(s, end, l);
	return keys ? switch_keys(keys, end, l) : switch_short(s, end, l);
}

/* "comm=fio pid=900 prio=120 target_cpu=001", "fio:900 [120] CPU:001", and of babeltrace */
static enum pn_rec_what wake_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	static const char *const ctf[] = {"comm", "tid", "pid"};
	const char *comm = pn_literal(s, end, "comm="), *pid;
	uint64_t tid;

	if (pn_literal(s, end, "{"))
		return ctf_task(s, end, ctf, &l->next) ? PN_LINE_WAKEUP : PN_LINE_OTHER;
	if (!comm)
		return short_task(s, end, &l->next) ? PN_LINE_WAKEUP : PN_LINE_OTHER;
	pid = pn_find(comm, end, " pid=");
	if (!pid || !pn_number(pid + 5, end, &tid))
		return PN_LINE_OTHER;
	l->next = full_task((struct pn_rec_str){comm, (size_t)(pid - comm)}, tid);
	return PN_LINE_WAKEUP;
}

/* "reason hlt rip 0x... info ...", "vcpu 0 reason EXTERNAL_INTERRUPT rip ...", and "[ 3 ]"... */
static enum pn_rec_what exit_reason(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *reason = pn_literal(s, end, "reason ");

	if (!reason) {
		reason = pn_find(s, end, " reason ");
		reason = reason ? reason + 8 : NULL;
	}
	if (!reason)
		return PN_LINE_OTHER;
	l->name = (struct pn_rec_str){reason, (size_t)(pn_skip_word(reason, end) - reason)};
	return PN_LINE_VM_EXIT;
}

static enum pn_rec_what vm_entry(const char *s, const char *end, struct pn_rec_line *l)
{
	(void)s;
	(void)end;
	(void)l;
	return PN_LINE_VM_ENTRY;
}

/* "vector=253": of irq_vectors, each with its _entry and _exit */
static enum pn_rec_what vector_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	s = pn_literal(s, end, "vector=");
	if (!s || !pn_number(s, end, &l->number) || l->number > 255)
		return PN_LINE_OTHER;
	return PN_LINE_VECTOR;
}

static bool ends(const struct pn_rec_str *s, const char *tail)
{
	size_t n = strlen(tail);

	return s->len > n && !memcmp(s->s + s->len - n, tail, n);
}

enum pn_rec_what pn_rec_fields(const char *s, const char *end, struct pn_rec_line *l)
{
	static const struct {
		const char *name;
		enum pn_rec_what (*fields)(const char *s, const char *end, struct pn_rec_line *l);
	} events[] = {
		{"irq_handler_entry", irq_fields}, {"irq_handler_exit", exit_fields},
		{"sched_switch", switch_fields},   {"kvm_exit", exit_reason},
		{"kvm_entry", vm_entry},	   {"sched_waking", wake_fields},
		{"sched_wakeup", wake_fields},
	};
	enum pn_rec_what what;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (named(l, events[i].name))
			return events[i].fields(s, end, l);
	if (l->name.len > 4 && !memcmp(l->name.s, "kvm_", 4))
		return PN_LINE_KVM;
	what = ends(&l->name, "_entry") ? vector_fields(s, end, l) : PN_LINE_OTHER;
	if (what == PN_LINE_VECTOR)
		l->name.len -= strlen("_entry");
	return what;
}
