/* SPDX-License-Identifier: MIT */
/*
 * x2APIC MSRs of a guest, 30.5. The processor's own APIC is in xAPIC mode: an access that is not
 * virtualized ends in #GP there.
 */
#include "vmx.h"

#define GP (EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR | 13)

static void expect_gp(struct vm *vm, const char *rip)
{
	if (!expect("exit reason", vm->vmcs->reason, EXIT_EXCEPTION))
		return;
	expect("interruption information", vm->vmcs->exit_info, GP);
	expect("RIP", vm->vmcs->rip, address(rip));
}

static void use(struct vm *vm, uint32_t proc2, bool ipiv)
{
	vm_x2(vm);
	vm->vmcs->proc2 = PROC2_X2APIC | PROC2_EPT | proc2;
	if (!(proc2 & PROC2_VID))
		vm->vmcs->pin &= ~PIN_POSTED;
	vm->vmcs->proc3 = ipiv ? PROC3_IPIV : 0;
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
}

static void reads(bool regs)
{
	struct vm *vm = &vms[0];

	row("30.5", "RDMSR of 800h to 8FFh, %s registers", regs ? "with" : "without");
	for (unsigned msr = 0x800; msr < 0x900; msr++) {
		unsigned off = (msr & 255) * 16;

		vm_reset(0);
		use(vm, regs ? PROC2_REGS : 0, false);
		*reg(vm->page, off) = 0x11223344;
		*reg(vm->page, off + 4) = 0x55667788;
		vm_op(vm, g_rdmsr, msr, 0);
		vm_run(vm);
		if (!regs && msr != X2(APIC_TPR)) {
			expect_gp(vm, g_rdmsr);
			continue;
		}
		expect_end(vm);
		expect("EAX", vm->guest->ops[0].rax, 0x11223344);
		expect("EDX", vm->guest->ops[0].rdx, 0x55667788);
	}
}

/* Of WRMSR: ends, #GP, or an exit of an APIC write. */
enum after { ENDS, FAULTS, TRAPS };

static const struct write {
	const char *name;
	uint32_t msr;
	uint64_t value;
	uint8_t vid, none; /* with VID; without */
} writes[] = {
	{"TPR", 0x808, 0x5f, ENDS, ENDS},
	{"TPR, bit 8", 0x808, 0x100, FAULTS, FAULTS},
	{"TPR, bit 32", 0x808, 1ull << 32, FAULTS, FAULTS},
	{"EOI", 0x80b, 0, ENDS, FAULTS},
	{"EOI, bit 0", 0x80b, 1, FAULTS, FAULTS},
	{"EOI, bit 63", 0x80b, 1ull << 63, FAULTS, FAULTS},
	{"self IPI", 0x83f, 0x45, ENDS, FAULTS},
	{"self IPI, vector 16", 0x83f, 0x10, ENDS, FAULTS},
	{"self IPI, vector 15", 0x83f, 0x0f, TRAPS, FAULTS},
	{"self IPI, vector 0", 0x83f, 0, TRAPS, FAULTS},
	{"self IPI, bit 8", 0x83f, 0x145, FAULTS, FAULTS},
	{"self IPI, bit 32", 0x83f, 1ull << 32 | 0x45, FAULTS, FAULTS},
	{"ICR", 0x830, 1ull << 32 | 0x45, FAULTS, FAULTS},
	{"LDR", 0x80d, 0, FAULTS, FAULTS},
	{"SVR", 0x80f, 0x1ff, FAULTS, FAULTS},
	{"LVT timer", 0x832, 0x10000, FAULTS, FAULTS},
	{"8FFh", 0x8ff, 0, FAULTS, FAULTS},
};

static void write(const struct write *w, bool vid)
{
	struct vm *vm = &vms[0];
	unsigned off = (w->msr & 255) * 16;
	uint8_t after = vid ? w->vid : w->none;

	row("30.5", "WRMSR with%s VID: %s", vid ? "" : "out", w->name);
	use(vm, PROC2_REGS | (vid ? PROC2_VID : 0), false);
	*reg(vm->page, off + 4) = 0x77;
	vm_op(vm, g_wrmsr, w->msr, w->value);
	vm_run(vm);
	if (after == ENDS)
		expect_end(vm);
	else if (after == FAULTS)
		expect_gp(vm, g_wrmsr);
	else
		expect_exit(vm, EXIT_APIC_WRITE, off, g_wrmsr_after);
	expect("page", *reg(vm->page, off), after == FAULTS ? 0 : (uint32_t)w->value);
	expect("page, high", *reg(vm->page, off + 4), after == FAULTS ? 0x77 : 0);
}

static void intercepted(void)
{
	static const uint32_t msrs[] = {0x808, 0x80b, 0x830, 0x83f};
	struct vm *vm = &vms[0];

	for (unsigned i = 0; i < COUNT(msrs); i++) {
		row("30.5", "the MSR bitmap comes before virtualization: %x", msrs[i]);
		use(vm, PROC2_REGS | PROC2_VID, has_ipiv());
		vm_intercept_msr(vm, msrs[i], true, true);
		vm_op(vm, g_rdmsr, msrs[i], 0);
		vm_run(vm);
		expect_exit(vm, EXIT_RDMSR, 0, g_rdmsr);
		vm->guest->ops[0].stub = address(g_wrmsr);
		vm->vmcs->rip = address(guest_start);
		vm->vmcs->rsp = address(vm->stack) + PAGE;
		vm_run(vm);
		expect_exit(vm, EXIT_WRMSR, 0, g_wrmsr);
	}
}

static void off(void)
{
	struct vm *vm = &vms[0];

	row("30.5", "without x2APIC mode the MSRs are the processor's");
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_rdmsr, 0x808, 0);
	vm_run(vm);
	expect_gp(vm, g_rdmsr);

	row("30.4", "in x2APIC mode the page is memory");
	use(vm, PROC2_REGS | PROC2_VID, false);
	vm_op(vm, g_st4, APIC_PAGE + APIC_TPR, 0x55);
	vm_run(vm);
	expect_end(vm);
	expect("memory", *reg(vm->plain, APIC_TPR), 0x55);
	expect("page", *reg(vm->page, APIC_TPR), 0);
}

void directed_x2(void)
{
	reads(true);
	reads(false);
	for (unsigned i = 0; i < COUNT(writes); i++) {
		write(&writes[i], true);
		write(&writes[i], false);
	}
	intercepted();
	off();
}
