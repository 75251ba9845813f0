/* SPDX-License-Identifier: MIT */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "decode.h"
#include "json_out.h"
#include "mode.h"
#include "scenario.h"

enum { OPT_JSON = 0x100 };

struct list_options {
	const char *what;
	bool json;
};

typedef const char *(*item_fn)(unsigned i, const char **description);

static const char *mode_item(unsigned i, const char **description)
{
	*description = pn_mode_doc((enum pn_mode_id)i);
	return pn_mode_name((enum pn_mode_id)i);
}

static const char *decoder_item(unsigned i, const char **description)
{
	return pn_decode_kind(i, description, NULL);
}

static const char *no_item(unsigned i, const char **description)
{
	(void)i;
	*description = NULL;
	return NULL;
}

static const struct {
	const char *what;
	item_fn item;
} lists[] = {
	{"modes", mode_item},	     {"scenarios", pn_builtin_scenario}, {"cases", no_item},
	{"costs", pn_builtin_costs}, {"decoders", decoder_item},
};

#define NR_LISTS ((unsigned)(sizeof(lists) / sizeof(lists[0])))

/* "gate=blocking|always, default blocking" */
static void print_variants(unsigned i)
{
	struct pn_mode plain = {.id = (enum pn_mode_id)i}, other = plain;
	const char *key, *dflt, *value;

	other.gate_always = other.masked_none = true;
	if (pn_mode_variant(&plain, &key, &dflt) && pn_mode_variant(&other, &key, &value))
		printf("  %-20s variants: %s:%s=%s (default), %s:%s=%s\n", "",
		       pn_mode_name(plain.id), key, dflt, pn_mode_name(plain.id), key, value);
}

static void print_list(const char *what, item_fn item)
{
	const char *name, *description, *usage;

	for (unsigned i = 0; (name = item(i, &description)) != NULL; i++) {
		printf("  %-20s %s\n", name, description ? description : "");
		if (item == mode_item)
			print_variants(i);
		if (item == decoder_item && pn_decode_kind(i, NULL, &usage))
			printf("  %-20s   %s\n", "", usage);
	}
	if (item == no_item)
		printf("%s come with the explorer, which is not in this build\n", what);
}

static void print_list_json(const char *what, item_fn item)
{
	json_t *items = json_array();
	const char *name, *description;

	for (unsigned i = 0; (name = item(i, &description)) != NULL; i++)
		json_array_append_new(items, json_pack("{s:s, s:s}", "name", name, "description",
						       description ? description : ""));
	pn_cli_print_json(json_pack("{s:s, s:s, s:o}", "schema", "postern.list/1", "what", what,
				    "items", items));
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
			argp_error(state, "one list at a time");
		o->what = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "list what? (modes, scenarios, cases, costs or decoders)");
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
	static const struct argp argp = {options,
					 parse,
					 "modes|scenarios|cases|costs|decoders",
					 "Prints what there is.\v"
					 "Example:\n  postern list modes",
					 NULL,
					 NULL,
					 NULL};
	struct list_options o = {0};
	const char *names[NR_LISTS], *near;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	for (unsigned i = 0; i < NR_LISTS; i++) {
		names[i] = lists[i].what;
		if (strcmp(o.what, lists[i].what))
			continue;
		if (o.json)
			print_list_json(o.what, lists[i].item);
		else
			print_list(o.what, lists[i].item);
		return CLI_DONE;
	}
	near = pn_nearest(o.what, names, NR_LISTS);
	if (near)
		pn_cli_error("there is no list of '%s' (did you mean '%s'?)", o.what, near);
	else
		pn_cli_error("there is no list of '%s' (expected modes, scenarios, cases, costs or "
			     "decoders)",
			     o.what);
	return CLI_USAGE;
}
