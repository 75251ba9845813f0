/* SPDX-License-Identifier: MIT */
/* What programs call: the seam's accesses, locks and interrupts, and the functions of px.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

bool px_alone(void)
{
	return px.current < 0 || px.line;
}

static bool drained(void)
{
	const struct px_thread_state *t = &px.thread[px.current];

	return t->head == t->tail;
}

void px_name(const void *p, size_t size, const char *name)
{
	if (px.names == PX_NAMES)
		return;
	px.named[px.names].p = p;
	px.named[px.names].size = size;
	px.named[px.names++].name = name;
}

void px_check_dead(const struct px_access *a)
{
	for (unsigned i = 0; i < px.deads && !px.failed; i++)
		if (a->addr + a->size > px.dead[i].p && a->addr < px.dead[i].p + px.dead[i].size)
			px_fail(px.dead[i].property, "%s is accessed after it is gone (%s)",
				px.dead[i].what, a->site ? a->site->what : "");
}

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
	if (!px_alone()) {
		/* Earlier stores to that place reach memory first. */
		if (px_local(p, size, true)) {
			px_fence(&site);
			px_check_dead(&a); /* freed twice */
		} else {
			px_point(&a);
		}
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
	const struct px_buffered *b;
	struct px_thread_state *t;

	if (px_alone())
		return px_peek(a.addr, size);
	t = &px.thread[px.current];
	b = px_newest(t, &a);
	if (!px_local(a.addr, size, false) || (b && !px_within(b, &a)))
		return px_point(&a);
	px_check_dead(&a);
	return px_loaded(t, &a, b);
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

/* True if no interrupt can tell when the store of @t goes into the buffer. */
static bool uninterrupted(const struct px_thread_state *t)
{
	return t->handler || t->cpu < 0 || t->irq_off || px.cpu[t->cpu].handler < 0;
}

static void store(const struct px_access *a, bool local)
{
	struct px_thread_state *t = &px.thread[px.current];
	bool buffered = t->head != t->tail && px_newest(t, a);

	if (!local || buffered) {
		if (!px.merge || !uninterrupted(t) || t->tail - t->head == PX_BUFFER) {
			px_point(a);
			return;
		}
		px_check_dead(a);
		px_buffer(t, a);
		return;
	}
	px_check_dead(a);
	px_poke(a->addr, a->size, a->val);
}

void px_store(void *p, unsigned size, uint64_t v, const struct px_site *site)
{
	struct px_access a = {
		.op = PX_OP_STORE, .size = size, .addr = p, .val = {v, 0}, .site = site};

	if (size == 4)
		a.val.lo = (uint32_t)v;
	if (px_alone())
		px_poke(p, size, a.val);
	else
		store(&a, px_local(p, size, true));
}

/* The current thread, its buffer empty, makes the locked access @a without a transition. */
static void done_at_once(const struct px_access *a)
{
	px.thread[px.current].fenced = true;
	px_check_dead(a);
}

static struct px_val rmw(struct px_access *a)
{
	struct px_val old;

	if (!px_alone()) {
		bool mine = px_local(a->addr, a->size, true);

		if (!mine || !drained())
			return px_point(a);
		done_at_once(a);
	}
	old = px_peek(a->addr, a->size);
	px_poke(a->addr, a->size, px_combine(a, old));
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
	return px_same(old, a.want);
}

void px_fence(const struct px_site *site)
{
	if (px_alone() || px.sc)
		return;
	if (drained())
		px.thread[px.current].fenced = true;
	else
		px_point(&(struct px_access){.op = PX_OP_FENCE, .site = site});
}

/* The accesses up to px_line_end() are part of this transition: the thread is not stopped in them.
 */
void px_line_begin(void *p, unsigned size, const struct px_site *site)
{
	struct px_access a = {.op = PX_OP_LINE, .size = size, .addr = p, .site = site};

	if (px_alone() || px.split)
		return;
	if (size > PX_LINE) {
		px.error = -EINVAL;
		return;
	}
	if (!px_local(p, size, true) || !drained()) {
		px_point(&a);
	} else {
		done_at_once(&a);
	}
	px.line = true;
}

void px_line_end(void)
{
	px.line = false;
}

void px_split_lines(void)
{
	px.split = true;
}

/* A spinning thread continues when the place that it read last has changed. */
void px_relax_on(const uint32_t *p, uint32_t val)
{
	struct px_thread_state *t;

	if (px_alone())
		return;
	t = &px.thread[px.current];
	t->last_addr = (char *)(uintptr_t)p;
	t->last_size = sizeof(*p);
	t->last_val = (struct px_val){val, 0};
}

void px_relax(const struct px_site *site)
{
	const struct px_thread_state *t;

	if (px_alone())
		return;
	t = &px.thread[px.current];
	px_point(&(struct px_access){.op = PX_OP_SPIN,
				     .size = t->last_addr ? t->last_size : 0,
				     .addr = t->last_addr,
				     .val = t->last_val,
				     .site = site});
}

/* Of @l; NULL: there are too many locks. It is no part of a state: what was seen once stays seen.
 */
static struct px_lock_use *use_of(const struct pn_lock *l)
{
	for (unsigned n = 0, i = (unsigned)((uintptr_t)l >> 2); n < PX_LOCK_USES; n++, i++) {
		struct px_lock_use *u = &px.use[i % PX_LOCK_USES];

		if (!u->lock)
			u->lock = l;
		if (u->lock == l)
			return u;
	}
	return NULL;
}

