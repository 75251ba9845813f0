/* SPDX-License-Identifier: MIT */
/*
 * The caches of device table entries and remapping entries: direct-mapped with full tags. An entry
 * stays until a command names it, until another takes its slot, or until everything is dropped.
 * Entries with an error are never kept (inferred); absent entries are.
 */
#include <string.h>

#include "amdvi_priv.h"

static uint8_t dte_kind(const struct pn_vi_dte *d)
{
	if (!d->f.iv)
		return PN_VI_DTE_FORWARD;
	if (d->bad)
		return PN_VI_DTE_ILLEGAL;
	return d->f.intctl == PN_INTCTL_REMAP ? PN_VI_DTE_REMAP : PN_VI_DTE_CONTROL;
}

static uint32_t remapped(const struct pn_amdvi *vi, const struct pn_vi_dte *d)
{
	const uint32_t table = 1u << d->f.inttablen;

	if (d->kind != PN_VI_DTE_REMAP)
		return 0;
	return table < vi->index_limit ? table : vi->index_limit;
}

void pn_amdvi_limit_changed(struct pn_amdvi *vi)
{
	for (uint32_t i = 0; i <= vi->dte_mask; i++)
		vi->dtes[i].remapped = remapped(vi, &vi->dtes[i]);
}

const struct pn_vi_dte *pn_amdvi_dte_fetch(struct pn_amdvi *vi, uint16_t devid)
{
	struct pn_vi_dte *d = &vi->dte_scratch, *slot;
	const uint32_t off = devid * PN_DTE_SIZE;

	memset(d, 0, sizeof(*d));
	d->pa = (vi->r.devtab & PN_AMDVI_BASE_MASK) + off;
	if (off >= ((uint32_t)(vi->r.devtab & PN_DEVTAB_SIZE_MASK) + 1) * 4096u) {
		d->kind = PN_VI_DTE_OUTSIDE;
		return d;
	}
	d->mem = pn_amdvi_ptr(vi, d->pa, PN_DTE_SIZE, 16);
	if (!d->mem) {
		d->kind = PN_VI_DTE_NO_MEMORY;
		return d;
	}
	/* Pairs with the host, which writes an entry and then sends INVALIDATE_DEVTAB_ENTRY. */
	d->raw = pn_ld64_acq(&d->mem[2]);
	d->bad = (uint8_t)pn_dte_decode(d->raw, vi->gaen, &d->f);
	d->kind = dte_kind(d);
	if (d->kind == PN_VI_DTE_ILLEGAL)
		return d;
	d->remapped = remapped(vi, d);
	d->key = pn_amdvi_dte_key(devid);
	slot = pn_amdvi_dte_slot(vi, devid);
	*slot = *d;
	return slot;
}

bool pn_amdvi_dte_stale(const struct pn_vi_dte *d)
{
	/* As above. */
	return pn_ld64_acq(&d->mem[2]) != d->raw;
}

unsigned pn_amdvi_dte_drop(struct pn_amdvi *vi, uint16_t devid)
{
	struct pn_vi_dte *d = pn_amdvi_dte_slot(vi, devid);

	if (d->key != pn_amdvi_dte_key(devid))
		return 0;
	d->key = 0;
	return 1;
}

static uint32_t *bucket(struct pn_amdvi *vi, uint32_t key)
{
	const uint32_t devid = key >> PN_VI_INDEX_BITS & 0xFFFF;

	return &vi->bucket[(devid ^ devid >> 8) % PN_VI_BUCKETS];
}

/* Slots of one bucket form a list, so that dropping a DevID costs no walk over the cache. */
static void unlink_slot(struct pn_amdvi *vi, struct pn_vi_irte *e)
{
	if (e->prev)
		vi->irtes[e->prev - 1].next = e->next;
	else
		*bucket(vi, e->key) = e->next;
	if (e->next)
		vi->irtes[e->next - 1].prev = e->prev;
	e->key = 0;
}

static void link_slot(struct pn_amdvi *vi, struct pn_vi_irte *e)
{
	const uint32_t me = (uint32_t)(e - vi->irtes) + 1;
	uint32_t *head = bucket(vi, e->key);

	e->prev = 0;
	e->next = *head;
	if (*head)
		vi->irtes[*head - 1].prev = me;
	*head = me;
}

static bool find_page(const struct pn_amdvi *vi, struct pn_vi_irte *e)
{
	uint32_t *page = pn_amdvi_ptr(vi, e->root, 4096, 4);

	e->irr = page ? page + pn_vi_irr_word(e) / sizeof(*page) : NULL;
	e->bit = 1u << (e->vector & 31);
	e->stamp = &vi->stamps->word[(e->root >> 12 ^ e->root >> 18) % PN_VI_STAMPS].who;
	return page;
}

static uint8_t kind128(struct pn_amdvi *vi, struct pn_vi_irte *e)
{
	const bool dis = vi->r.efr2 & PN_EFR2_GAPPIDISSUP;
	struct pn_irte f;
	unsigned bad = pn_irte128_decode((struct pn_irte128){e->lo, e->hi}, vi->xten, dis, &f);

	e->supiopf = f.supiopf;
	e->vector = f.vector;
	if (!f.remapen)
		return PN_VI_IRTE_ABSENT;
	if (f.guestmode && !vi->vapic)
		return vi->knobs.guestmode_off == PN_GUESTMODE_OFF_FAULT ? PN_VI_IRTE_ILLEGAL
									 : PN_VI_IRTE_REMAP;
	if (bad)
		return PN_VI_IRTE_ILLEGAL;
	if (!f.guestmode)
		return PN_VI_IRTE_REMAP;
	e->root = f.root;
	return find_page(vi, e) ? PN_VI_IRTE_POST : PN_VI_IRTE_NO_PAGE;
}

