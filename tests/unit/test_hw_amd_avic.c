/* SPDX-License-Identifier: MIT */
/* AVIC of one core: consistency checks, register access, evaluation, EOI, doorbell. */
#include <errno.h>

#include "avic_rig.h"

/* Section 6.1: rules of VMRUN. */
static void vmcb_rows(void **state)
{
	enum { AV = 1, X2 = 2, EXT = 4, ALL = 7 };
	const uint64_t on = PN_VINTR_AVIC, x2 = PN_VINTR_AVIC | PN_VINTR_X2AVIC;
	const uint64_t high = 1ull << 48, p = 0x10000;
	const struct {
		const char *row;
		int cpu;
		uint64_t v_intr, page, log, phys;
		bool npt;
		int want;
	} rows[] = {
		/* clang-format off */
		{"6.1 AVIC off: nothing is checked", 0, 0, high, high, high | 4095, false, 0},
		{"6.1 x2AVIC without AVIC", ALL, PN_VINTR_X2AVIC, p, p, p, true, -EINVAL},
		{"6.1 AVIC", ALL, on, p, p, p | 255, true, 0},
		{"6.1 x2AVIC", ALL, x2, p, p, p | 511, true, 0},
		{"6.1 AVIC not supported", 0, on, p, p, p, true, -EINVAL},
		{"6.1 AVIC on a CPU without x2AVIC", AV, on, p, p, p, true, 0},
		{"6.1 x2AVIC not supported", AV, x2, p, p, p, true, -EINVAL},
		{"6.1 NPT off", ALL, on, p, p, p, false, -EINVAL},
		{"6.1 NPT off, x2AVIC", ALL, x2, p, p, p, false, -EINVAL},
		{"6.1 xAVIC index 256", ALL, on, p, p, p | 256, true, -EINVAL},
		{"6.1 x2AVIC index 511 without EXT", AV | X2, x2, p, p, p | 511, true, 0},
		{"6.1 x2AVIC index 512 without EXT", AV | X2, x2, p, p, p | 512, true, -EINVAL},
		{"6.1 x2AVIC index 512 with EXT", ALL, x2, p, p, p | 512, true, 0},
		{"6.1 x2AVIC index 4095 with EXT", ALL, x2, p, p, p | 4095, true, 0},
		{"6.1 backing page out of range", ALL, on, high, p, p, true, -EINVAL},
		{"6.1 logical table out of range", ALL, on, p, high, p, true, -EINVAL},
		{"6.1 logical table unused in x2AVIC", ALL, x2, p, high, p, true, 0},
		{"6.1 physical table out of range", ALL, on, p, p, high, true, -EINVAL},
		{"6.1 last page of the table in range", ALL, x2, p, p, (high - 0x8000) | 4095, true, 0},
		{"6.1 last page of the table out of range", ALL, x2, p, p, (high - 0x7000) | 4095, true, -EINVAL},
		{"6.1 ignored fields", ALL, on | PN_VINTR_IRQ | PN_VINTR_IGN_TPR | 0xFull << 16 | 0xFFull << 32, p, p, p, true, 0},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_avic_features f;
		struct pn_avic_vmcb v = {rows[i].v_intr, 0,	     rows[i].page, rows[i].log,
					 rows[i].phys,	 rows[i].npt};

		pn_avic_features_default(&f);
		f.avic = rows[i].cpu & AV;
		f.x2avic = rows[i].cpu & X2;
		f.x2avic_ext = rows[i].cpu & EXT;
		f.phys_mask = high - 1;
		ROW_EQ(rows[i].row, pn_avic_vmcb_check(&f, &v), rows[i].want);
		if (rows[i].npt || !(rows[i].v_intr & PN_VINTR_AVIC))
			continue;
		/* Section 11: the knob lets NP_ENABLE = 0 pass, and nothing else. */
		f.np_off = PN_NP_OFF_IGNORED;
		ROW_EQ(rows[i].row, pn_avic_vmcb_check(&f, &v), 0);
		v.backing_page = high;
		ROW_EQ(rows[i].row, pn_avic_vmcb_check(&f, &v), -EINVAL);
	}
}

/* Section 6.2: the entry of the test vector, limits and bits. */
static void tables(void **state)
{
	(void)state;
	assert_int_equal(PN_AVIC_PHYS_VALID | PN_AVIC_PHYS_ISRUNNING | 0x123456000ull | 0x2A,
			 0xC00000012345602Aull);
	assert_int_equal(PN_AVIC_PHYS_VALID | PN_AVIC_PHYS_ISRUNNING | PN_AVIC_PHYS_RSV |
				 PN_AVIC_PHYS_PAGE_MASK | PN_AVIC_PHYS_HOST_MASK,
			 ~0ull);
	assert_int_equal(PN_AVIC_LOG_VALID | PN_AVIC_LOG_ID_MASK, 0x800000FFu);
	for (unsigned bit = 0; bit < 10; bit++)
		assert_int_equal(pn_avic_logical_slot(false, 0, bit), bit < 8 ? (int)bit : -1);
	for (uint8_t cluster = 0; cluster < 17; cluster++) {
		for (unsigned bit = 0; bit < 6; bit++)
			assert_int_equal(pn_avic_logical_slot(true, cluster, bit),
					 cluster < 15 && bit < 4 ? cluster * 4 + (int)bit : -1);
	}
	assert_int_equal(pn_x2apic_logical(0), 1);
	assert_int_equal(pn_x2apic_logical(0x2F), 0x28000);
	assert_int_equal(pn_x2apic_logical(0xFFF), 0xFF8000);
}

