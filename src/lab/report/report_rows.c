/* SPDX-License-Identifier: MIT */
/*
 * The rows of the comparison table: for each one its name, when it is shown, and how its value is
 * computed.
 */
#include <string.h>

#include "report_measured.h"

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
	return work(r) == PN_WORK_IPI || r->mixed;
}

static bool devices(const struct pn_result *r)
{
	return work(r) != PN_WORK_IPI || r->mixed;
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

static bool bare(const struct pn_result *r)
{
	return work(r) == PN_WORK_BARE;
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
	return (work(r) == PN_WORK_PASSTHROUGH || r->mixed) && r->duration_ns;
}

static bool bare_time(const struct pn_result *r)
{
	return work(r) == PN_WORK_BARE && r->duration_ns;
}

static bool ipi_time(const struct pn_result *r)
{
	return ipis(r) && !r->mixed && r->duration_ns;
}

static bool mixed(const struct pn_result *r)
{
	return r->mixed;
}

static bool mixed_time(const struct pn_result *r)
{
	return r->mixed && r->duration_ns;
}

static bool others(const struct pn_result *r)
{
	return r->other_cpu_ns > 0;
}

static bool polls(const struct pn_result *r)
{
	return r->halt_polling;
}

static bool polled(const struct pn_result *r)
{
	return r->halt_polls > 0;
}

static bool polled_interrupts(const struct pn_result *r)
{
	return polls(r) && has_interrupts(r);
}

static bool flushes(const struct pn_result *r)
{
	return r->irt_invalidations > 0;
}

static bool latency_seen(const struct pn_result *r)
{
	return r->latency.n > 0 && !r->mixed; /* each kind has its own */
}

static bool wake_latency_seen(const struct pn_result *r)
{
	return r->wake_latency.n > 0 && !r->mixed;
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

ROW(interrupts, devices, (double)pn_result_interrupts(r, PN_PART_DEVICES))
ROW(ipis, ipis, (double)pn_result_interrupts(r, PN_PART_IPIS))
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
#define POLL_NS(r) ((double)((r)->halt_poll_success_ns + (r)->halt_poll_fail_ns))
FIELD_ROW(polls, polls, halt_polls)
ROW(polls_met, polled, (double)r->halt_polls_successful / (double)r->halt_polls)
ROW(poll_ns, polled_interrupts, POLL_NS(r) / (double)r->interrupts)
ROW(poll_vain, polled_interrupts, (double)r->halt_poll_fail_ns / (double)r->interrupts)
FIELD_ROW(poll_grown, polls, halt_poll_grown)
FIELD_ROW(poll_shrunk, polls, halt_poll_shrunk)
FIELD_ROW(pi_notifications, posted, pi_notifications)
/* Without IPI virtualization no notification is of an IPI. */
static uint64_t posted_interrupts(const struct pn_result *r)
{
	return pn_mode_has(&r->mode, PN_TRAIT_IPIV) ? r->interrupts
						    : pn_result_interrupts(r, PN_PART_DEVICES);
}
ROW(pi_each, notified, (double)posted_interrupts(r) / (double)r->pi_notifications)
FIELD_ROW(pi_outstanding, posted, pi_outstanding)
FIELD_ROW(pi_suppressed, posted, pi_suppressed)
FIELD_ROW(pi_spurious, posted, pi_spurious)
FIELD_ROW(harvests, posted_msi, msi_harvests)
FIELD_ROW(dispatched, posted_msi, msi_dispatched)
#define PER_SECOND(r) (1e9 * (double)(r)->completions / (double)(r)->duration_ns)
static double part_per_second(const struct pn_result *r, enum pn_part_kind kind)
{
	return 1e9 * (double)r->part[kind].completions / (double)r->duration_ns;
}
ROW(requests, passthrough_time, r->mixed ? part_per_second(r, PN_PART_DEVICES) : PER_SECOND(r))
ROW(mixed_finished, mixed_time, part_per_second(r, PN_PART_IPIS))
ROW(host_requests, bare_time, PER_SECOND(r))
ROW(finished, ipi_time, PER_SECOND(r))
FIELD_ROW(posts, always, posts)
#define PART_ROWS(name, kind)                                                                      \
	static bool name##_seen(const struct pn_result *r)                                         \
	{                                                                                          \
		return r->mixed && r->part[kind].latency.n;                                        \
	}                                                                                          \
	static bool name##_wake_seen(const struct pn_result *r)                                    \
	{                                                                                          \
		return r->mixed && r->part[kind].wake_latency.n;                                   \
	}                                                                                          \
	ROW(name##_delivered, mixed, (double)r->part[kind].delivered)                              \
	ROW(name##_coalesced, mixed, (double)r->part[kind].coalesced)                              \
	ROW(name##_lost, mixed, (double)r->part[kind].lost)                                        \
	ROW(name##_p50, name##_seen, (double)pn_hist_quantile(&r->part[kind].latency, 0.5))        \
	ROW(name##_p99, name##_seen, (double)pn_hist_quantile(&r->part[kind].latency, 0.99))       \
	ROW(name##_p999, name##_seen, (double)pn_hist_quantile(&r->part[kind].latency, 0.999))     \
	ROW(name##_wake_p50, name##_wake_seen,                                                     \
	    (double)pn_hist_quantile(&r->part[kind].wake_latency, 0.5))                            \
	ROW(name##_wake_p99, name##_wake_seen,                                                     \
	    (double)pn_hist_quantile(&r->part[kind].wake_latency, 0.99))

PART_ROWS(dev, PN_PART_DEVICES)
PART_ROWS(ipi, PN_PART_IPIS)
#define PART_TABLE(heading, name)                                                                  \
	{heading, "delivered", row_##name##_delivered, pn_fmt_count},                              \
		{NULL, "coalesced", row_##name##_coalesced, pn_fmt_count},                         \
		{NULL, "lost", row_##name##_lost, pn_fmt_exact},                                   \
		{NULL, "latency p50", row_##name##_p50, pn_fmt_ns},                                \
		{NULL, "latency p99", row_##name##_p99, pn_fmt_ns},                                \
		{NULL, "latency p99.9", row_##name##_p999, pn_fmt_ns},                             \
		{NULL, "wake latency p50", row_##name##_wake_p50, pn_fmt_ns},                      \
	{                                                                                          \
		NULL, "wake latency p99", row_##name##_wake_p99, pn_fmt_ns                         \
	}
FIELD_ROW(parked, guests, parked)
FIELD_ROW(events, always, events)

ROW(exit_interrupt, guests, (double)r->exits[PN_EXIT_INTR])
ROW(exit_hlt, guests, (double)r->exits[PN_EXIT_HLT])
ROW(exit_eoi, guests, (double)r->exits[PN_EXIT_APIC_EOI])
ROW(exit_write, guests, (double)r->exits[PN_EXIT_APIC_WRITE])
ROW(exit_ipi, guests, (double)r->exits[PN_EXIT_IPI])
ROW(exit_noaccel, guests, (double)r->exits[PN_EXIT_NOACCEL])
ROW(hv_device, always, (double)r->host_vectors[PN_HV_DEVICE])
ROW(hv_galog, guests, (double)r->host_vectors[PN_HV_GA_LOG])
ROW(hv_wakeup, guests, (double)r->host_vectors[PN_HV_WAKEUP])
ROW(hv_resched, always, (double)r->host_vectors[PN_HV_RESCHED])
ROW(hv_timer, always, (double)r->host_vectors[PN_HV_TIMER])
ROW(hv_notify, guests, (double)r->host_vectors[PN_HV_NOTIFY])
ROW(hv_posted_msi, bare, (double)r->host_vectors[PN_HV_POSTED_MSI])
ROW(injected, passthrough_time, (double)r->steps[PN_STEP_IRQFD_INJECT])

/* ---- the same of a recording ---- */

#define SEEN(name, cond, expr)                                                                     \
	static bool seen_##name(const struct pn_rec_summary *s, double *value)                     \
	{                                                                                          \
		*value = (double)(expr);                                                           \
		return cond;                                                                       \
	}
#define SEEN_EXIT(name, reason)                                                                    \
	static bool seen_##name(const struct pn_rec_summary *s, double *value)                     \
	{                                                                                          \
		return pn_measured_exit(s, reason, value);                                         \
	}
/* A vector that was never seen may have no tracepoint. */
#define SEEN_VECTOR(name, vector)                                                                  \
	SEEN(name, pn_measured_vector(s, vector) > 0, pn_measured_vector(s, vector))

static bool has_exits(const struct pn_rec_summary *s)
{
	return s->vm_exits.all > 0;
}

static bool has_vectors(const struct pn_rec_summary *s)
{
	return s->vectors.all > 0;
}

static bool has_kvm(const struct pn_rec_summary *s)
{
	return s->kvm.all > 0;
}

SEEN(interrupts, !s->from_vectors, s->interrupts)
SEEN(host, pn_measured_host(s) > 0, pn_measured_host(s))
SEEN_EXIT(exit_interrupt, PN_EXIT_INTR)
SEEN_EXIT(exit_hlt, PN_EXIT_HLT)
SEEN_EXIT(exit_ipi, PN_EXIT_IPI)
SEEN_EXIT(exit_noaccel, PN_EXIT_NOACCEL)
SEEN_VECTOR(hv_device, PN_HV_DEVICE)
SEEN_VECTOR(hv_galog, PN_HV_GA_LOG)
SEEN_VECTOR(hv_wakeup, PN_HV_WAKEUP)
SEEN_VECTOR(hv_resched, PN_HV_RESCHED)
SEEN_VECTOR(hv_timer, PN_HV_TIMER)
SEEN_VECTOR(hv_notify, PN_HV_NOTIFY)
SEEN_VECTOR(hv_posted_msi, PN_HV_POSTED_MSI)

static bool seen_injected(const struct pn_rec_summary *s, double *value)
{
	return pn_measured_kvm(s, "kvm_msi_set_irq", value);
}

static bool seen_ga_entries(const struct pn_rec_summary *s, double *value)
{
	return pn_measured_kvm(s, "kvm_avic_ga_log", value);
}

/* clang-format off */
#define MEASURED(f) .measured = (f)
#define BESIDE(of, f) .beside = has_##of, .measured = (f)
static const struct pn_report_row rows[] = {
	{"interrupts", "sent by devices", row_interrupts, pn_fmt_count, MEASURED(seen_interrupts)},
	{NULL, "IPIs sent", row_ipis, pn_fmt_count},
	{NULL, "delivered", row_delivered, pn_fmt_count},
	{NULL, "coalesced", row_coalesced, pn_fmt_count},
	{NULL, "lost", row_lost, pn_fmt_exact},
	{"latency", "p50", row_p50, pn_fmt_ns},
	{NULL, "p99", row_p99, pn_fmt_ns},
	{NULL, "p99.9", row_p999, pn_fmt_ns},
	{"wake latency", "p50", row_wake_p50, pn_fmt_ns},
	{NULL, "p99", row_wake_p99, pn_fmt_ns},
	PART_TABLE("devices", dev),
	PART_TABLE("IPIs", ipi),
	{"host", "VM exits per interrupt", row_exits, pn_fmt_ratio, MEASURED(pn_measured_exits_each)},
	{NULL, "CPU time per interrupt", row_host_ns, pn_fmt_ns},
	{NULL, "CPU time, other programs", row_other_ns, pn_fmt_ns},
	{NULL, "interrupts", row_host, pn_fmt_count, MEASURED(seen_host)},
	{NULL, "  on the busiest CPU", row_busiest, pn_fmt_share, MEASURED(pn_measured_busiest)},
	{NULL, "IRT invalidations", row_irt, pn_fmt_count},
	{"halt polling", "polls", row_polls, pn_fmt_count},
	{NULL, "  met an interrupt", row_polls_met, pn_fmt_share},
	{NULL, "CPU time per interrupt", row_poll_ns, pn_fmt_ns},
	{NULL, "  of it in vain", row_poll_vain, pn_fmt_ns},
	{NULL, "limits grown", row_poll_grown, pn_fmt_count, true},
	{NULL, "limits shrunk", row_poll_shrunk, pn_fmt_count, true},
	{"VM exits", "interrupt", row_exit_interrupt, pn_fmt_count, BESIDE(exits, seen_exit_interrupt)},
	{NULL, "hlt", row_exit_hlt, pn_fmt_count, BESIDE(exits, seen_exit_hlt)},
	{NULL, "eoi", row_exit_eoi, pn_fmt_count, BESIDE(exits, NULL)},
	{NULL, "apic_write", row_exit_write, pn_fmt_count, BESIDE(exits, NULL)},
	{NULL, "ipi", row_exit_ipi, pn_fmt_count, BESIDE(exits, seen_exit_ipi)},
	{NULL, "unaccelerated", row_exit_noaccel, pn_fmt_count, BESIDE(exits, seen_exit_noaccel)},
	{"vectors", "device", row_hv_device, pn_fmt_count, BESIDE(vectors, seen_hv_device)},
	{NULL, "ga_log", row_hv_galog, pn_fmt_count, BESIDE(vectors, seen_hv_galog)},
	{NULL, "wakeup", row_hv_wakeup, pn_fmt_count, BESIDE(vectors, seen_hv_wakeup)},
	{NULL, "resched", row_hv_resched, pn_fmt_count, BESIDE(vectors, seen_hv_resched)},
	{NULL, "timer", row_hv_timer, pn_fmt_count, BESIDE(vectors, seen_hv_timer)},
	{NULL, "notify", row_hv_notify, pn_fmt_count, BESIDE(vectors, seen_hv_notify)},
	{NULL, "posted_msi", row_hv_posted_msi, pn_fmt_count, BESIDE(vectors, seen_hv_posted_msi)},
	{"KVM", "MSIs injected", row_injected, pn_fmt_count, BESIDE(kvm, seen_injected)},
	{"wakeups", "needed", row_needed, pn_fmt_count, MEASURED(pn_measured_wakeups)},
	{NULL, "spurious", row_spurious, pn_fmt_count},
	{NULL, "missed", row_missed, pn_fmt_exact},
	{"GA log", "entries", row_ga_entries, pn_fmt_count, MEASURED(seen_ga_entries)},
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
	{NULL, "IPIs done per second", row_mixed_finished, pn_fmt_count},
	{"throughput", "requests per second", row_host_requests, pn_fmt_count},
	{"guest", "IPIs done per second", row_finished, pn_fmt_count},
	{"posting", "IRR or PIR bits set", row_posts, pn_fmt_count, true},
	{NULL, "IRR bits parked", row_parked, pn_fmt_count, true},
	{"simulator", "events", row_events, pn_fmt_count, true},
};
/* clang-format on */

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

bool pn_report_measured_cell(const struct pn_report_row *row, const struct pn_comparison *c,
			     char *buf)
{
	double value;

	if (c->recording && row->measured && row->measured(c->recording, &value)) {
		row->fmt(buf, value);
		return true;
	}
	strcpy(buf, "-");
	return false;
}

/* Rows beside a recording are left out where all figures are 0. */
bool pn_report_row_used(const struct pn_report_row *row, const struct pn_comparison *c,
			enum pn_workload w)
{
	bool any = !row->beside, has = false;
	double value = 0;

	if (row->detail || (row->beside && (!c->recording || !row->beside(c->recording))))
		return false;
	if (row->beside && row->measured)
		any = row->measured(c->recording, &value) && value > 0;
	for (unsigned i = 0; i < c->n; i++) {
		if ((w != PN_WORK_NR && work(&c->result[i]) != w) ||
		    !row->value(&c->result[i], &value))
			continue;
		has = true;
		any |= value > 0;
	}
	return has && any;
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
