/* SPDX-License-Identifier: MIT */
/*
 * The register file of a VT-d unit (VT-d chapter 11): which bits exist, when they change, fault
 * records, random accesses.
 */
#include <errno.h>

#include "vtd_fixture.h"

#define QI   PN_VTD_ECAP_QI
#define IR   PN_VTD_ECAP_IR
#define EIM  PN_VTD_ECAP_EIM
#define SMTS PN_VTD_ECAP_SMTS
#define ALL  (PN_VTD_ECAP_C | QI | IR | EIM | SMTS | PN_VTD_ECAP_MHMV)

#define CAP (PN_VTD_CAP_PI | 0x22ull << 24 | 7ull << 40)

static void open_with(struct vfix *f, uint64_t cap, uint64_t ecap)
{
	struct pn_vtd_config cfg;

	pn_vtd_config_default(&cfg);
	cfg.cap = cap;
	cfg.ecap = ecap;
	v_open(f, &cfg);
}

/* 1.1: a row per 32 bits: after reset, which bits stick, and without which they do not. */
static const struct reg_row {
	const char *name;
	uint32_t off, reset, writable;
	uint64_t need; /* ECAP bits without which nothing sticks and reset is 0 */
	uint64_t part; /* ... without which only @without sticks */
	uint32_t without;
} regs[] = {
	{"1.1 VER", 0x00, 0x50, 0, 0, 0, 0},
	{"1.1 reserved 04", 0x04, 0, 0, 0, 0, 0},
	{"1.1 CAP low", 0x08, (uint32_t)CAP, 0, 0, 0, 0},
	{"1.1 CAP high", 0x0C, CAP >> 32, 0, 0, 0, 0},
	{"1.1 ECAP low", 0x10, (uint32_t)ALL, 0, 0, 0, 0},
	{"1.1 ECAP high", 0x14, ALL >> 32, 0, 0, 0, 0},
	{"1.1 RTADDR low", 0x20, 0, 0xFFFFFC00, 0, 0, 0},
	{"1.1 RTADDR high", 0x24, 0, 0xFFFFFFFF, 0, 0, 0},
	{"1.1 CCMD: not here", 0x28, 0, 0, 0, 0, 0},
	{"1.1 FSTS: nothing is set by writing", 0x34, 0, 0, 0, 0, 0},
	{"1.1 FECTL: IM", 0x38, 0x80000000, 0x80000000, 0, 0, 0},
	{"1.1 FEDATA: 31:16 with EIM", 0x3C, 0, 0xFFFFFFFF, 0, EIM, 0xFFFF},
	{"1.1 FEADDR", 0x40, 0, 0xFFFFFFFC, 0, 0, 0},
	{"1.1 FEUADDR", 0x44, 0, 0xFFFFFFFF, EIM, 0, 0},
	{"1.1 IQH low", 0x80, 0, 0, 0, 0, 0},
	{"1.1 IQH high", 0x84, 0, 0, 0, 0, 0},
	{"1.1 IQT: 18:4", 0x88, 0, 0x7FFF0, QI, 0, 0},
	{"1.1 IQT high", 0x8C, 0, 0, 0, 0, 0},
	{"1.1 IQA: 31:12, DW with SMTS, QS", 0x90, 0, 0xFFFFF807, QI, SMTS, 0xFFFFF007},
	{"1.1 IQA high", 0x94, 0, 0xFFFFFFFF, QI, 0, 0},
	{"1.1 ICS: nothing is set by writing", 0x9C, 0, 0, 0, 0, 0},
	{"1.1 IECTL: IM", 0xA0, 0x80000000, 0x80000000, QI, 0, 0},
	{"1.1 IEDATA: 31:16 with EIM", 0xA4, 0, 0xFFFFFFFF, QI, EIM, 0xFFFF},
	{"1.1 IEADDR", 0xA8, 0, 0xFFFFFFFC, QI, 0, 0},
	{"1.1 IEUADDR", 0xAC, 0, 0xFFFFFFFF, QI | EIM, 0, 0},
	{"1.1 IQER low", 0xB0, 0, 0, 0, 0, 0},
	{"1.1 IQER high", 0xB4, 0, 0, 0, 0, 0},
	{"1.1 IRTA: 31:12, EIME with EIM, S", 0xB8, 0, 0xFFFFF80F, IR, EIM, 0xFFFFF00F},
	{"1.1 IRTA high", 0xBC, 0, 0xFFFFFFFF, IR, 0, 0},
	{"no register C0", 0xC0, 0, 0, 0, 0, 0},
	{"no register 218", 0x218, 0, 0, 0, 0, 0},
	{"1.6 first record: index", 0x220, 0, 0, 0, 0, 0},
	{"1.6 first record: F", 0x22C, 0, 0, 0, 0, 0},
	{"1.6 last record: F", 0x29C, 0, 0, 0, 0, 0},
	{"no register 2A0", 0x2A0, 0, 0, 0, 0, 0},
	{"no register FFC", 0xFFC, 0, 0, 0, 0, 0},
};

