/* SPDX-License-Identifier: MIT */
/* The caches of an IOMMU: what stays in them, what each command drops, entries of all forms. */
#include "cases_amd_iommu.h"

static void remaps(unsigned devid, unsigned index, unsigned vector, const char *what)
{
	solo->intr.vector = 0;
	rig_want(iommu_ask(devid, index) == PN_MSI_REMAPPED && solo->intr.vector == vector, "P4",
		 what);
}

static void forget(unsigned devid)
{
	vi_put(pn_amd_cmd_inv_irt((uint16_t)devid).q0, 0);
}

static void fill(uint64_t at, uint8_t first)
{
	for (unsigned i = 0; i < 8; i++)
		vi_irte(at, i, PN_IRTE_REMAPEN | 1 << PN_IRTE_DESTLO_SH, first + i);
}

static void lists(void)
{
	static const uint8_t order[][6] = {
		{0, 1, 2, 3, 5, 0}, {3, 2, 1, 0, 6, 7}, {1, 5, 1, 5, 2, 2}, {0, 4, 3, 7, 2, 1}};
	uint8_t v = 0x20;

	for (unsigned k = 0; k < 4; k++) {
		fill(IRT, v);
		fill(IRT2, v + 8);
		forget(DEV);
		forget(OTHER);
		for (unsigned i = 0; i < 6; i++)
			remaps(DEV, order[k][i], v + order[k][i], "an entry of a full cache");
		fill(IRT, v + 16); /* entries that are cached stay */
		remaps(DEV, order[k][5], v + order[k][5], "a cached entry is read again");
		remaps(OTHER, 2, v + 10, "an entry of another device");
		forget(DEV);
		fill(IRT2, v + 24);
		remaps(OTHER, 2, v + 10, "another device's entry is dropped");
		for (unsigned i = 0; i < 8; i++)
			remaps(DEV, i, v + 16 + i, "an entry stays in the cache");
		forget(OTHER);
		remaps(OTHER, 2, v + 26, "an entry of the other device stays");
		v += 32;
	}
}

/* Every way to drop everything; DevIDs and indices that fill the caches. */
static void drops(void)
{
	static const uint64_t bits[] = {PN_CTRL_GAMEN_VAPIC, PN_CTRL_XTEN, PN_CTRL_IRTCACHEDIS,
					PN_CTRL_GAEN};
	const unsigned ways = sizeof(bits) / sizeof(bits[0]);
	uint8_t v = 0x20;

	for (unsigned k = 0; k <= ways; k++) {
		for (unsigned n = 0; n < 4; n++)
			iommu_dte(DEV + n, IRT);
		vi_flush();
		fill(IRT, v);
		for (unsigned i = 0; i < 4; i++)
			remaps(DEV, i, v + i, "a fresh entry");
		fill(IRT, v + 8);
		remaps(DEV, 3, v + 3, "a cached entry is read again");
		if (k < ways) {
			vi_wr(PN_AMDVI_CONTROL, CTRL ^ bits[k]);
			vi_wr(PN_AMDVI_CONTROL, CTRL);
		} else {
			vi_flush();
		}
		for (unsigned i = 0; i < 4; i++)
			remaps(DEV, i, v + 8 + i, "an entry stays when everything is dropped");
		for (unsigned n = 0; n < 4; n++)
			remaps(DEV + n, 0, v + 8, "an entry of a device");
		for (unsigned n = 0; n < 4; n++)
			iommu_dte(DEV + n, IRT2);
		fill(IRT2, v + 16);
		remaps(DEV + 3, 1, v + 9, "a device table entry is read again");
		vi_flush();
		for (unsigned n = 0; n < 4; n++)
			remaps(DEV + n, 0, v + 16, "a device table entry stays");
		v += 32;
	}
	iommu_dte(DEV, IRT);
	vi_wr(PN_AMDVI_CONTROL, CTRL | PN_CTRL_IRTCACHEDIS);
	fill(IRT, 0x30);
	vi_flush();
	remaps(DEV, 0, 0x30, "an entry");
	fill(IRT, 0x40);
	remaps(DEV, 0, 0x40, "an entry is cached with IRTCacheDis");
	vi_wr(PN_AMDVI_CONTROL, CTRL);
}

/* Memory goes away, and comes back. */
static void memory(void)
{
	static const unsigned devs[] = {DEV, DEV + 1, DEV + 2, DEV + 3};

	for (unsigned n = 0; n < 4; n++)
		iommu_dte(devs[n], IRT);
	fill(IRT, 0x50);
	vi_irte(IRT, 1, GUEST | PN_IRTE_ISRUN | 2 << PN_IRTE_DESTLO_SH, VAPIC | 0x43);
	vi_flush();
	for (unsigned n = 0; n < 4; n++)
		remaps(devs[n], 0, 0x50, "an entry");
	solo->hole = 9; /* IRT */
	pn_amdvi_memory_changed(solo->vi);
	for (unsigned n = 0; n < 4; n++)
		rig_want(iommu_ask(devs[n], 0) == PN_MSI_ABORTED, "P7", "an entry without memory");
	solo->hole = 0;
	for (unsigned i = 0; i < 4; i++)
		(void)iommu_ask(DEV, i);
	solo->hole = 9;
	pn_amdvi_memory_changed(solo->vi);
	for (unsigned i = 0; i < 4; i++)
		rig_want(iommu_ask(DEV, i) == PN_MSI_ABORTED, "P7", "an entry without memory");
	solo->hole = 5; /* the first page of the device table */
	pn_amdvi_memory_changed(solo->vi);
	for (unsigned n = 0; n < 4; n++)
		rig_want(iommu_ask(devs[n], 0) == PN_MSI_ABORTED, "P7", "a device without memory");
	solo->hole = 0;
	rig_want(iommu_ask(DEV, 1) == PN_MSI_POSTED && solo->bell == 2, "P4", "a post");
	solo->hole = 11; /* the page */
	pn_amdvi_memory_changed(solo->vi);
	rig_want(iommu_ask(DEV, 1) == PN_MSI_ABORTED, "P7", "a page without memory");
	solo->hole = 0;
	rig_want(iommu_ask(DEV, 1) == PN_MSI_POSTED, "P4", "a page that came back");
}

