/* SPDX-License-Identifier: MIT */
#ifndef PN_FUZZ_COSTS_H
#define PN_FUZZ_COSTS_H

#include <stdbool.h>
#include <string.h>

#include "costs.h"

static inline bool same_costs(const struct pn_costs *a, const struct pn_costs *b)
{
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		if (a->ns[i] != b->ns[i] || a->source[i] != b->source[i] ||
		    strcmp(a->note[i], b->note[i]))
			return false;
	return !strcmp(a->name, b->name) && !strcmp(a->description, b->description);
}

#endif
