/* SPDX-License-Identifier: MIT */
/* The VT-d driver: bring-up, queue, faults, remapping entries. Section numbers: the spec sheet. */
#include <errno.h>

#include "vtd_rig.h"

/* The tested file is included here, with a check of memory after each of its stores. */
static void (*stored)(void);

static void spy_st64(uint64_t *p, uint64_t v)
{
	pn_st64(p, v);
	if (stored)
		stored();
}

static bool spy_cas128(struct pn_u128 *p, struct pn_u128 *expected, struct pn_u128 v)
{
	bool ok = pn_cas128(p, expected, v);

	if (stored)
		stored();
	return ok;
}

#define pn_st64	    spy_st64
#define pn_st64_rel spy_st64
#define pn_cas128   spy_cas128
#include "vtd_irte_drv.c"
#undef pn_st64
#undef pn_st64_rel
#undef pn_cas128

static struct rig r;

#define X2APIC                                                                                     \
	{                                                                                          \
		.irt_entries = 256, .x2apic = true, .fault_apicid = 0x12345                        \
	}

static const struct pn_vtd_drv_config x2apic = X2APIC;

/* ---- bring-up ---- */

static uint64_t tune_cap, tune_ecap_on, tune_ecap_off;
static bool tune_async;

static void tune(struct pn_vtd_config *cfg)
{
	cfg->cap |= tune_cap;
	cfg->ecap = (cfg->ecap | tune_ecap_on) & ~tune_ecap_off;
	cfg->async_queue = tune_async;
}

static const char *reg_name(uint32_t off)
{
	static const struct {
		uint32_t off;
		const char *name;
	} names[] = {
		{PN_VTD_GCMD, "GCMD"},	   {PN_VTD_FSTS, "FSTS"},     {PN_VTD_FECTL, "FECTL"},
		{PN_VTD_FEDATA, "FEDATA"}, {PN_VTD_FEADDR, "FEADDR"}, {PN_VTD_FEUADDR, "FEUADDR"},
		{PN_VTD_IQT, "IQT"},	   {PN_VTD_IQA, "IQA"},	      {PN_VTD_IRTA, "IRTA"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].off == off)
			return names[i].name;
	}
	return "?";
}

/* What the spy recorded, in one line. */
static const char *spied(void)
{
	static char line[2048];
	size_t at = 0;

	for (unsigned i = 0; i < r.writes && i < RIG_LOG && at < sizeof(line) - 64; i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%s%s=%" PRIx64, i ? " " : "",
				       reg_name(r.log[i].off), r.log[i].value);
	return line;
}

#define FAULTS_ON  "FEDATA=ef FEADDR=fee45000 FEUADDR=12300 FECTL=0"
#define LEFT_ON	   (PN_VTD_G_TE | PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_CFI)
#define TE_ONLY	   PN_VTD_G_TE
#define QUEUE_256  "IQT=0 IQA=100000000 "
#define TABLE_256  "IRTA=100002807 "
#define QUIET	   "FECTL=80000000 "
#define OLD_FAULTS "FSTS=71 "

