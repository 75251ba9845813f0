/* SPDX-License-Identifier: MIT */
/* Opens and closes a recording. */
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

static int read_in(struct pn_recording *rec, const struct pn_rec_hints *hints,
		   pn_rec_progress progress, void *ctx, struct pn_diag *d)
{
	struct pn_rec_text *text;
	int err = pn_rec_text_open(rec->sum.path, progress, ctx, &text, d);

	if (err)
		return err;
	rec->fd = pn_rec_tmpfile();
	if (rec->fd < 0)
		err = pn_diag_set(d, -EIO, rec->sum.path, 0, "temporary file: %s",
				  strerror(-rec->fd));
	else
		err = pn_rec_import(rec, hints, text, d);
	if (!err) {
		err = measure_load(rec);
		if (err)
			pn_diag_set(d, err, rec->sum.path, 0, "%s", strerror(-err));
	}
	pn_rec_text_close(text);
	return err;
}

int pn_recording_open(const char *path, const struct pn_rec_hints *hints,
		      bool (*progress)(void *ctx, uint64_t done, uint64_t all), void *ctx,
		      struct pn_recording **out, struct pn_diag *d)
{
	static const struct pn_rec_hints none;
	struct pn_recording *rec;
	int err;

	*out = NULL;
	if (strlen(path) >= sizeof(rec->sum.path))
		return pn_diag_set(d, -ENAMETOOLONG, path, 0, "path too long");
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return pn_diag_set(d, -ENOMEM, path, 0, "out of memory");
	memcpy(rec->sum.path, path, strlen(path) + 1);
	rec->fd = -1;
	err = read_in(rec, hints ? hints : &none, progress, ctx, d);
	if (err)
		pn_recording_close(rec);
	else
		*out = rec;
	return err;
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
