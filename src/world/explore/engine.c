/* SPDX-License-Identifier: MIT */
/*
 * The engine of the explorer: threads, memory and store buffers, and the effect of one transition.
 */
#include "engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct px px;

/* ---- memory ---- */

struct px_val px_peek(const char *p, uint32_t size)
{
	struct px_val v = {0, 0};

	memcpy(&v.lo, p, size < 8 ? size : 8);
	if (size == 16)
		memcpy(&v.hi, p + 8, 8);
	return v;
}

void px_poke(char *p, uint32_t size, struct px_val v)
{
	px_touch(p, size);
	memcpy(p, &v.lo, size < 8 ? size : 8);
	if (size == 16)
		memcpy(p + 8, &v.hi, 8);
}

struct px_val px_combine(const struct px_access *a, struct px_val old)
{
	struct px_val v = a->val;

	switch (a->rmw) {
	case PX_OR:
		v.lo |= old.lo;
		break;
	case PX_AND:
		v.lo &= old.lo;
		break;
	case PX_XCHG:
		break;
	case PX_CAS:
		v = px_same(old, a->want) ? a->val : old;
		break;
	}
	return v;
}

void *px_alloc(size_t size, size_t align)
{
	size_t at = (px.arena_used + align - 1) & ~(align - 1);

	if (!px.arena) {
		px.arena = aligned_alloc(4096, PX_ARENA);
		if (!px.arena)
			goto full;
		memset(px.arena, 0, PX_ARENA);
		px.arena_size = PX_ARENA;
	}
	/* Only setup may allocate: only memory from setup is restored before each execution. */
	if (px.current >= 0 || size > px.arena_size || at > px.arena_size - size)
		goto full;
	px.arena_used = at + size;
	return px.arena + at;
full:
	px.error = -ENOMEM;
	return NULL;
}

/* ---- threads ---- */

static void entry(void *arg)
{
	struct px_thread_state *t = arg;

	px_fiber_entered(&t->fiber);
	t->fn(t->arg);
	t->done = true;
	t->next = (struct px_access){.op = PX_OP_NONE};
	px_fiber_switch(&t->fiber, &px.main);
}

/* A program may access only memory that it was given. */
static bool is_memory(const struct px_access *a)
{
	const char *end = px.arena + px.arena_size;

	return a->op == PX_OP_SEND || a->op == PX_OP_BEGIN || !a->size ||
	       (a->addr >= px.arena && a->addr < end && a->size <= (size_t)(end - a->addr));
}

/* Stops before @a until the search chooses this thread; returns the result of the operation. */
struct px_val px_point(const struct px_access *a)
{
	static const struct px_access nothing = {.op = PX_OP_FENCE};
	struct px_thread_state *t = &px.thread[px.current];

	if (!is_memory(a)) {
		px_fail("P6", "%s accesses what is no memory, at %s:%d", t->name,
			a->site ? a->site->file : "?", a->site ? a->site->line : 0);
		a = &nothing;
	}
	t->next = *a;
	px_fiber_switch(&t->fiber, &px.main);
	return t->result;
}

static struct px_thread_state *add_thread(const char *name, int cpu)
{
	struct px_thread_state *t;

	if (!px_alone() || px.threads == PX_THREADS || cpu >= PX_CPUS || cpu < -1) {
		px.error = -EINVAL;
		return NULL;
	}
	t = &px.thread[px.threads++];
	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->cpu = t->home = cpu;
	return t;
}

void px_thread(const char *name, int cpu, void (*fn)(void *arg), void *arg)
{
	struct px_thread_state *t = add_thread(name, cpu);

	if (!t)
		return;
	t->fn = fn;
	t->arg = arg;
}

static uint8_t take_vector(struct px_cpu_state *c)
{
	for (int w = 3; w >= 0; w--)
		if (c->pending[w]) {
			int bit = 63 - __builtin_clzll(c->pending[w]);

			c->pending[w] &= ~(1ull << bit);
			return (uint8_t)(w * 64 + bit);
		}
	return 0;
}

static void handler_loop(void *arg)
{
	struct px_thread_state *t = &px.thread[px.current];
	struct px_cpu_state *c = &px.cpu[t->cpu];

	for (;;) {
		struct px_val v = px_point(&(struct px_access){.op = PX_OP_BEGIN,
							       .size = sizeof(c->pending),
							       .addr = (char *)c->pending,
							       .what = "interrupt"});

		t->irq_fn(arg, (uint8_t)v.lo);
		px_point(&(struct px_access){.op = PX_OP_END, .what = "return from interrupt"});
	}
}

