/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_OS_H
#define PN_CLI_OS_H

#include <stdbool.h>
#include <stddef.h>

/* What several verbs ask the operating system for. Any thread. */

/* Seconds of a clock that never goes back. */
double pn_cli_now(void);
/* Writes all of it, however many calls that takes. False: errno says why not. */
bool pn_cli_write_all(int fd, const void *data, size_t size);

#endif
