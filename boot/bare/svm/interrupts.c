/* SPDX-License-Identifier: MIT */
/* Priority, delivery, end of interrupt: 15.29.8, 16.6. */
#include "svm.h"

#define SPELL 20000 /* turns of a guest that waits for an event that must not come */

static void tpr_and_cr8(bool x2)
{
	struct vm *vm = &vms[0];
	const char *mode = x2 ? "x2AVIC" : "xAVIC";
	const char *ld = x2 ? g_rdmsr : g_ld4, *st = x2 ? g_wrmsr : g_st4;
	uint64_t tpr = x2 ? X2(APIC_TPR) : APIC_PAGE + APIC_TPR;
	struct op *op = vm->guest->ops;

	row("15.29.3.1; not by VMRUN: inferred", "%s: CR8 and TPR are one once either is written",
	    mode);
	if (x2)
		vm_x2(vm);
	vm->vmcb->v_intr |= V_TPR(5);
	*reg(vm->page, APIC_TPR) = 0x91;
	vm_op(vm, g_rdcr8, 0, 0);
	vm_op(vm, ld, tpr, 0);
	vm_op(vm, st, tpr, 0x37);
	vm_op(vm, g_rdcr8, 0, 0);
	vm_op(vm, ld, tpr, 0);
	vm_op(vm, g_wrcr8, 0, 0xb);
	vm_op(vm, ld, tpr, 0);
	vm_run(vm);
	expect_end(vm);
	expect("CR8 at entry", op[0].rax, 5);
	expect("TPR at entry", op[1].rax, 0x91);
	expect("CR8 after TPR = 37h", op[3].rax, 3);
	expect("TPR after TPR = 37h", op[4].rax, 0x37);
	expect("TPR after CR8 = Bh", op[6].rax, 0xb0);
	expect("V_TPR after #VMEXIT", vm->vmcb->v_intr & 0xff, 0xb);
	expect("page", *reg(vm->page, APIC_TPR), 0xb0);
	expect("PPR", *reg(vm->page, APIC_PPR), 0xb0);
}

static void at_entry(void)
{
	struct vm *vm = &vms[0];
	static const uint8_t one[] = {0x45};

	row("15.29.8", "an interrupt in the IRR at VMRUN is delivered");
	vector_set(vm->page, APIC_IRR, 0x45);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
	expect("IRR", vector_test(vm->page, APIC_IRR, 0x45), 0);
	expect("ISR", vector_test(vm->page, APIC_ISR, 0x45), 1);
	expect("PPR", *reg(vm->page, APIC_PPR), 0x40);

	row("15.29.8", "with RFLAGS.IF = 0 it waits for STI");
	vector_set(vm->page, APIC_IRR, 0x45);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_wait, SPELL, 1);
	vm_op(vm, g_sti, 0, 0);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("turns left", vm->guest->ops[0].rax, 0);
	expect_log(vm, 1, one);

	row("15.33.2", "with virtual GIF = 0 it waits, if the processor has virtual GIF");
	vector_set(vm->page, APIC_IRR, 0x45);
	vm->vmcb->v_intr = (vm->vmcb->v_intr & ~V_GIF) | V_GIF_ENABLE;
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, !svm_has(SVM_VGIF), one);
	expect("IRR", vector_test(vm->page, APIC_IRR, 0x45), svm_has(SVM_VGIF));

	row("15.21.5", "an interrupt shadow lasts one instruction");
	vector_set(vm->page, APIC_IRR, 0x45);
	vm->vmcb->shadow = SHADOW_INT;
	vm->vmcb->rip = address(g_end);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);

	row("16.6.4", "vectors below 16 are never delivered");
	vector_set(vm->page, APIC_IRR, 0x0f);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
}

