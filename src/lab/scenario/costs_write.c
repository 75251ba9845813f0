/* SPDX-License-Identifier: MIT */
/* Writes a cost table as the file from which it can be read. */
#include <errno.h>

#include "costs.h"

/* A semicolon behind a blank begins a comment. */
static void put(FILE *f, const char *key, const char *value)
{
	fprintf(f, "%s =%s%s\n", key, *value == ';' ? "" : " ", value);
}

int pn_costs_write(const struct pn_costs *c, FILE *f)
{
	fprintf(f, "# %s\n\n[table]\n", c->description);
	put(f, "name", c->name);
	fprintf(f, "cpu_ghz = %.9g\n", c->cpu_ghz);
	put(f, "description", c->description);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		fprintf(f, "\n[%s]\nvalue = %uns\n", pn_any_step_key(i), c->ns[i]);
		put(f, "source", pn_cost_source_name((enum pn_cost_source)c->source[i]));
		if (c->note[i][0])
			put(f, "note", c->note[i]);
	}
	return ferror(f) ? -EIO : 0;
}
