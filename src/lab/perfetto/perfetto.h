/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_PERFETTO_H
#define PN_LAB_PERFETTO_H

#include <stdint.h>
#include <stdio.h>

/*
 * Writes a trace that ui.perfetto.dev and trace_processor read: a stream of TracePackets with
 * TrackEvents. Each track is a sequence of packets of its own, which come out in blocks: what is
 * alike stays together, and the file packs well. Several traces may follow one another in a file if
 * the numbers of their tracks differ; those of flows are common to the file.
 *
 * The slices of a track nest: its times do not go back, and the slice that began last ends first.
 * Times of different tracks may be in any order.
 */
struct pn_perfetto;
struct pn_perfetto_track;

struct pn_perfetto_arg {
	const char *name; /* static */
	const char *text; /* NULL: @value, which is shown as a hexadecimal number */
	uint64_t value;
};

enum pn_perfetto_kind { PN_PERFETTO_BEGIN = 1, PN_PERFETTO_END, PN_PERFETTO_INSTANT };

struct pn_perfetto_event {
	enum pn_perfetto_kind kind;
	uint64_t at;	  /* ns */
	const char *name; /* static; NULL for an end */
	const char *text; /* instead of @name: any string */
	uint64_t flow;	  /* an arrow leads from each event to the next one of its flow; 0: none */
	uint64_t ends;	  /* a flow that ends here; 0: none */
	const struct pn_perfetto_arg *arg;
	unsigned args;
};

/* NULL: no memory. Errors of writing are kept by @f. */
struct pn_perfetto *pn_perfetto_open(FILE *f);
/* Writes what is left. -ENOMEM: something is missing. @p may be NULL. */
int pn_perfetto_close(struct pn_perfetto *p);
/*
 * A process, which is a track too, and a track in it, shown by @rank; @number is not 0. Never NULL:
 * without memory its events are lost, and pn_perfetto_close() says so.
 */
struct pn_perfetto_track *pn_perfetto_process(struct pn_perfetto *p, uint32_t number, uint32_t pid,
					      const char *name);
struct pn_perfetto_track *pn_perfetto_track(struct pn_perfetto *p, uint32_t number, uint32_t parent,
					    const char *name, uint32_t rank);
void pn_perfetto_event(struct pn_perfetto_track *t, const struct pn_perfetto_event *e);

#endif
