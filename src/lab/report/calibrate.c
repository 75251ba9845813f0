/* SPDX-License-Identifier: MIT */
/* From durations of a recording to values of a cost table. */
#include "calibrate.h"

#include <string.h>

#include "report_fmt.h"

#define ENOUGH 10 /* samples, for a median */

struct source {
	enum pn_rec_span span;
	unsigned step;
	unsigned less[3]; /* steps that are part of the duration, and have values of their own */
	unsigned n_less;
	const char *what;
};

/* In this order: later rows take off what earlier ones measured. Of two for one step the first one
 * with enough samples counts. */
static const struct source sources[] = {
	{PN_SPAN_HANDLER, PN_STEP_IRQ_DISPATCH, {0}, 0, "handler, entry to exit"},
	{PN_SPAN_VFIO, PN_STEP_IRQFD_INJECT, {0}, 0, "vfio handler, entry to exit"},
	{PN_SPAN_VM_EXIT, PN_STEP_EXIT_HANDLE, {0}, 0, "VM exit to entry"},
	{PN_SPAN_WAKE_HERE, PN_STEP_CTX_SWITCH, {0}, 0, "wakeup to switch, same CPU"},
	{PN_SPAN_IRQ_WAKE,
	 PN_STEP_CTX_SWITCH,
	 {PN_STEP_WAKE},
	 1,
	 "handler's exit to switch, less wake"},
	{PN_SPAN_WAKE_IDLE,
	 PN_STEP_IDLE_EXIT,
	 {PN_STEP_RESCHED_IPI, PN_STEP_IRQ_ENTRY, PN_STEP_CTX_SWITCH},
	 3,
	 "wakeup to switch, idle CPU, less resched_ipi, irq_entry, ctx_switch"},
};

#define SOURCES (sizeof(sources) / sizeof(sources[0]))

/* The name of the file, without what an INI file would take for something else. */
static void file_name(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t n = 0;

	for (path = slash ? slash + 1 : path; *path && n + 1 < size; path++)
		out[n++] = *path < 0x20 || strchr(";#\"\\", *path) ? '_' : *path;
	out[n] = 0;
}

static bool apply(const struct source *s, const struct pn_recording *rec, struct pn_costs *c)
{
	const struct pn_rec_hist *h = pn_recording_span(rec, s->span);
	uint64_t ns = pn_rec_hist_quantile(h, 0.5), less = 0;
	char file[40];

	if (h->n < ENOUGH)
		return false;
	for (unsigned i = 0; i < s->n_less; i++)
		less += c->ns[s->less[i]];
	ns = ns > less ? ns - less : 0;
	c->ns[s->step] = ns < 1000000000 ? (uint32_t)ns : 1000000000;
	c->source[s->step] = PN_COST_MEASURED;
	file_name(pn_recording_summary(rec)->path, file, sizeof(file));
	snprintf(c->note[s->step], sizeof(c->note[s->step]),
		 "%s: %s; %llu samples, p10 %llu, p50 %llu, p90 %llu ns", file, s->what,
		 (unsigned long long)h->n, (unsigned long long)pn_rec_hist_quantile(h, 0.1),
		 (unsigned long long)pn_rec_hist_quantile(h, 0.5),
		 (unsigned long long)pn_rec_hist_quantile(h, 0.9));
	return true;
}

unsigned pn_calibrate(const struct pn_recording *rec, struct pn_costs *c)
{
	bool done[PN_ALL_STEPS_NR] = {false};
	unsigned n = 0;

	for (unsigned i = 0; i < SOURCES; i++) {
		if (done[sources[i].step] || !apply(&sources[i], rec, c))
			continue;
		done[sources[i].step] = true;
		n++;
	}
	return n;
}

static void row(const char *what, const struct pn_rec_hist *h, FILE *f)
{
	char p10[PN_FMT_SIZE], p50[PN_FMT_SIZE], p90[PN_FMT_SIZE];

	fprintf(f, "  %-44s %9llu %10s %10s %10s\n", what, (unsigned long long)h->n,
		pn_fmt_ns(p10, (double)pn_rec_hist_quantile(h, 0.1)),
		pn_fmt_ns(p50, (double)pn_rec_hist_quantile(h, 0.5)),
		pn_fmt_ns(p90, (double)pn_rec_hist_quantile(h, 0.9)));
}

void pn_report_calibration(const struct pn_recording *rec, const struct pn_costs *c, FILE *f)
{
	const struct pn_rec_summary *s = pn_recording_summary(rec);
	char name[64];

	fprintf(f, "%s: what it shows of its machine\n\n  %-44s %9s %10s %10s %10s\n", s->path, "",
		"samples", "p10", "p50", "p90");
	for (unsigned i = 0; i < SOURCES; i++)
		if (pn_recording_span(rec, sources[i].span)->n) {
			snprintf(name, sizeof(name), "%.44s", sources[i].what);
			row(name, pn_recording_span(rec, sources[i].span), f);
		}
	for (uint32_t i = 0; i < s->lines; i++) {
		const struct pn_rec_hist *h = pn_recording_handler(rec, i);

		if (!h)
			continue;
		snprintf(name, sizeof(name), "  handler of %u %.28s", s->line[i].irq,
			 s->line[i].name);
		row(name, h, f);
	}
	fputs("\nValues that become measured:\n", f);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		if (c->source[i] == PN_COST_MEASURED)
			fprintf(f, "  %-16s %6u ns  %s\n", pn_any_step_key(i), c->ns[i],
				c->note[i]);
}
