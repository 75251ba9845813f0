/* SPDX-License-Identifier: MIT */
/* Latency curves of a comparison: a chart of percentiles. */
#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "report_curves.h"
#include "report_fmt.h"

#define MAX_LINES   24
#define MAX_DECADES 7
#define PER_DECADE  20
#define GRID	    (MAX_DECADES * PER_DECADE + 1)
#define MAX_POINTS  (GRID + MAX_LINES)

struct which {
	enum pn_part_kind kind;
	bool wake;
};

/* The curves of one chart; x counts decades of 1 / (1 - p). */
struct curves {
	unsigned n, points;
	const struct pn_hist *hist[MAX_LINES];
	double last[MAX_LINES]; /* x of the worst one */
	char name[MAX_LINES][64];
	struct pn_chart_line line[MAX_LINES];
	double x[MAX_POINTS], y[MAX_LINES][MAX_POINTS];
	double x_max, y_min, y_max;
};

static const struct pn_hist *hist_of(const struct pn_result *r, struct which w)
{
	return w.wake ? pn_result_wake(r, w.kind) : pn_result_latency(r, w.kind);
}

/* "99.9 %": all the nines that are sure, and one digit more. */
static const char *percent(char *buf, double decades)
{
	int digits = (int)fmax(0, ceil(decades - 1e-9) - 2);
	double p = 100 * (1 - pow(10, -decades));

	snprintf(buf, PN_FMT_SIZE, "%.*f %%", digits + (fabs(decades - round(decades)) > 1e-9), p);
	return buf;
}

static void add(struct curves *k, const struct pn_result *r, const struct pn_hist *h,
		unsigned colour)
{
	unsigned i = k->n++;

	pn_mode_text(&r->mode, k->name[i], sizeof(k->name[i]));
	k->hist[i] = h;
	k->last[i] = fmin(MAX_DECADES, log10((double)h->n));
	k->line[i] = (struct pn_chart_line){.name = k->name[i], .colour = colour, .y = k->y[i]};
	k->x_max = fmax(k->x_max, ceil(k->last[i]));
	k->y_min = fmin(k->y_min, pow(10, floor(log10(fmax(1, (double)h->min)))));
	k->y_max = fmax(k->y_max, pow(10, ceil(log10(fmax(1, (double)h->max)))));
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A grid that is as fine everywhere, and where each curve ends. */
static void choose_points(struct curves *k)
{
	for (unsigned i = 0; i <= k->x_max * PER_DECADE + 0.5; i++)
		k->x[k->points++] = (double)i / PER_DECADE;
	for (unsigned i = 0; i < k->n; i++)
		if (fabs(k->last[i] * PER_DECADE - round(k->last[i] * PER_DECADE)) > 1e-6)
			k->x[k->points++] = k->last[i];
	qsort(k->x, k->points, sizeof(*k->x), ascending);
}

static void fill(struct curves *k)
{
	for (unsigned i = 0; i < k->n; i++)
		for (unsigned p = 0; p < k->points; p++)
			k->y[i][p] = k->x[p] > k->last[i] + 1e-6
					     ? NAN
					     : (double)pn_hist_quantile(k->hist[i],
									1 - pow(10, -k->x[p]));
}

static void draw(const struct curves *k, FILE *f)
{
	struct pn_chart c = {
		.caption = "Percentiles of latency",
		.x = {.min = 0, .max = k->x_max, .step = 1, .fmt = percent},
		.y = {.min = k->y_min, .max = k->y_max, .log = true, .fmt = pn_fmt_ns},
		.at = k->x,
		.n = k->points,
		.line = k->line,
		.lines = k->n,
	};

	pn_chart_write(&c, f);
}

void pn_report_curves(const struct pn_comparison *c, enum pn_part_kind kind, bool wake, FILE *f)
{
	struct which w = {kind, wake};
	struct curves *k = calloc(1, sizeof(*k));

	if (!k) {
		fputs("<p class=\"dim\">No memory for this chart.</p>\n", f);
		return;
	}
	k->x_max = 2;
	k->y_min = INFINITY;
	k->y_max = 10;
	for (unsigned i = 0; i < c->n && k->n < MAX_LINES; i++)
		if (hist_of(&c->result[i], w)->n)
			add(k, &c->result[i], hist_of(&c->result[i], w), i);
	if (k->n) {
		k->y_max = fmax(k->y_max, 10 * k->y_min);
		choose_points(k);
		fill(k);
		draw(k, f);
	} else {
		fputs("<p class=\"dim\">No samples.</p>\n", f);
	}
	free(k);
}
