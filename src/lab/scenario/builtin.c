/* SPDX-License-Identifier: MIT */
/* Scenarios and cost tables that are built into the program, by name or index. */
#include "builtin.h"

#include <string.h>

#include "scenario.h"

const struct pn_builtin *pn_builtin_find(const struct pn_builtin *list, const char *name)
{
	for (; list->name; list++)
		if (!strcmp(list->name, name))
			return list;
	return NULL;
}

static const char *nth(const struct pn_builtin *list, unsigned i, const char **description)
{
	for (; list->name; list++, i--) {
		if (i)
			continue;
		if (description)
			*description = list->description;
		return list->name;
	}
	return NULL;
}

const char *pn_builtin_scenario(unsigned i, const char **description)
{
	return nth(pn_builtin_scenarios, i, description);
}

const char *pn_builtin_costs(unsigned i, const char **description)
{
	return nth(pn_builtin_cost_tables, i, description);
}
