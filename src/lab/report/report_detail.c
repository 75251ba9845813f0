/* SPDX-License-Identifier: MIT */
/*
 * The text of `postern run`: exits by reason, inhibits, every step with count and cost, histograms.
 */
#include <errno.h>
#include <string.h>

#include "inhibit.h"
#include "report_fmt.h"

#define BAR 48

static void summary(const struct pn_result *r, FILE *f)
{
	const struct pn_report_row *row;
	const char *group = "";
	char cell[PN_FMT_SIZE];

	for (unsigned i = 0; (row = pn_report_row(i)) != NULL; i++) {
		if (row->group)
			group = row->group;
		if (row->beside || !pn_report_cell(row, r, cell))
			continue;
		fprintf(f, "%-14s%-24s%14s\n", group, row->label, cell);
		group = "";
	}
	fputc('\n', f);
}

static void counts(const struct pn_result *r, FILE *f)
{
	char n[PN_FMT_SIZE];

	bool guests = r->mode.info->work != PN_WORK_BARE;

	if (guests)
		fprintf(f, "VM exits by reason\n");
	for (unsigned i = 0; i < PN_EXIT_NR; i++)
		if (r->exits[i])
			fprintf(f, "  %-22s%14s\n", pn_exit_reason_name((enum pn_exit_reason)i),
				pn_fmt_count(n, (double)r->exits[i]));
	if (guests && !pn_report_exits(r))
		fprintf(f, "  none\n");
	fprintf(f, "%sHost interrupts by vector\n", guests ? "\n" : "");
	for (unsigned i = 0; i < PN_HV_NR; i++)
		if (r->host_vectors[i])
			fprintf(f, "  %-22s%14s\n", pn_host_vector_name((enum pn_host_vector)i),
				pn_fmt_count(n, (double)r->host_vectors[i]));
	if (!pn_report_host_interrupts(r))
		fprintf(f, "  none\n");
	fputc('\n', f);
}

/* Where there are several: of which it was. */
static void of_vms(const struct pn_result *r, unsigned why, FILE *f)
{
	char name[48], n[PN_FMT_SIZE];

	for (unsigned k = 0; k < r->vms && r->vms > 1; k++) {
		if (!r->inhibits_of[k][why])
			continue;
		snprintf(name, sizeof(name), "[vm %s]", r->vm_name[k]);
		fprintf(f, "    %-20s%14s\n", name,
			pn_fmt_count(n, (double)r->inhibits_of[k][why]));
	}
}

static void inhibits(const struct pn_result *r, FILE *f)
{
	char n[PN_FMT_SIZE];
	bool any = false;

	for (unsigned i = 0; i < PN_INHIBIT_NR; i++) {
		if (!r->inhibits[i])
			continue;
		fprintf(f, "%s  %-22s%14s\n",
			any ? "" : "Inhibits of interrupt virtualization by cause\n",
			pn_inhibit_name((enum pn_inhibit)i),
			pn_fmt_count(n, (double)r->inhibits[i]));
		of_vms(r, i, f);
		any = true;
	}
	if (any)
		fputc('\n', f);
}

#define STEP_DOC 48 /* column where the step's description begins */
#define WIDTH	 100

/* The description, broken at blanks. */
static void step_doc(const char *text, FILE *f)
{
	size_t left = strlen(text), cut;

	while (left > WIDTH - STEP_DOC) {
		for (cut = WIDTH - STEP_DOC; cut && text[cut] != ' ';)
			cut--;
		if (!cut)
			break;
		fprintf(f, "%.*s\n%*s", (int)cut, text, STEP_DOC, "");
		text += cut + 1;
		left -= cut + 1;
	}
	fprintf(f, "%s\n", text);
}

static void steps(const struct pn_result *r, const struct pn_costs *costs, FILE *f)
{
	char n[PN_FMT_SIZE], each[PN_FMT_SIZE], all[PN_FMT_SIZE];

	fprintf(f, "%-17s%8s%9s%9s  %s\n", "Steps", "count", "each", "in all",
		"cost: measured, derived, assumed; what it is");
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		if (!r->steps[i])
			continue;
		fprintf(f, "  %-15s%8s%9s%9s  %c  ", pn_any_step_key(i),
			pn_fmt_count(n, (double)r->steps[i]), pn_fmt_ns(each, costs->ns[i]),
			pn_fmt_ns(all, (double)r->steps[i] * costs->ns[i]),
			*pn_cost_source_name((enum pn_cost_source)costs->source[i]));
		step_doc(pn_any_step_doc(i), f);
	}
	fputc('\n', f);
}

