/* SPDX-License-Identifier: MIT */
/*
 * The register file of AMD's IOMMU (48882 rev 3.11, 3.4): which bits exist, when they can change,
 * and random accesses.
 */
#include <errno.h>

#include "amd_fixture.h"

/* Every feature bit that opens a register or a Control bit. */
#define EFR_ALL                                                                                    \
	(PN_EFR_PREFSUP | PN_EFR_PPRSUP | PN_EFR_XTSUP | PN_EFR_GTSUP | PN_EFR_GAPPISUP |          \
	 PN_EFR_IASUP | PN_EFR_GASUP | 1ull << PN_EFR_SMIFSUP_SH | PN_EFR_GAMSUP_VAPIC |           \
	 1ull << PN_EFR_DUALPPRLOG_SH | 1ull << PN_EFR_DUALEVENTLOG_SH |                           \
	 1ull << PN_EFR_DEVTBLSEGSUP_SH | PN_EFR_MSICAPMMIOSUP | PN_EFR_HASUP | PN_EFR_EPHSUP |    \
	 PN_EFR_HDSUP | PN_EFR_VIOMMUSUP | PN_EFR_GAUPDATEDISSUP | PN_EFR_SNPSUP)
#define EFR2_ALL                                                                                   \
	(PN_EFR2_PAGEMIGRATION | PN_EFR2_GCR3TRPMODE | PN_EFR2_GAPPIDISSUP |                       \
	 1ull << PN_EFR2_SNPAVICSUP_SH | 1ull << PN_EFR2_NUMINTREMAPSUP_SH)

static void open_with(struct fix *f, uint64_t efr, uint64_t efr2)
{
	struct pn_amdvi_config cfg;

	pn_amdvi_config_default(&cfg);
	cfg.efr = efr;
	cfg.efr2 = efr2;
	f_open(f, &cfg);
}

static uint64_t rd32(struct fix *f, uint32_t off)
{
	uint64_t v;

	assert_int_equal(pn_amdvi_read(f->vi, off, 4, &v), 0);
	return v;
}

static void wr32(struct fix *f, uint32_t off, uint32_t v)
{
	assert_int_equal(pn_amdvi_write(f->vi, off, 4, v), 0);
}

/* 1.1: a row per register: what it holds after reset and which bits stick. */
static const struct reg_row {
	const char *name;
	uint32_t off;
	uint64_t reset, writable, efr; /* @efr: gone without it */
} regs[] = {
	{"1.1 Device Table Base", 0x00, 0, 0x000FFFFFFFFFF1FFull, 0},
	{"1.1 Command Buffer Base", 0x08, 8ull << 56, 0x0F0FFFFFFFFFF000ull, 0},
	{"1.1 Event Log Base", 0x10, 8ull << 56, 0x0F0FFFFFFFFFF000ull, 0},
	{"1.1 EFR", 0x30, EFR_ALL, 0, 0},
	{"1.1 PPR Log Base", 0x38, 8ull << 56, 0x0F0FFFFFFFFFF000ull, PN_EFR_PPRSUP},
	{"1.1 GA Log Base", 0xE0, 8ull << 56, 0x0F0FFFFFFFFFF000ull, PN_EFR_GASUP},
	{"1.1 GA Log Tail Address", 0xE8, 0, 0x000FFFFFFFFFFFF8ull, PN_EFR_GASUP},
	{"1.1 MSI address low", 0x158, 0, 0xFFFFFFFC00000000ull, PN_EFR_MSICAPMMIOSUP},
	{"1.1 MSI address high, data", 0x160, 0, 0x0000FFFFFFFFFFFFull, PN_EFR_MSICAPMMIOSUP},
	{"1.5 XT general", 0x170, 0, 0xFF0001FFFFFFFF04ull, PN_EFR_XTSUP},
	{"1.5 XT PPR", 0x178, 0, 0xFF0001FFFFFFFF04ull, PN_EFR_XTSUP},
	{"1.5 XT GA", 0x180, 0, 0xFF0001FFFFFFFF04ull, PN_EFR_XTSUP},
	{"1.1 EFR2", 0x1A0, EFR2_ALL, 0, 0},
	{"1.1 command head", 0x2000, 0, 0x7FFF0, 0},
	{"1.1 command tail", 0x2008, 0, 0x7FFF0, 0},
	{"1.1 event head", 0x2010, 0, 0x7FFF0, 0},
	{"1.1 event tail", 0x2018, 0, 0x7FFF0, 0},
	{"1.4 status", 0x2020, 0, 0, 0},
	{"1.1 PPR head", 0x2030, 0, 0x7FFF0, PN_EFR_PPRSUP},
	{"1.1 PPR tail", 0x2038, 0, 0x7FFF0, PN_EFR_PPRSUP},
	{"1.1 GA head", 0x2040, 0, 0xFFF8, PN_EFR_GASUP},
	{"1.1 GA tail", 0x2048, 0, 0xFFF8, PN_EFR_GASUP},
	{"no register 0x20", 0x20, 0, 0, 0},
	{"no register 0x28", 0x28, 0, 0, 0},
	{"no register 0x100", 0x100, 0, 0, 0},
	{"no register 0x2028", 0x2028, 0, 0, 0},
	{"no register 0x3FF8", 0x3FF8, 0, 0, 0},
};

