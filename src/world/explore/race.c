/* SPDX-License-Identifier: MIT */
/*
 * Which events depend on each other, and which of them could happen the other way round.
 *
 * Happens-before is the order of the events of a process, of a store before its flush, and of
 * dependent events; px_clock says it. For a race, events i and j of a path, v is what lies between
 * them without what happens after i, then j. If v can happen where i did, one of the processes that
 * can begin v has to be tried there (initials()).
 *
 * Waiting operations. A lock that was taken and dropped is two writes, of which only the second is
 * adjacent to the next taker in happens-before; but v exists at the first. So a waiting operation
 * races with each write before which it would have continued. The same holds for an operation that
 * still waits when no thread can continue.
 *
 * Loads of a value that the same thread stored, whether it is still in the buffer or in memory:
 * they commute with the flush of that store (the value is the same) and with writes of other
 * threads before that flush, and depend on writes of other threads after it.
 *
 * Interrupts. While a handler runs, the thread that it interrupts does not. So handler (BEGIN to
 * END) and steps of that thread cannot be interleaved, but as a whole the handler commutes with
 * a step that has no memory in common with it, and that changes nothing about when interrupts may
 * come. Only the steps that do (toggles: the interrupt flag, a store that fills the buffer,
 * leaving and entering a CPU) are ordered with BEGIN and END. When an event of the handler
 * conflicts with one of the thread's, reversing them means to begin the handler before that step,
 * or to take the step before BEGIN. For v this means:
 *
 * - A handler of which END is not in v is not known to commute with the thread's steps in v. Those
 *   come first; the handler is no initial (open_handlers()).
 * - Nor is it known to commute with i, if that is a step of the thread: then it is not in v at all
 *   (leave_handlers_out()).
 * - If a handler is already active where i is and its END is not in v, the thread's steps in v have
 *   to come before its BEGIN: that is where v is tried, or those steps alone if j needs the handler
 *   (open_handlers(), thread_first()).
 * - A handler that commutes with the steps in v need not commute with those that follow. So if a
 *   thread can begin v, too, the thread is tried (rather_threads()).
 *
 * Sleep sets rest on what a process is about to do and cannot know what a handler will do: there,
 * BEGIN and END depend on every step of the thread (px_next_depends()).
 */
#include <string.h>

#include "search.h"

static bool overlap(const char *a, uint32_t an, const char *b, uint32_t bn)
{
	return an && bn && a < b + bn && b < a + an;
}

/* True for a transition that cannot happen while a handler runs on that CPU. */
static bool excluded(const struct px_event *e)
{
	return e->proc < PX_THREADS && e->cpu >= 0 && e->op != PX_OP_SLEEP &&
	       !px_is_handler(e->proc);
}

/* @h of a handler, @m of the thread that it interrupts. */
static bool interrupts(const struct px_event *h, const struct px_event *m)
{
	return px_is_handler(h->proc) && h->cpu == m->cpu && excluded(m);
}

/* The BEGIN of the handler that @e belongs to; a flush knows its store. */
static uint32_t begin_of(const struct px_path *p, const struct px_event *e)
{
	return e->op == PX_OP_FLUSH ? p->ev[e->begin].begin : e->begin;
}

static bool toggles(const struct px_event *e, int cpu)
{
	return e->toggles >> cpu & 1;
}

static bool in_memory(const struct px_event *e)
{
	return e->size && !(e->op == PX_OP_STORE && !e->writes);
}

/* @l read what its own thread stored: is the other event @e ordered with it? */
static bool own_conflict(const struct px_path *p, const struct px_event *l,
			 const struct px_event *e, bool first)
{
	if (l->proc == e->proc % PX_THREADS)
		return false;
	return first && p->seq[l->proc + PX_THREADS] >= l->own;
}

/* Event @i of the path and @j, which comes next and is of another process. */
static bool dependent(const struct px_path *p, const struct px_event *i, const struct px_event *j)
{
	if (j->op == PX_OP_BEGIN && !px_is_handler(i->proc)) {
		if (toggles(i, j->cpu) || (i->op == PX_OP_FLUSH && i->cpu == j->cpu))
			return true;
	}
	if (i->op == PX_OP_BEGIN && toggles(j, i->cpu))
		return true;
	if (i->op == PX_OP_END && toggles(j, i->cpu) && interrupts(i, j))
		return true;
	if (!in_memory(i) || !in_memory(j) || (!i->writes && !j->writes))
		return false;
	if (!overlap(i->addr, i->size, j->addr, j->size))
		return false;
	if (i->own)
		return own_conflict(p, i, j, true);
	if (j->own)
		return own_conflict(p, j, i, false);
	return true;
}

