/* SPDX-License-Identifier: MIT */
/*
 * Requests to a remapping unit: what its cache holds, tables and descriptors whose memory moves or
 * ends, statistics, and the descriptor itself.
 */
#include "cases_intel_post.h"

static void stale(void)
{
	post_begin(post_units.poison, PN_VTD_IRTA_EIME,
		   "an entry that changed without invalidation");
	post_remapped_to(1, 0);
	for (unsigned i = 0; i < 2; i++)
		rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "an entry in the cache");
	post_remapped_to(1, PN_VIRTE_AVAIL);
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "software's bits changed");
	post_entry(4)->hi = 1ull << PN_VIRTE_SQ_SH;
	post_blocks(post_to(4, 0), PN_VTD_FAULT_TABLE, 4, "the upper half changed");
	post_begin(post_units.poison, PN_VTD_IRTA_EIME,
		   "an entry that changed without invalidation");
	post_remapped_to(1, 0);
	unit_msi(4, 0, SID);
	post_remapped_to(2, 0);
	post_blocks(post_to(4, 0), PN_VTD_FAULT_TABLE, 4, "the lower half changed");
}

/* @unit has its table at @irta, which is an address and a size. */
static void table_at(struct pn_vtd *unit, uint64_t irta, const char *what)
{
	post_begin(unit, PN_VTD_IRTA_EIME, what);
	unit_wr(PN_VTD_IRTA, irta | PN_VTD_IRTA_EIME);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
}

/* A table at the end of what the unit can reach, or outside memory. */
static void tables(void)
{
	table_at(post_units.plain, FARA | 2, "a table without memory");
	post_blocks(post_to(4, 0), PN_VTD_FAULT_TABLE, 4, "a table without memory");
	table_at(post_units.small, 1ull << 32 | 2, "a table above the width");
	post_blocks(post_to(0, 0), PN_VTD_FAULT_INDEX, 0, "a table above the width");
	table_at(post_units.small, 0xFFFFF000ull | 8, "a table whose end is above the width");
	post_blocks(post_to(256, 0), PN_VTD_FAULT_INDEX, 256, "an entry above the width");
	table_at(post_units.small, 0xFFFFF000ull | 8, "the same");
	post_blocks(post_to(255, 0), PN_VTD_FAULT_TABLE, 255,
		    "an entry below the width, without memory");
	table_at(post_units.wide, ~0xFFFull | 8, "a table that wraps");
	post_blocks(post_to(256, 0), PN_VTD_FAULT_INDEX, 256, "an entry behind the last address");
	table_at(post_units.wide, ~0xFFFull | 8, "the same");
	post_blocks(post_to(255, 0), PN_VTD_FAULT_TABLE, 255, "the last entry there can be");
}

/* The widest units: 63 bits, and all. */
static void widths(void)
{
	table_at(post_units.almost, 1ull << 63 | 2, "an address of 64 bits, of 63");
	post_blocks(post_to(0, 0), PN_VTD_FAULT_INDEX, 0, "a table above 63 bits");
	table_at(post_units.wide, 1ull << 63 | 2, "an address of 64 bits");
	post_blocks(post_to(0, 0), PN_VTD_FAULT_TABLE, 0, "a table at bit 63");
}

static uint64_t there, wrote_pa; /* a page that the embedder maps, and what was written */
static size_t wrote_len;

static void *maps(void *ctx, uint64_t pa, size_t len)
{
	(void)ctx;
	return pa - FARA < 4096 && len <= 4096 && there ? unit_ptr(there + (pa - FARA)) : NULL;
}

static void follows(void *ctx, uint64_t pa, size_t len)
{
	(void)ctx;
	wrote_pa = pa;
	wrote_len = len;
}

