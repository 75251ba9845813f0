/* SPDX-License-Identifier: MIT */
/* `postern decode`: words of a dump, or the lines of a log, field by field, with what is wrong. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "decode.h"
#include "decode_log.h"
#include "json_out.h"
#include "options.h"
#include "usage.h"

enum { OPT_JSON = 0x100, OPT_LOG, OPT_HIGH, OPT_LOW, OPT_BITS, OPT_KERNEL };

struct decode_options {
	const char *kind;
	const char *word[PN_DECODE_MAX_WORDS + 1];
	unsigned words;
	const char *log;
	struct pn_decode_options how;
	bool json;
};

static void print_field(const struct pn_decoded *d, unsigned i, int name, int value)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, d->field[i].value);
	printf("%7s  %-*s  ", d->field[i].bits, name, d->field[i].name);
	if (d->field[i].meaning[0])
		printf("%-*s  %s\n", value, text, d->field[i].meaning);
	else
		printf("%s\n", text);
}

static void print_fields(const struct pn_decoded *d)
{
	int name = 5, value = 5;
	char text[32];

	for (unsigned i = 0; i < d->fields; i++) {
		int n = (int)strlen(d->field[i].name),
		    v = snprintf(text, sizeof(text), "0x%" PRIx64, d->field[i].value);

		name = n > name ? n : name;
		value = v > value ? v : value;
	}
	printf("%7s  %-*s  %-*s  %s\n", "bits", name, "field", value, "value", "meaning");
	for (unsigned i = 0; i < d->fields; i++)
		print_field(d, i, name, value);
}

static void print_table(const struct pn_decoded *d)
{
	printf("%s", d->kind);
	for (unsigned i = 0; i < d->words; i++)
		printf(" %s", d->word[i]);
	printf("\n\n");
	print_fields(d);
	if (d->note[0] || d->reading[0] || d->errors)
		printf("\n");
	if (d->note[0])
		printf("note: %s\n", d->note);
	if (d->reading[0])
		printf("reading: %s\n", d->reading);
	for (unsigned i = 0; i < d->errors; i++)
		printf("wrong: %s\n", d->error[i]);
}

static json_t *fields_json(const struct pn_decoded *d)
{
	json_t *fields = json_array();
	char value[32];

	for (unsigned i = 0; i < d->fields; i++) {
		snprintf(value, sizeof(value), "0x%" PRIx64, d->field[i].value);
		json_array_append_new(fields,
				      json_pack("{s:s, s:s, s:s, s:s}", "name", d->field[i].name,
						"bits", d->field[i].bits, "value", value, "meaning",
						d->field[i].meaning));
	}
	return fields;
}

static json_t *errors_json(const struct pn_decoded *d)
{
	json_t *errors = json_array();

	for (unsigned i = 0; i < d->errors; i++)
		json_array_append_new(errors, json_string(d->error[i]));
	return errors;
}

static void print_json(const struct pn_decoded *d)
{
	json_t *words = json_array();

	for (unsigned i = 0; i < d->words; i++)
		json_array_append_new(words, json_string(d->word[i]));
	pn_cli_print_json(json_pack("{s:s, s:o, s:o, s:o}", "kind", d->kind, "words", words,
				    "fields", fields_json(d), "errors", errors_json(d)));
}

/* ---- lines of a log ---- */

static void line_text(void *arg, unsigned long line, const struct pn_decoded *d)
{
	(void)arg;
	printf("line %lu, %s", line, d->kind);
	for (unsigned i = 0; i < d->words; i++)
		printf(" %s", d->word[i]);
	printf("\n");
	if (d->reading[0])
		printf("reading: %s\n", d->reading);
	for (unsigned i = 0; i < d->errors; i++)
		printf("wrong: %s\n", d->error[i]);
	if (d->fields)
		print_fields(d);
	printf("\n");
}

static void line_json(void *arg, unsigned long line, const struct pn_decoded *d)
{
	json_array_append_new(arg, json_pack("{s:I, s:s, s:o, s:o, s:s}", "line", (json_int_t)line,
					     "kind", d->kind, "fields", fields_json(d), "errors",
					     errors_json(d), "reading", d->reading));
}

static int read_log(FILE *f, struct pn_declog *log)
{
	size_t room = 0;
	char *text = NULL;
	ssize_t n;

	while ((n = getline(&text, &room, f)) >= 0)
		pn_declog_feed(log, text, (size_t)n);
	n = ferror(f) ? -errno : 0;
	free(text);
	pn_declog_end(log);
	return (int)n;
}

