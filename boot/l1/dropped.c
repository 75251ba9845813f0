/* SPDX-License-Identifier: MIT */
/*
 * Two vCPUs that sleep. The first one's interrupts fill the guest APIC log while its handler is
 * kept from running; the entry of the second one's only interrupt is dropped. Who wakes the second
 * one?
 */
#include "bells.h"
#include "irq.h"
#include "run.h"
#include "util.h"

#define FIRST_GSI 32

static const volatile uint32_t *seen_by(const struct run *run, unsigned i)
{
	return &run->vm->shared->vcpu[i].seen[RUN_MSI_VECTOR];
}

static void ring(const struct run *run, const struct bells *bells, unsigned i)
{
	run->r->sent++;
	bells_ring(bells, i);
}

static void turn(const struct run *run, const struct bells *bells, unsigned target)
{
	uint32_t before[] = {*seen_by(run, 0), *seen_by(run, target)};

	run_wait_asleep_in(run, run->vm, 0);
	run_wait_asleep(run);
	above_all(true);
	for (uint32_t i = 0; i < run->c->burst; i++)
		ring(run, bells, 0);
	ring(run, bells, 1);
	above_all(false);
	run_wait_taken(run, seen_by(run, 0), before[0] + 1);
	run_wait_taken(run, seen_by(run, target), before[1] + 1);
}

static void irqfds(const struct run *run, const struct bells *bells, unsigned target, bool on)
{
	vm_irqfd(run->vm, FIRST_GSI, 0, RUN_MSI_VECTOR, bells->eventfd[0], on);
	vm_irqfd(run->vm, FIRST_GSI + 1, target, RUN_MSI_VECTOR, bells->eventfd[1], on);
}

void run_dropped(const struct run *run)
{
	unsigned target = run->vm->vcpus - 1;
	struct bells bells;

	bells_open(&bells, 2);
	irqfds(run, &bells, target, true);
	/* CPU 0 rings the bells */
	irq_affinity("AMD-Vi", 0);
	while (run_goes_on(run))
		turn(run, &bells, target);
	run->r->elsewhere += *seen_by(run, 0);
	irqfds(run, &bells, target, false);
	bells_close(&bells);
}
