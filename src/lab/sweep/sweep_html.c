/* SPDX-License-Identifier: MIT */
/* The results of a sweep as a page: small charts along the axis, and their tables. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "page.h"
#include "report_fmt.h"
#include "sweep_report.h"

#define MAX_MARKS 6

struct page {
	struct pn_sweep_db *db;
	const struct pn_sweep *s;
	FILE *f;
	unsigned figure, n; /* n values along the axis */
	unsigned fixed[PN_SWEEP_AXES];
	/* of each mode: n values */
	double *y, *low, *high;
	char *text; /* PN_FIGURE_TEXT for each */
};

static const char *fmt_rate(char *buf, double v)
{
	char text[PN_FIGURE_TEXT];

	snprintf(buf, PN_FMT_SIZE, "%.31s", pn_value_text(PN_VALUE_RATE, v, text));
	return buf;
}

static const char *fmt_plain(char *buf, double v)
{
	snprintf(buf, PN_FMT_SIZE, "%.4g", v);
	return buf;
}

static pn_chart_fmt *x_fmt(enum pn_value_unit unit)
{
	return unit == PN_VALUE_TIME	? pn_fmt_ns
	       : unit == PN_VALUE_RATE	? fmt_rate
	       : unit == PN_VALUE_SHARE ? pn_fmt_share
					: fmt_plain;
}

static pn_chart_fmt *y_fmt(enum pn_figure_unit unit)
{
	return unit == PN_UNIT_TIME    ? pn_fmt_ns
	       : unit == PN_UNIT_COUNT ? pn_fmt_count
				       : pn_fmt_ratio;
}

static int read_cell(struct page *p, unsigned mode, unsigned value)
{
	unsigned at[PN_SWEEP_AXES], i = mode * p->n + value;
	const struct pn_sample *x;
	struct pn_cell c;
	double half;
	int err;

	memcpy(at, p->fixed, sizeof(at));
	if (p->s->axes)
		at[p->s->along] = value;
	err = pn_sweep_cell(p->db, p->s, pn_sweep_point_of(p->s, at), mode, &c);
	if (err)
		return err;
	x = &c.seeds[p->figure];
	half = pn_cell_half(p->s, &c, p->figure);
	p->y[i] = x->n ? x->mean : NAN;
	p->low[i] = isnan(half) ? NAN : fmax(0, x->mean - half);
	p->high[i] = isnan(half) ? NAN : x->mean + half;
	pn_cell_text(p->s, &c, p->figure, p->text + (size_t)i * PN_FIGURE_TEXT);
	return 0;
}

static int read_cells(struct page *p)
{
	int err = 0;

	for (unsigned m = 0; m < p->s->modes && !err; m++)
		for (unsigned v = 0; v < p->n && !err; v++)
			err = read_cell(p, m, v);
	return err;
}

/* Of the values and their bands: a decade or more of times is drawn by factors. */
static bool y_axis(const struct page *p, struct pn_chart_axis *a)
{
	double min = INFINITY, max = 0;

	for (unsigned i = 0; i < p->s->modes * p->n; i++) {
		if (isnan(p->y[i]))
			continue;
		min = fmin(min, p->y[i]);
		max = fmax(max, isnan(p->high[i]) ? p->y[i] : p->high[i]);
	}
	if (isinf(min))
		return false;
	a->fmt = y_fmt(pn_figures[p->figure].unit);
	a->log = pn_figures[p->figure].unit == PN_UNIT_TIME && min > 0 && max >= 10 * min;
	a->min = a->log ? pow(10, floor(log10(min))) : 0;
	a->max = a->log ? pow(10, ceil(log10(max))) : max > 0 ? 1.05 * max : 1;
	return true;
}

static void x_axis(const struct pn_values *v, struct pn_chart_axis *a)
{
	*a = (struct pn_chart_axis){v->at[0], v->at[v->n - 1], v->log, x_fmt(v->unit)};
}

static void chart(const struct page *p, const struct pn_break_even *b, int n)
{
	const struct pn_values *v = &p->s->axis[p->s->along].values;
	struct pn_chart_line line[PN_SWEEP_MODES];
	struct pn_chart_mark mark[MAX_MARKS];
	char name[PN_SWEEP_MODES][64], text[MAX_MARKS][160], where[PN_FIGURE_TEXT];
	struct pn_chart c = {.caption = pn_figures[p->figure].title,
			     .at = v->at,
			     .n = p->n,
			     .line = line,
			     .lines = p->s->modes,
			     .mark = mark};

	if (!y_axis(p, &c.y))
		return;
	x_axis(v, &c.x);
	for (unsigned m = 0; m < p->s->modes; m++) {
		unsigned at = m * p->n;

		pn_mode_text(&p->s->mode[m], name[m], sizeof(name[m]));
		line[m] = (struct pn_chart_line){name[m], m, p->y + at, p->low + at, p->high + at};
	}
	for (int i = 0; i < n && c.marks < MAX_MARKS; i++) {
		if (isnan(b[i].at))
			continue;
		snprintf(text[c.marks], sizeof(text[0]), "%s = %s at %s", name[b[i].low],
			 name[b[i].high], pn_value_text(v->unit, b[i].at, where));
		mark[c.marks] = (struct pn_chart_mark){b[i].at, text[c.marks]};
		c.marks++;
	}
	pn_chart_write(&c, p->f);
}