/* 1.1: queue, table (SIRTP), IEC unless ESIRTPS, IRE, CFI off, and what was on before goes off. */
static const struct order_row {
	const char *name;
	struct pn_vtd_drv_config cfg;
	uint64_t cap;
	uint32_t before;
	const char *writes;
	uint32_t gsts;
} order_rows[] = {
	{"after reset", X2APIC, 0, 0,
	 QUIET OLD_FAULTS QUEUE_256 "GCMD=4000000 " TABLE_256 "GCMD=5000000 IQT=20 "
				    "GCMD=6000000 " FAULTS_ON,
	 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_SIRTP},
	{"ESIRTPS: no IEC", X2APIC, PN_VTD_CAP_ESIRTPS, 0,
	 QUIET OLD_FAULTS QUEUE_256 "GCMD=4000000 " TABLE_256 "GCMD=5000000 "
				    "GCMD=6000000 " FAULTS_ON,
	 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_SIRTP},
	{"a previous kernel left all on: TE stays", X2APIC, 0, LEFT_ON,
	 QUIET "GCMD=84800000 GCMD=80800000 " OLD_FAULTS QUEUE_256 "GCMD=84800000 " TABLE_256
	       "GCMD=85800000 IQT=20 GCMD=86800000 GCMD=86000000 " FAULTS_ON,
	 PN_VTD_G_TE | PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_SIRTP},
	{"one-shot status is no command: SRTP, SIRTP", X2APIC, 0, PN_VTD_G_SRTP | PN_VTD_G_SIRTP,
	 QUIET OLD_FAULTS QUEUE_256 "GCMD=4000000 " TABLE_256 "GCMD=5000000 IQT=20 "
				    "GCMD=6000000 " FAULTS_ON,
	 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_SIRTP | PN_VTD_G_SRTP},
	{"xAPIC, 64K entries by default: no EIME, S = 15",
	 {0, false, 0x20},
	 0,
	 0,
	 QUIET OLD_FAULTS QUEUE_256 "GCMD=4000000 IRTA=10000200f GCMD=5000000 IQT=20 GCMD=6000000 "
				    "FEDATA=ef FEADDR=fee20000 FEUADDR=0 FECTL=0",
	 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_SIRTP},
	{"two entries: S = 0",
	 {2, false, 0x20},
	 0,
	 0,
	 QUIET OLD_FAULTS QUEUE_256 "GCMD=4000000 IRTA=100002000 GCMD=5000000 IQT=20 GCMD=6000000 "
				    "FEDATA=ef FEADDR=fee20000 FEUADDR=0 FECTL=0",
	 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_SIRTP},
};

static void bring_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(order_rows) / sizeof(order_rows[0]); i++) {
		const struct order_row *w = &order_rows[i];

		tune_cap = w->cap;
		rig_open(&r, tune);
		pn_vtd_write(r.unit, PN_VTD_GCMD, 4, w->before);
		row_eq(w->name, "result", rig_driver(&r, &w->cfg), 0);
		row_is(w->name, spied(), w->writes);
		row_eq(w->name, "GSTS", rig_reg(&r, PN_VTD_GSTS, 4), w->gsts);
		for (unsigned n = 0; n < r.writes; n++)
			row_eq(w->name, "width of the access", r.log[n].size,
			       r.log[n].off == PN_VTD_IQT || r.log[n].off == PN_VTD_IQA ||
					       r.log[n].off == PN_VTD_IRTA
				       ? 8
				       : 4);
		pn_vtd_drv_disable(&r.drv, &r.agent[0]);
		row_eq(w->name, "GSTS for kexec",
		       rig_reg(&r, PN_VTD_GSTS, 4) &
			       (PN_VTD_G_TE | PN_VTD_G_IRE | PN_VTD_G_QIE | PN_VTD_G_CFI),
		       w->before & TE_ONLY);
		row_eq(w->name, "FECTL for kexec", rig_reg(&r, PN_VTD_FECTL, 4), PN_VTD_ECTL_IM);
		rig_close(&r);
	}
	tune_cap = 0;
}

