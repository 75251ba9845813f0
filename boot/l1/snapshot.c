/* SPDX-License-Identifier: MIT */
/*
 * The vCPU sleeps, and the console says so, for long enough that who watches it can stop, save and
 * load the machine: lib/snapshot.py. The MSIs afterwards must wake the vCPU.
 */
#include <stdio.h>

#include "run.h"
#include "util.h"

#define WINDOW_NS 1500000000ull

void run_snapshot(const struct run *run)
{
	while (run_goes_on(run)) {
		run_wait_asleep(run);
		fprintf(stderr, "snapshot: asleep %u\n", run->r->turns);
		sleep_until(now_ns() + WINDOW_NS);
		fprintf(stderr, "snapshot: over %u\n", run->r->turns++);
		for (unsigned i = 0; i < 5 && run_goes_on(run); i++)
			run_wake(run);
	}
}
