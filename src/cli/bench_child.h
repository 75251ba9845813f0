/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_BENCH_CHILD_H
#define PN_CLI_BENCH_CHILD_H

#include <stdio.h>

/* Exit status when there is no such program. */
#define PN_CHILD_NOT_HERE 127

/* A folder for temporary files, PATH_MAX long. 0 or negative errno. */
int pn_child_make_dir(char *dir);
/* With all files in it. */
void pn_child_remove_dir(const char *dir);
/* Runs a program there. Exit status, or -1. Its output goes to the file "out". @seconds: NULL, or
 * how long it took. */
int pn_child_run(const char *dir, char *const *argv, double *seconds);
FILE *pn_child_file(const char *dir, const char *name, const char *mode);

#endif
