/* SPDX-License-Identifier: MIT */
/* Messages on standard error, all of which begin with "postern: ". */
#include <stdarg.h>
#include <stdio.h>

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
	va_list ap;

	fflush(stdout);
	fputs("postern: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
