/* SPDX-License-Identifier: MIT */
/*
 * The search: by states or by traces (source-DPOR), with sleep sets; and by number of preemptions,
 * which finds short counter-examples first. To go back it undoes what was done, or runs again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"
#include "search.h"
#include "states.h"

#define DEFAULT_STEPS 20000u

struct search {
	const struct px_program *prog;
	const struct px_options *opt;
	struct px_result *res;
	struct px_path p;
	uint32_t max;
	uint32_t random;      /* state of choose_any(), or 0 */
	uint32_t preempted;   /* so far on this path */
	double deadline;      /* 0: none */
	uint64_t transitions; /* the search ends beyond this number of them; 0: none */
	bool bounded;
	unsigned bound;
	uint32_t limit; /* 0, or the number of steps at which an execution is given up */
	bool replay;	/* goes back by running again from the start, not by checkpoints */
	bool by_states; /* not by traces */
	struct px_states states;
	uint64_t *on_path; /* for each event: half the hash of the state before it */
	bool cut;	   /* a transition was left out because of the bound */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* By neither states nor preemptions. */
static bool by_traces(const struct search *s)
{
	return !s->by_states && !s->bounded && !s->opt->unreduced;
}

/* ---- one execution ---- */

static void start(struct search *s)
{
	struct px_event *ev = s->p.ev;

	memset(&s->p, 0, sizeof(s->p));
	s->p.ev = ev;
	s->preempted = 0;
	px_reset();
	if (!s->replay && !px.failed && px_save_start(s->by_states))
		px.error = -ENOMEM;
}

static int running(const struct search *s)
{
	return s->p.n ? s->p.ev[s->p.n - 1].proc : -1;
}

/*
 * A preemption: another thread is chosen although the last one could continue. Flushes come as late
 * as possible.
 */
static unsigned cost(const struct search *s, uint32_t enabled, unsigned proc)
{
	int last = -1;

	for (uint32_t i = s->p.n; i-- > 0 && last < 0;)
		if (s->p.ev[i].proc < PX_THREADS)
			last = s->p.ev[i].proc;
	if (last < 0 || (unsigned)last == proc)
		return 0;
	if (enabled >> last & 1)
		return 1;
	/* It waits for its own buffer: emptying the buffer lets it continue. */
	return (enabled >> (last + PX_THREADS) & 1) && proc != (unsigned)last + PX_THREADS;
}

/* What only an event of the path knows, so that take_back() can take it away again. */
static void note_path(const struct search *s, struct px_event *e, unsigned t)
{
	const struct px_path *p = &s->p;
	int cpu = px.thread[t].cpu;

	e->saved = s->replay ? 0 : px_saved();
	e->last_before = p->last[e->proc];
	e->floor_before = p->floor[t];
	e->begin_before = cpu < 0 ? 0 : p->begin[cpu];
	e->store_before = p->store[t][px.thread[t].tail % PX_BUFFER];
}

/* Executes @proc as the next event of the path; node fields of ev[n] are set. @fresh: for the first
 * time; else its clock is known. */
static void step(struct search *s, unsigned proc, bool fresh)
{
	struct px_path *p = &s->p;
	struct px_event *e = &p->ev[p->n];
	struct px_access a = px_next(proc);
	unsigned t = proc % PX_THREADS;
	bool races = by_traces(s);
	struct px_clock own = {{0}};
	int16_t was = e->own;

	e->proc = (uint8_t)proc;
	e->op = (uint8_t)a.op;
	note_path(s, e, t);
	if (fresh && races)
		own = px_own_past(p, e);
	if (a.op == PX_OP_FLUSH)
		e->begin = p->store[t][px.thread[t].head % PX_BUFFER];
	if (a.op == PX_OP_STORE && !px.sc)
		p->store[t][px.thread[t].tail % PX_BUFFER] = p->n;
	if (a.op == PX_OP_BEGIN)
		p->begin[px.thread[t].cpu] = p->n;
	px_execute(proc, e);
	if (px.thread[t].handler && proc < PX_THREADS)
		e->begin = p->begin[e->cpu];
	if (px.thread[t].fenced) {
		px.thread[t].fenced = false;
		p->floor[t] = p->last[t + PX_THREADS];
	}
	e->seq = ++p->seq[proc];
	if (!fresh)
		e->own = was;
	else if (races)
		px_order(p, e, &a, own);
	p->last[proc] = ++p->n;
	s->res->transitions++;
	s->res->replayed += !fresh;
	if (p->n > s->res->depth)
		s->res->depth = p->n;
	if (!s->replay && !px.failed && !px.error)
		px.error = px_save_step(proc, a.op);
}