/*
 * Who takes a lock with interrupts off expects that its holder is not interrupted, or switched out,
 * on the same CPU by somebody who takes it. So nobody else may take it with interrupts on, whether
 * or not the program has what interrupts it. A handler that does is found by the search.
 */
static void check_use(struct pn_lock *l, bool irq, const struct px_site *site)
{
	const struct px_thread_state *t = &px.thread[px.current];
	struct px_lock_use *u = use_of(l);

	if (!u || t->cpu < 0)
		return;
	if (irq)
		u->off = u->off ? u->off : site;
	else if (!t->irq_off && !t->handler)
		u->on = u->on ? u->on : site;
	if (u->on && u->off)
		px_fail("P1",
			"deadlock: %s is taken with interrupts on at %s:%d, and with interrupts "
			"off at %s:%d",
			site->what, u->on->file, u->on->line, u->off->file, u->off->line);
}

static void take_lock(struct pn_lock *l, bool irq, const struct px_site *site)
{
	struct px_access a = {.op = PX_OP_LOCK, .size = 4, .addr = (char *)&l->held, .site = site};

	if (px_alone()) {
		px_poke(a.addr, 4, (struct px_val){1, 0});
		return;
	}
	check_use(l, irq, site);
	if (!px_local(a.addr, a.size, true) || !drained() || l->held) {
		px_point(&a);
	} else {
		done_at_once(&a);
		px_poke(a.addr, 4, (struct px_val){1, 0});
	}
	px_holds(a.addr, true);
}

void px_lock(struct pn_lock *l, const struct px_site *site)
{
	take_lock(l, false, site);
}

void px_lock_irq(struct pn_lock *l, const struct px_site *off, const struct px_site *site)
{
	px_irq(NULL, false, off);
	take_lock(l, true, site);
}

void px_unlock(struct pn_lock *l, const struct px_site *site)
{
	if (!px_alone())
		px_holds((const char *)&l->held, false);
	px_store(&l->held, 4, 0, site);
}

void px_irq(struct pn_agent *self, bool on, const struct px_site *site)
{
	struct px_thread_state *t;

	(void)self;
	if (px_alone())
		return;
	t = &px.thread[px.current];
	if (on) {
		t->irq_off -= t->irq_off > 0;
		return;
	}
	/* An interrupt may also come between the last transition and this point. */
	if (!t->irq_off && !t->handler && t->cpu >= 0 && px.cpu[t->cpu].handler >= 0)
		px_point(&(struct px_access){.op = PX_OP_WINDOW, .site = site});
	t->irq_off++;
}

void px_send(int cpu, uint8_t vector)
{
	if (px_alone())
		px.cpu[cpu].pending[vector / 64] |= 1ull << (vector % 64);
	else
		px_point(&(struct px_access){.op = PX_OP_SEND,
					     .size = sizeof(px.cpu[cpu].pending),
					     .addr = (char *)px.cpu[cpu].pending,
					     .val = {vector, 0},
					     .what = "interrupt message"});
}

void px_sleep(const uint32_t *state, const char *what)
{
	px_local((const char *)state, sizeof(*state), false); /* finds the threads that write it */
	px_point(&(struct px_access){
		.op = PX_OP_SLEEP, .size = 4, .addr = (char *)(uintptr_t)state, .what = what});
}

void px_migrate(int cpu)
{
	struct px_thread_state *t = &px.thread[px.current];

	if (cpu < -1 || cpu >= PX_CPUS || t->handler) {
		px.error = -EINVAL;
		return;
	}
	/* An interrupt of the new CPU may come before the thread that keeps it off arrives. */
	if (px.merge && cpu >= 0 && px.cpu[cpu].handler >= 0 && (t->irq_off || t->head != t->tail))
		px_point(&(struct px_access){.op = PX_OP_WINDOW});
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

	if (!px_alone())
		px_holds((const char *)&busy->held, false);
	px_rmw(&busy->held, 4, PX_XCHG, 0, 0, &site);
}

const char *px_doing(const char *text)
{
	const char *before;

	if (px_alone())
		return NULL;
	before = px.thread[px.current].doing;
	px.thread[px.current].doing = text;
	return before;
}

static bool is_ghost(const char *p)
{
	for (unsigned i = 0; i < px.ghosts; i++)
		if (p >= px.ghost[i].p && p < px.ghost[i].p + px.ghost[i].size)
			return true;
	return false;
}

void px_plain(const void *p, size_t size, bool write)
{
	struct px_access a = {.op = write ? PX_OP_PLAIN_WRITE : PX_OP_PLAIN_READ,
			      .size = (uint32_t)size,
			      .addr = (char *)(uintptr_t)p,
			      .what = "of threads without a common lock"};
	struct px_thread_state *t;

	if (px_alone() || a.addr < px.arena || a.addr >= px.arena + px.arena_size || is_ghost(p))
		return;
	t = &px.thread[px.current];
	if (write) {
		t->writes = p;
		t->writes_size = size;
	}
	if (!px_local(p, size, write)) {
		px_point(&a);
		/*
		 * The hooks of a structure that is copied come in the order write, read, and then
		 * both accesses: this transition is the one that writes.
		 */
		if (t->writes)
			px_touch(t->writes, t->writes_size);
	} else {
		px_check_dead(&a);
	}
}

void px_ghost(const void *p, size_t size)
{
	if (px.ghosts == PX_GHOSTS || px.current >= 0) {
		px.error = -EINVAL;
		return;
	}
	px.ghost[px.ghosts].p = (char *)(uintptr_t)p;
	px.ghost[px.ghosts++].size = size;
}

void pn_statistics(const void *p, size_t size)
{
	px_ghost(p, size);
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