enum expect { OK, TRAPS, FAULTS, GPS };

/*
 * Section 6.3, for one range of offsets: read and write in xAVIC; in x2AVIC by the register map
 * (section 11, the default of x2_map), and by the table alone.
 */
static const struct {
	const char *row;
	uint32_t first, last;
	enum expect xr, xw, x2r, x2w, tr, tw;
} access_rows[] = {
	{"11 not implemented, 800", 0x000, 0x010, OK, OK, GPS, GPS, OK, OK},
	{"11 ID 020, read-only", 0x020, 0x020, OK, TRAPS, OK, GPS, OK, TRAPS},
	{"11 version 030, read-only", 0x030, 0x030, OK, FAULTS, OK, GPS, OK, FAULTS},
	{"11 not implemented, 804", 0x040, 0x070, OK, OK, GPS, GPS, OK, OK},
	{"11 APR 090: measured", 0x090, 0x090, FAULTS, FAULTS, FAULTS, GPS, FAULTS, FAULTS},
	{"11 PPR 0A0, read-only", 0x0A0, 0x0A0, OK, FAULTS, OK, GPS, OK, FAULTS},
	{"11 RRR 0C0, reserved", 0x0C0, 0x0C0, OK, TRAPS, GPS, GPS, OK, TRAPS},
	{"11 LDR 0D0, read-only", 0x0D0, 0x0D0, OK, TRAPS, OK, GPS, OK, TRAPS},
	{"11 DFR 0E0: measured", 0x0E0, 0x0E0, OK, TRAPS, GPS, GPS, GPS, GPS},
	{"6.3 SVR 0F0", 0x0F0, 0x0F0, OK, TRAPS, OK, TRAPS, OK, TRAPS},
	{"11 ISR, read-only", 0x100, 0x170, OK, FAULTS, OK, GPS, OK, FAULTS},
	{"11 TMR, read-only", 0x180, 0x1F0, OK, FAULTS, OK, GPS, OK, FAULTS},
	{"11 IRR, read-only", 0x200, 0x270, OK, FAULTS, OK, GPS, OK, FAULTS},
	{"11 ESR 280, not zero", 0x280, 0x280, OK, TRAPS, OK, GPS, OK, TRAPS},
	{"11 not implemented, 829", 0x290, 0x2F0, OK, OK, GPS, GPS, OK, OK},
	{"11 ICRH 310: measured", 0x310, 0x310, OK, OK, GPS, GPS, GPS, GPS},
	{"6.3 LVTs", 0x320, 0x370, OK, TRAPS, OK, TRAPS, OK, TRAPS},
	{"6.3 TMICT 380", 0x380, 0x380, OK, TRAPS, OK, TRAPS, OK, TRAPS},
	{"11 TMCCT 390: measured", 0x390, 0x390, FAULTS, FAULTS, FAULTS, GPS, FAULTS, FAULTS},
	{"11 not implemented, 83A", 0x3A0, 0x3D0, OK, OK, GPS, GPS, OK, OK},
	{"6.3 TDCR 3E0", 0x3E0, 0x3E0, OK, TRAPS, OK, TRAPS, OK, TRAPS},
	{"6.3 xAVIC has no SELF_IPI", 0x3F0, 0x3F0, OK, OK, GPS, GPS, GPS, GPS},
	{"11 extended 400, read-only", 0x400, 0x400, FAULTS, FAULTS, FAULTS, GPS, FAULTS, FAULTS},
	{"6.3 extended 410, 420", 0x410, 0x420, FAULTS, FAULTS, FAULTS, FAULTS, FAULTS, FAULTS},
	{"11 not implemented, 843", 0x430, 0x470, OK, OK, GPS, GPS, OK, OK},
	{"6.3 480-4F0", 0x480, 0x4F0, FAULTS, FAULTS, FAULTS, FAULTS, FAULTS, FAULTS},
	{"6.3 extended LVTs, EDX[27]", 0x500, 0x530, OK, TRAPS, OK, TRAPS, OK, TRAPS},
	{"11 not implemented, 854", 0x540, 0xFF0, FAULTS, FAULTS, GPS, GPS, FAULTS, FAULTS},
	{"6.3 alignment", 0x024, 0x024, FAULTS, FAULTS, GPS, GPS, GPS, GPS},
	{"6.3 beyond the page", 0x1000, 0x1010, FAULTS, FAULTS, GPS, GPS, GPS, GPS},
	{"6.3 far beyond the page", 0xFFFFFFF0, 0xFFFFFFF0, FAULTS, FAULTS, GPS, GPS, GPS, GPS},
};

