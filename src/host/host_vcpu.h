/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_VCPU_H
#define PN_HOST_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "host_cpu.h"
#include "postern/x86.h"
#include "seam.h"

struct pn_host_vm;

/*
 * A vCPU as the hypervisor sees it on both vendors: a task, a virtual APIC page, and the words by
 * which other agents reach it. The first member of the vendor's own struct.
 */
struct pn_host_vcpu {
	uint32_t idx;	/* also the guest APIC ID, unless the guest changed that */
	void *task;	/* for pn_os.wake */
	uint32_t *page; /* virtual APIC page */
	uint64_t page_pa;
	uint32_t apic_mode; /* atomic: enum pn_apic_mode; changed in its own context */
	uint32_t apicv; /* atomic: interrupt virtualization active; changed in its own context */

	/* Own context, before it enters: the guest cannot take an injected interrupt now
	 * (RFLAGS.IF = 0, or one was injected that it has not taken yet). */
	bool irq_blocked;

	uint32_t cpu;	       /* atomic: CPU it runs on or ran on last */
	uint32_t mode;	       /* atomic */
	uint32_t requests;     /* atomic */
	uint32_t woken;	       /* atomic: woken since the last check (H11) */
	uint64_t ipis_ignored; /* sent by it: NMI, INIT, SIPI, SMI, which are not emulated */
};

enum pn_apic_mode { PN_APIC_DISABLED, PN_APIC_XAPIC, PN_APIC_X2APIC };

/* mode */
#define PN_OUTSIDE_GUEST 0u
#define PN_IN_GUEST	 1u

/* Requests, handled in the vCPU's own context. */
#define PN_REQ_UNBLOCK	    (1u << 0) /* leave the block loop and block again */
#define PN_REQ_APICV_UPDATE (1u << 1)
#define PN_REQ_EVENT	    (1u << 2) /* check for injectable interrupts before entry */
#define PN_REQ_SCAN_IOAPIC  (1u << 3) /* Intel: compute again for which EOIs the I/O APIC waits */
/* Requests that prevent sleep. */
#define PN_REQ_BLOCK_MASK (PN_REQ_UNBLOCK | PN_REQ_APICV_UPDATE)

/* Causes against interrupt virtualization, as KVM has them: bits 1 << n. */
enum pn_inhibit {
	PN_INHIBIT_DISABLED,
	PN_INHIBIT_ABSENT,
	PN_INHIBIT_HYPERV,
	PN_INHIBIT_NESTED,
	PN_INHIBIT_IRQWIN,
	PN_INHIBIT_PIT_REINJ,
	PN_INHIBIT_BLOCKIRQ,
	PN_INHIBIT_SEV,
	PN_INHIBIT_PHYSICAL_ID_ALIASED,
	PN_INHIBIT_APIC_ID_MODIFIED,
	PN_INHIBIT_APIC_BASE_MODIFIED,
	PN_INHIBIT_LOGICAL_ID_ALIASED,
	PN_INHIBIT_PHYSICAL_ID_TOO_BIG,
	PN_INHIBIT_NR
};

/* The state in which firmware hands an APIC over: enabled, logical ID assigned (xAPIC: flat up to 8
 * vCPUs, then clusters up to 60). The page is not shared yet. */
void pn_host_vcpu_init_page(struct pn_host_vcpu *h, uint32_t vcpus, bool x2apic);

static inline bool pn_host_apicv(const struct pn_host_vcpu *h)
{
	/* Pairs with the vCPU's own context, which changes it. */
	return pn_ld32(&h->apicv);
}

static inline bool pn_host_x2apic(const struct pn_host_vcpu *h)
{
	/* Pairs with the vCPU's own context, which changes it. */
	return pn_ld32_acq(&h->apic_mode) == PN_APIC_X2APIC;
}

/* Physical APIC ID: in xAPIC mode the guest may have changed it. */
static inline uint32_t pn_host_apic_id(const struct pn_host_vcpu *h)
{
	return pn_host_x2apic(h) ? h->idx : pn_vapic_read(h->page, PN_APIC_ID) >> 24;
}

/* Wakes the task and records it; true if it slept. @key: for the step, names the vCPU. */
bool pn_host_wake(const struct pn_os *os, struct pn_host_vcpu *h, struct pn_agent *self,
		  uint64_t key, enum pn_wake_reason why);
/* The same unless the vCPU was already woken since its last check (H11). */
bool pn_host_wake_once(const struct pn_os *os, struct pn_host_vcpu *h, struct pn_agent *self,
		       uint64_t key);
/* Makes CPU @cpu leave the guest. */
void pn_host_kick(const struct pn_os *os, struct pn_agent *self, uint64_t key, uint32_t cpu);

/*
 * With interrupt virtualization off: does the work of the processor. The vector moved from IRR to
 * ISR, or -1. Own context.
 */
int pn_host_inject_one(struct pn_host_vcpu *h, struct pn_agent *self, uint64_t key);
/* Ends the highest vector in service. Returns it if its TMR bit says level, or -1. Own context. */
int pn_host_eoi(struct pn_host_vcpu *h, struct pn_agent *self, uint64_t key);

/* ---- interrupts that the hypervisor delivers: ICR writes here, messages in host_route.h ---- */

/* True if @dest is an ID of @t, physical or logical, in its mode. Broadcast is not checked. */
bool pn_host_dest_matches(const struct pn_host_vcpu *t, uint32_t dest, bool logical);
/*
 * Does the IPI of @from with @icr (x2APIC: destination in 63:32, xAPIC: in 63:56) address @t? The
 * sender's mode decides the format of a destination, and the target's mode its IDs (inferred:
 * architecture does not mix them).
 */
bool pn_host_ipi_matches(const struct pn_host_vcpu *from, const struct pn_host_vcpu *t,
			 uint64_t icr);
/* Delivers it by software to the targets that exist. An illegal vector sets ESR. */
void pn_host_ipi_emulate(const struct pn_host_vm *vm, struct pn_host_vcpu *from,
			 struct pn_host_cpu *c, uint64_t icr);
/* Hardware may leave BUSY set. */
void pn_host_icr_idle(struct pn_host_vcpu *h);

#endif
