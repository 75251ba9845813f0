/* SPDX-License-Identifier: MIT */
/*
 * What words mean, without a machine around them: entries of the tables and logs, messages, the
 * banks of a vAPIC page, a physical local APIC, the names of the steps. Each value is written down
 * here as the manuals have it, not computed by the code's own constants.
 */
#include <string.h>

#include "case_setup.h"
#include "postern/amd_dte.h"
#include "postern/amd_irte.h"
#include "postern/amd_log.h"
#include "postern/postern.h"
#include "solo_amd.h"

static bool is_broken;

/* ---- banks of a vAPIC page ---- */

#define PAGE SOLO_AT(0)

/* The bank at @bank has exactly @vector, or nothing: -1. */
static void only(uint32_t bank, int vector)
{
	for (int w = 0; w < 8; w++) {
		uint32_t want = vector >= 0 && vector / 32 == w ? 1u << (vector % 32) : 0;

		rig_want(solo_ld32(PAGE + bank + 16 * (unsigned)w) == want, "P4",
			 "a vector's bit is in another word");
	}
}

static void bank(void *page, uint32_t off, unsigned step)
{
	for (unsigned v = 0; v < 256; v += step) {
		uint8_t vector = (uint8_t)v;

		rig_want(!pn_vapic_set(page, off, vector), "P4", "a bit was set before");
		only(off, (int)v);
		rig_want(pn_vapic_test(page, off, vector) && pn_vapic_set(page, off, vector) &&
				 pn_vapic_highest(page, off) == (int)v &&
				 pn_vapic_count(page, off) == 1 && !pn_vapic_empty(page, off),
			 "P4", "a vector that was set is not found");
		rig_want(!pn_vapic_test(page, off, vector ^ 1) &&
				 !pn_vapic_test(page, off, vector ^ 32),
			 "P4", "a vector that was not set is found");
		rig_want(pn_vapic_clear(page, off, vector) && !pn_vapic_clear(page, off, vector) &&
				 pn_vapic_highest(page, off) == -1 && pn_vapic_empty(page, off) &&
				 !pn_vapic_count(page, off),
			 "P4", "a vector that was cleared is found");
		only(off, -1);
	}
}

static void words(void *page)
{
	for (unsigned w = 0; w < 8; w++) {
		rig_want(!pn_vapic_or(page, PN_APIC_IRR, w, 0x80000001), "P4", "an OR's old value");
		rig_want(pn_vapic_or(page, PN_APIC_IRR, w, 2) == 0x80000001 &&
				 solo_ld32(PAGE + 0x200 + 16 * w) == 0x80000003,
			 "P4", "an OR keeps what is there");
		rig_want(pn_vapic_count(page, PN_APIC_IRR) == 3 * (w + 1) &&
				 pn_vapic_highest(page, PN_APIC_IRR) == (int)(w * 32 + 31),
			 "P4", "the bits of several words");
	}
	for (unsigned w = 0; w < 8; w++)
		pn_vapic_write(page, PN_APIC_IRR + 16 * w, 0);
	pn_vapic_write(page, PN_APIC_LDR, 0x12345678);
	rig_want(pn_vapic_read(page, PN_APIC_LDR) == 0x12345678 &&
			 solo_ld32(PAGE + 0xD0) == 0x12345678,
		 "P4", "a register of the page");
}

