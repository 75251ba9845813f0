/* SPDX-License-Identifier: MIT */
/*
 * The exit of a trap: it is taken when the instruction of the access is complete, before anything
 * else that is recognised between two instructions (inferred: the VMCB has no place for an exit
 * that is still to be taken). No other exit comes first, and no state of the trap remains.
 */
#include "svm.h"

/* An IPI to a vCPU that does not run, with a single step (RFLAGS.TF) over its access. */
static void step_over_ipi(struct vm *vm)
{
	physical[1] = ENTRY_VALID | address(vms[1].page);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	*reg(vm->page, APIC_ICRH) = 1 << 24;
	vm_op(vm, g_step_st4, APIC_PAGE + APIC_ICR, 0x45);
}

static void expect_ipi_exit(struct vm *vm)
{
	expect_exit(vm, EXIT_IPI, 1ull << 56 | 0x45, 1ull << 32 | 1, g_step_st4_after);
}

static void single_step(void)
{
	struct vm *vm = &vms[0];

	row("15.29.6; the order: inferred", "the exit of an IPI comes before #DB of a single step");
	step_over_ipi(vm);
	vm_run(vm);
	expect_ipi_exit(vm);
	vm_run(vm);
	expect("the step after it", vm->vmcb->exit_code, EXIT_EXCP_DB);
	expect("is one instruction", vm->vmcb->rip > address(g_step_st4_after), 1);

	row("15.29.6", "the exit of an IPI is not lost when another guest runs next");
	step_over_ipi(vm);
	vm_run(vm);
	expect_ipi_exit(vm);
	vm_run(&vms[1]);
	expect_end(&vms[1]);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_TF;
	vm_run(vm);
	expect_end(vm);
}

static void data_breakpoint(void)
{
	struct vm *vm = &vms[0];

	row("table 15-22; the order: inferred",
	    "the exit of a trap comes before a data breakpoint");
	__asm__ volatile("mov %0, %%dr0" : : "r"((uint64_t)APIC_PAGE + APIC_LDR));
	vm->vmcb->dr7 = 0xf0401;
	vm_op(vm, g_st4, APIC_PAGE + APIC_LDR, 1);
	vm_run(vm);
	expect_exit(vm, EXIT_NOACCEL, 1ull << 32 | APIC_LDR, 0, g_st4_after);
	vm_run(vm);
	expect_end(vm);
}

static void stack_breakpoint(void)
{
	struct vm *vm = &vms[0];

	row("13.1.1", "a data breakpoint on the stack that INT n uses");
	__asm__ volatile("mov %0, %%dr0" : : "r"(vm->vmcb->rsp - 24));
	vm->vmcb->dr7 = 0x90401;
	vm_op(vm, g_int, 0, 0);
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, EXIT_EXCP_DB);
}

/* Two elements: the second cannot be read. */
static void string(void)
{
	struct vm *vm = &vms[0];
	uint64_t last = address(vm->idt) + PAGE - 4;

	row("table 15-22", "REP MOVSD: the trap of the first element, and the second faults");
	*(volatile uint32_t *)(uintptr_t)last = 0x12345678;
	*vm_nested(vm, last + 4) = 0;
	vm_op(vm, g_movs, APIC_PAGE + APIC_LDR, (uint32_t)last | 2ull << 32);
	vm_run(vm);
	expect_exit(vm, EXIT_NOACCEL, 1ull << 32 | APIC_LDR, 0, g_movs_rep);
	expect("LDR", *reg(vm->page, APIC_LDR), 0x12345678);
}

static void run(void *vm)
{
	vm_run(vm);
}

static void run_second(void)
{
	second_give(run, &vms[1]);
	if (!second_wait())
		broken("the second processor does not come back from its guest");
}

static void restart_second(void)
{
	if (!second_start())
		broken("the second processor does not start again");
}

/* INIT without an intercept: an unfinished instruction of the guest leaves no state. */
static void init(void)
{
	struct vm *vm = &vms[1];

	row("15.21.8, 15.29.6", "nothing of an exit is left behind INIT");
	step_over_ipi(vm);
	run_second();
	restart_second();
	vm->vmcb->rip = address(g_step_st4_after);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_TF;
	run_second();
	expect_end(vm);

	row("15.15.3, inferred", "clean bit 11 after INIT: nothing is cached");
	*reg(vms[0].page, APIC_LDR) = 0xa;
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	run_second();
	restart_second();
	vm->vmcb->backing_page = address(vms[0].page);
	vm->vmcb->clean = CLEAN_AVIC;
	vm->vmcb->rip = address(guest_start);
	vm->vmcb->rsp = address(vm->stack) + PAGE;
	run_second();
	expect("LDR", vm->guest->ops[0].rax, 0xa);
}

bool stepped(void)
{
	struct vm *vm = &vms[1];
	volatile uint64_t *code = &vm->vmcb->exit_code;

	vm->vmcb->intercept1 |= INTERCEPT_INIT;
	vm_op(vm, g_st4, APIC_PAGE + APIC_LDR, 1);
	*code = 0;
	second_give(run, vm);
	while (*code == 0 || *code == 0x5555)
		pause();
	for (unsigned i = 0; i < 2000; i++)
		inb(0x80);
	print("stepped: exit %lx, EXITINFO1 %lx, RIP %s\n", *code, vm->vmcb->exit_info1,
	      vm->vmcb->rip == address(g_st4_after) ? "behind the access" : "elsewhere");
	return *code == EXIT_NOACCEL && vm->vmcb->rip == address(g_st4_after);
}

void directed_exits(void)
{
	single_step();
	data_breakpoint();
	stack_breakpoint();
	string();
	init();
}
