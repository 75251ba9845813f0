/* SPDX-License-Identifier: MIT */
/*
 * Formats of VT-d: requests, table entries, fault codes and posted-interrupt descriptors as bits.
 */
#include <errno.h>

#include "postern/x86.h"
#include "vtd_fixture.h"

/* ---- 1.2 requests ---- */

static const struct {
	const char *name;
	uint64_t addr;
	uint32_t data;
	struct pn_vtd_request want;
} requests[] = {
	/* clang-format off */
	{"1.2 bit 4 = 0: compatibility format", 0xFEE01004, 0xFFFF4021, {0}},
	{"1.2 format", 0xFEE00010, 0, {.remappable = true}},
	{"1.2 handle 14:0 in 19:5", 0xFEEFFFF0, 0, {true, .handle = 0x7FFF, .index = 0x7FFF}},
	{"1.2 handle bit 0", 0xFEE00030, 0, {true, .handle = 1, .index = 1}},
	{"1.2 handle bit 15 in bit 2", 0xFEE00014, 0, {true, .handle = 0x8000, .index = 0x8000}},
	{"1.2 bits 1:0 ignored", 0xFEE00013, 0, {.remappable = true}},
	{"1.2 SHV = 0: data ignored", 0xFEE00030, 0xFFFFFFFF, {true, .handle = 1, .index = 1}},
	{"1.2 SHV = 1: subhandle is added", 0xFEE00058, 0x0007, {true, true, .handle = 2, .subhandle = 7, .index = 9}},
	{"1.2 SHV = 1: data 31:16 reserved", 0xFEE00058, 0x00010007, {true, true, .handle = 2, .subhandle = 7, .index = 9, .reserved = true}},
	{"1.2 SHV = 1: data bit 31 reserved", 0xFEE00018, 0x80000000, {true, true, .reserved = true}},
	{"1.2 no wrap at 16 bits", 0xFEEFFFFC, 0xFFFF, {true, true, .handle = 0xFFFF, .subhandle = 0xFFFF, .index = 0x1FFFE}},
	/* clang-format on */
};

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		const struct pn_vtd_request *w = &requests[i].want;
		struct pn_vtd_request r = pn_vtd_msi_decode(requests[i].addr, requests[i].data);

		row_eq(requests[i].name, "remappable", r.remappable, w->remappable);
		row_eq(requests[i].name, "shv", r.shv, w->shv);
		row_eq(requests[i].name, "handle", r.handle, w->handle);
		row_eq(requests[i].name, "subhandle", r.subhandle, w->subhandle);
		row_eq(requests[i].name, "index", r.index, w->index);
		row_eq(requests[i].name, "reserved", r.reserved, w->reserved);
	}
}

static void test_compose(void **state)
{
	static const struct {
		const char *name;
		uint16_t handle, subhandle;
		uint64_t addr;
		uint32_t data;
	} rows[] = {
		{"1.2 handle 0", 0, 0, 0xFEE00018, 0},
		{"1.2 handle 5, subhandle 3", 5, 3, 0xFEE000B8, 3},
		{"1.2 handle bit 15", 0x8000, 0xFFFF, 0xFEE0001C, 0xFFFF},
		{"1.2 all of the handle", 0xFFFF, 0, 0xFEEFFFFC, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t addr;
		uint32_t data;

		pn_vtd_msi_encode(rows[i].handle, rows[i].subhandle, &addr, &data);
		row_eq(rows[i].name, "address", addr, rows[i].addr);
		row_eq(rows[i].name, "data", data, rows[i].data);
	}
}

static void test_ioapic(void **state)
{
	static const struct {
		const char *name;
		uint16_t index;
		uint8_t vector;
		bool level;
		uint64_t rte;
		uint64_t addr;
	} rows[] = {
		{"1.2 index 0", 0, 0x31, false, 0x0001000000000031, 0xFEE00010},
		{"1.2 index 14:0 in 63:49", 0x7FFF, 0, false, 0xFFFF000000000000, 0xFEEFFFF0},
		{"1.2 index 15 in bit 11", 0x8000, 0, false, 0x0001000000000800, 0xFEE00014},
		{"1.2 level", 3, 0xEF, true, 0x00070000000080EF, 0xFEE00070},
	};
	uint64_t addr = 1;
	uint32_t data = 2;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t rte = pn_vtd_ioapic_rte(rows[i].index, rows[i].vector, rows[i].level);

		row_eq(rows[i].name, "entry", rte, rows[i].rte);
		row_eq(rows[i].name, "10:8", rte >> 8 & 7, 0);
		row_eq(rows[i].name, "remappable", pn_vtd_ioapic_request(rte, &addr, &data), true);
		row_eq(rows[i].name, "address", addr, rows[i].addr);
		row_eq(rows[i].name, "data", data, rows[i].vector | (rows[i].level ? 0x8000 : 0));
		row_eq(rows[i].name, "index", pn_vtd_msi_decode(addr, data).index, rows[i].index);
	}
	addr = 1;
	row_eq("1.2 bit 48 = 0", "remappable", pn_vtd_ioapic_request(~(1ull << 48), &addr, &data),
	       false);
	row_eq("1.2 bit 48 = 0", "address", addr, 1);
}

