/* SPDX-License-Identifier: MIT */
/*
 * Three witnesses of the memory order, none of which is another's oracle, on the litmus tests that
 * the literature uses:
 *
 * - the verdict that was published for the test: P. Sewell et al., "x86-TSO: a rigorous and usable
 *   programmer's model for x86 multiprocessors", CACM 53(7), 2010; S. Owens, S. Sarkar, P. Sewell,
 *   "A better x86 memory model: x86-TSO", TPHOLs 2009, whose names iwp* and amd* are those of the
 *   vendors' own examples (Intel SDM vol. 3A 8.2.3, AMD APM vol. 2 7.2); J. Alglave, L. Maranget,
 *   M. Tautschnig, "Herding cats", TOPLAS 36(2), 2014, for the names of shapes;
 * - all executions that axioms allow: each choice of what loads read and of the order in which
 *   stores to a place take effect, such that each place is coherent, locked instructions are atomic
 *   and the global happens-before order has no cycle (Herding cats, figure 21: TSO). No store
 *   buffer, no order of steps;
 * - the explorer, by states, by traces and unreduced.
 *
 * The last two must give the same set of final states, for x86-TSO and for sequential consistency,
 * and the published verdict must be theirs. `--write DIR` writes each test for herd7 (NAME.litmus),
 * with the final states of the axioms (NAME.x86tso, NAME.sc): tools/herd compares.
 *
 * A thread is a string of operations on places w, x, y, z: Wx1 stores, Rx loads, Xx1 exchanges, F
 * is mfence. A final state is what was read, in the order of threads, and the values of the places
 * in alphabetical order. @state is a beginning of it, `.` is any value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "litmus_threads.h"

#define THREADS LITMUS_THREADS
#define PLACES	4
#define EVENTS	12
#define STATES	128
#define TEXT	(EVENTS + PLACES + 1)

struct litmus {
	const char *name;
	const char *thread[THREADS];
	const char *state; /* the published one */
	bool tso, sc;	   /* allowed */
};

