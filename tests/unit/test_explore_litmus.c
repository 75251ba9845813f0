/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "px.h"

/*
 * The memory model, pinned: the outcome that names each litmus test is reachable under x86-TSO, and
 * under sequential consistency, exactly where the literature says so (Owens, Sarkar, Sewell, "A
 * better x86 memory model: x86-TSO", 2009; Sewell et al., CACM 53(7), 2010).
 */

enum kind { END, W, R, F, XW, CW }; /* write, read, mfence, xchg, locked or */

struct op {
	enum kind kind;
	unsigned place; /* x, y */
	unsigned value; /* written; or number of the register read into */
};

enum { X, Y };

struct litmus {
	const char *name;
	struct op thread[4][5];
	/* The outcome: registers 0..3 and final x, y; -1: any. */
	int reg[4], x, y;
	bool tso, sc;
};

#define ANY -1, -1

static const struct litmus table[] = {
	{"SB", {{{W, X, 1}, {R, Y, 0}}, {{W, Y, 1}, {R, X, 1}}}, {0, 0, ANY}, ANY, true, false},
	{"SB+mfence+po",
	 {{{W, X, 1}, {F}, {R, Y, 0}}, {{W, Y, 1}, {R, X, 1}}},
	 {0, 0, ANY},
	 ANY,
	 true,
	 false},
	{"SB+mfences",
	 {{{W, X, 1}, {F}, {R, Y, 0}}, {{W, Y, 1}, {F}, {R, X, 1}}},
	 {0, 0, ANY},
	 ANY,
	 false,
	 false},
	{"SB+xchgs",
	 {{{XW, X, 1}, {R, Y, 0}}, {{XW, Y, 1}, {R, X, 1}}},
	 {0, 0, ANY},
	 ANY,
	 false,
	 false},
	{"SB+ors",
	 {{{CW, X, 1}, {R, Y, 0}}, {{CW, Y, 1}, {R, X, 1}}},
	 {0, 0, ANY},
	 ANY,
	 false,
	 false},
	{"SB+xchg+po",
	 {{{XW, X, 1}, {R, Y, 0}}, {{W, Y, 1}, {R, X, 1}}},
	 {0, 0, ANY},
	 ANY,
	 true,
	 false},
	{"MP", {{{W, X, 1}, {W, Y, 1}}, {{R, Y, 0}, {R, X, 1}}}, {1, 0, ANY}, ANY, false, false},
	{"LB", {{{R, X, 0}, {W, Y, 1}}, {{R, Y, 1}, {W, X, 1}}}, {1, 1, ANY}, ANY, false, false},
	{"IRIW",
	 {{{W, X, 1}}, {{W, Y, 1}}, {{R, X, 0}, {R, Y, 1}}, {{R, Y, 2}, {R, X, 3}}},
	 {1, 0, 1, 0},
	 ANY,
	 false,
	 false},
	{"WRC",
	 {{{W, X, 1}}, {{R, X, 0}, {W, Y, 1}}, {{R, Y, 1}, {R, X, 2}}},
	 {1, 1, 0, -1},
	 ANY,
	 false,
	 false},
	{"R", {{{W, X, 1}, {W, Y, 1}}, {{W, Y, 2}, {R, X, 0}}}, {0, -1, ANY}, -1, 2, true, false},
	{"R+mfence",
	 {{{W, X, 1}, {W, Y, 1}}, {{W, Y, 2}, {F}, {R, X, 0}}},
	 {0, -1, ANY},
	 -1,
	 2,
	 false,
	 false},
	{"S", {{{W, X, 2}, {W, Y, 1}}, {{R, Y, 0}, {W, X, 1}}}, {1, -1, ANY}, 2, -1, false, false},
	{"2+2W", {{{W, X, 1}, {W, Y, 2}}, {{W, Y, 1}, {W, X, 2}}}, {ANY, ANY}, 1, 1, false, false},
	{"n6: own store first",
	 {{{W, X, 1}, {R, X, 0}, {R, Y, 1}}, {{W, Y, 2}, {W, X, 2}}},
	 {1, 0, ANY},
	 1,
	 -1,
	 true,
	 false},
	{"n5", {{{W, X, 1}, {R, X, 0}}, {{W, X, 2}, {R, X, 1}}}, {2, 1, ANY}, ANY, false, false},
	{"n4b", {{{R, X, 0}, {W, X, 1}}, {{R, X, 1}, {W, X, 2}}}, {2, 1, ANY}, ANY, false, false},
	{"SB with forwarding",
	 {{{W, X, 1}, {R, X, 0}, {R, Y, 1}}, {{W, Y, 1}, {R, Y, 2}, {R, X, 3}}},
	 {1, 0, 1, 0},
	 ANY,
	 true,
	 false},
	{"forwarding is of the youngest",
	 {{{W, X, 1}, {W, X, 2}, {R, X, 0}}, {{R, Y, 1}}},
	 {1, -1, ANY},
	 ANY,
	 false,
	 false},
};

static const struct litmus *now;
static uint32_t *place[2], *reg;
static bool reached;

static void run_thread(void *arg)
{
	const struct op *op = arg;

	for (; op->kind != END; op++) {
		switch (op->kind) {
		case W:
			pn_st32(place[op->place], op->value);
			break;
		case R:
			reg[op->value] = pn_ld32(place[op->place]);
			break;
		case F:
			pn_fence();
			break;
		case XW:
			pn_xchg32(place[op->place], op->value);
			break;
		case CW:
			pn_or32(place[op->place], op->value);
			break;
		case END:
			break;
		}
	}
}

