/* SPDX-License-Identifier: MIT */
/* The IOMMU driver: bring-up, commands, remapping entries, switch. Section numbers: the spec sheet.
 */
#include <errno.h>

#include "svm_rig.h"

static struct rig r;

#define GAPPIEN PN_CTRL_GAPPIEN
#define GALOG	(PN_CTRL_GALOGEN | PN_CTRL_GAINTEN)
#define BASE                                                                                       \
	(PN_CTRL_IOMMUEN | PN_CTRL_CMDBUFEN | PN_CTRL_EVENTLOGEN | PN_CTRL_COHERENT | PN_CTRL_GAEN)
#define XT (PN_CTRL_XTEN | PN_CTRL_INTCAPXTEN)

/* ---- memory ---- */

static void pages(void **state)
{
	static const struct {
		const char *name;
		uint64_t bytes, align;
		uint64_t pa; /* 0: refused */
	} rows[] = {
		{"first", 24, 8, RIG_BASE + 8},
		{"aligned", 4096, 4096, RIG_BASE + 0x1000},
		{"next", 8, 8, RIG_BASE + 0x2000},
		{"nothing", 0, 8, 0},
		{"align not a power of two", 8, 24, 0},
		{"align too small", 8, 4, 0},
		{"too much", 0x10000, 8, 0},
		{"all the rest", 0x4000 - 0x2008, 8, RIG_BASE + 0x2008},
		{"no more", 8, 8, 0},
		{"overflow", UINT64_MAX, 8, 0},
	};
	struct pn_pages p;

	(void)state;
	rig_open(&r, NULL);
	pn_pages_init(&p, &r.bus, RIG_BASE + 1, 0x4000 - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t pa = 0;
		uint8_t *mem = pn_pages_alloc(&p, rows[i].bytes, rows[i].align, &pa);

		row_eq(rows[i].name, "address", pa, rows[i].pa);
		row_eq(rows[i].name, "memory given", mem != NULL, rows[i].pa != 0);
		for (uint64_t n = 0; mem && n < rows[i].bytes; n++)
			row_eq(rows[i].name, "byte", mem[n], 0);
	}
	pn_pages_init(&p, &r.bus, UINT64_MAX - 3, UINT64_MAX);
	assert_null(pn_pages_alloc(&p, 8, 4096, &p.next));
	rig_close(&r);
}

/* ---- bring-up ---- */

static uint64_t tune_efr_off[RIG_IOMMUS], tune_efr2_off[RIG_IOMMUS];
static bool tune_async;

static void tune(struct pn_amdvi_config *cfg, uint32_t i)
{
	cfg->efr &= ~tune_efr_off[i];
	cfg->efr2 &= ~tune_efr2_off[i];
	cfg->async_commands = tune_async;
}