void px_handler(const char *name, int cpu, void (*fn)(void *arg, uint8_t vector), void *arg)
{
	struct px_thread_state *t;

	if (cpu < 0 || cpu >= PX_CPUS || px.cpu[cpu].handler >= 0) {
		px.error = -EINVAL;
		return;
	}
	t = add_thread(name, cpu);
	if (!t)
		return;
	t->handler = true;
	t->fn = handler_loop;
	t->irq_fn = fn;
	t->arg = arg;
	px.cpu[cpu].handler = (int)(t - px.thread);
}

void px_on_resume(void (*fn)(void))
{
	px.on_resume = fn;
}

static void resume(unsigned i)
{
	px.current = (int)i;
	px.quiet = 0;
	px.moves++;
	if (px.on_resume)
		px.on_resume();
	px_fiber_switch(&px.main, &px.thread[i].fiber);
	px.current = -1;
	px.line &= !px.failed;
}

void px_reset(void)
{
	memcpy(px.arena, px.initial, px.arena_used);
	px.deads = 0;
	px.failed = false;
	for (unsigned i = 0; i < PX_CPUS; i++) {
		memset(px.cpu[i].pending, 0, sizeof(px.cpu[i].pending));
		px.cpu[i].active = -1;
	}
	for (unsigned i = 0; i < px.threads; i++) {
		struct px_thread_state *t = &px.thread[i];

		t->done = false;
		t->irq_off = t->locks = 0;
		t->head = t->tail = 0;
		t->last_addr = NULL;
		t->doing = NULL;
		t->fenced = false;
		t->cpu = t->home;
		px_fiber_start(&t->fiber, entry, t);
	}
	for (unsigned i = 0; i < px.threads; i++)
		resume(i);
}

bool px_is_handler(unsigned proc)
{
	return px.thread[proc % PX_THREADS].handler;
}

/* ---- which transitions are possible ---- */

bool px_waits(enum px_op op)
{
	return op == PX_OP_LOCK || op == PX_OP_SLEEP || op == PX_OP_SPIN || op == PX_OP_BEGIN;
}

bool px_would_go(const struct px_access *a, struct px_val v)
{
	switch (a->op) {
	case PX_OP_LOCK:
	case PX_OP_SLEEP:
		return !v.lo;
	case PX_OP_SPIN:
		return !a->size || !px_same(v, a->val); /* size 0: has read nothing */
	case PX_OP_BEGIN:
		return v.lo != 0 || v.hi != 0;
	default:
		return true;
	}
}

/* The value in memory; pending vectors as one value for px_would_go(). */
struct px_val px_value_at(const struct px_access *a)
{
	const uint64_t *w = (const uint64_t *)(void *)a->addr;

	if (a->op == PX_OP_SEND || a->op == PX_OP_BEGIN)
		return (struct px_val){w[0] | w[1], w[2] | w[3]};
	if (a->op == PX_OP_LINE)
		return (struct px_val){0, 0};
	return a->size && a->op != PX_OP_KILL ? px_peek(a->addr, a->size) : (struct px_val){0, 0};
}

static bool pending(const struct px_cpu_state *c)
{
	return c->pending[0] | c->pending[1] | c->pending[2] | c->pending[3];
}

/* True if @t is on @cpu with interrupts off. */
static bool masks(const struct px_thread_state *t, int cpu)
{
	return t->cpu == cpu && !t->handler && !t->done && t->irq_off && t->next.op != PX_OP_SLEEP;
}

/*
 * An interrupt waits until the store buffer of its processor is empty (Intel SDM vol. 3A, 11.10;
 * AMD APM vol. 2, 7.4.2: delivering one empties it).
 */
static bool handler_can_begin(const struct px_thread_state *h)
{
	const struct px_cpu_state *c = &px.cpu[h->cpu];

	if (!pending(c) || c->active >= 0)
		return false;
	for (unsigned i = 0; i < px.threads; i++) {
		const struct px_thread_state *t = &px.thread[i];

		if (t->cpu == h->cpu && (masks(t, h->cpu) || t->head != t->tail))
			return false;
	}
	return true;
}