/* With poison_stale: memory changed, and no invalidation came. */
void iommu_stale(bool broken)
{
	unsigned n = 0;

	iommu_dte(DEV, IRT);
	fill(IRT, 0x60);
	vi_irte(IRT, 1, GUEST | PN_IRTE_ISRUN, VAPIC | 0x43);
	vi_irte(IRT, 2, 0, 0);
	vi_flush();
	for (unsigned i = 0; i < 2; i++) {
		remaps(DEV, 0, 0x60, "an entry that did not change");
		rig_want(iommu_ask(DEV, 1) == PN_MSI_POSTED, "P4", "a post");
		rig_want(iommu_ask(DEV, 2) == PN_MSI_ABORTED, "P7", "an absent entry");
	}
	vi_irte(IRT, 1, GUEST | PN_IRTE_GALOGINTR | 7ull << PN_IRTE_GATAG_SH, VAPIC | 0x43);
	rig_want(iommu_ask(DEV, 1) == PN_MSI_POSTED, "P6", "a field that is never cached changed");
	vi_irte(IRT, 1, GUEST | PN_IRTE_ISRUN, VAPIC | 0x44);
	n += iommu_ask(DEV, 1) == PN_MSI_ABORTED;
	vi_irte(IRT, 0, PN_IRTE_REMAPEN, 0x61);
	n += iommu_ask(DEV, 0) == PN_MSI_ABORTED;
	vi_irte(IRT, 2, PN_IRTE_REMAPEN, 0x62);
	n += iommu_ask(DEV, 2) == PN_MSI_ABORTED;
	rig_want(n == 3, "P7", "a stale entry is used");
	if (!broken)
		forget(DEV);
	remaps(DEV, 0, 0x61, "an entry that changed, without an invalidation");
	remaps(DEV, 2, 0x62, "an entry that was absent");
	rig_want(iommu_ask(DEV, 1) == PN_MSI_POSTED, "P4", "a post");
	iommu_dte(DEV, IRT2);
	rig_want(iommu_ask(DEV, 0) == PN_MSI_ABORTED, "P7", "a stale device table entry is used");
}

/* 32-bit entries, and the emptiness of all words that GAPPI looks at. */
static void forms(void)
{
	for (unsigned w = 0; w < 8; w++)
		solo_st32(VAPIC + PN_APIC_IRR + 16 * w, 0);
	vi_irte(IRT, 3, GUEST | 0x99ull << PN_IRTE_GATAG_SH | 6 << PN_IRTE_DESTLO_SH, VAPIC | 0x85);
	iommu_dte(DEV, IRT);
	vi_wr(PN_AMDVI_CONTROL, CTRL | PN_CTRL_GAPPIEN);
	vi_flush();
	for (unsigned w = 0; w < 8; w++) {
		uint64_t at = VAPIC + PN_APIC_IRR + 16 * w;

		solo->intrs = 0;
		solo_st32(at, 4);
		rig_want(iommu_ask(DEV, 3) == PN_MSI_POSTED && solo->intrs == 0, "P7",
			 "GAPPI although another vector is pending");
		solo_st32(VAPIC + PN_APIC_IRR + 0x40, 0);
		solo_st32(at, 0);
		iommu_ask(DEV, 3);
		rig_want(solo->intrs == 1 && solo->intr.vector == 0x99 && solo->intr.dest == 6,
			 "P1", "no GAPPI of an IRR that was empty");
		solo_st32(VAPIC + PN_APIC_IRR + 0x40, 0);
	}
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~(PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC));
	for (unsigned i = 0; i < 4; i++)
		solo_st32(IRT + 4 * i, PN_IRTE_REMAPEN | (i + 1) << 8 | (0x90 + i) << 16);
	vi_flush();
	for (unsigned i = 0; i < 4; i++) {
		remaps(DEV, i, 0x90 + i, "a 32-bit entry");
		rig_want(solo->intr.dest == i + 1, "P4", "the destination of a 32-bit entry");
	}
	vi_wr(PN_AMDVI_CONTROL, CTRL);
}

/* What else the knob lets "empty" be: one word alone, or anything at all. */
static void emptiness(void)
{
	struct pn_amdvi *const strict = solo->vi;

	for (unsigned i = 0; i < 2; i++) {
		solo->vi = iommu_eager[i];
		iommu_bring_up();
		vi_wr(PN_AMDVI_CONTROL, CTRL | PN_CTRL_GAPPIEN);
		for (unsigned w = 0; w < 8; w++)
			solo_st32(VAPIC + PN_APIC_IRR + 16 * w, w == 0);
		vi_irte(IRT, 3, GUEST | 0x99ull << PN_IRTE_GATAG_SH, VAPIC | 0x85);
		vi_flush();
		solo->intrs = 0;
		rig_want(iommu_ask(DEV, 3) == PN_MSI_POSTED && solo->intrs == 1, "P7",
			 "no GAPPI although the posted word was empty");
		iommu_ask(DEV, 3);
		rig_want(solo->intrs == (i ? 2 : 1), "P7",
			 "GAPPI of a word that is not empty: always, or never");
	}
	solo->vi = strict;
}

void iommu_caches(void)
{
	lists();
	drops();
	memory();
}

void iommu_forms(void)
{
	forms();
	emptiness();
}
