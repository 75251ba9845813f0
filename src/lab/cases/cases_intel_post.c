/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: what a request to a remapping unit ends in (VT-d 5.1.4, 5.2.3).
 * Requests that never reach the table, forms of entries, posting with its four outcomes, units of
 * other kinds, memory that changes, and the descriptor itself.
 */
#include <errno.h>

#include "solo_intel.h"

#define NV   0xF2u
#define SID  8u
#define FARA 0x7FFF0000ull /* no memory */

static struct pn_vtd *plain, *strict, *old, *poison, *unposting, *small, *mapped, *wide, *caching,
	*alone, *required, *almost;
static uint64_t irt, pid_pa;

static struct pn_pid *pid(void)
{
	return unit_ptr(pid_pa);
}

static struct pn_virte_raw *entry(unsigned i)
{
	return (struct pn_virte_raw *)unit_ptr(irt) + i;
}

/* On, with a table of 8 entries. */
static void begin(struct pn_vtd *v, uint64_t eime, const char *what)
{
	px_doing(what);
	intel->vtd = v;
	pn_vtd_reset(v);
	unit_wr(PN_VTD_IRTA, irt | eime | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	unit_gcmd(PN_VTD_G_IRE, 0);
	intel->messages = 0;
	for (unsigned i = 0; i < 4; i++)
		pid()->pir[i] = 0;
	for (unsigned i = 0; i < 3; i++)
		pid()->rsvd[i] = 0;
	pid()->control = (uint64_t)NV << PN_PID_NV_SH | pn_pid_ndst(5, eime);
}

/* As the last operation: blocked for @reason, 0: without a record. */
static void blocks(struct pn_msi msi, unsigned reason, unsigned index, const char *what)
{
	unsigned before = intel->messages;

	rig_want(pn_vtd_msi(intel->vtd, &msi) == PN_MSI_ABORTED, "P7", what);
	unit_eq(unit_reason(0), reason, what);
	if (reason)
		unit_eq(unit_rd(0x220) >> PN_VTD_FR_INDEX_SH, index, what);
	unit_eq(intel->messages, before, what);
	unit_wr(0x228, PN_VTD_FR_F);
	/* The next one has the first record again. */
	pn_vtd_reset(intel->vtd);
}

static struct pn_msi to(uint16_t handle, uint16_t subhandle)
{
	struct pn_msi msi = {.devid = SID};

	pn_vtd_msi_encode(handle, subhandle, &msi.addr, &msi.data);
	return msi;
}

static void heard(uint32_t dest, uint8_t vector, uint8_t mode, bool logical, bool level,
		  const char *what)
{
	const struct pn_intr *m = &intel->heard;

	rig_want(intel->messages == 1 && m->dest == dest && m->vector == vector &&
			 m->mode == mode && m->logical == logical && m->level == level,
		 "P7", what);
	intel->messages = 0;
}

/* ---- requests that never reach the table ---- */

static void early(void)
{
	struct pn_msi msi = to(0, 0);

	begin(plain, PN_VTD_IRTA_EIME, "no interrupt request");
	*entry(0) = pn_virte_encode(&(struct pn_virte){.p = true, .dest = 3, .vector = 0x41}, true);
	msi.addr |= 1ull << 32;
	blocks(msi, 0, 0, "an address that is no interrupt");
	begin(plain, PN_VTD_IRTA_EIME, "a request with a PASID");
	msi = to(0, 0);
	msi.has_pasid = true;
	blocks(msi, 0, 0, "a request with a PASID");
	begin(plain, PN_VTD_IRTA_EIME, "a malformed request");
	msi = to(0, 0);
	msi.malformed = true;
	blocks(msi, PN_VTD_FAULT_MALFORMED, 0, "a malformed request");
	begin(plain, PN_VTD_IRTA_EIME, "reserved bits of a request");
	msi = to(3, 0);
	msi.data = 1u << 16;
	blocks(msi, PN_VTD_FAULT_REQUEST_RSV, 3, "reserved bits of a request");
	begin(plain, PN_VTD_IRTA_EIME, "an index beyond the table");
	blocks(to(7, 1), PN_VTD_FAULT_INDEX, 8, "an index beyond the table");
	begin(plain, PN_VTD_IRTA_EIME, "the largest index");
	blocks(to(0xFFFF, 0), PN_VTD_FAULT_INDEX, 0xFFFF, "the largest index");
}

/* Compatibility requests, and requests to a unit that is off. */
static void compatible(void)
{
	struct pn_msi msi = {.addr = 0xFEE0500C, .data = 0x8135, .devid = SID};

	begin(plain, PN_VTD_IRTA_EIME, "a compatibility request in x2APIC mode");
	unit_gcmd(PN_VTD_G_CFI, 0);
	blocks(msi, PN_VTD_FAULT_COMPAT, 0, "a compatibility request in x2APIC mode");
	begin(plain, 0, "a compatibility request with CFI = 0");
	blocks(msi, PN_VTD_FAULT_COMPAT, 0, "a compatibility request with CFI = 0");
	begin(plain, 0, "a compatibility request with CFI = 1");
	unit_gcmd(PN_VTD_G_CFI, 0);
	rig_want(pn_vtd_msi(plain, &msi) == PN_MSI_FORWARDED, "P7", "CFI = 1");
	heard(5, 0x35, PN_DM_LOWEST, true, true, "a request that is forwarded");
	begin(plain, 0, "a unit that is off");
	unit_gcmd(0, PN_VTD_G_IRE);
	rig_want(unit_msi(0, 0, SID) == PN_MSI_FORWARDED, "P7", "a remappable request, unit off");
	intel->messages = 0;
	rig_want(pn_vtd_msi(plain, &msi) == PN_MSI_FORWARDED, "P7", "a unit that is off");
	heard(5, 0x35, PN_DM_LOWEST, true, true, "a unit that is off");
	begin(strict, 0, "a unit that requires x2APIC mode");
	blocks(to(0, 0), PN_VTD_FAULT_EIMER, 0, "x2APIC mode is required");
	begin(strict, 0, "a unit that requires remapping");
	unit_gcmd(0, PN_VTD_G_IRE);
	blocks(msi, PN_VTD_FAULT_IRREQ, 0, "remapping is required");
	begin(required, 0, "a unit that requires remapping, and not x2APIC mode");
	unit_gcmd(0, PN_VTD_G_IRE);
	blocks(msi, PN_VTD_FAULT_IRREQ, 0, "remapping is required");
	begin(required, 0, "such a unit in xAPIC mode");
	*entry(0) =
		pn_virte_encode(&(struct pn_virte){.p = true, .dest = 3, .vector = 0x41}, false);
	rig_want(unit_msi(0, 0, SID) == PN_MSI_REMAPPED, "P7", "x2APIC mode is not required");
	begin(plain, PN_VTD_IRTA_EIME, "x2APIC mode over a reset");
	pn_vtd_reset(plain);
	unit_wr32(PN_VTD_GCMD, PN_VTD_G_IRE | PN_VTD_G_CFI);
	rig_want(pn_vtd_msi(plain, &msi) == PN_MSI_FORWARDED, "P7", "x2APIC mode over a reset");
	begin(strict, PN_VTD_IRTA_EIME, "such a unit in x2APIC mode");
	*entry(0) = pn_virte_encode(&(struct pn_virte){.p = true, .dest = 3, .vector = 0x41}, true);
	rig_want(unit_msi(0, 0, SID) == PN_MSI_REMAPPED, "P7", "x2APIC mode is required, and on");
}

/* ---- remapped ---- */

static void goes_remapped(void)
{
	const struct pn_virte f = {.p = true,
				   .dm = true,
				   .tm = true,
				   .dlm = PN_DM_LOWEST,
				   .dest = 0x87,
				   .vector = 0x41};

	begin(plain, PN_VTD_IRTA_EIME, "a remapped request");
	*entry(1) = pn_virte_encode(&f, true);
	rig_want(unit_msi(1, 0, SID) == PN_MSI_REMAPPED, "P7", "a remapped request");
	heard(0x87, 0x41, PN_DM_LOWEST, true, true, "a remapped request");
	begin(plain, 0, "a remapped request, 8 bits");
	*entry(1) = pn_virte_encode(&f, false);
	rig_want(unit_msi(0, 1, SID) == PN_MSI_REMAPPED, "P7", "a subhandle");
	heard(0x87, 0x41, PN_DM_LOWEST, true, true, "a remapped request, 8 bits");
}

/* ---- posting ---- */

static void set_posted(uint64_t pa, uint8_t vector, uint64_t flags)
{
	struct pn_virte_raw raw = pn_virte_encode(
		&(struct pn_virte){.p = true, .im = true, .pid = pa, .vector = vector}, true);

	raw.lo |= flags;
	*entry(2) = raw;
}

static void posts(uint64_t pir, uint64_t control, unsigned notified, const char *what)
{
	intel->messages = 0;
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED, "P7", what);
	unit_eq(pid()->pir[1], pir, what);
	unit_eq(pid()->pir[0] | pid()->pir[2] | pid()->pir[3], 0, what);
	unit_eq(pid()->control, control, what);
	unit_eq(intel->messages, notified, what);
}

