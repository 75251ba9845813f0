/* SPDX-License-Identifier: MIT */
/*
 * What the VT-d unit has for an embedder that owns address translation and memory: faults of DMA
 * (7.1.3, 7.3.1, 11.4.14), stores that are reported, pointers that are asked for again.
 */
#include <errno.h>

#include "vtd_fixture.h"

#define CAP (PN_VTD_CAP_PI | 0x22ull << 24 | 1ull << 40) /* two records */

#define REC(i) (0x220u + 16 * (i))
#define F      PN_VTD_FR_F
#define SID    0x1A08u

static void open_unit(struct vfix *f)
{
	struct pn_vtd_config cfg;

	pn_vtd_config_default(&cfg);
	cfg.cap = CAP;
	v_open(f, &cfg);
}

static const struct {
	const char *name;
	struct pn_vtd_dma_fault fault;
	uint64_t lo, hi; /* of the record; 0: none */
	int err;
} records[] = {
	{"11.4.14 write: T1:T2 = 00",
	 {.addr = 0x123456789ABCDull, .reason = 5, .type = PN_VTD_DMA_WRITE, .sid = SID},
	 0x123456789A000ull,
	 F | 0x0500000000ull | SID,
	 0},
	{"11.4.14 page request: 01",
	 {.addr = 0x1000, .reason = 5, .type = PN_VTD_DMA_PAGE, .sid = SID},
	 0x1000,
	 F | 1ull << 28 | 0x0500000000ull | SID,
	 0},
	{"11.4.14 read: 10",
	 {.addr = 0xFFFFFFFFFFFFFFFFull, .reason = 6, .type = PN_VTD_DMA_READ, .sid = SID},
	 0xFFFFFFFFFFFFF000ull,
	 F | 1ull << 62 | 0x0600000000ull | SID,
	 0},
	{"11.4.14 atomic: 11",
	 {.addr = 0xFFF, .reason = 5, .type = PN_VTD_DMA_ATOMIC, .sid = 0xFFFF},
	 0,
	 F | 1ull << 62 | 1ull << 28 | 0x0500000000ull | 0xFFFF,
	 0},
	{"11.4.14 PASID, EXE, PRIV",
	 {.reason = 0x71,
	  .sid = SID,
	  .has_pasid = true,
	  .pasid = 0xABCDE,
	  .exec = true,
	  .priv = true},
	 0,
	 F | 0xABCDEull << 40 | 7ull << 29 | 0x7100000000ull | SID,
	 0},
	{"11.4.14 PASID alone",
	 {.reason = 0x71, .sid = SID, .has_pasid = true, .pasid = 1},
	 0,
	 F | 1ull << 40 | 1ull << 31 | 0x7100000000ull | SID,
	 0},
	{"11.4.14 no PASID: its fields are zero",
	 {.reason = 0x71, .sid = SID, .pasid = 0xFFFFFFFF, .exec = true, .priv = true},
	 0,
	 F | 0x7100000000ull | SID,
	 0},
	{"7.1.3 FPD, and the reason is qualified", {.reason = 6, .sid = SID, .fpd = true}, 0, 0, 0},
	{"7.1.3 FPD, and the reason is not",
	 {.reason = 1, .sid = SID, .fpd = true},
	 0,
	 F | 0x0100000000ull | SID,
	 0},
	{"no reason", {.sid = SID}, 0, 0, -EINVAL},
	{"a reason of interrupts, first", {.reason = 0x20, .sid = SID}, 0, 0, -EINVAL},
	{"a reason of interrupts, last", {.reason = 0x2F, .sid = SID}, 0, 0, -EINVAL},
	{"no such type", {.reason = 6, .type = 4}, 0, 0, -EINVAL},
	{"PASID of 21 bits", {.reason = 6, .has_pasid = true, .pasid = 0x100000}, 0, 0, -EINVAL},
};

static void test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		struct vfix f;

		open_unit(&f);
		row_eq(records[i].name, "result",
		       (uint64_t)pn_vtd_dma_fault(f.v, &records[i].fault),
		       (uint64_t)records[i].err);
		row_eq(records[i].name, "low", v_rd(&f, REC(0)), records[i].lo);
		row_eq(records[i].name, "high", v_rd(&f, REC(0) + 8), records[i].hi);
		row_eq(records[i].name, "PPF", v_rd32(&f, PN_VTD_FSTS),
		       records[i].hi ? PN_VTD_FSTS_PPF : 0);
		v_close(&f);
	}
}

