/* SPDX-License-Identifier: MIT */
/*
 * The machine is suspended to memory while the vCPU sleeps, and resumed by its clock's alarm: its
 * processors and devices have lost their state, and the kernel has put it back. The MSI afterwards
 * must wake the vCPU.
 */
#include <stdlib.h>

#include "run.h"

static void suspend(const struct run *run)
{
	run->r->stuck += system("sleep-mem >&2") != 0;
}

void run_suspend(const struct run *run)
{
	while (run_goes_on(run)) {
		run_wait_asleep(run);
		suspend(run);
		run->r->turns++;
		vm_move(run->vm, run->vm->vcpus - 1, run->vm->vcpu[run->vm->vcpus - 1].pcpu);
		for (unsigned i = 0; i < 5 && run_goes_on(run); i++)
			run_wake(run);
	}
}
