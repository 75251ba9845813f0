/* SPDX-License-Identifier: MIT */
/*
 * Changes of the APIC by the guest, and their effect on AVIC: exits 402h of ID, LDR and DFR, mode
 * switches, causes against AVIC: 6.2, 6.3, 7.6 of the spec sheet; APM vol 2 rev 3.44, 15.29, 16.
 */
#include <errno.h>

#include "svm_rig.h"

#define FLAT	 0xFFFFFFFFu
#define CLUSTER	 0x0FFFFFFFu
#define ENABLED	 0x1FFu
#define BASE	 0xFEE00000ull
#define AE	 (1ull << 11)
#define EXTD	 (1ull << 10)
#define CAUSE(c) (1u << PN_INHIBIT_##c)

static struct rig r;
static struct pn_avic av[RIG_VCPUS];

/* vCPU n is loaded on CPU n, where AVIC of core n waits. */
static void start(const struct rig_conf *conf)
{
	struct pn_avic_features feat;

	rig_start(&r, conf);
	pn_avic_features_default(&feat);
	for (uint32_t i = 0; i < RIG_VCPUS; i++) {
		pn_avic_init(&av[i], &r.bus, &r.agent[i], &feat, RIG_APICID(i));
		pn_svm_load(&r.vcpu[i].h, &r.cpu[i]);
	}
}

static void enter(uint32_t i)
{
	struct pn_avic_vmcb b;

	pn_svm_enter(&r.vcpu[i].h, &r.cpu[i]);
	pn_svm_vmcb(&r.vcpu[i], &b);
	assert_int_equal(pn_avic_vmrun(&av[i], &b), 0);
}

static void leave(uint32_t i)
{
	pn_avic_vmexit(&av[i]);
	pn_svm_leave(&r.vcpu[i].h, &r.cpu[i]);
}

/* The guest of vCPU @i writes a register, and the host handles the exit. */
static void guest_write(uint32_t i, uint32_t off, uint32_t value)
{
	struct pn_avic_exit exit;
	enum pn_avic_access a;

	enter(i);
	a = pn_avic_write(&av[i], off, value, &exit);
	leave(i);
	if (a == PN_AVIC_TRAP)
		assert_true(pn_svm_apic_trap(&r.vcpu[i], &r.cpu[i], &exit));
	else
		pn_svm_apic_write(&r.vcpu[i], &r.cpu[i], off, value);
}

/* Every vCPU handles its requests. */
static void settle(void)
{
	for (uint32_t i = 0; i < RIG_VCPUS; i++) {
		enter(i);
		leave(i);
	}
}

/* vCPU @i sends vector 71h; returns the result of the write, and which vCPUs have the vector. */
static enum pn_avic_access send(uint32_t i, uint64_t icr, unsigned *got)
{
	struct pn_avic_exit exit;
	enum pn_avic_access a;

	for (uint32_t n = 0; n < RIG_VCPUS; n++)
		pn_vapic_clear(r.vcpu[n].h.page, PN_APIC_IRR, 0x71);
	enter(i);
	if (av[i].x2) {
		a = pn_avic_write(&av[i], PN_APIC_ICRL, icr | 0x71, &exit);
	} else {
		pn_avic_write(&av[i], PN_APIC_ICRH, icr >> 32, &exit);
		a = pn_avic_write(&av[i], PN_APIC_ICRL, (uint32_t)icr | 0x71, &exit);
	}
	leave(i);
	if (a == PN_AVIC_FAULT) /* AVIC is off: intercepted */
		exit = (struct pn_avic_exit){PN_EXIT_AVIC_INCOMPLETE_IPI, icr | 0x71, 0};
	if (a == PN_AVIC_TRAP || a == PN_AVIC_FAULT)
		pn_svm_incomplete_ipi(&r.vcpu[i], &r.cpu[i], &exit);
	*got = 0;
	for (uint32_t n = 0; n < RIG_VCPUS; n++)
		*got |= (unsigned)pn_vapic_test(r.vcpu[n].h.page, PN_APIC_IRR, 0x71) << n;
	return a;
}

#define PHYS(d)	   ((uint64_t)(d) << 56)
#define LOGICAL(d) ((uint64_t)(d) << 56 | PN_ICR_LOGICAL)
#define X2(d)	   ((uint64_t)(d) << 32)

/* ---- logical destinations ---- */

