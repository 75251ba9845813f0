/* SPDX-License-Identifier: MIT */
/* Guest accesses to the APIC page, by the classes of table 15-22: 15.29.3.1. */
#include "classes.h"

#define ELSEWHERE 0x200000ull /* of the nested mapping, behind the program */

/* TPR, EOI and ICR have rows of their own. */
static const struct range ranges[] = {
	{0x020, 0x020, PLAIN, TRAP, "table 15-22", "ID"},
	{0x030, 0x030, PLAIN, FAULT, "table 15-22", "version"},
	{0x080, 0x080, PLAIN, PLAIN, "table 15-22", "TPR"},
	{0x090, 0x090, FAULT, FAULT, "table 15-22", "APR"},
	{0x0a0, 0x0a0, PLAIN, FAULT, "table 15-22", "PPR"},
	{0x0b0, 0x0b0, PLAIN, PLAIN, "table 15-22; nothing in service: inferred", "EOI"},
	{0x0c0, 0x0c0, PLAIN, TRAP, "table 15-22", "RRR"},
	{0x0d0, 0x0d0, PLAIN, TRAP, "table 15-22", "LDR"},
	{0x0e0, 0x0e0, PLAIN, TRAP, "table 15-22", "DFR"},
	{0x0f0, 0x0f0, PLAIN, TRAP, "table 15-22", "SVR"},
	{0x100, 0x170, PLAIN, FAULT, "table 15-22", "ISR"},
	{0x180, 0x1f0, PLAIN, FAULT, "table 15-22", "TMR"},
	{0x200, 0x270, PLAIN, FAULT, "table 15-22", "IRR"},
	{0x280, 0x280, PLAIN, TRAP, "table 15-22", "ESR"},
	{0x300, 0x300, PLAIN, PLAIN, "table 15-22; a self IPI", "ICR low"},
	{0x310, 0x310, PLAIN, PLAIN, "table 15-22", "ICR high"},
	{0x320, 0x370, PLAIN, TRAP, "table 15-22", "LVT"},
	{0x380, 0x380, PLAIN, TRAP, "table 15-22", "timer initial count"},
	{0x390, 0x390, FAULT, FAULT, "table 15-22", "timer current count"},
	{0x3e0, 0x3e0, PLAIN, TRAP, "table 15-22", "timer divide"},
	{0x400, 0x420, FAULT, FAULT, "table 15-22", "extended features"},
	{0x480, 0x4f0, FAULT, FAULT, "table 15-22", "extended IER"},
	{0x500, 0x530, EXTLVT_READ, EXTLVT_WRITE, "table 15-22, CPUID 8000_000A EDX[27]",
	 "extended LVT"},
	{0x540, 0xff0, FAULT, FAULT, "table 15-22", "beyond"},
	{0x000, 0xff0, PLAIN, PLAIN, "15.29.3.1: not listed", "not listed"},
};

static void prepare(struct vm *vm, unsigned off)
{
	vm_reset(0);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	*reg(vm->page, off) = OLD;
}

static void read_one(struct vm *vm, unsigned off, enum class class)
{
	struct op *op;

	prepare(vm, off);
	op = vm_op(vm, g_ld4, APIC_PAGE + off, 0);
	vm_run(vm);
	if (class == FAULT) {
		expect_exit(vm, EXIT_NOACCEL, off, 0, g_ld4);
		return;
	}
	expect_end(vm);
	/* In-service bits of OLD give the PPR: the class of the vector, and of no other. */
	expect("value read", op->rax, value_at_entry(off));
}

static void write_one(struct vm *vm, unsigned off, enum class class)
{
	prepare(vm, off);
	vm_op(vm, g_st4, APIC_PAGE + off, value_written(off));
	vm_run(vm);
	if (class == PLAIN)
		expect_end(vm);
	else
		expect_exit(vm, EXIT_NOACCEL, 1ull << 32 | off, 0,
			    class == TRAP ? g_st4_after : g_st4);
	expect("operations done", vm->guest->ops[0].done, class == PLAIN);
	if (off == APIC_EOI || class == FAULT)
		expect("page", *reg(vm->page, off), value_at_entry(off));
	else
		expect("page", *reg(vm->page, off), value_written(off));
}