/* Priorities: TPR, in service, pending; PPR and what is delivered then. APM vol 2, 16.6.4. */
static void priorities(void *page)
{
	static const struct {
		uint8_t tpr, isr, irr, ppr;
		int deliverable;
	} rows[] = {
		{0x00, 0, 0x10, 0x00, 0x10},	{0x00, 0, 0x0F, 0x00, -1},
		{0x00, 0, 0, 0x00, -1},		{0x0F, 0, 0x10, 0x0F, 0x10},
		{0x10, 0, 0x1F, 0x10, -1},	{0x10, 0, 0x20, 0x10, 0x20},
		{0x25, 0x31, 0x3F, 0x30, -1},	{0x25, 0x31, 0x40, 0x30, 0x40},
		{0x35, 0x31, 0x41, 0x35, 0x41}, {0x45, 0x31, 0x4F, 0x45, -1},
		{0x00, 0xEF, 0xF0, 0xE0, 0xF0}, {0x00, 0xF1, 0xFF, 0xF0, -1},
		{0x00, 0x1F, 0x20, 0x10, 0x20}, {0x00, 0x20, 0x1F, 0x20, -1},
		{0x00, 0x5F, 0x41, 0x50, -1},	{0x00, 0x5F, 0x50, 0x50, -1},
		{0x00, 0x4F, 0x51, 0x40, 0x51}, {0xFF, 0, 0xFF, 0xFF, -1},
		{0xF0, 0, 0xFF, 0xF0, -1},	{0xEF, 0, 0xFF, 0xEF, 0xFF},
		{0x00, 0x80, 0x7F, 0x80, -1},	{0x00, 0x7F, 0x80, 0x70, 0x80},
		{0x00, 0x60, 0x6F, 0x60, -1},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pn_vapic_write(page, PN_APIC_TPR, rows[i].tpr);
		if (rows[i].isr)
			pn_vapic_set(page, PN_APIC_ISR, rows[i].isr);
		if (rows[i].irr)
			pn_vapic_set(page, PN_APIC_IRR, rows[i].irr);
		rig_want(pn_vapic_ppr(page) == rows[i].ppr, "P4", "PPR is another");
		rig_want(pn_vapic_deliverable(page) == rows[i].deliverable, "P4",
			 "another vector is deliverable, or none is");
		rig_want(pn_vapic_deliverable_above(page, rows[i].tpr >> 4) == rows[i].deliverable,
			 "P4", "another vector is above a priority");
		rig_want(pn_vapic_deliverable_above(page, 15) == -1, "P4",
			 "a vector is above the highest class");
		pn_vapic_clear(page, PN_APIC_ISR, rows[i].isr);
		pn_vapic_clear(page, PN_APIC_IRR, rows[i].irr);
	}
	/* Every class in service against every class that is pending. */
	pn_vapic_write(page, PN_APIC_TPR, 0);
	for (int isr = 1; isr < 16; isr++) {
		pn_vapic_set(page, PN_APIC_ISR, (uint8_t)(isr * 16 + isr));
		for (int irr = 1; irr < 16; irr++) {
			pn_vapic_set(page, PN_APIC_IRR, (uint8_t)(irr * 16 + 15 - irr));
			rig_want(pn_vapic_deliverable(page) ==
					 (irr > isr ? irr * 16 + 15 - irr : -1),
				 "P4", "a class interrupts, or does not");
			pn_vapic_clear(page, PN_APIC_IRR, (uint8_t)(irr * 16 + 15 - irr));
		}
		pn_vapic_clear(page, PN_APIC_ISR, (uint8_t)(isr * 16 + isr));
	}
	/* The highest decides, in service and pending. */
	pn_vapic_set(page, PN_APIC_ISR, 0x33);
	pn_vapic_set(page, PN_APIC_ISR, 0x93);
	pn_vapic_write(page, PN_APIC_TPR, 0);
	rig_want(pn_vapic_ppr(page) == 0x90, "P4", "PPR of two in service");
	pn_vapic_set(page, PN_APIC_IRR, 0x95);
	rig_want(pn_vapic_deliverable(page) == -1, "P4", "a vector of the class in service");
	pn_vapic_set(page, PN_APIC_IRR, 0xA5);
	rig_want(pn_vapic_deliverable(page) == 0xA5, "P4", "the highest vector that is pending");
	memset(page, 0, 4096);
}

/* ---- a physical local APIC ---- */

