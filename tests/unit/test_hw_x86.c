/* SPDX-License-Identifier: MIT */
/* Local APIC, MSI format and vAPIC page operations, against AMD64 APM vol 2 rev 3.44, chapter 16.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postern/x86.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROW_EQ(row, got, want)                                                                     \
	do {                                                                                       \
		long long g_ = (long long)(got), w_ = (long long)(want);                           \
		if (g_ != w_)                                                                      \
			fail_msg("%s: %s is %#llx, not %#llx", row, #got, (unsigned long long)g_,  \
				 (unsigned long long)w_);                                          \
	} while (0)

static uint32_t page[1024] __attribute__((aligned(4096)));

static void clear_page(void)
{
	memset(page, 0, sizeof(page));
}

/* 16.3, the register map: each bank is eight words at a stride of 16. */
static void bank_layout(void **state)
{
	static const struct {
		const char *row;
		uint32_t bank;
		uint8_t vector;
		uint32_t off, bit;
	} rows[] = {
		{"spec amd 4: vector 41h is byte 220h bit 1", PN_APIC_IRR, 0x41, 0x220, 1},
		{"16.3 first bit", PN_APIC_ISR, 0, 0x100, 0},
		{"16.3 last bit of a word", PN_APIC_ISR, 31, 0x100, 31},
		{"16.3 first bit of a word", PN_APIC_TMR, 32, 0x190, 0},
		{"16.3 last bit", PN_APIC_IRR, 255, 0x270, 31},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		clear_page();
		ROW_EQ(rows[i].row, pn_apic_word(rows[i].bank, rows[i].vector), rows[i].off);
		pn_vapic_set(page, rows[i].bank, rows[i].vector);
		ROW_EQ(rows[i].row, page[rows[i].off / 4], 1u << rows[i].bit);
	}
}

static void bit_ops(void **state)
{
	static const uint32_t banks[] = {PN_APIC_ISR, PN_APIC_TMR, PN_APIC_IRR};

	(void)state;
	for (size_t b = 0; b < COUNT(banks); b++) {
		for (int v = 0; v < 256; v++) {
			clear_page();
			assert_false(pn_vapic_test(page, banks[b], (uint8_t)v));
			assert_false(pn_vapic_clear(page, banks[b], (uint8_t)v));
			assert_true(pn_vapic_empty(page, banks[b]));
			assert_int_equal(pn_vapic_highest(page, banks[b]), -1);
			assert_false(pn_vapic_set(page, banks[b], (uint8_t)v));
			assert_true(pn_vapic_set(page, banks[b], (uint8_t)v));
			assert_true(pn_vapic_test(page, banks[b], (uint8_t)v));
			assert_int_equal(pn_vapic_highest(page, banks[b]), v);
			assert_int_equal(pn_vapic_count(page, banks[b]), 1);
			assert_false(pn_vapic_empty(page, banks[b]));
			assert_true(pn_vapic_clear(page, banks[b], (uint8_t)v));
			for (size_t i = 0; i < COUNT(page); i++)
				assert_int_equal(page[i], 0);
		}
	}
}

/* Highest and count with every lower vector set too. */
static void bank_fill(void **state)
{
	(void)state;
	clear_page();
	for (int v = 0; v < 256; v++) {
		pn_vapic_set(page, PN_APIC_IRR, (uint8_t)v);
		assert_int_equal(pn_vapic_highest(page, PN_APIC_IRR), v);
		assert_int_equal(pn_vapic_count(page, PN_APIC_IRR), v + 1);
	}
	assert_true(pn_vapic_empty(page, PN_APIC_TMR));
	assert_true(pn_vapic_empty(page, PN_APIC_ISR));
	pn_vapic_write(page, 0xFF0, 0xA5A5A5A5u);
	assert_int_equal(pn_vapic_read(page, 0xFF0), 0xA5A5A5A5u);
	assert_int_equal(page[0xFF0 / 4], 0xA5A5A5A5u);
}

static void ppr_rows(void **state)
{
	static const struct {
		const char *row;
		uint8_t tpr;
		int isrv;
		uint8_t ppr;
	} rows[] = {
		{"16.6.4 nothing in service: TPR", 0x35, -1, 0x35},
		{"16.6.4 all clear", 0x00, -1, 0x00},
		{"16.6.4 TPR class above: TPR with sub-class", 0x57, 0x4F, 0x57},
		{"16.6.4 equal classes: TPR with sub-class", 0x43, 0x4F, 0x43},
		{"16.6.4 ISR class above: sub-class 0", 0x3F, 0x41, 0x40},
		{"16.6.4 ISR over TPR 0", 0x00, 0xFF, 0xF0},
		{"16.6.4 highest TPR", 0xFF, 0xFF, 0xFF},
		{"16.6.4 sub-class alone", 0x0F, 0x10, 0x10},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		clear_page();
		page[PN_APIC_TPR / 4] = rows[i].tpr;
		if (rows[i].isrv >= 0)
			pn_vapic_set(page, PN_APIC_ISR, (uint8_t)rows[i].isrv);
		if (rows[i].isrv > 0x20)
			pn_vapic_set(page, PN_APIC_ISR, 0x20);
		ROW_EQ(rows[i].row, pn_vapic_ppr(page), rows[i].ppr);
	}
}

