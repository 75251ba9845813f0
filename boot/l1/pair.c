/* SPDX-License-Identifier: MIT */
/*
 * Two guests with a device each, whose vCPUs sleep on the same CPU: an MSI wakes its own, the other
 * one's first, both, in either order.
 */
#include "run.h"
#include "util.h"

struct side {
	struct vm *vm;
	const struct edu *edu;
	uint32_t sent;
};

static void asleep(const struct run *run, const struct side *s)
{
	run_wait_asleep_in(run, s->vm, s->vm->vcpus - 1);
}

static void raise_one(const struct run *run, struct side *s)
{
	run->r->sent++;
	s->vm->shared->tag = ++s->sent;
	edu_raise(s->edu);
}

static void seen(const struct run *run, const struct side *s)
{
	run_wait_taken(run, &s->vm->shared->vcpu[s->vm->vcpus - 1].tag, s->sent);
}

static void turn(const struct run *run, struct side *a, struct side *b)
{
	asleep(run, a);
	asleep(run, b);
	raise_one(run, a);
	raise_one(run, b);
	seen(run, a);
	seen(run, b);
	asleep(run, a);
	raise_one(run, b);
	seen(run, b);
}

void run_pair(const struct run *run)
{
	const int pcpu[] = {run->vm->vcpu[0].pcpu};
	const struct run_config c = {.vcpus = 1, .halt = true, .x2apic = run->c->x2apic};
	struct side mine = {.vm = run->vm, .edu = run->edu}, others;
	struct edu edu;
	struct vm vm;

	edu_open(&edu, 1);
	run_vm_create(&vm, &c);
	edu_msi_enable(&edu);
	vm_irqfd(&vm, RUN_GSI, 0, RUN_MSI_VECTOR, edu.eventfd, true);
	vm_start(&vm, pcpu);
	others = (struct side){.vm = &vm, .edu = &edu};
	for (unsigned n = 0; run_goes_on(run); n++)
		turn(run, n & 1 ? &others : &mine, n & 1 ? &mine : &others);
	sleep_until(now_ns() + 5000000);
	run->r->elsewhere = vm.shared->vcpu[0].seen[RUN_MSI_VECTOR];
	vm_stop(&vm);
	run->r->odd_exit |= vm.vcpu[0].odd_exit;
	vm_irqfd(&vm, RUN_GSI, 0, RUN_MSI_VECTOR, edu.eventfd, false);
	edu_msi_disable(&edu);
	vm_destroy(&vm);
	edu_close(&edu);
}
