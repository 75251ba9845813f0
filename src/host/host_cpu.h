/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_CPU_H
#define PN_HOST_CPU_H

#include <stdint.h>

#include "list.h"
#include "seam.h"
#include "steps.h"

/*
 * One physical CPU, and the wakeup list of the vCPUs that sleep and whose notifications come here:
 * GAPPIs on AMD, the wakeup vector on Intel. The handler takes the list's lock and no other.
 */
struct pn_host_cpu {
	struct pn_agent *agent;
	uint32_t id, apicid;
	uint32_t online;				 /* atomic */
	uint32_t in_handler;				 /* atomic: unregistering waits for it */
	struct pn_lock wake_lock;			 /* wake_list; interrupts off */
	struct pn_list wake_list;			 /* blocked vCPUs */
	uint64_t wake_irqs, wake_scanned, wake_spurious; /* written under wake_lock */
};

/* Clears all but agent and apicid; online, list empty. */
void pn_host_cpu_init(struct pn_host_cpu *c, uint32_t id);

/*
 * Puts @node on @home's list, or if that CPU has gone offline on that of @self, which runs this
 * code and so takes interrupts. Returns the CPU whose list it is. Interrupts are off.
 */
struct pn_host_cpu *pn_wakelist_add(struct pn_host_cpu *home, struct pn_host_cpu *self,
				    struct pn_list *node);
/* Takes @node off @home's list: the lock of the CPU whose list holds it. Interrupts are off. */
void pn_wakelist_del(struct pn_host_cpu *home, struct pn_list *node);

#endif