static void test_registers(void **state)
{
	struct vfix f;

	(void)state;
	open_with(&f, CAP, ALL);
	for (size_t i = 0; i < COUNT(regs); i++) {
		const struct reg_row *r = &regs[i];
		const uint32_t fixed = r->writable ? 0 : r->reset;
		const uint32_t pair = r->off & ~7u;
		uint64_t other;

		row_eq(r->name, "reset", v_rd32(&f, r->off), r->reset);
		v_wr32(&f, r->off, ~0u);
		row_eq(r->name, "all ones", v_rd32(&f, r->off), r->writable | fixed);
		row_eq(r->name, "in a 64-bit access", v_rd(&f, pair) >> (r->off & 4) * 8 & ~0u,
		       r->writable | fixed);
		v_wr32(&f, r->off, 0);
		row_eq(r->name, "zero", v_rd32(&f, r->off), fixed);
		/* by 64 bits, and the other half stays alone when this one is written */
		v_wr(&f, pair, ~0ull);
		row_eq(r->name, "all ones of both halves", v_rd32(&f, r->off), r->writable | fixed);
		other = v_rd32(&f, r->off ^ 4);
		v_wr32(&f, r->off, 0);
		row_eq(r->name, "other half", v_rd32(&f, r->off ^ 4), other);
		v_wr(&f, pair, 0);
		row_eq(r->name, "zero of both halves", v_rd32(&f, r->off), fixed);
	}
	/* reset again */
	for (uint32_t off = 0x1C; off < 0x100; off += 4)
		v_wr32(&f, off, ~0u);
	pn_vtd_reset(f.v);
	for (size_t i = 0; i < COUNT(regs); i++)
		row_eq(regs[i].name, "after reset", v_rd32(&f, regs[i].off), regs[i].reset);
	v_close(&f);
}

static void test_gates(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(regs); i++) {
		static const uint64_t features[] = {QI, IR, EIM, SMTS};

		for (size_t k = 0; k < COUNT(features); k++) {
			const struct reg_row *r = &regs[i];
			uint32_t want = r->writable;
			struct vfix f;

			if (!r->writable)
				continue;
			if (r->need & features[k])
				want = 0;
			else if (r->part & features[k])
				want = r->without;
			open_with(&f, CAP, ALL & ~features[k]);
			row_eq(r->name, "reset without a feature", v_rd32(&f, r->off),
			       want ? r->reset : 0);
			v_wr32(&f, r->off, ~0u);
			row_eq(r->name, "without a feature", v_rd32(&f, r->off), want);
			v_close(&f);
		}
	}
}

/* 1.1 GCMD, GSTS: levels follow, one-shots stay, what is not supported does nothing. */
static void test_commands(void **state)
{
	static const struct {
		const char *name;
		uint64_t ecap;
		uint32_t before, write, want;
	} rows[] = {
		{"1.1 TE on", ALL, 0, PN_VTD_G_TE, PN_VTD_G_TE},
		{"1.1 TE off", ALL, PN_VTD_G_TE, 0, 0},
		{"1.1 SRTP", ALL, 0, PN_VTD_G_SRTP, PN_VTD_G_SRTP},
		{"1.1 RTPS stays", ALL, PN_VTD_G_SRTP, 0, PN_VTD_G_SRTP},
		{"1.1 QIE on", ALL, 0, PN_VTD_G_QIE, PN_VTD_G_QIE},
		{"1.1 QIE off", ALL, PN_VTD_G_QIE, 0, 0},
		{"1.1 QIE without QI", ALL & ~QI, 0, PN_VTD_G_QIE, 0},
		{"1.1 IRE on", ALL, 0, PN_VTD_G_IRE, PN_VTD_G_IRE},
		{"1.1 IRE off", ALL, PN_VTD_G_IRE, 0, 0},
		{"1.1 IRE without IR", ALL & ~IR, 0, PN_VTD_G_IRE, 0},
		{"1.1 SIRTP", ALL, 0, PN_VTD_G_SIRTP, PN_VTD_G_SIRTP},
		{"1.1 IRTPS stays", ALL, PN_VTD_G_SIRTP, 0, PN_VTD_G_SIRTP},
		{"1.1 SIRTP without IR", ALL & ~IR, 0, PN_VTD_G_SIRTP, 0},
		{"1.1 CFI on", ALL, 0, PN_VTD_G_CFI, PN_VTD_G_CFI},
		{"1.1 CFI off", ALL, PN_VTD_G_CFI, 0, 0},
		{"1.1 CFI without IR", ALL & ~IR, 0, PN_VTD_G_CFI, 0},
		{"1.1 WBF does not stay", ALL, 0, PN_VTD_G_WBF, 0},
		{"1.1 EAFL, SFL not supported", ALL, 0, PN_VTD_G_EAFL | PN_VTD_G_SFL, 0},
		{"1.1 reserved 22:0", ALL, 0, 0x7FFFFF, 0},
		{"1.1 one more bit, others kept", ALL, PN_VTD_G_QIE | PN_VTD_G_IRE,
		 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_CFI,
		 PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_CFI},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vfix f;

		open_with(&f, CAP, rows[i].ecap);
		v_wr32(&f, PN_VTD_GCMD, rows[i].before);
		v_wr32(&f, PN_VTD_GCMD, rows[i].write);
		row_eq(rows[i].name, "status", v_rd32(&f, PN_VTD_GSTS), rows[i].want);
		row_eq(rows[i].name, "GCMD is write-only", v_rd32(&f, PN_VTD_GCMD), 0);
		row_eq(rows[i].name, "64 bits", v_rd(&f, PN_VTD_GCMD),
		       (uint64_t)rows[i].want << 32);
		v_wr32(&f, PN_VTD_GSTS, ~rows[i].want);
		row_eq(rows[i].name, "GSTS is read-only", v_rd32(&f, PN_VTD_GSTS), rows[i].want);
		/* a 64-bit write over both is a command */
		v_wr(&f, PN_VTD_GCMD, 0xFFFFFFFF00000000ull | rows[i].before);
		row_eq(rows[i].name, "64-bit command",
		       v_rd32(&f, PN_VTD_GSTS) & ~(PN_VTD_G_SIRTP | PN_VTD_G_SRTP),
		       rows[i].before & ~(PN_VTD_G_SIRTP | PN_VTD_G_SRTP));
		pn_vtd_reset(f.v);
		row_eq(rows[i].name, "reset", v_rd32(&f, PN_VTD_GSTS), 0);
		v_close(&f);
	}
}

