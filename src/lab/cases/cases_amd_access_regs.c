/* SPDX-License-Identifier: MIT */
/* Every register of a processor's APIC in each mode: how its reads and writes end. */
#include <string.h>

#include "cases_amd_access.h"

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
	rig_want(access_letter(pn_avic_read(access_core, off, &value, &e)) == want, "P7",
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
	rig_want(access_letter(pn_avic_write(access_core, off, value, &e)) == want, "P7",
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
		pn_avic_write(access_core, 0x80, 0, &e);
}

static void all_registers(unsigned mode, bool extlvt)
{
	struct pn_avic_features f = access_features();

	f.extlvt = extlvt;
	f.x2_map = mode == X2TABLE ? PN_X2MAP_TABLE : PN_X2MAP_FIRST;
	access_enter(&f, mode != XAVIC);
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
	struct pn_avic_features f = access_features();
	struct pn_avic_exit e;
	uint64_t v = 3;

	access_enter(&f, x2);
	for (unsigned i = 0; i < 5; i++) {
		e = (struct pn_avic_exit){0};
		rig_want(access_letter(pn_avic_read(access_core, offs[i], &v, &e)) ==
					 (x2 ? 'g' : 'f') &&
				 v == 3,
			 "P7", "a read where no register is");
		exits(x2 ? 'g' : 'f', &e, offs[i] & 0xFF0, false);
		e = (struct pn_avic_exit){0};
		rig_want(access_letter(pn_avic_write(access_core, offs[i], 0, &e)) ==
				 (x2 ? 'g' : 'f'),
			 "P7", "a write where no register is");
		exits(x2 ? 'g' : 'f', &e, offs[i] & 0xFF0, true);
	}
	pn_avic_vmexit(access_core);
	rig_want(access_letter(pn_avic_read(access_core, 0x80, &v, &e)) == 'f', "P7",
		 "a read outside");
	exits('f', &e, 0x80, false);
	rig_want(access_letter(pn_avic_write(access_core, 0x80, 0x20, &e)) == 'f' &&
			 !solo_ld32(PAGE(2) + 0x80),
		 "P7", "a write outside");
	exits('f', &e, 0x80, true);
	pn_avic_write_cr8(access_core, 5);
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
		struct pn_avic_features f = access_features();

		f.x2_map = k ? PN_X2MAP_TABLE : PN_X2MAP_FIRST;
		access_enter(&f, true);
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct pn_avic_exit e = {0};
			uint32_t old = solo_ld32(PAGE(2) + rows[i].off);
			char want = k ? rows[i].table : rows[i].map;

			rig_want(access_letter(pn_avic_write(access_core, rows[i].off,
							     rows[i].value, &e)) == want,
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
		rig_want((pn_avic_write(access_core, 0x300, 1ull << bit | 0xFull << 32, &e) ==
			  PN_AVIC_GP) == reserved,
			 "P7", "a bit of the ICR is reserved, or not");
		rig_want(solo_ld32(PAGE(2) + 0x300) == (reserved ? 0x99 : 1u << bit), "P7",
			 "a refused ICR is stored");
	}
}

void access_registers(void)
{
	for (unsigned mode = 0; mode < MODES; mode++) {
		all_registers(mode, true);
		all_registers(mode, false);
	}
	no_register(false);
	no_register(true);
	refused_values();
}
