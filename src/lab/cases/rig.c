/* SPDX-License-Identifier: MIT */
/*
 * The part of the explorer's small machine that both vendors share: tasks, wakeups, posting agents,
 * and the loop of a vCPU that blocks, sleeps and enters its guest.
 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

struct rig *rig;

const int rig_first_only[] = {0, -1};
const int rig_second_only[] = {1, -1};
const int rig_two_posts[] = {0, 1, -1};
const int rig_three_posts[] = {0, 1, 2, -1};
const int rig_twice[] = {0, 0, -1};
const int rig_last_two[] = {1, 2, -1};
const int rig_other_way[] = {1, 0, -1};

/* ---- the operating system ---- */

static bool os_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	struct rig_task *t = task;

	(void)ctx;
	(void)self;
	(void)why;
	return pn_xchg32(&t->sleeping, 0); /* pairs with the task, which sets it and then checks */
}

static void os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	(void)ctx;
	(void)self;
	px_send((int)cpu, vector);
}

void rig_intr(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	if (intr->dest < RIG_CPUS && intr->vector >= 16)
		px_send((int)intr->dest, intr->vector);
}

/* ---- building ---- */

void rig_init(const struct rig_vendor *vendor, unsigned vcpus, size_t ram)
{
	uint8_t *memory = px_alloc(ram, 4096);

	rig = px_alloc(sizeof(*rig), 64);
	rig->vendor = vendor;
	rig->vcpus = vcpus ? vcpus : 1;
	rig->bus = (struct pn_bus){
		.ram = memory, .ram_base = RIG_RAM_BASE, .ram_size = ram, .intr = rig_intr};
	rig->os = (struct pn_os){.ctx = rig, .wake = os_wake, .ipi = os_ipi};
	pn_pages_init(&rig->pages, &rig->bus, RIG_RAM_BASE, ram);
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		pn_host_agent_init(&rig->cpu_agent[i], i, &rig->cpu_steps[i], NULL);
		rig->cpu[i].agent = &rig->cpu_agent[i];
		rig->cpu[i].apicid = i;
	}
	for (unsigned i = 0; i < RIG_VCPUS; i++)
		rig->vcpu[i] = (struct rig_vcpu){.cpu = (int)i, .moves_to = -1};
}

void rig_name_vcpu(unsigned n)
{
	static const char *const irr[RIG_VCPUS][8] = {
		{"IRR[00-1f] of vCPU 0", "IRR[20-3f] of vCPU 0", "IRR[40-5f] of vCPU 0",
		 "IRR[60-7f] of vCPU 0", "IRR[80-9f] of vCPU 0", "IRR[a0-bf] of vCPU 0",
		 "IRR[c0-df] of vCPU 0", "IRR[e0-ff] of vCPU 0"},
		{"IRR[00-1f] of vCPU 1", "IRR[20-3f] of vCPU 1", "IRR[40-5f] of vCPU 1",
		 "IRR[60-7f] of vCPU 1", "IRR[80-9f] of vCPU 1", "IRR[a0-bf] of vCPU 1",
		 "IRR[c0-df] of vCPU 1", "IRR[e0-ff] of vCPU 1"},
	};
	struct rig_vcpu *v = &rig->vcpu[n];

	for (unsigned i = 0; i < 8; i++)
		px_name(&v->h->page[(PN_APIC_IRR + i * 16) / 4], 4, irr[n][i]);
	px_name(&v->task, 4, n ? "task of vCPU 1 asleep" : "task of vCPU 0 asleep");
	px_name(&v->h->woken, 4, n ? "woken of vCPU 1" : "woken of vCPU 0");
	px_name(&v->h->requests, 4, n ? "requests of vCPU 1" : "requests of vCPU 0");
}

void rig_name_cpus(void)
{
	static const char *const lock[] = {"wake_lock of CPU 0", "wake_lock of CPU 1",
					   "wake_lock of CPU 2"};

	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_name(&rig->cpu[i].wake_lock, 4, lock[i]);
}

/* ---- devices ---- */

void rig_post(unsigned index)
{
	static const char *const text[] = {"MSI of interrupt 0", "MSI of interrupt 1",
					   "MSI of interrupt 2"};

	px_doing(text[index]);
	rig->vendor->post(index);
	px_doing(NULL);
}

static void posts(void *arg)
{
	for (const int *i = arg; *i >= 0; i++)
		rig_post((unsigned)*i);
}

