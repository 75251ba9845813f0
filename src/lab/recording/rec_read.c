/* SPDX-License-Identifier: MIT */
/* Gives out the stored events in order of time, each with what its CPU does afterwards. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rec_priv.h"

#define IN_RECORDS 2048
#define AHEAD	   256	   /* events that are looked at to see what follows an interrupt */
#define SOON_NS	   100000u /* an interrupt that wakes its vCPU does so within this */
#define NONE	   UINT16_MAX

struct pn_rec_reader {
	const struct pn_recording *rec;
	uint64_t record; /* next one of the file */
	unsigned in, in_n;
	bool end;
	uint64_t newest;
	unsigned head, n;  /* of the ring */
	unsigned initial;  /* CPUs whose first state was not returned yet */
	bool waits[AHEAD]; /* an interrupt to a sleeping vCPU: the next event there is not known yet
			    */
	struct pn_rec_event ring[AHEAD];
	uint8_t state[PN_REC_MAX_CPUS];	   /* enum pn_rec_kind */
	uint16_t pending[PN_REC_MAX_CPUS]; /* place of such an interrupt in the ring */
	struct pn_rec_raw buf[IN_RECORDS];
};

int pn_rec_reader_open(struct pn_recording *rec, struct pn_rec_reader **out)
{
	struct pn_rec_reader *r = malloc(sizeof(*r));

	*out = r;
	if (!r)
		return -ENOMEM;
	memset(r, 0, offsetof(struct pn_rec_reader, buf));
	r->rec = rec;
	for (unsigned c = 0; c < rec->sum.cpus; c++) {
		r->state[c] = rec->runs_first[c] ? PN_REC_RUN : PN_REC_SLEEP;
		r->pending[c] = NONE;
	}
	return 0;
}

void pn_rec_reader_close(struct pn_rec_reader *r)
{
	free(r);
}

/* 1: *raw is the next record, 0: no more, -EIO. */
static int next_raw(struct pn_rec_reader *r, struct pn_rec_raw *raw)
{
	if (r->in == r->in_n) {
		ssize_t got = pread(r->rec->fd, r->buf, sizeof(r->buf),
				    (off_t)(r->record * sizeof(r->buf[0])));

		if (got < 0)
			return -EIO;
		r->in = 0;
		r->in_n = (unsigned)((size_t)got / sizeof(r->buf[0]));
		r->record += r->in_n;
		if (!r->in_n)
			return 0;
	}
	*raw = r->buf[r->in++];
	return 1;
}

static bool is_load(const struct pn_rec_reader *r, uint32_t task)
{
	return r->rec->is_load && task < r->rec->tasks && r->rec->is_load[task];
}

/* The state of the vCPU of a CPU after a switch. */
static uint8_t after_switch(const struct pn_rec_reader *r, const struct pn_rec_raw *raw,
			    uint8_t state)
{
	if (is_load(r, raw->b))
		return PN_REC_RUN;
	if (raw->b == PN_TASK_IDLE)
		return PN_REC_SLEEP; /* a displaced task has moved to another CPU */
	if (is_load(r, raw->a))
		return raw->flags & PN_RAW_RUNNABLE ? PN_REC_PREEMPT : PN_REC_SLEEP;
	return state;
}

static void append(struct pn_rec_reader *r, const struct pn_rec_event *ev, bool waits)
{
	unsigned at = (r->head + r->n++) % AHEAD;

	r->ring[at] = *ev;
	r->waits[at] = waits;
	if (waits)
		r->pending[ev->cpu] = (uint16_t)at;
}

/* An event on a CPU settles what followed the interrupt before it there. */
static void settle(struct pn_rec_reader *r, const struct pn_rec_event *ev)
{
	uint16_t at = r->pending[ev->cpu];

	if (at == NONE)
		return;
	r->pending[ev->cpu] = NONE;
	r->waits[at] = false;
	r->ring[at].runs_next = ev->kind == PN_REC_RUN && ev->ns - r->ring[at].ns <= SOON_NS;
}

static void decode(struct pn_rec_reader *r, const struct pn_rec_raw *raw)
{
	struct pn_rec_event ev = {
		.ns = raw->ns - r->rec->sum.first_ns,
		.cpu = r->rec->cpu[raw->cpu],
		.kind = PN_REC_IRQ,
	};
	uint8_t *state = &r->state[ev.cpu];

	r->newest = ev.ns;
	if (raw->kind == PN_RAW_POSTED_MSI && !r->rec->sum.from_vectors)
		return;
	if (raw->kind != PN_RAW_SWITCH) {
		ev.line = raw->a;
		ev.slot = raw->b;
	} else {
		ev.kind = after_switch(r, raw, *state);
		if (!r->rec->is_load || ev.kind == *state)
			return;
		*state = ev.kind;
	}
	settle(r, &ev);
	append(r, &ev, ev.kind == PN_REC_IRQ && *state == PN_REC_SLEEP);
}

/* Reads on until the oldest event of the ring is settled, too old to be, or the ring is full. */
static int look_ahead(struct pn_rec_reader *r)
{
	struct pn_rec_raw raw;

	while (!r->end && r->n < AHEAD) {
		int got;

		if (r->n && (!r->waits[r->head] || r->newest - r->ring[r->head].ns > SOON_NS))
			return 0;
		got = next_raw(r, &raw);
		if (got < 0)
			return got;
		if (got)
			decode(r, &raw);
		else
			r->end = true;
	}
	return 0;
}

int pn_rec_reader_next(struct pn_rec_reader *r, struct pn_rec_event *ev)
{
	int err;

	if (r->initial < r->rec->sum.cpus) {
		*ev = (struct pn_rec_event){.cpu = r->initial, .kind = r->state[r->initial]};
		r->initial++;
		return 1;
	}
	err = look_ahead(r);
	if (err || !r->n)
		return err;
	*ev = r->ring[r->head];
	if (r->waits[r->head])
		r->pending[ev->cpu] = NONE;
	r->head = (r->head + 1) % AHEAD;
	r->n--;
	return 1;
}
