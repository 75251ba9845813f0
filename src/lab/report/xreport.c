/* SPDX-License-Identifier: MIT */
/* The explorer's results as text. */
#include "xreport.h"

#include <inttypes.h>
#include <string.h>

const char *pn_xreport_verdict(enum px_verdict v)
{
	static const char *const name[] = {"held", "violation", "not finished"};

	return name[v];
}

static enum px_verdict expected(const struct pn_xrun *r)
{
	return r->property ? PX_VIOLATION : PX_HELD;
}

static bool has_word(const char *words, const char *word)
{
	const size_t n = strlen(word);

	for (; *words; words += strcspn(words, " "), words += *words == ' ')
		if (strcspn(words, " ") == n && !strncmp(words, word, n))
			return true;
	return false;
}

bool pn_xreport_as_expected(const struct pn_xrun *r)
{
	if (r->res.verdict != expected(r))
		return false;
	return !r->property || has_word(r->property, r->res.property);
}

/* ---- table ---- */

static void table_row(FILE *f, const struct pn_xrun *r)
{
	const struct px_result *res = &r->res;
	const char *property = res->verdict == PX_VIOLATION ? res->property : "-";

	fprintf(f,
		"%-24s %-8s %-10s %-13s %-8s %10" PRIu64 " %11" PRIu64 " %9" PRIu64 " %6" PRIu64
		"  %-10s %8.3f%s\n",
		r->name, r->variant, pn_xreport_verdict(expected(r)),
		pn_xreport_verdict(res->verdict), property, res->executions, res->transitions,
		res->states, res->depth, res->exhaustive ? "yes" : "no", res->seconds,
		pn_xreport_as_expected(r) ? "" : "  !");
}

static void table_notes(FILE *f, const struct pn_xrun *r)
{
	const struct px_result *res = &r->res;

	if (res->verdict == PX_UNFINISHED)
		fprintf(f, "! %s, %s: not finished: %s\n", r->name, r->variant, r->why);
	else if (pn_xreport_as_expected(r))
		return;
	else if (res->verdict == PX_HELD)
		fprintf(f, "! %s, %s: expected a violation of %s, found none\n", r->name,
			r->variant, r->property);
	else
		fprintf(f, "! %s, %s: %s is violated, expected %s%s: %s\n", r->name, r->variant,
			res->property, r->property ? "a violation of " : "none",
			r->property ? r->property : "", res->text);
}

static void bound_note(FILE *f, const struct pn_xrun *run, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (run[i].bound == UINT32_MAX || run[i].res.verdict != PX_HELD)
			continue;
		fprintf(f,
			"The search was bounded to %u preemption%s: \"held\" says nothing about "
			"executions with more.\n",
			run[i].bound, run[i].bound == 1 ? "" : "s");
		return;
	}
}

void pn_xreport_table(FILE *f, const struct pn_xrun *run, unsigned n)
{
	unsigned ok = 0;

	fprintf(f, "Memory order: %s\n", n ? run[0].memory : "-");
	if (n && run[0].overflow_restart && !strcmp(run[0].overflow_restart, "w1c"))
		fprintf(f, "A log that overflowed runs on once its overflow bit is cleared\n");
	fputc('\n', f);
	fprintf(f, "%-24s %-8s %-10s %-13s %-8s %10s %11s %9s %6s  %-10s %8s\n", "case", "variant",
		"expected", "found", "property", "executions", "transitions", "states", "depth",
		"exhaustive", "seconds");
	for (unsigned i = 0; i < n; i++) {
		table_row(f, &run[i]);
		ok += pn_xreport_as_expected(&run[i]);
	}
	fputc('\n', f);
	for (unsigned i = 0; i < n; i++)
		table_notes(f, &run[i]);
	bound_note(f, run, n);
	fprintf(f, "%u of %u as expected\n", ok, n);
}

/* ---- counter-example ---- */

#define MAX_LANES  12
#define LANE_WIDTH 3
#define WIDTH	   90 /* of a line up to the place in the source */