void rig_run_posts(unsigned iommu, const int *list)
{
	static const char *const name[] = {"IOMMU 0", "IOMMU 1"};

	px_thread(name[iommu], -1, posts, (void *)(uintptr_t)list);
}

void rig_set_flag(void)
{
	pn_xchg32(&rig->flag, 1); /* pairs with late_posts() */
}

static void late_posts(void *arg)
{
	while (!pn_ld32(&rig->flag)) /* pairs with rig_set_flag() */
		pn_relax();
	posts(arg);
}

void rig_run_late_posts(const int *list)
{
	px_thread("IOMMU 0", -1, late_posts, (void *)(uintptr_t)list);
}

void rig_attach(unsigned index, struct pn_host_entry *e, struct rig_vcpu *v, uint8_t vector)
{
	struct rig_ir *ir = &rig->ir[index];

	ir->entry = e;
	ir->target = v;
	ir->vector = vector;
	if (v)
		rig_ops()->pi_update(rig->hyp, e, v->h, vector, &rig->cpu[0]);
}

void rig_sends(unsigned index)
{
	struct rig_ir *ir = &rig->ir[index];

	ir->sent = true;
	if (ir->target)
		ir->target->sent[ir->vector] = true;
}

void rig_device_irq(uint8_t vector, struct pn_host_cpu *c)
{
	unsigned index = vector - PN_VEC_DEVICE_FIRST;
	struct rig_ir *ir = &rig->ir[index];

	if (index < RIG_IRS && ir->route.entry)
		pn_host_route_irq(rig->vm, &ir->route, c);
	else if (index < RIG_IRS && ir->target)
		rig_ops()->inject(ir->target->h, c, ir->vector, PN_WAKE_NOTIFY);
}

/* ---- routes ---- */

#define TO_VCPU_0 PN_MSI_ADDR_BASE
#define TO_BOTH	  (PN_MSI_ADDR_BASE | 3u << 12 | 1u << 2) /* logical: cluster 0, IDs 0 and 1 */

struct rig_reroute {
	uint8_t vector;
	enum rig_routes what;
};

/* The guest programs interrupt @index to the message (@addr, @data); CPU 2 does it. */
static void route(unsigned index, uint64_t addr, uint32_t data)
{
	struct rig_ir *ir = &rig->ir[index];

	pn_host_route_set(rig->vm, &ir->route, ir->entry, addr, data, &rig->cpu[2]);
}

static void router(void *arg)
{
	const struct rig_reroute *r = arg;

	if (r->what != RIG_TO_ONE) {
		px_doing("the guest routes interrupt 0 to both vCPUs");
		route(0, TO_BOTH, r->vector);
	}
	if (r->what == RIG_BOTH_FOR_GOOD) {
		rig->vcpu[1].sent[r->vector] = true;
		rig_set_flag();
		return;
	}
	if (r->what == RIG_TO_BOTH)
		return;
	px_doing("the guest routes interrupt 0 to vCPU 0 alone");
	route(0, TO_VCPU_0, r->vector);
}

static void falls_asleep(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	rig_load(v, c);
	rig_ops()->unblocking(v->h, c); /* its earlier requests are done */
	rig_ops()->blocking(v->h, c);
	v->task.sleeping = 1;
	rig_ops()->must_run(v->h, c);
	rig_put(v, c, true);
}

void rig_run_routes(uint8_t vector, enum rig_routes what)
{
	struct rig_reroute *r = px_alloc(sizeof(*r), 8);
	struct rig_vcpu *other = &rig->vcpu[1];

	*r = (struct rig_reroute){vector, what};
	route(0, what == RIG_TO_ONE ? TO_BOTH : TO_VCPU_0, vector);
	falls_asleep(other, &rig->cpu[1]);
	/* It may get what comes meanwhile, and need not. */
	other->sent[vector] = other->taken[vector] = what != RIG_BOTH_FOR_GOOD;
	px_thread("route", 2, router, r);
	if (what == RIG_BOTH_FOR_GOOD)
		rig_run_late_posts(rig_first_only);
	else
		rig_run_posts(0, rig_first_only);
}

/* ---- vCPUs ---- */

void rig_took(struct rig_vcpu *v, int vector)
{
	if (!v->sent[vector])
		px_fail("P4", "the guest takes vector 0x%02x that nobody sent", (unsigned)vector);
	v->taken[vector] = true;
}

void rig_load(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	if (!pn_mistake(PN_MISTAKE_PREEMPTED_STALE))
		v->preempted = false;
	rig_ops()->load(v->h, c);
}

