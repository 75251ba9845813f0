/* SPDX-License-Identifier: MIT */
/*
 * One processor alone on AMD: every register of its APIC in each mode, every field that VMRUN
 * checks, and each of its knobs.
 */
#include <errno.h>
#include <string.h>

#include "case_setup.h"
#include "solo_amd.h"

#define PAGE(n)	 SOLO_AT(n) /* vAPIC page of vCPU n, 0 to 3 */
#define PHYSICAL SOLO_AT(4) /* and SOLO_AT(5) */
#define LOGICAL	 SOLO_AT(6)
#define ABSENT	 (SOLO_PA + SOLO_SIZE)
#define VALID	 (1ull << 63)
#define RUNS	 (1ull << 62)
#define X2	 (1ull << 30)
#define AVIC	 (1ull << 31)
#define V	 0x61u
#define SELF	 (1u << 18)
#define ALL	 (2u << 18)
#define OTHERS	 (3u << 18)

static struct pn_avic *core;
static bool is_broken;

static struct pn_avic_vmcb vmcb(bool x2)
{
	return (struct pn_avic_vmcb){.v_intr = AVIC | (x2 ? X2 : 0),
				     .np_enable = true,
				     .backing_page = PAGE(2),
				     .logical_table = LOGICAL,
				     .physical_table = PHYSICAL | 3};
}

static struct pn_avic_features normal(void)
{
	struct pn_avic_features f;

	pn_avic_features_default(&f);
	return f;
}

static void wipe(void)
{
	for (unsigned off = 0; off < 4096; off += 4)
		for (unsigned n = 0; n < 4; n++)
			if (solo_ld32(PAGE(n) + off))
				solo_st32(PAGE(n) + off, 0);
}

static void enter(const struct pn_avic_features *f, bool x2)
{
	const struct pn_avic_vmcb v = vmcb(x2);

	wipe();
	pn_avic_init(core, &solo->bus, &solo->agent, f, 7);
	rig_want(!pn_avic_vmrun(core, &v) && core->in_guest, "P7", "VMRUN refuses a good VMCB");
	solo->bells = 0;
}

/* ---- registers ---- */

enum { XAVIC, X2MAP, X2TABLE, MODES };

/* By mode: d done, e evaluates, t trap, f fault, g #GP, of reads and of writes of 0; . as before.
 * The ICR is not here. */
static const struct {
	uint16_t first, last;
	char read[MODES + 1], write[MODES + 1];
} registers[] = {
	{0x000, 0xFF0, "dgd", "dgd"}, /* what is not listed below */
	{0x020, 0x020, "ddd", "tgt"}, {0x030, 0x030, "ddd", "fgf"}, {0x080, 0x080, "ddd", "eee"},
	{0x090, 0x090, "fff", "fgf"}, {0x0A0, 0x0A0, "ddd", "fgf"}, {0x0B0, 0x0B0, "dgg", "eee"},
	{0x0C0, 0x0C0, "dgd", "tgt"}, {0x0D0, 0x0D0, "ddd", "tgt"}, {0x0E0, 0x0E0, "dgg", "tgg"},
	{0x0F0, 0x0F0, "ddd", "ttt"}, {0x100, 0x270, "ddd", "fgf"}, {0x280, 0x280, "ddd", "ttt"},
	{0x310, 0x310, "dgg", "dgg"}, {0x320, 0x370, "ddd", "ttt"}, {0x380, 0x380, "ddd", "ttt"},
	{0x390, 0x390, "fff", "fgf"}, {0x3E0, 0x3E0, "ddd", "ttt"}, {0x3F0, 0x3F0, "dgg", "d.."},
	{0x400, 0x400, "fff", "fgf"}, {0x410, 0x420, "fff", "fff"}, {0x480, 0x4F0, "fff", "fff"},
	{0x500, 0x530, "ddd", "ttt"}, {0x540, 0xFF0, "fgf", "fgf"},
};