static const struct init_row {
	const char *name;
	struct pn_iommus_config cfg;
	uint64_t efr_off[RIG_IOMMUS], efr2_off;
	int ret;
	enum pn_notify notify;
	uint64_t control;
} init_rows[] = {
	{"log",
	 {PN_NOTIFY_GALOG, 512, 256, 0x20},
	 {0},
	 0,
	 0,
	 PN_NOTIFY_GALOG,
	 BASE | XT | PN_CTRL_GAMEN_VAPIC | GALOG},
	{"8.1-6 GAPPI instead of the log",
	 {PN_NOTIFY_GAPPI, 0, 256, 0x20},
	 {0},
	 0,
	 0,
	 PN_NOTIFY_GAPPI,
	 BASE | XT | PN_CTRL_GAMEN_VAPIC | GAPPIEN},
	{"none: 16-byte entries, no guest mode",
	 {PN_NOTIFY_NONE, 512, 256, 0x20},
	 {0},
	 0,
	 0,
	 PN_NOTIFY_NONE,
	 BASE | XT},
	{"none needs no GAMSup",
	 {PN_NOTIFY_NONE, 512, 256, 0x20},
	 {PN_EFR_GAMSUP, PN_EFR_GAMSUP},
	 0,
	 0,
	 PN_NOTIFY_NONE,
	 BASE | XT},
	{"H15 mixed: one without GAPPISup",
	 {PN_NOTIFY_GAPPI, 512, 256, 0x20},
	 {0, PN_EFR_GAPPISUP},
	 0,
	 0,
	 PN_NOTIFY_GALOG,
	 BASE | XT | PN_CTRL_GAMEN_VAPIC | GALOG},
	{"no XTSup",
	 {PN_NOTIFY_GALOG, 512, 256, 0x20},
	 {PN_EFR_XTSUP, PN_EFR_XTSUP},
	 0,
	 0,
	 PN_NOTIFY_GALOG,
	 BASE | PN_CTRL_GAMEN_VAPIC | GALOG},
	{"no XTSup, APIC ID too large",
	 {PN_NOTIFY_GALOG, 512, 256, 0x100},
	 {PN_EFR_XTSUP, PN_EFR_XTSUP},
	 0,
	 -EINVAL,
	 PN_NOTIFY_NONE,
	 PN_CTRL_COHERENT},
	{"no IASup: invalidated one by one",
	 {PN_NOTIFY_GAPPI, 0, 300, 0x20},
	 {PN_EFR_IASUP, PN_EFR_IASUP},
	 0,
	 0,
	 PN_NOTIFY_GAPPI,
	 BASE | XT | PN_CTRL_GAMEN_VAPIC | GAPPIEN},
	{"NumIntRemapMode",
	 {PN_NOTIFY_GALOG, 512, 256, 0x20, true},
	 {0},
	 0,
	 0,
	 PN_NOTIFY_GALOG,
	 BASE | XT | PN_CTRL_GAMEN_VAPIC | GALOG | 1ull << PN_CTRL_NUMINTREMAP_SH},
	{"NumIntRemapMode wanted, not there",
	 {PN_NOTIFY_GALOG, 512, 256, 0x20, true},
	 {0},
	 PN_EFR2_NUMINTREMAPSUP,
	 0,
	 PN_NOTIFY_GALOG,
	 BASE | XT | PN_CTRL_GAMEN_VAPIC | GALOG},
	{"no GASup",
	 {PN_NOTIFY_NONE, 512, 256, 0x20},
	 {0, PN_EFR_GASUP},
	 0,
	 -ENODEV,
	 PN_NOTIFY_NONE,
	 PN_CTRL_COHERENT},
	{"no GAMSup",
	 {PN_NOTIFY_GALOG, 512, 256, 0x20},
	 {0, PN_EFR_GAMSUP},
	 0,
	 -ENODEV,
	 PN_NOTIFY_NONE,
	 PN_CTRL_COHERENT},
};

/* Every IOMMU starts as a previous kernel left it: GAPPI on (gappi-over-kexec). */
static void bring_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(init_rows) / sizeof(init_rows[0]); i++) {
		const struct init_row *w = &init_rows[i];

		memcpy(tune_efr_off, w->efr_off, sizeof(tune_efr_off));
		tune_efr2_off[0] = tune_efr2_off[1] = w->efr2_off;
		rig_open(&r, tune);
		for (uint32_t n = 0; n < RIG_IOMMUS; n++)
			pn_amdvi_write(r.vi[n], PN_AMDVI_CONTROL, 8,
				       PN_CTRL_IOMMUEN | GAPPIEN | GALOG | PN_CTRL_GTEN);
		row_eq(w->name, "result", (uint64_t)(int64_t)rig_driver(&r, &w->cfg),
		       (uint64_t)(int64_t)w->ret);
		row_eq(w->name, "notify", r.iommus.notify, w->notify);
		for (uint32_t n = 0; n < RIG_IOMMUS; n++)
			row_eq(w->name, "Control", rig_reg(&r, n, PN_AMDVI_CONTROL), w->control);
		rig_close(&r);
	}
	memset(tune_efr_off, 0, sizeof(tune_efr_off));
	memset(tune_efr2_off, 0, sizeof(tune_efr2_off));
}

