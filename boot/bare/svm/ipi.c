/* SPDX-License-Identifier: MIT */
/* ICR writes: 15.29.6. */
#include "svm.h"

#define HOLE 0xf000000000ull /* in range, no memory */

enum { ID_TYPE, ID_NOT_RUNNING, ID_TARGET, ID_BACKING, ID_VECTOR, NO_EXIT };

#define SELF	(1u << 18)
#define ALL	(2u << 18)
#define OTHERS	(3u << 18)
#define LOGICAL (1u << 11)
#define NMI	0x400u
#define INIT	0x500u
#define STARTUP 0x600u
#define SMI	0x200u
#define LOWEST	0x100u
#define LEVEL	(1u << 15)
#define ASSERT	(1u << 14)

/*
 * Entries: 0 the sender, running; 1 valid, not running; 2 not valid; 3 valid, its page is nowhere;
 * 4 as 1, with the same page. Logical: 0 -> 0, 1 -> 1, 2 not valid, 3 -> 2, 4 -> 3, 5 -> 200.
 */
static const struct ipi {
	const char *cite, *name;
	uint32_t dest, low;
	uint8_t id, index;
	bool self, other; /* posted to */
} ipis[] = {
	{"15.29.6", "fixed, not running", 1, 0x45, ID_NOT_RUNNING, 1, 0, 1},
	{"15.29.6", "fixed, asserted, not running", 1, ASSERT | 0x45, ID_NOT_RUNNING, 1, 0, 1},
	{"15.29.6", "fixed, to itself by its ID", 0, 0x45, NO_EXIT, 0, 1, 0},
	{"15.29.6", "self", 3, SELF | 0x45, NO_EXIT, 0, 1, 0},
	{"15.29.6", "entry not valid", 2, 0x45, ID_TARGET, 2, 0, 0},
	{"15.29.6", "beyond the table", 16, 0x45, ID_TARGET, 16, 0, 0},
	{"15.29.6", "backing page out of reach", 3, 0x45, ID_BACKING, 3, 0, 0},
	{"15.29.6", "NMI", 1, NMI | 0x45, ID_TYPE, 0, 0, 0},
	{"15.29.6", "INIT", 1, INIT | ASSERT, ID_TYPE, 0, 0, 0},
	{"15.29.6", "start-up", 1, STARTUP | 8, ID_TYPE, 0, 0, 0},
	{"15.29.6", "SMI", 1, SMI, ID_TYPE, 0, 0, 0},
	{"15.29.6", "lowest priority", 1, LOWEST | 0x45, ID_TYPE, 0, 0, 0},
	{"15.29.6", "level", 1, LEVEL | ASSERT | 0x45, ID_TYPE, 0, 0, 0},
	{"15.29.6", "NMI to itself", 0, SELF | NMI, ID_TYPE, 0, 0, 0},
	{"15.29.6", "vector 15", 1, 0x0f, ID_VECTOR, 0, 0, 0},
	{"15.29.6", "vector 0 to itself", 0, SELF, ID_VECTOR, 0, 0, 0},
	{"15.29.6", "logical, not running", 1 << 1, LOGICAL | 0x45, ID_NOT_RUNNING, 1, 0, 1},
	{"15.29.6", "logical, itself", 1 << 0, LOGICAL | 0x45, NO_EXIT, 0, 1, 0},
	{"15.29.6", "logical, two", 3, LOGICAL | 0x45, ID_NOT_RUNNING, 1, 1, 1},
	{"15.29.6", "logical, none", 0, LOGICAL | 0x45, NO_EXIT, 0, 0, 0},
	{"15.29.6; the index: inferred", "logical entry not valid", 1 << 2, LOGICAL | 0x45,
	 ID_TARGET, 2, 0, 0},
	{"15.29.6", "logical, physical entry not valid", 1 << 3, LOGICAL | 0x45, ID_TARGET, 2, 0,
	 0},
	{"15.29.6", "logical, backing page out of reach", 1 << 4, LOGICAL | 0x45, ID_BACKING, 3, 0,
	 0},
	{"15.29.6", "logical, beyond the physical table", 1 << 5, LOGICAL | 0x45, ID_TARGET, 200, 0,
	 0},
	{"15.29.6; nothing is posted: inferred", "logical, one good and one not valid", 5,
	 LOGICAL | 0x45, ID_TARGET, 2, 0, 0},
};

