/* SPDX-License-Identifier: MIT */
/* A comparison as a table of text. */
#include <errno.h>
#include <string.h>

#include "report_measured.h"

#define WIDTH	     100
#define GROUP_WIDTH  14
#define LABEL_WIDTH  24
#define COLUMN_WIDTH 12
#define NARROW	     10 /* with one column more, if all heads fit */
#define COLUMNS	     ((WIDTH - GROUP_WIDTH - LABEL_WIDTH) / COLUMN_WIDTH)

/* Modes @from .. @to - 1 of one workload, which fit beside each other. */
struct block {
	const struct pn_comparison *c;
	enum pn_workload work;
	unsigned from, to;
	bool measured; /* the recording has a column, before the modes */
	int width;     /* of a column */
};

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

static bool all_short(const struct pn_comparison *c, enum pn_workload work)
{
	char text[64];

	for (unsigned i = 0; i < c->n; i++) {
		const char *colon =
			strchr(pn_mode_text(&c->result[i].mode, text, sizeof(text)), ':');

		if (c->result[i].mode.info->work == work &&
		    (colon || strlen(c->result[i].mode.info->name) >= NARROW))
			return false;
	}
	return true;
}

/* A block has as many modes of one workload as fit. */
static struct block next_block(const struct pn_comparison *c, unsigned from, bool measured)
{
	struct block b = {
		.c = c,
		.work = c->result[from].mode.info->work,
		.from = from,
		.to = from + 1,
		.width = COLUMN_WIDTH,
	};
	unsigned columns = COLUMNS;

	b.measured = measured && pn_measured(c->recording, b.work);
	if (b.measured && all_short(c, b.work))
		b.width = NARROW;
	else if (b.measured)
		columns--;
	while (b.to < c->n && b.to < from + columns && c->result[b.to].mode.info->work == b.work)
		b.to++;
	return b;
}

/* A variant that is not the default is printed below the mode's name. */
static void column_heads(const struct block *b, FILE *f)
{
	bool variants = false;
	char text[64];

	if (b->measured)
		fprintf(f, "%*s%*s%*s\n%*s", GROUP_WIDTH + LABEL_WIDTH, "", b->width, "measured",
			b->width, "modelled", b->width, "");
	fprintf(f, "%*s", GROUP_WIDTH + LABEL_WIDTH, "");
	for (unsigned i = b->from; i < b->to; i++) {
		fprintf(f, "%*s", b->width, b->c->result[i].mode.info->name);
		variants |= strchr(pn_mode_text(&b->c->result[i].mode, text, sizeof(text)), ':') !=
			    NULL;
	}
	if (variants)
		fprintf(f, "\n%*s", GROUP_WIDTH + LABEL_WIDTH + (b->measured ? b->width : 0), "");
	for (unsigned i = b->from; variants && i < b->to; i++) {
		const char *colon =
			strchr(pn_mode_text(&b->c->result[i].mode, text, sizeof(text)), ':');

		fprintf(f, "%*s", b->width, colon ? colon + 1 : "");
	}
	fputc('\n', f);
}

/* All blocks of one workload have the same rows. */
static void block(const struct block *b, FILE *f)
{
	const struct pn_report_row *row;
	const char *group = "";
	char cell[PN_FMT_SIZE];

	column_heads(b, f);
	for (unsigned i = 0; (row = pn_report_row(i)) != NULL; i++) {
		if (row->group)
			group = row->group;
		if (!pn_report_row_used(row, b->c, b->work))
			continue;
		fprintf(f, "%-*s%-*s", GROUP_WIDTH, group, LABEL_WIDTH, row->label);
		group = "";
		if (b->measured) {
			pn_report_measured_cell(row, b->c, cell);
			fprintf(f, "%*s", b->width, cell);
		}
		for (unsigned m = b->from; m < b->to; m++) {
			pn_report_cell(row, &b->c->result[m], cell);
			fprintf(f, "%*s", b->width, cell);
		}
		fputc('\n', f);
	}
}

/* The least of each figure, and below it the most. */
static void range_row(const struct pn_report_row *row, const struct block *b, bool most, FILE *f)
{
	char cell[PN_FMT_SIZE];
	double min, max;

	for (unsigned m = b->from; m < b->to; m++) {
		if (pn_report_range(row, b->c, m, &min, &max))
			row->fmt(cell, most ? max : min);
		else
			strcpy(cell, "-");
		fprintf(f, "%*s", b->width, cell);
	}
	fputc('\n', f);
}

static bool row_varies(const struct pn_report_row *row, const struct block *b)
{
	double min, max;

	for (unsigned m = b->from; m < b->to; m++)
		if (pn_report_range(row, b->c, m, &min, &max) && min < max)
			return true;
	return false;
}

static void range_block(const struct block *b, FILE *f)
{
	const struct pn_report_row *row;
	const char *group = "";

	column_heads(b, f);
	for (unsigned i = 0; (row = pn_report_row(i)) != NULL; i++) {
		if (row->group)
			group = row->group;
		if (!pn_report_row_used(row, b->c, b->work))
			continue;
		fprintf(f, "%-*s%-*s", GROUP_WIDTH, group, LABEL_WIDTH, row->label);
		range_row(row, b, false, f);
		group = "";
		if (!row_varies(row, b))
			continue;
		fprintf(f, "%-*s%*s", GROUP_WIDTH, "", LABEL_WIDTH, "to ");
		range_row(row, b, true, f);
	}
}

static void ranges(const struct pn_comparison *c, FILE *f)
{
	struct block b;

	fprintf(f,
		"The same in %u draw%s of the %u costs that are assumptions, each between half and "
		"double:\n\n",
		c->draws, c->draws == 1 ? "" : "s", c->drawn);
	for (unsigned from = 0; from < c->n; from = b.to) {
		b = next_block(c, from, false);
		range_block(&b, f);
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
	struct block b;

	pn_report_header(c, f);
	/* Lost interrupts are reported before the table. */
	pn_report_sentences(c, f, true);
	for (unsigned from = 0; from < c->n; from = b.to) {
		b = next_block(c, from, true);
		block(&b, f);
		fputc('\n', f);
	}
	if (c->draws)
		ranges(c, f);
	pn_report_besides(c, f);
	pn_report_sentences(c, f, false);
	return ferror(f) ? -EIO : 0;
}
