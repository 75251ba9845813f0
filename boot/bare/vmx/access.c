/* SPDX-License-Identifier: MIT */
/* Accesses to the APIC-access page: which are virtualized, 30.4.2 and 30.4.3. */
#include "vmx.h"

enum class { PLAIN, TRAP, FAULT };

/* With APIC-register virtualization. Of ranges that overlap the first counts. */
static const struct range {
	uint16_t first, last;
	uint8_t read, write;
	const char *name;
} ranges[] = {
	{0x020, 0x020, PLAIN, TRAP, "ID"},
	{0x030, 0x030, PLAIN, FAULT, "version"},
	{0x080, 0x080, PLAIN, PLAIN, "TPR"},
	{0x0b0, 0x0b0, PLAIN, TRAP, "EOI"},
	{0x0d0, 0x0d0, PLAIN, TRAP, "LDR"},
	{0x0e0, 0x0e0, PLAIN, TRAP, "DFR"},
	{0x0f0, 0x0f0, PLAIN, TRAP, "SVR"},
	{0x100, 0x270, PLAIN, FAULT, "ISR, TMR, IRR"},
	{0x280, 0x280, PLAIN, TRAP, "ESR"},
	{0x300, 0x300, PLAIN, TRAP, "ICR low"},
	{0x310, 0x310, PLAIN, PLAIN, "ICR high"},
	{0x320, 0x370, PLAIN, TRAP, "LVT"},
	{0x380, 0x380, PLAIN, TRAP, "initial count"},
	{0x3e0, 0x3e0, PLAIN, TRAP, "divide configuration"},
	{0x000, 0xff0, FAULT, FAULT, "no register for it"},
};

static const struct config {
	uint32_t proc2;
	bool ipiv;
	const char *name;
} configs[] = {
	{0, false, "TPR shadow"},
	{PROC2_VID, false, "VID"},
	{PROC2_REGS, false, "registers"},
	{PROC2_REGS | PROC2_VID, false, "registers and VID"},
	{0, true, "IPIs"},
};

/*
 * The value of a register before an access, and the value that is written: to the ICR, a self IPI.
 */
#define OLD 0x11110000u
#define NEW 0x00000022u

static uint32_t written(unsigned off)
{
	return off == APIC_ICR ? 0x40000 | NEW : NEW;
}

static uint8_t class_of(const struct range *r, const struct config *c, bool write)
{
	bool vid = c->proc2 & PROC2_VID;

	if (r->first == APIC_TPR)
		return PLAIN;
	if (vid && (r->first == APIC_EOI || r->first == APIC_ICR))
		return PLAIN;
	if (c->ipiv && r->first == APIC_ICR && write)
		return TRAP;
	return !(c->proc2 & PROC2_REGS) ? FAULT : write ? r->write : r->read;
}

static void use(struct vm *vm, const struct config *c)
{
	vm->vmcs->proc2 = PROC2_ACCESSES | PROC2_EPT | c->proc2;
	if (!(c->proc2 & PROC2_VID))
		vm->vmcs->pin &= ~PIN_POSTED;
	vm->vmcs->proc3 = c->ipiv ? PROC3_IPIV : 0;
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
}

static void expect_class(struct vm *vm, uint8_t class, unsigned off, bool write)
{
	if (class == PLAIN)
		expect_end(vm);
	else if (class == TRAP)
		expect_exit(vm, EXIT_APIC_WRITE, off, g_st4_after);
	else
		expect_exit(vm, EXIT_APIC_ACCESS, off | (write ? 0x1000 : 0),
			    write ? g_st4 : g_ld4);
	expect("the memory of the access page", *reg(vm->plain, off), 0);
}

/*
 * The page after a store: of TPR, EOI and ICR high only some bytes keep the stored value if the
 * access is virtualized.
 */
static uint32_t stored(const struct config *c, uint8_t class, unsigned off)
{
	if (off == APIC_PPR && c->proc2 & PROC2_VID)
		return 0; /* VM entry writes it */
	if (class == FAULT)
		return OLD;
	if (off == APIC_EOI && c->proc2 & PROC2_VID)
		return 0;
	return off == APIC_ICRH ? NEW & 0xff000000 : written(off);
}

