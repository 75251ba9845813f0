/* SPDX-License-Identifier: MIT */
/* Delivery, TPR and its threshold, end of interrupt: 30.1.2, 30.1.4, 30.2.2, 30.3. */
#include "vmx.h"

#define SPELL 2000

static const uint8_t one[] = {0x45};

/* Three ways to write TPR. */
enum way { BY_PAGE, BY_MSR, BY_CR8, WAYS };
static const char *const way_name[] = {"the page", "the MSR", "CR8"};

static void tpr_op(struct vm *vm, enum way way, unsigned value)
{
	if (way == BY_CR8)
		vm_op(vm, g_wrcr8, 0, value >> 4);
	else if (way == BY_MSR)
		vm_op(vm, g_wrmsr, X2(APIC_TPR), value);
	else
		vm_op(vm, g_st4, APIC_PAGE + APIC_TPR, value);
}

static const char *tpr_after(enum way way)
{
	return way == BY_CR8 ? g_wrcr8_after : way == BY_MSR ? g_wrmsr_after : g_st4_after;
}

static void tpr(enum way way)
{
	struct vm *vm = &vms[0];

	row("30.1.2", "TPR by %s: VTPR, VPPR, CR8", way_name[way]);
	if (way == BY_MSR)
		vm_x2(vm);
	tpr_op(vm, way, 0x50);
	vm_op(vm, g_rdcr8, 0, 0);
	vm_run(vm);
	expect_end(vm);
	expect("CR8", vm->guest->ops[1].rax, 5);
	expect("VTPR", *reg(vm->page, APIC_TPR), 0x50);
	expect("VPPR", *reg(vm->page, APIC_PPR), 0x50);

	row("30.1.2", "TPR by %s lets an interrupt through", way_name[way]);
	if (way == BY_MSR)
		vm_x2(vm);
	pend(vm, 0x45);
	*reg(vm->page, APIC_TPR) = 0x40;
	vm_op(vm, g_wait, SPELL, 1);
	tpr_op(vm, way, 0x3f);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("turns left", vm->guest->ops[0].rax, 0);
	expect_log(vm, 1, one);

	row("30.1.2", "TPR by %s holds what was recognized", way_name[way]);
	if (way == BY_MSR)
		vm_x2(vm);
	pend(vm, 0x45);
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	tpr_op(vm, way, 0x40);
	vm_op(vm, g_sti, 0, 0);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
	expect_status(vm, 0x45, 0);

	for (unsigned low = 0; low < 2; low++) {
		row("30.1.2", "without VID TPR by %s %s the threshold", way_name[way],
		    low ? "below" : "at");
		if (way == BY_MSR)
			vm_x2(vm);
		vm->vmcs->proc2 &= ~PROC2_VID;
		vm->vmcs->pin &= ~PIN_POSTED;
		vm->vmcs->tpr_threshold = 5;
		*reg(vm->page, APIC_TPR) = 0x70;
		tpr_op(vm, way, low ? 0x40 : 0x50);
		vm_run(vm);
		if (low)
			expect_exit(vm, EXIT_TPR, 0, tpr_after(way));
		else
			expect_end(vm);
		expect("VTPR", *reg(vm->page, APIC_TPR), low ? 0x40 : 0x50);
	}
}

static void cr8(void)
{
	struct vm *vm = &vms[0];

	row("30.3", "CR8 is VTPR's bits 7:4");
	*reg(vm->page, APIC_TPR) = 0xffffff9f;
	vm_op(vm, g_rdcr8, 0, 0);
	vm_run(vm);
	expect("CR8", vm->guest->ops[0].rax, 9);

	row("30.3", "a reserved bit in CR8 is #GP");
	vm_op(vm, g_wrcr8, 0, 0x10);
	vm_run(vm);
	if (expect("exit reason", vm->vmcs->reason, EXIT_EXCEPTION))
		expect("vector", vm->vmcs->exit_info & 255, 13);
	expect("VTPR", *reg(vm->page, APIC_TPR), 0);
}

static void priority(bool x2)
{
	static const uint8_t order[] = {0xfe, 0x65, 0x64, 0x45, 0x10};
	struct vm *vm = &vms[0];

	row("30.1.4, 30.2.2", "%s: one after the other by priority, each ended",
	    x2 ? "MSR" : "page");
	if (x2)
		vm_x2(vm);
	for (unsigned i = 0; i < COUNT(order); i++)
		pend(vm, order[i]);
	vm->guest->eoi = x2 ? EOI_MSR : EOI_PAGE;
	vm_op(vm, g_wait, 2000, COUNT(order));
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, COUNT(order), order);
	expect_status(vm, 0, 0);
	for (unsigned off = APIC_ISR; off < APIC_TMR; off += 16)
		expect("ISR, IRR", *reg(vm->page, off) | *reg(vm->page, off + 0x100), 0);
	expect("VEOI", *reg(vm->page, APIC_EOI), 0);
	expect("VPPR", *reg(vm->page, APIC_PPR), 0);
}

