/* SPDX-License-Identifier: MIT */
/* Loads a scenario: text, options that change it, cost table, checks. */
#include "scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario_build.h"

/* A table's path is relative to the scenario that names it. */
static void table_path(const struct pn_sc_build *b, char *out, size_t size)
{
	const char *slash = strrchr(b->path, '/');
	int n;

	if (slash && b->table[0] != '/' && b->table_line != PN_SC_LINE_OPTION) {
		n = snprintf(out, size, "%.*s/%s", (int)(slash - b->path), b->path, b->table);
		if (n > 0 && (size_t)n < size && !access(out, F_OK))
			return;
	}
	snprintf(out, size, "%s", b->table);
}

static int load_costs(struct pn_sc_build *b, const char *costs_file, struct pn_diag *d)
{
	char path[512];
	int err;

	snprintf(path, sizeof(path), "default");
	if (costs_file)
		snprintf(path, sizeof(path), "%s", costs_file);
	else if (b->table[0])
		table_path(b, path, sizeof(path));
	err = pn_costs_load(path, &b->sc->costs, d);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR && !err; i++) {
		unsigned long line = b->cost[i].line;
		bool option = line == PN_SC_LINE_OPTION;

		if (line)
			err = pn_costs_set(&b->sc->costs, pn_any_step_key(i), b->cost[i].value,
					   option ? "--set" : b->path, option ? 0 : line, d);
	}
	return err;
}

static int build(struct pn_sc_build *b, const struct pn_ini_text *t, const char *costs_file,
		 const char *const *set, struct pn_diag *d)
{
	int err = pn_sc_parse(b, t, d);

	for (; !err && set && *set; set++)
		err = pn_sc_set(b, *set, d);
	if (!err)
		err = load_costs(b, costs_file, d);
	if (!err)
		err = pn_sc_check(b, d);
	return err;
}

int pn_scenario_load(const char *name, const char *costs_file, const char *const *set,
		     struct pn_scenario **out, struct pn_diag *d)
{
	struct pn_scenario *sc = calloc(1, sizeof(*sc));
	struct pn_sc_build *b = calloc(1, sizeof(*b));
	struct pn_ini_text t;
	int err;

	*out = NULL;
	if (!sc || !b) {
		err = pn_diag_set(d, -ENOMEM, name, 0, "out of memory");
		goto out;
	}
	err = pn_ini_read(name, pn_builtin_scenarios, "scenario", &t, d);
	if (err)
		goto out;
	b->sc = sc;
	memcpy(sc->name, t.name, sizeof(sc->name));
	memcpy(sc->path, t.path, sizeof(sc->path));
	err = build(b, &t, costs_file, set, d);
	pn_ini_free(&t);
	if (!err) {
		*out = sc;
		sc = NULL;
	}
out:
	free(b);
	free(sc);
	return err;
}
