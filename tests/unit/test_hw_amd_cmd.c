/* SPDX-License-Identifier: MIT */
/*
 * AMD's IOMMU: command buffer, event log and guest APIC log (48882 rev 3.11, 2.4, 2.5, 2.7), and
 * its own interrupts.
 */
#include "amd_fixture.h"

#define ALL_INTS (PN_CTRL_COMWAITINTEN | PN_CTRL_EVENTINTEN | PN_CTRL_INTCAPXTEN)

static void open_as(struct fix *f, const struct pn_amdvi_config *cfg, uint64_t control)
{
	f_open(f, cfg);
	f_dte(f, F_DEV, f_dte_remap(F_IRT, 9));
	for (unsigned v = 0; v < 256; v++)
		f_irte(f, F_IRT, v, f_guest(F_PAGE, (uint8_t)v, PN_IRTE_GALOGINTR));
	f_enable(f, control);
}

static void open_on(struct fix *f, uint64_t control)
{
	open_as(f, NULL, control);
}

/* 5.1: a row per command: is it legal, and what stops the command processor. */
static void test_legal(void **state)
{
	static const struct {
		const char *name;
		struct pn_amd_cmd cmd;
		bool legal;
	} rows[] = {
		{"5.1 opcode 0", {0, 0}, false},
		{"5.1 COMPLETION_WAIT", {1ull << 60, 7}, true},
		{"5.1 COMPLETION_WAIT reserved 52", {1ull << 60 | 1ull << 52, 0}, false},
		{"5.1 COMPLETION_WAIT reserved 59", {1ull << 60 | 1ull << 59, 0}, false},
		{"5.1 COMPLETION_WAIT flush", {1ull << 60 | 4, 0}, true},
		{"5.1 INVALIDATE_DEVTAB_ENTRY", {2ull << 60 | 0xFFFF, 0}, true},
		{"5.1 INVALIDATE_DEVTAB_ENTRY reserved 16", {2ull << 60 | 1 << 16, 0}, false},
		{"5.1 INVALIDATE_DEVTAB_ENTRY reserved q1", {2ull << 60, 1}, false},
		{"5.1 INVALIDATE_IOMMU_PAGES", {3ull << 60 | 5ull << 32, ~0xFF8ull}, true},
		{"5.1 INVALIDATE_IOMMU_PAGES reserved", {3ull << 60 | 1 << 20, 0}, false},
		{"5.1 INVALIDATE_IOTLB_PAGES", {4ull << 60, 0}, true},
		{"5.1 INVALIDATE_INTERRUPT_TABLE", {5ull << 60 | 0x0841, 0}, true},
		{"5.1 INVALIDATE_INTERRUPT_TABLE reserved 59", {5ull << 60 | 1ull << 59, 0}, false},
		{"5.1 INVALIDATE_INTERRUPT_TABLE reserved q1", {5ull << 60, 1ull << 63}, false},
		{"5.1 PREFETCH without PreFSup", {6ull << 60, 0}, false},
		{"5.1 COMPLETE_PPR without PPRSup", {7ull << 60, 0}, false},
		{"5.1 INVALIDATE_IOMMU_ALL", {8ull << 60, 0}, true},
		{"5.1 INVALIDATE_IOMMU_ALL reserved", {8ull << 60 | 1, 0}, false},
		{"5.1 opcode 9", {9ull << 60, 0}, false},
		{"5.1 opcode 15", {15ull << 60, 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_amd_event ev = {0, 0};
		struct fix f;

		open_on(&f, F_RUN);
		f_cmd(&f, pn_amd_cmd_inv_irt(1));
		f_cmd(&f, rows[i].cmd);
		row_eq(rows[i].name, "head", f_rd(&f, PN_AMDVI_CMD_HEAD), rows[i].legal ? 32 : 16);
		row_eq(rows[i].name, "CmdBufRun", f_rd(&f, PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN,
		       rows[i].legal ? PN_ST_CMDBUFRUN : 0);
		row_eq(rows[i].name, "events", f_events(&f, &ev), !rows[i].legal);
		if (!rows[i].legal) {
			row_eq(rows[i].name, "event", ev.q0, 5ull << 60);
			row_eq(rows[i].name, "address of the command", ev.q1, F_CMD + 16);
		}
		row_eq(rows[i].name, "step cmd", f.agent.step[PN_STEP_CMD].count,
		       1 + rows[i].legal);
		f_close(&f);
	}
}

/* 1.4, 2.4: after an illegal command nothing runs until CmdBufEn goes from 0 to 1. */
static void test_restart(void **state)
{
	struct fix f;

	(void)state;
	open_on(&f, F_RUN);
	f_cmd(&f, (struct pn_amd_cmd){0, 0});
	f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 1, false));
	assert_int_equal(f_rd(&f, PN_AMDVI_CMD_HEAD), 0);
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN); /* no edge */
	assert_int_equal(f_ld(&f, F_SEM), 0);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN);
	assert_int_equal(f_events(&f, NULL), 1);
	f_st(&f, F_CMD, 1ull << 60); /* the host repairs it */
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN & ~PN_CTRL_CMDBUFEN);
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN);
	assert_int_equal(f_ld(&f, F_SEM), 1);
	assert_int_equal(f_rd(&f, PN_AMDVI_CMD_HEAD), 32);
	f_close(&f);
}