struct reg_write {
	uint8_t vcpu; /* ALL: each of them */
	uint32_t off, value;
};
#define ALL 0xFF
#define STOP                                                                                       \
	{                                                                                          \
		0, 0, 0                                                                            \
	}

static const struct log_row {
	const char *rule;
	struct reg_write write[10];
	uint32_t dest;
	unsigned got; /* bits by vCPU */
	bool exits;   /* by software */
	uint32_t inhibits;
} logical[] = {
	{"as firmware leaves it", {STOP}, 0x02, 2, false, 0},
	{"15.29.5.3: a new LDR", {{1, PN_APIC_LDR, 0x10u << 24}, STOP}, 0x10, 2, false, 0},
	{"the old one is gone", {{1, PN_APIC_LDR, 0x10u << 24}, STOP}, 0x02, 0, true, 0},
	{"the others stay", {{1, PN_APIC_LDR, 0x10u << 24}, STOP}, 0x0D, 13, false, 0},
	{"reserved bits of the LDR", {{1, PN_APIC_LDR, 0x10ABCDEF}, STOP}, 0x10, 2, false, 0},
	{"no LDR, no entry", {{1, PN_APIC_LDR, 0}, STOP}, 0x02, 0, true, 0},
	{"two vCPUs exchange theirs, by way of none",
	 {{1, PN_APIC_LDR, 0}, {2, PN_APIC_LDR, 0x02u << 24}, {1, PN_APIC_LDR, 0x04u << 24}, STOP},
	 0x04,
	 2,
	 false,
	 0},
	{"DFR first, then LDRs: clusters",
	 {{ALL, PN_APIC_DFR, CLUSTER},
	  {0, PN_APIC_LDR, 0x11u << 24},
	  {1, PN_APIC_LDR, 0x12u << 24},
	  {2, PN_APIC_LDR, 0x21u << 24},
	  {3, PN_APIC_LDR, 0x22u << 24},
	  STOP},
	 0x23,
	 12,
	 false,
	 0},
	{"DFR alone: the same LDRs mean clusters",
	 {{ALL, PN_APIC_DFR, CLUSTER}, STOP},
	 0x06,
	 6,
	 false,
	 0},
	{"DFR alone: bits that are a cluster now",
	 {{ALL, PN_APIC_DFR, CLUSTER}, STOP},
	 0x12,
	 0,
	 true,
	 0},
	{"LDRs of clusters under flat: aliased until DFR says cluster",
	 {{0, PN_APIC_LDR, 0x31u << 24},
	  {1, PN_APIC_LDR, 0x32u << 24},
	  {2, PN_APIC_LDR, 0x34u << 24},
	  {3, PN_APIC_LDR, 0x38u << 24},
	  {ALL, PN_APIC_DFR, CLUSTER},
	  STOP},
	 0x34,
	 4,
	 false,
	 0},
	{"and back to flat",
	 {{ALL, PN_APIC_DFR, CLUSTER}, {ALL, PN_APIC_DFR, 0xF0000000}, STOP},
	 0x05,
	 5,
	 false,
	 0},
	{"one bit for two vCPUs: both, by software",
	 {{1, PN_APIC_LDR, 0x01u << 24}, STOP},
	 0x01,
	 3,
	 true,
	 CAUSE(LOGICAL_ID_ALIASED)},
	{"two bits for a vCPU",
	 {{1, PN_APIC_LDR, 0x30u << 24}, STOP},
	 0x20,
	 2,
	 true,
	 CAUSE(LOGICAL_ID_ALIASED)},
	{"two models at once",
	 {{3, PN_APIC_DFR, CLUSTER}, STOP},
	 0x02,
	 2,
	 true,
	 CAUSE(LOGICAL_ID_ALIASED)},
	{"aliased, and put right",
	 {{1, PN_APIC_LDR, 0x01u << 24}, {1, PN_APIC_LDR, 0x02u << 24}, STOP},
	 0x02,
	 2,
	 false,
	 0},
	{"a disabled APIC aliases none",
	 {{0, PN_APIC_SVR, 0xFF}, {1, PN_APIC_LDR, 0x01u << 24}, STOP},
	 0x01,
	 2,
	 false,
	 0},
	{"until it is enabled",
	 {{0, PN_APIC_SVR, 0xFF}, {1, PN_APIC_LDR, 0x01u << 24}, {0, PN_APIC_SVR, ENABLED}, STOP},
	 0x01,
	 3,
	 true,
	 CAUSE(LOGICAL_ID_ALIASED)},
	{"cluster 15 has no entry",
	 {{ALL, PN_APIC_DFR, CLUSTER}, {1, PN_APIC_LDR, 0xF2u << 24}, STOP},
	 0xF2,
	 2,
	 true,
	 0},
};

