/* SPDX-License-Identifier: MIT */
/* The way of an interrupt request through a VT-d unit: 1.5, 1.6, 2.1, 2.2. */
#include <pthread.h>

#include "postern/x86.h"
#include "vtd_fixture.h"

#define INDEX	       5u
#define MSI_REMAPPABLE 0xFEE000B8u /* SHV = 1, handle 5 */
#define MSI_COMPAT     0xFEE07000u /* to APIC 7 */

#define SVT(n) ((uint64_t)(n) << PN_VIRTE_SVT_SH)
#define P      PN_VIRTE_P
#define IM     PN_VIRTE_IM
/* the descriptor's address, in a posted entry */
#define PDAL (V_PID << 32 & PN_VIRTE_PDAL_MASK)
#define PDAH (V_PID & PN_VIRTE_PDAH_MASK)
#define POSTED                                                                                     \
	{                                                                                          \
		P | IM | 0x41ull << 16 | PDAL, PDAH                                                \
	}
#define REMAPPED                                                                                   \
	{                                                                                          \
		P | 0x51ull << 16 | 7ull << 32, 0                                                  \
	}

/* A situation, and the first thing that is wrong with it. */
struct scene {
	const char *name;
	uint64_t ecap, not_cap; /* added; taken away */
	bool off, xapic, cfi;	/* IRES = 0; EIME = 0; CFIS = 1 */
	bool pasid, malformed;
	uint64_t addr; /* 0: remappable, index 5 */
	uint32_t data;
	uint64_t table; /* 0: V_IRT */
	uint8_t haw;	/* 0: 52 */
	unsigned s;	/* 0: 64 entries */
	struct pn_virte_raw irte;
	uint64_t control, rsvd; /* of the descriptor */
	struct pn_vtd_knobs knobs;
	enum pn_msi_result result;
	unsigned reason;
	bool qualified; /* silent with FPD = 1 */
};