/* 5.1: fetching needs IommuEn and CmdBufEn; what was queued runs when they are set. */
static void test_not_running(void **state)
{
	static const uint64_t off[] = {0, PN_CTRL_IOMMUEN, PN_CTRL_CMDBUFEN};

	(void)state;
	for (size_t i = 0; i < COUNT(off); i++) {
		struct fix f;

		open_on(&f, off[i]);
		f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 9, false));
		assert_int_equal(f_ld(&f, F_SEM), 0);
		assert_int_equal(pn_amdvi_commands(f.vi, 10), 0);
		f_wr(&f, PN_AMDVI_CONTROL, F_RUN);
		assert_int_equal(f_ld(&f, F_SEM), 9);
		f_close(&f);
	}
}

static void test_async(void **state)
{
	struct pn_amdvi_config cfg;
	struct fix f;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.async_commands = true;
	f_open(&f, &cfg);
	f_enable(&f, F_RUN);
	for (unsigned i = 1; i <= 5; i++)
		f_cmd(&f, pn_amd_cmd_cwait(F_SEM, i, false));
	assert_int_equal(f_ld(&f, F_SEM), 0);
	assert_int_equal(pn_amdvi_commands(f.vi, 2), 2);
	assert_int_equal(f_ld(&f, F_SEM), 2);
	assert_int_equal(f_rd(&f, PN_AMDVI_CMD_HEAD), 32);
	assert_int_equal(pn_amdvi_commands(f.vi, 100), 3);
	assert_int_equal(f_ld(&f, F_SEM), 5);
	assert_int_equal(pn_amdvi_commands(f.vi, 100), 0);
	f_close(&f);
}

/* The ring wraps; pointers beyond it and reserved lengths do no harm. */
static void test_ring(void **state)
{
	struct fix f;

	(void)state;
	open_on(&f, F_RUN);
	for (unsigned i = 1; i <= 1000; i++)
		f_cmd(&f, pn_amd_cmd_cwait(F_SEM, i, false));
	assert_int_equal(f_ld(&f, F_SEM), 1000);
	assert_int_equal(f_rd(&f, PN_AMDVI_CMD_HEAD), 1000 % 256 * 16);
	/* a tail beyond 256 entries counts modulo the ring */
	f_wr(&f, PN_AMDVI_CMD_TAIL, 0x7FFF0);
	assert_int_equal(f_rd(&f, PN_AMDVI_CMD_HEAD), 0xFF0);
	f_close(&f);

	open_on(&f, 0);
	f_wr(&f, PN_AMDVI_CMDBUF, F_CMD | F_LEN(3)); /* counts as 8 */
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN);
	for (unsigned i = 1; i <= 256; i++)
		f_cmd(&f, pn_amd_cmd_cwait(F_SEM, i, false));
	assert_int_equal(f_ld(&f, F_SEM), 256);
	assert_int_equal(f_rd(&f, PN_AMDVI_CMD_HEAD), 0);
	f_close(&f);

	open_on(&f, 0); /* 512 entries do not wrap at 256 */
	f_wr(&f, PN_AMDVI_CMDBUF, F_CMD | F_LEN(9));
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN);
	for (unsigned i = 0; i < 300; i++)
		f_st(&f, F_CMD + i * 16, 1ull << 60);
	f_wr(&f, PN_AMDVI_CMD_TAIL, 300 * 16);
	assert_int_equal(f_rd(&f, PN_AMDVI_CMD_HEAD), 300 * 16);
	f_close(&f);
}