static uint8_t kind32(struct pn_vi_irte *e)
{
	struct pn_irte f;
	unsigned bad = pn_irte32_decode((uint32_t)e->lo, &f);

	e->supiopf = f.supiopf;
	e->vector = f.vector;
	if (!f.remapen)
		return PN_VI_IRTE_ABSENT;
	return bad ? PN_VI_IRTE_ILLEGAL : PN_VI_IRTE_REMAP;
}

static uint32_t entry_size(const struct pn_amdvi *vi)
{
	return vi->gaen ? 16 : 4;
}

static bool find_entry(const struct pn_amdvi *vi, struct pn_vi_irte *e)
{
	e->mem = pn_amdvi_ptr(vi, e->pa, entry_size(vi), entry_size(vi));
	return e->mem;
}

static void read_entry(const struct pn_amdvi *vi, const void *mem, uint64_t *lo, uint64_t *hi)
{
	/* Pairs with the host, which replaces an entry by one 16-byte (4-byte) atomic. */
	if (vi->gaen) {
		struct pn_u128 raw = pn_ld128_sc(mem);

		*lo = raw.lo;
		*hi = raw.hi;
	} else {
		*lo = pn_ld32_acq(mem);
		*hi = 0;
	}
}

static const struct pn_vi_irte *keep(struct pn_amdvi *vi, const struct pn_vi_irte *e,
				     uint16_t devid, uint32_t index)
{
	struct pn_vi_irte *slot = pn_amdvi_irte_slot(vi, devid, index);

	if (slot->key)
		unlink_slot(vi, slot);
	*slot = *e;
	slot->dte = pn_amdvi_dte_slot(vi, devid);
	link_slot(vi, slot);
	return slot;
}

const struct pn_vi_irte *pn_amdvi_irte_fetch(struct pn_amdvi *vi, uint16_t devid, uint32_t index,
					     const struct pn_vi_dte *dte)
{
	struct pn_vi_irte *e = &vi->irte_scratch;
	const uint32_t size = entry_size(vi);

	memset(e, 0, sizeof(*e));
	e->key = pn_amdvi_irte_key(devid, index);
	/* the address that an event reports if there is no page */
	e->pa = e->root = dte->f.root + index * size;
	if (!find_entry(vi, e)) {
		e->kind = PN_VI_IRTE_NO_MEMORY;
		return e;
	}
	read_entry(vi, e->mem, &e->lo, &e->hi);
	e->kind = vi->gaen ? kind128(vi, e) : kind32(e);
	if (e->kind > PN_VI_IRTE_ABSENT || (vi->r.control & PN_CTRL_IRTCACHEDIS))
		return e;
	return keep(vi, e, devid, index);
}

bool pn_amdvi_irte_stale(const struct pn_amdvi *vi, const struct pn_vi_irte *e)
{
	const uint64_t lo_cached = PN_IRTE_REMAPEN | PN_IRTE_SUPIOPF | PN_IRTE_GUESTMODE;
	const uint64_t hi_cached = PN_IRTE_VECTOR_MASK | PN_IRTE_ROOT_MASK;
	uint64_t lo, hi;

	read_entry(vi, e->mem, &lo, &hi);
	if (e->kind == PN_VI_IRTE_ABSENT)
		return (lo ^ e->lo) & (PN_IRTE_REMAPEN | PN_IRTE_SUPIOPF);
	if (e->kind == PN_VI_IRTE_POST)
		return ((lo ^ e->lo) & lo_cached) || ((hi ^ e->hi) & hi_cached);
	return lo != e->lo || hi != e->hi;
}

unsigned pn_amdvi_irte_drop(struct pn_amdvi *vi, uint16_t devid)
{
	uint32_t at = *bucket(vi, pn_amdvi_irte_key(devid, 0));
	unsigned n = 0;

	while (at) {
		struct pn_vi_irte *e = &vi->irtes[at - 1];

		at = e->next;
		if ((e->key & ~PN_VI_INDEX_MASK) != pn_amdvi_irte_key(devid, 0))
			continue;
		unlink_slot(vi, e);
		n++;
		if (pn_mistake(PN_MISTAKE_DROP_FIRST_ONLY))
			break;
	}
	return n;
}

unsigned pn_amdvi_drop_all(struct pn_amdvi *vi)
{
	unsigned n = 0;

	for (uint32_t i = 0; i <= vi->dte_mask; i++) {
		n += vi->dtes[i].key != 0;
		vi->dtes[i].key = 0;
	}
	for (uint32_t i = 0; i <= vi->irte_mask; i++) {
		n += vi->irtes[i].key != 0;
		vi->irtes[i].key = 0;
	}
	memset(vi->bucket, 0, sizeof(vi->bucket));
	return n;
}

/* A change of Control.GAEn drops everything, so all entries here have the present size. */
void pn_amdvi_memory_changed(struct pn_amdvi *vi)
{
	for (uint32_t i = 0; i <= vi->dte_mask; i++) {
		struct pn_vi_dte *d = &vi->dtes[i];

		if (!d->key)
			continue;
		d->mem = pn_amdvi_ptr(vi, d->pa, PN_DTE_SIZE, 16);
		if (!d->mem)
			d->key = 0;
	}
	for (uint32_t i = 0; i <= vi->irte_mask; i++) {
		struct pn_vi_irte *e = &vi->irtes[i];

		if (!e->key)
			continue;
		if (!find_entry(vi, e) || (e->kind == PN_VI_IRTE_POST && !find_page(vi, e)))
			unlink_slot(vi, e);
	}
}