static void outcomes(uint64_t eime)
{
	const uint64_t bit = 1ull << 0x41 % 64;
	uint64_t base;

	begin(plain, eime, "a posted request");
	base = pid()->control;
	set_posted(pid_pa, 0x41, 0);
	posts(bit, base | PN_PID_ON, 1, "the first post notifies");
	heard(5, NV, PN_DM_FIXED, false, false, "a notification");
	posts(bit, base | PN_PID_ON, 0, "ON = 1 does not notify");
	pid()->pir[1] = 0;
	pid()->control = base | PN_PID_SN;
	posts(bit, base | PN_PID_SN, 0, "SN = 1 suppresses");
	pid()->control = base;
	posts(bit, base | PN_PID_ON, 1, "the bit was set, ON was not");
	begin(plain, eime, "an urgent request");
	set_posted(pid_pa, 0x41, PN_VIRTE_URG);
	pid()->control |= PN_PID_SN;
	posts(bit, base | PN_PID_SN | PN_PID_ON, 1, "urgent, SN = 1");
	posts(bit, base | PN_PID_SN | PN_PID_ON, 0, "urgent, ON = 1");
}

/* Of either mode, reserved bits of a descriptor; @v ignores them. */
static void reserved(struct pn_vtd *v, uint64_t eime)
{
	const uint64_t rsv = PN_PID_CTL_RSV | (eime ? 0 : PN_PID_CTL_RSV_XAPIC);

	for (unsigned b = 0; b < 256; b++) {
		bool bad = b >= 64 || rsv >> b & 1;
		uint64_t *at;

		begin(v, eime, "reserved bits of a descriptor");
		at = b < 64 ? &pid()->control : &pid()->rsvd[b / 64 - 1];
		*at ^= 1ull << b % 64;
		unit_eq((unsigned)-pn_pid_check(pid(), eime), bad ? EINVAL : 0,
			rig_text("bit %u of a descriptor", 256 + b));
		set_posted(pid_pa, 0x41, 0);
		if (bad && v != old) {
			blocks(to(2, 0), PN_VTD_FAULT_PID_RSV, 2, "reserved bits of a descriptor");
			unit_eq(pid()->pir[1] | (pid()->control & PN_PID_ON & (b != 0)), 0,
				"a post with reserved bits");
			continue;
		}
		rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && pid()->pir[1], "P7",
			 rig_text("bit %u of a descriptor", 256 + b));
	}
}

