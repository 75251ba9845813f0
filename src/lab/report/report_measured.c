/* SPDX-License-Identifier: MIT */
/*
 * What a recording itself shows of exits, interrupts and wakeups: measured, to stand beside what
 * the modes are modelled to do.
 */
#include <string.h>

#include "report_measured.h"

static bool guests(const struct pn_rec_summary *s)
{
	return s->vm_entries || s->vm_exits.all || s->kvm.all;
}

bool pn_measured(const struct pn_rec_summary *s, enum pn_workload w)
{
	if (!s || w == PN_WORK_IPI)
		return false;
	return s->vectors.all || (w == PN_WORK_PASSTHROUGH && guests(s));
}

/* ---- exits ---- */

/* KVM's words, in the kernel's and in trace-cmd's spelling. */
static const struct {
	enum pn_exit_reason reason;
	const char *name;
} reasons[] = {
	{PN_EXIT_INTR, "interrupt"},	      {PN_EXIT_INTR, "intr"},
	{PN_EXIT_INTR, "external_interrupt"}, {PN_EXIT_HLT, "hlt"},
	{PN_EXIT_IPI, "avic_incomplete_ipi"}, {PN_EXIT_NOACCEL, "avic_unaccelerated_access"},
};

static bool same_word(const char *kvm, const char *name)
{
	for (; *kvm && *name; kvm++, name++)
		if (*kvm != *name && (*kvm < 'A' || *kvm > 'Z' || (*kvm | 0x20) != *name))
			return false;
	return !*kvm && !*name;
}

const char *pn_measured_reason(const char *kvm, enum pn_exit_reason *reason)
{
	const char *word = strncmp(kvm, "EXIT_", 5) ? kvm : kvm + 5;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (same_word(word, reasons[i].name)) {
			*reason = reasons[i].reason;
			return pn_exit_reason_name(*reason);
		}
	*reason = PN_EXIT_NR;
	return kvm;
}

bool pn_measured_exit(const struct pn_rec_summary *s, enum pn_exit_reason r, double *n)
{
	enum pn_exit_reason is;

	*n = 0;
	for (unsigned i = 0; i < s->vm_exits.names; i++) {
		pn_measured_reason(s->vm_exits.of[i].name, &is);
		*n += is == r ? (double)s->vm_exits.of[i].count : 0;
	}
	return s->vm_exits.all > 0;
}

bool pn_measured_exits_each(const struct pn_rec_summary *s, double *x)
{
	*x = s->interrupts ? (double)s->vm_exits.all / (double)s->interrupts : 0;
	return s->interrupts && s->vm_exits.all;
}

/* ---- host interrupts ---- */

static uint64_t named(const struct pn_rec_counts *c, const char *name)
{
	for (unsigned i = 0; i < c->names; i++)
		if (!strcmp(c->of[i].name, name))
			return c->of[i].count;
	return 0;
}

/* The lines of AMD's guest APIC log have names of their own since Linux 6.7. */
static uint64_t galog_interrupts(const struct pn_rec_summary *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->lines; i++)
		if (!strncmp(s->line[i].name, "AMD-Vi", 6) && strstr(s->line[i].name, "-GA"))
			n += s->line[i].count;
	return n;
}

/* The recording's name of a vector that modes have; the two others are not in irq_vectors. */
static const char *const vector_names[PN_HV_NR] = {
	[PN_HV_WAKEUP] = "wakeup", [PN_HV_RESCHED] = "reschedule",    [PN_HV_TIMER] = "local_timer",
	[PN_HV_NOTIFY] = "notify", [PN_HV_POSTED_MSI] = "posted_msi",
};

bool pn_measured_name(const char *vector)
{
	for (unsigned i = 0; i < PN_HV_NR; i++)
		if (vector_names[i] && !strcmp(vector_names[i], vector))
			return true;
	return false;
}

uint64_t pn_measured_vector(const struct pn_rec_summary *s, enum pn_host_vector v)
{
	if (v == PN_HV_DEVICE)
		return s->from_vectors ? 0 : s->interrupts - galog_interrupts(s);
	if (v == PN_HV_GA_LOG)
		return galog_interrupts(s);
	return named(&s->vectors, vector_names[v]);
}

uint64_t pn_measured_host(const struct pn_rec_summary *s)
{
	return (s->from_vectors ? 0 : s->interrupts) + s->vectors.all;
}

bool pn_measured_busiest(const struct pn_rec_summary *s, double *x)
{
	uint64_t all = pn_measured_host(s);

	*x = all ? (double)s->busiest / (double)all : 0;
	return all > 0;
}

/* ---- the rest ---- */

bool pn_measured_wakeups(const struct pn_rec_summary *s, double *n)
{
	*n = (double)s->wakeups;
	return s->load_comm[0] && s->switches;
}

bool pn_measured_kvm(const struct pn_rec_summary *s, const char *event, double *n)
{
	*n = (double)named(&s->kvm, event);
	return *n > 0;
}

static void list(const struct pn_rec_counts *c, const char *what, bool exits, FILE *f)
{
	enum pn_exit_reason r;
	bool any = false;

	for (unsigned i = 0; i < c->names; i++) {
		if (exits && pn_measured_reason(c->of[i].name, &r) && r != PN_EXIT_NR)
			continue;
		fprintf(f, "%s %s %llu", any ? "," : what, c->of[i].name,
			(unsigned long long)c->of[i].count);
		any = true;
	}
	if (any)
		fputs(".\n", f);
}

void pn_report_besides(const struct pn_comparison *c, FILE *f)
{
	const struct pn_rec_summary *s = c->recording;
	char all[PN_FMT_SIZE], part[PN_FMT_SIZE];

	if (!s || !(s->vectors.all || guests(s)))
		return;
	fprintf(f, "Measured: counts of the recording itself, of all its VMs and CPUs.\n");
	if (s->lost)
		fprintf(f, "The recording has lost %llu events: the measured counts are too low.\n",
			(unsigned long long)s->lost);
	if (c->duration_ns < s->span_ns)
		fprintf(f, "They are of all %s, the modelled ones of %s.\n",
			pn_fmt_ns(all, (double)s->span_ns),
			pn_fmt_ns(part, (double)c->duration_ns));
	list(&s->vm_exits, "Exits that no mode models:", true, f);
	list(&s->kvm, "Events of KVM:", false, f);
	list(&s->vectors, "Interrupt vectors:", false, f);
	fputc('\n', f);
}
