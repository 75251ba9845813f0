/* SPDX-License-Identifier: MIT */
/*
 * Formats of AMD: IRTEs, device table entries, commands, events and MSIs as bits, decoded and
 * encoded.
 */
#include <errno.h>

#include "amd_fixture.h"
#include "postern/postern.h"

/* A table of IRTEs: each raw value decodes to the fields and the fields encode to it again. */
struct irte_row {
	const char *name;
	struct pn_irte128 raw;
	struct pn_irte f;
};

static void irte_same(const char *name, const struct pn_irte *a, const struct pn_irte *b)
{
	row_eq(name, "form", a->form, b->form);
	row_eq(name, "RemapEn", a->remapen, b->remapen);
	row_eq(name, "SupIOPF", a->supiopf, b->supiopf);
	row_eq(name, "GuestMode", a->guestmode, b->guestmode);
	row_eq(name, "IntType", a->inttype, b->inttype);
	row_eq(name, "RqEOI", a->rqeoi, b->rqeoi);
	row_eq(name, "DM", a->dm, b->dm);
	row_eq(name, "GALogIntr", a->galogintr, b->galogintr);
	row_eq(name, "GAPPIDis", a->gappidis, b->gappidis);
	row_eq(name, "IsRun", a->isrun, b->isrun);
	row_eq(name, "GATag", a->gatag, b->gatag);
	row_eq(name, "root", a->root, b->root);
	row_eq(name, "Destination", a->dest, b->dest);
	row_eq(name, "Vector", a->vector, b->vector);
}

#define GUEST .form = PN_IRTE_128_GUEST, .remapen = true, .guestmode = true
static const struct irte_row irtes[] = {
	{"3.2 remap vector",
	 {0x0000000002030401ull, 0x0100000000000062ull},
	 {.form = PN_IRTE_128_REMAP, .remapen = true, .dest = 0x01020304, .vector = 0x62}},
	{"3.2 every low bit",
	 {0x000000000000FF67ull, 0x31},
	 {.form = PN_IRTE_128_REMAP,
	  .remapen = true,
	  .supiopf = true,
	  .inttype = 1,
	  .rqeoi = true,
	  .dm = true,
	  .dest = 0xFF,
	  .vector = 0x31}},
	{"3.3 running",
	 {0xABCDE123020304C1ull, 0x0100000123456041ull},
	 {GUEST, .isrun = true, .dest = 0x01020304, .gatag = 0xABCDE123, .root = 0x123456000,
	  .vector = 0x41}},
	{"3.3 not running",
	 {0xABCDE12302030485ull, 0x0100000123456041ull},
	 {GUEST, .galogintr = true, .dest = 0x01020304, .gatag = 0xABCDE123, .root = 0x123456000,
	  .vector = 0x41}},
	{"3.4 GAPPI",
	 {0x000000F100002A81ull, 0x0000000123456041ull},
	 {GUEST, .dest = 0x2A, .gatag = 0xF1, .root = 0x123456000, .vector = 0x41}},
	{"3.4 GAPPI suppressed",
	 {0x000000F100002AA1ull, 0x0000000123456041ull},
	 {GUEST, .gappidis = true, .dest = 0x2A, .gatag = 0xF1, .root = 0x123456000,
	  .vector = 0x41}},
	{"3.3 SupIOPF, top of root",
	 {0x0000000000000083ull, 0x000FFFFFFFFFF0FFull},
	 {GUEST, .supiopf = true, .root = 0x000FFFFFFFFFF000ull, .vector = 0xFF}},
	{"empty", {0, 0}, {.form = PN_IRTE_128_REMAP}},
};

static void test_irte128(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(irtes); i++) {
		const struct irte_row *r = &irtes[i];
		struct pn_irte128 raw = pn_irte128_encode(&r->f);
		struct pn_irte f;

		row_eq(r->name, "bad", pn_irte128_decode(r->raw, true, true, &f), 0);
		irte_same(r->name, &f, &r->f);
		row_eq(r->name, "lo", raw.lo, r->raw.lo);
		row_eq(r->name, "hi", raw.hi, r->raw.hi);
	}
}

