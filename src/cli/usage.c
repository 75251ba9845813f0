/* SPDX-License-Identifier: MIT */
/* Usage errors in one line: the words of a command line are looked at before argp reads them. */
#define _GNU_SOURCE /* vasprintf() */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "nearest.h"
#include "usage.h"

#define MAX_OPTIONS 64

/* A verb, and all its options. */
struct verb {
	const char *name;
	const struct argp_option *option[MAX_OPTIONS];
	unsigned options;
};

/* What argp adds to each verb. */
static const struct argp_option of_argp[] = {
	{"help", '?', NULL, 0, NULL, 0},
	{"usage", 0x400, NULL, 0, NULL, 0},
	{0},
};

/* ---- the line ---- */

__attribute__((noreturn, format(printf, 2, 0))) static void refuse_with(const char *verb,
									const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		pn_cli_error("out of memory");
	else
		pn_cli_error("%s; try '%s --help'", text, verb);
	exit(CLI_USAGE);
}

__attribute__((noreturn, format(printf, 2, 3))) static void refuse(const struct verb *v,
								   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse_with(v->name, fmt, ap);
}

void pn_cli_usage(const struct argp_state *state, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse_with(state->name, fmt, ap);
}

/* ---- options ---- */

static void add_options(struct verb *v, const struct argp_option *o)
{
	for (; o && o->name && v->options < MAX_OPTIONS; o++)
		v->option[v->options++] = o;
}

static void add_parser(struct verb *v, const struct argp *argp)
{
	add_options(v, argp->options);
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		add_parser(v, c->argp);
}

__attribute__((noreturn)) static void unknown(const struct verb *v, const char *name, int len)
{
	const char *names[MAX_OPTIONS], *near;
	char word[128];

	for (unsigned i = 0; i < v->options; i++)
		names[i] = v->option[i]->name;
	snprintf(word, sizeof(word), "%.*s", len, name);
	near = pn_nearest(word, names, v->options);
	if (near)
		refuse(v, "unknown option '--%.*s' (did you mean '--%s'?)", len, name, near);
	refuse(v, "unknown option '--%.*s'", len, name);
}

__attribute__((noreturn)) static void ambiguous(const struct verb *v, const char *name, int len)
{
	char text[512] = "";

	for (unsigned i = 0; i < v->options; i++) {
		size_t n = strlen(text);

		if (!strncmp(v->option[i]->name, name, (size_t)len))
			snprintf(text + n, sizeof(text) - n, "%s--%s", n ? ", " : "",
				 v->option[i]->name);
	}
	refuse(v, "option '--%.*s' is ambiguous (expected one of %s)", len, name, text);
}

/* The option of this name, or the only one that begins so. */
static const struct argp_option *long_option(const struct verb *v, const char *name, int len)
{
	const struct argp_option *found = NULL;
	bool many = false;

	for (unsigned i = 0; i < v->options; i++) {
		const struct argp_option *o = v->option[i];

		if (strncmp(o->name, name, (size_t)len))
			continue;
		if (!o->name[len])
			return o;
		many |= found != NULL;
		found = o;
	}
	if (many)
		ambiguous(v, name, len);
	if (!found)
		unknown(v, name, len);
	return found;
}

static const struct argp_option *short_option(const struct verb *v, char c)
{
	for (unsigned i = 0; i < v->options; i++)
		if (v->option[i]->key == c)
			return v->option[i];
	refuse(v, "unknown option '-%c'", c);
}

static bool wants_argument(const struct argp_option *o)
{
	return o->arg && !(o->flags & OPTION_ARG_OPTIONAL);
}

/* argp answers these at once and ends the program. */
static bool ends_here(const struct argp_option *o)
{
	return o >= of_argp && o < of_argp + sizeof(of_argp) / sizeof(of_argp[0]);
}

/* ---- words ---- */

/* The option of "--NAME" or "--NAME=VALUE"; true: its argument is the next word. */
static bool long_word(const struct verb *v, const char *word, const struct argp_option **o)
{
	int len = (int)strcspn(word + 2, "=");
	bool given = word[2 + len];

	*o = long_option(v, word + 2, len);
	if (given && !(*o)->arg)
		refuse(v, "option '--%s' takes no argument", (*o)->name);
	return !given && wants_argument(*o);
}

/* The last option of "-abc" or "-oVALUE"; true: its argument is the next word. */
static bool short_word(const struct verb *v, const char *word, const struct argp_option **o)
{
	for (const char *c = word + 1; *c; c++) {
		*o = short_option(v, *c);
		if (ends_here(*o))
			return false;
		if ((*o)->arg)
			return !c[1] && wants_argument(*o);
	}
	return false;
}

static void check_words(const struct verb *v, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const struct argp_option *o;
		bool next;

		if (argv[i][0] != '-' || !argv[i][1])
			continue;
		next = argv[i][1] == '-' ? long_word(v, argv[i], &o) : short_word(v, argv[i], &o);
		if (ends_here(o))
			return;
		if (next && ++i == argc)
			refuse(v, "option '--%s' requires an argument (%s)", o->name, o->arg);
	}
}

void pn_cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	struct verb v = {.name = argv[0]};
	int rest = argc;

	add_parser(&v, argp);
	add_options(&v, of_argp);
	check_words(&v, argc, argv);
	argp_parse(argp, argc, argv, 0, &rest, input);
	if (rest < argc)
		refuse(&v, "unexpected argument '%s'", argv[rest]);
}
