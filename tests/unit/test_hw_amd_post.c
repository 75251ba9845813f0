/* SPDX-License-Identifier: MIT */
/*
 * The life of an interrupt in AMD's IOMMU: remapped, posted, or aborted; notifications; what the
 * caches keep.
 */
#include <pthread.h>
#include <sched.h>

#include "amd_fixture.h"

/* clang-format off */
#define EV(code, flags) ((uint64_t)(code) << PN_EVENT_CODE_SH | (flags) | F_DEV)
#define FAULT(flags)	EV(PN_EVENT_IO_PAGE_FAULT, PN_EVENT_I | (flags))
#define INTCTL(n)	((uint64_t)(n) << PN_DTE_INTCTL_SH)
#define DTE(root, len)	(PN_DTE_IV | (uint64_t)(len) << PN_DTE_INTTABLEN_SH | (root) | INTCTL(2))
#define DTE_OK		DTE(F_IRT, 9)
#define DTE_IG		(DTE_OK | PN_DTE_IG)
#define REMAPPED	{0x0000000002030401ull, 0x0100000000000062ull}
#define POSTED		{0x00001041000007C1ull, F_PAGE | 0x41} /* running at APIC 7, tag 1041h */
/* the request of these tests, as it came */
#define FWD		{.dest = 1, .vector = 0x31, .logical = true}
/* clang-format on */

/* One interrupt request from reset: DTE, entry, request; result, message, event. */
struct row {
	const char *name;
	uint64_t control;
	uint64_t dte;
	struct pn_irte128 irte;
	uint32_t data;
	enum pn_msi_result result;
	uint64_t q0, q1; /* event; 0: none */
	struct pn_intr intr;
	void (*tweak)(struct fix *f, struct pn_msi *m);
};

static void t_outside(struct fix *f, struct pn_msi *m)
{
	(void)m;
	f_wr(f, PN_AMDVI_DEVTAB, F_DEVTAB); /* 4 KiB: DevIDs 0 to 7Fh */
	m->devid = 0x80;
}

static void t_last(struct fix *f, struct pn_msi *m)
{
	f_wr(f, PN_AMDVI_DEVTAB, F_DEVTAB);
	m->devid = 0x7F;
	f_dte(f, 0x7F, DTE_OK);
}

static void t_devtab_nowhere(struct fix *f, struct pn_msi *m)
{
	(void)m;
	f_wr(f, PN_AMDVI_DEVTAB, F_NOWHERE | F_DT_SIZE);
}

static void t_pasid(struct fix *f, struct pn_msi *m)
{
	(void)f;
	m->has_pasid = true;
	m->pasid = 0xA5678;
}

static void t_not_msi(struct fix *f, struct pn_msi *m)
{
	(void)f;
	m->addr = 0x1000;
}

