/* SPDX-License-Identifier: MIT */
/* Reads INI files, or the built-in text of that name, and calls back for each section and key. */
#include "ini_text.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nearest.h"

#define MAX_FILE (1u << 20)

static void base_name(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t len;

	snprintf(out, size, "%s", slash ? slash + 1 : path);
	len = strlen(out);
	if (len > 4 && !strcmp(out + len - 4, ".ini"))
		out[len - 4] = 0;
}

static int read_all(int fd, struct pn_ini_text *out, struct pn_diag *d)
{
	size_t room = 4096, n = 0;
	ssize_t got = 1;
	char *buf = NULL, *more;

	while (got > 0) {
		if (!buf || n == room) {
			room *= 4;
			more = realloc(buf, room);
			if (!more) {
				free(buf);
				return pn_diag_set(d, -ENOMEM, out->path, 0, "out of memory");
			}
			buf = more;
		}
		got = read(fd, buf + n, room - n);
		if (got > 0)
			n += (size_t)got;
		if (n > MAX_FILE) {
			free(buf);
			return pn_diag_set(d, -EFBIG, out->path, 0,
					   "larger than 1 MiB (not a file of this kind?)");
		}
	}
	out->text = out->owned = buf;
	out->size = n;
	if (got < 0)
		return pn_diag_set(d, -EIO, out->path, 0, "cannot be read: %s", strerror(errno));
	return 0;
}

static int check_text(const struct pn_ini_text *t, struct pn_diag *d)
{
	unsigned long line = 1;

	for (size_t i = 0; i < t->size; i++) {
		unsigned char c = (unsigned char)t->text[i];

		if (c == '\n')
			line++;
		else if (c < 0x20 && c != '\t' && c != '\r' && c != '\f')
			return pn_diag_set(d, -EINVAL, t->path, line,
					   "byte 0x%02x: not a text file", c);
	}
	return 0;
}

static int no_such(const char *name, const struct pn_builtin *list, const char *what,
		   struct pn_diag *d)
{
	const char *names[64], *near;
	unsigned n = 0;

	for (; list->name && n < 64; list++)
		names[n++] = list->name;
	if (strchr(name, '/'))
		return pn_diag_set(d, -ENOENT, name, 0, "no such file");
	near = pn_nearest(name, names, n);
	return pn_diag_set(d, -ENOENT, name, 0,
			   "no such file, and no built-in %s of that name%s%s%s", what,
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static int read_builtin(const char *name, const struct pn_builtin *list, const char *what,
			struct pn_ini_text *out, struct pn_diag *d)
{
	const struct pn_builtin *b = strchr(name, '/') ? NULL : pn_builtin_find(list, name);

	if (!b)
		return no_such(name, list, what, d);
	out->text = (const char *)b->data;
	out->size = b->size;
	return 0;
}

int pn_ini_read(const char *name, const struct pn_builtin *list, const char *what,
		struct pn_ini_text *out, struct pn_diag *d)
{
	struct stat st;
	int fd, err;

	*out = (struct pn_ini_text){0};
	snprintf(out->path, sizeof(out->path), "%s", name);
	base_name(name, out->name, sizeof(out->name));
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT) {
		err = errno;
		return pn_diag_set(d, -err, name, 0, "cannot be opened: %s", strerror(err));
	}
	/* a directory called like a built-in one does not hide it */
	if (fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode) && !strchr(name, '/')) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		return read_builtin(name, list, what, out, d);
	err = read_all(fd, out, d);
	close(fd);
	if (!err)
		err = check_text(out, d);
	if (err)
		pn_ini_free(out);
	return err;
}

int pn_ini_memory(const char *name, const char *text, size_t size, struct pn_ini_text *out,
		  struct pn_diag *d)
{
	*out = (struct pn_ini_text){.text = text, .size = size};
	snprintf(out->path, sizeof(out->path), "%s", name);
	base_name(name, out->name, sizeof(out->name));
	return check_text(out, d);
}

void pn_ini_free(struct pn_ini_text *t)
{
	free(t->owned);
	t->owned = NULL;
	t->text = NULL;
	t->size = 0;
}

