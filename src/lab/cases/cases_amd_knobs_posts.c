/* SPDX-License-Identifier: MIT */
/* Posts of an IOMMU: vectors, doorbells, entries of the log, GAPPI; with each knob of these. */
#include "cases_amd_knobs.h"

static void has(uint8_t vector, const char *what)
{
	for (unsigned w = 0; w < 8; w++)
		rig_want(solo_ld32(VAPIC + 0x200 + 16 * w) ==
				 (vector / 32 == w ? 1u << vector % 32 : 0),
			 "P4", what);
}

static void quiet(unsigned index, const char *what)
{
	uint64_t tail = vi_rd(PN_AMDVI_GA_TAIL);

	rig_want(knobs_ask(index) == PN_MSI_POSTED && !solo->intrs && !solo->bells &&
			 vi_rd(PN_AMDVI_GA_TAIL) == tail,
		 "P5", what);
}

static void notifies(unsigned index, uint8_t vector, uint32_t dest, const char *what)
{
	rig_want(knobs_ask(index) == PN_MSI_POSTED && !solo->bells && solo->intrs == 1 &&
			 solo->intr.vector == vector && solo->intr.dest == dest &&
			 solo->intr.mode == PN_DM_FIXED && !solo->intr.logical && !solo->intr.level,
		 "P1", what);
}

static void posts(void)
{
	knobs_start(PLAIN);
	knobs_guest_entries();
	for (unsigned v = 16; v < 256; v += 21) {
		vi_irte(IRT, 4, GUEST | RUNNING | 1 << 8, VAPIC | v);
		vi_flush();
		knobs_ask(4);
		has((uint8_t)v, "a post sets another bit");
		knobs_clear_irr();
	}
	rig_want(knobs_ask(0) == PN_MSI_POSTED && solo->bells == 1 && solo->bell == 0x04030201 &&
			 !solo->intrs,
		 "P1", "a doorbell to the CPU that runs the vCPU");
	has(0x41, "a post");
	knobs_clear_irr();
	knobs_logs(1, 0x00ABCDEF, true, "an entry of the log, and its interrupt");
	knobs_logs(1, 0x00ABCDEF, false, "an entry although the bit is set; GAInt is, too");
	quiet(2, "a vCPU that asks for nothing");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	quiet(1, "an entry of a log that is off");
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	knobs_clear_irr();
	/* What is never cached: the others are. */
	vi_irte(IRT, 0, GUEST | 9 << 8, VAPIC | 0x42);
	quiet(0, "IsRun is cached");
	has(0x41, "the vector is not cached");
	vi_irte(IRT, 0, GUEST | RUNNING | 9 << 8, VAPIC | 0x42);
	rig_want(knobs_ask(0) == PN_MSI_POSTED && solo->bell == 9, "P1", "Destination is cached");
	vi_irte(IRT, 0, GUEST | ASKS | TAG(7), VAPIC | 0x42);
	knobs_logs(0, 7, false, "GATag or GALogIntr is cached");
	knobs_clear_irr();
	vi_wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
	notifies(2, 0x99, 6, "a GAPPI of an empty IRR");
	quiet(2, "a GAPPI although the bit is set");
	solo_st32(VAPIC + 0x210, 0);
	solo_st32(VAPIC + 0x270, 1);
	quiet(2, "a GAPPI although another vector is pending");
	knobs_clear_irr();
	quiet(3, "a GAPPI although GAPPIDis = 1");
	has(0x22, "a post without a notification");
	vi_irte(IRT, 3, GUEST | TAG(0x98) | 4 << 8, VAPIC | 0x22);
	knobs_clear_irr();
	notifies(3, 0x98, 4, "GAPPIDis is cached");
}

static void peers(void)
{
	knobs_start(PEER);
	vi_dte(DEV, GOOD);
	vi_irte(IRT, 2, GUEST | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	vi_wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
	notifies(2, 0x99, 6, "a GAPPI of the second IOMMU");
	solo_st32(VAPIC + 0x210, 0);
	solo_st32(VAPIC + 0x250, 1);
	quiet(2, "a GAPPI of the second IOMMU, although another vector is pending");
	/* It goes, and what the two share stays. */
	pn_amdvi_destroy(solo->vi);
	pn_amdvi_destroy(NULL);
	knobs_start(PLAIN);
	vi_flush();
	vi_wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
	notifies(2, 0x99, 6, "a GAPPI of the first IOMMU");
}

/* ---- knobs ---- */

void knobs_of_posts(void)
{
	knobs_start(DEDUP);
	knobs_guest_entries();
	knobs_logs(1, 0x00ABCDEF, true, "dedup: a first entry");
	quiet(1, "dedup: an entry for a bit that is set");
	solo_st32(VAPIC + 0x270, 0);
	solo_st32(VAPIC + 0x230, 1);
	knobs_logs(1, 0x00ABCDEF, false, "dedup: another bit is set");
	knobs_start(EACH);
	knobs_guest_entries();
	knobs_logs(1, 0x00ABCDEF, true, "each: an interrupt");
	knobs_logs(1, 0x00ABCDEF, true, "each: an interrupt although GAInt is set");
	for (unsigned k = 0; k < 2; k++) {
		knobs_start(k ? ALWAYS : WORD);
		knobs_guest_entries();
		vi_wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
		solo_st32(VAPIC + 0x270, 1);
		notifies(2, 0x99, 6, "another word's vector is pending");
		if (k)
			notifies(2, 0x99, 6, "always: a GAPPI although the bit is set");
		else
			quiet(2, "word32: a GAPPI although the bit is set");
	}
	knobs_start(EARLY);
	knobs_guest_entries();
	rig_want(knobs_ask(0) == PN_MSI_POSTED && solo->bell == 0x04030201, "P1",
		 "early: a doorbell");
	knobs_logs(1, 0x00ABCDEF, true, "early: an entry");
	knobs_start(REMAPS);
	vi_dte(DEV, GOOD);
	vi_irte(IRT, 0, GUEST | 0x44 | 7 << 8, VAPIC | 0x93);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GAMEN_VAPIC);
	knobs_passes(0, PN_MSI_REMAPPED, (struct pn_intr){.dest = 7, .vector = 0x93},
		     "guest form is taken for remap form");
	knobs_start(BARE);
	vi_wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN | 1ull << 43);
	rig_want(!(vi_rd(PN_AMDVI_CONTROL) & (3ull << 43 | PN_CTRL_XTEN)), "P7",
		 "bits of features that it lacks");
	vi_dte(DEV, GOOD);
	vi_irte(IRT, 2, GUEST | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	vi_irte(IRT, 3, GUEST | QUIET, VAPIC | 0x22);
	knobs_refused(3, EVENT(2) | I | PR | RZ, 0xFEE12344, "GAPPIDis without GAPPIDisSup");
	notifies(2, 0x99, 6, "a GAPPI");
	vi_irte(IRT, 2, GUEST | QUIET | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	knobs_clear_irr();
	notifies(2, 0x99, 6, "a bit that is reserved suppresses a GAPPI");
}

void knobs_posts(void)
{
	posts();
	peers();
}
