/* SPDX-License-Identifier: MIT */
/* `postern decode`: words of a dump, field by field, with what is wrong with them. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "decode.h"
#include "json_out.h"
#include "options.h"

enum { OPT_JSON = 0x100 };

struct decode_options {
	const char *kind;
	const char *word[PN_DECODE_MAX_WORDS + 1];
	unsigned words;
	bool json;
};

static void print_table(const struct pn_decoded *d)
{
	int name = 5, value = 5;
	char text[32];

	for (unsigned i = 0; i < d->fields; i++) {
		int n = (int)strlen(d->field[i].name),
		    v = snprintf(text, sizeof(text), "0x%" PRIx64, d->field[i].value);

		name = n > name ? n : name;
		value = v > value ? v : value;
	}
	printf("%s", d->kind);
	for (unsigned i = 0; i < d->words; i++)
		printf(" %s", d->word[i]);
	printf("\n\n%7s  %-*s  %-*s  %s\n", "bits", name, "field", value, "value", "meaning");
	for (unsigned i = 0; i < d->fields; i++) {
		snprintf(text, sizeof(text), "0x%" PRIx64, d->field[i].value);
		printf("%7s  %-*s  ", d->field[i].bits, name, d->field[i].name);
		if (d->field[i].meaning[0])
			printf("%-*s  %s\n", value, text, d->field[i].meaning);
		else
			printf("%s\n", text);
	}
	if (d->errors)
		printf("\n");
	for (unsigned i = 0; i < d->errors; i++)
		printf("wrong: %s\n", d->error[i]);
}

static void print_json(const struct pn_decoded *d)
{
	json_t *words = json_array(), *fields = json_array(), *errors = json_array();
	char value[32];

	for (unsigned i = 0; i < d->words; i++)
		json_array_append_new(words, json_string(d->word[i]));
	for (unsigned i = 0; i < d->fields; i++) {
		snprintf(value, sizeof(value), "0x%" PRIx64, d->field[i].value);
		json_array_append_new(fields,
				      json_pack("{s:s, s:s, s:s, s:s}", "name", d->field[i].name,
						"bits", d->field[i].bits, "value", value, "meaning",
						d->field[i].meaning));
	}
	for (unsigned i = 0; i < d->errors; i++)
		json_array_append_new(errors, json_string(d->error[i]));
	pn_cli_print_json(json_pack("{s:s, s:o, s:o, s:o}", "kind", d->kind, "words", words,
				    "fields", fields, "errors", errors));
}

static int parse(int key, char *arg, struct argp_state *state)
{
	struct decode_options *o = state->input;

	switch (key) {
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!o->kind)
			o->kind = arg;
		else if (o->words <= PN_DECODE_MAX_WORDS)
			o->word[o->words++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no KIND is given (see postern list decoders)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool is_kind(const char *name)
{
	const char *kind;

	for (unsigned i = 0; (kind = pn_decode_kind(i, NULL, NULL)) != NULL; i++)
		if (!strcmp(kind, name))
			return true;
	return false;
}

int pn_cli_decode(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "print one JSON object", 0},
		{0},
	};
	static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"KIND WORD...",
		"Decodes hexadecimal words of a dump field by field, and reports what is wrong "
		"with "
		"them. Words are 64, 32 or 16 bits wide, lowest first.\v"
		"Examples:\n  postern decode irte 0x000000f100002a81 0x0000000123456041\n"
		"  postern decode galog 00012345 10000841\n"
		"  postern decode vtd-irte 0x2345678000418001 0x0000000100040841",
		children,
		NULL,
		NULL};
	struct decode_options o = {0};
	struct pn_diag diag = {0};
	struct pn_decoded d;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (pn_decode(o.kind, o.word, o.words, &d, &diag)) {
		pn_cli_diag(&diag);
		return is_kind(o.kind) && o.words ? CLI_INPUT : CLI_USAGE;
	}
	if (o.json)
		print_json(&d);
	else
		print_table(&d);
	return CLI_DONE;
}
