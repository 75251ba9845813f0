/* SPDX-License-Identifier: MIT */
/*
 * The invalidation queue of a VT-d unit: descriptors, errors, waits, and what an invalidation drops
 * (VT-d 6.5.2).
 */
#include "vtd_fixture.h"

#define IM  PN_VTD_ECTL_IM
#define IP  PN_VTD_ECTL_IP
#define IWC PN_VTD_ICS_IWC

static void open_with(struct vfix *f, uint64_t ecap)
{
	struct pn_vtd_config cfg;

	pn_vtd_config_default(&cfg);
	cfg.ecap |= ecap;
	v_open(f, &cfg);
}

/* One descriptor at the head of a queue of one page; @width: 16 or 32 bytes. */
static void one(struct vfix *f, const uint64_t *q, unsigned width)
{
	memcpy(v_ptr(f, V_QUEUE), q, width);
	v_wr(f, PN_VTD_IQA, V_QUEUE | (width == 32 ? PN_VTD_IQA_DW : 0));
	v_wr32(f, PN_VTD_IQT, width);
	v_gcmd(f, PN_VTD_G_QIE, 0);
}

static void iqei_eq(struct vfix *f, const char *name, unsigned want, uint32_t head)
{
	row_eq(name, "IQE", (v_rd32(f, PN_VTD_FSTS) & PN_VTD_FSTS_IQE) != 0, want != 0);
	row_eq(name, "IQEI", v_rd(f, PN_VTD_IQER), want);
	row_eq(name, "head", v_rd(f, PN_VTD_IQH), head);
}

/*
 * 1.7: which bits of a descriptor may be set. A row per field; every bit is tried alone on top of
 * the row's descriptor and ends in @iqei or in nothing.
 */
struct bits {
	const char *name;
	uint64_t q0; /* a descriptor without errors */
	uint64_t set[2];
	unsigned iqei;
};