/* Takes the last event away: the path and the program are as before it. */
static void take_back(struct search *s)
{
	struct px_path *p = &s->p;
	const struct px_event *e = &p->ev[--p->n];
	unsigned t = e->proc % PX_THREADS;

	px_undo(e->saved);
	p->seq[e->proc]--;
	p->last[e->proc] = e->last_before;
	p->floor[t] = e->floor_before;
	if (e->cpu >= 0)
		p->begin[e->cpu] = e->begin_before;
	if (e->op == PX_OP_STORE)
		p->store[t][px.thread[t].tail % PX_BUFFER] = e->store_before;
}

static uint32_t sleep_after(const struct search *s)
{
	const struct px_event *e = &s->p.ev[s->p.n - 1];
	uint32_t set = (e->sleep | e->done) & ~(1u << e->proc), keep = 0;

	for (; set; set &= set - 1) {
		unsigned q = (unsigned)__builtin_ctz(set);

		if (!px_next_depends(&s->p, q, e))
			keep |= 1u << q;
	}
	return keep;
}

static unsigned choose_any(struct search *s, uint32_t set)
{
	unsigned n;

	s->random = s->random * 1664525u + 1013904223u;
	n = (s->random >> 16) % (unsigned)__builtin_popcount(set);
	while (n--)
		set &= set - 1;
	return (unsigned)__builtin_ctz(set);
}

/* The thread that ran last if it may, else the lowest; flushes last. */
static unsigned choose(struct search *s, uint32_t set)
{
	int last = running(s);

	if (s->random)
		return choose_any(s, set);
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
	if (!s->replay)
		px_save_forget();
	if (property)
		px_fail(property, "%s", text);
	else if (s->opt->outcome)
		s->opt->outcome(s->opt->outcome_ctx);
}

/* Fills the node before event n. Returns the set that may be chosen from. */
static uint32_t open_node(struct search *s)
{
	struct px_event *e = &s->p.ev[s->p.n];

	e->enabled = px_enabled();
	e->sleep = s->p.n && !s->bounded && !s->opt->unreduced ? sleep_after(s) : 0;
	e->done = e->backtrack = 0;
	e->preemptions = s->preempted;
	return e->enabled & ~e->sleep;
}

static uint32_t within_bound(struct search *s, uint32_t set)
{
	uint32_t ok = 0;

	for (uint32_t rest = set; rest; rest &= rest - 1) {
		unsigned p = (unsigned)__builtin_ctz(rest);

		if (s->preempted + cost(s, s->p.ev[s->p.n].enabled, p) <= s->bound)
			ok |= 1u << p;
	}
	s->cut |= ok != set;
	return ok;
}

static void take(struct search *s, unsigned p, bool fresh)
{
	s->preempted = s->p.ev[s->p.n].preemptions;
	if (s->bounded)
		s->preempted += cost(s, s->p.ev[s->p.n].enabled, p);
	step(s, p, fresh);
}

/* The state before the next event lies on the path already: from there to here, and so for ever. */
static bool round_again(const struct search *s, uint64_t hash)
{
	bool again = false;

	for (uint32_t i = 0; i < s->p.n; i++)
		again |= s->on_path[i] == hash;
	return again;
}

/* Returns those of @set, of a node just opened, that nobody has tried yet from this state. */
static uint32_t not_tried(struct search *s, uint32_t set)
{
	struct px_event *e = &s->p.ev[s->p.n];
	struct px_hash h = px_state_hash();
	uint32_t missed = 0;
	int known = px_states_visit(&s->states, h, e->sleep & e->enabled, &missed);

	if (known < 0) {
		px.error = known;
		return 0;
	}
	if (known == PX_STATE_KNOWN) {
		if (round_again(s, h.lo))
			px_fail("P1", "livelock: the state of an earlier step again");
		e->done = e->enabled & ~missed;
		set &= missed;
	}
	s->on_path[s->p.n] = h.lo;
	return set;
}