static void table_goes(void)
{
	post_begin(post_units.poison, PN_VTD_IRTA_EIME, "a table that goes");
	there = post_units.irt;
	unit_wr(PN_VTD_IRTA, FARA | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	post_remapped_to(1, 0);
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "a table that is mapped");
	there = 0;
	intel->messages = 0;
	post_blocks(post_to(4, 0), PN_VTD_FAULT_TABLE, 4, "a table that has gone");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a table that is not aligned");
	there = post_units.irt + 8;
	unit_wr(PN_VTD_IRTA, FARA | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	post_blocks(post_to(4, 0), PN_VTD_FAULT_TABLE, 4, "a table that is not aligned");
}

/* A page moves, and goes: entries stay in the cache while their descriptors are in memory. */
static void memory_changes(void)
{
	const uint64_t second =
		post_units.irt + 2048; /* behind the table, two places for a descriptor */
	struct pn_pid *at[2] = {unit_ptr(second), unit_ptr(second + 64)};

	post_begin(post_units.mapped, PN_VTD_IRTA_EIME, "memory that moves");
	intel->bus.map = maps;
	intel->bus.wrote = follows;
	for (unsigned i = 0; i < 2; i++)
		*at[i] = *post_pid();
	there = second;
	post_set_posted(FARA, 0x41, 0);
	*post_entry(0) = *post_entry(7) = *post_entry(2);
	post_remapped_to(1, 0);
	unit_msi(0, 0, SID);
	unit_msi(7, 0, SID);
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && at[0]->pir[1], "P7", "mapped memory");
	rig_want(wrote_pa == FARA && wrote_len == 64, "P7", "the embedder is not told of a store");
	unit_msi(4, 0, SID);
	there = second + 64;
	pn_vtd_memory_changed(post_units.mapped);
	post_set_posted(FARA, 0x42, 0); /* the cached entry does not change */
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && at[1]->pir[1] == 1ull << 1, "P7",
		 "memory that moved");
	at[0]->pir[1] = at[1]->pir[1] = 0;
	unit_msi(0, 0, SID);
	unit_msi(7, 0, SID);
	unit_eq(at[0]->pir[1], 0, "the first or the last entry, memory that moved");
	unit_eq(at[1]->pir[1], 2, "the first or the last entry, memory that moved");
	at[0]->pir[1] = 2;
	there = 0;
	pn_vtd_memory_changed(post_units.mapped);
	post_remapped_to(2, 0);
	unit_msi(4, 0, SID);
	unit_eq(intel->heard.dest, 1, "an entry without descriptor, memory changed");
	there = second;
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && at[0]->pir[1] == 3ull << 1, "P7",
		 "an entry whose descriptor had gone is not read again");
	table_goes();
	intel->bus.map = NULL;
	intel->bus.wrote = NULL;
}

/* Every request is counted once, in the right place. */
static void counted(void)
{
	struct pn_vtd_stats a, b;

	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "statistics");
	pn_vtd_stats(post_units.plain, &a);
	post_set_posted(post_units.pid_pa, 0x41, 0);
	for (unsigned i = 0; i < 3; i++)
		unit_msi(2, 0, SID);
	post_pid()->control = (post_pid()->control & ~PN_PID_ON) | PN_PID_SN;
	for (unsigned i = 0; i < 4; i++)
		unit_msi(2, 0, SID);
	post_remapped_to(1, 0);
	unit_msi(4, 0, SID);
	for (unsigned i = 0; i < 10; i++)
		unit_msi(8, 0, SID);
	unit_gcmd(0, PN_VTD_G_IRE);
	for (unsigned i = 0; i < 5; i++)
		unit_msi(8, 0, SID);
	pn_vtd_stats(post_units.plain, &b);
	unit_eq(b.msis - a.msis, 23, "requests");
	unit_eq(b.posted - a.posted, 7, "posted requests");
	unit_eq(b.merged - a.merged, 6, "merged requests");
	unit_eq(b.notifications - a.notifications, 1, "notifications");
	unit_eq(b.outstanding - a.outstanding, 2, "posts with ON = 1");
	unit_eq(b.suppressed - a.suppressed, 4, "posts with SN = 1");
	unit_eq(b.remapped - a.remapped, 1, "remapped requests");
	unit_eq(b.aborted - a.aborted, 10, "blocked requests");
	unit_eq(b.forwarded - a.forwarded, 5, "forwarded requests");
	unit_eq(b.faults - a.faults, 8, "recorded faults");
	unit_eq(b.faults_dropped - a.faults_dropped, 2, "faults without a record");
	unit_eq(b.interrupts - a.interrupts, 0, "the unit's own interrupts");
}