static void write_all(const struct reg_write *w)
{
	for (; w->off; w++)
		for (uint32_t i = 0; i < RIG_VCPUS; i++)
			if (w->vcpu == i || w->vcpu == ALL)
				guest_write(i, w->off, w->value);
}

static void logical_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(logical) / sizeof(logical[0]); i++) {
		const struct log_row *w = &logical[i];
		/* vCPU 0's own APIC may be disabled; the sender is another one. */
		enum pn_avic_access a;
		unsigned got;

		start(&(struct rig_conf){PN_NOTIFY_GALOG});
		write_all(w->write);
		settle();
		row_eq(w->rule, "inhibits", r.vm.h.inhibits, w->inhibits);
		a = send(3, LOGICAL(w->dest), &got);
		row_eq(w->rule, "got it", got, w->got);
		row_eq(w->rule, "exits", a == PN_AVIC_TRAP || a == PN_AVIC_FAULT, w->exits);
		rig_checked(&r, w->rule);
		rig_close(&r);
	}
}

/* The table itself: an entry that is not the logical ID of exactly one vCPU is invalid. */
static void logical_table(void **state)
{
	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG});
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		assert_int_equal(r.vm.log_table[i], PN_AVIC_LOG_VALID | i);
	assert_int_equal(r.vm.log_table[RIG_VCPUS], 0);
	guest_write(2, PN_APIC_LDR, 0x80u << 24);
	assert_int_equal(r.vm.log_table[2], 0);
	assert_int_equal(r.vm.log_table[7], PN_AVIC_LOG_VALID | 2);
	guest_write(2, PN_APIC_LDR, 0x01u << 24);
	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(r.vm.log_table[i], 0);
	assert_int_equal(r.vm.raised[PN_INHIBIT_LOGICAL_ID_ALIASED], 1);
	rig_close(&r);
	/* x2APIC: a formula, no table. */
	start(&(struct rig_conf){PN_NOTIFY_GALOG, .x2avic = true});
	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(r.vm.log_table[i], 0);
	rig_close(&r);
}

/* ---- physical IDs ---- */

static void apic_ids(void **state)
{
	static const struct {
		const char *rule;
		struct reg_write write[10];
		uint32_t dest, inhibits;
		unsigned got;
	} rows[] = {
		{"modified: the new one",
		 {{1, PN_APIC_ID, 9u << 24}, STOP},
		 9,
		 CAUSE(APIC_ID_MODIFIED),
		 2},
		{"modified: the old one",
		 {{1, PN_APIC_ID, 9u << 24}, STOP},
		 1,
		 CAUSE(APIC_ID_MODIFIED),
		 0},
		{"the same again", {{1, PN_APIC_ID, 1u << 24 | 0xABCDEF}, STOP}, 1, 0, 2},
		{"and back", {{1, PN_APIC_ID, 9u << 24}, {1, PN_APIC_ID, 1u << 24}, STOP}, 1, 0, 2},
		{"another vCPU's",
		 {{1, PN_APIC_ID, 2u << 24}, STOP},
		 2,
		 CAUSE(APIC_ID_MODIFIED) | CAUSE(PHYSICAL_ID_ALIASED) | CAUSE(LOGICAL_ID_ALIASED),
		 6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned got;

		start(&(struct rig_conf){PN_NOTIFY_GALOG});
		write_all(rows[i].write);
		settle();
		row_eq(rows[i].rule, "inhibits", r.vm.h.inhibits, rows[i].inhibits);
		send(3, PHYS(rows[i].dest), &got);
		row_eq(rows[i].rule, "got it", got, rows[i].got);
		rig_checked(&r, rows[i].rule);
		rig_close(&r);
	}
}

/* Exits that this code does not handle. */
static void other_exits(void **state)
{
	static const struct pn_avic_exit exits[] = {
		{PN_EXIT_AVIC_NOACCEL, PN_APIC_LDR, 0},				     /* read */
		{PN_EXIT_AVIC_NOACCEL, 1ull << 32 | PN_APIC_LVT_TIMER, 0},	     /* no ID */
		{PN_EXIT_AVIC_NOACCEL, 1ull << 32 | PN_APIC_EOI, 0x31},		     /* level EOI */
		{PN_EXIT_AVIC_INCOMPLETE_IPI, 1ull << 32 | PN_APIC_LDR, 1ull << 32}, /* 401h */
	};

	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG});
	pn_vapic_write(r.vcpu[1].h.page, PN_APIC_LDR, 0x80u << 24);
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		assert_false(pn_svm_apic_trap(&r.vcpu[1], &r.cpu[1], &exits[i]));
	assert_int_equal(r.vm.log_table[1], PN_AVIC_LOG_VALID | 1);
	rig_close(&r);
}

