/* SPDX-License-Identifier: MIT */
/*
 * Remapping tables and entries. Formats and what the IOMMU caches: 48882 rev 3.11, 2.2.2.1, 2.2.5.
 */
#include <errno.h>
#include <string.h>

#include "amdvi_drv.h"
#include "drv_priv.h"
#include "postern/amd_dte.h"
#include "postern/amd_log.h"
#include "vectors.h"

#define IRTE_BYTES   16u
#define IRT_ALIGN    128u /* with GAEn */
#define ORDER_512    9u	  /* beyond it, index bits are message type bits */
#define STORE_TRIES  4
#define VECTOR_FIRST 16u

static struct pn_u128 *word_of(const struct pn_amdvi_ir *ir)
{
	return (struct pn_u128 *)(void *)ir->irte;
}

/*
 * One 16-byte store under ir->lock, over @cur. The other side is the IOMMU, which reads entries and
 * never writes them, so the exchange succeeds at once; the loop is a precaution.
 */
static inline int replace(struct pn_amdvi_ir *ir, struct pn_agent *self, struct pn_u128 cur,
			  struct pn_irte128 raw)
{
	const struct pn_u128 next = {raw.lo, raw.hi};

	pn_step(self, PN_STEP_IRTE_WRITE, (uint64_t)ir->devid << 16 | ir->index, raw.lo);
	if (pn_mistake(PN_MISTAKE_NO_FENCE)) {
		if (raw.hi != cur.hi)
			pn_st64(&ir->irte->hi, raw.hi);
		pn_st64(&ir->irte->lo, raw.lo);
		return 0;
	}
	if (pn_mistake(PN_MISTAKE_IRTE_TORN)) {
		pn_st64(&ir->irte->hi, raw.hi);
		pn_st64(&ir->irte->lo, raw.lo);
		return 0;
	}
	if (pn_mistake(PN_MISTAKE_REMAPEN_WINDOW)) {
		pn_and64(&ir->irte->lo, ~PN_IRTE_REMAPEN);
		cur.lo &= ~PN_IRTE_REMAPEN;
	}
	for (int i = 0; i < STORE_TRIES; i++) {
		if (pn_cas128(word_of(ir), &cur, next))
			return 0;
	}
	return -EIO;
}

static int store(struct pn_amdvi_ir *ir, struct pn_agent *self, struct pn_irte128 raw)
{
	/* Pairs with nothing: only the driver writes entries, under ir->lock. */
	return replace(ir, self, pn_ld128_sc(word_of(ir)), raw);
}

/*
 * Without a cache there is nothing to invalidate. But an interrupt in flight has read the old entry
 * and will set a bit in the old page, and R3 reads that page only once: so the wait is kept.
 */
static int flush(const struct pn_amdvi_ir *ir, struct pn_agent *self)
{
	struct pn_amd_cmd c = pn_amd_cmd_inv_irt(ir->devid);

	if (ir->drv->irtcachedis && pn_mistake(PN_MISTAKE_NO_IRT_WAIT))
		return 0;
	if (ir->drv->irtcachedis)
		return pn_amdvi_wait(ir->drv, self);
	return pn_amdvi_cmd_sync(ir->drv, self, (const uint64_t[2]){c.q0, c.q1});
}

/* A4, R1. For fields that the IOMMU caches (RemapEn, GuestMode, vector, root pointer). */
static int store_and_flush(struct pn_amdvi_ir *ir, struct pn_agent *self, struct pn_irte128 raw)
{
	int r = store(ir, self, raw);

	return r ? r : flush(ir, self);
}

static struct pn_irte128 remap_form(const struct pn_amdvi_ir *ir)
{
	const struct pn_irte f = {
		.form = PN_IRTE_128_REMAP,
		.remapen = true,
		.dest = ir->host_apicid,
		.vector = ir->host_vector,
	};

	return pn_irte128_encode(&f);
}

/* What does not change while the vCPU runs, sleeps and moves. */
static struct pn_irte128 guest_form(const struct pn_amdvi_ir *ir, enum pn_notify notify,
				    uint32_t apicid)
{
	const struct pn_irte f = {
		.form = PN_IRTE_128_GUEST,
		.remapen = !pn_mistake(PN_MISTAKE_NO_REMAPEN),
		.guestmode = true,
		.dest = apicid,
		.root = ir->page_pa,
		.vector = ir->vector,
		.gatag = notify == PN_NOTIFY_GAPPI ? PN_VEC_WAKEUP : ir->ga_tag,
	};

	return pn_irte128_encode(&f);
}

