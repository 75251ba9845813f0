/* SPDX-License-Identifier: MIT */
/* Writes of the ICR: self-IPI and IPI virtualization, spec sections 6.1 to 6.3. */
#include "apicv_rig.h"

#define BIT(n) (1ull << (n))
#define VEC    0x61u
#define TO     5u

#define SELF	(PN_ICR_SH_SELF << 18)
#define ALL	(PN_ICR_SH_ALL << 18)
#define OTHERS	(PN_ICR_SH_OTHERS << 18)
#define LOGICAL PN_ICR_LOGICAL
#define MODE(m) ((uint32_t)(m) << 8)

/* The result of a write. */
enum fate {
	SENT,	/* IPI virtualization: PIR of TO, no exit */
	VIRR,	/* self-IPI virtualization */
	EXIT56, /* APIC-write exit at 300h */
	GP,
};

/* 6.3, in xAPIC and in x2APIC mode; VID and IPI virtualization both on. */
static const struct icr_row {
	const char *row;
	uint32_t low;
	enum fate x, x2;
} icr_rows[] = {
	{"6.3 fixed, physical, edge", VEC, SENT, SENT},
	{"6.3 vector 16", 16, SENT, SENT},
	{"6.3 vector 255", 255, SENT, SENT},
	{"6.2 vector 15", 15, EXIT56, EXIT56},
	{"6.2 vector 0", 0, EXIT56, EXIT56},
	{"6.3 bit 14 is not examined", PN_ICR_ASSERT | VEC, SENT, SENT},
	{"6.3 level", PN_ICR_LEVEL | VEC, EXIT56, EXIT56},
	{"6.3 bit 12", BIT(12) | VEC, EXIT56, EXIT56},
	{"6.3 logical", LOGICAL | VEC, EXIT56, EXIT56},
	{"6.3 lowest priority", MODE(PN_DM_LOWEST) | VEC, EXIT56, EXIT56},
	{"6.3 SMI", MODE(PN_DM_SMI) | VEC, EXIT56, EXIT56},
	{"6.3 mode 3", MODE(3) | VEC, EXIT56, EXIT56},
	{"6.3 NMI", MODE(PN_DM_NMI) | VEC, EXIT56, EXIT56},
	{"6.3 INIT", MODE(PN_DM_INIT) | PN_ICR_ASSERT, EXIT56, EXIT56},
	{"6.3 SIPI", MODE(PN_DM_SIPI) | VEC, EXIT56, EXIT56},
	{"6.3 ExtINT", MODE(PN_DM_EXTINT) | VEC, EXIT56, EXIT56},
	{"6.3 self", SELF | VEC, VIRR, EXIT56},
	{"6.3 self, vector 16", SELF | 16, VIRR, EXIT56},
	{"6.3 self, vector 15", SELF | 15, EXIT56, EXIT56},
	{"6.3 self, bit 11 is not examined", SELF | LOGICAL | VEC, VIRR, EXIT56},
	{"6.3 self, bit 14 is not examined", SELF | PN_ICR_ASSERT | VEC, VIRR, EXIT56},
	{"6.3 self, level", SELF | PN_ICR_LEVEL | VEC, EXIT56, EXIT56},
	{"6.3 self, bit 12", SELF | BIT(12) | VEC, EXIT56, EXIT56},
	{"6.3 self, NMI", SELF | MODE(PN_DM_NMI) | VEC, EXIT56, EXIT56},
	{"6.3 self, bit 13", SELF | BIT(13) | VEC, EXIT56, GP},
	{"6.3 all", ALL | VEC, EXIT56, EXIT56},
	{"6.3 all but self", OTHERS | VEC, EXIT56, EXIT56},
	{"6.3 bit 13", BIT(13) | VEC, EXIT56, GP},
	{"6.3 bit 16", BIT(16) | VEC, EXIT56, GP},
	{"6.3 bit 17", BIT(17) | VEC, EXIT56, GP},
	{"6.3 bit 20", BIT(20) | VEC, EXIT56, GP},
	{"6.3 bit 21", BIT(21) | VEC, EXIT56, GP},
	{"6.3 bit 22", BIT(22) | VEC, EXIT56, GP},
	{"6.3 bit 23", BIT(23) | VEC, EXIT56, GP},
	{"6.3 bit 24", BIT(24) | VEC, EXIT56, GP},
	{"6.3 bit 25", BIT(25) | VEC, EXIT56, GP},
	{"6.3 bit 26", BIT(26) | VEC, EXIT56, GP},
	{"6.3 bit 27", BIT(27) | VEC, EXIT56, GP},
	{"6.3 bit 28", BIT(28) | VEC, EXIT56, GP},
	{"6.3 bit 29", BIT(29) | VEC, EXIT56, GP},
	{"6.3 bit 30", BIT(30) | VEC, EXIT56, GP},
	{"6.3 bit 31", BIT(31) | VEC, EXIT56, GP},
};