static const struct scene scenes[] = {
	/* in the order of 1.6 */
	{"1.6 outside FEEx_xxxx", .addr = 0xFED00000, .result = PN_MSI_ABORTED},
	{"1.6 outside FEEx_xxxx, upper half", .addr = 0x1FEE000B8, .result = PN_MSI_ABORTED},
	{"1.6 with PASID: no interrupt", .pasid = true, .malformed = true, .irte = POSTED,
	 .control = V_CONTROL, .result = PN_MSI_ABORTED},
	{"1.6 with PASID, IRES 0", .pasid = true, .off = true, .result = PN_MSI_ABORTED},
	{"1.6 29h malformed", .malformed = true, .irte = POSTED, .control = V_CONTROL,
	 .result = PN_MSI_ABORTED, .reason = 0x29},
	{"1.6 29h before 2Bh", .malformed = true, .off = true, .ecap = PN_VTD_ECAP_IRREQ,
	 .result = PN_MSI_ABORTED, .reason = 0x29},
	{"1.6.1 IRES 0: passes", .off = true, .addr = MSI_COMPAT, .result = PN_MSI_FORWARDED},
	{"1.6.1 IRES 0: remappable format passes", .off = true, .result = PN_MSI_FORWARDED},
	{"1.6.1 IRES 0, CFIS does not matter", .off = true, .cfi = true, .addr = MSI_COMPAT,
	 .result = PN_MSI_FORWARDED},
	{"1.6.1 2Bh IRES 0, IRREQ 1", .off = true, .ecap = PN_VTD_ECAP_IRREQ,
	 .result = PN_MSI_ABORTED, .reason = 0x2B},
	{"1.6.1 2Bh before 2Ah", .off = true, .ecap = PN_VTD_ECAP_IRREQ | PN_VTD_ECAP_EIMER,
	 .xapic = true, .result = PN_MSI_ABORTED, .reason = 0x2B},
	{"1.6.1 IRREQ 1, IRES 1", .ecap = PN_VTD_ECAP_IRREQ, .irte = REMAPPED,
	 .result = PN_MSI_REMAPPED},
	{"1.6.2 2Ah EIMER 1, EIME 0", .ecap = PN_VTD_ECAP_EIMER, .xapic = true,
	 .result = PN_MSI_ABORTED, .reason = 0x2A},
	{"1.6.2 2Ah before 20h", .ecap = PN_VTD_ECAP_EIMER, .xapic = true, .data = 0x10000,
	 .result = PN_MSI_ABORTED, .reason = 0x2A},
	{"1.6.2 2Ah before passing", .ecap = PN_VTD_ECAP_EIMER, .xapic = true, .cfi = true,
	 .addr = MSI_COMPAT, .result = PN_MSI_ABORTED, .reason = 0x2A},
	{"1.6.2 EIMER 1, EIME 1", .ecap = PN_VTD_ECAP_EIMER, .irte = REMAPPED,
	 .result = PN_MSI_REMAPPED},
	{"1.6.3 25h CFIS 0, EIME 0", .xapic = true, .addr = MSI_COMPAT, .result = PN_MSI_ABORTED,
	 .reason = 0x25},
	{"1.6.3 25h CFIS 0, EIME 1", .addr = MSI_COMPAT, .result = PN_MSI_ABORTED, .reason = 0x25},
	{"1.6.3 25h CFIS 1, EIME 1", .cfi = true, .addr = MSI_COMPAT, .result = PN_MSI_ABORTED,
	 .reason = 0x25},
	{"1.6.3 CFIS 1, EIME 0: passes", .xapic = true, .cfi = true, .addr = MSI_COMPAT,
	 .data = 0xFFFF0041, .result = PN_MSI_FORWARDED},
	{"1.6.3 20h", .data = 0x80000000, .irte = POSTED, .control = V_CONTROL,
	 .result = PN_MSI_ABORTED, .reason = 0x20},
	{"1.6.3 20h before 21h", .data = 0x1FFFF, .result = PN_MSI_ABORTED, .reason = 0x20},
	{"1.6.4 21h", .s = 1, .result = PN_MSI_ABORTED, .reason = 0x21},
	{"1.6.4 21h by the subhandle", .data = 59, .result = PN_MSI_ABORTED, .reason = 0x21},
	{"1.6.4 last entry", .data = 58, .result = PN_MSI_ABORTED, .reason = 0x22,
	 .qualified = true},
	{"1.6.4 21h before 23h", .s = 1, .table = V_NOWHERE, .result = PN_MSI_ABORTED,
	 .reason = 0x21},
	{"1.6.4 21h no wrap at 16 bits", .s = 15, .addr = 0xFEEFFFFC, .data = 6, .irte = REMAPPED,
	 .result = PN_MSI_ABORTED, .reason = 0x21},
	{"1.6.5 21h entry above HAW", .table = 1ull << 40, .haw = 40, .result = PN_MSI_ABORTED,
	 .reason = 0x21},
	{"1.6.5 below HAW, but no memory", .table = 1ull << 40, .haw = 41, .result = PN_MSI_ABORTED,
	 .reason = 0x23},
	{"1.6.5 21h entry behind the end of all", .table = ~0xFFFull, .haw = 64, .s = 8,
	 .data = 256, .result = PN_MSI_ABORTED, .reason = 0x21},
	{"1.6.5 23h", .table = V_NOWHERE, .result = PN_MSI_ABORTED, .reason = 0x23},
	{"1.6.6 22h", .irte = {0}, .result = PN_MSI_ABORTED, .reason = 0x22, .qualified = true},
	{"1.6.6 22h before everything else in it", .irte = {~P & ~PN_VIRTE_FPD, ~0ull},
	 .result = PN_MSI_ABORTED, .reason = 0x22, .qualified = true},
	{"1.6.7 26h", .irte = {P, SVT(1) | (V_DEV ^ 1)}, .result = PN_MSI_ABORTED, .reason = 0x26,
	 .qualified = true},
	{"1.6.7 26h, posted", .irte = {P | IM | PDAL, PDAH | SVT(1) | (V_DEV ^ 1)},
	 .control = V_CONTROL, .result = PN_MSI_ABORTED, .reason = 0x26, .qualified = true},
	{"1.6.7 the right source", .irte = {P, SVT(1) | V_DEV}, .result = PN_MSI_REMAPPED},
	{"1.6.7 bus", .irte = {P, SVT(2) | 0x303A}, .result = PN_MSI_REMAPPED},
	{"1.6.7 26h bus", .irte = {P, SVT(2) | 0x3039}, .result = PN_MSI_ABORTED, .reason = 0x26,
	 .qualified = true},
	{"1.6.7 26h before 24h", .irte = {P | 1 << 12, SVT(1) | (V_DEV ^ 1)},
	 .result = PN_MSI_ABORTED, .reason = 0x26, .qualified = true},
	{"9 U2: knob: 24h before 26h", .irte = {P | 1 << 12, SVT(1) | (V_DEV ^ 1)},
	 .knobs = {.check_order = PN_CHECK_RSV_FIRST}, .result = PN_MSI_ABORTED, .reason = 0x24,
	 .qualified = true},
	{"9 U2: knob: 26h alone", .irte = {P, SVT(1) | (V_DEV ^ 1)},
	 .knobs = {.check_order = PN_CHECK_RSV_FIRST}, .result = PN_MSI_ABORTED, .reason = 0x26,
	 .qualified = true},
	{"1.5 SVT 11: 24h", .irte = {P, SVT(3) | V_DEV}, .result = PN_MSI_ABORTED, .reason = 0x24,
	 .qualified = true},
	{"9 U1: knob: SVT 11: 26h", .irte = {P, SVT(3) | V_DEV},
	 .knobs = {.svt_reserved = PN_SVT11_SID}, .result = PN_MSI_ABORTED, .reason = 0x26,
	 .qualified = true},
	{"9 U1, U2: SVT 11 as 26h, but reserved bits first", .irte = {P | 1 << 12, SVT(3)},
	 .knobs = {.svt_reserved = PN_SVT11_SID, .check_order = PN_CHECK_RSV_FIRST},
	 .result = PN_MSI_ABORTED, .reason = 0x24, .qualified = true},
	{"9 U1, U2: SVT 11 as 26h, then reserved bits", .irte = {P | 1 << 12, SVT(3)},
	 .knobs = {.svt_reserved = PN_SVT11_SID}, .result = PN_MSI_ABORTED, .reason = 0x26,
	 .qualified = true},
	{"1.6.8 24h remapped form, low", .irte = {P | 1ull << 31, 0}, .result = PN_MSI_ABORTED,
	 .reason = 0x24, .qualified = true},
	{"1.6.8 24h remapped form, high", .irte = {P, 1ull << 20}, .result = PN_MSI_ABORTED,
	 .reason = 0x24, .qualified = true},
	{"1.6.8 24h DLM 011", .irte = {P | 3 << 5, 0}, .result = PN_MSI_ABORTED, .reason = 0x24,
	 .qualified = true},
	{"1.6.8 24h EIME 0, 63:48", .xapic = true, .irte = {P | 1ull << 48, 0},
	 .result = PN_MSI_ABORTED, .reason = 0x24, .qualified = true},
	{"1.6.8 24h posted form, low", .irte = {P | IM | PDAL | 1ull << 37, PDAH},
	 .control = V_CONTROL, .result = PN_MSI_ABORTED, .reason = 0x24, .qualified = true},
	{"1.6.8 24h posted form, high", .irte = {P | IM | PDAL, PDAH | 1ull << 31},
	 .control = V_CONTROL, .result = PN_MSI_ABORTED, .reason = 0x24, .qualified = true},
	{"1.6.8 24h descriptor above HAW", .irte = {P | IM, 1ull << 52}, .result = PN_MSI_ABORTED,
	 .reason = 0x24, .qualified = true},
	{"1.6.8 24h CAP.PI 0: IM", .not_cap = PN_VTD_CAP_PI, .irte = POSTED, .control = V_CONTROL,
	 .result = PN_MSI_ABORTED, .reason = 0x24, .qualified = true},
	{"1.6.8 24h CAP.PI 0: URG", .not_cap = PN_VTD_CAP_PI, .irte = {P | PN_VIRTE_URG, 0},
	 .result = PN_MSI_ABORTED, .reason = 0x24, .qualified = true},
	{"1.6.8 CAP.PI 0: remapping goes on", .not_cap = PN_VTD_CAP_PI, .irte = REMAPPED,
	 .result = PN_MSI_REMAPPED},
	{"1.6.9 27h", .irte = {P | IM, V_NOWHERE}, .result = PN_MSI_ABORTED, .reason = 0x27,
	 .qualified = true},
	{"1.6.9 28h", .irte = POSTED, .control = V_CONTROL | 1 << 2, .result = PN_MSI_ABORTED,
	 .reason = 0x28, .qualified = true},
	{"1.6.9 28h upper half", .irte = POSTED, .control = V_CONTROL, .rsvd = 1,
	 .result = PN_MSI_ABORTED, .reason = 0x28, .qualified = true},
	{"1.6.9 28h EIME 0: NDST outside 15:8", .xapic = true, .irte = POSTED, .control = V_CONTROL,
	 .result = PN_MSI_ABORTED, .reason = 0x28, .qualified = true},
	{"9 U6: knob: nobody looks", .irte = POSTED, .control = V_CONTROL | 1 << 2, .rsvd = 1,
	 .knobs = {.pid_reserved = PN_PID_RSV_IGNORE}, .result = PN_MSI_POSTED},
	{"2.1 posted", .irte = POSTED, .control = V_CONTROL, .result = PN_MSI_POSTED},
	{"2.1 posted, EIME 0", .xapic = true, .irte = POSTED, .control = 0xF2ull << 16 | 7ull << 40,
	 .result = PN_MSI_POSTED},
	{"1.3 remapped", .irte = REMAPPED, .result = PN_MSI_REMAPPED},
};

