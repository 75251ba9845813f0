/* SPDX-License-Identifier: MIT */
/* What was read from a recording, as text: CPUs, interrupt lines, skipped lines. */
#include <errno.h>

#include "report_fmt.h"

static void cpus(const struct pn_rec_summary *s, FILE *f)
{
	fprintf(f, "  CPUs         %u:", s->cpus);
	for (uint32_t i = 0; i < s->cpus && i < 16 && i < PN_REC_MAX_CPUS; i++)
		fprintf(f, " %u", s->cpu_number[i]);
	fprintf(f, "%s\n", s->cpus > 16 ? " ..." : "");
}

#define SHOWN_LINES 16

static void lines(const struct pn_rec_summary *s, FILE *f)
{
	char n[PN_FMT_SIZE];
	uint64_t rest = 0;

	for (uint32_t i = 0; i < s->lines; i++) {
		if (i < SHOWN_LINES)
			fprintf(f, "  interrupt    %u %s: %s\n", s->line[i].irq, s->line[i].name,
				pn_fmt_count(n, (double)s->line[i].count));
		else
			rest += s->line[i].count;
	}
	if (s->lines > SHOWN_LINES)
		fprintf(f, "  interrupt    %u other lines: %s\n", s->lines - SHOWN_LINES,
			pn_fmt_count(n, (double)rest));
}

static void load(const struct pn_rec_summary *s, FILE *f)
{
	if (!s->load_comm[0]) {
		fprintf(f, "  load         %s: vCPUs are taken as always running\n",
			s->switches ? "no program takes part in the task switches"
				    : "no task switches");
		return;
	}
	fprintf(f, "  load         %s (%s)", s->load_comm, s->load_why);
	if (s->load_share >= 0)
		fprintf(f, ", %.1f %% of the CPU time", 100 * s->load_share);
	fputc('\n', f);
}

static void others(const struct pn_rec_summary *s, FILE *f)
{
	if (s->inferred)
		fprintf(f, "  inferred     %llu task switches that the recording leaves out\n",
			(unsigned long long)s->inferred);
	if (s->shared)
		fprintf(f,
			"  shared       %llu further handlers of the same interrupts, which count "
			"once\n",
			(unsigned long long)s->shared);
	if (s->vm_entries || s->vm_exits.all || s->kvm.all)
		fprintf(f,
			"  guests       %llu VM entries, %llu VM exits, %llu other events of KVM\n",
			(unsigned long long)s->vm_entries, (unsigned long long)s->vm_exits.all,
			(unsigned long long)s->kvm.all);
	if (s->vectors.all)
		fprintf(f, "  vectors      %llu interrupts of irq_vectors\n",
			(unsigned long long)s->vectors.all);
	if (s->from_vectors)
		fputs("  interrupts   no irq_handler_entry: each notification of posted MSIs is "
		      "taken "
		      "for one interrupt, and may have been several\n",
		      f);
}

static void skips(const struct pn_rec_summary *s, FILE *f)
{
	char t[PN_FMT_SIZE];

	for (unsigned i = 0; i < s->skips && i < PN_REC_MAX_SKIP; i++)
		fprintf(f, "  skipped      %llu %s (first: line %lu)\n",
			(unsigned long long)s->skip[i].count, s->skip[i].kind,
			s->skip[i].first_line);
	if (s->sorted)
		fprintf(f, "  sorted       %llu events that came late, by %s at most (line %lu)\n",
			(unsigned long long)s->sorted, pn_fmt_ns(t, (double)s->worst_back_ns),
			s->worst_back_line);
}

int pn_report_recording(const struct pn_rec_summary *s, FILE *f)
{
	char span[PN_FMT_SIZE], rate[PN_FMT_SIZE];

	fprintf(f, "%s: %s\n", s->path, s->format);
	fprintf(f,
		"  events       %llu in %llu lines: %llu interrupts, %llu task switches, %llu "
		"returns\n",
		(unsigned long long)s->events, (unsigned long long)s->text_lines,
		(unsigned long long)s->interrupts, (unsigned long long)s->switches,
		(unsigned long long)s->exits);
	fprintf(f, "  span         %s", pn_fmt_ns(span, (double)s->span_ns));
	if (s->span_ns)
		fprintf(f, ", %s interrupts per second",
			pn_fmt_count(rate, (double)s->interrupts * 1e9 / (double)s->span_ns));
	fputc('\n', f);
	cpus(s, f);
	load(s, f);
	others(s, f);
	lines(s, f);
	skips(s, f);
	fputc('\n', f);
	return ferror(f) ? -EIO : 0;
}
