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

void rig_tells(const struct pn_agent *self, uint32_t cpu, const char *how)
{
	if (cpu >= RIG_CPUS)
		px_fail("P5", "%s goes to CPU %u, which does not exist", how, cpu);
	else if (self == &rig->cpu_agent[cpu])
		px_fail("P5", "CPU %u sends itself %s", cpu, how);
}

static void os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	(void)ctx;
	if (vector == PN_VEC_RESCHED)
		rig_tells(self, cpu, "a kick");
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
	rig_init_at(vendor, vcpus, RIG_RAM_BASE, ram);
}

void rig_init_at(const struct rig_vendor *vendor, unsigned vcpus, uint64_t base, size_t ram)
{
	uint8_t *memory = px_alloc(ram, 4096);

	rig_no_names();
	rig = px_alloc(sizeof(*rig), 64);
	rig->vendor = vendor;
	rig->vcpus = vcpus ? vcpus : 1;
	rig->bus =
		(struct pn_bus){.ram = memory, .ram_base = base, .ram_size = ram, .intr = rig_intr};
	rig->os = (struct pn_os){.ctx = rig, .wake = os_wake, .ipi = os_ipi};
	pn_pages_init(&rig->pages, &rig->bus, base, ram);
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		pn_host_agent_init(&rig->cpu_agent[i], i, &rig->cpu_steps[i], NULL);
		px_ghost(&rig->cpu_steps[i], sizeof(rig->cpu_steps[i]));
		px_ghost(&rig->cpu_agent[i], sizeof(rig->cpu_agent[i]));
		px_ghost(&rig->cpu[i].wake_irqs, 3 * sizeof(rig->cpu[i].wake_irqs));
		rig->cpu[i].agent = &rig->cpu_agent[i];
		rig->cpu[i].apicid = i;
	}
	for (unsigned i = 0; i < RIG_VCPUS; i++)
		rig->vcpu[i] = (struct rig_vcpu){.cpu = (int)i, .moves_to = -1};
	for (unsigned i = 0; i < RIG_IRS; i++)
		rig->msi_name[i] = rig_text("MSI of interrupt %u", i);
}

/* ---- what is owed ---- */

static uint8_t *begins(uint8_t *due)
{
	*due = (uint8_t)((*due | RIG_OWED) + 1);
	return due;
}

uint8_t *rig_sends_to(struct rig_vcpu *v, uint8_t vector)
{
	return begins(&v->due[vector]);
}

void rig_has_sent(uint8_t *due)
{
	--*due;
}

void rig_posted(struct rig_vcpu *v, uint8_t vector)
{
	v->due[vector] = (uint8_t)((v->due[vector] | RIG_OWED) & ~RIG_MAYBE);
}

void rig_device_posted(struct rig_vcpu *v, uint8_t vector, uint8_t **due)
{
	rig_posted(v, vector);
	if (*due)
		rig_has_sent(*due);
	*due = NULL;
}

/* No access of the machine: it is not visible. */
static bool pends(const struct rig_vcpu *v, unsigned vector)
{
	if (v->h->page[(PN_APIC_IRR + vector / 32 * 16) / 4] >> (vector % 32) & 1)
		return true;
	return rig->vendor->waits && rig->vendor->waits(v, vector);
}

void rig_send_ended(struct rig_vcpu *v, uint8_t vector, uint8_t *due)
{
	if (pends(v, vector))
		rig_posted(v, vector);
	rig_has_sent(due);
}

/* ---- devices ---- */

void rig_post(unsigned index)
{
	px_doing(rig->msi_name[index]);
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

uint8_t *rig_sends(unsigned index)
{
	struct rig_ir *ir = &rig->ir[index];

	return ir->target ? rig_sends_to(ir->target, ir->vector) : begins(&ir->due);
}

void rig_device_irq(uint8_t vector, struct pn_host_cpu *c)
{
	unsigned index = vector - PN_VEC_DEVICE_FIRST;
	struct rig_ir *ir = &rig->ir[index];
	uint8_t *due;

	if (index >= RIG_IRS || !ir->target)
		return;
	/* Its guest may have taken the vector since the device wrote, and takes it again. */
	due = rig_sends_to(ir->target, ir->vector);
	if (ir->route.entry)
		pn_host_route_irq(rig->vm, &ir->route, c);
	else
		rig_ops()->inject(ir->target->h, c, ir->vector, PN_WAKE_NOTIFY);
	rig_send_ended(ir->target, ir->vector, due);
}

void rig_inject(struct rig_vcpu *v, struct pn_host_cpu *c, uint8_t vector)
{
	uint8_t *due = rig_sends_to(v, vector);

	rig_ops()->inject(v->h, c, vector, PN_WAKE_NOTIFY);
	rig_send_ended(v, vector, due);
}

/* ---- vCPUs ---- */

/* One that was sent since its bit was cleared is owed still. */
void rig_took(struct rig_vcpu *v, int vector)
{
	uint8_t *due = &v->due[vector];

	if (!*due)
		px_fail("P4", "the guest takes vector 0x%02x that nobody sent", (unsigned)vector);
	*due &= (uint8_t)~RIG_MAYBE;
	if (*due & RIG_SENDING)
		*due |= RIG_MAYBE;
	if (!pends(v, (unsigned)vector))
		*due &= (uint8_t)~RIG_OWED;
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

void rig_fall_asleep(unsigned n, unsigned cpu)
{
	struct rig_vcpu *v = &rig->vcpu[n];
	struct pn_host_cpu *c = &rig->cpu[cpu];

	rig_load(v, c);
	rig_ops()->unblocking(v->h, c); /* its earlier requests are done */
	rig_ops()->blocking(v->h, c);
	v->task.sleeping = 1;
	if (!rig_ops()->must_run(v->h, c))
		rig_put(v, c, true);
	v->asleep = true;
}

void rig_interrupts(struct rig_vcpu *v, bool exit)
{
	v->kicked |= exit;
	pn_xchg32(&v->halted, 0); /* pairs with rig_in_guest() */
}

void rig_in_guest(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	if (!v->stays) {
		rig->vendor->deliver(v, c);
		return;
	}
	for (;;) {
		pn_xchg32(&v->halted, 1); /* pairs with rig_interrupts() */
		if (v->kicked)
			break;
		rig->vendor->deliver(v, c);
		v->waits = true;
		px_sleep(&v->halted, "the guest, by an interrupt");
		v->waits = false;
		if (v->kicked)
			break;
	}
	v->kicked = false;
	v->left_hlt = false;
}

static void run_guest(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	do {
		v->left_hlt = true;
		rig->vendor->guest(v, c);
	} while (!v->left_hlt);
}

struct pn_host_cpu *rig_block(struct rig_vcpu *v, struct pn_host_cpu *c)
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
		c = rig_block(v, c);
		run_guest(v, c);
	}
}