static void test_access(void **state)
{
	static const struct {
		const char *name;
		uint32_t off;
		unsigned size;
		bool ok;
	} rows[] = {
		{"4 bytes", 0x04, 4, true},
		{"8 bytes", 0x08, 8, true},
		{"4 bytes at the end", 0xFFC, 4, true},
		{"8 bytes at the end", 0xFF8, 8, true},
		{"1 byte", 0x08, 1, false},
		{"2 bytes", 0x08, 2, false},
		{"16 bytes", 0x10, 16, false},
		{"no bytes", 0x08, 0, false},
		{"4 bytes misaligned", 0x0A, 4, false},
		{"8 bytes misaligned", 0x0C, 8, false},
		{"beyond the page", 0x1000, 4, false},
		{"far beyond the page", 0xFFFFFFFC, 4, false},
		{"far beyond the page", 0xFFFFFFF8, 8, false},
	};
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = 5;
		int r = pn_vtd_read(f.v, rows[i].off, rows[i].size, &value);

		row_eq(rows[i].name, "read", (unsigned)-r, rows[i].ok ? 0 : EINVAL);
		if (!rows[i].ok)
			row_eq(rows[i].name, "value", value,
			       rows[i].size == 4 ? UINT32_MAX : UINT64_MAX);
		r = pn_vtd_write(f.v, rows[i].off, rows[i].size, 0);
		row_eq(rows[i].name, "write", (unsigned)-r, rows[i].ok ? 0 : EINVAL);
	}
	v_close(&f);
}

static void test_create(void **state)
{
	static const struct {
		const char *name;
		uint64_t fro, nfr;
		uint32_t cache;
		uint8_t haw;
		bool ok;
	} rows[] = {
		{"default cache", 0x22, 7, 0, 52, true},
		{"one slot", 0x22, 7, 1, 52, true},
		{"no power of two", 0x22, 7, 12, 52, false},
		{"largest cache", 0x22, 7, 1u << 20, 52, true},
		{"cache too large", 0x22, 7, 1u << 21, 52, false},
		{"haw 11", 0x22, 7, 16, 11, false},
		{"haw 12", 0x22, 7, 16, 12, true},
		{"haw 64", 0x22, 7, 16, 64, true},
		{"haw 65", 0x22, 7, 16, 65, false},
		{"haw 0", 0x22, 7, 16, 0, false},
		{"records over other registers", 0x0B, 0, 16, 52, false},
		{"records right behind them", 0x0C, 0, 16, 52, true},
		{"records up to the end", 0xF0, 15, 16, 52, true},
		{"records beyond the end", 0xF0, 16, 16, 52, false},
		{"records outside", 0x100, 0, 16, 52, false},
		{"256 records do not fit", 0x0C, 255, 16, 52, false},
	};
	struct pn_bus bus = {0};
	struct pn_vtd_config cfg;
	struct pn_vtd *v;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int r;

		pn_vtd_config_default(&cfg);
		cfg.bus = &bus;
		cfg.cap = rows[i].fro << 24 | rows[i].nfr << 40;
		cfg.irte_cache = rows[i].cache;
		cfg.haw = rows[i].haw;
		r = pn_vtd_create(&cfg, &v);
		row_eq(rows[i].name, "created", (unsigned)-r, rows[i].ok ? 0 : EINVAL);
		row_eq(rows[i].name, "there", v != NULL, rows[i].ok);
		pn_vtd_destroy(v);
	}
	pn_vtd_config_default(&cfg);
	assert_int_equal(pn_vtd_create(&cfg, &v), -EINVAL); /* no bus */
	assert_null(v);
	pn_vtd_destroy(NULL);
	/* what the default promises */
	assert_int_equal(cfg.cap, CAP);
	assert_int_equal(cfg.ecap, ALL & ~SMTS);
	assert_int_equal(cfg.version, 0x50);
	assert_int_equal(cfg.haw, 52);
	assert_int_equal(cfg.knobs.svt_reserved, PN_SVT11_RESERVED);
	assert_int_equal(cfg.knobs.check_order, PN_CHECK_SID_FIRST);
	assert_int_equal(cfg.knobs.pid_reserved, PN_PID_RSV_FAULT);
	/* neither callbacks nor an agent */
	cfg.bus = &bus;
	assert_int_equal(pn_vtd_create(&cfg, &v), 0);
	assert_int_equal(pn_vtd_msi(v, &(struct pn_msi){.addr = 0xFEE00000}), PN_MSI_FORWARDED);
	pn_vtd_destroy(v);
}

