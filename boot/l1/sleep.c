/* SPDX-License-Identifier: MIT */
/*
 * A target that sleeps, and interrupts that its TPR masks. A vCPU that sleeps under such a TPR is
 * notified of an interrupt that it cannot take: the host checks, and lets it sleep again. Only an
 * interrupt of a higher class ends that, here an IPI from vCPU 0, after which the guest lowers its
 * TPR.
 */
#include "irq.h"
#include "run.h"
#include "util.h"

#define MASKS_MSI 0x50 /* 0x51 is masked, 0x61, the IPI's, and 0x71 are not */
#define SETTLE_NS 300000u
#define ORDINARY  20 /* MSIs after each burst that only a working log delivers */

static void settle(const struct run *run)
{
	sleep_until(now_ns() + (run->c->gap_us ? run->c->gap_us * 1000ull : SETTLE_NS));
}

void run_masked(const struct run *run)
{
	volatile struct l2_shared *shared = run->vm->shared;

	while (run_goes_on(run)) {
		shared->tpr = MASKS_MSI;
		run_wait_word(run, &run_target(run)->tpr, MASKS_MSI);
		run_raise(run);
		settle(run);
		shared->tpr = 0;
		run_wait_seen(run);
	}
}

void run_sleep_masked(const struct run *run)
{
	run->vm->shared->tpr = MASKS_MSI;
	run_ipi(run);
	run_wait_word(run, &run_target(run)->tpr, MASKS_MSI);
	run_wait_asleep(run);
}

static void wake_unmasked(const struct run *run)
{
	run->vm->shared->tpr = 0;
	run_ipi(run);
	run_wait_seen(run);
}

void run_sleeper(const struct run *run)
{
	while (run_goes_on(run)) {
		run_sleep_masked(run);
		run_raise(run);
		settle(run);
		wake_unmasked(run);
	}
}

void run_ipis(const struct run *run)
{
	for (uint32_t i = 0; i < run->c->count && !run->r->stuck; i++) {
		run_wait_asleep(run);
		run_ipi(run);
	}
}

static void burst(const struct run *run)
{
	run_sleep_masked(run);
	above_all(true);
	for (uint32_t i = 0; i < run->c->burst && run->r->sent < run->c->count; i++)
		run_raise(run);
	above_all(false);
	settle(run);
	wake_unmasked(run);
}

void run_overflow(const struct run *run)
{
	/* CPU 0 raises the MSIs */
	irq_affinity("AMD-Vi", 0);
	while (run_goes_on(run)) {
		burst(run);
		for (unsigned i = 0; i < ORDINARY && run_goes_on(run); i++)
			run_wake(run);
	}
}
