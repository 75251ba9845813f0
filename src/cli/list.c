/* SPDX-License-Identifier: MIT */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "cli.h"
#include "decode.h"
#include "json_out.h"
#include "mode.h"
#include "options.h"
#include "scenario.h"

enum { OPT_JSON = 0x100 };

#define NAME_WIDTH 24
#define TEXT_WIDTH (100 - 3 - NAME_WIDTH)

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

static const char *case_item(unsigned i, const char **description)
{
	const struct pn_case *c = pn_case_get(i);

	*description = c ? c->origin : NULL;
	return c ? c->name : NULL;
}

static const struct {
	const char *what;
	item_fn item;
} lists[] = {
	{"modes", mode_item},	     {"scenarios", pn_builtin_scenario}, {"cases", case_item},
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
		printf("  %-*s variants: %s:%s=%s (default), %s:%s=%s\n", NAME_WIDTH, "",
		       pn_mode_name(plain.id), key, dflt, pn_mode_name(plain.id), key, value);
}

/* A hazard that nobody has published as a bug is called what it is. */
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

static void print_list(item_fn item)
{
	const char *name, *description, *usage;
	char text[512];

	for (unsigned i = 0; (name = item(i, &description)) != NULL; i++) {
		snprintf(text, sizeof(text), "%s%s", description ? description : "",
			 item == case_item ? inferred(i, description) : "");
		print_item(name, text);
		if (item == mode_item)
			print_variants(i);
		if (item == decoder_item && pn_decode_kind(i, NULL, &usage))
			printf("  %-*s   %s\n", NAME_WIDTH, "", usage);
	}
}

static void print_list_json(const char *what, item_fn item)
{
	json_t *items = json_array();
	const char *name, *description;

	for (unsigned i = 0; (name = item(i, &description)) != NULL; i++) {
		json_t *o = json_pack("{s:s, s:s}", "name", name, "description",
				      description ? description : "");

		if (item == case_item)
			json_object_set_new(o, "inferred", json_boolean(pn_case_get(i)->inferred));
		json_array_append_new(items, o);
	}
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
	static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "modes|scenarios|cases|costs|decoders",
					 "Prints what there is.\v"
					 "Example:\n  postern list modes",
					 children,
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
			print_list(lists[i].item);
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
