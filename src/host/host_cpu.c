/* SPDX-License-Identifier: MIT */
/* Physical CPUs, and the list of sleeping vCPUs that a CPU is notified for. */
#include "host_cpu.h"

#include <string.h>

void pn_host_cpu_init(struct pn_host_cpu *c, uint32_t id)
{
	struct pn_agent *agent = c->agent;
	uint32_t apicid = c->apicid;

	memset(c, 0, sizeof(*c));
	c->agent = agent;
	c->apicid = apicid;
	c->id = id;
	c->online = 1;
	pn_list_init(&c->wake_list);
}

/*
 * online is read under wake_lock (H8), relaxed: offline clears it before it takes the lock, so
 * either offline finds @node on the list, or this code sees that the CPU is gone.
 */
struct pn_host_cpu *pn_wakelist_add(struct pn_host_cpu *home, struct pn_host_cpu *self,
				    struct pn_list *node)
{
	bool online;

	pn_lock_take(&home->wake_lock);
	online = pn_ld32(&home->online) || pn_mistake(PN_MISTAKE_LIST_OF_DEAD_CPU);
	if (online)
		pn_list_add_tail(&home->wake_list, node);
	pn_lock_drop(&home->wake_lock);
	if (online)
		return home;
	pn_lock_take(&self->wake_lock);
	pn_list_add_tail(&self->wake_list, node);
	pn_lock_drop(&self->wake_lock);
	return self;
}

void pn_wakelist_del(struct pn_host_cpu *home, struct pn_list *node)
{
	pn_lock_take(&home->wake_lock);
	pn_list_del(node);
	pn_lock_drop(&home->wake_lock);
}
