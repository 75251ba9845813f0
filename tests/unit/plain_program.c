/* SPDX-License-Identifier: MIT */
/* The programs of test_explore_plain.c. */
#include "plain_program.h"

#include <stdio.h>

#include "px.h"

struct pair {
	uint64_t a, b, more[6];
};

static struct memory {
	struct pn_lock lock[2];
	uint32_t done;
	unsigned count;
	struct pair pair, copy;
} * mem;

static enum plain_program program;

static void count(unsigned lock)
{
	if (program == PLAIN_ONE_LOCK || program == PLAIN_TWO_LOCKS || program == PLAIN_OTHER_READS)
		pn_lock_take(&mem->lock[lock]);
	mem->count++;
	if (program == PLAIN_OTHER_READS)
		mem->count++;
	if (program == PLAIN_ONE_LOCK || program == PLAIN_TWO_LOCKS || program == PLAIN_OTHER_READS)
		pn_lock_drop(&mem->lock[lock]);
}

static void first(void *arg)
{
	(void)arg;
	count(0);
	if (program == PLAIN_HANDED_OVER)
		pn_st32(&mem->done, 1);
}

static void second(void *arg)
{
	(void)arg;
	while (program == PLAIN_HANDED_OVER && !pn_ld32(&mem->done))
		pn_relax();
	if (program == PLAIN_OTHER_READS && mem->count == 1)
		px_fail("P5", "sees one half");
	else if (program != PLAIN_OTHER_READS)
		count(program == PLAIN_TWO_LOCKS);
}

static void writes_parts(void *arg)
{
	(void)arg;
	*(volatile uint64_t *)&mem->pair.a = 1;
	*(volatile uint64_t *)&mem->pair.b = 1;
}

static void copies(void *arg)
{
	(void)arg;
	mem->copy = mem->pair;
	if (mem->copy.a != mem->copy.b)
		px_fail("P5", "copies one half");
}

static void frees(void *arg)
{
	(void)arg;
	px_kill(&mem->count, sizeof(mem->count), "P6", "the count");
}

void plain_setup(void *arg)
{
	program = (enum plain_program)(uintptr_t)arg;
	mem = px_alloc(sizeof(*mem), 64);
	px_thread("A", 0, program == PLAIN_STRUCT ? writes_parts : first, NULL);
	px_thread("B", 1,
		  program == PLAIN_STRUCT  ? copies
		  : program == PLAIN_FREED ? frees
					   : second,
		  NULL);
}

const char *plain_check(void *arg, char *text, unsigned size)
{
	(void)arg;
	if (program == PLAIN_STRUCT || program == PLAIN_FREED || mem->count == 2)
		return NULL;
	snprintf(text, size, "the count is %u", mem->count);
	return "P4";
}
