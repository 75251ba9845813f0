/* SPDX-License-Identifier: MIT */
/* All shipped cases: those of text, read when the first is asked for, and those in C. And files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_parse.h"
#include "case_text.h"

#define MAX_CASES 256

static int parse(const struct pn_ini_text *t, const struct pn_case **out, struct pn_diag *d)
{
	struct pn_case_file *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return pn_diag_set(d, -ENOMEM, t->path, 0, "out of memory");
	err = pn_case_parse(t, f, d);
	if (err)
		free(f);
	else
		*out = &f->info;
	return err;
}

/* ---- the shipped ones ---- */

static struct {
	const struct pn_case *c[MAX_CASES];
	unsigned n;
	bool read;
} all;

/* NULL only if the text is wrong: a test reads them all. */
static const struct pn_case *shipped(const struct pn_builtin *b)
{
	struct pn_ini_text t = {.text = (const char *)b->data, .size = b->size};
	const struct pn_case *c = NULL;

	snprintf(t.path, sizeof(t.path), "%s", b->name);
	snprintf(t.name, sizeof(t.name), "%s", b->name);
	return parse(&t, &c, NULL) ? NULL : c;
}

static void add(const struct pn_case *c)
{
	if (c && all.n < MAX_CASES)
		all.c[all.n++] = c;
}

static void read_all(void)
{
	const struct pn_builtin *const text[PN_CASE_VENDOR] = {pn_builtin_cases_amd,
							       pn_builtin_cases_intel};
	const struct pn_case *c;

	for (unsigned v = 0; v < PN_CASE_VENDOR; v++) {
		for (const struct pn_builtin *b = text[v]; b->name; b++)
			add(shipped(b));
		for (unsigned i = 0; (c = pn_case_c(v, i)) != NULL; i++)
			add(c);
	}
	all.read = true;
}

const struct pn_case *pn_case_get(unsigned i)
{
	if (!all.read)
		read_all();
	return i < all.n ? all.c[i] : NULL;
}

/* ---- a file ---- */

int pn_case_load(const char *path, const struct pn_case **out, struct pn_diag *d)
{
	static const struct pn_builtin none[] = {{0}};
	struct pn_ini_text t;
	int err = pn_ini_read(path, none, "case", &t, d);

	if (err)
		return err;
	err = parse(&t, out, d);
	pn_ini_free(&t);
	return err;
}

void pn_case_free(const struct pn_case *c)
{
	if (c)
		free((void *)(uintptr_t)c->file);
}

unsigned pn_case_bound(const struct pn_case *c)
{
	return c->file ? c->file->bound : UINT32_MAX;
}
