/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_OUTFILE_H
#define PN_CLI_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>
#include <zlib.h>

/*
 * An output file that gets its name when it is complete and on the disk, whatever ends the program
 * before. It is opened before long work, so that a path that cannot be written is refused at once.
 * What is written to @f is compressed if the name ends in .gz. @f keeps an error until
 * pn_outfile_commit() reports it, so writers need not check for one.
 */
struct pn_outfile {
	FILE *f; /* NULL: not open */
	int fd, error;
	gzFile gz;     /* NULL: not compressed */
	bool in_place; /* a device, a pipe */
	char path[4096];
	char temp[4096 + 32]; /* empty: it has no name yet */
};

/*
 * 0, or -1 with a message on standard error: it cannot be written, or is to be another open file.
 * @path NULL: nothing to do. @o stays where it is.
 */
int pn_outfile_open(struct pn_outfile *o, const char *path);
/* Two names, or what is to become two, of one file. */
bool pn_outfile_same(const char *a, const char *b);
/*
 * True: writing @output leaves @input as it is; either may be NULL. Else a message was printed:
 * "@output is the @what itself".
 */
bool pn_outfile_spares(const char *input, const char *what, const char *output);
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
