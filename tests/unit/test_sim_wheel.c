/* SPDX-License-Identifier: MIT */
/* The event wheel against a reference, random distributions, and seeds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dist.h"
#include "wheel.h"

#define N 3000

struct item {
	struct pn_event ev;
	unsigned order;
};

static void nothing(struct pn_event *ev)
{
	(void)ev;
}

static void times_in_order(void **state)
{
	static const uint64_t when[] = {0,
					1,
					15,
					16,
					17,
					63,
					64,
					65535,
					65536,
					65537,
					(1u << 22) - 1,
					1u << 22,
					1u << 30,
					1ull << 36,
					1ull << 62,
					UINT64_MAX};
	struct pn_event ev[sizeof(when) / sizeof(when[0])];
	struct pn_wheel *w = calloc(1, sizeof(*w));
	unsigned n = sizeof(when) / sizeof(when[0]);

	(void)state;
	pn_wheel_init(w, PN_WHEEL_RESOLUTION);
	for (unsigned i = n; i-- > 0;) {
		pn_event_init(&ev[i], nothing);
		pn_wheel_add(w, &ev[i], when[i]);
	}
	for (unsigned i = 0; i < n; i++)
		assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), &ev[i]);
	assert_null(pn_wheel_pop(w, UINT64_MAX));
	free(w);
}

/* The same time: first in, first out, also across a cascade. */
static void equal_times_keep_order(void **state)
{
	struct pn_wheel *w = calloc(1, sizeof(*w));
	struct pn_event a, b, c, early;

	(void)state;
	pn_wheel_init(w, PN_WHEEL_RESOLUTION);
	pn_event_init(&a, nothing);
	pn_event_init(&b, nothing);
	pn_event_init(&c, nothing);
	pn_event_init(&early, nothing);
	pn_wheel_add(w, &a, 100000);
	pn_wheel_add(w, &early, 99999);
	pn_wheel_add(w, &b, 100000);
	assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), &early);
	pn_wheel_add(w, &c, 100000);
	assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), &a);
	assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), &b);
	assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), &c);
	free(w);
}

/* Many in one slot, in any order, and some taken out again. */
static void slot_is_sorted(void **state)
{
	static const uint64_t when[] = {10, 40, 20, 30, 5, 50, 25, 35};
	static const unsigned left[] = {0, 2, 3,
					7}; /* without the first, the last, and two between */
	struct pn_wheel *w = calloc(1, sizeof(*w));
	struct pn_event ev[8];

	(void)state;
	pn_wheel_init(w, PN_WHEEL_RESOLUTION);
	for (unsigned i = 0; i < 8; i++) {
		pn_event_init(&ev[i], nothing);
		pn_wheel_add(w, &ev[i], when[i]);
	}
	pn_wheel_cancel(w, &ev[4]);
	pn_wheel_cancel(w, &ev[5]);
	pn_wheel_cancel(w, &ev[6]);
	pn_wheel_cancel(w, &ev[1]);
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), &ev[left[i]]);
	assert_null(pn_wheel_pop(w, UINT64_MAX));
	free(w);
}

static void limit_is_kept(void **state)
{
	struct pn_wheel *w = calloc(1, sizeof(*w));
	struct pn_event ev;

	(void)state;
	pn_wheel_init(w, PN_WHEEL_RESOLUTION);
	pn_event_init(&ev, nothing);
	/* Now is the time of the last event, wherever the next one lies. */
	pn_wheel_add(w, &ev, 5000000);
	assert_null(pn_wheel_pop(w, 4999999));
	assert_int_equal(w->now, 0);
	pn_wheel_cancel(w, &ev);
	pn_wheel_add(w, &ev, 5000);
	assert_null(pn_wheel_pop(w, 4999));
	assert_int_equal(w->now, 0);
	assert_ptr_equal(pn_wheel_pop(w, 5000), &ev);
	assert_int_equal(w->now, 5000);
	/* The past counts as now. */
	pn_wheel_add(w, &ev, 10);
	assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), &ev);
	assert_int_equal(w->now, 5000);
	free(w);
}