#define RSV PN_VTD_IQEI_RESERVED
static const struct bits fields[] = {
	{"1.7 IEC 4 G", 0x04, {1ull << 4, 0}, 0},
	{"1.7 IEC 8:5", 0x04, {0xFull << 5, 0}, RSV},
	{"1.7 IEC 26:12", 0x04, {0x7FFFull << 12, 0}, RSV},
	{"1.7 IEC 31:27 IM, global: ignored", 0x04, {31ull << 27, 0}, 0},
	{"1.7 IEC 47:32 IIDX", 0x14, {0xFFFFull << 32, 0}, 0},
	{"1.7 IEC 63:48", 0x04, {0xFFFFull << 48, 0}, RSV},
	{"1.7 IEC 127:64", 0x04, {0, ~0ull}, RSV},
	{"1.7 wait 4 IF", 0x05, {1ull << 4, 0}, 0},
	{"1.7 wait 5 SW", 0x05, {1ull << 5, 0}, 0},
	{"1.7 wait 6 FN", 0x05, {1ull << 6, 0}, 0},
	{"1.7 wait 7 PD", 0x05, {1ull << 7, 0}, 0},
	{"1.7 wait 8", 0x05, {1ull << 8, 0}, RSV},
	{"1.7 wait 31:12", 0x05, {0xFFFFFull << 12, 0}, RSV},
	{"1.7 wait 63:32 data", 0x05, {0xFFFFFFFFull << 32, 0}, 0},
	{"1.7 wait 65:64", 0x05, {0, 3}, RSV},
	{"1.7 wait 127:66 address", 0x05, {0, ~3ull}, 0},
	{"1.7 context 8:6", 0x11, {7ull << 6, 0}, RSV},
	{"1.7 context 15:12", 0x11, {0xFull << 12, 0}, RSV},
	{"1.7 context 49:16", 0x11, {0x3FFFFFFFFull << 16, 0}, 0},
	{"1.7 context 63:50", 0x11, {0x3FFFull << 50, 0}, RSV},
	{"1.7 context 127:64", 0x11, {0, ~0ull}, RSV},
	{"1.7 IOTLB 7:6", 0x12, {3ull << 6, 0}, 0},
	{"1.7 IOTLB 8", 0x12, {1ull << 8, 0}, RSV},
	{"1.7 IOTLB 15:12", 0x12, {0xFull << 12, 0}, RSV},
	{"1.7 IOTLB 31:16", 0x12, {0xFFFFull << 16, 0}, 0},
	{"1.7 IOTLB 63:32", 0x12, {0xFFFFFFFFull << 32, 0}, RSV},
	{"1.7 IOTLB 70:64", 0x12, {0, 0x7F}, 0},
	{"1.7 IOTLB 75:71", 0x12, {0, 0xF80}, RSV},
	{"1.7 IOTLB 127:76", 0x12, {0, ~0xFFFull}, 0},
	{"1.7 device TLB 8:4", 0x03, {0x1Full << 4, 0}, RSV},
	{"1.7 device TLB 20:12", 0x03, {0x1FFull << 12, 0}, 0},
	{"1.7 device TLB 31:21", 0x03, {0x7FFull << 21, 0}, RSV},
	{"1.7 device TLB 47:32", 0x03, {0xFFFFull << 32, 0}, 0},
	{"1.7 device TLB 51:48", 0x03, {0xFull << 48, 0}, RSV},
	{"1.7 device TLB 63:52", 0x03, {0xFFFull << 52, 0}, 0},
	{"1.7 device TLB 64", 0x03, {0, 1}, 0},
	{"1.7 device TLB 75:65", 0x03, {0, 0xFFE}, RSV},
	{"1.7 PASID IOTLB 8:6", 0x26, {7ull << 6, 0}, RSV},
	{"1.7 PASID IOTLB 51:16", 0x26, {0xFFFFFFFFFull << 16, 0}, 0},
	{"1.7 PASID IOTLB 63:52", 0x26, {0xFFFull << 52, 0}, RSV},
	{"1.7 PASID IOTLB 75:71", 0x26, {0, 0xF80}, RSV},
	{"1.7 PASID cache 51:16", 0x07, {0xFFFFFFFFFull << 16, 0}, 0},
	{"1.7 PASID cache 63:52", 0x07, {0xFFFull << 52, 0}, RSV},
	{"1.7 PASID cache 127:64", 0x07, {0, ~0ull}, RSV},
	{"1.7 PASID device TLB 63:12", 0x08, {~0xFFFull, 0}, 0},
	{"1.7 PASID device TLB 74:65", 0x08, {0, 0x7FE}, RSV},
	{"1.7 PASID device TLB 75, 64", 0x08, {0, 0x801}, 0},
};

/* Whole descriptors. @q2, @q3 only with 256 bits. */
static const struct whole {
	const char *name;
	uint64_t q[4];
	unsigned iqei;
	unsigned width;
} wholes[] = {
	{"1.7 type 0", {0}, PN_VTD_IQEI_TYPE, 16},
	{"1.7 type 9", {9}, PN_VTD_IQEI_TYPE, 16},
	{"1.7 type 15", {15}, PN_VTD_IQEI_TYPE, 16},
	{"1.7 type hi 1", {0x204}, PN_VTD_IQEI_TYPE, 16},
	{"1.7 type hi 4", {0x805}, PN_VTD_IQEI_TYPE, 16},
	{"1.7 context G 00", {0x01}, RSV, 16},
	{"1.7 context G 10", {0x21}, 0, 16},
	{"1.7 context G 11", {0x31}, 0, 16},
	{"1.7 IOTLB G 00", {0x02}, RSV, 16},
	{"1.7 IOTLB G 11", {0x32}, 0, 16},
	{"1.7 PASID IOTLB G 00", {0x06}, RSV, 16},
	{"1.7 PASID IOTLB G 01", {0x16}, RSV, 16},
	{"1.7 PASID IOTLB G 11", {0x36}, 0, 16},
	{"1.7 PASID cache G 01", {0x17}, 0, 16},
	{"1.7 PASID cache G 10", {0x27}, RSV, 16},
	{"1.7 PASID cache G 11", {0x37}, 0, 16},
	{"1.7 256 bits: IEC padded with zeros", {4}, 0, 32},
	{"1.7 256 bits: wait padded with zeros", {5}, 0, 32},
	{"1.7 256 bits: bit 128", {4, 0, 1, 0}, RSV, 32},
	{"1.7 256 bits: bit 191", {5, 0, 1ull << 63, 0}, RSV, 32},
	{"1.7 256 bits: bit 192", {4, 0, 0, 1}, RSV, 32},
	{"1.7 256 bits: bit 255", {0x11, 0, 0, 1ull << 63}, RSV, 32},
	{"1.7 256 bits: type 0", {0}, PN_VTD_IQEI_TYPE, 32},
	{"1.7 256 bits: reserved", {0x24}, RSV, 32},
};