static void refused(void **state)
{
	static const struct {
		const char *name;
		struct pn_vtd_drv_config cfg;
		uint64_t ecap_on, ecap_off;
		int ret;
	} rows[] = {
		{"no IR", X2APIC, 0, PN_VTD_ECAP_IR, -ENODEV},
		{"no QI", X2APIC, 0, PN_VTD_ECAP_QI, -ENODEV},
		{"no EIM, x2APIC wanted", X2APIC, 0, PN_VTD_ECAP_EIM, -ENODEV},
		{"no EIM, xAPIC", {256, false, 0}, 0, PN_VTD_ECAP_EIM, 0},
		{"EIMER, xAPIC wanted", {256, false, 0}, PN_VTD_ECAP_EIMER, 0, -ENODEV},
		{"EIMER, x2APIC", X2APIC, PN_VTD_ECAP_EIMER, 0, 0},
		{"one entry", {1, true, 0}, 0, 0, -EINVAL},
		{"entries not a power of two", {48, true, 0}, 0, 0, -EINVAL},
		{"131072 entries", {131072, true, 0}, 0, 0, -EINVAL},
		{"65536 entries", {65536, true, 0}, 0, 0, 0},
		{"fault interrupt to 100h, xAPIC", {256, false, 0x100}, 0, 0, -EINVAL},
		{"fault interrupt to FFh, xAPIC", {256, false, 0xFF}, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tune_ecap_on = rows[i].ecap_on;
		tune_ecap_off = rows[i].ecap_off;
		rig_open(&r, tune);
		row_eq(rows[i].name, "result", rig_driver(&r, &rows[i].cfg), rows[i].ret);
		row_eq(rows[i].name, "written at all", r.writes != 0, !rows[i].ret);
		rig_close(&r);
	}
	tune_ecap_on = tune_ecap_off = 0;
	/* queue, status, table: no memory for one after the other */
	for (uint64_t bytes = 0; bytes <= 0x2000; bytes += 0x1000) {
		rig_open(&r, NULL);
		pn_pages_init(&r.pages, &r.bus, RIG_BASE, bytes);
		assert_int_equal(rig_driver(&r, &x2apic), -ENOMEM);
		assert_int_equal(rig_reg(&r, PN_VTD_GSTS, 4), 0);
		rig_close(&r);
	}
}

/* A queue that stopped on an error and faults of a previous kernel. */
static void left_overs(void **state)
{
	(void)state;
	rig_open(&r, NULL);
	pn_vtd_write(r.unit, PN_VTD_IQA, 8, 0xF00000000000ull); /* no memory: IQE */
	pn_vtd_write(r.unit, PN_VTD_GCMD, 4, PN_VTD_G_QIE | PN_VTD_G_IRE);
	pn_vtd_write(r.unit, PN_VTD_IQT, 8, 16);
	for (unsigned i = 0; i < 9; i++)
		rig_msi(&r, 3);
	row_eq("1.1", "FSTS", rig_reg(&r, PN_VTD_FSTS, 4) & 0x7F,
	       PN_VTD_FSTS_IQE | PN_VTD_FSTS_PPF | PN_VTD_FSTS_PFO);
	assert_int_equal(rig_driver(&r, &x2apic), 0);
	row_eq("1.1", "FSTS", rig_reg(&r, PN_VTD_FSTS, 4) & 0x7F, 0);
	row_eq("1.1", "faults counted", r.drv.faults, 0);
	row_eq("1.1", "reason kept", r.drv.last_fault.reason, 0);
	assert_int_equal(pn_vtd_drv_flush(&r.drv, &r.agent[0], 1), 0);
	rig_close(&r);
}

/* The unit stops listening before each write that is waited for. */
static void dead_unit(void **state)
{
	static const char *const waited[] = {"GCMD", "IQT"};
	unsigned n, tried = 0;

	(void)state;
	rig_open(&r, NULL);
	pn_vtd_write(r.unit, PN_VTD_GCMD, 4, LEFT_ON);
	assert_int_equal(rig_driver(&r, &x2apic), 0);
	n = r.writes;
	rig_close(&r);
	for (unsigned i = 0; i < n; i++) {
		bool wait = false;

		rig_open(&r, NULL);
		pn_vtd_write(r.unit, PN_VTD_GCMD, 4, LEFT_ON);
		assert_int_equal(rig_driver(&r, &x2apic), 0);
		for (size_t k = 0; k < 2; k++)
			wait |= !strcmp(reg_name(r.log[i].off), waited[k]) &&
				(k != 1 || r.log[i].value);
		rig_close(&r);
		if (!wait)
			continue;
		tried++;
		rig_open(&r, NULL);
		pn_vtd_write(r.unit, PN_VTD_GCMD, 4, LEFT_ON);
		r.dead_after = i;
		row_eq(spied(), "dead unit", rig_driver(&r, &x2apic), -ETIMEDOUT);
		assert_int_equal(r.agent[0].irq_off, 0);
		rig_close(&r);
	}
	assert_int_equal(tried, 7); /* IRE off, QIE off, QIE, SIRTP, IEC, IRE, CFI off */
	rig_open(&r, NULL);
	r.all_ones = UINT64_MAX; /* not there any more */
	assert_int_equal(rig_driver(&r, &x2apic), -ETIMEDOUT);
	rig_close(&r);
}

/* ---- queue ---- */

/* 256 slots, two per flush: round four times. */
static void flushes(void **state)
{
	struct pn_vtd_stats a, b;

	(void)state;
	rig_start(&r);
	pn_vtd_stats(r.unit, &a);
	row_eq("1.1", "one global IEC at bring-up", a.iec_global, 1);
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(pn_vtd_drv_flush(&r.drv, &r.agent[1], (uint16_t)i), 0);
	assert_int_equal(pn_vtd_drv_flush_all(&r.drv, &r.agent[1]), 0);
	pn_vtd_stats(r.unit, &b);
	row_eq("1.7", "selective", b.iec_index - a.iec_index, 600);
	row_eq("1.7", "global", b.iec_global - a.iec_global, 1);
	row_eq("1.7", "waits", b.waits - a.waits, 601);
	row_eq("1.7", "IQE", rig_reg(&r, PN_VTD_FSTS, 4), 0);
	row_eq("steps", "IRT_FLUSH", r.agent[1].step[PN_STEP_IRT_FLUSH].count, 601);
	row_eq("lock", "held", r.drv.lock.held, 0);
	rig_close(&r);
}

/* 1.7: the descriptors themselves. */
static void descriptors(void **state)
{
	uint32_t at;

	(void)state;
	rig_start(&r);
	at = r.drv.tail * 2;
	assert_int_equal(pn_vtd_drv_flush(&r.drv, &r.agent[0], 0xBEEF), 0);
	assert_int_equal(pn_vtd_drv_flush_all(&r.drv, &r.agent[0]), 0);
	row_eq("IEC by index: type 4, G, IM 0, IIDX", "lo", r.drv.queue[at], 0x0000BEEF00000014ull);
	row_eq("IEC by index", "hi", r.drv.queue[at + 1], 0);
	row_eq("wait: type 5, SW, data", "lo", r.drv.queue[at + 2], 0x0000000200000025ull);
	row_eq("wait: address", "hi", r.drv.queue[at + 3], r.drv.status_pa);
	row_eq("IEC global", "lo", r.drv.queue[at + 4], 0x4);
	row_eq("wait", "lo", r.drv.queue[at + 6], 0x0000000300000025ull);
	row_eq("status", "number", *r.drv.status, 3);
	rig_close(&r);
}

/* A wait that was given up completes later: its number is not that of the next one. */
static void late_completion(void **state)
{
	static const struct {
		const char *name;
		unsigned pump;
		int ret;
		uint32_t status;
	} rows[] = {
		{"nothing executed", 0, -ETIMEDOUT, 0},
		{"of two flushes the first", 2, -ETIMEDOUT, 1},
		{"invalidated, the wait not reached", 1, -ETIMEDOUT, 1},
		{"all that is queued", 100, 0, 4},
		{"up to the largest number", 2, 0, UINT32_MAX},
		{"the next is not done with it", 0, -ETIMEDOUT, UINT32_MAX},
	};

	(void)state;
	tune_async = true;
	tune_cap = PN_VTD_CAP_ESIRTPS; /* bring-up without a flush */
	rig_open(&r, tune);
	assert_int_equal(rig_driver(&r, &x2apic), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r.pump = rows[i].pump;
		if (i == 4)
			r.drv.seq = UINT32_MAX - 1;
		row_eq(rows[i].name, "result", pn_vtd_drv_flush(&r.drv, &r.agent[0], 7),
		       rows[i].ret);
		row_eq(rows[i].name, "status", *r.drv.status, rows[i].status);
	}
	row_eq("lock", "held", r.drv.lock.held, 0);
	row_eq("interrupts", "off", r.agent[0].irq_off, 0);
	rig_close(&r);
	tune_async = false;
	tune_cap = 0;
}

/* The driver assumes that the queue is full: it reads the head before it writes. */
static void queue_full(void **state)
{
	unsigned before;

	(void)state;
	rig_start(&r);
	for (uint32_t gap = 1; gap <= 3; gap++) { /* 3: just enough */
		r.drv.head = (r.drv.tail + gap) & 255;
		assert_int_equal(pn_vtd_drv_flush(&r.drv, &r.agent[0], 0), 0);
		assert_int_equal(r.drv.head, r.drv.tail);
	}
	/* The unit does not advance, so there is no room: nothing is queued. */
	r.drv.tail = 254;
	r.drv.head = 0;
	r.all_ones = 1; /* IQH 0 */
	before = r.writes;
	assert_int_equal(pn_vtd_drv_flush(&r.drv, &r.agent[0], 0), -ETIMEDOUT);
	assert_int_equal(r.writes, before);
	assert_int_equal(r.drv.tail, 254);
	rig_close(&r);
}

/* ---- faults ---- */

static void faults(void **state)
{
	static const struct {
		const char *name;
		unsigned msis, records;
	} rows[] = {
		{"none", 0, 0},
		{"one", 1, 1},
		{"all records, round", 8, 8},
		{"overflow: PFO is cleared", 11, 8},
		{"after it", 3, 3},
	};
	uint64_t total = 0;

	(void)state;
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &x2apic), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r.intrs = 0;
		for (unsigned n = 0; n < rows[i].msis; n++)
			rig_msi_from(&r, (uint16_t)(0x100 + n), 0x30 + n);
		row_eq(rows[i].name, "interrupts", r.intrs, rows[i].msis ? 1 : 0);
		row_eq(rows[i].name, "records", pn_vtd_drv_fault_irq(&r.drv, &r.agent[0]),
		       rows[i].records);
		total += rows[i].records;
		row_eq(rows[i].name, "total", r.drv.faults, total);
		row_eq(rows[i].name, "FSTS", rig_reg(&r, PN_VTD_FSTS, 4) & 0x7F, 0);
		if (!rows[i].msis)
			continue;
		row_eq(rows[i].name, "destination", r.intr.dest, 0x12345);
		row_eq(rows[i].name, "vector", r.intr.vector, PN_VEC_DMAR_FAULT);
		row_eq("1.6 not present", "reason", r.drv.last_fault.reason, 0x22);
		row_eq(rows[i].name, "index", r.drv.last_fault.index, 0x2F + rows[i].records);
		row_eq(rows[i].name, "source", r.drv.last_fault.sid, 0xFF + rows[i].records);
	}
	/* A unit that is gone reads as all ones: the loop ends. */
	r.all_ones = UINT64_MAX;
	pn_vtd_drv_fault_irq(&r.drv, &r.agent[0]);
	rig_close(&r);
}

