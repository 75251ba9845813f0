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

static enum pn_workload work(const struct pn_result *r)
{
	return pn_mode_workload(r->mode.id);
}

static bool ipis(const struct pn_result *r)
{
	return work(r) == PN_WORK_IPI;
}

static bool devices(const struct pn_result *r)
{
	return work(r) != PN_WORK_IPI;
}

static bool guests(const struct pn_result *r)
{
	return work(r) != PN_WORK_BARE;
}

/* A posted-interrupt descriptor is used. */
static bool posted(const struct pn_result *r)
{
	return r->mode.id == PN_MODE_VTD_PI || r->mode.id == PN_MODE_POSTED_MSI ||
	       r->mode.id == PN_MODE_IPI_IPIV || r->pi_notifications;
}

static bool notified(const struct pn_result *r)
{
	return posted(r) && r->pi_notifications;
}

static bool posted_msi(const struct pn_result *r)
{
	return r->mode.id == PN_MODE_POSTED_MSI;
}

static bool has_interrupts(const struct pn_result *r)
{
	return r->interrupts > 0;
}

static bool guest_interrupts(const struct pn_result *r)
{
	return guests(r) && has_interrupts(r);
}

static bool passthrough_time(const struct pn_result *r)
{
	return work(r) == PN_WORK_PASSTHROUGH && r->duration_ns;
}

static bool bare_time(const struct pn_result *r)
{
	return work(r) == PN_WORK_BARE && r->duration_ns;
}

static bool ipi_time(const struct pn_result *r)
{
	return ipis(r) && r->duration_ns;
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

COUNT_ROW(interrupts, devices, interrupts)
COUNT_ROW(ipis, ipis, interrupts)
COUNT_ROW(delivered, always, delivered)
COUNT_ROW(coalesced, always, coalesced)
EXACT_ROW(lost, always, lost)
HIST_ROW(p50, latency, 0.5)
HIST_ROW(p99, latency, 0.99)
HIST_ROW(p999, latency, 0.999)
HIST_ROW(wake_p50, wake_latency, 0.5)
HIST_ROW(wake_p99, wake_latency, 0.99)
ROW(exits, guest_interrupts, pn_fmt_ratio, (double)pn_report_exits(r) / (double)r->interrupts)
ROW(host, always, pn_fmt_count, (double)pn_report_host_interrupts(r))
ROW(busiest, pn_report_host_interrupts, pn_fmt_share, r->busiest_cpu_share)
COUNT_ROW(needed, guests, wakeups_needed)
COUNT_ROW(spurious, guests, wakeups_spurious)
EXACT_ROW(missed, guests, wakeups_missed)
COUNT_ROW(ga_entries, galog, galog_entries)
COUNT_ROW(ga_interrupts, galog, galog_interrupts)
EXACT_ROW(ga_overflows, galog, galog_overflows)
EXACT_ROW(ga_dropped, galog, galog_dropped)
COUNT_ROW(notifications, gappi, gappi_notifications)
COUNT_ROW(gappi_spurious, gappi, gappi_spurious)
COUNT_ROW(scanned, gappi, gappi_vcpus_scanned)
COUNT_ROW(irt, flushes, irt_invalidations)
ROW(host_ns, has_interrupts, pn_fmt_ns, (double)r->host_cpu_ns / (double)r->interrupts)
COUNT_ROW(pi_notifications, posted, pi_notifications)
ROW(pi_each, notified, pn_fmt_ratio, (double)r->interrupts / (double)r->pi_notifications)
COUNT_ROW(pi_outstanding, posted, pi_outstanding)
COUNT_ROW(pi_suppressed, posted, pi_suppressed)
COUNT_ROW(pi_spurious, posted, pi_spurious)
COUNT_ROW(harvests, posted_msi, msi_harvests)
COUNT_ROW(dispatched, posted_msi, msi_dispatched)
#define PER_SECOND(r) (1e9 * (double)(r)->completions / (double)(r)->duration_ns)
ROW(requests, passthrough_time, pn_fmt_count, PER_SECOND(r))
ROW(host_requests, bare_time, pn_fmt_count, PER_SECOND(r))
ROW(finished, ipi_time, pn_fmt_count, PER_SECOND(r))
COUNT_ROW(posts, always, posts)
COUNT_ROW(parked, guests, parked)
COUNT_ROW(events, always, events)

static const struct pn_report_row rows[] = {
	{"interrupts", "sent by devices", row_interrupts},
	{NULL, "IPIs sent", row_ipis},
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
	{"descriptors", "notifications", row_pi_notifications},
	{NULL, "interrupts for each", row_pi_each},
	{NULL, "outstanding (ON set)", row_pi_outstanding, true},
	{NULL, "suppressed (SN set)", row_pi_suppressed, true},
	{NULL, "found empty", row_pi_spurious, true},
	{"posted MSI", "harvests", row_harvests, true},
	{NULL, "vectors dispatched", row_dispatched, true},
	{"guest", "requests per second", row_requests},
	{"throughput", "requests per second", row_host_requests},
	{"guest", "IPIs done per second", row_finished},
	{"posting", "IRR or PIR bits set", row_posts, true},
	{NULL, "IRR bits parked", row_parked, true},
	{"simulator", "events", row_events, true},
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

	for (unsigned i = 0; i < c->n && !row->detail; i++)
		if (row->fill(&c->result[i], buf))
			return true;
	return false;
}

enum pn_workload pn_report_workload(const struct pn_comparison *c)
{
	enum pn_workload w = c->n ? work(&c->result[0]) : PN_WORK_NR;

	for (unsigned i = 1; i < c->n; i++)
		if (work(&c->result[i]) != w)
			return PN_WORK_NR;
	return w;
}

const char *pn_report_path(enum pn_workload w)
{
	static const char *const paths[PN_WORK_NR + 1] = {
		[PN_WORK_PASSTHROUGH] = "from the device's write to the guest's handler",
		[PN_WORK_BARE] = "from the device's write to the host's handler",
		[PN_WORK_IPI] = "from the sender's ICR write to the receiver's handler",
		[PN_WORK_NR] = "from the device's write to the handler",
	};

	return paths[(unsigned)w < PN_WORK_NR ? w : PN_WORK_NR];
}