/* ---- modes ---- */

/* 16.9: an illegal transition raises #GP and changes nothing. */
static void transitions(void **state)
{
	static const struct {
		const char *rule;
		uint64_t value[4]; /* the last one is the row's; 0 at the end: none */
		int err;
		enum pn_apic_mode mode;
	} rows[] = {
		{"x2APIC to disabled", {BASE}, 0, PN_APIC_DISABLED},
		{"x2APIC to xAPIC", {BASE | AE}, -EINVAL, PN_APIC_X2APIC},
		{"x2APIC to itself", {BASE | AE | EXTD}, 0, PN_APIC_X2APIC},
		{"EXTD without AE", {BASE | EXTD}, -EINVAL, PN_APIC_X2APIC},
		{"disabled to xAPIC", {BASE, BASE | AE}, 0, PN_APIC_XAPIC},
		{"disabled to x2APIC", {BASE, BASE | AE | EXTD}, -EINVAL, PN_APIC_DISABLED},
		{"xAPIC to x2APIC", {BASE, BASE | AE, BASE | AE | EXTD}, 0, PN_APIC_X2APIC},
		{"xAPIC to disabled", {BASE, BASE | AE, BASE}, 0, PN_APIC_DISABLED},
		{"a reserved bit", {BASE | AE | EXTD | 1}, -EINVAL, PN_APIC_X2APIC},
		{"an address beyond", {1ull << 52 | BASE | AE | EXTD}, -EINVAL, PN_APIC_X2APIC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = 0;

		start(&(struct rig_conf){PN_NOTIFY_GALOG, .x2avic = true});
		for (unsigned n = 0; n < 4 && rows[i].value[n]; n++) {
			row_eq(rows[i].rule, "error before", err, 0);
			err = pn_svm_apic_base(&r.vcpu[1], &r.cpu[1], rows[i].value[n]);
		}
		row_eq(rows[i].rule, "error", (uint64_t)err, (uint64_t)rows[i].err);
		row_eq(rows[i].rule, "mode", r.vcpu[1].h.apic_mode, rows[i].mode);
		settle();
		row_eq(rows[i].rule, "AVIC", r.vcpu[1].h.apicv, rows[i].mode != PN_APIC_DISABLED);
		row_eq(rows[i].rule, "inhibits", r.vm.h.inhibits, 0);
		rig_checked(&r, rows[i].rule);
		rig_close(&r);
	}
}

static void mode_is(uint32_t i, bool avic, bool x2, const char *rule)
{
	struct pn_avic_vmcb b;

	pn_svm_vmcb(&r.vcpu[i], &b);
	row_eq(rule, "AVIC", b.v_intr >> 31 & 1, avic);
	row_eq(rule, "x2AVIC", b.v_intr >> 30 & 1, x2);
	row_eq(rule, "EOI passes", pn_svm_msr_passes(&r.vcpu[i], 0x80B), x2);
	row_eq(rule, "LVTT passes", pn_svm_msr_passes(&r.vcpu[i], 0x832), false);
	row_eq(rule, "MSR 900h passes", pn_svm_msr_passes(&r.vcpu[i], 0x900), false);
	row_eq(rule, "MSR 7FFh passes", pn_svm_msr_passes(&r.vcpu[i], 0x7FF), false);
	rig_checked(&r, rule);
}

static void all_modes(bool avic, unsigned x2, const char *rule)
{
	settle();
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		mode_is(i, avic, avic && (x2 >> i & 1), rule);
}

/* A VM boots: some of its vCPUs are in x2APIC mode already, others are not yet. */
static void mixed(void **state)
{
	unsigned got;

	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG, .x2avic = true});
	all_modes(true, 15, "x2APIC");
	for (uint32_t i = 0; i < RIG_VCPUS; i++) {
		assert_int_equal(pn_svm_apic_base(&r.vcpu[i], &r.cpu[i], BASE), 0);
		assert_int_equal(pn_svm_apic_base(&r.vcpu[i], &r.cpu[i], BASE | AE), 0);
	}
	all_modes(true, 0, "reset: xAPIC, no logical IDs");
	assert_int_equal(send(0, PHYS(3), &got), PN_AVIC_DONE);
	assert_int_equal(got, 8);
	guest_write(0, PN_APIC_SVR, ENABLED);
	guest_write(0, PN_APIC_LDR, 0x01u << 24);
	settle();
	assert_int_equal(send(1, LOGICAL(1), &got), PN_AVIC_DONE);
	assert_int_equal(got, 1);
	/* The bootstrap processor goes first. The rest has no logical IDs: nothing is ambiguous. */
	assert_int_equal(pn_svm_apic_base(&r.vcpu[0], &r.cpu[0], BASE | AE | EXTD), 0);
	all_modes(true, 1, "one in x2APIC mode");
	assert_int_equal(r.vm.log_table[0], 0);
	assert_int_equal(send(0, X2(2), &got), PN_AVIC_DONE); /* x2 to x */
	assert_int_equal(got, 4);
	assert_int_equal(send(2, PHYS(0), &got), PN_AVIC_DONE); /* x to x2 */
	assert_int_equal(got, 1);
	assert_int_equal(send(0, X2(0xFFFFFFFF), &got), PN_AVIC_EVALUATE);
	assert_int_equal(got, 15);
	/* One of the rest gives itself a logical ID: two models at once. */
	guest_write(2, PN_APIC_LDR, 0x04u << 24);
	assert_int_equal(r.vm.h.inhibits, 0);
	guest_write(2, PN_APIC_SVR, ENABLED);
	assert_int_equal(r.vm.h.inhibits, CAUSE(LOGICAL_ID_ALIASED));
	all_modes(false, 1, "mixed logical IDs");
	send(0, X2(2), &got); /* emulated */
	assert_int_equal(got, 4);
	send(0, X2(1) | PN_ICR_LOGICAL, &got); /* bit 0 of cluster 0 is vCPU 0 itself */
	assert_int_equal(got, 1);
	for (uint32_t i = 1; i < RIG_VCPUS; i++)
		assert_int_equal(pn_svm_apic_base(&r.vcpu[i], &r.cpu[i], BASE | AE | EXTD), 0);
	assert_int_equal(r.vm.h.inhibits, 0);
	all_modes(true, 15, "all in x2APIC mode");
	assert_int_equal(send(0, X2(0x0000000E) | PN_ICR_LOGICAL, &got), PN_AVIC_DONE);
	assert_int_equal(got, 14);
	rig_close(&r);
}

