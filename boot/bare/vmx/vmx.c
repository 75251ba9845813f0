/* SPDX-License-Identifier: MIT */
/* Intel: all rows, and the check of an exit. */
#include "vmx.h"

void expect_exit(struct vm *vm, uint32_t reason, uint64_t qualification, const char *rip)
{
	if (!expect("exit reason", vm->vmcs->reason, reason))
		return;
	expect("qualification", vm->vmcs->qualification, qualification);
	if (rip)
		expect("RIP", vm->vmcs->rip, address(rip));
}

void expect_end(struct vm *vm)
{
	expect("exit reason", vm->vmcs->reason, EXIT_VMCALL);
}

void expect_refused(struct vm *vm)
{
	expect("VM-instruction error", vm->vmcs->error, BAD_CONTROLS);
}

void expect_status(struct vm *vm, unsigned rvi, unsigned svi)
{
	expect("RVI", vm->vmcs->intr_status & 255, rvi);
	expect("SVI", vm->vmcs->intr_status >> 8, svi);
}

void pend(struct vm *vm, unsigned vector)
{
	vector_set(vm->page, APIC_IRR, vector);
	if (vector > (vm->vmcs->intr_status & 255))
		vm->vmcs->intr_status = (vm->vmcs->intr_status & 0xff00) | vector;
}

void vendor_need(void)
{
	const uint32_t proc2 = PROC2_ACCESSES | PROC2_EPT | PROC2_X2APIC | PROC2_REGS | PROC2_VID;

	if (proc2 & ~(uint32_t)(rdmsr(0x48b) >> 32) || !(rdmsr(0x48d) >> 32 & PIN_POSTED))
		broken("this processor has no virtual-interrupt delivery or no posted interrupts");
}

void directed(void)
{
	directed_entry();
	directed_evaluation();
	directed_access();
	directed_widths();
	directed_x2();
	directed_interrupts();
	directed_posted();
	directed_ipi();
	directed_smp();
}