static void stage(struct vfix *f, const struct scene *s, bool fpd)
{
	const uint64_t table = s->table ? s->table : V_IRT;
	struct pn_vtd_config cfg;
	struct pn_virte_raw raw = s->irte;

	pn_vtd_config_default(&cfg);
	cfg.ecap |= s->ecap;
	cfg.cap &= ~s->not_cap;
	cfg.knobs = s->knobs;
	if (s->haw)
		cfg.haw = s->haw;
	v_open(f, &cfg);
	raw.lo |= fpd ? PN_VIRTE_FPD : 0;
	/* whatever index the row asks for */
	for (unsigned i = 0; i < 65536; i++)
		v_irte(f, V_IRT, i, raw);
	v_pid(f, V_PID)->control = s->control;
	v_pid(f, V_PID)->rsvd[1] = s->rsvd;
	v_remap(f, table, s->xapic ? 0 : PN_VTD_IRTA_EIME, s->s ? s->s : 5);
	if (s->cfi)
		v_gcmd(f, PN_VTD_G_CFI, 0);
	if (s->off)
		v_gcmd(f, 0, PN_VTD_G_IRE);
}

static uint32_t index_of(const struct pn_msi *m, const struct scene *s)
{
	const bool none = !s->reason || s->reason == 0x25 || s->reason >= 0x29;

	return none ? 0 : pn_vtd_msi_decode(m->addr, m->data).index;
}

