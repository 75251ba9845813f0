/* SPDX-License-Identifier: MIT */
/* IPIs of a processor: whom they reach, what exits, erratum 1235. */
#include "cases_amd_access.h"

static void got(unsigned targets, const char *what)
{
	for (unsigned n = 0; n < 4; n++)
		for (unsigned w = 0; w < 8; w++)
			rig_want(solo_ld32(PAGE(n) + 0x200 + 16 * w) ==
					 (w == V / 32 && targets >> n & 1 ? 1u << V % 32 : 0),
				 "P4", what);
}

/* @id: of the exit, or -1: none, and @how. */
static void icr(uint64_t value, char how, int id, unsigned index, unsigned targets, unsigned rings,
		const char *what)
{
	struct pn_avic_exit e = {0};
	bool x2 = access_core->x2;
	uint64_t want = value & ~0x1000ull;

	for (unsigned n = 0; n < 4; n++)
		solo_st32(PAGE(n) + 0x200 + 16 * (V / 32), 0);
	solo->bells = 0;
	if (!x2)
		rig_want(pn_avic_write(access_core, 0x310, value >> 32, &e) == PN_AVIC_DONE, "P7",
			 "ICRH");
	rig_want(access_letter(pn_avic_write(access_core, 0x300, x2 ? value : (uint32_t)value,
					     &e)) == how,
		 "P7", what);
	rig_want(solo_ld32(PAGE(2) + 0x300) == (uint32_t)want &&
			 solo_ld32(PAGE(2) + 0x310) == want >> 32,
		 "P7", "the ICR reads as another");
	got(targets, what);
	rig_want(solo->bells == rings, "P1", what);
	solo_followed();
	rig_want(id < 0 ? !e.code
			: e.code == 0x401 && e.info1 == want &&
				  e.info2 == ((uint64_t)id << 32 | index),
		 "P7", what);
}

/* Flat, clusters. */
static void logical_x1(void)
{
	for (unsigned slot = 0; slot < 1024; slot++)
		solo_st32(LOGICAL + 4 * slot, 0);
	solo_st32(PAGE(2) + 0xE0, 0xFFFFFFFF);
	solo_st32(LOGICAL + 4 * 0, 0x80000000);
	solo_st32(LOGICAL + 4 * 7, 0x80000003);
	solo_st32(LOGICAL + 4 * 6, 3);
	icr(0x81ull << 56 | 0x800 | V, 'd', -1, 0, 9, 2, "flat, to two");
	icr(0xC1ull << 56 | 0x800 | V, 't', 2, 6, 0, 0, "flat, to one that is not valid");
	icr(0x00ull << 56 | 0x800 | V, 'd', -1, 0, 0, 0, "flat, to nobody");
	solo_st32(PAGE(2) + 0xE0, 0x0FFFFFFF);
	solo_st32(LOGICAL + 4 * 59, 0x80000001);
	icr(0xE8ull << 56 | 0x800 | V, 't', 1, 1, 2, 0, "the last slot of the last cluster");
	icr(0x18ull << 56 | 0x800 | V, 'd', -1, 0, 8, 1, "the last of cluster 1");
	icr(0xF8ull << 56 | 0x800 | V, 't', 2, 63, 0, 0, "cluster 15");
	icr(0x01ull << 56 | 0x800 | V, 'd', -1, 0, 1, 1, "the first of cluster 0");
	solo_st32(LOGICAL + 4 * 0, 0x800000FF);
	icr(0x01ull << 56 | 0x800 | V, 't', 2, 0xFF, 0, 0, "a logical entry to no vCPU");
	rig_want(pn_avic_logical_slot(false, 9, 7) == 7 &&
			 pn_avic_logical_slot(false, 0, 8) == -1 &&
			 pn_avic_logical_slot(true, 14, 3) == 59 &&
			 pn_avic_logical_slot(true, 0, 4) == -1 &&
			 pn_avic_logical_slot(true, 15, 0) == -1,
		 "P4", "the slot of a logical ID");
	solo->hole = 7;
	icr(0x01ull << 56 | 0x800 | V, 't', 2, 0, 0, 0, "a logical table without memory");
	solo->hole = 5;
	icr(0ull << 56 | V, 't', 2, 0, 0, 0, "a physical table without memory");
	icr(ALL | V, 'd', -1, 0, 0, 0, "a broadcast through a table without memory");
	solo->hole = 0;
}

