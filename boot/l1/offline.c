/* SPDX-License-Identifier: MIT */
/*
 * The CPU that the vCPU slept on goes offline, and comes back. State on that CPU for waking the
 * vCPU, and the CPU in the remapping entry, must not be needed any more. By turns the MSIs come
 * when the CPU is gone, and while it goes and comes.
 */
#include <pthread.h>
#include <stdio.h>

#include "run.h"
#include "util.h"

struct change {
	int cpu;
	bool on;
	volatile bool done;
};

static void *cpu_switch(void *arg)
{
	struct change *change = arg;
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", change->cpu);
	if (!write_file(path, change->on ? "1" : "0"))
		die("%s", path);
	change->done = true;
	return NULL;
}

/* The next MSI as soon as the last one was seen. */
static void meanwhile(const struct run *run, struct change *change)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, cpu_switch, change))
		die("thread");
	while (!change->done && run_goes_on(run))
		run_wake(run);
	pthread_join(thread, NULL);
}

static void turn(const struct run *run, bool at_once)
{
	const unsigned target = run->vm->vcpus - 1;
	struct change off = {.cpu = run->vm->vcpu[target].pcpu}, on = {.cpu = off.cpu, .on = true};

	run_wait_asleep(run);
	if (at_once)
		meanwhile(run, &off);
	else
		cpu_switch(&off);
	if (run_goes_on(run))
		run_wake(run);
	if (run_goes_on(run))
		run_wake(run); /* it slept on another CPU before this one */
	run_wait_asleep(run);
	if (at_once)
		meanwhile(run, &on);
	else
		cpu_switch(&on);
	/* a thread whose CPU went offline may run on all CPUs from then on */
	vm_move(run->vm, target, off.cpu);
	if (run_goes_on(run))
		run_wake(run);
}

void run_offline(const struct run *run)
{
	while (run_goes_on(run))
		turn(run, run->r->turns++ & 1);
}