static char expected(unsigned off, unsigned mode, bool write, bool extlvt)
{
	char c = 0;

	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (off >= registers[i].first && off <= registers[i].last)
			c = write ? registers[i].write[mode] : registers[i].read[mode];
	return off >= 0x500 && off <= 0x530 && !extlvt ? 'f' : c;
}

static char letter(enum pn_avic_access a)
{
	static const char letters[] = {[PN_AVIC_DONE] = 'd',
				       [PN_AVIC_EVALUATE] = 'e',
				       [PN_AVIC_TRAP] = 't',
				       [PN_AVIC_FAULT] = 'f',
				       [PN_AVIC_GP] = 'g'};

	return letters[a];
}

static void exits(char how, const struct pn_avic_exit *e, unsigned off, bool write)
{
	if (how == 't' || how == 'f')
		rig_want(e->code == 0x402 && e->info1 == ((uint64_t)write << 32 | off) && !e->info2,
			 "P7", "the exit of an access says something else");
	else
		rig_want(!e->code, "P7", "an access without an exit fills one in");
}

static void one_read(unsigned off, unsigned mode, bool extlvt)
{
	struct pn_avic_exit e = {0};
	uint64_t value = 0x77;
	uint32_t there = 0x12340000 | off;
	char want = expected(off, mode, false, extlvt);

	solo_st32(PAGE(2) + off, there);
	rig_want(letter(pn_avic_read(core, off, &value, &e)) == want, "P7",
		 "a read of a register ends otherwise");
	rig_want(value == (want == 'd' ? there : 0x77), "P7", "a register reads as another");
	exits(want, &e, off, false);
	solo_st32(PAGE(2) + off, 0);
}

static void one_write(unsigned off, unsigned mode, bool extlvt)
{
	bool zero = off == 0xB0 || (off == 0x280 && mode == X2MAP);
	uint32_t value = zero ? 0 : 0x31;
	struct pn_avic_exit e = {0};
	char want = expected(off, mode, true, extlvt);

	if (want == '.')
		return;
	solo_st32(PAGE(2) + off, 0x55);
	rig_want(letter(pn_avic_write(core, off, value, &e)) == want, "P7",
		 "a write of a register ends otherwise");
	rig_want(solo_ld32(PAGE(2) + off) ==
			 (want == 'f' || want == 'g' || off == 0xB0 ? 0x55 : value),
		 "P7", "a register has another value after a write");
	rig_want(!memcmp(solo->followed + (PAGE(2) - SOLO_PA) + off,
			 (char *)solo_ptr(PAGE(2)) + off, 4),
		 "P7", "a store that the bus is not told of");
	exits(want, &e, off, true);
	for (unsigned o = 0; o < 0x600; o += 16)
		rig_want(o == off || o == 0xA0 || !solo_ld32(PAGE(2) + o), "P7",
			 "a write of a register changes another");
	solo_st32(PAGE(2) + off, 0);
	if (off == 0x80)
		pn_avic_write(core, 0x80, 0, &e);
}

static void all_registers(unsigned mode, bool extlvt)
{
	struct pn_avic_features f = normal();

	f.extlvt = extlvt;
	f.x2_map = mode == X2TABLE ? PN_X2MAP_TABLE : PN_X2MAP_FIRST;
	enter(&f, mode != XAVIC);
	for (unsigned off = 0; off < 0x1000; off += 16) {
		if (off == 0x300)
			continue;
		one_read(off, mode, extlvt);
		one_write(off, mode, extlvt);
	}
}