static uint64_t between(const struct pn_hist *h, unsigned from, unsigned to)
{
	uint64_t n = 0;

	while (from < to)
		n += h->bucket[from++];
	return n;
}

/* Half an octave a line. */
static void bars(const struct pn_hist *h, FILE *f)
{
	const unsigned half = 1u << (PN_HIST_SUB_BITS - 1);
	unsigned first = pn_hist_index(h->min) / half, last = pn_hist_index(h->max) / half;
	char low[PN_FMT_SIZE];
	uint64_t most = 1;

	for (unsigned i = first; i <= last; i++)
		if (between(h, i * half, (i + 1) * half) > most)
			most = between(h, i * half, (i + 1) * half);
	for (unsigned i = first; i <= last; i++) {
		uint64_t n = between(h, i * half, (i + 1) * half);
		unsigned bar = (unsigned)((double)n / (double)most * BAR + 0.5);

		fprintf(f, "  >= %-9s %12llu ", pn_fmt_ns(low, (double)pn_hist_low(i * half)),
			(unsigned long long)n);
		for (unsigned k = 0; k < bar || (n && !k); k++)
			fputc(k < bar ? '#' : '.', f);
		fputc('\n', f);
	}
}

static void histogram(const char *title, const struct pn_hist *h, FILE *f)
{
	static const struct {
		const char *name;
		double at;
	} points[] = {{"min", 0},    {"p50", 0.5},     {"p90", 0.9},
		      {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
	char t[PN_FMT_SIZE];

	fprintf(f, "%s: %llu samples\n", title, (unsigned long long)h->n);
	if (h->n) {
		for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++)
			fprintf(f, "  %s %s", points[i].name,
				pn_fmt_ns(t, (double)pn_hist_quantile(h, points[i].at)));
		fprintf(f, "  mean %s\n", pn_fmt_ns(t, pn_hist_mean(h)));
		bars(h, f);
	}
	fputc('\n', f);
}

static void parts(const struct pn_result *r, FILE *f)
{
	static const struct {
		enum pn_workload path;
		const char *slept;
	} of[PN_PARTS] = {
		[PN_PART_DEVICES] = {PN_WORK_PASSTHROUGH,
				     "Latency of interrupts of devices whose vCPU slept"},
		[PN_PART_IPIS] = {PN_WORK_IPI, "Latency of IPIs whose vCPU slept"},
	};

	for (unsigned i = 0; i < PN_PARTS; i++) {
		char title[96];

		snprintf(title, sizeof(title), "Latency, %s", pn_report_path(of[i].path));
		histogram(title, &r->part[i].latency, f);
		histogram(of[i].slept, &r->part[i].wake_latency, f);
	}
}

int pn_report_detail(const struct pn_comparison *c, const struct pn_scenario *sc, FILE *f)
{
	char value[PN_MODE_VALUE], title[96];
	enum pn_workload work;
	const char *key;

	pn_report_header(c, f);
	pn_report_sentences(c, f, true);
	for (unsigned i = 0; i < c->n; i++) {
		const struct pn_result *r = &c->result[i];

		fprintf(f, "Mode %s", r->mode.info->name);
		work = r->mode.info->work;
		for (unsigned n = 0; pn_mode_variant(&r->mode, n, &key, value); n++)
			fprintf(f, ", %s=%s", key, value);
		fprintf(f, ": %s\n\n", r->mode.info->doc);
		summary(r, f);
		counts(r, f);
		inhibits(r, f);
		if (r->mixed) {
			parts(r, f);
		} else {
			snprintf(title, sizeof(title), "Latency, %s", pn_report_path(work));
			histogram(title, &r->latency, f);
			if (work != PN_WORK_BARE)
				histogram("Latency of interrupts whose vCPU slept",
					  &r->wake_latency, f);
		}
		steps(r, &sc->costs, f);
	}
	pn_report_sentences(c, f, false);
	return ferror(f) ? -EIO : 0;
}
