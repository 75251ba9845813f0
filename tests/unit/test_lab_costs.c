/* SPDX-License-Identifier: MIT */
/* Cost tables: those that are built in, files with errors, single values, random draws. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "costs.h"
#include "lab_file.h"
#include "scenario.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static char dir[128], path[160];

/*
 * A table with every step; @body replaces the content of @key's section, NULL: the section is left
 * out.
 */
static size_t table(char *buf, size_t size, const char *key, const char *body)
{
	size_t n = (size_t)snprintf(buf, size, "# a table\n[table]\nname = mine\ncpu_ghz = 2.7\n");

	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		const char *step = pn_any_step_key(i);
		bool special = key && !strcmp(step, key);

		if (special && !body)
			continue;
		n += (size_t)snprintf(buf + n, size - n, "[%s]\n%s\n", step,
				      special ? body : "value = 7ns\nsource = assumption");
	}
	return n;
}

static int load(const char *text, size_t n, struct pn_costs *c, struct pn_diag *d)
{
	lab_write(path, text, n);
	return pn_costs_load(path, c, d);
}

static void test_builtin(void **state)
{
	struct pn_costs c;
	struct pn_diag d = {0};
	const char *doc;

	(void)state;
	if (pn_costs_load("default", &c, &d))
		fail_msg("%s:%lu: %s", d.file, d.line, d.text);
	assert_string_equal(c.name, "default");
	assert_int_equal(c.ns[PN_STEP_IRR_SET], 60);
	assert_int_equal(c.ns[PN_STEP_GALOG_QUIET], 0);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		if (!c.note[i][0])
			fail_msg("[%s] has no note", pn_any_step_key(i));
	assert_string_equal(pn_builtin_costs(0, &doc), "default");
	assert_non_null(strstr(doc, "assumption"));
	assert_string_equal(pn_builtin_costs(1, NULL), "linux-7.3");
	assert_null(pn_builtin_costs(2, NULL));
	assert_int_equal(pn_costs_load("defualt", &c, &d), -ENOENT);
	assert_non_null(strstr(d.text, "did you mean \"default\"?"));
}

/* A derived value names the figure that it comes from. */
static void test_derived(void **state)
{
	struct pn_costs c;
	unsigned n = 0;

	(void)state;
	assert_int_equal(pn_costs_load("default", &c, NULL), 0);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		if (c.source[i] == PN_COST_ASSUMPTION)
			continue;
		n++;
		if (!strpbrk(c.note[i], "0123456789"))
			fail_msg("[%s] names no figure: %s", pn_any_step_key(i), c.note[i]);
	}
	assert_true(n > 0);
}

static const struct {
	const char *rule, *key, *body;
	int err;
	unsigned long line; /* after the head and the sections before; 0: none */
	const char *text;
} bodies[] = {
	/* clang-format off */
	{"complete", "msi", "value = 40ns\nsource = derived\nnote = why", 0, 0, NULL},
	{"comment and blank", "msi", "value = 40ns # c\nsource = derived ; c\nnote = x #5", 0, 0, NULL},
	{"missing step", "msi", NULL, -EINVAL, 0, "step [msi] is missing"},
	{"no value", "msi", "source = assumption", -EINVAL, 5, "[msi] has no value"},
	{"no source", "msi", "value = 1us", -EINVAL, 5, "[msi] has no source"},
	{"no note", "msi", "value = 1us\nsource = derived", -EINVAL, 5, "no note"},
	{"no unit", "msi", "value = 40", -EINVAL, 6, "not a time"},
	{"too long", "msi", "value = 5s", -EINVAL, 6, "too long"},
	{"bad source", "msi", "source = rumour", -EINVAL, 6, "expected measured, derived or"},
	{"unknown key", "msi", "vlaue = 1us", -EINVAL, 6, "did you mean \"value\"?"},
	{"key twice", "msi", "value = 1us\nvalue = 2us", -EINVAL, 7, "value is there twice"},
	{"section twice", "msi", "value = 1us\n[msi]", -EINVAL, 7, "[msi] is there twice"},
	{"unknown step", "msi", "value = 1us\n[irr_sett]", -EINVAL, 7, "did you mean \"irr_set\"?"},
	{"named section", "msi", "value = 1us\n[irr_set x]", -EINVAL, 7, "is one word"},
	{"syntax", "msi", "value 1us", -EINVAL, 6, "neither a comment nor a [section]"},
	/* clang-format on */
};

