/* SPDX-License-Identifier: MIT */
/* Messages on standard error, all of which begin with "postern: ". */
#include <stdarg.h>
#include <stdio.h>
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
	va_list ap;

	fflush(stdout);
	fputs("postern: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int pn_cli_refuse(struct pn_diag *d, int err, const char *file)
{
	if (!d->text[0])
		pn_diag_set(d, err, file, 0, "%s", strerror(-err));
	pn_cli_diag(d);
	return CLI_INPUT;
}
