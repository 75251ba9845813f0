/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_USAGE_H
#define PN_CLI_USAGE_H

#include <argp.h>

/*
 * Usage errors of all verbs: one line on standard error, "postern: TEXT; try 'postern VERB
 * --help'", and exit status 2. argp's own take three lines.
 */

/*
 * argp_parse() of a verb's command line; argv[0] is "postern VERB". Ends the program if a word is
 * no option, lacks its argument, has one too many, or is left over.
 */
void pn_cli_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Ends the program: for parsers of options. */
__attribute__((noreturn, format(printf, 2, 3))) void pn_cli_usage(const struct argp_state *state,
								  const char *fmt, ...);

#endif