static bool before(const struct px_event *i, struct px_clock clock)
{
	return i->seq <= clock.c[i->proc];
}

static struct px_clock join(struct px_clock a, struct px_clock b)
{
	for (unsigned i = 0; i < PX_PROCS; i++)
		a.c[i] = a.c[i] > b.c[i] ? a.c[i] : b.c[i];
	return a;
}

/* ---- v ---- */

#define OUTS (2 * PX_CPUS + PX_THREADS)

/* The events between @from and @j, without those that happen after one of @out. */
struct between {
	struct px_path *p;
	uint32_t from;
	uint32_t out[OUTS]; /* @from; where v cannot begin; shifting loads */
	uint32_t outs;
	const struct px_event *j;
	struct px_clock jclock;
};

static bool in_between(const struct between *v, uint32_t k)
{
	const struct px_event *ev = v->p->ev;

	for (uint32_t o = 0; o < v->outs; o++)
		if (before(&ev[v->out[o]], ev[k].clock))
			return false;
	return true;
}

/* The processes that happen-before allows to begin it. */
static uint32_t initials(const struct between *v)
{
	int16_t first[PX_PROCS];
	uint32_t seen = 0, set = 0;

	for (uint32_t k = v->from + 1; k <= v->p->n; k++) {
		const struct px_event *e = k < v->p->n ? &v->p->ev[k] : v->j;
		struct px_clock c = k < v->p->n ? e->clock : v->jclock;
		bool initial = true;

		if (seen >> e->proc & 1)
			continue;
		if (k < v->p->n && !in_between(v, k))
			continue;
		for (uint32_t rest = seen; rest && initial; rest &= rest - 1) {
			unsigned u = (unsigned)__builtin_ctz(rest);

			initial = c.c[u] < first[u];
		}
		first[e->proc] = e->seq;
		seen |= 1u << e->proc;
		if (initial)
			set |= 1u << e->proc;
		if (e == v->j)
			break;
	}
	return set;
}

static const struct px_event *at(const struct between *v, uint32_t k)
{
	return k < v->p->n ? &v->p->ev[k] : v->j;
}

static bool is_in(const struct between *v, uint32_t k)
{
	return k == v->p->n || (k > v->from && in_between(v, k));
}

/* The handler of a CPU where v begins, and in v. */
struct handling {
	bool active; /* runs already */
	bool begins; /* or begins in v */
	bool ends;   /* and, the same one, ends in v */
	bool thread; /* steps of the thread that it interrupts are in v */
	uint32_t begin;
};

static struct handling look(const struct between *v, int cpu)
{
	struct handling h = {.active = px.cpu[cpu].active >= 0, .begin = v->p->begin[cpu]};
	bool first = true;

	for (uint32_t k = v->from; k <= v->p->n; k++) {
		const struct px_event *e = at(v, k);

		if (e->cpu != cpu)
			continue;
		if (!px_is_handler(e->proc)) {
			h.thread |= excluded(e) && is_in(v, k);
			continue;
		}
		if (first) {
			h.active = e->op != PX_OP_BEGIN;
			h.begins = !h.active && is_in(v, k);
			h.begin = begin_of(v->p, e);
			first = false;
		}
		if (e->op == PX_OP_END && e->begin == h.begin)
			h.ends = is_in(v, k);
	}
	return h;
}

/* ---- races ---- */

static void try_at(const struct between *v);
static void race(struct px_path *p, uint32_t i, const struct px_event *j, struct px_clock jclock);

/*
 * The events in v that j depends on, if v begins earlier than assumed when the clock of j was
 * taken.
 */
static struct px_clock clock_of_j(const struct between *v)
{
	struct px_clock c = v->jclock;

	for (uint32_t k = v->from + 1; k < v->p->n; k++)
		if (in_between(v, k) && dependent(v->p, &v->p->ev[k], v->j))
			c = join(c, v->p->ev[k].clock);
	return c;
}