static void play(const struct scene *s, bool fpd)
{
	struct pn_msi m = {.addr = s->addr ? s->addr : MSI_REMAPPABLE,
			   .data = s->data,
			   .pasid = s->pasid ? 9 : 0,
			   .devid = V_DEV,
			   .has_pasid = s->pasid,
			   .malformed = s->malformed};
	const bool silent = !s->reason || (s->qualified && fpd);
	struct pn_vtd_stats st;
	struct pn_pid before;
	struct vfix f;

	stage(&f, s, fpd);
	before = *v_pid(&f, V_PID);
	row_eq(s->name, "result", pn_vtd_msi(f.v, &m), s->result);
	row_eq(s->name, fpd ? "reason, FPD 1" : "reason", v_reason(&f, 0), silent ? 0 : s->reason);
	if (!silent) {
		row_eq(s->name, "index", v_rd(&f, 0x220),
		       (uint64_t)(index_of(&m, s) & 0xFFFF) << 48);
		row_eq(s->name, "SID", v_rd(&f, 0x228) & 0xFFFF, V_DEV);
	}
	row_eq(s->name, "descriptor changed",
	       memcmp(v_pid(&f, V_PID), &before, sizeof(before)) != 0, s->result == PN_MSI_POSTED);
	pn_vtd_stats(f.v, &st);
	row_eq(s->name, "msis", st.msis, 1);
	row_eq(s->name, "forwarded", st.forwarded, s->result == PN_MSI_FORWARDED);
	row_eq(s->name, "remapped", st.remapped, s->result == PN_MSI_REMAPPED);
	row_eq(s->name, "posted", st.posted, s->result == PN_MSI_POSTED);
	row_eq(s->name, "aborted", st.aborted, s->result == PN_MSI_ABORTED);
	row_eq(s->name, "faults", st.faults, !silent);
	row_eq(s->name, "interrupts", f.intrs, s->result != PN_MSI_ABORTED);
	row_eq(s->name, "step MSI", f.agent.step[PN_STEP_MSI].count, 1);
	row_eq(s->name, "step ABORT", f.agent.step[PN_STEP_ABORT].count, st.aborted);
	row_eq(s->name, "step FORWARD", f.agent.step[PN_STEP_FORWARD].count, st.forwarded);
	row_eq(s->name, "step REMAP_SEND", f.agent.step[PN_STEP_REMAP_SEND].count, st.remapped);
	row_eq(s->name, "step PIR_SET", f.agent.step[PN_STEP_PIR_SET].count, st.posted);
	row_eq(s->name, "step INTR_ISSUE", f.agent.step[PN_STEP_INTR_ISSUE].count,
	       st.remapped + st.forwarded);
	row_eq(s->name, "step FAULT_RECORD", f.agent.step[PN_STEP_FAULT_RECORD].count, !silent);
	v_close(&f);
}

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scenes); i++) {
		play(&scenes[i], false);
		play(&scenes[i], true);
	}
}

