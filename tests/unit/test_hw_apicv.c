/* SPDX-License-Identifier: MIT */
/*
 * Virtual interrupts of one processor, spec sections 3.1 and 3.3: checks of VM entry, priorities,
 * evaluation, delivery, EOI.
 */
#include <errno.h>

#include "apicv_rig.h"

#define BIT(n) (1ull << (n))

enum field { PIN, PROC, PROC2, PROC3, EXIT, NV, LAST, TPR_T, VAPIC, ACCESS, PID, TABLE };

static void set_field(struct pn_vmcs_apic *v, enum field f, uint64_t value)
{
	switch (f) {
	case PIN:
		v->pin = (uint32_t)value;
		return;
	case PROC:
		v->proc = (uint32_t)value;
		return;
	case PROC2:
		v->proc2 = (uint32_t)value;
		return;
	case PROC3:
		v->proc3 = value;
		return;
	case EXIT:
		v->exit_ctl = (uint32_t)value;
		return;
	case NV:
		v->posted_nv = (uint16_t)value;
		return;
	case LAST:
		v->last_pid_index = (uint16_t)value;
		return;
	case TPR_T:
		v->tpr_threshold = (uint32_t)value;
		return;
	case VAPIC:
		v->virtual_apic = value;
		return;
	case ACCESS:
		v->apic_access = value;
		return;
	case PID:
		v->pid = value;
		return;
	case TABLE:
		v->pid_table = value;
		return;
	}
}

/* Controls of the rows below. */
enum {
	SH = PN_PROC_TPR_SHADOW,
	SEC = PN_PROC_SECONDARY,
	TER = PN_PROC_TERTIARY,
	AA = PN_PROC2_APIC_ACCESSES,
	X2 = PN_PROC2_X2APIC,
	AR = PN_PROC2_APIC_REGS,
	VID = PN_PROC2_VID,
};
#define ALLP (SH | (uint64_t)SEC | TER)
#define END                                                                                        \
	{                                                                                          \
		PIN, ~0ull                                                                         \
	}

