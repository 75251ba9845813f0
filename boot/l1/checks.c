/* SPDX-License-Identifier: MIT */
/*
 * Counts the rules that a run has checked, keeps those that did not hold, and prints both as JSON.
 */
#include "checks.h"

#include <string.h>

void check(struct checks *c, const char *what, const char *rule, bool holds)
{
	char text[sizeof(c->failure[0])];
	unsigned i = 0;

	c->made++;
	if (holds)
		return;
	snprintf(text, sizeof(text), "%s: %s", what, rule);
	while (i < c->failed && strcmp(c->failure[i], text))
		i++;
	if (i == c->failed && i < CHECKS_FAILED)
		strcpy(c->failure[c->failed++], text);
}

void checks_print(const struct checks *c, FILE *out)
{
	fprintf(out, "\"checks\":%u,\"failed\":[", c->made);
	for (unsigned i = 0; i < c->failed; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", c->failure[i]);
	fputc(']', out);
}
