/* SPDX-License-Identifier: MIT */
/*
 * Many vCPUs that sleep on one CPU, each with an interrupt of its own: each is woken alone, then
 * all of them at once.
 */
#include "bells.h"
#include "run.h"
#include "util.h"

#define FIRST_GSI 32

static volatile struct l2_vcpu *vcpu_of(const struct run *run, unsigned i)
{
	return &run->vm->shared->vcpu[i];
}

static void ring(const struct run *run, const struct bells *bells, unsigned i)
{
	run->r->sent++;
	bells_ring(bells, i);
}

static void all_asleep(const struct run *run)
{
	for (unsigned i = 0; i < run->vm->vcpus; i++)
		run_wait_asleep_in(run, run->vm, i);
}

static void wait_taken(const struct run *run, unsigned i, uint32_t value)
{
	run_wait_taken(run, &vcpu_of(run, i)->seen[RUN_MSI_VECTOR], value);
}

static void turn(const struct run *run, const struct bells *bells, uint32_t before)
{
	all_asleep(run);
	for (unsigned i = 0; i < run->vm->vcpus && run_well(run); i++) {
		ring(run, bells, i);
		wait_taken(run, i, before + 1);
	}
	all_asleep(run);
	for (unsigned i = 0; i < run->vm->vcpus; i++)
		ring(run, bells, i);
	for (unsigned i = 0; i < run->vm->vcpus && run_well(run); i++)
		wait_taken(run, i, before + 2);
}

static void irqfds(const struct run *run, const struct bells *bells, bool on)
{
	for (unsigned i = 0; i < run->vm->vcpus; i++)
		vm_irqfd(run->vm, FIRST_GSI + i, i, RUN_MSI_VECTOR, bells->eventfd[i], on);
}

void run_crowd(const struct run *run)
{
	struct bells bells;

	bells_open(&bells, run->vm->vcpus);
	irqfds(run, &bells, true);
	for (uint32_t n = 0; run_goes_on(run); n += 2)
		turn(run, &bells, n);
	for (unsigned i = 0; i + 1 < run->vm->vcpus; i++)
		run->r->elsewhere += vcpu_of(run, i)->seen[RUN_MSI_VECTOR];
	irqfds(run, &bells, false);
	bells_close(&bells);
}
