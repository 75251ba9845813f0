/* SPDX-License-Identifier: MIT */
/*
 * An IOMMU whose tables, rings and semaphores lie half in memory, or misaligned; and one that must
 * not use what is stale in its caches.
 */
#include "cases_amd_knobs.h"

/* The byte behind what is there is missing, or what the bus gives is misaligned. */
static void part_of(uint64_t pa, unsigned size, uint32_t data, uint64_t q0, uint64_t q1,
		    const char *what)
{
	vi_flush();
	solo->end = (uint32_t)(pa - SOLO_PA) + size - 1;
	knobs_refused(data, q0, q1, what);
	solo->end++;
	rig_want(knobs_ask(data) != PN_MSI_ABORTED, "P7", what);
	solo->end = 0;
}

static void parts_of_memory(void)
{
	uint64_t tail;

	knobs_start(PLAIN);
	vi_dte(DEV, GOOD);
	vi_irte(IRT, 7, 1 | 1 << 8, 0x71);
	part_of(IRT + 7 * 16, 16, 7, EVENT(4) | I | MASTER, IRT + 7 * 16, "part of an entry");
	vi_flush();
	solo->end = (uint32_t)(DEVTAB - SOLO_PA) + DEV * 32 + 31;
	knobs_refused(7, EVENT(3) | I | MASTER, DEVTAB + DEV * 32, "part of a device table entry");
	solo->end = 0;
	vi_irte(IRT, 8, GUEST | ASKS, VAPIC | 0x41);
	vi_flush();
	solo->end = (uint32_t)(VAPIC - SOLO_PA) + 4095;
	knobs_refused(8, EVENT(4) | I | MASTER, VAPIC, "part of a vAPIC page");
	solo->end = 0;
	for (solo->skew = 1; solo->skew < 4; solo->skew *= 2) {
		vi_flush();
		rig_want(knobs_ask(8) == PN_MSI_ABORTED, "P7", "a misaligned vAPIC page");
	}
	solo->skew = 0;
	vi_flush();
	rig_want(knobs_ask(8) == PN_MSI_POSTED, "P4", "a post");
	vi_wr(PN_AMDVI_STATUS, PN_ST_GAINT);
	for (unsigned skew = 0; skew < 8; skew = skew ? 2 * skew : 1) {
		tail = vi_rd(PN_AMDVI_GA_TAIL);
		solo->end = skew ? 0 : (uint32_t)(GALOG - SOLO_PA + tail) + 7;
		solo->skew = skew;
		knobs_ask(8);
		solo->end = solo->skew = 0;
		rig_want(vi_rd(PN_AMDVI_GA_TAIL) == tail && !solo->intrs, "P7",
			 "part of an entry of the log, or one that is misaligned");
		tail = vi_rd(PN_AMDVI_EVT_TAIL);
		solo->end = skew ? 0 : (uint32_t)(EVENTS - SOLO_PA + tail) + 15;
		solo->skew = skew;
		pn_amdvi_log_event(solo->vi, EVENT(8), 1);
		solo->end = solo->skew = 0;
		rig_want(vi_rd(PN_AMDVI_EVT_TAIL) == tail, "P7",
			 "part of an event, or one that is misaligned");
	}
	/* Misaligned memory is none. */
	knobs_start(PLAIN);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
	for (unsigned k = 0; k < 8; k++) {
		solo->skew = 8 >> k / 2;
		knobs_refused(7, 0, 0, k & 1 ? "a misaligned entry" : "a misaligned device table");
		solo->skew = 0;
		rig_want(knobs_ask(7) == PN_MSI_REMAPPED, "P4", "an entry");
		vi_command(5ull << 60 | DEV, 0);
	}
}

