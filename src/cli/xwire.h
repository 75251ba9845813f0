/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_XWIRE_H
#define PN_CLI_XWIRE_H

#include <stdint.h>

#include "px.h"

/*
 * What a process that explores writes: this, and the steps of the counter-example behind it. Both
 * ends come from the same source; the magic number changes with the structures.
 */
#define PN_XWIRE_MAGIC                                                                             \
	(0x706f737465720000ull + ((uint64_t)sizeof(struct px_result) << 40) +                      \
	 sizeof(struct px_step))

struct pn_xwire_head {
	uint64_t magic;
	int err;
	char why[160];	     /* not finished, for a reason of the program's own; else empty */
	char explored[4096]; /* functions of Linux that ran: FILE:FUNCTION, or empty */
	struct px_result res;
};

#endif
