/* SPDX-License-Identifier: MIT */
/* Two processors, a guest on each: notifications and IPIs that arrive. */
#include "pair.h"
#include "vmx.h"

#define SHORT	   20000u   /* turns of a guest that waits for an event that must not come */
#define HALT_TICKS 3000000u /* of the timer that ends a HLT without an interrupt */

static const uint8_t one[] = {0x45};

void vendor_run(void *vm)
{
	vm_run(vm);
}

void vendor_second_runs(void)
{
}

/* As an IOMMU posts. */
static void post(struct pid *p, unsigned vector)
{
	uint64_t old = __atomic_load_n(&p->control, __ATOMIC_SEQ_CST);

	pir_set(p, vector);
	if (old & (PID_ON | PID_SN))
		return;
	__atomic_fetch_or(&p->control, PID_ON, __ATOMIC_SEQ_CST);
	send_interrupt(1, old >> 16 & 255);
}

static void posts(bool x2)
{
	row("30.6", "%s: a post to a guest that runs needs no exit", x2 ? "x2APIC" : "xAPIC");
	second_waits(EVER);
	if (x2)
		vm_x2(&vms[1]);
	if (!second_enters())
		return;
	post(&pids[1], 0x45);
	second_leaves();
	expect_end(&vms[1]);
	expect_log(&vms[1], 1, one);
	expect("ON", pids[1].control & PID_ON, 0);
	expect("PIR", pir_test(&pids[1], 0x45), 0);

	row("30.6", "%s: nothing is taken without a notification", x2 ? "x2APIC" : "xAPIC");
	second_waits(SHORT);
	if (x2)
		vm_x2(&vms[1]);
	pids[1].control |= PID_SN;
	if (!second_enters())
		return;
	post(&pids[1], 0x45);
	second_leaves();
	expect_end(&vms[1]);
	expect_log(&vms[1], 0, NULL);
	expect("PIR", pir_test(&pids[1], 0x45), 1);
}

static void ipi(bool x2)
{
	row("30.1.6", "%s: an IPI to a vCPU that runs needs no exit of either",
	    x2 ? "x2APIC" : "xAPIC");
	if (pair_ipi(x2))
		expect("ON", pids[1].control & PID_ON, 0);
}

static void ping_pong(void)
{
	row("30.1.6", "IPIs to and fro, each ended by EOI, none an exit");
	pair_ping_pong();
}

static void halted(void)
{
	struct vm *vm = &vms[1];

	row("30.6", "a post ends the HLT of a guest");
	vm->vmcs->proc &= ~PROC_HLT;
	vm_op(vm, g_set, 0, 1);
	vm_op(vm, g_hlt, 0, 0);
	if (!second_enters())
		return;
	for (unsigned i = 0; i < 2000; i++)
		inb(0x80);
	post(&pids[1], 0x45);
	second_leaves();
	expect_end(vm);
	expect_log(vm, 1, one);

	row("30.6", "notifications that bring nothing do not end the HLT of a guest");
	vm->vmcs->proc &= ~PROC_HLT;
	vm->vmcs->timer = HALT_TICKS;
	vm_op(vm, g_set, 0, 1);
	vm_op(vm, g_halts, 0, 0);
	if (!second_enters())
		return;
	for (unsigned i = 0; i < 1000; i++)
		send_interrupt(1, NOTIFY);
	second_leaves();
	expect("exit reason", vm->vmcs->reason, EXIT_TIMER);
	expect("HLTs that ended", vm->guest->flag - 1, 0);
}

/* Posts as fast as possible, with two vectors in turn: none is lost, none is invented. */
static void many(void)
{
	struct vm *vm = &vms[1];
	const unsigned n = 100;

	row("30.6", "posts while earlier ones are being taken");
	vm->guest->eoi = EOI_PAGE;
	vm_op(vm, g_set, 0, 1);
	vm_op(vm, g_wait, EVER, n);
	if (!second_enters())
		return;
	for (unsigned i = 0; i < n; i++) {
		while (vm->guest->count != i && cpus[1].work)
			pause();
		post(&pids[1], i & 1 ? 0x45 : 0x93);
	}
	second_leaves();
	expect_end(vm);
	expect("interrupts taken", vm->guest->count, n);
}

/* In x2APIC mode NDST is 32 bits wide. There is no way back: the last rows. */
static void use_x2(void *arg)
{
	(void)arg;
	host_use_x2();
}

static void host_in_x2(void)
{
	second_give(use_x2, NULL);
	if (!second_wait())
		broken("the second processor does not switch its APIC");
	host_use_x2();
	host_x2 = true;
	posts(false);
	posts(true);
	if (!has_ipiv())
		return;
	ipi(false);
	ipi(true);
	row("30.1.6", "NDST is 32 bits wide when the processor's APIC is in x2APIC mode");
	vm_op(&vms[0], g_st4, APIC_PAGE + APIC_ICRH, 1u << 24);
	vm_op(&vms[0], g_st4, APIC_PAGE + APIC_ICR, 0x45);
	pids[1].control = PID_NV(NOTIFY) | (0x100ull | 1) << 32;
	second_turns();
	cpus[1].interrupts = 0;
	vendor_run(&vms[0]);
	second_turns();
	expect_end(&vms[0]);
	expect("notifications of nobody", cpus[1].interrupts, 0);
	expect("ON", pids[1].control & PID_ON, 1);
}

void directed_smp(void)
{
	posts(false);
	posts(true);
	if (has_ipiv()) {
		ipi(false);
		ipi(true);
		ping_pong();
	}
	halted();
	many();
	host_in_x2();
}
