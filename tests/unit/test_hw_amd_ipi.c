/* SPDX-License-Identifier: MIT */
/* The IPI algorithm of AVIC and x2AVIC, spec section 6.4, and a fuzz of every guest access. */
#include "avic_rig.h"

#define X1(dest, low) ((uint64_t)(dest) << 56 | (low))
#define X2(dest, low) ((uint64_t)(dest) << 32 | (low))
#define BIT(n)	      (1ull << (n))
#define VEC	      0x61

#define SELF   (PN_ICR_SH_SELF << 18)
#define ALL    (PN_ICR_SH_ALL << 18)
#define OTHERS (PN_ICR_SH_OTHERS << 18)
#define LOGI   PN_ICR_LOGICAL
#define IDLE   0xE /* exit id, for rows that do not exit */

/*
 * Guest IDs 0..6 are valid but 3 and RIG_SELF (2) is the sender; 1, 4, 5 and RIG_SELF run. x2AVIC
 * has 16, 17 (runs), 18 and 31 too. 20 has a bad page. Logical: slot n names ID n for 0..6, slot 4
 * is not valid, slots 8.. (cluster 2) name 4, 5, 6, 255.
 */
static void population(struct rig *r, bool x2)
{
	rig_init(r, x2);
	for (uint32_t id = 0; id < 7; id++)
		rig_vcpu(id, id == 1 || id == 2 || id == 4 || id == 5);
	*rig_phys(3) = 0;
	for (uint32_t slot = 0; slot < 7; slot++)
		*rig_log(slot) = PN_AVIC_LOG_VALID | slot;
	*rig_log(4) = 4;
	*rig_log(8) = PN_AVIC_LOG_VALID | 4;
	*rig_log(9) = PN_AVIC_LOG_VALID | 5;
	*rig_log(10) = PN_AVIC_LOG_VALID | 6;
	*rig_log(11) = PN_AVIC_LOG_VALID | 255;
	if (!x2)
		return;
	rig_vcpu(16, false);
	rig_vcpu(17, true);
	rig_vcpu(18, false);
	rig_vcpu(31, true);
}

enum { X = 0, CL = 1, TWO = 2 }; /* xAVIC flat, xAVIC cluster, x2AVIC */