static void registers(void **state)
{
	const struct pn_iommus_config cfg = {.notify = PN_NOTIFY_GALOG,
					     .galog_entries = 2048,
					     .devids = 0x901,
					     .ga_apicid = 0x01020304};
	uint64_t v;

	(void)state;
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &cfg), 0);
	/* 1.1: (n + 1) * 4 KiB of 32-byte entries; 901h of them need 19 pages */
	row_eq("1.1", "device table size", rig_reg(&r, 0, PN_AMDVI_DEVTAB) & PN_DEVTAB_SIZE_MASK,
	       18);
	v = rig_reg(&r, 0, PN_AMDVI_CMDBUF) >> PN_AMDVI_LEN_SH & 15;
	row_eq("1.1", "ComLen (2^8 entries)", v, 8);
	v = rig_reg(&r, 0, PN_AMDVI_GALOG) >> PN_AMDVI_LEN_SH & 15;
	row_eq("1.1", "GALogLen of 2048 entries", v, 10);
	row_eq("1.6", "tail shadow", rig_reg(&r, 0, PN_AMDVI_GALOG_TAIL_ADDR),
	       r.drv[0].galog_shadow_pa);
	row_eq("1.5", "XT GA", rig_reg(&r, 0, PN_AMDVI_XT_GA), 0x010000EE02030400ull);
	row_eq("1.6", "GALogRun", rig_reg(&r, 1, PN_AMDVI_STATUS) & PN_ST_GALOGRUN, PN_ST_GALOGRUN);
	pn_iommus_ga_affinity(&r.iommus, &r.agent[0], 0x2A);
	row_eq("1.5", "XT GA moved", rig_reg(&r, 1, PN_AMDVI_XT_GA), 0x000000EE00002A00ull);
	assert_int_equal(r.drv[1].ga_irq_pending, 1);
	assert_true(pn_galog_step(&r.drv[1], &r.agent[0]) || !r.drv[1].ga_irq_pending);
	pn_iommus_disable(&r.iommus, &r.agent[0]);
	row_eq("8.1-6", "Control for kexec", rig_reg(&r, 0, PN_AMDVI_CONTROL), PN_CTRL_COHERENT);
	rig_close(&r);
}

static void bad_config(void **state)
{
	static const struct {
		const char *name;
		struct pn_iommus_config cfg;
	} rows[] = {
		{"no devices", {PN_NOTIFY_GALOG, 512, 0, 0}},
		{"too many devices", {PN_NOTIFY_GALOG, 512, 65537, 0}},
		{"log too small", {PN_NOTIFY_GALOG, 256, 256, 0}},
		{"log too large", {PN_NOTIFY_GALOG, 16384, 256, 0}},
		{"log not a power of two", {PN_NOTIFY_GALOG, 1000, 256, 0}},
	};
	const struct pn_iommus_config ok = {PN_NOTIFY_GALOG, 512, 65536, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_open(&r, NULL);
		row_eq(rows[i].name, "-EINVAL", rig_driver(&r, &rows[i].cfg) == -EINVAL, 1);
		rig_close(&r);
	}
	rig_open(&r, NULL);
	pn_pages_init(&r.pages, &r.bus, RIG_BASE, 0x200000 + 0x8000);
	assert_int_equal(rig_driver(&r, &ok), -ENOMEM);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_CONTROL), PN_CTRL_COHERENT);
	rig_close(&r);
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &ok), 0);
	rig_close(&r);
}

/* Registers that read as zero: every wait ends. */
static void timeouts(void **state)
{
	const struct pn_iommus_config ok = {PN_NOTIFY_NONE, 512, 256, 0};
	const uint64_t cmd[2] = {0x5000000000000041ull, 0};

	(void)state;
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &ok), 0);
	pn_amdvi_write(r.vi[0], PN_AMDVI_CONTROL, 8, 0); /* stops executing */
	assert_int_equal(pn_amdvi_cmd_sync(&r.drv[0], &r.agent[0], cmd), -ETIMEDOUT);
	assert_int_equal(r.drv[0].lock.held, 0);
	rig_close(&r);
	rig_open(&r, NULL);
	r.dead_mmio = true; /* no features either */
	assert_int_equal(rig_driver(&r, &ok), -ENODEV);
	rig_close(&r);
}

/* ---- commands ---- */

static void execute(struct rig *x)
{
	pn_amdvi_commands(x->vi[0], 1);
	pn_amdvi_commands(x->vi[0], 1000);
}

/* 256 entries: 600 commands with their waits go round four times. */
static void ring(void **state)
{
	const struct pn_iommus_config ok = {PN_NOTIFY_NONE, 512, 256, 0};
	struct pn_amdvi_stats before, after;

	(void)state;
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &ok), 0);
	pn_amdvi_stats(r.vi[0], &before);
	for (unsigned i = 0; i < 600; i++) {
		const uint64_t cmd[2] = {0x5000000000000000ull | i % 7, 0};

		assert_int_equal(pn_amdvi_cmd_sync(&r.drv[0], &r.agent[0], cmd), 0);
	}
	pn_amdvi_stats(r.vi[0], &after);
	assert_int_equal(after.irt_invalidations - before.irt_invalidations, 600);
	assert_int_equal(after.events, 0);
	assert_int_equal(rig_count(&r, PN_STEP_IRT_FLUSH), 600);
	rig_close(&r);
}