/* ---- entries ---- */

static void alloc(void **state)
{
	static const struct {
		const char *name;
		uint32_t n;
		int ret;
	} rows[] = {
		{"none", 0, -EINVAL},
		{"more than there are", 257, -EINVAL},
		{"one", 1, 0},
		{"next", 1, 1},
		{"aligned to 4", 3, 4},
		{"after 3", 1, 7},
		{"5.1.2.2 multi-MSI: 32", 32, 32},
		{"one", 1, 64},
		{"aligned to 128", 128, 128},
		{"no room aligned", 2, -ENOSPC},
		{"no room", 1, -ENOSPC},
	};

	(void)state;
	rig_start(&r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		row_eq(rows[i].name, "first", pn_vtd_drv_alloc(&r.drv, rows[i].n), rows[i].ret);
	r.drv.next_index = 3;
	row_eq("all, aligned", "first", pn_vtd_drv_alloc(&r.drv, 256), -ENOSPC);
	r.drv.next_index = 0;
	row_eq("all", "first", pn_vtd_drv_alloc(&r.drv, 256), 0);
	r.drv.next_index = 250;
	row_eq("up to the last", "first", pn_vtd_drv_alloc(&r.drv, 4), 252);
	rig_close(&r);
}

/* 1.3, 1.4: bit by bit. */
static void forms(void **state)
{
	static const struct {
		const char *name;
		bool x2, post, urg;
		uint32_t apicid;
		uint64_t pid_pa;
		uint64_t lo, hi;
	} rows[] = {
		/* clang-format off */
		{"1.3 remapped, x2APIC", true, false, false, 0x01020304, 0, 0x0102030400620001ull, 0x0000000000040841ull},
		{"1.3 remapped, xAPIC: 47:40", false, false, false, 0xA4, 0, 0x0000A40000620001ull, 0x0000000000040841ull},
		{"1.4 posted", true, true, false, 7, 0x0000123489ABCDC0ull, 0x89ABCDC000418001ull, 0x0000123400040841ull},
		{"1.4 posted, urgent", true, true, true, 7, 0x00000000FFFFFFC0ull, 0xFFFFFFC00041C001ull, 0x0000000000040841ull},
		{"1.4 posted, xAPIC", false, true, false, 7, 0x0000000100000040ull, 0x0000004000418001ull, 0x0000000100040841ull},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_vtd_ir ir;

		rig_open(&r, NULL);
		assert_int_equal(rig_driver(&r, &(struct pn_vtd_drv_config){256, rows[i].x2, 0x20}),
				 0);
		assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, &r.agent[0], 255, RIG_DEV,
						rows[i].apicid, 0x62),
				 0);
		if (rows[i].post)
			assert_int_equal(
				pn_vtd_ir_post(&ir, &r.agent[0], rows[i].pid_pa, 0x41, rows[i].urg),
				0);
		row_eq(rows[i].name, "lo", r.drv.irt[255].lo, rows[i].lo);
		row_eq(rows[i].name, "hi", r.drv.irt[255].hi, rows[i].hi);
		rig_close(&r);
	}
}