/* 16.6.4, 16.6.3: delivered if the class is above the PPR's. All pairs of ISR and IRR vector. */
static void deliverable_all(void **state)
{
	(void)state;
	for (int tpr = 0; tpr < 256; tpr += 15) {
		for (int isrv = -1; isrv < 256; isrv++) {
			int isr_class = isrv < 0 ? 0 : isrv / 16;
			int cls = tpr / 16 > isr_class ? tpr / 16 : isr_class;

			clear_page();
			page[PN_APIC_TPR / 4] = (uint32_t)tpr;
			if (isrv >= 0)
				pn_vapic_set(page, PN_APIC_ISR, (uint8_t)isrv);
			assert_int_equal(pn_vapic_deliverable(page), -1);
			for (int v = 0; v < 256; v++) {
				page[pn_apic_word(PN_APIC_IRR, (uint8_t)v) / 4] = 1u << (v & 31);
				assert_int_equal(pn_vapic_deliverable(page), v / 16 > cls ? v : -1);
				/* The same with the class from elsewhere: the page's does not
				 * count. */
				page[PN_APIC_TPR / 4] = ~(uint32_t)tpr;
				assert_int_equal(
					pn_vapic_deliverable_above(page, (uint8_t)(tpr / 16)),
					v / 16 > cls ? v : -1);
				page[PN_APIC_TPR / 4] = (uint32_t)tpr;
				page[pn_apic_word(PN_APIC_IRR, (uint8_t)v) / 4] = 0;
			}
		}
	}
}

static void deliverable_rows(void **state)
{
	static const struct {
		const char *row;
		uint8_t tpr;
		int isr[2], irr[2];
		int want;
	} rows[] = {
		{"16.6.3 highest of two", 0, {-1, -1}, {0x31, 0x91}, 0x91},
		{"16.6.3 vectors below 16 never", 0, {-1, -1}, {0x0F, -1}, -1},
		{"16.6.3 vector 16 is legal", 0, {-1, -1}, {0x10, -1}, 0x10},
		{"16.6.4 same class, same word", 0, {0x41, -1}, {0x4E, -1}, -1},
		{"16.6.4 next class, same word", 0, {0x41, -1}, {0x50, -1}, 0x50},
		{"16.6.4 class below, same word", 0, {0x51, -1}, {0x4F, -1}, -1},
		{"16.6.4 ISR two words above", 0, {0x91, -1}, {0x4F, -1}, -1},
		{"16.6.4 lower ISR does not hide the higher", 0, {0x21, 0x91}, {0x81, -1}, -1},
		{"16.6.4 TPR class equal", 0x40, {-1, -1}, {0x4F, -1}, -1},
		{"16.6.4 TPR sub-class ignored", 0x3F, {-1, -1}, {0x40, -1}, 0x40},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		clear_page();
		page[PN_APIC_TPR / 4] = rows[i].tpr;
		for (int k = 0; k < 2; k++) {
			if (rows[i].isr[k] >= 0)
				pn_vapic_set(page, PN_APIC_ISR, (uint8_t)rows[i].isr[k]);
			if (rows[i].irr[k] >= 0)
				pn_vapic_set(page, PN_APIC_IRR, (uint8_t)rows[i].irr[k]);
		}
		ROW_EQ(rows[i].row, pn_vapic_deliverable(page), rows[i].want);
	}
}

static void lapic_all(void **state)
{
	(void)state;
	for (int v = 0; v < 256; v++) {
		struct pn_lapic l = {0};
		int want = v < 16 ? -1 : v;

		assert_false(pn_lapic_accept(&l, (uint8_t)v));
		assert_int_equal(pn_lapic_accept(&l, (uint8_t)v), v >= 16);
		assert_int_equal(pn_lapic_pending(&l), want);
		assert_int_equal(pn_lapic_take(&l), want);
		assert_int_equal(pn_lapic_pending(&l), -1);
		assert_int_equal(pn_lapic_take(&l), -1);
		assert_int_equal(pn_lapic_eoi(&l), want);
		assert_int_equal(pn_lapic_eoi(&l), -1);
	}
}

