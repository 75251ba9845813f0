/* SPDX-License-Identifier: MIT */
/* The guest APIC log: enable, interrupt, drain, restart. 48882 rev 3.11, 2.7. G1, G2, ... are the
 * steps of docs/protocol-amd.md. */
#include <errno.h>

#include "amdvi_drv.h"
#include "drv_priv.h"
#include "postern/amd_log.h"

#define SHADOW_BYTES 64u /* a cache line of its own; the IOMMU writes 8 bytes */

static uint32_t log_bytes(const struct pn_amdvi_drv *d)
{
	return d->galog_entries * PN_GALOG_SIZE;
}

static uint32_t tail_pointer(const struct pn_amdvi_drv *d)
{
	return (uint32_t)(pn_drv_rd(d, PN_AMDVI_GA_TAIL) & PN_GA_PTR_MASK) & (log_bytes(d) - 1);
}

static int alloc_log(struct pn_amdvi_drv *d)
{
	struct pn_pages *pages = d->all->pages;

	if (!d->galog_shadow)
		d->galog_shadow =
			pn_pages_alloc(pages, SHADOW_BYTES, SHADOW_BYTES, &d->galog_shadow_pa);
	if (!d->galog)
		d->galog = pn_pages_alloc(pages, log_bytes(d), 4096, &d->galog_pa);
	return d->galog && d->galog_shadow ? 0 : -ENOMEM;
}

/* GALogLen: 2^(n + 1) entries. */
static uint64_t length_code(const struct pn_amdvi_drv *d)
{
	return (uint64_t)(30 - __builtin_clz(d->galog_entries)) << PN_AMDVI_LEN_SH;
}

int pn_drv_galog_start(struct pn_amdvi_drv *d)
{
	int r = alloc_log(d);

	if (r)
		return r;
	pn_drv_wr(d, PN_AMDVI_GALOG, d->galog_pa | length_code(d));
	pn_drv_wr(d, PN_AMDVI_GALOG_TAIL_ADDR, d->galog_shadow_pa);
	pn_drv_wr(d, PN_AMDVI_GA_HEAD, 0);
	pn_drv_wr(d, PN_AMDVI_GA_TAIL, 0);
	pn_drv_ga_route(d);
	pn_drv_wr(d, PN_AMDVI_STATUS, PN_ST_GALOVERFLOW | PN_ST_GAINT);
	d->drain.active = d->drain.overflow = false;
	d->drain.head = d->drain.tail = 0;
	pn_drv_control(d, 0, PN_CTRL_GAINTEN);
	pn_drv_control(d, 0, PN_CTRL_GALOGEN);
	return pn_drv_poll(d, PN_ST_GALOGRUN, PN_ST_GALOGRUN);
}

int pn_drv_galog_stop(struct pn_amdvi_drv *d)
{
	d->drain.active = d->drain.overflow = false;
	pn_drv_control(d, PN_CTRL_GALOGEN | PN_CTRL_GAINTEN, 0);
	return pn_drv_poll(d, PN_ST_GALOGRUN, 0);
}

void pn_galog_irq(struct pn_amdvi_drv *d, struct pn_agent *self, void *task)
{
	const struct pn_os *os = d->all->os;
	bool slept;

	pn_step(self, PN_STEP_GALOG_IRQ, (uint64_t)(d - d->all->drv), 0);
	/* G1. Pairs with the thread, which reads this after it set its state to sleeping. */
	pn_xchg32(&d->ga_irq_pending, 1);
	slept = os->wake(os->ctx, self, task, PN_WAKE_NOTIFY);
	pn_step(self, slept ? PN_STEP_WAKE : PN_STEP_WAKE_SPURIOUS, (uint64_t)(d - d->all->drv),
		PN_WAKE_NOTIFY);
}

/*
 * The value that is written back to Status. GAInt alone: GALOverflow stays until restart() has
 * waited for the log to stop (2.7.4), so an overflow that arises after this read of Status is seen
 * by the next. It raises no interrupt, but it needs a full log, and after its entries Status is
 * read again.
 */
static uint64_t acknowledge(uint64_t seen)
{
	if (pn_mistake(PN_MISTAKE_CLEARS_UNSEEN))
		return PN_ST_GAINT | PN_ST_GALOVERFLOW;
	return pn_mistake(PN_MISTAKE_RESTART_EARLY) ? seen : seen & PN_ST_GAINT;
}

/*
 * G2, G3. Acknowledges, then reads the tail. In this order: an entry that is written after the tail
 * was read finds GAInt clear, sets it and interrupts again; an earlier entry is below the tail.
 */
