/* SPDX-License-Identifier: MIT */
/* The guest APIC log (48882 rev 3.11, 2.7). One slot stays free: head == tail means empty. */
#include "amdvi_priv.h"

static void drop(struct pn_amdvi *vi, uint32_t gatag, uint16_t devid)
{
	vi->stats.galog_dropped++;
	pn_step(vi->agent, PN_STEP_GALOG_DROP, gatag, devid);
}

/*
 * The IRR bit is set, so the interrupt is not lost; only its notification is. No interrupt is
 * generated when GALOverflow changes from 0 to 1, and GAInt is not set: no entry was written.
 */
static void overflow(struct pn_amdvi *vi, uint32_t tail)
{
	vi->ga_stopped = true;
	vi->ga_lingers = vi->async_stop;
	vi->r.status |= PN_ST_GALOVERFLOW;
	vi->stats.galog_overflows++;
	pn_step(vi->agent, PN_STEP_GALOG_OVERFLOW, vi->r.ga_head, tail);
	pn_amdvi_derive(vi);
}

void pn_amdvi_log_stop(struct pn_amdvi *vi)
{
	vi->ga_lingers = false;
	pn_amdvi_derive(vi);
}

static void tail_shadow(struct pn_amdvi *vi)
{
	uint64_t *p;

	if (!vi->r.galog_tail_addr)
		return;
	p = pn_amdvi_ptr(vi, vi->r.galog_tail_addr, sizeof(*p), sizeof(*p));
	/* Pairs with a host that polls the shadow: the entry is visible before the tail. */
	if (!p)
		return;
	pn_st64_rel(p, vi->r.ga_tail);
	pn_bus_wrote(vi->bus, vi->r.galog_tail_addr, sizeof(*p));
}

void pn_amdvi_galog(struct pn_amdvi *vi, uint32_t gatag, uint16_t devid)
{
	const uint32_t mask = vi->ga_bytes - 1;
	const uint32_t tail = (uint32_t)vi->r.ga_tail & mask;
	const uint32_t next = (tail + PN_GALOG_SIZE) & mask;
	const uint64_t pa = (vi->r.galog & PN_AMDVI_BASE_MASK) + tail;
	uint64_t *entry;

	if (!(vi->r.status & PN_ST_GALOGRUN) || vi->ga_stopped) {
		drop(vi, gatag, devid);
		return;
	}
	if (next == (vi->r.ga_head & mask)) {
		drop(vi, gatag, devid);
		overflow(vi, tail);
		return;
	}
	entry = pn_amdvi_ptr(vi, pa, PN_GALOG_SIZE, PN_GALOG_SIZE);
	if (!entry) {
		drop(vi, gatag, devid);
		return;
	}
	/* Pairs with the host's log thread, which reads up to the tail. */
	pn_st64_rel(entry, pn_galog_encode(gatag, devid));
	pn_bus_wrote(vi->bus, pa, PN_GALOG_SIZE);
	vi->r.ga_tail = next;
	vi->stats.galog_entries++;
	pn_step(vi->agent, PN_STEP_GALOG_ENTRY, gatag, devid);
	tail_shadow(vi);
	pn_amdvi_latch(vi, PN_ST_GAINT);
}
