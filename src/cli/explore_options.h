/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_EXPLORE_OPTIONS_H
#define PN_CLI_EXPLORE_OPTIONS_H

#include <stdbool.h>

#include "px.h"

/* The command line of `postern explore`. */

enum { BROKEN = 1, FIXED = 2 }; /* bits of variants */

struct explore_options {
	const char *name; /* of a case; NULL: all */
	bool all, all_steps, json;
	bool overflow_w1c; /* knob overflow_restart of the IOMMUs */
	unsigned variants;
	struct px_options search;
	unsigned jobs, limit_mib;
	const char *trace;
	const char *linux_tree; /* NULL: the project's own host code */
};

/* Into *o, which has the defaults; ends the program if the command line is wrong. */
void pn_explore_options(int argc, char **argv, struct explore_options *o);

#endif