/* clang-format off */
static const struct litmus table[] = {
	/* CACM 2010 and TPHOLs 2009 */
	{"iwp2.1-amd1", {"Wx1 Wy1", "Ry Rx"}, "10", false, false},
	{"iwp2.2-amd2", {"Rx Wy1", "Ry Wx1"}, "11", false, false},
	{"iwp2.3.a-amd4", {"Wx1 Ry", "Wy1 Rx"}, "00", true, false},
	{"iwp2.3.b", {"Wx1 Rx", "Wy1 Ry"}, "0.", false, false},
	{"iwp2.4-amd9", {"Wx1 Rx Ry", "Wy1 Ry Rx"}, "1010", true, false},
	{"iwp2.5-amd8", {"Wx1", "Rx Wy1", "Ry Rx"}, "110", false, false},
	{"iwp2.6", {"Wx1", "Wx2", "Rx Rx", "Rx Rx"}, "1221", false, false},
	{"amd6", {"Wx1", "Wy1", "Rx Ry", "Ry Rx"}, "1010", false, false},
	{"iwp2.7-amd7", {"Xx1", "Xy1", "Rx Ry", "Ry Rx"}, "001010", false, false},
	{"iwp2.8.a", {"Xx1 Ry", "Xy1 Rx"}, "0000", false, false},
	{"iwp2.8.b", {"Xx1 Wy1", "Ry Rx"}, "010", false, false},
	{"amd3", {"Wx1 Wx2 Ry", "Wy1 Wy2 Rx"}, "00", true, false},
	{"amd5", {"Wx1 F Ry", "Wy1 F Rx"}, "00", false, false},
	{"amd10", {"Wx1 F Rx Ry", "Wy1 F Ry Rx"}, "1010", false, false},
	{"n2", {"Wx1 Wy1", "Ry Rx", "Rx Ry"}, "1010", false, false},
	{"n4b", {"Rx Wx1", "Rx Wx2"}, "21", false, false},
	{"n5", {"Wx1 Rx", "Wx2 Rx"}, "21", false, false},
	{"n6", {"Wx1 Rx Ry", "Wy2 Wx2"}, "1012", true, false},
	{"n7", {"Wx1 Rx Ry", "Wy1", "Ry Rx"}, "1010", true, false},
	/* coherence */
	{"CoRR", {"Wx1", "Rx Rx"}, "10", false, false},
	{"CoRR2", {"Wx1", "Wx2", "Rx Rx", "Rx Rx"}, "1221", false, false},
	{"CoRW1", {"Rx Wx1"}, "1", false, false},
	{"CoRW2", {"Rx Wx1", "Wx2"}, "22", false, false},
	{"CoWR", {"Wx1 Rx", "Wx2"}, "21", false, false},
	{"CoWW", {"Wx1 Wx2"}, "1", false, false},
	{"CoRR-RW", {"Rx Rx", "Rx Wx1"}, "100", false, false},
	/* two threads, two places */
	{"SB", {"Wx1 Ry", "Wy1 Rx"}, "00", true, false},
	{"SB+mfence+po", {"Wx1 F Ry", "Wy1 Rx"}, "00", true, false},
	{"SB+mfences", {"Wx1 F Ry", "Wy1 F Rx"}, "00", false, false},
	{"SB+mfence+xchg", {"Wx1 F Ry", "Xy1 Rx"}, "000", false, false},
	{"SB+xchg+po", {"Xx1 Ry", "Wy1 Rx"}, "000", true, false},
	{"SB+rfi-pos", {"Wx1 Rx Ry", "Wy1 Ry Rx"}, "1010", true, false},
	{"SB+rfi-po+po", {"Wx1 Rx Ry", "Wy1 Rx"}, "100", true, false},
	{"SB+rfi-mfence-po+mfence", {"Wx1 Rx F Ry", "Wy1 F Rx"}, "100", false, false},
	{"SB+xchg-elsewhere", {"Wx1 Xz1 Ry", "Wy1 Xz2 Rx"}, "0020", false, false},
	{"MP", {"Wx1 Wy1", "Ry Rx"}, "10", false, false},
	{"MP+mfences", {"Wx1 F Wy1", "Ry F Rx"}, "10", false, false},
	{"MP+rfi", {"Wx1 Wy1", "Ry Wz1 Rz Rx"}, "110", false, false},
	{"LB", {"Rx Wy1", "Ry Wx1"}, "11", false, false},
	{"LB+rfi", {"Rx Wy1", "Ry Wz1 Rz Wx1"}, "111", false, false},
	{"R", {"Wx1 Wy1", "Wy2 Rx"}, "012", true, false},
	{"R+mfence+po", {"Wx1 F Wy1", "Wy2 Rx"}, "012", true, false},
	{"R+po+mfence", {"Wx1 Wy1", "Wy2 F Rx"}, "012", false, false},
	{"R+mfences", {"Wx1 F Wy1", "Wy2 F Rx"}, "012", false, false},
	{"R+po+rfi-po", {"Wx1 Wy1", "Wy2 Ry Rx"}, "2012", true, false},
	{"S", {"Wx2 Wy1", "Ry Wx1"}, "12", false, false},
	{"S+mfence+po", {"Wx2 F Wy1", "Ry Wx1"}, "12", false, false},
	{"2+2W", {"Wx1 Wy2", "Wy1 Wx2"}, "11", false, false},
	{"2+2W+mfences", {"Wx1 F Wy2", "Wy1 F Wx2"}, "11", false, false},
	/* three and four threads */
	{"WRC", {"Wx1", "Rx Wy1", "Ry Rx"}, "110", false, false},
	{"RWC", {"Wx1", "Rx Ry", "Wy1 Rx"}, "100", true, false},
	{"RWC+po+mfence", {"Wx1", "Rx Ry", "Wy1 F Rx"}, "100", false, false},
	{"WWC", {"Wx2", "Rx Wy1", "Ry Wx1"}, "212", false, false},
	{"WRW+WR", {"Wx1", "Rx Wy1", "Wy2 Rx"}, "1012", true, false},
	{"WRW+WR+po+mfence", {"Wx1", "Rx Wy1", "Wy2 F Rx"}, "1012", false, false},
	{"WRR+2W", {"Wx2", "Rx Ry", "Wy1 Wx1"}, "202", false, false},
	{"ISA2", {"Wx1 Wy1", "Ry Wz1", "Rz Rx"}, "110", false, false},
	{"Z6.0", {"Wx1 Wy1", "Ry Wz1", "Wz2 Rx"}, "10112", true, false},
	{"Z6.2", {"Wx2 Wy1", "Ry Wz1", "Rz Wx1"}, "112", false, false},
	{"Z6.3", {"Wx1 Wy1", "Wy2 Wz1", "Rz Rx"}, "1012", false, false},
	{"W+RWC", {"Wx1 Wy1", "Ry Rz", "Wz1 Rx"}, "100", true, false},
	{"W+RWC+po+po+mfence", {"Wx1 Wy1", "Ry Rz", "Wz1 F Rx"}, "100", false, false},
	{"3.SB", {"Wx1 Ry", "Wy1 Rz", "Wz1 Rx"}, "000", true, false},
	{"3.SB+mfences", {"Wx1 F Ry", "Wy1 F Rz", "Wz1 F Rx"}, "000", false, false},
	{"3.SB+mfence+mfence+po", {"Wx1 F Ry", "Wy1 F Rz", "Wz1 Rx"}, "000", true, false},
	{"3.LB", {"Rx Wy1", "Ry Wz1", "Rz Wx1"}, "111", false, false},
	{"3.2W", {"Wx1 Wy2", "Wy1 Wz2", "Wz1 Wx2"}, "111", false, false},
	{"IRIW", {"Wx1", "Wy1", "Rx Ry", "Ry Rx"}, "1010", false, false},
	{"IRIW+mfences", {"Wx1", "Wy1", "Rx F Ry", "Ry F Rx"}, "1010", false, false},
	{"IRIW+rfi", {"Wx1 Rx Ry", "Wy1 Ry Rx", "Rx Ry"}, "1010", true, false},
	{"IRRWIW", {"Wx2", "Rx Ry", "Wy1", "Ry Wx1"}, "2012", false, false},
	{"4.SB", {"Ww1 Rx", "Wx1 Ry", "Wy1 Rz", "Wz1 Rw"}, "0000", true, false},
	{"4.SB+mfences", {"Ww1 F Rx", "Wx1 F Ry", "Wy1 F Rz", "Wz1 F Rw"}, "0000", false, false},
	/* stores that wait together */
	{"SB+two-stores", {"Wx1 Wz1 Ry", "Wy1 Wz2 Rx"}, "00111", true, false},
	{"SB+old-value-forwarded", {"Wx1 Wx2 Rx Ry", "Wy1 Rx"}, "200", true, false},
	{"MP+xchg-in-the-reader", {"Wx1 Wy1", "Xy2 Rx"}, "10", false, false},
	{"two-xchgs", {"Xx1", "Xx2"}, "00", false, false},
};
/* clang-format on */