static void test_descriptors(void **state)
{
	struct vfix f;

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		for (unsigned b = 0; b < 128; b++) {
			uint64_t q[2] = {fields[i].q0, 0};

			if (!(fields[i].set[b / 64] >> b % 64 & 1))
				continue;
			q[b / 64] |= 1ull << b % 64;
			open_with(&f, PN_VTD_ECAP_SMTS);
			one(&f, q, 16);
			iqei_eq(&f, fields[i].name, fields[i].iqei, fields[i].iqei ? 0 : 16);
			row_eq(fields[i].name, "step CMD", f.agent.step[PN_STEP_CMD].count, 1);
			v_close(&f);
		}
	}
	for (size_t i = 0; i < COUNT(wholes); i++) {
		open_with(&f, PN_VTD_ECAP_SMTS);
		one(&f, wholes[i].q, wholes[i].width);
		iqei_eq(&f, wholes[i].name, wholes[i].iqei, wholes[i].iqei ? 0 : wholes[i].width);
		v_close(&f);
	}
}

/* 1.1 IQER: what else stops the queue. */
static void test_errors(void **state)
{
	static const struct {
		const char *name;
		uint64_t ecap, iqa;
		uint32_t tail;
		unsigned ttm, desc;
		unsigned iqei;
	} rows[] = {
		/* clang-format off */
		{"1.1 IQEI 1: tail at the end", 0, V_QUEUE, 4096, 0, 4, PN_VTD_IQEI_TAIL},
		{"1.1 IQEI 1: tail beyond QS = 6", 0, V_QUEUE | 6, 4096 << 6, 0, 4, PN_VTD_IQEI_TAIL},
		{"1.1 tail in the second page of QS = 1", 0, V_QUEUE | 1, 16, 0, 4, 0},
		{"1.1 IQEI 2: no memory", 0, V_NOWHERE, 16, 0, 4, PN_VTD_IQEI_FETCH},
		{"1.1 IQEI 2: above HAW", 0, 1ull << 52, 16, 0, 4, PN_VTD_IQEI_FETCH},
		{"1.1 IQEI 5: scalable mode, 128 bits", PN_VTD_ECAP_SMTS, V_QUEUE, 16, PN_VTD_TTM_SCALABLE, 4, PN_VTD_IQEI_WIDTH},
		{"1.1 scalable mode, 256 bits", PN_VTD_ECAP_SMTS, V_QUEUE | PN_VTD_IQA_DW, 32, PN_VTD_TTM_SCALABLE, 4, 0},
		{"1.1 IQEI 6: half a descriptor", PN_VTD_ECAP_SMTS, V_QUEUE | PN_VTD_IQA_DW, 48, 0, 4, PN_VTD_IQEI_ALIGN},
		{"1.1 IQEI 7: TTM 10", 0, V_QUEUE, 16, PN_VTD_TTM_RESERVED, 0x11, PN_VTD_IQEI_TTM},
		{"1.1 TTM 10 does not concern IEC", 0, V_QUEUE, 16, PN_VTD_TTM_RESERVED, 4, 0},
		{"1.1 TTM 11", 0, V_QUEUE, 16, PN_VTD_TTM_ABORT, 0x11, 0},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vfix f;

		open_with(&f, rows[i].ecap);
		v_st(&f, V_QUEUE, rows[i].desc);
		v_wr(&f, PN_VTD_RTADDR, rows[i].ttm << 10);
		v_gcmd(&f, PN_VTD_G_SRTP, 0);
		v_wr(&f, PN_VTD_IQA, rows[i].iqa);
		v_gcmd(&f, PN_VTD_G_QIE, 0);
		v_wr32(&f, PN_VTD_IQT, rows[i].tail);
		iqei_eq(&f, rows[i].name, rows[i].iqei, rows[i].iqei ? 0 : rows[i].tail);
		row_eq(rows[i].name, "IM: IP", v_rd32(&f, PN_VTD_FECTL),
		       rows[i].iqei ? IM | IP : IM);
		v_close(&f);
	}
}

