/* SPDX-License-Identifier: MIT */
/* The contract of struct pn_bus on memory, of one core with AVIC: see test_hw_amd_memory.c. */
#include "avic_rig.h"

#include <errno.h>

#define VECTOR 0x61

static uint8_t seen[RIG_SIZE], other[RIG_SIZE] __attribute__((aligned(4096)));
static uint8_t *bank;

static void *bank_map(void *ctx, uint64_t pa, size_t len)
{
	uint64_t off = pa - RIG_BASE;

	(void)ctx;
	return bank && off < RIG_SIZE && len <= RIG_SIZE - off ? bank + off : NULL;
}

static void bank_wrote(void *ctx, uint64_t pa, size_t len)
{
	(void)ctx;
	memcpy(seen + (pa - RIG_BASE), rig_ram + (pa - RIG_BASE), len);
}

static void start(struct rig *r, bool x2)
{
	rig_init(r, x2);
	rig_vcpu(1, true);
	rig_vcpu(5, false);
	bank = rig_ram;
	r->bus.map = bank_map;
	r->bus.wrote = bank_wrote;
	r->bus.ram_size = 0;
	rig_run(r);
	rig_set(RIG_SELF, PN_APIC_IRR, VECTOR);
	rig_set(RIG_SELF, PN_APIC_ISR, VECTOR + 0x10);
	memcpy(seen, rig_ram, RIG_SIZE);
}

static void deliver(struct rig *r)
{
	pn_avic_deliver(&r->av, VECTOR);
}

static void cr8(struct rig *r)
{
	pn_avic_write_cr8(&r->av, 9);
}

static void vmrun(struct rig *r)
{
	r->vmcb.v_intr |= 5;
	memset(rig_page(RIG_SELF) + PN_APIC_PPR / 4, 0xFF, 4);
	memcpy(seen, rig_ram, RIG_SIZE);
	pn_avic_vmrun(&r->av, &r->vmcb);
}

static const struct {
	const char *name;
	void (*call)(struct rig *r); /* or a write of a register: */
	bool x2;
	uint32_t off;
	uint64_t value;
} stores[] = {
	{"15.29.8 delivery", deliver, false, 0, 0},
	{"15.29.3.1 CR8", cr8, false, 0, 0},
	{"15.29.2 VMRUN", vmrun, false, 0, 0},
	{"15.29.3.1 TPR", NULL, false, PN_APIC_TPR, 0x80},
	{"15.29.3.1 EOI", NULL, false, PN_APIC_EOI, 0},
	{"15.29.3.1 plain memory", NULL, false, PN_APIC_ICRH, 0x05000000},
	{"15.29.3.1 trap", NULL, false, PN_APIC_LVT_TIMER, 0x12345},
	{"15.29.6 to self", NULL, false, PN_APIC_ICRL, PN_ICR_SH_SELF << 18 | 0x33},
	{"15.29.6 to all", NULL, false, PN_APIC_ICRL, PN_ICR_SH_ALL << 18 | 0x33},
	{"15.29.6 x2AVIC, to one", NULL, true, PN_APIC_ICRL, 1ull << 32 | 0x33},
	{"15.29.6 x2AVIC, SELF_IPI", NULL, true, PN_APIC_SELF_IPI, 0x33},
};

static void test_stores_are_reported(void **state)
{
	struct rig r;

	(void)state;
	for (size_t i = 0; i < COUNT(stores); i++) {
		static uint8_t before[RIG_SIZE];

		start(&r, stores[i].x2);
		memcpy(before, rig_ram, RIG_SIZE);
		if (stores[i].call)
			stores[i].call(&r);
		else
			pn_avic_write(&r.av, stores[i].off, stores[i].value, &r.exit);
		ROW_EQ(stores[i].name, memcmp(before, rig_ram, RIG_SIZE) != 0, true);
		ROW_EQ(stores[i].name, memcmp(seen, rig_ram, RIG_SIZE) != 0, false);
	}
}

static void test_moved(void **state)
{
	struct rig r;

	(void)state;
	start(&r, false);
	memcpy(other, rig_ram, RIG_SIZE);
	bank = other;
	assert_int_equal(pn_avic_memory_changed(&r.av), 0);
	deliver(&r);
	assert_true(rig_test(RIG_SELF, PN_APIC_IRR, VECTOR));
	assert_false(
		pn_vapic_test(other + (rig_page_pa(RIG_SELF) - RIG_BASE), PN_APIC_IRR, VECTOR));
}

/* The guest continues with the old memory; the next VMRUN fails. */
static void test_gone(void **state)
{
	struct rig r;

	(void)state;
	start(&r, false);
	bank = NULL;
	assert_int_equal(pn_avic_memory_changed(&r.av), -EFAULT);
	deliver(&r);
	assert_false(rig_test(RIG_SELF, PN_APIC_IRR, VECTOR));
	pn_avic_vmexit(&r.av);
	assert_int_equal(pn_avic_memory_changed(&r.av), 0);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), -EFAULT);
	assert_int_equal(pn_avic_memory_changed(&r.av), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stores_are_reported),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