/* The messages that leave the unit. */
static void test_messages(void **state)
{
	static const struct {
		const char *name;
		struct scene s;
		struct pn_intr want;
	} rows[] = {
		{"1.3 DST, vector",
		 {.irte = {P | 0x51 << 16 | 0x89ABCDEFull << 32, 0}},
		 {.dest = 0x89ABCDEF, .vector = 0x51}},
		{"1.3 DST, EIME 0",
		 {.xapic = true, .irte = {P | 0x51 << 16 | 0xABull << 40, 0}},
		 {.dest = 0xAB, .vector = 0x51}},
		{"1.3 DM",
		 {.irte = {P | PN_VIRTE_DM | 3ull << 32, 0}},
		 {.dest = 3, .logical = true}},
		{"1.3 TM", {.irte = {P | PN_VIRTE_TM, 0}}, {.level = true}},
		{"1.3 DLM lowest priority", {.irte = {P | 1 << 5, 0}}, {.mode = PN_DM_LOWEST}},
		{"1.3 DLM SMI", {.irte = {P | 2 << 5, 0}}, {.mode = PN_DM_SMI}},
		{"1.3 DLM NMI", {.irte = {P | 4 << 5, 0}}, {.mode = PN_DM_NMI}},
		{"1.3 DLM INIT", {.irte = {P | 5 << 5, 0}}, {.mode = PN_DM_INIT}},
		{"1.3 DLM ExtINT", {.irte = {P | 7 << 5, 0}}, {.mode = PN_DM_EXTINT}},
		{"1.3 RH, AVAIL: nothing here", {.irte = {P | PN_VIRTE_RH | 0xF00, 0}}, {0}},
		{"1.6 forwarded as it was",
		 {.off = true, .addr = 0xFEEAB004, .data = 0x8141},
		 {.dest = 0xAB, .vector = 0x41, .mode = 1, .logical = true, .level = true}},
		{"1.2 CFIS 1: passes as it was",
		 {.xapic = true, .cfi = true, .addr = 0xFEE12000, .data = 0x33},
		 {.dest = 0x12, .vector = 0x33}},
		{"2.1 notification: NDST, NV, fixed, edge, physical",
		 {.irte = POSTED, .control = 0xE7ull << 16 | 0x12345678ull << 32},
		 {.dest = 0x12345678, .vector = 0xE7}},
		{"2 notification, EIME 0: NDST 15:8",
		 {.xapic = true, .irte = POSTED, .control = 0xE7ull << 16 | 0xABull << 40},
		 {.dest = 0xAB, .vector = 0xE7}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_msi m = {.addr = rows[i].s.addr ? rows[i].s.addr : MSI_REMAPPABLE,
				   .data = rows[i].s.data,
				   .devid = V_DEV};
		struct vfix f;

		stage(&f, &rows[i].s, false);
		assert_int_not_equal(pn_vtd_msi(f.v, &m), PN_MSI_ABORTED);
		row_eq(rows[i].name, "interrupts", f.intrs, 1);
		row_eq(rows[i].name, "dest", f.intr[0].dest, rows[i].want.dest);
		row_eq(rows[i].name, "vector", f.intr[0].vector, rows[i].want.vector);
		row_eq(rows[i].name, "mode", f.intr[0].mode, rows[i].want.mode);
		row_eq(rows[i].name, "logical", f.intr[0].logical, rows[i].want.logical);
		row_eq(rows[i].name, "level", f.intr[0].level, rows[i].want.level);
		v_close(&f);
	}
}

/* 2.1 through the unit: ON x SN x URG x bit, and the steps. */
static void test_posting(void **state)
{
	static const struct {
		const char *name;
		uint64_t on_sn, urg;
		bool set;
		unsigned notify, quiet, suppressed;
		uint64_t after;
	} rows[] = {
		{"2.1 ON 0 SN 0", 0, 0, 0, 1, 0, 0, PN_PID_ON},
		{"2.1 ON 0 SN 0, bit set", 0, 0, 1, 1, 0, 0, PN_PID_ON},
		{"2.1 ON 0 SN 0 URG", 0, 1, 0, 1, 0, 0, PN_PID_ON},
		{"2.1 ON 0 SN 0 URG, bit set", 0, 1, 1, 1, 0, 0, PN_PID_ON},
		{"2.1 ON 0 SN 1", PN_PID_SN, 0, 0, 0, 0, 1, 0},
		{"2.1 ON 0 SN 1, bit set", PN_PID_SN, 0, 1, 0, 0, 1, 0},
		{"2.1 ON 0 SN 1 URG", PN_PID_SN, 1, 0, 1, 0, 0, PN_PID_ON},
		{"2.1 ON 0 SN 1 URG, bit set", PN_PID_SN, 1, 1, 1, 0, 0, PN_PID_ON},
		{"2.1 ON 1 SN 0", PN_PID_ON, 0, 0, 0, 1, 0, PN_PID_ON},
		{"2.1 ON 1 SN 0, bit set", PN_PID_ON, 0, 1, 0, 1, 0, PN_PID_ON},
		{"2.1 ON 1 SN 0 URG", PN_PID_ON, 1, 0, 0, 1, 0, PN_PID_ON},
		{"2.1 ON 1 SN 0 URG, bit set", PN_PID_ON, 1, 1, 0, 1, 0, PN_PID_ON},
		{"2.1 ON 1 SN 1", PN_PID_ON | PN_PID_SN, 0, 0, 0, 1, 0, PN_PID_ON},
		{"2.1 ON 1 SN 1, bit set", PN_PID_ON | PN_PID_SN, 0, 1, 0, 1, 0, PN_PID_ON},
		{"2.1 ON 1 SN 1 URG", PN_PID_ON | PN_PID_SN, 1, 0, 0, 1, 0, PN_PID_ON},
		{"2.1 ON 1 SN 1 URG, bit set", PN_PID_ON | PN_PID_SN, 1, 1, 0, 1, 0, PN_PID_ON},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_vtd_stats s;
		struct pn_pid *pid;
		struct vfix f;

		v_open(&f, NULL);
		v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 5);
		v_irte(&f, V_IRT, INDEX, v_posted(V_PID, 0x81, rows[i].urg ? PN_VIRTE_URG : 0));
		pid = v_pid(&f, V_PID);
		pid->control = V_CONTROL | rows[i].on_sn;
		pid->pir[2] = (rows[i].set ? 2 : 0) | 4;
		assert_int_equal(v_msi(&f, INDEX, 0), PN_MSI_POSTED);
		row_eq(rows[i].name, "PIR", pid->pir[2], 6);
		row_eq(rows[i].name, "control", pid->control,
		       V_CONTROL | (rows[i].on_sn & PN_PID_SN) | rows[i].after);
		row_eq(rows[i].name, "interrupts", f.intrs, rows[i].notify);
		pn_vtd_stats(f.v, &s);
		row_eq(rows[i].name, "merged", s.merged, rows[i].set);
		row_eq(rows[i].name, "notifications", s.notifications, rows[i].notify);
		row_eq(rows[i].name, "outstanding", s.outstanding, rows[i].quiet);
		row_eq(rows[i].name, "suppressed", s.suppressed, rows[i].suppressed);
		row_eq(rows[i].name, "PIR_SET", f.agent.step[PN_STEP_PIR_SET].count, 1);
		row_eq(rows[i].name, "PIR_MERGE", f.agent.step[PN_STEP_PIR_MERGE].count,
		       rows[i].set);
		row_eq(rows[i].name, "PI_NOTIFY", f.agent.step[PN_STEP_PI_NOTIFY].count,
		       rows[i].notify);
		row_eq(rows[i].name, "PI_ON", f.agent.step[PN_STEP_PI_ON].count, rows[i].quiet);
		row_eq(rows[i].name, "PI_SUPPRESSED", f.agent.step[PN_STEP_PI_SUPPRESSED].count,
		       rows[i].suppressed);
		row_eq(rows[i].name, "INTR_ISSUE", f.agent.step[PN_STEP_INTR_ISSUE].count, 0);
		v_close(&f);
	}
}