static void unreachable(void)
{
	begin(plain, PN_VTD_IRTA_EIME, "a descriptor without memory");
	set_posted(FARA, 0x41, 0);
	blocks(to(2, 0), PN_VTD_FAULT_PID, 2, "a descriptor without memory");
	begin(plain, PN_VTD_IRTA_EIME, "the same, silent");
	set_posted(FARA, 0x41, PN_VIRTE_FPD);
	blocks(to(2, 0), 0, 2, "a silent one");
	begin(plain, PN_VTD_IRTA_EIME, "reserved bits of a descriptor, silent");
	set_posted(pid_pa, 0x41, PN_VIRTE_FPD);
	pid()->rsvd[1] = 1;
	blocks(to(2, 0), 0, 2, "a silent one");
	begin(plain, PN_VTD_IRTA_EIME, "a descriptor above the width");
	set_posted(1ull << 52, 0x41, 0);
	blocks(to(2, 0), PN_VTD_FAULT_IRTE_RSV, 2, "a descriptor above the width");
	begin(unposting, PN_VTD_IRTA_EIME, "a unit that cannot post");
	set_posted(pid_pa, 0x41, 0);
	blocks(to(2, 0), PN_VTD_FAULT_IRTE_RSV, 2, "a unit that cannot post");
}

