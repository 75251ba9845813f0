/* SPDX-License-Identifier: MIT */
/* AVIC off: the processor behaves as without this model. */
#include "svm.h"

#define V_OFF (V_INTR_MASKING | V_GIF)

static void virtual_interrupt(void)
{
	static const uint8_t one[] = {0x41};
	struct vm *vm = &vms[0];

	row("15.21.4", "AVIC off: V_IRQ is delivered");
	vm->vmcb->v_intr = V_OFF | V_IRQ | V_PRIO(4) | V_VECTOR(0x41);
	vector_set(vm->page, APIC_IRR, 0x45);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
	expect("V_IRQ", vm->vmcb->v_intr & V_IRQ, 0);
	expect("IRR of the page", vector_test(vm->page, APIC_IRR, 0x45), 1);

	row("15.21.4", "AVIC off: V_TPR holds V_IRQ until CR8 is lowered");
	vm->vmcb->v_intr = V_OFF | V_IRQ | V_PRIO(4) | V_VECTOR(0x41) | V_TPR(9);
	vm_op(vm, g_rdcr8, 0, 0);
	vm_op(vm, g_wait, 20000, 1);
	vm_op(vm, g_wrcr8, 0, 2);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("CR8", vm->guest->ops[0].rax, 9);
	expect("turns left", vm->guest->ops[1].rax, 0);
	expect_log(vm, 1, one);
	expect("V_TPR", vm->vmcb->v_intr & 0xff, 2);

	row("15.21.4", "AVIC off: the intercept of virtual interrupts");
	vm->vmcb->v_intr = V_OFF | V_IRQ | V_PRIO(4) | V_VECTOR(0x41);
	vm->vmcb->intercept1 |= 1u << 4;
	vm_run(vm);
	expect_exit(vm, 0x64, 0, 0, guest_start);
	expect("V_IRQ", vm->vmcb->v_intr & V_IRQ, V_IRQ);
}

static void memory_and_msrs(void)
{
	struct vm *vm = &vms[0];
	struct op *op;

	row("15.29.4", "AVIC off: FEE0_0000h is what its nested mapping says");
	vm->vmcb->v_intr = V_OFF;
	*reg(vm->plain, APIC_PPR) = 0x5678;
	op = vm_op(vm, g_ld4, APIC_PAGE + APIC_PPR, 0);
	vm_op(vm, g_st8, APIC_PAGE + APIC_IRR, 0x1234567890);
	vm_run(vm);
	expect_end(vm);
	expect("memory", op->rax, 0x5678);
	expect("memory written", *reg(vm->plain, APIC_IRR), 0x34567890);

	row("15.29.4", "AVIC off: no x2APIC registers while the local APIC is in xAPIC mode");
	vm->vmcb->v_intr = V_OFF;
	vm_op(vm, g_rdmsr, X2(APIC_ID), 0);
	vm_run(vm);
	expect_exit(vm, EXIT_EXCP_GP, 0, 0, g_rdmsr);

	row("15.29.4", "AVIC is off again after it was on");
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	*reg(vm->page, APIC_LDR) = 0x77;
	*reg(vm->plain, APIC_LDR) = 0x88;
	vm_run(vm);
	expect("AVIC", vm->guest->ops[0].rax, 0x77);
	vm->vmcb->v_intr = V_OFF;
	vm->vmcb->rip = address(guest_start);
	vm_run(vm);
	expect("memory", vm->guest->ops[0].rax, 0x88);
}

void directed_off(void)
{
	virtual_interrupt();
	memory_and_msrs();
}