static const struct ipi_row {
	const char *row;
	int mode;
	uint64_t icr;
	uint32_t id, index; /* exit, or IDLE */
	uint32_t posted;    /* guest IDs whose IRR is set */
	uint32_t bells;	    /* guest IDs whose host APIC ID gets a doorbell */
} ipi_rows[] = {
	/* clang-format off */
	/* 6.4, "anything else" and the order of checks */
	{"6.4 lowest priority", X, X1(1, 0x100 | VEC), 0, 0, 0, 0},
	{"6.4 SMI", X, X1(1, 0x200), 0, 0, 0, 0},
	{"6.4 reserved mode 3", X, X1(1, 0x300 | VEC), 0, 0, 0, 0},
	{"6.4 NMI", X, X1(1, 0x400), 0, 0, 0, 0},
	{"6.4 INIT", X, X1(1, 0x4500), 0, 0, 0, 0},
	{"6.4 SIPI", TWO, X2(1, 0x69A), 0, 0, 0, 0},
	{"6.4 level", X, X1(1, PN_ICR_LEVEL | PN_ICR_ASSERT | VEC), 0, 0, 0, 0},
	{"6.4 NMI to self", X, X1(0, SELF | 0x400), 0, 0, 0, 0},
	{"6.4 type before vector", X, X1(1, 0x400 | 0x0F), 0, 0, 0, 0},
	{"6.4 vector 15", X, X1(1, 0x0F), 4, 0, 0, 0},
	{"6.4 vector 0 to self", TWO, X2(0, SELF), 4, 0, 0, 0},
	{"6.4 vector 16 is legal", X, X1(1, 0x10), IDLE, 0, BIT(1), BIT(1)},
	{"6.4 assert bit means nothing", X, X1(1, PN_ICR_ASSERT | VEC), IDLE, 0, BIT(1), BIT(1)},
	/* step 1 */
	{"6.4.1 self", X, X1(0x55, SELF | VEC), IDLE, 0, BIT(2), 0},
	{"6.4.1 self, x2", TWO, X2(0x55, SELF | VEC), IDLE, 0, BIT(2), 0},
	/* step 2 */
	{"6.4.2 all", X, X1(0, ALL | VEC), 1, 0, 0x77, 0x32},
	{"6.4.2 others", X, X1(0, OTHERS | VEC), 1, 0, 0x73, 0x32},
	{"6.4.2 all, x2", TWO, X2(0, ALL | VEC), 1, 0, 0x80070077, 0x80020032},
	{"6.4.2 others, x2", TWO, X2(0, OTHERS | VEC), 1, 0, 0x80070073, 0x80020032},
	{"6.4.2 physical FF", X, X1(0xFF, VEC), 1, 0, 0x77, 0x32},
	{"6.4.2 logical FF", X, X1(0xFF, LOGI | VEC), 1, 0, 0x77, 0x32},
	{"6.4.2 logical FF, cluster", CL, X1(0xFF, LOGI | VEC), 1, 0, 0x77, 0x32},
	{"6.4.2 physical FFFFFFFF", TWO, X2(0xFFFFFFFF, VEC), 1, 0, 0x80070077, 0x80020032},
	{"6.4.2 logical FFFFFFFF", TWO, X2(0xFFFFFFFF, LOGI | VEC), 1, 0, 0x80070077, 0x80020032},
	{"6.4.2 FF is an ID in x2", TWO, X2(0xFF, VEC), 2, 0xFF, 0, 0},
	/* step 3, flat */
	{"6.4.3 flat, one", X, X1(0x02, LOGI | VEC), IDLE, 0, BIT(1), BIT(1)},
	{"6.4.3 flat, two run", X, X1(0x22, LOGI | VEC), IDLE, 0, 0x22, 0x22},
	{"6.4.3 flat, own bit", X, X1(0x06, LOGI | VEC), IDLE, 0, 0x06, 0x02},
	{"6.4.3 flat, some asleep", X, X1(0x63, LOGI | VEC), 1, 0, 0x63, 0x22},
	{"6.4.3 flat, entry not valid", X, X1(0x12, LOGI | VEC), 2, 4, 0, 0},
	{"6.4.3 flat, empty slot", X, X1(0x80, LOGI | VEC), 2, 7, 0, 0},
	{"6.4.3 flat, names an invalid ID", X, X1(0x0A, LOGI | VEC), 2, 3, 0, 0},
	{"6.4.3 no destination bit", X, X1(0x00, LOGI | VEC), IDLE, 0, 0, 0},
	/* step 3, cluster */
	{"6.4.3 cluster 0", CL, X1(0x02, LOGI | VEC), IDLE, 0, BIT(1), BIT(1)},
	{"6.4.3 cluster 1, bit 1: slot 5", CL, X1(0x12, LOGI | VEC), IDLE, 0, BIT(5), BIT(5)},
	{"6.4.3 cluster 1, bit 0: slot 4", CL, X1(0x11, LOGI | VEC), 2, 4, 0, 0},
	{"6.4.3 cluster 2, three", CL, X1(0x27, LOGI | VEC), 1, 6, 0x70, 0x30},
	{"6.4.3 cluster 2, names ID 255", CL, X1(0x28, LOGI | VEC), 2, 255, 0, 0},
	{"6.4.3 cluster F", CL, X1(0xF1, LOGI | VEC), 2, 60, 0, 0},
	{"6.4.3 cluster, no bit", CL, X1(0x10, LOGI | VEC), IDLE, 0, 0, 0},
	/* step 3, x2 */
	{"6.4.3 x2 cluster 0", TWO, X2(0x00000032, LOGI | VEC), IDLE, 0, 0x32, 0x32},
	{"6.4.3 x2 cluster 1", TWO, X2(0x00018002, LOGI | VEC), IDLE, 0, 0x80020000, 0x80020000},
	{"6.4.3 x2 asleep", TWO, X2(0x00010006, LOGI | VEC), 1, 18, 0x60000, 0x20000},
	{"6.4.3 x2 own bit", TWO, X2(0x00000004, LOGI | VEC), IDLE, 0, 0x4, 0},
	{"6.4.3 x2 invalid entry", TWO, X2(0x0000000A, LOGI | VEC), 2, 3, 0, 0},
	{"6.4.3 x2 beyond the maximum", TWO, X2(0x00200001, LOGI | VEC), 2, 512, 0, 0},
	{"6.4.3 x2 far beyond", TWO, X2(0xFFFF8000, LOGI | VEC), 2, 0xFFF, 0, 0},
	{"6.4.3 x2 no bit", TWO, X2(0x00010000, LOGI | VEC), IDLE, 0, 0, 0},
	/* step 4 */
	{"6.4.4 physical", X, X1(4, VEC), IDLE, 0, BIT(4), BIT(4)},
	{"6.4.4 own ID", X, X1(2, VEC), IDLE, 0, BIT(2), 0},
	{"6.4.4 invalid entry", X, X1(3, VEC), 2, 3, 0, 0},
	{"6.4.4 invalid entry, x2", TWO, X2(3, VEC), 2, 3, 0, 0},
	{"6.4.4 beyond the maximum, x2", TWO, X2(512, VEC), 2, 512, 0, 0},
	{"6.4.4 far beyond the maximum, x2", TWO, X2(0x80000001, VEC), 2, 1, 0, 0},
	{"6.4.4 bad page", X, X1(20, VEC), 3, 20, 0, 0},
	{"6.4.4 bad page, x2", TWO, X2(20, VEC), 3, 20, 0, 0},
	{"6.4.4 bad page of broadcast", TWO, X2(0, ALL | VEC), 3, 20, 0, 0},
	{"6.4.4 bad page among two", TWO, X2(0x00010012, LOGI | VEC), 3, 20, 0, 0},
	/* steps 5 and 6 */
	{"6.4.6 asleep", X, X1(6, VEC), 1, 6, BIT(6), 0},
	{"6.4.6 asleep, x2", TWO, X2(16, VEC), 1, 16, BIT(16), 0},
	/* clang-format on */
};

