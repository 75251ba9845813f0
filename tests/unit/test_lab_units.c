/* SPDX-License-Identifier: MIT */
/* Units, distributions, locale, the nearest word, and messages about wrong input. */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag.h"
#include "nearest.h"
#include "units.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static const struct {
	const char *text;
	int err;
	uint64_t value;
} times[] = {
	{"10us", 0, 10000},
	{"1.5ms", 0, 1500000},
	{"2s", 0, 2000000000},
	{"1min", 0, 60000000000},
	{"1h", 0, 3600000000000},
	{"40ns", 0, 40},
	{" 40 ns ", 0, 40},
	{"0", 0, 0},
	{"0s", 0, 0},
	{"0.5ns", 0, 1},
	{"0.4ns", 0, 0},
	{"0.001us", 0, 1},
	{"1.000000001s", 0, 1000000001},
	{"9223372036s", 0, 9223372036000000000},
	{"000010us", 0, 10000},
	{"300", -EINVAL, 0},
	{"", -EINVAL, 0},
	{"us", -EINVAL, 0},
	{"-1us", -EINVAL, 0},
	{"+1us", -EINVAL, 0},
	{"1.us", -EINVAL, 0},
	{".5us", -EINVAL, 0},
	{"1,5us", -EINVAL, 0},
	{"1.5.5us", -EINVAL, 0},
	{"1e3us", -EINVAL, 0},
	{"nan", -EINVAL, 0},
	{"infs", -EINVAL, 0},
	{"0x10us", -EINVAL, 0},
	{"10parsec", -EINVAL, 0},
	{"10 us us", -EINVAL, 0},
	{"9223372037s", -ERANGE, 0},
	{"99999999999999999999ns", -ERANGE, 0},
	{"999999999999999999h", -ERANGE, 0},
	{"0.0000000000000000001s", -ERANGE, 0},
};

static void test_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(times); i++) {
		uint64_t v = 0;
		int err = pn_parse_time(times[i].text, &v);

		if (err != times[i].err || (!err && v != times[i].value))
			fail_msg("\"%s\": %d, %llu ns", times[i].text, err, (unsigned long long)v);
	}
}

static const struct {
	const char *text;
	int err;
	uint64_t value;
} counts[] = {
	{"512", 0, 512},
	{"4KiB", 0, 4096},
	{"4Ki", 0, 4096},
	{"1M", 0, 1000000},
	{"2k", 0, 2000},
	{"1.5k", 0, 1500},
	{"1GiB", 0, 1ull << 30},
	{"0x50", 0, 0x50},
	{"0XfF", 0, 0xff},
	{"0", 0, 0},
	{"7B", 0, 7},
	{"1.5", -EINVAL, 0},
	{"", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"0x", -EINVAL, 0},
	{"0xg", -EINVAL, 0},
	{"5 apples", -EINVAL, 0},
	{"1e3", -EINVAL, 0},
	{"2kB", -EINVAL, 0},
	{"10000000000G", -ERANGE, 0},
	{"0x11111111111111111", -ERANGE, 0},
};

static void test_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(counts); i++) {
		uint64_t v = 0;
		int err = pn_parse_count(counts[i].text, &v);

		if (err != counts[i].err || (!err && v != counts[i].value))
			fail_msg("\"%s\": %d, %llu", counts[i].text, err, (unsigned long long)v);
	}
}

static const struct {
	const char *text;
	int err;
	double value;
} rates[] = {
	{"2M/s", 0, 2e6},	{"100k/s", 0, 1e5}, {"50/s", 0, 50},	  {"1.5M/s", 0, 1.5e6},
	{"0.25/s", 0, 0.25},	{"1G/s", 0, 1e9},   {"0/s", 0, 0},	  {"50", -EINVAL, 0},
	{"50/min", -EINVAL, 0}, {"/s", -EINVAL, 0}, {"-1/s", -EINVAL, 0}, {"nan/s", -EINVAL, 0},
};

static void test_rate(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rates); i++) {
		double v = 0;
		int err = pn_parse_rate(rates[i].text, &v);

		if (err != rates[i].err || (!err && (v < rates[i].value || v > rates[i].value)))
			fail_msg("\"%s\": %d, %g", rates[i].text, err, v);
	}
}