static void check_exit402(const struct rig *r, const char *row, uint32_t off, bool write,
			  uint8_t vector)
{
	ROW_EQ(row, r->exit.code, 0x402);
	ROW_EQ(row, r->exit.info1, (write ? 1ull << 32 : 0) | (off & 0xFF0));
	ROW_EQ(row, r->exit.info2, vector);
}

static void check_read(struct rig *r, const char *row, uint32_t off, enum expect want)
{
	static const enum pn_avic_access result[] = {PN_AVIC_DONE, PN_AVIC_TRAP, PN_AVIC_FAULT,
						     PN_AVIC_GP};
	uint64_t value = 0x1234;

	memset(&r->exit, 0, sizeof(r->exit));
	if (off < 4096)
		rig_page(RIG_SELF)[off / 4] = 0xC0DE0000u | (off & 0xFFFF);
	ROW_EQ(row, pn_avic_read(&r->av, off, &value, &r->exit), result[want]);
	ROW_EQ(row, value, want == OK ? 0xC0DE0000u | off : 0x1234);
	if (want == FAULTS)
		check_exit402(r, row, off, false, 0);
	else
		ROW_EQ(row, r->exit.code, 0);
}

static void check_write(struct rig *r, const char *row, uint32_t off, enum expect want)
{
	static const enum pn_avic_access result[] = {PN_AVIC_DONE, PN_AVIC_TRAP, PN_AVIC_FAULT,
						     PN_AVIC_GP};
	bool lands = want == OK || want == TRAPS;

	memset(&r->exit, 0, sizeof(r->exit));
	if (off < 4096)
		rig_page(RIG_SELF)[off / 4] = 0x01020304;
	ROW_EQ(row, pn_avic_write(&r->av, off, 0xA00000A5, &r->exit), result[want]);
	if (off < 4096)
		ROW_EQ(row, rig_self_reg(off), lands ? 0xA00000A5 : 0x01020304);
	if (want == FAULTS || want == TRAPS)
		check_exit402(r, row, off, true, 0);
	else
		ROW_EQ(row, r->exit.code, 0);
}

static void access_one(const char *row, uint32_t off, bool x2, int map, enum expect read,
		       enum expect write)
{
	struct rig r;

	rig_init(&r, x2);
	r.feat.x2_map = map;
	rig_run(&r);
	check_read(&r, row, off, read);
	check_write(&r, row, off, x2 && off == PN_APIC_SELF_IPI ? GPS : write);
}

static void access_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(access_rows); i++) {
		const char *row = access_rows[i].row;

		for (uint64_t o = access_rows[i].first; o <= access_rows[i].last; o += 16) {
			uint32_t off = (uint32_t)o;

			access_one(row, off, false, PN_X2MAP_FIRST, access_rows[i].xr,
				   access_rows[i].xw);
			access_one(row, off, false, PN_X2MAP_TABLE, access_rows[i].xr,
				   access_rows[i].xw);
			access_one(row, off, true, PN_X2MAP_FIRST, access_rows[i].x2r,
				   access_rows[i].x2w);
			access_one(row, off, true, PN_X2MAP_TABLE, access_rows[i].tr,
				   access_rows[i].tw);
		}
	}
}

/* The rows above and the four registers of their own (TPR, EOI, ICR) cover the page. */
static void access_complete(void **state)
{
	(void)state;
	for (uint32_t off = 0; off < 4096; off += 16) {
		unsigned n = off == PN_APIC_TPR || off == PN_APIC_EOI || off == PN_APIC_ICRL;

		for (size_t i = 0; i < COUNT(access_rows); i++)
			n += off >= access_rows[i].first && off <= access_rows[i].last &&
			     !(access_rows[i].first & 15);
		assert_int_equal(n, 1);
	}
}

static void access_extlvt_off(void **state)
{
	struct rig r;

	(void)state;
	for (uint32_t off = 0x500; off <= 0x530; off += 16) {
		rig_init(&r, false);
		r.feat.extlvt = false;
		rig_run(&r);
		check_read(&r, "6.3 500-530 without EDX[27]", off, FAULTS);
		check_write(&r, "6.3 500-530 without EDX[27]", off, FAULTS);
	}
}