static void bad_entries(void **state)
{
	static const struct {
		const char *name;
		bool x2;
		uint16_t index;
		uint32_t apicid;
		uint8_t vector;
		int ret;
	} rows[] = {
		{"last", true, 255, 0x100, 16, 0},
		{"index beyond the table", true, 256, 0, 16, -EINVAL},
		{"vector below 16", true, 0, 0, 15, -EINVAL},
		{"destination beyond 8 bits, xAPIC", false, 0, 0x100, 16, -EINVAL},
		{"destination, xAPIC", false, 0, 0xFF, 16, 0},
	};
	struct pn_vtd_ir ir;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_open(&r, NULL);
		assert_int_equal(rig_driver(&r, &(struct pn_vtd_drv_config){256, rows[i].x2, 0x20}),
				 0);
		row_eq(rows[i].name, "init",
		       pn_vtd_ir_init(&ir, &r.drv, &r.agent[0], rows[i].index, 1, rows[i].apicid,
				      rows[i].vector),
		       rows[i].ret);
		if (rows[i].ret) {
			row_eq(rows[i].name, "post without an entry",
			       pn_vtd_ir_post(&ir, &r.agent[0], RIG_BASE, 0x41, false), -EINVAL);
			row_eq(rows[i].name, "affinity without an entry",
			       pn_vtd_ir_affinity(&ir, &r.agent[0], 1, 0x30), -EINVAL);
		}
		assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, &r.agent[0], 9, 1, 1, 0x30), 0);
		if (rows[i].index < 256)
			row_eq(rows[i].name, "affinity",
			       pn_vtd_ir_affinity(&ir, &r.agent[0], rows[i].apicid, rows[i].vector),
			       rows[i].ret);
		row_eq("2: 64-byte aligned", "post",
		       pn_vtd_ir_post(&ir, &r.agent[0], RIG_BASE + 0x20, 0x41, false), -EINVAL);
		row_eq("2: 64-byte aligned", "posted", ir.posted, 0);
		rig_close(&r);
	}
	rig_open(&r, NULL);
	assert_int_equal(rig_driver(&r, &x2apic), 0);
	r.drv.pi = false;
	assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, &r.agent[0], 9, 1, 1, 0x30), 0);
	assert_int_equal(pn_vtd_ir_post(&ir, &r.agent[0], RIG_BASE, 0x41, false), -ENODEV);
	rig_close(&r);
}