/*
 * j needs an event of the handler, and a step that the interrupted thread takes after END: the step
 * can only come before BEGIN.
 */
static void thread_first(const struct between *v, uint32_t begin)
{
	const struct px_event *b = &v->p->ev[begin];

	for (uint32_t k = v->p->n; k-- > v->from + 1;) {
		const struct px_event *e = &v->p->ev[k];

		if (!interrupts(b, e) || !in_between(v, k) || !before(e, v->jclock) ||
		    before(b, e->clock))
			continue;
		race(v->p, begin, e, e->clock);
		return;
	}
}

/* Removes from @set the processes that happen-before allows to begin v, but handlers do not. */
static uint32_t open_handlers(const struct between *v, uint32_t set)
{
	for (int c = 0; c < PX_CPUS; c++) {
		struct handling h;

		if (px.cpu[c].handler < 0)
			continue;
		h = look(v, c);
		if (!h.thread || h.ends)
			continue;
		if (h.begins)
			set &= ~(1u << px.cpu[c].handler);
		if (h.active && v->outs == OUTS)
			v->p->ev[h.begin].backtrack = v->p->ev[h.begin].enabled;
		else if (h.active && !before(&v->p->ev[h.begin], v->jclock)) {
			struct between earlier = *v;

			earlier.from = earlier.out[earlier.outs++] = h.begin;
			earlier.jclock = clock_of_j(&earlier);
			try_at(&earlier);
		} else if (h.active) {
			thread_first(v, h.begin);
		}
	}
	return set;
}

/* Of the processes that can begin v, those that are no handlers if there are such. */
static uint32_t rather_threads(uint32_t set)
{
	uint32_t threads = set;

	for (int c = 0; c < PX_CPUS; c++)
		if (px.cpu[c].handler >= 0)
			threads &= ~(1u << px.cpu[c].handler);
	return threads ? threads : set;
}

/*
 * Makes the search try v at the place where v begins. That a handler is tried there is not enough
 * if a thread can begin v: with more steps of the interrupted thread behind it, v may be a prefix
 * of executions in which the handler as a whole comes later.
 */
static void try_at(const struct between *v)
{
	struct px_event *node = &v->p->ev[v->from];
	uint32_t set = rather_threads(open_handlers(v, initials(v)));

	if (set & (node->backtrack | node->sleep | node->done))
		return;
	set &= node->enabled;
	if (set >> v->j->proc & 1)
		set = 1u << v->j->proc;
	/* Rather too many than too few. */
	node->backtrack |= set ? set & -set : node->enabled;
}

/*
 * A load that is independent of the write @from only because the write came before the flush of the
 * value that was loaded: in v it might depend on the write. So v leaves the load out, if @j does
 * not depend on it.
 */
static void leave_shifting_loads_out(struct between *v)
{
	const struct px_event *from = &v->p->ev[v->from];
	uint32_t threads = 1u << from->proc % PX_THREADS;

	if (!in_memory(from) || !from->writes)
		return;
	for (uint32_t k = v->from + 1; k < v->p->n; k++) {
		const struct px_event *l = &v->p->ev[k];

		if (l->op != PX_OP_LOAD || !l->own || threads >> l->proc & 1 ||
		    !overlap(l->addr, l->size, from->addr, from->size) || before(l, v->jclock))
			continue;
		threads |= 1u << l->proc;
		v->out[v->outs++] = k;
	}
}

static bool ends_in(const struct between *v, uint32_t begin)
{
	for (uint32_t k = begin + 1; k < v->p->n; k++) {
		const struct px_event *e = &v->p->ev[k];

		if (e->op == PX_OP_END && e->begin == begin)
			return in_between(v, k);
	}
	return false;
}

/*
 * @from is a step of a thread that a later handler interrupts: unless that handler is in v up to
 * its END, it is not known to commute with @from and is treated as coming after it. False: no room.
 */
static bool leave_handlers_out(struct between *v)
{
	const struct px_event *from = &v->p->ev[v->from];

	for (uint32_t k = v->from + 1; k < v->p->n && excluded(from); k++) {
		const struct px_event *e = &v->p->ev[k];

		if (e->op != PX_OP_BEGIN || e->cpu != from->cpu || before(e, v->jclock) ||
		    !in_between(v, k) || ends_in(v, k))
			continue;
		if (v->outs == OUTS)
			return false;
		v->out[v->outs++] = k;
	}
	return true;
}

