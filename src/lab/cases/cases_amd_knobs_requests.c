/* SPDX-License-Identifier: MIT */
/*
 * How each request to an IOMMU ends that is not posted: by the device table, by the entry, with the
 * whole event that is logged.
 */
#include "cases_amd_knobs.h"

/* ---- by the device table ---- */

static void forwards(uint32_t data, const char *what)
{
	struct pn_intr m = {.dest = 0x12,
			    .vector = (uint8_t)data,
			    .mode = data >> 8 & 7,
			    .logical = true,
			    .level = data >> 15};

	knobs_passes(data, PN_MSI_FORWARDED, m, what);
}

static void device_table(void)
{
	static const struct {
		uint64_t q, flags;
	} illegal[] = {
		{GOOD | 1ull << 52, RZ},
		{GOOD | 1ull << 53, RZ},
		{GOOD | 0x40, RZ},
		{GOOD | 1ull << 60, 0},
		{(GOOD & ~0x1Eull) | 12 << 1, 0},
		{GOOD | 0x20 | 1ull << 60, 0},
	};

	knobs_start(PLAIN);
	for (unsigned i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
		vi_dte(DEV, illegal[i].q);
		knobs_refused(3, EVENT(1) | I | illegal[i].flags, 0xFEE12344, "an illegal entry");
	}
	/* IV = 0: nothing else counts, and no error stays in the cache. */
	vi_dte(DEV, GOOD & ~1ull);
	forwards(0x31, "an entry without IV");
	vi_flush();
}

/* An index, or a type that may pass. */
static void types(void)
{
	vi_dte(DEV, GOOD | 7ull << 56);
	vi_irte(IRT, 3, 1 | 1 << 8, 0x71);
	vi_irte(IRT, 0x1FF, 1 | 2 << 8, 0x72);
	knobs_passes(3, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71}, "an entry");
	knobs_passes(0x1FF, PN_MSI_REMAPPED, (struct pn_intr){.dest = 2, .vector = 0x72},
		     "the last");
	knobs_passes(0xF803, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71},
		     "data beyond the index counts");
	forwards(0x400, "an NMI that passes");
	forwards(0x8531, "an INIT that passes");
	forwards(0x700, "an ExtINT that passes");
	knobs_refused(0x200, EVENT(2) | I, 0xFEE12344, "an SMI");
	knobs_refused(0x300, EVENT(2) | I, 0xFEE12344, "a reserved type");
	knobs_refused(0x600, EVENT(2) | I, 0xFEE12344, "a reserved type");
	vi_flush();
	for (unsigned bit = 56; bit < 59; bit++) {
		vi_dte(DEV, (GOOD | 7ull << 56) & ~(1ull << bit));
		vi_flush();
		knobs_refused(bit == 58	  ? 0x400
			      : bit == 56 ? 0x500
					  : 0x700,
			      EVENT(2) | I, 0xFEE12344, "a type that may not pass");
	}
}

static void device_fields(void)
{
	vi_dte(DEV, GOOD | 0x20);
	vi_flush();
	knobs_refused(0x400, 0, 0, "an event although IG = 1");
	vi_dte(DEV, (GOOD & ~0x1Eull) | 2 << 1);
	vi_flush();
	knobs_passes(3, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71},
		     "the last of four");
	knobs_refused(4, EVENT(2) | I, 0xFEE12344, "an index beyond the table");
	vi_dte(DEV, GOOD & ~(3ull << 60));
	vi_flush();
	knobs_refused(3, EVENT(2) | I, 0xFEE12344, "IntCtl = 00b");
	vi_dte(DEV, (GOOD & ~(3ull << 60)) | 0x20);
	vi_flush();
	knobs_refused(3, 0, 0, "IntCtl = 00b with IG");
	vi_dte(DEV, (GOOD & ~(3ull << 60)) | 1ull << 60);
	vi_flush();
	forwards(0x31, "IntCtl = 01b");
	knobs_refused(0x231, EVENT(2) | I, 0xFEE12344, "IntCtl = 01b forwards an SMI");
}

