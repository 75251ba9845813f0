/* SPDX-License-Identifier: MIT */
/* The timeline of one wakeup: who did what when, on the way from the device to the guest. */
#include "page.h"
#include "report_fmt.h"
#include "report_timeline.h"
#include "steps.h"

#define W     640
#define LEFT  150
#define RIGHT 12
#define ROW   30
#define BAR   18
#define ROWS  8
#define TICKS 4

struct row {
	enum pn_wake_who who;
	uint32_t id;
};

struct picture {
	const struct pn_wake *w;
	struct row row[ROWS];
	unsigned rows;
	FILE *f;
};

static unsigned row_of(struct picture *p, const struct pn_wake_step *s)
{
	unsigned i = 0;

	while (i < p->rows && (p->row[i].who != (enum pn_wake_who)s->who || p->row[i].id != s->id))
		i++;
	if (i == p->rows && p->rows < ROWS)
		p->row[p->rows++] = (struct row){(enum pn_wake_who)s->who, s->id};
	return i < ROWS ? i : ROWS - 1;
}

/* From the device to the CPUs, and among these by first appearance. */
static void find_rows(struct picture *p)
{
	for (unsigned who = PN_WAKE_BY_DEVICE; who <= PN_WAKE_BY_CPU; who++)
		for (unsigned i = 0; i < p->w->n; i++)
			if (p->w->step[i].who == who)
				row_of(p, &p->w->step[i]);
}

static const char *row_name(const struct picture *p, const struct row *r, char *buf, size_t size)
{
	static const char *const who[] = {"devices", "IOMMU", "router", "CPU"};

	if (r->who == PN_WAKE_BY_DEVICE)
		snprintf(buf, size, "device");
	else if (r->who == PN_WAKE_BY_ROUTER)
		snprintf(buf, size, "router");
	else
		snprintf(buf, size, "%s %u%s", who[r->who], r->id,
			 r->who != PN_WAKE_BY_CPU ? ""
			 : r->id == p->w->cpu	  ? ", guest"
						  : ", host");
	return buf;
}

static double at_x(const struct picture *p, uint64_t at)
{
	uint64_t all = pn_wake_ns(p->w) ? pn_wake_ns(p->w) : 1;

	if (at < p->w->sent)
		at = p->w->sent;
	return LEFT + (double)(at - p->w->sent) / (double)all * (W - LEFT - RIGHT);
}

static void grid(const struct picture *p)
{
	unsigned bottom = (p->rows + 1) * ROW + 4;
	char t[PN_FMT_SIZE];

	for (unsigned i = 0; i <= TICKS; i++) {
		uint64_t ns = pn_wake_ns(p->w) * i / TICKS;
		double x = at_x(p, p->w->sent + ns);

		fprintf(p->f,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"0\" x2=\"%.1f\" y2=\"%u\"/>"
			"<text%s x=\"%.1f\" y=\"%u\" text-anchor=\"%s\">%s</text>\n",
			x, x, bottom, i % 2 ? " class=\"odd\"" : "", i == TICKS ? W : x,
			bottom + 18, i == TICKS ? "end" : "middle", pn_fmt_ns(t, (double)ns));
	}
}

static unsigned colour_of(const struct pn_wake_step *s)
{
	return s->who != PN_WAKE_BY_CPU			  ? 2
	       : s->step < (unsigned)PN_STEP_NR		  ? 5
	       : s->step < (unsigned)PN_STEP_DEVICE_WRITE ? 4
							  : 0;
}

/* "irr_set, 75 ns, after 15 ns: atomic OR of ..." */
static void say_step(const struct picture *p, const struct pn_wake_step *s)
{
	char ns[PN_FMT_SIZE], at[PN_FMT_SIZE];
	uint64_t after = s->at > p->w->sent ? s->at - p->w->sent : 0;

	fprintf(p->f, "%s, %s, after %s: ", pn_any_step_key(s->step), pn_fmt_ns(ns, (double)s->ns),
		pn_fmt_ns(at, (double)after));
	pn_html_text(pn_any_step_doc(s->step), p->f);
	if (s->who == PN_WAKE_BY_IOMMU && !s->for_it)
		fputs(" (for another interrupt)", p->f);
}

static void steps(struct picture *p)
{
	for (unsigned i = 0; i < p->w->n; i++) {
		const struct pn_wake_step *s = &p->w->step[i];
		double x = at_x(p, s->at), end = at_x(p, s->at + s->ns);

		end = end > W - RIGHT ? W - RIGHT : end;
		fprintf(p->f,
			"<rect%s x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" "
			"style=\"fill:var(--c%u)\" data-say=\"",
			s->who == PN_WAKE_BY_IOMMU && !s->for_it ? " class=\"others\"" : "", x,
			row_of(p, s) * ROW + 6, end - x < 1 ? 1 : end - x, BAR, colour_of(s));
		say_step(p, s);
		fputs("\"/>\n", p->f);
	}
}