static void setup(void *arg)
{
	static const char *const name[] = {"T0", "T1", "T2", "T3"};

	(void)arg;
	place[X] = px_alloc(4, 64);
	place[Y] = px_alloc(4, 64);
	reg = px_alloc(4 * sizeof(*reg), 64);
	for (int i = 0; i < 4; i++)
		if (now->thread[i][0].kind != END)
			px_thread(name[i], i, run_thread, (void *)(uintptr_t)now->thread[i]);
}

static void outcome(void *ctx)
{
	bool match = (now->x < 0 || *place[X] == (uint32_t)now->x) &&
		     (now->y < 0 || *place[Y] == (uint32_t)now->y);

	(void)ctx;
	for (int i = 0; i < 4; i++)
		match = match && (now->reg[i] < 0 || reg[i] == (uint32_t)now->reg[i]);
	reached |= match;
}

static void explore(const struct litmus *l, bool sc, bool unreduced, bool want)
{
	struct px_program prog = {setup, NULL, NULL};
	struct px_options opt = {
		.bound = UINT32_MAX, .sc = sc, .unreduced = unreduced, .outcome = outcome};
	struct px_result res;

	now = l;
	reached = false;
	assert_int_equal(px_explore(&prog, &opt, &res), 0);
	assert_int_equal(res.verdict, PX_HELD);
	assert_true(res.exhaustive);
	if (reached != want)
		fail_msg("%s, %s%s: the outcome is %s", l->name, sc ? "SC" : "TSO",
			 unreduced ? ", unreduced" : "", reached ? "reached" : "not reached");
	px_result_free(&res);
}

static void known_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct litmus *l = &table[i];
		bool small = !strstr(l->name, "IRIW") && !strstr(l->name, "forwarding");

		explore(l, false, false, l->tso);
		explore(l, true, false, l->sc);
		if (small)
			explore(l, false, true, l->tso);
		explore(l, true, true, l->sc);
	}
}

/* ---- verdicts ---- */

static struct pn_lock *lock[2];
static uint32_t *word;

static void ab(void *arg)
{
	bool first = arg != NULL;

	pn_lock_take(lock[first]);
	pn_lock_take(lock[!first]);
	pn_lock_drop(lock[!first]);
	pn_lock_drop(lock[first]);
}

static void abba_setup(void *arg)
{
	lock[0] = px_alloc(sizeof(*lock[0]), 64);
	lock[1] = px_alloc(sizeof(*lock[1]), 64);
	px_thread("A", 0, ab, NULL);
	px_thread("B", 1, ab, arg);
}

static void spin_setup(void *arg);

static void spinner(void *arg)
{
	(void)arg;
	while (!pn_ld32(word))
		pn_relax();
}

static void setter(void *arg)
{
	(void)arg;
	pn_st32(word, 1);
}

static void spin_setup(void *arg)
{
	word = px_alloc(4, 64);
	px_thread("spinner", 0, spinner, NULL);
	if (arg)
		px_thread("setter", 1, setter, NULL);
}

static void toggler(void *arg)
{
	uint32_t me = arg != NULL;

	for (;;) {
		while (pn_ld32(word) != me)
			pn_relax();
		pn_st32(word, !me);
	}
}

static void toggle_setup(void *arg)
{
	word = px_alloc(4, 64);
	px_thread("A", 0, toggler, NULL);
	px_thread("B", 1, toggler, arg);
}

static struct px_result explore_setup(void (*set)(void *), void *arg, uint64_t steps)
{
	struct px_program prog = {set, NULL, arg};
	struct px_options opt = {.bound = UINT32_MAX, .max_steps = steps};
	struct px_result res;

	assert_int_equal(px_explore(&prog, &opt, &res), 0);
	return res;
}

static void deadlocks_and_livelocks(void **state)
{
	struct px_result r;

	(void)state;
	r = explore_setup(abba_setup, &r, 0);
	assert_int_equal(r.verdict, PX_VIOLATION);
	assert_non_null(strstr(r.text, "deadlock"));
	assert_true(r.steps > 0);
	px_result_free(&r);
	r = explore_setup(abba_setup, NULL, 0); /* both in the same order */
	assert_int_equal(r.verdict, PX_HELD);
	r = explore_setup(spin_setup, NULL, 0);
	assert_int_equal(r.verdict, PX_VIOLATION);
	px_result_free(&r);
	r = explore_setup(spin_setup, &r, 0);
	assert_int_equal(r.verdict, PX_HELD);
	r = explore_setup(toggle_setup, &r, 500);
	assert_int_equal(r.verdict, PX_VIOLATION);
	assert_non_null(strstr(r.text, "livelock"));
	px_result_free(&r);
}

/* Threads that have nothing in common need one execution, whatever their order. */
static uint32_t *apart[3];

static void alone_thread(void *arg)
{
	uint32_t *p = arg;

	pn_st32(p, 1);
	pn_fence();
	pn_or32(p, 2);
}

static void apart_setup(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		apart[i] = px_alloc(4, 64);
		px_thread("T", i, alone_thread, apart[i]);
	}
}

static void independent_threads_need_one_execution(void **state)
{
	struct px_result r = explore_setup(apart_setup, NULL, 0);

	(void)state;
	assert_int_equal(r.verdict, PX_HELD);
	assert_int_equal(r.executions, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_outcomes),
		cmocka_unit_test(deadlocks_and_livelocks),
		cmocka_unit_test(independent_threads_need_one_execution),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
