/* SPDX-License-Identifier: MIT */
/* Two processors, a guest on each: doorbells and IPIs that arrive. */
#include "pair.h"
#include "svm.h"

#define SHORT 60000u	  /* turns of a guest that waits for an event that must not come */
#define WATCH 1250000000u /* 20 s */

#define DOORBELLS 2000000

/* A guest that waits without end exits by the timer's interrupt. */
void vendor_run(void *vm)
{
	timer(WATCH);
	vm_run(vm);
	timer(0);
}

void vendor_second_runs(void)
{
	physical[1] = address(vms[1].page) | ENTRY_VALID | ENTRY_RUNNING | 1;
}

static const uint8_t one[] = {0x45};

static void ipi(bool x2)
{
	row("15.29.6", "%s: an IPI to a vCPU that runs needs no exit", x2 ? "x2AVIC" : "xAVIC");
	if (pair_ipi(x2))
		expect("IRR", vector_test(vms[1].page, APIC_IRR, 0x45), 0);
}

static void ping_pong(void)
{
	row("15.29.6", "IPIs to and fro, each ended by EOI, none an exit");
	pair_ping_pong();
}

static void doorbell(void)
{
	row("15.29.8", "an IRR bit of a running guest waits for the doorbell");
	second_waits(SHORT);
	vm_op(&vms[1], g_set, 0, 2);
	vm_op(&vms[1], g_wait, EVER, 1);
	if (!second_enters())
		return;
	vector_set(vms[1].page, APIC_IRR, 0x45);
	while (vms[1].guest->flag < 2 && cpus[1].work)
		pause();
	expect("taken without it", vms[1].guest->count, 0);
	wrmsr(MSR_DOORBELL, 1);
	second_leaves();
	expect_end(&vms[1]);
	expect_log(&vms[1], 1, one);

	row("15.29.8", "a doorbell is for its processor only");
	second_waits(SHORT);
	if (!second_enters())
		return;
	vector_set(vms[1].page, APIC_IRR, 0x45);
	wrmsr(MSR_DOORBELL, 0);
	wrmsr(MSR_DOORBELL, 2);
	wrmsr(MSR_DOORBELL, 0xffffffff);
	second_leaves();
	expect_end(&vms[1]);
	expect_log(&vms[1], 0, NULL);

	row("15.29.8; host mode: inferred", "a doorbell to a processor in host mode does nothing");
	cpus[1].interrupts = 0;
	wrmsr(MSR_DOORBELL, 0);
	wrmsr(MSR_DOORBELL, 1);
	second_turns();
	expect("interrupts of the host", cpus[1].interrupts, 0);

	row("15.29.8", "the doorbell cannot be read");
	expect("exception", rdmsr_try(MSR_DOORBELL), 13);

	row("inferred", "a doorbell to a guest without AVIC does nothing");
	second_waits(SHORT);
	vms[1].vmcb->v_intr = V_INTR_MASKING | V_GIF;
	if (!second_enters())
		return;
	vector_set(vms[1].page, APIC_IRR, 0x45);
	wrmsr(MSR_DOORBELL, 1);
	second_leaves();
	expect_end(&vms[1]);
	expect_log(&vms[1], 0, NULL);
}

/* A halted guest whose HLT is not intercepted continues when the doorbell rings. */
static void halted(void)
{
	row("15.29.8", "the doorbell ends the HLT of a guest");
	vm_op(&vms[1], g_set, 0, 1);
	vm_op(&vms[1], g_hlt, 0, 0);
	vms[1].vmcb->intercept1 &= ~INTERCEPT_HLT;
	if (!second_enters())
		return;
	for (unsigned i = 0; i < 2000; i++)
		inb(0x80);
	vector_set(vms[1].page, APIC_IRR, 0x45);
	wrmsr(MSR_DOORBELL, 1);
	second_leaves();
	expect_end(&vms[1]);
	expect_log(&vms[1], 1, one);
}

/* Doorbells without an interrupt, as fast as possible: between any two steps of the HLT. */
static void halted_for_nothing(void)
{
	struct vm *vm = &vms[1];

	row("15.29.8", "doorbells without an interrupt do not end the HLT of a guest");
	vm->vmcb->intercept1 &= ~INTERCEPT_HLT;
	vm->guest->limit = 1;
	vm_op(vm, g_set, 0, 1);
	vm_op(vm, g_halts, 0, 0);
	if (!second_enters())
		return;
	for (unsigned i = 0; i < DOORBELLS; i++)
		wrmsr(MSR_DOORBELL, 1);
	expect("HLTs that ended", vm->guest->flag - 1, 0);
	vector_set(vm->page, APIC_IRR, 0x45);
	wrmsr(MSR_DOORBELL, 1);
	second_leaves();
	expect_end(vm);
	expect_log(vm, 1, one);
}

/* INIT takes a processor out of its guest without #VMEXIT. */
static void init(void)
{
	row("15.21.8", "after INIT a doorbell finds no guest");
	vm_op(&vms[1], g_set, 0, 1);
	vm_op(&vms[1], g_spin, EVER, 0);
	if (!second_enters())
		return;
	if (!second_start())
		broken("the second processor does not start again");
	vector_set(vms[1].page, APIC_IRR, 0x45);
	cpus[1].interrupts = 0;
	wrmsr(MSR_DOORBELL, 1);
	second_turns();
	expect("interrupts of the host", cpus[1].interrupts, 0);
	expect("IRR", vector_test(vms[1].page, APIC_IRR, 0x45), 1);
}

void directed_smp(void)
{
	ipi(false);
	ipi(true);
	ping_pong();
	doorbell();
	halted();
	halted_for_nothing();
	init();
}