/* Nesting: 16.6.3 and 16.6.5. */
static void lapic_nesting(void **state)
{
	struct pn_lapic l = {0};

	(void)state;
	pn_lapic_accept(&l, 0x41);
	assert_int_equal(pn_lapic_take(&l), 0x41);
	pn_lapic_accept(&l, 0x4F);
	assert_int_equal(pn_lapic_take(&l), -1); /* same class waits */
	pn_lapic_accept(&l, 0x52);
	assert_int_equal(pn_lapic_take(&l), 0x52); /* higher class interrupts */
	assert_false(pn_lapic_accept(&l, 0x52));   /* in service is not pending */
	assert_int_equal(pn_lapic_take(&l), -1);
	assert_int_equal(pn_lapic_eoi(&l), 0x52);
	assert_int_equal(pn_lapic_take(&l), 0x52);
	assert_int_equal(pn_lapic_eoi(&l), 0x52);
	assert_int_equal(pn_lapic_take(&l), -1);
	assert_int_equal(pn_lapic_eoi(&l), 0x41);
	assert_int_equal(pn_lapic_take(&l), 0x4F);
	assert_int_equal(pn_lapic_eoi(&l), 0x4F);
	assert_int_equal(pn_lapic_eoi(&l), -1);
}

static void msi_decode(void **state)
{
	static const struct {
		const char *row;
		uint64_t addr;
		uint32_t data;
		struct pn_intr want;
	} rows[] = {
		{"fixed, physical", 0xFEE2A000, 0x0041, {0x2A, 0x41, PN_DM_FIXED, false, false}},
		{"address 19:12 all ones", 0xFEEFF000, 0x00FF, {0xFF, 0xFF, 0, false, false}},
		{"address bit 2: logical", 0xFEE01004, 0x0031, {1, 0x31, PN_DM_FIXED, true, false}},
		{"RH alone is no mode", 0xFEE01008, 0x0031, {1, 0x31, PN_DM_FIXED, false, false}},
		{"data 10:8: lowest", 0xFEE0100C, 0x0131, {1, 0x31, PN_DM_LOWEST, true, false}},
		{"data 10:8: NMI", 0xFEE03000, 0x0400, {3, 0, PN_DM_NMI, false, false}},
		{"data 10:8: ExtINT", 0xFEE03000, 0x0700, {3, 0, PN_DM_EXTINT, false, false}},
		{"data 15: level", 0xFEE03000, 0xC055, {3, 0x55, PN_DM_FIXED, false, true}},
		{"data 14 alone is edge", 0xFEE03000, 0x4055, {3, 0x55, PN_DM_FIXED, false, false}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_intr got = pn_msi_decode(rows[i].addr, rows[i].data), again;
		uint64_t addr = 0;
		uint32_t data = 0;

		assert_true(pn_msi_is(rows[i].addr));
		ROW_EQ(rows[i].row, got.dest, rows[i].want.dest);
		ROW_EQ(rows[i].row, got.vector, rows[i].want.vector);
		ROW_EQ(rows[i].row, got.mode, rows[i].want.mode);
		ROW_EQ(rows[i].row, got.logical, rows[i].want.logical);
		ROW_EQ(rows[i].row, got.level, rows[i].want.level);
		pn_msi_encode(&got, &addr, &data);
		again = pn_msi_decode(addr, data);
		ROW_EQ(rows[i].row, pn_msi_is(addr), true);
		ROW_EQ(rows[i].row, again.dest, got.dest);
		ROW_EQ(rows[i].row, again.vector, got.vector);
		ROW_EQ(rows[i].row, again.mode, got.mode);
		ROW_EQ(rows[i].row, again.logical, got.logical);
		ROW_EQ(rows[i].row, again.level, got.level);
	}
}

static void msi_encode(void **state)
{
	static const struct {
		const char *row;
		struct pn_intr intr;
		uint64_t addr;
		uint32_t data;
	} rows[] = {
		{"fixed, physical", {0x2A, 0x41, PN_DM_FIXED, false, false}, 0xFEE2A000, 0x41},
		{"fixed, broadcast", {0xFF, 0xFE, PN_DM_FIXED, false, false}, 0xFEEFF000, 0xFE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t addr = ~0ull;
		uint32_t data = ~0u;

		pn_msi_encode(&rows[i].intr, &addr, &data);
		ROW_EQ(rows[i].row, addr, rows[i].addr);
		ROW_EQ(rows[i].row, data, rows[i].data);
	}
}

static void msi_range(void **state)
{
	(void)state;
	assert_true(pn_msi_is(0xFEE00000));
	assert_true(pn_msi_is(0xFEEFFFFC));
	assert_false(pn_msi_is(0xFEDFFFFC));
	assert_false(pn_msi_is(0xFEF00000));
	assert_false(pn_msi_is(0x1FEE00000ull));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bank_layout),	    cmocka_unit_test(bit_ops),
		cmocka_unit_test(bank_fill),	    cmocka_unit_test(ppr_rows),
		cmocka_unit_test(deliverable_rows), cmocka_unit_test(deliverable_all),
		cmocka_unit_test(lapic_all),	    cmocka_unit_test(lapic_nesting),
		cmocka_unit_test(msi_decode),	    cmocka_unit_test(msi_encode),
		cmocka_unit_test(msi_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
