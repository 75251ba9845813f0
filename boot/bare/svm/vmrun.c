/* SPDX-License-Identifier: MIT */
/* Fields that VMRUN checks, loads and keeps. */
#include "svm.h"

#define TOP_PAGE 0xfffffff000ull /* of 40 bits: in range, nothing is there */
#define RANGE	 (1ull << 40)
#define ROM	 0xfffff000ull
#define IOMMU	 0xfed80000ull
#define SAME	 UINT64_MAX

enum { X = V_AVIC, X2 = V_AVIC | V_X2AVIC, OFF = 0 };
enum { EXT = 2 }; /* invalid without X2AVIC_EXT */

static const struct check {
	const char *cite, *name;
	uint64_t mode, index, backing, logical, physical, bar;
	uint8_t no_npt, invalid;
} checks[] = {
	{"15.29.4", "AVIC", X, 15, SAME, SAME, SAME, SAME, 0, 0},
	{"15.29.4", "x2AVIC", X2, 15, SAME, SAME, SAME, SAME, 0, 0},
	{"15.29.4", "x2AVIC without AVIC", V_X2AVIC, 15, SAME, SAME, SAME, SAME, 0, 1},
	{"inferred", "AVIC without nested paging", X, 15, SAME, SAME, SAME, SAME, 1, 1},
	{"15.29.4", "xAVIC, last index", X, 255, SAME, SAME, SAME, SAME, 0, 0},
	{"15.29.4", "xAVIC, index too high", X, 256, SAME, SAME, SAME, SAME, 0, 1},
	{"15.29.4", "xAVIC, highest index", X, 4095, SAME, SAME, SAME, SAME, 0, 1},
	{"15.29.4", "x2AVIC, last index", X2, 511, SAME, SAME, SAME, SAME, 0, 0},
	{"15.29.4, X2AVIC_EXT", "x2AVIC, index 512", X2, 512, SAME, SAME, SAME, SAME, 0, EXT},
	{"15.29.4, X2AVIC_EXT", "x2AVIC, last index", X2, 4095, SAME, SAME, SAME, SAME, 0, EXT},
	{"15.29.4, inferred", "x2AVIC, a table that ends beyond the range", X2, 512, SAME, SAME,
	 TOP_PAGE, SAME, 0, 1},
	{"15.29.4", "backing page, first bit out of range", X, 15, RANGE, SAME, SAME, SAME, 0, 1},
	{"15.29.4", "backing page, bit 51", X, 15, 1ull << 51, SAME, SAME, SAME, 0, 1},
	{"15.29.4, inferred", "backing page, bit 52", X, 15, 1ull << 52, SAME, SAME, SAME, 0, 1},
	{"15.29.4, inferred", "backing page, bit 63", X2, 15, 1ull << 63, SAME, SAME, SAME, 0, 1},
	{"inferred", "backing page in range without memory", X, 15, TOP_PAGE, SAME, SAME, SAME, 0,
	 1},
	{"inferred", "backing page in ROM", X, 15, ROM, SAME, SAME, SAME, 0, 1},
	{"inferred", "backing page in shadowed ROM", X, 15, 0xff000, SAME, SAME, SAME, 0, 1},
	{"inferred", "backing page on the local APIC", X, 15, APIC_PAGE, SAME, SAME, SAME, 0, 1},
	{"inferred", "backing page on the IOMMU", X, 15, IOMMU, SAME, SAME, SAME, 0, 1},
	{"15.29.4", "logical table out of range", X, 15, SAME, RANGE, SAME, SAME, 0, 1},
	{"15.29.4, inferred", "logical table out of range, x2AVIC", X2, 15, SAME, RANGE, SAME, SAME,
	 0, 0},
	{"15.29.4", "physical table out of range", X, 15, SAME, SAME, RANGE, SAME, 0, 1},
	{"15.29.4", "physical table out of range, x2AVIC", X2, 511, SAME, SAME, 1ull << 51, SAME, 0,
	 1},
	{"15.29.4", "tables on the last page in range", X2, 511, SAME, TOP_PAGE, TOP_PAGE, SAME, 0,
	 0},
	{"15.29.4", "APIC_BAR is guest-physical", X, 15, SAME, SAME, SAME, 1ull << 45, 0, 0},
	{"15.29.4", "pointers do not count with AVIC off", OFF, 4095, ~0ull - 1, ~0ull - 1,
	 ~0ull - 1, ~0ull - 1, 0, 0},
};

static uint64_t or_same(uint64_t value, uint64_t same)
{
	return value == SAME ? same : value;
}

