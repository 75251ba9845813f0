/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_AMD_IOAPIC_H
#define PN_LAB_CASES_AMD_IOAPIC_H

#include "case_setup.h"
#include "ioapic.h"
#include "pages.h"
#include "rig_amd.h"

/* The case of what both vendors' hosts share: what its files share. */

extern struct host_lab {
	struct pn_ioapic io;
	struct pn_host_route route;
	struct pn_host_cpu cpu, other;
	struct pn_host_vcpu h;
	struct pn_list node;
	uint32_t page[1024];
} * host_lab;

extern const struct pn_lock *host_want; /* held when a task is woken; NULL: any */
extern unsigned host_wakes, host_kicks; /* of vCPU 0; of any */
extern uint32_t host_kicked;		/* the last CPU */

/* @vector came to the vCPUs @who, and to no other; @level. */
void host_came(uint8_t vector, unsigned who, bool level, const char *what);

/* Parts of the case: the I/O APIC; routes; what the host sets up; injection; locks. */
void host_ioapic(void);
void host_routes(void), host_sets_up(void), host_injects(void);
void host_locks(void);

#endif
