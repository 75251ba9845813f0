/* SPDX-License-Identifier: MIT */
/*
 * The memory model, pinned: for each litmus test the outcomes are exactly those of x86-TSO, and
 * with .sc exactly those of sequential consistency. Names are those of S. Owens, S. Sarkar,
 * P. Sewell, "A better x86 memory model: x86-TSO" (2009) and P. Sewell et al., CACM 53(7), 2010.
 *
 * A thread is a string of operations on the places x, y, z of 16 bytes:
 *   Wx1 Lx1     stores 1: 4 bytes; 8 bytes, 1 in each half
 *   Rx Hx Qx Vx loads 4 bytes; the 4 behind them; 8 bytes; 16 bytes
 *   Xx1 Ox1 Cx1 xchg; locked or; cmpxchg16b of 0 by 1 in each quarter (reads 1: success)
 *   P1          one access of the line of x and y: reads both (4 bytes each), adds 1 to both
 *   F           mfence
 * An outcome is what was read, in the order of threads, 4 bytes a digit, and then the final values
 * of places. Sub-word cases, which the papers leave out: a load that its own buffer can give only
 * in part waits until the store is in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "litmus_threads.h"

struct litmus {
	const char *name;
	const char *thread[4];
	const char *final; /* places */
	const char *tso;
	const char *sc; /* NULL: the same */
};