static void local_apic(void)
{
	struct pn_lapic l = {0};

	rig_want(!pn_lapic_accept(&l, 15) && pn_lapic_pending(&l) == -1 && pn_lapic_take(&l) == -1,
		 "P4", "a vector below 16 is accepted");
	for (unsigned v = 16; v < 256; v++) {
		rig_want(!pn_lapic_accept(&l, (uint8_t)v) && pn_lapic_accept(&l, (uint8_t)v) &&
				 pn_lapic_pending(&l) == (int)v,
			 "P4", "a vector is not pending, or not merged");
		rig_want(l.irr[v / 64] == 1ull << v % 64, "P4", "a vector's bit is another");
		rig_want(pn_lapic_take(&l) == (int)v && pn_lapic_pending(&l) == -1 &&
				 pn_lapic_take(&l) == -1,
			 "P4", "a vector is not taken once");
		rig_want(l.isr[v / 64] == 1ull << v % 64, "P4", "a vector in service is another");
		rig_want(pn_lapic_eoi(&l) == (int)v && pn_lapic_eoi(&l) == -1, "P4",
			 "a vector is not ended once");
	}
	/* Nested, across words and within one; the same class waits. */
	pn_lapic_accept(&l, 0x45);
	pn_lapic_accept(&l, 0x43);
	rig_want(pn_lapic_take(&l) == 0x45, "P4", "the highest comes first");
	pn_lapic_accept(&l, 0x4F);
	rig_want(pn_lapic_take(&l) == -1, "P4", "a vector interrupts its own class");
	pn_lapic_accept(&l, 0x52);
	pn_lapic_accept(&l, 0xC0);
	rig_want(pn_lapic_pending(&l) == 0xC0 && pn_lapic_take(&l) == 0xC0, "P4",
		 "a higher class interrupts");
	rig_want(pn_lapic_take(&l) == -1 && pn_lapic_eoi(&l) == 0xC0 && pn_lapic_take(&l) == 0x52 &&
			 pn_lapic_eoi(&l) == 0x52 && pn_lapic_eoi(&l) == 0x45,
		 "P4", "EOIs end the highest in service");
	rig_want(pn_lapic_take(&l) == 0x4F && pn_lapic_eoi(&l) == 0x4F &&
			 pn_lapic_take(&l) == 0x43 && pn_lapic_eoi(&l) == 0x43 &&
			 pn_lapic_take(&l) == -1,
		 "P4", "what waited comes, the highest first");
}

/* ---- messages ---- */

static bool same(struct pn_intr a, struct pn_intr b)
{
	return a.dest == b.dest && a.vector == b.vector && a.mode == b.mode &&
	       a.logical == b.logical && a.level == b.level;
}

static void message(struct pn_intr m, uint32_t addr, uint32_t data)
{
	uint64_t a = 1;
	uint32_t d = 1;

	pn_msi_encode(&m, &a, &d);
	rig_want(a == addr && d == data, "P7", "a message is encoded as another");
	m.dest &= 0xFF;
	rig_want(same(pn_msi_decode(addr, data), m), "P7", "a message is decoded as another");
}

static void messages(void)
{
	message((struct pn_intr){.dest = 0xA5, .vector = 0x31}, 0xFEEA5000, 0x31);
	message((struct pn_intr){.dest = 3, .vector = 0xFE, .logical = true}, 0xFEE03004, 0xFE);
	message((struct pn_intr){.dest = 3, .vector = 2, .mode = PN_DM_LOWEST}, 0xFEE03008, 0x102);
	message((struct pn_intr){.dest = 3, .vector = 0x77, .level = true}, 0xFEE03000, 0xC077);
	message((struct pn_intr){.dest = 0x3FF, .vector = 0x77, .mode = 7}, 0xFEEFF000, 0x777);
	rig_want(pn_msi_is(0xFEE00000) && pn_msi_is(0xFEEFFFFC) && !pn_msi_is(0xFEDFFFFC) &&
			 !pn_msi_is(0xFEF00000) && !pn_msi_is(0x1FEE00000),
		 "P7", "an address is an interrupt request, or not");
	rig_want(pn_x2apic_logical(0) == 1 && pn_x2apic_logical(0x2F) == 0x28000, "P7",
		 "a logical x2APIC ID");
}

/* ---- table entries ---- */

