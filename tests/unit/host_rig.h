/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_HOST_RIG_H
#define PN_TEST_HOST_RIG_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hyp.h"
#include "pages.h"
#include "rig_ram.h"
#include "row.h"
#include "steps.h"
#include "vectors.h"

/* The base of svm_rig.h and vmx_rig.h, the machines on which host code is tested: what they have in
 * common, whichever vendor's silicon they contain. */

#define RIG_BASE	0x100000000ull
#define RIG_SIZE	0x1000000u
#define RIG_DIRTY	0x40000u /* so much of it is not zero */
#define RIG_CPUS	4u
#define RIG_VCPUS	4u
#define RIG_DEV		0x0841u
#define RIG_APICID(cpu) ((cpu)*2 + 0x20)

struct rig_task {
	bool asleep;
	unsigned wakes, spurious;
	enum pn_wake_reason why;
};

static inline bool rig_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	struct rig_task *t = task;
	bool slept = t->asleep;

	(void)ctx;
	(void)self;
	t->asleep = false;
	t->why = why;
	if (slept)
		t->wakes++;
	else
		t->spurious++;
	return slept;
}

/* Memory, and the driver's part of it. The caller has set the bus's functions. */
static inline void rig_memory(struct pn_bus *bus, struct pn_pages *pages)
{
	bus->ram_base = RIG_BASE;
	bus->ram_size = RIG_SIZE;
	bus->ram = rig_ram_open(RIG_SIZE, RIG_DIRTY);
	pn_pages_init(pages, bus, RIG_BASE, RIG_SIZE);
}

/* CPU @i with all its steps observed; @c is online. */
static inline void rig_host_cpu(uint32_t i, struct pn_agent *a, struct pn_step_table *steps,
				struct pn_host_cpu *c, void *world)
{
	pn_host_agent_init(a, i, steps, NULL);
	a->world = world;
	a->observe_ctx = world;
	pn_watch_all(steps, true);
	c->agent = a;
	c->apicid = RIG_APICID(i);
	c->online = 1;
}

#endif
