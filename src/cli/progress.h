/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_PROGRESS_H
#define PN_CLI_PROGRESS_H

#include <stdbool.h>

/* From now on Ctrl-C asks for an end, and a second one ends the program at once. */
void pn_cli_catch_stop(void);
/* SIGTERM asks for it, too: batch systems send it some seconds before they kill. */
void pn_cli_catch_term(void);
/* True if an end was asked for. Any thread. */
bool pn_cli_stopped(void);

/*
 * One line on standard error, rewritten, if that is a terminal and the work takes over a second.
 * One thread.
 */
void pn_progress_begin(void);
/* True if it is time for a new line: at most ten a second. */
bool pn_progress_due(void);
__attribute__((format(printf, 1, 2))) void pn_progress_line(const char *fmt, ...);
/* No line from now on: the process is one of several. */
void pn_progress_off(void);
/* Clears the line. */
void pn_progress_end(void);
/* Seconds since pn_progress_begin(). */
double pn_progress_seconds(void);

#endif