/* clang-format off */
static const struct row rows[] = {
	/* section 2: device table entry */
	{"IommuEn=0: forwarded", 0, DTE_OK, {0, 0}, 0x31, PN_MSI_FORWARDED, 0, 0, FWD,
	 NULL},
	{"2 IV=0: forwarded", F_GUEST, DTE_OK & ~1ull, {0, 0}, 0x31, PN_MSI_FORWARDED, 0, 0,
	 FWD, NULL},
	{"2 IntCtl=01: forwarded", F_GUEST, (DTE_OK & ~INTCTL(3)) | INTCTL(1), {0, 0}, 0x31,
	 PN_MSI_FORWARDED, 0, 0, FWD, NULL},
	{"2 IntCtl=00: abort", F_GUEST, DTE_OK & ~INTCTL(3), {0, 0}, 0x31, PN_MSI_ABORTED,
	 FAULT(0), F_MSI, {0}, NULL},
	{"2 IntCtl=00, IG", F_GUEST, DTE_IG & ~INTCTL(3), {0, 0}, 0x31, PN_MSI_ABORTED, 0,
	 0, {0}, NULL},
	{"2 IntCtl=11: illegal entry", F_GUEST, DTE_OK | INTCTL(3), {0, 0}, 0x31,
	 PN_MSI_ABORTED, EV(1, PN_EVENT_I), F_MSI, {0}, NULL},
	{"2 reserved bit 52", F_GUEST, DTE_OK | 1ull << 52, {0, 0}, 0x31, PN_MSI_ABORTED,
	 EV(1, PN_EVENT_I | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"2 reserved bit 53, IG does not matter", F_GUEST, DTE_IG | 1ull << 53, {0, 0},
	 0x31, PN_MSI_ABORTED, EV(1, PN_EVENT_I | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"2 IntTabLen=12", F_GUEST, DTE(F_IRT, 12), {0, 0}, 0x31, PN_MSI_ABORTED, EV(1,
	 PN_EVENT_I), F_MSI, {0}, NULL},
	{"2 64-byte root with GAEn", F_GUEST, DTE_OK | 0x40, {0, 0}, 0x31, PN_MSI_ABORTED,
	 EV(1, PN_EVENT_I | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"1.1 DevID beyond the device table", F_GUEST, DTE_OK, {0, 0}, 0x31, PN_MSI_ABORTED,
	 1ull << 60 | PN_EVENT_I | 0x80, F_MSI, {0}, t_outside},
	{"1.1 last DevID of the device table", F_GUEST, DTE_OK, REMAPPED, 0x31,
	 PN_MSI_REMAPPED, 0, 0, {.dest = 0x01020304, .vector = 0x62}, t_last},
	{"5.2 device table unreachable", F_GUEST, DTE_OK, {0, 0}, 0x31, PN_MSI_ABORTED,
	 EV(3, PN_EVENT_I | 1ull << 57), F_NOWHERE + F_DEV * 32, {0}, t_devtab_nowhere},
	{"5.2 interrupt with PASID", F_GUEST, DTE_OK, REMAPPED, 0x31, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_GN | 0x5678ull << 32 | 0xA0000), F_MSI, {0}, t_pasid},
	{"5.2 interrupt with PASID, IG", F_GUEST, DTE_IG, REMAPPED, 0x31, PN_MSI_ABORTED, 0,
	 0, {0}, t_pasid},
	{"not an interrupt request", F_GUEST, DTE_OK, REMAPPED, 0x31, PN_MSI_ABORTED, 0, 0,
	 {0}, t_not_msi},
	/* section 2: message types; indices 512 and up are none without 2K mode */
	{"2 type 1 is an index", F_GUEST, DTE_OK, REMAPPED, 0x1FF, PN_MSI_REMAPPED, 0, 0,
	 {.dest = 0x01020304, .vector = 0x62}, NULL},
	{"2 type 2 SMI", F_GUEST, DTE_OK, REMAPPED, 0x200, PN_MSI_ABORTED, FAULT(0), F_MSI,
	 {0}, NULL},
	{"2 type 3", F_GUEST, DTE_OK, REMAPPED, 0x300, PN_MSI_ABORTED, FAULT(0), F_MSI, {0},
	 NULL},
	{"2 type 6", F_GUEST, DTE_OK, REMAPPED, 0x600, PN_MSI_ABORTED, FAULT(0), F_MSI, {0},
	 NULL},
	{"2 NMI, NMIPass=0", F_GUEST, DTE_OK | PN_DTE_INITPASS | PN_DTE_EINTPASS, REMAPPED,
	 0x400, PN_MSI_ABORTED, FAULT(0), F_MSI, {0}, NULL},
	{"2 NMI, NMIPass=1", F_GUEST, DTE_OK | PN_DTE_NMIPASS, REMAPPED, 0x400,
	 PN_MSI_FORWARDED, 0, 0, {.dest = 1, .mode = PN_DM_NMI, .logical = true}, NULL},
	{"2 INIT, InitPass=0, IG", F_GUEST, DTE_IG | PN_DTE_NMIPASS, REMAPPED, 0x500,
	 PN_MSI_ABORTED, 0, 0, {0}, NULL},
	{"2 INIT, InitPass=1, IntCtl=00", F_GUEST, (DTE_OK & ~INTCTL(3)) | PN_DTE_INITPASS,
	 REMAPPED, 0x500, PN_MSI_FORWARDED, 0, 0, {.dest = 1, .mode = PN_DM_INIT, .logical =
	 true}, NULL},
	{"2 ExtINT, EIntPass=0", F_GUEST, DTE_OK, REMAPPED, 0x700, PN_MSI_ABORTED, FAULT(0),
	 F_MSI, {0}, NULL},
	{"2 ExtINT, EIntPass=1", F_GUEST, DTE_OK | PN_DTE_EINTPASS, REMAPPED, 0x700,
	 PN_MSI_FORWARDED, 0, 0, {.dest = 1, .mode = PN_DM_EXTINT, .logical = true}, NULL},
	{"2 2K mode: 11 bits of index", F_GUEST | 1ull << PN_CTRL_NUMINTREMAP_SH, DTE(F_IRT,
	 11), REMAPPED, 0x7FF, PN_MSI_REMAPPED, 0, 0, {.dest = 0x01020304, .vector = 0x62},
	 NULL},
	{"2 2K mode: index is still bounded", F_GUEST | 1ull << PN_CTRL_NUMINTREMAP_SH,
	 DTE_OK, REMAPPED, 0x400, PN_MSI_ABORTED, FAULT(0), F_MSI, {0}, NULL},
	{"2 index 2^IntTabLen", F_GUEST, DTE(F_IRT, 5), REMAPPED, 32, PN_MSI_ABORTED,
	 FAULT(0), F_MSI, {0}, NULL},
	{"2 index 2^IntTabLen, IG", F_GUEST, DTE(F_IRT, 5) | PN_DTE_IG, REMAPPED, 32,
	 PN_MSI_ABORTED, 0, 0, {0}, NULL},
	{"2 index 2^IntTabLen - 1", F_GUEST, DTE(F_IRT, 5), REMAPPED, 31, PN_MSI_REMAPPED,
	 0, 0, {.dest = 0x01020304, .vector = 0x62}, NULL},
	/* section 3.2 and 4.3, 4.4: remap form */
	{"4.3 RemapEn=0", F_GUEST, DTE_OK, {0, 0}, 0x10, PN_MSI_ABORTED, FAULT(0), F_MSI,
	 {0}, NULL},
	{"4.3 RemapEn=0, SupIOPF", F_GUEST, DTE_OK, {2, 0}, 0x10, PN_MSI_ABORTED, 0, 0, {0},
	 NULL},
	{"4.3 RemapEn=0, IG", F_GUEST, DTE_IG, {0, 0}, 0x10, PN_MSI_ABORTED, 0, 0, {0},
	 NULL},
	{"4.3 RemapEn=0 hides reserved bits", F_GUEST, DTE_OK, {~0ull << 32, 0}, 0x10,
	 PN_MSI_ABORTED, FAULT(0), F_MSI, {0}, NULL},
	{"4.3 IntType 2", F_GUEST, DTE_OK, {1 | 2 << 2, 0x31}, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"4.3 reserved lo", F_GUEST, DTE_OK, {1 | 1ull << 40, 0x31}, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"4.3 reserved hi", F_GUEST, DTE_OK, {1, 0x131}, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"4.3 reserved hi, SupIOPF", F_GUEST, DTE_OK, {3, 0x131}, 0x10, PN_MSI_ABORTED, 0,
	 0, {0}, NULL},
	{"3.2 wide destination without XTEn", F_GUEST & ~PN_CTRL_XTEN, DTE_OK, REMAPPED,
	 0x10, PN_MSI_ABORTED, FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"3.2 8-bit destination without XTEn", F_GUEST & ~PN_CTRL_XTEN, DTE_OK, {0x4401,
	 0x62}, 0x10, PN_MSI_REMAPPED, 0, 0, {.dest = 0x44, .vector = 0x62}, NULL},
	{"3.2 arbitrated, logical, RqEOI", F_GUEST, DTE_OK, {0x4465, 0x62}, 0x10,
	 PN_MSI_REMAPPED, 0, 0, {.dest = 0x44, .vector = 0x62, .mode = PN_DM_LOWEST,
	 .logical = true, .level = true}, NULL},
	/* section 3.1: 32-bit form, entry 10h is the low half of the 128-bit entry 4 */
	{"3.1 remap", F_RUN, DTE_OK, {0x00310F41, 0}, 0x10, PN_MSI_REMAPPED, 0, 0, {.dest =
	 0x0F, .vector = 0x31, .logical = true}, NULL},
	{"3.1 64-byte root", F_RUN, DTE(F_IRT + 0x40, 9), {0x00310F41, 0}, 0,
	 PN_MSI_REMAPPED, 0, 0, {.dest = 0x0F, .vector = 0x31, .logical = true}, NULL},
	{"3.1 RemapEn=0", F_RUN, DTE_OK, {0x00310F40, 0}, 0x10, PN_MSI_ABORTED, FAULT(0),
	 F_MSI, {0}, NULL},
	{"3.1 GuestMode", F_RUN, DTE_OK, {0x00310FC1, 0}, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"3.1 reserved", F_RUN, DTE_OK, {0x01310F41, 0}, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	/* section 3.3, 4.5: guest form */
	{"4.5 posted", F_GUEST, DTE_OK, POSTED, 0x10, PN_MSI_POSTED, 0, 0, {0}, NULL},
	{"4.5 GAMEn=0", F_GUEST & ~PN_CTRL_GAMEN, DTE_OK, POSTED, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"3.3 reserved bit 3", F_GUEST, DTE_OK, {0x89, F_PAGE | 0x41}, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"3.3 reserved hi 8", F_GUEST, DTE_OK, {0x81, F_PAGE | 0x141}, 0x10, PN_MSI_ABORTED,
	 FAULT(PN_EVENT_PR | PN_EVENT_RZ), F_MSI, {0}, NULL},
	{"3.3 RemapEn=0", F_GUEST, DTE_OK, {0x80, F_PAGE | 0x41}, 0x10, PN_MSI_ABORTED,
	 FAULT(0), F_MSI, {0}, NULL},
	{"4.5b vAPIC page unreachable", F_GUEST, DTE_OK, {0x81, F_NOWHERE | 0x41}, 0x10,
	 PN_MSI_ABORTED, EV(4, PN_EVENT_I | 1ull << 57), F_NOWHERE, {0}, NULL},
	{"4.2 entry unreachable", F_GUEST, DTE(F_NOWHERE, 9), {0, 0}, 0x10, PN_MSI_ABORTED,
	 EV(4, PN_EVENT_I | 1ull << 57), F_NOWHERE + 0x100, {0}, NULL},
};
/* clang-format on */

static void same_intr(const char *name, const struct pn_intr *got, const struct pn_intr *want)
{
	row_eq(name, "dest", got->dest, want->dest);
	row_eq(name, "vector", got->vector, want->vector);
	row_eq(name, "mode", got->mode, want->mode);
	row_eq(name, "logical", got->logical, want->logical);
	row_eq(name, "level", got->level, want->level);
}

static void one_row(struct fix *f, const struct row *r, bool again)
{
	struct pn_msi m = {.addr = F_MSI, .data = r->data, .devid = F_DEV};
	const bool sends = r->result == PN_MSI_FORWARDED || r->result == PN_MSI_REMAPPED;
	struct pn_amd_event ev = {0, 0};

	if (r->tweak)
		r->tweak(f, &m);
	f_wr(f, PN_AMDVI_EVT_HEAD, f_rd(f, PN_AMDVI_EVT_TAIL));
	f_forget(f);
	row_eq(r->name, again ? "second result" : "result", pn_amdvi_msi(f->vi, &m), r->result);
	row_eq(r->name, "step msi", f->agent.step[PN_STEP_MSI].count, 1);
	row_eq(r->name, "step abort", f->agent.step[PN_STEP_ABORT].count,
	       r->result == PN_MSI_ABORTED);
	row_eq(r->name, "step forward", f->agent.step[PN_STEP_FORWARD].count,
	       r->result == PN_MSI_FORWARDED);
	row_eq(r->name, "step remap_send", f->agent.step[PN_STEP_REMAP_SEND].count,
	       r->result == PN_MSI_REMAPPED);
	row_eq(r->name, "events", f->agent.step[PN_STEP_EVENT_LOG].count, r->q0 != 0);
	if (r->q0) {
		f_events(f, &ev);
		row_eq(r->name, "event q0", ev.q0, r->q0);
		row_eq(r->name, "event q1", ev.q1, r->q1);
	}
	row_eq(r->name, "messages", f->intrs, sends);
	if (sends)
		same_intr(r->name, &f->intr[0], &r->intr);
	row_eq(r->name, "doorbells", f->bells, r->result == PN_MSI_POSTED);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct fix f;

		f_open(&f, NULL);
		f_dte(&f, F_DEV, r->dte);
		if (r->control & PN_CTRL_GAEN)
			f_irte(&f, F_IRT, r->data & 0x7FF, r->irte);
		else
			f_irte(&f, F_IRT, 4, r->irte);
		f_enable(&f, r->control);
		one_row(&f, r, false);
		one_row(&f, r, true); /* with whatever is cached now */
		f_close(&f);
	}
}

/* 4: the order of a posted interrupt, seen by the trace hook. */
struct trace {
	unsigned step[32];
	uint64_t a[32], b[32];
	unsigned n;
};

static void record(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	struct trace *t = ctx;

	(void)agent;
	t->step[t->n % 32] = step;
	t->a[t->n % 32] = a;
	t->b[t->n++ % 32] = b;
}

struct seen {
	unsigned step;
	uint64_t a, b;
};

static void expect_trace(const char *name, const struct trace *t, const struct seen *want,
			 unsigned n)
{
	for (unsigned i = 0; i < n && i < t->n; i++) {
		if (t->step[i] != want[i].step)
			fail_msg("%s: step %u is %s, expected %s", name, i, pn_step_key(t->step[i]),
				 pn_step_key(want[i].step));
		row_eq(name, pn_step_key(t->step[i]), t->a[i], want[i].a);
		row_eq(name, pn_step_key(t->step[i]), t->b[i], want[i].b);
	}
	row_eq(name, "steps", t->n, n);
}

static void test_order(void **state)
{
	const struct seen first[] = {
		{PN_STEP_MSI, F_DEV, 5},	   {PN_STEP_DTE_MISS, F_DEV, 5},
		{PN_STEP_IRTE_MISS, F_DEV, 5},	   {PN_STEP_IRR_SET, F_PAGE, 0x41},
		{PN_STEP_IRTE_VOLATILE, F_DEV, 5}, {PN_STEP_DOORBELL_SEND, 7, 0},
	};
	const struct seen second[] = {
		{PN_STEP_MSI, F_DEV, 5},	   {PN_STEP_DTE_HIT, F_DEV, 5},
		{PN_STEP_IRTE_HIT, F_DEV, 5},	   {PN_STEP_IRR_SET, F_PAGE, 0x41},
		{PN_STEP_IRR_MERGE, F_PAGE, 0x41}, {PN_STEP_IRTE_VOLATILE, F_DEV, 5},
		{PN_STEP_DOORBELL_SEND, 7, 0},
	};
	const struct seen before[] = {
		{PN_STEP_MSI, F_DEV, 5},	 {PN_STEP_DTE_MISS, F_DEV, 5},
		{PN_STEP_IRTE_MISS, F_DEV, 5},	 {PN_STEP_IRTE_VOLATILE, F_DEV, 5},
		{PN_STEP_IRR_SET, F_PAGE, 0x41}, {PN_STEP_DOORBELL_SEND, 7, 0},
	};
	struct pn_amdvi_config cfg;

	(void)state;
	pn_amdvi_config_default(&cfg);
	for (unsigned k = 0; k < 2; k++) {
		struct trace t = {.n = 0};
		struct fix f;

		cfg.knobs.volatile_fetch = k ? PN_VOLATILE_BEFORE_IRR : PN_VOLATILE_AFTER_IRR;
		f_open(&f, &cfg);
		f_dte(&f, F_DEV, DTE_OK);
		f_irte(&f, F_IRT, 5, (struct pn_irte128)POSTED);
		f_enable(&f, F_GUEST);
		f.agent.observe = record;
		f.agent.observe_ctx = &t;
		for (unsigned step = 0; step < PN_STEP_NR; step++)
			f.steps[step].watched = 1;
		f_msi(&f, F_DEV, 5);
		if (k) {
			expect_trace("volatile_fetch=before_irr", &t, before, COUNT(before));
		} else {
			expect_trace("4 first", &t, first, COUNT(first));
			t.n = 0;
			f_msi(&f, F_DEV, 5);
			expect_trace("4 second", &t, second, COUNT(second));
		}
		f_close(&f);
	}
}

/* 4.5a: each vector's bit, and nothing else in the page. */
static void test_irr_bits(void **state)
{
	struct fix f;

	(void)state;
	f_open(&f, NULL);
	f_dte(&f, F_DEV, DTE_OK);
	for (unsigned v = 0; v < 256; v++)
		f_irte(&f, F_IRT, v, f_guest(F_PAGE, (uint8_t)v, PN_IRTE_ISRUN));
	f_enable(&f, F_GUEST);
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t *page = f_ptr(&f, F_PAGE);
		unsigned set = 0;

		f_irr_clear(&f, F_PAGE);
		assert_int_equal(f_msi(&f, F_DEV, v), PN_MSI_POSTED);
		for (unsigned i = 0; i < 4096; i++)
			set += (unsigned)__builtin_popcount(page[i]);
		row_eq("4.5a", "bits in the page", set, 1);
		/* the byte form of the address */
		row_eq("4.5a", "byte", page[0x200 + (v >> 5) * 16 + ((v & 31) >> 3)],
		       1u << (v & 7));
	}
	f_close(&f);
}

/* 4.5d, 4.5e: a row per way of notifying. @pending: bits set before. */
struct notify_row {
	const char *name;
	uint64_t control;
	struct pn_amdvi_knobs knobs;
	uint64_t flags;	 /* of the entry */
	uint8_t pending; /* vector set before; 0: none */
	unsigned step;	 /* the one that must be taken */
	unsigned intrs, bells, entries;
};

/* clang-format off */
#define NOKNOB {.galog_len_max = 12, .galog_ptr_mask = 0xFFF8}
#define K(...) {.galog_len_max = 12, .galog_ptr_mask = 0xFFF8, __VA_ARGS__}
static const struct notify_row notifies[] = {
	/* clang-format off */
	{"4.5d IsRun, GALOG", F_GALOGON, NOKNOB, PN_IRTE_ISRUN | PN_IRTE_GALOGINTR, 0, PN_STEP_DOORBELL_SEND, 0, 1, 0},
	{"4.5d IsRun, GAPPI", F_GAPPION, NOKNOB, PN_IRTE_ISRUN, 0, PN_STEP_DOORBELL_SEND, 0, 1, 0},
	{"4.5e GALogIntr=1", F_GALOGON, NOKNOB, PN_IRTE_GALOGINTR, 0, PN_STEP_GALOG_ENTRY, 1, 0, 1},
	{"4.5e GALogIntr=0", F_GALOGON, NOKNOB, 0, 0, PN_STEP_GALOG_QUIET, 0, 0, 0},
	{"4.5e log off", F_GUEST, NOKNOB, PN_IRTE_GALOGINTR, 0, PN_STEP_GALOG_DROP, 0, 0, 0},
	{"4.5e GAIntEn=0", F_GALOGON & ~PN_CTRL_GAINTEN, NOKNOB, PN_IRTE_GALOGINTR, 0, PN_STEP_GALOG_ENTRY, 0, 0, 1},
	{"dedup=never, bit set", F_GALOGON, NOKNOB, PN_IRTE_GALOGINTR, 0x41, PN_STEP_GALOG_ENTRY, 1, 0, 1},
	{"dedup=same_bit, bit set", F_GALOGON, K(.galog_dedup = PN_DEDUP_SAME_BIT), PN_IRTE_GALOGINTR, 0x41, PN_STEP_GALOG_QUIET, 0, 0, 0},
	{"dedup=same_bit, another bit", F_GALOGON, K(.galog_dedup = PN_DEDUP_SAME_BIT), PN_IRTE_GALOGINTR, 0x42, PN_STEP_GALOG_ENTRY, 1, 0, 1},
	{"4.5e GAPPI, empty", F_GAPPION, NOKNOB, 0, 0, PN_STEP_GAPPI_SEND, 1, 0, 0},
	{"3.4 GALogIntr is not consulted for GAPPI", F_GAPPION | PN_CTRL_GALOGEN, NOKNOB, PN_IRTE_GALOGINTR, 0, PN_STEP_GAPPI_SEND, 1, 0, 0},
	{"4.5e GAPPIDis", F_GAPPION, NOKNOB, PN_IRTE_GAPPIDIS, 0, PN_STEP_GAPPI_DIS, 0, 0, 0},
	{"4.5e GAPPIDis, another bit", F_GAPPION, NOKNOB, PN_IRTE_GAPPIDIS, 0x42, PN_STEP_GAPPI_DIS, 0, 0, 0},
	{"3.4 GAPPIDis means nothing to GALOG", F_GALOGON, NOKNOB, PN_IRTE_GALOGINTR | PN_IRTE_GAPPIDIS, 0, PN_STEP_GALOG_ENTRY, 1, 0, 1},
	{"exact256, same bit", F_GAPPION, NOKNOB, 0, 0x41, PN_STEP_GAPPI_NONEMPTY, 0, 0, 0},
	{"exact256, same word", F_GAPPION, NOKNOB, 0, 0x5F, PN_STEP_GAPPI_NONEMPTY, 0, 0, 0},
	{"exact256, lowest word", F_GAPPION, NOKNOB, 0, 0x10, PN_STEP_GAPPI_NONEMPTY, 0, 0, 0},
	{"exact256, highest word", F_GAPPION, NOKNOB, 0, 0xFF, PN_STEP_GAPPI_NONEMPTY, 0, 0, 0},
	{"word32, same word", F_GAPPION, K(.gappi_emptiness = PN_EMPTY_WORD32), 0, 0x5F, PN_STEP_GAPPI_NONEMPTY, 0, 0, 0},
	{"word32, another word", F_GAPPION, K(.gappi_emptiness = PN_EMPTY_WORD32), 0, 0x60, PN_STEP_GAPPI_SEND, 1, 0, 0},
	{"always, same bit", F_GAPPION, K(.gappi_emptiness = PN_EMPTY_ALWAYS), 0, 0x41, PN_STEP_GAPPI_SEND, 1, 0, 0},
	/* clang-format on */
};
/* clang-format on */

static void test_notify(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(notifies); i++) {
		const struct notify_row *r = &notifies[i];
		struct pn_amdvi_config cfg;
		struct pn_amdvi_stats st;
		struct fix f;

		pn_amdvi_config_default(&cfg);
		cfg.knobs = r->knobs;
		f_open(&f, &cfg);
		f_dte(&f, F_DEV, DTE_OK);
		f_irte(&f, F_IRT, 5, f_guest(F_PAGE, 0x41, r->flags));
		f_enable(&f, r->control);
		if (r->pending)
			*(uint32_t *)f_ptr(&f, F_PAGE + pn_apic_word(PN_APIC_IRR, r->pending)) =
				1u << (r->pending & 31);
		row_eq(r->name, "result", f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
		row_eq(r->name, pn_step_key(r->step), f.agent.step[r->step].count, 1);
		row_eq(r->name, "step irr_set", f.agent.step[PN_STEP_IRR_SET].count, 1);
		row_eq(r->name, "step irr_merge", f.agent.step[PN_STEP_IRR_MERGE].count,
		       r->pending == 0x41);
		row_eq(r->name, "bit", f_irr(&f, F_PAGE, 0x41) >> 1 & 1, 1);
		row_eq(r->name, "messages", f.intrs, r->intrs);
		row_eq(r->name, "doorbells", f.bells, r->bells);
		row_eq(r->name, "log tail", f_rd(&f, PN_AMDVI_GA_TAIL), r->entries * 8u);
		if (r->entries)
			row_eq(r->name, "log entry", f_ld(&f, F_GALOG),
			       0x1000000000001041ull | (uint64_t)F_DEV << 32);
		if (r->bells)
			row_eq(r->name, "doorbell", f.bell[0], 7);
		if (r->step == PN_STEP_GAPPI_SEND)
			same_intr(r->name, &f.intr[0],
				  &(struct pn_intr){.dest = 7, .vector = 0x41});
		if (r->step == PN_STEP_GALOG_ENTRY && r->intrs)
			same_intr(r->name, &f.intr[0],
				  &(struct pn_intr){.dest = 5, .vector = 0x31});
		pn_amdvi_stats(f.vi, &st);
		row_eq(r->name, "posted", st.posted, 1);
		row_eq(r->name, "merged", st.merged, r->pending == 0x41);
		row_eq(r->name, "sent", st.gappi_sent, r->step == PN_STEP_GAPPI_SEND);
		row_eq(r->name, "nonempty", st.gappi_nonempty, r->step == PN_STEP_GAPPI_NONEMPTY);
		row_eq(r->name, "dis", st.gappi_dis, r->step == PN_STEP_GAPPI_DIS);
		row_eq(r->name, "entries", st.galog_entries, r->entries);
		f_close(&f);
	}
}

/* 3.4: GATag[31:8] does not count; the destination is 32 bits wide. */
static void test_gappi_vector(void **state)
{
	struct fix f;

	(void)state;
	f_open(&f, NULL);
	f_dte(&f, F_DEV, DTE_OK);
	f_irte(&f, F_IRT, 5,
	       (struct pn_irte128){0xFFFFFFF102030481ull, 0x01ull << 56 | F_PAGE | 0x41});
	f_enable(&f, F_GAPPION);
	f_msi(&f, F_DEV, 5);
	same_intr("3.4", &f.intr[0], &(struct pn_intr){.dest = 0x01020304, .vector = 0xF1});
	f_close(&f);
}

/* EFR2.GAPPIDisSup = 0: bit 5 is reserved when the entry is fetched, and means nothing later. */
static void test_no_gappidis(void **state)
{
	struct pn_amdvi_config cfg;
	struct fix f;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.efr2 = 0;
	f_open(&f, &cfg);
	f_dte(&f, F_DEV, DTE_OK);
	f_irte(&f, F_IRT, 5, f_guest(F_PAGE, 0x41, PN_IRTE_GAPPIDIS));
	f_enable(&f, F_GAPPION);
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_ABORTED);
	f_irte(&f, F_IRT, 5, f_guest(F_PAGE, 0x41, 0));
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	f_irte(&f, F_IRT, 5, f_guest(F_PAGE, 0x41, PN_IRTE_GAPPIDIS));
	f_irr_clear(&f, F_PAGE);
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	assert_int_equal(f.intrs, 2);
	f_close(&f);
}

