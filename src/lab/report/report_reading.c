/* SPDX-License-Identifier: MIT */
/* The sentences below a comparison of modes that have guests or devices. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "report_reading.h"

void pn_say(struct pn_reader *rd, bool alarm, const char *fmt, ...)
{
	va_list ap;

	rd->last = NULL;
	if (rd->n == PN_READING_MAX)
		return;
	rd->last = &rd->out[rd->n++];
	memset(rd->last, 0, sizeof(*rd->last));
	rd->last->alarm = alarm;
	rd->last->amount = NAN;
	va_start(ap, fmt);
	vsnprintf(rd->last->text, sizeof(rd->last->text), fmt, ap);
	va_end(ap);
}

void pn_claim(struct pn_reader *rd, const char *fmt, ...)
{
	va_list ap;

	if (!rd->last)
		return;
	va_start(ap, fmt);
	vsnprintf(rd->last->claim, sizeof(rd->last->claim), fmt, ap);
	va_end(ap);
}

void pn_question(struct pn_reader *rd, const char *fmt, ...)
{
	va_list ap;

	if (!rd->last)
		return;
	va_start(ap, fmt);
	vsnprintf(rd->last->question, sizeof(rd->last->question), fmt, ap);
	va_end(ap);
}

void pn_amount(struct pn_reader *rd, double amount, const char *fmt)
{
	if (!rd->last)
		return;
	rd->last->amount = amount;
	rd->last->amount_fmt = fmt;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void alarms(struct pn_reader *rd, const struct pn_result *r)
{
	char mode[64];

	pn_mode_text(&r->mode, mode, sizeof(mode));
	if (r->lost) {
		pn_say(rd, true, "LOST: %s lost %llu interrupt%s.", mode,
		       (unsigned long long)r->lost, plural(r->lost));
		pn_claim(rd, "LOST: %s lost interrupts", mode);
	}
	if (r->wakeups_missed) {
		pn_say(rd, true,
		       "MISSED: %s left a vCPU asleep with a deliverable interrupt %llu time%s.",
		       mode, (unsigned long long)r->wakeups_missed, plural(r->wakeups_missed));
		pn_claim(rd, "MISSED: %s left a vCPU asleep with a deliverable interrupt", mode);
	}
	if (r->check[0]) {
		pn_say(rd, true, "SELF-CHECK FAILED: %s: %s", mode, r->check);
		pn_claim(rd, "SELF-CHECK FAILED: %s", mode);
	}
}

static void partial(struct pn_reader *rd, const struct pn_comparison *c, const struct pn_result *r)
{
	char mode[64], done[PN_FMT_SIZE], all[PN_FMT_SIZE];

	if (!r->partial)
		return;
	pn_say(rd, true, "PARTIAL: %s was stopped after %s of %s.",
	       pn_mode_text(&r->mode, mode, sizeof(mode)), pn_fmt_ns(done, (double)r->duration_ns),
	       pn_fmt_ns(all, (double)c->duration_ns));
}

const struct pn_result *pn_result_of(const struct pn_comparison *c, enum pn_workload work,
				     uint32_t traits)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct pn_mode_info *info = c->result[i].mode.info;

		if (info->work == work && (info->traits & traits) == traits)
			return &c->result[i];
	}
	return NULL;
}

const char *pn_say_mode(const struct pn_result *r, char *buf, unsigned size)
{
	pn_mode_text(&r->mode, buf, size);
	for (unsigned i = 0; !strchr(buf, ':') && buf[i]; i++)
		buf[i] = (char)toupper((unsigned char)buf[i]);
	return buf;
}

static const char *times(char *buf, double x)
{
	snprintf(buf, PN_FMT_SIZE, x >= 9.95 ? "%.0fx" : "%.1fx", x);
	return buf;
}

static uint64_t p99(const struct pn_hist *h)
{
	return pn_hist_quantile(h, 0.99);
}

/* Says which of two modes wakes vCPUs faster, if enough vCPUs slept. */
static void wake_compare(struct pn_reader *rd, const struct pn_result *log,
			 const struct pn_result *gp)
{
	const struct pn_hist *a = pn_result_wake(log, PN_PART_DEVICES);
	const struct pn_hist *b = pn_result_wake(gp, PN_PART_DEVICES);
	char x[PN_FMT_SIZE], ta[PN_FMT_SIZE], tb[PN_FMT_SIZE], la[64], lb[64], rough[96] = "";
	uint64_t least = a->n < b->n ? a->n : b->n;
	double slow, fast;

	pn_say_mode(log, la, sizeof(la));
	pn_say_mode(gp, lb, sizeof(lb));
	if (least < P99_MIN) {
		pn_say(rd, false,
		       "Too few wakeups to compare %s and %s at p99: %llu and %llu samples, %d "
		       "each "
		       "are "
		       "needed.",
		       la, lb, (unsigned long long)a->n, (unsigned long long)b->n, P99_MIN);
		return;
	}
	pn_fmt_ns(ta, (double)p99(a));
	pn_fmt_ns(tb, (double)p99(b));
	slow = (double)(p99(a) > p99(b) ? p99(a) : p99(b));
	fast = (double)(p99(a) > p99(b) ? p99(b) : p99(a));
	if (least < P99_SOUND)
		snprintf(rough, sizeof(rough), "; few samples (%llu), so this is rough",
			 (unsigned long long)least);
	if (fast < 1 || slow / fast < P99_EQUAL) {
		pn_say(rd, false, "%s and %s wake equally fast at p99 here (%s and %s%s).", lb, la,
		       tb, ta, rough);
		pn_claim(rd, "%s and %s wake equally fast", lb, la);
	} else {
		const char *how = p99(a) > p99(b) ? "faster" : "slower";

		pn_say(rd, false, "%s wakes %s %s than %s at p99 here (%s against %s%s).", lb,
		       times(x, slow / fast), how, la, tb, ta, rough);
		pn_claim(rd, "%s wakes %s than %s", lb, how, la);
	}
	pn_question(rd, "does %s or %s wake faster at p99", lb, la);
	if (p99(b))
		pn_amount(rd, (double)p99(a) / (double)p99(b), "%.2fx");
}