static struct pn_pid *make_pid(uint64_t *pa)
{
	struct pn_pid *pid = pn_pages_alloc(&r.pages, sizeof(*pid), sizeof(*pid), pa);

	assert_non_null(pid);
	pid->control = 0xF2ull << PN_PID_NV_SH | pn_pid_ndst(RIG_APICID(1), true);
	return pid;
}

/* The unit poisons entries that memory no longer agrees with: each change was invalidated. */
static void form_changes(void **state)
{
	struct pn_agent *a = &r.agent[0];
	struct pn_vtd_ir ir;
	uint64_t pa[2], addr, n;
	uint32_t data;
	struct pn_pid *pid[2];

	(void)state;
	rig_start(&r);
	pid[0] = make_pid(&pa[0]);
	pid[1] = make_pid(&pa[1]);
	assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, a, 5, RIG_DEV, RIG_APICID(2), 0x62), 0);
	pn_vtd_ir_msi(&ir, &addr, &data);
	row_eq("1.2", "address: handle 5, format, SHV", addr, 0xFEE000B8);
	row_eq("1.2", "data: subhandle 0", data, 0);
	assert_int_equal(rig_msi(&r, 5), PN_MSI_REMAPPED);
	assert_int_equal(r.intr.vector, 0x62);
	assert_int_equal(pn_vtd_ir_affinity(&ir, a, RIG_APICID(0), 0x63), 0);
	assert_int_equal(rig_msi(&r, 5), PN_MSI_REMAPPED);
	assert_int_equal(r.intr.dest, RIG_APICID(0));

	assert_int_equal(pn_vtd_ir_post(&ir, a, pa[0], 0x41, false), 0);
	assert_int_equal(rig_msi(&r, 5), PN_MSI_POSTED);
	assert_int_equal(pid[0]->pir[1], 2);
	assert_int_equal(pn_vtd_ir_post(&ir, a, pa[1], 0x42, false), 0);
	assert_int_equal(rig_msi(&r, 5), PN_MSI_POSTED);
	assert_int_equal(pid[0]->pir[1], 2);
	assert_int_equal(pid[1]->pir[1], 4);
	/* remembered while posted */
	n = a->step[PN_STEP_IRTE_WRITE].count;
	assert_int_equal(pn_vtd_ir_affinity(&ir, a, RIG_APICID(1), 0x64), 0);
	assert_int_equal(a->step[PN_STEP_IRTE_WRITE].count, n);
	assert_int_equal(rig_msi(&r, 5), PN_MSI_POSTED);
	assert_int_equal(pn_vtd_ir_remap(&ir, a), 0);
	assert_int_equal(rig_msi(&r, 5), PN_MSI_REMAPPED);
	assert_int_equal(r.intr.vector, 0x64);
	assert_int_equal(r.intr.dest, RIG_APICID(1));
	assert_int_equal(pn_vtd_ir_remap(&ir, a), 0); /* nothing to do */
	assert_int_equal(a->step[PN_STEP_IRTE_WRITE].count, n + 1);
	assert_int_equal(a->step[PN_STEP_IRT_FLUSH].count, n + 2); /* one at bring-up */
	/* another owner: posted before, and remapped before */
	assert_int_equal(pn_vtd_ir_post(&ir, a, pa[0], 0x41, false), 0);
	assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, a, 5, RIG_DEV + 1, RIG_APICID(2), 0x65), 0);
	assert_int_equal(rig_msi_from(&r, RIG_DEV + 1, 5), PN_MSI_REMAPPED);
	assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, a, 5, RIG_DEV, RIG_APICID(2), 0x66), 0);
	assert_int_equal(rig_msi(&r, 5), PN_MSI_REMAPPED);
	assert_int_equal(r.intr.vector, 0x66);
	assert_int_equal(rig_msi_from(&r, RIG_DEV + 1, 5), PN_MSI_ABORTED);
	row_eq("interrupts", "off", a->irq_off, 0);
	rig_close(&r);
}

