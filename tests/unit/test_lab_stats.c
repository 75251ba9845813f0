/* SPDX-License-Identifier: MIT */
/*
 * Student's t against published tables, and how often intervals of simulated samples have the mean
 * that is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dist.h"
#include "stats.h"

/*
 * NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, critical values of Student's t: one
 * row for each number of degrees of freedom. The last column is that of other tables: the
 * handbook's is off by a few units of its last digit there (4.782 with 7 degrees).
 */
static const double columns[] = {0.90, 0.95, 0.975, 0.99, 0.995, 0.999};
static const struct {
	double df, t[6];
} nist[] = {
	{1, {3.078, 6.314, 12.706, 31.821, 63.657, 318.309}},
	{2, {1.886, 2.920, 4.303, 6.965, 9.925, 22.327}},
	{3, {1.638, 2.353, 3.182, 4.541, 5.841, 10.215}},
	{4, {1.533, 2.132, 2.776, 3.747, 4.604, 7.173}},
	{5, {1.476, 2.015, 2.571, 3.365, 4.032, 5.893}},
	{7, {1.415, 1.895, 2.365, 2.998, 3.499, 4.785}},
	{9, {1.383, 1.833, 2.262, 2.821, 3.250, 4.297}},
	{10, {1.372, 1.812, 2.228, 2.764, 3.169, 4.144}},
	{15, {1.341, 1.753, 2.131, 2.602, 2.947, 3.733}},
	{20, {1.325, 1.725, 2.086, 2.528, 2.845, 3.552}},
	{30, {1.310, 1.697, 2.042, 2.457, 2.750, 3.385}},
	{60, {1.296, 1.671, 2.000, 2.390, 2.660, 3.232}},
	{100, {1.290, 1.660, 1.984, 2.364, 2.626, 3.174}},
};

static void t_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(nist) / sizeof(nist[0]); i++)
		for (unsigned k = 0; k < 6; k++) {
			double t = pn_t_quantile(columns[k], nist[i].df);

			if (fabs(t - nist[i].t[k]) > 0.00051)
				fail_msg("df %.0f, p %.3f: %.6f, the table has %.3f", nist[i].df,
					 columns[k], t, nist[i].t[k]);
		}
}

/* Closed forms: df 1 is Cauchy's, df 2 has an algebraic one; many degrees are the normal's. */
static void t_exact(void **state)
{
	const double pi = 3.14159265358979323846;

	(void)state;
	for (double p = 0.005; p < 1; p += 0.005) {
		double cauchy = tan(pi * (p - 0.5)), two = (2 * p - 1) / sqrt(2 * p * (1 - p));

		assert_true(fabs(pn_t_quantile(p, 1) - cauchy) < 1e-9 * (1 + fabs(cauchy)));
		assert_true(fabs(pn_t_quantile(p, 2) - two) < 1e-9 * (1 + fabs(two)));
		assert_true(fabs(pn_t_cdf(pn_t_quantile(p, 7), 7) - p) < 1e-12);
		assert_true(fabs(pn_t_quantile(p, 7) + pn_t_quantile(1 - p, 7)) < 1e-9);
	}
	assert_true(fabs(pn_t_quantile(0.975, 1e7) - 1.959964) < 1e-5);
	assert_true(pn_t_quantile(0.5, 3) == 0);
}

static void sample_sums(void **state)
{
	static const double x[] = {4, 7, 13, 16};
	struct pn_sample s = {0}, far = {0};

	(void)state;
	assert_true(isnan(pn_sample_half(&s, 0.95)));
	for (unsigned i = 0; i < 4; i++) {
		pn_sample_add(&s, x[i]);
		pn_sample_add(&far, 1e9 + x[i]);
		if (!i)
			assert_true(isnan(pn_sample_half(&s, 0.95)));
	}
	assert_true(s.n == 4 && s.mean == 10 && s.min == 4 && s.max == 16);
	assert_true(fabs(pn_sample_sd(&s) - sqrt(30)) < 1e-12);
	/* the naive sum of squares loses it */
	assert_true(fabs(pn_sample_sd(&far) - sqrt(30)) < 1e-6);
	/* 3.182446 * sqrt(30) / 2 */
	assert_true(fabs(pn_sample_half(&s, 0.95) - 8.715488) < 1e-5);
}