/* Offsets where no register begins; an APIC that is not there. */
static void no_register(bool x2)
{
	static const unsigned offs[] = {0x84, 0x81, 0x328, 0x1000, 0x1080};
	struct pn_avic_features f = normal();
	struct pn_avic_exit e;
	uint64_t v = 3;

	enter(&f, x2);
	for (unsigned i = 0; i < 5; i++) {
		e = (struct pn_avic_exit){0};
		rig_want(letter(pn_avic_read(core, offs[i], &v, &e)) == (x2 ? 'g' : 'f') && v == 3,
			 "P7", "a read where no register is");
		exits(x2 ? 'g' : 'f', &e, offs[i] & 0xFF0, false);
		e = (struct pn_avic_exit){0};
		rig_want(letter(pn_avic_write(core, offs[i], 0, &e)) == (x2 ? 'g' : 'f'), "P7",
			 "a write where no register is");
		exits(x2 ? 'g' : 'f', &e, offs[i] & 0xFF0, true);
	}
	pn_avic_vmexit(core);
	rig_want(letter(pn_avic_read(core, 0x80, &v, &e)) == 'f', "P7", "a read outside");
	exits('f', &e, 0x80, false);
	rig_want(letter(pn_avic_write(core, 0x80, 0x20, &e)) == 'f' && !solo_ld32(PAGE(2) + 0x80),
		 "P7", "a write outside");
	exits('f', &e, 0x80, true);
	pn_avic_write_cr8(core, 5);
	rig_want(!solo_ld32(PAGE(2) + 0x80), "P7", "CR8 outside");
}

/* Values that WRMSR refuses. */
static void refused_values(void)
{
	static const struct {
		unsigned off;
		uint64_t value;
		char map, table;
	} rows[] = {
		{0x80, 0x100, 'g', 'g'},       {0x80, 0xFF, 'e', 'e'},
		{0x80, 1ull << 32, 'g', 'g'},  {0xB0, 1, 'g', 'g'},
		{0xB0, 1ull << 40, 'g', 'g'},  {0x280, 1, 'g', 't'},
		{0x280, 0, 't', 't'},	       {0x280, 1ull << 32, 'g', 'g'},
		{0x3F0, 0x100, 'g', 'g'},      {0x3F0, 0x61, 'e', 'e'},
		{0x320, 1 << 18, 'g', 'g'},    {0x320, 1 << 17, 't', 't'},
		{0x330, 1 << 18, 't', 't'},    {0x380, 1ull << 32, 'g', 'g'},
		{0xF0, 0xFFFFFFFF, 't', 't'},  {0xF0, 1ull << 63, 'g', 'g'},
		{0x410, 1ull << 63, 'f', 'f'},
	};

	for (unsigned k = 0; k < 2; k++) {
		struct pn_avic_features f = normal();

		f.x2_map = k ? PN_X2MAP_TABLE : PN_X2MAP_FIRST;
		enter(&f, true);
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct pn_avic_exit e = {0};
			uint32_t old = solo_ld32(PAGE(2) + rows[i].off);
			char want = k ? rows[i].table : rows[i].map;

			rig_want(letter(pn_avic_write(core, rows[i].off, rows[i].value, &e)) ==
					 want,
				 "P7", "WRMSR takes a value, or refuses it");
			if (want == 'g')
				rig_want(solo_ld32(PAGE(2) + rows[i].off) == old && !e.code, "P7",
					 "a refused value is stored");
		}
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		struct pn_avic_exit e = {0};
		bool reserved = bit == 12 || bit == 13 || bit == 16 || bit == 17 || bit >= 20;

		solo_st32(PAGE(2) + 0x300, 0x99);
		rig_want((pn_avic_write(core, 0x300, 1ull << bit | 0xFull << 32, &e) ==
			  PN_AVIC_GP) == reserved,
			 "P7", "a bit of the ICR is reserved, or not");
		rig_want(solo_ld32(PAGE(2) + 0x300) == (reserved ? 0x99 : 1u << bit), "P7",
			 "a refused ICR is stored");
	}
}