/* The driver assumes that the ring is full: it reads the head before it writes. */
static void ring_full(void **state)
{
	const struct pn_iommus_config ok = {PN_NOTIFY_NONE, 512, 256, 0};
	const uint64_t cmd[2] = {0x5000000000000041ull, 0};

	(void)state;
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &ok), 0);
	r.drv[0].cmd_head = r.drv[0].cmd_tail + 16;
	assert_int_equal(pn_amdvi_cmd_sync(&r.drv[0], &r.agent[0], cmd), 0);
	assert_int_equal(r.drv[0].cmd_head, r.drv[0].cmd_tail);
	/* The IOMMU does not advance, so there is no room. */
	pn_amdvi_write(r.vi[0], PN_AMDVI_CONTROL, 8, 0);
	pn_amdvi_write(r.vi[0], PN_AMDVI_CMD_HEAD, 8, (r.drv[0].cmd_tail + 16) & 0xFFF);
	r.drv[0].cmd_head = (r.drv[0].cmd_tail + 16) & 0xFFF;
	r.writes = 0;
	assert_int_equal(pn_amdvi_cmd_sync(&r.drv[0], &r.agent[0], cmd), -ETIMEDOUT);
	assert_int_equal(r.writes, 0); /* nothing was queued */
	rig_close(&r);
}

/* An IOMMU that executes later. */
static void slow_iommu(void **state)
{
	const struct pn_iommus_config ok = {PN_NOTIFY_NONE, 512, 256, 0};
	const uint64_t cmd[2] = {0x5000000000000041ull, 0};

	(void)state;
	tune_async = false;
	rig_open(&r, tune);
	assert_int_equal(rig_driver(&r, &ok), 0);
	r.write_off = PN_AMDVI_CMD_TAIL;
	r.on_write = execute;
	assert_int_equal(pn_amdvi_cmd_sync(&r.drv[0], &r.agent[0], cmd), 0);
	rig_close(&r);
}

/* ---- entries ---- */

static void remap_entries(void **state)
{
	static const struct {
		const char *name;
		uint16_t devid, index;
		uint8_t vector;
		uint32_t apicid;
		int ret;
	} rows[] = {
		{"in the table", RIG_DEV, 31, 0x62, 0x01020304, 0},
		{"index beyond it", RIG_DEV, 32, 0x62, 0, -EINVAL},
		{"no table", RIG_DEV + 1, 0, 0x62, 0, -EINVAL},
		{"device beyond the device table", 0x2000, 0, 0x62, 0, -EINVAL},
		{"vector below 16", RIG_DEV, 0, 15, 0, -EINVAL},
	};
	struct pn_amdvi_ir ir;

	(void)state;
	rig_start(&r, &(struct rig_conf){PN_NOTIFY_GALOG});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		row_eq(rows[i].name, "result",
		       pn_amdvi_ir_init(&ir, &r.drv[0], &r.agent[0], rows[i].devid, rows[i].index,
					rows[i].apicid, rows[i].vector) == rows[i].ret,
		       1);
	assert_int_equal(pn_amdvi_irt_create(&r.drv[0], &r.agent[0], RIG_DEV, 5), -EEXIST);
	assert_int_equal(pn_amdvi_irt_create(&r.drv[0], &r.agent[0], 0x1000, 5), -EINVAL);
	assert_int_equal(pn_amdvi_irt_create(&r.drv[0], &r.agent[0], 1, 10),
			 -EINVAL); /* needs 2K mode */
	assert_int_equal(pn_amdvi_irt_create(&r.drv[0], &r.agent[0], 1, 9), 0);
	/* 3.2 test vector */
	assert_int_equal(pn_amdvi_ir_init(&ir, &r.drv[0], &r.agent[0], 1, 511, 0x01020304, 0x62),
			 0);
	row_eq("3.2", "lo", ir.irte->lo, 0x0000000002030401ull);
	row_eq("3.2", "hi", ir.irte->hi, 0x0100000000000062ull);
	rig_close(&r);
}

