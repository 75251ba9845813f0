/* SPDX-License-Identifier: MIT */
/*
 * The published figures: for each one the simulation behind it, the value that the models give, and
 * which costs were chosen to fit.
 */
#include "fidelity.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- the runs ---- */

enum {
	TURIN_32_ALWAYS,
	TURIN_32_BLOCKING,
	TURIN_64_ALWAYS,
	TURIN_64_BLOCKING,
	NVME_2_REMAPPED,
	NVME_4_REMAPPED,
	NVME_4_POSTED,
	NVME_REMAPPED,
	NVME_POSTED,
	LOW_REMAPPED,
	LOW_POSTED,
	DSA_REMAPPED,
	DSA_POSTED,
	LOOPS_2,
	LOOPS_3,
	IPI_X_EXIT,
	IPI_X_IPIV,
	IPI_X2_EXIT,
	IPI_X2_IPIV,
	RUNS
};
_Static_assert(RUNS <= PN_FIDELITY_RUNS, "callers size arrays by it");

static const char *const xapic[] = {"machine.x2apic=no", NULL};
static const char *const two[] = {"nvme.count=2", NULL};
static const char *const four[] = {"nvme.count=4", NULL};
static const char *const slow[] = {"nvme.count=4", "read-4k.capacity=1250k/s", NULL};
/*
 * With the gate and 32 vCPUs entries are rare: the published minute is simulated, since in a
 * shorter time chance would decide.
 */
static const char *const minute[] = {"machine.duration=60s", NULL};
static const char *const vcpus_64[] = {"guest.vcpus=64", NULL};
static const char *const vcpus_64_long[] = {"guest.vcpus=64", "machine.duration=10s", NULL};

static const struct pn_fidelity_run runs[RUNS] = {
	[TURIN_32_ALWAYS] = {"turin-32", "galog:gate=always", NULL},
	[TURIN_32_BLOCKING] = {"turin-32", "galog", minute},
	[TURIN_64_ALWAYS] = {"turin-32", "galog:gate=always", vcpus_64},
	[TURIN_64_BLOCKING] = {"turin-32", "galog", vcpus_64_long},
	[NVME_2_REMAPPED] = {"nvme-bare-metal", "remapped", two},
	[NVME_4_REMAPPED] = {"nvme-bare-metal", "remapped", four},
	[NVME_4_POSTED] = {"nvme-bare-metal", "posted-msi", four},
	[NVME_REMAPPED] = {"nvme-bare-metal", "remapped", NULL},
	[NVME_POSTED] = {"nvme-bare-metal", "posted-msi", NULL},
	[LOW_REMAPPED] = {"nvme-bare-metal", "remapped", slow},
	[LOW_POSTED] = {"nvme-bare-metal", "posted-msi", slow},
	[DSA_REMAPPED] = {"dsa", "remapped", NULL},
	[DSA_POSTED] = {"dsa", "posted-msi", NULL},
	[LOOPS_2] = {"dsa-limited", "posted-msi:loops=2", NULL},
	[LOOPS_3] = {"dsa-limited", "posted-msi:loops=3", NULL},
	[IPI_X_EXIT] = {"ipi-pingpong", "ipi-exit", xapic},
	[IPI_X_IPIV] = {"ipi-pingpong", "ipi-ipiv", xapic},
	[IPI_X2_EXIT] = {"ipi-pingpong", "ipi-exit", NULL},
	[IPI_X2_IPIV] = {"ipi-pingpong", "ipi-ipiv", NULL},
};

const struct pn_fidelity_run *pn_fidelity_run(unsigned i)
{
	return i < RUNS ? &runs[i] : NULL;
}

/* ---- the figures from these runs ---- */

#define DISKS 8 /* of the scenario as it is */

static double per_s(uint64_t n, const struct pn_result *r)
{
	return r->duration_ns ? (double)n * 1e9 / (double)r->duration_ns : 0;
}