/* ---- ICR ---- */

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
	bool x2 = core->x2;
	uint64_t want = value & ~0x1000ull;

	for (unsigned n = 0; n < 4; n++)
		solo_st32(PAGE(n) + 0x200 + 16 * (V / 32), 0);
	solo->bells = 0;
	if (!x2)
		rig_want(pn_avic_write(core, 0x310, value >> 32, &e) == PN_AVIC_DONE, "P7", "ICRH");
	rig_want(letter(pn_avic_write(core, 0x300, x2 ? value : (uint32_t)value, &e)) == how, "P7",
		 what);
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

static void entries(void)
{
	for (unsigned n = 0; n < 4; n++)
		solo_st64(PHYSICAL + 8 * n, VALID | (n != 1 ? RUNS : 0) | PAGE(n) | (n + 0x100));
}

static void ipis_x1(void)
{
	struct pn_avic_features f = normal();
	struct pn_avic_exit e;
	uint64_t v;

	enter(&f, false);
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
	rig_want(pn_avic_read(core, 0x300, &v, &e) == PN_AVIC_DONE && v == 15, "P7",
		 "ICRL reads 32 bits");
	/* Flat, clusters. */
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
	pn_avic_vmexit(core);
	rig_want(pn_avic_ipi(core, V, &e) == PN_AVIC_TRAP && e.info1 == V && !e.info2, "P7",
		 "an IPI outside");
}

static void ipis_x2(void)
{
	struct pn_avic_features f = normal();
	struct pn_avic_exit e;
	uint64_t v = 0;

	enter(&f, true);
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
	rig_want(pn_avic_read(core, 0x300, &v, &e) == PN_AVIC_DONE && v == (5ull << 32 | SELF | V),
		 "P7", "the ICR reads 64 bits");
	solo_st32(PAGE(2) + 0x200 + 16 * (V / 32), 0);
	rig_want(pn_avic_write(core, 0x3F0, V, &e) == PN_AVIC_EVALUATE, "P7", "SELF_IPI");
	got(4, "SELF_IPI");
	rig_want(pn_avic_write(core, 0x3F0, 9, &e) == PN_AVIC_TRAP && e.code == 0x401 &&
			 e.info1 == (SELF | 9) && e.info2 == 4ull << 32,
		 "P7", "SELF_IPI of a vector below 16");
	f.x2_broadcast = PN_X2BCAST_INVALID;
	enter(&f, true);
	icr(0xFFFFFFFFull << 32 | V, 't', 2, 0xFFF, 0, 0, "broadcast by ID is refused");
	icr(ALL | V, 't', 1, 1, 15, 2, "broadcast by shorthand is not");
	f.ipi_index = PN_IPI_INDEX_LAST;
	solo_st64(PHYSICAL + 24, VALID | PAGE(3) | 3);
	enter(&f, true);
	icr(ALL | V, 't', 1, 3, 15, 1, "the last that does not run");
	f.ipi_index = PN_IPI_INDEX_FIRST;
	enter(&f, true);
	icr(ALL | V, 't', 1, 1, 15, 1, "the first that does not run");
	entries();
}

/* A table of 256 entries: the last is reserved in xAVIC. */
static void last_entry(void)
{
	struct pn_avic_features f = normal();

	for (unsigned x2 = 0; x2 < 2; x2++) {
		struct pn_avic_vmcb v = vmcb(x2);

		enter(&f, x2);
		v.physical_table = PHYSICAL | 255;
		solo_st64(PHYSICAL + 8 * 254, VALID | PAGE(1) | 1);
		solo_st64(PHYSICAL + 8 * 255, VALID | PAGE(3) | 3);
		solo_st64(PHYSICAL + 24, 0);
		rig_want(!pn_avic_vmrun(core, &v), "P7", "VMRUN");
		icr(ALL | V, 't', 1, 1, x2 ? 15 : 7, 1, "entry 255 in a broadcast");
		if (x2)
			icr(255ull << 32 | V, 't', 1, 255, 8, 0, "entry 255 of x2AVIC");
		else
			icr(254ull << 56 | V, 't', 1, 254, 2, 0, "entry 254");
	}
	solo_st64(PHYSICAL + 8 * 254, 0);
	solo_st64(PHYSICAL + 8 * 255, 0);
	entries();
}

