/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_CHECKS_H
#define POSTERN_L1_CHECKS_H

#include <stdbool.h>
#include <stdio.h>

#define CHECKS_FAILED 32

/* The number of rules that were checked, and those that did not hold, each listed once. */
struct checks {
	unsigned made, failed;
	char failure[CHECKS_FAILED][80];
};

void check(struct checks *c, const char *what, const char *rule, bool holds);
/* The members of a JSON object, without its braces. */
void checks_print(const struct checks *c, FILE *out);

#endif