static void test_fault_knobs(void **state)
{
	struct pn_amdvi_config cfg;
	struct pn_amd_event ev = {0};
	struct fix f;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.knobs.fault_address = PN_FAULT_ADDR_INDEX;
	cfg.knobs.intctl00_event = PN_INTCTL00_INVALID_REQUEST;
	cfg.knobs.guestmode_off = PN_GUESTMODE_OFF_REMAP;
	f_open(&f, &cfg);
	f_dte(&f, F_DEV, DTE_OK);
	f_dte(&f, F_DEV2, DTE_OK & ~INTCTL(3));
	f_irte(&f, F_IRT, 6, (struct pn_irte128)POSTED);
	f_enable(&f, F_GUEST & ~PN_CTRL_GAMEN);
	f_msi(&f, F_DEV, 0x25);
	assert_int_equal(f_events(&f, &ev), 1);
	row_eq("fault_address=index", "address", ev.q1, 0x25);
	f_msi(&f, F_DEV2, 0x25);
	assert_int_equal(f_events(&f, &ev), 2);
	row_eq("intctl00=invalid_request", "event", ev.q0, 8ull << 60 | 4ull << 57 | F_DEV2);
	row_eq("guestmode_off=remap", "result", f_msi(&f, F_DEV, 6), PN_MSI_REMAPPED);
	same_intr("guestmode_off=remap", &f.intr[0], &(struct pn_intr){.dest = 7, .vector = 0x41});
	f_close(&f);
}

