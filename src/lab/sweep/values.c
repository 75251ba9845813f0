/* SPDX-License-Identifier: MIT */
/* The values of an axis: lists, ranges, and steps that grow by a factor. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep.h"
#include "units.h"

enum kind { PLAIN, TIME, RATE, PERCENT, WORD };

struct number {
	enum kind kind;
	double v;
	bool zero; /* a bare 0 is one of any kind */
};

struct parser {
	struct pn_values *out;
	char *why;
	unsigned size, first; /* of this element */
	bool any_log;
};

static bool plain(const char *s, double *v)
{
	uint64_t n;
	char *end;

	if (!pn_parse_count(s, &n)) {
		*v = (double)n;
		return true;
	}
	*v = strtod(s, &end);
	return end != s && !*end && isfinite(*v) && *v >= 0;
}

static struct number number_of(const char *s)
{
	struct number x = {WORD, NAN, false};
	uint64_t ns;
	char *end;

	if (plain(s, &x.v)) {
		x.kind = PLAIN;
		x.zero = x.v == 0;
	} else if (!pn_parse_time(s, &ns)) {
		x.kind = TIME;
		x.v = (double)ns;
	} else if (!pn_parse_rate(s, &x.v)) {
		x.kind = RATE;
	} else {
		x.v = strtod(s, &end);
		if (end != s && !strcmp(end, "%")) {
			x.kind = PERCENT;
			x.v /= 100;
		}
	}
	return x;
}

static const char *unit_of(enum kind k, double v, double *size)
{
	static const struct {
		double size;
		const char *name;
	} time[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}},
	  rate[] = {{1e9, "G/s"}, {1e6, "M/s"}, {1e3, "k/s"}, {1, "/s"}};
	unsigned u = 0;

	*size = k == PERCENT ? 0.01 : 1;
	if (k == PLAIN || k == PERCENT)
		return k == PERCENT ? "%" : "";
	while (u < 3 && v < time[u].size * 0.99995)
		u++;
	*size = time[u].size;
	return k == TIME ? time[u].name : rate[u].name;
}

/* The value is what the text says: it is rounded here, before it is used. */
static void write_number(enum kind k, double v, bool whole, bool exact, char text[PN_SWEEP_TEXT])
{
	double size;
	const char *unit = unit_of(k, v, &size);

	if (v == 0 && k != PERCENT)
		strcpy(text, "0");
	else if (whole)
		snprintf(text, PN_SWEEP_TEXT, "%.0f", round(v));
	else
		snprintf(text, PN_SWEEP_TEXT, exact ? "%.9g%s" : "%.4g%s", v / size, unit);
}

static int refuse(struct parser *p, const char *fmt, const char *what)
{
	snprintf(p->why, p->size, fmt, what);
	return -EINVAL;
}

static int append(struct parser *p, const char *text)
{
	struct pn_values *o = p->out;
	void *more;

	/* rounding made two values of a range the same */
	if (o->n > p->first && !strcmp(o->text[o->n - 1], text))
		return 0;
	if (o->n == PN_SWEEP_VALUES)
		return refuse(p, "more than %s values", "100000");
	if (o->n == o->room) {
		o->room = o->room ? 2 * o->room : 16;
		more = realloc(o->text, o->room * sizeof(*o->text));
		if (!more)
			return -ENOMEM;
		o->text = more;
	}
	snprintf(o->text[o->n++], sizeof(o->text[0]), "%s", text);
	return 0;
}

struct range {
	struct number from, to, step;
	char how[8]; /* "step", "in", "log" */
};

static int no_range(struct parser *p, const char *text)
{
	return refuse(
		p, "\"%.60s\" is no range (expected two numbers of one unit, as 1us .. 1ms log 4)",
		text);
}

static int read_range(struct parser *p, const char *text, struct range *r)
{
	const char *dots = strstr(text, "..");
	char before[PN_SWEEP_TEXT], from[PN_SWEEP_TEXT], to[PN_SWEEP_TEXT], more[2];
	char by[PN_SWEEP_TEXT] = "1";
	int words;

	snprintf(before, sizeof(before), "%.*s", (int)(dots - text), text);
	strcpy(r->how, "step");
	words = sscanf(dots + 2, " %47s %7s %47s %1s", to, r->how, by, more);
	if (words < 1)
		return refuse(p, "\"%.60s\": nothing after ..", text);
	if (sscanf(before, " %47s %1s", from, more) != 1 || words == 2 || words == 4)
		return no_range(p, text);
	r->from = number_of(from);
	r->to = number_of(to);
	r->step = number_of(by);
	if (r->from.zero)
		r->from.kind = r->to.kind;
	if (r->to.zero)
		r->to.kind = r->from.kind;
	if (r->from.kind == WORD || r->from.kind != r->to.kind)
		return no_range(p, text);
	if (r->from.v > r->to.v)
		return refuse(p, "\"%.60s\" is an empty range", text);
	return 0;
}

static int by_step(struct parser *p, const char *text, const struct range *r)
{
	double n;
	char buf[PN_SWEEP_TEXT];
	bool whole = r->from.kind == PLAIN && r->from.v == floor(r->from.v) &&
		     r->step.v == floor(r->step.v);
	int err = 0;

	if (r->step.kind != r->from.kind || !(r->step.v > 0))
		return refuse(p, "\"%.60s\": the step is not of the range's unit, or 0", text);
	n = floor((r->to.v - r->from.v) / r->step.v + 1e-9);
	if (n >= PN_SWEEP_VALUES)
		return refuse(p, "\"%.60s\": more than 100000 values", text);
	for (unsigned i = 0; i <= (unsigned)n && !err; i++) {
		write_number(r->from.kind, r->from.v + i * r->step.v, whole, true, buf);
		err = append(p, buf);
	}
	return err;
}