/* 2.2: PIR and ON are in memory before the notification is issued. */
static void look(void *ctx, const struct pn_intr *m)
{
	struct vfix *f = ctx;

	(void)m;
	f->intrs++;
	assert_int_equal(v_pid(f, V_PID)->pir[1], 2);
	assert_true(v_pid(f, V_PID)->control & PN_PID_ON);
	assert_int_equal(f->agent.step[PN_STEP_PI_NOTIFY].count, 1);
}

static void test_visible_first(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	f.bus.intr = look;
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 5);
	v_irte(&f, V_IRT, INDEX, v_posted(V_PID, 0x41, 0));
	v_pid(&f, V_PID)->control = V_CONTROL;
	assert_int_equal(v_msi(&f, INDEX, 0), PN_MSI_POSTED);
	assert_int_equal(f.intrs, 1);
	v_close(&f);
}

/* agent.h: what a and b of each step are. */
static struct {
	unsigned step;
	uint64_t a, b;
} seen[16];
static unsigned nseen;

static void observe(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	(void)ctx;
	(void)agent;
	assert_true(nseen < COUNT(seen));
	seen[nseen].step = step;
	seen[nseen].a = a;
	seen[nseen++].b = b;
}

static void expect(const char *name, unsigned i, unsigned step, uint64_t a, uint64_t b)
{
	row_eq(name, "step", seen[i].step, step);
	row_eq(name, pn_step_key(step), seen[i].a, a);
	row_eq(name, pn_step_key(step), seen[i].b, b);
}

static void test_steps(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	v_queue(&f);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 5);
	v_irte(&f, V_IRT, 9, v_posted(V_PID, 0x41, 0));
	v_irte(&f, V_IRT, 10, v_remapped(3, 0x51, true));
	v_pid(&f, V_PID)->control = V_CONTROL;
	f.agent.observe = observe;
	for (unsigned step = 0; step < PN_STEP_NR; step++)
		f.steps[step].watched = 1;
	nseen = 0;
	v_msi(&f, 5, 4);
	expect("post", 0, PN_STEP_MSI, V_DEV, 9);
	expect("post", 1, PN_STEP_IRTE_MISS, V_DEV, 9);
	expect("post", 2, PN_STEP_PIR_SET, V_PID, 0x41);
	expect("post", 3, PN_STEP_PI_NOTIFY, 7, 0xF2);
	row_eq("post", "steps", nseen, 4);
	nseen = 0;
	v_msi(&f, 9, 0);
	expect("again", 1, PN_STEP_IRTE_HIT, V_DEV, 9);
	expect("again", 2, PN_STEP_PIR_SET, V_PID, 0x41);
	expect("again", 3, PN_STEP_PIR_MERGE, V_PID, 0x41);
	expect("again", 4, PN_STEP_PI_ON, V_PID, 0x41);
	row_eq("again", "steps", nseen, 5);
	v_pid(&f, V_PID)->control = V_CONTROL | PN_PID_SN;
	nseen = 0;
	v_msi(&f, 9, 0);
	expect("suppressed", 4, PN_STEP_PI_SUPPRESSED, V_PID, 0x41);
	nseen = 0;
	v_msi(&f, 10, 0);
	expect("remapped", 2, PN_STEP_REMAP_SEND, 3, 0x51);
	expect("remapped", 3, PN_STEP_INTR_ISSUE, 3, 0x51);
	nseen = 0;
	v_msi(&f, 11, 0);
	expect("fault", 2, PN_STEP_ABORT, V_DEV, 11);
	expect("fault", 3, PN_STEP_FAULT_RECORD, 11ull << 48, 1ull << 63 | 0x22ull << 32 | V_DEV);
	nseen = 0;
	v_submit(&f, 0x0000000900000014, 0);
	expect("IEC", 0, PN_STEP_CMD, 0x0000000900000014, 0);
	expect("IEC", 1, PN_STEP_CMD_INVALIDATE, 9, 1);
	nseen = 0;
	v_submit(&f, 4, 0);
	expect("IEC global", 1, PN_STEP_CMD_INVALIDATE, ~0ull, 1);
	nseen = 0;
	v_submit(&f, 0x0000000700000025, V_SEM);
	expect("wait", 0, PN_STEP_CMD, 0x0000000700000025, V_SEM);
	expect("wait", 1, PN_STEP_CMD_WAIT, V_SEM, 7);
	v_gcmd(&f, 0, PN_VTD_G_IRE);
	nseen = 0;
	pn_vtd_msi(f.v, &(struct pn_msi){.addr = 0xFEE07000, .data = 0x41, .devid = 3});
	expect("forwarded", 0, PN_STEP_MSI, 3, 0);
	expect("forwarded", 1, PN_STEP_FORWARD, 7, 0x41);
	expect("forwarded", 2, PN_STEP_INTR_ISSUE, 7, 0x41);
	v_close(&f);
}

