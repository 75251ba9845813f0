/* SPDX-License-Identifier: MIT */
/* A trace that reached its limit says so. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lab_rig.h"

/* A trace with at most @limit events (0: the default), closed as the command line closes it. */
static json_t *trace_of(uint64_t limit)
{
	struct pn_scenario *sc = lab_scenario("sparse-wakeups", "machine.duration=10ms");
	struct pn_result *r = calloc(1, sizeof(*r));
	struct pn_run_options opt = {.seed = 1, .trace_limit = limit};
	struct pn_mode mode = lab_mode("gappi");
	struct pn_diag d = {0};
	char *text = NULL;
	size_t size;
	json_t *o;

	assert_non_null(r);
	opt.trace = open_memstream(&text, &size);
	assert_non_null(opt.trace);
	fputs("[\n", opt.trace);
	assert_int_equal(pn_run(sc, &mode, &opt, r, &d), 0);
	fputs("{}]\n", opt.trace);
	fclose(opt.trace);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	free(text);
	free(r);
	free(sc);
	return o;
}

static unsigned events(const json_t *trace, const char *ph)
{
	unsigned n = 0;
	json_t *e;
	size_t i;

	json_array_foreach(trace, i, e)
	{
		const char *p = json_string_value(json_object_get(e, "ph"));

		n += p && !strcmp(p, ph);
	}
	return n;
}

/* A trace that is cut off says where. */
static void a_full_trace_says_so(void **state)
{
	json_t *whole = trace_of(0), *cut = trace_of(100);

	(void)state;
	assert_true(events(whole, "X") > 100);
	assert_int_equal(events(whole, "i"), 0);
	assert_int_equal(events(cut, "X"), 99);
	assert_int_equal(events(cut, "i"), 1);
	json_decref(whole);
	json_decref(cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_trace_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
