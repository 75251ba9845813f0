/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_STANDARD_OUT_H
#define PN_CLI_STANDARD_OUT_H

/*
 * From here on the first error of a write to standard output is kept, and said when the program
 * ends, with status 3. Once, before anything is printed.
 */
void pn_cli_watch_stdout(void);

#endif