static void check_ids(struct rig *r, const struct ipi_row *w)
{
	uint32_t bells = 0;

	for (uint32_t id = 0; id < 32; id++) {
		bool posted = rig_test(id, PN_APIC_IRR, PN_ICR_VECTOR(w->icr));

		ROW_EQ(w->row, posted ? id : 0, w->posted & BIT(id) ? id : 0);
		ROW_EQ(w->row, pn_vapic_count(rig_page(id), PN_APIC_IRR), posted);
	}
	for (unsigned i = 0; i < r->bells; i++)
		bells |= 1u << (r->bell[i] - 0x40);
	ROW_EQ(w->row, bells, w->bells);
	ROW_EQ(w->row, r->bells, __builtin_popcount(w->bells));
	ROW_EQ(w->row, r->agent.step[PN_STEP_DOORBELL_SEND].count, r->bells);
	ROW_EQ(w->row, r->agent.step[PN_STEP_IPI_POST].count, __builtin_popcount(w->posted));
}

static void check_result(struct rig *r, const struct ipi_row *w, enum pn_avic_access got)
{
	if (w->id == IDLE) {
		ROW_EQ(w->row, got, w->posted & BIT(RIG_SELF) ? PN_AVIC_EVALUATE : PN_AVIC_DONE);
		ROW_EQ(w->row, r->exit.code, 0);
		return;
	}
	ROW_EQ(w->row, got, PN_AVIC_TRAP);
	ROW_EQ(w->row, r->exit.code, 0x401);
	ROW_EQ(w->row, r->exit.info1, w->icr);
	ROW_EQ(w->row, r->exit.info2, (uint64_t)w->id << 32 | w->index);
}

static void ipi_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ipi_rows); i++) {
		const struct ipi_row *w = &ipi_rows[i];
		struct rig r;

		population(&r, w->mode == TWO);
		if (w->mode == CL)
			rig_page(RIG_SELF)[PN_APIC_DFR / 4] = 0x0FFFFFFF;
		if (w->id == 3) /* only there: a broadcast would trip over it */
			*rig_phys(20) = PN_AVIC_PHYS_VALID | PN_AVIC_PHYS_ISRUNNING | RIG_HOLE;
		rig_run(&r);
		check_result(&r, w, pn_avic_ipi(&r.av, w->icr, &r.exit));
		check_ids(&r, w);
	}
}