static int by_number(struct parser *p, const char *text, const struct range *r, bool log)
{
	bool whole =
		r->from.kind == PLAIN && r->from.v == floor(r->from.v) && r->to.v == floor(r->to.v);
	unsigned n = (unsigned)fmin(r->step.v, 1e9);
	char buf[PN_SWEEP_TEXT];
	int err = 0;

	if (r->step.kind != PLAIN || r->step.v != n || n < 2 || n > PN_SWEEP_VALUES)
		return refuse(p, "\"%.60s\": how many values? (expected 2 .. 100000)", text);
	if (log && !(r->from.v > 0))
		return refuse(p, "\"%.60s\": a range by a factor cannot begin at 0", text);
	for (unsigned i = 0; i < n && !err; i++) {
		double x = (double)i / (n - 1);
		double v = log ? r->from.v * pow(r->to.v / r->from.v, x)
			       : r->from.v + x * (r->to.v - r->from.v);

		write_number(r->from.kind, v, whole, false, buf);
		err = append(p, buf);
	}
	return err;
}

static int range(struct parser *p, const char *text)
{
	struct range r;
	int err = read_range(p, text, &r);

	if (err)
		return err;
	if (!strcmp(r.how, "step"))
		return by_step(p, text, &r);
	if (strcmp(r.how, "in") && strcmp(r.how, "log"))
		return refuse(p, "\"%.60s\": expected step, in or log after the range", text);
	p->any_log |= r.how[0] == 'l';
	return by_number(p, text, &r, r.how[0] == 'l');
}

static int element(struct parser *p, const char *s, size_t len)
{
	char text[3 * PN_SWEEP_TEXT];

	while (len && (*s == ' ' || *s == '\t'))
		s++, len--;
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	if (!len)
		return refuse(p, "%s", "an empty value (a comma too many?)");
	if (len >= sizeof(text))
		return refuse(p, "%s", "a value is too long");
	memcpy(text, s, len);
	text[len] = 0;
	p->first = p->out->n;
	if (strstr(text, ".."))
		return range(p, text);
	if (len >= PN_SWEEP_TEXT)
		return refuse(p, "%s", "a value is too long");
	return append(p, text);
}

/* A comma between parentheses does not end a value: lognormal(80us,0.4). */
static size_t element_length(const char *s)
{
	unsigned deep = 0;
	size_t n = 0;

	for (; s[n] && (deep || s[n] != ','); n++)
		deep += s[n] == '(' ? 1 : s[n] == ')' && deep ? -1u : 0;
	return n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int each_once(struct parser *p)
{
	const struct pn_values *o = p->out;
	const char **text = malloc(o->n * sizeof(*text));
	int err = 0;

	if (!text)
		return -ENOMEM;
	for (unsigned i = 0; i < o->n; i++)
		text[i] = o->text[i];
	qsort(text, o->n, sizeof(*text), by_text);
	for (unsigned i = 1; i < o->n && !err; i++)
		if (!strcmp(text[i - 1], text[i]))
			err = refuse(p, "%.60s is there twice", text[i]);
	free(text);
	return err;
}

/* Numbers of one unit that ascend have a place on an axis; others are only named. */
static int find_places(struct parser *p)
{
	struct pn_values *o = p->out;
	enum kind kind = WORD;

	o->at = calloc(o->n, sizeof(*o->at));
	if (!o->at)
		return -ENOMEM;
	o->numeric = true;
	for (unsigned i = 0; i < o->n; i++) {
		struct number x = number_of(o->text[i]);

		if (kind == WORD && !x.zero)
			kind = x.kind;
		o->at[i] = x.v;
		if (x.kind == WORD || (!x.zero && x.kind != kind) || (i && !(x.v > o->at[i - 1])))
			o->numeric = false;
	}
	o->unit = kind == TIME	    ? PN_VALUE_TIME
		  : kind == RATE    ? PN_VALUE_RATE
		  : kind == PERCENT ? PN_VALUE_SHARE
				    : PN_VALUE_PLAIN;
	o->log = o->numeric && o->at[0] > 0 &&
		 (p->any_log || (o->n > 2 && o->at[o->n - 1] >= 8 * o->at[0]));
	return 0;
}

int pn_values_parse(const char *text, struct pn_values *out, char *why, unsigned size)
{
	struct parser p = {out, why, size, 0, false};
	const char *s = text;
	int err;

	memset(out, 0, sizeof(*out));
	for (;;) {
		size_t n = element_length(s);

		err = element(&p, s, n);
		if (err || !s[n])
			break;
		s += n + 1;
	}
	if (!err)
		err = each_once(&p);
	if (!err)
		err = find_places(&p);
	if (err)
		pn_values_free(out);
	return err;
}

const char *pn_value_text(enum pn_value_unit unit, double at, char *buf)
{
	if (unit == PN_VALUE_SHARE)
		snprintf(buf, PN_FIGURE_TEXT, "%.3g %%", 100 * at);
	else if (unit == PN_VALUE_PLAIN)
		snprintf(buf, PN_FIGURE_TEXT, "%.4g", at);
	else
		pn_figure_text(unit == PN_VALUE_TIME ? PN_UNIT_TIME : PN_UNIT_COUNT, at, buf);
	if (unit == PN_VALUE_RATE)
		strcat(buf, strchr(buf, ' ') ? "/s" : " /s");
	return buf;
}

void pn_values_free(struct pn_values *v)
{
	free(v->text);
	free(v->at);
	memset(v, 0, sizeof(*v));
}