/* @j could come where @i is. */
static void race(struct px_path *p, uint32_t i, const struct px_event *j, struct px_clock jclock)
{
	struct between v = {.p = p, .from = i, .out = {i}, .outs = 1, .j = j, .jclock = jclock};

	leave_shifting_loads_out(&v);
	if (leave_handlers_out(&v))
		try_at(&v);
	else
		p->ev[i].backtrack = p->ev[i].enabled;
}

/* The clock of @j at the place of @i: from the events that it depends on there. */
static struct px_clock clock_without(const struct px_path *p, uint32_t i, const struct px_event *j,
				     struct px_clock own)
{
	for (uint32_t k = i + 1; k < p->n; k++)
		if (!before(&p->ev[i], p->ev[k].clock) && dependent(p, &p->ev[k], j))
			own = join(own, p->ev[k].clock);
	return own;
}

/* @i and the later @j conflict; one of them belongs to a handler that interrupts the other. */
static void irq_conflict(struct px_path *p, uint32_t i, const struct px_event *j,
			 struct px_clock own)
{
	const struct px_event *e = &p->ev[i];

	if (interrupts(j, e)) {
		const struct px_event *begin = &p->ev[begin_of(p, j)];

		if (!before(e, begin->clock))
			race(p, i, begin, begin->clock);
	} else if (!before(&p->ev[begin_of(p, e)], own)) {
		uint32_t begin = begin_of(p, e);

		race(p, begin, j, clock_without(p, begin, j, own));
	}
}

/* True if the waiting operation @a could continue before @e wrote there; true in doubt. */
static bool would_have_gone(const struct px_access *a, const struct px_event *e)
{
	struct px_val v = {0, 0};

	if (e->size > sizeof(v) || a->addr < e->addr || a->addr + a->size > e->addr + e->size)
		return true;
	memcpy(&v, (const char *)&e->before + (a->addr - e->addr), a->size);
	return px_would_go(a, v);
}

/* Writes before which the waiting operation @j could go on, too. */
static void wait_races(struct px_path *p, const struct px_event *j, const struct px_access *a,
		       struct px_clock own)
{
	for (uint32_t i = p->n; i-- > 0;) {
		const struct px_event *e = &p->ev[i];

		if (before(e, own) || !in_memory(e) || !e->writes ||
		    !overlap(e->addr, e->size, j->addr, j->size))
			continue;
		if (interrupts(e, j) || interrupts(j, e))
			irq_conflict(p, i, j, own);
		else if (would_have_gone(a, e))
			race(p, i, j, clock_without(p, i, j, own));
	}
}

/* True if nothing keeps the interrupt @j from beginning at event @i. */
static bool could_begin(const struct px_path *p, uint32_t i, const struct px_event *j)
{
	struct px_val vectors = j->before;
	uint32_t seen = 0;

	for (uint32_t k = p->n; k-- > i;)
		if (p->ev[k].addr == j->addr)
			vectors = p->ev[k].before;
	for (uint32_t k = i; k < p->n; k++) {
		const struct px_event *e = &p->ev[k];

		if (k != i && !before(&p->ev[i], e->clock)) {
			vectors.lo |= e->op == PX_OP_SEND && e->addr == j->addr;
			continue;
		}
		if (px_is_handler(e->proc))
			continue;
		/* Its store came earlier. */
		if (e->op == PX_OP_FLUSH && e->cpu == j->cpu && e->begin < i)
			return false;
		if (!toggles(e, j->cpu) || seen >> e->proc & 1)
			continue;
		seen |= 1u << e->proc;
		if (!(e->irq_ok >> j->cpu & 1))
			return false;
	}
	return vectors.lo | vectors.hi;
}

/* Places where the interrupt of which @j is the BEGIN could come, too. */
static void irq_races(struct px_path *p, const struct px_event *j, struct px_clock own)
{
	for (uint32_t i = p->n; i-- > 0;) {
		const struct px_event *e = &p->ev[i];
		bool message = e->op == PX_OP_SEND && e->addr == j->addr;

		if (before(e, own))
			continue;
		if (!message && !(toggles(e, j->cpu) && e->irq_ok >> j->cpu & 1))
			continue;
		if (could_begin(p, i, j))
			race(p, i, j, clock_without(p, i, j, own));
	}
}

