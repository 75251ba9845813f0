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

#define ARENA_SIZE (1u << 20)

/* ---- memory ---- */

static struct px_val peek(const char *p, uint32_t size)
{
	struct px_val v = {0, 0};

	memcpy(&v.lo, p, size < 8 ? size : 8);
	if (size == 16)
		memcpy(&v.hi, p + 8, 8);
	return v;
}

static void poke(char *p, uint32_t size, struct px_val v)
{
	memcpy(p, &v.lo, size < 8 ? size : 8);
	if (size == 16)
		memcpy(p + 8, &v.hi, 8);
}

static bool same(struct px_val a, struct px_val b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static struct px_val combine(const struct px_access *a, struct px_val old)
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
		v = same(old, a->want) ? a->val : old;
		break;
	}
	return v;
}

void *px_alloc(size_t size, size_t align)
{
	size_t at = (px.arena_used + align - 1) & ~(align - 1);

	if (!px.arena) {
		px.arena = aligned_alloc(4096, ARENA_SIZE);
		if (!px.arena)
			goto full;
		memset(px.arena, 0, ARENA_SIZE);
		px.arena_size = ARENA_SIZE;
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

void px_name(const void *p, size_t size, const char *name)
{
	if (px.names == PX_NAMES)
		return;
	px.named[px.names].p = p;
	px.named[px.names].size = size;
	px.named[px.names++].name = name;
}

static void check_dead(const struct px_access *a)
{
	for (unsigned i = 0; i < px.deads && !px.failed; i++)
		if (a->addr + a->size > px.dead[i].p && a->addr < px.dead[i].p + px.dead[i].size)
			px_fail(px.dead[i].property, "%s is accessed after it is gone (%s)",
				px.dead[i].what, a->site ? a->site->what : "");
}

static bool is_named(const char *addr)
{
	for (unsigned i = 0; i < px.names; i++)
		if (addr >= px.named[i].p && addr < px.named[i].p + px.named[i].size)
			return true;
	return false;
}

/*
 * No other thread sees an intermediate state: during set-up, checks, and one access of a whole
 * line.
 */
static bool alone(void)
{
	return px.current < 0 || px.line;
}

#define SHARE_GRANULE 16u
#define SHARE_WRITTEN (1u << 8)
#define SHARE_SHARED  (1u << 9)

/*
 * An access to memory that no other thread accesses, or that no thread writes, commutes with
 * everything that other threads do, so it needs no transition of its own. The search learns which
 * memory that is as it goes: if a place turns out to be shared, the search starts again and treats
 * it as shared.
 */
static bool private(const char *addr, size_t size, bool write)
{
	bool shared = false;
	size_t first, last;

	if (addr < px.arena || addr >= px.arena + px.arena_size)
		return false;
	if (px.show_named && is_named(addr))
		return false;
	first = (size_t)(addr - px.arena) / SHARE_GRANULE;
	last = (size_t)(addr + size - 1 - px.arena) / SHARE_GRANULE;
	for (size_t i = first; i <= last; i++) {
		uint16_t s =
			(uint16_t)(px.share[i] | 1u << px.current | (write ? SHARE_WRITTEN : 0));
		unsigned who = s & (SHARE_WRITTEN - 1);

		if ((s & SHARE_WRITTEN) && (who & (who - 1)) && !(s & SHARE_SHARED)) {
			s |= SHARE_SHARED;
			px.reclassified = true;
		}
		px.share[i] = s;
		shared |= s & SHARE_SHARED;
	}
	return !shared;
}

static bool drained(void)
{
	const struct px_thread_state *t = &px.thread[px.current];

	return t->head == t->tail;
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
static struct px_val point(const struct px_access *a)
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

	if (!alone() || px.threads == PX_THREADS || cpu >= PX_CPUS || cpu < -1) {
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
		struct px_val v = point(&(struct px_access){.op = PX_OP_BEGIN,
							    .size = sizeof(c->pending),
							    .addr = (char *)c->pending,
							    .what = "interrupt"});

		t->irq_fn(arg, (uint8_t)v.lo);
		point(&(struct px_access){.op = PX_OP_END, .what = "return from interrupt"});
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

static void resume(unsigned i)
{
	px.current = (int)i;
	px_fiber_switch(&px.main, &px.thread[i].fiber);
	px.current = -1;
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
		t->irq_off = 0;
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
		return !a->size || !same(v, a->val); /* size 0: has read nothing */
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
	return a->size && a->op != PX_OP_KILL ? peek(a->addr, a->size) : (struct px_val){0, 0};
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
static const struct px_buffered *newest(const struct px_thread_state *t, const struct px_access *a)
{
	for (uint32_t i = t->tail; i != t->head; i--) {
		const struct px_buffered *b = &t->buf[(i - 1) % PX_BUFFER];

		if (b->addr < a->addr + a->size && a->addr < b->addr + b->size)
			return b;
	}
	return NULL;
}

static bool contains(const struct px_buffered *b, const struct px_access *a)
{
	return b->addr <= a->addr && a->addr + a->size <= b->addr + b->size;
}

/* A load that the thread's own buffer holds only in part waits until the store is in memory. */
static bool partly_buffered(const struct px_thread_state *t, const struct px_access *a)
{
	const struct px_buffered *b = newest(t, a);

	return b && !contains(b, a);
}

bool px_forwards(unsigned proc)
{
	const struct px_thread_state *t = &px.thread[proc];

	return newest(t, &t->next);
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

static void do_load(struct px_thread_state *t, const struct px_access *a, struct px_event *ev)
{
	const struct px_buffered *b = newest(t, a);

	if (b) {
		ev->forwarded = true;
		ev->own = b->number;
		t->result = (struct px_val){0, 0};
		memcpy(&t->result.lo, (const char *)&b->val + (a->addr - b->addr), a->size);
	} else {
		t->result = peek(a->addr, a->size);
	}
	t->last_addr = a->addr;
	t->last_size = a->size;
	t->last_val = t->result;
}

static void do_store(struct px_thread_state *t, const struct px_access *a, struct px_event *ev)
{
	if (px.sc) {
		ev->writes = true;
		poke(a->addr, a->size, a->val);
		return;
	}
	ev->own = (int16_t)(t->tail + 1);
	t->buf[t->tail++ % PX_BUFFER] = (struct px_buffered){.addr = a->addr,
							     .size = a->size,
							     .val = a->val.lo,
							     .number = ev->own,
							     .site = a->site};
}

static void do_write(struct px_thread_state *t, const struct px_access *a, struct px_event *ev)
{
	struct px_val old = peek(a->addr, a->size);

	ev->writes = true;
	t->result = old;
	poke(a->addr, a->size, combine(a, old));
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
		poke(a->addr, a->size, a->val);
		t->head++;
		break;
	case PX_OP_RMW:
		do_write(t, a, ev);
		break;
	case PX_OP_LOCK:
		ev->writes = true;
		poke(a->addr, a->size, (struct px_val){1, 0});
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
	unsigned n = 0;

	for (uint32_t i = 0; i < ev->size / 8 && n < 2; i++) {
		uint64_t now = peek(ev->addr + 8 * i, 8).lo;

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
	uint64_t old[PX_LINE / 8];

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
	if (px.deads && a.size)
		check_dead(&a);
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

/* ---- what programs and the seam call ---- */

void px_kill(const void *p, size_t size, const char *property, const char *what)
{
	static const struct px_site site = {"", "", "free", 0};
	struct px_access a = {.op = PX_OP_KILL,
			      .size = (uint32_t)size,
			      .addr = (char *)(uintptr_t)p,
			      .what = what,
			      .site = &site};

	if (px.deads == PX_DEAD) {
		px.error = -ENOMEM;
		return;
	}
	if (!alone()) {
		/* Earlier stores to that place reach memory first. */
		if (private(p, size, true))
			px_fence(&site);
		else
			point(&a);
	}
	px.dead[px.deads].p = a.addr;
	px.dead[px.deads].size = size;
	px.dead[px.deads].property = property;
	px.dead[px.deads++].what = what;
}

static struct px_val load(const void *p, unsigned size, const struct px_site *site)
{
	struct px_access a = {
		.op = PX_OP_LOAD, .size = size, .addr = (char *)(uintptr_t)p, .site = site};
	struct px_thread_state *t;

	if (alone())
		return peek(a.addr, size);
	t = &px.thread[px.current];
	if (!private(a.addr, size, false))
		return point(&a);
	if (px.deads)
		check_dead(&a);
	t->last_addr = a.addr;
	t->last_size = size;
	t->last_val = peek(a.addr, size);
	return t->last_val;
}

uint64_t px_load(const void *p, unsigned size, const struct px_site *site)
{
	return load(p, size, site).lo;
}

struct pn_u128 px_load128(const struct pn_u128 *p, const struct px_site *site)
{
	struct px_val v = load(p, 16, site);

	return (struct pn_u128){v.lo, v.hi};
}

void px_store(void *p, unsigned size, uint64_t v, const struct px_site *site)
{
	struct px_access a = {
		.op = PX_OP_STORE, .size = size, .addr = p, .val = {v, 0}, .site = site};

	if (size == 4)
		a.val.lo = (uint32_t)v;
	if (!alone() && !private(p, size, true)) {
		point(&a);
		return;
	}
	if (px.deads && !alone())
		check_dead(&a);
	poke(p, size, a.val);
}

static struct px_val rmw(struct px_access *a)
{
	struct px_val old;

	if (!alone()) {
		bool mine = private(a->addr, a->size, true);

		if (!mine || !drained())
			return point(a);
		px.thread[px.current].fenced = true;
		if (px.deads)
			check_dead(a);
	}
	old = peek(a->addr, a->size);
	poke(a->addr, a->size, combine(a, old));
	return old;
}

uint64_t px_rmw(void *p, unsigned size, enum px_rmw op, uint64_t v, uint64_t want,
		const struct px_site *site)
{
	struct px_access a = {.op = PX_OP_RMW,
			      .rmw = op,
			      .size = size,
			      .addr = p,
			      .val = {v, 0},
			      .want = {want, 0},
			      .site = site};

	return rmw(&a).lo;
}

bool px_cas128(struct pn_u128 *p, struct pn_u128 *expected, struct pn_u128 v,
	       const struct px_site *site)
{
	struct px_access a = {.op = PX_OP_RMW,
			      .rmw = PX_CAS,
			      .size = 16,
			      .addr = (char *)p,
			      .val = {v.lo, v.hi},
			      .want = {expected->lo, expected->hi},
			      .site = site};
	struct px_val old = rmw(&a);

	*expected = (struct pn_u128){old.lo, old.hi};
	return same(old, a.want);
}

void px_fence(const struct px_site *site)
{
	if (alone() || px.sc)
		return;
	if (drained())
		px.thread[px.current].fenced = true;
	else
		point(&(struct px_access){.op = PX_OP_FENCE, .site = site});
}

/* The accesses up to px_line_end() are part of this transition: the thread is not stopped in them.
 */
void px_line_begin(void *p, unsigned size, const struct px_site *site)
{
	struct px_access a = {.op = PX_OP_LINE, .size = size, .addr = p, .site = site};

	if (alone())
		return;
	if (size > PX_LINE) {
		px.error = -EINVAL;
		return;
	}
	if (!private(p, size, true) || !drained()) {
		point(&a);
	} else {
		px.thread[px.current].fenced = true;
		if (px.deads)
			check_dead(&a);
	}
	px.line = true;
}

void px_line_end(void)
{
	px.line = false;
}

/* A spinning thread continues when the place that it read last has changed. */
void px_relax_on(const uint32_t *p, uint32_t val)
{
	struct px_thread_state *t;

	if (alone())
		return;
	t = &px.thread[px.current];
	t->last_addr = (char *)(uintptr_t)p;
	t->last_size = sizeof(*p);
	t->last_val = (struct px_val){val, 0};
}

void px_relax(const struct px_site *site)
{
	const struct px_thread_state *t;

	if (alone())
		return;
	t = &px.thread[px.current];
	point(&(struct px_access){.op = PX_OP_SPIN,
				  .size = t->last_addr ? t->last_size : 0,
				  .addr = t->last_addr,
				  .val = t->last_val,
				  .site = site});
}

void px_lock(struct pn_lock *l, const struct px_site *site)
{
	struct px_access a = {.op = PX_OP_LOCK, .size = 4, .addr = (char *)&l->held, .site = site};

	if (!alone()) {
		bool mine = private(a.addr, a.size, true);

		if (!mine || !drained() || l->held) {
			point(&a);
			return;
		}
		px.thread[px.current].fenced = true;
		if (px.deads)
			check_dead(&a);
	}
	l->held = 1;
}

void px_irq(struct pn_agent *self, bool on, const struct px_site *site)
{
	struct px_thread_state *t;

	(void)self;
	if (alone())
		return;
	t = &px.thread[px.current];
	if (on) {
		t->irq_off -= t->irq_off > 0;
		return;
	}
	/* An interrupt may also come between the last transition and this point. */
	if (!t->irq_off && !t->handler && t->cpu >= 0 && px.cpu[t->cpu].handler >= 0)
		point(&(struct px_access){.op = PX_OP_WINDOW, .site = site});
	t->irq_off++;
}

void px_send(int cpu, uint8_t vector)
{
	if (alone())
		px.cpu[cpu].pending[vector / 64] |= 1ull << (vector % 64);
	else
		point(&(struct px_access){.op = PX_OP_SEND,
					  .size = sizeof(px.cpu[cpu].pending),
					  .addr = (char *)px.cpu[cpu].pending,
					  .val = {vector, 0},
					  .what = "interrupt message"});
}

void px_sleep(const uint32_t *state, const char *what)
{
	private((const char *)state, sizeof(*state), false); /* finds the threads that write it */
	point(&(struct px_access){
		.op = PX_OP_SLEEP, .size = 4, .addr = (char *)(uintptr_t)state, .what = what});
}

void px_migrate(int cpu)
{
	struct px_thread_state *t = &px.thread[px.current];

	if (cpu < -1 || cpu >= PX_CPUS || t->handler) {
		px.error = -EINVAL;
		return;
	}
	t->migrates |= t->cpu != cpu;
	t->cpu = cpu;
}

void px_device_enter(struct pn_lock *busy)
{
	static const struct px_site site = {"", "", "device", 0};

	px_lock(busy, &site);
}

void px_device_leave(struct pn_lock *busy)
{
	static const struct px_site site = {"", "", "device", 0};

	px_rmw(&busy->held, 4, PX_XCHG, 0, 0, &site);
}

const char *px_doing(const char *text)
{
	const char *before;

	if (alone())
		return NULL;
	before = px.thread[px.current].doing;
	px.thread[px.current].doing = text;
	return before;
}

void px_set_mistake(enum pn_mistake m)
{
	px.mistake = m;
}

bool pn_mistake(enum pn_mistake m)
{
	return px.mistake == m;
}

void px_fail(const char *property, const char *fmt, ...)
{
	va_list ap;

	if (px.failed)
		return;
	px.failed = true;
	snprintf(px.property, sizeof(px.property), "%s", property);
	va_start(ap, fmt);
	vsnprintf(px.text, sizeof(px.text), fmt, ap);
	va_end(ap);
}
