/* SPDX-License-Identifier: MIT */
/* Latency curves of the HTML page as SVG. */
#include <math.h>

#include "report_fmt.h"
#include "report_svg.h"

#define W	900
#define H	360
#define LEFT	70
#define RIGHT	190 /* the longest mode and variant fit */
#define TOP	15
#define BOTTOM	40
#define COLOURS 8

/* The axes' ranges as powers of ten: 1 / (1 - p) and nanoseconds. */
struct axes {
	double x_max, y_min, y_max;
};

struct which {
	enum pn_part_kind kind;
	bool wake;
};

static const struct pn_hist *hist_of(const struct pn_result *r, struct which w)
{
	return w.wake ? pn_result_wake(r, w.kind) : pn_result_latency(r, w.kind);
}

static bool find_axes(const struct pn_comparison *c, struct which w, struct axes *a)
{
	uint64_t n = 0, min = UINT64_MAX, max = 1;

	for (unsigned i = 0; i < c->n; i++) {
		const struct pn_hist *h = hist_of(&c->result[i], w);

		if (!h->n)
			continue;
		n = h->n > n ? h->n : n;
		min = h->min < min ? h->min : min;
		max = h->max > max ? h->max : max;
	}
	if (!n)
		return false;
	a->x_max = ceil(log10((double)n));
	a->x_max = fmax(2, fmin(7, a->x_max));
	a->y_min = floor(log10(fmax(1, (double)min)));
	a->y_max = fmax(a->y_min + 1, ceil(log10((double)max)));
	return true;
}

static double at_x(const struct axes *a, double decades)
{
	return LEFT + decades / a->x_max * (W - LEFT - RIGHT);
}

static double at_y(const struct axes *a, double ns)
{
	double v = (log10(fmax(1, ns)) - a->y_min) / (a->y_max - a->y_min);

	return H - BOTTOM - v * (H - TOP - BOTTOM);
}

static void grid(const struct axes *a, FILE *f)
{
	static const char *const percent[] = {"0 %",	 "90 %",     "99 %",	  "99.9 %",
					      "99.99 %", "99.999 %", "99.9999 %", "99.99999 %"};
	char t[PN_FMT_SIZE];

	for (int d = 0; d <= (int)a->x_max; d++) {
		double x = at_x(a, d);

		fprintf(f,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x, TOP, x, H - BOTTOM, x, H - BOTTOM + 18, percent[d]);
	}
	for (double d = a->y_min; d <= a->y_max; d++) {
		double y = at_y(a, pow(10, d));

		fprintf(f,
			"<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, y, W - RIGHT, y, LEFT - 8, y + 4, pn_fmt_ns(t, pow(10, d)));
	}
}

static void curve(const struct axes *a, const struct pn_hist *h, unsigned colour, FILE *f)
{
	double last = fmin(a->x_max, log10((double)h->n));

	fprintf(f, "<polyline style=\"stroke:var(--c%u)\" points=\"", colour % COLOURS);
	for (double d = 0; d < last; d += 0.05)
		fprintf(f, "%.1f,%.1f ", at_x(a, d),
			at_y(a, (double)pn_hist_quantile(h, 1 - pow(10, -d))));
	fprintf(f, "%.1f,%.1f\"/>\n", at_x(a, last),
		at_y(a, (double)pn_hist_quantile(h, 1 - pow(10, -last))));
}

static void legend(const struct pn_mode *m, unsigned row, unsigned colour, FILE *f)
{
	char mode[64];
	double y = TOP + 12 + 20.0 * row;

	fprintf(f,
		"<line x1=\"%d\" y1=\"%.0f\" x2=\"%d\" y2=\"%.0f\" stroke-width=\"3\" "
		"style=\"stroke:var(--c%u)\"/><text x=\"%d\" y=\"%.0f\">",
		W - RIGHT + 12, y - 4, W - RIGHT + 30, y - 4, colour % COLOURS, W - RIGHT + 36, y);
	pn_html_text(pn_mode_text(m, mode, sizeof(mode)), f);
	fputs("</text>\n", f);
}

void pn_svg_curves(const struct pn_comparison *c, enum pn_part_kind kind, bool wake, FILE *f)
{
	struct which w = {kind, wake};
	struct axes a;
	unsigned row = 0;

	if (!find_axes(c, w, &a)) {
		fputs("<p class=\"dim\">No samples.</p>\n", f);
		return;
	}
	fprintf(f,
		"<div class=\"scroll\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"latency percentiles\">\n",
		W, H);
	grid(&a, f);
	for (unsigned i = 0; i < c->n; i++) {
		if (!hist_of(&c->result[i], w)->n)
			continue;
		curve(&a, hist_of(&c->result[i], w), i, f);
		legend(&c->result[i].mode, row++, i, f);
	}
	fputs("</svg></div>\n", f);
}
