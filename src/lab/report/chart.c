/* SPDX-License-Identifier: MIT */
/* Charts of lines, with bands and marks, as SVG in a page. */
#include <math.h>

#include "chart.h"
#include "page.h"
#include "report_fmt.h"

#define W	640
#define H	326
#define LEFT	80
#define RIGHT	24
#define TOP	14
#define BOTTOM	40
#define COLOURS 8
#define TICKS	6 /* about, on a linear axis */

/* 0 to 1 along the axis. */
static double along(const struct pn_chart_axis *a, double v)
{
	if (a->log)
		return log(fmax(v, a->min) / a->min) / log(a->max / a->min);
	return (v - a->min) / (a->max - a->min);
}

static double at_x(const struct pn_chart *c, double v)
{
	return LEFT + along(&c->x, v) * (W - LEFT - RIGHT);
}

static double at_y(const struct pn_chart *c, double v)
{
	return H - BOTTOM - along(&c->y, v) * (H - TOP - BOTTOM);
}

/* The distance of ticks: 1, 2 or 5 times a power of ten. */
static double step_of(const struct pn_chart_axis *a)
{
	double rough = (a->max - a->min) / TICKS, ten = pow(10, floor(log10(rough)));

	if (a->step > 0)
		return a->step;
	return ten * (rough / ten < 1.5 ? 1 : rough / ten < 3.5 ? 2 : rough / ten < 7.5 ? 5 : 10);
}

/* The tick behind @v; the first one is at or above the least value. */
static double next_tick(const struct pn_chart_axis *a, double v)
{
	return a->log ? v * 10 : v + step_of(a);
}

static double first_tick(const struct pn_chart_axis *a)
{
	if (a->log)
		return pow(10, ceil(log10(a->min) - 1e-9));
	/* not -0 */
	return ceil(a->min / step_of(a) - 1e-9) * step_of(a) + 0.0;
}

/* A tick may miss the last value by a rounding. */
static double last_tick(const struct pn_chart_axis *a)
{
	return a->max + 1e-9 * (a->log ? a->max : a->max - a->min);
}

static void ticks_x(const struct pn_chart *c, FILE *f)
{
	char t[PN_FMT_SIZE];
	unsigned k = 0;

	for (double v = first_tick(&c->x); v <= last_tick(&c->x); v = next_tick(&c->x, v), k++) {
		double x = at_x(c, v);
		bool last = x > W - 2 * RIGHT;

		fprintf(f,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
			"<text%s x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
			x, TOP, x, H - BOTTOM, k % 2 ? " class=\"odd\"" : "", last ? W : x,
			H - BOTTOM + 26, last ? "end" : "middle", c->x.fmt(t, v));
	}
}

