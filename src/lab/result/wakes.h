/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_WAKES_H
#define PN_LAB_WAKES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Some wakeups of a run, step by step: from the device's write, while the vCPU slept, to its
 * handler.
 */

#define PN_WAKE_STEPS 160 /* kept of one wakeup; the oldest of busy CPUs are left out */

#define PN_WAKE_NONE UINT32_MAX

enum pn_wake_who { PN_WAKE_BY_DEVICE, PN_WAKE_BY_IOMMU, PN_WAKE_BY_ROUTER, PN_WAKE_BY_CPU };

struct pn_wake_step {
	uint64_t at, ns, order; /* order: of steps at the same time */
	uint32_t id;		/* of the device, IOMMU or CPU that took it */
	uint32_t
		vcpu; /* of an entry into a guest, and of what else is about one; or PN_WAKE_NONE */
	uint16_t step;
	uint8_t who;  /* enum pn_wake_who */
	bool for_it;  /* an IOMMU's, a router's: for this interrupt and no other */
	bool awaited; /* the WAKE of this vCPU */
};

/* The end of each part of the way; a part that did not take place has no length. */
enum pn_wake_part {
	PN_WAKE_UNIT_BUSY, /* the IOMMU begins with it */
	PN_WAKE_UNIT,	   /* the notification is at the host's CPU */
	PN_WAKE_CPU_BUSY,  /* that CPU takes the interrupt */
	PN_WAKE_HOST,	   /* the vCPU is runnable */
	PN_WAKE_RUNNABLE,  /* its CPU begins to switch to it */
	PN_WAKE_ENTRY,	   /* it is in the guest */
	PN_WAKE_GUEST,	   /* its handler starts */
	PN_WAKE_PARTS
};

/* "waits for the IOMMU", ... */
const char *pn_wake_part_name(enum pn_wake_part p);

struct pn_wake {
	uint64_t sent, end[PN_WAKE_PARTS];
	uint32_t vcpu, vector, iommu;
	uint32_t waker, cpu; /* CPUs: that woke the vCPU, that ran it */
	uint32_t other;	     /* vCPU in whose guest @cpu was when it was sent; or PN_WAKE_NONE */
	unsigned n;	     /* by time */
	struct pn_wake_step step[PN_WAKE_STEPS];
};

/* Which wakeups are kept: the ones nearest to these. */
enum pn_wake_choice { PN_WAKE_P50, PN_WAKE_P99, PN_WAKE_MAX, PN_WAKE_CHOICES };

/* "median", "99th percentile", "slowest" */
const char *pn_wake_choice_name(enum pn_wake_choice c);

struct pn_wakes {
	unsigned n;	   /* 0, or all of them */
	uint64_t too_long; /* that took longer than steps are remembered: not to be chosen */
	struct pn_wake wake[PN_WAKE_CHOICES];
};

static inline uint64_t pn_wake_ns(const struct pn_wake *w)
{
	return w->end[PN_WAKE_GUEST] - w->sent;
}

#endif