void rig_run_vcpu(unsigned v, int cpu, int moves_to)
{
	struct rig_vcpu *rv = &rig->vcpu[v];

	rv->cpu = cpu;
	rv->moves_to = moves_to;
	if (!rv->asleep)
		rig_load(rv, &rig->cpu[cpu]);
	px_thread(rig_text("vCPU %u", v), cpu, rig_vcpu_loop, rv);
}

static void guest_loop(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[v->cpu];

	for (; v->yields; v->yields--)
		c = rig_resched(v, c, false);
	for (;;)
		run_guest(v, c);
}

void rig_run_guest(unsigned v, int cpu, int moves_to)
{
	struct rig_vcpu *rv = &rig->vcpu[v];

	rv->cpu = cpu;
	rv->moves_to = moves_to;
	rv->stays = true;
	rig_load(rv, &rig->cpu[cpu]);
	px_thread(rig_text("vCPU %u", v), cpu, guest_loop, rv);
}

void rig_run_handlers(unsigned cpus)
{
	for (unsigned i = 0; i < cpus; i++)
		px_handler(rig_text("CPU %u irq", i), (int)i, rig->vendor->handler, &rig->cpu[i]);
}

/* ---- properties ---- */

void rig_want(bool ok, const char *property, const char *what)
{
	if (!ok)
		px_fail(property, "%s", what);
}

void rig_eq(uint64_t got, uint64_t want, const char *property, const char *what)
{
	if (got != want)
		px_fail(property, "%s: %#llx, not %#llx", what, (unsigned long long)got,
			(unsigned long long)want);
}

/* The highest vector that waits for @v and could be delivered, or -1. */
static int deliverable(const struct rig_vcpu *v)
{
	int ppr = pn_vapic_ppr(v->h->page);

	for (int i = 255; i >> 4 > ppr >> 4; i--)
		if (rig_ops()->irr(v->h, (unsigned)i / 32) >> (i % 32) & 1)
			return i;
	return -1;
}

/* A vector that is owed is pending, and then the vCPU does not wait; nothing else is. */
static const char *check_owed(struct rig_vcpu *v, unsigned n, char *text, unsigned size)
{
	int vector = deliverable(v);

	if (vector >= 0 && (v->task.sleeping || v->waits)) {
		snprintf(text, size,
			 "vCPU %u %s, vector 0x%02x is in %s and could be delivered, and "
			 "nobody is left to %s",
			 n, v->task.sleeping ? "sleeps" : "waits in its guest", (unsigned)vector,
			 rig->vendor->pending, v->task.sleeping ? "wake it" : "tell it");
		return v->task.sleeping ? "P1" : "P4";
	}
	for (unsigned i = 0; i < 256; i++) {
		if (!(v->due[i] & RIG_OWED) || rig_ops()->irr(v->h, i / 32) >> (i % 32) & 1)
			continue;
		snprintf(text, size, "vector 0x%02x was sent to vCPU %u and is nowhere", i, n);
		return "P4";
	}
	return NULL;
}

static const char *check_vcpu(struct rig_vcpu *v, unsigned n, char *text, unsigned size)
{
	const char *what, *property = check_owed(v, n, text, size);

	if (property)
		return property;
	what = rig->vendor->check ? rig->vendor->check(v) : NULL;
	if (what) {
		snprintf(text, size, "vCPU %u %s", n, what);
		return "P6";
	}
	what = rig->no_hyp_check ? NULL : rig_ops()->check(v->h, &rig->cpu[0]);
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