/* The newest store in the own buffer that @a overlaps, or NULL. */
const struct px_buffered *px_newest(const struct px_thread_state *t, const struct px_access *a)
{
	for (uint32_t i = t->tail; i != t->head; i--) {
		const struct px_buffered *b = &t->buf[(i - 1) % PX_BUFFER];

		if (b->addr < a->addr + a->size && a->addr < b->addr + b->size)
			return b;
	}
	return NULL;
}

bool px_within(const struct px_buffered *b, const struct px_access *a)
{
	return b->addr <= a->addr && a->addr + a->size <= b->addr + b->size;
}

/* A load that the thread's own buffer holds only in part waits until the store is in memory. */
static bool partly_buffered(const struct px_thread_state *t, const struct px_access *a)
{
	const struct px_buffered *b = px_newest(t, a);

	return b && !px_within(b, a);
}

bool px_forwards(unsigned proc)
{
	const struct px_thread_state *t = &px.thread[proc];

	return px_newest(t, &t->next);
}

static bool can_go(const struct px_thread_state *t)
{
	const struct px_access *a = &t->next;
	bool empty = t->head == t->tail;

	if (t->done)
		return false;
	if (a->op == PX_OP_BEGIN)
		return handler_can_begin(t);
	if (!t->handler && t->cpu >= 0 && a->op != PX_OP_SLEEP && px.cpu[t->cpu].active >= 0)
		return false;
	switch (a->op) {
	case PX_OP_LOAD:
		return !partly_buffered(t, a);
	case PX_OP_STORE:
		return t->tail - t->head < PX_BUFFER;
	case PX_OP_WINDOW:
		return true;
	case PX_OP_LOCK:
	case PX_OP_SLEEP:
	case PX_OP_SPIN:
		return empty && px_would_go(a, px_value_at(a));
	default:
		return empty;
	}
}

uint32_t px_enabled(void)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < px.threads; i++) {
		const struct px_thread_state *t = &px.thread[i];

		if (can_go(t))
			set |= 1u << i;
		if (t->head != t->tail)
			set |= 1u << (i + PX_THREADS);
	}
	return set;
}

struct px_access px_next(unsigned proc)
{
	const struct px_thread_state *t = &px.thread[proc % PX_THREADS];
	const struct px_buffered *b;

	if (proc < PX_THREADS)
		return t->next;
	if (t->head == t->tail)
		return (struct px_access){.op = PX_OP_NONE};
	b = &t->buf[t->head % PX_BUFFER];
	return (struct px_access){.op = PX_OP_FLUSH,
				  .size = b->size,
				  .addr = b->addr,
				  .val = {b->val, 0},
				  .site = b->site,
				  .what = b->site ? b->site->what : NULL};
}

/* ---- executing one ---- */

struct px_val px_loaded(struct px_thread_state *t, const struct px_access *a,
			const struct px_buffered *b)
{
	struct px_val v = {0, 0};

	if (b)
		memcpy(&v.lo, (const char *)&b->val + (a->addr - b->addr), a->size);
	else
		v = px_peek(a->addr, a->size);
	t->last_addr = a->addr;
	t->last_size = a->size;
	t->last_val = v;
	return v;
}

static void do_load(struct px_thread_state *t, const struct px_access *a, struct px_event *ev)
{
	const struct px_buffered *b = px_newest(t, a);

	if (b) {
		ev->forwarded = true;
		ev->own = b->number;
	}
	t->result = px_loaded(t, a, b);
}

int16_t px_buffer(struct px_thread_state *t, const struct px_access *a)
{
	struct px_buffered *b = &t->buf[t->tail % PX_BUFFER];

	*b = (struct px_buffered){.addr = a->addr,
				  .size = a->size,
				  .val = a->val.lo,
				  .number = (int16_t)++t->tail,
				  .site = a->site};
	return b->number;
}

static void do_store(struct px_thread_state *t, const struct px_access *a, struct px_event *ev)
{
	if (px.sc) {
		ev->writes = true;
		px_poke(a->addr, a->size, a->val);
		return;
	}
	ev->own = px_buffer(t, a);
}

static void do_write(struct px_thread_state *t, const struct px_access *a, struct px_event *ev)
{
	struct px_val old = px_peek(a->addr, a->size);

	ev->writes = true;
	t->result = old;
	px_poke(a->addr, a->size, px_combine(a, old));
}