/* 1.1: the translation table mode is that of the last SRTP. */
static void test_ttm_latch(void **state)
{
	const uint64_t q[2] = {0x11, 0};
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	v_wr(&f, PN_VTD_RTADDR, 2 << 10);
	one(&f, q, 16);
	iqei_eq(&f, "1.1 RTADDR without SRTP", 0, 16);
	v_close(&f);
}

/* The head stops at the error, and goes on when IQE is cleared. */
static void test_stop(void **state)
{
	struct pn_vtd_stats s;
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	v_queue(&f);
	v_submit(&f, 5, 0);
	v_submit(&f, 15, 0);
	v_submit(&f, 5, 0);
	iqei_eq(&f, "1.7 stopped", PN_VTD_IQEI_TYPE, 16);
	v_st(&f, V_QUEUE + 16, 5);
	v_submit(&f, 5, 0);
	iqei_eq(&f, "1.7 stays stopped", PN_VTD_IQEI_TYPE, 16);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_PFO);
	row_eq("1.7 another bit cleared", "head", v_rd(&f, PN_VTD_IQH), 16);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_IQE);
	row_eq("1.7 IQE cleared: goes on", "head", v_rd(&f, PN_VTD_IQH), 64);
	pn_vtd_stats(f.v, &s);
	row_eq("1.7 goes on", "waits", s.waits, 4);
	/* an error that is still there is reported again */
	v_submit(&f, 0, 0);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_IQE);
	iqei_eq(&f, "1.7 still bad", PN_VTD_IQEI_TYPE, 64);
	/* 1.1: QIE off: head 0 */
	v_gcmd(&f, 0, PN_VTD_G_QIE);
	row_eq("1.1 queue off", "head", v_rd(&f, PN_VTD_IQH), 0);
	v_close(&f);
}

static void test_ring(void **state)
{
	static const struct {
		const char *name;
		uint64_t iqa;
		uint32_t bytes, size;
	} rows[] = {
		{"1.1 QS 0, 128 bits", V_QUEUE, 4096, 16},
		{"1.1 QS 2, 128 bits", V_QUEUE | 2, 16384, 16},
		{"1.1 QS 0, 256 bits", V_QUEUE | PN_VTD_IQA_DW, 4096, 32},
		{"1.1 QS 1, 256 bits", V_QUEUE | PN_VTD_IQA_DW | 1, 8192, 32},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_vtd_stats s;
		uint32_t n = rows[i].bytes / rows[i].size;
		struct vfix f;

		open_with(&f, PN_VTD_ECAP_SMTS);
		for (uint32_t at = 0; at < rows[i].bytes; at += rows[i].size)
			v_st(&f, V_QUEUE + at, 5);
		v_wr(&f, PN_VTD_IQA, rows[i].iqa);
		v_gcmd(&f, PN_VTD_G_QIE, 0);
		v_wr32(&f, PN_VTD_IQT, rows[i].bytes - rows[i].size);
		v_wr32(&f, PN_VTD_IQT, rows[i].size); /* over the end */
		iqei_eq(&f, rows[i].name, 0, rows[i].size);
		pn_vtd_stats(f.v, &s);
		row_eq(rows[i].name, "waits", s.waits, n + 1);
		/* IQA stays while the queue runs */
		v_wr(&f, PN_VTD_IQA, V_SEM);
		row_eq(rows[i].name, "IQA", v_rd(&f, PN_VTD_IQA), rows[i].iqa);
		v_close(&f);
	}
}