/* No INTR intercept and no V_INTR_MASKING: the guest takes the machine's interrupts itself. */
static void machine_first(void)
{
	static const uint8_t order[] = {0x52, 0x45};
	struct vm *vm = &vms[0];

	row("15.21.1, 15.29.8",
	    "an interrupt of the machine that comes first leaves the other pending");
	vm->vmcb->intercept1 &= ~1u;
	vm->vmcb->v_intr &= ~V_INTR_MASKING;
	vector_set(vm->page, APIC_IRR, order[1]);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	self_interrupt(order[0]);
	vm_op(vm, g_sti, 0, 0);
	vm_op(vm, g_wait, SPELL, 2);
	vm_run(vm);
	end_of_interrupt();
	expect_end(vm);
	expect_log(vm, 2, order);
	expect("IRR", vector_test(vm->page, APIC_IRR, order[1]), 0);
}

static void masked(void)
{
	static const uint8_t one[] = {0x45};
	struct vm *vm = &vms[0];

	for (unsigned way = 0; way < 2; way++) {
		row("15.29.8", "TPR holds an interrupt of its class until %s lowers it",
		    way ? "CR8" : "TPR");
		vector_set(vm->page, APIC_IRR, 0x45);
		vm->vmcb->v_intr |= V_TPR(4);
		vm_op(vm, g_wait, SPELL, 1);
		vm_op(vm, way ? g_wrcr8 : g_st4, APIC_PAGE + APIC_TPR, way ? 3 : 0x3f);
		vm_op(vm, g_wait, 1000, 1);
		vm_run(vm);
		expect_end(vm);
		expect("turns left", vm->guest->ops[0].rax, 0);
		expect_log(vm, 1, one);
	}
	row("15.29.3.1, inferred", "V_TPR decides: TPR in the page holds nothing");
	vector_set(vm->page, APIC_IRR, 0x45);
	*reg(vm->page, APIC_TPR) = 0x97;
	vm_op(vm, g_ld4, APIC_PAGE + APIC_TPR, 0);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("TPR", vm->guest->ops[0].rax, 0x97);
	expect_log(vm, 1, one);
	expect("V_TPR after #VMEXIT", vm->vmcb->v_intr & 0xff, 0);

	row("16.6.4", "an interrupt in service holds those of its class");
	vector_set(vm->page, APIC_IRR, 0x45);
	vector_set(vm->page, APIC_ISR, 0x40);
	vm_op(vm, g_wait, SPELL, 1);
	vm_op(vm, g_st4, APIC_PAGE + APIC_EOI, 0);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("turns left", vm->guest->ops[0].rax, 0);
	expect_log(vm, 1, one);
}

static void processor_priority(void)
{
	struct vm *vm = &vms[0];

	row("16.6.4", "PPR is the higher one of TPR and what is in service");
	vector_set(vm->page, APIC_ISR, 0x31);
	vector_set(vm->page, APIC_ISR, 0x62);
	vm->vmcb->v_intr |= V_TPR(2);
	vm_op(vm, g_ld4, APIC_PAGE + APIC_PPR, 0);
	vm_op(vm, g_st4, APIC_PAGE + APIC_EOI, 0);
	vm_op(vm, g_ld4, APIC_PAGE + APIC_PPR, 0);
	vm_op(vm, g_wrcr8, 0, 3);
	vm_op(vm, g_ld4, APIC_PAGE + APIC_PPR, 0);
	vm_op(vm, g_st4, APIC_PAGE + APIC_TPR, 0x57);
	vm_op(vm, g_ld4, APIC_PAGE + APIC_PPR, 0);
	vm_run(vm);
	expect_end(vm);
	expect("PPR at entry", vm->guest->ops[0].rax, 0x60);
	expect("PPR after EOI", vm->guest->ops[2].rax, 0x30);
	expect("PPR, same class", vm->guest->ops[4].rax, 0x30);
	expect("PPR, higher TPR", vm->guest->ops[6].rax, 0x57);
}

static void eoi(bool x2)
{
	static const uint8_t order[] = {0x65, 0x64, 0x45};
	const char *mode = x2 ? "x2AVIC" : "xAVIC";
	struct vm *vm = &vms[0];

	row("table 15-22", "%s: EOI of an edge is not an exit; the next follows by priority", mode);
	if (x2)
		vm_x2(vm);
	for (unsigned i = 0; i < COUNT(order); i++)
		vector_set(vm->page, APIC_IRR, order[i]);
	vm->guest->eoi = x2 ? EOI_MSR : EOI_PAGE;
	vm_op(vm, g_wait, 1000, 3);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 3, order);
	for (unsigned bank = APIC_ISR; bank <= APIC_IRR; bank += 16)
		expect("ISR, TMR, IRR", *reg(vm->page, bank), 0);
}

