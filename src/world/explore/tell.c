/* SPDX-License-Identifier: MIT */
/*
 * Describes a path of the explorer as text: one line for each step, with names of variables and
 * agents.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void value(char *buf, size_t size, struct px_val v, uint32_t bytes)
{
	if (bytes == 16)
		snprintf(buf, size, "%" PRIx64 ":%016" PRIx64, v.hi, v.lo);
	else
		snprintf(buf, size, "%" PRIx64, v.lo);
}

/* The name of a place: from the program, else the expression in the source. */
static const char *place(const struct px_event *e)
{
	for (unsigned i = 0; e->size && i < px.names; i++)
		if (e->addr >= px.named[i].p && e->addr < px.named[i].p + px.named[i].size)
			return px.named[i].name;
	if (e->site)
		return e->site->what;
	return e->what ? e->what : "";
}

/* The name of [@p, @p + @size) or of what it is a part of, of @most bytes; or NULL. */
static const char *name_of(const char *p, uint32_t size, size_t most)
{
	for (unsigned i = 0; i < px.names; i++)
		if (px.named[i].size <= most && p >= px.named[i].p &&
		    p + size <= px.named[i].p + px.named[i].size)
			return px.named[i].name;
	return NULL;
}

/* @name without the words " of ..." that it ends in, if those of @whole are the same. */
static int short_name(const char *name, const char *whole)
{
	const char *tail = strstr(name, " of "), *same = strstr(whole, " of ");

	return (int)(tail && same && !strcmp(tail, same) ? (size_t)(tail - name) : strlen(name));
}

/* One access of a whole line: the quadwords that it changed. */
static void describe_line(const struct px_event *e, char *out, size_t size)
{
	const char *whole = name_of(e->addr, e->size, SIZE_MAX);
	unsigned n = 0;
	size_t used;

	if (!whole)
		whole = e->site ? e->site->what : "";
	used = (size_t)snprintf(out, size, "line  %s%s", whole, e->changed ? "" : ", unchanged");
	for (uint32_t i = 0; i < PX_LINE / 8 && used < size; i++) {
		const char *part = name_of(e->addr + 8 * i, 8, e->size - 1);

		if (!(e->changed >> i & 1))
			continue;
		if (part)
			used += (size_t)snprintf(out + used, size - used, "%s %.*s", n ? "," : ":",
						 short_name(part, whole), part);
		else
			used += (size_t)snprintf(out + used, size - used, "%s +%u", n ? "," : ":",
						 8 * i);
		if (used < size)
			used += (size_t)snprintf(
				out + used, size - used, " %" PRIx64 " -> %" PRIx64,
				n ? e->before.hi : e->before.lo, n ? e->after.hi : e->after.lo);
		n++;
	}
}

static void describe(const struct px_event *e, char *out, size_t size)
{
	char got[48], is[48];
	const char *what = e->op == PX_OP_SLEEP && e->what ? e->what : place(e);
	static const char *const rmw[] = {"or", "and", "xchg", "cmpxchg"};

	value(got, sizeof(got), e->op == PX_OP_LOAD ? e->got : e->before, e->size);
	value(is, sizeof(is), e->after, e->size);
	switch (e->op) {
	case PX_OP_LOAD:
		snprintf(out, size, "read  %s = %s%s", what, got,
			 e->forwarded ? " (from its own buffer)" : "");
		break;
	case PX_OP_STORE:
		snprintf(out, size, "store %s = %s%s", what, is, e->writes ? "" : " (into buffer)");
		break;
	case PX_OP_FLUSH:
		snprintf(out, size, "      %s = %s reaches memory", what, is);
		break;
	case PX_OP_RMW:
		snprintf(out, size, "%-5s %s: %s -> %s", rmw[e->rmw], what, got, is);
		break;
	case PX_OP_LINE:
		describe_line(e, out, size);
		break;
	case PX_OP_PLAIN_READ:
		snprintf(out, size, "read  memory %s", what);
		break;
	case PX_OP_PLAIN_WRITE:
		snprintf(out, size, "write memory %s", what);
		break;
	case PX_OP_LOCK:
		snprintf(out, size, "lock  %s", what);
		break;
	case PX_OP_SEND:
		snprintf(out, size, "send  %s", what);
		break;
	case PX_OP_BEGIN:
		snprintf(out, size, "takes vector 0x%02x", (unsigned)e->got.lo);
		break;
	case PX_OP_SLEEP:
		snprintf(out, size, "wakes up: %s", what);
		break;
	case PX_OP_SPIN:
		snprintf(out, size, "spins until the value changes");
		break;
	default:
		snprintf(out, size, "%s", what);
	}
}

static bool is_shared(const struct px_event *ev, uint32_t n, uint32_t k)
{
	const struct px_event *e = &ev[k];

	if (e->op == PX_OP_BEGIN || e->op == PX_OP_END || e->op == PX_OP_SEND ||
	    e->op == PX_OP_SLEEP || e->op == PX_OP_SPIN)
		return true;
	if (!e->size)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (ev[i].proc % PX_THREADS != e->proc % PX_THREADS && ev[i].size &&
		    ev[i].addr < e->addr + e->size && e->addr < ev[i].addr + ev[i].size &&
		    (ev[i].writes || e->writes || e->op == PX_OP_STORE || ev[i].op == PX_OP_STORE))
			return true;
	return false;
}

/* The stores that @proc still has in its buffer after event @k. */
static void buffered(const struct px_event *ev, uint32_t k, char *out, size_t size)
{
	unsigned t = ev[k].proc % PX_THREADS;
	unsigned stores = 0, flushed = 0, seen = 0;
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i <= k; i++) {
		stores += ev[i].proc == t && ev[i].op == PX_OP_STORE && !ev[i].writes;
		flushed += ev[i].proc == t + PX_THREADS;
	}
	for (uint32_t i = 0; i <= k && stores > flushed; i++) {
		if (ev[i].proc != t || ev[i].op != PX_OP_STORE || ev[i].writes)
			continue;
		if (seen++ < flushed || used >= size)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
					 place(&ev[i]));
	}
}

int px_tell(const struct px_event *ev, uint32_t n, struct px_result *res)
{
	res->step = calloc(n ? n : 1, sizeof(*res->step));
	if (!res->step)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct px_step *s = &res->step[res->steps++];
		const struct px_event *e = &ev[i];

		snprintf(s->agent, sizeof(s->agent), "%s", px.thread[e->proc % PX_THREADS].name);
		describe(e, s->text, sizeof(s->text));
		if (e->doing)
			snprintf(s->doing, sizeof(s->doing), "%s", e->doing);
		if (e->site && e->site->line)
			snprintf(s->where, sizeof(s->where), "%s:%d", base(e->site->file),
				 e->site->line);
		buffered(ev, i, s->buffered, sizeof(s->buffered));
		s->shared = is_shared(ev, n, i);
	}
	return 0;
}

void px_result_free(struct px_result *res)
{
	free(res->step);
	res->step = NULL;
	res->steps = 0;
}