static void elsewhere(void)
{
	struct pn_msi m = {
		.addr = 0xFEE12344, .data = 3, .devid = DEV, .has_pasid = true, .pasid = 0xABCDE};

	knobs_start(PLAIN);
	vi_dte(DEV, GOOD);
	vi_aborts(&m, EVENT(2) | I | 1ull << 48 | 0xBCDEull << 32 | 0xAull << 16 | DEV, 0xFEE12344,
		  "a request with a PASID");
	vi_dte(DEV, GOOD | 0x20);
	vi_flush();
	vi_aborts(&m, 0, 0, "a PASID with IG");
	vi_dte(DEV, (GOOD | 0x20) & ~1ull);
	vi_flush();
	vi_aborts(&m, EVENT(2) | I | 1ull << 48 | 0xBCDEull << 32 | 0xAull << 16 | DEV, 0xFEE12344,
		  "a PASID without IV: IG does not count");
	m = (struct pn_msi){.addr = 0xFEE12344, .devid = 127};
	rig_want(vi_send(&m) == PN_MSI_FORWARDED, "P7", "the last device of the table");
	m.devid = 128;
	vi_aborts(&m, EVENT(1) | I | 128, 0xFEE12344, "a device beyond the table");
	m = (struct pn_msi){.addr = 0x1000, .devid = DEV};
	vi_aborts(&m, 0, 0, "no interrupt request at all");
	m.addr = 0x1FEE00000;
	vi_aborts(&m, 0, 0, "an address above 4 GiB");
	vi_flush();
	solo->hole = 5;
	knobs_refused(3, EVENT(3) | I | MASTER, DEVTAB + DEV * 32, "a device table without memory");
	solo->hole = 0;
	vi_dte(DEV, GOOD);
	vi_flush();
	solo->hole = 6;
	knobs_refused(7, EVENT(4) | I | MASTER, IRT + 7 * 16, "a table without memory");
	solo->hole = 0;
	vi_irte(IRT, 7, GUEST, ABSENT | 0x41);
	vi_flush();
	knobs_refused(7, EVENT(4) | I | MASTER, ABSENT, "a vAPIC page without memory");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_IOMMUEN);
	forwards(0x8531, "an IOMMU that is off");
}

/* ---- by the entry ---- */

