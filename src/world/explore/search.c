/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"
#include "search.h"

/*
 * Source-DPOR with sleep sets, and a search by number of preemptions that finds short
 * counter-examples first. Both are stateless: to go back is to run again from the start.
 */

#define DEFAULT_STEPS 20000u

struct search {
	const struct px_program *prog;
	const struct px_options *opt;
	struct px_result *res;
	struct px_event *ev; /* path */
	uint32_t n, max;
	int16_t seq[PX_PROCS];	    /* of this execution */
	uint32_t last[PX_PROCS];    /* index + 1 of the last event of each process; 0: none */
	uint32_t floor[PX_THREADS]; /* index + 1 of its last flush before a fence that was passed */
	uint32_t begin[PX_CPUS];    /* index of the last PX_OP_BEGIN there */
	uint32_t store[PX_THREADS][PX_BUFFER]; /* index of the STORE behind each buffered entry */
	uint32_t preempted;		       /* so far on this path */
	double deadline;
	bool bounded;
	unsigned bound;
	uint32_t limit; /* 0, or steps at which an execution is not worth going on with */
	bool cut;	/* something was left out because of the bound */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- dependence ---- */

static bool overlap(const char *a, uint32_t an, const char *b, uint32_t bn)
{
	return an && bn && a < b + bn && b < a + an;
}

static bool is_main(const struct px_event *e)
{
	return e->proc < PX_THREADS && !px.thread[e->proc].handler && e->cpu >= 0;
}

/* Of a handler on the CPU on which @m, of a thread or its buffer, happens. */
static bool interrupts(const struct px_event *h, const struct px_event *m)
{
	return px.thread[h->proc % PX_THREADS].handler && h->cpu == m->cpu &&
	       !px.thread[m->proc % PX_THREADS].handler;
}

static bool irq_op(uint8_t op)
{
	return op == PX_OP_BEGIN || op == PX_OP_END;
}

static bool in_memory(const struct px_event *e)
{
	return e->size && !(e->op == PX_OP_STORE && !e->writes);
}

/* @i came before @j, of different processes. */
static bool dependent(const struct px_event *i, const struct px_event *j)
{
	if (irq_op(i->op) && is_main(j) && i->cpu == j->cpu)
		return j->toggles;
	if (irq_op(j->op) && is_main(i) && i->cpu == j->cpu)
		return i->toggles;
	if (!in_memory(i) || !in_memory(j) || (!i->writes && !j->writes))
		return false;
	if (!overlap(i->addr, i->size, j->addr, j->size))
		return false;
	/* A load out of the own buffer has to do with its own flush and with nobody else. */
	if (i->forwarded)
		return j->proc == i->proc + PX_THREADS;
	if (j->forwarded)
		return i->proc == j->proc + PX_THREADS;
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

/* Would the next operation of @q depend on the event just executed? Errs on yes. */
static bool next_depends(unsigned q, const struct px_event *e)
{
	struct px_access a = px_next(q);
	const struct px_thread_state *t = &px.thread[q % PX_THREADS];
	struct px_event j = {.proc = (uint8_t)q,
			     .op = (uint8_t)a.op,
			     .cpu = (int8_t)(q >= PX_THREADS || a.op == PX_OP_SLEEP ? -1 : t->cpu),
			     .size = a.size,
			     .addr = a.addr};

	if (a.op == PX_OP_NONE || q % PX_THREADS == e->proc % PX_THREADS)
		return q == e->proc || a.op != PX_OP_FLUSH || e->op == PX_OP_LOAD;
	j.writes = a.op != PX_OP_LOAD && a.op != PX_OP_SLEEP && a.op != PX_OP_SPIN &&
		   (a.op != PX_OP_STORE || px.sc);
	if (a.op == PX_OP_BEGIN && interrupts(&j, e))
		return true; /* what the handler will do is not known yet */
	if (e->op == PX_OP_END && interrupts(e, &j))
		return true;
	return dependent(e, &j);
}

/* ---- races ---- */

/*
 * Interrupts. A handler runs as one piece in the sequence of its CPU: no transition of the thread
 * that it interrupts comes in between. So a handler commutes with all of that thread's transitions
 * that have no memory in common with it and leave the interrupt flag alone; and when one of its
 * accesses conflicts with one of the thread's, to turn them round is to begin the handler earlier,
 * or to let the thread go on before it begins. That is what races between the two are translated
 * to.
 */

/* The processes that can begin what follows event @i without it, ending with the process of @j. */
static uint32_t initials(const struct search *s, uint32_t i, const struct px_event *j,
			 struct px_clock jclock)
{
	int16_t first[PX_PROCS];
	uint32_t seen = 0, set = 0;

	for (uint32_t k = i + 1; k <= s->n; k++) {
		const struct px_event *e = k < s->n ? &s->ev[k] : j;
		struct px_clock c = k < s->n ? e->clock : jclock;
		bool initial = true;

		if (k < s->n && before(&s->ev[i], c))
			continue;
		if (seen >> e->proc & 1)
			continue;
		for (uint32_t rest = seen; rest && initial; rest &= rest - 1) {
			unsigned u = (unsigned)__builtin_ctz(rest);

			initial = c.c[u] < first[u];
		}
		first[e->proc] = e->seq;
		seen |= 1u << e->proc;
		if (initial)
			set |= 1u << e->proc;
	}
	return set;
}

/* Event @i and the next one, @j, could happen the other way round: see to it that they do. */
static void race(struct search *s, uint32_t i, const struct px_event *j, struct px_clock jclock)
{
	struct px_event *node = &s->ev[i];
	uint32_t set;

	/* All there already? */
	if (!(node->enabled & ~(node->backtrack | node->sleep)))
		return;
	set = initials(s, i, j, jclock);
	if (set & (node->backtrack | node->sleep | node->done))
		return;
	if (set & node->enabled & 1u << j->proc)
		set = 1u << j->proc;
	else
		set &= node->enabled;
	/* Errs on the side of more. */
	node->backtrack |= set ? set & -set : node->enabled;
}

/* The write (or its like) before which the waiting operation @j could go on, too. */
static void wait_race(struct search *s, const struct px_event *j, const struct px_access *a,
		      struct px_clock own)
{
	for (uint32_t i = s->n; i-- > 0;) {
		const struct px_event *e = &s->ev[i];

		if (before(e, own))
			continue;
		if (!in_memory(e) || !e->writes || !overlap(e->addr, e->size, j->addr, j->size))
			continue;
		if (!px_would_go(a, e->before))
			continue;
		race(s, i, j, own);
		return;
	}
}

/* The last step of the interrupted thread before which the interrupt could have come, too. */
static void irq_race(struct search *s, const struct px_event *j, struct px_clock own)
{
	for (uint32_t i = s->n; i-- > 0;) {
		const struct px_event *e = &s->ev[i];

		if (in_memory(e) && e->writes && overlap(e->addr, e->size, j->addr, j->size))
			own = join(own, e->clock);
	}
	for (uint32_t i = s->n; i-- > 0;) {
		const struct px_event *e = &s->ev[i];

		if (!is_main(e) || e->cpu != j->cpu || !e->toggles || !e->irq_ok || before(e, own))
			continue;
		race(s, i, j, own);
		return;
	}
}

/* @i of a thread conflicts with the later @j of a handler on its CPU: begin it before @i. */
static void begin_earlier(struct search *s, uint32_t i, const struct px_event *j)
{
	const struct px_event *begin = &s->ev[j->begin];

	for (uint32_t k = i + 1; k-- > 0;) {
		const struct px_event *e = &s->ev[k];

		if (!is_main(e) || e->cpu != j->cpu || !e->irq_ok)
			continue;
		if (!before(e, begin->clock))
			race(s, k, begin, begin->clock);
		return;
	}
}

/* Translates the race of @i and @j, of which one belongs to a handler that interrupts the other. */
static void irq_conflict(struct search *s, uint32_t i, const struct px_event *j, struct px_clock c)
{
	const struct px_event *e = &s->ev[i];

	if (interrupts(j, e)) {
		if (j->op != PX_OP_BEGIN)
			begin_earlier(s, i, j);
	} else if (!before(&s->ev[e->begin], c)) {
		race(s, e->begin, j, c);
	}
}

/* The events that must come before @j whatever happens: its own, its store, its flushes. */
static struct px_clock own_past(const struct search *s, const struct px_event *j)
{
	unsigned t = j->proc % PX_THREADS;
	struct px_clock c = {{0}};

	if (s->last[j->proc])
		c = s->ev[s->last[j->proc] - 1].clock;
	if (j->proc < PX_THREADS && s->floor[t])
		c = join(c, s->ev[s->floor[t] - 1].clock);
	if (j->op == PX_OP_FLUSH) {
		uint32_t at = s->store[t][px.thread[t].head % PX_BUFFER];

		c = join(c, s->ev[at].clock);
	} else if (j->op != PX_OP_LOAD && j->op != PX_OP_STORE && s->last[t + PX_THREADS]) {
		c = join(c, s->ev[s->last[t + PX_THREADS] - 1].clock);
	}
	return c;
}

/* Finds the races of @j, about to be appended, and gives it its clock. */
static void order(struct search *s, struct px_event *j, const struct px_access *a,
		  struct px_clock own)
{
	bool waits = px_waits((enum px_op)j->op);
	struct px_clock c = own;

	if (waits && !s->bounded)
		wait_race(s, j, a, own);
	if (j->op == PX_OP_BEGIN && !s->bounded)
		irq_race(s, j, own);
	for (uint32_t i = s->n; i-- > 0;) {
		const struct px_event *e = &s->ev[i];

		if (before(e, c) || !dependent(e, j))
			continue;
		if (interrupts(e, j) || interrupts(j, e)) {
			if (!s->bounded && e->op != PX_OP_END && j->op != PX_OP_END)
				irq_conflict(s, i, j, c);
		} else if (!s->bounded && !waits && e->op != PX_OP_END && j->op != PX_OP_END) {
			race(s, i, j, c);
		}
		c = join(c, e->clock);
	}
	c.c[j->proc] = j->seq;
	j->clock = c;
}

/* ---- one execution ---- */

static void start(struct search *s)
{
	memset(s->seq, 0, sizeof(s->seq));
	memset(s->last, 0, sizeof(s->last));
	memset(s->floor, 0, sizeof(s->floor));
	s->n = 0;
	s->preempted = 0;
	px_reset();
}

static int running(const struct search *s)
{
	return s->n ? s->ev[s->n - 1].proc : -1;
}

/* Turning away from a thread that could go on. Flushes come as late as they can. */
static unsigned cost(const struct search *s, uint32_t enabled, unsigned proc)
{
	int last = -1;

	for (uint32_t i = s->n; i-- > 0 && last < 0;)
		if (s->ev[i].proc < PX_THREADS)
			last = s->ev[i].proc;
	if (last < 0 || (unsigned)last == proc)
		return 0;
	if (enabled >> last & 1)
		return 1;
	/* It waits for its own buffer: to empty that is to let it go on. */
	return (enabled >> (last + PX_THREADS) & 1) && proc != (unsigned)last + PX_THREADS;
}

/* Executes @proc as the next event of the path; node fields of ev[n] are set. @fresh: races count.
 */
static void step(struct search *s, unsigned proc, bool fresh)
{
	struct px_event *e = &s->ev[s->n];
	struct px_access a = px_next(proc);
	struct px_clock own = {{0}};

	e->proc = (uint8_t)proc;
	e->op = (uint8_t)a.op;
	if (fresh)
		own = own_past(s, e);
	if (a.op == PX_OP_STORE && !px.sc)
		s->store[proc][px.thread[proc].tail % PX_BUFFER] = s->n;
	if (a.op == PX_OP_BEGIN)
		s->begin[px.thread[proc].cpu] = s->n;
	px_execute(proc, e, s->n);
	if (px.thread[proc % PX_THREADS].handler)
		e->begin = s->begin[e->cpu];
	if (px.thread[proc % PX_THREADS].fenced) {
		px.thread[proc % PX_THREADS].fenced = false;
		s->floor[proc % PX_THREADS] = s->last[proc % PX_THREADS + PX_THREADS];
	}
	e->seq = ++s->seq[proc];
	if (fresh)
		order(s, e, &a, own);
	s->last[proc] = ++s->n;
	s->res->transitions++;
	if (s->n > s->res->depth)
		s->res->depth = s->n;
}

static uint32_t sleep_after(const struct search *s)
{
	const struct px_event *e = &s->ev[s->n - 1];
	uint32_t set = (e->sleep | e->done) & ~(1u << e->proc), keep = 0;

	for (; set; set &= set - 1) {
		unsigned q = (unsigned)__builtin_ctz(set);

		if (!next_depends(q, e))
			keep |= 1u << q;
	}
	return keep;
}

/* The thread that ran last if it may, else the lowest; flushes last. */
static unsigned choose(const struct search *s, uint32_t set)
{
	int last = running(s);

	if (last >= PX_THREADS)
		last -= PX_THREADS;
	if (last >= 0 && set >> last & 1)
		return (unsigned)last;
	if (last >= 0 && set >> (last + PX_THREADS) & 1)
		return (unsigned)last + PX_THREADS;
	return (unsigned)__builtin_ctz(set);
}

static void spinning(void)
{
	for (unsigned i = 0; i < px.threads; i++) {
		enum px_op op = px.thread[i].next.op;

		if (!px.thread[i].done && (op == PX_OP_LOCK || op == PX_OP_SPIN)) {
			px_fail("P1", "deadlock: %s waits for ever at %s:%d", px.thread[i].name,
				px.thread[i].next.site->file, px.thread[i].next.site->line);
			return;
		}
	}
}

static void at_rest(struct search *s)
{
	const char *property;
	char text[PX_TEXT] = "";

	spinning();
	if (px.failed)
		return;
	property = s->prog->check ? s->prog->check(s->prog->arg, text, sizeof(text)) : NULL;
	if (property)
		px_fail(property, "%s", text);
	else if (s->opt->outcome)
		s->opt->outcome(s->opt->outcome_ctx);
}

/* Fills the node before event n. Returns the set that may be chosen from. */
static uint32_t open_node(struct search *s)
{
	struct px_event *e = &s->ev[s->n];

	e->enabled = px_enabled();
	e->sleep = s->n && !s->bounded && !s->opt->unreduced ? sleep_after(s) : 0;
	e->done = e->backtrack = 0;
	e->preemptions = s->preempted;
	return e->enabled & ~e->sleep;
}

static uint32_t within_bound(struct search *s, uint32_t set)
{
	uint32_t ok = 0;

	for (uint32_t rest = set; rest; rest &= rest - 1) {
		unsigned p = (unsigned)__builtin_ctz(rest);

		if (s->preempted + cost(s, s->ev[s->n].enabled, p) <= s->bound)
			ok |= 1u << p;
	}
	s->cut |= ok != set;
	return ok;
}

static void take(struct search *s, unsigned p, bool fresh)
{
	s->preempted = s->ev[s->n].preemptions + cost(s, s->ev[s->n].enabled, p);
	step(s, p, fresh);
}

/* Runs on from where the path ends. */
static void extend(struct search *s)
{
	while (!px.failed && !px.reclassified) {
		uint32_t set;
		unsigned p;

		if (s->n == s->max) {
			px_fail("P1", "livelock: no end after %u steps", s->max);
			return;
		}
		if (s->limit && s->n >= s->limit) {
			s->res->blocked++;
			return;
		}
		set = open_node(s);
		if (!s->ev[s->n].enabled) {
			at_rest(s);
			s->res->executions++;
			return;
		}
		if (s->bounded)
			set = within_bound(s, set);
		if (!set) {
			s->res->blocked++;
			return;
		}
		p = choose(s, set);
		s->ev[s->n].backtrack = s->bounded || s->opt->unreduced ? set : 1u << p;
		take(s, p, true);
	}
	s->res->executions++;
}

/* The deepest node with something left to try; its event is replaced. False: there is none. */
static bool back(struct search *s)
{
	uint32_t length = s->n;

	while (length-- > 0) {
		struct px_event *e = &s->ev[length];
		uint32_t left;

		e->done |= 1u << e->proc;
		left = e->backtrack & ~(e->done | e->sleep);
		if (!left)
			continue;
		start(s);
		for (uint32_t i = 0; i < length; i++)
			take(s, s->ev[i].proc, false);
		take(s, (unsigned)__builtin_ctz(left), true);
		return true;
	}
	return false;
}

static bool out_of_time(const struct search *s)
{
	return s->deadline > 0 && now() > s->deadline;
}

/* True: everything within the bound was tried. */
static bool run(struct search *s)
{
	uint32_t ticks = 0;

	start(s);
	do {
		extend(s);
		while (px.reclassified) {
			px.reclassified = false;
			start(s);
			extend(s);
		}
		if (px.failed)
			return true;
		if (!(++ticks & 63) && out_of_time(s))
			return false;
	} while (back(s));
	return true;
}

/* ---- the whole ---- */

static int prepare(const struct px_program *prog, const struct px_options *opt)
{
	char *arena = px.arena, *initial = px.initial;
	uint16_t *share = px.share;

	if (arena)
		memset(arena, 0, px.arena_used);
	for (unsigned i = 0; i < PX_THREADS; i++)
		free(px.thread[i].fiber.stack);
	memset(&px, 0, sizeof(px));
	px.arena = arena;
	px.arena_size = arena ? 1u << 20 : 0;
	free(initial);
	px.current = -1;
	px.sc = opt->sc;
	px.show_named = opt->quick;
	for (unsigned i = 0; i < PX_CPUS; i++)
		px.cpu[i].handler = px.cpu[i].active = -1;
	if (!px_alloc(64, 64))
		return -ENOMEM;
	prog->setup(prog->arg);
	if (!px.threads)
		return -EINVAL;
	free(share);
	px.share = calloc(px.arena_size / 16 + 1, sizeof(*px.share));
	px.initial = malloc(px.arena_used);
	if (!px.initial || !px.share)
		return -ENOMEM;
	memcpy(px.initial, px.arena, px.arena_used);
	for (unsigned i = 0; i < px.threads; i++) {
		px.thread[i].fiber.size = PX_STACK;
		px.thread[i].fiber.stack = aligned_alloc(4096, PX_STACK);
		if (!px.thread[i].fiber.stack)
			return -ENOMEM;
	}
	return 0;
}

#define QUICK_SECONDS	0.4
#define SHORTEN_SECONDS 0.3

/* Looks for the same violation in fewer steps, with a preemption more if need be. */
static void shorten(struct search *s, unsigned bound)
{
	char property[sizeof(px.property)], text[sizeof(px.text)];
	struct px_event *best = aligned_alloc(64, ((s->n * sizeof(*best)) | 63) + 1);
	uint32_t n = s->n;

	if (!best)
		return;
	memcpy(property, px.property, sizeof(property));
	memcpy(text, px.text, sizeof(text));
	memcpy(best, s->ev, n * sizeof(*best));
	s->deadline = now() + SHORTEN_SECONDS;
	for (s->bound = bound; s->bound <= bound + 1; s->bound++) {
		for (;;) {
			s->limit = n;
			px.failed = false;
			if (!run(s) || !px.failed || s->n >= n || strcmp(px.property, property))
				break;
			n = s->n;
			memcpy(text, px.text, sizeof(text));
			memcpy(best, s->ev, n * sizeof(*best));
		}
	}
	memcpy(s->ev, best, n * sizeof(*best));
	free(best);
	s->n = n;
	s->limit = 0;
	px.failed = true;
	memcpy(px.property, property, sizeof(property));
	memcpy(px.text, text, sizeof(text));
}

/* Few preemptions first, then few steps: what is found is short. */
static bool quick(struct search *s)
{
	double end = now() + QUICK_SECONDS;

	for (unsigned bound = 0; bound < 4; bound++) {
		s->bounded = true;
		s->bound = bound;
		s->deadline = end;
		if (!run(s))
			break;
		if (px.failed) {
			if (s->n < s->max)
				shorten(s, bound);
			return true;
		}
	}
	return false;
}

static void verdict(struct search *s, bool complete)
{
	struct px_result *r = s->res;

	r->exhaustive = complete && !s->cut && !px.failed;
	if (px.failed) {
		r->verdict = PX_VIOLATION;
		snprintf(r->property, sizeof(r->property), "%s", px.property);
		snprintf(r->text, sizeof(r->text), "%s", px.text);
	} else {
		r->verdict = complete ? PX_HELD : PX_UNFINISHED;
	}
}

int px_explore(const struct px_program *prog, const struct px_options *opt, struct px_result *res)
{
	struct search s = {.prog = prog, .opt = opt, .res = res};
	double begun = now();
	bool complete = true;
	int err;

	memset(res, 0, sizeof(*res));
	err = prepare(prog, opt);
	if (err)
		return err;
	s.max = opt->max_steps ? (uint32_t)opt->max_steps : DEFAULT_STEPS;
	s.ev = aligned_alloc(64, ((s.max + 1) * sizeof(*s.ev) + 63) & ~(size_t)63);
	if (!s.ev)
		return -ENOMEM;
	res->memory =
		(s.max + 1) * sizeof(*s.ev) + 2 * px.arena_used + px.threads * (size_t)PX_STACK;
	if (!opt->quick || !quick(&s)) {
		s.cut = false;
		s.bounded = opt->bound != UINT32_MAX;
		s.bound = opt->bound;
		s.deadline = opt->seconds > 0 ? begun + opt->seconds : 0;
		complete = run(&s);
	}
	verdict(&s, complete);
	if (px.failed)
		err = px_tell(s.ev, s.n, res);
	res->seconds = now() - begun;
	free(s.ev);
	return err;
}