/*
 * 3.3: which change of a live entry counts at once and which only after an invalidation. @after:
 * the doorbell's or interrupt's destination, or the step that tells.
 */
static const struct cache_row {
	const char *name;
	uint64_t lo, hi; /* bits to flip */
	bool cached;
} cacheds[] = {
	{"3.3 IsRun is volatile", PN_IRTE_ISRUN, 0, false},
	{"3.3 Destination low is volatile", 3ull << PN_IRTE_DESTLO_SH, 0, false},
	{"3.3 Destination high is volatile", 0, 1ull << 60, false},
	{"3.3 GATag is volatile", 1ull << 40, 0, false},
	{"3.3 GALogIntr is volatile", PN_IRTE_GALOGINTR, 0, false},
	{"3.3 GAPPIDis is volatile", PN_IRTE_GAPPIDIS, 0, false},
	{"3.3 RemapEn is cached", PN_IRTE_REMAPEN, 0, true},
	{"3.3 GuestMode is cached", PN_IRTE_GUESTMODE, 0, true},
	{"3.3 Vector is cached", 0, 0x03, true},
	{"3.3 root is cached", 0, F_PAGE ^ F_PAGE2, true},
};

/* The visible effects of one interrupt. */
struct outcome {
	unsigned result, intrs, bells, tail;
	uint32_t dest;
	uint64_t entry;
	uint32_t irr1[8], irr2[8];
};

