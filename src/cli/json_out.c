/* SPDX-License-Identifier: MIT */
/* Prints a JSON object on standard output. */
#include "json_out.h"

void pn_cli_print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	fputc('\n', stdout);
	json_decref(o);
}