/* Which entry does index @index lead to? Entries of V_IRT send vector 51h, of V_IRT2 52h. */
static uint8_t vector_of(struct vfix *f, uint16_t index)
{
	f->intrs = 0;
	return v_msi(f, index, 0) == PN_MSI_REMAPPED ? f->intr[0].vector : 0;
}

static void fill(struct vfix *f, bool eime)
{
	for (uint32_t i = 0; i < 64; i++) {
		v_irte(f, V_IRT, i, v_remapped(1, 0x51, eime));
		v_irte(f, V_IRT2, i, v_remapped(1, 0x52, eime));
	}
}

/* 1.1: IRTA takes effect at SIRTP. */
static void test_latch(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	fill(&f, true);
	/* no table before the first SIRTP */
	v_wr(&f, PN_VTD_IRTA, V_IRT | PN_VTD_IRTA_EIME | 3);
	v_gcmd(&f, PN_VTD_G_IRE, 0);
	row_eq("1.1 no SIRTP yet", "vector", vector_of(&f, 0), 0);
	row_eq("1.1 no SIRTP yet", "reason", v_reason(&f, 0), PN_VTD_FAULT_INDEX);
	v_gcmd(&f, 0, PN_VTD_G_IRE);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 3);
	row_eq("1.1 SIRTP", "vector", vector_of(&f, 15), 0x51);
	/* only IRTA is written */
	v_wr(&f, PN_VTD_IRTA, V_IRT2 | PN_VTD_IRTA_EIME | 4);
	row_eq("1.1 IRTA without SIRTP", "read back", v_rd(&f, PN_VTD_IRTA), V_IRT2 | 0x804);
	row_eq("1.1 IRTA without SIRTP", "vector", vector_of(&f, 14), 0x51);
	row_eq("1.1 S without SIRTP", "vector", vector_of(&f, 16), 0);
	v_gcmd(&f, PN_VTD_G_SIRTP, 0);
	row_eq("1.1 SIRTP, remapping on", "vector", vector_of(&f, 13), 0x52);
	row_eq("1.1 S after SIRTP", "vector", vector_of(&f, 16), 0x52);
	row_eq("1.1 cached entries stay without ESIRTPS", "vector", vector_of(&f, 14), 0x51);
	v_close(&f);
}

static void test_esirtps(void **state)
{
	struct vfix f;

	(void)state;
	open_with(&f, CAP | PN_VTD_CAP_ESIRTPS, ALL);
	fill(&f, true);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 3);
	row_eq("1.1 ESIRTPS", "vector", vector_of(&f, 3), 0x51);
	v_remap(&f, V_IRT2, PN_VTD_IRTA_EIME, 3);
	row_eq("1.1 ESIRTPS drops the cache", "vector", vector_of(&f, 3), 0x52);
	v_close(&f);
}

/* 1.1: S: 2^(S + 1) entries. */
static void test_sizes(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	for (uint32_t i = 0; i < 65536; i++)
		v_irte(&f, V_IRT, i, v_remapped(1, 0x51, true));
	for (unsigned s = 0; s < 16; s++) {
		const uint32_t n = 2u << s;
		char name[32];

		snprintf(name, sizeof(name), "1.1 S = %u", s);
		v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, s);
		row_eq(name, "last entry", v_msi(&f, (uint16_t)(n - 1), 0), PN_MSI_REMAPPED);
		/* with a subhandle, since n may need 17 bits */
		row_eq(name, "first beyond", v_msi(&f, (uint16_t)(n - 1), 1), PN_MSI_ABORTED);
	}
	v_close(&f);
}

/* 1.1: EIME stays while IRES = 1, in the register and in what is latched. */
static void test_eime(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	fill(&f, false);
	v_remap(&f, V_IRT, 0, 3);
	v_wr(&f, PN_VTD_IRTA, V_IRT | PN_VTD_IRTA_EIME | 3);
	row_eq("1.1 EIME frozen at 0", "IRTA", v_rd(&f, PN_VTD_IRTA), V_IRT | 3);
	/* EIME written before IRE and latched after it */
	v_gcmd(&f, 0, PN_VTD_G_IRE);
	v_wr(&f, PN_VTD_IRTA, V_IRT | PN_VTD_IRTA_EIME | 3);
	row_eq("1.1 EIME free", "IRTA", v_rd(&f, PN_VTD_IRTA), V_IRT | 0x803);
	v_gcmd(&f, PN_VTD_G_IRE, 0);
	v_gcmd(&f, PN_VTD_G_SIRTP, 0);
	f.intrs = 0;
	row_eq("1.1 EIME latched at 0", "result", v_msi(&f, 1, 0), PN_MSI_REMAPPED);
	row_eq("1.1 EIME latched at 0", "destination", f.intr[0].dest, 1);
	/* another EIME: cached entries have another meaning */
	v_gcmd(&f, 0, PN_VTD_G_IRE);
	v_gcmd(&f, PN_VTD_G_SIRTP, 0);
	v_gcmd(&f, PN_VTD_G_IRE, 0);
	f.intrs = 0;
	row_eq("1.1 EIME 0 to 1", "result", v_msi(&f, 1, 0), PN_MSI_REMAPPED);
	row_eq("1.1 EIME 0 to 1", "destination", f.intr[0].dest, 0x100);
	v_wr(&f, PN_VTD_IRTA, V_IRT | 3);
	row_eq("1.1 EIME frozen at 1", "IRTA", v_rd(&f, PN_VTD_IRTA), V_IRT | 0x803);
	v_close(&f);
}

