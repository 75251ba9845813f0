/* SPDX-License-Identifier: MIT */
/*
 * Stores the events of a recording in a temporary file, sorted by time although lines of different
 * CPUs come out of order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rec_priv.h"

#define OUT_RECORDS 1024
#define FIRST_ROOM  256

struct waiting {
	struct pn_rec_raw raw;
	uint32_t seq; /* keeps equal times in the order of the file */
};

struct pn_rec_store {
	int fd;
	uint32_t seq;
	unsigned heap, out;
	uint64_t written_ns; /* time of the last record that left the heap */
	struct pn_rec_raw buf[OUT_RECORDS];
	struct waiting *w; /* a heap; grows to PN_REC_WINDOW + 1 */
	unsigned room;
};

int pn_rec_tmpfile(void)
{
	const char *dir = getenv("TMPDIR");
	char path[512];
	int fd, n;

	n = snprintf(path, sizeof(path), "%s/postern-XXXXXX", dir && *dir ? dir : "/tmp");
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

struct pn_rec_store *pn_rec_store_new(int fd)
{
	struct pn_rec_store *st = malloc(sizeof(*st));

	if (!st)
		return NULL;
	st->fd = fd;
	st->seq = 0;
	st->heap = st->out = 0;
	st->written_ns = 0;
	st->room = FIRST_ROOM;
	st->w = malloc(st->room * sizeof(*st->w));
	if (!st->w) {
		free(st);
		return NULL;
	}
	return st;
}

void pn_rec_store_free(struct pn_rec_store *st)
{
	if (st)
		free(st->w);
	free(st);
}

uint64_t pn_rec_store_oldest(const struct pn_rec_store *st)
{
	return st->written_ns;
}

static int flush(struct pn_rec_store *st)
{
	const char *p = (const char *)st->buf;
	size_t left = st->out * sizeof(st->buf[0]);

	while (left) {
		ssize_t n = write(st->fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		p += n;
		left -= (size_t)n;
	}
	st->out = 0;
	return 0;
}

static bool before(const struct waiting *a, const struct waiting *b)
{
	if (a->raw.ns != b->raw.ns)
		return a->raw.ns < b->raw.ns;
	return (int32_t)(a->seq - b->seq) < 0;
}

static int grow(struct pn_rec_store *st)
{
	unsigned room = 2 * st->room < PN_REC_WINDOW + 1 ? 2 * st->room : PN_REC_WINDOW + 1;
	struct waiting *w = realloc(st->w, room * sizeof(*w));

	if (!w)
		return -ENOMEM;
	st->w = w;
	st->room = room;
	return 0;
}

static int push(struct pn_rec_store *st, const struct waiting *x)
{
	int err = st->heap == st->room ? grow(st) : 0;
	unsigned i;

	if (err)
		return err;
	i = st->heap++;
	for (; i && before(x, &st->w[(i - 1) / 2]); i = (i - 1) / 2)
		st->w[i] = st->w[(i - 1) / 2];
	st->w[i] = *x;
	return 0;
}

static int pop(struct pn_rec_store *st)
{
	struct waiting last = st->w[st->heap - 1];
	unsigned i = 0, child;

	st->written_ns = st->w[0].raw.ns;
	st->buf[st->out++] = st->w[0].raw;
	st->heap--;
	for (; (child = 2 * i + 1) < st->heap; i = child) {
		if (child + 1 < st->heap && before(&st->w[child + 1], &st->w[child]))
			child++;
		if (!before(&st->w[child], &last))
			break;
		st->w[i] = st->w[child];
	}
	st->w[i] = last;
	return st->out == OUT_RECORDS ? flush(st) : 0;
}

int pn_rec_store_add(struct pn_rec_store *st, const struct pn_rec_raw *raw, uint64_t newest)
{
	struct waiting x = {*raw, st->seq++};
	int err = 0;

	if (raw->ns < st->written_ns)
		return -EPROTO;
	while (!err && st->heap && st->w[0].raw.ns + PN_REC_TOLERANCE_NS < newest)
		err = pop(st);
	if (err)
		return err;
	err = push(st, &x);
	if (err)
		return err;
	return st->heap > PN_REC_WINDOW ? pop(st) : 0;
}

int pn_rec_store_finish(struct pn_rec_store *st)
{
	int err = 0;

	while (!err && st->heap)
		err = pop(st);
	return err ? err : flush(st);
}