typedef double draw_fn(struct pn_rng *r);

static double normal(struct pn_rng *r)
{
	return 5 + 2 * pn_rng_normal(r);
}

/* Mean 5 as well, and skewed: its intervals are known to be somewhat too narrow. */
static double exponential(struct pn_rng *r)
{
	return -5 * log(pn_rng_unit(r));
}

/* How often the interval of @n samples has 5. */
static double coverage(draw_fn *draw, unsigned n, double confidence)
{
	struct pn_rng rng;
	unsigned held = 0, of = 40000;
	double per_sd = pn_half_width(1, n, confidence); /* once: it is slow */

	pn_rng_seed(&rng, 7, n);
	for (unsigned i = 0; i < of; i++) {
		struct pn_sample s = {0};

		for (unsigned k = 0; k < n; k++)
			pn_sample_add(&s, draw(&rng));
		held += fabs(s.mean - 5) <= per_sd * pn_sample_sd(&s);
	}
	return (double)held / of;
}

/* Four standard errors of a share of 40000 are 0.0044 at 0.95, 0.006 at 0.9, 0.002 at 0.99. */
static void intervals_cover(void **state)
{
	static const unsigned n[] = {2, 3, 5, 10, 30};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_true(fabs(coverage(normal, n[i], 0.95) - 0.95) < 0.0044);
		assert_true(fabs(coverage(normal, n[i], 0.90) - 0.90) < 0.006);
		assert_true(fabs(coverage(normal, n[i], 0.99) - 0.99) < 0.002);
	}
	/* five exponential samples: about 0.88; a hundred: about 0.94 */
	assert_true(coverage(exponential, 5, 0.95) > 0.87 && coverage(exponential, 5, 0.95) < 0.90);
	assert_true(coverage(exponential, 100, 0.95) > 0.93);
}

/* A process with memory: x' = a x + noise, mean 0. */
struct process {
	struct pn_rng rng;
	double a, x;
};

static double next(struct process *p)
{
	p->x = p->a * p->x + pn_rng_normal(&p->rng);
	return p->x;
}

/* Batch means of one long run: how often the interval has the mean; *@lag is the batches' mean. */
static double batch_coverage(double a, unsigned length, double *lag)
{
	struct process p = {.a = a};
	unsigned held = 0, of = 2000;

	*lag = 0;
	pn_rng_seed(&p.rng, 11, length);
	for (unsigned i = 0; i < of; i++) {
		struct pn_sample s = {0};
		double means[20];

		p.x = 0;
		for (unsigned k = 0; k < 1000; k++)
			next(&p);
		for (unsigned b = 0; b < 20; b++) {
			double sum = 0;

			for (unsigned k = 0; k < length; k++)
				sum += next(&p);
			means[b] = sum / length;
			pn_sample_add(&s, means[b]);
		}
		held += fabs(s.mean) <= pn_sample_half(&s, 0.95);
		*lag += pn_lag1(means, 20) / of;
	}
	return (double)held / of;
}

static void batches_cover(void **state)
{
	double lag;

	(void)state;
	/* long batches are independent */
	assert_true(fabs(batch_coverage(0.9, 1000, &lag) - 0.95) < 0.02);
	assert_true(fabs(lag) < 0.1);
	/* short ones hang together: the interval is wrong, and the correlation says so */
	assert_true(batch_coverage(0.9, 5, &lag) < 0.7);
	assert_true(lag > 0.3);
}

static void lag(void **state)
{
	static const double up[] = {1, 2, 3, 4, 5, 6, 7, 8}, zig[] = {1, -1, 1, -1, 1, -1, 1, -1},
			    flat[] = {3, 3, 3, 3};

	(void)state;
	assert_true(fabs(pn_lag1(up, 8) - 0.625) < 1e-12);
	assert_true(fabs(pn_lag1(zig, 8) + 0.875) < 1e-12);
	assert_true(pn_lag1(flat, 4) == 0 && pn_lag1(up, 2) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_table),	 cmocka_unit_test(t_exact),
		cmocka_unit_test(sample_sums),	 cmocka_unit_test(intervals_cover),
		cmocka_unit_test(batches_cover), cmocka_unit_test(lag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
