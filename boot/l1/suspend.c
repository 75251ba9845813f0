/* SPDX-License-Identifier: MIT */
/*
 * The machine is suspended to memory while the vCPU sleeps, and resumed by its clock's alarm: its
 * processors and devices have lost their state, and the kernel has put it back. The MSI afterwards
 * must wake the vCPU.
 */
#include <stdio.h>
#include <string.h>

#include "run.h"
#include "util.h"

#define ALARM "/sys/class/rtc/rtc0/wakealarm"

static void suspend(const struct run *run)
{
	if (!write_file(ALARM, "0") || !write_file(ALARM, "+2"))
		die(ALARM);
	run->r->stuck += !write_file("/sys/power/state", "mem");
}

void run_suspend(const struct run *run)
{
	while (run_goes_on(run)) {
		run_wait_asleep(run);
		suspend(run);
		run->r->turns++;
		vm_move(run->vm, run->vm->vcpus - 1, run->vm->vcpu[run->vm->vcpus - 1].pcpu);
		for (unsigned i = 0; i < 5 && run_goes_on(run); i++) {
			run_wait_asleep(run);
			run_raise(run);
			run_wait_seen(run);
		}
	}
}