/* ---- a test as events ---- */

struct event {
	unsigned thread, place;
	char op;
	uint32_t value;
	bool fenced; /* mfence between it and the event before it */
	bool reads, writes;
};

static const struct litmus *test;
static struct event ev[EVENTS];
static unsigned events;

static bool used(unsigned place)
{
	for (unsigned i = 0; i < events; i++)
		if (ev[i].place == place)
			return true;
	return false;
}

static void parse(void)
{
	events = 0;
	for (unsigned t = 0; t < THREADS && test->thread[t]; t++) {
		bool fence = false;

		for (const char *s = test->thread[t]; *s; s += strspn(s, " ")) {
			if (*s == 'F') {
				fence = true;
			} else {
				assert_true(events < EVENTS);
				ev[events++] = (struct event){
					.thread = t,
					.place = (unsigned)(s[1] - 'w'),
					.op = *s,
					.value = *s == 'R' ? 0 : (uint32_t)(s[2] - '0'),
					.fenced = fence,
					.reads = *s != 'W',
					.writes = *s != 'R'};
				fence = false;
			}
			s += strcspn(s, " ");
		}
	}
}

/* ---- sets of final states ---- */

struct states {
	char s[STATES][TEXT];
	unsigned n;
};

static void add_state(struct states *set, const char *s)
{
	unsigned at = 0;

	while (at < set->n && strcmp(set->s[at], s) < 0)
		at++;
	if (at < set->n && !strcmp(set->s[at], s))
		return;
	assert_true(set->n < STATES);
	memmove(set->s[at + 1], set->s[at], (set->n - at) * sizeof(set->s[0]));
	memcpy(set->s[at], s, strlen(s) + 1);
	set->n++;
}