static void table(const struct page *p)
{
	char text[64];

	fputs("<div class=\"scroll\"><table>\n<tr>", p->f);
	pn_html_element("<th class=\"l\">", p->s->axes ? p->s->axis[p->s->along].key : "", "</th>",
			p->f);
	for (unsigned m = 0; m < p->s->modes; m++)
		pn_html_element("<th>", pn_mode_text(&p->s->mode[m], text, sizeof(text)), "</th>",
				p->f);
	fputs("</tr>\n", p->f);
	for (unsigned v = 0; v < p->n; v++) {
		pn_html_element("<tr><td class=\"l\">",
				p->s->axes ? p->s->axis[p->s->along].values.text[v] : "", "</td>",
				p->f);
		for (unsigned m = 0; m < p->s->modes; m++)
			pn_html_element("<td>", p->text + (size_t)(m * p->n + v) * PN_FIGURE_TEXT,
					"</td>", p->f);
		fputs("</tr>\n", p->f);
	}
	fputs("</table></div>\n", p->f);
}

static bool has_charts(const struct page *p)
{
	return p->s->axes && p->n > 1 && p->s->axis[p->s->along].values.numeric;
}

/* The charts of one combination of the other axes, or the tables with what they show. */
static int figures(struct page *p, bool charts)
{
	struct pn_break_even b[PN_BREAK_EVENS];
	char text[512];
	int err = 0, n = 0;

	for (unsigned i = 0; i < p->s->figures && !err; i++) {
		p->figure = p->s->figure[i];
		err = read_cells(p);
		n = err ? err : pn_sweep_break_evens(p->db, p->s, p->figure, p->fixed, b);
		err = n < 0 ? n : 0;
		if (err)
			break;
		if (charts) {
			chart(p, b, n);
			continue;
		}
		pn_html_element("<h3>", pn_figures[p->figure].title, "</h3>\n", p->f);
		table(p);
		for (int k = 0; k < n; k++)
			pn_html_element("<p>", pn_break_even_text(p->s, &b[k], text, sizeof(text)),
					".</p>\n", p->f);
	}
	return err;
}

static int combination(struct page *p)
{
	char fixed[400];
	int err = 0;

	if (*pn_sweep_fixed_text(p->s, p->fixed, fixed, sizeof(fixed)))
		pn_html_element("<h2>", fixed, "</h2>\n", p->f);
	if (has_charts(p)) {
		pn_html_element("<p>Along <b>", p->s->axis[p->s->along].key,
				"</b>.</p>\n<div class=\"charts\">\n", p->f);
		err = figures(p, true);
		fputs("</div>\n", p->f);
	}
	return err ? err : figures(p, false);
}

static void head(const struct page *p, const struct pn_sweep_state *st, const uint64_t *violated)
{
	char text[400], mode[64];

	pn_page_begin(p->s->name, p->f);
	pn_html_element("<p>", p->s->description, "</p>\n", p->f);
	pn_html_element("<p>", pn_sweep_headline(p->s, st, text, sizeof(text)), ".</p>\n", p->f);
	for (unsigned m = 0; m < p->s->modes; m++)
		if (violated[m]) {
			snprintf(text, sizeof(text),
				 "%s lost an interrupt or missed a wakeup in %llu of the runs.",
				 pn_mode_text(&p->s->mode[m], mode, sizeof(mode)),
				 (unsigned long long)violated[m]);
			pn_html_element("<p class=\"alarm\">", text, "</p>\n", p->f);
		}
	if (*pn_sweep_interval_text(p->s, text, sizeof(text)))
		pn_html_element("<p>Figures: ", text,
				". A band is the interval; a dashed line is where the means of "
				"two modes cross, if their order on both sides is decided.</p>\n",
				p->f);
	for (unsigned i = 0; pn_modes[i]; i++)
		if (p->s->left_out >> i & 1)
			pn_html_element("<p>Left out: ", pn_modes[i]->name,
					" does not fit every point.</p>\n", p->f);
}

static bool make_room(struct page *p)
{
	size_t all;

	p->n = p->s->axes ? p->s->axis[p->s->along].values.n : 1;
	all = (size_t)p->s->modes * p->n;
	p->y = calloc(3 * all, sizeof(*p->y));
	p->low = p->y + all;
	p->high = p->low + all;
	p->text = calloc(all, PN_FIGURE_TEXT);
	return p->y && p->text;
}

int pn_sweep_html(struct pn_sweep_db *db, const struct pn_sweep *s, const struct pn_sweep_state *st,
		  FILE *f)
{
	struct page p = {.db = db, .s = s, .f = f};
	uint64_t violated[PN_SWEEP_MODES];
	int err = make_room(&p) ? pn_sweep_alarms(db, s, violated) : -ENOMEM;

	if (!err)
		head(&p, st, violated);
	while (!err) {
		err = combination(&p);
		if (err || !pn_sweep_next_fixed(s, p.fixed))
			break;
	}
	pn_page_end(f);
	free(p.y);
	free(p.text);
	return !err && ferror(f) ? -EIO : err;
}