/* 5.2: COMMAND_HARDWARE_ERROR. */
static void test_unreachable(void **state)
{
	struct pn_amd_event ev;
	struct fix f;

	(void)state;
	open_on(&f, 0);
	f_wr(&f, PN_AMDVI_CMDBUF, F_NOWHERE | F_LEN(8));
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN);
	f_wr(&f, PN_AMDVI_CMD_TAIL, 16);
	assert_int_equal(f_events(&f, &ev), 1);
	assert_int_equal(ev.q0, 6ull << 60 | 1ull << 57);
	assert_int_equal(ev.q1, F_NOWHERE);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN);
	f_close(&f);

	open_on(&f, F_RUN);
	f_cmd(&f, pn_amd_cmd_cwait(F_NOWHERE + 8, 1, false));
	assert_int_equal(f_events(&f, &ev), 1);
	assert_int_equal(ev.q0, 6ull << 60 | 1ull << 57);
	assert_int_equal(ev.q1, F_NOWHERE + 8);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN);
	f_close(&f);
}

/* 5.1, 1.4: the store, Status.ComWaitInt and one interrupt until it is cleared. */
static void test_cwait(void **state)
{
	struct fix f;

	(void)state;
	open_on(&f, F_RUN | ALL_INTS);
	f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 0x1122334455667788ull, false));
	assert_int_equal(f_ld(&f, F_SEM), 0x1122334455667788ull);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_COMWAITINT);
	assert_int_equal(f.intrs, 0);
	f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 2, true));
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_COMWAITINT);
	assert_int_equal(f.intrs, 1);
	assert_int_equal(f.intr[0].dest, 6);
	assert_int_equal(f.intr[0].vector, 0x32);
	f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 3, true));
	assert_int_equal(f.intrs, 1);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_COMWAITINT);
	f_cmd(&f, (struct pn_amd_cmd){1ull << 60 | PN_CWAIT_I | (F_SEM + 8), 4}); /* s = 0 */
	assert_int_equal(f.intrs, 2);
	assert_int_equal(f_ld(&f, F_SEM + 8), 0);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_COMWAITINT);
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN | (ALL_INTS & ~PN_CTRL_COMWAITINTEN));
	f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 5, true));
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_COMWAITINT);
	assert_int_equal(f.intrs, 2);
	f_close(&f);
}

/* 1.5: where the IOMMU's own interrupts go. */
static void test_own_interrupts(void **state)
{
	static const struct {
		const char *name;
		uint64_t control, xt;
		bool msi, mmio;
		unsigned n;
		struct pn_intr m;
	} rows[] = {
		{"1.5 test vector",
		 PN_CTRL_INTCAPXTEN,
		 0x0100003102030400ull,
		 true,
		 false,
		 1,
		 {.dest = 0x01020304, .vector = 0x31}},
		{"1.5 logical, arbitrated",
		 PN_CTRL_INTCAPXTEN,
		 0x0000013100000504ull,
		 false,
		 false,
		 1,
		 {.dest = 5, .vector = 0x31, .mode = PN_DM_LOWEST, .logical = true}},
		{"1.5 vector 0 is masked", PN_CTRL_INTCAPXTEN, 0, true, false, 0, {0}},
		{"1.5 PCI MSI, message number 3",
		 0,
		 0x0100003102030400ull,
		 true,
		 false,
		 1,
		 {.dest = 9, .vector = 0x43}},
		{"1.5 PCI MSI disabled", 0, 0x0100003102030400ull, false, false, 0, {0}},
		{"1.1 MSI by MMIO",
		 0,
		 0,
		 true,
		 true,
		 1,
		 {.dest = 0xA, .vector = 0x53, .logical = true}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fix f;

		open_on(&f, F_RUN | PN_CTRL_COMWAITINTEN | rows[i].control);
		f_wr(&f, PN_AMDVI_XT_GEN, rows[i].xt);
		pn_amdvi_pci_msi(f.vi, rows[i].msi, 0xFEE09000, 0x40);
		pn_amdvi_pci_msgnum(f.vi, 3, 5, 7);
		if (rows[i].mmio) {
			pn_amdvi_write(f.vi, PN_AMDVI_MSI_ADDR_LO, 4, 0xFEE0A004);
			pn_amdvi_write(f.vi, PN_AMDVI_MSI_ADDR_HI, 4, 0);
			pn_amdvi_write(f.vi, PN_AMDVI_MSI_DATA, 4, 0x50);
		}
		f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 1, true));
		row_eq(rows[i].name, "interrupts", f.intrs, rows[i].n);
		row_eq(rows[i].name, "step", f.agent.step[PN_STEP_IOMMU_INT].count, rows[i].n);
		row_eq(rows[i].name, "dest", f.intr[0].dest, rows[i].m.dest);
		row_eq(rows[i].name, "vector", f.intr[0].vector, rows[i].m.vector);
		row_eq(rows[i].name, "mode", f.intr[0].mode, rows[i].m.mode);
		row_eq(rows[i].name, "logical", f.intr[0].logical, rows[i].m.logical);
		f_close(&f);
	}
}