/* Runs on from where the path ends. */
static void extend(struct search *s)
{
	bool traces = by_traces(s);

	while (!px.failed && !px.reclassified && !px.error) {
		uint32_t set;
		unsigned p;

		if (s->p.n == s->max) {
			px_fail("P1", "livelock: no end after %u steps", s->max);
			return;
		}
		if (s->limit && s->p.n >= s->limit) {
			s->res->blocked++;
			return;
		}
		set = open_node(s);
		if (s->by_states)
			set = not_tried(s, set);
		else if (!set && traces)
			px_order_waiting(&s->p, s->p.ev[s->p.n].enabled);
		if (px.failed || px.error)
			break;
		if (!s->p.ev[s->p.n].enabled) {
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
		s->p.ev[s->p.n].backtrack = traces ? 1u << p : set;
		take(s, p, true);
	}
	s->res->executions += !px.reclassified;
}

/*
 * Goes back to the deepest node with a process left to try; its event is replaced. False: there is
 * none.
 */
static bool back(struct search *s)
{
	uint32_t length = s->p.n;

	while (length-- > 0) {
		struct px_event *e = &s->p.ev[length];
		uint32_t left;

		if (!s->replay)
			take_back(s);
		e->done |= 1u << e->proc;
		left = e->backtrack & ~(e->done | e->sleep);
		if (!left)
			continue;
		if (s->replay) {
			start(s);
			for (uint32_t i = 0; i < length; i++)
				take(s, s->p.ev[i].proc, false);
		}
		take(s, (unsigned)__builtin_ctz(left), true);
		return true;
	}
	return false;
}

static bool out_of_time(const struct search *s)
{
	return (s->transitions && s->res->transitions > s->transitions) ||
	       (s->deadline > 0 && now() > s->deadline);
}

/* Memory turned out to be shared: the exploration so far had too few transitions. */
static void again(struct search *s)
{
	px.reclassified = false;
	s->res->executions = s->res->blocked = 0;
	px_states_free(&s->states);
	s->cut = false;
	start(s);
	extend(s);
}

/* True: everything within the bound was tried. */
static bool run(struct search *s)
{
	uint32_t ticks = 0;

	start(s);
	do {
		extend(s);
		while (px.reclassified)
			again(s);
		if (px.failed || px.error)
			return true;
		if (!(++ticks & 15) && out_of_time(s))
			return false;
	} while (back(s));
	return true;
}

/* ---- the whole ---- */

/* For all explorations of the process. */
static char *stacks[PX_THREADS];

static void clear(void)
{
	char *arena = px.arena;

	px_places_free();
	px_save_free();
	free(px.initial);
	if (arena)
		memset(arena, 0, px.arena_used);
	for (unsigned i = 0; i < PX_THREADS; i++)
		px_fiber_stop(&px.thread[i].fiber);
	memset(&px, 0, sizeof(px));
	px.arena = arena;
	px.arena_size = arena ? PX_ARENA : 0;
	px.current = -1;
	for (unsigned i = 0; i < PX_CPUS; i++)
		px.cpu[i].handler = px.cpu[i].active = -1;
}

static int prepare(const struct px_program *prog, const struct px_options *opt)
{
	clear();
	px.sc = opt->sc;
	if (!px_alloc(64, 64))
		return -ENOMEM;
	px_build(prog);
	if (px.error || px.failed)
		return px.error;
	if (!px.threads)
		return -EINVAL;
	px.initial = malloc(px.arena_used);
	if (!px.initial || px_places_init(px.arena_used))
		return -ENOMEM;
	memcpy(px.initial, px.arena, px.arena_used);
	for (unsigned i = 0; i < px.threads; i++) {
		px.thread[i].fiber.size = PX_STACK;
		if (!stacks[i])
			stacks[i] = aligned_alloc(4096, PX_STACK);
		px.thread[i].fiber.stack = stacks[i];
		if (!stacks[i])
			return -ENOMEM;
	}
	return 0;
}

/* Not seconds: a counter-example must not depend on what else the machine does. */
#define QUICK_TRANSITIONS   1000000u
#define SHORTEN_TRANSITIONS 1000000u

/* Looks for the same violation in fewer steps, with a preemption more if need be. */
static void shorten(struct search *s, unsigned bound)
{
	char property[sizeof(px.property)], text[sizeof(px.text)];
	struct px_event *best = aligned_alloc(64, ((s->p.n * sizeof(*best)) | 63) + 1);
	uint32_t n = s->p.n;

	if (!best)
		return;
	memcpy(property, px.property, sizeof(property));
	memcpy(text, px.text, sizeof(text));
	memcpy(best, s->p.ev, n * sizeof(*best));
	s->transitions = s->res->transitions + SHORTEN_TRANSITIONS;
	for (s->bound = bound; s->bound <= bound + 1; s->bound++) {
		for (;;) {
			s->limit = n;
			px.failed = false;
			if (!run(s) || !px.failed || s->p.n >= n || strcmp(px.property, property))
				break;
			n = s->p.n;
			memcpy(text, px.text, sizeof(text));
			memcpy(best, s->p.ev, n * sizeof(*best));
		}
	}
	memcpy(s->p.ev, best, n * sizeof(*best));
	free(best);
	s->p.n = n;
	s->limit = 0;
	px.failed = true;
	memcpy(px.property, property, sizeof(property));
	memcpy(px.text, text, sizeof(text));
}

/* Few preemptions first, then few steps, so that a counter-example is short. */
static bool quick(struct search *s)
{
	s->transitions = QUICK_TRANSITIONS;
	for (unsigned bound = 0; bound < 4; bound++) {
		s->bounded = true;
		s->bound = bound;
		if (!run(s))
			break;
		if (px.failed) {
			if (s->p.n < s->max)
				shorten(s, bound);
			return true;
		}
	}
	return false;
}

static void verdict(struct search *s, bool complete)
{
	struct px_result *r = s->res;

	if (px.error)
		return;
	r->exhaustive = complete && !s->cut && !px.failed;
	if (px.failed) {
		r->verdict = PX_VIOLATION;
		snprintf(r->property, sizeof(r->property), "%s", px.property);
		snprintf(r->text, sizeof(r->text), "%s", px.text);
	} else {
		r->verdict = complete ? PX_HELD : PX_UNFINISHED;
	}
}

/* Everything, or everything within the bound that the options set. True: to its end. */
static bool search(struct search *s)
{
	const struct px_options *opt = s->opt;

	s->cut = false;
	s->bounded = opt->bound != UINT32_MAX;
	s->bound = opt->bound;
	s->transitions = 0;
	s->by_states = opt->method == PX_STATES && !s->bounded && !opt->unreduced && !s->replay;
	px.show_named = false;
	px.merge = s->by_states && !px.sc;
	return run(s);
}

static int make_room(struct search *s)
{
	size_t events = (s->max + 1) * sizeof(*s->p.ev);

	s->p.ev = aligned_alloc(64, (events + 63) & ~(size_t)63);
	s->on_path = calloc(s->max + 1, sizeof(*s->on_path));
	s->res->memory = events + 2 * px.arena_used + px.threads * (size_t)PX_STACK;
	return s->p.ev && s->on_path ? 0 : -ENOMEM;
}

int px_explore(const struct px_program *prog, const struct px_options *opt, struct px_result *res)
{
	struct search s = {.prog = prog, .opt = opt, .res = res, .random = opt->shuffle};
	double begun = now();
	bool complete = true;
	int err;

	memset(res, 0, sizeof(*res));
	res->verdict = PX_UNFINISHED;
	if (opt->max_steps > INT16_MAX) /* px_clock */
		return -EINVAL;
	s.max = opt->max_steps ? (uint32_t)opt->max_steps : DEFAULT_STEPS;
	s.replay = opt->replay || !px_can_save();
	s.deadline = opt->seconds > 0 ? begun + opt->seconds : 0;
	px_faults(true);
	err = prepare(prog, opt);
	if (!err)
		err = make_room(&s);
	px.show_named = opt->quick;
	px.all = opt->unreduced;
	px_check_writes = opt->check_writes;
	if (!err && !px.failed && (!opt->quick || !quick(&s)))
		complete = search(&s);
	if (!err) {
		verdict(&s, complete);
		err = px.error;
	}
	if (!err && px.failed)
		err = px_tell(s.p.ev, s.p.n, res);
	px_faults(false);
	res->states = s.states.n;
	res->memory += px_states_memory(&s.states);
	res->seconds = now() - begun;
	px_states_free(&s.states);
	free(s.on_path);
	free(s.p.ev);
	return err;
}