/* The same by a guest write of the ICR: EXITINFO1 is ICRH:ICRL. */
static void by_register(void **state)
{
	struct rig r;

	(void)state;
	population(&r, false);
	rig_run(&r);
	pn_avic_write(&r.av, PN_APIC_ICRH, 0x06000000, &r.exit);
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_ICRL, 0x4061, &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.code, 0x401);
	assert_int_equal(r.exit.info1, 0x0600000000004061ull);
	assert_int_equal(r.exit.info2, 0x0000000100000006ull);
	population(&r, true);
	rig_run(&r);
	assert_int_equal(pn_avic_write(&r.av, PN_APIC_ICRL, 0x0000001000000061ull, &r.exit),
			 PN_AVIC_TRAP);
	assert_int_equal(r.exit.info1, 0x0000001000000061ull);
	assert_int_equal(r.exit.info2, 0x0000000100000010ull);
}

/* Section 6.4 [U] and 10.9. */
static void knobs(void **state)
{
	struct rig r;

	(void)state;
	population(&r, true);
	r.feat.ipi_index = PN_IPI_INDEX_LAST;
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X2(0, ALL | VEC), &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.info2, 1ull << 32 | 18);
	r.feat.x2_broadcast = PN_X2BCAST_INVALID;
	for (uint32_t mode = 0; mode <= LOGI; mode += LOGI) {
		rig_run(&r);
		memset(rig_page(1), 0, 4096);
		assert_int_equal(pn_avic_ipi(&r.av, X2(0xFFFFFFFF, mode | VEC), &r.exit),
				 PN_AVIC_TRAP);
		assert_int_equal(r.exit.info2, 2ull << 32 | 0xFFF);
		assert_false(rig_test(1, PN_APIC_IRR, VEC));
	}
}

/*
 * Section 6.2: entry 255 of xAVIC is reserved for broadcast; other limits; memory that is not
 * there.
 */
static void limits(void **state)
{
	struct rig r;

	(void)state;
	population(&r, false);
	rig_vcpu(254, true);
	rig_vcpu(255, true);
	rig_run(&r);
	pn_avic_ipi(&r.av, X1(0xFF, VEC), &r.exit);
	assert_true(rig_test(254 & 31, PN_APIC_IRR, VEC));
	assert_false(rig_test(255 & 31, PN_APIC_IRR, VEC));

	population(&r, true);
	rig_vcpu(255, true);
	rig_vcpu(511, true);
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X2(255, VEC), &r.exit), PN_AVIC_DONE);
	assert_int_equal(r.bell[0], 0x40 + 255);
	assert_int_equal(pn_avic_ipi(&r.av, X2(511, VEC), &r.exit), PN_AVIC_DONE);
	assert_int_equal(r.bell[1], 0x40 + 511);

	/* max index 3: ID 4 exists in memory but not for this guest */
	population(&r, false);
	r.vmcb.physical_table = RIG_PHYS | 3;
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X1(4, VEC), &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.info2, 2ull << 32 | 4);
	assert_int_equal(pn_avic_ipi(&r.av, X1(0xFF, VEC), &r.exit), PN_AVIC_TRAP);
	assert_false(rig_test(4, PN_APIC_IRR, VEC));

	/* 4096 vCPUs in eight pages */
	population(&r, true);
	r.vmcb.physical_table = RIG_PHYS | 4095;
	rig_vcpu(4095, true);
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X2(4095, VEC), &r.exit), PN_AVIC_DONE);
	assert_int_equal(r.bell[0], (0x40 + 4095) & 0xFFF);

	/* tables without memory hold no valid entry */
	population(&r, false);
	r.vmcb.logical_table = RIG_HOLE;
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X1(2, LOGI | VEC), &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.info2, 2ull << 32 | 1);
	r.vmcb.physical_table = RIG_HOLE | 255;
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X1(1, VEC), &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.info2, 2ull << 32 | 1);
	assert_int_equal(pn_avic_ipi(&r.av, X1(0, ALL | VEC), &r.exit), PN_AVIC_DONE);

	/* a page beyond the physical address bits; no bus doorbell; host mode */
	population(&r, false);
	r.feat.phys_mask = BIT(40) - 1;
	*rig_phys(1) |= BIT(45);
	r.bus.doorbell = NULL;
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X1(1, VEC), &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.info2, 3ull << 32 | 1);
	assert_int_equal(pn_avic_ipi(&r.av, X1(4, VEC), &r.exit), PN_AVIC_DONE);
	pn_avic_vmexit(&r.av);
	assert_int_equal(pn_avic_ipi(&r.av, X1(4, VEC), &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.info2, 0);
}