/* 1.7: what is kept, with and without CAP.CM: the entry is replaced by a good one, and asked. */
static void test_cached(void **state)
{
	static const struct {
		const char *name;
		uint64_t cap;
		struct pn_virte_raw raw;
		bool kept;
	} rows[] = {
		{"1.7 remapped", 0, REMAPPED, true},
		{"1.7 posted", 0, POSTED, true},
		{"1.7 not present", 0, {0}, false},
		{"1.7 not present, CM", PN_VTD_CAP_CM, {0}, true},
		{"1.7 reserved bits", 0, {P | 1 << 12, 0}, false},
		{"1.7 reserved bits, CM", PN_VTD_CAP_CM, {P | 1 << 12, 0}, true},
		{"1.7 wrong source", 0, {P, SVT(1)}, true},
		{"1.7 descriptor without memory", 0, {P | IM, V_NOWHERE}, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_vtd_config cfg;
		struct vfix f;

		pn_vtd_config_default(&cfg);
		cfg.cap |= rows[i].cap;
		v_open(&f, &cfg);
		v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 5);
		v_pid(&f, V_PID)->control = V_CONTROL;
		v_irte(&f, V_IRT, INDEX, rows[i].raw);
		v_msi(&f, INDEX, 0);
		v_irte(&f, V_IRT, INDEX, v_remapped(1, 0x77, true));
		v_forget(&f);
		v_msi(&f, INDEX, 0);
		row_eq(rows[i].name, "hit", f.agent.step[PN_STEP_IRTE_HIT].count, rows[i].kept);
		row_eq(rows[i].name, "miss", f.agent.step[PN_STEP_IRTE_MISS].count, !rows[i].kept);
		row_eq(rows[i].name, "new entry", f.intrs == 1 && f.intr[0].vector == 0x77,
		       !rows[i].kept);
		v_close(&f);
	}
}

/* poison_stale: a copy that memory does not agree with faults. */
static void test_poison(void **state)
{
	static const struct {
		const char *name;
		bool poison;
		uint64_t flip_lo, flip_hi, table;
		enum pn_msi_result want;
	} rows[] = {
		{"nothing changed", true, 0, 0, V_IRT, PN_MSI_POSTED},
		{"AVAIL is not looked at", true, 0xF00, 0, V_IRT, PN_MSI_POSTED},
		{"another vector", true, 1 << 16, 0, V_IRT, PN_MSI_ABORTED},
		{"another vector, no poison", false, 1 << 16, 0, V_IRT, PN_MSI_POSTED},
		{"FPD, too", true, PN_VIRTE_FPD, 0, V_IRT, PN_MSI_ABORTED},
		{"another source", true, 0, 1, V_IRT, PN_MSI_ABORTED},
		{"not present", true, P, 0, V_IRT, PN_MSI_ABORTED},
		{"another table", true, 0, 0, V_IRT2, PN_MSI_ABORTED},
		{"another table, none there", true, 0, 0, V_NOWHERE, PN_MSI_ABORTED},
		{"another table, no poison", false, 0, 0, V_NOWHERE, PN_MSI_POSTED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_virte_raw raw = v_posted(V_PID, 0x41, 0);
		struct pn_vtd_config cfg;
		struct vfix f;

		pn_vtd_config_default(&cfg);
		cfg.poison_stale = rows[i].poison;
		v_open(&f, &cfg);
		v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 5);
		v_pid(&f, V_PID)->control = V_CONTROL;
		v_irte(&f, V_IRT, INDEX, raw);
		assert_int_equal(v_msi(&f, INDEX, 0), PN_MSI_POSTED);
		raw.lo ^= rows[i].flip_lo;
		raw.hi ^= rows[i].flip_hi;
		v_irte(&f, V_IRT, INDEX, raw);
		v_remap(&f, rows[i].table, PN_VTD_IRTA_EIME, 5);
		row_eq(rows[i].name, "result", v_msi(&f, INDEX, 0), rows[i].want);
		row_eq(rows[i].name, "reason", v_reason(&f, 0),
		       rows[i].want == PN_MSI_ABORTED ? PN_VTD_FAULT_TABLE : 0);
		v_close(&f);
	}
}

