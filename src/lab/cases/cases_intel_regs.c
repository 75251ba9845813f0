/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: the register file of a remapping unit (VT-d 11.4). Every 32 bits:
 * value after reset, what sticks, what depends on a capability; commands; the bases that are
 * latched; fault records and the two interrupts of the unit.
 */
#include <errno.h>

#include "solo_intel.h"

#define QI   PN_VTD_ECAP_QI
#define IR   PN_VTD_ECAP_IR
#define EIM  PN_VTD_ECAP_EIM
#define SMTS PN_VTD_ECAP_SMTS
#define ECAP (PN_VTD_ECAP_C | QI | IR | EIM | SMTS | PN_VTD_ECAP_MHMV)
#define CAP  (PN_VTD_CAP_PI | 0x22ull << PN_VTD_CAP_FRO_SH | 2ull << PN_VTD_CAP_NFR_SH)
#define IM   PN_VTD_ECTL_IM
#define IP   PN_VTD_ECTL_IP

/* Units that differ by one capability each. */
static const uint64_t lacks[] = {0, QI, IR, EIM, SMTS};
/* And others. */
enum { ESIRTPS = UNIT_COUNT(lacks), UNITS };

static struct pn_vtd **units;

/* ---- which bits stick ---- */

/* By 32 bits. Without @need nothing sticks, and it is 0 after reset; without @part only @without
 * sticks. */
static const struct reg {
	const char *name;
	uint32_t off, reset, writable;
	uint64_t need, part;
	uint32_t without;
} regs[] = {
	{"VER", 0x00, 0x50, 0, 0, 0, 0},
	{"04h", 0x04, 0, 0, 0, 0, 0},
	{"RTADDR", 0x20, 0, 0xFFFFFC00, 0, 0, 0},
	{"RTADDR, upper half", 0x24, 0, ~0u, 0, 0, 0},
	{"28h", 0x28, 0, 0, 0, 0, 0},
	{"30h", 0x30, 0, 0, 0, 0, 0},
	{"FSTS", 0x34, 0, 0, 0, 0, 0},
	{"FECTL", 0x38, IM, IM, 0, 0, 0},
	{"FEDATA", 0x3C, 0, ~0u, 0, EIM, 0xFFFF},
	{"FEADDR", 0x40, 0, 0xFFFFFFFC, 0, 0, 0},
	{"FEUADDR", 0x44, 0, ~0u, EIM, 0, 0},
	{"48h", 0x48, 0, 0, 0, 0, 0},
	{"7Ch", 0x7C, 0, 0, 0, 0, 0},
	{"IQH", 0x80, 0, 0, 0, 0, 0},
	{"IQH, upper half", 0x84, 0, 0, 0, 0, 0},
	{"IQT", 0x88, 0, 0x7FFF0, QI, 0, 0},
	{"IQT, upper half", 0x8C, 0, 0, 0, 0, 0},
	{"IQA", 0x90, 0, 0xFFFFF807, QI, SMTS, 0xFFFFF007},
	{"IQA, upper half", 0x94, 0, ~0u, QI, 0, 0},
	{"ICS", 0x9C, 0, 0, 0, 0, 0},
	{"IECTL", 0xA0, IM, IM, QI, 0, 0},
	{"IEDATA", 0xA4, 0, ~0u, QI, EIM, 0xFFFF},
	{"IEADDR", 0xA8, 0, 0xFFFFFFFC, QI, 0, 0},
	{"IEUADDR", 0xAC, 0, ~0u, QI | EIM, 0, 0},
	{"IQER", 0xB0, 0, 0, 0, 0, 0},
	{"IRTA", 0xB8, 0, 0xFFFFF80F, IR, EIM, 0xFFFFF00F},
	{"IRTA, upper half", 0xBC, 0, ~0u, IR, 0, 0},
	{"C0h", 0xC0, 0, 0, 0, 0, 0},
	{"before the records", 0x21C, 0, 0, 0, 0, 0},
	{"first record", 0x220, 0, 0, 0, 0, 0},
	{"first record, F", 0x22C, 0, 0, 0, 0, 0},
	{"last record, F", 0x24C, 0, 0, 0, 0, 0},
	{"behind the records", 0x250, 0, 0, 0, 0, 0},
	{"the end", 0xFFC, 0, 0, 0, 0, 0},
};