/* Each row changes up to three fields of the rig's VMCS (xAPIC, everything on). */
static const struct check_row {
	const char *row;
	struct {
		enum field f;
		uint64_t value;
	} set[4];
	int want;
} check_rows[] = {
	/* clang-format off */
	{"3.1 everything on", {END}, 0},
	{"3.1 x2APIC mode", {{PROC2, X2 | AR | VID}, END}, 0},
	{"3.1 x2APIC mode and APIC accesses", {{PROC2, X2 | AA | AR | VID}, END}, -EINVAL},
	{"3.1 nothing on", {{PIN, 0}, {PROC, 0}, {PROC2, ~0u}, {PROC3, ~0ull}}, 0},
	{"3.1 PI without VID", {{PROC2, AA | AR}, END}, -EINVAL},
	{"3.1 no PI, no VID", {{PIN, 1}, {PROC2, AA | AR}, END}, 0},
	{"3.1 PI without ack on exit", {{EXIT, ~(1u << 15)}, END}, -EINVAL},
	{"3.1 no PI, no ack on exit", {{PIN, 1}, {EXIT, 0}, END}, 0},
	{"3.1 PI: NV bit 8", {{NV, 0x1F2}, END}, -EINVAL},
	{"3.1 PI: NV bit 15", {{NV, 0x80F2}, END}, -EINVAL},
	{"3.1 no PI: NV ignored", {{PIN, 1}, {NV, 0x1F2}, END}, 0},
	{"3.1 PI: NV 0", {{NV, 0}, END}, 0},
	{"3.1 PI: descriptor misaligned", {{PID, RIG_PIDS + 32}, END}, -EINVAL},
	{"3.1 PI: descriptor at the end", {{PID, BIT(52) - 64}, END}, 0},
	{"3.1 PI: descriptor beyond MAXPHYADDR", {{PID, BIT(52)}, END}, -EINVAL},
	{"3.1 no PI: descriptor ignored", {{PIN, 1}, {PID, 1}, END}, 0},
	{"3.1 VID without external-interrupt exiting", {{PIN, 0}, END}, -EINVAL},
	{"3.1 PI without external-interrupt exiting", {{PIN, BIT(7)}, END}, -EINVAL},
	{"3.1 VID without TPR shadow", {{PIN, 1}, {PROC, SEC}, {PROC2, VID}, END}, -EINVAL},
	{"3.1 register virt without TPR shadow", {{PIN, 1}, {PROC, SEC}, {PROC2, AR}, END}, -EINVAL},
	{"3.1 x2APIC without TPR shadow", {{PIN, 1}, {PROC, SEC}, {PROC2, X2}, END}, -EINVAL},
	{"3.1 APIC accesses without TPR shadow", {{PIN, 1}, {PROC, SEC}, {PROC2, AA}, END}, 0},
	{"3.1 secondary not active: ignored", {{PIN, 1}, {PROC, SH}, {PROC2, ~0u}, END}, 0},
	{"3.1 secondary not active: no VID for PI", {{PROC, SH | TER}, END}, -EINVAL},
	{"3.1 virtual-APIC page misaligned", {{VAPIC, RIG_PAGE + 0x800}, END}, -EINVAL},
	{"3.1 virtual-APIC page at the end", {{VAPIC, BIT(52) - 4096}, END}, 0},
	{"3.1 virtual-APIC page beyond MAXPHYADDR", {{VAPIC, BIT(52)}, END}, -EINVAL},
	{"3.1 no TPR shadow: page ignored", {{PIN, 1}, {PROC, 0}, {VAPIC, 1}, END}, 0},
	{"3.1 APIC-access page misaligned", {{ACCESS, 0x10}, END}, -EINVAL},
	{"3.1 APIC-access page beyond MAXPHYADDR", {{ACCESS, BIT(63)}, END}, -EINVAL},
	{"3.1 x2APIC: APIC-access page ignored", {{PROC2, X2 | VID}, {ACCESS, 1}, END}, 0},
	{"3.1 TPR threshold 15", {{PIN, 1}, {PROC2, AA}, {TPR_T, 15}, END}, 0},
	{"3.1 TPR threshold bit 4", {{PIN, 1}, {PROC2, AA}, {TPR_T, 0x10}, END}, -EINVAL},
	{"3.1 TPR threshold bit 31", {{PIN, 1}, {PROC2, AA}, {TPR_T, BIT(31)}, END}, -EINVAL},
	{"3.1 VID: TPR threshold ignored", {{TPR_T, ~0u}, END}, 0},
	{"3.1 no TPR shadow: threshold ignored", {{PIN, 1}, {PROC, 0}, {TPR_T, ~0u}, END}, 0},
	{"6.1 table misaligned by 4", {{TABLE, RIG_TABLE + 4}, END}, -EINVAL},
	{"6.1 table aligned to 8", {{TABLE, RIG_TABLE + 8}, END}, 0},
	{"6.1 table beyond MAXPHYADDR", {{TABLE, BIT(52)}, END}, -EINVAL},
	{"6.1 last entry at the end", {{TABLE, BIT(52) - 256}, END}, 0},
	{"6.1 last entry beyond MAXPHYADDR", {{TABLE, BIT(52) - 248}, END}, -EINVAL},
	{"6.1 table wraps", {{TABLE, ~7ull}, END}, -EINVAL},
	{"6.1 65536 entries", {{LAST, 0xFFFF}, {TABLE, BIT(52) - 0x80000}, END}, 0},
	{"6.1 65536 entries, one too high", {{LAST, 0xFFFF}, {TABLE, BIT(52) - 0x7FFF8}, END}, -EINVAL},
	{"6.1 no IPI virtualization: table ignored", {{PROC3, ~BIT(4)}, {TABLE, 1}, END}, 0},
	{"6.1 tertiary not active: table ignored", {{PROC, SH | (uint64_t)SEC}, {TABLE, 1}, END}, 0},
	/* clang-format on */
};

static void vmcs_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(check_rows); i++) {
		const struct check_row *w = &check_rows[i];
		struct rig r;

		rig_init(&r, false);
		for (int k = 0; k < 4 && !(w->set[k].f == PIN && w->set[k].value == ~0ull); k++)
			set_field(&r.vmcs, w->set[k].f, w->set[k].value);
		ROW_EQ(w->row, pn_apicv_vmcs_check(&r.feat, &r.vmcs), w->want);
	}
}