/* Every change reports a unit that does not answer. */
static void dead_entries(void **state)
{
	struct pn_vtd_ir ir;
	uint64_t pa;

	(void)state;
	rig_start(&r);
	make_pid(&pa);
	assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, &r.agent[0], 5, RIG_DEV, 0, 0x62), 0);
	r.dead_after = 0;
	assert_int_equal(pn_vtd_ir_affinity(&ir, &r.agent[0], 0, 0x63), -ETIMEDOUT);
	assert_int_equal(pn_vtd_ir_post(&ir, &r.agent[0], pa, 0x41, false), -ETIMEDOUT);
	assert_int_equal(pn_vtd_ir_remap(&ir, &r.agent[0]), -ETIMEDOUT);
	assert_int_equal(pn_vtd_ir_init(&ir, &r.drv, &r.agent[0], 6, RIG_DEV, 0, 0x62), -ETIMEDOUT);
	assert_int_equal(ir.lock.held | r.drv.lock.held | r.agent[0].irq_off, 0);
	rig_close(&r);
}

/* ---- 1.7: what a unit may see of an entry that changes ---- */

#define DEST_A 0x11111111u
#define DEST_B 0x22222222u
#define PID_A  0x0000111111111100ull
#define PID_B  0x0000222222222200ull
#define SID_A  0x1111u
#define SID_B  0x2222u

