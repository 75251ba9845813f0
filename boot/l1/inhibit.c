/* SPDX-License-Identifier: MIT */
/*
 * AVIC is inhibited and allowed again while the vCPU sleeps: KVM changes the vCPU, and its
 * remapping entry, when it next runs. Of the four MSIs of a turn the first still finds a posted
 * entry, the second and third are interrupts of the host, the fourth is posted again.
 */
#include "run.h"
#include "util.h"

static void one(const struct run *run, bool by_host)
{
	run->r->detached += by_host;
	run_wake(run);
}

void run_inhibit(const struct run *run)
{
	/* an interrupt of the host is one of the harness's own CPU, and handled before it goes on
	 */
	edu_msi_affinity(run->edu, 0);
	while (run_goes_on(run)) {
		run_wait_asleep(run);
		vm_inhibit(run->vm, true);
		one(run, false);
		one(run, true);
		run_wait_asleep(run);
		vm_inhibit(run->vm, false);
		one(run, true);
		one(run, false);
		run->r->turns++;
	}
}