/* A fault: an index beyond the table, from requester @sid. */
static void fault(struct vfix *f, uint16_t sid)
{
	struct pn_msi m = {.devid = sid};

	pn_vtd_msi_encode(0x8123, 4, &m.addr, &m.data);
	assert_int_equal(pn_vtd_msi(f->v, &m), PN_MSI_ABORTED);
}

#define FSTS(pfo, fri) ((pfo) | PN_VTD_FSTS_PPF | (uint32_t)(fri) << PN_VTD_FSTS_FRI_SH)
#define REC(i)	       (0x220u + 16u * (i))

/* 1.6: the record's fields; FRI, PPF, PFO, W1C. */
static void test_fault_records(void **state)
{
	struct pn_vtd_stats s;
	struct vfix f;

	(void)state;
	open_with(&f, PN_VTD_CAP_PI | 0x22ull << 24 | 2ull << 40, ALL);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 3);
	fault(&f, 0xAB01);
	row_eq("1.6 record low: index 63:48", "low", v_rd(&f, REC(0)), 0x8127ull << 48);
	row_eq("1.6 record high: F, reason, SID", "high", v_rd(&f, REC(0) + 8),
	       1ull << 63 | 0x21ull << 32 | 0xAB01);
	row_eq("1.6 by 32 bits", "F", v_rd32(&f, REC(0) + 12), 0x80000021);
	row_eq("1.6 by 32 bits", "SID", v_rd32(&f, REC(0) + 8), 0xAB01);
	row_eq("1.1 PPF, FRI 0", "FSTS", v_rd32(&f, PN_VTD_FSTS), FSTS(0, 0));
	fault(&f, 0xAB02);
	fault(&f, 0xAB03);
	row_eq("1.1 FRI stays at the first", "FSTS", v_rd32(&f, PN_VTD_FSTS), FSTS(0, 0));
	row_eq("1.6 second record", "SID", v_rd32(&f, REC(1) + 8), 0xAB02);
	fault(&f, 0xAB04);
	row_eq("1.1 PFO: no free record", "FSTS", v_rd32(&f, PN_VTD_FSTS), FSTS(1, 0));
	row_eq("1.6 nothing overwritten", "SID", v_rd32(&f, REC(0) + 8), 0xAB01);
	/* read-only but for F */
	v_wr(&f, REC(0), ~0ull);
	v_wr32(&f, REC(0) + 8, ~0u);
	row_eq("1.6 record read-only", "low", v_rd(&f, REC(0)), 0x8127ull << 48);
	row_eq("1.6 record read-only", "high", v_rd(&f, REC(0) + 8),
	       1ull << 63 | 0x21ull << 32 | 0xAB01);
	v_wr32(&f, REC(0) + 12, 0x7FFFFFFF);
	row_eq("1.6 F: a zero does nothing", "F", v_rd32(&f, REC(0) + 12), 0x80000021);
	v_wr32(&f, REC(0) + 12, 0x80000000);
	row_eq("1.6 F: W1C", "F", v_rd32(&f, REC(0) + 12), 0x21);
	fault(&f, 0xAB05);
	row_eq("1.1 PFO: dropped although a record is free", "F", v_rd32(&f, REC(0) + 12), 0x21);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_PPF);
	row_eq("1.1 PPF is read-only", "FSTS", v_rd32(&f, PN_VTD_FSTS), FSTS(1, 0));
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_PFO);
	row_eq("1.1 PFO: W1C", "FSTS", v_rd32(&f, PN_VTD_FSTS), FSTS(0, 0));
	fault(&f, 0xAB06);
	row_eq("1.6 the ring goes on", "SID", v_rd32(&f, REC(0) + 8), 0xAB06);
	v_wr(&f, REC(0) + 8, PN_VTD_FR_F);
	v_wr(&f, REC(1) + 8, ~0ull);
	row_eq("1.1 PPF: one left", "FSTS", v_rd32(&f, PN_VTD_FSTS), FSTS(0, 0));
	v_wr(&f, REC(2) + 8, PN_VTD_FR_F);
	row_eq("1.1 PPF: none left", "FSTS", v_rd32(&f, PN_VTD_FSTS) & PN_VTD_FSTS_PPF, 0);
	fault(&f, 0xAB07);
	row_eq("1.1 FRI 1", "FSTS", v_rd32(&f, PN_VTD_FSTS), FSTS(0, 1));
	pn_vtd_stats(f.v, &s);
	row_eq("1.6", "recorded", s.faults, 5);
	row_eq("1.6", "dropped", s.faults_dropped, 2);
	row_eq("1.6", "step FAULT_RECORD", f.agent.step[PN_STEP_FAULT_RECORD].count, 5);
	row_eq("1.6", "step FAULT_DROP", f.agent.step[PN_STEP_FAULT_DROP].count, 2);
	pn_vtd_reset(f.v);
	row_eq("1.6 reset", "F", v_rd(&f, REC(1) + 8), 0);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 3);
	fault(&f, 1);
	row_eq("1.6 reset: ring begins anew", "SID", v_rd32(&f, REC(0) + 8), 1);
	v_close(&f);
}