/* A guest's write of the ICR with destination @to. */
static enum pn_apicv_access icr(struct rig *r, uint32_t low, uint32_t to)
{
	if (r->cpu.vmcs.proc2 & PN_PROC2_X2APIC)
		return pn_apicv_wrmsr(&r->cpu, 0x830, (uint64_t)to << 32 | low, &r->exit);
	assert_int_equal(pn_apicv_write(&r->cpu, PN_APIC_ICRH, to << 24, &r->exit), PN_APICV_DONE);
	return pn_apicv_write(&r->cpu, PN_APIC_ICRL, low, &r->exit);
}

/* Nothing but what @fate says has happened anywhere. */
static void check(struct rig *r, const char *row, enum pn_apicv_access got, enum fate fate,
		  uint8_t vector)
{
	static const enum pn_apicv_access result[] = {PN_APICV_DONE, PN_APICV_EVALUATE,
						      PN_APICV_TRAP, PN_APICV_GP};

	ROW_EQ(row, got, result[fate]);
	rig_exit_is(r, row, fate == EXIT56 ? 56 : 0, fate == EXIT56 ? 0x300 : 0);
	for (uint32_t id = 0; id <= RIG_LAST; id++) {
		bool posted = fate == SENT && id == TO;

		for (unsigned w = 0; w < 4; w++)
			ROW_EQ(row, rig_pid(id)->pir[w],
			       posted && w == vector / 64 ? BIT(vector % 64) : 0);
		ROW_EQ(row, rig_pid(id)->control & PN_PID_ON, posted);
	}
	ROW_EQ(row, pn_vapic_count(rig_page(), PN_APIC_IRR), fate == VIRR);
	ROW_EQ(row, fate != VIRR || rig_test(PN_APIC_IRR, vector), true);
	ROW_EQ(row, r->cpu.rvi, fate == VIRR ? vector : 0);
	ROW_EQ(row, r->ipis, fate == SENT);
	ROW_EQ(row, r->agent.step[PN_STEP_IPI_POST].count, fate == SENT || fate == VIRR);
	ROW_EQ(row, r->agent.step[PN_STEP_IPIV_NOTIFY].count, fate == SENT);
	ROW_EQ(row, r->agent.step[PN_STEP_VID_EVAL].count, fate == VIRR);
}

static void icr_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(icr_rows) * 2; i++) {
		const struct icr_row *w = &icr_rows[i / 2];
		enum fate fate = i & 1 ? w->x2 : w->x;
		struct rig r;

		rig_init(&r, i & 1);
		rig_run(&r);
		check(&r, w->row, icr(&r, w->low, TO), fate, (uint8_t)w->low);
		/* Stored before anything else, in x2APIC mode as 64 bits at 300h. */
		ROW_EQ(w->row, rig_reg(PN_APIC_ICRL), fate == GP ? 0 : w->low);
		ROW_EQ(w->row, rig_page()[PN_APIC_ICRL / 4 + 1], i & 1 && fate != GP ? TO : 0);
		ROW_EQ(w->row, rig_reg(PN_APIC_ICRH), i & 1 ? 0 : TO << 24);
		ROW_EQ(w->row, r.agent.step[PN_STEP_ICR_WRITE].count, i & 1 && fate != GP);
		ROW_EQ(w->row, r.agent.step[PN_STEP_ICR_WRITE_MMIO].count, !(i & 1));
	}
}

