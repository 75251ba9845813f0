/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_PLAIN_PROGRAM_H
#define PN_TEST_PLAIN_PROGRAM_H

/* Programs with accesses that do not go through the seam; the compiler hooks them. */
enum plain_program {
	PLAIN_NO_LOCK,	   /* two threads count */
	PLAIN_ONE_LOCK,	   /* the same, under a lock */
	PLAIN_TWO_LOCKS,   /* each under a lock of its own */
	PLAIN_OTHER_READS, /* one counts twice under a lock; one reads without, and wants to see 0
			      or 2 */
	PLAIN_HANDED_OVER, /* without a lock, one after the other */
	PLAIN_STRUCT,	   /* one copies what the other writes in two parts */
	PLAIN_FREED,	   /* one writes what the other frees */
};

/* For px_program.setup, .check; @arg: enum plain_program. */
void plain_setup(void *arg);
const char *plain_check(void *arg, char *text, unsigned size);

#endif