/* A reserved source check, or a bad source with reserved bits: by the unit's kind. */
static void order(struct pn_vtd *v, uint64_t lo, uint64_t hi, unsigned reason, const char *what)
{
	begin(v, PN_VTD_IRTA_EIME, what);
	*entry(3) = (struct pn_virte_raw){PN_VIRTE_P | lo, hi};
	blocks(to(3, 0), reason, 3, what);
}

#define SVT(n) ((uint64_t)(n) << PN_VIRTE_SVT_SH)

static void orders(void)
{
	const uint64_t rsv = 1ull << 12;

	order(plain, 0, SVT(3), PN_VTD_FAULT_IRTE_RSV, "SVT = 3");
	order(old, 0, SVT(3), PN_VTD_FAULT_SID, "SVT = 3, a unit that calls it a bad source");
	order(plain, rsv, SVT(1) | 9, PN_VTD_FAULT_SID, "source first");
	order(old, rsv, SVT(1) | 9, PN_VTD_FAULT_IRTE_RSV, "reserved bits first");
	order(old, rsv, SVT(3), PN_VTD_FAULT_IRTE_RSV, "reserved bits first, SVT = 3");
	order(plain, rsv, SVT(3), PN_VTD_FAULT_IRTE_RSV, "reserved bits and SVT = 3");
	order(plain, 0, SVT(1) | 9, PN_VTD_FAULT_SID, "a bad source");
	order(old, 0, SVT(1) | 9, PN_VTD_FAULT_SID, "a bad source");
	order(plain, rsv, SVT(1) | SID, PN_VTD_FAULT_IRTE_RSV, "reserved bits");
	order(plain, PN_VIRTE_FPD | rsv, SVT(1) | 9, 0, "a bad source, silent");
	order(plain, PN_VIRTE_FPD, SVT(3), 0, "SVT = 3, silent");
}

/* ---- what the cache holds ---- */

static void remapped_to(uint32_t dest, uint64_t avail)
{
	*entry(4) =
		pn_virte_encode(&(struct pn_virte){.p = true, .dest = dest, .vector = 0x41}, true);
	entry(4)->lo |= avail;
}