static void one_register(const struct reg *r, uint64_t ecap)
{
	const bool there = (ecap & r->need) == r->need;
	const uint32_t keeps = !there ? 0 : (ecap & r->part) == r->part ? r->writable : r->without;
	const uint32_t fixed = keeps ? 0 : there ? r->reset : 0;
	uint32_t other;

	px_doing(r->name);
	unit_eq(unit_rd32(r->off), there ? r->reset : 0, r->name);
	unit_wr32(r->off, ~0u);
	unit_eq(unit_rd32(r->off), keeps | fixed, r->name);
	unit_eq(unit_rd(r->off & ~7u) >> (r->off & 4) * 8 & ~0u, keeps | fixed, r->name);
	unit_wr32(r->off, 0);
	unit_eq(unit_rd32(r->off), fixed, r->name);
	unit_wr(r->off & ~7u, ~0ull);
	unit_eq(unit_rd32(r->off), keeps | fixed, r->name);
	other = unit_rd32(r->off ^ 4);
	unit_wr32(r->off, 0);
	unit_eq(unit_rd32(r->off ^ 4), other, r->name);
	unit_wr(r->off & ~7u, 0);
	pn_vtd_reset(intel->vtd);
}

static void sticks(void)
{
	for (unsigned u = 0; u < UNIT_COUNT(lacks); u++) {
		intel->vtd = units[u];
		for (unsigned i = 0; i < UNIT_COUNT(regs); i++)
			one_register(&regs[i], ECAP & ~lacks[u]);
		unit_eq(unit_rd(PN_VTD_CAP), CAP, "CAP");
		unit_eq(unit_rd(PN_VTD_ECAP), ECAP & ~lacks[u], "ECAP");
	}
	intel->vtd = units[0];
}

static const struct {
	uint32_t off;
	unsigned size;
	bool ok;
} accesses[] = {
	{0x04, 4, true},  {0xFFC, 4, true},   {0xFF8, 8, true},	      {0x08, 1, false},
	{0x08, 2, false}, {0x10, 16, false},  {0x08, 0, false},	      {0x0A, 4, false},
	{0x0C, 8, false}, {0x1000, 4, false}, {0xFFFFFFF8, 8, false}, {0x38, 2, false},
	{0x3A, 4, false},
};

static void sizes(void)
{
	px_doing("accesses of other sizes");
	for (unsigned i = 0; i < UNIT_COUNT(accesses); i++) {
		const int want = accesses[i].ok ? 0 : -EINVAL;
		uint64_t value = 5;

		rig_want(pn_vtd_read(intel->vtd, accesses[i].off, accesses[i].size, &value) == want,
			 "P7", "a read of another size");
		if (want)
			unit_eq(value, accesses[i].size == 4 ? UINT32_MAX : UINT64_MAX,
				"a read that is refused");
		rig_want(pn_vtd_write(intel->vtd, accesses[i].off, accesses[i].size, 0) == want,
			 "P7", "a write of another size");
	}
}

/* ---- commands ---- */