/* 3.3 and 3.4: what the driver writes, as the sheet's test vectors. */
static void guest_entries(void **state)
{
	static const struct {
		const char *name;
		enum pn_notify notify;
		struct pn_amdvi_ir_state first, then;
		bool no_gappidis;
		uint64_t lo, hi;
	} rows[] = {
		{"3.3 running",
		 PN_NOTIFY_GALOG,
		 {true, false, 0x01020304},
		 {true, false, 0x01020304},
		 false,
		 0xABCDE123020304C1ull,
		 0x0100000123456041ull},
		{"3.3 not running, GALogIntr, stale dest kept",
		 PN_NOTIFY_GALOG,
		 {true, false, 0x01020304},
		 {false, true, 0x55},
		 false,
		 0xABCDE12302030485ull,
		 0x0100000123456041ull},
		{"not running, GALogIntr 0",
		 PN_NOTIFY_GALOG,
		 {true, false, 0x01020304},
		 {false, false, 0x55},
		 false,
		 0xABCDE12302030481ull,
		 0x0100000123456041ull},
		{"3.4 GAPPI, not running",
		 PN_NOTIFY_GAPPI,
		 {true, false, 0x01020304},
		 {false, true, 0x2A},
		 false,
		 0x000000F100002A81ull,
		 0x0000000123456041ull},
		{"3.4 GAPPI suppressed",
		 PN_NOTIFY_GAPPI,
		 {true, false, 7},
		 {false, false, 0x2A},
		 false,
		 0x000000F100002AA1ull,
		 0x0000000123456041ull},
		{"3.4 GAPPI not suppressible",
		 PN_NOTIFY_GAPPI,
		 {true, false, 7},
		 {false, false, 0x2A},
		 true,
		 0x000000F100002A81ull,
		 0x0000000123456041ull},
		{"3.4 GAPPI, running",
		 PN_NOTIFY_GAPPI,
		 {false, true, 7},
		 {true, false, 0x2A},
		 false,
		 0x000000F100002AC1ull,
		 0x0000000123456041ull},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_amdvi_ir *ir = &r.ir[0];

		rig_start(&r,
			  &(struct rig_conf){rows[i].notify, .no_gappidis = rows[i].no_gappidis});
		rig_forget(&r);
		assert_int_equal(pn_amdvi_ir_activate(ir, &r.agent[0], 0x123456000ull, 0x41,
						      0xABCDE123, rows[i].first),
				 0);
		row_eq(rows[i].name, "flushes", rig_count(&r, PN_STEP_IRT_FLUSH), 1);
		pn_amdvi_ir_update(ir, &r.agent[0], rows[i].then);
		row_eq(rows[i].name, "flushes", rig_count(&r, PN_STEP_IRT_FLUSH), 1);
		row_eq(rows[i].name, "writes", rig_count(&r, PN_STEP_IRTE_WRITE), 2);
		row_eq(rows[i].name, "lo", ir->irte->lo, rows[i].lo);
		row_eq(rows[i].name, "hi", ir->irte->hi, rows[i].hi);
		rig_close(&r);
	}
}

static void form_changes(void **state)
{
	const struct pn_amdvi_ir_state st = {true, false, 0x22};
	struct pn_amdvi_ir *ir = &r.ir[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){PN_NOTIFY_GALOG});
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	assert_int_equal(r.intr_vector, 0x50);
	/* stale-irte-cache: without the flush poison_stale would abort these */
	assert_int_equal(pn_amdvi_ir_activate(ir, &r.agent[0], r.vcpu[0].h.page_pa, 0x41, 1, st),
			 0);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_POSTED);
	/* affinity is only remembered in guest mode */
	rig_forget(&r);
	assert_int_equal(pn_amdvi_ir_affinity(ir, &r.agent[0], RIG_APICID(2), 0x66), 0);
	assert_int_equal(rig_count(&r, PN_STEP_IRTE_WRITE), 0);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_POSTED);
	assert_int_equal(pn_amdvi_ir_deactivate(ir, &r.agent[0]), 0);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	assert_int_equal(r.intr_vector, 0x66);
	assert_int_equal(r.intr_dest, RIG_APICID(2));
	assert_int_equal(pn_amdvi_ir_affinity(ir, &r.agent[0], RIG_APICID(1), 0x67), 0);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	assert_int_equal(r.intr_vector, 0x67);
	/* nothing to do in remap form */
	rig_forget(&r);
	pn_amdvi_ir_update(ir, &r.agent[0], st);
	assert_int_equal(pn_amdvi_ir_deactivate(ir, &r.agent[0]), 0);
	assert_int_equal(rig_count(&r, PN_STEP_IRTE_WRITE), 0);
	assert_int_equal(pn_amdvi_ir_affinity(ir, &r.agent[0], 0, 3), -EINVAL);
	rig_close(&r);
}