/* 6.3: which control does which. */
static void controls(void **state)
{
	static const struct {
		const char *row;
		bool vid, ipiv;
		uint32_t low;
		enum fate x;
	} rows[] = {
		{"6.3 VID alone: IPI", true, false, VEC, EXIT56},
		{"6.3 VID alone: self-IPI", true, false, SELF | VEC, VIRR},
		{"6.3 IPI virtualization alone: IPI", false, true, VEC, SENT},
		{"6.3 IPI virtualization alone: self-IPI", false, true, SELF | VEC, EXIT56},
		{"6.3 neither: IPI", false, false, VEC, EXIT56},
		{"6.3 neither: self-IPI", false, false, SELF | VEC, EXIT56},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		bool x2 = i & 1;
		enum pn_apicv_access got;
		struct rig r;

		rig_init(&r, x2);
		r.vmcs.pin = PN_PIN_EXT_INT_EXIT;
		r.vmcs.proc2 &= ~(rows[i / 2].vid ? 0 : PN_PROC2_VID);
		r.vmcs.proc3 = rows[i / 2].ipiv ? PN_PROC3_IPI_VIRT : 0;
		rig_run(&r);
		got = icr(&r, rows[i / 2].low, TO);
		if (x2 && !rows[i / 2].ipiv)
			ROW_EQ(rows[i / 2].row, got, PN_APICV_PASS);
		else if (x2)
			check(&r, rows[i / 2].row, got,
			      rows[i / 2].low & SELF ? EXIT56 : rows[i / 2].x, VEC);
		else
			check(&r, rows[i / 2].row, got, rows[i / 2].x, VEC);
	}
}

/* 6.2: the destination, and the entry that it selects. */
static const struct target_row {
	const char *row;
	bool x2;
	uint32_t to;
	uint16_t last;
	uint64_t entry; /* of @to, if it has one; 0: as it was */
	enum fate want;
} target_rows[] = {
	{"6.2 first ID", false, 0, 31, 0, SENT},
	{"6.2 last ID", false, 31, 31, 0, SENT},
	{"6.2 beyond the last", false, 32, 31, 0, EXIT56},
	{"6.2 last index 5", true, 5, 5, 0, SENT},
	{"6.2 last index 4", true, 5, 4, 0, EXIT56},
	{"6.2 last index 0", true, 0, 0, 0, SENT},
	{"6.2 itself", true, RIG_SELF, 31, 0, SENT},
	{"6.2 FFFFFFFF", true, 0xFFFFFFFF, 0xFFFF, 0, EXIT56},
	{"6.2 bit 31", true, BIT(31) | 5, 0xFFFF, 0, EXIT56},
	{"6.2 bit 16", true, BIT(16) | 5, 0xFFFF, 0, EXIT56},
	{"6.2 x2APIC ID 255", true, 255, 255, RIG_PIDS | 1, SENT},
	{"6.2 xAPIC ID 255", false, 255, 255, RIG_PIDS | 1, SENT},
	{"6.1 not valid", true, 5, 31, RIG_PIDS, EXIT56},
	{"6.1 bit 1", true, 5, 31, RIG_PIDS | 3, EXIT56},
	{"6.1 bit 2", true, 5, 31, RIG_PIDS | 5, EXIT56},
	{"6.1 bit 3", true, 5, 31, RIG_PIDS | 9, EXIT56},
	{"6.1 bit 4", true, 5, 31, RIG_PIDS | 0x11, EXIT56},
	{"6.1 bit 5", true, 5, 31, RIG_PIDS | 0x21, EXIT56},
	{"6.1 bit 5 without 0", true, 5, 31, RIG_PIDS | 0x20, EXIT56},
	{"6.1 beyond MAXPHYADDR", true, 5, 31, BIT(52) | RIG_PIDS | 1, EXIT56},
	{"6.1 bit 63", true, 5, 31, BIT(63) | RIG_PIDS | 1, EXIT56},
	{"6.1 no memory", true, 5, 31, RIG_HOLE | 1, EXIT56},
	{"6.1 another descriptor", true, 5, 31, (RIG_PIDS + 64 * 9) | 1, SENT},
};

static void targets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(target_rows); i++) {
		const struct target_row *w = &target_rows[i];
		uint32_t at = w->entry ? (uint32_t)(w->entry - RIG_PIDS) / 64 & 31 : w->to & 31;
		struct rig r;

		rig_init(&r, w->x2);
		r.vmcs.last_pid_index = w->last;
		if (w->entry)
			*rig_entry(w->to) = w->entry;
		rig_run(&r);
		ROW_EQ(w->row, icr(&r, VEC, w->to),
		       w->want == SENT ? PN_APICV_DONE : PN_APICV_TRAP);
		rig_exit_is(&r, w->row, w->want == SENT ? 0 : 56, w->want == SENT ? 0 : 0x300);
		ROW_EQ(w->row, r.ipis, w->want == SENT);
		for (uint32_t id = 0; id <= RIG_LAST; id++)
			ROW_EQ(w->row, rig_pir(id, VEC), w->want == SENT && id == at);
		if (w->want == SENT)
			ROW_EQ(w->row, r.ipi[0].dest, 0x40 + at);
	}
}

