/* SPDX-License-Identifier: MIT */
/* A comparison as a table of text. */
#include <errno.h>
#include <string.h>

#include "report_fmt.h"

#define WIDTH	     100
#define GROUP_WIDTH  14
#define LABEL_WIDTH  24
#define COLUMN_WIDTH 12
#define COLUMNS	     ((WIDTH - GROUP_WIDTH - LABEL_WIDTH) / COLUMN_WIDTH)

void pn_report_header(const struct pn_comparison *c, FILE *f)
{
	char t[PN_FMT_SIZE];

	fprintf(f, "%s, seed %llu, %s simulated, costs \"%s\": modelled, not measured\n",
		c->scenario, (unsigned long long)c->seed, pn_fmt_ns(t, (double)c->duration_ns),
		c->costs);
	for (unsigned i = 0; pn_modes[i]; i++)
		if (c->left_out >> i & 1)
			fprintf(f,
				"Left out: %s cannot have the inhibit that the scenario "
				"provokes.\n",
				pn_modes[i]->name);
	fputc('\n', f);
}

/* A variant that is not the default is printed below the mode's name. */
static void column_heads(const struct pn_comparison *c, unsigned from, unsigned to, FILE *f)
{
	bool variants = false;
	char text[64];

	fprintf(f, "%*s", GROUP_WIDTH + LABEL_WIDTH, "");
	for (unsigned i = from; i < to; i++) {
		fprintf(f, "%*s", COLUMN_WIDTH, c->result[i].mode.info->name);
		variants |=
			strchr(pn_mode_text(&c->result[i].mode, text, sizeof(text)), ':') != NULL;
	}
	if (variants)
		fprintf(f, "\n%*s", GROUP_WIDTH + LABEL_WIDTH, "");
	for (unsigned i = from; variants && i < to; i++) {
		const char *colon =
			strchr(pn_mode_text(&c->result[i].mode, text, sizeof(text)), ':');

		fprintf(f, "%*s", COLUMN_WIDTH, colon ? colon + 1 : "");
	}
	fputc('\n', f);
}

/* A block has as many modes of one workload as fit. */
static unsigned block_end(const struct pn_comparison *c, unsigned from)
{
	enum pn_workload work = c->result[from].mode.info->work;
	unsigned to = from + 1;

	while (to < c->n && to < from + COLUMNS && c->result[to].mode.info->work == work)
		to++;
	return to;
}

/* All blocks of one workload have the same rows. */
static bool row_used(const struct pn_report_row *row, const struct pn_comparison *c,
		     enum pn_workload work)
{
	double value;

	for (unsigned i = 0; i < c->n && !row->detail; i++)
		if (c->result[i].mode.info->work == work && row->value(&c->result[i], &value))
			return true;
	return false;
}

static void block(const struct pn_comparison *c, unsigned from, unsigned to, FILE *f)
{
	enum pn_workload work = c->result[from].mode.info->work;
	const struct pn_report_row *row;
	const char *group = "";
	char cell[PN_FMT_SIZE];

	column_heads(c, from, to, f);
	for (unsigned i = 0; (row = pn_report_row(i)) != NULL; i++) {
		if (row->group)
			group = row->group;
		if (!row_used(row, c, work))
			continue;
		fprintf(f, "%-*s%-*s", GROUP_WIDTH, group, LABEL_WIDTH, row->label);
		group = "";
		for (unsigned m = from; m < to; m++) {
			pn_report_cell(row, &c->result[m], cell);
			fprintf(f, "%*s", COLUMN_WIDTH, cell);
		}
		fputc('\n', f);
	}
}

/* The least of each figure, and below it the most. */
static void range_row(const struct pn_report_row *row, const struct pn_comparison *c, unsigned from,
		      unsigned to, bool most, FILE *f)
{
	char cell[PN_FMT_SIZE];
	double min, max;

	for (unsigned m = from; m < to; m++) {
		if (pn_report_range(row, c, m, &min, &max))
			row->fmt(cell, most ? max : min);
		else
			strcpy(cell, "-");
		fprintf(f, "%*s", COLUMN_WIDTH, cell);
	}
	fputc('\n', f);
}

static bool row_varies(const struct pn_report_row *row, const struct pn_comparison *c,
		       unsigned from, unsigned to)
{
	double min, max;

	for (unsigned m = from; m < to; m++)
		if (pn_report_range(row, c, m, &min, &max) && min < max)
			return true;
	return false;
}

static void range_block(const struct pn_comparison *c, unsigned from, unsigned to, FILE *f)
{
	enum pn_workload work = c->result[from].mode.info->work;
	const struct pn_report_row *row;
	const char *group = "";

	column_heads(c, from, to, f);
	for (unsigned i = 0; (row = pn_report_row(i)) != NULL; i++) {
		if (row->group)
			group = row->group;
		if (!row_used(row, c, work))
			continue;
		fprintf(f, "%-*s%-*s", GROUP_WIDTH, group, LABEL_WIDTH, row->label);
		range_row(row, c, from, to, false, f);
		group = "";
		if (!row_varies(row, c, from, to))
			continue;
		fprintf(f, "%-*s%*s", GROUP_WIDTH, "", LABEL_WIDTH, "to ");
		range_row(row, c, from, to, true, f);
	}
}

static void ranges(const struct pn_comparison *c, FILE *f)
{
	fprintf(f,
		"The same in %u draw%s of the %u costs that are assumptions, each between half and "
		"double:\n\n",
		c->draws, c->draws == 1 ? "" : "s", c->drawn);
	for (unsigned from = 0, to; from < c->n; from = to) {
		to = block_end(c, from);
		range_block(c, from, to, f);
		fputc('\n', f);
	}
}

/* Breaks @text at spaces so that no line is longer than the table. */
static void wrapped(const char *text, FILE *f)
{
	size_t left = strlen(text);

	while (left > WIDTH) {
		size_t cut = WIDTH;

		while (cut && text[cut] != ' ')
			cut--;
		if (!cut)
			cut = WIDTH;
		fprintf(f, "%.*s\n", (int)cut, text);
		text += cut + (text[cut] == ' ');
		left = strlen(text);
	}
	fprintf(f, "%s\n", text);
}

void pn_report_sentences(const struct pn_comparison *c, FILE *f, bool alarms)
{
	struct pn_reading reading[PN_READING_MAX];
	unsigned n = pn_report_reading(c, reading);
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		if (reading[i].alarm != alarms)
			continue;
		wrapped(reading[i].text, f);
		any = true;
	}
	if (any && alarms)
		fputc('\n', f);
}

int pn_report_table(const struct pn_comparison *c, FILE *f)
{
	pn_report_header(c, f);
	/* Lost interrupts are reported before the table. */
	pn_report_sentences(c, f, true);
	for (unsigned from = 0, to; from < c->n; from = to) {
		to = block_end(c, from);
		block(c, from, to, f);
		fputc('\n', f);
	}
	if (c->draws)
		ranges(c, f);
	pn_report_sentences(c, f, false);
	return ferror(f) ? -EIO : 0;
}
