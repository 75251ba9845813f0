/* SPDX-License-Identifier: MIT */
/*
 * Perfetto's format: https://perfetto.dev/docs/reference/trace-packet-proto. Small by what the
 * format has for it: a name is written once and then is a number, and a time is the distance from
 * the packet before.
 */
#include "perfetto.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* Trace */
#define TRACE_PACKET 1
/* TracePacket */
#define PACKET_CLOCK_SNAPSHOT	6
#define PACKET_TIMESTAMP	8
#define PACKET_SEQUENCE		10
#define PACKET_TRACK_EVENT	11
#define PACKET_INTERNED		12
#define PACKET_FLAGS		13
#define FLAG_STATE_CLEARED	1
#define FLAG_NEEDS_STATE	2
#define PACKET_CLOCK		58
#define PACKET_DEFAULTS		59
#define PACKET_TRACK_DESCRIPTOR 60
/* ClockSnapshot, and its Clock */
#define SNAPSHOT_CLOCKS	  1
#define CLOCK_ID	  1
#define CLOCK_TIMESTAMP	  2
#define CLOCK_INCREMENTAL 3
/* TracePacketDefaults */
#define DEFAULTS_EVENT 11
#define DEFAULTS_CLOCK 58
/* TrackDescriptor, and its ProcessDescriptor */
#define TRACK_UUID	     1
#define TRACK_NAME	     2
#define TRACK_PROCESS	     3
#define TRACK_PARENT	     5
#define TRACK_CHILD_ORDERING 11
#define ORDER_EXPLICIT	     3
#define TRACK_RANK	     12
#define PROCESS_PID	     1
#define PROCESS_NAME	     6
/* TrackEvent */
#define EVENT_ARG	4
#define EVENT_TYPE	9
#define EVENT_NAME_IID	10
#define EVENT_TRACK	11
#define EVENT_NAME	23
#define EVENT_FLOW	47
#define EVENT_FLOW_ENDS 48
/* DebugAnnotation */
#define ARG_NAME_IID 1
#define ARG_TEXT     6
#define ARG_POINTER  7 /* shown as a hexadecimal number */
/* InternedData, and its EventName and DebugAnnotationName */
#define INTERNED_EVENT_NAMES 2
#define INTERNED_ARG_NAMES   3
#define NAME_IID	     1
#define NAME_TEXT	     2

#define BOOT_CLOCK 6 /* ClockSnapshot.Clock.BuiltinClocks, absolute */
/* The first that a sequence may define: the distance from the packet before. */
#define STEP_CLOCK 64

#define BLOCK	    16384 /* bytes of one track that come out together */
#define FIRST_NAMES 64	  /* a power of two */

/* Names that a track has written, by address: at most half of the places are taken. */
struct names {
	unsigned field; /* of InternedData */
	uint32_t n, room;
	const char **name;
	uint32_t *iid;
};

struct pn_perfetto_track {
	struct pn_perfetto *p;
	struct pn_perfetto_track *next;
	uint32_t number;
	uint64_t last; /* of STEP_CLOCK */
	struct names events, args;
	struct pn_wire interned; /* by the packet that is being made */
	size_t used;
	uint8_t *block;
};

struct pn_perfetto {
	FILE *f;
	struct pn_perfetto_track *tracks;
	bool no_memory;
	struct pn_perfetto_track nowhere; /* for tracks that found no memory */
};

/* ---- packets ---- */

static void flush(struct pn_perfetto_track *t)
{
	if (t->used)
		fwrite(t->block, 1, t->used, t->p->f);
	t->used = 0;
}

/* A packet that does not fit is left out: names and arguments are far shorter. */
static void put(struct pn_perfetto_track *t, struct pn_wire *packet)
{
	uint8_t head[PN_WIRE_HEAD];
	size_t n;

	pn_wire_varint(packet, PACKET_SEQUENCE, t->number);
	if (!pn_wire_fits(packet) || !t->block)
		return;
	n = pn_wire_head(head, TRACE_PACKET, packet->len);
	if (t->used + n + packet->len > BLOCK)
		flush(t);
	memcpy(t->block + t->used, head, n);
	memcpy(t->block + t->used + n, packet->byte, packet->len);
	t->used += n + packet->len;
}