/* The table itself may lead nowhere. */
static void no_table(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	r.vmcs.pid_table = RIG_HOLE;
	rig_run(&r);
	check(&r, "6.1 no table", icr(&r, VEC, TO), EXIT56, VEC);
	rig_init(&r, true);
	r.vmcs.pid_table = RIG_BASE + RIG_SIZE - 8 * TO;
	rig_run(&r);
	check(&r, "6.1 table ends", icr(&r, VEC, TO), EXIT56, VEC);
	/* No way to send: the rest happens. */
	rig_init(&r, true);
	r.bus.intr = NULL;
	rig_run(&r);
	assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
	assert_true(rig_pid(TO)->control & PN_PID_ON);
}

/* 6.2: ON x SN, with a new and with a set PIR bit; nothing else of the quadword counts or moves. */
static void on_sn(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		uint64_t on = n & 1 ? PN_PID_ON : 0, sn = n & 2 ? PN_PID_SN : 0;
		uint64_t rest = pn_pid_ndst(0x1234567, true) | 0xB3 << PN_PID_NV_SH;
		uint64_t rsvd = n & 8 ? PN_PID_CTL_RSV : 0;
		bool send = !on && !sn;
		struct rig r;

		rig_init(&r, true);
		rig_run(&r);
		rig_pid(TO)->control = rest | rsvd | on | sn;
		if (n & 4)
			rig_pid(TO)->pir[VEC / 64] = BIT(VEC % 64) | 1;
		assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
		assert_true(rig_pir(TO, VEC));
		ROW_EQ("6.2 ON, SN", rig_pid(TO)->pir[VEC / 64] & 1, n & 4 ? 1 : 0);
		ROW_EQ("6.2 ON, SN", rig_pid(TO)->control,
		       rest | rsvd | sn | (send ? PN_PID_ON : on));
		ROW_EQ("6.2 ON, SN", r.ipis, send);
		ROW_EQ("6.2 ON, SN", r.agent.step[PN_STEP_IPI_POST].count, 1);
		ROW_EQ("6.2 ON, SN", r.agent.step[PN_STEP_IPIV_NOTIFY].count, send);
		if (!send)
			continue;
		ROW_EQ("6.2 dest", r.ipi[0].dest, 0x1234567);
		ROW_EQ("6.2 NV", r.ipi[0].vector, 0xB3);
		ROW_EQ("6.2 fixed", r.ipi[0].mode, PN_DM_FIXED);
		ROW_EQ("6.2 physical, edge", r.ipi[0].logical || r.ipi[0].level, 0);
	}
}

/* 6.2: NDST by the mode of the physical APIC, whatever the guest's is. */
static void ndst(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		struct rig r;

		rig_init(&r, n & 1);
		r.host_x2 = n & 2;
		rig_run(&r);
		rig_pid(TO)->control = 0xA1B2C3D4ull << PN_PID_NDST_SH | RIG_NV << PN_PID_NV_SH;
		assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
		assert_int_equal(r.ipis, 1);
		ROW_EQ("6.2 NDST", r.ipi[0].dest, n & 2 ? 0xA1B2C3D4 : 0xC3);
	}
}

/* Actions of another agent between the two steps, and what it sees there. */
struct between {
	struct rig *r;
	uint64_t control; /* to write; 0: nothing */
	bool pir, on;
	unsigned calls, ipis;
};

static void look(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	struct between *w = ctx;

	(void)agent;
	assert_true(step == PN_STEP_IPI_POST && a == rig_pid_pa(TO) && b == VEC);
	w->pir = rig_pir(TO, VEC);
	w->on = rig_pid(TO)->control & PN_PID_ON;
	w->ipis = w->r->ipis;
	w->calls++;
	if (w->control)
		rig_pid(TO)->control = w->control;
}