/* Section 6.3 and the x2APIC register map: values that are refused with #GP, without effect. */
static void x2_values(void **state)
{
	static const struct {
		const char *row;
		uint32_t off;
		uint64_t value;
		enum pn_avic_access want;
		bool table;
	} rows[] = {
		{"TPR reserved bits", PN_APIC_TPR, 0x100, PN_AVIC_GP, false},
		{"TPR", PN_APIC_TPR, 0x20, PN_AVIC_EVALUATE, false},
		{"EOI not 0", PN_APIC_EOI, 1, PN_AVIC_GP, false},
		{"EOI 0", PN_APIC_EOI, 0, PN_AVIC_EVALUATE, false},
		{"SELF_IPI reserved bits", PN_APIC_SELF_IPI, 0x141, PN_AVIC_GP, false},
		{"SELF_IPI", PN_APIC_SELF_IPI, 0x41, PN_AVIC_EVALUATE, false},
		{"11 ICR bit 12", PN_APIC_ICRL, 0x41041, PN_AVIC_GP, false},
		{"11 ICR bit 12, table", PN_APIC_ICRL, 0x41041, PN_AVIC_GP, true},
		{"ICR bit 13", PN_APIC_ICRL, 0x42041, PN_AVIC_GP, false},
		{"ICR bit 16", PN_APIC_ICRL, 0x50041, PN_AVIC_GP, false},
		{"11 ICR bit 17", PN_APIC_ICRL, 0x60041, PN_AVIC_GP, false},
		{"ICR bit 14", PN_APIC_ICRL, 0x44041, PN_AVIC_EVALUATE, false},
		{"ICR bit 20", PN_APIC_ICRL, 0x140041, PN_AVIC_GP, false},
		{"ICR bit 31", PN_APIC_ICRL, 0x80040041, PN_AVIC_GP, false},
		{"upper half of a 32-bit register", PN_APIC_SVR, 1ull << 32, PN_AVIC_GP, false},
		{"TSC-deadline timer", PN_APIC_LVT_TIMER, 0x40030, PN_AVIC_GP, false},
		{"periodic timer", PN_APIC_LVT_TIMER, 0x20030, PN_AVIC_TRAP, false},
		{"TSC-deadline timer, table", PN_APIC_LVT_TIMER, 0x40030, PN_AVIC_GP, true},
		{"11 ESR 0", PN_APIC_ESR, 0, PN_AVIC_TRAP, false},
		{"11 ESR 1", PN_APIC_ESR, 1, PN_AVIC_GP, false},
		{"11 ESR 1, table", PN_APIC_ESR, 1, PN_AVIC_TRAP, true},
		{"11 ID", PN_APIC_ID, RIG_SELF, PN_AVIC_GP, false},
		{"11 ID, table", PN_APIC_ID, RIG_SELF, PN_AVIC_TRAP, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint32_t before[1024];
		struct rig r;

		rig_init(&r, true);
		r.feat.x2_map = rows[i].table ? PN_X2MAP_TABLE : PN_X2MAP_FIRST;
		rig_run(&r);
		memcpy(before, rig_page(RIG_SELF), sizeof(before));
		ROW_EQ(rows[i].row, pn_avic_write(&r.av, rows[i].off, rows[i].value, &r.exit),
		       rows[i].want);
		if (rows[i].want == PN_AVIC_GP)
			ROW_EQ(rows[i].row, memcmp(before, rig_page(RIG_SELF), sizeof(before)) != 0,
			       0);
	}
}

/* EOI reads: xAVIC has memory there, the MSR is write-only. */
static void eoi_read(void **state)
{
	uint64_t value = 5;
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_run(&r);
	assert_int_equal(pn_avic_read(&r.av, PN_APIC_EOI, &value, &r.exit), PN_AVIC_DONE);
	assert_int_equal(value, 0);
	rig_init(&r, true);
	rig_run(&r);
	assert_int_equal(pn_avic_read(&r.av, PN_APIC_EOI, &value, &r.exit), PN_AVIC_GP);
}

static void icr_access(void **state)
{
	uint64_t value = 0;
	struct rig r;

	(void)state;
	/* xAVIC: two registers; reserved bits land, BUSY does not. */
	rig_init(&r, false);
	rig_run(&r);
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_ICRH, 0x02000000, &r.exit), PN_AVIC_DONE);
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_ICRL, 0xFFF33041, &r.exit), PN_AVIC_EVALUATE);
	assert_int_equal(rig_self_reg(PN_APIC_ICRL), 0xFFF32041);
	assert_true(rig_test(RIG_SELF, PN_APIC_IRR, 0x41));
	assert_int_equal(pn_avic_read(&r.av, PN_APIC_ICRL, &value, &r.exit), PN_AVIC_DONE);
	assert_int_equal(value, 0xFFF32041);
	/* x2AVIC: one of 64 bits. */
	rig_init(&r, true);
	rig_run(&r);
	value = 0;
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_ICRL, 0x0000000200000042ull, &r.exit),
			 PN_AVIC_EVALUATE);
	assert_int_equal(rig_self_reg(PN_APIC_ICRL), 0x42);
	assert_int_equal(rig_self_reg(PN_APIC_ICRH), 2);
	assert_int_equal(pn_avic_read(&r.av, PN_APIC_ICRL, &value, &r.exit), PN_AVIC_DONE);
	assert_int_equal(value, 0x0000000200000042ull);
	/* SELF_IPI with an illegal vector reports the equivalent ICR value. */
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_SELF_IPI, 0x0F, &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.code, 0x401);
	assert_int_equal(r.exit.info1, 0x4000F);
	assert_int_equal(r.exit.info2, 4ull << 32);
}

