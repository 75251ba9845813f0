/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory is the program's own, on identical addresses: its own pages and APIC_PAGE it
 * may write, the rest of the program it may read, and beyond 4 MiB there is nothing.
 */
#include "guest.h"

#define PTES	  512
#define LOW_PAGES 1024

#define GUEST_PAGES __attribute__((section(".guest"), aligned(4096)))
#define PAGES	    __attribute__((aligned(4096)))

extern uint64_t host_pml4[], gdt[];
extern const char guest_vectors[256][16];

struct vm vms[CPUS];

static uint32_t apic_pages[CPUS][1024] PAGES, plain_pages[CPUS][1024] PAGES;
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
	n->apic[APIC_PAGE >> 12 & 511] = address(vm->plain) | PTE_RWX | vendor_nested_leaf;
	for (uint64_t i = 0x100; i < LOW_PAGES; i++) {
		uint64_t pa = i * PAGE;
		bool own = pa >= address(guest_first) && pa < address(guest_last);

		n->low[i] =
			pa | PTE_PRESENT | PTE_USER | (own ? PTE_WRITE : 0) | vendor_nested_leaf;
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

uint64_t vm_nested_top(const struct vm *vm)
{
	return address(nesteds[vm_number(vm)].pml4);
}

void vm_rewind(struct vm *vm)
{
	memset(vm->guest, 0, GUEST_OPS);
	vm->guest->limit = GUEST_NLOG;
	vm->nops = 0;
	vendor_rewind(vm);
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
	nested_reset(&nesteds[cpu], vm);
	vendor_reset(vm);
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
	for (unsigned i = 0; i < CPUS; i++) {
		vms[i] = (struct vm){.page = apic_pages[i],
				     .plain = plain_pages[i],
				     .guest = &guests[i].guest,
				     .stack = stacks[i],
				     .gdt = gdts[i],
				     .idt = idts[i]};
	}
	vendor_init();
	for (unsigned i = 0; i < CPUS; i++)
		vm_reset(i);
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