/*
 * 6.2: PIR = 1 with ON = 0 and SN = 0 is visible; the second step decides by the values that it
 * reads.
 */
static void two_steps(void **state)
{
	static const uint64_t nv = 0xA5ull << PN_PID_NV_SH;
	const struct {
		const char *row;
		uint64_t control;
		bool send;
	} rows[] = {
		{"6.2 nobody in between", 0, true},
		{"6.2 ON set in between", nv | PN_PID_ON, false},
		{"6.2 SN set in between", nv | PN_PID_SN, false},
		{"6.2 NV and NDST changed in between", nv | pn_pid_ndst(0x99, true), true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct between w = {.control = rows[i].control};
		struct rig r;

		rig_init(&r, true);
		rig_run(&r);
		w.r = &r;
		row_watch_one(&r.agent, PN_STEP_IPI_POST, look, &w);
		assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
		ROW_EQ(rows[i].row, w.calls, 1);
		ROW_EQ(rows[i].row, w.pir, true);
		ROW_EQ(rows[i].row, w.on, false);
		ROW_EQ(rows[i].row, w.ipis, 0);
		ROW_EQ(rows[i].row, r.ipis, rows[i].send);
		if (!rows[i].send)
			continue;
		ROW_EQ(rows[i].row, r.ipi[0].vector, rows[i].control ? 0xA5 : RIG_NV);
		ROW_EQ(rows[i].row, r.ipi[0].dest, rows[i].control ? 0x99 : 0x40 + TO);
	}
}

/* The receiver takes the request before the second step: the notification is spurious then. */
static void drain(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	(void)ctx;
	(void)agent;
	(void)step;
	(void)a;
	(void)b;
	memset(rig_pid(TO)->pir, 0, sizeof(rig_pid(TO)->pir));
}

static void drained_between(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_run(&r);
	row_watch_one(&r.agent, PN_STEP_IPI_POST, drain, NULL);
	assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
	assert_int_equal(r.ipis, 1);
	assert_true(rig_pid(TO)->control & PN_PID_ON);
	assert_false(rig_pir(TO, VEC));
}

/* Everything before the notification: the bus finds PIR and ON set. */
static void bus_order(void *ctx, const struct pn_intr *intr)
{
	assert_true(rig_pir(TO, VEC));
	assert_true(rig_pid(TO)->control & PN_PID_ON);
	rig_intr(ctx, intr);
}

/* From the sender's WRMSR to the receiver's delivery, and the same to itself. */
static void round_trip(void **state)
{
	struct pn_lapic lapic = {{0}, {0}};
	struct pn_apicv peer;
	struct rig r;
	int vector;

	(void)state;
	rig_init(&r, true);
	r.bus.intr = bus_order;
	rig_run(&r);
	r.vmcs.pid = rig_pid_pa(TO);
	r.vmcs.virtual_apic = RIG_BASE + 0x4000;
	pn_apicv_init(&peer, &r.bus, &r.agent, &r.feat, true);
	assert_int_equal(pn_apicv_vmentry(&peer, &r.vmcs, &r.exit), 0);

	assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
	assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
	assert_int_equal(r.ipis, 1);
	assert_int_equal(r.ipi[0].dest, 0x40 + TO);
	pn_lapic_accept(&lapic, r.ipi[0].vector);
	assert_int_equal(pn_apicv_intr(&peer, &lapic, &vector), PN_INTR_POSTED);
	assert_int_equal(pn_apicv_deliver(&peer), VEC);
	assert_int_equal(pn_apicv_deliver(&r.cpu), -1);
	assert_int_equal(icr(&r, VEC, TO), PN_APICV_DONE);
	assert_int_equal(r.ipis, 2);

	r.bus.intr = rig_intr;
	assert_int_equal(icr(&r, 0x71, RIG_SELF), PN_APICV_DONE);
	assert_int_equal(r.ipis, 3);
	pn_lapic_accept(&r.lapic, r.ipi[2].vector);
	assert_int_equal(pn_apicv_intr(&r.cpu, &r.lapic, &vector), PN_INTR_POSTED);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x71);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(icr_table),  cmocka_unit_test(controls),
		cmocka_unit_test(targets),    cmocka_unit_test(no_table),
		cmocka_unit_test(on_sn),      cmocka_unit_test(ndst),
		cmocka_unit_test(two_steps),  cmocka_unit_test(drained_between),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