/* 7.1.3: which reasons FPD keeps quiet. */
static const struct {
	const char *name;
	uint8_t first, last;
	bool quiet;
} reasons[] = {
	{"7.1.3 root entry not present", 0x01, 0x01, false},
	{"7.1.3 context entry, translation", 0x02, 0x07, true},
	{"7.1.3 root table, context table, root entry", 0x08, 0x0A, false},
	{"7.1.3 context entry, paging entry, type, interrupt range", 0x0B, 0x0E, true},
	{"not defined", 0x0F, 0x1F, false},
	{"scalable mode: root table", 0x30, 0x32, false},
	{"not defined", 0x33, 0x37, false},
	{"scalable mode: root entry", 0x38, 0x3A, false},
	{"scalable mode: reading of a context entry", 0x40, 0x40, false},
	{"scalable mode: context entry", 0x41, 0x48, true},
	{"scalable mode: reading of the PASID directory", 0x50, 0x50, false},
	{"scalable mode: PASID directory entry", 0x51, 0x52, true},
	{"scalable mode: reading of the PASID table", 0x58, 0x58, false},
	{"scalable mode: PASID table entry", 0x59, 0x5D, true},
	{"scalable mode: first stage", 0x70, 0x74, true},
	{"scalable mode: second stage", 0x78, 0x7C, true},
	{"scalable mode: the request", 0x80, 0x87, true},
	{"scalable mode: accessed and dirty bits", 0x90, 0x91, true},
	{"not defined", 0x92, 0xFF, false},
};

static void test_qualified(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reasons); i++) {
		for (unsigned r = reasons[i].first; r <= reasons[i].last; r++) {
			const struct pn_vtd_dma_fault fault = {
				.reason = (uint8_t)r, .sid = SID, .fpd = true};
			struct vfix f;

			row_eq(reasons[i].name, "qualified", pn_vtd_fault_qualified(r),
			       reasons[i].quiet);
			open_unit(&f);
			assert_int_equal(pn_vtd_dma_fault(f.v, &fault), 0);
			row_eq(reasons[i].name, "recorded", v_reason(&f, 0),
			       reasons[i].quiet ? 0 : r);
			v_close(&f);
		}
	}
}

/* Faults of DMA and of interrupts share the ring, the status and the event (7.3.1). */
static void test_one_ring(void **state)
{
	const struct pn_vtd_dma_fault dma = {.addr = 0x5000, .reason = 6, .sid = SID};
	struct pn_vtd_stats s;
	struct vfix f;

	(void)state;
	open_unit(&f);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 3);
	v_wr32(&f, PN_VTD_FEDATA, 0x31);
	v_wr32(&f, PN_VTD_FEADDR, 0xFEE02000);
	v_wr32(&f, PN_VTD_FECTL, 0);
	assert_int_equal(pn_vtd_dma_fault(f.v, &dma), 0);
	row_eq("7.3.1 fault event", "interrupts", f.intrs, 1);
	row_eq("7.3.1 fault event", "vector", f.intr[0].vector, 0x31);
	row_eq("7.3.1 fault event", "destination", f.intr[0].dest, 2);
	assert_int_equal(v_msi(&f, 0x1FF, 0), PN_MSI_ABORTED);
	row_eq("7.3.1 an interrupt's record after DMA's", "reason", v_reason(&f, 1),
	       PN_VTD_FAULT_INDEX);
	row_eq("7.3.1 no second event", "interrupts", f.intrs, 1);
	assert_int_equal(pn_vtd_dma_fault(f.v, &dma), 0);
	row_eq("7.3.1 PFO", "FSTS", v_rd32(&f, PN_VTD_FSTS), PN_VTD_FSTS_PPF | PN_VTD_FSTS_PFO);
	v_wr32(&f, REC(0) + 12, 1u << 31);
	assert_int_equal(pn_vtd_dma_fault(f.v, &dma), 0);
	row_eq("7.3.1 dropped until PFO is cleared", "reason", v_reason(&f, 0), 0);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_PFO);
	assert_int_equal(pn_vtd_dma_fault(f.v, &dma), 0);
	row_eq("7.3.1 recorded again", "reason", v_reason(&f, 0), 6);
	pn_vtd_stats(f.v, &s);
	row_eq("7.3.1", "recorded", s.faults, 3);
	row_eq("7.3.1", "dropped", s.faults_dropped, 2);
	v_close(&f);
}

