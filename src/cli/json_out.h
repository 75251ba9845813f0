/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_JSON_OUT_H
#define PN_CLI_JSON_OUT_H

#include <jansson.h>

/* Prints @o on standard output and releases it. */
void pn_cli_print_json(json_t *o);

#endif