static void test_registers(void **state)
{
	struct fix f;

	(void)state;
	open_with(&f, EFR_ALL, EFR2_ALL);
	for (size_t i = 0; i < COUNT(regs); i++) {
		const struct reg_row *r = &regs[i];
		uint64_t fixed = r->writable ? 0 : r->reset;

		row_eq(r->name, "reset", f_rd(&f, r->off), r->reset);
		row_eq(r->name, "low half", rd32(&f, r->off), (uint32_t)r->reset);
		row_eq(r->name, "high half", rd32(&f, r->off + 4), r->reset >> 32);
		f_wr(&f, r->off, ~0ull);
		row_eq(r->name, "all ones", f_rd(&f, r->off), r->writable | fixed);
		f_wr(&f, r->off, 0);
		row_eq(r->name, "zero", f_rd(&f, r->off), fixed);
		/* a half leaves the other alone */
		wr32(&f, r->off + 4, ~0u);
		row_eq(r->name, "upper half written", f_rd(&f, r->off),
		       (r->writable & 0xFFFFFFFF00000000ull) | fixed);
		wr32(&f, r->off, ~0u);
		row_eq(r->name, "both halves written", f_rd(&f, r->off), r->writable | fixed);
		wr32(&f, r->off + 4, 0);
		row_eq(r->name, "upper half cleared", f_rd(&f, r->off),
		       (r->writable & 0xFFFFFFFF) | fixed);
		f_wr(&f, r->off, 0);
	}
	/* 1.1: reset again */
	f_wr(&f, PN_AMDVI_DEVTAB, ~0ull);
	f_wr(&f, PN_AMDVI_CONTROL, ~0ull);
	pn_amdvi_reset(f.vi);
	for (size_t i = 0; i < COUNT(regs); i++)
		row_eq(regs[i].name, "after reset", f_rd(&f, regs[i].off), regs[i].reset);
	row_eq("1.1 Control", "after reset", f_rd(&f, PN_AMDVI_CONTROL), PN_CTRL_COHERENT);
	f_close(&f);
}

/* Registers of features that are not there read as zero and ignore writes. */
static void test_register_gates(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(regs); i++) {
		struct fix f;

		if (!regs[i].efr)
			continue;
		open_with(&f, EFR_ALL & ~regs[i].efr, EFR2_ALL);
		row_eq(regs[i].name, "absent", f_rd(&f, regs[i].off), 0);
		f_wr(&f, regs[i].off, ~0ull);
		row_eq(regs[i].name, "absent, written", f_rd(&f, regs[i].off), 0);
		f_close(&f);
	}
}

