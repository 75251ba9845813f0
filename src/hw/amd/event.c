/* SPDX-License-Identifier: MIT */
/* The event log (48882 rev 3.11, 2.5). One slot stays free: head == tail means empty. */
#include "amdvi_priv.h"

static void drop(struct pn_amdvi *vi, uint64_t q0, uint64_t q1)
{
	vi->stats.events_dropped++;
	pn_step(vi->agent, PN_STEP_EVENT_DROP, q0, q1);
}

/* EventOverflow stops the log and interrupts (2.5.1), unlike the overflow of the guest APIC log. */
static void overflow(struct pn_amdvi *vi)
{
	vi->evt_stopped = true;
	vi->r.status |= PN_ST_EVENTOVERFLOW;
	vi->r.status &= ~PN_ST_EVENTLOGRUN;
	pn_amdvi_latch(vi, PN_ST_EVENTLOGINT);
}

void pn_amdvi_event(struct pn_amdvi *vi, uint64_t q0, uint64_t q1)
{
	const uint32_t mask = pn_amdvi_ring_bytes(vi->r.evtlog) - 1;
	const uint32_t tail = (uint32_t)vi->r.evt_tail & mask;
	const uint32_t next = (tail + PN_EVENT_SIZE) & mask;
	const uint64_t pa = (vi->r.evtlog & PN_AMDVI_BASE_MASK) + tail;
	uint64_t *e;

	if (!(vi->r.status & PN_ST_EVENTLOGRUN)) {
		drop(vi, q0, q1);
		return;
	}
	if (next == (vi->r.evt_head & mask)) {
		drop(vi, q0, q1);
		overflow(vi);
		return;
	}
	e = pn_amdvi_ptr(vi, pa, PN_EVENT_SIZE, 8);
	if (!e) {
		drop(vi, q0, q1);
		return;
	}
	/* Pairs with the host's event handler, which waits for a code other than 0: code last. */
	pn_st64(&e[1], q1);
	pn_st64_rel(&e[0], q0);
	pn_bus_wrote(vi->bus, pa, PN_EVENT_SIZE);
	vi->r.evt_tail = next;
	vi->stats.events++;
	pn_step(vi->agent, PN_STEP_EVENT_LOG, q0, q1);
	pn_amdvi_latch(vi, PN_ST_EVENTLOGINT);
}

void pn_amdvi_log_event(struct pn_amdvi *vi, uint64_t q0, uint64_t q1)
{
	if (q0 >> PN_EVENT_CODE_SH)
		pn_amdvi_event(vi, q0, q1);
}