static void test_irte32(void **state)
{
	static const struct {
		const char *name;
		uint32_t raw;
		struct pn_irte f;
		unsigned bad;
	} rows[] = {
		{"3.1 vector",
		 0x00310F41,
		 {.form = PN_IRTE_32, .remapen = true, .dm = true, .dest = 0x0F, .vector = 0x31},
		 0},
		{"3.1 all fields",
		 0x00FFFF67,
		 {.form = PN_IRTE_32,
		  .remapen = true,
		  .supiopf = true,
		  .inttype = 1,
		  .rqeoi = true,
		  .dm = true,
		  .dest = 0xFF,
		  .vector = 0xFF},
		 0},
		{"3.1 GuestMode",
		 0x00310081,
		 {.form = PN_IRTE_32, .remapen = true, .guestmode = true, .vector = 0x31},
		 PN_IRTE_BAD_GUESTMODE},
		{"3.1 IntType 2",
		 0x00000009,
		 {.form = PN_IRTE_32, .remapen = true, .inttype = 2},
		 PN_IRTE_BAD_INTTYPE},
		{"3.1 IntType 7",
		 0x0000001D,
		 {.form = PN_IRTE_32, .remapen = true, .inttype = 7},
		 PN_IRTE_BAD_INTTYPE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_irte f;

		row_eq(rows[i].name, "bad", pn_irte32_decode(rows[i].raw, &f), rows[i].bad);
		irte_same(rows[i].name, &f, &rows[i].f);
		row_eq(rows[i].name, "raw", pn_irte32_encode(&f), rows[i].raw);
	}
	for (unsigned bit = 24; bit < 32; bit++) {
		struct pn_irte f;

		row_eq("3.1 reserved 31:24", "bad", pn_irte32_decode(1u << bit, &f),
		       PN_IRTE_BAD_RESERVED);
	}
}

/* 3.2, 3.3: every bit of an otherwise legal entry that must not be set. */
static unsigned expect_bad(unsigned bit, bool guest, bool xten, bool dissup)
{
	unsigned bad = 0;

	if (guest ? (bit == 3 || bit == 4 || (bit >= 72 && bit <= 75) || (bit >= 116 && bit <= 119))
		  : ((bit >= 32 && bit < 64) || (bit >= 72 && bit < 120)))
		bad |= PN_IRTE_BAD_RESERVED;
	if (!xten && ((bit >= 16 && bit < 32) || bit >= 120))
		bad |= PN_IRTE_BAD_RESERVED;
	if (guest && bit == 5 && !dissup)
		bad |= PN_IRTE_BAD_RESERVED;
	if (!guest && (bit == 3 || bit == 4))
		bad |= PN_IRTE_BAD_INTTYPE;
	return bad;
}

static void test_irte128_bad(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 8; c++) {
		const bool guest = c & 1, xten = c & 2, dissup = c & 4;

		for (unsigned bit = 0; bit < 128; bit++) {
			struct pn_irte128 raw = {PN_IRTE_REMAPEN, 0};
			struct pn_irte f;
			char name[64];

			if (bit == 7)
				continue;
			raw.lo |= guest ? PN_IRTE_GUESTMODE : 0;
			raw.lo |= bit < 64 ? 1ull << bit : 0;
			raw.hi |= bit < 64 ? 0 : 1ull << (bit - 64);
			snprintf(name, sizeof(name), "guest %d xten %d dissup %d bit %u", guest,
				 xten, dissup, bit);
			row_eq(name, "bad", pn_irte128_decode(raw, xten, dissup, &f),
			       expect_bad(bit, guest, xten, dissup));
		}
	}
}

/* 3.2: without XTEn a destination has 8 bits. */
static void test_irte128_dest8(void **state)
{
	struct pn_irte f;

	(void)state;
	pn_irte128_decode((struct pn_irte128){0x02030401, 0x0100000000000062ull}, false, true, &f);
	assert_int_equal(f.dest, 4);
}