static void do_begin(struct px_thread_state *t, struct px_event *ev)
{
	struct px_cpu_state *c = &px.cpu[t->cpu];

	ev->writes = true;
	c->active = (int)(t - px.thread);
	t->result = (struct px_val){take_vector(c), 0};
}

static void perform(struct px_thread_state *t, const struct px_access *a, struct px_event *ev)
{
	switch (a->op) {
	case PX_OP_LOAD:
		do_load(t, a, ev);
		break;
	case PX_OP_STORE:
		do_store(t, a, ev);
		break;
	case PX_OP_FLUSH:
		ev->writes = true;
		px_poke(a->addr, a->size, a->val);
		t->head++;
		break;
	case PX_OP_RMW:
		do_write(t, a, ev);
		break;
	case PX_OP_LOCK:
		ev->writes = true;
		px_poke(a->addr, a->size, (struct px_val){1, 0});
		break;
	case PX_OP_SEND: {
		struct px_cpu_state *c = (struct px_cpu_state *)(void *)a->addr;

		ev->writes = true;
		c->pending[a->val.lo / 64] |= 1ull << (a->val.lo % 64);
		break;
	}
	case PX_OP_BEGIN:
		do_begin(t, ev);
		break;
	case PX_OP_END:
		px.cpu[t->cpu].active = -1;
		break;
	case PX_OP_LINE: /* the thread itself makes the access when it continues */
	case PX_OP_PLAIN_WRITE:
	case PX_OP_KILL:
		ev->writes = true;
		break;
	default:
		break;
	}
}

/* Lets the thread run to its next operation, and records the effect on interrupts. */
static void go_on(struct px_thread_state *t, struct px_event *ev)
{
	int from = t->cpu;
	bool masked = masks(t, from);

	resume((unsigned)(t - px.thread));
	if (t->handler)
		return;
	if (from >= 0) {
		/* A buffer that is not empty keeps interrupts off, too. */
		bool store = ev->op == PX_OP_STORE && !px.sc;

		ev->irq_ok = (uint8_t)(!masked << from);
		if (masked != masks(t, from) || (store && !masked) ||
		    (t->cpu != from && t->head != t->tail))
			ev->toggles |= (uint8_t)(1u << from);
	}
	if (t->cpu != from && t->cpu >= 0) {
		ev->irq_ok |= (uint8_t)(1u << t->cpu);
		if (masks(t, t->cpu) || t->head != t->tail)
			ev->toggles |= (uint8_t)(1u << t->cpu);
	}
}

/* Records the first two quadwords of a line that have changed. */
static void note_changes(struct px_event *ev, const uint64_t *old)
{
	uint32_t size = ev->size < 8 ? ev->size : 8;
	unsigned n = 0;

	for (uint32_t i = 0; i < ev->size / size && n < 2; i++) {
		uint64_t now = px_peek(ev->addr + 8 * i, size).lo;

		if (now == old[i])
			continue;
		ev->changed |= (uint8_t)(1u << i);
		*(n ? &ev->before.hi : &ev->before.lo) = old[i];
		*(n ? &ev->after.hi : &ev->after.lo) = now;
		n++;
	}
}

void px_execute(unsigned proc, struct px_event *ev)
{
	struct px_thread_state *t = &px.thread[proc % PX_THREADS];
	struct px_access a = px_next(proc);
	uint64_t old[PX_LINE / 8] = {0};

	ev->proc = (uint8_t)proc;
	ev->op = (uint8_t)a.op;
	ev->cpu = (int8_t)t->cpu;
	ev->writes = ev->forwarded = false;
	ev->irq_ok = ev->toggles = 0;
	ev->own = 0;
	ev->changed = 0;
	ev->size = a.size;
	ev->addr = a.addr;
	ev->site = a.site;
	ev->what = a.what;
	ev->doing = t->doing;
	ev->rmw = (uint8_t)a.rmw;
	ev->before = px_value_at(&a);
	if (a.size)
		px_check_dead(&a);
	if (a.op == PX_OP_LINE)
		memcpy(old, a.addr, a.size < PX_LINE ? a.size : PX_LINE);
	perform(t, &a, ev);
	ev->after = a.op == PX_OP_STORE ? a.val : px_value_at(&a);
	ev->got = t->result;
	if (proc < PX_THREADS)
		go_on(t, ev);
	if (a.op == PX_OP_LINE)
		note_changes(ev, old);
}