static int decode_log(const struct decode_options *o)
{
	bool standard = !strcmp(o->log, "-");
	FILE *f = standard ? stdin : fopen(o->log, "r");
	json_t *lines = o->json ? json_array() : NULL;
	struct pn_declog log;
	int r;

	if (!f) {
		pn_cli_error("%s: %s", o->log, strerror(errno));
		json_decref(lines);
		return CLI_INPUT;
	}
	pn_declog_init(&log, &o->how, o->json ? line_json : line_text, lines);
	r = read_log(f, &log);
	if (!standard)
		fclose(f);
	if (r) {
		pn_cli_error("%s: %s", o->log, strerror(-r));
		json_decref(lines);
		return CLI_INPUT;
	}
	if (o->json)
		pn_cli_print_json(json_pack("{s:s, s:o, s:I}", "schema", "postern.decode-log/1",
					    "lines", lines, "unknown", (json_int_t)log.unknown));
	else
		printf("%lu line%s explained, %lu not known\n", log.known,
		       log.known == 1 ? "" : "s", log.unknown);
	return CLI_DONE;
}

static void set_bits(struct decode_options *o, const char *arg, struct argp_state *state)
{
	uint64_t bits;

	if (!pn_cli_whole(arg, 1, 31, &bits))
		pn_cli_usage(state, "--vcpu-bits is '%s' (expected 1 to 31)", arg);
	o->how.vcpu_bits = (unsigned)bits;
}

static int parse(int key, char *arg, struct argp_state *state)
{
	struct decode_options *o = state->input;

	switch (key) {
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_LOG:
		o->log = arg;
		return 0;
	case OPT_HIGH:
	case OPT_LOW:
		o->how.order = key == OPT_HIGH ? PN_DECODE_HIGH_FIRST : PN_DECODE_LOW_FIRST;
		return 0;
	case OPT_BITS:
		set_bits(o, arg, state);
		return 0;
	case OPT_KERNEL:
		if (pn_decode_kernel(arg, &o->how))
			pn_cli_usage(state, "--kernel is '%s' (expected a version such as 6.17)",
				     arg);
		return 0;
	case ARGP_KEY_ARG:
		if (!o->kind)
			o->kind = arg;
		else if (o->words <= PN_DECODE_MAX_WORDS)
			o->word[o->words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->log && o->kind)
			pn_cli_usage(state, "--log takes a file and no KIND");
		if (!o->log && !o->kind)
			pn_cli_usage(state, "no KIND is given (see postern list decoders)");
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
		{"log", OPT_LOG, "FILE", 0,
		 "explain every line of a log, trace or debugfs table that is known (- is standard "
		 "input)",
		 0},
		{"high-first", OPT_HIGH, NULL, 0, "the words come highest first", 0},
		{"low-first", OPT_LOW, NULL, 0, "the words come lowest first", 0},
		{"vcpu-bits", OPT_BITS, "N", 0, "bits of the vCPU in a GA tag", 0},
		{"kernel", OPT_KERNEL, "VERSION", 0,
		 "the Linux that wrote GA tags and inhibit masks (without it: all, side by side)",
		 0},
		{"json", OPT_JSON, NULL, 0, "print one JSON object", 0},
		{0},
	};
	static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"KIND WORD...\n--log FILE|-",
		"Decodes hexadecimal words of a dump field by field, and reports what is wrong "
		"with them; or finds and explains the lines of a log. Words are 128, 64, 32 or 16 "
		"bits wide, lowest or highest first: the order that makes a valid entry is "
		"taken.\v"
		"Examples:\n  postern decode irte 0x000000f100002a81 0x0000000123456041\n"
		"  postern decode galog 00012345 10000841 --kernel 6.17\n"
		"  dmesg | postern decode --log -\n"
		"  postern decode vtd-irte 0x2345678000418001 0x0000000100040841",
		children,
		NULL,
		NULL};
	struct decode_options o = {0};
	struct pn_diag diag = {0};
	struct pn_decoded d;

	pn_cli_parse(&argp, argc, argv, &o);
	if (o.log)
		return decode_log(&o);
	if (pn_decode_as(o.kind, o.word, o.words, &o.how, &d, &diag)) {
		pn_cli_diag(&diag);
		return is_kind(o.kind) && o.words ? CLI_INPUT : CLI_USAGE;
	}
	if (o.json)
		print_json(&d);
	else
		print_table(&d);
	return CLI_DONE;
}