/* ---- erratum 1235: IsRunning = 1 is seen once more after it was cleared ---- */

static void erratum(void)
{
	struct pn_avic_features f = normal();

	f.erratum1235 = true;
	enter(&f, false);
	icr(1ull << 56 | V, 't', 1, 1, 2, 0, "an entry that never ran");
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "an entry that runs");
	solo_st64(PHYSICAL, VALID | PAGE(0) | 9);
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "erratum 1235: a stale IsRunning");
	rig_want(solo->bell == 0x100, "P1", "the stale entry's CPU");
	icr(0ull << 56 | V, 't', 1, 0, 1, 0, "it is stale once");
	entries();
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "an entry that runs");
	icr(3ull << 56 | V, 'd', -1, 0, 8, 1, "another");
	solo_st64(PHYSICAL, VALID | PAGE(0) | 9);
	icr(0ull << 56 | V, 't', 1, 0, 1, 0, "only the last entry is remembered");
	entries();
	f.erratum1235 = false;
	enter(&f, false);
	icr(0ull << 56 | V, 'd', -1, 0, 1, 1, "an entry that runs");
	solo_st64(PHYSICAL, VALID | PAGE(0) | 9);
	icr(0ull << 56 | V, 't', 1, 0, 1, 0, "without the erratum nothing is stale");
	entries();
}

/* ---- VMRUN ---- */

static void check(struct pn_avic_vmcb v, struct pn_avic_features f, bool ok, const char *what)
{
	rig_want(pn_avic_vmcb_check(&f, &v) == (ok ? 0 : -EINVAL), "P7", what);
}

static void fields(void)
{
	struct pn_avic_features f = normal();
	struct pn_avic_vmcb v = vmcb(false);

	check(v, f, true, "a good VMCB of xAVIC");
	check(vmcb(true), f, true, "a good VMCB of x2AVIC");
	v.v_intr = X2;
	check(v, f, false, "x2AVIC without AVIC");
	v = (struct pn_avic_vmcb){.backing_page = ~0ull};
	check(v, f, true, "without AVIC no field counts");
	f.avic = false;
	check(vmcb(false), f, false, "a processor without AVIC");
	f = normal();
	f.x2avic = false;
	check(vmcb(true), f, false, "a processor without x2AVIC");
	check(vmcb(false), f, true, "it has AVIC");
	f = normal();
	v = vmcb(false);
	v.np_enable = false;
	check(v, f, false, "no nested paging");
	f.np_off = PN_NP_OFF_IGNORED;
	check(v, f, true, "no nested paging, which the knob ignores");
	f = normal();
	v = vmcb(false);
	v.physical_table = PHYSICAL | 255;
	check(v, f, true, "255 in xAVIC");
	v.physical_table = PHYSICAL | 256;
	check(v, f, false, "256 in xAVIC");
	v.v_intr |= X2;
	v.physical_table = PHYSICAL | 4095;
	check(v, f, true, "4095 in extended x2AVIC");
	f.x2avic_ext = false;
	check(v, f, false, "4095 in x2AVIC");
	v.physical_table = PHYSICAL | 512;
	check(v, f, false, "512 in x2AVIC");
	v.physical_table = PHYSICAL | 511;
	check(v, f, true, "511 in x2AVIC");
	for (unsigned x2 = 0; x2 < 2; x2++) {
		f = normal();
		f.phys_mask = 0xFFFFFFFFFFull;
		v = vmcb(x2);
		v.backing_page = 1ull << 40;
		check(v, f, false, "a page beyond the physical addresses");
		v = vmcb(x2);
		v.physical_table = 1ull << 40;
		check(v, f, false, "a table beyond the physical addresses");
		v = vmcb(x2);
		v.logical_table = 1ull << 40;
		check(v, f, x2, "a logical table beyond the physical addresses");
		v = vmcb(x2);
		v.backing_page = 0xFFFFFFF000ull;
		check(v, f, true, "the last page");
		f.phys_mask = 0xFFF;
		check(vmcb(x2), f, false, "hardly any physical addresses");
	}
	f = normal();
	f.phys_mask = 0xFFFFFFFFFFull;
	v = vmcb(true);
	v.physical_table = 0xFFFFFFF000ull | 512;
	check(v, f, false, "the end of a table beyond the physical addresses");
	v.physical_table = 0xFFFFFFF000ull | 511;
	check(v, f, true, "a table up to the end");
}