/* The agents in the order of their first step: each has its own indentation. */
struct lanes {
	const char *name[MAX_LANES];
	unsigned n;
	int width; /* of the column of names */
};

static unsigned lane_of(const struct lanes *l, const char *agent)
{
	unsigned i = 0;

	while (i < l->n && strcmp(l->name[i], agent))
		i++;
	return i;
}

static void find_lanes(const struct px_result *res, struct lanes *l)
{
	l->n = 0;
	l->width = 5;
	for (unsigned i = 0; i < res->steps; i++) {
		const char *agent = res->step[i].agent;
		unsigned lane = lane_of(l, agent);
		int width = (int)(lane * LANE_WIDTH + strlen(agent));

		if (lane == l->n && l->n < MAX_LANES)
			l->name[l->n++] = agent;
		l->width = width > l->width ? width : l->width;
	}
}

static int text_room(const struct lanes *l)
{
	return WIDTH - 6 - l->width - 2;
}

/* "|  |  vCPU 0" */
static void lane_text(const struct lanes *l, const char *agent, char *out, size_t size)
{
	unsigned lane = lane_of(l, agent);
	size_t used = 0;

	for (unsigned i = 0; i < lane && used + LANE_WIDTH < size; i++, used += LANE_WIDTH)
		memcpy(out + used, "|  ", LANE_WIDTH);
	snprintf(out + used, size - used, "%s", agent);
}

/*
 * Not if it says nothing new: the store of this step went into an empty buffer, or the line above
 * shows the same buffer of the same agent.
 */
static bool shows_buffer(const struct px_step *s, const struct px_step *above)
{
	if (!s->buffered[0])
		return false;
	if (strstr(s->text, "(into buffer)") && !strstr(s->buffered, ", "))
		return false;
	return !above || strcmp(above->agent, s->agent) || strcmp(above->buffered, s->buffered);
}

static void text_line(FILE *f, const struct lanes *l, const struct px_step *s, unsigned number,
		      const struct px_step *above)
{
	char agent[MAX_LANES * LANE_WIDTH + sizeof(s->agent)], buffer[sizeof(s->buffered) + 24];
	char text[sizeof(s->text) + sizeof(buffer) + 2];
	/* The explorer cuts what is too long. */
	bool cut = strlen(s->buffered) + 1 == sizeof(s->buffered), below = false;
	int room = text_room(l);

	lane_text(l, s->agent, agent, sizeof(agent));
	snprintf(buffer, sizeof(buffer), "[buffer: %s%s]", s->buffered, cut ? "..." : "");
	snprintf(text, sizeof(text), "%s", s->text);
	if (shows_buffer(s, above)) {
		below = (int)(strlen(text) + 2 + strlen(buffer)) > room;
		if (!below)
			snprintf(text, sizeof(text), "%s  %s", s->text, buffer);
	}
	fprintf(f, "%5u %-*s  ", number, l->width, agent);
	if (s->where[0])
		fprintf(f, "%-*s  %s\n", room, text, s->where);
	else
		fprintf(f, "%s\n", text);
	if (below)
		fprintf(f, "%5s %-*s        %s\n", "", l->width, "", buffer);
}

/* What the agent is doing, if that has changed since its last step. */
static void doing_line(FILE *f, const struct lanes *l, const struct px_step *s,
		       const char *last[MAX_LANES + 1])
{
	char agent[MAX_LANES * LANE_WIDTH + sizeof(s->agent)];
	unsigned lane = lane_of(l, s->agent);

	if (last[lane] && !strcmp(last[lane], s->doing))
		return;
	last[lane] = s->doing;
	if (!s->doing[0])
		return;
	lane_text(l, s->agent, agent, sizeof(agent));
	fprintf(f, "%5s %-*s  -- %s\n", "", l->width, agent, s->doing);
}

