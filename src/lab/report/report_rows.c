/* SPDX-License-Identifier: MIT */
/*
 * The rows of the comparison table: for each one its name, when it is shown, and how its value is
 * computed.
 */
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
	return pn_mode_has(&r->mode, PN_TRAIT_GALOG);
}

static bool gappi(const struct pn_result *r)
{
	return pn_mode_has(&r->mode, PN_TRAIT_GAPPI);
}

static enum pn_workload work(const struct pn_result *r)
{
	return r->mode.info->work;
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
	return pn_mode_has(&r->mode, PN_TRAIT_DESCRIPTORS) || r->pi_notifications;
}

static bool notified(const struct pn_result *r)
{
	return posted(r) && r->pi_notifications;
}

static bool posted_msi(const struct pn_result *r)
{
	return pn_mode_has(&r->mode, PN_TRAIT_POSTED_MSI);
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

static bool others(const struct pn_result *r)
{
	return r->other_cpu_ns > 0;
}

static bool flushes(const struct pn_result *r)
{
	return r->irt_invalidations > 0;
}

static bool latency_seen(const struct pn_result *r)
{
	return r->latency.n > 0;
}

static bool wake_latency_seen(const struct pn_result *r)
{
	return r->wake_latency.n > 0;
}

static bool always(const struct pn_result *r)
{
	(void)r;
	return true;
}

#define ROW(name, cond, expr)                                                                      \
	static bool row_##name(const struct pn_result *r, double *value)                           \
	{                                                                                          \
		if (!cond(r))                                                                      \
			return false;                                                              \
		*value = expr;                                                                     \
		return true;                                                                       \
	}
#define FIELD_ROW(name, cond, field) ROW(name, cond, (double)r->field)
#define HIST_ROW(name, hist, fraction)                                                             \
	ROW(name, hist##_seen, (double)pn_hist_quantile(&r->hist, fraction))

FIELD_ROW(interrupts, devices, interrupts)
FIELD_ROW(ipis, ipis, interrupts)
FIELD_ROW(delivered, always, delivered)
FIELD_ROW(coalesced, always, coalesced)
FIELD_ROW(lost, always, lost)
HIST_ROW(p50, latency, 0.5)
HIST_ROW(p99, latency, 0.99)
HIST_ROW(p999, latency, 0.999)
HIST_ROW(wake_p50, wake_latency, 0.5)
HIST_ROW(wake_p99, wake_latency, 0.99)
ROW(exits, guest_interrupts, (double)pn_report_exits(r) / (double)r->interrupts)
ROW(host, always, (double)pn_report_host_interrupts(r))
ROW(busiest, pn_report_host_interrupts, r->busiest_cpu_share)
FIELD_ROW(needed, guests, wakeups_needed)
FIELD_ROW(spurious, guests, wakeups_spurious)
FIELD_ROW(missed, guests, wakeups_missed)
FIELD_ROW(ga_entries, galog, galog_entries)
FIELD_ROW(ga_interrupts, galog, galog_interrupts)
FIELD_ROW(ga_overflows, galog, galog_overflows)
FIELD_ROW(ga_dropped, galog, galog_dropped)
FIELD_ROW(notifications, gappi, gappi_notifications)
FIELD_ROW(gappi_spurious, gappi, gappi_spurious)
FIELD_ROW(scanned, gappi, gappi_vcpus_scanned)
FIELD_ROW(irt, flushes, irt_invalidations)
ROW(host_ns, has_interrupts, (double)r->host_cpu_ns / (double)r->interrupts)
FIELD_ROW(other_ns, others, other_cpu_ns)
FIELD_ROW(pi_notifications, posted, pi_notifications)
ROW(pi_each, notified, (double)r->interrupts / (double)r->pi_notifications)
FIELD_ROW(pi_outstanding, posted, pi_outstanding)
FIELD_ROW(pi_suppressed, posted, pi_suppressed)
FIELD_ROW(pi_spurious, posted, pi_spurious)
FIELD_ROW(harvests, posted_msi, msi_harvests)
FIELD_ROW(dispatched, posted_msi, msi_dispatched)
#define PER_SECOND(r) (1e9 * (double)(r)->completions / (double)(r)->duration_ns)
ROW(requests, passthrough_time, PER_SECOND(r))
ROW(host_requests, bare_time, PER_SECOND(r))
ROW(finished, ipi_time, PER_SECOND(r))
FIELD_ROW(posts, always, posts)
FIELD_ROW(parked, guests, parked)
FIELD_ROW(events, always, events)

static const struct pn_report_row rows[] = {
	{"interrupts", "sent by devices", row_interrupts, pn_fmt_count},
	{NULL, "IPIs sent", row_ipis, pn_fmt_count},
	{NULL, "delivered", row_delivered, pn_fmt_count},
	{NULL, "coalesced", row_coalesced, pn_fmt_count},
	{NULL, "lost", row_lost, pn_fmt_exact},
	{"latency", "p50", row_p50, pn_fmt_ns},
	{NULL, "p99", row_p99, pn_fmt_ns},
	{NULL, "p99.9", row_p999, pn_fmt_ns},
	{"wake latency", "p50", row_wake_p50, pn_fmt_ns},
	{NULL, "p99", row_wake_p99, pn_fmt_ns},
	{"host", "VM exits per interrupt", row_exits, pn_fmt_ratio},
	{NULL, "CPU time per interrupt", row_host_ns, pn_fmt_ns},
	{NULL, "CPU time, other programs", row_other_ns, pn_fmt_ns},
	{NULL, "interrupts", row_host, pn_fmt_count},
	{NULL, "  on the busiest CPU", row_busiest, pn_fmt_share},
	{NULL, "IRT invalidations", row_irt, pn_fmt_count},
	{"wakeups", "needed", row_needed, pn_fmt_count},
	{NULL, "spurious", row_spurious, pn_fmt_count},
	{NULL, "missed", row_missed, pn_fmt_exact},
	{"GA log", "entries", row_ga_entries, pn_fmt_count},
	{NULL, "interrupts", row_ga_interrupts, pn_fmt_count},
	{NULL, "overflows", row_ga_overflows, pn_fmt_exact},
	{NULL, "dropped", row_ga_dropped, pn_fmt_exact},
	{"GAPPI", "notifications", row_notifications, pn_fmt_count},
	{NULL, "spurious", row_gappi_spurious, pn_fmt_count},
	{NULL, "vCPUs scanned", row_scanned, pn_fmt_count},
	{"descriptors", "notifications", row_pi_notifications, pn_fmt_count},
	{NULL, "interrupts for each", row_pi_each, pn_fmt_ratio},
	{NULL, "outstanding (ON set)", row_pi_outstanding, pn_fmt_count, true},
	{NULL, "suppressed (SN set)", row_pi_suppressed, pn_fmt_count, true},
	{NULL, "found empty", row_pi_spurious, pn_fmt_count, true},
	{"posted MSI", "harvests", row_harvests, pn_fmt_count, true},
	{NULL, "vectors dispatched", row_dispatched, pn_fmt_count, true},
	{"guest", "requests per second", row_requests, pn_fmt_count},
	{"throughput", "requests per second", row_host_requests, pn_fmt_count},
	{"guest", "IPIs done per second", row_finished, pn_fmt_count},
	{"posting", "IRR or PIR bits set", row_posts, pn_fmt_count, true},
	{NULL, "IRR bits parked", row_parked, pn_fmt_count, true},
	{"simulator", "events", row_events, pn_fmt_count, true},
};

const struct pn_report_row *pn_report_row(unsigned i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? &rows[i] : NULL;
}

bool pn_report_cell(const struct pn_report_row *row, const struct pn_result *r, char *buf)
{
	double value;

	if (row->value(r, &value)) {
		row->fmt(buf, value);
		return true;
	}
	strcpy(buf, "-");
	return false;
}

bool pn_report_row_used(const struct pn_report_row *row, const struct pn_comparison *c)
{
	double value;

	for (unsigned i = 0; i < c->n && !row->detail; i++)
		if (row->value(&c->result[i], &value))
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