void access_ipis_x1(void)
{
	struct pn_avic_features f = access_features();
	struct pn_avic_exit e;
	uint64_t v;

	access_enter(&f, false);
	icr(0ull << 56 | 0x5000 | V, 'd', -1, 0, 1, 1, "to one that runs");
	rig_want(solo->bell == 0x100, "P1", "the CPU of a doorbell");
	icr(1ull << 56 | V, 't', 1, 1, 2, 0, "to one that does not run");
	icr(2ull << 56 | V, 'e', -1, 0, 4, 0, "to itself by ID");
	icr(4ull << 56 | V, 't', 2, 4, 0, 0, "beyond the table");
	icr(SELF | V, 'e', -1, 0, 4, 0, "to itself");
	icr(ALL | V, 't', 1, 1, 15, 2, "to all");
	icr(OTHERS | V, 't', 1, 1, 11, 2, "to all others");
	icr(0xFFull << 56 | V, 't', 1, 1, 15, 2, "broadcast");
	icr(0xFFull << 56 | 0x800 | V, 't', 1, 1, 15, 2, "logical broadcast");
	icr(0x8000 | V, 't', 0, 0, 0, 0, "a level");
	icr(0x100 | V, 't', 0, 0, 0, 0, "lowest priority");
	icr(0x400 | SELF | 5, 't', 0, 0, 0, 0, "type before vector");
	icr(SELF | 15, 't', 4, 0, 0, 0, "a vector below 16");
	icr(9ull << 56 | 15, 't', 4, 0, 0, 0, "a vector below 16");
	rig_want(pn_avic_read(access_core, 0x300, &v, &e) == PN_AVIC_DONE && v == 15, "P7",
		 "ICRL reads 32 bits");
	logical_x1();
	pn_avic_vmexit(access_core);
	rig_want(pn_avic_ipi(access_core, V, &e) == PN_AVIC_TRAP && e.info1 == V && !e.info2, "P7",
		 "an IPI outside");
}

static void ipis_x2(void)
{
	struct pn_avic_features f = access_features();
	struct pn_avic_exit e;
	uint64_t v = 0;

	access_enter(&f, true);
	icr(0ull << 32 | V, 'd', -1, 0, 1, 1, "to one that runs");
	icr(0x100ull << 32 | V, 't', 2, 0x100, 0, 0, "to 256, which is not there");
	icr(2ull << 32 | V, 'e', -1, 0, 4, 0, "to itself by ID");
	icr(9ull << 32 | 0x800 | V, 'd', -1, 0, 9, 2, "logical, to two");
	icr(8ull << 32 | 0x800 | V, 'd', -1, 0, 8, 1, "logical, to one");
	icr(0x18ull << 32 | 0x800 | V, 't', 2, 4, 0, 0, "logical, to one that is not there");
	for (unsigned bit = 4; bit < 16; bit++)
		icr(1ull << (32 + bit) | 0x800 | V, 't', 2, bit, 0, 0, "logical, each bit");
	icr(0x10001ull << 32 | 0x800 | V, 't', 2, 16, 0, 0, "logical, cluster 1");
	icr(0xFFFFFFFFull << 32 | V, 't', 1, 1, 15, 2, "broadcast");
	icr(0xFFull << 32 | V, 't', 2, 0xFF, 0, 0, "255 is no broadcast");
	icr(0x5ull << 32 | SELF | V, 'e', -1, 0, 4, 0, "to itself");
	rig_want(pn_avic_read(access_core, 0x300, &v, &e) == PN_AVIC_DONE &&
			 v == (5ull << 32 | SELF | V),
		 "P7", "the ICR reads 64 bits");
	solo_st32(PAGE(2) + 0x200 + 16 * (V / 32), 0);
	rig_want(pn_avic_write(access_core, 0x3F0, V, &e) == PN_AVIC_EVALUATE, "P7", "SELF_IPI");
	got(4, "SELF_IPI");
	rig_want(pn_avic_write(access_core, 0x3F0, 9, &e) == PN_AVIC_TRAP && e.code == 0x401 &&
			 e.info1 == (SELF | 9) && e.info2 == 4ull << 32,
		 "P7", "SELF_IPI of a vector below 16");
	f.x2_broadcast = PN_X2BCAST_INVALID;
	access_enter(&f, true);
	icr(0xFFFFFFFFull << 32 | V, 't', 2, 0xFFF, 0, 0, "broadcast by ID is refused");
	icr(ALL | V, 't', 1, 1, 15, 2, "broadcast by shorthand is not");
	f.ipi_index = PN_IPI_INDEX_LAST;
	solo_st64(PHYSICAL + 24, VALID | PAGE(3) | 3);
	access_enter(&f, true);
	icr(ALL | V, 't', 1, 3, 15, 1, "the last that does not run");
	f.ipi_index = PN_IPI_INDEX_FIRST;
	access_enter(&f, true);
	icr(ALL | V, 't', 1, 1, 15, 1, "the first that does not run");
	access_entries();
}