/* ---- 1.3, 1.4 entries ---- */

static const struct pn_virte_env x2apic = {true, true, 52}, xapic = {false, true, 52},
				 no_pi = {true, false, 52}, haw39 = {true, true, 39},
				 haw64 = {true, true, 64};

/* A field with all its bits set, and what it decodes to. Form: IM is added where @posted. */
struct field {
	const char *name;
	uint64_t lo, hi;
	unsigned bad; /* of each of its bits alone */
	struct pn_virte want;
};

static const struct field remapped_fields[] = {
	{"1.3 0 P", 1ull, 0, 0, {.p = true}},
	{"1.3 1 FPD", 1ull << 1, 0, 0, {.fpd = true}},
	{"1.3 2 DM", 1ull << 2, 0, 0, {.dm = true}},
	{"1.3 3 RH", 1ull << 3, 0, 0, {.rh = true}},
	{"1.3 4 TM", 1ull << 4, 0, 0, {.tm = true}},
	{"1.3 7:5 DLM", 7ull << 5, 0, 0, {.dlm = 7}},
	{"1.3 11:8 AVAIL", 15ull << 8, 0, 0, {.avail = 15}},
	{"1.3 14:12 reserved", 7ull << 12, 0, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.3 23:16 vector", 0xFFull << 16, 0, 0, {.vector = 0xFF}},
	{"1.3 31:24 reserved", 0xFFull << 24, 0, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.3 63:32 DST", 0xFFFFFFFFull << 32, 0, 0, {.dest = 0xFFFFFFFF}},
	{"1.3 79:64 SID", 0, 0xFFFF, 0, {.sid = 0xFFFF}},
	{"1.3 81:80 SQ", 0, 3ull << 16, 0, {.sq = 3}},
	{"1.3 82 SVT", 0, 1ull << 18, 0, {.svt = PN_SVT_SID}},
	{"1.3 83 SVT", 0, 1ull << 19, 0, {.svt = PN_SVT_BUS}},
	{"1.3 127:84 reserved", 0, ~0ull << 20, PN_VIRTE_BAD_RESERVED, {0}},
};

static const struct field posted_fields[] = {
	/* clang-format off */
	{"1.4 0 P", 1ull, 0, 0, {.p = true}},
	{"1.4 1 FPD", 1ull << 1, 0, 0, {.fpd = true}},
	{"1.4 7:2 reserved", 0x3Full << 2, 0, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.4 11:8 AVAIL", 15ull << 8, 0, 0, {.avail = 15}},
	{"1.4 13:12 reserved", 3ull << 12, 0, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.4 14 URG", 1ull << 14, 0, 0, {.urg = true}},
	{"1.4 15 IM", 1ull << 15, 0, 0, {0}},
	{"1.4 23:16 VV", 0xFFull << 16, 0, 0, {.vector = 0xFF}},
	{"1.4 37:24 reserved", 0x3FFFull << 24, 0, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.4 63:38 PDAL", 0x3FFFFFFull << 38, 0, 0, {.pid = 0xFFFFFFC0}},
	{"1.4 79:64 SID", 0, 0xFFFF, 0, {.sid = 0xFFFF}},
	{"1.4 81:80 SQ", 0, 3ull << 16, 0, {.sq = 3}},
	{"1.4 82 SVT", 0, 1ull << 18, 0, {.svt = PN_SVT_SID}},
	{"1.4 83 SVT", 0, 1ull << 19, 0, {.svt = PN_SVT_BUS}},
	{"1.4 95:84 reserved", 0, 0xFFFull << 20, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.4 115:96 PDAH", 0, 0xFFFFFull << 32, 0, {.pid = 0x000FFFFF00000000}},
	{"1.4 127:116 PDAH at or above HAW", 0, 0xFFFull << 52, PN_VIRTE_BAD_PID, {.pid = 0xFFF0000000000000}},
	/* clang-format on */
};

/* 1.3 EIME = 0: the destination in 47:40, what is around it reserved. */
static const struct field xapic_fields[] = {
	{"1.3 39:32 reserved", 0xFFull << 32, 0, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.3 47:40 DST", 0xFFull << 40, 0, 0, {.dest = 0xFF}},
	{"1.3 63:48 reserved", 0xFFFFull << 48, 0, PN_VIRTE_BAD_RESERVED, {0}},
};

/* 1.4 CAP.PI = 0: URG and IM reserved, and the entry is of the other form. */
static const struct field no_pi_fields[] = {
	{"1.4 14 without CAP.PI", 1ull << 14, 0, PN_VIRTE_BAD_RESERVED, {0}},
	{"1.4 15 without CAP.PI", 1ull << 15, 0, PN_VIRTE_BAD_RESERVED, {0}},
};

static void virte_eq(const char *name, const struct pn_virte *got, const struct pn_virte *want)
{
	row_eq(name, "p", got->p, want->p);
	row_eq(name, "fpd", got->fpd, want->fpd);
	row_eq(name, "im", got->im, want->im);
	row_eq(name, "avail", got->avail, want->avail);
	row_eq(name, "dm", got->dm, want->dm);
	row_eq(name, "rh", got->rh, want->rh);
	row_eq(name, "tm", got->tm, want->tm);
	row_eq(name, "dlm", got->dlm, want->dlm);
	row_eq(name, "dest", got->dest, want->dest);
	row_eq(name, "urg", got->urg, want->urg);
	row_eq(name, "pid", got->pid, want->pid);
	row_eq(name, "vector", got->vector, want->vector);
	row_eq(name, "sid", got->sid, want->sid);
	row_eq(name, "sq", got->sq, want->sq);
	row_eq(name, "svt", got->svt, want->svt);
}

/* Every bit of a row alone, for what is wrong with it; then all of them, for their value. */
static void check_fields(const struct field *rows, size_t n, const struct pn_virte_env *env,
			 bool posted)
{
	const uint64_t im = posted ? PN_VIRTE_IM : 0;

	for (size_t i = 0; i < n; i++) {
		struct pn_virte want = rows[i].want, got;
		unsigned bad = pn_virte_decode((struct pn_virte_raw){rows[i].lo | im, rows[i].hi},
					       env, &got);

		want.im = posted;
		row_eq(rows[i].name, "bad", bad, rows[i].bad);
		virte_eq(rows[i].name, &got, &want);
		for (unsigned b = 0; b < 128; b++) {
			uint64_t lo = b < 64 ? 1ull << b & rows[i].lo : 0;
			uint64_t hi = b < 64 ? 0 : 1ull << (b - 64) & rows[i].hi;
			/* 3 and 6 are reserved, single bits of DLM are not */
			if (!lo && !hi)
				continue;
			bad = pn_virte_decode((struct pn_virte_raw){lo | im, hi}, env, &got);
			row_eq(rows[i].name, "bad, single bit", bad, rows[i].bad);
		}
	}
}

static void covers_all(const char *name, const struct field *rows, size_t n, uint64_t lo)
{
	uint64_t hi = 0;

	for (size_t i = 0; i < n; i++) {
		lo |= rows[i].lo;
		hi |= rows[i].hi;
	}
	row_eq(name, "low quadword covered", lo, ~0ull);
	row_eq(name, "high quadword covered", hi, ~0ull);
}

static void test_entries(void **state)
{
	struct pn_virte got;

	(void)state;
	covers_all("1.3", remapped_fields, COUNT(remapped_fields), PN_VIRTE_IM);
	covers_all("1.4", posted_fields, COUNT(posted_fields), 0);
	check_fields(remapped_fields, COUNT(remapped_fields), &x2apic, false);
	check_fields(posted_fields, COUNT(posted_fields), &x2apic, true);
	/* EIME concerns the remapped form only */
	check_fields(posted_fields, COUNT(posted_fields), &xapic, true);
	check_fields(xapic_fields, COUNT(xapic_fields), &xapic, false);
	check_fields(no_pi_fields, COUNT(no_pi_fields), &no_pi, false);
	/* 1.4: the host address width bounds the descriptor */
	row_eq("1.4 HAW 39, bit 39", "bad",
	       pn_virte_decode((struct pn_virte_raw){PN_VIRTE_IM, 1ull << 39}, &haw39, &got),
	       PN_VIRTE_BAD_PID);
	row_eq("1.4 HAW 39, bit 38", "bad",
	       pn_virte_decode((struct pn_virte_raw){PN_VIRTE_IM, 1ull << 38}, &haw39, &got), 0);
	row_eq("1.4 HAW 64", "bad",
	       pn_virte_decode((struct pn_virte_raw){PN_VIRTE_IM, 1ull << 63}, &haw64, &got), 0);
	/* 1.5: SVT = 11 */
	row_eq("1.5 SVT 11", "bad",
	       pn_virte_decode((struct pn_virte_raw){0, 3ull << 18}, &x2apic, &got),
	       PN_VIRTE_BAD_SVT);
	row_eq("1.5 SVT 11", "svt", got.svt, PN_SVT_RESERVED);
}

static void test_delivery_modes(void **state)
{
	static const struct {
		const char *name;
		uint8_t dlm;
		unsigned bad;
	} rows[] = {
		{"1.3 DLM 000 fixed", PN_DM_FIXED, 0},
		{"1.3 DLM 001 lowest priority", PN_DM_LOWEST, 0},
		{"1.3 DLM 010 SMI", PN_DM_SMI, 0},
		{"1.3 DLM 011 reserved", 3, PN_VIRTE_BAD_DLM},
		{"1.3 DLM 100 NMI", PN_DM_NMI, 0},
		{"1.3 DLM 101 INIT", PN_DM_INIT, 0},
		{"1.3 DLM 110 reserved", 6, PN_VIRTE_BAD_DLM},
		{"1.3 DLM 111 ExtINT", PN_DM_EXTINT, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct pn_virte_raw raw = {(uint64_t)rows[i].dlm << 5, 0};
		struct pn_virte got;

		row_eq(rows[i].name, "bad", pn_virte_decode(raw, &x2apic, &got), rows[i].bad);
		row_eq(rows[i].name, "dlm", got.dlm, rows[i].dlm);
	}
}

static void test_encode(void **state)
{
	static const struct {
		const char *name;
		bool eime;
		struct pn_virte in;
		struct pn_virte_raw raw;
	} rows[] = {
		{"1.3 x2APIC, every field",
		 true,
		 {.p = true,
		  .fpd = true,
		  .avail = 9,
		  .dm = true,
		  .rh = true,
		  .tm = true,
		  .dlm = 1,
		  .dest = 0x12345678,
		  .vector = 0x5A,
		  .sid = 0xBEEF,
		  .sq = 2,
		  .svt = 1},
		 {0x12345678005A093F, 0x6BEEF}},
		{"1.3 xAPIC destination",
		 false,
		 {.p = true, .dest = 0x1A5, .vector = 0x21},
		 {0x0000A50000210001, 0}},
		{"1.3 fields of the posted form are ignored",
		 true,
		 {.urg = true, .pid = ~0ull},
		 {0, 0}},
		{"1.4 every field",
		 true,
		 {.p = true,
		  .fpd = true,
		  .im = true,
		  .avail = 6,
		  .urg = true,
		  .pid = 0x000ABCDE12345680,
		  .vector = 0xF1,
		  .sid = 0x1234,
		  .sq = 1,
		  .svt = 2},
		 {0x1234568000F1C603, 0x000ABCDE00091234}},
		{"1.4 fields of the remapped form are ignored",
		 false,
		 {.im = true, .dm = true, .rh = true, .tm = true, .dlm = 7, .dest = ~0u},
		 {0x8000, 0}},
		{"1.4 low bits of the address are not kept",
		 true,
		 {.im = true, .pid = 0x3F},
		 {0x8000, 0}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct pn_virte_raw raw = pn_virte_encode(&rows[i].in, rows[i].eime);

		row_eq(rows[i].name, "low", raw.lo, rows[i].raw.lo);
		row_eq(rows[i].name, "high", raw.hi, rows[i].raw.hi);
	}
}

/* ---- 1.5 source validation ---- */

static void test_source(void **state)
{
	static const struct {
		const char *name;
		uint8_t svt, sq;
		uint16_t sid, rid;
		bool ok;
	} rows[] = {
		{"1.5 SVT 00: none", 0, 0, 0x1234, 0xFEDC, true},
		{"1.5 SQ 00: equal", 1, 0, 0x1234, 0x1234, true},
		{"1.5 SQ 00: bit 0 counts", 1, 0, 0x1234, 0x1235, false},
		{"1.5 SQ 00: bit 2 counts", 1, 0, 0x1234, 0x1230, false},
		{"1.5 SQ 00: bit 15 counts", 1, 0, 0x1234, 0x9234, false},
		{"1.5 SQ 01: bit 2 does not", 1, 1, 0x1234, 0x1230, true},
		{"1.5 SQ 01: bit 1 counts", 1, 1, 0x1234, 0x1236, false},
		{"1.5 SQ 01: bit 0 counts", 1, 1, 0x1234, 0x1235, false},
		{"1.5 SQ 01: bit 3 counts", 1, 1, 0x1234, 0x123C, false},
		{"1.5 SQ 10: bits 2:1 do not", 1, 2, 0x1234, 0x1232, true},
		{"1.5 SQ 10: bit 0 counts", 1, 2, 0x1234, 0x1235, false},
		{"1.5 SQ 10: bit 3 counts", 1, 2, 0x1234, 0x123C, false},
		{"1.5 SQ 11: bits 2:0 do not", 1, 3, 0x1234, 0x1233, true},
		{"1.5 SQ 11: bit 3 counts", 1, 3, 0x1234, 0x123C, false},
		{"1.5 bus: first", 2, 0, 0x1020, 0x10FF, true},
		{"1.5 bus: last", 2, 0, 0x1020, 0x2000, true},
		{"1.5 bus: below", 2, 0, 0x1020, 0x0FFF, false},
		{"1.5 bus: above", 2, 0, 0x1020, 0x2100, false},
		{"1.5 bus: start is the high byte", 2, 0, 0x2010, 0x1800, false},
		{"1.5 SVT 11: nobody", 3, 0, 0x1234, 0x1234, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct pn_virte e = {
			.svt = rows[i].svt, .sq = rows[i].sq, .sid = rows[i].sid};

		row_eq(rows[i].name, "let through", pn_virte_source_ok(&e, rows[i].rid),
		       rows[i].ok);
	}
}

/* ---- 1.6 faults ---- */

static void test_faults(void **state)
{
	static const struct {
		unsigned code;
		const char *text;
		bool qualified;
	} rows[] = {
		{0x1F, NULL, false},
		{0x20, "reserved bits in the request", false},
		{0x21, "index beyond the table", false},
		{0x22, "entry not present", true},
		{0x23, "table cannot be read", false},
		{0x24, "reserved bits in the entry", true},
		{0x25, "compatibility request blocked", false},
		{0x26, "wrong source", true},
		{0x27, "descriptor cannot be accessed", true},
		{0x28, "reserved bits in the descriptor", true},
		{0x29, "malformed request", false},
		{0x2A, "x2APIC mode required", false},
		{0x2B, "remapping required", false},
		{0x2C, NULL, false},
		{0, NULL, false},
		{~0u, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = pn_vtd_fault_text(rows[i].code);
		char name[32];

		snprintf(name, sizeof(name), "1.6 code %#x", rows[i].code);
		row_eq(name, "known", text != NULL, rows[i].text != NULL);
		if (text)
			assert_string_equal(text, rows[i].text);
		row_eq(name, "qualified", pn_vtd_fault_qualified(rows[i].code), rows[i].qualified);
	}
}

/* ---- 2 the descriptor ---- */

static void test_pid_layout(void **state)
{
	static const struct {
		const char *name;
		unsigned first, last; /* bits of the descriptor */
		bool rsv, rsv_xapic;
	} rows[] = {
		{"2 255:0 PIR", 0, 255, false, false},
		{"2 256 ON", 256, 256, false, false},
		{"2 257 SN", 257, 257, false, false},
		{"2 271:258 reserved", 258, 271, true, true},
		{"2 279:272 NV", 272, 279, false, false},
		{"2 287:280 reserved", 280, 287, true, true},
		{"2 NDST byte 36", 288, 295, false, true},
		{"2 NDST byte 37", 296, 303, false, false},
		{"2 NDST bytes 38, 39", 304, 319, false, true},
		{"2 511:320 reserved", 320, 511, true, true},
	};
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned b = rows[i].first; b <= rows[i].last; b++, seen++) {
			struct pn_pid pid = {0};

			assert_int_equal(b, seen);
			((uint8_t *)&pid)[b / 8] = (uint8_t)(1u << b % 8);
			row_eq(rows[i].name, "x2APIC", (unsigned)-pn_pid_check(&pid, true),
			       rows[i].rsv ? EINVAL : 0);
			row_eq(rows[i].name, "xAPIC", (unsigned)-pn_pid_check(&pid, false),
			       rows[i].rsv_xapic ? EINVAL : 0);
		}
	}
	assert_int_equal(seen, 512);
	assert_int_equal(sizeof(struct pn_pid), 64);
	assert_int_equal(_Alignof(struct pn_pid), 64);
	row_eq("2 NDST x2APIC", "ndst", pn_pid_ndst(0x12345678, true), 0x1234567800000000);
	row_eq("2 NDST xAPIC", "ndst", pn_pid_ndst(0x1AB, false), 0x0000AB0000000000);
	row_eq("2 NDST x2APIC", "dest", pn_pid_dest(0x12345678FFFFFFFF, true), 0x12345678);
	row_eq("2 NDST xAPIC", "dest", pn_pid_dest(0x1234AB78FFFFFFFF, false), 0xAB);
	row_eq("2 NV", "nv", pn_pid_nv(0xFFFFFFFFFFF2FFFF), 0xF2);
}

/* 2.1: ON x SN x URG x "bit was set already". */
static const struct {
	const char *name;
	bool on, sn, urg, set;
	enum pn_pid_result want;
	bool on_after;
} posts[] = {
	{"2.1 ON 0 SN 0 URG 0", 0, 0, 0, 0, PN_PID_NOTIFY, 1},
	{"2.1 ON 0 SN 0 URG 0, again", 0, 0, 0, 1, PN_PID_NOTIFY, 1},
	{"2.1 ON 0 SN 0 URG 1", 0, 0, 1, 0, PN_PID_NOTIFY, 1},
	{"2.1 ON 0 SN 0 URG 1, again", 0, 0, 1, 1, PN_PID_NOTIFY, 1},
	{"2.1 ON 0 SN 1 URG 0: ON untouched", 0, 1, 0, 0, PN_PID_SUPPRESSED, 0},
	{"2.1 ON 0 SN 1 URG 0, again", 0, 1, 0, 1, PN_PID_SUPPRESSED, 0},
	{"2.1 ON 0 SN 1 URG 1: URG beats SN", 0, 1, 1, 0, PN_PID_NOTIFY, 1},
	{"2.1 ON 0 SN 1 URG 1, again", 0, 1, 1, 1, PN_PID_NOTIFY, 1},
	{"2.1 ON 1 SN 0 URG 0", 1, 0, 0, 0, PN_PID_QUIET, 1},
	{"2.1 ON 1 SN 0 URG 0, again", 1, 0, 0, 1, PN_PID_QUIET, 1},
	{"2.1 ON 1 SN 0 URG 1: not ON", 1, 0, 1, 0, PN_PID_QUIET, 1},
	{"2.1 ON 1 SN 0 URG 1, again", 1, 0, 1, 1, PN_PID_QUIET, 1},
	{"2.1 ON 1 SN 1 URG 0", 1, 1, 0, 0, PN_PID_QUIET, 1},
	{"2.1 ON 1 SN 1 URG 0, again", 1, 1, 0, 1, PN_PID_QUIET, 1},
	{"2.1 ON 1 SN 1 URG 1", 1, 1, 1, 0, PN_PID_QUIET, 1},
	{"2.1 ON 1 SN 1 URG 1, again", 1, 1, 1, 1, PN_PID_QUIET, 1},
};

static void test_pid_post(void **state)
{
	static const uint8_t vectors[] = {0, 15, 63, 64, 0x81, 0xC0, 255};

	(void)state;
	for (size_t i = 0; i < COUNT(posts) * COUNT(vectors); i++) {
		const size_t k = i / COUNT(vectors);
		const uint8_t vector = vectors[i % COUNT(vectors)];
		const uint64_t bit = 1ull << vector % 64;
		const uint64_t control = V_CONTROL | posts[k].on | (uint64_t)posts[k].sn << 1;
		/* the neighbours of the bit must stay */
		struct pn_pid pid = {.control = control}, want;
		struct pn_pid_post post = {.vector = vector,
					   .urg = posts[k].urg,
					   .x2apic = true,
					   .check = true,
					   .merged = !posts[k].set};

		for (unsigned w = 0; w < 4; w++)
			pid.pir[w] = 0x5555555555555555ull;
		pid.pir[vector / 64] = (pid.pir[vector / 64] & ~bit) | (posts[k].set ? bit : 0);
		want = pid;
		want.pir[vector / 64] |= bit;
		want.control = (control & ~PN_PID_ON) | posts[k].on_after;

		row_eq(posts[k].name, "result", pn_pid_post(&pid, &post), posts[k].want);
		row_eq(posts[k].name, "merged", post.merged, posts[k].set);
		row_eq(posts[k].name, "control as it was", post.control, control);
		row_eq(posts[k].name, "control", pid.control, want.control);
		row_eq(posts[k].name, "whole descriptor", (unsigned)memcmp(&pid, &want, 64), 0);
	}
}

/* 2.1: with reserved bits nothing is changed; without the check the interrupt is posted. */
static void test_pid_post_reserved(void **state)
{
	static const struct {
		const char *name;
		unsigned word; /* of the upper half: 0 control */
		uint64_t bits;
		bool x2apic, fault;
	} rows[] = {
		{"2 271:258", 0, 1ull << 2, true, true},
		{"2 287:280", 0, 1ull << 31, true, true},
		{"2 byte 36, xAPIC", 0, 1ull << 32, false, true},
		{"2 byte 36, x2APIC", 0, 1ull << 32, true, false},
		{"2 byte 39, xAPIC", 0, 1ull << 63, false, true},
		{"2 byte 39, x2APIC", 0, 1ull << 63, true, false},
		{"2 byte 37, xAPIC", 0, 1ull << 40, false, false},
		{"2 383:320", 1, 1, true, true},
		{"2 447:384", 2, 1ull << 63, true, true},
		{"2 511:448", 3, 1ull << 7, true, true},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		const bool check = i & 1;
		const bool fault = check && rows[i / 2].fault;
		struct pn_pid pid = {0}, before;
		struct pn_pid_post post = {
			.vector = 70, .x2apic = rows[i / 2].x2apic, .check = check, .merged = true};
		enum pn_pid_result result;

		(rows[i / 2].word ? &pid.rsvd[rows[i / 2].word - 1] : &pid.control)[0] =
			rows[i / 2].bits;
		before = pid;
		result = pn_pid_post(&pid, &post);
		row_eq(rows[i / 2].name, "result", result, fault ? PN_PID_RESERVED : PN_PID_NOTIFY);
		row_eq(rows[i / 2].name, "merged", post.merged, false);
		row_eq(rows[i / 2].name, "control out", post.control, before.control);
		row_eq(rows[i / 2].name, "posted", pid.pir[1] == 1ull << 6, !fault);
		row_eq(rows[i / 2].name, "unchanged", !memcmp(&pid, &before, sizeof(pid)), fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_compose),
		cmocka_unit_test(test_ioapic),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_delivery_modes),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_pid_layout),
		cmocka_unit_test(test_pid_post),
		cmocka_unit_test(test_pid_post_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