/* 1.5: the GA log has its own message number; the mirror shows what the capability holds. */
static void test_ga_msgnum(void **state)
{
	struct fix f;
	uint64_t v;

	(void)state;
	open_on(&f, F_GALOGON & ~PN_CTRL_INTCAPXTEN);
	pn_amdvi_pci_msi(f.vi, true, 0xFEE09000, 0x40);
	pn_amdvi_pci_msgnum(f.vi, 1, 2, 6);
	f_msi(&f, F_DEV, 0x41);
	assert_int_equal(f.intrs, 1);
	assert_int_equal(f.intr[0].vector, 0x46);
	pn_amdvi_read(f.vi, PN_AMDVI_MSI_ADDR_LO, 4, &v);
	assert_int_equal(v, 0xFEE09000);
	pn_amdvi_read(f.vi, PN_AMDVI_MSI_DATA, 4, &v);
	assert_int_equal(v, 0x40);
	f_close(&f);
}

/* 5.2: events that the embedder found obey the log's rules; code 0 is no event. */
static void test_foreign_event(void **state)
{
	static const struct {
		const char *name;
		uint64_t control, q0;
		unsigned logged, dropped, intrs;
	} rows[] = {
		{"5.2 logged", F_RUN | ALL_INTS, 2ull << 60 | PN_EVENT_RW | F_DEV, 1, 0, 1},
		{"5.2 logged, EventIntEn = 0", F_RUN, 2ull << 60 | F_DEV, 1, 0, 0},
		{"5.2 EventLogEn = 0", F_RUN & ~PN_CTRL_EVENTLOGEN, 2ull << 60 | F_DEV, 0, 1, 0},
		{"5.2 code 0", F_RUN | ALL_INTS, PN_EVENT_RW | F_DEV, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_amd_event ev = {0, 0};
		struct fix f;

		open_on(&f, rows[i].control);
		f_forget(&f);
		pn_amdvi_log_event(f.vi, rows[i].q0, 0x12345678);
		row_eq(rows[i].name, "events", f_events(&f, &ev), rows[i].logged);
		if (rows[i].logged) {
			row_eq(rows[i].name, "q0", ev.q0, rows[i].q0);
			row_eq(rows[i].name, "q1", ev.q1, 0x12345678);
		}
		row_eq(rows[i].name, "dropped", f.agent.step[PN_STEP_EVENT_DROP].count,
		       rows[i].dropped);
		row_eq(rows[i].name, "interrupts", f.intrs, rows[i].intrs);
		f_close(&f);
	}
}

/* 5.2, 1.4: event log interrupt, overflow, restart. */
static void test_event_log(void **state)
{
	struct pn_amdvi_stats st;
	struct pn_amd_event ev;
	struct fix f;

	(void)state;
	open_on(&f, F_RUN | ALL_INTS | PN_CTRL_GAEN);
	f_dte(&f, F_DEV2, 1ull << 52 | 1);
	for (unsigned i = 0; i < 255; i++)
		f_msi(&f, F_DEV2, i);
	assert_int_equal(f.intrs, 1);
	assert_int_equal(f_events(&f, &ev), 255);
	assert_int_equal(f_rd(&f, PN_AMDVI_STATUS),
			 PN_ST_EVENTLOGINT | PN_ST_EVENTLOGRUN | PN_ST_CMDBUFRUN);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_EVENTLOGINT);
	f_msi(&f, F_DEV2, 255); /* the last slot stays free */
	assert_int_equal(f_rd(&f, PN_AMDVI_STATUS),
			 PN_ST_EVENTOVERFLOW | PN_ST_EVENTLOGINT | PN_ST_CMDBUFRUN);
	assert_int_equal(f.intrs, 2); /* 2.5.1: unlike the GA log's overflow */
	assert_int_equal(f_rd(&f, PN_AMDVI_EVT_TAIL), 0xFF0);
	assert_int_equal(f.agent.step[PN_STEP_EVENT_DROP].count, 1);
	/* room alone does not restart it, nor does an edge while the overflow stands */
	f_wr(&f, PN_AMDVI_EVT_HEAD, 0xFF0);
	f_msi(&f, F_DEV2, 1);
	f_wr(&f, PN_AMDVI_CONTROL, (F_RUN | ALL_INTS | PN_CTRL_GAEN) & ~PN_CTRL_EVENTLOGEN);
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN | ALL_INTS | PN_CTRL_GAEN);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_EVENTLOGRUN);
	f_wr(&f, PN_AMDVI_CONTROL, (F_RUN | ALL_INTS | PN_CTRL_GAEN) & ~PN_CTRL_EVENTLOGEN);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_EVENTOVERFLOW | PN_ST_EVENTLOGINT);
	f_wr(&f, PN_AMDVI_CONTROL, F_RUN | ALL_INTS | PN_CTRL_GAEN);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_EVENTLOGRUN);
	f_msi(&f, F_DEV2, 1);
	assert_int_equal(f_rd(&f, PN_AMDVI_EVT_TAIL), 0); /* wrapped */
	assert_int_equal(f_ld(&f, F_EVT + 0xFF0), 1ull << 60 | PN_EVENT_I | PN_EVENT_RZ | F_DEV2);
	assert_int_equal(f.intrs, 3);
	pn_amdvi_stats(f.vi, &st);
	assert_int_equal(st.events, 256);
	assert_int_equal(st.events_dropped, 2);
	f_close(&f);
}