/* Of a vCPU, in a row. */
static void span(const struct picture *p, unsigned row, uint32_t vcpu, uint64_t from, uint64_t to,
		 unsigned colour, const char *what)
{
	char ns[PN_FMT_SIZE];

	if (to <= from)
		return;
	fprintf(p->f,
		"<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" "
		"style=\"fill:var(--c%u)\" data-say=\"vCPU %u %s: %s\"/>\n",
		at_x(p, from), row * ROW + 6, at_x(p, to) - at_x(p, from), BAR, colour, vcpu, what,
		pn_fmt_ns(ns, (double)(to - from)));
}

/* What a CPU's guests did between entry and exit. */
static void guests(struct picture *p, unsigned row)
{
	const struct row *r = &p->row[row];
	const struct pn_wake_step begun = {.at = p->w->sent, .vcpu = p->w->other}, *in = NULL;

	if (r->who == PN_WAKE_BY_CPU && r->id == p->w->cpu && begun.vcpu != PN_WAKE_NONE)
		in = &begun;
	for (unsigned i = 0; i < p->w->n; i++) {
		const struct pn_wake_step *s = &p->w->step[i];

		if (s->who != PN_WAKE_BY_CPU || row_of(p, s) != row)
			continue;
		if (s->step == PN_STEP_VMEXIT && in)
			span(p, row, in->vcpu, in->at + in->ns, s->at, 3, "runs");
		if (s->step == PN_STEP_VMEXIT || s->step == PN_STEP_VMRUN)
			in = s->step == PN_STEP_VMRUN ? s : NULL;
	}
	if (in)
		span(p, row, in->vcpu, in->at + in->ns, p->w->end[PN_WAKE_GUEST], 3, "runs");
}

static void vcpu_row(const struct picture *p)
{
	const struct pn_wake *w = p->w;

	span(p, p->rows, w->vcpu, w->sent, w->end[PN_WAKE_HOST], 0, "sleeps");
	span(p, p->rows, w->vcpu, w->end[PN_WAKE_HOST], w->end[PN_WAKE_RUNNABLE], 2,
	     "waits for its CPU");
	span(p, p->rows, w->vcpu, w->end[PN_WAKE_RUNNABLE], w->end[PN_WAKE_ENTRY], 4,
	     "is switched to and entered");
	span(p, p->rows, w->vcpu, w->end[PN_WAKE_ENTRY], w->end[PN_WAKE_GUEST], 3, "runs");
}

static void names(const struct picture *p)
{
	char name[32];

	for (unsigned i = 0; i < p->rows; i++)
		fprintf(p->f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">%s</text>\n", LEFT - 8,
			i * ROW + 20, row_name(p, &p->row[i], name, sizeof(name)));
	fprintf(p->f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">vCPU %u</text>\n", LEFT - 8,
		p->rows * ROW + 20, p->w->vcpu);
}

static void list(const struct picture *p)
{
	char name[32], t[PN_FMT_SIZE];

	fprintf(p->f,
		"<details><summary>%s%u steps</summary><div class=\"scroll\"><table>\n"
		"<tr><th>after</th><th class=\"l\">who</th><th class=\"l\">step</th><th>cost</th>"
		"</tr>\n",
		p->w->n == PN_WAKE_STEPS ? "The last " : "", p->w->n);
	for (unsigned i = 0; i < p->w->n; i++) {
		const struct pn_wake_step *s = &p->w->step[i];
		struct row r = {(enum pn_wake_who)s->who, s->id};
		uint64_t after = s->at > p->w->sent ? s->at - p->w->sent : 0;

		fprintf(p->f, "<tr><td>%s</td>", pn_fmt_ns(t, (double)after));
		fprintf(p->f, "<td class=\"l\">%s</td><td class=\"l\">%s</td>",
			row_name(p, &r, name, sizeof(name)), pn_any_step_key(s->step));
		fprintf(p->f, "<td>%s</td></tr>\n", s->ns ? pn_fmt_ns(t, (double)s->ns) : "-");
	}
	fputs("</table></div></details>\n", p->f);
}

void pn_report_timeline(const struct pn_wake *w, const char *mode, const char *which, FILE *f)
{
	struct picture p = {.w = w, .f = f};
	char t[PN_FMT_SIZE];

	find_rows(&p);
	fputs("<figure>", f);
	pn_html_element("<figcaption>", mode, "", f);
	fprintf(f, ", %s: vector 0x%02x for vCPU %u, %s</figcaption>\n", which, w->vector, w->vcpu,
		pn_fmt_ns(t, (double)pn_wake_ns(w)));
	fprintf(f, "<svg class=\"say\" viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"", W,
		(p.rows + 1) * ROW + 28);
	pn_html_element("timeline of a wakeup, ", mode, "\">\n", f);
	grid(&p);
	names(&p);
	for (unsigned i = 0; i < p.rows; i++)
		guests(&p, i);
	steps(&p);
	vcpu_row(&p);
	fputs("</svg>\n<p class=\"said dim\"><output></output>&nbsp;</p>\n", f);
	list(&p);
	fputs("</figure>\n", f);
}
