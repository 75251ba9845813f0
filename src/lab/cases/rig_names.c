/* SPDX-License-Identifier: MIT */
/*
 * What counter-examples call the places of the explorer's small machine; the lists that are
 * visible.
 */
#include "rig.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- names ---- */

#define TEXTS (16u << 10)

static struct {
	char pool[TEXTS];
	size_t used;
} texts;

const char *rig_text(const char *fmt, ...)
{
	char *at = texts.pool + texts.used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, TEXTS - texts.used, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= TEXTS - texts.used)
		return "";
	texts.used += (size_t)n + 1;
	return at;
}

void rig_no_names(void)
{
	texts.used = 0;
	px_on_lists(NULL);
}

void rig_name_vcpu(unsigned n)
{
	struct rig_vcpu *v = &rig->vcpu[n];

	for (unsigned i = 0; i < 8; i++)
		px_name(&v->h->page[(PN_APIC_IRR + i * 16) / 4], 4,
			rig_text("IRR[%02x-%02x] of vCPU %u", i * 32, i * 32 + 31, n));
	px_name(&v->task, 4, rig_text("task of vCPU %u asleep", n));
	px_name(&v->halted, 4, rig_text("guest of vCPU %u halted", n));
	px_name(&v->h->woken, 4, rig_text("woken of vCPU %u", n));
	px_name(&v->h->requests, 4, rig_text("requests of vCPU %u", n));
}

void rig_name_cpus(void)
{
	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_name(&rig->cpu[i].wake_lock, 4, rig_text("wake_lock of CPU %u", i));
}

/* ---- lists that are visible ---- */

static bool has_member(const struct pn_list *head, const struct pn_list *node)
{
	unsigned steps = 0;

	for (const struct pn_list *n = head->next; n != head && steps < 2 * RIG_IRS; n = n->next) {
		if (n == node)
			return true;
		steps++;
	}
	return false;
}

static struct rig_list *list_of(const struct pn_list *l)
{
	for (unsigned i = 0; i < rig->lists; i++)
		if (rig->list[i].head == l || has_member(rig->list[i].head, l))
			return &rig->list[i];
	return NULL;
}

static void touch(const struct pn_list *l, const struct pn_list *member)
{
	struct rig_list *w = list_of(l);

	if (!w)
		return;
	/* Pairs with each other. Stores of a lock's last owner are in memory then, so a lock that
	 * is free is seen to be free in some execution. */
	pn_or32(&w->touched, 1);
	if (member && !has_member(w->head, member))
		px_fail("P6", "an agent goes on from a member of the %s that has left it meanwhile",
			w->name);
	else if (!w->lock->held)
		px_fail("P6", "the %s is accessed without its lock", w->name);
	else
		return;
	pn_relax(); /* the execution ends here */
}

void rig_watch_list(const struct pn_list *head, const struct pn_lock *lock, const char *name)
{
	struct rig_list *w = &rig->list[rig->lists++];

	*w = (struct rig_list){.head = head, .lock = lock, .name = name};
	px_name(&w->touched, 4, name);
	px_on_lists(touch);
}

void rig_watch_wakelists(void)
{
	for (unsigned i = 0; i < RIG_CPUS; i++)
		rig_watch_list(&rig->cpu[i].wake_list, &rig->cpu[i].wake_lock,
			       rig_text("wakeup list of CPU %u", i));
}