/* Two indices in one slot. */
static void test_conflict(void **state)
{
	struct pn_vtd_config cfg;
	struct vfix f;

	(void)state;
	pn_vtd_config_default(&cfg);
	cfg.irte_cache = 1;
	v_open(&f, &cfg);
	v_remap(&f, V_IRT, 0, 5);
	v_irte(&f, V_IRT, 0, v_remapped(1, 0x31, false));
	v_irte(&f, V_IRT, 1, v_remapped(1, 0x32, false));
	for (uint16_t i = 0; i < 4; i++) {
		f.intrs = 0;
		assert_int_equal(v_msi(&f, i & 1, 0), PN_MSI_REMAPPED);
		assert_int_equal(f.intr[0].vector, 0x31 + (i & 1));
	}
	assert_int_equal(f.agent.step[PN_STEP_IRTE_MISS].count, 4);
	/* power-on forgets the entries, too */
	pn_vtd_reset(f.v);
	v_remap(&f, V_IRT2, 0, 5);
	v_irte(&f, V_IRT2, 1, v_remapped(1, 0x99, false));
	f.intrs = 0;
	assert_int_equal(v_msi(&f, 1, 0), PN_MSI_REMAPPED);
	assert_int_equal(f.intr[0].vector, 0x99);
	v_close(&f);
}

/* An I/O APIC pin reaches its entry (1.2). */
static void test_ioapic(void **state)
{
	struct pn_msi m = {.devid = V_DEV};
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 15);
	v_irte(&f, V_IRT, 0x9234, v_remapped(1, 0x51, true));
	assert_true(pn_vtd_ioapic_request(pn_vtd_ioapic_rte(0x9234, 0x51, true), &m.addr, &m.data));
	assert_int_equal(pn_vtd_msi(f.v, &m), PN_MSI_REMAPPED);
	v_close(&f);
}

/*
 * 2.1, 2.2 with real threads: two units post to one descriptor, a third thread takes it whenever it
 * is notified. Each bit that was set anew is taken exactly once, and none is left without a
 * notification.
 */
#define POSTS 40000u

static struct {
	struct vfix f;
	uint64_t pending, running;
	uint64_t taken;
} race;

static void count_intr(void *ctx, const struct pn_intr *m)
{
	(void)ctx;
	(void)m;
	__atomic_fetch_add(&race.pending, 1, __ATOMIC_RELEASE);
}

static void *poster(void *unit)
{
	for (unsigned i = 0; i < POSTS; i++) {
		struct pn_msi m = {.devid = V_DEV};

		pn_vtd_msi_encode((uint16_t)(i * 7 % 32), 0, &m.addr, &m.data);
		if (pn_vtd_msi(unit, &m) != PN_MSI_POSTED)
			abort();
	}
	__atomic_fetch_sub(&race.running, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void take(struct pn_pid *pid)
{
	pn_and64(&pid->control, ~PN_PID_ON);
	for (unsigned i = 0; i < 4; i++)
		race.taken += (unsigned)__builtin_popcountll(pn_xchg64(&pid->pir[i], 0));
}

static void *taker(void *pid)
{
	for (;;) {
		bool last = !__atomic_load_n(&race.running, __ATOMIC_ACQUIRE);

		if (__atomic_exchange_n(&race.pending, 0, __ATOMIC_ACQUIRE))
			take(pid);
		else if (last)
			return NULL;
	}
}

static void test_threads(void **state)
{
	struct pn_vtd_stats a, b;
	struct vfix *f = &race.f;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_vtd *other;
	pthread_t t[3];

	(void)state;
	v_open(f, NULL);
	f->bus.intr = count_intr;
	pn_agent_init(&agent, 2, steps);
	f->cfg.agent = &agent;
	assert_int_equal(pn_vtd_create(&f->cfg, &other), 0);
	v_pid(f, V_PID)->control = V_CONTROL;
	for (uint16_t i = 0; i < 32; i++)
		v_irte(f, V_IRT, i, v_posted(V_PID, (uint8_t)(i * 8), 0));
	v_remap(f, V_IRT, PN_VTD_IRTA_EIME, 5);
	pn_vtd_write(other, PN_VTD_IRTA, 8, V_IRT | PN_VTD_IRTA_EIME | 5);
	pn_vtd_write(other, PN_VTD_GCMD, 4, PN_VTD_G_SIRTP | PN_VTD_G_IRE);
	race.running = 2;
	pthread_create(&t[0], NULL, poster, f->v);
	pthread_create(&t[1], NULL, poster, other);
	pthread_create(&t[2], NULL, taker, v_pid(f, V_PID));
	for (unsigned i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < 4; i++)
		row_eq("2.2 threads", "left in the PIR", v_pid(f, V_PID)->pir[i], 0);
	row_eq("2.2 threads", "control", v_pid(f, V_PID)->control, V_CONTROL);
	pn_vtd_stats(f->v, &a);
	pn_vtd_stats(other, &b);
	row_eq("2.2 threads", "taken", race.taken, a.posted + b.posted - a.merged - b.merged);
	pn_vtd_destroy(other);
	v_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	cmocka_unit_test(test_messages),
		cmocka_unit_test(test_posting), cmocka_unit_test(test_visible_first),
		cmocka_unit_test(test_steps),	cmocka_unit_test(test_cached),
		cmocka_unit_test(test_poison),	cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_ioapic),	cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