static bool matches(const char *pattern, const char *s)
{
	for (; *pattern; pattern++, s++)
		if (*pattern != '.' && *pattern != *s)
			return false;
	return true;
}

static bool has(const struct states *set, const char *pattern)
{
	for (unsigned i = 0; i < set->n; i++)
		if (matches(pattern, set->s[i]))
			return true;
	return false;
}

/* ---- the axioms ---- */

/* A candidate: the place of each store in the order of its place, from 1; what each load reads. */
static unsigned rank[EVENTS], from[EVENTS];

static unsigned writes_to(unsigned place)
{
	unsigned n = 0;

	for (unsigned i = 0; i < events; i++)
		n += ev[i].writes && ev[i].place == place;
	return n;
}

static bool acyclic(uint16_t *edge)
{
	for (unsigned k = 0; k < events; k++)
		for (unsigned i = 0; i < events; i++)
			if (edge[i] >> k & 1)
				edge[i] |= edge[k];
	for (unsigned i = 0; i < events; i++)
		if (edge[i] >> i & 1)
			return false;
	return true;
}

/* Reads-from, coherence or from-read. */
static bool communicates(unsigned i, unsigned j, bool inner)
{
	if (i == j || ev[i].place != ev[j].place)
		return false;
	if (ev[i].writes && ev[j].writes && rank[i] < rank[j])
		return true;
	if (ev[i].reads && ev[j].writes && from[i] < rank[j])
		return true;
	return ev[i].writes && ev[j].reads && from[j] == rank[i] &&
	       (inner || ev[i].thread != ev[j].thread);
}

static bool fence_between(unsigned i, unsigned j)
{
	for (unsigned k = i + 1; k <= j; k++)
		if (ev[k].fenced)
			return true;
	return false;
}

/* Events @i and @j are in program order: does memory keep it? */
static bool kept(unsigned i, unsigned j, bool sc)
{
	return sc || ev[i].op != 'W' || ev[j].op != 'R' || fence_between(i, j);
}

static bool allowed(bool sc)
{
	uint16_t place[EVENTS] = {0}, all[EVENTS] = {0};

	for (unsigned i = 0; i < events; i++)
		for (unsigned j = 0; j < events; j++) {
			bool later = i < j && ev[i].thread == ev[j].thread;

			if ((later && ev[i].place == ev[j].place) || communicates(i, j, true))
				place[i] |= (uint16_t)(1u << j);
			if ((later && kept(i, j, sc)) || communicates(i, j, sc))
				all[i] |= (uint16_t)(1u << j);
		}
	return acyclic(place) && acyclic(all);
}

static char value_of(unsigned place, unsigned at)
{
	for (unsigned i = 0; i < events; i++)
		if (ev[i].writes && ev[i].place == place && rank[i] == at)
			return (char)('0' + ev[i].value);
	return '0';
}

static void note(struct states *set)
{
	char s[TEXT];
	unsigned len = 0;

	for (unsigned i = 0; i < events; i++)
		if (ev[i].reads)
			s[len++] = value_of(ev[i].place, from[i]);
	for (unsigned p = 0; p < PLACES; p++)
		if (used(p))
			s[len++] = value_of(p, writes_to(p));
	s[len] = '\0';
	add_state(set, s);
}

static void choose_source(unsigned i, bool sc, struct states *set)
{
	if (i == events) {
		if (allowed(sc))
			note(set);
		return;
	}
	if (ev[i].op != 'R') { /* a locked instruction reads what it overwrites */
		from[i] = rank[i] - 1;
		choose_source(i + 1, sc, set);
		return;
	}
	for (from[i] = 0; from[i] <= writes_to(ev[i].place); from[i]++)
		choose_source(i + 1, sc, set);
}