/* 1.2: a row per Control field: what sticks with all features, and what takes it away. */
static const struct ctrl_row {
	const char *name;
	uint64_t bits;	    /* the field */
	uint64_t sticks;    /* of it, with all features */
	uint64_t efr, efr2; /* field bits that must go for it to vanish; 0, 0: always there */
} controls[] = {
	{"1.2 IommuEn", 1ull << 0, ~0ull, 0, 0},
	{"1.2 HtTunEn", 1ull << 1, ~0ull, 0, 0},
	{"1.2 EventLogEn", 1ull << 2, ~0ull, 0, 0},
	{"1.2 EventIntEn", 1ull << 3, ~0ull, 0, 0},
	{"1.2 ComWaitIntEn", 1ull << 4, ~0ull, 0, 0},
	{"1.2 InvTimeOut", 7ull << 5, ~0ull, 0, 0},
	{"1.2 Coherent", 1ull << 10, ~0ull, 0, 0},
	{"1.2 CmdBufEn", 1ull << 12, ~0ull, 0, 0},
	{"1.2 PPR*En", 7ull << 13, ~0ull, PN_EFR_PPRSUP, 0},
	{"1.2 GTEn", 1ull << 16, ~0ull, PN_EFR_GTSUP, 0},
	{"1.2 GAEn", 1ull << 17, ~0ull, PN_EFR_GASUP, 0},
	{"1.2 CRW", 15ull << 18, ~0ull, 0, 0},
	{"1.2 SmiFEn", 1ull << 22, ~0ull, 3ull << PN_EFR_SMIFSUP_SH, 0},
	{"1.2 SlfWBDis", 1ull << 23, ~0ull, 0, 0},
	{"1.2 SmiFLogEn", 1ull << 24, ~0ull, 3ull << PN_EFR_SMIFSUP_SH, 0},
	{"1.2 GAMEn", 7ull << 25, 1ull << 25, PN_EFR_GAMSUP, 0},
	{"1.2 GALogEn", 1ull << 28, ~0ull, PN_EFR_GAMSUP, 0},
	{"1.2 GAIntEn", 1ull << 29, ~0ull, PN_EFR_GAMSUP, 0},
	{"1.2 DualPprLogEn", 3ull << 30, ~0ull, 3ull << PN_EFR_DUALPPRLOG_SH, 0},
	{"1.2 DualEventLogEn", 3ull << 32, ~0ull, 3ull << PN_EFR_DUALEVENTLOG_SH, 0},
	{"1.2 DevTblSegEn", 7ull << 34, ~0ull, 3ull << PN_EFR_DEVTBLSEGSUP_SH, 0},
	{"1.2 NumIntRemapMode", 3ull << 43, 1ull << 43, 0, PN_EFR2_NUMINTREMAPSUP},
	{"1.2 EPHEn", 1ull << 45, ~0ull, PN_EFR_EPHSUP, 0},
	{"1.2 HADUpdate", 3ull << 46, ~0ull, PN_EFR_HASUP, 0},
	{"1.2 GDUpdateDis", 1ull << 48, ~0ull, PN_EFR_HDSUP, 0},
	{"1.2 XTEn", 1ull << 50, ~0ull, PN_EFR_XTSUP, 0},
	{"1.2 IntCapXTEn", 1ull << 51, ~0ull, PN_EFR_XTSUP, 0},
	{"1.2 vCmdEn", 1ull << 52, ~0ull, PN_EFR_VIOMMUSUP, 0},
	{"1.2 vIommuEn", 1ull << 53, ~0ull, PN_EFR_VIOMMUSUP, 0},
	{"1.2 GAUpdateDis", 1ull << 54, ~0ull, PN_EFR_GAUPDATEDISSUP, 0},
	{"1.2 GAPPIEn", 1ull << 55, ~0ull, PN_EFR_GAPPISUP, 0},
	{"1.2 TMPMEn", 1ull << 56, ~0ull, 0, PN_EFR2_PAGEMIGRATION},
	{"1.2 GCR3TRPMode", 1ull << 58, ~0ull, 0, PN_EFR2_GCR3TRPMODE},
	{"1.2 IRTCacheDis", 1ull << 59, ~0ull, 0, 0},
	{"1.2 GstBufferTRPMode", 1ull << 60, ~0ull, PN_EFR_VIOMMUSUP, 0},
	{"1.2 SNPAVICEn", 7ull << 61, 1ull << 61, 0, PN_EFR2_SNPAVICSUP},
	{"1.2 reserved", 1ull << 49 | 1ull << 57 | 0x3Full << 37, 0, 0, 0},
};

