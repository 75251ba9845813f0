/* SPDX-License-Identifier: MIT */
/*
 * A vCPU that sleeps under a TPR has an interrupt pending that the TPR masks. Then one of a higher
 * class comes, from another device: only that MSI can wake the vCPU. The IRR is not empty when it
 * comes. By turns the second device's interrupt arrives in the guest, and leaves and comes back,
 * while the vCPU sleeps in this state.
 */
#include "run.h"
#include "util.h"

#define SETTLE_NS 300000u

static void settle(void)
{
	sleep_until(now_ns() + SETTLE_NS);
}

static void irqfd(const struct run *run, const struct edu *high, bool on)
{
	vm_irqfd(run->vm, RUN_HIGH_GSI, run->vm->vcpus - 1, RUN_HIGH_VECTOR, high->eventfd, on);
}

static void raise_high(const struct run *run, const struct edu *high)
{
	run->r->sent++;
	edu_raise(high);
}

static void unmask(const struct run *run, uint32_t low)
{
	run->vm->shared->tpr = 0;
	run_ipi(run);
	run_wait_taken(run, &run_target(run)->seen[RUN_MSI_VECTOR], low);
}

static void turn(const struct run *run, const struct edu *high, unsigned n)
{
	run_sleep_masked(run);
	run_raise(run);
	settle();
	if (n & 1) {
		irqfd(run, high, false);
		settle();
		irqfd(run, high, true);
	}
	raise_high(run, high);
	run_wait_taken(run, &run_target(run)->seen[RUN_HIGH_VECTOR], n + 1);
	unmask(run, n + 1);
}

void run_higher(const struct run *run)
{
	struct edu high;

	edu_open(&high, 1);
	edu_msi_enable(&high);
	irqfd(run, &high, true);
	for (unsigned n = 0; run_goes_on(run); n++)
		turn(run, &high, n);
	irqfd(run, &high, false);
	edu_msi_disable(&high);
	edu_close(&high);
}
