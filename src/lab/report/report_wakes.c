/* SPDX-License-Identifier: MIT */
/*
 * Where the time of a wakeup goes: the parts of the way from the device to the guest, mode beside
 * mode, in a page.
 */
#include "page.h"
#include "report_fmt.h"
#include "report_timeline.h"
#include "report_wakes.h"

#define W     640
#define RIGHT 80
#define ROW   46
#define BAR   18

static bool has_wakes(const struct pn_result *r)
{
	return r->wakes && r->wakes->n;
}

static uint64_t longest(const struct pn_comparison *c, unsigned choice)
{
	uint64_t most = 1;

	for (unsigned i = 0; i < c->n; i++)
		if (has_wakes(&c->result[i]) &&
		    pn_wake_ns(&c->result[i].wakes->wake[choice]) > most)
			most = pn_wake_ns(&c->result[i].wakes->wake[choice]);
	return most;
}

static uint64_t part_begin(const struct pn_wake *w, unsigned part)
{
	return part ? w->end[part - 1] : w->sent;
}

static uint64_t part_ns(const struct pn_wake *w, unsigned part)
{
	return w->end[part] - part_begin(w, part);
}

static void bar(const struct pn_wake *w, uint64_t all, unsigned row, const char *mode, FILE *f)
{
	double scale = (double)(W - RIGHT) / (double)all;
	char t[PN_FMT_SIZE];
	unsigned y = row * ROW + 22;

	fprintf(f, "<text x=\"0\" y=\"%u\">", y - 5);
	pn_html_text(mode, f);
	fputs("</text>", f);
	for (unsigned i = 0; i < PN_WAKE_PARTS; i++) {
		if (!part_ns(w, i))
			continue;
		fprintf(f,
			"<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" "
			"style=\"fill:var(--c%u)\" data-say=\"",
			(double)(part_begin(w, i) - w->sent) * scale, y,
			(double)part_ns(w, i) * scale, BAR, i + 1);
		pn_html_text(mode, f);
		fprintf(f, ": %s, %s\"/>", pn_fmt_ns(t, (double)part_ns(w, i)),
			pn_wake_part_name((enum pn_wake_part)i));
	}
	fprintf(f, "<text x=\"%.1f\" y=\"%u\">%s</text>\n", (double)pn_wake_ns(w) * scale + 6,
		y + 14, pn_fmt_ns(t, (double)pn_wake_ns(w)));
}

static void bars(const struct pn_comparison *c, unsigned choice, FILE *f)
{
	uint64_t all = longest(c, choice);
	unsigned rows = 0, row = 0;
	char mode[64];

	for (unsigned i = 0; i < c->n; i++)
		rows += has_wakes(&c->result[i]);
	fprintf(f, "<svg class=\"say\" viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"", W,
		rows * ROW);
	pn_html_element("parts of a wakeup, the ", pn_wake_choice_name((enum pn_wake_choice)choice),
			" of each mode\">\n", f);
	for (unsigned i = 0; i < c->n; i++)
		if (has_wakes(&c->result[i]))
			bar(&c->result[i].wakes->wake[choice], all, row++,
			    pn_mode_text(&c->result[i].mode, mode, sizeof(mode)), f);
	fputs("</svg>\n<p class=\"said dim\"><output></output>&nbsp;</p>\n", f);
}