static void test_control(void **state)
{
	struct fix f;

	(void)state;
	for (size_t i = 0; i < COUNT(controls); i++) {
		const struct ctrl_row *c = &controls[i];

		open_with(&f, EFR_ALL, EFR2_ALL);
		f_wr(&f, PN_AMDVI_CONTROL, c->bits);
		row_eq(c->name, "set", f_rd(&f, PN_AMDVI_CONTROL), c->bits & c->sticks);
		f_wr(&f, PN_AMDVI_CONTROL, 0);
		row_eq(c->name, "clear", f_rd(&f, PN_AMDVI_CONTROL), 0);
		wr32(&f, PN_AMDVI_CONTROL + 4, (uint32_t)(c->bits >> 32));
		wr32(&f, PN_AMDVI_CONTROL, (uint32_t)c->bits);
		row_eq(c->name, "set by halves", f_rd(&f, PN_AMDVI_CONTROL), c->bits & c->sticks);
		f_close(&f);
		if (!c->efr && !c->efr2)
			continue;
		open_with(&f, EFR_ALL & ~c->efr, EFR2_ALL & ~c->efr2);
		f_wr(&f, PN_AMDVI_CONTROL, c->bits);
		row_eq(c->name, "without the feature", f_rd(&f, PN_AMDVI_CONTROL), 0);
		f_close(&f);
	}
	/* a value of the feature field that is not the one supported is no support */
	open_with(&f, (EFR_ALL & ~PN_EFR_GAMSUP) | 2ull << PN_EFR_GAMSUP_SH,
		  (EFR2_ALL & ~PN_EFR2_SNPAVICSUP) | 2ull << PN_EFR2_SNPAVICSUP_SH);
	f_wr(&f, PN_AMDVI_CONTROL, PN_CTRL_GAMEN | PN_CTRL_SNPAVICEN);
	assert_int_equal(f_rd(&f, PN_AMDVI_CONTROL), 0);
	f_close(&f);
}

/* 1.4: run bits follow their enables together with IommuEn. */
static void test_run_bits(void **state)
{
	static const struct {
		const char *name;
		uint64_t control, run;
	} rows[] = {
		/* clang-format off */
		{"1.4 nothing", 0, 0},
		{"1.4 IommuEn alone", PN_CTRL_IOMMUEN, 0},
		{"1.4 enables without IommuEn", PN_CTRL_CMDBUFEN | PN_CTRL_EVENTLOGEN | PN_CTRL_GALOGEN | PN_CTRL_PPRLOGEN, 0},
		{"1.4 CmdBufRun", PN_CTRL_IOMMUEN | PN_CTRL_CMDBUFEN, PN_ST_CMDBUFRUN},
		{"1.4 EventLogRun", PN_CTRL_IOMMUEN | PN_CTRL_EVENTLOGEN, PN_ST_EVENTLOGRUN},
		{"1.4 GALogRun", PN_CTRL_IOMMUEN | PN_CTRL_GALOGEN, PN_ST_GALOGRUN},
		{"1.4 PprLogRun", PN_CTRL_IOMMUEN | PN_CTRL_PPRLOGEN, PN_ST_PPRLOGRUN},
		/* clang-format on */
	};
	struct fix f;

	(void)state;
	open_with(&f, EFR_ALL, EFR2_ALL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		f_wr(&f, PN_AMDVI_CONTROL, rows[i].control);
		row_eq(rows[i].name, "status", f_rd(&f, PN_AMDVI_STATUS), rows[i].run);
		f_wr(&f, PN_AMDVI_STATUS, ~0ull);
		row_eq(rows[i].name, "after W1C", f_rd(&f, PN_AMDVI_STATUS), rows[i].run);
		f_wr(&f, PN_AMDVI_CONTROL, 0);
		row_eq(rows[i].name, "disabled", f_rd(&f, PN_AMDVI_STATUS), 0);
	}
	f_close(&f);
}