static bool same_dte(const struct pn_dte *a, const struct pn_dte *b)
{
	return a->iv == b->iv && a->ig == b->ig && a->inttablen == b->inttablen &&
	       a->root == b->root && a->initpass == b->initpass && a->eintpass == b->eintpass &&
	       a->nmipass == b->nmipass && a->lint0pass == b->lint0pass &&
	       a->lint1pass == b->lint1pass && a->intctl == b->intctl;
}

static void device_entries(void)
{
	static const struct {
		uint64_t q;
		struct pn_dte d;
	} bits[] = {
		{1ull << 5, {.ig = true}},
		{0xBull << 1, {.inttablen = 11}},
		{1ull << 56, {.initpass = true}},
		{1ull << 57, {.eintpass = true}},
		{1ull << 58, {.nmipass = true}},
		{1ull << 62, {.lint0pass = true}},
		{1ull << 60, {.intctl = 1}},
		{2ull << 60, {.intctl = 2}},
		{1ull << 63, {.lint1pass = true}},
		{0x000FFFFFFFFFFF80ull, {.root = 0xFFFFFFFFFFF80}},
	};
	struct pn_dte d;

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		struct pn_dte want = bits[i].d;

		rig_want(!pn_dte_decode(bits[i].q, true, &d) && same_dte(&d, &want), "P7",
			 "a device table entry means something else");
		rig_want(pn_dte_encode(&want) == bits[i].q, "P7",
			 "a device table entry is encoded as another");
		want.iv = true;
		rig_want(!pn_dte_decode(bits[i].q | 1, true, &d) && same_dte(&d, &want), "P7",
			 "a valid device table entry means something else");
		rig_want(pn_dte_encode(&want) == (bits[i].q | 1), "P7", "IV is lost");
	}
	d = (struct pn_dte){.inttablen = 0x1F, .intctl = 7, .root = ~0ull};
	rig_want(pn_dte_encode(&d) == (0x1Eull | 3ull << 60 | 0x000FFFFFFFFFFFC0ull), "P7",
		 "a field of an entry spills into another");
	rig_want(pn_dte_decode(1 | 1ull << 52, true, &d) == PN_DTE_BAD_RESERVED &&
			 pn_dte_decode(1 | 1ull << 53, true, &d) == PN_DTE_BAD_RESERVED &&
			 pn_dte_decode(1 | 3ull << 60, true, &d) == PN_DTE_BAD_INTCTL &&
			 pn_dte_decode(1 | 12 << 1, true, &d) == PN_DTE_BAD_INTTABLEN &&
			 pn_dte_decode(1 | 0x40, true, &d) == PN_DTE_BAD_ALIGN &&
			 !pn_dte_decode(1 | 0x40, false, &d) &&
			 !pn_dte_decode(3ull << 52, true, &d),
		 "P7", "a device table entry is malformed, or not");
	rig_want(pn_dte_decode(1 | 1ull << 52 | 3ull << 60 | 12 << 1 | 0x40, true, &d) ==
			 (PN_DTE_BAD_RESERVED | PN_DTE_BAD_INTCTL | PN_DTE_BAD_INTTABLEN |
			  PN_DTE_BAD_ALIGN),
		 "P7", "of all that is wrong in a device table entry some is told");
}

static void short_entries(void)
{
	struct pn_irte f, g = {.remapen = true, .dest = 0x1A5, .vector = 0x31};

	rig_want(!pn_irte32_decode(0x0031A501, &f) && f.form == PN_IRTE_32 && f.remapen &&
			 f.dest == 0xA5 && f.vector == 0x31 && !f.supiopf && !f.inttype &&
			 !f.rqeoi && !f.dm && !f.guestmode,
		 "P7", "a 32-bit entry means something else");
	rig_want(pn_irte32_encode(&g) == 0x0031A501, "P7", "a 32-bit entry is encoded as another");
	g = (struct pn_irte){.supiopf = true, .inttype = 1, .rqeoi = true, .dm = true};
	rig_want(!pn_irte32_decode(0x66, &f) && f.supiopf && f.inttype == 1 && f.rqeoi && f.dm &&
			 !f.remapen && pn_irte32_encode(&g) == 0x66,
		 "P7", "the flags of a 32-bit entry");
	g = (struct pn_irte){.guestmode = true, .inttype = 0xF};
	rig_want(pn_irte32_encode(&g) == 0x9C, "P7", "IntType spills into another field");
	rig_want(pn_irte32_decode(0x80, &f) == PN_IRTE_BAD_GUESTMODE && f.guestmode &&
			 pn_irte32_decode(8, &f) == PN_IRTE_BAD_INTTYPE && f.inttype == 2 &&
			 pn_irte32_decode(1 << 24, &f) == PN_IRTE_BAD_RESERVED &&
			 pn_irte32_decode(1u << 31, &f) == PN_IRTE_BAD_RESERVED,
		 "P7", "a 32-bit entry is malformed, or not");
}

