/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_REC_OPEN_H
#define PN_CLI_REC_OPEN_H

#include "recording.h"

/*
 * Reads a recording, with progress, until Ctrl-C. CLI_DONE with *out, which the caller closes; or
 * another exit status, a message was printed, and *out is NULL.
 */
int pn_cli_open_recording(const char *path, const struct pn_rec_hints *hints,
			  struct pn_recording **out);

#endif