static double in_60s(uint64_t n, const struct pn_result *r)
{
	return 60 * per_s(n, r);
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static double percent_more(double after, double before)
{
	return 100 * (ratio(after, before) - 1);
}

#define ROW(name, expression)                                                                      \
	static double name(const struct pn_result *r, const struct pn_costs *costs)                \
	{                                                                                          \
		(void)costs;                                                                       \
		return expression;                                                                 \
	}

/* Interrupts that a handler was called for, and requests done, a second. */
#define HANDLED(i)   per_s(r[i].delivered, &r[i])
#define REQUESTS(i)  per_s(r[i].completions, &r[i])
#define IN_60S(i, n) in_60s(r[i].n, &r[i])
#define CYCLES(i)    (ratio(1e9, REQUESTS(i)) * costs->cpu_ghz)

ROW(interrupts_32, IN_60S(TURIN_32_BLOCKING, interrupts) * 1e-6)
ROW(kiops_32, REQUESTS(TURIN_32_BLOCKING) * 1e-3)
ROW(entries_always_32, IN_60S(TURIN_32_ALWAYS, galog_entries))
ROW(irqs_always_32, IN_60S(TURIN_32_ALWAYS, galog_interrupts))
ROW(entries_gated_32, IN_60S(TURIN_32_BLOCKING, galog_entries))
ROW(irqs_gated_32, IN_60S(TURIN_32_BLOCKING, galog_interrupts))
ROW(interrupts_64, IN_60S(TURIN_64_BLOCKING, interrupts) * 1e-6)
ROW(kiops_64, REQUESTS(TURIN_64_BLOCKING) * 1e-3)
ROW(entries_always_64, IN_60S(TURIN_64_ALWAYS, galog_entries))
ROW(irqs_always_64, IN_60S(TURIN_64_ALWAYS, galog_interrupts))
ROW(entries_gated_64, IN_60S(TURIN_64_BLOCKING, galog_entries))
ROW(irqs_gated_64, IN_60S(TURIN_64_BLOCKING, galog_interrupts))
ROW(nvme_2_before, REQUESTS(NVME_2_REMAPPED) * 1e-6 / 2)
ROW(nvme_4_before, REQUESTS(NVME_4_REMAPPED) * 1e-6 / 4)
ROW(nvme_4_after, REQUESTS(NVME_4_POSTED) * 1e-6 / 4)
ROW(nvme_4_gain, percent_more(REQUESTS(NVME_4_POSTED), REQUESTS(NVME_4_REMAPPED)))
ROW(nvme_before, REQUESTS(NVME_REMAPPED) * 1e-6 / DISKS)
ROW(nvme_after, REQUESTS(NVME_POSTED) * 1e-6 / DISKS)
ROW(nvme_gain, percent_more(REQUESTS(NVME_POSTED), REQUESTS(NVME_REMAPPED)))
ROW(low_gain, percent_more(REQUESTS(LOW_POSTED), REQUESTS(LOW_REMAPPED)))
ROW(dsa_before, HANDLED(DSA_REMAPPED) * 1e-6)
ROW(dsa_after, HANDLED(DSA_POSTED) * 1e-6)
ROW(dsa_gain, percent_more(HANDLED(DSA_POSTED), HANDLED(DSA_REMAPPED)))
ROW(loops_2, HANDLED(LOOPS_2) * 1e-6)
ROW(loops_3, HANDLED(LOOPS_3) * 1e-6)
ROW(loops_ratio, ratio(HANDLED(LOOPS_3), HANDLED(LOOPS_2)))
ROW(x_exit, CYCLES(IPI_X_EXIT))
ROW(x_ipiv, CYCLES(IPI_X_IPIV))
ROW(x2_exit, CYCLES(IPI_X2_EXIT))
ROW(x2_ipiv, CYCLES(IPI_X2_IPIV))

#define TURIN "S. Kodilkar, list mail, 15 May 2025"
#define PAN   "J. Pan, RFC cover, Nov 2023"
#define MERGE "merge text x86-irq-2024-05-12"
#define ZENG  "G. Zeng, cover letter, 2021-22"

/* The values that were chosen so that a row comes out, or for a row on which this one depends. */
#define LOAD	 "capacity, burst, depth, service, coalesce, coalesce_time, work"
#define NOISE	 ", noise_period, noise_time"
#define PAUSES	 ", stall_period, stall_time, stall_spread"
#define DISKS_4	 "intr_issue, iommus, per_iommu"
#define DISKS_8	 "intr_route, iommus, per_iommu"
#define HARVESTS "rate, intr_wire, irq_again, msi_harvest"

static const struct pn_fidelity_row rows[] = {
	{"Turin, 32: guest interrupts in 60 s", "million", TURIN, 123.92, interrupts_32, LOAD},
	{"Turin, 32: requests", "kIOPS", TURIN, 4795, kiops_32, "capacity, work"},
	{"Turin, 32: log entries, GALogIntr always", "", TURIN, 42040, entries_always_32,
	 LOAD NOISE},
	{"Turin, 32: log interrupts, always", "", TURIN, 40245, irqs_always_32, LOAD NOISE},
	{"Turin, 32: log entries, while blocking", "", TURIN, 169, entries_gated_32, LOAD PAUSES},
	{"Turin, 32: log interrupts, while blocking", "", TURIN, 164, irqs_gated_32, LOAD PAUSES},
	{"Turin, 64: guest interrupts in 60 s", "million", TURIN, 99.48, interrupts_64, LOAD},
	{"Turin, 64: requests", "kIOPS", TURIN, 4791, kiops_64, "capacity, work"},
	{"Turin, 64: log entries, GALogIntr always", "", TURIN, 48899, entries_always_64,
	 LOAD NOISE},
	{"Turin, 64: log interrupts, always", "", TURIN, 47599, irqs_always_64, LOAD NOISE},
	{"Turin, 64: log entries, while blocking", "", TURIN, 11923, entries_gated_64,
	 LOAD NOISE PAUSES},
	{"Turin, 64: log interrupts, while blocking", "", TURIN, 11634, irqs_gated_64,
	 LOAD NOISE PAUSES},
	{"2 NVMe disks, remapped, each", "M IOPS", PAN, 1.991, nvme_2_before, "capacity"},
	{"4 NVMe disks, remapped, each", "M IOPS", PAN, 1.136, nvme_4_before, DISKS_4},
	{"4 NVMe disks, posted MSI, each", "M IOPS", PAN, 2.023, nvme_4_after, "capacity"},
	{"4 NVMe disks, gain", "%", PAN, 78, nvme_4_gain, "capacity, " DISKS_4},
	{"8 NVMe disks, remapped, each", "M IOPS", PAN, 0.834, nvme_before, DISKS_8},
	{"8 NVMe disks, posted MSI, each", "M IOPS", PAN, 1.943, nvme_after, "capacity"},
	{"8 NVMe disks, gain", "%", PAN, 132, nvme_gain, "capacity, " DISKS_8},
	{"gain, lowest: 4 disks of 1.25 M IOPS", "%", MERGE, 10, low_gain,
	 "count, capacity, " DISKS_4},
	{"gain, highest: 8 disks", "%", MERGE, 130, nvme_gain, "count, capacity, " DISKS_8},
	{"DSA, two queues on one CPU, remapped", "M/s", PAN, 5.157, dsa_before, "irq_again"},
	{"DSA, two queues on one CPU, posted MSI", "M/s", PAN, 8.987, dsa_after,
	 "msi_harvest, intr_wire, irq_again"},
	{"DSA, gain", "%", PAN, 74, dsa_gain, "msi_harvest, intr_wire, irq_again"},
	{"2 harvests", "M/s", PAN, 6.157, loops_2, HARVESTS},
	{"3 harvests", "M/s", PAN, 6.227, loops_3, HARVESTS},
	{"3 harvests against 2", "", PAN, 6.227 / 6.157, loops_ratio, HARVESTS},
	{"IPI, xAPIC, exit", "cycles", ZENG, 6059, x_exit,
	 "icr_handle_mmio, icr_write_mmio, pi_process, intr_wire, guest_deliver"},
	{"IPI, xAPIC, virtualized", "cycles", ZENG, 4713, x_ipiv,
	 "icr_write_mmio, ipiv_notify, pi_process, intr_wire, guest_deliver"},
	{"IPI, x2APIC, exit", "cycles", ZENG, 4338, x2_exit,
	 "icr_handle, pi_process, intr_wire, guest_deliver"},
	{"IPI, x2APIC, virtualized", "cycles", ZENG, 3645, x2_ipiv,
	 "ipiv_notify, pi_process, intr_wire, guest_deliver"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct pn_fidelity_row *pn_fidelity_row(unsigned i)
{
	return i < ROWS ? &rows[i] : NULL;
}

static double error_of(const struct pn_fidelity_row *row, double modelled)
{
	return modelled / row->published - 1;
}

/* Four digits, and no exponent. */
static const char *number(double v, char *buf, size_t size)
{
	snprintf(buf, size, fabs(v) >= 1000 ? "%.0f" : "%.4g", v);
	return buf;
}

#define WIDTH  100
#define COLUMN 79 /* of what was chosen */
#define INDENT "\n    "

/* In its column if there is room, or below the row, broken between two names. */
static void chosen(const char *names, FILE *f)
{
	size_t column = strlen(INDENT) - 1;
	const char *before = INDENT;

	if (COLUMN + strlen(names) <= WIDTH) {
		column = COLUMN;
		before = "  ";
	}
	while (*names) {
		size_t n = strcspn(names, ",");

		n += names[n] == ',';
		fprintf(f, "%s%.*s", before, (int)n, names);
		column += n + 1;
		names += n;
		names += *names == ' ';
		before = column + strcspn(names, ",") + 1 > WIDTH ? INDENT : " ";
		if (before[0] == '\n')
			column = strlen(INDENT) - 1;
	}
	fputc('\n', f);
}

struct counts {
	unsigned derived, measured, assumptions;
};

/* An assumption of 0 is not counted. */
static struct counts count(const struct pn_costs *costs)
{
	struct counts c = {0};

	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		c.derived += costs->source[i] == PN_COST_DERIVED;
		c.measured += costs->source[i] == PN_COST_MEASURED;
		c.assumptions += costs->source[i] == PN_COST_ASSUMPTION && costs->ns[i];
	}
	return c;
}

static void footer(const struct pn_costs *costs, FILE *f)
{
	struct counts c = count(costs);

	fputs("\nTurin: 32 and 64 vCPUs, the same machine and disks; log entries and interrupts\n"
	      "in 60 s. Named are keys of the cost table (postern list costs) and of the\n"
	      "scenario that were chosen for this row or for one that it leans on; \"nothing\"\n"
	      "would be a prediction from assumptions alone. The configurations behind the\n"
	      "lowest gain and behind 2 and 3 harvests are not published: those here are ours.\n",
	      f);
	fprintf(f,
		"\nIn this cost table %u values are derived, %u measured, %u assumptions that are "
		"not 0.\n",
		c.derived, c.measured, c.assumptions);
}

int pn_fidelity_table(const struct pn_result *r, const struct pn_costs *costs, FILE *f)
{
	fprintf(f, "Published figures and what the models give, cost table %s (%g GHz)\n\n",
		costs->name, costs->cpu_ghz);
	fprintf(f, "%-41s %-7s %9s %9s %7s  %s\n", "", "", "published", "modelled", "error",
		"chosen to fit");
	for (unsigned i = 0; i < ROWS; i++) {
		double m = rows[i].modelled(r, costs);
		double e = error_of(&rows[i], m);
		char pub[24], mod[24];

		fprintf(f, "%-41s %-7s %9s %9s %+6.1f%%", rows[i].what, rows[i].unit,
			number(rows[i].published, pub, sizeof(pub)), number(m, mod, sizeof(mod)),
			fabs(e) < 0.0005 ? 0 : 100 * e); /* never "-0.0%" */
		chosen(rows[i].calibrated ? rows[i].calibrated : "nothing", f);
	}
	footer(costs, f);
	return ferror(f) ? -EIO : 0;
}

int pn_fidelity_json(const struct pn_result *r, const struct pn_costs *costs, uint64_t seed,
		     FILE *f)
{
	json_t *list = json_array(), *all;
	struct counts c = count(costs);
	int err;

	for (unsigned i = 0; i < ROWS; i++) {
		double m = rows[i].modelled(r, costs);

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:b, s:s?}",
						      "name", rows[i].what, "unit", rows[i].unit,
						      "source", rows[i].source, "published",
						      rows[i].published, "modelled", m,
						      "relative_error", error_of(&rows[i], m),
						      "calibrated", rows[i].calibrated != NULL,
						      "calibrated_by", rows[i].calibrated));
	}
	all = json_pack("{s:s, s:I, s:s, s:o, s:{s:i, s:i, s:i}}", "schema", "postern.fidelity/1",
			"seed", (json_int_t)seed, "costs", costs->name, "rows", list, "cost_values",
			"derived", (int)c.derived, "measured", (int)c.measured, "assumptions",
			(int)c.assumptions);
	err = all ? json_dumpf(all, f, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : -1;
	json_decref(all);
	fputc('\n', f);
	return err || ferror(f) ? -EIO : 0;
}
