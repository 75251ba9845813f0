/* SPDX-License-Identifier: MIT */
/* ICR writes of a guest: self IPI, IPI virtualization; 30.1.5, 30.1.6, 30.4.3.2, 30.5. */
#include "vmx.h"

/* The result of a write, in xAPIC and in x2APIC mode. */
enum outcome { POSTS, TRAPS, SELF, GP };

#define TO_SELF (1u << 18)
#define ALL	(2u << 18)
#define OTHERS	(3u << 18)
#define LOGICAL (1u << 11)
#define BUSY	(1u << 12)
#define ASSERT	(1u << 14)
#define LEVEL	(1u << 15)
#define LAST	8u

/*
 * The table: 0 the sender, 1 the other processor, 2 not valid, 3 a reserved bit, 4 beyond the
 * width, 5 no memory, 8 as 1, and it ends there.
 */
static const struct ipi {
	const char *name;
	uint32_t dest, low;
	uint8_t page, x2;
} ipis[] = {
	{"fixed", 1, 0x45, POSTS, POSTS},
	{"vector 16", 1, 0x10, POSTS, POSTS},
	{"vector 255", 1, 0xff, POSTS, POSTS},
	{"asserted", 1, ASSERT | 0x45, POSTS, POSTS},
	{"the last index", LAST, 0x45, POSTS, POSTS},
	{"beyond the last index", LAST + 1, 0x45, TRAPS, TRAPS},
	{"ID 255", 255, 0x45, TRAPS, TRAPS},
	{"not valid", 2, 0x45, TRAPS, TRAPS},
	{"a reserved bit in the entry", 3, 0x45, TRAPS, TRAPS},
	{"an entry beyond the width", 4, 0x45, TRAPS, TRAPS},
	{"vector 15", 1, 0x0f, TRAPS, TRAPS},
	{"vector 0", 1, 0, TRAPS, TRAPS},
	{"lowest priority", 1, 0x145, TRAPS, TRAPS},
	{"SMI", 1, 0x200, TRAPS, TRAPS},
	{"NMI", 1, 0x400, TRAPS, TRAPS},
	{"INIT", 1, 0x500 | ASSERT, TRAPS, TRAPS},
	{"start-up", 1, 0x608, TRAPS, TRAPS},
	{"logical", 1, LOGICAL | 0x45, TRAPS, TRAPS},
	{"busy", 1, BUSY | 0x45, TRAPS, TRAPS},
	{"level", 1, LEVEL | ASSERT | 0x45, TRAPS, TRAPS},
	{"all", 1, ALL | 0x45, TRAPS, TRAPS},
	{"all others", 1, OTHERS | 0x45, TRAPS, TRAPS},
	{"self", 1, TO_SELF | 0x45, SELF, TRAPS},
	{"self, asserted", 1, TO_SELF | ASSERT | 0x45, SELF, TRAPS},
	{"self, logical", 1, TO_SELF | LOGICAL | 0x45, SELF, TRAPS},
	{"self, vector 16", 1, TO_SELF | 0x10, SELF, TRAPS},
	{"self, vector 15", 1, TO_SELF | 0x0f, TRAPS, TRAPS},
	{"self, NMI", 1, TO_SELF | 0x400, TRAPS, TRAPS},
	{"self, level", 1, TO_SELF | LEVEL | 0x45, TRAPS, TRAPS},
	{"self, busy", 1, TO_SELF | BUSY | 0x45, TRAPS, TRAPS},
	{"reserved bit 13", 1, 1u << 13 | 0x45, TRAPS, GP},
	{"reserved bit 16", 1, 1u << 16 | 0x45, TRAPS, GP},
	{"reserved bit 17", 1, 1u << 17 | 0x45, TRAPS, GP},
	{"reserved bit 20", 1, 1u << 20 | 0x45, TRAPS, GP},
	{"reserved bit 31", 1, 1u << 31 | 0x45, TRAPS, GP},
};

static void tables(struct vm *vm)
{
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm->vmcs->last_pid = LAST;
	pid_table[2] = address(&pids[2]);
	pid_table[3] = address(&pids[2]) | PID_VALID | 2;
	pid_table[4] = 1ull << phys_bits() | PID_VALID;
	pid_table[LAST] = address(&pids[1]) | PID_VALID;
	pid_table[LAST + 1] = address(&pids[2]) | PID_VALID;
	pid_table[255] = address(&pids[2]) | PID_VALID;
}

static void icr(struct vm *vm, bool x2, uint32_t dest, uint32_t low)
{
	if (x2) {
		vm_op(vm, g_wrmsr, X2(APIC_ICR), (uint64_t)dest << 32 | low);
		return;
	}
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICRH, dest << 24);
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, low);
}

static bool nothing_posted(const struct pid *p)
{
	return !(p->pir[0] | p->pir[1] | p->pir[2] | p->pir[3] | (p->control & PID_ON));
}

static void expect_posted(const struct pid *p, unsigned vector)
{
	for (unsigned v = 0; v < 256; v += 1)
		expect("PIR", pir_test(p, v), v == vector);
	expect("ON", p->control & PID_ON, 1);
}

