/* SPDX-License-Identifier: MIT */
/*
 * Disturbs the last vCPU's thread during a run: migrates it between CPUs, or lets another thread
 * compete with it.
 */
#include "disturb.h"

#include <sched.h>
#include <stddef.h>
#include <unistd.h>

#include "util.h"

#define CPUS 3

static volatile bool ending;
static pthread_t migrator, competitor[CPUS];
static unsigned competitors;
static bool migrating;
static uint32_t period_ms;

static void *migrate(void *arg)
{
	struct vm_vcpu *vcpu = arg;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	while (!ending) {
		cpu_set_t set;

		vcpu->pcpu = (vcpu->pcpu + 1) % cpus;
		CPU_ZERO(&set);
		CPU_SET(vcpu->pcpu, &set);
		pthread_setaffinity_np(vcpu->thread, sizeof(set), &set);
		sleep_until(now_ns() + period_ms * 1000000ull);
	}
	return NULL;
}

static void *compete(void *arg)
{
	const int *cpu = arg;

	pin_to(*cpu);
	while (!ending)
		;
	return NULL;
}

/* On the vCPU's CPU; if it migrates, on every one that it visits. */
static void compete_begin(const struct run_config *c, const struct vm_vcpu *vcpu)
{
	static int cpu[CPUS];

	for (competitors = 0; competitors < (c->migrate_ms ? CPUS : 1); competitors++) {
		cpu[competitors] = c->migrate_ms ? (int)competitors : vcpu->pcpu;
		if (pthread_create(&competitor[competitors], NULL, compete, &cpu[competitors]))
			die("competitor");
	}
}

void disturb_begin(const struct run_config *c, struct vm *vm)
{
	struct vm_vcpu *last = &vm->vcpu[vm->vcpus - 1];

	ending = false;
	period_ms = c->migrate_ms;
	migrating = c->migrate_ms && !pthread_create(&migrator, NULL, migrate, last);
	competitors = 0;
	if (c->preempt)
		compete_begin(c, last);
}

void disturb_end(void)
{
	ending = true;
	if (migrating)
		pthread_join(migrator, NULL);
	while (competitors)
		pthread_join(competitor[--competitors], NULL);
}