static void nested(void)
{
	static const uint8_t order[] = {0x45, 0x65};
	struct vm *vm = &vms[0];

	row("30.1.4", "EOI ends SVI, whatever else is in service");
	vm->vmcs->intr_status = 0x6500;
	vector_set(vm->page, APIC_ISR, 0x65);
	vector_set(vm->page, APIC_ISR, 0x45);
	vector_set(vm->page, APIC_ISR, 0x70);
	*reg(vm->page, APIC_TPR) = 0x21;
	vm_op(vm, g_st4, APIC_PAGE + APIC_EOI, 0x55);
	vm_op(vm, g_ld4, APIC_PAGE + APIC_EOI, 0);
	vm_run(vm);
	expect_end(vm);
	expect("ISR 65h", vector_test(vm->page, APIC_ISR, 0x65), 0);
	expect("ISR 45h", vector_test(vm->page, APIC_ISR, 0x45), 1);
	expect_status(vm, 0, 0x70);
	expect("VPPR", *reg(vm->page, APIC_PPR), 0x70);
	expect("VEOI", vm->guest->ops[1].rax, 0);

	row("30.1.4", "EOI with nothing in service");
	*reg(vm->page, APIC_TPR) = 0x21;
	vm_op(vm, g_st4, APIC_PAGE + APIC_EOI, 0);
	vm_run(vm);
	expect_end(vm);
	expect_status(vm, 0, 0);
	expect("VPPR", *reg(vm->page, APIC_PPR), 0x21);

	row("30.2.2", "what is in service holds its class and those below");
	vm->vmcs->intr_status = 0x4000;
	vector_set(vm->page, APIC_ISR, 0x40);
	pend(vm, order[0]);
	vm_op(vm, g_wait, SPELL, 1);
	vm_op(vm, g_st4, APIC_PAGE + APIC_EOI, 0);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("turns left", vm->guest->ops[0].rax, 0);
	expect_log(vm, 1, order);
	expect_status(vm, 0, 0x45);
}

static void eoi_exit(unsigned vector, bool x2)
{
	struct vm *vm = &vms[0];

	row("30.1.4", "EOI exit of vector %x by %s", vector, x2 ? "MSR" : "page");
	if (x2)
		vm_x2(vm);
	vm->vmcs->eoi_exit[vector / 64] = 1ull << vector % 64;
	vm->vmcs->intr_status = vector << 8;
	vector_set(vm->page, APIC_ISR, vector);
	if (vector > 0x40)
		vector_set(vm->page, APIC_ISR, 0x31);
	pend(vm, 0x2f);
	if (!vector)
		vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, x2 ? g_wrmsr : g_st4, x2 ? X2(APIC_EOI) : APIC_PAGE + APIC_EOI, 0);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_exit(vm, EXIT_EOI, vector, x2 ? g_wrmsr_after : g_st4_after);
	expect("ISR", vector_test(vm->page, APIC_ISR, vector), 0);
	expect_status(vm, 0x2f, vector > 0x40 ? 0x31 : 0);
	expect("VPPR", *reg(vm->page, APIC_PPR), vector > 0x40 ? 0x30 : 0);
	expect("interrupts taken", vm->guest->count, 0);
}

static void eoi_exits(void)
{
	static const uint8_t vectors[] = {0, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
	struct vm *vm = &vms[0];

	for (unsigned i = 0; i < COUNT(vectors); i++) {
		eoi_exit(vectors[i], false);
		eoi_exit(vectors[i], true);
	}
	row("30.1.4", "other bits of the EOI-exit bitmap play no part");
	for (unsigned i = 0; i < 4; i++)
		vm->vmcs->eoi_exit[i] = ~0ull;
	vm->vmcs->eoi_exit[1] &= ~(1ull << 5);
	vm->vmcs->intr_status = 0x4500;
	vector_set(vm->page, APIC_ISR, 0x45);
	vm_op(vm, g_st4, APIC_PAGE + APIC_EOI, 0);
	vm_run(vm);
	expect_end(vm);
}

/* An exit during the delivery of an interrupt. */
static void vectoring(unsigned vector)
{
	const uint8_t taken[] = {(uint8_t)vector};
	struct vm *vm = &vms[0];
	uint64_t *entry;

	row("27.2.4", "vector %x, and no mapping of the guest's stack", vector);
	entry = vm_nested(vm, address(vm->stack));
	*entry &= ~(uint64_t)PTE_RWX;
	pend(vm, 0x11);
	pend(vm, vector);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect("exit reason", vm->vmcs->reason, EXIT_EPT);
	expect("IDT-vectoring information", vm->vmcs->vectoring, EVENT_VALID | vector);
	expect("RIP", vm->vmcs->rip, address(guest_start));
	expect("ISR", vector_test(vm->page, APIC_ISR, vector), 1);
	expect_status(vm, vector == 0x11 ? 0 : 0x11, vector);
	*entry |= PTE_RWX;
	vm->vmcs->entry_info = vm->vmcs->vectoring;
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, taken);
	expect("entry information", vm->vmcs->entry_info & EVENT_VALID, 0);
}

static void self_ipi(bool x2)
{
	static const uint8_t order[] = {0x65, 0x45, 0x33}, sent[] = {0x45, 0x65, 0x33};
	struct vm *vm = &vms[0];

	row("30.1.5", "self IPIs by %s: the highest first", x2 ? "MSR" : "page");
	if (x2)
		vm_x2(vm);
	vm->guest->eoi = x2 ? EOI_MSR : EOI_PAGE;
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	for (unsigned i = 0; i < 3; i++) {
		unsigned v = sent[i];

		if (x2)
			vm_op(vm, g_wrmsr, X2_SELF, v);
		else
			vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, 0x40000 | v);
	}
	vm_op(vm, g_sti, 0, 0);
	vm_op(vm, g_wait, 1000, 3);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 3, order);
	expect_status(vm, 0, 0);
}

void directed_interrupts(void)
{
	for (unsigned way = 0; way < WAYS; way++)
		tpr((enum way)way);
	cr8();
	priority(false);
	priority(true);
	nested();
	eoi_exits();
	vectoring(0x45);
	vectoring(0x11);
	vectoring(0xfe);
	self_ipi(false);
	self_ipi(true);
}