static void test_irte_random(void **state)
{
	uint64_t x = 88172645463325252ull;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct pn_irte128 raw, again;
		struct pn_irte f;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		raw.lo = x;
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		raw.hi = x;
		if (raw.lo & PN_IRTE_GUESTMODE) {
			raw.lo &= ~PN_IRTE_GUEST_RSV_LO;
			raw.hi &= ~PN_IRTE_GUEST_RSV_HI;
		} else {
			raw.lo &= ~PN_IRTE_REMAP_RSV_LO & ~0x18ull;
			raw.hi &= ~PN_IRTE_REMAP_RSV_HI;
		}
		assert_int_equal(pn_irte128_decode(raw, true, true, &f), 0);
		again = pn_irte128_encode(&f);
		assert_int_equal(again.lo, raw.lo);
		assert_int_equal(again.hi, raw.hi);
	}
}

static void test_dte(void **state)
{
	static const struct {
		const char *name;
		uint64_t raw;
		bool gaen;
		unsigned bad;
	} rows[] = {
		{"2 vector", 0x2000000100040013ull, true, 0},
		{"2 IV=0: nothing is checked", 0x303000000000001Eull & ~1ull, true, 0},
		{"2 reserved 52", 1 | 1ull << 52, true, PN_DTE_BAD_RESERVED},
		{"2 reserved 53", 1 | 1ull << 53, true, PN_DTE_BAD_RESERVED},
		{"2 IntCtl 3", 1 | 3ull << 60, true, PN_DTE_BAD_INTCTL},
		{"2 IntTabLen 11", 1 | 11 << 1, true, 0},
		{"2 IntTabLen 12", 1 | 12 << 1, true, PN_DTE_BAD_INTTABLEN},
		{"2 IntTabLen 15", 1 | 15 << 1, true, PN_DTE_BAD_INTTABLEN},
		{"2 64-byte root, GAEn=1", 1 | 0x40, true, PN_DTE_BAD_ALIGN},
		{"2 64-byte root, GAEn=0", 1 | 0x40, false, 0},
		{"2 all at once", 1 | 15 << 1 | 0x40 | 3ull << 52 | 3ull << 60, true,
		 PN_DTE_BAD_RESERVED | PN_DTE_BAD_INTCTL | PN_DTE_BAD_INTTABLEN | PN_DTE_BAD_ALIGN},
		{"2 passes", 1 | 0xC7ull << 56, true, 0},
	};
	struct pn_dte d;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		row_eq(rows[i].name, "bad", pn_dte_decode(rows[i].raw, rows[i].gaen, &d),
		       rows[i].bad);
		row_eq(rows[i].name, "encoded", pn_dte_encode(&d), rows[i].raw & ~PN_DTE_RSV);
	}
	pn_dte_decode(rows[0].raw, true, &d);
	assert_true(d.iv && !d.ig && !d.initpass && !d.eintpass && !d.nmipass);
	assert_int_equal(d.inttablen, 9);
	assert_int_equal(d.root, 0x100040000ull);
	assert_int_equal(d.intctl, PN_INTCTL_REMAP);
	pn_dte_decode(1 | PN_DTE_INITPASS | PN_DTE_IG, true, &d);
	assert_true(d.initpass && d.ig && !d.eintpass && !d.nmipass);
	pn_dte_decode(1 | PN_DTE_EINTPASS | PN_DTE_LINT0PASS, true, &d);
	assert_true(d.eintpass && d.lint0pass && !d.lint1pass && !d.initpass && !d.nmipass);
	pn_dte_decode(1 | PN_DTE_NMIPASS | PN_DTE_LINT1PASS, true, &d);
	assert_true(d.nmipass && d.lint1pass && !d.lint0pass && !d.initpass && !d.eintpass);
}

