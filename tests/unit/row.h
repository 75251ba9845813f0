/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_ROW_H
#define PN_TEST_ROW_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "postern/agent.h"

/*
 * Rows of tables: a value that is not the expected one fails the test with the name of the row, and
 * with the last steps that the silicon took.
 */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ROW_STEPS 16u

static struct row_step {
	const char *key;
	uint32_t agent;
	uint64_t a, b;
} row_step[ROW_STEPS];
static unsigned row_steps;

/* A step was taken. */
static inline void row_note(const char *key, const struct pn_agent *agent, uint64_t a, uint64_t b)
{
	row_step[row_steps++ % ROW_STEPS] = (struct row_step){key, agent->id, a, b};
}

static inline void row_observe(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a,
			       uint64_t b)
{
	(void)ctx;
	row_note(pn_step_key(step), agent, a, b);
}

/* From here on @agent's steps are noted. One thread. */
static inline void row_watch(struct pn_agent *agent)
{
	row_steps = 0;
	agent->observe = row_observe;
	for (unsigned step = 0; step < PN_STEP_NR; step++)
		agent->step[step].watched = 1;
}

/* @fn at every @step, and nothing is noted. */
static inline void row_watch_one(struct pn_agent *agent, unsigned step, pn_step_fn fn, void *ctx)
{
	for (unsigned i = 0; i < PN_STEP_NR; i++)
		agent->step[i].watched = i == step;
	agent->observe = fn;
	agent->observe_ctx = ctx;
}

__attribute__((noreturn, unused)) static void
row_fail(const char *row, const char *what, uint64_t got, uint64_t want, const char *file, int line)
{
	unsigned first = row_steps > ROW_STEPS ? row_steps - ROW_STEPS : 0;

	print_error("%s: %s is %#" PRIx64 ", expected %#" PRIx64 "\n", row, what, got, want);
	for (unsigned i = first; i < row_steps; i++) {
		const struct row_step *s = &row_step[i % ROW_STEPS];

		print_error("  step %u: agent %" PRIu32 " %s %#" PRIx64 " %#" PRIx64 "\n", i,
			    s->agent, s->key, s->a, s->b);
	}
	_fail(file, line);
	abort();
}

#define row_eq(row, what, got, want)                                                               \
	do {                                                                                       \
		uint64_t got_ = (got), want_ = (want);                                             \
		if (got_ != want_)                                                                 \
			row_fail(row, what, got_, want_, __FILE__, __LINE__);                      \
	} while (0)
#define ROW_EQ(row, got, want) row_eq(row, #got, (uint64_t)(got), (uint64_t)(want))

#endif