static void refused_entries(void)
{
	struct pn_avic_features f = normal();
	struct pn_avic_vmcb v = vmcb(false);

	enter(&f, false);
	v.backing_page = ABSENT;
	rig_want(pn_avic_vmrun(core, &v) == -EFAULT && !core->in_guest && !core->active, "P7",
		 "VMRUN of a page without memory");
	rig_want(!pn_avic_doorbell(core) && solo->lost == 1, "P5", "a doorbell after that");
	v = vmcb(false);
	v.np_enable = false;
	rig_want(pn_avic_vmrun(core, &v) == -EINVAL && !core->in_guest, "P7", "a refused VMRUN");
	for (unsigned hold = 0; hold < 2; hold++) {
		uint32_t before, lost = solo->lost;

		f.doorbell_host = hold ? PN_DOORBELL_HOST_HOLD : PN_DOORBELL_HOST_DROP;
		enter(&f, false);
		pn_avic_vmexit(core);
		rig_want(!pn_avic_doorbell(core) && solo->lost == lost + !hold, "P5",
			 "a doorbell in host mode");
		before = solo->evaluations;
		v = vmcb(false);
		rig_want(!pn_avic_vmrun(core, &v) && solo->evaluations == before + 1 + hold, "P5",
			 "a doorbell is held, or not");
		pn_avic_vmexit(core);
		rig_want(!pn_avic_vmrun(core, &v) && solo->evaluations == before + 2 + hold, "P5",
			 "a doorbell is held twice");
		pn_avic_vmexit(core);
		pn_avic_vmexit(core); /* nothing */
		solo->ring = core;
		v.backing_page = ABSENT - 4096;
		solo->hole = SOLO_PAGES;
		rig_want(pn_avic_vmrun(core, &v) == -EFAULT, "P7", "no memory");
		solo->hole = 0;
		solo->ring = NULL;
	}
}

/* ---- delivery ---- */

static uint32_t reg(uint32_t off)
{
	return solo_ld32(PAGE(2) + off);
}

