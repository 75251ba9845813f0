/* SPDX-License-Identifier: MIT */
/* Finds the beginning and the end of handlers, wakeups and exits while a recording is read. */
#include <stdlib.h>
#include <string.h>

#include "rec_priv.h"

#define SOON_NS 1000000u /* a switch that a wakeup or an interrupt caused comes within this */

/* Lines of vfio go to a guest: their handler signals an eventfd, no driver of the host runs. */
static bool is_vfio(const char *name)
{
	return !strncmp(name, "vfio", 4);
}

static void span(struct pn_recording *rec, enum pn_rec_span what, uint64_t from, uint64_t to)
{
	if (to >= from)
		pn_rec_hist_add(&rec->span[what], to - from);
}

void pn_rec_handler_begins(struct pn_rec_cpu *c, uint64_t ns)
{
	c->handler_ns = ns;
	c->in_handler = true;
	c->handler_done = c->in_exit = false;
}

void pn_rec_handler_ends(struct pn_recording *rec, struct pn_rec_cpu *c, uint64_t number,
			 uint64_t ns)
{
	const struct pn_rec_irq *line = &rec->sum.line[c->irq_last];

	if (!c->in_handler)
		return;
	c->in_handler = false;
	if (line->irq != number)
		return;
	span(rec, is_vfio(line->name) ? PN_SPAN_VFIO : PN_SPAN_HANDLER, c->handler_ns, ns);
	if (!rec->by_line || c->irq_last >= rec->by_line_room) {
		uint32_t room = rec->by_line_room ? 2 * rec->by_line_room : 16;
		struct pn_rec_hist *more;

		while (room <= c->irq_last)
			room *= 2;
		more = realloc(rec->by_line, room * sizeof(*more));
		if (!more)
			return;
		memset(more + rec->by_line_room, 0, (room - rec->by_line_room) * sizeof(*more));
		rec->by_line = more;
		rec->by_line_room = room;
	}
	if (ns >= c->handler_ns)
		pn_rec_hist_add(&rec->by_line[c->irq_last], ns - c->handler_ns);
	c->handler_done = true;
	c->handler_end_ns = ns;
}

void pn_rec_woken(struct pn_rec_thread *t, uint32_t cpu, uint64_t ns)
{
	if (!t->woken) /* sched_waking comes before sched_wakeup */
		t->woken_ns = ns;
	t->woken = true;
	t->woken_by = cpu;
}

void pn_rec_switched(struct pn_recording *rec, struct pn_rec_cpu *c, struct pn_rec_thread *to,
		     uint32_t cpu, bool from_idle, uint64_t ns)
{
	if (to && to->woken && ns - to->woken_ns < SOON_NS) {
		if (to->woken_by == cpu && from_idle)
			span(rec, PN_SPAN_WAKE_HERE, to->woken_ns, ns);
		else if (from_idle)
			span(rec, PN_SPAN_WAKE_IDLE, to->woken_ns, ns);
	}
	if (to) {
		to->woken = false;
		if (from_idle && c->handler_done && ns - c->handler_end_ns < SOON_NS / 10)
			span(rec, PN_SPAN_IRQ_WAKE, c->handler_end_ns, ns);
	}
	c->handler_done = c->in_exit = c->in_handler = false;
}

void pn_rec_guest_left(struct pn_rec_cpu *c, uint64_t ns)
{
	c->in_exit = true;
	c->exit_ns = ns;
}

void pn_rec_guest_entered(struct pn_recording *rec, struct pn_rec_cpu *c, uint64_t ns)
{
	if (c->in_exit)
		span(rec, PN_SPAN_VM_EXIT, c->exit_ns, ns);
	c->in_exit = false;
}