/* Both halves of an entry belong together, or the entry is not present. */
static bool whole(struct pn_u128 e)
{
	uint64_t high = e.hi & PN_VIRTE_PDAH_MASK, pid = high | (e.lo & PN_VIRTE_PDAL_MASK) >> 32;
	uint32_t sid = e.hi & PN_VIRTE_SID_MASK, dest = (uint32_t)(e.lo >> 32);

	if (!(e.lo & PN_VIRTE_P))
		return true;
	if (e.lo & PN_VIRTE_IM)
		return pid == PID_A || pid == PID_B;
	return !high && ((sid == SID_A && dest == DEST_A) || (sid == SID_B && dest == DEST_B));
}

static unsigned stores, halves;

static void look(void)
{
	stores++;
	halves += !whole(pn_ld128_sc((const struct pn_u128 *)(const void *)&r.drv.irt[5]));
}

static void init_as(struct pn_vtd_ir *ir, bool b)
{
	assert_int_equal(pn_vtd_ir_init(ir, &r.drv, &r.agent[0], 5, b ? SID_B : SID_A,
					b ? DEST_B : DEST_A, 0x62),
			 0);
}

static void never_half(void **state)
{
	static const struct {
		const char *name;
		const char
			*doing; /* a, b: init for that owner; A, B: post; r: remap; v: affinity */
		unsigned stores;
	} rows[] = {
		{"first use: high half, low half", "a", 2},
		{"other owner: not present, high half, low half", "ab", 5},
		{"same owner: low half", "aa", 3},
		{"affinity: low half", "av", 3},
		{"posted: one exchange", "aA", 3},
		{"posted elsewhere: one exchange", "aAB", 4},
		{"back: one exchange", "aAr", 4},
		{"remapped for another owner while posted: one exchange", "aAb", 4},
		{"all", "abAbBarAaBrvb", 17},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_vtd_ir ir;

		rig_start(&r);
		stores = halves = 0;
		stored = look;
		for (const char *c = rows[i].doing; *c; c++) {
			if (*c == 'a' || *c == 'b')
				init_as(&ir, *c == 'b');
			else if (*c == 'r')
				pn_vtd_ir_remap(&ir, &r.agent[0]);
			else if (*c == 'v')
				pn_vtd_ir_affinity(&ir, &r.agent[0], ir.host_apicid, 0x63);
			else
				pn_vtd_ir_post(&ir, &r.agent[0], *c == 'A' ? PID_A : PID_B, 0x41,
					       false);
		}
		stored = NULL;
		row_eq(rows[i].name, "stores", stores, rows[i].stores);
		row_eq(rows[i].name, "half an entry was present", halves, 0);
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bring_up),	cmocka_unit_test(refused),
		cmocka_unit_test(left_overs),	cmocka_unit_test(dead_unit),
		cmocka_unit_test(flushes),	cmocka_unit_test(descriptors),
		cmocka_unit_test(queue_full),	cmocka_unit_test(late_completion),
		cmocka_unit_test(faults),	cmocka_unit_test(alloc),
		cmocka_unit_test(forms),	cmocka_unit_test(bad_entries),
		cmocka_unit_test(form_changes), cmocka_unit_test(dead_entries),
		cmocka_unit_test(never_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
