/* SPDX-License-Identifier: MIT */
/*
 * `postern explore FILE`: verdicts, exit statuses and messages of cases that are written as text.
 * test_explore_file PROGRAM
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "spawn.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static char dir[] = "/tmp/postern-test-XXXXXX";

#define HEAD   "[case]\nvendor = amd\n"
#define PARKS  "[machine]\nnotify = gappi\nmasked = park\ntpr = 0x50\n"
#define STAYS  "[machine]\nnotify = gappi\nmasked = none\ntpr = 0x50\n"
#define ONE    "[interrupt 0]\nvcpu = 0\nvector = 0x41\n[interrupt 1]\nvcpu = 0\nvector = 0x91\n"
#define RUNS   "[vcpu 0]\ncpu = 0\n[agent device]\ndo = post 0, post 1\n[handlers]\ncpus = 0\n"
#define BROKEN "broken.masked = none\n"
#define LARGE                                                                                      \
	"[vcpu 0]\ndo = yield, preempt, move 2, loop\n[agent device]\ndo = post 0, post 1, post "  \
	"0, "                                                                                      \
	"post 1\n[agent b]\ndo = post 1, post 1\n[agent d]\ncpu = 2\ndo = detach 0, attach 0, "    \
	"detach "                                                                                  \
	"0\n[handlers]\ncpus = 0 1 2\n"

/* The file's text; the command's options; exit status; standard output and error contain. */
static const struct row {
	const char *text, *options;
	int status;
	const char *out, *err;
} rows[] = {
	/* without a mistake there is one variant */
	{HEAD PARKS ONE RUNS, "", 0, "1 of 1 as expected", NULL},
	{HEAD STAYS ONE RUNS, "", 1, "0 of 1 as expected", NULL},
	{HEAD STAYS ONE RUNS, "", 1, "P1 is violated", NULL},
	{HEAD PARKS ONE RUNS, "--variant broken", 2, NULL, "mine has no broken variant"},
	/* with one there are two */
	{HEAD "property = P1\n" PARKS BROKEN ONE RUNS, "", 0, "2 of 2 as expected", NULL},
	{HEAD "property = P4\n" PARKS BROKEN ONE RUNS, "", 1, "P1 is violated, expected a", NULL},
	{HEAD "property = P1\nmistake = hash-bucket\n" PARKS ONE RUNS, "", 1, "1 of 2 as", NULL},
	{HEAD "property = P1\nmistake = scan-before-or\n" PARKS ONE RUNS, "", 0, "2 of 2 as", NULL},
	/* limits are said, and nothing that is not finished is held */
	{HEAD "bound = 1\n" PARKS ONE RUNS, "", 0, "bounded to 1 preemption", NULL},
	{HEAD PARKS ONE RUNS, "--steps 20", 3, "did not end within 20 steps", NULL},
	{HEAD PARKS ONE LARGE, "--seconds 0.01", 3, "not finished", NULL},
	{HEAD PARKS ONE RUNS, "--jobs 99999", 0, "1 of 1 as expected", "--jobs 99999: this mach"},
	/* refused */
	{HEAD PARKS ONE "[agent a]\ndo = pots 0\n", "", 3, NULL,
	 "mine.ini:14: unknown operation \"pots\" (did you mean \"post\"?)"},
	{HEAD "property = P8\n", "", 3, NULL, "mine.ini:3: unknown property \"P8\""},
	{HEAD "[agent a]\ndo = post 0\n", "", 3, NULL, "there is no [vcpu 0]"},
	{HEAD "[vcpu 0]\n[agent a]\ndo = post 0\n", "", 3, NULL,
	 "mine.ini:5: post: there is no [interrupt 0]"},
	{"\x7f\x45LF\x02", "", 3, NULL, "mine.ini:1: byte 0x02: not a text file"},
};

static void run_row(const struct row *row)
{
	char path[64], args[160];
	struct run run;
	FILE *f;

	snprintf(path, sizeof(path), "%s/mine.ini", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(row->text, f) >= 0);
	fclose(f);
	snprintf(args, sizeof(args), "explore %s%s%s", path, *row->options ? " " : "",
		 row->options);
	run_program(args, &run);
	if (run.status != row->status || (row->out && !strstr(run.out, row->out)) ||
	    (row->err && !strstr(run.err, row->err)) || (!row->err && *run.err))
		fail_msg("%s\n%s: exit status %d\n%s%s\nexpected %d, %s, %s", row->text, args,
			 run.status, run.out, run.err, row->status,
			 row->out ? row->out : "anything", row->err ? row->err : "no message");
	run_free(&run);
	unlink(path);
}

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		run_row(&rows[i]);
}

static void no_such_file(void **state)
{
	static const char *const args[] = {"explore no/such.ini", "explore nosuch.ini",
					   "explore /"};
	struct run run;

	(void)state;
	for (size_t i = 0; i < ROWS(args); i++) {
		run_program(args[i], &run);
		assert_int_equal(run.status, 3);
		assert_non_null(strstr(run.err, "postern: "));
		run_free(&run);
	}
}

static void json_has_the_name(void **state)
{
	char path[64], args[160];
	json_t *o, *c;
	struct run run;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/own-name.ini", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(HEAD PARKS ONE RUNS, f);
	fclose(f);
	snprintf(args, sizeof(args), "explore %s --json", path);
	run_program(args, &run);
	assert_int_equal(run.status, 0);
	o = json_loads(run.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "postern.explore/1");
	c = json_array_get(json_object_get(o, "cases"), 0);
	assert_string_equal(json_string_value(json_object_get(c, "case")), "own-name");
	assert_string_equal(json_string_value(json_object_get(c, "found")), "held");
	assert_true(json_is_true(json_object_get(c, "exhaustive")));
	json_decref(o);
	run_free(&run);
	unlink(path);
}

static void too_large_is_not_finished(void **state)
{
	static const struct row row = {HEAD PARKS ONE LARGE, "--memory-limit 24", 3,
				       "not finished: out of memory", NULL};

	(void)state;
	if (NO_MEMORY_LIMIT)
		skip();
	run_row(&row);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(no_such_file),
		cmocka_unit_test(json_has_the_name),
		cmocka_unit_test(too_large_is_not_finished),
	};
	int failed;

	if (argc > 1)
		program = argv[1];
	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