static void test_commands(void **state)
{
	static const struct {
		const char *name;
		unsigned op;
		uint64_t rsv0, rsv1;
	} rows[] = {
		{"COMPLETION_WAIT", 1, 0x0FF0000000000000ull, 0},
		{"INVALIDATE_DEVTAB_ENTRY", 2, 0x0FFFFFFFFFFF0000ull, ~0ull},
		{"INVALIDATE_IOMMU_PAGES", 3, 0x0FFF0000FFF00000ull, 0xFF8},
		{"INVALIDATE_IOTLB_PAGES", 4, 0, 0},
		{"INVALIDATE_INTERRUPT_TABLE", 5, 0x0FFFFFFFFFFF0000ull, ~0ull},
		{"PREFETCH_IOMMU_PAGES", 6, 0, 0},
		{"COMPLETE_PPR_REQUEST", 7, 0, 0},
		{"INVALIDATE_IOMMU_ALL", 8, 0x0FFFFFFFFFFFFFFFull, ~0ull},
	};
	struct pn_amd_cmd c;
	uint64_t r0, r1;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		c = (struct pn_amd_cmd){(uint64_t)rows[i].op << 60, 0};
		assert_string_equal(pn_amd_cmd_name(rows[i].op), rows[i].name);
		assert_true(pn_amd_cmd_reserved(&c, &r0, &r1));
		row_eq(rows[i].name, "reserved q0", r0, rows[i].rsv0);
		row_eq(rows[i].name, "reserved q1", r1, rows[i].rsv1);
	}
	for (unsigned op = 0; op < 16; op = op ? op + 1 : 9) {
		c = (struct pn_amd_cmd){(uint64_t)op << 60, 0};
		assert_null(pn_amd_cmd_name(op));
		assert_false(pn_amd_cmd_reserved(&c, &r0, &r1));
		assert_true(r0 == ~0ull && r1 == ~0ull);
	}
	assert_null(pn_amd_cmd_name(16));
	/* 5.1 examples */
	c = pn_amd_cmd_inv_irt(0x0841);
	assert_true(c.q0 == 0x5000000000000841ull && c.q1 == 0);
	c = pn_amd_cmd_cwait(0x100001008ull, 0x1122334455667788ull, false);
	assert_true(c.q0 == 0x1000000100001009ull && c.q1 == 0x1122334455667788ull);
	c = pn_amd_cmd_cwait(0x100001008ull, 0, true);
	assert_int_equal(c.q0, 0x100000010000100Bull);
	c = pn_amd_cmd_inv_devtab(0xFFFF);
	assert_int_equal(c.q0, 0x200000000000FFFFull);
	c = pn_amd_cmd_inv_all();
	assert_int_equal(c.q0, 0x8000000000000000ull);
	assert_int_equal(pn_amd_cmd_op(&c), 8);
}

static void test_events(void **state)
{
	static const char *const names[] = {NULL,
					    "ILLEGAL_DEV_TABLE_ENTRY",
					    "IO_PAGE_FAULT",
					    "DEV_TAB_HARDWARE_ERROR",
					    "PAGE_TAB_HARDWARE_ERROR",
					    "ILLEGAL_COMMAND_ERROR",
					    "COMMAND_HARDWARE_ERROR",
					    "IOTLB_INV_TIMEOUT",
					    "INVALID_DEVICE_REQUEST",
					    "INVALID_PPR_REQUEST",
					    "EVENT_COUNTER_ZERO",
					    "GUEST_EVENT_FAULT",
					    "VIOMMU_HARDWARE_ERROR",
					    "RMP_PAGE_FAULT",
					    "RMP_HARDWARE_ERROR",
					    NULL,
					    NULL};

	(void)state;
	for (unsigned i = 0; i < COUNT(names); i++) {
		if (names[i])
			assert_string_equal(pn_amd_event_name(i), names[i]);
		else
			assert_null(pn_amd_event_name(i));
	}
	/* 5.2: Linux sees dword1 >> 16 as flags: I = 8, PR = 10h, RW = 20h */
	assert_int_equal(PN_EVENT_I >> 48, 0x008);
	assert_int_equal(PN_EVENT_PR >> 48, 0x010);
	assert_int_equal(PN_EVENT_RW >> 48, 0x020);
	/* 4: log entry */
	assert_int_equal(pn_galog_encode(0x00012345, 0x0841), 0x1000084100012345ull);
}