static struct outcome look(struct fix *f)
{
	struct outcome o;

	memset(&o, 0, sizeof(o));
	f_irr_clear(f, F_PAGE);
	f_irr_clear(f, F_PAGE2);
	f_forget(f);
	f_wr(f, PN_AMDVI_STATUS, PN_ST_GAINT);
	o.tail = (unsigned)f_rd(f, PN_AMDVI_GA_TAIL);
	o.result = f_msi(f, F_DEV, 5);
	o.intrs = f->intrs;
	o.bells = f->bells;
	o.dest = f->bells ? f->bell[0] : f->intrs ? f->intr[0].dest << 8 | f->intr[0].vector : 0;
	if (f_rd(f, PN_AMDVI_GA_TAIL) != o.tail)
		o.entry = f_ld(f, F_GALOG + o.tail);
	o.tail = (unsigned)f_rd(f, PN_AMDVI_GA_TAIL) - o.tail;
	for (unsigned i = 0; i < 8; i++) {
		o.irr1[i] = f_irr(f, F_PAGE, (uint8_t)(i * 32));
		o.irr2[i] = f_irr(f, F_PAGE2, (uint8_t)(i * 32));
	}
	return o;
}

static void cache_row(const struct cache_row *r, uint64_t control, bool cachedis, uint64_t flags,
		      bool visible)
{
	struct pn_irte128 e = f_guest(F_PAGE, 0x41, flags);
	struct outcome was, now, flushed;
	bool changed, same;
	struct fix f;

	f_open(&f, NULL);
	f_dte(&f, F_DEV, DTE_OK);
	f_irte(&f, F_IRT, 5, e);
	f_enable(&f, control | (cachedis ? PN_CTRL_IRTCACHEDIS : 0));
	was = look(&f);
	row_eq(r->name, "first result", was.result, PN_MSI_POSTED);
	e.lo ^= r->lo;
	e.hi ^= r->hi;
	f_irte(&f, F_IRT, 5, e);
	now = look(&f);
	f_cmd(&f, pn_amd_cmd_inv_irt(F_DEV));
	flushed = look(&f);
	changed = memcmp(&was, &flushed, sizeof(was));
	same = !memcmp(&now, r->cached && !cachedis ? &was : &flushed, sizeof(now));
	row_eq(r->name, "seen after the invalidation", changed, visible);
	row_eq(r->name, "as expected before it", same, true);
	f_close(&f);
}

