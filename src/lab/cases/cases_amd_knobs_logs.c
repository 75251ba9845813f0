/* SPDX-License-Identifier: MIT */
/* The logs of an IOMMU: their sizes, overflow, stop and restart, entries that have no memory. */
#include "cases_amd_knobs.h"

/* ---- sizes ---- */

/* Entries until it is full: it holds one less than it has. */
static void full_after(unsigned n, uint64_t last, const char *what)
{
	knobs_guest_entries();
	for (unsigned i = 0; i < n; i++)
		knobs_ask(1);
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_GALOVERFLOW) && vi_rd(PN_AMDVI_GA_TAIL) == last,
		 "P1", what);
	rig_want(knobs_ask(1) == PN_MSI_POSTED && vi_rd(PN_AMDVI_STATUS) & PN_ST_GALOVERFLOW &&
			 vi_rd(PN_AMDVI_GA_TAIL) == last,
		 "P1", what);
}

static void sizes(void)
{
	knobs_start(PLAIN);
	full_after(511, 511 * 8, "a log of 512 entries");
	knobs_start(SHORT);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_GALOG, GALOG | LEN(15));
	vi_wr(PN_AMDVI_GA_HEAD, ~0ull);
	vi_wr(PN_AMDVI_GA_TAIL, ~0ull);
	rig_want(vi_rd(PN_AMDVI_GA_HEAD) == 0xFF8 && vi_rd(PN_AMDVI_GA_TAIL) == 0xFF8, "P7",
		 "pointers that are wider than the knob says");
	vi_wr(PN_AMDVI_GA_HEAD, 0);
	vi_wr(PN_AMDVI_GA_TAIL, 0);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	full_after(511, 511 * 8, "the pointers reach 512 entries");
	knobs_start(TINY);
	full_after(1, 8, "a log of 2 entries");
	knobs_start(LOOSE);
	vi_wr(PN_AMDVI_GA_HEAD, ~0ull);
	rig_want(vi_rd(PN_AMDVI_GA_HEAD) == 0xFFF8, "P7", "a mask with holes is taken");
	vi_wr(PN_AMDVI_GA_HEAD, 0);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_GALOG, GALOG | LEN(15));
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	full_after(511, 511 * 8, "a ring of 3 entries is none");
}

/* Rings of events: codes below 8 count as 8. */
static void ring_sizes(void)
{
	static const struct {
		unsigned code, entries;
	} rows[] = {{9, 512}, {0, 256}, {7, 256}};

	for (unsigned i = 0; i < 3; i++) {
		knobs_start(PLAIN);
		vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
		vi_wr(PN_AMDVI_EVTLOG, SOLO_AT(10) | LEN(rows[i].code));
		vi_wr(PN_AMDVI_CONTROL, CTRL);
		for (unsigned n = 1; n < rows[i].entries; n++)
			pn_amdvi_log_event(solo->vi, EVENT(8), n);
		rig_want(vi_rd(PN_AMDVI_EVT_TAIL) == (rows[i].entries - 1) * 16 &&
				 !(vi_rd(PN_AMDVI_STATUS) & PN_ST_EVENTOVERFLOW) &&
				 solo_ld64(SOLO_AT(10) + rows[i].entries * 16 - 24) ==
					 rows[i].entries - 1,
			 "P7", "an event log of that size");
		pn_amdvi_log_event(solo->vi, EVENT(8), 0);
		rig_want(vi_rd(PN_AMDVI_STATUS) & PN_ST_EVENTOVERFLOW, "P7", "it overflows");
		/* A head beyond the ring counts within it. */
		knobs_start(PLAIN);
		vi_wr(PN_AMDVI_EVT_HEAD, 0x1010);
		pn_amdvi_log_event(solo->vi, EVENT(8), 0);
		rig_want(vi_rd(PN_AMDVI_STATUS) & PN_ST_EVENTOVERFLOW && !vi_rd(PN_AMDVI_EVT_TAIL),
			 "P7", "a head beyond the ring");
	}
}

/* ---- overflow, stop, restart ---- */