/* Steps 5 and 6 in time: at the first look at the bus every earlier IRR bit is set. */
struct order {
	struct rig r;
	unsigned seen;
};

static void order_doorbell(void *ctx, uint32_t apicid)
{
	struct order *o = ctx;

	assert_true(rig_test(apicid - 0x40, PN_APIC_IRR, VEC));
	o->seen++;
}

static void post_before_doorbell(void **state)
{
	struct order o = {.seen = 0};

	(void)state;
	population(&o.r, true);
	o.r.bus.ctx = &o;
	o.r.bus.doorbell = order_doorbell;
	rig_run(&o.r);
	pn_avic_ipi(&o.r.av, X2(0, ALL | VEC), &o.r.exit);
	assert_int_equal(o.seen, 5);
}

/* IsRunning is read after the IRR write: the observer of IPI_POST clears it in between. */
static void clear_running(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	(void)ctx;
	(void)agent;
	(void)b;
	if (step == PN_STEP_IPI_POST && a == rig_page_pa(4))
		*rig_phys(4) &= ~PN_AVIC_PHYS_ISRUNNING;
}

static void running_after_post(void **state)
{
	struct rig r;

	(void)state;
	population(&r, false);
	rig_run(&r);
	row_watch_one(&r.agent, PN_STEP_IPI_POST, clear_running, NULL);
	assert_int_equal(pn_avic_ipi(&r.av, X1(4, VEC), &r.exit), PN_AVIC_TRAP);
	assert_int_equal(r.exit.info2, 1ull << 32 | 4);
	assert_int_equal(r.bells, 0);
}

/* Section 6.6. */
static void erratum1235(void **state)
{
	static const struct {
		const char *row;
		bool erratum;
		bool first; /* an IPI while it still runs */
		enum pn_avic_access want[3];
		unsigned bells;
	} rows[] = {
		/* clang-format off */
		{"6.6 sound core", false, true, {PN_AVIC_TRAP, PN_AVIC_TRAP, PN_AVIC_TRAP}, 1},
		{"6.6 stale once", true, true, {PN_AVIC_DONE, PN_AVIC_TRAP, PN_AVIC_TRAP}, 2},
		{"6.6 never seen running", true, false, {PN_AVIC_TRAP, PN_AVIC_TRAP, PN_AVIC_TRAP}, 0},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig r;

		population(&r, true);
		r.feat.erratum1235 = rows[i].erratum;
		rig_run(&r);
		if (rows[i].first)
			ROW_EQ(rows[i].row, pn_avic_ipi(&r.av, X2(4, VEC), &r.exit), PN_AVIC_DONE);
		*rig_phys(4) &= ~PN_AVIC_PHYS_ISRUNNING;
		for (int k = 0; k < 3; k++) {
			ROW_EQ(rows[i].row, pn_avic_ipi(&r.av, X2(4, VEC), &r.exit),
			       rows[i].want[k]);
			ROW_EQ(rows[i].row, rig_test(4, PN_APIC_IRR, VEC), true);
		}
		ROW_EQ(rows[i].row, r.bells, rows[i].bells);
	}
}

/*
 * Properties that the workaround relies on: self-IPIs are correct, other entries are not affected.
 */