static void check_one(const struct check *c)
{
	struct vm *vm = &vms[0];
	struct vmcb *v = vm->vmcb;
	bool invalid;

	row(c->cite, "VMRUN: %s", c->name);
	v->v_intr = V_INTR_MASKING | V_GIF | c->mode;
	v->nested_control = c->no_npt ? 0 : NP_ENABLE;
	v->backing_page = or_same(c->backing, v->backing_page);
	v->logical_table = or_same(c->logical, v->logical_table);
	v->physical_table = or_same(c->physical, address(physical)) | c->index;
	v->apic_bar = or_same(c->bar, v->apic_bar);
	vm_run(vm);
	invalid = c->invalid == EXT ? !svm_has_x2avic_ext() : c->invalid;
	expect("exit code", v->exit_code, invalid ? EXIT_INVALID : EXIT_VMMCALL);
	if (!invalid)
		expect("guest RIP", v->rip, address(g_end));
}

static void low_bits(void)
{
	struct vm *vm = &vms[0];
	struct op *op;

	row("15.29.4", "pointer bits 11:0 are not part of the address");
	vm->vmcb->backing_page |= 0xfff;
	vm->vmcb->logical_table |= 0xfff;
	vm->vmcb->apic_bar |= 0xfff;
	*reg(vm->page, APIC_LDR) = 0x1000000;
	op = vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	vm_run(vm);
	expect_end(vm);
	expect("LDR", op->rax, 0x1000000);
}

static void ignored_fields(void)
{
	struct vm *vm = &vms[0];

	row("15.29.4", "V_IRQ, V_INTR_PRIO, V_IGN_TPR and V_INTR_VECTOR are ignored");
	vm->vmcb->v_intr |= V_IRQ | V_PRIO(15) | V_IGN_TPR | V_VECTOR(0x55);
	vm_op(vm, g_wrcr8, 0, 0);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
}

/* A guest that reads its LDR: which page is it on? */
static uint64_t which_page(struct vm *vm)
{
	vm->vmcb->rip = address(guest_start);
	vm->vmcb->rsp = address(vm->stack) + PAGE;
	vm_run(vm);
	return vm->guest->ops[0].rax;
}

static void clean_bit(void)
{
	struct vm *vm = &vms[0];
	struct vmcb *v = vm->vmcb;

	row("15.15.3", "clean bit 11: the cached pointers are used while it is set");
	*reg(vms[0].page, APIC_LDR) = 0xa;
	*reg(vms[1].page, APIC_LDR) = 0xb;
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	expect("first", which_page(vm), 0xa);
	v->backing_page = address(vms[1].page);
	v->clean = CLEAN_AVIC;
	expect("changed, set", which_page(vm), svm_has(SVM_CLEAN) ? 0xa : 0xb);
	v->clean = ~CLEAN_AVIC;
	expect("changed, other bits set", which_page(vm), 0xb);
	v->backing_page = address(vms[0].page);
	v->clean = CLEAN_AVIC;
	expect("changed back, set", which_page(vm), svm_has(SVM_CLEAN) ? 0xb : 0xa);

	row("15.15.3", "clean bit 11 of another VMCB");
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	which_page(vm);
	*reg(vms[1].page, APIC_LDR) = 0xb;
	memcpy(vms[1].vmcb, v, PAGE);
	vms[1].vmcb->backing_page = address(vms[1].page);
	vms[1].vmcb->clean = CLEAN_AVIC;
	vm->vmcb = vms[1].vmcb;
	expect("LDR", which_page(vm), 0xb);
	vm->vmcb = v;

	row("15.15.3, inferred", "clean bit 11 after VMEXIT_INVALID: nothing is cached");
	vm_op(vm, g_ld4, APIC_PAGE + APIC_LDR, 0);
	*reg(vms[0].page, APIC_LDR) = 0xa;
	v->backing_page = RANGE;
	vm_run(vm);
	expect("exit code", v->exit_code, EXIT_INVALID);
	v->backing_page = address(vms[0].page);
	v->clean = CLEAN_AVIC;
	expect("LDR", which_page(vm), 0xa);

	row("15.15.3", "V_TPR is not covered by clean bit 11");
	vm_op(vm, g_rdcr8, 0, 0);
	which_page(vm);
	v->clean = CLEAN_AVIC;
	v->v_intr = (v->v_intr & ~0xffull) | 7;
	expect("CR8", which_page(vm), 7);
}

static void last_vcpu(void)
{
	struct vm *vm = &vms[0];

	if (!svm_has_x2avic_ext())
		return;
	row("15.29.6, X2AVIC_EXT", "an IPI to vCPU 4095, which does not run");
	vm_x2(vm);
	vm->vmcb->physical_table |= 4095;
	physical[4095] = ENTRY_VALID | address(vms[1].page);
	vm_op(vm, g_wrmsr, X2(APIC_ICR), 4095ull << 32 | 0x45);
	vm_run(vm);
	expect_exit(vm, EXIT_IPI, 4095ull << 32 | 0x45, 1ull << 32 | 4095, g_wrmsr_after);
	expect("IRR", vector_test(vms[1].page, APIC_IRR, 0x45), 1);
}

void directed_vmrun(void)
{
	for (unsigned i = 0; i < COUNT(checks); i++)
		check_one(&checks[i]);
	low_bits();
	ignored_fields();
	clean_bit();
	last_vcpu();
}