/* A table of 256 entries: the last is reserved in xAVIC. */
static void last_entry(void)
{
	struct pn_avic_features f = access_features();

	for (unsigned x2 = 0; x2 < 2; x2++) {
		struct pn_avic_vmcb v = access_vmcb(x2);

		access_enter(&f, x2);
		v.physical_table = PHYSICAL | 255;
		solo_st64(PHYSICAL + 8 * 254, VALID | PAGE(1) | 1);
		solo_st64(PHYSICAL + 8 * 255, VALID | PAGE(3) | 3);
		solo_st64(PHYSICAL + 24, 0);
		rig_want(!pn_avic_vmrun(access_core, &v), "P7", "VMRUN");
		icr(ALL | V, 't', 1, 1, x2 ? 15 : 7, 1, "entry 255 in a broadcast");
		if (x2)
			icr(255ull << 32 | V, 't', 1, 255, 8, 0, "entry 255 of x2AVIC");
		else
			icr(254ull << 56 | V, 't', 1, 254, 2, 0, "entry 254");
	}
	solo_st64(PHYSICAL + 8 * 254, 0);
	solo_st64(PHYSICAL + 8 * 255, 0);
	access_entries();
}

/* ---- erratum 1235: IsRunning = 1 is seen once more after it was cleared ---- */

static void erratum(void)
{
	struct pn_avic_features f = access_features();

	f.erratum1235 = true;
	access_enter(&f, false);
	icr(1ull << 56 | V, 't', 1, 1, 2, 0, "an entry that never ran");
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "an entry that runs");
	solo_st64(PHYSICAL, VALID | PAGE(0) | 9);
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "erratum 1235: a stale IsRunning");
	rig_want(solo->bell == 0x100, "P1", "the stale entry's CPU");
	icr(0ull << 56 | V, 't', 1, 0, 1, 0, "it is stale once");
	access_entries();
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "an entry that runs");
	icr(3ull << 56 | V, 'd', -1, 0, 8, 1, "another");
	solo_st64(PHYSICAL, VALID | PAGE(0) | 9);
	icr(0ull << 56 | V, 't', 1, 0, 1, 0, "only the last entry is remembered");
	access_entries();
	f.erratum1235 = false;
	access_enter(&f, false);
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "an entry that runs");
	solo_st64(PHYSICAL, VALID | PAGE(0) | 9);
	icr(0ull << 56 | V, 't', 1, 0, 1, 0, "without the erratum nothing is stale");
	access_entries();
}

void access_ipis(void)
{
	access_ipis_x1();
	ipis_x2();
	last_entry();
	erratum();
}