/* The two that ask for a notification, or none, of a vCPU that does not run. */
static uint64_t gappidis(const struct pn_amdvi_ir *ir, struct pn_amdvi_ir_state st)
{
	return !st.wakeup && ir->drv->gappidis ? PN_IRTE_GAPPIDIS : 0;
}

static uint64_t galogintr(struct pn_amdvi_ir_state st)
{
	return st.wakeup && !pn_mistake(PN_MISTAKE_LOG_NOT_ASKED) ? PN_IRTE_GALOGINTR : 0;
}

/*
 * An entry in guest form with another state. Linux's reading of 2.2.5.3 and 2.2.5.4: the log needs
 * no destination for a vCPU that does not run, so the previous one stays; a GAPPI always needs one,
 * also while it is suppressed. Only these bits are touched: a vCPU that sleeps has it done to each
 * of its entries, twice.
 */
static struct pn_irte128 with_state(const struct pn_amdvi_ir *ir, enum pn_notify notify,
				    struct pn_amdvi_ir_state st, uint64_t lo, uint64_t hi)
{
	const uint64_t state = PN_IRTE_ISRUN | PN_IRTE_GALOGINTR | PN_IRTE_GAPPIDIS;
	const bool gappi = notify == PN_NOTIFY_GAPPI;

	lo &= ~state;
	if (st.is_run)
		lo |= PN_IRTE_ISRUN;
	else
		lo |= gappi ? gappidis(ir, st) : galogintr(st);
	if (gappi || st.is_run) {
		lo = (lo & ~PN_IRTE_DESTLO_MASK) |
		     ((uint64_t)st.apicid << PN_IRTE_DESTLO_SH & PN_IRTE_DESTLO_MASK);
		hi = (hi << 8 >> 8) | (uint64_t)(st.apicid >> 24) << PN_IRTE_DESTHI_SH;
	}
	return (struct pn_irte128){lo, hi};
}

static enum pn_notify notify_of(const struct pn_amdvi_ir *ir)
{
	/* Pairs with pn_iommus_switch(), before which every entry has left guest mode (H16). */
	return (enum pn_notify)pn_ld32(&ir->drv->all->notify);
}

/* ---- tables ---- */

static uint64_t *dte_word(const struct pn_amdvi_drv *d, uint16_t devid)
{
	return devid < d->devtab_entries ? &d->devtab[devid * (PN_DTE_SIZE / 8) + 2] : NULL;
}

static bool order_ok(const struct pn_amdvi_drv *d, unsigned order)
{
	return order <= (d->irt2k ? PN_DTE_INTTABLEN_MAX : ORDER_512);
}

int pn_amdvi_irt_create(struct pn_amdvi_drv *d, struct pn_agent *self, uint16_t devid,
			unsigned order)
{
	struct pn_dte dte = {.iv = true, .inttablen = (uint8_t)order, .intctl = PN_INTCTL_REMAP};
	struct pn_amd_cmd c = pn_amd_cmd_inv_devtab(devid);
	uint64_t *word = dte_word(d, devid);

	if (!word || !order_ok(d, order))
		return -EINVAL;
	if (pn_ld64(word) & PN_DTE_IV) /* relaxed: only this driver writes the table */
		return -EEXIST;
	if (!pn_pages_alloc(d->all->pages, (uint64_t)IRTE_BYTES << order, IRT_ALIGN, &dte.root))
		return -ENOMEM;
	/* Pairs with the IOMMU, which fetches the entry; the table behind it is zero: no RemapEn.
	 */
	pn_st64_rel(word, pn_dte_encode(&dte));
	if (pn_mistake(PN_MISTAKE_DTE_NO_FLUSH))
		return 0;
	return pn_amdvi_cmd_sync(d, self, (const uint64_t[2]){c.q0, c.q1});
}

static struct pn_irte128 *find(struct pn_amdvi_drv *d, uint16_t devid, uint16_t index)
{
	const uint64_t *word = dte_word(d, devid);
	struct pn_dte dte;

