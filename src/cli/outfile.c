/* SPDX-License-Identifier: MIT */
/*
 * Output files that are complete or absent. Where the file system can, a file has no name at all
 * until it is on the disk, and even SIGKILL leaves nothing behind; elsewhere it has a temporary
 * name, which is removed if a signal that can be caught ends the program.
 */
#define _GNU_SOURCE /* O_TMPFILE, fopencookie() */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "os.h"
#include "outfile.h"

#define MAX_OPEN    8
#define BUFFER_SIZE 65536

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
	forget(o);
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

/* ---- the stream ---- */

/* 0 is an error of the stream. */
static ssize_t on_write(void *cookie, const char *data, size_t size)
{
	struct pn_outfile *o = cookie;
	bool ok;

	if (o->error)
		return 0;
	errno = 0;
	ok = o->gz ? gzwrite(o->gz, data, (unsigned)size) > 0 : pn_cli_write_all(o->fd, data, size);
	if (ok)
		return (ssize_t)size;
	o->error = errno ? errno : EIO;
	/* On a full disk another file may need the room. */
	if (!o->in_place)
		(void)!ftruncate(o->fd, 0);
	return 0;
}

static bool is_packed(const char *path)
{
	size_t n = strlen(path);

	return n > 3 && !strcmp(path + n - 3, ".gz");
}

/* The compressor has a descriptor of its own, which it closes. */
static bool begin_packing(struct pn_outfile *o)
{
	int fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);

	o->gz = fd < 0 ? NULL : gzdopen(fd, "wb");
	if (!o->gz && fd >= 0)
		close(fd);
	if (o->gz)
		gzbuffer(o->gz, BUFFER_SIZE);
	return o->gz;
}

static bool begin_stream(struct pn_outfile *o)
{
	o->f = fopencookie(o, "w", (cookie_io_functions_t){.write = on_write});
	if (o->f)
		setvbuf(o->f, NULL, _IOFBF, BUFFER_SIZE);
	return o->f;
}

/* The first error of the stream, or 0. The descriptor stays open. */
static int end_stream(struct pn_outfile *o)
{
	if (o->f && fclose(o->f) && !o->error)
		o->error = errno ? errno : EIO;
	o->f = NULL;
	errno = 0;
	if (o->gz && gzclose(o->gz) != Z_OK && !o->error)
		o->error = errno ? errno : EIO;
	o->gz = NULL;
	return o->error;
}

/* ---- the name ---- */

static void directory_of(const char *path, char *dir, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(dir, size, ".");
	else
		snprintf(dir, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static void choose_temp(struct pn_outfile *o)
{
	snprintf(o->temp, sizeof(o->temp), "%s.%ld.tmp", o->path, (long)getpid());
}

/* A file without a name, or else with a temporary one. */
static int create(struct pn_outfile *o)
{
	char dir[sizeof(o->path)];
	int fd;

	directory_of(o->path, dir, sizeof(dir));
	fd = access("/proc/self/fd", X_OK) ? -1 : open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	if (fd >= 0)
		return fd;
	choose_temp(o);
	fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		o->temp[0] = 0;
	return fd;
}

/* A link cannot replace a file, a change of name can. */
static int give_temp(struct pn_outfile *o)
{
	char self[64];

	if (o->temp[0])
		return 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
	choose_temp(o);
	if (!linkat(AT_FDCWD, self, AT_FDCWD, o->temp, AT_SYMLINK_FOLLOW))
		return 0;
	o->temp[0] = 0;
	return -1;
}

/* Some file systems cannot, and say so. */
static int to_disk(int fd)
{
	return fsync(fd) && errno != EINVAL && errno != EROFS && errno != ENOSYS ? errno : 0;
}

static void directory_to_disk(const struct pn_outfile *o)
{
	char dir[sizeof(o->path)];
	int fd;

	directory_of(o->path, dir, sizeof(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)to_disk(fd);
	close(fd);
}

static int give_name(struct pn_outfile *o)
{
	int e = to_disk(o->fd);

	if (e)
		return e;
	if (give_temp(o) || rename(o->temp, o->path))
		return errno;
	directory_to_disk(o);
	return 0;
}

/* ---- two names of one file ---- */

static bool same_inode(const char *a, const char *b, mode_t kind)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && (x.st_mode & S_IFMT) == kind &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool pn_outfile_same(const char *a, const char *b)
{
	char in_a[PATH_MAX], in_b[PATH_MAX];

	if (!access(a, F_OK) || !access(b, F_OK))
		return same_inode(a, b, S_IFREG);
	directory_of(a, in_a, sizeof(in_a));
	directory_of(b, in_b, sizeof(in_b));
	return !strcmp(base_of(a), base_of(b)) && same_inode(in_a, in_b, S_IFDIR);
}

bool pn_outfile_spares(const char *input, const char *what, const char *output)
{
	if (!input || !output || !same_inode(input, output, S_IFREG))
		return true;
	pn_cli_error("%s is the %s itself (expected another file to write)", output, what);
	return false;
}

static bool is_open(const char *path)
{
	for (unsigned i = 0; i < MAX_OPEN; i++)
		if (open_files[i] && !open_files[i]->in_place &&
		    pn_outfile_same(open_files[i]->path, path))
			return true;
	return false;
}

/* ---- what callers see ---- */

static void close_all(struct pn_outfile *o)
{
	end_stream(o);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	if (o->temp[0])
		unlink(o->temp);
	o->temp[0] = 0;
	forget(o);
}

int pn_outfile_open(struct pn_outfile *o, const char *path)
{
	char *real;
	struct stat st;
	int e;

	*o = (struct pn_outfile){.fd = -1};
	if (!path)
		return 0;
	if (!*path)
		return failed("an output file without a name", ENOENT);
	if (strlen(path) >= sizeof(o->path))
		return failed(path, ENAMETOOLONG);
	/* The file behind a symbolic link is replaced, not the link. */
	real = realpath(path, NULL);
	snprintf(o->path, sizeof(o->path), "%s", real ? real : path);
	free(real);
	if (!stat(o->path, &st) && S_ISDIR(st.st_mode))
		return failed(path, EISDIR);
	if (is_open(o->path)) {
		pn_cli_error("%s is to be written twice (expected a file for each)", path);
		return -1;
	}
	remember(o);
	o->in_place = !stat(o->path, &st) && !S_ISREG(st.st_mode);
	o->fd = o->in_place ? open(o->path, O_WRONLY | O_CLOEXEC) : create(o);
	if (o->fd >= 0 && (!is_packed(path) || begin_packing(o)) && begin_stream(o))
		return 0;
	e = errno;
	close_all(o);
	return failed(path, e);
}

int pn_outfile_commit(struct pn_outfile *o)
{
	int e;

	if (!o->f)
		return 0;
	e = end_stream(o);
	if (!e && !o->in_place)
		e = give_name(o);
	if (!e)
		o->temp[0] = 0;
	close_all(o);
	return e ? failed(o->path, e) : 0;
}

void pn_outfile_drop(struct pn_outfile *o)
{
	if (o->f)
		close_all(o);
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
