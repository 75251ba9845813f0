/* SPDX-License-Identifier: MIT */
/* The same through MSRs: x2AVIC. */
#include "classes.h"

/*
 * The checks of the x2APIC register map come before table 15-22. For which registers is inferred,
 * except those that were measured on Zen 4.
 */
#define ZEN4	  "16.11, table 15-22; measured on Zen 4"
#define READ_ONLY "16.11: read-only, first: inferred"
#define ABSENT	  "16.11: not implemented, first: inferred"

static const struct range ranges[] = {
	{0x020, 0x020, PLAIN, GP, READ_ONLY, "ID"},
	{0x030, 0x030, PLAIN, GP, READ_ONLY, "version"},
	{0x080, 0x080, PLAIN, PLAIN, "table 15-22", "TPR"},
	{0x090, 0x090, FAULT, GP, ZEN4, "APR"},
	{0x0a0, 0x0a0, PLAIN, GP, READ_ONLY, "PPR"},
	{0x0b0, 0x0b0, GP, GP, "16.11, inferred: write-only, zero only", "EOI"},
	{0x0c0, 0x0c0, GP, GP, "16.11: reserved, first: inferred", "RRR"},
	{0x0d0, 0x0d0, PLAIN, GP, READ_ONLY, "LDR"},
	{0x0e0, 0x0e0, GP, GP, ZEN4, "DFR"},
	{0x0f0, 0x0f0, PLAIN, TRAP, "table 15-22", "SVR"},
	{0x100, 0x170, PLAIN, GP, READ_ONLY, "ISR"},
	{0x180, 0x1f0, PLAIN, GP, READ_ONLY, "TMR"},
	{0x200, 0x270, PLAIN, GP, READ_ONLY, "IRR"},
	{0x280, 0x280, PLAIN, GP, "16.11: zero only, first: inferred", "ESR"},
	{0x300, 0x300, PLAIN, PLAIN, "table 15-22; a self IPI", "ICR"},
	{0x310, 0x310, GP, GP, ZEN4, "ICR high"},
	{0x320, 0x370, PLAIN, TRAP, "table 15-22", "LVT"},
	{0x380, 0x380, PLAIN, TRAP, "table 15-22", "timer initial count"},
	{0x390, 0x390, FAULT, GP, ZEN4, "timer current count"},
	{0x3e0, 0x3e0, PLAIN, TRAP, "table 15-22", "timer divide"},
	{0x3f0, 0x3f0, GP, PLAIN, "16.11: write-only", "SELF_IPI"},
	{0x400, 0x400, FAULT, GP, READ_ONLY, "extended features"},
	{0x410, 0x420, FAULT, FAULT, "table 15-22", "extended control, SEOI"},
	{0x480, 0x4f0, FAULT, FAULT, "table 15-22", "extended IER"},
	{0x500, 0x530, EXTLVT_READ, EXTLVT_WRITE, "table 15-22, CPUID 8000_000A EDX[27]",
	 "extended LVT"},
	{0x000, 0xff0, GP, GP, ABSENT, "not implemented"},
};

static uint64_t code_of(enum class c)
{
	return c == PLAIN ? EXIT_VMMCALL : c == GP ? EXIT_EXCP_GP : EXIT_NOACCEL;
}

static void prepare(struct vm *vm, unsigned off)
{
	vm_reset(0);
	vm_x2(vm);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	*reg(vm->page, off) = OLD;
}

static void read_one(struct vm *vm, unsigned off, enum class c)
{
	struct op *op;

	prepare(vm, off);
	op = vm_op(vm, g_rdmsr, X2(off), 0);
	vm_run(vm);
	if (c != PLAIN) {
		expect_exit(vm, code_of(c), c == GP ? 0 : off, 0, g_rdmsr);
		return;
	}
	expect_end(vm);
	expect("EAX", op->rax, value_at_entry(off));
	expect("EDX", op->rdx, 0);
}

static void write_one(struct vm *vm, unsigned off, enum class c)
{
	uint32_t before;

	prepare(vm, off);
	before = off == APIC_PPR ? 0 : *reg(vm->page, off);
	vm_op(vm, g_wrmsr, X2(off), value_written(off));
	vm_run(vm);
	if (c == PLAIN)
		expect_end(vm);
	else
		expect_exit(vm, code_of(c), c == GP ? 0 : 1ull << 32 | off, 0,
			    c == TRAP ? g_wrmsr_after : g_wrmsr);
	if (c == FAULT || c == GP || off == 0x3f0)
		expect("page", *reg(vm->page, off), before);
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
			row(r->cite, "x2AVIC: %s at MSR %x", r->name, X2(off));
		last = r;
		read_one(vm, off, class_here(r->read));
		write_one(vm, off, class_here(r->write));
	}
}