static void clock_at_0(struct pn_wire *snapshot, uint32_t id, bool incremental)
{
	struct pn_wire clock;

	pn_wire_clear(&clock);
	pn_wire_varint(&clock, CLOCK_ID, id);
	pn_wire_varint(&clock, CLOCK_TIMESTAMP, 0);
	if (incremental)
		pn_wire_varint(&clock, CLOCK_INCREMENTAL, 1);
	pn_wire_message(snapshot, SNAPSHOT_CLOCKS, &clock);
}

/* What the packets behind it are to be understood by. */
static void begin(struct pn_perfetto_track *t)
{
	struct pn_wire packet, snapshot, event, defaults;

	pn_wire_clear(&packet);
	pn_wire_clear(&snapshot);
	pn_wire_clear(&event);
	pn_wire_clear(&defaults);
	clock_at_0(&snapshot, BOOT_CLOCK, false);
	clock_at_0(&snapshot, STEP_CLOCK, true);
	pn_wire_varint(&event, EVENT_TRACK, t->number);
	pn_wire_message(&defaults, DEFAULTS_EVENT, &event);
	pn_wire_varint(&defaults, DEFAULTS_CLOCK, STEP_CLOCK);
	pn_wire_message(&packet, PACKET_CLOCK_SNAPSHOT, &snapshot);
	pn_wire_message(&packet, PACKET_DEFAULTS, &defaults);
	pn_wire_varint(&packet, PACKET_FLAGS, FLAG_STATE_CLEARED);
	put(t, &packet);
}

/* ---- files and tracks ---- */

struct pn_perfetto *pn_perfetto_open(FILE *f)
{
	struct pn_perfetto *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->f = f;
	p->nowhere.p = p;
	return p;
}

static void free_names(struct names *n)
{
	free(n->name);
	free(n->iid);
}

int pn_perfetto_close(struct pn_perfetto *p)
{
	struct pn_perfetto_track *t, *next;
	int err;

	if (!p)
		return 0;
	err = p->no_memory ? -ENOMEM : 0;
	for (t = p->tracks; t; t = next) {
		next = t->next;
		flush(t);
		free_names(&t->events);
		free_names(&t->args);
		free(t->block);
		free(t);
	}
	free_names(&p->nowhere.events);
	free_names(&p->nowhere.args);
	free(p);
	return err;
}

static struct pn_perfetto_track *add_track(struct pn_perfetto *p, uint32_t number)
{
	struct pn_perfetto_track *t = calloc(1, sizeof(*t));

	if (t)
		t->block = malloc(BLOCK);
	if (!t || !t->block) {
		free(t);
		p->no_memory = true;
		return &p->nowhere;
	}
	t->p = p;
	t->number = number;
	t->events.field = INTERNED_EVENT_NAMES;
	t->args.field = INTERNED_ARG_NAMES;
	t->next = p->tracks;
	p->tracks = t;
	begin(t);
	return t;
}

static void describe(struct pn_perfetto_track *t, const struct pn_wire *descriptor)
{
	struct pn_wire packet;

	pn_wire_clear(&packet);
	pn_wire_message(&packet, PACKET_TRACK_DESCRIPTOR, descriptor);
	put(t, &packet);
	/* In the file by rank. */
	flush(t);
}

struct pn_perfetto_track *pn_perfetto_process(struct pn_perfetto *p, uint32_t number, uint32_t pid,
					      const char *name)
{
	struct pn_perfetto_track *t = add_track(p, number);
	struct pn_wire process, d;

	pn_wire_clear(&process);
	pn_wire_clear(&d);
	pn_wire_varint(&process, PROCESS_PID, pid);
	pn_wire_text(&process, PROCESS_NAME, name);
	pn_wire_varint(&d, TRACK_UUID, number);
	pn_wire_text(&d, TRACK_NAME, name);
	pn_wire_message(&d, TRACK_PROCESS, &process);
	pn_wire_varint(&d, TRACK_CHILD_ORDERING, ORDER_EXPLICIT);
	describe(t, &d);
	return t;
}

struct pn_perfetto_track *pn_perfetto_track(struct pn_perfetto *p, uint32_t number, uint32_t parent,
					    const char *name, uint32_t rank)
{
	struct pn_perfetto_track *t = add_track(p, number);
	struct pn_wire d;

	pn_wire_clear(&d);
	pn_wire_varint(&d, TRACK_UUID, number);
	pn_wire_varint(&d, TRACK_PARENT, parent);
	pn_wire_text(&d, TRACK_NAME, name);
	pn_wire_varint(&d, TRACK_RANK, rank);
	describe(t, &d);
	return t;
}

