/* SPDX-License-Identifier: MIT */
/*
 * The device's interrupt leaves the guest while its vCPU sleeps, and comes back: in turn because
 * KVM releases the eventfd, and because VFIO switches the MSI off. No MSI that was on its way may
 * be lost, and none may reach the guest in between.
 */
#include "run.h"
#include "util.h"

#define SETTLE_NS 300000u

static void settle(void)
{
	sleep_until(now_ns() + SETTLE_NS);
}

/* An MSI that is not posted interrupts the harness itself, which handles it before it continues. */
static void msi_to_harness(const struct run *run)
{
	edu_msi_affinity(run->edu, 0);
}

static void irqfd(const struct run *run, bool on)
{
	vm_irqfd(run->vm, RUN_GSI, run->vm->vcpus - 1, RUN_MSI_VECTOR, run->edu->eventfd, on);
}

/* Posts to a vCPU that sleeps: the detaching races with the notification. */
static void one_on_its_way(const struct run *run)
{
	run_wait_asleep(run);
	run_raise(run);
}

/* An MSI meanwhile waits in the eventfd; KVM finds it there when it comes back. */
static void without_irqfd(const struct run *run)
{
	uint32_t before;

	one_on_its_way(run);
	irqfd(run, false);
	run_wait_seen(run);
	before = run_target(run)->seen[RUN_MSI_VECTOR];
	run->r->detached++;
	run_raise(run);
	settle();
	run->r->early += run_target(run)->seen[RUN_MSI_VECTOR] - before;
	irqfd(run, true);
	run_wait_seen(run);
}

/* The eventfd still belongs to the guest: a write to it wakes the vCPU. */
static void without_msi(const struct run *run)
{
	one_on_its_way(run);
	witness_look(run->witness);
	edu_msi_disable(run->edu);
	run_wait_seen(run);
	run_wait_asleep(run);
	run_raise_software(run);
	run_wait_seen(run);
	edu_msi_enable(run->edu);
	msi_to_harness(run);
	witness_look(run->witness);
}

void run_detach(const struct run *run)
{
	msi_to_harness(run);
	for (unsigned turn = 0; run_goes_on(run); turn++) {
		if (turn & 1)
			without_msi(run);
		else
			without_irqfd(run);
		settle();
		run_raise(run);
		run_wait_seen(run);
	}
}
