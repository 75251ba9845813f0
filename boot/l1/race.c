/* SPDX-License-Identifier: MIT */
/*
 * The guest APIC log overflows while its handler works on another CPU. A handler that reads Status
 * before the overflow, and then writes 1 to GALOverflow although it has not seen it, never restarts
 * the log. If the log has to be enabled anew after an overflow, as the model's default says, then
 * GALogRun stays 0, no interrupt reports that, and the host is not notified again for vCPUs that
 * sleep.
 */
#include "irq.h"
#include "run.h"
#include "util.h"

#define SETTLE_NS 20000000u

/*
 * True if the log is off for good: it does not run, and no overflow is left that the kernel will
 * see.
 */
static bool stopped(const struct run *run)
{
	const uint64_t alive = STATUS_GALOGRUN | STATUS_GALOVERFLOW | STATUS_GAINT;

	if (iommu_read(run->iommu, IOMMU_STATUS) & alive)
		return false;
	sleep_until(now_ns() + SETTLE_NS);
	return !(iommu_read(run->iommu, IOMMU_STATUS) & alive);
}

void run_race(const struct run *run)
{
	irq_affinity("AMD-Vi", 2);
	while (run_goes_on(run)) {
		run_wait_asleep(run);
		for (uint32_t i = 0; i < run->c->burst && run->r->sent < run->c->count; i++)
			run_raise(run);
		run_wait_seen(run);
		if (stopped(run)) {
			run->r->log_stopped = run->r->sent;
			break;
		}
	}
}