static void test_wait(void **state)
{
	static const struct {
		const char *name;
		uint64_t q0, q1;
		uint64_t sem; /* afterwards, of all ones */
		bool iwc;
	} rows[] = {
		{"1.7 SW", 0xDEADBEEF00000025, V_SEM, 0xFFFFFFFFDEADBEEF, false},
		{"1.7 SW, dword aligned", 0x0000000100000025, V_SEM + 4, 0x00000001FFFFFFFF, false},
		{"1.7 neither", 0xDEADBEEF00000005, V_SEM, ~0ull, false},
		{"1.7 FN alone", 0xDEADBEEF00000045, V_SEM, ~0ull, false},
		{"1.7 PD alone", 0xDEADBEEF00000085, V_SEM, ~0ull, false},
		{"1.7 IF", 0xDEADBEEF00000015, V_SEM, ~0ull, true},
		{"1.7 IF and SW", 0x1122334400000035, V_SEM, 0xFFFFFFFF11223344, true},
		{"1.7 everything", 0x11223344000000F5, V_SEM, 0xFFFFFFFF11223344, true},
		{"1.7 SW, no memory: lost", 0x1122334400000035, V_NOWHERE, ~0ull, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_vtd_stats s;
		struct vfix f;

		v_open(&f, NULL);
		v_queue(&f);
		v_wr32(&f, PN_VTD_IEDATA, 0x44);
		v_wr32(&f, PN_VTD_IEADDR, 0xFEE09000);
		v_wr32(&f, PN_VTD_IEUADDR, 0xABCDEF00);
		v_wr32(&f, PN_VTD_IECTL, 0);
		v_st(&f, V_SEM, ~0ull);
		v_submit(&f, rows[i].q0, rows[i].q1);
		iqei_eq(&f, rows[i].name, 0, 16);
		row_eq(rows[i].name, "status", v_ld(&f, V_SEM), rows[i].sem);
		row_eq(rows[i].name, "IWC", v_rd32(&f, PN_VTD_ICS), rows[i].iwc);
		row_eq(rows[i].name, "interrupts", f.intrs, rows[i].iwc);
		if (rows[i].iwc) {
			row_eq(rows[i].name, "destination", f.intr[0].dest, 0xABCDEF09);
			row_eq(rows[i].name, "vector", f.intr[0].vector, 0x44);
		}
		pn_vtd_stats(f.v, &s);
		row_eq(rows[i].name, "waits", s.waits, 1);
		row_eq(rows[i].name, "stats", s.interrupts, rows[i].iwc);
		row_eq(rows[i].name, "step CMD_WAIT", f.agent.step[PN_STEP_CMD_WAIT].count, 1);
		v_close(&f);
	}
}

/* 1.1 ICS, IECTL: one interrupt until IWC is cleared; IM and IP. */
static void test_completion_event(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	v_queue(&f);
	v_wr32(&f, PN_VTD_IEADDR, 0xFEE00000);
	v_submit(&f, 0x15, 0);
	row_eq("1.1 IM", "interrupts", f.intrs, 0);
	row_eq("1.1 IM: IP", "IECTL", v_rd32(&f, PN_VTD_IECTL), IM | IP);
	v_wr32(&f, PN_VTD_IECTL, 0);
	row_eq("1.1 unmasked", "interrupts", f.intrs, 1);
	row_eq("1.1 unmasked", "IECTL", v_rd32(&f, PN_VTD_IECTL), 0);
	v_submit(&f, 0x15, 0);
	row_eq("1.1 IWC was set: no new condition", "interrupts", f.intrs, 1);
	v_wr32(&f, PN_VTD_ICS, 0);
	row_eq("1.1 IWC: a zero does nothing", "ICS", v_rd32(&f, PN_VTD_ICS), IWC);
	v_wr32(&f, PN_VTD_ICS, IWC);
	row_eq("1.1 IWC: W1C", "ICS", v_rd32(&f, PN_VTD_ICS), 0);
	v_submit(&f, 0x15, 0);
	row_eq("1.1 a new condition", "interrupts", f.intrs, 2);
	v_wr32(&f, PN_VTD_ICS, IWC);
	v_wr32(&f, PN_VTD_IECTL, IM);
	v_submit(&f, 0x15, 0);
	row_eq("1.1 held back", "IECTL", v_rd32(&f, PN_VTD_IECTL), IM | IP);
	v_wr32(&f, PN_VTD_ICS, IWC);
	row_eq("1.1 serviced: IP cleared", "IECTL", v_rd32(&f, PN_VTD_IECTL), IM);
	v_wr32(&f, PN_VTD_IECTL, 0);
	row_eq("1.1 nothing pending", "interrupts", f.intrs, 2);
	v_close(&f);
}

/* 1.7 IEC: what is dropped. Entries 0 to 31 are in the cache, then their memory changes. */
static void test_invalidate(void **state)
{
	static const struct {
		const char *name;
		uint64_t q0;
		unsigned mhmv;
		uint32_t dropped; /* a bit per index */
		unsigned iqei;
	} rows[] = {
		/* clang-format off */
		{"1.7 global", 0x4, 15, 0xFFFFFFFF, 0},
		{"1.7 global: IM and IIDX do not matter", 0x0000000400000004 | 31ull << 27, 0, 0xFFFFFFFF, 0},
		{"1.7 IM 0", 0x0000000500000014, 15, 1u << 5, 0},
		{"1.7 IM 1", 0x0000000400000014 | 1u << 27, 15, 3u << 4, 0},
		{"1.7 IM 1: low bit of IIDX ignored", 0x0000000500000014 | 1u << 27, 15, 3u << 4, 0},
		{"1.7 IM 2: low bits of IIDX ignored", 0x0000000700000014 | 2u << 27, 15, 0xFu << 4, 0},
		{"1.7 IM 4: all the slots", 0x0000001300000014 | 4u << 27, 15, 0xFFFF0000, 0},
		{"1.7 IM 5: more than the slots", 0x0000001300000014 | 5ull << 27, 15, 0xFFFFFFFF, 0},
		{"1.7 IM 15", 0x0000001300000014 | 15ull << 27, 15, 0xFFFFFFFF, 0},
		{"1.7 IIDX beyond the table", 0x0000FFFF00000014, 15, 0, 0},
		{"1.7 IM = MHMV", 0x0000000000000014 | 3u << 27, 3, 0xFF, 0},
		{"1.7 IM above MHMV", 0x0000000000000014 | 4u << 27, 3, 0, RSV},
		{"1.7 IM 16", 0x0000000000000014 | 16ull << 27, 15, 0, RSV},
		{"1.7 reserved bit: nothing dropped", 0x0000000000000024, 15, 0, RSV},
		/* clang-format on */
	};
	static const uint32_t caches[] = {16, 32, 1024};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * COUNT(caches); i++) {
		const size_t k = i / COUNT(caches);
		const uint32_t slots = caches[i % COUNT(caches)];
		/* with 16 slots the upper half has taken the place of the lower */
		const uint32_t cached = slots == 16 ? 0xFFFF0000 : 0xFFFFFFFF;
		struct pn_vtd_config cfg;
		struct pn_vtd_stats s;
		struct vfix f;

		pn_vtd_config_default(&cfg);
		cfg.ecap = (cfg.ecap & ~PN_VTD_ECAP_MHMV) | rows[k].mhmv << 20;
		cfg.irte_cache = slots;
		v_open(&f, &cfg);
		v_queue(&f);
		v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 4);
		for (uint16_t n = 0; n < 32; n++) {
			v_irte(&f, V_IRT, n, v_remapped(1, 0x51, true));
			row_eq(rows[k].name, "first", v_msi(&f, n, 0), PN_MSI_REMAPPED);
		}
		for (uint16_t n = 0; n < 32; n++)
			v_irte(&f, V_IRT, n, v_remapped(1, 0x52, true));
		v_submit(&f, rows[k].q0, 0);
		iqei_eq(&f, rows[k].name, rows[k].iqei, rows[k].iqei ? 0 : 16);
		pn_vtd_stats(f.v, &s);
		row_eq(rows[k].name, "dropped", s.entries_dropped,
		       (unsigned)__builtin_popcount(rows[k].dropped & cached));
		row_eq(rows[k].name, "global", s.iec_global,
		       !rows[k].iqei && !(rows[k].q0 & PN_VTD_IEC_INDEX));
		row_eq(rows[k].name, "by index", s.iec_index,
		       !rows[k].iqei && (rows[k].q0 & PN_VTD_IEC_INDEX));
		row_eq(rows[k].name, "step CMD_INVALIDATE",
		       f.agent.step[PN_STEP_CMD_INVALIDATE].count, !rows[k].iqei);
		/* backwards, so that a fetch takes no slot that is still to be asked */
		for (int n = 31; n >= 0; n--) {
			bool fresh = rows[k].dropped >> n & 1 || !(cached >> n & 1);

			f.intrs = 0;
			v_msi(&f, (uint16_t)n, 0);
			row_eq(rows[k].name, "vector", f.intr[0].vector, fresh ? 0x52 : 0x51);
		}
		v_close(&f);
	}
}

