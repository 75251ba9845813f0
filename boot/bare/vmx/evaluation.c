/* SPDX-License-Identifier: MIT */
/* VM entry: PPR virtualization, evaluation, the TPR threshold, beside events that are injected. */
#include "vmx.h"

#define SPELL 2000 /* turns of a guest that waits for an event that must not come */

static const uint8_t one[] = {0x45};

/* Threshold 6, and VTPR that is below. */
static void low_tpr(struct vm *vm)
{
	vm->vmcs->proc2 &= ~PROC2_VID;
	vm->vmcs->pin &= ~PIN_POSTED;
	vm->vmcs->tpr_threshold = 6;
	*reg(vm->page, APIC_TPR) = 0x5f;
}

static void threshold(void)
{
	struct vm *vm = &vms[0];

	row("27.7.7", "VTPR below the threshold exits before the first instruction");
	low_tpr(vm);
	vm_run(vm);
	expect_exit(vm, EXIT_TPR, 0, guest_start);

	row("27.7.7", "VTPR at the threshold does not exit");
	low_tpr(vm);
	vm->vmcs->tpr_threshold = 5;
	vm_run(vm);
	expect_end(vm);

	row("27.7.7", "with VID the threshold plays no part");
	low_tpr(vm);
	vm->vmcs->proc2 |= PROC2_VID;
	vm_run(vm);
	expect_end(vm);

	row("27.7.7", "the exit comes after the event that is injected");
	low_tpr(vm);
	vm->vmcs->entry_info = EVENT_VALID | 0x52;
	vm_run(vm);
	expect_exit(vm, EXIT_TPR, 0, NULL);
	expect("RIP is the handler's", vm->vmcs->rip != address(guest_start), 1);
	expect("IDT-vectoring information", vm->vmcs->vectoring & EVENT_VALID, 0);
	expect("stack", vm->vmcs->rsp, address(vm->stack) + PAGE - 40);

	row("27.7.7", "an injection that exits comes before it");
	low_tpr(vm);
	vm->vmcs->entry_info = EVENT_VALID | 0x52;
	*vm_nested(vm, address(vm->stack)) = 0;
	vm_run(vm);
	expect("exit reason", vm->vmcs->reason, EXIT_EPT);
	expect("IDT-vectoring information", vm->vmcs->vectoring, EVENT_VALID | 0x52);
	expect("RIP", vm->vmcs->rip, address(guest_start));
}

static void recognized(void)
{
	struct vm *vm = &vms[0];

	row("27.3.2.5", "a virtual interrupt is delivered after VM entry");
	pend(vm, 0x45);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
	expect_status(vm, 0, 0x45);
	expect("IRR", vector_test(vm->page, APIC_IRR, 0x45), 0);
	expect("ISR", vector_test(vm->page, APIC_ISR, 0x45), 1);
	expect("PPR", *reg(vm->page, APIC_PPR), 0x40);

	row("27.3.2.5", "RVI decides: a bit of the IRR without it is nothing");
	vector_set(vm->page, APIC_IRR, 0x45);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
	expect_status(vm, 0, 0);

	row("27.3.2.5", "RVI decides: it needs no bit of the IRR");
	vm->vmcs->intr_status = 0x45;
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
	expect_status(vm, 0, 0x45);

	row("30.1.3", "VPPR at VM entry is VTPR, if that is not below SVI");
	vm->vmcs->intr_status = 0x4f00;
	*reg(vm->page, APIC_TPR) = 0x12345643;
	*reg(vm->page, APIC_PPR) = 0xffffffff;
	vm_run(vm);
	expect("PPR", *reg(vm->page, APIC_PPR), 0x43);

	row("30.1.3", "VPPR at VM entry is SVI's class, if that is above VTPR");
	vm->vmcs->intr_status = 0x5900;
	*reg(vm->page, APIC_TPR) = 0x4f;
	vm_run(vm);
	expect("PPR", *reg(vm->page, APIC_PPR), 0x50);

	row("30.2.1", "RVI of VPPR's class is not recognized");
	pend(vm, 0x4f);
	*reg(vm->page, APIC_TPR) = 0x40;
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
	expect_status(vm, 0x4f, 0);

	row("30.2.1", "vectors below 16 are never recognized");
	pend(vm, 0x0f);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_log(vm, 0, NULL);
	expect_status(vm, 0x0f, 0);
}

static void held_back(void)
{
	struct vm *vm = &vms[0];

	row("30.2.2", "with RFLAGS.IF = 0 it waits for STI");
	pend(vm, 0x45);
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_wait, SPELL, 1);
	vm_op(vm, g_sti, 0, 0);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("turns left", vm->guest->ops[0].rax, 0);
	expect_log(vm, 1, one);

	for (unsigned by = BY_STI; by <= BY_MOV_SS; by++) {
		row("30.2.2", "blocking by %s lasts one instruction",
		    by == BY_STI ? "STI" : "MOV SS");
		pend(vm, 0x45);
		vm->vmcs->interruptibility = by;
		vm->vmcs->rip = address(g_end);
		vm_run(vm);
		expect_end(vm);
		expect_log(vm, 0, NULL);
		expect_status(vm, 0x45, 0);
	}

	row("30.2.1", "interrupt-window exiting: an exit, and no recognition");
	pend(vm, 0x45);
	vm->vmcs->proc |= PROC_WINDOW;
	vm_run(vm);
	expect_exit(vm, EXIT_WINDOW, 0, guest_start);
	expect_status(vm, 0x45, 0);
	vm->vmcs->proc &= ~PROC_WINDOW;
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);

	row("30.2.1", "interrupt-window exiting, RFLAGS.IF = 0: neither");
	pend(vm, 0x45);
	vm->vmcs->proc |= PROC_WINDOW;
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
}

static void beside_events(void)
{
	static const uint8_t order[] = {0x52, 0x45};
	struct vm *vm = &vms[0];

	row("27.7.5", "the event that is injected comes first");
	pend(vm, 0x45);
	vm->vmcs->entry_info = EVENT_VALID | 0x52;
	vm_op(vm, g_wait, 1000, 2);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 2, order);

	row("27.3.2.5", "an injection that exits leaves RVI as it is");
	pend(vm, 0x45);
	vm->vmcs->entry_info = EVENT_VALID | 0x52;
	*vm_nested(vm, address(vm->stack)) = 0;
	vm_run(vm);
	expect("exit reason", vm->vmcs->reason, EXIT_EPT);
	expect("IDT-vectoring information", vm->vmcs->vectoring, EVENT_VALID | 0x52);
	expect_status(vm, 0x45, 0);

	row("30.2.2", "a guest that enters in HLT wakes up");
	pend(vm, 0x45);
	vm->vmcs->activity = HALTED;
	vm->vmcs->proc &= ~PROC_HLT;
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);

	row("30.2.2", "HLT of a guest ends with what TPR let through before");
	pend(vm, 0x45);
	*reg(vm->page, APIC_TPR) = 0x40;
	vm->vmcs->proc &= ~PROC_HLT;
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_st4, APIC_PAGE + APIC_TPR, 0);
	vm_op(vm, g_sti_hlt, 0, 0);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
}

void directed_evaluation(void)
{
	threshold();
	recognized();
	held_back();
	beside_events();
}