static void test_cache_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cacheds); i++) {
		const struct cache_row *r = &cacheds[i];
		const bool gappi = r->lo == PN_IRTE_GAPPIDIS;
		const uint64_t control = gappi ? F_GAPPION : F_GALOGON;
		/* a field must be looked at to be seen */
		const bool dest = r->lo >> 8 == 3 || r->hi >> 60 == 1;
		const uint64_t flags = dest ? PN_IRTE_ISRUN : gappi ? 0 : PN_IRTE_GALOGINTR;

		cache_row(r, control, false, flags, true);
		cache_row(r, control, true, flags, true);
	}
}

/* A cached entry with RemapEn=0 and a cached remap entry stay, too; then each way to drop them. */
static void test_cache_drop(void **state)
{
	static const struct {
		const char *name;
		struct pn_amd_cmd cmd;
		uint64_t toggle;
		bool drops;
	} ways[] = {
		{"5.1 INVALIDATE_INTERRUPT_TABLE", {5ull << 60 | F_DEV, 0}, 0, true},
		{"5.1 of another DevID", {5ull << 60 | F_DEV2, 0}, 0, false},
		{"5.1 of a DevID in the same bucket", {5ull << 60 | (F_DEV ^ 0x0101), 0}, 0, false},
		{"5.1 INVALIDATE_IOMMU_ALL", {8ull << 60, 0}, 0, true},
		{"5.1 INVALIDATE_DEVTAB_ENTRY", {2ull << 60 | F_DEV, 0}, 0, false},
		{"5.1 COMPLETION_WAIT", {1ull << 60, 0}, 0, false},
		{"Control.GAMEn changes", {0, 0}, PN_CTRL_GAMEN_VAPIC, true},
		{"Control.XTEn changes", {0, 0}, PN_CTRL_XTEN, true},
		{"Control.GAEn changes", {0, 0}, PN_CTRL_GAEN, true},
		{"Control.GAIntEn changes", {0, 0}, PN_CTRL_GAINTEN, false},
		{"Control.GAPPIEn changes", {0, 0}, PN_CTRL_GAPPIEN, false},
	};

	(void)state;
	for (unsigned absent = 0; absent < 2; absent++) {
		for (size_t i = 0; i < COUNT(ways); i++) {
			const enum pn_msi_result was = absent ? PN_MSI_ABORTED : PN_MSI_REMAPPED;
			struct fix f;

			f_open(&f, NULL);
			f_dte(&f, F_DEV, DTE_OK);
			f_irte(&f, F_IRT, 5,
			       absent ? (struct pn_irte128){0, 0}
				      : (struct pn_irte128){0x701, 0x31});
			f_enable(&f, F_GUEST);
			row_eq(ways[i].name, "first", f_msi(&f, F_DEV, 5), was);
			f_irte(&f, F_IRT, 5, (struct pn_irte128)POSTED);
			row_eq(ways[i].name, "cached", f_msi(&f, F_DEV, 5), was);
			if (ways[i].toggle) {
				f_wr(&f, PN_AMDVI_CONTROL, F_GUEST ^ ways[i].toggle);
				f_wr(&f, PN_AMDVI_CONTROL, F_GUEST);
			} else {
				f_cmd(&f, ways[i].cmd);
			}
			row_eq(ways[i].name, "after", f_msi(&f, F_DEV, 5),
			       ways[i].drops ? PN_MSI_POSTED : was);
			f_close(&f);
		}
	}
}