/* An event log that is off, or nowhere, drops. */
static void test_event_nowhere(void **state)
{
	struct fix f;

	(void)state;
	open_on(&f, F_GUEST & ~PN_CTRL_EVENTLOGEN);
	f_msi(&f, F_DEV2, 0x600);
	f_msi(&f, 0xFFFF, 1);
	assert_int_equal(f.agent.step[PN_STEP_EVENT_DROP].count, 1);
	f_wr(&f, PN_AMDVI_EVTLOG, F_NOWHERE | F_LEN(8));
	f_wr(&f, PN_AMDVI_CONTROL, F_GUEST);
	f_msi(&f, 0xFFFF, 1);
	assert_int_equal(f.agent.step[PN_STEP_EVENT_DROP].count, 2);
	assert_int_equal(f_rd(&f, PN_AMDVI_EVT_TAIL), 0);
	f_close(&f);
}

static uint64_t ga_entry(unsigned vector)
{
	return 0x1000000000001000ull | (uint64_t)F_DEV << 32 | vector;
}

/* 1.6, 4: entries, tail, shadow, one interrupt per GAInt 0 -> 1. */
static void test_galog(void **state)
{
	struct fix f;

	(void)state;
	open_on(&f, F_GALOGON);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN);
	for (unsigned v = 0; v < 3; v++) {
		f_msi(&f, F_DEV, 0x40 + v);
		assert_int_equal(f_ld(&f, F_GALOG + v * 8), ga_entry(0x40 + v));
		assert_int_equal(f_rd(&f, PN_AMDVI_GA_TAIL), v * 8 + 8);
		assert_int_equal(f_ld(&f, F_SHADOW), v * 8 + 8);
	}
	assert_int_equal(f.intrs, 1);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GAINT);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_GAINT);
	f_wr(&f, PN_AMDVI_GA_HEAD, 24);
	assert_int_equal(f.intrs, 1);
	f_msi(&f, F_DEV, 0x50);
	assert_int_equal(f.intrs, 2);
	assert_int_equal(f.agent.step[PN_STEP_GA_INT].count, 2);
	f_close(&f);
}

static void test_galog_each(void **state)
{
	struct pn_amdvi_config cfg;
	struct fix f;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.knobs.galog_interrupt = PN_GAINT_EACH;
	f_open(&f, &cfg);
	f_dte(&f, F_DEV, f_dte_remap(F_IRT, 9));
	f_irte(&f, F_IRT, 5, f_guest(F_PAGE, 0x41, PN_IRTE_GALOGINTR));
	f_enable(&f, F_GALOGON);
	for (unsigned i = 1; i <= 4; i++) {
		f_msi(&f, F_DEV, 5);
		assert_int_equal(f.intrs, i);
	}
	f_close(&f);
}

