/* SPDX-License-Identifier: MIT */
/*
 * Output files that have a temporary name until they are complete. They are removed if a signal
 * ends the program.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "outfile.h"

#define MAX_OPEN 4

/* Read by a signal handler. */
static struct pn_outfile *volatile open_files[MAX_OPEN];

static void forget(const struct pn_outfile *o)
{
	for (unsigned i = 0; i < MAX_OPEN; i++)
		if (open_files[i] == o)
			open_files[i] = NULL;
}

static void remember(struct pn_outfile *o)
{
	for (unsigned i = 0; i < MAX_OPEN; i++) {
		if (!open_files[i]) {
			open_files[i] = o;
			return;
		}
	}
}

void pn_outfile_unlink_all(void)
{
	for (unsigned i = 0; i < MAX_OPEN; i++)
		if (open_files[i] && open_files[i]->temp[0])
			unlink(open_files[i]->temp);
}

static int failed(const char *path, int e)
{
	pn_cli_error("%s: %s", path, strerror(e));
	return -1;
}

int pn_outfile_open(struct pn_outfile *o, const char *path)
{
	char *real;
	struct stat st;

	o->f = NULL;
	o->temp[0] = 0;
	if (!path)
		return 0;
	if (strlen(path) >= sizeof(o->path))
		return failed(path, ENAMETOOLONG);
	/* The file behind a symbolic link is replaced, not the link. */
	real = realpath(path, NULL);
	snprintf(o->path, sizeof(o->path), "%s", real ? real : path);
	free(real);
	if (!stat(o->path, &st) && S_ISDIR(st.st_mode))
		return failed(path, EISDIR);
	if (!stat(o->path, &st) && !S_ISREG(st.st_mode)) {
		o->f = fopen(o->path, "we");
		return o->f ? 0 : failed(path, errno);
	}
	snprintf(o->temp, sizeof(o->temp), "%s.%ld.tmp", o->path, (long)getpid());
	remember(o);
	o->f = fopen(o->temp, "wxe");
	if (o->f)
		return 0;
	forget(o);
	o->temp[0] = 0;
	return failed(path, errno);
}

int pn_outfile_commit(struct pn_outfile *o)
{
	int e;

	if (!o->f)
		return 0;
	errno = 0;
	e = fflush(o->f) || ferror(o->f) ? (errno ? errno : EIO) : 0;
	if (fclose(o->f) && !e)
		e = errno;
	o->f = NULL;
	if (!e && o->temp[0] && rename(o->temp, o->path))
		e = errno;
	if (e && o->temp[0])
		unlink(o->temp);
	forget(o);
	return e ? failed(o->path, e) : 0;
}

void pn_outfile_drop(struct pn_outfile *o)
{
	if (!o->f)
		return;
	fclose(o->f);
	o->f = NULL;
	if (o->temp[0])
		unlink(o->temp);
	forget(o);
}

int pn_outdir_check(const char *dir, bool *made)
{
	struct stat st;

	*made = false;
	if (!mkdir(dir, 0777)) {
		*made = true;
		return 0;
	}
	if (errno != EEXIST)
		return failed(dir, errno);
	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		return failed(dir, ENOTDIR);
	return access(dir, W_OK | X_OK) ? failed(dir, errno) : 0;
}