static const struct {
	const char *text;
	int err;
	struct pn_dist d;
} dists[] = {
	{"exp(80us)", 0, {PN_DIST_EXP, 80e3, 0}},
	{"const(80us)", 0, {PN_DIST_CONST, 80e3, 0}},
	{"const(0)", 0, {PN_DIST_CONST, 0, 0}},
	{"uniform(10us,20us)", 0, {PN_DIST_UNIFORM, 10e3, 20e3}},
	{"uniform( 10us , 20us )", 0, {PN_DIST_UNIFORM, 10e3, 20e3}},
	{"lognormal(80us,0.4)", 0, {PN_DIST_LOGNORMAL, 80e3, 0.4}},
	{"pareto(20us,1.5)", 0, {PN_DIST_PARETO, 20e3, 1.5}},
	{"exp(80)", -EINVAL, {0}},
	{"exp(80us", -EINVAL, {0}},
	{"exp 80us", -EINVAL, {0}},
	{"exp(80us)x", -EINVAL, {0}},
	{"exp(80us,1)", -EINVAL, {0}},
	{"exp(0)", -EINVAL, {0}},
	{"exp()", -EINVAL, {0}},
	{"uniform(20us,10us)", -EINVAL, {0}},
	{"uniform(20us)", -EINVAL, {0}},
	{"lognormal(80us,0.4us)", -EINVAL, {0}},
	{"lognormal(80us,50)", -EINVAL, {0}},
	{"pareto(20us,1)", -EINVAL, {0}},
	{"gauss(1us,1us)", -EINVAL, {0}},
	{"", -EINVAL, {0}},
};

static void test_dist(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(dists); i++) {
		struct pn_dist d = {0};
		int err = pn_parse_dist(dists[i].text, &d);

		if (err != dists[i].err)
			fail_msg("\"%s\": %d", dists[i].text, err);
		if (!err && (d.kind != dists[i].d.kind || d.a < dists[i].d.a ||
			     d.a > dists[i].d.a || d.b < dists[i].d.b || d.b > dists[i].d.b))
			fail_msg("\"%s\": kind %d, %g, %g", dists[i].text, (int)d.kind, d.a, d.b);
	}
}

/* A comma as decimal point, where such a locale is installed, must change nothing. */
static void test_locale(void **state)
{
	uint64_t ns;

	(void)state;
	setlocale(LC_ALL, "de_DE.UTF-8");
	assert_int_equal(pn_parse_time("1.5ms", &ns), 0);
	assert_int_equal(ns, 1500000);
	setlocale(LC_ALL, "C");
}

static const struct {
	const char *word, *near;
} words[] = {
	{"pcpu", "pcpus"},
	{"pcpsu", "pcpus"},
	{"PCPUS", "pcpus"},
	{"irq-affinity", "irq_affinity"},
	{"galog_cp", "galog_cpu"},
	{"irq_aff", "irq_affinity"},
	{"zebra", NULL},
	{"", NULL},
	{"a_word_that_is_longer_than_any_key_could_ever_be", NULL},
};

static void test_nearest(void **state)
{
	static const char *const names[] = {"pcpus", "irq_affinity", "galog_cpu", "galog_entries"};

	(void)state;
	for (size_t i = 0; i < ROWS(words); i++) {
		const char *near = pn_nearest(words[i].word, names, ROWS(names));

		if (!near != !words[i].near || (near && strcmp(near, words[i].near)))
			fail_msg("\"%s\": %s", words[i].word, near ? near : "none");
	}
}

static void test_diag(void **state)
{
	struct pn_diag d;

	(void)state;
	assert_int_equal(pn_diag_set(NULL, -EIO, "f", 1, "x"), -EIO);
	assert_int_equal(pn_diag_set(&d, -EINVAL, "f\n", 7, "a\x1b[31m %d", 5), -EINVAL);
	assert_string_equal(d.file, "f?");
	assert_int_equal(d.line, 7);
	assert_string_equal(d.text, "a?[31m 5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),   cmocka_unit_test(test_count),
		cmocka_unit_test(test_rate),   cmocka_unit_test(test_dist),
		cmocka_unit_test(test_locale), cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_diag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