/* Checks that depend on the processor. */
static void vmcs_features(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	assert_int_equal(r.feat.maxphyaddr, 52);
	assert_true(r.feat.ipiv);
	assert_false(r.feat.ipiv_needs_tpr_shadow);
	assert_int_equal(r.feat.pir_granule, 64);
	r.feat.maxphyaddr = 33;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), 0);
	r.feat.maxphyaddr = 32;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), -EINVAL);
	r.feat.maxphyaddr = 0;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), -EINVAL);
	r.feat.maxphyaddr = 255;
	r.vmcs.pid = BIT(63);
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), 0);

	/* 6.1: the tertiary controls exist with the feature only. */
	rig_init(&r, false);
	r.feat.ipiv = false;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), -EINVAL);
	r.vmcs.proc3 = 0;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), -EINVAL);
	r.vmcs.proc &= ~(uint32_t)TER;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), 0);

	/* U3 */
	rig_init(&r, false);
	r.vmcs.pin = 0;
	r.vmcs.proc = TER;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), 0);
	r.feat.ipiv_needs_tpr_shadow = true;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), -EINVAL);
	r.vmcs.proc = TER | SH;
	assert_int_equal(pn_apicv_vmcs_check(&r.feat, &r.vmcs), 0);
}

/* Memory that is there, but not where it should be. */
static void *crooked_map(void *ctx, uint64_t pa, size_t len)
{
	(void)ctx;
	(void)len;
	return rig_ram + (pa == RIG_HOLE ? 4 : 32);
}

static void vmentry_results(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	pn_apicv_init(&r.cpu, &r.bus, &r.agent, &r.feat, true);
	assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), 0);
	assert_int_equal(r.agent.step[PN_STEP_VMRUN].count, 1);
	assert_int_equal(r.agent.step[PN_STEP_VID_EVAL].count, 1);
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	assert_int_equal(r.agent.step[PN_STEP_VMEXIT].count, 1);

	r.vmcs.posted_nv = 0x100;
	assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), -EINVAL);
	r.vmcs.posted_nv = RIG_NV;
	r.vmcs.virtual_apic = RIG_HOLE;
	assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), -EFAULT);
	r.bus.map = crooked_map;
	assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), -EFAULT);
	r.vmcs.virtual_apic = RIG_PAGE;
	r.vmcs.pid = RIG_HOLE + 64;
	assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), -EFAULT);
	r.bus.map = NULL;
	assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), -EFAULT);
	assert_int_equal(r.agent.step[PN_STEP_VMRUN].count, 1);
	/* In the host nothing is virtualized and nothing is taken. */
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(pn_apicv_deliver(&r.cpu), -1);
	assert_int_equal(pn_apicv_write_cr8(&r.cpu, 3, &r.exit), PN_APICV_PASS);
	assert_int_equal(r.exit.reason, 0);
}

/* 3.3, TPR threshold without VID: VM entry, and every way to write the TPR. */
static void tpr_threshold(void **state)
{
	static const struct {
		const char *row;
		uint32_t proc2;
		uint32_t vtpr, threshold;
		int want;
	} rows[] = {
		{"27.7.7 VTPR above", AA, 0x50, 4, 0},
		{"27.7.7 VTPR equal", AA, 0x4F, 4, 0},
		{"27.7.7 VTPR below", AA, 0x3F, 4, 1},
		{"27.7.7 bytes 3:1 do not count", AA, 0xFFFFFF30, 4, 1},
		{"27.7.7 threshold 0", AA, 0, 0, 0},
		{"27.2.1.1 no APIC accesses, equal", X2, 0x40, 4, 0},
		{"27.2.1.1 no APIC accesses, below", X2, 0x30, 4, -EINVAL},
		{"27.2.1.1 CR8 only, below", 0, 0x30, 4, -EINVAL},
		{"27.7.7 VID: threshold unused", AA | VID, 0x30, 4, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig r;

		rig_init(&r, false);
		r.vmcs.pin = 1;
		r.vmcs.proc2 = rows[i].proc2;
		r.vmcs.tpr_threshold = rows[i].threshold;
		rig_page()[PN_APIC_TPR / 4] = rows[i].vtpr;
		pn_apicv_init(&r.cpu, &r.bus, &r.agent, &r.feat, true);
		ROW_EQ(rows[i].row, pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), rows[i].want);
		rig_exit_is(&r, rows[i].row, rows[i].want == 1 ? 43 : 0, 0);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_VMRUN].count, rows[i].want >= 0);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_VID_EVAL].count, !!(rows[i].proc2 & VID));
		pn_apicv_vmexit(&r.cpu, &r.vmcs);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_VMEXIT].count, rows[i].want >= 0);
	}
}