/* A processor without x2AVIC: AVIC stays, for posting and doorbells; every MSR exits. */
static void no_x2avic(void **state)
{
	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG});
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		assert_int_equal(pn_svm_apic_base(&r.vcpu[i], &r.cpu[i], BASE | AE | EXTD), 0);
	settle();
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		mode_is(i, true, false, "x2APIC on AVIC");
	rig_close(&r);
}

static void moved_base(void **state)
{
	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG});
	assert_int_equal(pn_svm_apic_base(&r.vcpu[1], &r.cpu[1], 0xFEE10000ull | AE), 0);
	all_modes(false, 0, "moved");
	assert_int_equal(pn_svm_apic_base(&r.vcpu[1], &r.cpu[1], BASE | AE), 0);
	all_modes(false, 0, "moved back: for good all the same");
	assert_int_equal(r.vm.h.inhibits, CAUSE(APIC_BASE_MODIFIED));
	rig_close(&r);
}

/* Reserved bits of what the guest wrote do not stay; a disabled APIC comes back as after reset. */
static void registers(void **state)
{
	void *page;

	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG});
	page = r.vcpu[1].h.page;
	guest_write(1, PN_APIC_DFR, 0xF0000000);
	assert_int_equal(pn_vapic_read(page, PN_APIC_DFR), FLAT);
	guest_write(1, PN_APIC_LDR, 0x80ABCDEF);
	assert_int_equal(pn_vapic_read(page, PN_APIC_LDR), 0x80000000);
	assert_int_equal(pn_svm_apic_base(&r.vcpu[1], &r.cpu[1], BASE), 0);
	assert_int_equal(pn_svm_apic_base(&r.vcpu[1], &r.cpu[1], BASE | AE), 0);
	assert_int_equal(pn_vapic_read(page, PN_APIC_ID), 1u << 24);
	assert_int_equal(pn_vapic_read(page, PN_APIC_LDR), 0);
	assert_int_equal(pn_vapic_read(page, PN_APIC_DFR), FLAT);
	assert_int_equal(pn_vapic_read(page, PN_APIC_SVR), 0xFF);
	rig_close(&r);
}

