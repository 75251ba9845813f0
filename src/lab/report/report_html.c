/* SPDX-License-Identifier: MIT */
/* A comparison as a page for a browser. */
#include <errno.h>
#include <string.h>

#include "page.h"
#include "report_curves.h"
#include "report_measured.h"
#include "report_wakes.h"

static void head(const struct pn_comparison *c, FILE *f)
{
	char t[PN_FMT_SIZE];

	pn_page_begin(c->scenario, f);
	fprintf(f, "<p>Seed %llu, %s simulated, costs ", (unsigned long long)c->seed,
		pn_fmt_ns(t, (double)c->duration_ns));
	pn_html_element("<b>", c->costs, "</b>. <b>Modelled, not measured.</b></p>\n", f);
	for (unsigned i = 0; pn_modes[i]; i++)
		if (c->left_out >> i & 1)
			pn_html_element(
				"<p>Left out: ", pn_modes[i]->name,
				" cannot have the inhibit that the scenario provokes.</p>\n", f);
}

static void reading(const struct pn_comparison *c, FILE *f)
{
	struct pn_reading rd[PN_READING_MAX];
	unsigned n = pn_report_reading(c, rd);

	for (unsigned i = 0; i < n; i++)
		pn_html_element(rd[i].alarm ? "<p class=\"alarm\">" : "<p>", rd[i].text, "</p>\n",
				f);
}

static void what_is_what(const struct pn_comparison *c, FILE *f)
{
	fputs("<div class=\"box\"><p><b>What is model, what is measured.</b> Nothing on this page "
	      "was "
	      "measured on hardware. Counts (interrupts, exits, log entries, wakeups) are what the "
	      "models of the IOMMU, the processor and the host's code did with this workload. "
	      "Times are "
	      "sums of the steps' costs in the table ",
	      f);
	pn_html_element("<b>", c->costs,
			"</b> below, plus waiting. Each cost says whether its value was "
			"measured by somebody (and cited), derived from such values, or "
			"assumed.</p></div>\n",
			f);
}

/* A variant that is not the default is printed below the mode's name. */
static void column_head(const struct pn_mode *m, FILE *f)
{
	char text[64], *variant;

	pn_mode_text(m, text, sizeof(text));
	variant = strchr(text, ':');
	if (variant)
		*variant++ = 0;
	pn_html_element("<th>", text, "", f);
	if (variant)
		pn_html_element("<br><small>", variant, "</small>", f);
	fputs("</th>", f);
}

/* Prints one cell with its <td>. */
typedef void cell_fn(const struct pn_report_row *row, const struct pn_comparison *c, unsigned m,
		     FILE *f);

static void value_cell(const struct pn_report_row *row, const struct pn_comparison *c, unsigned m,
		       FILE *f)
{
	char cell[PN_FMT_SIZE];

	pn_report_cell(row, &c->result[m], cell);
	pn_html_element("<td>", cell, "</td>", f);
}

static void range_cell(const struct pn_report_row *row, const struct pn_comparison *c, unsigned m,
		       FILE *f)
{
	char low[PN_FMT_SIZE], high[PN_FMT_SIZE];
	double min, max;

	if (!pn_report_range(row, c, m, &min, &max)) {
		fputs("<td>-</td>", f);
		return;
	}
	row->fmt(low, min);
	row->fmt(high, max);
	if (strcmp(low, high))
		fprintf(f, "<td>%s<br><small>to %s</small></td>", low, high);
	else
		fprintf(f, "<td>%s</td>", low);
}

static void table(const struct pn_comparison *c, cell_fn *cell, FILE *f)
{
	bool measured = pn_measured(c->recording, PN_WORK_PASSTHROUGH);
	const struct pn_report_row *row;
	const char *group = "";
	char text[PN_FMT_SIZE];

	fputs("<div class=\"scroll\"><table>\n<tr><th></th><th></th>", f);
	if (measured)
		fputs("<th>measured<br><small>the recording</small></th>", f);
	for (unsigned i = 0; i < c->n; i++)
		column_head(&c->result[i].mode, f);
	fputs("</tr>\n", f);
	for (unsigned i = 0; (row = pn_report_row(i)) != NULL; i++) {
		if (row->group)
			group = row->group;
		if (!pn_report_row_used(row, c, PN_WORK_NR))
			continue;
		pn_html_element("<tr><td class=\"g\">", group, "</td>", f);
		pn_html_element("<td class=\"l\">", row->label, "</td>", f);
		if (measured) {
			pn_report_measured_cell(row, c, text);
			pn_html_element("<td>", text, "</td>", f);
		}
		for (unsigned m = 0; m < c->n; m++)
			cell(row, c, m, f);
		fputs("</tr>\n", f);
		group = "";
	}
	fputs("</table></div>\n", f);
}

static void tables(const struct pn_comparison *c, FILE *f)
{
	fputs("<h2>Comparison</h2>\n", f);
	table(c, value_cell, f);
	if (!c->draws)
		return;
	fprintf(f,
		"<h2>With other assumptions</h2>\n<p>The range of each figure over %u draws of the "
		"%u costs that are assumptions, each between half and double.</p>\n",
		c->draws, c->drawn);
	table(c, range_cell, f);
}

static void costs(const struct pn_costs *t, FILE *f)
{
	char value[PN_FMT_SIZE];

	pn_html_element("<h2>Cost table: ", t->name, "</h2>\n", f);
	pn_html_element("<p>", t->description, "</p>\n", f);
	fputs("<div class=\"scroll\"><table>\n<tr><th class=\"l\">step</th><th>cost</th>"
	      "<th class=\"l\">source</th><th class=\"l\">what it is; where the value comes "
	      "from</th></tr>\n",
	      f);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		pn_html_element("<tr><td class=\"l\">", pn_any_step_key(i), "</td>", f);
		pn_html_element("<td>", pn_fmt_ns(value, t->ns[i]), "</td>", f);
		pn_html_element("<td class=\"l\">",
				pn_cost_source_name((enum pn_cost_source)t->source[i]), "</td>", f);
		pn_html_element("<td class=\"w\">", pn_any_step_doc(i), "", f);
		pn_html_element("<br><small>", t->note[i], "</small></td></tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

static void curves(const struct pn_comparison *c, enum pn_part_kind kind, enum pn_workload path,
		   FILE *f)
{
	const char *ipis =
		c->n && c->result[0].mixed && kind == PN_PART_IPIS ? "IPIs" : "interrupts";

	fprintf(f, "<h2>Latency: %s</h2>\n", pn_report_path(path));
	pn_report_curves(c, kind, false, f);
	if (path == PN_WORK_BARE)
		return;
	fprintf(f, "<h2>Latency of %s whose vCPU slept</h2>\n", ipis);
	pn_report_curves(c, kind, true, f);
}

int pn_report_html(const struct pn_comparison *c, const struct pn_scenario *sc, FILE *f)
{
	head(c, f);
	reading(c, f);
	what_is_what(c, f);
	tables(c, f);
	if (c->n && c->result[0].mixed)
		for (unsigned i = 0; i < PN_PARTS; i++)
			curves(c, (enum pn_part_kind)i,
			       i == PN_PART_IPIS ? PN_WORK_IPI : PN_WORK_PASSTHROUGH, f);
	else
		curves(c, PN_PART_DEVICES, pn_report_workload(c), f);
	pn_report_wakes(c, f);
	costs(&sc->costs, f);
	pn_page_end(f);
	return ferror(f) ? -EIO : 0;
}
