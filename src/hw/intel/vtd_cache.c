/* SPDX-License-Identifier: MIT */
/*
 * The interrupt entry cache: direct-mapped by index, with full tags. An entry stays until a
 * command names it, until another takes its slot, or until everything is dropped. Without
 * CAP.CM neither absent nor erroneous entries are kept, so that software may make them valid
 * without an invalidation.
 */
#include <string.h>

#include "vtd_priv.h"

#define ENTRY ((uint32_t)sizeof(struct pn_virte_raw))

static const struct pn_u128 *memory(const struct pn_vtd *v, uint64_t pa)
{
	return pn_vtd_ptr(v, pa, ENTRY, ENTRY);
}

static struct pn_virte_raw load(const struct pn_u128 *mem)
{
	/* Pairs with the host, which replaces an entry by one 16-byte atomic or switches P. */
	const struct pn_u128 raw = pn_ld128_sc(mem);

	return (struct pn_virte_raw){raw.lo, raw.hi};
}

static bool may_keep(const struct pn_vtd *v, const struct pn_vtd_entry *e)
{
	if (e->f.p && !e->bad)
		return !e->f.im || e->pid;
	return v->cm;
}

static void find_pid(const struct pn_vtd *v, struct pn_vtd_entry *e)
{
	e->pid = NULL;
	if (e->f.im && !(e->bad & PN_VIRTE_BAD_PID))
		e->pid = pn_vtd_ptr(v, e->f.pid, sizeof(*e->pid), _Alignof(struct pn_pid));
}

const struct pn_vtd_entry *pn_vtd_fetch(struct pn_vtd *v, uint32_t index)
{
	struct pn_vtd_entry *e = &v->scratch, *slot = pn_vtd_slot(v, index);
	const uint64_t pa = v->table + index * ENTRY;
	const struct pn_u128 *mem;

	memset(e, 0, sizeof(*e));
	if (pa < v->table || pn_vtd_beyond(v, pa, ENTRY)) {
		e->fail = PN_VTD_FAULT_INDEX;
		return e;
	}
	mem = memory(v, pa);
	if (!mem) {
		e->fail = PN_VTD_FAULT_TABLE;
		return e;
	}
	e->raw = load(mem);
	e->bad = (uint8_t)pn_virte_decode(e->raw, &v->env, &e->f);
	find_pid(v, e);
	if (!may_keep(v, e))
		return e;
	e->key = PN_VTD_ENTRY_VALID | index;
	*slot = *e;
	return slot;
}

bool pn_vtd_stale(const struct pn_vtd *v, const struct pn_vtd_entry *e, uint32_t index)
{
	const struct pn_u128 *mem = memory(v, v->table + index * ENTRY);
	struct pn_virte_raw now;

	if (!mem)
		return true;
	now = load(mem);
	return ((now.lo ^ e->raw.lo) & ~PN_VIRTE_AVAIL) || now.hi != e->raw.hi;
}

static unsigned drop(struct pn_vtd_entry *e)
{
	const unsigned had = e->key != 0;

	e->key = 0;
	return had;
}

unsigned pn_vtd_drop_all(struct pn_vtd *v)
{
	unsigned n = 0;

	for (uint32_t i = 0; i <= v->cache_mask && !(i && pn_mistake(PN_MISTAKE_IEC_FIRST_ONLY));
	     i++)
		n += drop(&v->cache[i]);
	return n;
}

unsigned pn_vtd_drop(struct pn_vtd *v, uint32_t index, unsigned im)
{
	const uint32_t count = 1u << im;
	const uint32_t key = PN_VTD_ENTRY_VALID | (index & ~(count - 1));
	/* if @count covers all slots, each slot is checked once */
	const uint32_t slots = count <= v->cache_mask ? count : v->cache_mask + 1;
	unsigned n = 0;

	for (uint32_t i = 0; i < slots; i++) {
		struct pn_vtd_entry *e = pn_vtd_slot(v, key + i);

		if ((e->key & ~(count - 1)) == key)
			n += drop(e);
	}
	return n;
}

void pn_vtd_memory_changed(struct pn_vtd *v)
{
	for (uint32_t i = 0; i <= v->cache_mask; i++) {
		struct pn_vtd_entry *e = &v->cache[i];

		if (!e->key)
			continue;
		find_pid(v, e);
		if (!may_keep(v, e))
			e->key = 0;
	}
}