static void priorities(void)
{
	struct pn_avic_features f = normal();
	struct pn_avic_vmcb v = vmcb(false);
	struct pn_avic_exit e;

	for (unsigned copies = 0; copies < 2; copies++) {
		f.vmrun_tpr = copies ? PN_VMRUN_TPR_TO_PAGE : PN_VMRUN_TPR_KEEP;
		enter(&f, false);
		pn_avic_vmexit(core);
		solo_st32(PAGE(2) + 0x80, 0x2B);
		v.v_intr = AVIC | 0xF0 | 5;
		rig_want(!pn_avic_vmrun(core, &v) && reg(0x80) == (copies ? 0x5B : 0x2B) &&
				 reg(0xA0) == 0x5B,
			 "P4", "V_TPR, the page's TPR and PPR after VMRUN");
		pn_avic_vmexit(core);
		solo_st32(PAGE(2) + 0x160, 2); /* C1h in service */
		rig_want(!pn_avic_vmrun(core, &v) && reg(0xA0) == 0xC0, "P4",
			 "PPR of what is in service after VMRUN");
		solo_st32(PAGE(2) + 0x160, 0);
		pn_avic_write(core, 0x80, 0x7F, &e);
		rig_want(reg(0x80) == 0x7F && reg(0xA0) == 0x7F, "P4", "TPR and PPR");
		pn_avic_write_cr8(core, 0x0A);
		rig_want(reg(0x80) == 0xA0 && reg(0xA0) == 0xA0, "P4", "CR8");
		solo_followed();
		solo_st32(PAGE(2) + 0x250, 2 | 1 << 31); /* A1h, BFh */
		rig_want(pn_avic_evaluate(core, true) == 0xBF && pn_avic_evaluate(core, false) < 0,
			 "P4", "what is delivered");
		pn_avic_deliver(core, 0xBF);
		solo_followed();
		rig_want(reg(0x250) == 2 && reg(0x150) == 1u << 31 && reg(0xA0) == 0xB0 &&
				 pn_avic_evaluate(core, true) == -1,
			 "P4", "a delivery");
		pn_avic_deliver(core, 0xA1); /* against the priorities: PPR stays */
		rig_want(reg(0xA0) == 0xB0 && reg(0x150) == (2 | 1u << 31) && !reg(0x250), "P4",
			 "PPR is that of the highest in service");
		pn_avic_deliver(core, 0xA2);
		rig_want(reg(0x150) == (2 | 1u << 31), "P4", "what is not pending is delivered");
		rig_want(pn_avic_write(core, 0xB0, 0, &e) == PN_AVIC_EVALUATE && reg(0x150) == 2 &&
				 reg(0xA0) == 0xA0,
			 "P4", "an EOI");
		solo_followed();
		rig_want(pn_avic_write(core, 0xB0, 0, &e) == PN_AVIC_EVALUATE && !reg(0x150) &&
				 pn_avic_write(core, 0xB0, 0, &e) == PN_AVIC_EVALUATE,
			 "P4", "EOIs");
	}
	pn_avic_vmexit(core);
	solo_st32(PAGE(2) + 0x250, 2);
	pn_avic_deliver(core, 0xA1);
	rig_want(reg(0x250) == 2 && pn_avic_evaluate(core, true) == -1, "P4",
		 "a delivery outside the guest");
}

static void level_eoi(void)
{
	struct pn_avic_features f = normal();
	struct pn_avic_exit e;

	for (unsigned k = 0; k < 3; k++) {
		bool ends = k == 1;

		f.level_eoi = k == 0 ? PN_EOI_TRAP : ends ? PN_EOI_TRAP_CLEARED : PN_EOI_FAULT;
		enter(&f, false);
		solo_st32(PAGE(2) + 0x120, 1); /* 40h below it */
		solo_st32(PAGE(2) + 0x150, 2);
		solo_st32(PAGE(2) + 0x1D0, 2);
		solo_st32(PAGE(2) + 0xA0, 0xA0);
		rig_want(letter(pn_avic_write(core, 0xB0, 0, &e)) == (k == 2 ? 'f' : 't') &&
				 e.code == 0x402 && e.info1 == (1ull << 32 | 0xB0) &&
				 e.info2 == 0xA1,
			 "P7", "the EOI of a level");
		rig_want(reg(0x150) == (ends ? 0 : 2) && reg(0x120) == 1 &&
				 reg(0xA0) == (ends ? 0x40 : 0xA0),
			 "P4", "what the EOI of a level leaves");
		solo_st32(PAGE(2) + 0x1D0, 0);
		solo_st32(PAGE(2) + 0x150, 2);
		rig_want(letter(pn_avic_write(core, 0xB0, 0, &e)) == 'e' && !reg(0x150) &&
				 reg(0xA0) == 0x40,
			 "P4", "the EOI of an edge");
	}
}

/* ---- memory that moves; a guest without AVIC ---- */