static void classes(void)
{
	const struct range *last = NULL;
	struct vm *vm = &vms[0];

	for (unsigned off = 0; off < PAGE; off += 16) {
		const struct range *r = range_of(ranges, off);

		if (r != last)
			row(r->cite, "%s at %x", r->name, off);
		last = r;
		read_one(vm, off, class_here(r->read));
		write_one(vm, off, class_here(r->write));
		expect("memory behind the APIC page", *reg(vm->plain, off), 0);
	}
}

/* Accesses that are no register: size, offset. */
static void odd_accesses(void)
{
	static const struct {
		const char *name, *stub;
		unsigned off, reported;
		bool write;
	} odd[] = {
		{"1 byte read", g_ld1, 0x80, 0x80, 0},
		{"1 byte write", g_st1, 0x80, 0x80, 1},
		{"2 byte read", g_ld2, 0x20, 0x20, 0},
		{"2 byte write", g_st2, 0x20, 0x20, 1},
		{"8 byte read", g_ld8, 0x20, 0x20, 0},
		{"8 byte write", g_st8, 0x300, 0x300, 1},
		{"16 byte read", g_ld16, 0x20, 0x20, 0},
		{"16 byte write", g_st16, 0x20, 0x20, 1},
		{"4 bytes at +4", g_ld4, 0x84, 0x80, 0},
		{"4 bytes at +4", g_st4, 0x84, 0x80, 1},
		{"4 bytes across", g_ld4, 0x8e, 0x80, 0},
		{"4 bytes across", g_st4, 0x8e, 0x80, 1},
		{"4 bytes at +1", g_st4, 0x301, 0x300, 1},
		{"fxsave", g_fxsave, 0x0, 0x0, 1},
		{"locked 8 bytes", g_lock_or8, 0x80, 0x80, 0},
		{"push from it", g_push, 0x20, 0x20, 0},
	};

	for (unsigned i = 0; i < COUNT(odd); i++) {
		struct vm *vm = &vms[0];

		row("15.29.3.1, inferred", "%s at %x exits before the access", odd[i].name,
		    odd[i].off);
		vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
		vm_op(vm, odd[i].stub, APIC_PAGE + odd[i].off, 0xffffffff);
		vm_run(vm);
		expect_exit(vm, EXIT_NOACCEL, (uint64_t)odd[i].write << 32 | odd[i].reported, 0,
			    odd[i].stub);
		expect("TPR", *reg(vm->page, 0x80), 0);
		expect("page", *reg(vm->page, 0x300), 0);
	}
}

/* Read and write in one instruction. */
static void read_modify_write(void)
{
	static const char *const stubs[] = {g_xchg4, g_add4, g_lock_add4};
	struct vm *vm = &vms[0];

	for (unsigned i = 0; i < COUNT(stubs); i++) {
		row("table 15-22", "read-modify-write %x of a register whose writes are traps", i);
		*reg(vm->page, APIC_LDR) = 0x10;
		vm_op(vm, stubs[i], APIC_PAGE + APIC_LDR, 0x20);
		vm_run(vm);
		expect("exit code", vm->vmcb->exit_code, EXIT_NOACCEL);
		expect("EXITINFO1", vm->vmcb->exit_info1, 1ull << 32 | APIC_LDR);
		expect("LDR", *reg(vm->page, APIC_LDR), i ? 0x30 : 0x20);

		row("table 15-22", "read-modify-write %x of TPR", i);
		*reg(vm->page, APIC_TPR) = 0;
		vm_op(vm, stubs[i], APIC_PAGE + APIC_TPR, 0x20);
		vm_op(vm, g_rdcr8, 0, 0);
		vm_run(vm);
		expect_end(vm);
		expect("CR8", vm->guest->ops[1].rax, 2);
	}
}

/* A string instruction stops at the first element that exits. */
static void strings(void)
{
	struct vm *vm = &vms[0];

	row("table 15-22", "REP STOSD: the trap of the first element comes before the second");
	vm_op(vm, g_stos, APIC_PAGE + APIC_LDR, 0x12345678 | 4ull << 32);
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, EXIT_NOACCEL);
	expect("EXITINFO1", vm->vmcb->exit_info1, 1ull << 32 | APIC_LDR);
	expect("RIP", vm->vmcb->rip, address(g_stos_rep));
	expect("LDR", *reg(vm->page, APIC_LDR), 0x12345678);

	row("15.29.3.1, inferred", "REP STOSD over plain registers exits where no register starts");
	vm_op(vm, g_stos, APIC_PAGE + 0x10, 0x12345678 | 4ull << 32);
	vm_run(vm);
	expect_exit(vm, EXIT_NOACCEL, 1ull << 32 | 0x10, 0, g_stos_rep);
	expect("register", *reg(vm->page, 0x10), 0x12345678);
}

