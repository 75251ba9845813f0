/* SPDX-License-Identifier: MIT */
/* `postern list`: modes, scenarios, keys, cases, costs, sweeps, decoders, as text or JSON. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_text.h"
#include "cli.h"
#include "decode.h"
#include "json_out.h"
#include "mode.h"
#include "options.h"
#include "nearest.h"
#include "scenario.h"
#include "scenario_keys.h"
#include "sweep.h"
#include "usage.h"

enum { OPT_JSON = 0x100 };

#define NAME_WIDTH 24
#define TEXT_WIDTH (100 - 3 - NAME_WIDTH)

struct list_options {
	const char *what;
	bool json;
};

typedef const char *(*item_fn)(unsigned i, const char **description);

static const char *mode_work(unsigned i)
{
	const struct pn_mode_info *m = pn_mode_at(i);

	return m ? pn_workload_name(m->work) : NULL;
}

/* NULL for a scenario that cannot be loaded; a test checks that there is none. */
static const char *scenario_work(unsigned i)
{
	const char *name = pn_builtin_scenario(i, NULL), *work = NULL;
	struct pn_scenario *sc;

	if (name && !pn_scenario_load(name, NULL, NULL, &sc, NULL)) {
		work = pn_workload_name(sc->work);
		free(sc);
	}
	return work;
}

static const char *mode_item(unsigned i, const char **description)
{
	const struct pn_mode_info *m = pn_mode_at(i);

	*description = m ? m->doc : NULL;
	return m ? m->name : NULL;
}

static const char *decoder_item(unsigned i, const char **description)
{
	return pn_decode_kind(i, description, NULL);
}

static const char *case_item(unsigned i, const char **description)
{
	const struct pn_case *c = pn_case_get(i);

	*description = c ? c->origin : NULL;
	return c ? c->name : NULL;
}

/* A key by the section's kind: "machine.pcpus". The strings live until the next call. */
static const char *key_item(unsigned i, const char **description)
{
	static char name[64], text[512];
	const struct pn_key *k = i < pn_key_count ? &pn_keys[i] : NULL;
	char range[160];

	if (!k)
		return NULL;
	snprintf(name, sizeof(name), "%s.%s", pn_sc_kind_name((enum pn_sc_kind)k->kind), k->name);
	snprintf(text, sizeof(text), "%s; %s%s: %s", pn_key_range(k, range, sizeof(range)),
		 k->dflt ? "default " : "", k->dflt ? k->dflt : k->without, k->doc);
	*description = text;
	return name;
}

static const struct {
	const char *what;
	item_fn item;
	const char *(*work)(unsigned i); /* its workload, or NULL */
} lists[] = {
	{"modes", mode_item, mode_work},   {"scenarios", pn_builtin_scenario, scenario_work},
	{"keys", key_item, NULL},	   {"cases", case_item, NULL},
	{"costs", pn_builtin_costs, NULL}, {"sweeps", pn_builtin_sweep, NULL},
	{"decoders", decoder_item, NULL},
};

#define NR_LISTS ((unsigned)(sizeof(lists) / sizeof(lists[0])))

/* Marks a hazard that has not been published as a bug as inferred. */
static const char *inferred(unsigned i, const char *origin)
{
	return pn_case_get(i)->inferred && !strstr(origin, "inferred") ? " (inferred)" : "";
}

/* Breaks @text at spaces, so that no line has more than 100 columns. */
static void print_item(const char *name, const char *text)
{
	size_t left = strlen(text), cut;

	while (left > TEXT_WIDTH) {
		for (cut = TEXT_WIDTH; cut && text[cut] != ' ';)
			cut--;
		if (!cut)
			break;
		printf("  %-*s %.*s\n", NAME_WIDTH, name, (int)cut, text);
		name = "";
		text += cut + 1;
		left -= cut + 1;
	}
	printf("  %-*s %s\n", NAME_WIDTH, name, text);
}

/* The text beside the name; modes are listed below the heading of their workload instead. */
static void item_text(item_fn item, unsigned i, const char *description, const char *work,
		      char *buf, size_t size)
{
	if (item == case_item)
		snprintf(buf, size, "%s%s", description, inferred(i, description));
	else if (item == pn_builtin_scenario && work)
		snprintf(buf, size, "%s: %s", work, description);
	else
		snprintf(buf, size, "%s", description);
}