/* Emulated IPIs in a mixed VM: each target by its own mode, and none to a disabled APIC. */
static void emulated_mixed(void **state)
{
	unsigned got;

	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG, .x2avic = true});
	for (uint32_t i = 2; i < RIG_VCPUS; i++)
		assert_int_equal(pn_svm_apic_base(&r.vcpu[i], &r.cpu[i], BASE), 0);
	assert_int_equal(pn_svm_apic_base(&r.vcpu[2], &r.cpu[2], BASE | AE), 0);
	guest_write(2, PN_APIC_SVR, ENABLED);
	guest_write(2, PN_APIC_LDR, 0x10u << 24);
	settle();
	assert_int_equal(r.vm.h.inhibits, CAUSE(LOGICAL_ID_ALIASED));
	send(0, X2(0x10) | PN_ICR_LOGICAL, &got);
	assert_int_equal(got, 4);
	send(0, X2(0xFFFFFFFF), &got); /* vCPU 3 is disabled */
	assert_int_equal(got, 7);
	rig_close(&r);
}

/* 15.29.4: in xAPIC mode the index has 8 bits, and FFh is the broadcast. */
static void many_in_xapic_mode(void **state)
{
	static struct pn_svm_vcpu many[300];
	struct pn_avic_features feat;
	struct pn_svm_vm vm;
	struct pn_avic_vmcb b;

	(void)state;
	rig_start(&r, &(struct rig_conf){PN_NOTIFY_GALOG});
	for (uint32_t i = 0; i < 300; i++)
		many[i].h.task = &r.task[0];
	assert_int_equal(pn_svm_vm_init(&r.svm, &vm, many, 300, true, false, 0, &r.pages), 0);
	pn_avic_features_default(&feat);
	pn_svm_vmcb(&many[1], &b);
	assert_int_equal(b.physical_table & 0xFFF, 299);
	assert_int_equal(pn_avic_vmcb_check(&feat, &b), 0);
	assert_int_equal(pn_svm_apic_base(&many[1], &r.cpu[1], BASE), 0);
	assert_int_equal(pn_svm_apic_base(&many[1], &r.cpu[1], BASE | AE), 0);
	pn_svm_load(&many[1].h, &r.cpu[1]);
	pn_svm_enter(&many[1].h, &r.cpu[1]);
	pn_svm_vmcb(&many[1], &b);
	assert_int_equal(b.physical_table & 0xFFF, 254);
	assert_int_equal(pn_avic_vmcb_check(&feat, &b), 0);
	rig_close(&r);
}

/* ---- causes ---- */

static void window(bool open)
{
	pn_svm_irq_window(&r.vcpu[1], &r.cpu[3], open);
}

static void other_window(bool open)
{
	pn_svm_irq_window(&r.vcpu[2], &r.cpu[3], open);
}

static void nested(bool in)
{
	pn_svm_nested(&r.vcpu[0], &r.cpu[3], in);
}

static void pit(bool set)
{
	pn_svm_inhibit(&r.vm.h, &r.cpu[3], PN_INHIBIT_PIT_REINJ, set);
}

static void blockirq(bool set)
{
	pn_svm_inhibit(&r.vm.h, &r.cpu[3], PN_INHIBIT_BLOCKIRQ, set);
}

static void alias(bool set)
{
	pn_svm_apic_write(&r.vcpu[1], &r.cpu[3], PN_APIC_LDR, (set ? 1u : 2u) << 24);
}

static void modify(bool set)
{
	pn_svm_apic_write(&r.vcpu[1], &r.cpu[3], PN_APIC_ID, (set ? 9u : 1u) << 24);
}