static const struct {
	const char *name;
	uint64_t without;
	uint32_t before, write, want;
} commands[] = {
	{"TE on", 0, 0, PN_VTD_G_TE, PN_VTD_G_TE},
	{"TE off", 0, PN_VTD_G_TE, 0, 0},
	{"SRTP", 0, 0, PN_VTD_G_SRTP, PN_VTD_G_SRTP},
	{"RTPS stays", 0, PN_VTD_G_SRTP, 0, PN_VTD_G_SRTP},
	{"QIE on", 0, 0, PN_VTD_G_QIE, PN_VTD_G_QIE},
	{"QIE off", 0, PN_VTD_G_QIE, 0, 0},
	{"QIE without QI", QI, 0, PN_VTD_G_QIE, 0},
	{"IRE on", 0, 0, PN_VTD_G_IRE, PN_VTD_G_IRE},
	{"IRE off", 0, PN_VTD_G_IRE, 0, 0},
	{"IRE without IR", IR, 0, PN_VTD_G_IRE, 0},
	{"SIRTP", 0, 0, PN_VTD_G_SIRTP, PN_VTD_G_SIRTP},
	{"IRTPS stays", 0, PN_VTD_G_SIRTP, 0, PN_VTD_G_SIRTP},
	{"SIRTP without IR", IR, 0, PN_VTD_G_SIRTP, 0},
	{"SRTP after SIRTP", 0, PN_VTD_G_SIRTP, PN_VTD_G_SRTP, PN_VTD_G_SIRTP | PN_VTD_G_SRTP},
	{"SIRTP after SRTP", 0, PN_VTD_G_SRTP, PN_VTD_G_SIRTP, PN_VTD_G_SIRTP | PN_VTD_G_SRTP},
	{"CFI on", 0, 0, PN_VTD_G_CFI, PN_VTD_G_CFI},
	{"CFI off", 0, PN_VTD_G_CFI, 0, 0},
	{"CFI without IR", IR, 0, PN_VTD_G_CFI, 0},
	{"WBF, EAFL, SFL", 0, 0, PN_VTD_G_WBF | PN_VTD_G_EAFL | PN_VTD_G_SFL, 0},
	{"reserved bits", 0, 0, 0x7FFFFF, 0},
	{"one bit more", 0, PN_VTD_G_QIE | PN_VTD_G_IRE, PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_CFI,
	 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_CFI},
};

static void commanded(void)
{
	for (unsigned i = 0; i < UNIT_COUNT(commands); i++) {
		px_doing(commands[i].name);
		intel->vtd = units[commands[i].without == QI   ? 1
				   : commands[i].without == IR ? 2
							       : 0];
		unit_wr32(PN_VTD_GCMD, commands[i].before);
		unit_wr32(PN_VTD_GCMD, commands[i].write);
		unit_eq(unit_rd32(PN_VTD_GSTS), commands[i].want, commands[i].name);
		unit_eq(unit_rd32(PN_VTD_GCMD), 0, "GCMD is written only");
		unit_wr32(PN_VTD_GSTS, ~commands[i].want);
		unit_eq(unit_rd32(PN_VTD_GSTS), commands[i].want, "GSTS is read only");
		pn_vtd_reset(intel->vtd);
		unit_eq(unit_rd32(PN_VTD_GSTS), 0, "GSTS after reset");
	}
	intel->vtd = units[0];
}

/* ---- what is latched ---- */

static void fills(struct pn_virte_raw *table, unsigned n, uint8_t vector)
{
	const struct pn_virte f = {.p = true, .dest = 5, .vector = vector};

	for (unsigned i = 0; i < n; i++)
		table[i] = pn_virte_encode(&f, true);
}

static void gives(uint16_t index, uint8_t vector, uint32_t dest, const char *what)
{
	rig_want(unit_msi(index, 0, 8) == PN_MSI_REMAPPED, "P7", what);
	unit_eq(intel->heard.vector, vector, what);
	unit_eq(intel->heard.dest, dest, what);
}