	/* Only this driver writes the table. */
	if (!word || pn_dte_decode(pn_ld64(word), true, &dte) || !dte.iv || index >> dte.inttablen)
		return NULL;
	return pn_bus_ptr(d->all->bus, dte.root + (uint64_t)index * IRTE_BYTES, IRTE_BYTES);
}

int pn_amdvi_ir_init(struct pn_amdvi_ir *ir, struct pn_amdvi_drv *d, struct pn_agent *self,
		     uint16_t devid, uint16_t index, uint32_t host_apicid, uint8_t host_vector)
{
	struct pn_irte128 raw;

	memset(ir, 0, sizeof(*ir));
	ir->irte = find(d, devid, index);
	if (!ir->irte || host_vector < VECTOR_FIRST || !pn_drv_apicid_ok(d, host_apicid))
		return -EINVAL;
	ir->drv = d;
	ir->devid = devid;
	ir->index = index;
	ir->host_apicid = host_apicid;
	ir->host_vector = host_vector;
	pn_list_init(&ir->host.node);
	raw = remap_form(ir);
	return store_and_flush(ir, self, raw);
}

/* ---- one entry ---- */

int pn_amdvi_ir_affinity(struct pn_amdvi_ir *ir, struct pn_agent *self, uint32_t host_apicid,
			 uint8_t host_vector)
{
	int r = 0;

	if (host_vector < VECTOR_FIRST || !pn_drv_apicid_ok(ir->drv, host_apicid))
		return -EINVAL;
	pn_lock_take(&ir->lock);
	if (!ir->guest_mode || !pn_mistake(PN_MISTAKE_AFFINITY_FORGOTTEN)) {
		ir->host_apicid = host_apicid;
		ir->host_vector = host_vector;
	}
	if (!ir->guest_mode) {
		struct pn_irte128 raw = remap_form(ir);

		r = pn_mistake(PN_MISTAKE_AFFINITY_NO_FLUSH) ? store(ir, self, raw)
							     : store_and_flush(ir, self, raw);
	}
	pn_lock_drop(&ir->lock);
	return r;
}

int pn_amdvi_ir_activate(struct pn_amdvi_ir *ir, struct pn_agent *self, uint64_t page_pa,
			 uint8_t vector, uint32_t ga_tag, struct pn_amdvi_ir_state st)
{
	enum pn_notify notify = notify_of(ir);
	struct pn_irte128 raw;
	int r;

	if (notify == PN_NOTIFY_NONE || (page_pa & ~PN_IRTE_ROOT_MASK) || vector < VECTOR_FIRST ||
	    !pn_drv_apicid_ok(ir->drv, st.apicid))
		return -EINVAL;
	pn_lock_take(&ir->lock);
	ir->page_pa = page_pa;
	ir->vector = vector;
	ir->ga_tag = ga_tag;
	ir->guest_mode = true;
	raw = guest_form(ir, notify, st.apicid);
	r = store(ir, self, with_state(ir, notify, st, raw.lo, raw.hi));
	if (!r && !pn_mistake(PN_MISTAKE_NO_IRT_FLUSH))
		r = flush(ir, self);
	pn_lock_drop(&ir->lock);
	return r;
}

void pn_amdvi_ir_update(struct pn_amdvi_ir *ir, struct pn_agent *self, struct pn_amdvi_ir_state st)
{
	pn_lock_take(&ir->lock);
	if (ir->guest_mode) {
		/* B5, U3, L2. IsRun, Destination, GALogIntr, GAPPIDis are never cached: no flush.
		 */
		struct pn_u128 cur = pn_ld128_sc(word_of(ir)); /* only we write it */
		/* While it runs there is nothing to ask for. */
		enum pn_notify notify = st.is_run ? PN_NOTIFY_NONE : notify_of(ir);

		(void)replace(ir, self, cur, with_state(ir, notify, st, cur.lo, cur.hi));
	}
	pn_lock_drop(&ir->lock);
}

int pn_amdvi_ir_deactivate(struct pn_amdvi_ir *ir, struct pn_agent *self)
{
	int r = 0;

	pn_lock_take(&ir->lock);
	if (ir->guest_mode) {
		struct pn_irte128 raw;

		ir->guest_mode = false;
		raw = remap_form(ir);
		r = pn_mistake(PN_MISTAKE_DETACH_NO_FLUSH) ? store(ir, self, raw)
							   : store_and_flush(ir, self, raw);
	}
	pn_lock_drop(&ir->lock);
	return r;
}