#define IM PN_VTD_ECTL_IM
#define IP PN_VTD_ECTL_IP

/* 1.1, 1.6: the fault event interrupt: one for each new condition, held back by IM. */
static void test_fault_event(void **state)
{
	struct vfix f;

	(void)state;
	v_open(&f, NULL);
	v_remap(&f, V_IRT, PN_VTD_IRTA_EIME, 3);
	v_queue(&f);
	v_wr32(&f, PN_VTD_FEDATA, 0x00000133); /* lowest priority, 33h */
	v_wr32(&f, PN_VTD_FEADDR, 0xFEE45004); /* logical, 45h */
	v_wr32(&f, PN_VTD_FEUADDR, 0x01020300);
	fault(&f, 1);
	row_eq("1.1 IM", "interrupts", f.intrs, 0);
	row_eq("1.1 IM: IP", "FECTL", v_rd32(&f, PN_VTD_FECTL), IM | IP);
	v_wr32(&f, PN_VTD_FECTL, IM);
	row_eq("1.1 IP is read-only", "FECTL", v_rd32(&f, PN_VTD_FECTL), IM | IP);
	v_wr32(&f, PN_VTD_FECTL, 0);
	row_eq("1.1 unmasked", "interrupts", f.intrs, 1);
	row_eq("1.1 unmasked", "FECTL", v_rd32(&f, PN_VTD_FECTL), 0);
	row_eq("1.1 upper address", "destination", f.intr[0].dest, 0x01020345);
	row_eq("1.1 data", "vector", f.intr[0].vector, 0x33);
	row_eq("1.1 data", "mode", f.intr[0].mode, PN_DM_LOWEST);
	row_eq("1.1 address", "logical", f.intr[0].logical, true);
	row_eq("1.2 never remapped", "remapped", f.agent.step[PN_STEP_REMAP_SEND].count, 0);
	row_eq("steps", "IOMMU_INT", f.agent.step[PN_STEP_IOMMU_INT].count, 1);
	row_eq("steps", "INTR_ISSUE", f.agent.step[PN_STEP_INTR_ISSUE].count, 0);
	fault(&f, 2);
	row_eq("1.1 PPF was set: no new condition", "interrupts", f.intrs, 1);
	v_submit(&f, 15, 0);
	row_eq("1.1 IQE while PPF: no new condition", "interrupts", f.intrs, 1);
	v_wr(&f, REC(0) + 8, PN_VTD_FR_F);
	v_wr(&f, REC(1) + 8, PN_VTD_FR_F);
	fault(&f, 3);
	row_eq("1.1 PPF while IQE: no new condition", "interrupts", f.intrs, 1);
	v_wr(&f, REC(2) + 8, PN_VTD_FR_F);
	v_gcmd(&f, 0, PN_VTD_G_QIE);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_IQE);
	fault(&f, 4);
	row_eq("1.1 all serviced: a new condition", "interrupts", f.intrs, 2);
	v_wr(&f, REC(3) + 8, PN_VTD_FR_F);
	/* serviced while it is held back: nothing to report any more */
	v_wr32(&f, PN_VTD_FECTL, IM);
	fault(&f, 5);
	fault(&f, 6);
	row_eq("1.1 IP", "FECTL", v_rd32(&f, PN_VTD_FECTL), IM | IP);
	v_wr(&f, REC(4) + 8, PN_VTD_FR_F);
	row_eq("1.1 one of two serviced", "FECTL", v_rd32(&f, PN_VTD_FECTL), IM | IP);
	v_wr(&f, REC(5) + 8, PN_VTD_FR_F);
	row_eq("1.1 serviced: IP cleared", "FECTL", v_rd32(&f, PN_VTD_FECTL), IM);
	v_wr32(&f, PN_VTD_FECTL, 0);
	row_eq("1.1 nothing pending", "interrupts", f.intrs, 2);
	/* IQE held back, then serviced */
	v_wr32(&f, PN_VTD_FECTL, IM);
	v_queue(&f);
	v_submit(&f, 15, 0);
	row_eq("1.1 IQE: IP", "FECTL", v_rd32(&f, PN_VTD_FECTL), IM | IP);
	v_gcmd(&f, 0, PN_VTD_G_QIE);
	v_wr32(&f, PN_VTD_FSTS, PN_VTD_FSTS_IQE);
	row_eq("1.1 IQE serviced", "FECTL", v_rd32(&f, PN_VTD_FECTL), IM);
	/* an address that is no interrupt */
	v_wr32(&f, PN_VTD_FECTL, 0);
	v_wr32(&f, PN_VTD_FEADDR, 0xFED00000);
	fault(&f, 7);
	row_eq("address outside FEEx_xxxx", "interrupts", f.intrs, 2);
	v_close(&f);
}

