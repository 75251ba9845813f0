/* SPDX-License-Identifier: MIT */
/* Opens and closes a recording. */
#define _GNU_SOURCE /* memfd_create() */
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rec_priv.h"

/* What the load's tasks had of the time of all CPUs; and how often an interrupt woke one. */
static int measure_load(struct pn_recording *rec)
{
	struct pn_rec_summary *s = &rec->sum;
	uint64_t *since = calloc(s->cpus, sizeof(*since)), runs = 0;
	bool *on = calloc(s->cpus, sizeof(*on));
	struct pn_rec_reader *r = NULL;
	struct pn_rec_event ev;
	int got = since && on ? pn_rec_reader_open(rec, &r) : -ENOMEM;

	while (!got && (got = pn_rec_reader_next(r, &ev)) == 1) {
		got = 0;
		s->wakeups += ev.kind == PN_REC_IRQ && ev.runs_next;
		if (ev.kind == PN_REC_IRQ || on[ev.cpu] == (ev.kind == PN_REC_RUN))
			continue;
		on[ev.cpu] = ev.kind == PN_REC_RUN;
		runs += on[ev.cpu] ? 0 : ev.ns - since[ev.cpu];
		since[ev.cpu] = ev.ns;
	}
	for (uint32_t i = 0; i < s->cpus && on && since; i++)
		runs += on[i] ? s->span_ns - since[i] : 0;
	s->load_share = -1;
	if (s->load_comm[0] && s->span_ns)
		s->load_share = (double)runs / ((double)s->span_ns * s->cpus);
	pn_rec_reader_close(r);
	free(since);
	free(on);
	return got;
}

/* Takes @text, and the file for the events, or the error that there is instead. */
static int read_in(struct pn_recording *rec, const struct pn_rec_hints *hints,
		   struct pn_rec_text *text, int fd, struct pn_diag *d)
{
	static const struct pn_rec_hints none;
	int err;

	rec->fd = fd;
	if (fd < 0)
		err = pn_diag_set(d, -EIO, rec->sum.path, 0, "temporary file: %s", strerror(-fd));
	else
		err = pn_rec_import(rec, hints ? hints : &none, text, d);
	if (!err) {
		err = measure_load(rec);
		if (err)
			pn_diag_set(d, err, rec->sum.path, 0, "%s", strerror(-err));
	}
	pn_rec_text_close(text);
	return err;
}

static int new_recording(const char *path, struct pn_recording **out, struct pn_diag *d)
{
	struct pn_recording *rec;

	*out = NULL;
	if (strlen(path) >= sizeof(rec->sum.path))
		return pn_diag_set(d, -ENAMETOOLONG, path, 0, "path too long");
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return pn_diag_set(d, -ENOMEM, path, 0, "out of memory");
	memcpy(rec->sum.path, path, strlen(path) + 1);
	rec->fd = -1;
	*out = rec;
	return 0;
}

static int done(struct pn_recording **rec, int err)
{
	if (err) {
		pn_recording_close(*rec);
		*rec = NULL;
	}
	return err;
}

int pn_recording_open(const char *path, const struct pn_rec_hints *hints,
		      bool (*progress)(void *ctx, uint64_t done, uint64_t all), void *ctx,
		      struct pn_recording **out, struct pn_diag *d)
{
	struct pn_rec_text *text;
	int err = new_recording(path, out, d);

	err = err ? err : pn_rec_text_open(path, progress, ctx, &text, d);
	return done(out, err ? err : read_in(*out, hints, text, pn_rec_tmpfile(), d));
}

int pn_recording_memory(const char *name, const char *chars, size_t size,
			const struct pn_rec_hints *hints, struct pn_recording **out,
			struct pn_diag *d)
{
	struct pn_rec_text *text;
	int err = new_recording(name, out, d), fd;

	err = err ? err : pn_rec_text_memory(name, chars, size, &text, d);
	if (err)
		return done(out, err);
	fd = memfd_create("events", MFD_CLOEXEC);
	return done(out, read_in(*out, hints, text, fd < 0 ? -errno : fd, d));
}

const struct pn_rec_summary *pn_recording_summary(const struct pn_recording *rec)
{
	return &rec->sum;
}

const struct pn_rec_hist *pn_recording_span(const struct pn_recording *rec, enum pn_rec_span what)
{
	return &rec->span[what];
}

const struct pn_rec_hist *pn_recording_handler(const struct pn_recording *rec, uint32_t line)
{
	return line < rec->by_line_room && rec->by_line[line].n ? &rec->by_line[line] : NULL;
}

void pn_recording_close(struct pn_recording *rec)
{
	if (!rec)
		return;
	if (rec->fd >= 0)
		close(rec->fd);
	free(rec->is_load);
	free(rec->sum.line);
	free(rec->by_line);
	free(rec);
}