static void ticks_y(const struct pn_chart *c, FILE *f)
{
	char t[PN_FMT_SIZE];

	for (double v = first_tick(&c->y); v <= last_tick(&c->y); v = next_tick(&c->y, v)) {
		double y = at_y(c, v);

		fprintf(f,
			"<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, y, W - RIGHT, y, LEFT - 6, y + 4, c->y.fmt(t, v));
	}
}

/* Forwards along @high, back along @low; a gap ends a piece. */
static void band(const struct pn_chart *c, const struct pn_chart_line *l, FILE *f)
{
	unsigned from, to;

	for (from = 0; from < c->n; from = to + 1) {
		to = from;
		while (to < c->n && !isnan(l->low[to]) && !isnan(l->high[to]))
			to++;
		if (to == from)
			continue;
		fprintf(f, "<path class=\"band\" style=\"fill:var(--c%u)\" d=\"",
			l->colour % COLOURS);
		for (unsigned i = from; i < to; i++)
			fprintf(f, "%c%.1f %.1f", i == from ? 'M' : 'L', at_x(c, c->at[i]),
				at_y(c, l->high[i]));
		for (unsigned i = to; i > from; i--)
			fprintf(f, "L%.1f %.1f", at_x(c, c->at[i - 1]), at_y(c, l->low[i - 1]));
		fputs("Z\"/>\n", f);
	}
}

static void line(const struct pn_chart *c, const struct pn_chart_line *l, FILE *f)
{
	char t[PN_FMT_SIZE], low[PN_FMT_SIZE];
	bool gap = true;

	fprintf(f, "<path class=\"line\" style=\"stroke:var(--c%u)\" d=\"", l->colour % COLOURS);
	for (unsigned i = 0; i < c->n; i++) {
		if (!isnan(l->y[i]))
			fprintf(f, "%c%.1f %.1f", gap ? 'M' : 'L', at_x(c, c->at[i]),
				at_y(c, l->y[i]));
		gap = isnan(l->y[i]);
	}
	fputs("\" data-y=\"", f);
	for (unsigned i = 0; i < c->n; i++) {
		fprintf(f, "%s%s", i ? "|" : "", isnan(l->y[i]) ? "-" : c->y.fmt(t, l->y[i]));
		if (l->low && !isnan(l->low[i]) && !isnan(l->high[i]))
			fprintf(f, " (%s to %s)", c->y.fmt(low, l->low[i]),
				c->y.fmt(t, l->high[i]));
	}
	fputs("\"/>\n", f);
}

/* Its name is on the side with more room. */
static void mark(const struct pn_chart *c, const struct pn_chart_mark *m, unsigned row, FILE *f)
{
	double x = at_x(c, m->x);
	bool left = along(&c->x, m->x) > 0.5;

	fprintf(f,
		"<line class=\"mark\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
		"<text x=\"%.1f\" y=\"%u\" text-anchor=\"%s\">",
		x, TOP, x, H - BOTTOM, left ? x - 4 : x + 4, TOP + 12 + 16 * (row % 6),
		left ? "end" : "start");
	pn_html_text(m->name, f);
	fputs("</text>\n", f);
}

static void open_svg(const struct pn_chart *c, FILE *f)
{
	char t[PN_FMT_SIZE];

	fprintf(f, "<svg class=\"chart\" viewBox=\"0 0 %d %d\" tabindex=\"0\" role=\"img\"", W, H);
	pn_html_element(" aria-label=\"", c->caption, "\" data-px=\"", f);
	for (unsigned i = 0; i < c->n; i++)
		fprintf(f, "%s%.1f", i ? " " : "", at_x(c, c->at[i]));
	fputs("\" data-x=\"", f);
	for (unsigned i = 0; i < c->n; i++)
		fprintf(f, "%s%s", i ? "|" : "", c->x.fmt(t, c->at[i]));
	fputs("\">\n", f);
}

static void legend(const struct pn_chart *c, FILE *f)
{
	fputs("<ul class=\"legend\">\n", f);
	for (unsigned i = 0; i < c->lines; i++) {
		fprintf(f, "<li><i style=\"background:var(--c%u)\"></i>",
			c->line[i].colour % COLOURS);
		pn_html_element("", c->line[i].name, "<output></output></li>\n", f);
	}
	fputs("</ul>", f);
}

void pn_chart_write(const struct pn_chart *c, FILE *f)
{
	fputs("<figure>", f);
	pn_html_element("<figcaption>", c->caption, "<output></output></figcaption>\n", f);
	open_svg(c, f);
	ticks_x(c, f);
	ticks_y(c, f);
	for (unsigned i = 0; i < c->lines; i++)
		if (c->line[i].low)
			band(c, &c->line[i], f);
	for (unsigned i = 0; i < c->lines; i++)
		line(c, &c->line[i], f);
	for (unsigned i = 0; i < c->marks; i++)
		mark(c, &c->mark[i], i, f);
	fprintf(f, "<line class=\"rule\" y1=\"%d\" y2=\"%d\"/>\n</svg>\n", TOP, H - BOTTOM);
	legend(c, f);
	fputs("</figure>\n", f);
}