/* ---- random accesses ---- */

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static uint64_t address(void)
{
	switch (rnd() % 8) {
	case 0:
		return rnd();
	case 1:
		return V_NOWHERE;
	case 2:
		return V_BASE + rnd() % V_SIZE;
	default:
		return V_PID + rnd() % 8 * 64;
	}
}

/* Values that have an effect, and values that have none. */
static uint64_t value_for(uint32_t off)
{
	if (rnd() % 16 == 0)
		return rnd();
	switch (off) {
	case PN_VTD_GCMD:
		return rnd() % 8 ? PN_VTD_G_QIE | PN_VTD_G_IRE | (rnd() & 0x05000000)
				 : rnd() & 0xFFFFFFFF;
	case PN_VTD_IRTA:
		return (rnd() % 8 ? V_IRT : address() & ~0xFFFull) | (rnd() & 0x800) | rnd() % 8;
	case PN_VTD_IQA:
		return (rnd() % 8 ? V_QUEUE : address() & ~0xFFFull) |
		       (rnd() % 8 ? 0 : rnd() % 4096);
	case PN_VTD_IQT:
		return rnd() % 64 * 16;
	case PN_VTD_FEADDR:
	case PN_VTD_IEADDR:
		return 0xFEE00000 | (rnd() & 0xFFFFF);
	case PN_VTD_FSTS:
	case PN_VTD_ICS:
		return rnd() % 128;
	default:
		return rnd() & rnd();
	}
}

/* Mostly registers that have an effect. */
static uint32_t offset(void)
{
	static const uint16_t busy[] = {PN_VTD_GCMD,  PN_VTD_FSTS,   PN_VTD_FECTL, PN_VTD_FEADDR,
					PN_VTD_IQT,   PN_VTD_IQT,    PN_VTD_IQA,   PN_VTD_ICS,
					PN_VTD_IECTL, PN_VTD_IEADDR, PN_VTD_IRTA,  PN_VTD_FSTS};

	switch (rnd() % 8) {
	case 0:
		return (uint32_t)rnd() % 0x1100;
	case 1:
		return (uint32_t)rnd() % 0x2A0 & ~3u;
	case 2:
	case 3:
		return REC(rnd() % 8) + 12;
	default:
		return busy[rnd() % COUNT(busy)];
	}
}

/* Descriptors, entries and posted-interrupt descriptors that are often almost right. */
static void scribble(struct vfix *f)
{
	static const uint64_t descs[] = {4, 0x14, 5, 0x25, 0x35, 0x75, 0x11, 0x12, 3, 0x26, 7, 8};
	const uint32_t index = (uint32_t)rnd() % 64;
	struct pn_pid *pid = v_pid(f, V_PID + rnd() % 8 * 64);

	switch (rnd() % 5) {
	case 0:
		for (unsigned i = 0; i < 64; i++) {
			uint64_t d = rnd() % 64 ? descs[rnd() % COUNT(descs)] : rnd();

			v_st(f, V_QUEUE + i * 16, d | (d % 16 == 4 ? rnd() & 0x3F18000000 : 0));
			v_st(f, V_QUEUE + i * 16 + 8, (d & 0x2F) == 0x25 ? address() & ~3ull : 0);
		}
		break;
	case 1:
		memset(pid, 0, sizeof(*pid));
		pid->control = rnd() & (rnd() % 8 ? 0xFF00F20003 : ~0ull);
		break;
	case 2:
		v_irte(f, V_IRT, index,
		       v_posted(address() & ~63ull, (uint8_t)rnd(), rnd() & 0x4F02));
		break;
	case 3:
		v_irte(f, V_IRT, index, v_remapped((uint32_t)rnd(), (uint8_t)rnd(), rnd() & 1));
		break;
	default:
		v_st(f, V_IRT + index * 16, rnd());
		v_st(f, V_IRT + index * 16 + 8, rnd() & 0xFFFFF);
		break;
	}
}

