/* SPDX-License-Identifier: MIT */
/* Reads the lines of a recording, with progress, and detects damaged files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "rec_priv.h"

#define CHUNK (256u << 10)

struct pn_rec_text {
	char path[256];
	gzFile gz; /* NULL: there is @dat or @memory */
	struct pn_rec_dat *dat;
	const char *memory;
	size_t memory_left;
	const struct pn_rec_tool *tool; /* NULL: the file is text, or gzip */
	pid_t pid;			/* of the tool; 0: none, or it has ended */
	pn_rec_progress progress;
	void *ctx;
	uint64_t size; /* of the file; 0: unknown */
	unsigned long line;
	size_t pos, fill;
	bool eof;
	bool skipping; /* inside a line that did not fit */
	size_t room;
	char buf[]; /* @room of them */
};

static int open_file(const char *path, uint64_t *size, struct pn_diag *d)
{
	struct stat st;
	bool input = !strcmp(path, "-");
	int fd = input ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0) {
		err = errno;
		return pn_diag_set(d, -err, path, 0, "cannot be opened: %s", strerror(err));
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		*size = (uint64_t)st.st_size;
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		close(fd);
		return pn_diag_set(d, -EISDIR, path, 0, "is a directory (expected a recording)");
	}
	return fd;
}

/* Where the text comes from: the file itself, a library, or a program's output. Takes @fd. */
static int open_source(struct pn_rec_text *t, int fd, struct pn_diag *d)
{
	const struct pn_rec_tool *tool = pn_rec_tool_for(fd);
	int err = tool && tool->dat ? pn_rec_dat_open(fd, t->path, &t->dat, d) : -ENOSYS, piped;

	if (tool)
		t->size = 0;
	if (tool && err == -ENOSYS) {
		piped = pn_rec_tool_start(tool, fd, t->path, &t->pid, d);
		close(fd);
		if (piped < 0)
			return piped;
		t->tool = tool;
		fd = piped;
	} else if (tool) {
		close(fd);
		return err;
	}
	t->gz = gzdopen(fd, "rb");
	if (!t->gz) {
		close(fd);
		return pn_diag_set(d, -ENOMEM, t->path, 0, "out of memory");
	}
	gzbuffer(t->gz, CHUNK);
	return 0;
}

static struct pn_rec_text *new_text(const char *path, size_t room)
{
	struct pn_rec_text *t = malloc(sizeof(*t) + room);

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	snprintf(t->path, sizeof(t->path), "%s", path);
	t->room = room;
	return t;
}

int pn_rec_text_open(const char *path, pn_rec_progress progress, void *ctx,
		     struct pn_rec_text **out, struct pn_diag *d)
{
	struct pn_rec_text *t = new_text(path, CHUNK);
	int fd, err;

	if (!t)
		return pn_diag_set(d, -ENOMEM, path, 0, "out of memory");
	t->progress = progress;
	t->ctx = ctx;
	fd = open_file(path, &t->size, d);
	err = fd < 0 ? fd : open_source(t, fd, d);
	if (err) {
		pn_rec_text_close(t);
		return err;
	}
	*out = t;
	return 0;
}

int pn_rec_text_memory(const char *name, const char *text, size_t size, struct pn_rec_text **out,
		       struct pn_diag *d)
{
	struct pn_rec_text *t = new_text(name, size < CHUNK ? size + 1 : CHUNK);

	*out = t;
	if (!t)
		return pn_diag_set(d, -ENOMEM, name, 0, "out of memory");
	t->memory = text;
	t->memory_left = size;
	return 0;
}

void pn_rec_text_close(struct pn_rec_text *t)
{
	if (!t)
		return;
	if (t->gz)
		gzclose(t->gz);
	if (t->dat)
		pn_rec_dat_close(t->dat);
	if (t->pid)
		pn_rec_tool_end(t->tool, t->pid, t->path, NULL);
	free(t);
}

unsigned long pn_rec_text_line(const struct pn_rec_text *t)
{
	return t->line;
}

