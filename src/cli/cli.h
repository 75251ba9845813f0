/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_H
#define PN_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"

/* Exit statuses of every verb. */
enum {
	CLI_DONE = 0,
	CLI_VIOLATED = 1,
	CLI_USAGE = 2,
	CLI_INPUT = 3,
	CLI_STOPPED = 130, /* by Ctrl-C, after the results so far were printed */
};

/* A verb: its options are parsed from @argv, argv[0] is "postern VERB". */
int pn_cli_compare(int argc, char **argv);
int pn_cli_run(int argc, char **argv);
int pn_cli_replay(int argc, char **argv);
int pn_cli_calibrate(int argc, char **argv);
int pn_cli_decode(int argc, char **argv);
int pn_cli_list(int argc, char **argv);
int pn_cli_bench(int argc, char **argv);
int pn_cli_explore(int argc, char **argv);
int pn_cli_sweep(int argc, char **argv);
int pn_cli_vm(int argc, char **argv);
int pn_cli_torture(int argc, char **argv);

/* The checkout that the program was built from, or POSTERN_SOURCE of the environment. Static. */
const char *pn_cli_source_root(void);
/*
 * @path becomes that of the executable file @name, among what `make install-vm` has installed
 * beside this program, or in the checkout. Not 0 if it is in neither.
 */
int pn_cli_beside(char *path, size_t size, const char *name);

/* "postern: FILE:LINE: text" on standard error. */
void pn_cli_diag(const struct pn_diag *d);
/* The same of an input that was refused with @err, also when @d says nothing. Returns CLI_INPUT. */
int pn_cli_refuse(struct pn_diag *d, int err, const char *file);
__attribute__((format(printf, 1, 2))) void pn_cli_error(const char *fmt, ...);

#endif