static void galog_losses(struct pn_reader *rd, const struct pn_result *r)
{
	const char *entries = r->galog_dropped == 1 ? "entry" : "entries";
	char mode[64];

	if (!pn_mode_has(&r->mode, PN_TRAIT_GALOG))
		return;
	pn_say_mode(r, mode, sizeof(mode));
	if (r->galog_overflows)
		pn_say(rd, false, "%s overflowed %llu time%s and dropped %llu %s.", mode,
		       (unsigned long long)r->galog_overflows, plural(r->galog_overflows),
		       (unsigned long long)r->galog_dropped, entries);
	else
		pn_say(rd, false, "%s dropped %llu %s.", mode, (unsigned long long)r->galog_dropped,
		       entries);
	pn_claim(rd, "%s drops %s", mode, r->galog_dropped ? "entries" : "nothing");
	pn_question(rd, "does %s drop entries", mode);
	if (!r->galog_dropped || !r->wakeups_missed || r->mode.recover_wake)
		return;
	pn_say(rd, false,
	       "%s missed %llu wakeup%s: Linux recovers no dropped entry; galog:recover=wake "
	       "does.",
	       mode, (unsigned long long)r->wakeups_missed, plural(r->wakeups_missed));
	pn_claim(rd, "%s misses wakeups: Linux recovers no dropped entry", mode);
	pn_question(rd, "does %s miss wakeups", mode);
}

/* Modes are compared by the interrupts of devices where there are IPIs too. */
static const struct pn_hist *latency(const struct pn_result *r)
{
	return pn_result_latency(r, PN_PART_DEVICES);
}

static bool comparable(const struct pn_result *r)
{
	return latency(r)->n >= P99_MIN;
}

static void too_few(struct pn_reader *rd, const struct pn_comparison *c)
{
	uint64_t most = 0;
	unsigned few = 0;
	char mode[64];

	for (unsigned i = 0; i < c->n; i++) {
		few += !comparable(&c->result[i]);
		if (latency(&c->result[i])->n > most)
			most = latency(&c->result[i])->n;
	}
	if (few == c->n) {
		pn_say(rd, false,
		       "Too few interrupts for a p99: %llu samples at most, %d are needed.",
		       (unsigned long long)most, P99_MIN);
		return;
	}
	for (unsigned i = 0; i < c->n; i++)
		if (!comparable(&c->result[i]))
			pn_say(rd, false, "Too few interrupts for a p99 in %s: %llu samples.",
			       pn_mode_text(&c->result[i].mode, mode, sizeof(mode)),
			       (unsigned long long)latency(&c->result[i])->n);
}

/* Those of IPIs are counted with IPIs. */
static double exits_each(const struct pn_result *r)
{
	uint64_t exits = pn_report_exits(r) - (r->mixed ? r->exits[PN_EXIT_IPI] : 0);

	return (double)exits / (double)pn_result_interrupts(r, PN_PART_DEVICES);
}