/* A file that ends inside a compressed stream gives its data first and the error afterwards. */
static int read_error(struct pn_rec_text *t, int got, struct pn_diag *d)
{
	int zerr = Z_OK, saved = errno;

	gzerror(t->gz, &zerr);
	if (zerr == Z_BUF_ERROR && got >= 0)
		return pn_diag_set(d, -EBADMSG, t->path, t->line,
				   "truncated gzip file: it ends in the middle of the stream");
	if (zerr == Z_DATA_ERROR)
		return pn_diag_set(d, -EBADMSG, t->path, t->line, "corrupt gzip file");
	if (zerr == Z_MEM_ERROR)
		return pn_diag_set(d, -ENOMEM, t->path, t->line, "out of memory");
	if (got < 0)
		return pn_diag_set(d, -EIO, t->path, t->line, "cannot be read: %s",
				   strerror(zerr == Z_ERRNO && saved ? saved : EIO));
	return 0;
}

static int at_end(struct pn_rec_text *t, int got, struct pn_diag *d)
{
	int err = read_error(t, got, d);
	pid_t pid = t->pid;

	if (err || !pid)
		return err;
	t->pid = 0;
	return pn_rec_tool_end(t->tool, pid, t->path, d);
}

static uint64_t bytes_done(const struct pn_rec_text *t)
{
	if (t->dat)
		return pn_rec_dat_bytes(t->dat);
	return t->gz ? (uint64_t)gzoffset(t->gz) : 0;
}

static int read_some(struct pn_rec_text *t, char *to, size_t room)
{
	if (t->dat)
		return pn_rec_dat_read(t->dat, to, room);
	if (t->gz)
		return gzread(t->gz, to, (unsigned)room);
	if (room > t->memory_left)
		room = t->memory_left;
	if (room)
		memcpy(to, t->memory, room);
	t->memory += room;
	t->memory_left -= room;
	return (int)room;
}

static int refill(struct pn_rec_text *t, struct pn_diag *d)
{
	int got;

	memmove(t->buf, t->buf + t->pos, t->fill - t->pos);
	t->fill -= t->pos;
	t->pos = 0;
	if (t->progress && !t->progress(t->ctx, bytes_done(t), t->size))
		return pn_diag_set(d, -EINTR, t->path, t->line, "stopped");
	errno = 0;
	got = read_some(t, t->buf + t->fill, t->room - t->fill);
	if (got > 0)
		t->fill += (size_t)got;
	/* only after its data was looked at is a truncated file an error, with the last line's
	 * number */
	t->eof = got <= 0;
	return got <= 0 && t->gz ? at_end(t, got, d) : 0;
}

int pn_rec_text_next(struct pn_rec_text *t, const char **s, const char **end, struct pn_diag *d)
{
	for (;;) {
		const char *from = t->buf + t->pos;
		const char *nl = memchr(from, '\n', t->fill - t->pos);
		bool full = t->fill - t->pos == t->room;
		int err;

		if (!nl && !t->eof && !full) {
			err = refill(t, d);
			if (err)
				return err;
			continue;
		}
		if (!nl && t->eof && t->pos == t->fill && !t->skipping)
			return 0;
		t->pos = nl ? (size_t)(nl + 1 - t->buf) : t->fill;
		if (!nl && !t->eof) { /* it does not fit: drop what is there of it */
			t->skipping = true;
			continue;
		}
		t->line++;
		*s = from;
		*end = nl ? nl : t->buf + t->fill;
		if (t->skipping)
			*end = from;
		t->skipping = false;
		if (*end > *s && (*end)[-1] == '\r')
			(*end)--;
		return 1;
	}
}

int pn_rec_text_damaged(struct pn_rec_text *t, struct pn_diag *d)
{
	int err = 0;

	if (!t->gz || gzdirect(t->gz))
		return 0;
	while (!err && !t->eof) {
		t->pos = t->fill;
		err = refill(t, d);
	}
	return err;
}
