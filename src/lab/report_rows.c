/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "report_fmt.h"

uint64_t pn_report_exits(const struct pn_result *r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PN_EXIT_NR; i++)
		n += r->exits[i];
	return n;
}

uint64_t pn_report_host_interrupts(const struct pn_result *r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PN_HV_NR; i++)
		n += r->host_vectors[i];
	return n;
}

static bool galog(const struct pn_result *r)
{
	return r->mode.id == PN_MODE_GALOG;
}

static bool gappi(const struct pn_result *r)
{
	return r->mode.id == PN_MODE_GAPPI;
}

static bool has_interrupts(const struct pn_result *r)
{
	return r->interrupts > 0;
}

static bool has_time(const struct pn_result *r)
{
	return r->duration_ns > 0;
}

static bool flushes(const struct pn_result *r)
{
	return r->irt_invalidations > 0;
}

static bool always(const struct pn_result *r)
{
	(void)r;
	return true;
}

#define ROW(name, cond, fmt, expr)                                                                 \
	static bool row_##name(const struct pn_result *r, char *buf)                               \
	{                                                                                          \
		if (!cond(r))                                                                      \
			return false;                                                              \
		fmt(buf, expr);                                                                    \
		return true;                                                                       \
	}
#define COUNT_ROW(name, cond, field) ROW(name, cond, pn_fmt_count, (double)r->field)
#define EXACT_ROW(name, cond, field) ROW(name, cond, pn_fmt_exact, r->field)
#define HIST_ROW(name, hist, fraction)                                                             \
	static bool row_##name(const struct pn_result *r, char *buf)                               \
	{                                                                                          \
		if (!r->hist.n)                                                                    \
			return false;                                                              \
		pn_fmt_ns(buf, (double)pn_hist_quantile(&r->hist, fraction));                      \
		return true;                                                                       \
	}

COUNT_ROW(interrupts, always, interrupts)
COUNT_ROW(delivered, always, delivered)
COUNT_ROW(coalesced, always, coalesced)
EXACT_ROW(lost, always, lost)
HIST_ROW(p50, latency, 0.5)
HIST_ROW(p99, latency, 0.99)
HIST_ROW(p999, latency, 0.999)
HIST_ROW(wake_p50, wake_latency, 0.5)
HIST_ROW(wake_p99, wake_latency, 0.99)
ROW(exits, has_interrupts, pn_fmt_ratio, (double)pn_report_exits(r) / (double)r->interrupts)
ROW(host, always, pn_fmt_count, (double)pn_report_host_interrupts(r))
ROW(busiest, pn_report_host_interrupts, pn_fmt_share, r->busiest_cpu_share)
COUNT_ROW(needed, always, wakeups_needed)
COUNT_ROW(spurious, always, wakeups_spurious)
EXACT_ROW(missed, always, wakeups_missed)
COUNT_ROW(ga_entries, galog, galog_entries)
COUNT_ROW(ga_interrupts, galog, galog_interrupts)
EXACT_ROW(ga_overflows, galog, galog_overflows)
EXACT_ROW(ga_dropped, galog, galog_dropped)
COUNT_ROW(notifications, gappi, gappi_notifications)
COUNT_ROW(gappi_spurious, gappi, gappi_spurious)
COUNT_ROW(scanned, gappi, gappi_vcpus_scanned)
COUNT_ROW(irt, flushes, irt_invalidations)
ROW(host_ns, has_interrupts, pn_fmt_ns, (double)r->host_cpu_ns / (double)r->interrupts)
ROW(throughput, has_time, pn_fmt_count, 1e9 * (double)r->completions / (double)r->duration_ns)

static const struct pn_report_row rows[] = {
	{"interrupts", "sent by devices", row_interrupts},
	{NULL, "delivered", row_delivered},
	{NULL, "coalesced", row_coalesced},
	{NULL, "lost", row_lost},
	{"latency", "p50", row_p50},
	{NULL, "p99", row_p99},
	{NULL, "p99.9", row_p999},
	{"wake latency", "p50", row_wake_p50},
	{NULL, "p99", row_wake_p99},
	{"host", "VM exits per interrupt", row_exits},
	{NULL, "CPU time per interrupt", row_host_ns},
	{NULL, "interrupts", row_host},
	{NULL, "  on the busiest CPU", row_busiest},
	{NULL, "IRT invalidations", row_irt},
	{"wakeups", "needed", row_needed},
	{NULL, "spurious", row_spurious},
	{NULL, "missed", row_missed},
	{"GA log", "entries", row_ga_entries},
	{NULL, "interrupts", row_ga_interrupts},
	{NULL, "overflows", row_ga_overflows},
	{NULL, "dropped", row_ga_dropped},
	{"GAPPI", "notifications", row_notifications},
	{NULL, "spurious", row_gappi_spurious},
	{NULL, "vCPUs scanned", row_scanned},
	{"guest", "requests per second", row_throughput},
};

const struct pn_report_row *pn_report_row(unsigned i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? &rows[i] : NULL;
}

bool pn_report_cell(const struct pn_report_row *row, const struct pn_result *r, char *buf)
{
	if (row->fill(r, buf))
		return true;
	strcpy(buf, "-");
	return false;
}

bool pn_report_row_used(const struct pn_report_row *row, const struct pn_comparison *c)
{
	char buf[PN_FMT_SIZE];

	for (unsigned i = 0; i < c->n; i++)
		if (row->fill(&c->result[i], buf))
			return true;
	return false;
}