void rig_put(struct rig_vcpu *v, struct pn_host_cpu *c, bool asleep)
{
	if (rig->vendor->put)
		rig->vendor->put(v, c, asleep);
	else
		rig_ops()->put(v->h, c, !asleep);
}

struct pn_host_cpu *rig_resched(struct rig_vcpu *v, struct pn_host_cpu *c, bool asleep)
{
	px_doing(asleep ? "is switched out asleep" : "is preempted");
	rig_put(v, c, asleep);
	if (asleep)
		px_sleep(&v->task.sleeping, "the vCPU's task");
	if (v->moves_to >= 0) {
		c = &rig->cpu[v->moves_to];
		px_migrate(v->moves_to);
		v->moves_to = -1;
	}
	px_doing("is switched in");
	rig_load(v, c);
	return c;
}

static struct pn_host_cpu *block_loop(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	for (;;) {
		/* The task's state first, then the check; a waker uses the opposite order. */
		if (pn_mistake(PN_MISTAKE_NO_FENCE))
			pn_st32(&v->task.sleeping, 1);
		else
			pn_xchg32(&v->task.sleeping, 1);
		px_doing("may it sleep?");
		if (rig_ops()->must_run(v->h, c))
			break;
		if (v->preempt) {
			v->preempt--;
			c = rig_resched(v, c, false);
			continue;
		}
		c = rig_resched(v, c, true);
	}
	pn_xchg32(&v->task.sleeping, 0); /* no agent has to wake it any more */
	px_doing("unblocks");
	rig_ops()->unblocking(v->h, c);
	return c;
}

void rig_vcpu_loop(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[v->cpu];

	if (v->asleep) {
		px_sleep(&v->task.sleeping, "the vCPU's task");
		rig_load(v, c);
	}
	for (;;) {
		if (!v->asleep) {
			for (; v->yields; v->yields--)
				c = rig_resched(v, c, false);
			px_doing("blocks");
			rig_ops()->blocking(v->h, c);
		}
		v->asleep = false;
		c = block_loop(v, c);
		rig->vendor->guest(v, c);
	}
}

void rig_run_vcpu(unsigned v, int cpu, int moves_to)
{
	static const char *const name[] = {"vCPU 0", "vCPU 1"};
	struct rig_vcpu *rv = &rig->vcpu[v];

	rv->cpu = cpu;
	rv->moves_to = moves_to;
	if (!rv->asleep)
		rig_load(rv, &rig->cpu[cpu]);
	px_thread(name[v], cpu, rig_vcpu_loop, rv);
}

void rig_run_handlers(unsigned cpus)
{
	static const char *const name[] = {"CPU 0 irq", "CPU 1 irq", "CPU 2 irq"};

	for (unsigned i = 0; i < cpus; i++)
		px_handler(name[i], (int)i, rig->vendor->handler, &rig->cpu[i]);
}

/* ---- properties ---- */

/* The highest vector that waits for @v and could be delivered, or -1. */
static int deliverable(const struct rig_vcpu *v)
{
	int ppr = pn_vapic_ppr(v->h->page);

	for (int i = 255; i >> 4 > ppr >> 4; i--)
		if (rig_ops()->irr(v->h, (unsigned)i / 32) >> (i % 32) & 1)
			return i;
	return -1;
}

static const char *check_vcpu(struct rig_vcpu *v, unsigned n, char *text, unsigned size)
{
	const char *what;
	int vector = deliverable(v);

	if (v->task.sleeping && vector >= 0) {
		snprintf(text, size,
			 "vCPU %u sleeps, vector 0x%02x is in %s and could be delivered, and "
			 "nobody is left to wake it",
			 n, (unsigned)vector, rig->vendor->pending);
		return "P1";
	}
	for (unsigned i = 0; i < 256; i++) {
		if (!v->sent[i] || v->taken[i] || rig_ops()->irr(v->h, i / 32) >> (i % 32) & 1)
			continue;
		snprintf(text, size, "vector 0x%02x was sent to vCPU %u and is nowhere", i, n);
		return "P4";
	}
	what = rig_ops()->check(v->h, &rig->cpu[0]);
	if (what) {
		snprintf(text, size, "vCPU %u: %s", n, what);
		return "P2";
	}
	return NULL;
}

const char *rig_check(void *arg, char *text, unsigned size)
{
	const char *property = NULL;

	(void)arg;
	if (rig->no_rest_check)
		return NULL;
	for (unsigned i = 0; i < rig->vcpus && !property; i++)
		property = check_vcpu(&rig->vcpu[i], i, text, size);
	return property;
}