static void stale(void)
{
	begin(poison, PN_VTD_IRTA_EIME, "an entry that changed without invalidation");
	remapped_to(1, 0);
	for (unsigned i = 0; i < 2; i++)
		rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "an entry in the cache");
	remapped_to(1, PN_VIRTE_AVAIL);
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "software's bits changed");
	entry(4)->hi = 1ull << PN_VIRTE_SQ_SH;
	blocks(to(4, 0), PN_VTD_FAULT_TABLE, 4, "the upper half changed");
	begin(poison, PN_VTD_IRTA_EIME, "an entry that changed without invalidation");
	remapped_to(1, 0);
	unit_msi(4, 0, SID);
	remapped_to(2, 0);
	blocks(to(4, 0), PN_VTD_FAULT_TABLE, 4, "the lower half changed");
}

/* A table at the end of what the unit can reach, or outside memory. */
static void tables(void)
{
	begin(plain, PN_VTD_IRTA_EIME, "a table without memory");
	unit_wr(PN_VTD_IRTA, FARA | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(4, 0), PN_VTD_FAULT_TABLE, 4, "a table without memory");
	begin(small, PN_VTD_IRTA_EIME, "a table above the width");
	unit_wr(PN_VTD_IRTA, 1ull << 32 | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(0, 0), PN_VTD_FAULT_INDEX, 0, "a table above the width");
	begin(small, PN_VTD_IRTA_EIME, "a table whose end is above the width");
	unit_wr(PN_VTD_IRTA, 0xFFFFF000ull | PN_VTD_IRTA_EIME | 8);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(256, 0), PN_VTD_FAULT_INDEX, 256, "an entry above the width");
	begin(small, PN_VTD_IRTA_EIME, "the same");
	unit_wr(PN_VTD_IRTA, 0xFFFFF000ull | PN_VTD_IRTA_EIME | 8);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(255, 0), PN_VTD_FAULT_TABLE, 255, "an entry below the width, without memory");
	begin(wide, PN_VTD_IRTA_EIME, "a table that wraps");
	unit_wr(PN_VTD_IRTA, ~0xFFFull | PN_VTD_IRTA_EIME | 8);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(256, 0), PN_VTD_FAULT_INDEX, 256, "an entry behind the last address");
	begin(wide, PN_VTD_IRTA_EIME, "the same");
	unit_wr(PN_VTD_IRTA, ~0xFFFull | PN_VTD_IRTA_EIME | 8);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(255, 0), PN_VTD_FAULT_TABLE, 255, "the last entry there can be");
}

/* The widest units: 63 bits, and all. */
static void widths(void)
{
	begin(almost, PN_VTD_IRTA_EIME, "an address of 64 bits, of 63");
	unit_wr(PN_VTD_IRTA, 1ull << 63 | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(0, 0), PN_VTD_FAULT_INDEX, 0, "a table above 63 bits");
	begin(wide, PN_VTD_IRTA_EIME, "an address of 64 bits");
	unit_wr(PN_VTD_IRTA, 1ull << 63 | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(0, 0), PN_VTD_FAULT_TABLE, 0, "a table at bit 63");
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

/* A page moves, and goes: entries stay in the cache while their descriptors are in memory. */
static void memory_changes(void)
{
	const uint64_t second = irt + 2048; /* behind the table, two places for a descriptor */
	struct pn_pid *at[2] = {unit_ptr(second), unit_ptr(second + 64)};

	begin(mapped, PN_VTD_IRTA_EIME, "memory that moves");
	intel->bus.map = maps;
	intel->bus.wrote = follows;
	for (unsigned i = 0; i < 2; i++)
		*at[i] = *pid();
	there = second;
	set_posted(FARA, 0x41, 0);
	*entry(0) = *entry(7) = *entry(2);
	remapped_to(1, 0);
	unit_msi(0, 0, SID);
	unit_msi(7, 0, SID);
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && at[0]->pir[1], "P7", "mapped memory");
	rig_want(wrote_pa == FARA && wrote_len == 64, "P7", "the embedder is not told of a store");
	unit_msi(4, 0, SID);
	there = second + 64;
	pn_vtd_memory_changed(mapped);
	set_posted(FARA, 0x42, 0); /* the cached entry does not change */
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && at[1]->pir[1] == 1ull << 1, "P7",
		 "memory that moved");
	at[0]->pir[1] = at[1]->pir[1] = 0;
	unit_msi(0, 0, SID);
	unit_msi(7, 0, SID);
	unit_eq(at[0]->pir[1], 0, "the first or the last entry, memory that moved");
	unit_eq(at[1]->pir[1], 2, "the first or the last entry, memory that moved");
	at[0]->pir[1] = 2;
	there = 0;
	pn_vtd_memory_changed(mapped);
	remapped_to(2, 0);
	unit_msi(4, 0, SID);
	unit_eq(intel->heard.dest, 1, "an entry without descriptor, memory changed");
	there = second;
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && at[0]->pir[1] == 3ull << 1, "P7",
		 "an entry whose descriptor had gone is not read again");
	begin(poison, PN_VTD_IRTA_EIME, "a table that goes");
	there = irt;
	unit_wr(PN_VTD_IRTA, FARA | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	remapped_to(1, 0);
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "a table that is mapped");
	there = 0;
	intel->messages = 0;
	blocks(to(4, 0), PN_VTD_FAULT_TABLE, 4, "a table that has gone");
	begin(plain, PN_VTD_IRTA_EIME, "a table that is not aligned");
	there = irt + 8;
	unit_wr(PN_VTD_IRTA, FARA | PN_VTD_IRTA_EIME | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	blocks(to(4, 0), PN_VTD_FAULT_TABLE, 4, "a table that is not aligned");
	intel->bus.map = NULL;
	intel->bus.wrote = NULL;
}

