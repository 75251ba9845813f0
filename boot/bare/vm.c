/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory is the program's own, on identical addresses: its own pages and APIC_PAGE it
 * may write, the rest of the program it may read, and beyond 4 MiB there is nothing.
 */
#include "vm.h"

#define PTES	  512
#define LOW_PAGES 1024

/* Whatever a guest can do that would not come back, or would reach the machine, is intercepted. */
#define INTERCEPT1                                                                                 \
	0xfd4c0021u /* INTR, CR0_SEL, CPUID, RSM, INVD, HLT, INVLPGA, IOIO .. SHUTDOWN             \
		     */
#define INTERCEPT2 0x00003fffu
#define CR_WRITES  0x0019u

#define GUEST_PAGES __attribute__((section(".guest"), aligned(4096)))
#define PAGES	    __attribute__((aligned(4096)))

extern uint64_t host_pml4[], gdt[];
extern const char guest_vectors[256][16];

void svm_run(uint64_t vmcb, void *guest);

struct vm vms[CPUS];
uint64_t physical[4096] PAGES;
uint32_t logical[1024] PAGES;

static struct vmcb vmcbs[CPUS] PAGES;
static uint32_t apic_pages[CPUS][1024] PAGES, plain_pages[CPUS][1024] PAGES;
static uint8_t msrpms[CPUS][2 * PAGE] PAGES, iopm[3 * PAGE] PAGES;
static union {
	struct guest guest;
	uint8_t page[PAGE];
} guests[CPUS] GUEST_PAGES;
static uint8_t stacks[CPUS][PAGE] GUEST_PAGES;
static uint8_t gdts[CPUS][PAGE] GUEST_PAGES, idts[CPUS][PAGE] GUEST_PAGES;

static struct nested {
	uint64_t pml4[PTES], pdpt[PTES], low_dir[PTES], apic_dir[PTES], low[LOW_PAGES], apic[PTES];
} nesteds[CPUS] PAGES;

static void nested_reset(struct nested *n, const struct vm *vm)
{
	memset(n, 0, sizeof(*n));
	n->pml4[0] = address(n->pdpt) | PTE_RWX;
	n->pdpt[0] = address(n->low_dir) | PTE_RWX;
	n->pdpt[3] = address(n->apic_dir) | PTE_RWX;
	for (unsigned i = 0; i < LOW_PAGES / PTES; i++)
		n->low_dir[i] = address(n->low + i * PTES) | PTE_RWX;
	n->apic_dir[APIC_PAGE >> 21 & 511] = address(n->apic) | PTE_RWX;
	n->apic[APIC_PAGE >> 12 & 511] = address(vm->plain) | PTE_RWX;
	for (uint64_t i = 0x100; i < LOW_PAGES; i++) {
		uint64_t pa = i * PAGE;
		bool own = pa >= address(guest_first) && pa < address(guest_last);

		n->low[i] = pa | PTE_PRESENT | PTE_USER | (own ? PTE_WRITE : 0);
	}
}

uint64_t *vm_nested(struct vm *vm, uint64_t gpa)
{
	struct nested *n = &nesteds[vm_number(vm)];

	return gpa == APIC_PAGE ? &n->apic[APIC_PAGE >> 12 & 511] : &n->low[gpa / PAGE];
}

static void idt_fill(uint8_t *idt)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t at = address(guest_vectors[i]);
		uint64_t *gate = (uint64_t *)(void *)(idt + i * 16);

		gate[0] = (at & 0xffff) | CODE64 << 16 | 0x8e00ull << 32 | (at >> 16) << 48;
		gate[1] = at >> 32;
	}
}

static void msrpm_fill(struct vm *vm)
{
	memset(vm->msrpm, 0xff, 2 * PAGE);
	for (uint32_t msr = 0x800; msr < 0x900; msr++)
		vm_intercept_msr(vm, msr, false, false);
}

void vm_intercept_msr(struct vm *vm, uint32_t msr, bool read, bool write)
{
	unsigned bit = msr < 0xc0010000 ? msr * 2 : 0x8000 + (msr - 0xc0010000) * 2;
	uint8_t *byte = vm->msrpm + bit / 8;

	*byte = (uint8_t)((*byte & ~(3u << bit % 8)) | (read | write << 1) << bit % 8);
}