static void test_bodies(void **state)
{
	static char text[32768];
	struct pn_costs c;
	struct pn_diag d;

	(void)state;
	for (size_t i = 0; i < ROWS(bodies); i++) {
		size_t n = table(text, sizeof(text), bodies[i].key, bodies[i].body);
		unsigned long before = 0, line;
		int err = load(text, n, &c, &d);

		for (unsigned s = 0; s < PN_ALL_STEPS_NR && strcmp(pn_any_step_key(s), "msi"); s++)
			before += 3;
		line = bodies[i].line ? bodies[i].line + before : 0;
		if (err != bodies[i].err)
			fail_msg("%s: %d %s", bodies[i].rule, err, err ? d.text : "");
		if (err && (d.line != line || !strstr(d.text, bodies[i].text)))
			fail_msg("%s: line %lu: %s", bodies[i].rule, d.line, d.text);
		if (!err && (c.ns[PN_STEP_MSI] != 40 || c.source[PN_STEP_MSI] != PN_COST_DERIVED))
			fail_msg("%s: %u ns", bodies[i].rule, c.ns[PN_STEP_MSI]);
	}
}

static void test_set(void **state)
{
	struct pn_costs c;
	struct pn_diag d;

	(void)state;
	assert_int_equal(pn_costs_load("default", &c, &d), 0);
	assert_int_equal(pn_costs_set(&c, "irr_set", "10ns", "s.ini", 5, &d), 0);
	assert_int_equal(c.ns[PN_STEP_IRR_SET], 10);
	assert_int_equal(c.source[PN_STEP_IRR_SET], PN_COST_ASSUMPTION);
	assert_string_equal(c.name, "default (changed)");
	assert_int_equal(pn_costs_set(&c, "msi", "1ns", "s.ini", 5, &d), 0);
	assert_string_equal(c.name, "default (changed)");
	assert_int_equal(pn_costs_set(&c, "irr_set", "10", "s.ini", 5, &d), -EINVAL);
	assert_string_equal(d.file, "s.ini");
	assert_int_equal(d.line, 5);
	assert_int_equal(pn_costs_set(&c, "irrset", "10ns", "--set", 0, &d), -EINVAL);
	assert_non_null(strstr(d.text, "did you mean \"irr_set\"?"));
	assert_string_equal(pn_cost_source_name(PN_COST_DERIVED), "derived");
}

/* Every assumption moves within its bounds, nothing else does, and the number decides. */
static void test_draw(void **state)
{
	struct pn_costs base, a, b;
	unsigned n = 0, halves = 0, moved = 0;

	(void)state;
	assert_int_equal(pn_costs_load("default", &base, NULL), 0);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		n += base.source[i] == PN_COST_ASSUMPTION && base.ns[i];
	assert_true(n > 20);
	for (unsigned k = 1; k <= 64; k++) {
		assert_int_equal(pn_costs_draw(&base, k, &a), n);
		assert_int_equal(pn_costs_draw(&base, k, &b), n);
		assert_memory_equal(&a, &b, sizeof(a));
		for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
			if (base.source[i] != PN_COST_ASSUMPTION || !base.ns[i]) {
				assert_int_equal(a.ns[i], base.ns[i]);
				continue;
			}
			assert_in_range(a.ns[i] * 2ull + 1, base.ns[i], base.ns[i] * 4ull + 1);
			halves += a.ns[i] < base.ns[i];
			moved += a.ns[i] != base.ns[i];
		}
	}
	assert_true(moved > 60 * n);
	/* the logarithm is uniform: as many below as above */
	assert_in_range(halves, 64 * n * 2 / 5, 64 * n * 3 / 5);
	/* a value does not affect the draw of another */
	pn_costs_draw(&base, 7, &a);
	base.source[PN_STEP_IRR_SET] = PN_COST_MEASURED;
	pn_costs_draw(&base, 7, &b);
	assert_int_equal(b.ns[PN_STEP_IRR_SET], base.ns[PN_STEP_IRR_SET]);
	a.ns[PN_STEP_IRR_SET] = b.ns[PN_STEP_IRR_SET];
	assert_memory_equal(a.ns, b.ns, sizeof(a.ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin), cmocka_unit_test(test_derived),
		cmocka_unit_test(test_draw),	cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_set),
	};
	int failed;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/costs.ini", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