static const struct {
	const char *name;
	void (*raise)(bool set);
	enum pn_inhibit why;
	bool own; /* of vCPU 0 alone */
} causes[] = {
	{"IRQ window", window, PN_INHIBIT_IRQWIN, false},
	{"nested", nested, PN_INHIBIT_NESTED, true},
	{"PIT reinjection", pit, PN_INHIBIT_PIT_REINJ, false},
	{"BLOCKIRQ", blockirq, PN_INHIBIT_BLOCKIRQ, false},
	{"aliased logical ID", alias, PN_INHIBIT_LOGICAL_ID_ALIASED, false},
	{"APIC ID modified", modify, PN_INHIBIT_APIC_ID_MODIFIED, false},
};
#define CAUSES (sizeof(causes) / sizeof(causes[0]))

static void sleeps(void)
{
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[0]);
	assert_true(rig_sleep(&r, 0, 0));
	pn_svm_put(&r.vcpu[0].h, &r.cpu[0], false);
}

/* It was woken; it leaves the block loop, runs, and takes the pending interrupt. */
static void runs(const char *name, int vector)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];
	int taken;

	row_eq(name, "asleep", r.task[0].asleep, 0);
	assert_true(pn_svm_must_run(&v->h, &r.cpu[0]));
	pn_svm_load(&v->h, &r.cpu[0]);
	pn_svm_unblocking(&v->h, &r.cpu[0]);
	taken = pn_svm_enter(&v->h, &r.cpu[0]);
	if (taken < 0 && pn_host_apicv(&v->h)) {
		struct pn_avic_vmcb b;

		pn_svm_vmcb(v, &b);
		assert_int_equal(pn_avic_vmrun(&av[0], &b), 0);
		taken = pn_avic_evaluate(&av[0], true);
		if (taken >= 0)
			pn_avic_deliver(&av[0], (uint8_t)taken);
		pn_avic_vmexit(&av[0]);
	}
	pn_svm_leave(&v->h, &r.cpu[0]);
	row_eq(name, "took", (uint64_t)taken, (uint64_t)vector);
	if (taken >= 0)
		pn_svm_eoi(&v->h, &r.cpu[0]);
}

/* The device's interrupt; the host injects it if it is remapped. */
static void device(const char *name, bool posted)
{
	enum pn_msi_result how = rig_msi(&r, 0);

	row_eq(name, "posted", how == PN_MSI_POSTED, posted);
	if (how == PN_MSI_REMAPPED)
		pn_svm_inject(&r.vcpu[0].h, &r.cpu[3], 0x61, PN_WAKE_NOTIFY);
	rig_threads(&r);
}

static void toggle(size_t i, enum pn_notify notify, bool meanwhile)
{
	const char *name = causes[i].name;

	start(&(struct rig_conf){notify, PN_MASKED_PARK});
	r.log_thread.asleep = true;
	rig_attach(&r, 0, 0, 0x61);
	sleeps();
	causes[i].raise(true);
	row_eq(name, "of the VM", r.vm.h.inhibits, causes[i].own ? 0 : 1u << causes[i].why);
	row_eq(name, "its own", r.vcpu[0].inhibits, causes[i].own ? 1u << causes[i].why : 0);
	row_eq(name, "came up", r.vm.raised[causes[i].why], 1);
	if (meanwhile) /* it has not switched yet */
		device(name, true);
	runs(name, meanwhile ? 0x61 : -1);
	row_eq(name, "AVIC", r.vcpu[0].h.apicv, 0);
	sleeps();
	device(name, false);
	runs(name, 0x61);
	sleeps();
	causes[i].raise(false);
	row_eq(name, "inhibits", r.vm.h.inhibits | r.vcpu[0].inhibits, 0);
	if (meanwhile)
		device(name, false);
	runs(name, meanwhile ? 0x61 : -1);
	row_eq(name, "AVIC", r.vcpu[0].h.apicv, 1);
	sleeps();
	device(name, true);
	runs(name, 0x61);
	settle();
	row_eq(name, "came up", r.vm.raised[causes[i].why], 1);
	rig_checked(&r, name);
	rig_close(&r);
}