/* ---- IRTCacheDis (1.2) ---- */

static bool tune_caches[RIG_IOMMUS]; /* it has no IRTCacheDis */

static void tune_cachedis(struct pn_amdvi_config *cfg, uint32_t i)
{
	cfg->no_irtcachedis = tune_caches[i];
}

/*
 * One change of form of an interrupt behind IOMMU @i: it takes effect at once, with the commands
 * that are needed.
 */
static void one_change(const char *name, uint32_t i, bool uncached)
{
	const struct pn_msi m = {.addr = 0xFEE00000ull, .data = 0, .devid = RIG_DEV};
	const struct pn_amdvi_ir_state st = {true, false, 0x22};
	struct pn_agent *self = &r.agent[0];
	struct pn_amdvi_stats before, after;
	struct pn_amdvi_ir *ir = &r.ir[i];
	uint64_t page;

	assert_non_null(pn_pages_alloc(&r.pages, 4096, 4096, &page));
	assert_int_equal(pn_amdvi_irt_create(&r.drv[i], self, RIG_DEV, 5), 0);
	assert_int_equal(pn_amdvi_ir_init(ir, &r.drv[i], self, RIG_DEV, 0, RIG_APICID(3), 0x50), 0);
	row_eq(name, "before", pn_amdvi_msi(r.vi[i], &m), PN_MSI_REMAPPED);
	rig_forget(&r);
	pn_amdvi_stats(r.vi[i], &before);
	assert_int_equal(pn_amdvi_ir_activate(ir, self, page, 0x41, 1, st), 0);
	/* an entry that was cached would be poisoned now */
	row_eq(name, "guest form", pn_amdvi_msi(r.vi[i], &m), PN_MSI_POSTED);
	assert_int_equal(pn_amdvi_ir_deactivate(ir, self), 0);
	row_eq(name, "remap form", pn_amdvi_msi(r.vi[i], &m), PN_MSI_REMAPPED);
	pn_amdvi_stats(r.vi[i], &after);
	row_eq(name, "invalidations", after.irt_invalidations - before.irt_invalidations,
	       uncached ? 0 : 2);
	row_eq(name, "flushes", rig_count(&r, PN_STEP_IRT_FLUSH), uncached ? 0 : 2);
	row_eq(name, "waits", rig_count(&r, PN_STEP_IRT_WAIT), uncached ? 2 : 0);
	row_eq(name, "commands left", rig_reg(&r, i, PN_AMDVI_CMD_HEAD),
	       rig_reg(&r, i, PN_AMDVI_CMD_TAIL));
	row_eq(name, "completed", *r.drv[i].sem, r.drv[i].sem_seq);
}

static void irtcachedis(void **state)
{
	static const struct {
		const char *name;
		bool use, caches[RIG_IOMMUS];
	} rows[] = {
		{"not asked for", false, {false, false}},
		{"both have it", true, {false, false}},
		{"none has it: it does not stick", true, {true, true}},
		{"one has it", true, {true, false}},
		{"the other has it", true, {false, true}},
	};

	(void)state;
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		const struct pn_iommus_config cfg = {.notify = PN_NOTIFY_GALOG,
						     .devids = 0x1000,
						     .ga_apicid = 0x20,
						     .irtcachedis = rows[n].use};

		memcpy(tune_caches, rows[n].caches, sizeof(tune_caches));
		rig_open(&r, tune_cachedis);
		assert_int_equal(rig_driver(&r, &cfg), 0);
		for (uint32_t i = 0; i < RIG_IOMMUS; i++) {
			bool on = rows[n].use && !rows[n].caches[i];

			row_eq(rows[n].name, "Control",
			       rig_reg(&r, i, PN_AMDVI_CONTROL) & PN_CTRL_IRTCACHEDIS,
			       on ? PN_CTRL_IRTCACHEDIS : 0);
			row_eq(rows[n].name, "driver's Control", r.drv[i].control,
			       rig_reg(&r, i, PN_AMDVI_CONTROL));
			one_change(rows[n].name, i, on);
		}
		/* it survives what changes other bits of Control */
		assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_GAPPI), 0);
		for (uint32_t i = 0; i < RIG_IOMMUS; i++)
			row_eq(rows[n].name, "Control after a switch",
			       !(rig_reg(&r, i, PN_AMDVI_CONTROL) & PN_CTRL_IRTCACHEDIS),
			       !(rows[n].use && !rows[n].caches[i]));
		rig_close(&r);
	}
}