static void invariants(struct vfix *f)
{
	const uint32_t fsts = v_rd32(f, PN_VTD_FSTS), gsts = v_rd32(f, PN_VTD_GSTS);
	const uint64_t iqa = v_rd(f, PN_VTD_IQA);
	struct pn_vtd_stats s;
	bool any = false;

	for (unsigned i = 0; i < 8; i++)
		any |= v_rd(f, REC(i) + 8) >> 63;
	row_eq("PPF is the OR of F", "PPF", (fsts & PN_VTD_FSTS_PPF) != 0, any);
	row_eq("FSTS has no other bits", "FSTS", fsts & ~0xFF13u, 0);
	assert_true((fsts & PN_VTD_FSTS_FRI) >> PN_VTD_FSTS_FRI_SH < 8);
	row_eq("GSTS has no other bits", "GSTS", gsts & 0x387FFFFF, 0);
	assert_true(v_rd(f, PN_VTD_IQH) < 4096u << (iqa & 7));
	if (!(gsts & PN_VTD_G_QIE))
		row_eq("queue off", "IQH", v_rd(f, PN_VTD_IQH), 0);
	else if (!f->cfg.async_queue && !(fsts & PN_VTD_FSTS_IQE))
		row_eq("queue empty or stopped", "IQH", v_rd(f, PN_VTD_IQH), v_rd(f, PN_VTD_IQT));
	if (fsts & PN_VTD_FSTS_IQE)
		assert_in_range(v_rd(f, PN_VTD_IQER), 1, 7);
	row_eq("IP only while masked", "FECTL", (v_rd32(f, PN_VTD_FECTL) & (IM | IP)) == IP, false);
	row_eq("IP only while masked", "IECTL", (v_rd32(f, PN_VTD_IECTL) & (IM | IP)) == IP, false);
	if (!(fsts & 0x72))
		row_eq("IP only while there is something", "FECTL", v_rd32(f, PN_VTD_FECTL) & IP,
		       0);
	if (!v_rd32(f, PN_VTD_ICS))
		row_eq("IP only while there is something", "IECTL", v_rd32(f, PN_VTD_IECTL) & IP,
		       0);
	row_eq("CAP", "read-only", v_rd(f, PN_VTD_CAP), f->cfg.cap);
	row_eq("ECAP", "read-only", v_rd(f, PN_VTD_ECAP), f->cfg.ecap);
	pn_vtd_stats(f->v, &s);
	row_eq("every request ends once", "msis", s.msis,
	       s.forwarded + s.remapped + s.posted + s.aborted);
	row_eq("every post ends once", "posted", s.posted,
	       s.notifications + s.suppressed + s.outstanding);
	assert_true(s.faults + s.faults_dropped <= s.aborted);
	row_eq("issued", "INTR_ISSUE", f->agent.step[PN_STEP_INTR_ISSUE].count,
	       s.forwarded + s.remapped);
	row_eq("what went out", "interrupts", f->intrs,
	       s.forwarded + s.remapped + s.notifications + s.interrupts);
}

static void one_request(struct vfix *f)
{
	struct pn_msi m = {.addr = 0xFEE00000 | (rnd() & 0xFFFFF),
			   .data = rnd() % 16 ? rnd() & 0x1F : (uint32_t)rnd(),
			   .devid = (uint16_t)(rnd() % 64),
			   .has_pasid = rnd() % 32 == 0,
			   .malformed = rnd() % 32 == 0};

	if (rnd() % 4)
		m.addr = 0xFEE00010 | (rnd() & 0x7E0) | (rnd() & 8);
	if (rnd() % 64 == 0)
		m.addr = rnd();
	pn_vtd_msi(f->v, &m);
}

static void fuzz(uint64_t seed, uint64_t cap, bool async, bool poison)
{
	struct pn_vtd_config cfg;
	struct pn_vtd_stats s;
	struct vfix f;

	rnd_state = seed;
	pn_vtd_config_default(&cfg);
	cfg.ecap = ALL | (rnd() & (PN_VTD_ECAP_EIMER | PN_VTD_ECAP_IRREQ));
	cfg.cap = CAP | cap;
	cfg.async_queue = async;
	cfg.poison_stale = poison;
	cfg.irte_cache = 16;
	v_open(&f, &cfg);
	for (unsigned i = 0; i < 60000; i++) {
		uint32_t off = offset();
		unsigned size = rnd() % 16 ? (rnd() & 1 ? 4 : 8) : (unsigned)rnd() % 17;
		bool ok = (size == 4 || size == 8) && !(off % size) && off < 0x1000;
		uint64_t got;

		assert_int_equal(pn_vtd_write(f.v, off, size, value_for(off)), ok ? 0 : -EINVAL);
		off = (uint32_t)rnd() % 0x1100;
		ok = (size == 4 || size == 8) && !(off % size) && off < 0x1000;
		assert_int_equal(pn_vtd_read(f.v, off, size, &got), ok ? 0 : -EINVAL);
		if (rnd() % 4 == 0)
			scribble(&f);
		for (unsigned k = 0; k < rnd() % 4; k++)
			one_request(&f);
		if (async)
			assert_true(pn_vtd_queue(f.v, 3) <= 3);
		if (rnd() % 4096 == 0)
			pn_vtd_reset(f.v);
		else
			invariants(&f);
	}
	/* the accesses had effects */
	pn_vtd_stats(f.v, &s);
	assert_true(s.posted > 100 && s.remapped > 100 && s.waits > 100 && s.iec_index > 50);
	assert_true(s.entries_dropped > 10 && s.faults > 100 && s.interrupts > 10);
	v_close(&f);
}

static void test_fuzz(void **state)
{
	(void)state;
	fuzz(0x9E3779B97F4A7C15ull, 0, false, false);
	fuzz(0xD1B54A32D192ED03ull, PN_VTD_CAP_CM, true, false);
	fuzz(0x2545F4914F6CDD1Dull, PN_VTD_CAP_ESIRTPS, false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),   cmocka_unit_test(test_gates),
		cmocka_unit_test(test_commands),    cmocka_unit_test(test_access),
		cmocka_unit_test(test_create),	    cmocka_unit_test(test_latch),
		cmocka_unit_test(test_esirtps),	    cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_eime),	    cmocka_unit_test(test_fault_records),
		cmocka_unit_test(test_fault_event), cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