static void tables(struct vm *vm)
{
	uint64_t other = address(vms[1].page);

	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	physical[1] = physical[4] = ENTRY_VALID | other;
	physical[2] = ENTRY_RUNNING | other;
	physical[3] = ENTRY_VALID | HOLE;
	logical[0] = LOGICAL_VALID | 0;
	logical[1] = LOGICAL_VALID | 1;
	logical[2] = 1;
	logical[3] = LOGICAL_VALID | 2;
	logical[4] = LOGICAL_VALID | 3;
	logical[5] = LOGICAL_VALID | 200;
}

static void expect_posted(struct vm *vm, unsigned vector, bool self, bool other)
{
	expect("sender's IRR", vector_test(vm->page, APIC_IRR, vector), self);
	expect("target's IRR", vector_test(vms[1].page, APIC_IRR, vector), other);
}

static void expect_ipi(struct vm *vm, uint64_t icr, unsigned id, unsigned index, const char *rip)
{
	if (id == NO_EXIT)
		expect_end(vm);
	else
		expect_exit(vm, EXIT_IPI, icr, (uint64_t)id << 32 | index, rip);
}

static void send(struct vm *vm, uint32_t high, uint32_t low)
{
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICRH, high);
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, low);
	vm_run(vm);
}

static void xavic(void)
{
	struct vm *vm = &vms[0];

	for (const struct ipi *i = ipis; i < ipis + COUNT(ipis); i++) {
		row(i->cite, "IPI: %s", i->name);
		tables(vm);
		send(vm, i->dest << 24, i->low);
		expect_ipi(vm, (uint64_t)i->dest << 56 | i->low, i->id, i->index, g_st4_after);
		expect_posted(vm, 0x45, i->self, i->other);
		expect("ICR high in the page", *reg(vm->page, APIC_ICRH), i->dest << 24);
		expect("ICR low in the page", *reg(vm->page, APIC_ICR), i->low);
	}
}

static void x2avic(void)
{
	struct vm *vm = &vms[0];

	for (const struct ipi *i = ipis; i < ipis + COUNT(ipis); i++) {
		if (i->low & LOGICAL)
			continue;
		row(i->cite, "x2AVIC IPI: %s", i->name);
		tables(vm);
		vm_x2(vm);
		vm_op(vm, g_wrmsr, X2(APIC_ICR), (uint64_t)i->dest << 32 | i->low);
		vm_run(vm);
		expect_ipi(vm, (uint64_t)i->dest << 32 | i->low, i->id, i->index, g_wrmsr_after);
		expect_posted(vm, 0x45, i->self, i->other);
	}
}

static void logical_x2(void)
{
	static const struct {
		uint32_t dest;
		uint8_t id, index;
		bool self, other;
	} rows[] = {
		{1 << 1, ID_NOT_RUNNING, 1, 0, 1}, {1 << 0, NO_EXIT, 0, 1, 0},
		{3, ID_NOT_RUNNING, 1, 1, 1},	   {1 << 2, ID_TARGET, 2, 0, 0},
		{1 << 3, ID_BACKING, 3, 0, 0},	   {0x10001, ID_TARGET, 16, 0, 0},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct vm *vm = &vms[0];

		row("15.29.6", "x2AVIC IPI: logical %x", rows[i].dest);
		tables(vm);
		vm_x2(vm);
		memset(logical, 0, sizeof(logical));
		vm_op(vm, g_wrmsr, X2(APIC_ICR), (uint64_t)rows[i].dest << 32 | LOGICAL | 0x45);
		vm_run(vm);
		expect_ipi(vm, (uint64_t)rows[i].dest << 32 | LOGICAL | 0x45, rows[i].id,
			   rows[i].index, g_wrmsr_after);
		expect_posted(vm, 0x45, rows[i].self, rows[i].other);
	}
}