static void bad_entries(void **state)
{
	const struct pn_amdvi_ir_state st = {true, false, 0x22}, wide = {true, false, 0x122};

	(void)state;
	rig_start(&r, &(struct rig_conf){PN_NOTIFY_NONE});
	assert_int_equal(pn_amdvi_ir_activate(&r.ir[0], &r.agent[0], 0x1000, 0x41, 1, st), -EINVAL);
	rig_close(&r);
	rig_start(&r, &(struct rig_conf){PN_NOTIFY_GALOG});
	assert_int_equal(pn_amdvi_ir_activate(&r.ir[0], &r.agent[0], 0x1008, 0x41, 1, st), -EINVAL);
	assert_int_equal(pn_amdvi_ir_activate(&r.ir[0], &r.agent[0], 1ull << 52, 0x41, 1, st),
			 -EINVAL);
	assert_int_equal(pn_amdvi_ir_activate(&r.ir[0], &r.agent[0], 0x1000, 15, 1, st), -EINVAL);
	r.drv[0].xt = false;
	assert_int_equal(pn_amdvi_ir_activate(&r.ir[0], &r.agent[0], 0x1000, 0x41, 1, wide),
			 -EINVAL);
	assert_int_equal(pn_amdvi_ir_affinity(&r.ir[0], &r.agent[0], 0x100, 0x41), -EINVAL);
	assert_false(r.ir[0].guest_mode);
	rig_close(&r);
}

/* ---- switch ---- */

static void switching(void **state)
{
	const struct pn_iommus_config cfg = {PN_NOTIFY_GALOG, 512, 256, 0x20};
	const struct pn_iommus_config none = {PN_NOTIFY_NONE, 512, 256, 0x20};
	uint64_t on = BASE | XT | PN_CTRL_GAMEN_VAPIC;

	(void)state;
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &cfg), 0);
	assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_NONE), -EINVAL);
	assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_GALOG), 0);
	assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_GAPPI), 0);
	for (uint32_t i = 0; i < RIG_IOMMUS; i++)
		row_eq("to GAPPI", "Control", rig_reg(&r, i, PN_AMDVI_CONTROL), on | GAPPIEN);
	assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_GALOG), 0);
	for (uint32_t i = 0; i < RIG_IOMMUS; i++)
		row_eq("to the log", "Control", rig_reg(&r, i, PN_AMDVI_CONTROL), on | GALOG);
	rig_close(&r);

	/* No memory for the second log: the first IOMMU goes back too. */
	rig_open(&r, NULL);
	assert_int_equal(
		rig_driver(&r, &(struct pn_iommus_config){PN_NOTIFY_GAPPI, 512, 256, 0x20}), 0);
	r.pages.next = (r.pages.next + 0xFFF) & ~0xFFFull;
	r.pages.end = r.pages.next + 0x3000;
	assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_GALOG), -ENOMEM);
	for (uint32_t i = 0; i < RIG_IOMMUS; i++)
		row_eq("back", "Control", rig_reg(&r, i, PN_AMDVI_CONTROL), on | GAPPIEN);
	assert_int_equal(r.iommus.notify, PN_NOTIFY_GAPPI);
	rig_close(&r);

	tune_efr_off[1] = PN_EFR_GAPPISUP;
	rig_open(&r, tune);
	assert_int_equal(rig_driver(&r, &cfg), 0);
	assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_GAPPI), -ENODEV);
	rig_close(&r);
	tune_efr_off[1] = 0;
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &none), 0);
	assert_int_equal(pn_iommus_switch(&r.iommus, &r.agent[0], PN_NOTIFY_GAPPI), -EINVAL);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),	 cmocka_unit_test(bring_up),
		cmocka_unit_test(registers),	 cmocka_unit_test(bad_config),
		cmocka_unit_test(timeouts),	 cmocka_unit_test(ring),
		cmocka_unit_test(ring_full),	 cmocka_unit_test(slow_iommu),
		cmocka_unit_test(remap_entries), cmocka_unit_test(guest_entries),
		cmocka_unit_test(form_changes),	 cmocka_unit_test(bad_entries),
		cmocka_unit_test(switching),	 cmocka_unit_test(irtcachedis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