/* 4.1: the device table entry is cached per DevID. */
static void test_cache_dte(void **state)
{
	struct fix f;

	(void)state;
	f_open(&f, NULL);
	f_dte(&f, F_DEV, 0);
	f_dte(&f, F_DEV2, 0);
	f_irte(&f, F_IRT, 5, (struct pn_irte128)POSTED);
	f_enable(&f, F_GUEST);
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_FORWARDED);
	assert_int_equal(f_msi(&f, F_DEV2, 5), PN_MSI_FORWARDED);
	f_dte(&f, F_DEV, DTE_OK);
	f_dte(&f, F_DEV2, DTE_OK);
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_FORWARDED);
	f_cmd(&f, pn_amd_cmd_inv_irt(F_DEV));
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_FORWARDED);
	f_cmd(&f, pn_amd_cmd_inv_devtab(F_DEV));
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	assert_int_equal(f_msi(&f, F_DEV2, 5), PN_MSI_FORWARDED);
	f_cmd(&f, pn_amd_cmd_inv_all());
	assert_int_equal(f_msi(&f, F_DEV2, 5), PN_MSI_POSTED);
	f_close(&f);
}

/* 2.2.5: the mode of 2K indices takes effect for a device whose entry is cached, too. */
static void test_index_limit(void **state)
{
	struct fix f;

	(void)state;
	f_open(&f, NULL);
	f_dte(&f, F_DEV, DTE(F_IRT, 11));
	f_irte(&f, F_IRT, 5, (struct pn_irte128)POSTED);
	f_irte(&f, F_IRT, 0x205, (struct pn_irte128)POSTED);
	f_enable(&f, F_GUEST);
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	assert_int_equal(f_msi(&f, F_DEV, 0x205), PN_MSI_ABORTED);
	f_wr(&f, PN_AMDVI_CONTROL, F_GUEST | 1ull << PN_CTRL_NUMINTREMAP_SH);
	assert_int_equal(f_msi(&f, F_DEV, 0x205), PN_MSI_POSTED);
	f_wr(&f, PN_AMDVI_CONTROL, F_GUEST);
	assert_int_equal(f_msi(&f, F_DEV, 0x205), PN_MSI_ABORTED);
	f_close(&f);
}

static void tag_table(struct fix *f, uint64_t table, uint64_t dest, uint32_t flip)
{
	for (uint32_t i = 0; i < 256; i++)
		f_irte(f, table, i, (struct pn_irte128){dest << PN_IRTE_DESTLO_SH | 1, i ^ flip});
}

/* Tags are complete: with one slot, entries of other DevIDs and indices are never taken for it. */
static void test_cache_tags(void **state)
{
	struct pn_amdvi_config cfg;

	(void)state;
	pn_amdvi_config_default(&cfg);
	for (uint32_t size = 1; size <= 512; size *= 8) {
		uint32_t gen[2] = {1, 1};
		struct fix f;

		cfg.dte_cache = cfg.irte_cache = size;
		f_open(&f, &cfg);
		f_dte(&f, F_DEV, f_dte_remap(F_IRT, 9));
		f_dte(&f, F_DEV2, f_dte_remap(F_IRT2, 9));
		tag_table(&f, F_IRT, gen[0] << 1, 0);
		tag_table(&f, F_IRT2, gen[1] << 1 | 1, 0xFF);
		f_enable(&f, F_GUEST);
		for (uint32_t k = 0; k < 4000; k++) {
			const uint32_t i = k * 37 % 256, second = k / 3 & 1;

			f_forget(&f);
			assert_int_equal(f_msi(&f, second ? F_DEV2 : F_DEV, i), PN_MSI_REMAPPED);
			assert_int_equal(f.intr[0].dest, gen[second] << 1 | second);
			assert_int_equal(f.intr[0].vector, second ? i ^ 0xFF : i);
			if (k % 61)
				continue;
			/* every entry of this DevID must go */
			tag_table(&f, second ? F_IRT2 : F_IRT, ++gen[second] << 1 | second,
				  second ? 0xFF : 0);
			f_cmd(&f, pn_amd_cmd_inv_irt(second ? F_DEV2 : F_DEV));
		}
		f_close(&f);
	}
}

/* The debug option: a copy that memory contradicts faults until it is invalidated. */
static void test_poison(void **state)
{
	struct pn_amdvi_config cfg;
	struct pn_amd_event ev = {0};
	struct fix f;

	(void)state;
	pn_amdvi_config_default(&cfg);
	cfg.poison_stale = true;
	f_open(&f, &cfg);
	f_dte(&f, F_DEV, DTE_OK);
	f_irte(&f, F_IRT, 5, (struct pn_irte128)POSTED);
	f_enable(&f, F_GUEST);
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	f_irte(&f, F_IRT, 5, f_guest(F_PAGE, 0x41, PN_IRTE_GALOGINTR)); /* volatile: fine */
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	f_irte(&f, F_IRT, 5, f_guest(F_PAGE2, 0x41, 0));
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_ABORTED);
		assert_int_equal(f_events(&f, &ev), i);
		assert_int_equal(ev.q0, FAULT(PN_EVENT_PR));
	}
	f_cmd(&f, pn_amd_cmd_inv_irt(F_DEV));
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	f_dte(&f, F_DEV, DTE_IG);
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_ABORTED);
	assert_int_equal(f_events(&f, &ev), 3);
	assert_int_equal(ev.q0, EV(1, PN_EVENT_I));
	f_cmd(&f, pn_amd_cmd_inv_devtab(F_DEV));
	assert_int_equal(f_msi(&f, F_DEV, 5), PN_MSI_POSTED);
	f_close(&f);
}

static void test_stats(void **state)
{
	struct pn_amdvi_stats st;
	struct fix f;

	(void)state;
	f_open(&f, NULL);
	f_dte(&f, F_DEV, DTE_OK);
	f_irte(&f, F_IRT, 1, (struct pn_irte128)POSTED);
	f_irte(&f, F_IRT, 2, (struct pn_irte128)REMAPPED);
	f_enable(&f, F_GUEST);
	f_msi(&f, F_DEV, 1);
	f_msi(&f, F_DEV, 1);
	f_msi(&f, F_DEV, 2);
	f_msi(&f, F_DEV, 3);
	f_msi(&f, F_DEV2, 0x31);
	f_cmd(&f, pn_amd_cmd_inv_irt(F_DEV));
	pn_amdvi_stats(f.vi, &st);
	assert_int_equal(st.msis, 5);
	assert_int_equal(st.posted, 2);
	assert_int_equal(st.merged, 1);
	assert_int_equal(st.doorbells, 2);
	assert_int_equal(st.remapped, 1);
	assert_int_equal(st.aborted, 1);
	assert_int_equal(st.forwarded, 1);
	assert_int_equal(st.events, 1);
	assert_int_equal(st.irt_invalidations, 1);
	f_close(&f);
}

