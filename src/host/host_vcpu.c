/* SPDX-License-Identifier: MIT */
/* Waking, kicking and software injection: W1 and E5 of docs/protocol-amd.md. */
#include "host_vcpu.h"

#include "vectors.h"

#define APIC_VERSION_VAL 0x00050014u /* integrated, 6 LVT entries */
#define SVR_ENABLED	 0x1FFu
#define DFR_FLAT	 0xFFFFFFFFu
#define DFR_CLUSTER	 0x0FFFFFFFu
#define FLAT_VCPUS	 8u
#define CLUSTER_VCPUS	 60u

static uint32_t x_logical(uint32_t idx, bool flat)
{
	if (flat)
		return 1u << idx << 24;
	return idx < CLUSTER_VCPUS ? ((idx / 4) << 4 | 1u << idx % 4) << 24 : 0;
}

void pn_host_vcpu_init_page(struct pn_host_vcpu *h, uint32_t vcpus, bool x2apic)
{
	bool flat = vcpus <= FLAT_VCPUS;
	uint32_t ldr = x2apic ? pn_x2apic_logical(h->idx) : x_logical(h->idx, flat);

	pn_vapic_write(h->page, PN_APIC_ID, x2apic ? h->idx : h->idx << 24);
	pn_vapic_write(h->page, PN_APIC_VERSION, APIC_VERSION_VAL);
	pn_vapic_write(h->page, PN_APIC_LDR, ldr);
	pn_vapic_write(h->page, PN_APIC_DFR, x2apic || flat ? DFR_FLAT : DFR_CLUSTER);
	pn_vapic_write(h->page, PN_APIC_SVR, SVR_ENABLED);
	/* Pairs with senders of IPIs, later. */
	pn_st32(&h->apic_mode, x2apic ? PN_APIC_X2APIC : PN_APIC_XAPIC);
}

static bool wake_task(const struct pn_os *os, struct pn_host_vcpu *h, struct pn_agent *self,
		      uint64_t key, enum pn_wake_reason why)
{
	bool slept = os->wake(os->ctx, self, h->task, why);

	pn_step(self, slept ? PN_STEP_WAKE : PN_STEP_WAKE_SPURIOUS, key, why);
	return slept;
}

bool pn_host_wake(const struct pn_os *os, struct pn_host_vcpu *h, struct pn_agent *self,
		  uint64_t key, enum pn_wake_reason why)
{
	/* W1. Pairs with the check before sleep: cleared, fence, check. */
	pn_xchg32(&h->woken, 1);
	return wake_task(os, h, self, key, why);
}

bool pn_host_wake_once(const struct pn_os *os, struct pn_host_vcpu *h, struct pn_agent *self,
		       uint64_t key)
{
	/*
	 * W1. Pairs with the check before sleep. If it is set already, the agent that set it wakes
	 * the task, and the task has not checked since; so it will check, after the bit that is
	 * announced here was set.
	 */
	if (pn_xchg32(&h->woken, 1))
		return false;
	return wake_task(os, h, self, key, PN_WAKE_NOTIFY);
}

void pn_host_kick(const struct pn_os *os, struct pn_agent *self, uint64_t key, uint32_t cpu)
{
	pn_step(self, PN_STEP_KICK_IPI, key, cpu);
	os->ipi(os->ctx, self, cpu, PN_VEC_RESCHED);
}

static void update_ppr(struct pn_host_vcpu *h)
{
	pn_vapic_write(h->page, PN_APIC_PPR, pn_vapic_ppr(h->page));
}

int pn_host_inject_one(struct pn_host_vcpu *h, struct pn_agent *self, uint64_t key)
{
	int vector = h->irq_blocked ? -1 : pn_vapic_deliverable(h->page);

	if (vector < 0)
		return -1;
	/*
	 * In service first, so the vector is always in at least one of the two. Pairs with posters
	 * that set it again.
	 */
	if (pn_mistake(PN_MISTAKE_INJECT_IRR_FIRST))
		pn_vapic_clear(h->page, PN_APIC_IRR, (uint8_t)vector);
	pn_vapic_set(h->page, PN_APIC_ISR, (uint8_t)vector);
	if (!pn_mistake(PN_MISTAKE_INJECT_IRR_FIRST))
		pn_vapic_clear(h->page, PN_APIC_IRR, (uint8_t)vector);
	update_ppr(h);
	pn_step(self, PN_STEP_ENTRY_INJECT, key, (uint64_t)vector);
	return vector;
}

int pn_host_eoi(struct pn_host_vcpu *h, struct pn_agent *self, uint64_t key)
{
	int vector = pn_vapic_highest(h->page, PN_APIC_ISR);

	pn_step(self, PN_STEP_EOI_EXIT, key, vector < 0 ? 0 : (uint64_t)vector);
	if (vector < 0)
		return -1;
	pn_vapic_clear(h->page, PN_APIC_ISR, (uint8_t)vector);
	update_ppr(h);
	return pn_vapic_test(h->page, PN_APIC_TMR, (uint8_t)vector) ? vector : -1;
}