/* 1.6: no shadow address, shadow or log nowhere. */
static void test_galog_nowhere(void **state)
{
	struct fix f;

	(void)state;
	open_on(&f, 0);
	f_wr(&f, PN_AMDVI_GALOG_TAIL_ADDR, 0);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
	f_msi(&f, F_DEV, 1);
	assert_int_equal(f_rd(&f, PN_AMDVI_GA_TAIL), 8);
	assert_int_equal(f_ld(&f, F_SHADOW), 0);
	f_wr(&f, PN_AMDVI_CONTROL, 0);
	f_wr(&f, PN_AMDVI_GALOG_TAIL_ADDR, F_NOWHERE);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
	f_msi(&f, F_DEV, 1);
	assert_int_equal(f_rd(&f, PN_AMDVI_GA_TAIL), 16);
	f_wr(&f, PN_AMDVI_CONTROL, 0);
	f_wr(&f, PN_AMDVI_GALOG, F_NOWHERE | F_LEN(8));
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
	assert_int_equal(f_msi(&f, F_DEV, 1), PN_MSI_POSTED);
	assert_int_equal(f_rd(&f, PN_AMDVI_GA_TAIL), 0);
	assert_int_equal(f.agent.step[PN_STEP_GALOG_DROP].count, 1);
	f_close(&f);
}

/* 1.6: full, overflow, and the restart sequence in its order. */
static void test_galog_overflow(void **state)
{
	struct pn_amdvi_stats st;
	struct fix f;

	(void)state;
	open_on(&f, F_GALOGON);
	for (unsigned i = 0; i < 511; i++)
		f_msi(&f, F_DEV, 0x40);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOVERFLOW);
	assert_int_equal(f_rd(&f, PN_AMDVI_GA_TAIL), 511 * 8);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_GAINT);
	f_forget(&f);
	assert_int_equal(f_msi(&f, F_DEV, 0x77), PN_MSI_POSTED);
	assert_true(f_irr(&f, F_PAGE, 0x77) & 1u << 0x17); /* only the notification is lost */
	assert_int_equal(f.agent.step[PN_STEP_GALOG_OVERFLOW].count, 1);
	assert_int_equal(f.agent.step[PN_STEP_GALOG_DROP].count, 1);
	assert_int_equal(f.agent.step[PN_STEP_GALOG_ENTRY].count, 0);
	/* "no interrupt is generated when GALOverflow is changed from 0b to 1b" */
	assert_int_equal(f.intrs, 0);
	assert_int_equal(f_rd(&f, PN_AMDVI_STATUS),
			 PN_ST_GALOVERFLOW | PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN);
	f_msi(&f, F_DEV, 0x78);
	assert_int_equal(f.agent.step[PN_STEP_GALOG_OVERFLOW].count, 1);
	assert_int_equal(f.agent.step[PN_STEP_GALOG_DROP].count, 2);
	assert_int_equal(f.intrs, 0);

	f_wr(&f, PN_AMDVI_STATUS, PN_ST_GALOVERFLOW | PN_ST_GAINT); /* no edge of GALogEn yet */
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON & ~PN_CTRL_GALOGEN);
	f_wr(&f, PN_AMDVI_GA_HEAD, 0);
	f_wr(&f, PN_AMDVI_GA_TAIL, 0);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN);
	f_msi(&f, F_DEV, 0x79);
	assert_int_equal(f_ld(&f, F_GALOG), ga_entry(0x79));
	assert_int_equal(f_rd(&f, PN_AMDVI_GA_TAIL), 8);
	assert_int_equal(f.intrs, 1);
	pn_amdvi_stats(f.vi, &st);
	assert_int_equal(st.galog_entries, 512);
	assert_int_equal(st.galog_dropped, 2);
	assert_int_equal(st.galog_overflows, 1);
	assert_int_equal(st.ga_interrupts, 2);
	f_close(&f);
}

/*
 * 1.6, 2.7.4, knob overflow_restart: what makes a log that overflowed run again. Bits 0 to 2: it
 * runs after clearing the overflow bit alone, after enabling it anew while the overflow stands,
 * after both.
 */