/* Section 6.5: TPR updates page, V_TPR and PPR; CR8 clears TPR[3:0]; VMRUN copies neither way. */
static void priorities(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_page(RIG_SELF)[PN_APIC_TPR / 4] = 0x95;
	r.vmcb.v_intr |= 0x3;
	rig_run(&r);
	assert_int_equal(rig_self_reg(PN_APIC_TPR), 0x95);
	assert_int_equal(rig_self_reg(PN_APIC_PPR), 0x35);
	assert_int_equal(r.av.v_tpr, 3);

	assert_int_equal(pn_avic_write(&r.av, PN_APIC_TPR, 0xFFFFFF57, &r.exit), PN_AVIC_EVALUATE);
	assert_int_equal(rig_self_reg(PN_APIC_TPR), 0x57);
	assert_int_equal(rig_self_reg(PN_APIC_PPR), 0x57);
	assert_int_equal(r.av.v_tpr, 5);

	pn_avic_write_cr8(&r.av, 0x4);
	assert_int_equal(rig_self_reg(PN_APIC_TPR), 0x40);
	assert_int_equal(r.av.v_tpr, 4);

	rig_set(RIG_SELF, PN_APIC_IRR, 0x61);
	pn_avic_deliver(&r.av, 0x61);
	assert_int_equal(rig_self_reg(PN_APIC_PPR), 0x60);
	pn_avic_write_cr8(&r.av, 0x6);
	assert_int_equal(rig_self_reg(PN_APIC_PPR), 0x60);
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_TPR, 0x63, &r.exit), PN_AVIC_EVALUATE);
	assert_int_equal(rig_self_reg(PN_APIC_PPR), 0x63);
	pn_avic_write_cr8(&r.av, 0);
	assert_int_equal(rig_self_reg(PN_APIC_PPR), 0x60);

	/* In host mode CR8 belongs to the host. */
	pn_avic_vmexit(&r.av);
	pn_avic_write_cr8(&r.av, 9);
	assert_int_equal(rig_self_reg(PN_APIC_TPR), 0);
	/* VMRUN recomputes the PPR from what the host left in the ISR. */
	rig_set(RIG_SELF, PN_APIC_ISR, 0x91);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(rig_self_reg(PN_APIC_PPR), 0x90);
}

/*
 * Section 6.5: page and V_TPR may differ at VMRUN; V_TPR decides, until the guest writes one of the
 * two. The last column: by the knob, the page's TPR after VMRUN.
 */
static void tpr_differs(void **state)
{
	static const struct {
		const char *row;
		uint8_t page, v_tpr, isr;
		uint8_t vector;
		bool delivered;
		uint8_t ppr, copied;
	} rows[] = {
		{"6.5 page low, V_TPR high", 0x00, 0x9, 0, 0x41, false, 0x90, 0x90},
		{"6.5 page low, V_TPR of the class", 0x31, 0x4, 0, 0x41, false, 0x41, 0x41},
		{"6.5 page high, V_TPR low", 0x90, 0x0, 0, 0x41, true, 0x00, 0x00},
		{"6.5 page high, V_TPR a class below", 0xF7, 0x3, 0, 0x41, true, 0x37, 0x37},
		{"6.5 page high, V_TPR low, ISR", 0x90, 0x0, 0x45, 0x41, false, 0x40, 0x00},
		{"6.5 page low, V_TPR high, ISR", 0x00, 0x9, 0x45, 0x51, false, 0x90, 0x90},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		bool copy = i & 1, x2 = i & 2;
		size_t n = i / 2;
		struct rig r;

		rig_init(&r, x2);
		assert_int_equal(r.feat.vmrun_tpr, PN_VMRUN_TPR_KEEP);
		if (copy)
			r.feat.vmrun_tpr = PN_VMRUN_TPR_TO_PAGE;
		rig_page(RIG_SELF)[PN_APIC_TPR / 4] = rows[n].page;
		r.vmcb.v_intr |= rows[n].v_tpr;
		if (rows[n].isr)
			rig_set(RIG_SELF, PN_APIC_ISR, rows[n].isr);
		rig_set(RIG_SELF, PN_APIC_IRR, rows[n].vector);
		rig_run(&r);
		ROW_EQ(rows[n].row, rig_self_reg(PN_APIC_TPR),
		       copy ? rows[n].copied : rows[n].page);
		ROW_EQ(rows[n].row, rig_self_reg(PN_APIC_PPR), rows[n].ppr);
		ROW_EQ(rows[n].row, pn_avic_evaluate(&r.av, true),
		       rows[n].delivered ? rows[n].vector : -1);
		/* VMEXIT leaves V_TPR as it was; the page is not touched. */
		pn_avic_vmexit(&r.av);
		ROW_EQ(rows[n].row, r.av.v_tpr, rows[n].v_tpr);
		/* A write of the guest makes the two equal, by either way. */
		assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
		if (i & 4)
			pn_avic_write_cr8(&r.av, 0x6);
		else
			pn_avic_write(&r.av, PN_APIC_TPR, 0x6B, &r.exit);
		ROW_EQ(rows[n].row, rig_self_reg(PN_APIC_TPR), i & 4 ? 0x60 : 0x6B);
		ROW_EQ(rows[n].row, r.av.v_tpr, 6);
		ROW_EQ(rows[n].row, pn_avic_evaluate(&r.av, true), -1);
	}
}