/* Descriptors that an entry does not lead to through a unit: control and PIR. */
static void descriptors(void)
{
	struct pn_pid_post post = {.vector = 0xC1, .x2apic = true, .check = true};

	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a post as such");
	post.merged = true;
	rig_want(pn_pid_post(post_pid(), &post) == PN_PID_NOTIFY && !post.merged, "P7",
		 "a first post");
	unit_eq(post.control, (uint64_t)NV << PN_PID_NV_SH | 5ull << 32, "control as it was");
	rig_want(pn_pid_post(post_pid(), &post) == PN_PID_QUIET && post.merged, "P7",
		 "a second post");
	unit_eq(post.control & PN_PID_ON, PN_PID_ON, "control as it was");
	unit_eq(post_pid()->pir[3], 2, "the PIR");
	post_pid()->control = PN_PID_SN;
	rig_want(pn_pid_post(post_pid(), &post) == PN_PID_SUPPRESSED && post.merged, "P7",
		 "SN = 1");
	post.urg = true;
	rig_want(pn_pid_post(post_pid(), &post) == PN_PID_NOTIFY && post.control == PN_PID_SN, "P7",
		 "urgent");
	post_pid()->rsvd[2] = 1;
	post_pid()->pir[3] = 0;
	rig_want(pn_pid_post(post_pid(), &post) == PN_PID_RESERVED && !post.merged &&
			 !post_pid()->pir[3],
		 "P7", "reserved bits");
	post.check = false;
	rig_want(pn_pid_post(post_pid(), &post) == PN_PID_QUIET, "P7",
		 "reserved bits, not checked");
}

/* A unit without an agent and with the default cache; CAP.CM keeps entries that are not present. */
static void kinds(void)
{
	post_begin(post_units.caching, PN_VTD_IRTA_EIME, "a unit in caching mode");
	*post_entry(5) = (struct pn_virte_raw){0};
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry that is not present");
	post_remapped_to(1, 0);
	*post_entry(5) = *post_entry(4);
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "caching mode keeps what is absent");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a unit without caching mode");
	*post_entry(5) = (struct pn_virte_raw){0};
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry that is not present");
	*post_entry(5) = (struct pn_virte_raw){PN_VIRTE_P, SVT(3)};
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry that is malformed");
	post_set_posted(FARA, 0x41, 0);
	*post_entry(5) = *post_entry(2);
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry without descriptor");
	*post_entry(5) = *post_entry(4);
	rig_want(unit_msi(5, 0, SID) == PN_MSI_REMAPPED, "P7", "an absent entry is kept");
	post_begin(post_units.alone, PN_VTD_IRTA_EIME, "a unit with an agent of its own");
	for (unsigned i = 0; i < 4; i++)
		rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "a request");
	post_remapped_to(9, 0);
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED && intel->heard.dest == 1, "P7",
		 "an entry that was cached");
	intel->bus.intr = NULL;
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "a bus without interrupts");
	post_set_posted(post_units.pid_pa, 0x41, 0);
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED, "P7", "a bus without interrupts");
	intel->bus.intr = intel_hears;
}

void post_memory(void)
{
	stale();
	tables();
	widths();
	memory_changes();
}

void post_counts(void)
{
	counted();
	descriptors();
	kinds();
}