static void broadcast(void)
{
	static const struct {
		const char *cite, *name;
		uint32_t dest, low;
		bool self;
	} rows[] = {
		{"15.29.6", "all", 0, ALL, 1},
		{"15.29.6; the sender by its page: inferred", "all but itself", 0, OTHERS, 0},
		{"15.29.6", "destination FFh", 0xff, 0, 1},
		{"15.29.6; inferred", "destination FFh, logical", 0xff, LOGICAL, 1},
	};
	struct vm *vm = &vms[0];

	for (unsigned i = 0; i < COUNT(rows); i++) {
		row(rows[i].cite, "IPI: broadcast, %s; the first that does not run is reported",
		    rows[i].name);
		tables(vm);
		physical[3] = 0;
		send(vm, rows[i].dest << 24, rows[i].low | 0x45);
		expect_ipi(vm, (uint64_t)rows[i].dest << 56 | rows[i].low | 0x45, ID_NOT_RUNNING, 1,
			   g_st4_after);
		expect_posted(vm, 0x45, rows[i].self, true);

		row(rows[i].cite, "IPI: broadcast, %s, a page out of reach", rows[i].name);
		tables(vm);
		send(vm, rows[i].dest << 24, rows[i].low | 0x45);
		expect_ipi(vm, (uint64_t)rows[i].dest << 56 | rows[i].low | 0x45, ID_BACKING, 3,
			   g_st4_after);
		expect_posted(vm, 0x45, false, false);
	}
	row("15.29.6; FFFF_FFFFh: inferred", "x2AVIC IPI: broadcast");
	tables(vm);
	physical[3] = 0;
	vm_x2(vm);
	vm_op(vm, g_wrmsr, X2(APIC_ICR), 0xffffffffull << 32 | 0x45);
	vm_run(vm);
	expect_ipi(vm, 0xffffffffull << 32 | 0x45, ID_NOT_RUNNING, 1, g_wrmsr_after);
	expect_posted(vm, 0x45, true, true);
}

static void cluster(void)
{
	struct vm *vm = &vms[0];

	row("15.29.5.3", "IPI: logical, cluster model: slot 4 * cluster + bit");
	tables(vm);
	memset(logical, 0, sizeof(logical));
	logical[4 * 14 + 3] = LOGICAL_VALID | 1;
	*reg(vm->page, APIC_DFR) = 0x0fffffff;
	send(vm, 0xe8u << 24, LOGICAL | 0x45);
	expect_ipi(vm, 0xe8ull << 56 | LOGICAL | 0x45, ID_NOT_RUNNING, 1, g_st4_after);
	expect_posted(vm, 0x45, false, true);

	row("15.29.5.3; the index: inferred", "IPI: logical, cluster 15");
	tables(vm);
	memset(logical, 0xff, sizeof(logical));
	*reg(vm->page, APIC_DFR) = 0x0fffffff;
	send(vm, 0xf1u << 24, LOGICAL | 0x45);
	expect_ipi(vm, 0xf1ull << 56 | LOGICAL | 0x45, ID_TARGET, 60, g_st4_after);
	expect_posted(vm, 0x45, false, false);
}

static void delivered(void)
{
	static const uint8_t one[] = {0x45};
	struct vm *vm = &vms[0];
	struct op *op;

	row("15.29.6", "IPI to itself is taken");
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, SELF | 0x45);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);

	row("15.29.6", "x2AVIC: SELF_IPI is taken");
	vm_x2(vm);
	vm_op(vm, g_wrmsr, X2_SELF, 0x45);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);

	row("15.29.6; how it is reported: inferred", "x2AVIC: SELF_IPI of vector 3");
	vm_x2(vm);
	vm_op(vm, g_wrmsr, X2_SELF, 3);
	vm_run(vm);
	expect_exit(vm, EXIT_IPI, SELF | 3, (uint64_t)ID_VECTOR << 32, g_wrmsr_after);

	row("inferred", "ICR: the busy bit does not stay");
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, SELF | 1u << 12 | 0x45);
	op = vm_op(vm, g_ld4, APIC_PAGE + APIC_ICR, 0);
	vm_run(vm);
	expect_end(vm);
	expect("ICR", op->rax, SELF | 0x45);
}

void directed_ipi(void)
{
	xavic();
	x2avic();
	logical_x2();
	broadcast();
	cluster();
	delivered();
}