/* By the page, by MSR, by CR8: exit 43 after the write; nothing is evaluated without VID. */
static void tpr_writes_without_vid(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 16 * 3; n++) {
		uint8_t cls = (uint8_t)(n / 3), tpr = (uint8_t)(cls << 4 | (n % 3 == 2 ? 0 : 5));
		enum pn_apicv_access got = PN_APICV_PASS;
		struct rig r;

		rig_init(&r, n % 3 == 1);
		r.vmcs.pin = 1;
		r.vmcs.proc2 = n % 3 == 1 ? X2 : AA;
		r.vmcs.tpr_threshold = 7;
		rig_page()[PN_APIC_TPR / 4] = 0x70;
		rig_run(&r);
		if (n % 3 == 0)
			got = pn_apicv_write(&r.cpu, PN_APIC_TPR, 0xABCDEF00u | tpr, &r.exit);
		if (n % 3 == 1)
			got = pn_apicv_wrmsr(&r.cpu, 0x808, tpr, &r.exit);
		if (n % 3 == 2)
			got = pn_apicv_write_cr8(&r.cpu, cls, &r.exit);
		ROW_EQ("3.3 TPR", got, cls < 7 ? PN_APICV_TRAP : PN_APICV_DONE);
		rig_exit_is(&r, "3.3 TPR", cls < 7 ? 43 : 0, 0);
		ROW_EQ("3.3 TPR", rig_reg(PN_APIC_TPR), tpr);
		ROW_EQ("3.3 TPR", rig_reg(PN_APIC_PPR), 0);
		ROW_EQ("3.3 TPR", r.agent.step[PN_STEP_VID_EVAL].count, 0);
	}
}

/* 3.3 PPR virtualization, at VM entry and by TPR virtualization. */
static void ppr_rows(void **state)
{
	static const struct {
		const char *row;
		uint32_t vtpr;
		uint8_t svi;
		uint32_t want;
	} rows[] = {
		{"3.3 PPR: both 0", 0, 0, 0},
		{"3.3 PPR: VTPR class above", 0x53, 0x41, 0x53},
		{"3.3 PPR: classes equal", 0x43, 0x4F, 0x43},
		{"3.3 PPR: SVI class above", 0x3F, 0x41, 0x40},
		{"3.3 PPR: bytes 3:1 of VTPR", 0xFFFFFF21, 0x31, 0x30},
		{"3.3 PPR: bytes 3:1 of VPPR", 0xFFFFFF31, 0x31, 0x31},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig r;

		rig_init(&r, false);
		rig_page()[PN_APIC_TPR / 4] = rows[i].vtpr;
		rig_page()[PN_APIC_PPR / 4] = 0xDEADBEEF;
		r.vmcs.intr_status = (uint16_t)(rows[i].svi << 8);
		rig_run(&r);
		ROW_EQ(rows[i].row, rig_reg(PN_APIC_PPR), rows[i].want);
		rig_page()[PN_APIC_PPR / 4] = 0xDEADBEEF;
		ROW_EQ(rows[i].row, pn_apicv_write(&r.cpu, PN_APIC_TPR, rows[i].vtpr, &r.exit),
		       PN_APICV_EVALUATE);
		ROW_EQ(rows[i].row, rig_reg(PN_APIC_PPR), rows[i].want);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_VID_EVAL].count, 1);
	}
}