/* 15.29.3: the page's own nested mapping gives permissions. */
static void permissions(void)
{
	struct vm *vm = &vms[0];

	row("15.29.3", "APIC page without a nested mapping");
	*vm_nested(vm, APIC_PAGE) = 0;
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, EXIT_NPF);
	expect("EXITINFO2", vm->vmcb->exit_info2, APIC_PAGE + APIC_LDR);
	expect("RIP", vm->vmcb->rip, address(g_ld4));

	row("15.29.3", "APIC page that may not be written");
	*vm_nested(vm, APIC_PAGE) &= ~(uint64_t)PTE_WRITE;
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	vm_op(vm, g_st4, APIC_PAGE + APIC_LDR, 1);
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, EXIT_NPF);
	expect("EXITINFO2", vm->vmcb->exit_info2, APIC_PAGE + APIC_LDR);
	expect("RIP", vm->vmcb->rip, address(g_st4));
	expect("LDR", *reg(vm->page, APIC_LDR), 0);
}

/* The guest moves 2 MiB and invalidates them by an address outside the APIC page. */
static void large_page(void)
{
	volatile uint64_t *entry = guest_pml4 + 2 * 512 + (APIC_PAGE >> 21);
	struct vm *vm = &vms[0];

	row("15.29.3; INVLPG", "INVLPG of a large page that the APIC page is a part of");
	*reg(vm->page, APIC_LDR) = 0x77;
	*(volatile uint32_t *)(ELSEWHERE + APIC_LDR) = 0x88;
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	vm_op(vm, g_st8, address(entry), ELSEWHERE | (*entry & 0xfff));
	vm_op(vm, g_invlpg, APIC_PAGE + 8 * PAGE, 0);
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	vm_run(vm);
	vm_guest_tables();
	expect_end(vm);
	expect("APIC", vm->guest->ops[0].rax, 0x77);
	expect("memory", vm->guest->ops[3].rax, 0x88);
}

static void elsewhere(void)
{
	struct vm *vm = &vms[0];
	uint64_t gpa = address(vm->guest->ops) & ~0xfffull;

	row("15.29.3", "APIC_BAR elsewhere: FEE0_0000h is memory, the page there is the APIC");
	vm->vmcb->apic_bar = address(vm->gdt);
	*reg(vm->page, APIC_LDR) = 0x77;
	*reg(vm->plain, APIC_LDR) = 0x88;
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	vm_op(vm, g_ld4, address(vm->gdt) + APIC_LDR, 0);
	vm_op(vm, g_st4, APIC_PAGE + 0x90, 5);
	vm_run(vm);
	expect_end(vm);
	expect("memory", vm->guest->ops[0].rax, 0x88);
	expect("APIC", vm->guest->ops[1].rax, 0x77);
	expect("memory written", *reg(vm->plain, 0x90), 5);

	row("15.29.3", "the guest's own list is the APIC page");
	vm->vmcb->apic_bar = gpa;
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, EXIT_NOACCEL);
}

/* A data breakpoint on the page: the exit comes first, and the breakpoint is not reported. */
static void breakpoint(void)
{
	struct vm *vm = &vms[0];

	row("table 15-22, 15.12.2", "data breakpoint on a register whose writes are faults");
	__asm__ volatile("mov %0, %%dr0" : : "r"((uint64_t)APIC_PAGE + APIC_PPR));
	vm->vmcb->dr7 = 0xf0401;
	vm_op(vm, g_st4, APIC_PAGE + APIC_PPR, 1);
	vm_run(vm);
	expect_exit(vm, EXIT_NOACCEL, 1ull << 32 | APIC_PPR, 0, g_st4);

	row("15.12.2", "data breakpoint on a register of plain memory");
	vm->vmcb->dr7 = 0xf0401;
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICRH, 1);
	__asm__ volatile("mov %0, %%dr0" : : "r"((uint64_t)APIC_PAGE + APIC_ICRH));
	vm_run(vm);
	expect_exit(vm, EXIT_EXCEPTION + 1, 0, 0, g_st4_after);
	expect("page", *reg(vm->page, APIC_ICRH), 1);
}

void directed_access(void)
{
	classes();
	odd_accesses();
	read_modify_write();
	strings();
	permissions();
	large_page();
	elsewhere();
	breakpoint();
}