/* clang-format off */
static const struct litmus table[] = {
	{"SB", {"Wx1 Ry", "Wy1 Rx"}, "", "00 01 10 11", "01 10 11"},
	{"SB, mfence in one", {"Wx1 F Ry", "Wy1 Rx"}, "", "00 01 10 11", "01 10 11"},
	{"SB, mfences", {"Wx1 F Ry", "Wy1 F Rx"}, "", "01 10 11", NULL},
	{"SB, xchg in one", {"Xx1 Ry", "Wy1 Rx"}, "", "00 01 10 11", "01 10 11"},
	{"SB, xchgs", {"Xx1 Ry", "Xy1 Rx"}, "", "01 10 11", NULL},
	{"SB, locked or in one", {"Ox1 Ry", "Wy1 Rx"}, "", "00 01 10 11", "01 10 11"},
	{"SB, locked ors", {"Ox1 Ry", "Oy1 Rx"}, "", "01 10 11", NULL},
	{"SB, xchg and mfence", {"Xx1 Ry", "Wy1 F Rx"}, "", "01 10 11", NULL},
	{"SB, locked or elsewhere", {"Wx1 Oz1 Ry", "Wy1 Oz2 Rx"}, "", "01 10 11", NULL},
	{"MP", {"Wx1 Wy1", "Ry Rx"}, "", "00 01 11", NULL},
	{"MP, mfences", {"Wx1 F Wy1", "Ry F Rx"}, "", "00 01 11", NULL},
	{"MP, xchg", {"Wx1 Xy1", "Ry Rx"}, "", "00 01 11", NULL},
	{"LB", {"Rx Wy1", "Ry Wx1"}, "", "00 01 10", NULL},
	{"LB, xchgs", {"Rx Xy1", "Ry Xx1"}, "", "00 01 10", NULL},
	{"S", {"Wx2 Wy1", "Ry Wx1"}, "x", "01 02 11", NULL},
	{"S, mfence", {"Wx2 F Wy1", "Ry Wx1"}, "x", "01 02 11", NULL},
	{"R", {"Wx1 Wy1", "Wy2 Rx"}, "y", "01 02 11 12", "01 11 12"},
	{"R, mfence where it stores twice", {"Wx1 F Wy1", "Wy2 Rx"}, "y", "01 02 11 12", "01 11 12"},
	{"R, mfence where it loads", {"Wx1 Wy1", "Wy2 F Rx"}, "y", "01 11 12", NULL},
	{"R, xchg where it loads", {"Wx1 Wy1", "Xy2 Rx"}, "y", "01 11 12", NULL},
	{"2+2W", {"Wx1 Wy2", "Wy1 Wx2"}, "xy", "12 21 22", NULL},
	{"2+2W, xchgs", {"Xx1 Xy2", "Xy1 Xx2"}, "xy", "12 21 22", NULL},
	{"WRC", {"Wx1", "Rx Wy1", "Ry Rx"}, "", "000 001 010 011 100 101 111", NULL},
	{"RWC", {"Wx1", "Rx Ry", "Wy1 Rx"}, "", "000 001 010 011 100 101 110 111", "000 001 010 011 101 110 111"},
	{"RWC, mfence", {"Wx1", "Rx Ry", "Wy1 F Rx"}, "", "000 001 010 011 101 110 111", NULL},
	{"ISA2", {"Wx1 Wy1", "Ry Wz1", "Rz Rx"}, "", "000 001 010 011 100 101 111", NULL},
	{"IRIW", {"Wx1", "Wy1", "Rx Ry", "Ry Rx"}, "", "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111", NULL},
	{"IRIW, xchgs", {"Xx1", "Xy1", "Rx Ry", "Ry Rx"}, "", "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111", NULL},
	{"n2", {"Wx1 Wy1", "Ry Rx", "Rx Ry"}, "", "0000 0001 0010 0011 0100 0101 0110 0111 1100 1101 1110 1111", NULL},
	{"n4b", {"Rx Wx1", "Rx Wx2"}, "", "00 01 20", NULL},
	{"n5", {"Wx1 Rx", "Wx2 Rx"}, "", "11 12 22", NULL},
	{"n6", {"Wx1 Rx Ry", "Wy2 Wx2"}, "x", "101 102 121 122 222", "102 121 122 222"},
	{"n6, mfence", {"Wx1 F Rx Ry", "Wy2 Wx2"}, "x", "102 121 122 222", NULL},
	{"n7", {"Wx1 Rx Ry", "Wy1", "Ry Rx"}, "", "1000 1001 1010 1011 1100 1101 1110 1111", "1000 1001 1011 1100 1101 1110 1111"},
	{"amd3", {"Wx1 Wx2 Ry", "Wy1 Wy2 Rx"}, "", "00 01 02 10 11 12 20 21 22", "02 12 20 21 22"},
	{"amd10", {"Wx1 F Rx Ry", "Wy1 F Ry Rx"}, "", "1011 1110 1111", NULL},
	{"iwp2.4: own store first", {"Wx1 Rx Ry", "Wy1 Ry Rx"}, "", "1010 1011 1110 1111", "1011 1110 1111"},
	{"CoRR", {"Wx1", "Rx Rx"}, "", "00 01 11", NULL},
	{"CoRR of two", {"Wx1 Wx2", "Rx Rx"}, "", "00 01 02 11 12 22", NULL},
	{"CoWW, forwarding of the youngest", {"Wx1 Wx2 Rx"}, "", "2", NULL},
	{"CoWR", {"Wx1 Rx", "Wx2"}, "x", "11 12 22", NULL},
	{"8 bytes at once", {"Lx1", "Qx"}, "", "00 11", NULL},
	{"8 bytes are one store, two loads", {"Lx1", "Rx Hx"}, "", "00 01 11", NULL},
	{"half of an own store is forwarded", {"Lx1 Hx Ry", "Wy1 F Rx"}, "", "100 101 110 111", "101 110 111"},
	{"half of an own store, mfence", {"Lx1 F Hx Ry", "Wy1 F Rx"}, "", "101 110 111", NULL},
	{"more than an own store waits for it", {"Wx1 Qx Ry", "Wy1 F Rx"}, "", "1001 1010 1011", NULL},
	{"other half of an own store", {"Wx1 Hx Ry", "Wy1 F Rx"}, "", "000 001 010 011", "001 010 011"},
	{"16 bytes at once", {"Lx1", "Vx"}, "", "0000 1100", NULL},
	{"16 bytes after an own store wait for it", {"Wx1 Vx Ry", "Wy1 F Rx"}, "", "100001 100010 100011", NULL},
	{"cmpxchg16b, one wins", {"Cx1", "Cx2"}, "x", "012 101", NULL},
	{"cmpxchg16b as a fence", {"Cx1 Ry", "Cy1 Rx"}, "", "1011 1110 1111", NULL},
	{"cmpxchg16b sees all of a store", {"Lx1", "Cx2"}, "x", "01 11", NULL},
	{"a line is changed at once", {"P1", "Rx Ry"}, "", "0000 0001 0011", NULL},
	{"a line is changed at once, the other order", {"P1", "Ry Rx"}, "", "0000 0001 0011", NULL},
	{"two lines", {"P1", "P1"}, "xy", "001122 110022", NULL},
	{"a line is read at once", {"Wx1 Wy1", "P1"}, "xy", "0011 1021 1122", NULL},
	{"a line as a fence", {"Wz1 P1", "P1 Rz"}, "", "00111 11000 11001", NULL},
	{"a line waits for the buffer", {"Wx1 P1", "Rx"}, "xy", "10021 10121 10221", NULL},
	{"a line between two locked instructions", {"P1", "Ox2 Oy2"}, "xy", "0033 2033 2233", NULL},
	{"a line between a store and its flush", {"Wx1 Ry", "P1"}, "xy", "00011 01021 10011 11021", "01021 10011 11021"},
	{"three lines", {"P1", "P1", "P1"}, "xy", "00112233 00221133 11002233 11220033 22001133 22110033", NULL},
	{"SB through a line", {"P1 Rz", "Xz1 Rx"}, "", "0001 0010 0011", NULL},
};
/* clang-format on */

#define THREADS	 LITMUS_THREADS
#define PLACES	 3
#define READS	 8
#define OUTCOMES 32

struct memory {
	struct pn_u128 place[PLACES];
	uint32_t reads[THREADS];
	char read[THREADS][READS];
};

static const struct litmus *test;
static struct memory *mem;
static char seen[OUTCOMES][THREADS * READS + PLACES + 1];
static unsigned n_seen;

