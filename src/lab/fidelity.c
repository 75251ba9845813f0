/* SPDX-License-Identifier: MIT */
#include "fidelity.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- the runs ---- */

enum {
	TURIN_ALWAYS,
	TURIN_BLOCKING,
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
/* Entries are rare with the gate: the published minute, so that chance does not decide. */
static const char *const minute[] = {"machine.duration=60s", NULL};

static const struct pn_fidelity_run runs[RUNS] = {
	[TURIN_ALWAYS] = {"turin-32", "galog:gate=always", NULL},
	[TURIN_BLOCKING] = {"turin-32", "galog", minute},
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

/* ---- what is taken from them ---- */

#define TURIN_INTERRUPTS 123.92e6
#define DISKS		 8 /* of the scenario as it is */

static double per_s(uint64_t n, const struct pn_result *r)
{
	return r->duration_ns ? (double)n * 1e9 / (double)r->duration_ns : 0;
}

/* Scaled to as many guest interrupts as were published. */
static double of_turin(uint64_t n, const struct pn_result *r)
{
	return r->interrupts ? (double)n * TURIN_INTERRUPTS / (double)r->interrupts : 0;
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
#define HANDLED(i)  per_s(r[i].delivered, &r[i])
#define REQUESTS(i) per_s(r[i].completions, &r[i])
#define CYCLES(i)   (ratio(1e9, REQUESTS(i)) * costs->cpu_ghz)

ROW(turin_interrupts, 60 * per_s(r[TURIN_BLOCKING].interrupts, &r[TURIN_BLOCKING]) * 1e-6)
ROW(turin_kiops, REQUESTS(TURIN_BLOCKING) * 1e-3)
ROW(entries_always, of_turin(r[TURIN_ALWAYS].galog_entries, &r[TURIN_ALWAYS]))
ROW(entries_gated, of_turin(r[TURIN_BLOCKING].galog_entries, &r[TURIN_BLOCKING]))
ROW(irqs_always, of_turin(r[TURIN_ALWAYS].galog_interrupts, &r[TURIN_ALWAYS]))
ROW(irqs_gated, of_turin(r[TURIN_BLOCKING].galog_interrupts, &r[TURIN_BLOCKING]))
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

#define DISK "capacity"

static const struct pn_fidelity_row rows[] = {
	{"turin-32: guest interrupts in 60 s", "million", TURIN, 123.92, turin_interrupts,
	 "load of the scenario"},
	{"turin-32: requests", "kIOPS", TURIN, 4795, turin_kiops, "load of the scenario"},
	{"turin-32: log entries, GALogIntr always", "", TURIN, 42040, entries_always,
	 "noise of the scenario"},
	{"turin-32: log interrupts, always", "", TURIN, 40245, irqs_always, NULL},
	{"turin-32: log entries, while blocking", "", TURIN, 169, entries_gated,
	 "pauses of the scenario's disks"},
	{"turin-32: log interrupts, while blocking", "", TURIN, 164, irqs_gated,
	 "spread of the requests after a pause"},
	{"2 NVMe disks, remapped, each", "M IOPS", PAN, 1.991, nvme_2_before, DISK},
	{"4 NVMe disks, remapped, each", "M IOPS", PAN, 1.136, nvme_4_before,
	 "intr_issue, per_iommu"},
	{"4 NVMe disks, posted MSI, each", "M IOPS", PAN, 2.023, nvme_4_after, DISK},
	{"4 NVMe disks, gain", "%", PAN, 78, nvme_4_gain, "by the two above"},
	{"8 NVMe disks, remapped, each", "M IOPS", PAN, 0.834, nvme_before,
	 "intr_route, per_iommu"},
	{"8 NVMe disks, posted MSI, each", "M IOPS", PAN, 1.943, nvme_after, DISK},
	{"8 NVMe disks, gain", "%", PAN, 132, nvme_gain, "by the two above"},
	{"gain, lowest: 4 disks of 1.25 M IOPS", "%", MERGE, 10, low_gain,
	 "disks: how many, capacity"},
	{"gain, highest: 8 disks", "%", MERGE, 130, nvme_gain, "disks: how many, as above"},
	{"DSA, two queues on one CPU, remapped", "M/s", PAN, 5.157, dsa_before, "irq_again"},
	{"DSA, two queues on one CPU, posted MSI", "M/s", PAN, 8.987, dsa_after,
	 "msi_harvest, intr_wire"},
	{"DSA, gain", "%", PAN, 74, dsa_gain, "by the two above"},
	{"2 harvests", "M/s", PAN, 6.157, loops_2, "rate of the scenario"},
	{"3 harvests", "M/s", PAN, 6.227, loops_3, "rate of the scenario"},
	{"3 harvests against 2", "", PAN, 6.227 / 6.157, loops_ratio, "rate of the scenario"},
	{"IPI, xAPIC, exit", "cycles", ZENG, 6059, x_exit, "icr_handle_mmio"},
	{"IPI, xAPIC, virtualized", "cycles", ZENG, 4713, x_ipiv, "icr_write_mmio"},
	{"IPI, x2APIC, exit", "cycles", ZENG, 4338, x2_exit, "icr_handle"},
	{"IPI, x2APIC, virtualized", "cycles", ZENG, 3645, x2_ipiv, "ipiv_notify, pi_process"},
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

		fprintf(f, "%-41s %-7s %9s %9s %+6.1f%%  %s\n", rows[i].what, rows[i].unit,
			number(rows[i].published, pub, sizeof(pub)), number(m, mod, sizeof(mod)),
			fabs(e) < 0.0005 ? 0 : 100 * e, /* never "-0.0%" */
			rows[i].calibrated ? rows[i].calibrated : "nothing");
	}
	fprintf(f, "\nLog entries and interrupts are scaled to the published number of guest "
		   "interrupts. What was\nchosen to fit is a key of the cost table (postern list "
		   "costs) or of the scenario; \"nothing\"\nis a prediction. The configurations "
		   "behind the lowest gain and behind 2 and 3 harvests are\nnot published: those "
		   "here are ours.\n");
	return ferror(f) ? -EIO : 0;
}

int pn_fidelity_json(const struct pn_result *r, const struct pn_costs *costs, uint64_t seed,
		     FILE *f)
{
	json_t *list = json_array(), *all;
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
	all = json_pack("{s:s, s:I, s:s, s:o}", "schema", "postern.fidelity/1", "seed",
			(json_int_t)seed, "costs", costs->name, "rows", list);
	err = all ? json_dumpf(all, f, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : -1;
	json_decref(all);
	fputc('\n', f);
	return err || ferror(f) ? -EIO : 0;
}