static void table(const struct pn_comparison *c, unsigned choice, FILE *f)
{
	char text[64];

	fputs("<div class=\"scroll\"><table>\n<tr><th class=\"l\">who waits for whom</th>", f);
	for (unsigned m = 0; m < c->n; m++)
		if (has_wakes(&c->result[m]))
			pn_html_element("<th>",
					pn_mode_text(&c->result[m].mode, text, sizeof(text)),
					"</th>", f);
	fputs("</tr>\n", f);
	for (unsigned i = 0; i < PN_WAKE_PARTS; i++) {
		fprintf(f,
			"<tr><td class=\"l\"><i class=\"key\" style=\"background:var(--c%u)\"></i>",
			i + 1);
		pn_html_element("", pn_wake_part_name((enum pn_wake_part)i), "</td>", f);
		for (unsigned m = 0; m < c->n; m++)
			if (has_wakes(&c->result[m]))
				pn_html_element(
					"<td>",
					pn_fmt_ns(text,
						  (double)part_ns(&c->result[m].wakes->wake[choice],
								  i)),
					"</td>", f);
		fputs("</tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

static void chooser(FILE *f)
{
	fputs("<p><label>Wakeup <select class=\"choose\" data-of=\"wake\">", f);
	for (unsigned k = 0; k < PN_WAKE_CHOICES; k++) {
		fprintf(f, "<option value=\"%u\">", k);
		pn_html_element("", pn_wake_choice_name((enum pn_wake_choice)k), "</option>", f);
	}
	fputs("</select></label>", f);
}

static void mode_chooser(const struct pn_comparison *c, FILE *f)
{
	char mode[64];

	fputs(" <label>Mode <select class=\"choose\" data-of=\"mode\">", f);
	for (unsigned m = 0; m < c->n; m++) {
		if (!has_wakes(&c->result[m]))
			continue;
		fprintf(f, "<option value=\"%u\">", m);
		pn_html_element("", pn_mode_text(&c->result[m].mode, mode, sizeof(mode)),
				"</option>", f);
	}
	fputs("</select></label></p>\n", f);
}

/* Without its script a page shows the median of each mode. */
static void open_choice(unsigned choice, unsigned mode, FILE *f)
{
	fprintf(f, "<div class=\"choice%s\" data-wake=\"%u\"", choice ? " other" : "", choice);
	if (mode != UINT32_MAX)
		fprintf(f, " data-mode=\"%u\"", mode);
	fputs(">\n", f);
}

/* The steps of a wakeup are known only as far back as the log of steps reaches. */
static void left_out(const struct pn_result *r, FILE *f)
{
	char mode[64];

	if (!has_wakes(r) || !r->wakes->too_long)
		return;
	pn_html_element("<p class=\"dim\">", pn_mode_text(&r->mode, mode, sizeof(mode)), "", f);
	fprintf(f,
		": %llu longer ones are not among these, as their first steps are not known.</p>\n",
		(unsigned long long)r->wakes->too_long);
}

static void timelines(const struct pn_comparison *c, FILE *f)
{
	char mode[64];

	for (unsigned m = 0; m < c->n; m++) {
		if (!has_wakes(&c->result[m]))
			continue;
		pn_mode_text(&c->result[m].mode, mode, sizeof(mode));
		for (unsigned k = 0; k < PN_WAKE_CHOICES; k++) {
			open_choice(k, m, f);
			pn_report_timeline(&c->result[m].wakes->wake[k], mode,
					   pn_wake_choice_name((enum pn_wake_choice)k), f);
			fputs("</div>\n", f);
		}
	}
}

void pn_report_wakes(const struct pn_comparison *c, FILE *f)
{
	bool any = false;

	for (unsigned i = 0; i < c->n; i++)
		any |= has_wakes(&c->result[i]);
	if (!any)
		return;
	fputs("<h2>Where the time of a wakeup goes</h2>\n"
	      "<p>One wakeup of each mode, the one that is nearest to the median of all, to their "
	      "99th percentile, or the slowest: from the device's write, while the vCPU slept, to "
	      "its handler. As all times here, these are modelled.</p>\n",
	      f);
	chooser(f);
	mode_chooser(c, f);
	for (unsigned k = 0; k < PN_WAKE_CHOICES; k++) {
		open_choice(k, UINT32_MAX, f);
		bars(c, k, f);
		table(c, k, f);
		fputs("</div>\n", f);
	}
	for (unsigned i = 0; i < c->n; i++)
		left_out(&c->result[i], f);
	timelines(c, f);
}