/* The fastest and the slowest mode at p99, and the VM exits of each. */
static void extremes(struct pn_reader *rd, const struct pn_comparison *c)
{
	const struct pn_result *best = NULL, *worst = NULL;
	char bm[64], wm[64], tb[PN_FMT_SIZE], tw[PN_FMT_SIZE], eb[PN_FMT_SIZE], ew[PN_FMT_SIZE];

	for (unsigned i = 0; i < c->n; i++) {
		const struct pn_result *r = &c->result[i];

		if (!comparable(r) || r->mode.info->work != PN_WORK_PASSTHROUGH)
			continue;
		if (!best || p99(latency(r)) < p99(latency(best)))
			best = r;
		if (!worst || p99(latency(r)) > p99(latency(worst)))
			worst = r;
	}
	if (!best || best == worst)
		return;
	pn_mode_text(&best->mode, bm, sizeof(bm));
	pn_mode_text(&worst->mode, wm, sizeof(wm));
	pn_fmt_ns(tb, (double)p99(latency(best)));
	pn_fmt_ns(tw, (double)p99(latency(worst)));
	pn_fmt_ratio(eb, exits_each(best));
	pn_fmt_ratio(ew, exits_each(worst));
	pn_say(rd, false, "Over all interrupts%s, p99 is lowest with %s (%s, %s VM exits each).",
	       best->mixed ? " of devices" : "", bm, tb, eb);
	pn_claim(rd, "p99 is lowest with %s", bm);
	pn_question(rd, "which mode has the lowest p99 over all interrupts");
	pn_say(rd, false, "Over all interrupts%s, p99 is highest with %s (%s, %s VM exits each).",
	       worst->mixed ? " of devices" : "", wm, tw, ew);
	pn_claim(rd, "p99 is highest with %s", wm);
	pn_question(rd, "which mode has the highest p99 over all interrupts");
}

/* Different silicon with the same costs: only the behaviour of the modes differs. */
static void two_vendors(struct pn_reader *rd, const struct pn_comparison *c)
{
	const struct pn_result *vtd = pn_result_of(c, PN_WORK_PASSTHROUGH, PN_TRAIT_DESCRIPTORS);
	const struct pn_result *log = pn_result_of(c, PN_WORK_PASSTHROUGH, PN_TRAIT_GALOG);
	const struct pn_result *amd = pn_result_of(c, PN_WORK_PASSTHROUGH, PN_TRAIT_GAPPI);

	amd = amd ? amd : log;
	if (!vtd || !amd)
		return;
	/* that there are too few samples has been said */
	if (amd == log || (pn_result_wake(vtd, PN_PART_DEVICES)->n >= P99_MIN &&
			   pn_result_wake(amd, PN_PART_DEVICES)->n >= P99_MIN))
		wake_compare(rd, amd, vtd);
	pn_say(rd, false,
	       "VTD-PI is Intel's silicon, the others are AMD's, and all are charged from one cost "
	       "table: what differs is what the modes do, not how fast a product is.");
}

#define WAIT_NOTED_NS 10000

static void unit_waits(struct pn_reader *rd, const struct pn_result *r)
{
	char mode[64], t[PN_FMT_SIZE];

	pn_mode_text(&r->mode, mode, sizeof(mode));
	if (r->unit_wait_ns >= WAIT_NOTED_NS) {
		pn_say(rd, false,
		       "With %s requests waited up to %s for an IOMMU that was busy with those "
		       "before.",
		       mode, pn_fmt_ns(t, (double)r->unit_wait_ns));
		pn_claim(rd, "with %s requests wait for an IOMMU", mode);
		pn_question(rd, "do requests wait for an IOMMU with %s", mode);
	}
	if (r->router_wait_ns >= WAIT_NOTED_NS) {
		pn_say(rd, false,
		       "With %s messages of IOMMUs waited up to %s on their way to the CPUs, which "
		       "all IOMMUs share.",
		       mode, pn_fmt_ns(t, (double)r->router_wait_ns));
		pn_claim(rd, "with %s messages wait on their way to the CPUs", mode);
		pn_question(rd, "do messages wait on their way to the CPUs with %s", mode);
	}
}

unsigned pn_report_reading(const struct pn_comparison *c, struct pn_reading *out)
{
	const struct pn_result *log = pn_result_of(c, PN_WORK_PASSTHROUGH, PN_TRAIT_GALOG),
			       *gp = pn_result_of(c, PN_WORK_PASSTHROUGH, PN_TRAIT_GAPPI);
	struct pn_reader rd = {.out = out};
	uint64_t interrupts = 0;

	for (unsigned i = 0; i < c->n; i++)
		alarms(&rd, &c->result[i]);
	for (unsigned i = 0; i < c->n; i++) {
		partial(&rd, c, &c->result[i]);
		interrupts += c->result[i].interrupts;
	}
	if (!interrupts) {
		pn_say(&rd, false, "Nothing sent an interrupt: there is nothing to compare.");
		return c->draws ? pn_reading_weigh(c, out, rd.n) : rd.n;
	}
	if (log && gp)
		wake_compare(&rd, log, gp);
	for (unsigned i = 0; i < c->n; i++)
		galog_losses(&rd, &c->result[i]);
	too_few(&rd, c);
	if (c->n > 1)
		extremes(&rd, c);
	two_vendors(&rd, c);
	for (unsigned i = 0; i < c->n; i++)
		unit_waits(&rd, &c->result[i]);
	pn_read_posted_msi(&rd, c);
	pn_read_ipis(&rd, c);
	return c->draws ? pn_reading_weigh(c, out, rd.n) : rd.n;
}
