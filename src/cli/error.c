/* SPDX-License-Identifier: MIT */
/* Messages on standard error, all of which begin with "postern: ". */
#define _GNU_SOURCE /* vasprintf() */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void pn_cli_diag(const struct pn_diag *d)
{
	if (d->file[0] && d->line)
		pn_cli_error("%s:%lu: %s", d->file, d->line, d->text);
	else if (d->file[0])
		pn_cli_error("%s: %s", d->file, d->text);
	else
		pn_cli_error("%s", d->text);
}

void pn_cli_error(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	fflush(stdout);
	if (n < 0) {
		fputs("postern: out of memory\n", stderr);
		return;
	}
	pn_diag_clean(text);
	fprintf(stderr, "postern: %s\n", text);
	free(text);
}

int pn_cli_refuse(struct pn_diag *d, int err, const char *file)
{
	if (!d->text[0])
		pn_diag_set(d, err, file, 0, "%s", strerror(-err));
	pn_cli_diag(d);
	return CLI_INPUT;
}