/* Two tables: the latched one is used, until SIRTP; ESIRTPS drops the entries of the old. */
static void latches(unsigned unit)
{
	uint64_t pa[2];
	struct pn_virte_raw *table[2];
	const struct pn_pages pages = rig->pages;

	px_doing("SIRTP");
	intel->vtd = units[unit];
	for (unsigned i = 0; i < 2; i++) {
		table[i] = pn_pages_alloc(&rig->pages, 4096, 4096, &pa[i]);
		fills(table[i], 256, (uint8_t)(0x31 + i));
	}
	rig->pages = pages;
	rig_want(unit_msi(0, 0, 8) == PN_MSI_FORWARDED, "P7", "remapped after reset");
	unit_gcmd(PN_VTD_G_IRE, 0);
	rig_want(unit_msi(0, 0, 8) == PN_MSI_ABORTED && unit_reason(0) == PN_VTD_FAULT_INDEX, "P7",
		 "a table before the first SIRTP");
	unit_gcmd(0, PN_VTD_G_IRE);
	unit_wr(PN_VTD_IRTA, pa[0] | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	unit_gcmd(PN_VTD_G_IRE, 0);
	gives(0, 0x31, 5, "an entry of the table");
	gives(7, 0x31, 5, "the last entry of the table");
	rig_want(unit_msi(8, 0, 8) == PN_MSI_ABORTED, "P7", "an entry behind the table");
	unit_wr(PN_VTD_IRTA, pa[1] | 7);
	unit_eq(unit_rd(PN_VTD_IRTA), pa[1] | PN_VTD_IRTA_EIME | 7, "EIME while IRE is on");
	gives(1, 0x31, 5, "IRTA before SIRTP");
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	gives(2, 0x32, 5, "IRTA after SIRTP");
	gives(7, unit == ESIRTPS ? 0x32 : 0x31, 5, "a cached entry over SIRTP");
	gives(255, 0x32, 5, "a table of 256 entries");
	rig_want(unit_msi(255, 1, 8) == PN_MSI_ABORTED, "P7", "an entry behind 256");
	/* EIME in the register, and in what is latched. */
	unit_gcmd(0, PN_VTD_G_IRE);
	unit_wr(PN_VTD_IRTA, pa[1] | 7);
	unit_eq(unit_rd(PN_VTD_IRTA), pa[1] | 7, "EIME while IRE is off");
	unit_gcmd(PN_VTD_G_IRE, 0);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	gives(2, 0x32, 5, "EIME changed while IRE was off, latched while it was on");
	unit_gcmd(0, PN_VTD_G_IRE);
	table[1][2].lo = (table[1][2].lo & UINT32_MAX) | 9ull << 40;
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	unit_gcmd(PN_VTD_G_IRE, 0);
	gives(2, 0x32, 9, "another EIME: cached entries have another meaning");
	pn_vtd_reset(intel->vtd);
	rig_want(unit_msi(2, 0, 8) == PN_MSI_FORWARDED, "P7", "remapped after reset");
	intel->vtd = units[0];
}

/* ---- fault records ---- */

#define REC(i) (0x220u + PN_VTD_FR_SIZE * (i))

static void fault(uint16_t sid)
{
	rig_want(unit_msi(0x8123, 4, sid) == PN_MSI_ABORTED, "P7", "an index beyond the table");
}

static void fsts(bool pfo, bool ppf, unsigned fri, const char *what)
{
	unit_eq(unit_rd32(PN_VTD_FSTS) & (ppf ? ~0u : 0xFF),
		pfo | (ppf ? PN_VTD_FSTS_PPF | fri << PN_VTD_FSTS_FRI_SH : 0), what);
}

static void records(void)
{
	px_doing("fault records");
	unit_gcmd(PN_VTD_G_IRE, 0);
	fault(0xAB01);
	unit_eq(unit_rd(REC(0)), 0x8127ull << 48, "a record's index");
	unit_eq(unit_rd(REC(0) + 8), 1ull << 63 | 0x21ull << 32 | 0xAB01, "a record");
	unit_eq(unit_rd32(REC(0) + 4), 0x81270000, "a record by 32 bits");
	unit_eq(unit_rd32(REC(0) + 12), 0x80000021, "a record by 32 bits");
	fsts(false, true, 0, "PPF after the first fault");
	fault(0xAB02);
	fault(0xAB03);
	fsts(false, true, 0, "FRI names the first");
	unit_eq(unit_rd32(REC(1) + 8), 0xAB02, "the second record");
	fault(0xAB04);
	fsts(true, true, 0, "no record is free");
	unit_eq(unit_rd32(REC(0) + 8), 0xAB01, "a record is overwritten");
	unit_wr(REC(0), ~0ull);
	unit_wr32(REC(0) + 8, ~0u);
	unit_wr32(REC(0) + 12, 0x7FFFFFFF);
	unit_eq(unit_rd(REC(0) + 8), 1ull << 63 | 0x21ull << 32 | 0xAB01, "a record is read only");
	unit_wr32(REC(0) + 12, 1u << 31);
	unit_eq(unit_rd32(REC(0) + 12), 0x21, "F is cleared by a 1");
	fsts(true, true, 0, "PPF with two records left");
	fault(0xAB05);
	unit_eq(unit_rd32(REC(0) + 12), 0x21, "a fault after an overflow");
	unit_wr32(PN_VTD_FSTS, PN_VTD_FSTS_PPF | PN_VTD_FSTS_FRI);
	fsts(true, true, 0, "PPF and FRI are read only");
	unit_wr32(PN_VTD_FSTS, PN_VTD_FSTS_PFO);
	fsts(false, true, 0, "PFO is cleared by a 1");
	fault(0xAB06);
	unit_eq(unit_rd32(REC(0) + 8), 0xAB06, "records go round");
	for (unsigned i = 3; i-- > 0;) {
		fsts(false, true, 0, "PPF while a record is left");
		unit_wr(REC(i) + 8, PN_VTD_FR_F);
	}
	fsts(false, false, 0, "PPF with no record left");
	fault(0xAB07);
	fsts(false, true, 1, "FRI after the records went round");
	unit_eq(unit_reason(1), PN_VTD_FAULT_INDEX, "the next record");
	pn_vtd_reset(intel->vtd);
	unit_eq(unit_rd(REC(1) + 8) | unit_rd(REC(1)), 0, "a record after reset");
	unit_gcmd(PN_VTD_G_IRE, 0);
	fault(1);
	unit_eq(unit_reason(0), PN_VTD_FAULT_INDEX, "the first record after reset");
	pn_vtd_reset(intel->vtd);
}

/* ---- faults that the embedder finds ---- */

static void dma(struct pn_vtd_dma_fault f, int want, uint64_t lo, uint64_t hi, const char *what)
{
	unit_eq((unsigned)-pn_vtd_dma_fault(intel->vtd, &f), (unsigned)-want, what);
	unit_eq(unit_rd(REC(0)), lo, what);
	unit_eq(unit_rd(REC(0) + 8), hi, what);
	pn_vtd_reset(intel->vtd);
}

#define F (1ull << 63)

static void dma_faults(void)
{
	px_doing("faults of DMA");
	dma((struct pn_vtd_dma_fault){.addr = 0x12345FFF, .reason = 5, .sid = 0x77}, 0, 0x12345000,
	    F | 5ull << 32 | 0x77, "a write");
	dma((struct pn_vtd_dma_fault){.reason = 5, .type = PN_VTD_DMA_READ, .pasid = 3, .sid = 1},
	    0, 0, F | 1ull << 62 | 5ull << 32 | 1, "a read");
	dma((struct pn_vtd_dma_fault){.reason = 5, .type = PN_VTD_DMA_PAGE, .sid = 1}, 0, 0,
	    F | PN_VTD_FR_T2 | 5ull << 32 | 1, "a page request");
	dma((struct pn_vtd_dma_fault){.reason = 0x58,
				      .pasid = 0xFFFFF,
				      .has_pasid = true,
				      .priv = true},
	    0, 0, F | PN_VTD_FR_PP | 0xFFFFFull << PN_VTD_FR_PV_SH | PN_VTD_FR_PRIV | 0x58ull << 32,
	    "privileged, with a PASID");
	dma((struct pn_vtd_dma_fault){.reason = 0x58, .pasid = 2, .has_pasid = true, .exec = true},
	    0, 0, F | PN_VTD_FR_PP | 2ull << PN_VTD_FR_PV_SH | PN_VTD_FR_EXE | 0x58ull << 32,
	    "a fetch");
	dma((struct pn_vtd_dma_fault){.reason = 5, .fpd = true}, 0, 0, 0, "qualified by FPD");
	dma((struct pn_vtd_dma_fault){.reason = 1, .fpd = true}, 0, 0, F | 1ull << 32,
	    "not qualified by FPD");
	dma((struct pn_vtd_dma_fault){.reason = 5, .type = PN_VTD_DMA_ATOMIC, .pasid = 1u << 20}, 0,
	    0, F | PN_VTD_FR_T1 | PN_VTD_FR_T2 | 5ull << 32, "an atomic access");
	dma((struct pn_vtd_dma_fault){.reason = 0}, -EINVAL, 0, 0, "no reason");
	dma((struct pn_vtd_dma_fault){.reason = 0x22}, -EINVAL, 0, 0, "an interrupt's reason");
	dma((struct pn_vtd_dma_fault){.reason = 5, .type = 4}, -EINVAL, 0, 0, "no such type");
	dma((struct pn_vtd_dma_fault){.reason = 5, .pasid = 0x100000, .has_pasid = true}, -EINVAL,
	    0, 0, "a PASID of 21 bits");
}

/* Reasons that FPD silences, a bit each from 0 on. */
static void qualified(void)
{
	static const uint8_t range[][2] = {
		{0x02, 0x07}, {0x0B, 0x0E}, {0x22, 0x22}, {0x24, 0x24}, {0x26, 0x28}, {0x41, 0x48},
		{0x51, 0x52}, {0x59, 0x5D}, {0x70, 0x74}, {0x78, 0x7C}, {0x80, 0x87}, {0x90, 0x91},
	};

	px_doing("which reasons FPD silences");
	for (unsigned reason = 0; reason < 0x110; reason++) {
		bool want = false;

		for (unsigned i = 0; i < UNIT_COUNT(range); i++)
			want |= reason >= range[i][0] && reason <= range[i][1];
		rig_want(pn_vtd_fault_qualified(reason) == want, "P7",
			 rig_text("reason %xh and FPD", reason));
		rig_want(pn_vtd_fault_is_interrupt(reason) == (reason >= 0x20 && reason <= 0x2F),
			 "P7", "whether a reason is one of interrupts");
		rig_want(!!pn_vtd_fault_text(reason) == (reason >= 0x20 && reason <= 0x2B), "P7",
			 "a reason without a text");
	}
}

/* ---- the unit's interrupts ---- */

static void rings(unsigned n, uint32_t ctl, uint32_t value, const char *what)
{
	unit_eq(intel->messages, n, what);
	unit_eq(unit_rd32(ctl), value, what);
	intel->messages = 0;
}

static void fault_event(void)
{
	px_doing("the fault event");
	unit_gcmd(PN_VTD_G_IRE, 0);
	unit_wr32(PN_VTD_FEDATA, 0x8133); /* level, lowest priority */
	unit_wr32(PN_VTD_FEADDR, 0xFEE45004);
	unit_wr32(PN_VTD_FEUADDR, 0x010203FF);
	intel->messages = 0;
	fault(1);
	rings(0, PN_VTD_FECTL, IM | IP, "a fault while masked");
	unit_wr32(PN_VTD_FECTL, IM);
	rings(0, PN_VTD_FECTL, IM | IP, "IP is read only");
	unit_wr32(PN_VTD_FECTL, 0);
	rings(1, PN_VTD_FECTL, 0, "unmasked");
	unit_eq(intel->heard.dest, 0x01020345, "the event's destination");
	unit_eq(intel->heard.vector, 0x33, "the event's vector");
	rig_want(intel->heard.mode == PN_DM_LOWEST && intel->heard.logical, "P7",
		 "mode of the event");
	fault(2);
	rings(0, PN_VTD_FECTL, 0, "a second fault");
	for (unsigned i = 0; i < 2; i++)
		unit_wr(REC(i) + 8, PN_VTD_FR_F);
	fault(3);
	rings(1, PN_VTD_FECTL, 0, "a fault after all were serviced");
	unit_wr(REC(2) + 8, PN_VTD_FR_F);
	unit_wr32(PN_VTD_FECTL, IM);
	fault(4);
	fault(5);
	unit_wr(REC(0) + 8, PN_VTD_FR_F);
	rings(0, PN_VTD_FECTL, IM | IP, "one of two serviced while masked");
	unit_wr(REC(1) + 8, PN_VTD_FR_F);
	rings(0, PN_VTD_FECTL, IM, "both serviced while masked");
	unit_wr32(PN_VTD_FECTL, 0);
	rings(0, PN_VTD_FECTL, 0, "unmasked, nothing pending");
	unit_wr32(PN_VTD_FEADDR, 0xFED00000);
	fault(6);
	rings(0, PN_VTD_FECTL, 0, "an address that is no interrupt");
	pn_vtd_reset(intel->vtd);
	unit_gcmd(PN_VTD_G_IRE, 0);
	unit_wr32(PN_VTD_FEADDR, 0xFEE00000);
	unit_wr32(PN_VTD_FECTL, 0);
	intel->bus.intr = NULL;
	fault(7);
	intel->bus.intr = intel_hears;
	rings(0, PN_VTD_FECTL, 0, "a bus without interrupts");
	pn_vtd_reset(intel->vtd);
}

static void uses_registers(void *arg)
{
	(void)arg;
	sticks();
	sizes();
	commanded();
	latches(0);
	latches(ESIRTPS);
	records();
	dma_faults();
	qualified();
	fault_event();
}

/* ---- what a unit cannot be ---- */

static const struct {
	uint64_t fro, nfr;
	uint32_t cache;
	uint8_t haw;
	bool ok;
} shapes[] = {
	{0x22, 7, 1, 52, true},	 {0x22, 7, 12, 52, false}, {0x22, 7, 1u << 21, 52, false},
	{0x22, 7, 4, 11, false}, {0x22, 7, 4, 12, true},   {0x22, 7, 4, 64, true},
	{0x22, 7, 4, 65, false}, {0x0B, 0, 4, 52, false},  {0x0C, 0, 4, 52, true},
	{0xF0, 15, 4, 52, true}, {0xF0, 16, 4, 52, false}, {0x100, 0, 4, 52, false},
};

/* In set-up, since a unit that can be is made. Returns false if one is, or is not, wrongly. */
static bool shapes_ok(void)
{
	struct pn_vtd_config cfg;
	struct pn_vtd *v;
	bool ok = true;

	for (unsigned i = 0; i < UNIT_COUNT(shapes); i++) {
		const int want = shapes[i].ok ? 0 : -EINVAL;

		unit_config(&cfg);
		cfg.cap = shapes[i].fro << PN_VTD_CAP_FRO_SH | shapes[i].nfr << PN_VTD_CAP_NFR_SH;
		cfg.irte_cache = shapes[i].cache;
		cfg.haw = shapes[i].haw;
		v = intel->vtd;
		ok &= pn_vtd_create(&cfg, &v) == want && !!v == shapes[i].ok;
	}
	cfg.bus = NULL;
	ok &= pn_vtd_create(&cfg, &v) == -EINVAL;
	pn_vtd_destroy(NULL);
	pn_vtd_config_default(&cfg);
	ok &= cfg.ecap == (ECAP & ~SMTS) && cfg.version == 0x50 && cfg.haw == 52 && !cfg.bus;
	ok &= cfg.cap ==
		      (PN_VTD_CAP_PI | 0x22ull << PN_VTD_CAP_FRO_SH | 7ull << PN_VTD_CAP_NFR_SH) &&
	      cfg.irte_cache == 1024;
	return ok;
}

static void cannot_be(void *arg)
{
	(void)arg;
	rig_want(false, "P7", "a unit that cannot be is made, or one that can be is not");
}

void intel_unit_registers(bool broken)
{
	struct pn_vtd_config cfg;

	rig_intel_build(&(struct rig_intel_conf){.no_vm = true, .no_unit = true});
	intel->bus.intr = intel_hears;
	px_ghost(&rig->pages, sizeof(rig->pages));
	units = px_alloc(UNITS * sizeof(*units), 8);
	for (unsigned i = 0; i < UNITS; i++) {
		unit_config(&cfg);
		cfg.cap = CAP | (i == ESIRTPS ? PN_VTD_CAP_ESIRTPS : 0);
		cfg.ecap = ECAP & ~(i < UNIT_COUNT(lacks) ? lacks[i] : 0);
		units[i] = unit_make(&cfg);
	}
	/* Without ESIRTPS a unit keeps entries over SIRTP, and software does not invalidate. */
	if (broken)
		units[ESIRTPS] = units[0];
	px_thread("CPU 0", 0, shapes_ok() ? uses_registers : cannot_be, NULL);
}