static void choose_rank(unsigned i, bool sc, struct states *set)
{
	if (i == events) {
		choose_source(0, sc, set);
		return;
	}
	if (!ev[i].writes) {
		choose_rank(i + 1, sc, set);
		return;
	}
	for (unsigned r = 1; r <= writes_to(ev[i].place); r++) {
		bool taken = false;

		for (unsigned k = 0; k < i; k++)
			taken |= ev[k].writes && ev[k].place == ev[i].place && rank[k] == r;
		rank[i] = r;
		if (!taken)
			choose_rank(i + 1, sc, set);
	}
}

static void by_axioms(bool sc, struct states *set)
{
	memset(rank, 0, sizeof(rank));
	set->n = 0;
	choose_rank(0, sc, set);
}

/* ---- the explorer ---- */

struct memory {
	struct {
		uint32_t v;
		uint32_t pad[3];
	} place[PLACES];
	uint32_t read[EVENTS];
};

static struct memory *mem;

static void body(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, k = 0;

	for (const char *s = test->thread[me]; *s; s += strspn(s, " ")) {
		uint32_t *p = &mem->place[s[1] ? s[1] - 'w' : 0].v, v = 0;

		if (*s == 'F') {
			pn_fence();
			s += strcspn(s, " ");
			continue;
		}
		while (ev[k].thread != me)
			k++;
		if (*s == 'R')
			v = pn_ld32(p);
		else if (*s == 'X')
			v = pn_xchg32(p, (uint32_t)(s[2] - '0'));
		else
			pn_st32(p, (uint32_t)(s[2] - '0'));
		mem->read[k++] = v;
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
	char s[TEXT];
	unsigned len = 0;

	for (unsigned i = 0; i < events; i++)
		if (ev[i].reads)
			s[len++] = (char)('0' + mem->read[i]);
	for (unsigned p = 0; p < PLACES; p++)
		if (used(p))
			s[len++] = (char)('0' + mem->place[p].v);
	s[len] = '\0';
	add_state(ctx, s);
}

static void by_explorer(bool sc, enum px_method method, bool unreduced, struct states *set)
{
	struct px_program prog = {.setup = setup};
	struct px_options opt = {.bound = UINT32_MAX,
				 .sc = sc,
				 .method = method,
				 .unreduced = unreduced,
				 .outcome = outcome,
				 .outcome_ctx = set};
	struct px_result res;

	set->n = 0;
	assert_int_equal(px_explore(&prog, &opt, &res), 0);
	assert_int_equal(res.verdict, PX_HELD);
	assert_true(res.exhaustive);
	px_result_free(&res);
}

/* ---- the witnesses against each other ---- */

static void same(const char *how, bool sc, const struct states *axioms, const struct states *set)
{
	const char *model = sc ? "SC" : "x86-TSO";

	for (unsigned i = 0; i < set->n; i++)
		if (!has(axioms, set->s[i]))
			fail_msg("%s, %s: %s, and the axioms do not allow it (%s)", test->name,
				 model, set->s[i], how);
	for (unsigned i = 0; i < axioms->n; i++)
		if (!has(set, axioms->s[i]))
			fail_msg("%s, %s: no %s, which the axioms allow (%s)", test->name, model,
				 axioms->s[i], how);
}

#define UNREDUCED_EVENTS 6 /* at most */

static void witnesses_agree(void **state)
{
	static struct states axioms, set;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		test = &table[i];
		parse();
		for (int sc = 0; sc < 2; sc++) {
			bool is = sc ? test->sc : test->tso;

			by_axioms(sc, &axioms);
			if (has(&axioms, test->state) != is)
				fail_msg("%s: %s is published as %s under %s", test->name,
					 test->state, is ? "allowed" : "forbidden",
					 sc ? "SC" : "x86-TSO");
			by_explorer(sc, PX_STATES, false, &set);
			same("by states", sc, &axioms, &set);
			by_explorer(sc, PX_TRACES, false, &set);
			same("by traces", sc, &axioms, &set);
			if (events > UNREDUCED_EVENTS)
				continue;
			by_explorer(sc, PX_TRACES, true, &set);
			same("unreduced", sc, &axioms, &set);
		}
	}
}

