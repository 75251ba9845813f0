/* SPDX-License-Identifier: MIT */
/*
 * One IOMMU alone on AMD, made with each of its knobs: every way in which a request ends, with the
 * whole event that is logged; sizes of the log; what a configuration may not be.
 */
#include <errno.h>

#include "cases_amd_knobs.h"

static struct pn_amdvi *all[KNOBS];
static bool is_broken;

void knobs_clear_irr(void)
{
	for (unsigned w = 0; w < 8; w++)
		solo_st32(VAPIC + 0x200 + 16 * w, 0);
}

void knobs_start(enum knobs which)
{
	solo->vi = all[which];
	for (uint64_t pa = CMDS; pa < DEVTAB; pa += 8)
		if (solo_ld64(pa))
			solo_st64(pa, 0);
	knobs_clear_irr();
	vi_wr(PN_AMDVI_CONTROL, 0);
	vi_wr(PN_AMDVI_STATUS, ~0ull);
	vi_wr(PN_AMDVI_DEVTAB, DEVTAB);
	vi_wr(PN_AMDVI_CMDBUF, CMDS | LEN(8));
	vi_wr(PN_AMDVI_EVTLOG, EVENTS | LEN(8));
	vi_wr(PN_AMDVI_GALOG, GALOG | LEN(8));
	vi_wr(PN_AMDVI_GALOG_TAIL_ADDR, SHADOW);
	vi_wr(PN_AMDVI_XT_GA, 0x72ull << 32 | 5 << 8);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	solo->intrs = solo->bells = 0;
}

void knobs_guest_entries(void)
{
	vi_dte(DEV, GOOD);
	vi_irte(IRT, 0, GUEST | RUNNING | 0x030201ull << 8, VAPIC | 0x41 | 4ull << 56);
	vi_irte(IRT, 1, GUEST | ASKS | TAG(0x00ABCDEF), VAPIC | 0xF1);
	vi_irte(IRT, 2, GUEST | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	vi_irte(IRT, 3, GUEST | QUIET | TAG(0x99) | 6 << 8, VAPIC | 0x22);
}

enum pn_msi_result knobs_ask(uint32_t data)
{
	return vi_send(&(struct pn_msi){.addr = 0xFEE12344, .data = data, .devid = DEV});
}

void knobs_refused(uint32_t data, uint64_t q0, uint64_t q1, const char *what)
{
	vi_aborts(&(struct pn_msi){.addr = 0xFEE12344, .data = data, .devid = DEV},
		  q0 ? q0 | DEV : 0, q1, what);
}

void knobs_passes(uint32_t data, enum pn_msi_result how, struct pn_intr want, const char *what)
{
	rig_want(knobs_ask(data) == how && solo->intrs == 1 && solo->intr.dest == want.dest &&
			 solo->intr.vector == want.vector && solo->intr.mode == want.mode &&
			 solo->intr.logical == want.logical && solo->intr.level == want.level,
		 "P7", what);
}

void knobs_logs(unsigned index, uint32_t tag, bool interrupts, const char *what)
{
	uint64_t tail = vi_rd(PN_AMDVI_GA_TAIL);

	rig_want(knobs_ask(index) == PN_MSI_POSTED && !solo->bells && solo->intrs == interrupts,
		 "P1", what);
	rig_want(solo_ld64(GALOG + tail) == (1ull << 60 | (uint64_t)DEV << 32 | tag) &&
			 vi_rd(PN_AMDVI_GA_TAIL) != tail &&
			 solo_ld64(SHADOW) == vi_rd(PN_AMDVI_GA_TAIL),
		 "P1", what);
}

/* ---- the case ---- */

static void uses(void *arg)
{
	(void)arg;
	px_doing("the host sends commands, which wait");
	knobs_later(); /* first: elsewhere a command that is never over has no end */
	px_doing("requests end");
	knobs_requests();
	px_doing("requests are posted");
	knobs_posts();
	px_doing("with each knob");
	knobs_of_posts();
	knobs_of_faults();
	knobs_rings();
	knobs_memory();
	solo_followed();
}

static void configure(struct pn_amdvi_config *hw, enum knobs which)
{
	vi_config(hw);
	hw->dte_cache = 4;
	hw->irte_cache = 16;
	hw->peer = which == PEER ? all[PLAIN] : NULL;
	hw->knobs.volatile_fetch = which == EARLY;
	hw->knobs.galog_dedup = which == DEDUP;
	hw->knobs.gappi_emptiness = which == WORD     ? PN_EMPTY_WORD32
				    : which == ALWAYS ? PN_EMPTY_ALWAYS
						      : PN_EMPTY_EXACT256;
	hw->knobs.guestmode_off = which == REMAPS;
	hw->knobs.intctl00_event = which == INVALID;
	hw->knobs.fault_address = which == INVALID;
	hw->knobs.galog_interrupt = which == EACH;
	hw->knobs.overflow_restart = which == W1C;
	hw->poison_stale = which == POISON;
	hw->async_commands = hw->async_stop = which == LATER;
	if (which == SHORT)
		hw->knobs.galog_ptr_mask = 0xFF8;
	if (which == TINY)
		hw->knobs.galog_ring = 2;
	if (which == LOOSE)
		hw->knobs = (struct pn_amdvi_knobs){
			.galog_ptr_mask = 0xFEF8, .galog_ring = 3, .galog_len_max = 3};
	if (which == BARE) {
		hw->efr &= ~PN_EFR_XTSUP;
		hw->efr2 = 0;
	}
	if (is_broken && which == PLAIN)
		hw->knobs.galog_dedup = PN_DEDUP_SAME_BIT;
}

/* What cannot be made. */
static void refused_configurations(void)
{
	static const uint32_t sizes[] = {3, 1u << 21, 5, 0x80000001};
	struct pn_amdvi_config hw;
	struct pn_amdvi *vi;

	for (unsigned i = 0; i < 9; i++) {
		configure(&hw, PLAIN);
		if (i == 8)
			hw.bus = NULL;
		else if (i & 1)
			hw.dte_cache = sizes[i / 2];
		else
			hw.irte_cache = sizes[i / 2];
		vi = (struct pn_amdvi *)&hw;
		rig_want(pn_amdvi_create(&hw, &vi) == -EINVAL && !vi, "P7",
			 "an IOMMU that cannot be made");
	}
}

static void checks_and_uses(void *arg)
{
	px_doing("refuses what cannot be made");
	refused_configurations();
	uses(arg);
}

static void build(bool broken)
{
	struct pn_amdvi_config hw;

	solo_build();
	is_broken = broken;
	for (unsigned i = 0; i < KNOBS; i++) {
		configure(&hw, i);
		pn_amdvi_create(&hw, &all[i]);
	}
	px_thread("CPU 0", 0, checks_and_uses, NULL);
}

const struct case_setup pn_cases_amd_knobs[] = {
	{{"log-entry-of-a-set-bit", "48882, 2.7, inferred",
	  "the IOMMU writes no log entry for a bit that is set already",
	  "an entry for each interrupt that is posted to a vCPU that asks", "P1", true, false},
	 PN_MISTAKE_NONE,
	 build,
	 INT16_MAX},
};

const unsigned pn_cases_amd_knobs_nr = sizeof(pn_cases_amd_knobs) / sizeof(pn_cases_amd_knobs[0]);