static void expect_outcome(struct vm *vm, const struct ipi *c, bool x2)
{
	uint8_t outcome = x2 ? c->x2 : c->page;
	uint64_t interrupts;

	second_turns();
	interrupts = cpus[1].interrupts;
	if (outcome == TRAPS) {
		expect_exit(vm, EXIT_APIC_WRITE, APIC_ICR, x2 ? g_wrmsr_after : g_st4_after);
	} else if (outcome == GP) {
		if (expect("exit reason", vm->vmcs->reason, EXIT_EXCEPTION))
			expect("vector", vm->vmcs->exit_info & 255, 13);
	} else {
		expect_end(vm);
	}
	if (outcome != GP)
		expect("VICR", *reg(vm->page, APIC_ICR), c->low);
	if (outcome == POSTS)
		expect_posted(&pids[1], c->low & 255);
	else
		expect("posted to nobody", nothing_posted(&pids[1]), 1);
	expect("notifications", interrupts, outcome == POSTS);
	expect("posted to others", nothing_posted(&pids[0]) && nothing_posted(&pids[2]), 1);
	expect("RVI", vm->vmcs->intr_status & 255, outcome == SELF ? c->low & 255 : 0);
	if (outcome == SELF)
		expect("IRR", vector_test(vm->page, APIC_IRR, c->low & 255), 1);
}

static void one(const struct ipi *c, bool x2)
{
	struct vm *vm = &vms[0];

	row(x2 ? "30.5, 30.1.6" : "30.4.3.2, 30.1.6", "%s: IPI: %s", x2 ? "x2APIC" : "xAPIC",
	    c->name);
	tables(vm);
	if (x2)
		vm_x2(vm);
	second_turns();
	cpus[1].interrupts = 0;
	icr(vm, x2, c->dest, c->low);
	vm_run(vm);
	expect_outcome(vm, c, x2);
}

/* The descriptor says whether and where the notification goes. */
static void notification(bool x2)
{
	static const struct {
		const char *name;
		uint64_t control; /* of the descriptor, without NDST */
		bool on, sent;
	} states[] = {
		{"ON", PID_ON | PID_NV(NOTIFY), true, false},
		{"SN", PID_SN | PID_NV(NOTIFY), false, false},
		{"ON and SN", PID_ON | PID_SN | PID_NV(NOTIFY), true, false},
		{"another vector", PID_NV(OTHER), true, true},
		{"reserved bits", PID_NV(NOTIFY) | 0xfffcull | 0xffull << 24, true, true},
	};
	struct vm *vm = &vms[0];

	for (unsigned i = 0; i < COUNT(states); i++) {
		row("30.1.6", "%s: IPI to a descriptor with %s", x2 ? "x2APIC" : "xAPIC",
		    states[i].name);
		tables(vm);
		if (x2)
			vm_x2(vm);
		pids[1].control = pid_ndst(1) | states[i].control;
		second_turns();
		cpus[1].interrupts = 0;
		icr(vm, x2, 1, 0x45);
		vm_run(vm);
		second_turns();
		expect_end(vm);
		expect("PIR", pir_test(&pids[1], 0x45), 1);
		expect("ON", pids[1].control & PID_ON, states[i].on);
		expect("control", pids[1].control & ~PID_ON,
		       (pid_ndst(1) | states[i].control) & ~PID_ON);
		expect("notifications", cpus[1].interrupts, states[i].sent);
	}
}

static void to_itself(bool x2)
{
	static const uint8_t taken[] = {0x45};
	struct vm *vm = &vms[0];

	row("30.1.6, 30.6", "%s: an IPI to itself by its ID is posted and taken, no exit",
	    x2 ? "x2APIC" : "xAPIC");
	if (x2)
		vm_x2(vm);
	icr(vm, x2, 0, 0x45);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, taken);
	expect("taken out of the descriptor", nothing_posted(&pids[0]), 1);
}

/*
 * Without the control: accesses that were virtualized exit in xAPIC mode, and reach the processor's
 * own MSR in x2APIC mode.
 */
static void without(void)
{
	struct vm *vm = &vms[0];

	row("30.4.3.2", "without IPI virtualization a store to the ICR exits");
	vm->vmcs->proc3 = 0;
	icr(vm, false, 1, 0x45);
	vm_run(vm);
	expect_exit(vm, EXIT_APIC_WRITE, APIC_ICR, g_st4_after);
	expect("posted", nothing_posted(&pids[1]), 1);

	row("30.5", "without IPI virtualization the ICR's MSR is the processor's");
	vm_x2(vm);
	vm->vmcs->proc3 = 0;
	icr(vm, true, 1, 0x45);
	vm_run(vm);
	if (expect("exit reason", vm->vmcs->reason, EXIT_EXCEPTION))
		expect("vector", vm->vmcs->exit_info & 255, 13);
	expect("posted", nothing_posted(&pids[1]), 1);

	row("30.5", "a destination of 32 bits, whose low half is an index");
	vm_x2(vm);
	icr(vm, true, 0x10001, 0x45);
	vm_run(vm);
	expect_exit(vm, EXIT_APIC_WRITE, APIC_ICR, g_wrmsr_after);
	expect("posted", nothing_posted(&pids[1]), 1);

	row("30.4.3.2", "VID alone has self IPIs by the ICR");
	vm->vmcs->proc3 = 0;
	vm->vmcs->proc2 &= ~PROC2_REGS;
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, TO_SELF | 0x45);
	vm_run(vm);
	expect_end(vm);
	expect_status(vm, 0x45, 0);

	row("30.4.3.2", "IPI virtualization without VID exits for a self IPI");
	vm->vmcs->proc2 &= ~PROC2_VID;
	vm->vmcs->pin &= ~PIN_POSTED;
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, TO_SELF | 0x45);
	vm_run(vm);
	expect_exit(vm, EXIT_APIC_WRITE, APIC_ICR, g_st4_after);
}

void directed_ipi(void)
{
	if (!has_ipiv())
		return;
	for (unsigned x2 = 0; x2 < 2; x2++) {
		for (unsigned i = 0; i < COUNT(ipis); i++)
			one(&ipis[i], x2);
		notification(x2);
		to_itself(x2);
	}
	without();
}