static void restarts(void)
{
	knobs_start(W1C);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_GA_HEAD, 16);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	full_after(1, 8, "two entries");
	vi_wr(PN_AMDVI_GA_HEAD, 8);
	vi_wr(PN_AMDVI_STATUS, PN_ST_GAINT);
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN), "P7", "w1c: it runs before it may");
	vi_wr(PN_AMDVI_STATUS, PN_ST_GALOVERFLOW);
	knobs_logs(1, 0x00ABCDEF, true, "w1c: the log runs on");
	for (unsigned i = 0; i < 256; i++)
		pn_amdvi_log_event(solo->vi, EVENT(8), i);
	rig_want((vi_rd(PN_AMDVI_STATUS) & (PN_ST_EVENTOVERFLOW | PN_ST_EVENTLOGRUN)) ==
			 PN_ST_EVENTOVERFLOW,
		 "P7", "the event log overflows");
	vi_wr(PN_AMDVI_EVT_HEAD, 0x100);
	vi_wr(PN_AMDVI_STATUS, PN_ST_EVENTOVERFLOW);
	pn_amdvi_log_event(solo->vi, EVENT(8), 1234);
	rig_want(vi_rd(PN_AMDVI_EVT_TAIL) == 0 && solo_ld64(EVENTS + 0xFF8) == 1234, "P7",
		 "w1c: the event log runs on");
}

void knobs_later(void)
{
	knobs_start(LATER);
	solo_st64(CMDS, pn_amd_cmd_cwait(SHADOW + 8, 1, false).q0);
	solo_st64(CMDS + 8, 1);
	solo_st64(CMDS + 16, pn_amd_cmd_cwait(SHADOW + 8, 2, false).q0);
	solo_st64(CMDS + 24, 2);
	vi_wr(PN_AMDVI_CMD_TAIL, 32);
	rig_want(!solo_ld64(SHADOW + 8) && !vi_rd(PN_AMDVI_CMD_HEAD), "P7",
		 "async: a command is executed at once");
	rig_want(pn_amdvi_commands(solo->vi, 1) == 1 && solo_ld64(SHADOW + 8) == 1 &&
			 vi_rd(PN_AMDVI_CMD_HEAD) == 16,
		 "P7", "async: not one command");
	rig_want(pn_amdvi_commands(solo->vi, 9) == 1 && solo_ld64(SHADOW + 8) == 2 &&
			 pn_amdvi_commands(solo->vi, 9) == 0,
		 "P7", "async: the others");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_GA_HEAD, 16);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	full_after(1, 8, "two entries");
	rig_want(vi_rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN, "P7", "async: the log stops at once");
	vi_wr(PN_AMDVI_GA_HEAD, 0);
	knobs_ask(1);
	rig_want(vi_rd(PN_AMDVI_GA_TAIL) == 8, "P7", "an entry is stored after an overflow");
	pn_amdvi_log_stop(solo->vi);
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN), "P7", "the log does not stop");
	vi_wr(PN_AMDVI_STATUS, PN_ST_GALOVERFLOW | PN_ST_GAINT);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	knobs_logs(1, 0x00ABCDEF, true, "the log runs again");
	vi_wr(PN_AMDVI_GA_HEAD, 24);
	full_after(0, 16, "it overflows again");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN), "P7",
		 "a log that is disabled goes on to stop later");
}

/* An entry of the log has nowhere to go, or the tail's copy. */
static void no_memory(void)
{
	knobs_start(PLAIN);
	knobs_guest_entries();
	knobs_logs(1, 0x00ABCDEF, true, "an entry");
	vi_wr(PN_AMDVI_STATUS, PN_ST_GAINT);
	solo->hole = 3;
	knobs_ask(1);
	solo->hole = 0;
	rig_want(vi_rd(PN_AMDVI_GA_TAIL) == 8 && !solo->intrs &&
			 !(vi_rd(PN_AMDVI_STATUS) & (PN_ST_GAINT | PN_ST_GALOVERFLOW)),
		 "P7", "an entry without memory counts");
	solo->hole = 4;
	knobs_ask(1);
	solo->hole = 0;
	rig_want(vi_rd(PN_AMDVI_GA_TAIL) == 16 && solo->intrs == 1 && solo_ld64(SHADOW) == 8, "P7",
		 "an entry counts although the tail's copy has no memory");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_GALOG_TAIL_ADDR, 0);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	solo_st64(SHADOW, 0x55);
	knobs_ask(1);
	rig_want(vi_rd(PN_AMDVI_GA_TAIL) == 24 && solo_ld64(SHADOW) == 0x55, "P7",
		 "no copy without an address");
	solo->hole = 1;
	vi_wr(PN_AMDVI_CMD_TAIL, 0x40);
	solo->hole = 0;
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN) &&
			 solo_ld64(EVENTS) == (EVENT(6) | MASTER) &&
			 solo_ld64(EVENTS + 8) == CMDS + vi_rd(PN_AMDVI_CMD_HEAD),
		 "P7", "commands without memory");
}

void knobs_rings(void)
{
	sizes();
	ring_sizes();
	restarts();
	no_memory();
}