static void remap_forms(void)
{
	knobs_start(PLAIN);
	vi_dte(DEV, GOOD);
	vi_irte(IRT, 0, 0x65 | 0xA1B2C3ull << 8, 0x91 | 0xD4ull << 56);
	vi_irte(IRT, 1, 1 | 7 << 8, 0x92);
	vi_irte(IRT, 2, 0x21 | 7 << 8, 0x93);
	vi_irte(IRT, 3, 0x41 | 7 << 8, 0x94);
	vi_irte(IRT, 4, 0, 0x95);
	vi_irte(IRT, 5, 2, 0x95);
	vi_irte(IRT, 6, 9, 0x95);
	vi_irte(IRT, 7, 11, 0x95);
	vi_irte(IRT, 8, 1 | 1ull << 40, 0x95);
	vi_irte(IRT, 9, GUEST | 8, VAPIC | 0x41);
	knobs_passes(0, PN_MSI_REMAPPED,
		     (struct pn_intr){.dest = 0xD4A1B2C3,
				      .vector = 0x91,
				      .mode = PN_DM_LOWEST,
				      .logical = true,
				      .level = true},
		     "an entry with all flags");
	knobs_passes(1, PN_MSI_REMAPPED, (struct pn_intr){.dest = 7, .vector = 0x92}, "none");
	knobs_passes(2, PN_MSI_REMAPPED, (struct pn_intr){.dest = 7, .vector = 0x93, .level = true},
		     "RqEoi");
	knobs_passes(3, PN_MSI_REMAPPED,
		     (struct pn_intr){.dest = 7, .vector = 0x94, .logical = true}, "DM");
	knobs_refused(4, EVENT(2) | I, 0xFEE12344, "an entry without RemapEn");
	knobs_refused(5, 0, 0, "an entry that suppresses its faults");
	knobs_refused(6, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved IntType");
	knobs_refused(7, 0, 0, "an illegal entry that suppresses its faults");
	knobs_refused(8, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved bit");
	knobs_refused(9, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved bit of the guest form");
	vi_irte(IRT, 6, 1 | 3 << 8, 0x96);
	knobs_passes(6, PN_MSI_REMAPPED, (struct pn_intr){.dest = 3, .vector = 0x96},
		     "an illegal entry stays in the cache");
	vi_irte(IRT, 4, 1 | 3 << 8, 0x97);
	knobs_refused(4, EVENT(2) | I, 0xFEE12344, "an absent entry is cached");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_XTEN);
	vi_irte(IRT, 0, 1 | 0xA1 << 8, 0x91);
	vi_irte(IRT, 1, 1 | 0x1A1 << 8, 0x91);
	vi_irte(IRT, 2, GUEST | RUNNING | 0xA2 << 8, VAPIC | 0x41);
	knobs_passes(0, PN_MSI_REMAPPED, (struct pn_intr){.dest = 0xA1, .vector = 0x91}, "no XTEn");
	knobs_refused(1, EVENT(2) | I | PR | RZ, 0xFEE12344, "9 bits without XTEn");
	rig_want(knobs_ask(2) == PN_MSI_POSTED && solo->bell == 0xA2, "P4",
		 "a doorbell without XTEn");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GAMEN_VAPIC);
	knobs_refused(2, EVENT(2) | I | PR | RZ, 0xFEE12344, "guest form while GAMEn is off");
}

static void short_forms(void)
{
	knobs_start(PLAIN);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~(PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC));
	vi_dte(DEV, GOOD | 0x40);
	solo_st32(IRT + 0x40 + 4 * 9, 0x00918865);
	solo_st32(IRT + 0x40 + 4 * 10, 0x00928881);
	solo_st32(IRT + 0x40 + 4 * 11, 0x00928800);
	knobs_passes(9, PN_MSI_REMAPPED,
		     (struct pn_intr){.dest = 0x88,
				      .vector = 0x91,
				      .mode = PN_DM_LOWEST,
				      .logical = true,
				      .level = true},
		     "a 32-bit entry");
	knobs_refused(10, EVENT(2) | I | PR | RZ, 0xFEE12344, "guest form in 32 bits");
	knobs_refused(11, EVENT(2) | I, 0xFEE12344, "a 32-bit entry without RemapEn");
	solo_st32(IRT + 0x40 + 4 * 11, 0x01928801);
	vi_flush();
	knobs_refused(11, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved bit of 32 bits");
	solo_st32(IRT + 0x40 + 4 * 11, 0x00928809);
	knobs_refused(11, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved IntType of 32 bits");
	solo_st32(IRT + 0x40 + 4 * 11, 0x00928802);
	knobs_refused(11, 0, 0, "a 32-bit entry that suppresses its faults");
	solo->hole = 6;
	vi_flush();
	knobs_refused(9, EVENT(4) | I | MASTER, IRT + 0x40 + 4 * 9, "a table without memory");
	solo->hole = 0;
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	knobs_refused(9, EVENT(1) | I | RZ, 0xFEE12344, "a root that GAEn does not allow");
	/* 2048 entries. */
	vi_wr(PN_AMDVI_CONTROL, CTRL | 1ull << 43);
	vi_dte(DEV, 1ull | 11 << 1 | 2ull << 60 | SOLO_AT(8));
	solo_st64(SOLO_AT(8) + 16 * 0x7FF, 1 | 6 << 8);
	solo_st64(SOLO_AT(8) + 16 * 0x7FF + 8, 0x99);
	vi_flush();
	knobs_passes(0x7FF, PN_MSI_REMAPPED, (struct pn_intr){.dest = 6, .vector = 0x99},
		     "the last of 2048 entries");
	knobs_passes(0xFFFF, PN_MSI_REMAPPED, (struct pn_intr){.dest = 6, .vector = 0x99},
		     "an index has 11 bits");
}

void knobs_of_faults(void)
{
	knobs_start(INVALID);
	vi_dte(DEV, GOOD & ~(3ull << 60));
	knobs_refused(3, EVENT(8) | 4ull << 57, 0xFEE12344, "IntCtl = 00b as an invalid request");
	vi_dte(DEV, (GOOD & ~(3ull << 60)) | 0x20);
	vi_flush();
	knobs_refused(3, 0, 0, "the same with IG");
	vi_dte(DEV, GOOD);
	vi_flush();
	knobs_refused(0x0F, EVENT(2) | I, 0x0F, "the index is reported");
	knobs_refused(0xFA0F, EVENT(2) | I, 0x20F, "the index is reported");
}

void knobs_requests(void)
{
	device_table();
	types();
	device_fields();
	elsewhere();
	remap_forms();
	short_forms();
}