/* P6: no cause loses an interrupt of a vCPU that sleeps, in either order. */
static void causes_lose_nothing(void **state)
{
	static const enum pn_notify kinds[] = {PN_NOTIFY_GALOG, PN_NOTIFY_GAPPI};

	(void)state;
	for (size_t i = 0; i < CAUSES; i++)
		for (unsigned k = 0; k < 4; k++)
			toggle(i, kinds[k & 1], k >> 1);
}

/* AVIC is active while there is none of them, in whatever order they come and go. */
static void causes_overlap(void **state)
{
	(void)state;
	for (size_t i = 0; i < CAUSES; i++) {
		for (size_t k = 0; k < CAUSES; k++) {
			if (i == k)
				continue;
			start(&(struct rig_conf){PN_NOTIFY_GALOG});
			causes[i].raise(true);
			settle();
			causes[k].raise(true);
			causes[k].raise(true);
			settle();
			row_eq(causes[i].name, "AVIC", r.vcpu[0].h.apicv, 0);
			causes[i].raise(false);
			settle();
			row_eq(causes[k].name, "AVIC", r.vcpu[0].h.apicv, 0);
			row_eq(causes[k].name, "AVIC of vCPU 3", r.vcpu[3].h.apicv, causes[k].own);
			causes[k].raise(false);
			settle();
			row_eq(causes[k].name, "AVIC again", r.vcpu[0].h.apicv, 1);
			row_eq(causes[k].name, "came up", r.vm.raised[causes[k].why], 1);
			rig_checked(&r, causes[k].name);
			rig_close(&r);
		}
	}
}

/* Two vCPUs wait for their windows: AVIC comes back when the last one had its window. */
static void two_windows(void **state)
{
	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG});
	window(true);
	other_window(true);
	window(false);
	settle();
	assert_int_equal(r.vm.h.inhibits, CAUSE(IRQWIN));
	assert_int_equal(r.vcpu[3].h.apicv, 0);
	window(false);
	assert_int_equal(r.vm.h.inhibits, CAUSE(IRQWIN));
	other_window(false);
	settle();
	assert_int_equal(r.vcpu[3].h.apicv, 1);
	/* In a nested guest it has no AVIC to lose, and the others keep theirs. */
	pn_svm_nested(&r.vcpu[1], &r.cpu[1], true);
	window(true);
	settle();
	assert_int_equal(r.vm.h.inhibits, 0);
	assert_int_equal(r.vcpu[1].h.apicv, 0);
	pn_svm_nested(&r.vcpu[1], &r.cpu[1], false);
	window(false);
	settle();
	assert_int_equal(r.vm.h.inhibits, 0);
	assert_int_equal(r.vcpu[1].h.apicv, 1);
	/* A window from before does not stay because L2 was entered. */
	window(true);
	pn_svm_nested(&r.vcpu[1], &r.cpu[1], true);
	window(false);
	assert_int_equal(r.vm.h.inhibits, 0);
	rig_close(&r);
}

/*
 * 7.6: AVIC goes away from L1 while L2 runs. When L1 comes back its x2APIC MSRs must exit: without
 * AVIC the processor's own APIC is behind them.
 */
static void nested_msrs(void **state)
{
	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_GALOG, .x2avic = true});
	settle();
	mode_is(0, true, true, "L1");
	pn_svm_nested(&r.vcpu[0], &r.cpu[0], true);
	settle(); /* in L2 */
	mode_is(0, false, false, "L2");
	mode_is(1, true, true, "another vCPU");
	pit(true);
	settle(); /* still in L2 */
	mode_is(0, false, false, "L2, inhibited");
	pn_svm_nested(&r.vcpu[0], &r.cpu[0], false);
	mode_is(0, false, false, "L1, inhibited, at once");
	settle();
	mode_is(0, false, false, "L1, inhibited");
	pit(false);
	settle();
	mode_is(0, true, true, "L1 again");
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logical_ids),	      cmocka_unit_test(logical_table),
		cmocka_unit_test(apic_ids),	      cmocka_unit_test(other_exits),
		cmocka_unit_test(transitions),	      cmocka_unit_test(mixed),
		cmocka_unit_test(no_x2avic),	      cmocka_unit_test(moved_base),
		cmocka_unit_test(registers),	      cmocka_unit_test(emulated_mixed),
		cmocka_unit_test(many_in_xapic_mode), cmocka_unit_test(causes_lose_nothing),
		cmocka_unit_test(causes_overlap),     cmocka_unit_test(two_windows),
		cmocka_unit_test(nested_msrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