static void long_entries(void)
{
	const struct pn_irte128 remap = {0xC3B2A167, 0xD400000000000031}, /* all but the reserved */
		guest = {0x12345678C3B2A1E7, 0xD40ABCDEF1234031};
	struct pn_irte f;
	struct pn_irte128 raw;

	rig_want(!pn_irte128_decode(remap, true, true, &f) && f.form == PN_IRTE_128_REMAP &&
			 f.remapen && f.supiopf && f.inttype == 1 && f.rqeoi && f.dm &&
			 !f.guestmode && f.dest == 0xD4C3B2A1 && f.vector == 0x31 && !f.gatag &&
			 !f.root && !f.isrun && !f.galogintr && !f.gappidis,
		 "P7", "an entry in remap form means something else");
	raw = pn_irte128_encode(&f);
	rig_want(raw.lo == remap.lo && raw.hi == remap.hi, "P7", "it is encoded as another");
	rig_want(!pn_irte128_decode(guest, true, true, &f) && f.form == PN_IRTE_128_GUEST &&
			 f.guestmode && f.remapen && f.supiopf && f.galogintr && f.gappidis &&
			 f.isrun && f.gatag == 0x12345678 && f.root == 0xABCDEF1234000 &&
			 f.dest == 0xD4C3B2A1 && f.vector == 0x31 && !f.inttype && !f.rqeoi &&
			 !f.dm,
		 "P7", "an entry in guest form means something else");
	raw = pn_irte128_encode(&f);
	rig_want(raw.lo == guest.lo && raw.hi == guest.hi, "P7", "it is encoded as another");
	f = (struct pn_irte){.guestmode = true};
	raw = pn_irte128_encode(&f);
	rig_want(raw.lo == 0x80 && !raw.hi && !pn_irte128_decode(raw, true, true, &f) &&
			 !f.remapen && !f.supiopf && !f.galogintr && !f.gappidis && !f.isrun,
		 "P7", "an empty entry in guest form");
}

static void malformed_entries(void)
{
	static const struct {
		struct pn_irte128 raw;
		unsigned bad;
		bool xten, dis;
	} rows[] = {
		{{1, 0x100}, PN_IRTE_BAD_RESERVED, true, true},
		{{1, 1ull << 55}, PN_IRTE_BAD_RESERVED, true, true},
		{{1 | 1ull << 32, 0}, PN_IRTE_BAD_RESERVED, true, true},
		{{1 | 1ull << 63, 0}, PN_IRTE_BAD_RESERVED, true, true},
		{{9, 0}, PN_IRTE_BAD_INTTYPE, true, true},
		{{0x11, 0}, PN_IRTE_BAD_INTTYPE, true, true},
		{{0x89, 0}, PN_IRTE_BAD_RESERVED, true, true},
		{{0x91, 0}, PN_IRTE_BAD_RESERVED, true, true},
		{{0x81, 0x100}, PN_IRTE_BAD_RESERVED, true, true},
		{{0x81, 0x800}, PN_IRTE_BAD_RESERVED, true, true},
		{{0x81, 1ull << 52}, PN_IRTE_BAD_RESERVED, true, true},
		{{0x81, 1ull << 55}, PN_IRTE_BAD_RESERVED, true, true},
		{{0xA1, 0}, PN_IRTE_BAD_RESERVED, true, false},
		{{0xA1, 0}, 0, true, true},
		{{0x21, 0}, 0, true, false},
		{{1 | 1 << 15, 0}, 0, false, true},
		{{1 | 1 << 16, 0}, PN_IRTE_BAD_RESERVED, false, true},
		{{1 | 1ull << 31, 0}, PN_IRTE_BAD_RESERVED, false, true},
		{{1, 1ull << 56}, PN_IRTE_BAD_RESERVED, false, true},
		{{0x81, 1ull << 63}, PN_IRTE_BAD_RESERVED, false, true},
		{{0x11 | 1 << 16, 0}, PN_IRTE_BAD_INTTYPE | PN_IRTE_BAD_RESERVED, false, true},
		{{0x11, 1ull << 8}, PN_IRTE_BAD_INTTYPE | PN_IRTE_BAD_RESERVED, true, true},
	};
	struct pn_irte f;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		rig_want(pn_irte128_decode(rows[i].raw, rows[i].xten, rows[i].dis, &f) ==
				 rows[i].bad,
			 "P7", "an entry is malformed, or not");
	pn_irte128_decode((struct pn_irte128){0xFFFFFF01, 0xFFull << 56}, false, true, &f);
	rig_want(f.dest == 0xFF, "P7", "without XTEn a destination has 8 bits");
}