/* 1.4: latches are cleared by 1, kept by 0, by either access width; what is RO stays. */
static void test_status_w1c(void **state)
{
	struct fix f;

	(void)state;
	f_open(&f, NULL);
	f_enable(&f, F_RUN | PN_CTRL_COMWAITINTEN);
	f_cmd(&f, pn_amd_cmd_cwait(F_SEM, 1, true)); /* ComWaitInt */
	f_msi(&f, 0xFFFF, 0x10);		     /* EventLogInt */
	assert_int_equal(f_rd(&f, PN_AMDVI_STATUS), PN_ST_COMWAITINT | PN_ST_EVENTLOGINT |
							    PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN);
	f_wr(&f, PN_AMDVI_STATUS, 0);
	wr32(&f, PN_AMDVI_STATUS + 4, ~0u);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_EVENTLOGINT);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_EVENTLOGINT);
	assert_int_equal(f_rd(&f, PN_AMDVI_STATUS),
			 PN_ST_COMWAITINT | PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN);
	wr32(&f, PN_AMDVI_STATUS, ~0u);
	assert_int_equal(f_rd(&f, PN_AMDVI_STATUS), PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN);
	f_close(&f);
}

/* 1.6, 2.5, 2.4: what may only change while a ring does not run, and what a base write resets. */
static void test_busy(void **state)
{
	static const struct {
		const char *name;
		uint32_t off, base;
		uint64_t enable;
		bool locked; /* while running */
	} rows[] = {
		{"1.6 GA base", 0xE0, 0, PN_CTRL_GALOGEN, true},
		{"1.6 GA tail address", 0xE8, 0, PN_CTRL_GALOGEN, true},
		{"1.6 GA tail", 0x2048, 0xE0, PN_CTRL_GALOGEN, true},
		{"1.6 GA head", 0x2040, 0xE0, PN_CTRL_GALOGEN, false},
		{"event base", 0x10, 0, PN_CTRL_EVENTLOGEN, true},
		{"event tail", 0x2018, 0x10, PN_CTRL_EVENTLOGEN, true},
		{"event head", 0x2010, 0x10, PN_CTRL_EVENTLOGEN, false},
		{"command base", 0x08, 0, PN_CTRL_CMDBUFEN, true},
		{"command head", 0x2000, 0x08, PN_CTRL_CMDBUFEN, true},
		{"command tail", 0x2008, 0x08, PN_CTRL_CMDBUFEN, false},
		{"PPR base", 0x38, 0, PN_CTRL_PPRLOGEN, true},
	};
	struct pn_amdvi_config cfg;
	struct fix f;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.efr = EFR_ALL;
	cfg.efr2 = EFR2_ALL;
	cfg.async_commands = true;
	f_open(&f, &cfg);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint64_t one = 0x0900000000001000ull, two = 0x0900000000002000ull;
		uint64_t seen;

		f_wr(&f, rows[i].off, one);
		seen = f_rd(&f, rows[i].off);
		assert_int_not_equal(seen, 0);
		f_wr(&f, PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN | rows[i].enable);
		f_wr(&f, rows[i].off, two);
		if (rows[i].locked)
			row_eq(rows[i].name, "while running", f_rd(&f, rows[i].off), seen);
		else
			assert_int_not_equal(f_rd(&f, rows[i].off), seen);
		f_wr(&f, PN_AMDVI_CONTROL, 0);
		f_wr(&f, rows[i].off, two);
		assert_int_not_equal(f_rd(&f, rows[i].off), seen);
		if (rows[i].base) {
			wr32(&f, rows[i].base, 0x5000);
			row_eq(rows[i].name, "after a base write", f_rd(&f, rows[i].off), 0);
		}
	}
	f_close(&f);
}

