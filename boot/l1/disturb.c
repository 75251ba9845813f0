/* SPDX-License-Identifier: MIT */
#include "disturb.h"

#include <sched.h>
#include <stddef.h>
#include <unistd.h>

#include "util.h"

static volatile bool ending;
static pthread_t migrator, competitor;
static bool migrating, competing;
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
	const struct vm_vcpu *vcpu = arg;

	pin_to(vcpu->pcpu);
	while (!ending)
		;
	return NULL;
}

void disturb_begin(const struct run_config *c, struct vm *vm)
{
	struct vm_vcpu *last = &vm->vcpu[vm->vcpus - 1];

	ending = false;
	period_ms = c->migrate_ms;
	migrating = c->migrate_ms && !pthread_create(&migrator, NULL, migrate, last);
	competing = c->preempt && !pthread_create(&competitor, NULL, compete, last);
}

void disturb_end(void)
{
	ending = true;
	if (migrating)
		pthread_join(migrator, NULL);
	if (competing)
		pthread_join(competitor, NULL);
}