static void vmrun_results(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	pn_avic_init(&r.av, &r.bus, &r.agent, &r.feat, RIG_HOST);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(r.agent.step[PN_STEP_VMRUN].count, 1);
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 1);
	pn_avic_vmexit(&r.av);
	pn_avic_vmexit(&r.av);
	assert_int_equal(r.agent.step[PN_STEP_VMEXIT].count, 1);

	r.vmcb.np_enable = false;
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), -EINVAL);
	r.vmcb.np_enable = true;
	r.vmcb.backing_page = RIG_HOLE;
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), -EFAULT);
	assert_int_equal(r.agent.step[PN_STEP_VMRUN].count, 1);
	assert_int_equal(pn_avic_evaluate(&r.av, true), -1);
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_TPR, 0, &r.exit), PN_AVIC_FAULT);

	/* Without AVIC: a guest, but no page. */
	r.vmcb.v_intr = 0;
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 1);
	assert_int_equal(pn_avic_evaluate(&r.av, true), -1);
	assert_false(pn_avic_doorbell(&r.av));
	pn_avic_deliver(&r.av, 0x41);
	pn_avic_vmexit(&r.av);
	assert_int_equal(r.agent.step[PN_STEP_VMEXIT].count, 2);
}

/* Section 6.5: what may be delivered. */
static void evaluation(void **state)
{
	static const struct {
		const char *row;
		uint8_t v_tpr;
		int isr, irr[2];
		bool interruptible;
		int want;
	} rows[] = {
		{"6.5 nothing pending", 0, -1, {-1, -1}, true, -1},
		{"6.5 highest vector", 0, -1, {0x31, 0xA1}, true, 0xA1},
		{"6.5 IF=0, GIF=0 or shadow", 0, -1, {0x31, 0xA1}, false, -1},
		{"6.5 class equal to TPR", 0xA, -1, {0x31, 0xA1}, true, -1},
		{"6.5 class above TPR", 0x9, -1, {0x31, 0xA1}, true, 0xA1},
		{"6.5 class equal to ISR", 0, 0x31, {0x3F, -1}, true, -1},
		{"6.5 class above ISR", 0, 0x3F, {0x40, -1}, true, 0x40},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig r;

		rig_init(&r, i & 1);
		r.vmcb.v_intr |= rows[i].v_tpr;
		if (rows[i].isr >= 0)
			rig_set(RIG_SELF, PN_APIC_ISR, (uint8_t)rows[i].isr);
		rig_run(&r);
		for (int k = 0; k < 2; k++) {
			if (rows[i].irr[k] >= 0)
				rig_set(RIG_SELF, PN_APIC_IRR, (uint8_t)rows[i].irr[k]);
		}
		ROW_EQ(rows[i].row, pn_avic_evaluate(&r.av, rows[i].interruptible), rows[i].want);
		ROW_EQ(rows[i].row, pn_avic_evaluate(&r.av, rows[i].interruptible), rows[i].want);
		pn_avic_vmexit(&r.av);
		ROW_EQ(rows[i].row, pn_avic_evaluate(&r.av, true), -1);
	}
}

/* Section 6.5: IRR to ISR, PPR; every vector. */
static void delivery(void **state)
{
	struct rig r;

	(void)state;
	for (int v = 16; v < 256; v++) {
		rig_init(&r, false);
		rig_run(&r);
		rig_set(RIG_SELF, PN_APIC_IRR, (uint8_t)v);
		assert_int_equal(pn_avic_evaluate(&r.av, true), v);
		pn_avic_deliver(&r.av, (uint8_t)v);
		assert_true(pn_vapic_empty(rig_page(RIG_SELF), PN_APIC_IRR));
		assert_int_equal(pn_vapic_highest(rig_page(RIG_SELF), PN_APIC_ISR), v);
		assert_int_equal(pn_vapic_count(rig_page(RIG_SELF), PN_APIC_ISR), 1);
		assert_int_equal(rig_self_reg(PN_APIC_PPR), v & 0xF0);
		assert_int_equal(r.agent.step[PN_STEP_GUEST_DELIVER].count, 1);
		/* Not pending any more: not delivered again. */
		pn_avic_deliver(&r.av, (uint8_t)v);
		assert_int_equal(r.agent.step[PN_STEP_GUEST_DELIVER].count, 1);
	}
}