static bool begin(struct pn_amdvi_drv *d, struct pn_agent *self)
{
	const uint64_t both = PN_ST_GAINT | PN_ST_GALOVERFLOW;
	uint64_t seen;

	/* Pairs with pn_galog_irq(): an interrupt after this is seen by the last line. */
	pn_xchg32(&d->ga_irq_pending, 0);
	seen = pn_drv_rd(d, PN_AMDVI_STATUS) & both;
	pn_step(self, PN_STEP_GALOG_STATUS, (uint64_t)(d - d->all->drv), seen);
	if (!seen)
		return pn_ld32_acq(&d->ga_irq_pending);
	pn_drv_wr(d, PN_AMDVI_STATUS, acknowledge(seen));
	d->drain.overflow |= seen & PN_ST_GALOVERFLOW;
	d->drain.tail = tail_pointer(d);
	d->drain.active = true;
	return true;
}

static uint64_t take(struct pn_amdvi_drv *d, struct pn_agent *self)
{
	/* G4. Pairs with the IOMMU, which wrote the entry before it moved the tail. */
	uint64_t e = pn_ld64_acq(&d->galog[d->drain.head / PN_GALOG_SIZE]);

	d->drain.head = (d->drain.head + PN_GALOG_SIZE) & (log_bytes(d) - 1);
	if (!pn_mistake(PN_MISTAKE_HEAD_STAYS))
		pn_drv_wr(d, PN_AMDVI_GA_HEAD, d->drain.head);
	pn_step(self, PN_STEP_GALOG_READ, (uint32_t)e, e >> PN_GALOG_DEVID_SH & 0xFFFF);
	return e;
}

/*
 * G5; 2.7.4: wait until the log has stopped; off, overflow cleared, on. A log that does not stop is
 * restarted nevertheless. The pointers stay: entries between our tail and the IOMMU's are read in
 * the next turn. For these entries GAInt is not changed either.
 */
static void restart(struct pn_amdvi_drv *d, struct pn_agent *self)
{
	d->drain.overflow = false;
	if (pn_mistake(PN_MISTAKE_CLEARS_UNSEEN) || pn_mistake(PN_MISTAKE_RESTART_EARLY)) {
		if (pn_drv_rd(d, PN_AMDVI_STATUS) & PN_ST_GALOGRUN)
			return;
	} else {
		(void)pn_drv_poll(d, PN_ST_GALOGRUN, 0);
	}
	pn_drv_control(d, PN_CTRL_GALOGEN | PN_CTRL_GAINTEN, 0);
	pn_drv_wr(d, PN_AMDVI_STATUS, PN_ST_GALOVERFLOW);
	pn_drv_control(d, 0, PN_CTRL_GAINTEN);
	pn_drv_control(d, 0, PN_CTRL_GALOGEN);
	(void)pn_drv_poll(d, PN_ST_GALOGRUN, PN_ST_GALOGRUN);
	d->galog_restarts++;
	pn_step(self, PN_STEP_GALOG_RESTART, (uint64_t)(d - d->all->drv), d->drain.head);
}

enum piece { PIECE_NONE, PIECE_ENTRY, PIECE_OVERFLOW };

/* The part of a step between IOMMU and driver; the hypervisor is notified afterwards. */
static bool piece(struct pn_amdvi_drv *d, struct pn_agent *self, enum piece *what, uint64_t *entry)
{
	*what = PIECE_NONE;
	if (!(d->control & PN_CTRL_GALOGEN))
		return false;
	if (!d->drain.active)
		return begin(d, self);
	if (d->drain.head != d->drain.tail) {
		*entry = take(d, self);
		*what = PIECE_ENTRY;
		return true;
	}
	if (d->drain.overflow) {
		restart(d, self);
		*what = PIECE_OVERFLOW;
	}
	d->drain.active = false; /* and read Status again */
	return !pn_mistake(PN_MISTAKE_STATUS_ONCE);
}

bool pn_galog_step(struct pn_amdvi_drv *d, struct pn_agent *self)
{
	struct pn_iommus *all = d->all;
	enum piece what;
	uint64_t e = 0;
	bool more;

	pn_lock_take(&d->ga_lock);
	more = piece(d, self, &what, &e);
	pn_lock_drop(&d->ga_lock);
	if (what == PIECE_NONE)
		return more;

	/* The hypervisor cannot unregister while it is being called. */
	pn_lock_take(&all->notifier_lock);
	if (what == PIECE_OVERFLOW && all->notifier.overflow)
		all->notifier.overflow(all->notifier.ctx, self);
	else if (what == PIECE_ENTRY && all->notifier.entry &&
		 e >> PN_GALOG_CODE_SH == PN_GALOG_GUEST_NR)
		all->notifier.entry(all->notifier.ctx, self, (uint32_t)e);
	pn_lock_drop(&all->notifier_lock);
	return more;
}