/* Against a reference: a plain array searched for the smallest (time, order). */
static void against_reference(unsigned resolution)
{
	struct pn_wheel *w = calloc(1, sizeof(*w));
	struct item *it = calloc(N, sizeof(*it));
	struct pn_rng rng;
	unsigned order = 0;

	pn_rng_seed(&rng, 7, 7);
	pn_wheel_init(w, resolution);
	for (unsigned i = 0; i < N; i++)
		pn_event_init(&it[i].ev, nothing);
	for (unsigned round = 0; round < 20000; round++) {
		struct item *x = &it[pn_rng_below(&rng, 300)], *best = NULL;
		unsigned op = (unsigned)pn_rng_below(&rng, 4);

		if (op < 2 && !pn_event_pending(&x->ev)) {
			pn_wheel_add(w, &x->ev,
				     w->now + (pn_rng_next(&rng) >> (24 + pn_rng_below(&rng, 40))));
			x->order = order++;
			continue;
		}
		if (op == 2) {
			pn_wheel_cancel(w, &x->ev);
			continue;
		}
		for (unsigned i = 0; i < 300; i++) {
			struct item *y = &it[i];

			if (pn_event_pending(&y->ev) &&
			    (!best || y->ev.when < best->ev.when ||
			     (y->ev.when == best->ev.when && y->order < best->order)))
				best = y;
		}
		assert_ptr_equal(pn_wheel_pop(w, UINT64_MAX), best ? &best->ev : NULL);
	}
	free(it);
	free(w);
}

static void random_against_reference(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= PN_WHEEL_RESOLUTION; i++)
		against_reference(i);
}

static void distributions_have_their_mean(void **state)
{
	static const struct pn_dist row[] = {
		{PN_DIST_CONST, 500, 0},      {PN_DIST_UNIFORM, 100, 900},
		{PN_DIST_EXP, 80000, 0},      {PN_DIST_LOGNORMAL, 80000, 0.4},
		{PN_DIST_PARETO, 20000, 2.5},
	};
	struct pn_rng rng;

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		double sum = 0, mean = pn_dist_mean(&row[i]);

		pn_rng_seed(&rng, 3, i);
		for (unsigned k = 0; k < 200000; k++)
			sum += (double)pn_dist_sample(&row[i], &rng);
		sum /= 200000;
		assert_true(sum > mean * 0.97 && sum < mean * 1.03);
	}
}

/* How often |x| exceeds a bound: inside, at the edge and in the tail of the sampler's layers. */
static void normal_has_its_tails(void **state)
{
	static const double bound[] = {0.1, 0.5, 1, 2, 3, 3.4, 3.5, 3.8, 4.2};
	enum { ROWS = sizeof(bound) / sizeof(bound[0]), DRAWS = 10000000 };
	unsigned beyond[ROWS] = {0}, positive = 0;
	struct pn_rng rng;

	(void)state;
	pn_rng_seed(&rng, 5, 5);
	for (unsigned k = 0; k < DRAWS; k++) {
		double x = pn_rng_normal(&rng);

		positive += x > 0;
		for (unsigned i = 0; i < ROWS && fabs(x) > bound[i]; i++)
			beyond[i]++;
	}
	for (unsigned i = 0; i < ROWS; i++) {
		double p = erfc(bound[i] / sqrt(2)), expected = p * DRAWS;
		double deviation = sqrt(expected * (1 - p));

		if (fabs(beyond[i] - expected) > 4 * deviation)
			fail_msg("|x| > %g: %u times, not %.0f", bound[i], beyond[i], expected);
	}
	assert_true(fabs(positive - DRAWS / 2.0) < 4 * sqrt(DRAWS / 4.0));
}

static void seeds_repeat(void **state)
{
	struct pn_rng a, b, c;

	(void)state;
	pn_rng_seed(&a, 42, 1);
	pn_rng_seed(&b, 42, 1);
	pn_rng_seed(&c, 42, 2);
	for (int i = 0; i < 100; i++) {
		uint64_t x = pn_rng_next(&a);

		assert_int_equal(x, pn_rng_next(&b));
		assert_int_not_equal(x, pn_rng_next(&c));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_in_order),
		cmocka_unit_test(equal_times_keep_order),
		cmocka_unit_test(slot_is_sorted),
		cmocka_unit_test(limit_is_kept),
		cmocka_unit_test(random_against_reference),
		cmocka_unit_test(distributions_have_their_mean),
		cmocka_unit_test(normal_has_its_tails),
		cmocka_unit_test(seeds_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