/* An embedder that delivers without asking first: the PPR stays that of what outranks the vector.
 */
static void delivery_below_the_ppr(void **state)
{
	static const struct {
		const char *row;
		uint8_t tpr, first, second, ppr;
	} rows[] = {
		{"a higher vector is in service", 0, 0x91, 0x41, 0x90},
		{"the same class", 0, 0x95, 0x91, 0x90},
		{"the TPR", 0x72, 0, 0x41, 0x72},
		{"the TPR's class: its sub-class counts", 0x43, 0, 0x41, 0x43},
		{"above both", 0x32, 0x41, 0x91, 0x90},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;

		rig_init(&r, false);
		rig_run(&r);
		assert_int_equal(pn_avic_write(&r.av, PN_APIC_TPR, rows[i].tpr, &r.exit),
				 PN_AVIC_EVALUATE);
		for (unsigned k = 0; k < 2; k++) {
			uint8_t vector = k ? rows[i].second : rows[i].first;

			if (!vector)
				continue;
			rig_set(RIG_SELF, PN_APIC_IRR, vector);
			pn_avic_deliver(&r.av, vector);
			ROW_EQ(rows[i].row, rig_test(RIG_SELF, PN_APIC_ISR, vector), true);
		}
		ROW_EQ(rows[i].row, rig_self_reg(PN_APIC_PPR), rows[i].ppr);
	}
}

/*
 * Random accesses to one page, compared with a plain model of TPR, IRR and ISR: PPR and chosen
 * vector are always exact.
 */
static void life(void **state)
{
	bool irr[256] = {false}, isr[256] = {false};
	uint64_t seed = 0x9E3779B97F4A7C15ull;
	uint8_t tpr = 0;
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_run(&r);
	for (int n = 0; n < 50000; n++) {
		int top = -1, want = -1, cls, v;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		v = (int)(seed >> 32 & 0xFF);
		switch (seed & 7) {
		case 0:
			tpr = (uint8_t)(v & 0x7F);
			pn_avic_write(&r.av, PN_APIC_TPR, tpr, &r.exit);
			break;
		case 1:
			tpr = (uint8_t)(v & 0x70);
			pn_avic_write_cr8(&r.av, tpr >> 4);
			break;
		case 2:
		case 3:
			pn_avic_write(&r.av, PN_APIC_EOI, 0, &r.exit);
			for (v = 255; v >= 0 && !isr[v]; v--)
				;
			if (v >= 0)
				isr[v] = false;
			break;
		default:
			rig_set(RIG_SELF, PN_APIC_IRR, (uint8_t)v);
			irr[v] = true;
		}
		for (v = 0; v < 256; v++)
			top = isr[v] ? v : top;
		cls = top >= 0 && top / 16 > tpr / 16 ? top / 16 : tpr / 16;
		assert_int_equal(rig_self_reg(PN_APIC_PPR), cls == tpr / 16 ? tpr : (top & 0xF0));
		for (v = 0; v < 256; v++)
			want = irr[v] && v / 16 > cls ? v : want;
		assert_int_equal(pn_avic_evaluate(&r.av, true), want);
		if (want >= 0) {
			pn_avic_deliver(&r.av, (uint8_t)want);
			irr[want] = false;
			isr[want] = true;
			assert_int_equal(rig_self_reg(PN_APIC_PPR), want & 0xF0);
		}
		assert_int_equal(pn_vapic_ppr(rig_page(RIG_SELF)), rig_self_reg(PN_APIC_PPR));
	}
	assert_true(r.agent.step[PN_STEP_GUEST_EOI].count > 1000);
}

/* Section 6.3, 6.4 (exit 402h) and knob level_eoi; the last two rows are its other values. */
static void eoi(void **state)
{
	static const struct {
		const char *row;
		bool level;
		int knob;
		enum pn_avic_access want;
		bool cleared;
	} rows[] = {
		{"6.3 EOI of edge", false, PN_EOI_TRAP, PN_AVIC_EVALUATE, true},
		{"6.3 EOI of edge, cleared", false, PN_EOI_TRAP_CLEARED, PN_AVIC_EVALUATE, true},
		{"6.3 EOI of edge, fault", false, PN_EOI_FAULT, PN_AVIC_EVALUATE, true},
		{"6.4 EOI of level, trap", true, PN_EOI_TRAP, PN_AVIC_TRAP, false},
		{"6.4 EOI of level, trap, cleared", true, PN_EOI_TRAP_CLEARED, PN_AVIC_TRAP, true},
		{"6.4 EOI of level, fault", true, PN_EOI_FAULT, PN_AVIC_FAULT, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig r;
		uint32_t ppr = rows[i].cleared ? 0x50 : 0x90;

		rig_init(&r, false);
		assert_int_equal(r.feat.level_eoi, PN_EOI_TRAP);
		r.feat.level_eoi = rows[i].knob;
		rig_set(RIG_SELF, PN_APIC_ISR, 0x91);
		rig_set(RIG_SELF, PN_APIC_ISR, 0x51);
		rig_set(RIG_SELF, PN_APIC_TMR, rows[i].level ? 0x91 : 0x51);
		rig_run(&r);
		ROW_EQ(rows[i].row, pn_avic_write(&r.av, PN_APIC_EOI, 0, &r.exit), rows[i].want);
		ROW_EQ(rows[i].row, rig_test(RIG_SELF, PN_APIC_ISR, 0x91), !rows[i].cleared);
		ROW_EQ(rows[i].row, rig_test(RIG_SELF, PN_APIC_ISR, 0x51), true);
		ROW_EQ(rows[i].row, rig_self_reg(PN_APIC_PPR), ppr);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_GUEST_EOI].count, !rows[i].level);
		if (rows[i].level)
			check_exit402(&r, rows[i].row, PN_APIC_EOI, true, 0x91);
		else
			ROW_EQ(rows[i].row, r.exit.code, 0);
	}
}