/* 1.1: the SNP lock. */
static void test_snp_lock(void **state)
{
	static const uint32_t locked[] = {0x00, 0x08, 0x10, 0x38, 0xE0, 0xE8};
	struct fix f;

	(void)state;
	open_with(&f, EFR_ALL, EFR2_ALL);
	pn_amdvi_snp_lock(f.vi, true);
	for (size_t i = 0; i < COUNT(locked); i++) {
		uint64_t was = f_rd(&f, locked[i]);

		f_wr(&f, locked[i], 0x0A00000000123000ull);
		row_eq("SNP lock", "base", f_rd(&f, locked[i]), was);
	}
	f_wr(&f, PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN | PN_CTRL_DEVTBLSEGEN | PN_CTRL_GAEN);
	assert_int_equal(f_rd(&f, PN_AMDVI_CONTROL), PN_CTRL_GAEN);
	pn_amdvi_snp_lock(f.vi, false);
	f_wr(&f, PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN);
	pn_amdvi_snp_lock(f.vi, true);
	f_wr(&f, PN_AMDVI_CONTROL, PN_CTRL_CMDBUFEN);
	assert_int_equal(f_rd(&f, PN_AMDVI_CONTROL), PN_CTRL_IOMMUEN | PN_CTRL_CMDBUFEN);
	f_close(&f);
}

static void test_bad_access(void **state)
{
	static const struct {
		const char *name;
		uint32_t off;
		unsigned size;
		uint64_t ones;
	} rows[] = {
		{"size 1", 0, 1, ~0ull},       {"size 2", 0, 2, ~0ull},
		{"size 16", 0, 16, ~0ull},     {"size 0", 0, 0, ~0ull},
		{"misaligned 8", 4, 8, ~0ull}, {"misaligned 4", 2, 4, 0xFFFFFFFF},
		{"end 8", 0x4000, 8, ~0ull},   {"end 4", 0x4000, 4, 0xFFFFFFFF},
		{"far", 0xFFFFFFF8, 8, ~0ull},
	};
	struct fix f;
	uint64_t v;

	(void)state;
	f_open(&f, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		row_eq(rows[i].name, "read", pn_amdvi_read(f.vi, rows[i].off, rows[i].size, &v),
		       -EINVAL);
		row_eq(rows[i].name, "value", v, rows[i].ones);
		row_eq(rows[i].name, "write",
		       pn_amdvi_write(f.vi, rows[i].off, rows[i].size, ~0ull), -EINVAL);
	}
	f_close(&f);
	/* with performance counters the region is longer */
	open_with(&f, EFR_ALL | PN_EFR_PCSUP, 0);
	assert_int_equal(f_rd(&f, 0x40000), 0);
	assert_int_equal(pn_amdvi_read(f.vi, 0x80000, 8, &v), -EINVAL);
	f_close(&f);
}

static void test_create(void **state)
{
	struct pn_amdvi_config cfg;
	uint64_t control;
	struct pn_amdvi *vi;
	struct pn_bus bus = {0};

	(void)state;
	pn_amdvi_config_default(&cfg);
	assert_int_equal(pn_amdvi_create(&cfg, &vi), -EINVAL);
	cfg.bus = &bus;
	cfg.irte_cache = 3;
	assert_int_equal(pn_amdvi_create(&cfg, &vi), -EINVAL);
	cfg.irte_cache = 1u << 21;
	assert_int_equal(pn_amdvi_create(&cfg, &vi), -EINVAL);
	cfg.irte_cache = 1;
	cfg.dte_cache = 5;
	assert_int_equal(pn_amdvi_create(&cfg, &vi), -EINVAL);
	assert_null(vi);
	cfg.dte_cache = 0;
	cfg.no_irtcachedis = true; /* 1.2: support is seen by whether the bit sticks */
	assert_int_equal(pn_amdvi_create(&cfg, &vi), 0);
	pn_amdvi_write(vi, PN_AMDVI_CONTROL, 8, PN_CTRL_IRTCACHEDIS);
	pn_amdvi_read(vi, PN_AMDVI_CONTROL, 8, &control);
	assert_int_equal(control & PN_CTRL_IRTCACHEDIS, 0);
	pn_amdvi_destroy(vi);
	cfg.no_irtcachedis = false;
	cfg.knobs = (struct pn_amdvi_knobs){0};
	/* no agent, no memory, no callbacks: still no crash */
	assert_int_equal(pn_amdvi_create(&cfg, &vi), 0);
	pn_amdvi_write(vi, PN_AMDVI_CONTROL, 8, ~0ull);
	assert_int_equal(pn_amdvi_msi(vi, &(struct pn_msi){.addr = F_MSI}), PN_MSI_ABORTED);
	pn_amdvi_write(vi, PN_AMDVI_CMD_TAIL, 8, 16);
	pn_amdvi_write(vi, PN_AMDVI_CONTROL, 8, 0);
	assert_int_equal(pn_amdvi_msi(vi, &(struct pn_msi){.addr = F_MSI}), PN_MSI_FORWARDED);
	pn_amdvi_destroy(vi);
	pn_amdvi_destroy(NULL);
}

