/* SPDX-License-Identifier: MIT */
/*
 * Memory that Linux's functions allocate, each piece once: what was freed stays so, and whoever
 * accesses it violates P6. And where Linux may sleep: not with interrupts off, and not while it
 * holds a spinlock.
 */
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "harness.h"
#include "kernel.h"

#define PIECES 64
#define SPARE  6 /* for allocations after set-up */
#define SMALL  256
#define PAGE   4096

static struct {
	char *p;
	size_t size;
	uint32_t *used; /* of a spare one */
} piece[PIECES];
static unsigned pieces;

static uint8_t *held; /* spinlocks of each thread */

static void add(size_t size, size_t align, bool spare)
{
	if (pieces == PIECES) {
		pn_not_finished("Linux allocates too many pieces of memory");
		return;
	}
	piece[pieces].p = px_alloc(size, align);
	piece[pieces].size = size;
	piece[pieces].used = spare ? px_alloc(64, 64) : NULL;
	pieces++;
}

void pn_memory_start(void)
{
	pieces = 0;
	held = px_alloc(PX_THREADS * 8, 64);
	for (unsigned i = 0; i < SPARE; i++) {
		add(i ? SMALL : PAGE, i ? 64 : PAGE, true);
		px_name(piece[i].p, piece[i].size, "memory that Linux allocated");
		px_name(piece[i].used, 4, "that memory is in use");
	}
}

void *pu_allocate(unsigned long size, unsigned long align, unsigned long pc)
{
	const struct px_site *site = pn_line_of(pc);

	pn_settle();
	if (px.current < 0) {
		add(size, align, false);
		return piece[pieces - 1].p;
	}
	for (unsigned i = 0; i < SPARE; i++)
		if (piece[i].size >= size && (uintptr_t)piece[i].p % align == 0 &&
		    !pn_xchg32(piece[i].used, 1))
			return piece[i].p;
	pn_not_finished("%s:%d allocates %lu bytes, more than there are", site->file, site->line,
			size);
	return NULL;
}

void pu_free(const void *p, unsigned long pc)
{
	const struct px_site *site = pn_line_of(pc);

	pn_settle();
	if (!p)
		return;
	for (unsigned i = 0; i < pieces; i++)
		if (p == piece[i].p &&
		    (!piece[i].used || px.current < 0 || pn_ld32(piece[i].used))) {
			px_kill(p, piece[i].size, "P6", "memory that was freed");
			return;
		}
	px_fail("P6", "%s:%d frees what was not allocated", site->file, site->line);
}

/* ---- who may sleep ---- */

void pn_spinlocks(int change)
{
	if (px.current < 0 || !held)
		return;
	px_touch(&held[px.current * 8], 1);
	held[px.current * 8] = (uint8_t)(held[px.current * 8] + change);
}

void pu_may_sleep(const char *what, unsigned long pc)
{
	const struct px_site *site = pn_line_of(pc);
	const struct px_thread_state *t;

	pn_settle();
	if (px.current < 0)
		return;
	t = &px.thread[px.current];
	if (held && held[px.current * 8])
		px_fail("P6", "%s:%d: %s, and a spinlock is held", site->file, site->line, what);
	else if (t->handler)
		px_fail("P6", "%s:%d: %s, in an interrupt", site->file, site->line, what);
	else if (t->irq_off)
		px_fail("P6", "%s:%d: %s, and interrupts are off", site->file, site->line, what);
}

void pu_mutex(void *m, int take, unsigned long pc)
{
	pn_settle();
	if (px.current < 0)
		return;
	if (take)
		px_lock(m, pn_line_of(pc));
	else
		px_unlock(m, pn_line_of(pc));
}

/* might_sleep(), see asm.h. */
void pn_might_sleep(void);
void pn_might_sleep(void)
{
	pu_may_sleep("what might sleep", (uintptr_t)__builtin_return_address(0));
}
