/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_OUTFILE_H
#define PN_CLI_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

/*
 * An output file under a temporary name until it is complete, so that an incomplete file never has
 * the final name. It is opened before long work, so that a path that cannot be written is refused
 * at once.
 */
struct pn_outfile {
	FILE *f; /* NULL: not open */
	char path[4096];
	char temp[4096 + 32]; /* empty: written in place (a device, a pipe) */
};

/* 0, or -1 with a message on standard error. @path NULL: nothing to do. */
int pn_outfile_open(struct pn_outfile *o, const char *path);
/* Gives the file its name. 0, or -1 with a message. */
int pn_outfile_commit(struct pn_outfile *o);
/* Removes what was not committed. */
void pn_outfile_drop(struct pn_outfile *o);
/* Makes sure that files can be made in @dir, which is created. *made: it was. 0, or -1 with a
 * message. */
int pn_outdir_check(const char *dir, bool *made);

/* Removes temporary files of all open output files; for signal handlers. */
void pn_outfile_unlink_all(void);

#endif