/* Every request is counted once, in the right place. */
static void counted(void)
{
	struct pn_vtd_stats a, b;

	begin(plain, PN_VTD_IRTA_EIME, "statistics");
	pn_vtd_stats(plain, &a);
	set_posted(pid_pa, 0x41, 0);
	for (unsigned i = 0; i < 3; i++)
		unit_msi(2, 0, SID);
	pid()->control = (pid()->control & ~PN_PID_ON) | PN_PID_SN;
	for (unsigned i = 0; i < 4; i++)
		unit_msi(2, 0, SID);
	remapped_to(1, 0);
	unit_msi(4, 0, SID);
	for (unsigned i = 0; i < 10; i++)
		unit_msi(8, 0, SID);
	unit_gcmd(0, PN_VTD_G_IRE);
	for (unsigned i = 0; i < 5; i++)
		unit_msi(8, 0, SID);
	pn_vtd_stats(plain, &b);
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

	begin(plain, PN_VTD_IRTA_EIME, "a post as such");
	post.merged = true;
	rig_want(pn_pid_post(pid(), &post) == PN_PID_NOTIFY && !post.merged, "P7", "a first post");
	unit_eq(post.control, (uint64_t)NV << PN_PID_NV_SH | 5ull << 32, "control as it was");
	rig_want(pn_pid_post(pid(), &post) == PN_PID_QUIET && post.merged, "P7", "a second post");
	unit_eq(post.control & PN_PID_ON, PN_PID_ON, "control as it was");
	unit_eq(pid()->pir[3], 2, "the PIR");
	pid()->control = PN_PID_SN;
	rig_want(pn_pid_post(pid(), &post) == PN_PID_SUPPRESSED && post.merged, "P7", "SN = 1");
	post.urg = true;
	rig_want(pn_pid_post(pid(), &post) == PN_PID_NOTIFY && post.control == PN_PID_SN, "P7",
		 "urgent");
	pid()->rsvd[2] = 1;
	pid()->pir[3] = 0;
	rig_want(pn_pid_post(pid(), &post) == PN_PID_RESERVED && !post.merged && !pid()->pir[3],
		 "P7", "reserved bits");
	post.check = false;
	rig_want(pn_pid_post(pid(), &post) == PN_PID_QUIET, "P7", "reserved bits, not checked");
}