static void semaphores(void)
{
	for (unsigned k = 0; k < 6; k++) {
		uint64_t tail;

		knobs_start(PLAIN);
		tail = vi_rd(PN_AMDVI_CMD_TAIL);
		solo_st64(CMDS + tail, pn_amd_cmd_cwait(SHADOW + 64, 9, false).q0);
		solo_st64(CMDS + tail + 8, 9);
		solo->end = k == 0   ? (uint32_t)(SHADOW - SOLO_PA) + 64 + 7
			    : k == 1 ? (uint32_t)(CMDS - SOLO_PA + tail) + 15
				     : 0;
		solo->skew = k < 2 || k == 5 ? 0 : 1u << (k - 2);
		vi_wr(PN_AMDVI_CMD_TAIL, tail + 16);
		solo->end = solo->skew = 0;
		rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN) == (k < 5) &&
				 (solo_ld64(SHADOW + 64) == 9) == (k == 5),
			 "P7", "a command or its semaphore lies half in memory");
		if (k < 2)
			rig_want(solo_ld64(EVENTS + 8) == (k ? CMDS + tail : SHADOW + 64), "P7",
				 "the address of a command that failed");
	}
}

/* I and S of COMPLETION_WAIT, each alone. */
static void waits(void)
{
	for (unsigned flags = 0; flags < 4; flags++) {
		knobs_start(PLAIN);
		vi_command(1ull << 60 | (SHADOW + 64) | flags, 9);
		rig_want((solo_ld64(SHADOW + 64) == 9) == (flags & 1) &&
				 !(vi_rd(PN_AMDVI_STATUS) & PN_ST_COMWAITINT) == !(flags & 2),
			 "P7", "S stores, and I sets ComWaitInt");
		solo_followed();
	}
}

static void poisoned(void)
{
	knobs_start(POISON);
	vi_dte(DEV, GOOD);
	vi_irte(IRT, 1, 2, 0);
	knobs_refused(1, 0, 0, "an absent entry that suppresses its faults");
	vi_irte(IRT, 1, 0, 0);
	knobs_refused(1, EVENT(2) | I, 0xFEE12344, "poison: SupIOPF is stale");
	vi_irte(IRT, 2, 1 | 1 << 8, 0x71);
	knobs_passes(2, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71}, "an entry");
	vi_irte(IRT, 2, 1 | 1 << 8, 0x72);
	knobs_refused(2, EVENT(2) | I | PR, 0xFEE12344, "poison: a stale entry");
	vi_irte(IRT, 2, 1 | 2 << 8, 0x71);
	knobs_refused(2, EVENT(2) | I | PR, 0xFEE12344, "poison: a stale destination");
	for (unsigned i = 0; i < 5; i++) {
		static const uint64_t lo[] = {0, 1, 2, 0, 0}, hi[] = {0, 0, 0, 1, 0x1000};

		vi_irte(IRT, 3, GUEST | RUNNING, VAPIC | 0x40);
		vi_command(5ull << 60 | DEV, 0);
		rig_want(knobs_ask(3) == PN_MSI_POSTED, "P4", "a post");
		vi_irte(IRT, 3, (GUEST | RUNNING) ^ lo[i] ^ (i ? 0 : 0x80), (VAPIC | 0x40) ^ hi[i]);
		knobs_refused(3, EVENT(2) | I | PR, 0xFEE12344, "poison: a stale guest entry");
	}
	vi_irte(IRT, 3, GUEST | RUNNING, VAPIC | 0x40);
	vi_command(5ull << 60 | DEV, 0);
	rig_want(knobs_ask(3) == PN_MSI_POSTED, "P4", "a post");
	vi_irte(IRT, 3, GUEST | QUIET | 5 << 8 | TAG(9), VAPIC | 0x40 | 1ull << 56);
	rig_want(knobs_ask(3) == PN_MSI_POSTED, "P4", "fields that are never cached");
	vi_dte(DEV, GOOD | 0x20);
	knobs_refused(3, EVENT(1) | I, 0xFEE12344, "poison: a stale device table entry");
	vi_command(2ull << 60 | DEV, 0);
	rig_want(knobs_ask(3) == PN_MSI_POSTED, "P4", "it is read again");
}

void knobs_memory(void)
{
	parts_of_memory();
	semaphores();
	waits();
	poisoned();
}
