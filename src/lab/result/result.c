/* SPDX-License-Identifier: MIT */
/* Names of exit reasons and host vectors, and whether a result violates a property. */
#include <stddef.h>
#include <string.h>

#include "result.h"

static const char *const exit_names[PN_EXIT_NR] = {
	[PN_EXIT_INTR] = "interrupt", [PN_EXIT_HLT] = "hlt",
	[PN_EXIT_APIC_EOI] = "eoi",   [PN_EXIT_APIC_WRITE] = "apic_write",
	[PN_EXIT_IPI] = "ipi",	      [PN_EXIT_NOACCEL] = "unaccelerated",
};

static const char *const vector_names[PN_HV_NR] = {
	[PN_HV_DEVICE] = "device",	   [PN_HV_GA_LOG] = "ga_log", [PN_HV_WAKEUP] = "wakeup",
	[PN_HV_RESCHED] = "resched",	   [PN_HV_TIMER] = "timer",   [PN_HV_NOTIFY] = "notify",
	[PN_HV_POSTED_MSI] = "posted_msi",
};

const char *pn_exit_reason_name(enum pn_exit_reason r)
{
	return (unsigned)r < PN_EXIT_NR ? exit_names[r] : NULL;
}

const char *pn_host_vector_name(enum pn_host_vector v)
{
	return (unsigned)v < PN_HV_NR ? vector_names[v] : NULL;
}

const char *pn_part_name(enum pn_part_kind kind)
{
	return kind == PN_PART_DEVICES ? "devices" : "ipis";
}

void pn_part_init(struct pn_part *p)
{
	memset(p, 0, sizeof(*p));
	pn_hist_init(&p->latency);
	pn_hist_init(&p->wake_latency);
}

const struct pn_hist *pn_result_latency(const struct pn_result *r, enum pn_part_kind kind)
{
	return r->mixed ? &r->part[kind].latency : &r->latency;
}

const struct pn_hist *pn_result_wake(const struct pn_result *r, enum pn_part_kind kind)
{
	return r->mixed ? &r->part[kind].wake_latency : &r->wake_latency;
}

uint64_t pn_result_interrupts(const struct pn_result *r, enum pn_part_kind kind)
{
	return r->mixed ? r->part[kind].interrupts : r->interrupts;
}

bool pn_result_violated(const struct pn_result *r)
{
	return r->lost || r->wakeups_missed || r->check[0];
}