struct parse {
	const struct pn_ini_text *t;
	const struct pn_ini_ops *ops;
	void *ctx;
	struct pn_diag *d;
	size_t pos;
	unsigned long line;
	bool in_section;
	int err;
	unsigned long err_line;
};

static int fail(struct parse *p, int err)
{
	p->err = err;
	p->err_line = p->line;
	return err;
}

/* "[kind]" or "[kind name]"; a header that does not end is left to the library to refuse. */
static int header(struct parse *p, const char *s, const char *end)
{
	const char *close = memchr(s, ']', (size_t)(end - s)), *q;
	char text[64];
	char *name;
	size_t len;

	if (!close)
		return 0;
	for (q = close + 1; q < end && (*q == ' ' || *q == '\t'); q++)
		;
	if (q < end && *q != '#' && *q != ';')
		return pn_diag_set(p->d, -EINVAL, p->t->path, p->line,
				   "text after the section's ]");
	len = (size_t)(close - s - 1);
	if (len >= sizeof(text))
		return pn_diag_set(p->d, -EINVAL, p->t->path, p->line,
				   "section header too long (a name has at most 31 characters)");
	memcpy(text, s + 1, len);
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	text[len] = 0;
	s = text + strspn(text, " \t");
	name = text + (s - text) + strcspn(s, " \t");
	if (*name) {
		*name++ = 0;
		name += strspn(name, " \t");
	}
	p->in_section = true;
	return p->ops->section(p->ctx, s, name, p->line, p->d);
}

/* A value may contain # ("issue #5"); a comment has blanks on both sides or ends the line. */
static const char *cut_comment(const char *s, const char *end)
{
	for (const char *q = s + 1; q < end; q++)
		if (*q == '#' && (q[-1] == ' ' || q[-1] == '\t') &&
		    (q + 1 == end || q[1] == ' ' || q[1] == '\t'))
			return q;
	return end;
}

/*
 * Gives the library one line a call, without leading blanks: it takes an indented line for the
 * continuation of the value before it. Lines that do not fit are refused here; the library would
 * split them.
 */
static char *next_line(char *str, int num, void *stream)
{
	struct parse *p = stream;
	const char *s = p->t->text + p->pos, *end, *limit = p->t->text + p->t->size;
	size_t len;

	if (p->err || s >= limit)
		return NULL;
	p->line++;
	end = memchr(s, '\n', (size_t)(limit - s));
	p->pos = (size_t)((end ? end + 1 : limit) - p->t->text);
	end = end ? end : limit;
	if (p->line == 1 && end - s >= 3 && !memcmp(s, "\xEF\xBB\xBF", 3))
		s += 3;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (s < end && *s == '[' && fail(p, header(p, s, end)))
		return NULL;
	if (s < end && *s != '#' && *s != ';')
		end = cut_comment(s, end);
	else
		end = s;
	len = (size_t)(end - s);
	if (num < 3 || len > (size_t)num - 2) {
		fail(p, pn_diag_set(p->d, -EINVAL, p->t->path, p->line,
				    "line too long (at most %d characters)", num - 2));
		return NULL;
	}
	memcpy(str, s, len);
	str[len] = '\n';
	str[len + 1] = 0;
	return str;
}

static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;

	(void)section; /* shortened by the library; header() has the whole */
	if (p->err)
		return 0;
	if (!p->in_section)
		return !fail(p, pn_diag_set(p->d, -EINVAL, p->t->path, p->line,
					    "\"%s\" before the first [section]", name));
	return !fail(p, p->ops->key(p->ctx, name, value, p->line, p->d));
}

int pn_ini_parse(const struct pn_ini_text *t, const struct pn_ini_ops *ops, void *ctx,
		 struct pn_diag *d)
{
	struct parse p = {.t = t, .ops = ops, .ctx = ctx, .d = d};
	int bad = ini_parse_stream(next_line, &p, on_key, &p);

	/* the library goes on after a syntax error: report whichever came first */
	if (bad > 0 && (!p.err || (unsigned long)bad < p.err_line))
		return pn_diag_set(d, -EINVAL, t->path, (unsigned long)bad,
				   "neither a comment nor a [section] nor key = value");
	if (bad < 0)
		return pn_diag_set(d, -ENOMEM, t->path, 0, "out of memory");
	return p.err;
}