static void one(struct vm *vm, const struct range *r, const struct config *c, unsigned off,
		bool write)
{
	uint8_t class = class_of(r, c, write);

	vm_reset(0);
	use(vm, c);
	*reg(vm->page, off) = OLD;
	vm_op(vm, write ? g_st4 : g_ld4, APIC_PAGE + off, write ? written(off) : 0);
	vm_run(vm);
	expect_class(vm, class, off, write);
	if (write)
		expect("page", *reg(vm->page, off), stored(c, class, off));
	else if (class == PLAIN)
		expect("value", vm->guest->ops[0].rax, OLD);
}

static const struct range *range_of(unsigned off)
{
	const struct range *r = ranges;

	while (off < r->first || off > r->last)
		r++;
	return r;
}

static void all(const struct config *c, const struct range *r, bool write)
{
	row(write ? "30.4.3.1, 30.4.3.2" : "30.4.2", "%s: %s of %s", c->name,
	    write ? "a store" : "a load", r->name);
	for (unsigned off = r->first; off <= r->last; off += 16) {
		if (range_of(off) == r)
			one(&vms[0], r, c, off, write);
	}
}

static void no_shadow(void)
{
	struct vm *vm = &vms[0];

	for (unsigned write = 0; write < 2; write++) {
		row("30.4.2, 30.4.3.1", "without TPR shadow %s of TPR exits",
		    write ? "a store" : "a load");
		use(vm, &configs[0]);
		vm->vmcs->proc &= ~PROC_TPR;
		vm_op(vm, write ? g_st4 : g_ld4, APIC_PAGE + APIC_TPR, 0);
		vm_run(vm);
		expect_class(vm, FAULT, APIC_TPR, write);
	}
	row("30.4", "without the control the page is memory");
	use(vm, &configs[3]);
	vm->vmcs->proc2 &= ~PROC2_ACCESSES;
	vm_op(vm, g_st4, APIC_PAGE + APIC_TPR, 0x55);
	vm_run(vm);
	expect_end(vm);
	expect("memory", *reg(vm->plain, APIC_TPR), 0x55);
	expect("page", *reg(vm->page, APIC_TPR), 0);
}

void directed_access(void)
{
	for (unsigned i = 0; i < COUNT(configs); i++) {
		if (configs[i].ipiv && !has_ipiv())
			continue;
		for (unsigned n = 0; n < COUNT(ranges); n++) {
			all(&configs[i], &ranges[n], false);
			all(&configs[i], &ranges[n], true);
		}
	}
	no_shadow();
}

/* ---- other widths, other instructions ---- */

#define SOME (APIC_TPR) /* in the page: 44332211h */