static void save_reset(struct vmcb *v, const struct vm *vm)
{
	v->cs = (struct segment){CODE64, 0x029b, 0xffffffff, 0};
	v->ds = v->es = v->ss = (struct segment){DATA, 0x0c93, 0xffffffff, 0};
	v->gdtr = (struct segment){0, 0, 4 * 8 - 1, address(vm->gdt)};
	v->idtr = (struct segment){0, 0, PAGE - 1, address(vm->idt)};
	v->efer = 0x500 | EFER_SVME | EFER_NX;
	v->cr0 = 0x80010033;
	v->cr3 = address(guest_pml4);
	v->cr4 = 0x620;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->rflags = RFLAGS_ONE | RFLAGS_IF;
	v->rip = address(guest_start);
	v->rsp = address(vm->stack) + PAGE;
}

static void control_reset(struct vmcb *v, const struct vm *vm)
{
	v->exceptions = 0xffffffff;
	v->intercept1 = INTERCEPT1;
	v->intercept2 = INTERCEPT2;
	v->cr_write = CR_WRITES;
	v->iopm = address(iopm);
	v->msrpm = address(vm->msrpm);
	v->asid = 1;
	v->tlb_control = 1;
	v->v_intr = V_AVIC | V_INTR_MASKING | V_GIF;
	v->nested_control = NP_ENABLE;
	v->nested_cr3 = address(nesteds[vm_number(vm)].pml4);
	v->apic_bar = APIC_PAGE;
	v->backing_page = address(vm->page);
	v->logical_table = address(logical);
	v->physical_table = address(physical) | 15;
}

void vm_rewind(struct vm *vm)
{
	memset(vm->vmcb, 0, PAGE);
	memset(vm->guest, 0, GUEST_OPS);
	vm->guest->limit = GUEST_NLOG;
	vm->nops = 0;
	control_reset(vm->vmcb, vm);
	save_reset(vm->vmcb, vm);
}

void vm_reset(unsigned cpu)
{
	struct vm *vm = &vms[cpu];

	memset(vm->page, 0, PAGE);
	memset(vm->plain, 0, PAGE);
	memset(vm->guest, 0, PAGE);
	*reg(vm->page, APIC_ID) = cpu << 24;
	*reg(vm->page, APIC_DFR) = 0xffffffff;
	memcpy(vm->gdt, gdt, 4 * 8);
	idt_fill(vm->idt);
	msrpm_fill(vm);
	nested_reset(&nesteds[cpu], vm);
	vm_rewind(vm);
}

/* The host's tables moved by a distance: bits 11:0 and what the entries point to stay. */
void vm_guest_tables(void)
{
	uint64_t by = address(guest_pml4) - address(host_pml4);

	guest_pml4[0] = host_pml4[0] + by;
	for (unsigned i = 0; i < 4; i++)
		guest_pml4[PTES + i] = host_pml4[PTES + i] + by;
	memcpy(guest_pml4 + 2 * PTES, host_pml4 + 2 * PTES, 4 * PAGE);
}

void vm_init(void)
{
	memset(iopm, 0xff, sizeof(iopm));
	for (unsigned i = 0; i < CPUS; i++) {
		vms[i] = (struct vm){&vmcbs[i], apic_pages[i],	  plain_pages[i],
				     msrpms[i], &guests[i].guest, stacks[i],
				     gdts[i],	idts[i],	  0};
		vm_reset(i);
	}
}

struct op *vm_op(struct vm *vm, const char *stub, uint64_t at, uint64_t value)
{
	struct op *op = &vm->guest->ops[vm->nops++];

	if (vm->nops >= GUEST_NOPS)
		broken("too many steps for a guest");
	*op = (struct op){.stub = address(stub), .at = at, .value = value};
	op[1].stub = address(g_end);
	return op;
}

void vm_x2(struct vm *vm)
{
	vm->vmcb->v_intr |= V_X2AVIC;
	*reg(vm->page, APIC_ID) = vm_number(vm);
}

uint64_t vm_run(struct vm *vm)
{
	if (!vm->nops)
		vm->guest->ops[0].stub = address(g_end);
	vm->vmcb->exit_code = 0x5555;
	svm_run(address(vm->vmcb), vm->guest);
	return vm->vmcb->exit_code;
}
