/* SPDX-License-Identifier: MIT */
/* Writes a cost table as the file from which it can be read. */
#include <errno.h>

#include "costs.h"

int pn_costs_write(const struct pn_costs *c, FILE *f)
{
	fprintf(f, "# %s\n\n[table]\nname = %s\ncpu_ghz = %.9g\ndescription = %s\n", c->description,
		c->name, c->cpu_ghz, c->description);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		fprintf(f, "\n[%s]\nvalue = %uns\nsource = %s\n", pn_any_step_key(i), c->ns[i],
			pn_cost_source_name((enum pn_cost_source)c->source[i]));
		if (c->note[i][0])
			fprintf(f, "note = %s\n", c->note[i]);
	}
	return ferror(f) ? -EIO : 0;
}