static const struct width {
	const char *name, *stub;
	uint16_t off;
	uint8_t class;
	uint32_t qualification;
	uint64_t value;	 /* stored */
	uint32_t loaded; /* or in the page after a store */
} widths[] = {
	{"load of 1 byte", g_ld1, 0x80, PLAIN, 0, 0, 0x11},
	{"load of 2 bytes", g_ld2, 0x80, PLAIN, 0, 0, 0x2211},
	{"load of 1 byte inside", g_ld1, 0x83, PLAIN, 0, 0, 0x44},
	{"load of 2 bytes at the end", g_ld2, 0x82, PLAIN, 0, 0, 0x4433},
	{"load of 8 bytes", g_ld8, 0x80, FAULT, 0x80, 0, 0x44332211},
	{"load of 16 bytes", g_ld16, 0x80, FAULT, 0x80, 0, 0x44332211},
	{"load of 4 bytes, not aligned", g_ld4, 0x82, FAULT, 0x82, 0, 0x44332211},
	{"load of 2 bytes over the end", g_ld2, 0x83, FAULT, 0x83, 0, 0x44332211},
	{"load of 4 bytes into the register", g_ld4, 0x7e, FAULT, 0x7e, 0, 0x44332211},
	{"load behind the register", g_ld4, 0x84, FAULT, 0x84, 0, 0x44332211},
	{"load of the last byte of the page", g_ld1, 0xfff, FAULT, 0xfff, 0, 0x44332211},
	{"store of 1 byte", g_st1, 0x80, PLAIN, 0, 0x55, 0x55},
	{"store of 2 bytes", g_st2, 0x80, PLAIN, 0, 0x6655, 0x55},
	{"store of 1 byte inside", g_st1, 0x81, TRAP, 0x81, 0x55, 0x44335511},
	{"store of 2 bytes at the end", g_st2, 0x82, TRAP, 0x82, 0x6655, 0x66552211},
	{"store of 8 bytes", g_st8, 0x80, FAULT, 0x1080, 0x55, 0x44332211},
	{"store of 16 bytes", g_st16, 0x80, FAULT, 0x1080, 0x55, 0x44332211},
	{"store of 4 bytes, not aligned", g_st4, 0x81, FAULT, 0x1081, 0x55, 0x44332211},
	{"store behind the register", g_st4, 0x88, FAULT, 0x1088, 0x55, 0x44332211},
	{"exchange", g_xchg4, 0x80, PLAIN, 0, 0x77, 0x77},
	{"addition in memory", g_add4, 0x80, PLAIN, 0, 1, 0x12},
	{"locked addition", g_lock_add4, 0x80, PLAIN, 0, 1, 0x12},
	{"locked, 8 bytes", g_lock_or8, 0x80, FAULT, 0x80, 1, 0x44332211},
};

/* A locked access reads and writes: which one the exit names is not architected. */
static uint64_t named(const struct width *w, struct vm *vm)
{
	if (w->stub == g_lock_or8)
		return w->qualification | (vm->vmcs->qualification & 0x1000);
	return w->qualification;
}

static void width(const struct width *w)
{
	struct vm *vm = &vms[0];
	struct op *op;

	row("30.4.2, 30.4.3", "TPR: %s", w->name);
	use(vm, &configs[3]);
	*reg(vm->page, SOME) = 0x44332211;
	op = vm_op(vm, w->stub, APIC_PAGE + w->off, w->value);
	vm_run(vm);
	if (w->class == PLAIN)
		expect_end(vm);
	else if (w->class == FAULT)
		expect_exit(vm, EXIT_APIC_ACCESS, named(w, vm), w->stub);
	else
		expect_exit(vm, EXIT_APIC_WRITE, w->qualification, NULL);
	if (w->stub == g_ld1 || w->stub == g_ld2) {
		if (w->class == PLAIN)
			expect("value", op->rax, w->loaded);
		expect("page", *reg(vm->page, SOME), 0x44332211);
	} else {
		expect("page", *reg(vm->page, SOME), w->loaded);
	}
}

static void on_stack(bool injected)
{
	struct vm *vm = &vms[0];

	row("30.4; type 3", "%s interrupt, and the stack is the access page",
	    injected ? "injected" : "virtual");
	vm->vmcs->rsp = APIC_PAGE + 0x400;
	if (injected)
		vm->vmcs->entry_info = EVENT_VALID | 0x45;
	else
		pend(vm, 0x45);
	vm_run(vm);
	expect_exit(vm, EXIT_APIC_ACCESS, 0x33f8, guest_start);
	expect("IDT-vectoring information", vm->vmcs->vectoring, EVENT_VALID | 0x45);
	expect_status(vm, 0, injected ? 0 : 0x45);
}

static void single_step(void)
{
	struct vm *vm = &vms[0];

	row("30.4.3.3", "the exit of an APIC write comes before #DB of a single step");
	use(vm, &configs[3]);
	vm_op(vm, g_step_st4, APIC_PAGE + APIC_LDR, 0x45);
	vm_run(vm);
	expect_exit(vm, EXIT_APIC_WRITE, APIC_LDR, g_step_st4_after);
}

void directed_widths(void)
{
	for (unsigned i = 0; i < COUNT(widths); i++)
		width(&widths[i]);
	on_stack(false);
	on_stack(true);
	single_step();
}
