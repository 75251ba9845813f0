/* SPDX-License-Identifier: MIT */
/* The parts of a wakeup, and which wakeups of a run are kept. */
#include "wakes.h"

const char *pn_wake_part_name(enum pn_wake_part p)
{
	static const char *const names[PN_WAKE_PARTS] = {
		[PN_WAKE_UNIT_BUSY] = "the IOMMU is busy with others",
		[PN_WAKE_UNIT] = "the IOMMU posts or remaps it, and the host is told",
		[PN_WAKE_CPU_BUSY] = "the CPU that is told is busy, or idle and slow to come out",
		[PN_WAKE_HOST] = "the host finds the vCPU and wakes it",
		[PN_WAKE_RUNNABLE] = "the vCPU waits for its CPU",
		[PN_WAKE_ENTRY] = "the host switches to it and enters the guest",
		[PN_WAKE_GUEST] = "the guest does what comes first, and takes the interrupt",
	};

	return names[p];
}

const char *pn_wake_choice_name(enum pn_wake_choice c)
{
	static const char *const names[PN_WAKE_CHOICES] = {
		[PN_WAKE_P50] = "median",
		[PN_WAKE_P99] = "99th percentile",
		[PN_WAKE_MAX] = "slowest",
	};

	return names[c];
}
