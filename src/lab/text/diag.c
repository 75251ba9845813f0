/* SPDX-License-Identifier: MIT */
/* Fills the message about a wrong input: file, line, text without control characters. */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>

void pn_diag_clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

int pn_diag_set(struct pn_diag *d, int err, const char *file, unsigned long line, const char *fmt,
		...)
{
	va_list ap;

	if (!d)
		return err;
	snprintf(d->file, sizeof(d->file), "%s", file ? file : "");
	d->line = line;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	pn_diag_clean(d->file);
	pn_diag_clean(d->text);
	return err;
}