/* 3.3 evaluation at VM entry. */
static void evaluation(void **state)
{
	static const struct {
		const char *row;
		uint8_t rvi, svi, vtpr;
		bool window, interruptible;
		int want;
	} rows[] = {
		{"3.3 nothing", 0, 0, 0, false, true, -1},
		{"3.3 RVI", 0x31, 0, 0, false, true, 0x31},
		{"3.3 RVI class 0", 0x0F, 0, 0, false, true, -1},
		{"3.3 RVI class 1", 0x10, 0, 0, false, true, 0x10},
		{"3.3 class equal to VPPR by TPR", 0x3F, 0, 0x30, false, true, -1},
		{"3.3 class above VPPR by TPR", 0x40, 0, 0x3F, false, true, 0x40},
		{"3.3 class equal to VPPR by SVI", 0x3F, 0x31, 0, false, true, -1},
		{"3.3 class above VPPR by SVI", 0x41, 0x31, 0, false, true, 0x41},
		{"3.3 interrupt-window exiting", 0x41, 0, 0, true, true, -1},
		{"3.3 IF=0 or shadow: recognized, not delivered", 0x41, 0, 0, false, false, -1},
		{"3.3 class 15", 0xFF, 0xE1, 0xE0, false, true, 0xFF},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig r;

		rig_init(&r, false);
		rig_page()[PN_APIC_TPR / 4] = rows[i].vtpr;
		r.vmcs.intr_status = (uint16_t)(rows[i].svi << 8 | rows[i].rvi);
		r.vmcs.proc |= rows[i].window ? PN_PROC_INTR_WINDOW : 0;
		rig_run(&r);
		ROW_EQ(rows[i].row, pn_apicv_pending(&r.cpu, rows[i].interruptible), rows[i].want);
		if (!rows[i].interruptible) {
			ROW_EQ(rows[i].row, pn_apicv_pending(&r.cpu, true), rows[i].rvi);
			continue;
		}
		ROW_EQ(rows[i].row, pn_apicv_deliver(&r.cpu), rows[i].want);
	}
}

/* 3.3 delivery, down to the last, and EOI back up: RVI, SVI, VISR, VIRR, VPPR. */
static void life(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_set(PN_APIC_IRR, 0x31);
	rig_set(PN_APIC_IRR, 0x35);
	rig_set(PN_APIC_IRR, 0x81);
	r.vmcs.intr_status = 0x81;
	rig_run(&r);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x81);
	assert_true(rig_test(PN_APIC_ISR, 0x81));
	assert_false(rig_test(PN_APIC_IRR, 0x81));
	assert_int_equal(r.cpu.svi, 0x81);
	assert_int_equal(r.cpu.rvi, 0x35);
	assert_int_equal(rig_reg(PN_APIC_PPR), 0x80);
	assert_int_equal(r.agent.step[PN_STEP_GUEST_DELIVER].count, 1);
	/* Recognition ceased, and delivery does not evaluate. */
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(pn_apicv_deliver(&r.cpu), -1);
	assert_int_equal(r.agent.step[PN_STEP_VID_EVAL].count, 0);

	/* A higher one nests. */
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x83F, 0xA4, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(r.cpu.rvi, 0xA4);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0xA4);
	assert_int_equal(r.cpu.svi, 0xA4);
	assert_int_equal(r.cpu.rvi, 0x35);

	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x80B, 0, &r.exit), PN_APICV_EVALUATE);
	assert_false(rig_test(PN_APIC_ISR, 0xA4));
	assert_int_equal(r.cpu.svi, 0x81);
	assert_int_equal(rig_reg(PN_APIC_PPR), 0x80);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x80B, 0, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(r.cpu.svi, 0);
	assert_int_equal(rig_reg(PN_APIC_PPR), 0);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x35);
	assert_int_equal(r.cpu.rvi, 0x31);
	/* VM exit keeps it all. */
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	assert_int_equal(r.vmcs.intr_status, 0x3531);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), 0);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x80B, 0, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x31);
	assert_int_equal(r.cpu.rvi, 0);
	assert_int_equal(r.agent.step[PN_STEP_GUEST_EOI].count, 3);
}

/*
 * Bits that host software sets in the VIRR meanwhile are found when RVI is computed again, not
 * before.
 */
static void host_sets_virr(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_set(PN_APIC_IRR, 0x51);
	r.vmcs.intr_status = 0x51;
	rig_run(&r);
	rig_set(PN_APIC_IRR, 0x49);
	rig_set(PN_APIC_IRR, 0x99);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x51);
	assert_int_equal(r.cpu.rvi, 0x99);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x808, 0, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x99);
	assert_int_equal(r.cpu.rvi, 0x49);
}