/* ---- memory that the embedder moves ---- */

enum { HERE, THERE, NOWHERE };

struct banks {
	struct vfix f;
	uint8_t *other;
	int pids; /* where the pages of descriptors are */
	uint64_t wrote[8];
	unsigned n;
};

static void *bank_map(void *ctx, uint64_t pa, size_t len)
{
	struct banks *b = ctx;
	const uint64_t off = pa - V_BASE;

	if (off >= V_SIZE || len > V_SIZE - off)
		return NULL;
	if (pa < V_PID || pa >= V_PID + 4096 || b->pids == HERE)
		return b->f.bus.ram + off;
	return b->pids == THERE ? b->other + off : NULL;
}

static void bank_wrote(void *ctx, uint64_t pa, size_t len)
{
	struct banks *b = ctx;

	b->wrote[b->n++ % COUNT(b->wrote)] = pa | len << 56;
}

static void open_banks(struct banks *b)
{
	memset(b, 0, sizeof(*b));
	open_unit(&b->f);
	b->other = aligned_alloc(4096, V_SIZE);
	assert_non_null(b->other);
	memset(b->other, 0, V_SIZE);
	b->f.bus.ctx = b;
	b->f.bus.intr = NULL;
	b->f.bus.map = bank_map;
	b->f.bus.wrote = bank_wrote;
	b->f.bus.ram_size = 0; /* the bus asks for everything */
	v_remap(&b->f, V_IRT, PN_VTD_IRTA_EIME, 3);
	v_irte(&b->f, V_IRT, 5, v_posted(V_PID, 0x41, 0));
	v_irte(&b->f, V_IRT, 6, v_remapped(3, 0x42, true));
}

static void close_banks(struct banks *b)
{
	free(b->other);
	v_close(&b->f);
}

static void test_stores_are_reported(void **state)
{
	struct banks b;

	(void)state;
	open_banks(&b);
	assert_int_equal(v_msi(&b.f, 5, 0), PN_MSI_POSTED);
	row_eq("5.2.3 the descriptor", "store", b.wrote[0], V_PID | 64ull << 56);
	assert_int_equal(v_msi(&b.f, 6, 0), PN_MSI_REMAPPED);
	row_eq("remapped: no store", "stores", b.n, 1);
	v_queue(&b.f);
	v_submit(&b.f, 0x25 | 0x77ull << 32, V_SEM);
	row_eq("6.5.2.8 status", "store", b.wrote[1], V_SEM | 4ull << 56);
	v_submit(&b.f, 0x25 | 0x77ull << 32, V_NOWHERE);
	row_eq("6.5.2.8 status that goes nowhere", "stores", b.n, 2);
	close_banks(&b);
}

static void test_memory_changes(void **state)
{
	struct banks b;
	struct pn_pid *there;

	(void)state;
	open_banks(&b);
	there = (struct pn_pid *)(void *)(b.other + (V_PID - V_BASE));
	assert_int_equal(v_msi(&b.f, 5, 0), PN_MSI_POSTED);
	assert_int_equal(v_msi(&b.f, 6, 0), PN_MSI_REMAPPED);
	b.pids = THERE;
	pn_vtd_memory_changed(b.f.v);
	assert_int_equal(v_msi(&b.f, 5, 0), PN_MSI_POSTED);
	row_eq("moved", "PIR", there->pir[1], 2);
	row_eq("moved: the entry stayed", "hits", b.f.agent.step[PN_STEP_IRTE_HIT].count, 1);
	b.pids = NOWHERE;
	pn_vtd_memory_changed(b.f.v);
	assert_int_equal(v_msi(&b.f, 5, 0), PN_MSI_ABORTED);
	row_eq("gone", "reason", v_reason(&b.f, 0), PN_VTD_FAULT_PID);
	assert_int_equal(v_msi(&b.f, 6, 0), PN_MSI_REMAPPED);
	row_eq("gone: other entries stay", "hits", b.f.agent.step[PN_STEP_IRTE_HIT].count, 2);
	b.pids = HERE;
	pn_vtd_memory_changed(b.f.v);
	assert_int_equal(v_msi(&b.f, 5, 0), PN_MSI_POSTED);
	close_banks(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),	       cmocka_unit_test(test_qualified),
		cmocka_unit_test(test_one_ring),       cmocka_unit_test(test_stores_are_reported),
		cmocka_unit_test(test_memory_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