/* 1.7: after the wait nothing comes by the old entry: IEC, wait, then a request. */
static void test_update(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	v_queue(&f);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 15);
	v_pid(&f, V_PID)->control = V_CONTROL;
	v_pid(&f, V_PID2)->control = V_CONTROL;
	v_irte(&f, V_IRT, 9, v_posted(V_PID, 0x41, 0));
	assert_int_equal(v_msi(&f, 9, 0), PN_MSI_POSTED);
	v_irte(&f, V_IRT, 9, v_posted(V_PID2, 0x42, 0));
	assert_int_equal(v_msi(&f, 9, 0), PN_MSI_POSTED);
	row_eq("1.7 before the invalidation", "old", v_pid(&f, V_PID)->pir[1], 2);
	row_eq("1.7 before the invalidation", "new", v_pid(&f, V_PID2)->pir[1], 0);
	v_pid(&f, V_PID)->pir[1] = 0;
	v_submit(&f, 0x0000000900000014, 0);
	v_submit(&f, 0x0000000100000025, V_SEM);
	row_eq("1.7 waited", "status", v_ld(&f, V_SEM), 1);
	assert_int_equal(v_msi(&f, 9, 0), PN_MSI_POSTED);
	row_eq("1.7 after the wait", "old", v_pid(&f, V_PID)->pir[1], 0);
	row_eq("1.7 after the wait", "new", v_pid(&f, V_PID2)->pir[1], 4);
	v_close(&f);
}