static uint64_t xorshift(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Half of the words look like quadword 2 of a DTE or half of an IRTE that leads into memory. */
static uint64_t fuzz_word(uint64_t *x)
{
	uint64_t kind = xorshift(x), v = xorshift(x) & xorshift(x);

	switch (kind & 3) {
	case 0:
		return (v & 0x40000000000001FFull) | 0x2000000000000015ull | F_BASE |
		       (kind & 0x3FFF80);
	case 1:
		return (v & 0xFF000000000000FFull) | F_BASE | (kind & 0x3FF000);
	case 2:
		return (v & 0xFFFFFFFFFFFFFF63ull) | 0x81;
	default:
		return v;
	}
}

/* P7: random registers over random memory; sanitizers find errors. */
static void fuzz(struct pn_amdvi_config *cfg, uint64_t seed)
{
	static const uint32_t often[] = {0x00,	 0x08,	 0x10,	 0x18,	 0x18,	 0x18,	 0xE0,
					 0xE8,	 0x2000, 0x2008, 0x2010, 0x2018, 0x2020, 0x2040,
					 0x2048, 0x170,	 0x180,	 0x158,	 0x160};
	struct pn_amdvi_stats st;
	uint64_t x = seed;
	struct fix f;

	f_open(&f, cfg);
	for (uint32_t i = 0; i < F_SIZE; i += 8)
		f_st(&f, F_BASE + i, fuzz_word(&x));
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t r = xorshift(&x), v = xorshift(&x), got;
		uint32_t off = r & 1 ? often[(r >> 8) % COUNT(often)] : (r >> 8) & 0x4FFF;
		unsigned size = r & 2 ? 8 : 4;

		if (r & 4)
			v = (v & 0xFFF) | (F_BASE + (v >> 20 & 0x3FF000)) | (v & 15ull << 56);
		if (off == PN_AMDVI_CONTROL && (r & 8))
			v |= F_GALOGON;
		switch (r >> 4 & 3) {
		case 0:
			pn_amdvi_read(f.vi, off, size, &got);
			break;
		case 1:
			f_msi(&f, (uint16_t)(v & 0x7FF), (uint32_t)(v >> 16));
			break;
		default:
			pn_amdvi_write(f.vi, off, size, v);
		}
		if (cfg->async_commands)
			pn_amdvi_commands(f.vi, (unsigned)r % 4);
	}
	pn_amdvi_stats(f.vi, &st);
	assert_true(st.posted && st.remapped && st.forwarded && st.aborted && st.events);
	f_close(&f);
}

static void test_fuzz(void **state)
{
	struct pn_amdvi_config cfg;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.efr = EFR_ALL;
	cfg.efr2 = EFR2_ALL;
	fuzz(&cfg, 0x9E3779B97F4A7C15ull);
	cfg.async_commands = true;
	cfg.dte_cache = cfg.irte_cache = 4;
	cfg.poison_stale = true;
	cfg.knobs.galog_len_max = 200;
	cfg.knobs.galog_ptr_mask = 0xF0F0F0F5;
	cfg.knobs.guestmode_off = PN_GUESTMODE_OFF_REMAP;
	fuzz(&cfg, 0xD1B54A32D192ED03ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),  cmocka_unit_test(test_register_gates),
		cmocka_unit_test(test_control),	   cmocka_unit_test(test_run_bits),
		cmocka_unit_test(test_status_w1c), cmocka_unit_test(test_busy),
		cmocka_unit_test(test_snp_lock),   cmocka_unit_test(test_bad_access),
		cmocka_unit_test(test_create),	   cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
