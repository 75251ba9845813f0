/* SPDX-License-Identifier: MIT */
/* Accesses that do not go through the seam, and that the explorer sees by the compiler's hooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plain_program.h"
#include "px.h"

static const struct {
	const char *name;
	enum plain_program program;
	const char *property; /* NULL: held */
	const char *text;
} table[] = {
	/* clang-format off */
	{"two count without a lock", PLAIN_NO_LOCK, "P4", "the count is 1"},
	{"two count under a lock", PLAIN_ONE_LOCK, NULL, NULL},
	{"two count under different locks", PLAIN_TWO_LOCKS, "P4", "the count is 1"},
	{"one reads without the lock", PLAIN_OTHER_READS, "P5", "one half"},
	{"handed over without a lock", PLAIN_HANDED_OVER, NULL, NULL},
	{"structure copied while it is written", PLAIN_STRUCT, "P5", "one half"},
	{"write to what another frees", PLAIN_FREED, "P6", "the count is accessed after it is gone"},
	/* clang-format on */
};

static void races(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (int how = 0; how < 3; how++) {
			struct px_program prog = {.setup = plain_setup,
						  .check = plain_check,
						  .arg = (void *)(uintptr_t)table[i].program};
			struct px_options opt = {.bound = UINT32_MAX,
						 .method = how ? PX_TRACES : PX_STATES,
						 .replay = how == 2,
						 .check_writes = !how};
			struct px_result r;
			bool held;

			if (px_explore(&prog, &opt, &r))
				fail_msg("%s %d", table[i].name, how);
			held = r.verdict == PX_HELD;
			if (held != !table[i].property)
				fail_msg("%s: verdict %d: %s", table[i].name, (int)r.verdict,
					 r.text);
			if (!held && (strcmp(r.property, table[i].property) ||
				      !strstr(r.text, table[i].text)))
				fail_msg("%s: %s, %s", table[i].name, r.property, r.text);
			px_result_free(&r);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(races)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