static void saw(unsigned me, uint64_t v)
{
	if (mem->reads[me] < READS)
		mem->read[me][mem->reads[me]++] = (char)('0' + (v & 7));
}

static void saw64(unsigned me, uint64_t v)
{
	saw(me, v);
	saw(me, v >> 32);
}

static void load(unsigned me, char op, struct pn_u128 *p)
{
	struct pn_u128 v;

	switch (op) {
	case 'R':
		saw(me, pn_ld32((uint32_t *)p));
		break;
	case 'H':
		saw(me, pn_ld32((uint32_t *)p + 1));
		break;
	case 'Q':
		saw64(me, pn_ld64(&p->lo));
		break;
	default:
		v = pn_ld128_sc(p);
		saw64(me, v.lo);
		saw64(me, v.hi);
	}
}

static void change(unsigned me, char op, struct pn_u128 *p, uint32_t v)
{
	uint64_t both = (uint64_t)v << 32 | v;
	struct pn_u128 zero = {0, 0};

	switch (op) {
	case 'W':
		pn_st32((uint32_t *)p, v);
		break;
	case 'L':
		pn_st64(&p->lo, both);
		break;
	case 'X':
		pn_xchg32((uint32_t *)p, v);
		break;
	case 'O':
		pn_or32((uint32_t *)p, v);
		break;
	default:
		saw(me, pn_cas128(p, &zero, ((struct pn_u128){both, both})));
	}
}

/* Like a device that posts: reads one word, changes another, then reads the first again. */
static void line(unsigned me)
{
	uint32_t *x = (uint32_t *)&mem->place[0], *y = (uint32_t *)&mem->place[1], was, see;

	pn_line_begin(mem->place, 2 * sizeof(mem->place[0]));
	was = pn_ld32(x);
	see = pn_ld32(y);
	while (!pn_cas32(y, &see, see + 1))
		pn_relax();
	pn_st32(x, pn_ld32(x) + 1);
	pn_line_end(mem->place);
	saw(me, was);
	saw(me, see);
}

static void body(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (const char *s = test->thread[me]; *s; s += strspn(s, " ")) {
		if (*s == 'F')
			pn_fence();
		else if (*s == 'P')
			line(me);
		else if (strchr("RHQV", *s))
			load(me, *s, &mem->place[s[1] - 'x']);
		else
			change(me, *s, &mem->place[s[1] - 'x'], (uint32_t)(s[2] - '0'));
		s += strcspn(s, " ");
	}
}

static void setup(void *arg)
{
	(void)arg;
	mem = px_alloc(sizeof(*mem), 64);
	litmus_threads(test->thread, body);
}

static void outcome(void *ctx)
{
	char s[sizeof(seen[0])];
	size_t len = 0;

	(void)ctx;
	for (unsigned i = 0; i < THREADS; i++)
		for (unsigned k = 0; k < mem->reads[i]; k++)
			s[len++] = mem->read[i][k];
	for (const char *f = test->final; *f; f++)
		s[len++] = (char)('0' + (mem->place[*f - 'x'].lo & 7));
	s[len] = '\0';
	for (unsigned i = 0; i < n_seen; i++)
		if (!strcmp(seen[i], s))
			return;
	if (n_seen < OUTCOMES)
		memcpy(seen[n_seen++], s, sizeof(s));
}

/* True if @s is one of the words of @list. */
static bool listed(const char *list, const char *s)
{
	size_t len = strlen(s);

	for (const char *p = list; *p; p += strspn(p, " ")) {
		size_t word = strcspn(p, " ");

		if (word == len && !memcmp(p, s, len))
			return true;
		p += word;
	}
	return false;
}

static unsigned words(const char *list)
{
	unsigned n = 1;

	for (; *list; list++)
		n += *list == ' ';
	return n;
}

static void explore(bool sc, bool unreduced, const char *want)
{
	struct px_program prog = {.setup = setup};
	struct px_options opt = {
		.bound = UINT32_MAX, .sc = sc, .unreduced = unreduced, .outcome = outcome};
	struct px_result res;
	char how[80];

	snprintf(how, sizeof(how), "%s, %s%s", test->name, sc ? "SC" : "TSO",
		 unreduced ? ", unreduced" : "");
	n_seen = 0;
	assert_int_equal(px_explore(&prog, &opt, &res), 0);
	assert_int_equal(res.verdict, PX_HELD);
	assert_true(res.exhaustive);
	px_result_free(&res);
	for (unsigned i = 0; i < n_seen; i++)
		if (!listed(want, seen[i]))
			fail_msg("%s: outcome %s is forbidden", how, seen[i]);
	if (n_seen != words(want))
		fail_msg("%s: %u outcomes, and not %s", how, n_seen, want);
}

static void outcomes_are_those_of_the_literature(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		test = &table[i];
		for (int unreduced = 0; unreduced < 2; unreduced++) {
			explore(false, unreduced, test->tso);
			explore(true, unreduced, test->sc ? test->sc : test->tso);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_are_those_of_the_literature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