/* The host ends the interrupt itself, as KVM does: the highest vector in service. */
static void level(bool x2)
{
	static const uint8_t order[] = {0x45, 0x45, 0x41};
	const char *after = x2 ? g_eoi_msr_after : g_eoi_after;
	struct vm *vm = &vms[0];

	row("table 15-22; a trap, still in service: inferred",
	    "%s: EOI of a level exits with its vector, and once more with the line still up",
	    x2 ? "x2AVIC" : "xAVIC");
	if (x2)
		vm_x2(vm);
	vector_set(vm->page, APIC_TMR, 0x45);
	vm->guest->eoi = x2 ? EOI_MSR : EOI_PAGE;
	vm_op(vm, g_wait, 1000, 3);
	for (unsigned n = 1; n <= 2; n++) {
		vector_set(vm->page, APIC_IRR, 0x45);
		vm_run(vm);
		expect_exit(vm, EXIT_NOACCEL, 1ull << 32 | APIC_EOI, 0x45, after);
		expect_log(vm, n, order);
		expect("ISR", vector_test(vm->page, APIC_ISR, 0x45), 1);
		expect("PPR", *reg(vm->page, APIC_PPR), 0x40);
		vector_clear(vm->page, APIC_ISR, 0x45);
		vector_set(vm->page, APIC_IRR, 0x41);
	}
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 3, order);
	expect("PPR", *reg(vm->page, APIC_PPR), 0);
}

/* An exit during the delivery of an interrupt: EXITINTINFO must have the interrupt. */
static void exit_int_info(unsigned vector)
{
	const uint8_t one[] = {(uint8_t)vector};
	struct vm *vm = &vms[0];
	uint64_t *entry;

	row("15.7.2", "vector %x, and no nested mapping of the guest's stack", vector);
	entry = vm_nested(vm, address(vm->stack));
	*entry &= ~(uint64_t)PTE_PRESENT;
	vector_set(vm->page, APIC_IRR, vector);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, EXIT_NPF);
	expect("EXITINTINFO", vm->vmcb->exit_int_info & 0xffffffff, EVENT_VALID | vector);
	expect("RIP", vm->vmcb->rip, address(guest_start));
	expect("ISR", vector_test(vm->page, APIC_ISR, vector), 1);
	*entry |= PTE_PRESENT;
	vm->vmcb->event_inj = vm->vmcb->exit_int_info;
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
	expect("EVENTINJ", vm->vmcb->event_inj & EVENT_VALID, 0);
}

/* The guest's stack is the APIC page: its pushes are no register accesses. */
static void stack_on_page(bool injected)
{
	struct vm *vm = &vms[0];

	row("15.29.3, inferred", "%s interrupt, and the stack is the APIC page",
	    injected ? "injected" : "an");
	vm->vmcb->rsp = APIC_PAGE + 0x400;
	if (injected)
		vm->vmcb->event_inj = EVENT_VALID | 0x45;
	else
		vector_set(vm->page, APIC_IRR, 0x45);
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, EXIT_NOACCEL);
	expect("EXITINFO1", vm->vmcb->exit_info1, 1ull << 32 | 0x3f0);
	expect("EXITINTINFO", vm->vmcb->exit_int_info & 0xffffffff, EVENT_VALID | 0x45);
	expect("RIP", vm->vmcb->rip, address(guest_start));
}

void directed_interrupts(void)
{
	tpr_and_cr8(false);
	tpr_and_cr8(true);
	at_entry();
	machine_first();
	masked();
	processor_priority();
	eoi(false);
	eoi(true);
	level(false);
	level(true);
	exit_int_info(0x45);
	exit_int_info(0x11);
	exit_int_info(0xfe);
	stack_on_page(false);
	stack_on_page(true);
}