/* The text below the name. */
static void print_more(item_fn item, unsigned i)
{
	const struct pn_mode_info *m = item == mode_item ? pn_mode_at(i) : NULL;
	const char *usage;

	if (m && m->variants)
		printf("  %-*s variants: %s:%s\n", NAME_WIDTH, "", m->name, m->variants);
	if (item == decoder_item && pn_decode_kind(i, NULL, &usage))
		printf("  %-*s   %s\n", NAME_WIDTH, "", usage);
}

static void print_list(unsigned list)
{
	const char *name, *description, *last = "";
	item_fn item = lists[list].item;
	char text[512];

	for (unsigned i = 0; (name = item(i, &description)) != NULL; i++) {
		const char *work = lists[list].work ? lists[list].work(i) : NULL;

		if (item == mode_item && strcmp(work, last))
			printf("%s:\n", work);
		last = work;
		item_text(item, i, description ? description : "", work, text, sizeof(text));
		print_item(name, text);
		print_more(item, i);
	}
}

/* The parts of a key's description. */
static void key_json(json_t *o, const struct pn_key *k)
{
	char range[160];

	json_object_set_new(o, "section", json_string(pn_sc_kind_name((enum pn_sc_kind)k->kind)));
	json_object_set_new(o, "key", json_string(k->name));
	json_object_set_new(o, "range", json_string(pn_key_range(k, range, sizeof(range))));
	json_object_set_new(o, "default", k->dflt ? json_string(k->dflt) : json_null());
	json_object_set_new(o, "without", k->without ? json_string(k->without) : json_null());
	json_object_set_new(o, "meaning", json_string(k->doc));
}

static void print_list_json(unsigned list)
{
	item_fn item = lists[list].item;
	json_t *items = json_array();
	const char *name, *description;

	for (unsigned i = 0; (name = item(i, &description)) != NULL; i++) {
		json_t *o = json_pack("{s:s, s:s}", "name", name, "description",
				      description ? description : "");

		if (lists[list].work && lists[list].work(i))
			json_object_set_new(o, "workload", json_string(lists[list].work(i)));
		if (item == case_item)
			json_object_set_new(o, "inferred", json_boolean(pn_case_get(i)->inferred));
		if (item == key_item)
			key_json(o, &pn_keys[i]);
		json_array_append_new(items, o);
	}
	pn_cli_print_json(json_pack("{s:s, s:s, s:o}", "schema", "postern.list/1", "what",
				    lists[list].what, "items", items));
}

static int parse(int key, char *arg, struct argp_state *state)
{
	struct list_options *o = state->input;

	switch (key) {
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->what)
			pn_cli_usage(state, "one list at a time");
		o->what = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		pn_cli_usage(state, "no list is named (modes, scenarios, keys, cases, costs, "
				    "sweeps or decoders)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int pn_cli_list(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "print one JSON object", 0},
		{0},
	};
	static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "modes|scenarios|keys|cases|costs|sweeps|decoders",
					 "Lists modes and scenarios with their workload, the keys "
					 "of scenario files, explorer "
					 "cases, cost tables, sweeps, or decoders.\v"
					 "Example:\n  postern list modes",
					 children,
					 NULL,
					 NULL};
	struct list_options o = {0};
	const char *names[NR_LISTS], *near;

	pn_cli_parse(&argp, argc, argv, &o);
	for (unsigned i = 0; i < NR_LISTS; i++) {
		names[i] = lists[i].what;
		if (strcmp(o.what, lists[i].what))
			continue;
		if (o.json)
			print_list_json(i);
		else
			print_list(i);
		return CLI_DONE;
	}
	near = pn_nearest(o.what, names, NR_LISTS);
	if (near)
		pn_cli_error("there is no list of '%s' (did you mean '%s'?)", o.what, near);
	else
		pn_cli_error(
			"there is no list of '%s' (expected modes, scenarios, keys, cases, costs, "
			"sweeps or decoders)",
			o.what);
	return CLI_USAGE;
}