/* Values that WRMSR refuses. */
static void refused(void)
{
	static const struct {
		const char *cite, *name;
		uint32_t msr;
		uint64_t value;
	} rows[] = {
		{"16.11", "EOI with 1", X2(APIC_EOI), 1},
		{"16.11", "TPR bit 8", X2(APIC_TPR), 0x100},
		{"16.11", "TPR bit 32", X2(APIC_TPR), 1ull << 32},
		{"16.11", "SELF_IPI bit 8", X2_SELF, 0x130},
		{"16.13", "ICR bit 12", X2(APIC_ICR), 0x41030},
		{"16.13", "ICR bit 13", X2(APIC_ICR), 0x42030},
		{"16.13", "ICR bit 16", X2(APIC_ICR), 0x50030},
		{"16.13", "ICR bit 17", X2(APIC_ICR), 0x60030},
		{"16.13", "ICR bit 31", X2(APIC_ICR), 0x80040030},
		{"16.11", "SVR bit 32", X2(APIC_SVR), 1ull << 32},
		{"16.11, inferred", "ESR with 1", X2(APIC_ESR), 1},
		{"measured on Zen 4", "LVT timer in TSC-deadline mode", X2(0x320), 1u << 18 | 0x30},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct vm *vm = &vms[0];

		row(rows[i].cite, "x2AVIC: %s is #GP", rows[i].name);
		vm_x2(vm);
		vm_op(vm, g_wrmsr, rows[i].msr, rows[i].value);
		vm_run(vm);
		expect_exit(vm, EXIT_EXCP_GP, 0, 0, g_wrmsr);
		expect_log(vm, 0, NULL);
		expect("IRR", vector_test(vm->page, APIC_IRR, 0x30), 0);
		expect("page", *reg(vm->page, (rows[i].msr - X2(0)) * 16), 0);
	}
}

static void error_status(void)
{
	struct vm *vm = &vms[0];

	row("16.11, table 15-22", "x2AVIC: ESR with 0 is a trap");
	vm_x2(vm);
	*reg(vm->page, APIC_ESR) = OLD;
	vm_op(vm, g_wrmsr, X2(APIC_ESR), 0);
	vm_run(vm);
	expect_exit(vm, EXIT_NOACCEL, 1ull << 32 | APIC_ESR, 0, g_wrmsr_after);
	expect("page", *reg(vm->page, APIC_ESR), 0);
}

/* MSR intercepts come first, and the APIC page is not used. */
static void around(void)
{
	struct vm *vm = &vms[0];
	struct op *op;

	row("15.29, x2AVIC", "x2AVIC: an intercepted MSR exits before AVIC looks at it");
	vm_x2(vm);
	vm_intercept_msr(vm, X2(APIC_LDR), true, true);
	vm_op(vm, g_rdmsr, X2(APIC_LDR), 0);
	vm_run(vm);
	expect("exit code", vm->vmcb->exit_code, 0x7c);
	expect("RIP", vm->vmcb->rip, address(g_rdmsr));

	row("15.29.4", "x2AVIC: what lies at APIC_BAR is memory");
	vm_x2(vm);
	*reg(vm->plain, APIC_LDR) = 0x1234;
	op = vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	vm_op(vm, g_st4, APIC_PAGE + APIC_SVR, 0x99);
	vm_run(vm);
	expect_end(vm);
	expect("memory", op->rax, 0x1234);
	expect("memory written", *reg(vm->plain, APIC_SVR), 0x99);
	expect("page", *reg(vm->page, APIC_SVR), 0);

	row("inferred", "x2AVIC: ICR is read in one piece");
	vm_x2(vm);
	*reg(vm->page, APIC_ICR) = 0x40030;
	*reg(vm->page, APIC_ICRH) = 7;
	op = vm_op(vm, g_rdmsr, X2(APIC_ICR), 0);
	vm_run(vm);
	expect_end(vm);
	expect("EAX", op->rax, 0x40030);
	expect("EDX", op->rdx, 7);
}

void directed_x2(void)
{
	classes();
	refused();
	error_status();
	around();
}