/* 3.3: recognition lasts until the next evaluation, which removes it. */
static void sticky(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_set(PN_APIC_IRR, 0x51);
	r.vmcs.intr_status = 0x51;
	rig_run(&r);
	rig_page()[PN_APIC_PPR / 4] = 0xF0;
	assert_int_equal(pn_apicv_pending(&r.cpu, false), -1);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), 0x51);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x808, 0x50, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(pn_apicv_write_cr8(&r.cpu, 4, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), 0x51);
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	assert_int_equal(r.vmcs.intr_status, 0x51);
}

/* 3.3 EOI virtualization with each bit of the EOI-exit bitmap. */
static void eoi_exit_bitmap(void **state)
{
	(void)state;
	for (unsigned v = 16; v < 256; v++) {
		for (int other = 0; other < 2; other++) {
			struct rig r;

			rig_init(&r, v & 1);
			memset(r.vmcs.eoi_exit, other ? 0xFF : 0, sizeof(r.vmcs.eoi_exit));
			r.vmcs.eoi_exit[v / 64] ^= BIT(v % 64);
			rig_set(PN_APIC_ISR, (uint8_t)v);
			rig_set(PN_APIC_ISR, 3);
			rig_set(PN_APIC_IRR, 0x10);
			r.vmcs.intr_status = (uint16_t)(v << 8 | 0x10);
			rig_run(&r);
			if (v & 1)
				ROW_EQ("3.3 EOI", pn_apicv_wrmsr(&r.cpu, 0x80B, 0, &r.exit),
				       other ? PN_APICV_EVALUATE : PN_APICV_TRAP);
			else
				ROW_EQ("3.3 EOI",
				       pn_apicv_write(&r.cpu, PN_APIC_EOI, 0x77, &r.exit),
				       other ? PN_APICV_EVALUATE : PN_APICV_TRAP);
			rig_exit_is(&r, "3.3 EOI", other ? 0 : 45, other ? 0 : v);
			ROW_EQ("3.3 EOI", rig_test(PN_APIC_ISR, (uint8_t)v), 0);
			ROW_EQ("3.3 EOI", r.cpu.svi, 3);
			ROW_EQ("3.3 EOI", rig_reg(PN_APIC_PPR), 0);
			ROW_EQ("3.3 EOI", rig_reg(PN_APIC_EOI), 0);
			ROW_EQ("3.3 EOI", r.agent.step[PN_STEP_VID_EVAL].count, other);
			ROW_EQ("3.3 EOI", r.agent.step[PN_STEP_GUEST_EOI].count, other);
			ROW_EQ("3.3 EOI", pn_apicv_pending(&r.cpu, true), other ? 0x10 : -1);
		}
	}
}

/* An EOI with nothing in service is that of vector 0. */
static void eoi_of_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_run(&r);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x80B, 0, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(r.agent.step[PN_STEP_GUEST_EOI].count, 0);
	assert_int_equal(r.cpu.svi, 0);
	r.vmcs.eoi_exit[0] = 1;
	rig_run(&r);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x80B, 0, &r.exit), PN_APICV_TRAP);
	rig_exit_is(&r, "EOI of vector 0", 45, 0);
}

/* 3.3 self-IPI virtualization: RVI is the maximum. */
static void self_ipi(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_run(&r);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x83F, 0x51, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x83F, 0x41, &r.exit), PN_APICV_EVALUATE);
	assert_true(rig_test(PN_APIC_IRR, 0x41) && rig_test(PN_APIC_IRR, 0x51));
	assert_int_equal(r.cpu.rvi, 0x51);
	assert_int_equal(r.agent.step[PN_STEP_IPI_POST].count, 2);
	assert_int_equal(r.agent.step[PN_STEP_VID_EVAL].count, 2);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), 0x51);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vmcs_rows),
		cmocka_unit_test(vmcs_features),
		cmocka_unit_test(vmentry_results),
		cmocka_unit_test(tpr_threshold),
		cmocka_unit_test(tpr_writes_without_vid),
		cmocka_unit_test(ppr_rows),
		cmocka_unit_test(evaluation),
		cmocka_unit_test(life),
		cmocka_unit_test(host_sets_virr),
		cmocka_unit_test(sticky),
		cmocka_unit_test(eoi_exit_bitmap),
		cmocka_unit_test(eoi_of_nothing),
		cmocka_unit_test(self_ipi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