/* ---- commands and events ---- */

static void log_words(void)
{
	static const char *const cmds[16] = {NULL,
					     "COMPLETION_WAIT",
					     "INVALIDATE_DEVTAB_ENTRY",
					     "INVALIDATE_IOMMU_PAGES",
					     "INVALIDATE_IOTLB_PAGES",
					     "INVALIDATE_INTERRUPT_TABLE",
					     "PREFETCH_IOMMU_PAGES",
					     "COMPLETE_PPR_REQUEST",
					     "INVALIDATE_IOMMU_ALL"};
	static const uint64_t rsv[16][2] = {[1] = {0xFFull << 52, 0},
					    [2] = {0x0FFFFFFFFFFF0000, ~0ull},
					    [3] = {0x0FFF0000FFF00000, 0xFF8},
					    [5] = {0x0FFFFFFFFFFF0000, ~0ull},
					    [8] = {0x0FFFFFFFFFFFFFFF, ~0ull}};
	struct pn_amd_cmd c;
	uint64_t a, b;

	for (unsigned op = 0; op < 17; op++) {
		const char *want = op < 16 ? cmds[op] : NULL, *name = pn_amd_cmd_name(op);

		rig_want(want ? name && !strcmp(name, want) : !name, "P7", "a command's name");
		if (op == 16)
			break;
		c = (struct pn_amd_cmd){(uint64_t)op << 60, 0};
		rig_want(pn_amd_cmd_reserved(&c, &a, &b) == (want != NULL) &&
				 a == (want ? rsv[op][0] : ~0ull) &&
				 b == (want ? rsv[op][1] : ~0ull),
			 "P7", "a command's reserved bits");
	}
	c = pn_amd_cmd_inv_devtab(0xABCD);
	rig_want(c.q0 == (2ull << 60 | 0xABCD) && !c.q1, "P7", "INVALIDATE_DEVTAB_ENTRY");
	c = pn_amd_cmd_inv_irt(0xABCD);
	rig_want(c.q0 == (5ull << 60 | 0xABCD) && !c.q1, "P7", "INVALIDATE_INTERRUPT_TABLE");
	c = pn_amd_cmd_inv_all();
	rig_want(c.q0 == 8ull << 60 && !c.q1, "P7", "INVALIDATE_IOMMU_ALL");
	c = pn_amd_cmd_cwait(~0ull, 0x1122334455667788, false);
	rig_want(c.q0 == (1ull << 60 | 0x000FFFFFFFFFFFF9) && c.q1 == 0x1122334455667788, "P7",
		 "COMPLETION_WAIT");
	c = pn_amd_cmd_cwait(0x1000, 0, true);
	rig_want(c.q0 == (1ull << 60 | 0x1003), "P7", "COMPLETION_WAIT with an interrupt");
	rig_want(pn_galog_encode(0x87654321, 0xABCD) == 0x1000ABCD87654321, "P7",
		 "an entry of the log");
}