static void test_overflow_restart(void **state)
{
	static const struct {
		const char *name;
		bool w1c;
		uint64_t overflow, run, enable;
		unsigned runs;
	} rows[] = {
		/* clang-format off */
		{"2.7.4 GA log", false, PN_ST_GALOVERFLOW, PN_ST_GALOGRUN, PN_CTRL_GALOGEN, 4},
		{"2.7.4 event log", false, PN_ST_EVENTOVERFLOW, PN_ST_EVENTLOGRUN, PN_CTRL_EVENTLOGEN, 4},
		{"w1c, GA log", true, PN_ST_GALOVERFLOW, PN_ST_GALOGRUN, PN_CTRL_GALOGEN, 5},
		{"w1c, event log", true, PN_ST_EVENTOVERFLOW, PN_ST_EVENTLOGRUN, PN_CTRL_EVENTLOGEN, 5},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned runs = 0;

		for (unsigned how = 0; how < 3; how++) {
			struct pn_amdvi_config cfg;
			struct fix f;

			pn_amdvi_config_default(&cfg);
			cfg.knobs.overflow_restart =
				rows[i].w1c ? PN_OVERFLOW_W1C : PN_OVERFLOW_TOGGLE;
			open_as(&f, &cfg, F_GALOGON);
			f_dte(&f, F_DEV2, 1ull << 52 | 1);
			for (unsigned n = 0; n < 512; n++)
				f_msi(&f, n & 1 ? F_DEV : F_DEV2, n / 2);
			for (unsigned n = 0; n < 512; n++)
				f_msi(&f, F_DEV, 0x40);
			row_eq(rows[i].name, "overflow",
			       f_rd(&f, PN_AMDVI_STATUS) & (rows[i].overflow | rows[i].run),
			       rows[i].overflow);
			/* the other bit, and zero, restart nothing */
			f_wr(&f, PN_AMDVI_STATUS,
			     (PN_ST_GALOVERFLOW | PN_ST_EVENTOVERFLOW) & ~rows[i].overflow);
			f_wr(&f, PN_AMDVI_STATUS, 0);
			row_eq(rows[i].name, "runs too early",
			       f_rd(&f, PN_AMDVI_STATUS) & rows[i].run, 0);
			if (how != 1)
				f_wr(&f, PN_AMDVI_STATUS, rows[i].overflow);
			if (how != 0) {
				f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON & ~rows[i].enable);
				f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
			}
			runs |= !!(f_rd(&f, PN_AMDVI_STATUS) & rows[i].run) << how;
			f_close(&f);
		}
		row_eq(rows[i].name, "runs after", runs, rows[i].runs);
	}
}

/* 2.7.4 has software wait for GALogRun = 0: an IOMMU that takes its time after GALOverflow. */
static void test_galog_stops_late(void **state)
{
	static const struct {
		const char *name;
		bool w1c, clear, runs;
	} rows[] = {
		{"needs_toggle, overflow stands", false, false, false},
		{"needs_toggle, overflow cleared", false, true, false},
		{"w1c, overflow stands", true, false, false},
		{"w1c, overflow cleared", true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_amdvi_config cfg;
		struct fix f;

		pn_amdvi_config_default(&cfg);
		cfg.knobs.overflow_restart = rows[i].w1c ? PN_OVERFLOW_W1C : PN_OVERFLOW_TOGGLE;
		cfg.async_stop = true;
		open_as(&f, &cfg, F_GALOGON);
		pn_amdvi_log_stop(f.vi); /* no overflow: nothing */
		for (unsigned n = 0; n < 512; n++)
			f_msi(&f, F_DEV, 0x40);
		row_eq(rows[i].name, "both bits",
		       f_rd(&f, PN_AMDVI_STATUS) & (PN_ST_GALOVERFLOW | PN_ST_GALOGRUN),
		       PN_ST_GALOVERFLOW | PN_ST_GALOGRUN);
		f_wr(&f, PN_AMDVI_GA_HEAD, 511 * 8);
		f_forget(&f);
		f_msi(&f, F_DEV, 0x41); /* room, but it is stopping */
		row_eq(rows[i].name, "entries", f.agent.step[PN_STEP_GALOG_ENTRY].count, 0);
		if (rows[i].clear)
			f_wr(&f, PN_AMDVI_STATUS, PN_ST_GALOVERFLOW);
		pn_amdvi_log_stop(f.vi);
		row_eq(rows[i].name, "GALogRun", f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN,
		       rows[i].runs ? PN_ST_GALOGRUN : 0);
		f_msi(&f, F_DEV, 0x42);
		row_eq(rows[i].name, "entries after", f.agent.step[PN_STEP_GALOG_ENTRY].count,
		       rows[i].runs);
		f_close(&f);
	}
}

/* Switched off it does not run, and the overflow stands when it is switched on. */
static void test_galog_off_while_stopping(void **state)
{
	struct pn_amdvi_config cfg;
	struct fix f;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.async_stop = true;
	open_as(&f, &cfg, F_GALOGON);
	for (unsigned n = 0; n < 512; n++)
		f_msi(&f, F_DEV, 0x40);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON & ~PN_CTRL_GALOGEN);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN);
	f_close(&f);
}