/* Interrupts before whose handler the step @j of the thread could come, too. */
static void step_races(struct px_path *p, const struct px_event *j, struct px_clock own)
{
	for (uint32_t i = p->n; i-- > 0;) {
		const struct px_event *e = &p->ev[i];

		if (e->op == PX_OP_BEGIN && interrupts(e, j) && !before(e, own))
			race(p, i, j, clock_without(p, i, j, own));
	}
}

static void waiting(struct px_path *p, const struct px_event *j, const struct px_access *a,
		    struct px_clock own)
{
	if (j->op == PX_OP_BEGIN)
		irq_races(p, j, own);
	else if (px_waits((enum px_op)j->op))
		wait_races(p, j, a, own);
	if (excluded(j) && toggles(j, j->cpu))
		step_races(p, j, own);
}

/* @j depends on event @i, and on nothing that happens after that. */
static void conflict(struct px_path *p, uint32_t i, const struct px_event *j, struct px_clock c)
{
	const struct px_event *e = &p->ev[i];

	if (e->op == PX_OP_END || j->op == PX_OP_BEGIN)
		return;
	if (interrupts(e, j) || interrupts(j, e)) {
		irq_conflict(p, i, j, c);
		return;
	}
	if (px_waits((enum px_op)j->op) && e->writes && e->op != PX_OP_BEGIN)
		return; /* wait_races() */
	race(p, i, j, c);
}

/* ---- clocks ---- */

static const struct px_event *flush_number(const struct px_path *p, unsigned thread, int number)
{
	uint32_t k = p->last[thread + PX_THREADS];

	while (k-- > 0)
		if (p->ev[k].proc == thread + PX_THREADS && p->ev[k].seq == number)
			return &p->ev[k];
	return NULL;
}

struct px_clock px_own_past(const struct px_path *p, const struct px_event *j)
{
	unsigned t = j->proc % PX_THREADS;
	uint32_t flush = p->last[t + PX_THREADS];
	int full = (int)px.thread[t].tail - PX_BUFFER;
	struct px_clock c = {{0}};

	if (p->last[j->proc])
		c = p->ev[p->last[j->proc] - 1].clock;
	if (j->proc < PX_THREADS && p->floor[t])
		c = join(c, p->ev[p->floor[t] - 1].clock);
	switch (j->op) {
	case PX_OP_LOAD:
	case PX_OP_WINDOW:
		break;
	case PX_OP_STORE: /* waited for room */
		if (full >= 0)
			c = join(c, flush_number(p, t, full + 1)->clock);
		break;
	case PX_OP_FLUSH:
		c = join(c, p->ev[p->store[t][px.thread[t].head % PX_BUFFER]].clock);
		break;
	default:
		if (flush)
			c = join(c, p->ev[flush - 1].clock);
	}
	return c;
}

static bool contains(const struct px_event *e, const struct px_event *j)
{
	return e->addr <= j->addr && j->addr + j->size <= e->addr + e->size;
}

/*
 * For a load from memory: finds whether its own thread wrote all of that last (j->own). A load that
 * overlaps the last store of its own thread in part had to wait for the flush.
 */
static struct px_clock load_past(const struct px_path *p, struct px_event *j, struct px_clock own)
{
	const struct px_event *store = NULL, *write = NULL;

	if (j->forwarded || !p->last[j->proc + PX_THREADS])
		return own;
	for (uint32_t k = p->n; k-- > 0 && !store;) {
		const struct px_event *e = &p->ev[k];

		if (!overlap(e->addr, e->size, j->addr, j->size))
			continue;
		if (e->proc == j->proc && e->op == PX_OP_STORE)
			store = e;
		else if (!write && e->writes)
			write = e;
	}
	if (!store)
		return own;
	if (!contains(store, j))
		return join(own, flush_number(p, j->proc, store->own)->clock);
	if (write && write->proc == j->proc + PX_THREADS && write->seq == store->own)
		j->own = store->own;
	return own;
}