static void event_names(void)
{
	static const char *const names[16] = {NULL,
					      "ILLEGAL_DEV_TABLE_ENTRY",
					      "IO_PAGE_FAULT",
					      "DEV_TAB_HARDWARE_ERROR",
					      "PAGE_TAB_HARDWARE_ERROR",
					      "ILLEGAL_COMMAND_ERROR",
					      "COMMAND_HARDWARE_ERROR",
					      "IOTLB_INV_TIMEOUT",
					      "INVALID_DEVICE_REQUEST",
					      "INVALID_PPR_REQUEST",
					      "EVENT_COUNTER_ZERO",
					      "GUEST_EVENT_FAULT",
					      "VIOMMU_HARDWARE_ERROR",
					      "RMP_PAGE_FAULT",
					      "RMP_HARDWARE_ERROR"};

	for (unsigned i = 0; i < 17; i++) {
		const char *want = i < 16 ? names[i] : NULL, *name = pn_amd_event_name(i);

		rig_want(want ? name && !strcmp(name, want) : !name, "P7", "an event's name");
	}
}

/* ---- steps ---- */

static void agents(void)
{
	static struct pn_step_slot slots[PN_STEP_NR];
	struct pn_agent agent;

	memset(&agent, 0xAB, sizeof(agent));
	memset(slots, 0xAB, sizeof(slots));
	pn_agent_init(&agent, 5, slots);
	rig_want(agent.id == 5 && agent.step == slots && !agent.observe, "P7",
		 "an agent is not what it was made as");
	for (unsigned i = 0; i < sizeof(slots); i++)
		rig_want(!((const char *)slots)[i], "P7", "an agent begins with steps");
	for (unsigned i = 0; i < PN_STEP_NR; i++)
		rig_want(pn_step_by_key(pn_step_key(i)) == (int)i && *pn_step_doc(i), "P7",
			 "a step's key finds another step");
	rig_want(!strcmp(pn_step_key(PN_STEP_MSI), "msi") && !pn_step_key(PN_STEP_NR) &&
			 !pn_step_doc(PN_STEP_NR) && pn_step_by_key("no such step") < 0 &&
			 pn_step_by_key(NULL) < 0 && strlen(pn_version()),
		 "P7", "a step that there is not");
}

/* ---- the case ---- */

/* A device's MSI arrives at a host CPU: vectors below 16 are none (APM vol 2, 16.4). */
static void arrives(void)
{
	struct pn_intr m = {.dest = 2, .vector = is_broken ? 15 : 16};
	struct pn_lapic l = {0};
	uint64_t addr;
	uint32_t data;

	pn_msi_encode(&m, &addr, &data);
	m = pn_msi_decode(addr, data);
	pn_lapic_accept(&l, m.vector);
	rig_want(pn_lapic_take(&l) >= 0, "P4", "a device's message interrupts nobody");
}

static void means(void *arg)
{
	void *page = solo_ptr(PAGE);

	(void)arg;
	px_doing("a message arrives");
	arrives();
	px_doing("sets and clears bits of a page");
	bank(page, PN_APIC_IRR, 1);
	bank(page, PN_APIC_ISR, 17);
	bank(page, PN_APIC_TMR, 17);
	words(page);
	priorities(page);
	px_doing("takes interrupts apart");
	local_apic();
	messages();
	px_doing("takes entries apart");
	device_entries();
	short_entries();
	long_entries();
	malformed_entries();
	log_words();
	event_names();
	agents();
}

static void build(bool broken)
{
	is_broken = broken;
	solo_build();
	px_thread("CPU 0", 0, means, NULL);
}

const struct case_setup pn_cases_amd_bits[] = {
	{{"vector-below-16", "APM vol 2, 16.4", "a device gets a vector below 16",
	  "the first vector is 16", "P4", false, false},
	 PN_MISTAKE_NONE,
	 build,
	 INT16_MAX},
};

const unsigned pn_cases_amd_bits_nr = sizeof(pn_cases_amd_bits) / sizeof(pn_cases_amd_bits[0]);