static void erratum1235_bounds(void **state)
{
	struct rig r;

	(void)state;
	population(&r, true);
	r.feat.erratum1235 = true;
	rig_run(&r);
	assert_int_equal(pn_avic_ipi(&r.av, X2(4, VEC), &r.exit), PN_AVIC_DONE);
	assert_int_equal(pn_avic_ipi(&r.av, X2(6, VEC), &r.exit), PN_AVIC_TRAP);
	/* a later running entry takes the one place */
	assert_int_equal(pn_avic_ipi(&r.av, X2(5, VEC), &r.exit), PN_AVIC_DONE);
	*rig_phys(4) &= ~PN_AVIC_PHYS_ISRUNNING;
	assert_int_equal(pn_avic_ipi(&r.av, X2(4, VEC), &r.exit), PN_AVIC_TRAP);
	memset(rig_phys(0), 0, 4096);
	assert_int_equal(pn_avic_ipi(&r.av, X2(0, SELF | VEC), &r.exit), PN_AVIC_EVALUATE);
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Random values that often pass the first checks. */
static void fuzz_entry(uint64_t *seed)
{
	uint32_t id = (uint32_t)next(seed) & 31;
	uint64_t rnd = next(seed);

	switch (rnd & 3) {
	case 0:
		*rig_phys(id) = next(seed);
		break;
	case 1:
		*rig_phys(id) = PN_AVIC_PHYS_VALID | (RIG_BASE + (rnd >> 20 & 0x7FFFF));
		break;
	default:
		rig_vcpu(id, rnd & 4);
	}
	*rig_log((uint32_t)(rnd >> 8) & 63) = (uint32_t)next(seed);
}

static void fuzz_access(struct rig *r, uint64_t *seed)
{
	uint64_t a = next(seed), b = next(seed), value;
	uint32_t off = (uint32_t)(a >> 8) & 0xFF0;

	switch (a & 7) {
	case 0:
		off = (uint32_t)b;
		break;
	case 1:
		off |= (uint32_t)b & 0xF;
		break;
	case 2:
		off &= 0x3F0;
		break;
	default:
		break;
	}
	switch (a >> 3 & 7) {
	case 0:
		pn_avic_read(&r->av, off, &value, &r->exit);
		break;
	case 1:
		pn_avic_write(&r->av, off, b, &r->exit);
		break;
	case 2:
		pn_avic_write(&r->av, PN_APIC_ICRL, b & 0xF000003F000CC9FFull, &r->exit);
		break;
	case 3:
		pn_avic_ipi(&r->av, a & 0x80 ? b : b & 0x0001F01F000408FFull, &r->exit);
		break;
	case 4:
		pn_avic_deliver(&r->av, (uint8_t)b);
		break;
	case 5:
		pn_avic_write_cr8(&r->av, (uint8_t)b);
		break;
	case 6:
		pn_avic_write(&r->av, PN_APIC_EOI, 0, &r->exit);
		break;
	default:
		pn_avic_doorbell(&r->av);
	}
}

static void fuzz_world(struct rig *r, uint64_t *seed)
{
	uint64_t rnd = next(seed);

	rig_init(r, rnd & 1);
	r->feat.erratum1235 = rnd & 2;
	r->feat.extlvt = rnd & 4;
	r->feat.level_eoi = (rnd >> 32) % 3;
	r->feat.x2_map = rnd >> 40 & 1;
	r->feat.vmrun_tpr = rnd >> 41 & 1;
	r->feat.np_off = rnd >> 42 & 1;
	r->vmcb.v_intr |= rnd >> 44 & 15;
	r->feat.doorbell_host = rnd & 16 ? PN_DOORBELL_HOST_HOLD : PN_DOORBELL_HOST_DROP;
	if (rnd & 32)
		r->vmcb.physical_table = (RIG_BASE + RIG_SIZE - 0x1000) | (rnd >> 8 & 0xFF);
	if (rnd & 64)
		r->vmcb.logical_table = next(seed) & r->feat.phys_mask;
	if ((rnd & 0x380) == 0)
		r->vmcb.physical_table = next(seed);
	pn_avic_init(&r->av, &r->bus, &r->agent, &r->feat, RIG_HOST);
	pn_avic_vmrun(&r->av, &r->vmcb);
}

/* 200 000 accesses over tables of garbage; the sanitizers watch, and P7: nothing but known results.
 */
static void fuzz(void **state)
{
	uint64_t seed = 0x123456789ABCDEFull;
	struct rig r;

	(void)state;
	for (int n = 0; n < 200000; n++) {
		int v;

		if (n % 500 == 0)
			fuzz_world(&r, &seed);
		fuzz_entry(&seed);
		fuzz_access(&r, &seed);
		v = pn_avic_evaluate(&r.av, true);
		assert_true(v >= -1 && v < 256);
		if (v >= 0)
			pn_avic_deliver(&r.av, (uint8_t)v);
		if (n % 97 == 0) {
			pn_avic_vmexit(&r.av);
			pn_avic_vmrun(&r.av, &r.vmcb);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipi_table),
		cmocka_unit_test(by_register),
		cmocka_unit_test(knobs),
		cmocka_unit_test(limits),
		cmocka_unit_test(post_before_doorbell),
		cmocka_unit_test(running_after_post),
		cmocka_unit_test(erratum1235),
		cmocka_unit_test(erratum1235_bounds),
		cmocka_unit_test(fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