static void test_async(void **state)
{
	struct pn_vtd_config cfg;
	struct vfix f;

	(void)state;
	pn_vtd_config_default(&cfg);
	cfg.async_queue = true;
	v_open(&f, &cfg);
	assert_int_equal(pn_vtd_queue(f.v, 5), 0); /* queue off */
	v_queue(&f);
	for (unsigned i = 0; i < 5; i++)
		v_submit(&f, 5, 0);
	row_eq("async", "head", v_rd(&f, PN_VTD_IQH), 0);
	row_eq("async", "executed", pn_vtd_queue(f.v, 0), 0);
	row_eq("async", "executed", pn_vtd_queue(f.v, 3), 3);
	row_eq("async", "head", v_rd(&f, PN_VTD_IQH), 48);
	row_eq("async", "executed", pn_vtd_queue(f.v, 3), 2);
	row_eq("async", "executed", pn_vtd_queue(f.v, 3), 0);
	v_submit(&f, 5, 0);
	v_submit(&f, 15, 0);
	v_submit(&f, 5, 0);
	row_eq("async: the failed one does not count", "executed", pn_vtd_queue(f.v, 9), 1);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_IQE);
	row_eq("async", "head", v_rd(&f, PN_VTD_IQH), 96);
	v_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_ttm_latch),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_completion_event),
		cmocka_unit_test(test_invalidate),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_async),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
