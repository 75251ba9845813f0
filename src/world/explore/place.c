/* SPDX-License-Identifier: MIT */
/*
 * Which memory the agents share. An access needs a transition of its own only if it does not
 * commute with what other threads may do:
 *
 * - a read does, if no other thread writes there;
 * - a write does, if no other thread reads or writes there;
 * - each does, if every access to the place, of any thread, is made with one and the same lock
 * held.
 *
 * The search learns this as it goes, and treats a place as private until an access says otherwise.
 * If an earlier access was then taken for private wrongly, the search starts again, with what it
 * knows now. The first access that breaks such an assumption lies in an execution whose part before
 * it was explored rightly; so the search meets it.
 *
 * A write that needs no transition goes to memory at once and not through the store buffer. No
 * other thread can tell: whoever reads it holds the lock that the writer drops by a later store.
 * The writer could, by a wider load: that waits for a store which the own buffer holds in part. So
 * the places of one load are all private or all shared.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine.h"

#define GRANULE 4u

int px_places_init(size_t size)
{
	px.place = calloc(size / GRANULE + 1, sizeof(*px.place));
	return px.place ? 0 : -ENOMEM;
}

void px_places_free(void)
{
	free(px.place);
	px.place = NULL;
}

static unsigned number_of(const char *addr)
{
	for (unsigned i = 0; i < px.locks; i++)
		if (px.lock[i] == addr)
			return i;
	if (px.locks == PX_LOCKS)
		return PX_LOCKS;
	px.lock[px.locks] = addr;
	return px.locks++;
}

void px_holds(const char *addr, bool on)
{
	unsigned i = number_of(addr);
	uint32_t bit = i < PX_LOCKS ? 1u << i : 0;
	struct px_thread_state *t = &px.thread[px.current];

	t->locks = on ? t->locks | bit : t->locks & ~bit;
}

static inline bool commutes(const struct px_place *p, uint32_t thread, bool write)
{
	uint32_t others = p->writers | (write ? p->readers : 0u);

	return p->locks || !(others & ~(1u << thread));
}

/* True if an access that was made before would need a transition now. */
static bool was_wrong(const struct px_place *old, const struct px_place *now)
{
	for (unsigned t = 0; t < px.threads; t++) {
		if (old->readers >> t & 1 && commutes(old, t, false) && !commutes(now, t, false))
			return true;
		if (old->writers >> t & 1 && commutes(old, t, true) && !commutes(now, t, true))
			return true;
	}
	return false;
}

static void changed(struct px_place *p, const struct px_place *now)
{
	if (now->locks == p->locks && now->readers == p->readers && now->writers == p->writers)
		return;
	px.reclassified |= was_wrong(p, now);
	*p = *now;
}

/* What is true of one of the places from @first to @last is true of all. */
static void spread(size_t first, size_t last)
{
	struct px_place all = px.place[first];

	for (size_t i = first + 1; i <= last; i++) {
		all.readers |= px.place[i].readers;
		all.writers |= px.place[i].writers;
		all.locks &= px.place[i].locks;
	}
	for (size_t i = first; i <= last; i++)
		changed(&px.place[i], &all);
}

static bool is_named(const char *addr)
{
	for (unsigned i = 0; i < px.names; i++)
		if (addr >= px.named[i].p && addr < px.named[i].p + px.named[i].size)
			return true;
	return false;
}

bool px_local(const char *addr, size_t size, bool write)
{
	uint16_t me = (uint16_t)(1u << px.current);
	uint32_t locks = px.thread[px.current].locks;
	bool local = true, some = false;
	size_t first, last;

	px_count_access();
	if (addr < px.arena || addr + size > px.arena + px.arena_size)
		return false;
	first = (size_t)(addr - px.arena) / GRANULE;
	last = (size_t)(addr + size - 1 - px.arena) / GRANULE;
	for (size_t i = first; i <= last; i++) {
		struct px_place *p = &px.place[i], now = *p;
		bool mine;

		/* Else known already. */
		if (!((write ? p->writers : p->readers) & me) || (p->locks & ~locks)) {
			now.locks = p->readers | p->writers ? p->locks & locks : locks;
			*(write ? &now.writers : &now.readers) |= me;
			changed(p, &now);
		}
		mine = commutes(p, (unsigned)px.current, write);
		local &= mine;
		some |= mine;
	}
	if (some && !local && !write)
		spread(first, last);
	return local && !px.all && !(px.show_named && is_named(addr));
}
