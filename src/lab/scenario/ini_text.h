/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_INI_TEXT_H
#define PN_LAB_INI_TEXT_H

#include <stddef.h>

#include "builtin.h"
#include "diag.h"

/* The text of an INI file, of the disk or built in. */
struct pn_ini_text {
	char path[256]; /* for messages */
	char name[64];	/* without directory and .ini */
	const char *text;
	size_t size;
	char *owned; /* to free, or NULL */
};

/*
 * Reads file @name, or the one of @list with that name if @name has no slash and no such file
 * exists.
 * @what ("scenario") is for messages. -ENOENT and other open errors, -EIO, -EFBIG, -EINVAL (not a
 * text file), -ENOMEM.
 */
int pn_ini_read(const char *name, const struct pn_builtin *list, const char *what,
		struct pn_ini_text *out, struct pn_diag *d);
/* The same of text in memory, which must stay as long as @out is used. @name is for messages. */
int pn_ini_memory(const char *name, const char *text, size_t size, struct pn_ini_text *out,
		  struct pn_diag *d);
void pn_ini_free(struct pn_ini_text *t);

/* Callbacks return 0, or a negative errno with @d filled, which ends the parsing. */
struct pn_ini_ops {
	/* A header "[kind]" or "[kind name]"; @name is "" if there is none. */
	int (*section)(void *ctx, const char *kind, const char *name, unsigned long line,
		       struct pn_diag *d);
	int (*key)(void *ctx, const char *key, const char *value, unsigned long line,
		   struct pn_diag *d);
};

/* Comments begin with # or ; at the start of a line, or between blanks after a value. */
int pn_ini_parse(const struct pn_ini_text *t, const struct pn_ini_ops *ops, void *ctx,
		 struct pn_diag *d);

#endif