static void memory(void)
{
	struct pn_avic_features f = normal();
	const struct pn_avic_vmcb off = {0}, on = vmcb(false);
	uint32_t evaluations;

	enter(&f, false);
	core->page = solo_ptr(PAGE(3));
	rig_want(!pn_avic_memory_changed(core) && core->page == solo_ptr(PAGE(2)), "P7",
		 "the page is not looked for again");
	solo->hole = 3;
	rig_want(pn_avic_memory_changed(core) == -EFAULT && core->page == solo_ptr(PAGE(2)), "P7",
		 "a page that has no memory any more");
	solo->hole = 0;
	pn_avic_vmexit(core);
	solo->hole = 3;
	rig_want(!pn_avic_memory_changed(core), "P7", "outside no page is needed");
	solo->hole = 0;
	evaluations = solo->evaluations;
	rig_want(!pn_avic_vmrun(core, &off) && solo->evaluations == evaluations && core->in_guest &&
			 !core->active && !core->page && !pn_avic_memory_changed(core) &&
			 !pn_avic_doorbell(core) && pn_avic_evaluate(core, true) == -1,
		 "P5", "a guest without AVIC");
	pn_avic_vmexit(core);
	solo->skew = 4;
	rig_want(pn_avic_vmrun(core, &on) == -EFAULT, "P7", "memory that is misaligned");
	solo->skew = 0;
	solo->end = (uint32_t)(PAGE(2) - SOLO_PA) + 4095;
	rig_want(pn_avic_vmrun(core, &on) == -EFAULT, "P7", "a page whose last byte is missing");
	solo->end = 0;
	rig_want(!pn_avic_vmrun(core, &off), "P7", "a guest without AVIC");
	core->feat.phys_mask = 0xFFF;
	core->active = true;
	core->page_pa = PAGE(2);
	rig_want(pn_avic_memory_changed(core) == -EFAULT, "P7", "beyond the physical addresses");
}

static void defaults(void)
{
	struct pn_avic_features f;

	memset(&f, 1, sizeof(f));
	pn_avic_features_default(&f);
	rig_want(f.avic && f.x2avic && f.x2avic_ext && f.extlvt && !f.erratum1235 &&
			 f.phys_mask == 0x000FFFFFFFFFFFFF && f.level_eoi == PN_EOI_TRAP &&
			 f.x2_broadcast == PN_X2BCAST_BROADCAST &&
			 f.ipi_index == PN_IPI_INDEX_FIRST &&
			 f.doorbell_host == PN_DOORBELL_HOST_DROP && f.x2_map == PN_X2MAP_FIRST &&
			 f.vmrun_tpr == PN_VMRUN_TPR_KEEP && f.np_off == PN_NP_OFF_INVALID,
		 "P7", "the defaults of a processor");
}

/* ---- the case ---- */

static void runs(void *arg)
{
	(void)arg;
	px_doing("uses its registers");
	defaults();
	entries();
	if (is_broken) {
		solo_st64(PHYSICAL, VALID | RUNS | PAGE(0) | 0x200);
		ipis_x1();
	}
	for (unsigned mode = 0; mode < MODES; mode++) {
		all_registers(mode, true);
		all_registers(mode, false);
	}
	no_register(false);
	no_register(true);
	refused_values();
	px_doing("sends IPIs");
	ipis_x1();
	ipis_x2();
	last_entry();
	erratum();
	px_doing("is entered");
	fields();
	refused_entries();
	priorities();
	level_eoi();
	memory();
	solo_followed();
}

static void build(bool broken)
{
	is_broken = broken;
	solo_build();
	core = px_alloc(sizeof(*core), 64);
	px_thread("CPU 7", 0, runs, NULL);
}

const struct case_setup pn_cases_amd_access[] = {
	{{"entry-names-other-cpu", "APM vol 2, 15.29.5.2",
	  "the physical ID entry names another CPU than the one that runs the vCPU",
	  "its host physical APIC ID is that CPU's", "P1", false, false},
	 PN_MISTAKE_NONE,
	 build,
	 INT16_MAX},
};

const unsigned pn_cases_amd_access_nr =
	sizeof(pn_cases_amd_access) / sizeof(pn_cases_amd_access[0]);