/*
 * A handler waited for an effect that steps of the interrupted thread caused through other threads:
 * before those steps it would wait forever.
 */
static void handler_waits(struct px_path *p, const struct px_event *j, struct px_clock c)
{
	const struct px_event *begin = &p->ev[begin_of(p, j)];

	for (uint32_t i = begin_of(p, j); i-- > 0;) {
		const struct px_event *e = &p->ev[i];

		if (excluded(e) && e->cpu == j->cpu && before(e, c) && !before(e, begin->clock))
			race(p, i, begin, begin->clock);
	}
}

void px_order(struct px_path *p, struct px_event *j, const struct px_access *a, struct px_clock own)
{
	struct px_clock c;

	if (j->op == PX_OP_LOAD && !px.sc)
		own = load_past(p, j, own);
	waiting(p, j, a, own);
	c = own;
	for (uint32_t i = p->n; i-- > 0;) {
		if (before(&p->ev[i], c) || !dependent(p, &p->ev[i], j))
			continue;
		conflict(p, i, j, c);
		c = join(c, p->ev[i].clock);
	}
	if (px_is_handler(j->proc) && px_waits((enum px_op)j->op) && j->op != PX_OP_BEGIN)
		handler_waits(p, j, c);
	c.c[j->proc] = j->seq;
	j->clock = c;
}

/* ---- operations that have not happened ---- */

static bool writes(enum px_op op)
{
	switch (op) {
	case PX_OP_LOAD:
	case PX_OP_PLAIN_READ:
	case PX_OP_SLEEP:
	case PX_OP_SPIN:
		return false;
	case PX_OP_STORE:
		return px.sc;
	default:
		return true;
	}
}

static struct px_event imagine(const struct px_path *p, unsigned q, const struct px_access *a)
{
	int cpu = px.thread[q % PX_THREADS].cpu;

	return (struct px_event){.proc = (uint8_t)q,
				 .op = (uint8_t)a->op,
				 .cpu = (int8_t)cpu,
				 .begin = px_is_handler(q) ? p->begin[cpu] : 0,
				 .seq = (int16_t)(p->seq[q] + 1),
				 .writes = writes(a->op),
				 .size = a->size,
				 .addr = a->addr,
				 .before = px_value_at(a)};
}

void px_order_waiting(struct px_path *p, uint32_t enabled)
{
	for (unsigned q = 0; q < px.threads; q++) {
		struct px_access a = px_next(q);
		struct px_event j = imagine(p, q, &a);
		struct px_clock own;
		int active;

		if (a.op == PX_OP_NONE || enabled >> q & 1)
			continue;
		own = px_own_past(p, &j);
		active = excluded(&j) ? px.cpu[j.cpu].active : -1;
		if (a.op == PX_OP_BEGIN)
			irq_races(p, &j, own);
		else if (px_waits(a.op))
			wait_races(p, &j, &a, own);
		if (active >= 0 && !before(&p->ev[p->begin[j.cpu]], own))
			race(p, p->begin[j.cpu], &j, clock_without(p, p->begin[j.cpu], &j, own));
	}
}

/*
 * True if the next steps of process @q, of a thread, and event @e, of a handler, depend on each
 * other, or the other way round.
 */
static bool irq_depends(unsigned q, const struct px_access *a, const struct px_event *e)
{
	const struct px_thread_state *t = &px.thread[q % PX_THREADS];

	if (a->op == PX_OP_BEGIN)
		return (excluded(e) && e->cpu == t->cpu) || toggles(e, t->cpu);
	if (e->op != PX_OP_BEGIN && e->op != PX_OP_END)
		return false;
	return q < PX_THREADS && !t->handler && (t->cpu == e->cpu || t->migrates);
}

bool px_next_depends(const struct px_path *p, unsigned q, const struct px_event *e)
{
	struct px_access a = px_next(q);
	struct px_event j = imagine(p, q, &a);

	if (q % PX_THREADS == e->proc % PX_THREADS)
		return q < PX_THREADS && a.op != PX_OP_LOAD && a.op != PX_OP_STORE &&
		       a.op != PX_OP_WINDOW;
	if (irq_depends(q, &a, e))
		return true;
	if (a.op == PX_OP_LOAD && px_forwards(q))
		return false;
	return dependent(p, e, &j);
}