/* ---- names ---- */

static uint32_t place_of(const struct names *t, const char *name)
{
	uint32_t i = (uint32_t)((uintptr_t)name * 0x9E3779B97F4A7C15ull >> 40) & (t->room - 1);

	while (t->name[i] && t->name[i] != name)
		i = (i + 1) & (t->room - 1);
	return i;
}

static bool more_room(struct names *t)
{
	struct names more = {
		.field = t->field, .n = t->n, .room = t->room ? 2 * t->room : FIRST_NAMES};

	more.name = calloc(more.room, sizeof(*more.name));
	more.iid = calloc(more.room, sizeof(*more.iid));
	if (!more.name || !more.iid) {
		free_names(&more);
		return false;
	}
	for (uint32_t i = 0; i < t->room; i++) {
		uint32_t k = t->name[i] ? place_of(&more, t->name[i]) : 0;

		if (!t->name[i])
			continue;
		more.name[k] = t->name[i];
		more.iid[k] = t->iid[i];
	}
	free_names(t);
	*t = more;
	return true;
}

/* The number of a static string; what it stands for is written with its first user. */
static uint32_t intern(struct pn_perfetto_track *t, struct names *names, const char *name)
{
	struct pn_wire entry;
	uint32_t i;

	if (2 * names->n >= names->room && !more_room(names)) {
		t->p->no_memory = true;
		return 0;
	}
	i = place_of(names, name);
	if (names->name[i])
		return names->iid[i];
	names->name[i] = name;
	names->iid[i] = ++names->n;
	pn_wire_clear(&entry);
	pn_wire_varint(&entry, NAME_IID, names->iid[i]);
	pn_wire_text(&entry, NAME_TEXT, name);
	pn_wire_message(&t->interned, names->field, &entry);
	return names->iid[i];
}

/* ---- events ---- */

static void add_args(struct pn_perfetto_track *t, struct pn_wire *event,
		     const struct pn_perfetto_event *e)
{
	for (unsigned i = 0; i < e->args; i++) {
		const struct pn_perfetto_arg *a = &e->arg[i];
		struct pn_wire arg;

		pn_wire_clear(&arg);
		pn_wire_varint(&arg, ARG_NAME_IID, intern(t, &t->args, a->name));
		if (a->text)
			pn_wire_text(&arg, ARG_TEXT, a->text);
		else
			pn_wire_varint(&arg, ARG_POINTER, a->value);
		pn_wire_message(event, EVENT_ARG, &arg);
	}
}

/* The clock by steps cannot go back. */
static void add_time(struct pn_perfetto_track *t, struct pn_wire *packet, uint64_t at)
{
	if (at < t->last) {
		pn_wire_varint(packet, PACKET_TIMESTAMP, at);
		pn_wire_varint(packet, PACKET_CLOCK, BOOT_CLOCK);
		return;
	}
	pn_wire_varint(packet, PACKET_TIMESTAMP, at - t->last);
	t->last = at;
}

void pn_perfetto_event(struct pn_perfetto_track *t, const struct pn_perfetto_event *e)
{
	struct pn_wire packet, event;

	pn_wire_clear(&packet);
	pn_wire_clear(&event);
	pn_wire_clear(&t->interned);
	pn_wire_varint(&event, EVENT_TYPE, e->kind);
	if (e->text)
		pn_wire_text(&event, EVENT_NAME, e->text);
	else if (e->name)
		pn_wire_varint(&event, EVENT_NAME_IID, intern(t, &t->events, e->name));
	add_args(t, &event, e);
	if (e->flow)
		pn_wire_fixed64(&event, EVENT_FLOW, e->flow);
	if (e->ends)
		pn_wire_fixed64(&event, EVENT_FLOW_ENDS, e->ends);
	add_time(t, &packet, e->at);
	pn_wire_message(&packet, PACKET_TRACK_EVENT, &event);
	if (t->interned.len)
		pn_wire_message(&packet, PACKET_INTERNED, &t->interned);
	pn_wire_varint(&packet, PACKET_FLAGS, FLAG_NEEDS_STATE);
	put(t, &packet);
}
