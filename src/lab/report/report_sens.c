/* SPDX-License-Identifier: MIT */
/*
 * The effect of drawn costs on a comparison: the range of each figure, and in how many draws each
 * sentence holds.
 */
#include <math.h>
#include <string.h>

#include "report_fmt.h"

bool pn_report_range(const struct pn_report_row *row, const struct pn_comparison *c, unsigned mode,
		     double *min, double *max)
{
	bool any = false;
	double v;

	for (unsigned k = 0; k < c->draws; k++) {
		if (!row->value(&c->draw[k].result[mode], &v))
			continue;
		*min = any && *min < v ? *min : v;
		*max = any && *max > v ? *max : v;
		any = true;
	}
	return any;
}

/* The draws, counted for one claim. */
struct tally {
	double min, max; /* of the amount; NAN: none */
};

static struct pn_reading *same(struct pn_reading *list, unsigned n, const char *claim)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(list[i].claim, claim))
			return &list[i];
	return NULL;
}

/* The sentence of a draw that answers the same question, with any claim. */
static const struct pn_reading *answer(const struct pn_reading *list, unsigned n,
				       const char *question)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(list[i].question, question))
			return &list[i];
	return NULL;
}

static void widen(struct tally *t, double amount)
{
	t->min = fmin(t->min, amount); /* a NAN gives way to a number */
	t->max = fmax(t->max, amount);
}

/* Returns how many sentences @out has then: alarms that only a draw raised are new ones. */
static unsigned count_draw(struct pn_reading *out, unsigned n, struct tally *t,
			   const struct pn_reading *drawn, unsigned m)
{
	for (unsigned i = 0; i < m; i++) {
		if (!drawn[i].alarm || !drawn[i].claim[0] || n == PN_READING_MAX ||
		    same(out, n, drawn[i].claim))
			continue;
		out[n] = drawn[i];
		out[n].text[0] = 0;
		t[n++] = (struct tally){NAN, NAN};
	}
	for (unsigned i = 0; i < n; i++) {
		const struct pn_reading *a;

		if (!out[i].claim[0])
			continue;
		for (unsigned k = 0; k < m; k++)
			if (!strcmp(drawn[k].claim, out[i].claim)) {
				out[i].holds++;
				break;
			}
		a = out[i].question[0] ? answer(drawn, m, out[i].question) : NULL;
		if (a)
			widen(&t[i], a->amount);
	}
	return n;
}

static void range_text(const struct pn_reading *r, const struct tally *t, char *buf, size_t size)
{
	size_t len;

	buf[0] = 0;
	if (!r->amount_fmt || isnan(t->min) || t->min == t->max)
		return;
	len = (size_t)snprintf(buf, size, " (");
	len += (size_t)snprintf(buf + len, size - len, r->amount_fmt, t->min);
	len += (size_t)snprintf(buf + len, size - len, " to ");
	len += (size_t)snprintf(buf + len, size - len, r->amount_fmt, t->max);
	snprintf(buf + len, size - len, ")");
}

static void word(struct pn_reading *r, const struct tally *t, unsigned of)
{
	char was[sizeof(r->text)], range[64];

	r->of = of;
	r->open = !r->alarm && r->holds * 10 < of * 9;
	memcpy(was, r->text, sizeof(was));
	range_text(r, t, range, sizeof(range));
	if (r->alarm && !was[0])
		snprintf(r->text, sizeof(r->text),
			 "%s in %u of %u draws, though not with the table as it is.", r->claim,
			 r->holds, of);
	else if (r->open)
		snprintf(r->text, sizeof(r->text),
			 "Open: %s? With the table as it is: %.900s That holds in only %u of %u "
			 "draws%s.",
			 r->question, was, r->holds, of, range);
	else
		snprintf(r->text, sizeof(r->text), "%.1000s That holds in %u of %u draws%s.", was,
			 r->holds, of, range);
}

unsigned pn_reading_weigh(const struct pn_comparison *c, struct pn_reading *out, unsigned n)
{
	struct pn_reading drawn[PN_READING_MAX];
	struct tally t[PN_READING_MAX];

	for (unsigned i = 0; i < n; i++)
		t[i] = (struct tally){NAN, NAN};
	for (unsigned k = 0; k < c->draws; k++)
		n = count_draw(out, n, t, drawn, pn_report_reading(&c->draw[k], drawn));
	for (unsigned i = 0; i < n; i++)
		if (out[i].claim[0])
			word(&out[i], &t[i], c->draws);
	return n;
}
