/* SPDX-License-Identifier: MIT */
/* Counts names that come from a recording, in constant memory. */
#include <string.h>

#include "rec_priv.h"

static bool is(const char *kept, const char *name, size_t len)
{
	return !memcmp(kept, name, len) && !kept[len];
}

void pn_rec_count(struct pn_rec_counts *c, const char *name, size_t len)
{
	static const char others[] = "others";
	unsigned i = 0;

	if (len >= sizeof(c->of[0].name))
		len = sizeof(c->of[0].name) - 1;
	while (i < c->names && !is(c->of[i].name, name, len))
		i++;
	if (i >= PN_REC_MAX_NAMES - 1) {
		i = PN_REC_MAX_NAMES - 1;
		name = others;
		len = sizeof(others) - 1;
	}
	if (i >= c->names) {
		for (size_t k = 0; k < len; k++)
			c->of[i].name[k] = name[k] > 0x20 && name[k] < 0x7f ? name[k] : '?';
		c->of[i].name[len] = 0;
		c->names = i + 1;
	}
	c->of[i].count++;
	c->all++;
}