/* "... 14 steps of vCPU 0 and 3 of IOMMU 0 on their own" */
static void fold_line(FILE *f, const struct lanes *l, const struct px_step *s, unsigned n)
{
	unsigned count[MAX_LANES + 1] = {0}, agents = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned lane = lane_of(l, s[i].agent);

		agents += !count[lane]++;
	}
	fprintf(f, "%5s ... ", "");
	for (unsigned i = 0, named = 0; i < l->n; i++) {
		if (!count[i])
			continue;
		if (named)
			fputs(named + 1 == agents ? " and " : ", ", f);
		fprintf(f,
			named++		? "%u of %s"
			: count[i] == 1 ? "%u step of %s"
					: "%u steps of %s",
			count[i], l->name[i]);
	}
	fprintf(f, " on %s own\n", agents == 1 ? "its" : "their");
}

static unsigned unshared_run(const struct px_result *res, unsigned i, unsigned end)
{
	unsigned n = 0;

	while (i + n < end && !res->step[i + n].shared)
		n++;
	return n;
}

#define MAX_PERIOD 256u

/* A livelock ends in the same steps again and again: how many of the last ones are copies of those
 * @period before them. 0: none. */
static unsigned repeated(const struct px_result *res, unsigned *period)
{
	unsigned best = 0;

	for (unsigned p = 1; p <= MAX_PERIOD && 3 * p <= res->steps; p++) {
		unsigned n = 0;

		while (n + p < res->steps) {
			const struct px_step *s = &res->step[res->steps - 1 - n], *t = s - p;

			if (strcmp(s->agent, t->agent) || strcmp(s->text, t->text))
				break;
			n++;
		}
		/*
		 * A longer period must explain more steps: every multiple of a period is a period,
		 * too.
		 */
		if (n >= 2 * p && n + p > best + 2 * *period) {
			best = n;
			*period = p;
		}
	}
	return best;
}

static void repeat_line(FILE *f, unsigned copies, unsigned period)
{
	if (copies)
		fprintf(f, "%5s ... the last %u steps again and again: %u times so far\n", "",
			period, copies / period);
}

static const char *meaning(const char *property)
{
	static const struct {
		const char *name, *text;
	} known[] = {
		{"P1", "a blocked vCPU with a deliverable interrupt is woken"},
		{"P2", "IRTE, wakeup list and recorded CPU of a blocked vCPU agree"},
		{"P3", "a vCPU is on at most one wakeup list"},
		{"P4", "a posted vector is delivered, and never one that was not posted"},
		{"P5", "a spurious notification changes nothing for the guest"},
		{"P6", "overflow, offline, detach, inhibit and mode switch lose nothing"},
		{"P7", "bad input ends in the architected fault or event"},
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, property))
			return known[i].text;
	return "";
}

void pn_xreport_trace(FILE *f, const struct pn_xrun *r, bool all_steps)
{
	const struct px_result *res = &r->res;
	const char *last[MAX_LANES + 1] = {NULL};
	const struct px_step *above = NULL;
	struct lanes l;
	unsigned period = 0, copies = 0;

	if (res->verdict != PX_VIOLATION)
		return;
	if (!all_steps)
		copies = repeated(res, &period);
	find_lanes(res, &l);
	fprintf(f, "%s, %s, %s: %u steps to a violation\n\n", r->name, r->variant, r->memory,
		res->steps);
	fprintf(f, "%5s %-*s  %-*s  %s\n", "step", l.width, "agent", text_room(&l),
		"what it reads or writes", "source");
	for (unsigned i = 0; i < res->steps - copies;) {
		unsigned alone = all_steps ? 0 : unshared_run(res, i, res->steps - copies);

		if (alone > 1) {
			fold_line(f, &l, &res->step[i], alone);
			i += alone;
			above = &res->step[i - 1];
			continue;
		}
		doing_line(f, &l, &res->step[i], last);
		text_line(f, &l, &res->step[i], i + 1, above);
		above = &res->step[i++];
	}
	repeat_line(f, copies, period);
	fprintf(f, "\n%s is violated (%s): %s.\n", res->property, meaning(res->property),
		res->text);
}
