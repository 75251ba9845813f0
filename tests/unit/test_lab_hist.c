/* SPDX-License-Identifier: MIT */
/* Histograms: bounds of buckets, quantiles against sorted values, merging, .hgrm output. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dist.h"
#include "hist.h"

static struct pn_hist *new_hist(void)
{
	struct pn_hist *h = malloc(sizeof(*h));

	assert_non_null(h);
	pn_hist_init(h);
	return h;
}

/* Every bucket: its borders map back to it, it ends where the next begins, it is narrow. */
static void buckets_tile_all_values(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PN_HIST_BUCKETS; i++) {
		uint64_t low = pn_hist_low(i), high = pn_hist_high(i);

		assert_int_equal(pn_hist_index(low), i);
		assert_int_equal(pn_hist_index(high - (high != UINT64_MAX)), i);
		if (i + 1 < PN_HIST_BUCKETS)
			assert_int_equal(pn_hist_index(high), i + 1);
		assert_true((double)(high - low) <= fmax(1, (double)low / 32));
	}
}

static void empty_is_zero(void **state)
{
	struct pn_hist *h = new_hist();

	(void)state;
	assert_int_equal(pn_hist_quantile(h, 0.99), 0);
	assert_true(pn_hist_mean(h) == 0);
	free(h);
}

static void ends_are_exact(void **state)
{
	struct pn_hist *h = new_hist();

	(void)state;
	pn_hist_add(h, 1000003);
	pn_hist_add(h, 77777);
	pn_hist_add(h, 5000011);
	assert_int_equal(pn_hist_quantile(h, 0), 77777);
	assert_int_equal(pn_hist_quantile(h, 1), 5000011);
	/* 3 samples: the 99th percentile is the largest. */
	assert_int_equal(pn_hist_quantile(h, 0.99), 5000011);
	free(h);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void quantiles_match_sorting(void **state)
{
	static const double at[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999};
	const struct pn_dist dist = {PN_DIST_LOGNORMAL, 20000, 1.5};
	enum { N = 20000 };
	uint64_t *v = malloc(N * sizeof(*v));
	struct pn_hist *h = new_hist();
	struct pn_rng rng;

	(void)state;
	assert_non_null(v);
	pn_rng_seed(&rng, 7, 0);
	for (unsigned i = 0; i < N; i++) {
		v[i] = pn_dist_sample(&dist, &rng);
		pn_hist_add(h, v[i]);
	}
	qsort(v, N, sizeof(*v), compare_u64);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint64_t exact = v[(unsigned)ceil(at[i] * N) - 1], got = pn_hist_quantile(h, at[i]);

		if (fabs((double)got - (double)exact) > 0.032 * (double)exact)
			fail_msg("quantile %g: %llu, by sorting %llu", at[i],
				 (unsigned long long)got, (unsigned long long)exact);
	}
	free(v);
	free(h);
}

static void merge_is_adding(void **state)
{
	struct pn_hist *a = new_hist(), *b = new_hist(), *all = new_hist();

	(void)state;
	for (uint64_t v = 1; v < 100000; v = v * 3 + 1) {
		pn_hist_add(v & 2 ? a : b, v);
		pn_hist_add(all, v);
	}
	pn_hist_merge(a, b);
	assert_int_equal(a->n, all->n);
	assert_int_equal(a->min, all->min);
	assert_int_equal(a->max, all->max);
	assert_memory_equal(a->bucket, all->bucket, sizeof(a->bucket));
	pn_hist_init(b);
	pn_hist_merge(a, b);
	assert_int_equal(a->min, all->min);
	free(a);
	free(b);
	free(all);
}

static void hgrm_is_readable(void **state)
{
	struct pn_hist *h = new_hist();
	double value, percentile, last_value = 0, last_percentile = -1, inverse;
	unsigned long long count, last_count = 0;
	unsigned rows = 0;
	char line[256];
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	for (uint64_t i = 1; i <= 10000; i++)
		pn_hist_add(h, i * 1000);
	assert_int_equal(pn_hist_hgrm(h, f, 1000), 0);
	rewind(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_non_null(strstr(line, "Value     Percentile TotalCount 1/(1-Percentile)"));
	assert_string_equal(fgets(line, sizeof(line), f), "\n");
	while (fgets(line, sizeof(line), f) && line[0] != '#') {
		int n = sscanf(line, "%lf %lf %llu %lf", &value, &percentile, &count, &inverse);

		assert_true(n == 4 || (n == 3 && percentile == 1.0));
		if (n == 4)
			assert_true(fabs(inverse - 1 / (1 - percentile)) < 0.01 * inverse);
		assert_true(value >= last_value && percentile > last_percentile);
		assert_true(count >= last_count && (double)count >= percentile * 10000 - 1);
		last_value = value;
		last_percentile = percentile;
		last_count = count;
		rows++;
	}
	assert_true(rows > 20);
	assert_int_equal(last_count, 10000);
	assert_true(last_percentile == 1.0 && last_value == 10000);
	assert_int_equal(
		strncmp(line, "#[Mean    =     5000.500, StdDeviation   =     2886.751]", 56), 0);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "#[Max     =    10000.000, Total count    =        10000]\n");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(strncmp(line, "#[Buckets = ", 12), 0);
	fclose(f);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_tile_all_values),
		cmocka_unit_test(empty_is_zero),
		cmocka_unit_test(ends_are_exact),
		cmocka_unit_test(quantiles_match_sorting),
		cmocka_unit_test(merge_is_adding),
		cmocka_unit_test(hgrm_is_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