/* A unit without an agent and with the default cache; CAP.CM keeps entries that are not present. */
static void kinds(void)
{
	begin(caching, PN_VTD_IRTA_EIME, "a unit in caching mode");
	*entry(5) = (struct pn_virte_raw){0};
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry that is not present");
	remapped_to(1, 0);
	*entry(5) = *entry(4);
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "caching mode keeps what is absent");
	begin(plain, PN_VTD_IRTA_EIME, "a unit without caching mode");
	*entry(5) = (struct pn_virte_raw){0};
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry that is not present");
	*entry(5) = (struct pn_virte_raw){PN_VIRTE_P, SVT(3)};
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry that is malformed");
	set_posted(FARA, 0x41, 0);
	*entry(5) = *entry(2);
	rig_want(unit_msi(5, 0, SID) == PN_MSI_ABORTED, "P7", "an entry without descriptor");
	*entry(5) = *entry(4);
	rig_want(unit_msi(5, 0, SID) == PN_MSI_REMAPPED, "P7", "an absent entry is kept");
	begin(alone, PN_VTD_IRTA_EIME, "a unit with an agent of its own");
	for (unsigned i = 0; i < 4; i++)
		rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "a request");
	remapped_to(9, 0);
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED && intel->heard.dest == 1, "P7",
		 "an entry that was cached");
	intel->bus.intr = NULL;
	rig_want(unit_msi(4, 0, SID) == PN_MSI_REMAPPED, "P7", "a bus without interrupts");
	set_posted(pid_pa, 0x41, 0);
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED, "P7", "a bus without interrupts");
	intel->bus.intr = intel_hears;
}

static void posts_all(void *arg)
{
	(void)arg;
	early();
	compatible();
	intel_unit_formats();
	goes_remapped();
	outcomes(PN_VTD_IRTA_EIME);
	outcomes(0);
	reserved(plain, PN_VTD_IRTA_EIME);
	reserved(plain, 0);
	reserved(old, 0);
	unreachable();
	orders();
	stale();
	tables();
	widths();
	memory_changes();
	counted();
	descriptors();
	kinds();
}

void intel_unit_requests(bool broken)
{
	struct pn_vtd_config cfg;

	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true, .no_unit = true});
	intel->bus.intr = intel_hears;
	pn_pages_alloc(&rig->pages, 4096, 4096, &irt);
	pn_pages_alloc(&rig->pages, 64, 64, &pid_pa);
	unit_config(&cfg);
	plain = unit_make(&cfg);
	mapped = unit_make(&cfg);
	cfg.poison_stale = true;
	poison = unit_make(&cfg);
	cfg.poison_stale = false;
	cfg.knobs.svt_reserved = PN_SVT11_SID;
	cfg.knobs.check_order = PN_CHECK_RSV_FIRST;
	cfg.knobs.pid_reserved = PN_PID_RSV_IGNORE;
	old = unit_make(&cfg);
	unit_config(&cfg);
	cfg.ecap |= PN_VTD_ECAP_EIMER | PN_VTD_ECAP_IRREQ;
	strict = unit_make(&cfg);
	cfg.ecap &= ~PN_VTD_ECAP_EIMER;
	required = unit_make(&cfg);
	unit_config(&cfg);
	cfg.cap &= ~PN_VTD_CAP_PI;
	unposting = unit_make(&cfg);
	unit_config(&cfg);
	cfg.cap |= PN_VTD_CAP_CM;
	caching = unit_make(&cfg);
	unit_config(&cfg);
	cfg.agent = NULL;
	cfg.irte_cache = 0;
	alone = unit_make(&cfg);
	unit_config(&cfg);
	cfg.haw = 32;
	small = unit_make(&cfg);
	cfg.haw = 63;
	almost = unit_make(&cfg);
	cfg.haw = 64;
	wide = unit_make(&cfg);
	px_thread("CPU 0", 0, posts_all, NULL);
}