static void eoi_order(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_run(&r);
	for (int v = 16; v < 256; v++)
		rig_set(RIG_SELF, PN_APIC_ISR, (uint8_t)v);
	for (int v = 255; v >= 16; v--) {
		assert_int_equal(pn_avic_write(&r.av, PN_APIC_EOI, 0, &r.exit), PN_AVIC_EVALUATE);
		assert_int_equal(pn_vapic_highest(rig_page(RIG_SELF), PN_APIC_ISR),
				 v > 16 ? v - 1 : -1);
		assert_int_equal(rig_self_reg(PN_APIC_PPR), v > 16 ? (v - 1) & 0xF0 : 0);
	}
	/* Nothing in service: no effect, no exit, not counted; a TMR bit does not matter. */
	rig_set(RIG_SELF, PN_APIC_TMR, 0);
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_EOI, 0, &r.exit), PN_AVIC_EVALUATE);
	assert_int_equal(r.agent.step[PN_STEP_GUEST_EOI].count, 240);
	assert_int_equal(r.exit.code, 0);
}

/* Section 6.5 and knob 7. */
static void doorbell(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_run(&r);
	assert_true(pn_avic_doorbell(&r.av));
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 1);
	pn_avic_vmexit(&r.av);
	assert_false(pn_avic_doorbell(&r.av));
	assert_int_equal(r.agent.step[PN_STEP_DOORBELL_HOST].count, 1);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 2);

	r.feat.doorbell_host = PN_DOORBELL_HOST_HOLD;
	rig_run(&r);
	pn_avic_vmexit(&r.av);
	assert_false(pn_avic_doorbell(&r.av));
	assert_int_equal(r.agent.step[PN_STEP_DOORBELL_HOST].count, 0);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 2);
	pn_avic_vmexit(&r.av);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 3);
}

/* Memory that rings the doorbell of the core that asks for it: VMRUN is in progress. */
static void *ringing_map(void *ctx, uint64_t pa, size_t len)
{
	struct rig *r = ctx;

	(void)len;
	assert_false(pn_avic_doorbell(&r->av));
	return pa == 0x5000 ? rig_page(RIG_SELF) : NULL;
}

static void doorbell_during_vmrun(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	r.bus.map = ringing_map;
	r.vmcb.backing_page = 0x5000;
	pn_avic_init(&r.av, &r.bus, &r.agent, &r.feat, RIG_HOST);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 2);
	assert_int_equal(r.agent.step[PN_STEP_DOORBELL_HOST].count, 0);
	/* No entry: the core is back in the host, and the doorbell is dropped there. */
	r.vmcb.backing_page = 0x6000;
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), -EFAULT);
	assert_int_equal(r.agent.step[PN_STEP_DOORBELL_HOST].count, 1);
	r.vmcb.backing_page = rig_page_pa(RIG_SELF);
	assert_int_equal(pn_avic_vmrun(&r.av, &r.vmcb), 0);
	assert_int_equal(r.agent.step[PN_STEP_AVIC_EVAL].count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vmcb_rows),
		cmocka_unit_test(tables),
		cmocka_unit_test(access_all),
		cmocka_unit_test(access_complete),
		cmocka_unit_test(access_extlvt_off),
		cmocka_unit_test(x2_values),
		cmocka_unit_test(eoi_read),
		cmocka_unit_test(icr_access),
		cmocka_unit_test(priorities),
		cmocka_unit_test(tpr_differs),
		cmocka_unit_test(vmrun_results),
		cmocka_unit_test(evaluation),
		cmocka_unit_test(delivery),
		cmocka_unit_test(delivery_below_the_ppr),
		cmocka_unit_test(life),
		cmocka_unit_test(eoi),
		cmocka_unit_test(eoi_order),
		cmocka_unit_test(doorbell),
		cmocka_unit_test(doorbell_during_vmrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