/*
 * Two IOMMUs and the vCPU's CPU on one page: no post is lost, and with GAPPI every transition of
 * the IRR from empty is notified (4.5e: extra notifications are allowed, missing ones are not).
 */
#define POSTS 500000u

struct racer {
	struct pn_amdvi *vi;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_bus bus;
	uint32_t *notified; /* shared: the CPU sleeps until it is set */
	unsigned first;	    /* its vectors: first, first + 2, ... */
	uint32_t *running;
	uint32_t done; /* posts that have ended */
};

struct race {
	struct fix f;
	struct racer r[2];
	uint32_t notified, running;
	uint64_t taken, lost;
};

static void race_intr(void *ctx, const struct pn_intr *m)
{
	struct racer *r = ctx;

	(void)m;
	/* Pairs with the CPU thread, which sleeps on it. */
	pn_xchg32(r->notified, 1);
}

static void *race_post(void *ctx)
{
	struct racer *r = ctx;
	uint32_t x = r->first + 12345;

	for (unsigned i = 0; i < POSTS; i++) {
		struct pn_msi m = {.addr = F_MSI, .devid = F_DEV};

		x = x * 1664525 + 1013904223;
		m.data = ((x >> 16) % 112 * 2 + 32 + r->first) & 0xFF;
		if (pn_amdvi_msi(r->vi, &m) != PN_MSI_POSTED)
			return ctx;
		/* Pairs with race_settle(). */
		pn_st32_rel(&r->done, i + 1);
		if (x >> 28 == 0)
			sched_yield();
	}
	/* Pairs with the CPU thread. */
	pn_and32(r->running, ~(1u << r->first));
	return NULL;
}

static unsigned race_take(uint32_t *irr)
{
	unsigned n = 0;

	for (unsigned w = 0; w < 8; w++) /* pairs with the posters' OR */
		n += (unsigned)__builtin_popcount(pn_xchg32(&irr[w * 4], 0));
	return n;
}

static bool race_pending(const uint32_t *irr)
{
	uint32_t any = 0;

	for (unsigned w = 0; w < 8; w++) /* pairs with the posters' OR */
		any |= pn_ld32_sc(&irr[w * 4]);
	return any;
}

/* A bit is set: waits until the posts that were in flight have ended. */
static void race_settle(struct race *race)
{
	uint32_t seen[2];

	for (unsigned i = 0; i < 2; i++) /* pairs with the end of each post */
		seen[i] = pn_ld32_sc(&race->r[i].done);
	for (unsigned i = 0; i < 2; i++) {
		while (pn_ld32_sc(&race->r[i].done) == seen[i] &&
		       (pn_ld32_sc(&race->running) & 1u << i))
			sched_yield();
	}
}

/*
 * Empties the IRR until it is seen empty, then sleeps until it is notified. The first post after
 * that found the IRR empty, so when it has ended there must have been a notification.
 */
static void *race_cpu(void *ctx)
{
	struct race *race = ctx;
	uint32_t *irr = f_ptr(&race->f, F_PAGE + PN_APIC_IRR);

	while (pn_ld32_sc(&race->running)) {
		unsigned n;

		pn_xchg32(&race->notified, 0);
		while ((n = race_take(irr)))
			race->taken += n;
		while (!pn_ld32_sc(&race->notified) && pn_ld32_sc(&race->running)) {
			if (!race_pending(irr)) {
				pn_relax();
				continue;
			}
			race_settle(race);
			if (!pn_ld32_sc(&race->notified)) {
				race->lost++;
				break;
			}
		}
	}
	race->taken += race_take(irr);
	return NULL;
}

static void race_run(uint64_t control)
{
	struct race race;
	pthread_t t[3];
	uint64_t posts = 0, merged = 0;

	memset(&race, 0, sizeof(race));
	f_open(&race.f, NULL);
	f_dte(&race.f, F_DEV, DTE_OK);
	for (unsigned v = 0; v < 256; v++)
		f_irte(&race.f, F_IRT, v, f_guest(F_PAGE, (uint8_t)v, 0));
	race.running = 3;
	for (unsigned i = 0; i < 2; i++) {
		struct racer *r = &race.r[i];
		struct pn_amdvi_config cfg = race.f.cfg;

		*r = (struct racer){.bus = race.f.bus,
				    .notified = &race.notified,
				    .first = i,
				    .running = &race.running};
		r->bus.ctx = r;
		r->bus.intr = race_intr;
		pn_agent_init(&r->agent, i, r->steps);
		cfg.bus = &r->bus;
		cfg.agent = &r->agent;
		cfg.peer = i ? race.r[0].vi : NULL;
		assert_int_equal(pn_amdvi_create(&cfg, &r->vi), 0);
		pn_amdvi_write(r->vi, PN_AMDVI_DEVTAB, 8, F_DEVTAB | F_DT_SIZE);
		pn_amdvi_write(r->vi, PN_AMDVI_CONTROL, 8, control);
	}
	pthread_create(&t[2], NULL, race_cpu, &race);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, race_post, &race.r[i]);
	for (unsigned i = 0; i < 3; i++) {
		void *bad;

		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct pn_amdvi_stats st;

		pn_amdvi_stats(race.r[i].vi, &st);
		posts += st.posted;
		merged += st.merged;
		pn_amdvi_destroy(race.r[i].vi);
	}
	row_eq("race", "posts", posts, 2 * POSTS);
	row_eq("race", "merged + taken", merged + race.taken, posts);
	if (control & PN_CTRL_GAPPIEN)
		row_eq("race", "posts that nobody was told of", race.lost, 0);
	f_close(&race.f);
}

static void test_race(void **state)
{
	(void)state;
	race_run(F_GAPPION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	     cmocka_unit_test(test_order),
		cmocka_unit_test(test_irr_bits),     cmocka_unit_test(test_notify),
		cmocka_unit_test(test_gappi_vector), cmocka_unit_test(test_no_gappidis),
		cmocka_unit_test(test_fault_knobs),  cmocka_unit_test(test_cache_fields),
		cmocka_unit_test(test_cache_drop),   cmocka_unit_test(test_cache_dte),
		cmocka_unit_test(test_index_limit),  cmocka_unit_test(test_cache_tags),
		cmocka_unit_test(test_poison),	     cmocka_unit_test(test_stats),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
