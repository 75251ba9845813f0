/* SPDX-License-Identifier: MIT */
/*
 * A guest whose vCPU has never run has a device: it is attached, detached and attached again, and
 * an MSI comes before the vCPU's first instruction. The vCPU sees it once it takes interrupts;
 * another one wakes it. Every turn is a guest of its own, with the second device.
 */
#include "run.h"
#include "util.h"

static void irqfd(struct vm *vm, const struct edu *edu, bool on)
{
	vm_irqfd(vm, RUN_GSI, 0, RUN_MSI_VECTOR, edu->eventfd, on);
}

static void raise_one(const struct run *run, struct vm *vm, const struct edu *edu)
{
	run->r->sent++;
	vm->shared->tag++;
	edu_raise(edu);
}

static void turn(const struct run *run, const struct edu *edu, const int *pcpu)
{
	const struct run_config c = {.vcpus = 1, .halt = true, .x2apic = run->c->x2apic};
	struct vm vm;

	run_vm_create(&vm, &c);
	irqfd(&vm, edu, true);
	irqfd(&vm, edu, false);
	irqfd(&vm, edu, true);
	raise_one(run, &vm, edu);
	vm_start(&vm, pcpu);
	run_wait_taken(run, &vm.shared->vcpu[0].tag, 1);
	run_wait_asleep_in(run, &vm, 0);
	raise_one(run, &vm, edu);
	run_wait_taken(run, &vm.shared->vcpu[0].tag, 2);
	run->r->elsewhere += vm.shared->vcpu[0].seen[RUN_MSI_VECTOR];
	vm_stop(&vm);
	run->r->odd_exit |= vm.vcpu[0].odd_exit;
	irqfd(&vm, edu, false);
	vm_destroy(&vm);
}

void run_first(const struct run *run)
{
	const int pcpu[] = {run->vm->vcpu[0].pcpu};
	struct edu edu;

	edu_open(&edu, 1);
	edu_msi_enable(&edu);
	while (run_goes_on(run))
		turn(run, &edu, pcpu);
	edu_msi_disable(&edu);
	edu_close(&edu);
}