/* ---- for herd7 ---- */

static const char *const reg[] = {"EAX", "EBX", "ECX", "EDX", "ESI", "EDI"};

/* The number of event @i among those of its thread that read. */
static unsigned register_of(unsigned i)
{
	unsigned n = 0;

	for (unsigned k = 0; k < i; k++)
		n += ev[k].thread == ev[i].thread && ev[k].reads;
	return n;
}

static FILE *file_of(const char *dir, const char *suffix)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", dir, test->name, suffix);
	f = fopen(path, "we");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void instruction(FILE *f, unsigned i)
{
	char p = (char)('w' + ev[i].place);

	if (ev[i].op == 'R')
		fprintf(f, "MOV %s,[%c]", reg[register_of(i)], p);
	else if (ev[i].op == 'W')
		fprintf(f, "MOV [%c],$%u", p, ev[i].value);
	else
		fprintf(f, "XCHG [%c],%s", p, reg[register_of(i)]);
}

/* Line @line of the program of thread @t; an mfence is a line of its own. False: it has ended. */
static bool program_line(FILE *f, unsigned t, unsigned line)
{
	unsigned n = 0;

	for (unsigned i = 0; i < events; i++) {
		if (ev[i].thread != t)
			continue;
		if (ev[i].fenced && n++ == line) {
			fputs("MFENCE", f);
			return true;
		}
		if (n++ == line) {
			instruction(f, i);
			return true;
		}
	}
	return false;
}

static void write_program(const char *dir)
{
	FILE *f = file_of(dir, ".litmus");
	unsigned threads = 0;
	bool more = true;

	while (threads < THREADS && test->thread[threads])
		threads++;
	fprintf(f, "X86 %s\n{", test->name);
	for (unsigned i = 0; i < events; i++)
		if (ev[i].op == 'X')
			fprintf(f, " %u:%s=%u;", ev[i].thread, reg[register_of(i)], ev[i].value);
	fputs(" }\n", f);
	for (unsigned t = 0; t < threads; t++)
		fprintf(f, " P%u %c", t, t + 1 < threads ? '|' : ';');
	for (unsigned line = 0; more; line++) {
		more = false;
		fputc('\n', f);
		for (unsigned t = 0; t < threads; t++) {
			fputc(' ', f);
			more |= program_line(f, t, line);
			fprintf(f, " %c", t + 1 < threads ? '|' : ';');
		}
	}
	fputs("\nlocations [", f);
	for (unsigned i = 0; i < events; i++)
		if (ev[i].reads)
			fprintf(f, "%u:%s; ", ev[i].thread, reg[register_of(i)]);
	for (unsigned p = 0; p < PLACES; p++)
		if (used(p))
			fprintf(f, "%c; ", (char)('w' + p));
	fputs("]\nforall (true)\n", f);
	fclose(f);
}

static void write_states(const char *dir, bool sc)
{
	static struct states set;
	FILE *f = file_of(dir, sc ? ".sc" : ".x86tso");

	by_axioms(sc, &set);
	for (unsigned k = 0; k < set.n; k++) {
		const char *s = set.s[k];

		for (unsigned i = 0; i < events; i++)
			if (ev[i].reads)
				fprintf(f, "%u:%s=%c; ", ev[i].thread, reg[register_of(i)], *s++);
		for (unsigned p = 0; p < PLACES; p++)
			if (used(p))
				fprintf(f, "[%c]=%c; ", (char)('w' + p), *s++);
		fputc('\n', f);
	}
	fclose(f);
}

static void write_all(const char *dir)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		test = &table[i];
		parse();
		write_program(dir);
		write_states(dir, false);
		write_states(dir, true);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(witnesses_agree),
	};

	if (argc == 3 && !strcmp(argv[1], "--write")) {
		write_all(argv[2]);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