/* 1.6: enabling anew while GALOverflow still stands does not start the log (inferred). */
static void test_galog_no_restart(void **state)
{
	struct fix f;

	(void)state;
	open_on(&f, F_GALOGON);
	for (unsigned i = 0; i < 512; i++)
		f_msi(&f, F_DEV, 0x40);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON & ~PN_CTRL_GALOGEN);
	f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
	assert_false(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOGRUN);
	f_close(&f);
}

/* 1.1: length codes, the pointer width, and a head beyond the ring. */
static void test_galog_length(void **state)
{
	static const struct {
		const char *name;
		unsigned code, len_max;
		uint32_t mask;
		unsigned entries;
	} rows[] = {
		{"1.1 code 8: 512 entries", 8, 12, 0xFFF8, 512},
		{"1.1 code 9", 9, 12, 0xFFF8, 1024},
		{"1.1 code 12", 12, 12, 0xFFF8, 8192},
		{"1.1 code 15 counts as 12", 15, 12, 0xFFF8, 8192},
		{"1.1 code 0 counts as 8", 0, 12, 0xFFF8, 512},
		{"knob: galog_len_max 9", 12, 9, 0xFFF8, 1024},
		{"knob: code 13 with wide pointers", 13, 15, 0x7FFF8, 16384},
		{"knob: pointers of 4 KiB", 12, 12, 0xFF8, 512},
		{"knob: a mask with holes is replaced", 12, 12, 0xF0F8, 8192},
		{"knob: zeros stand for the defaults", 15, 0, 0, 8192},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_amdvi_config cfg;
		struct fix f;

		pn_amdvi_config_default(&cfg);
		cfg.knobs.galog_len_max = (uint8_t)rows[i].len_max;
		cfg.knobs.galog_ptr_mask = rows[i].mask;
		f_open(&f, &cfg);
		f_dte(&f, F_DEV, f_dte_remap(F_IRT, 9));
		f_irte(&f, F_IRT, 5, f_guest(F_PAGE, 0x41, PN_IRTE_GALOGINTR));
		f_enable(&f, 0);
		f_wr(&f, PN_AMDVI_GALOG, (F_BASE + 0x200000) | F_LEN(rows[i].code));
		f_wr(&f, PN_AMDVI_CONTROL, F_GALOGON);
		for (unsigned n = 0; n < rows[i].entries - 1; n++)
			f_msi(&f, F_DEV, 5);
		row_eq(rows[i].name, "overflow too early",
		       f.agent.step[PN_STEP_GALOG_OVERFLOW].count, 0);
		f_msi(&f, F_DEV, 5);
		row_eq(rows[i].name, "overflow", f.agent.step[PN_STEP_GALOG_OVERFLOW].count, 1);
		f_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_legal),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_not_running),
		cmocka_unit_test(test_async),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_cwait),
		cmocka_unit_test(test_own_interrupts),
		cmocka_unit_test(test_ga_msgnum),
		cmocka_unit_test(test_event_log),
		cmocka_unit_test(test_foreign_event),
		cmocka_unit_test(test_event_nowhere),
		cmocka_unit_test(test_galog),
		cmocka_unit_test(test_galog_each),
		cmocka_unit_test(test_galog_nowhere),
		cmocka_unit_test(test_galog_overflow),
		cmocka_unit_test(test_galog_no_restart),
		cmocka_unit_test(test_overflow_restart),
		cmocka_unit_test(test_galog_stops_late),
		cmocka_unit_test(test_galog_off_while_stopping),
		cmocka_unit_test(test_galog_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