/* 4.5a: the byte form of the IRR location. */
static void test_irr_location(void **state)
{
	(void)state;
	assert_int_equal(pn_apic_word(PN_APIC_IRR, 0x41), 0x220);
	assert_int_equal(pn_apic_word(PN_APIC_IRR, 0xFF), 0x270);
	assert_int_equal(pn_apic_word(PN_APIC_IRR, 0x1F), 0x200);
}

static void test_msi(void **state)
{
	static const struct {
		const char *name;
		uint64_t addr;
		uint32_t data;
		struct pn_intr m;
	} rows[] = {
		/* clang-format off */
		{"fixed", 0xFEE00000, 0x31, {.vector = 0x31}},
		{"dest", 0xFEEFF000, 0x31, {.dest = 0xFF, .vector = 0x31}},
		{"logical", 0xFEE01004, 0x41, {.dest = 1, .vector = 0x41, .logical = true}},
		{"lowest", 0xFEE0300C, 0x141, {.dest = 3, .vector = 0x41, .mode = PN_DM_LOWEST, .logical = true}},
		{"NMI", 0xFEE02000, 0x400, {.dest = 2, .mode = PN_DM_NMI}},
		{"level", 0xFEE02000, 0xC050, {.dest = 2, .vector = 0x50, .level = true}},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_intr m = pn_msi_decode(rows[i].addr, rows[i].data);
		uint64_t addr;
		uint32_t data;

		row_eq(rows[i].name, "dest", m.dest, rows[i].m.dest);
		row_eq(rows[i].name, "vector", m.vector, rows[i].m.vector);
		row_eq(rows[i].name, "mode", m.mode, rows[i].m.mode);
		row_eq(rows[i].name, "logical", m.logical, rows[i].m.logical);
		row_eq(rows[i].name, "level", m.level, rows[i].m.level);
		pn_msi_encode(&m, &addr, &data);
		row_eq(rows[i].name, "address", addr, rows[i].addr);
		row_eq(rows[i].name, "data", data, rows[i].data);
	}
	assert_true(pn_msi_is(0xFEE00000) && pn_msi_is(0xFEEFFFFF));
	assert_false(pn_msi_is(0xFED00000) || pn_msi_is(0x1FEE00000ull) || pn_msi_is(0xFEF00000));
}

static void test_agent(void **state)
{
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_agent a;

	(void)state;
	memset(&a, 0xFF, sizeof(a));
	memset(steps, 0xFF, sizeof(steps));
	pn_agent_init(&a, 7, steps);
	assert_int_equal(a.id, 7);
	assert_null(a.observe);
	for (int i = 0; i < PN_STEP_NR; i++) {
		assert_int_equal(pn_step_by_key(pn_step_key(i)), i);
		assert_non_null(pn_step_doc(i));
		pn_step(&a, i, 0, 0);
	}
	assert_int_equal(a.elapsed_ns, 0);
	assert_null(pn_step_key(PN_STEP_NR));
	assert_null(pn_step_doc(PN_STEP_NR));
	assert_null(pn_step_key((unsigned)-1));
	assert_int_equal(pn_step_by_key("no such step"), -ENOENT);
	assert_int_equal(pn_step_by_key(NULL), -ENOENT);
	assert_string_equal(pn_version(), PN_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_irte32),	     cmocka_unit_test(test_irte128),
		cmocka_unit_test(test_irte128_bad),  cmocka_unit_test(test_irte128_dest8),
		cmocka_unit_test(test_irte_random),  cmocka_unit_test(test_dte),
		cmocka_unit_test(test_commands),     cmocka_unit_test(test_events),
		cmocka_unit_test(test_irr_location), cmocka_unit_test(test_msi),
		cmocka_unit_test(test_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
