/* SPDX-License-Identifier: MIT */
/* The figures of a sweep: their names, how a run's result gives them, and how they are written. */
#include "figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_fmt.h"

static bool ratio(double a, double b, double *value)
{
	*value = b > 0 ? a / b : NAN;
	return b > 0;
}

static bool per_interrupt(const struct pn_result *r, double n, double *value)
{
	return ratio(n, (double)r->interrupts, value);
}

static bool quantile(const struct pn_hist *h, double fraction, double *value)
{
	*value = (double)pn_hist_quantile(h, fraction);
	return h->n > 0;
}

static bool rate(const struct pn_result *r, double *value)
{
	return ratio(1e9 * (double)r->completions, (double)r->duration_ns, value);
}

static bool mean(const struct pn_result *r, double *value)
{
	return ratio(r->latency.sum, (double)r->latency.n, value);
}

static bool wake_mean(const struct pn_result *r, double *value)
{
	return ratio(r->wake_latency.sum, (double)r->wake_latency.n, value);
}

#define QUANTILE(name, hist, fraction)                                                             \
	static bool name(const struct pn_result *r, double *value)                                 \
	{                                                                                          \
		return quantile(&r->hist, fraction, value);                                        \
	}

QUANTILE(p50, latency, 0.5)
QUANTILE(p99, latency, 0.99)
QUANTILE(p999, latency, 0.999)
QUANTILE(wake_p50, wake_latency, 0.5)
QUANTILE(wake, wake_latency, 0.99)

static bool cpu(const struct pn_result *r, double *value)
{
	return per_interrupt(r, (double)r->host_cpu_ns, value);
}

static bool hold(const struct pn_result *r, double *value)
{
	return ratio((double)r->host_cpu_ns, (double)pn_report_host_interrupts(r), value);
}

static bool irqs(const struct pn_result *r, double *value)
{
	return per_interrupt(r, (double)pn_report_host_interrupts(r), value);
}

static bool exits(const struct pn_result *r, double *value)
{
	if (r->mode.info->work == PN_WORK_BARE)
		return false;
	return per_interrupt(r, (double)pn_report_exits(r), value);
}

static bool busiest(const struct pn_result *r, double *value)
{
	*value = r->busiest_cpu_share;
	return pn_report_host_interrupts(r) > 0;
}

static bool coalesced(const struct pn_result *r, double *value)
{
	return per_interrupt(r, (double)r->coalesced, value);
}

static bool dropped(const struct pn_result *r, double *value)
{
	*value = (double)r->galog_dropped;
	return pn_mode_has(&r->mode, PN_TRAIT_GALOG);
}

static bool missed(const struct pn_result *r, double *value)
{
	*value = (double)r->wakeups_missed;
	return r->mode.info->work != PN_WORK_BARE;
}

#define COUNT(name, field)                                                                         \
	static bool name(const struct pn_result *r, double *value)                                 \
	{                                                                                          \
		*value = (double)r->field;                                                         \
		return true;                                                                       \
	}

COUNT(interrupts, interrupts)
COUNT(lost, lost)

const struct pn_figure pn_figures[PN_FIGURES] = {
	{"rate", "requests or IPIs done per second", PN_UNIT_COUNT, false, rate},
	{"mean", "latency, mean", PN_UNIT_TIME, false, mean},
	{"p50", "latency p50", PN_UNIT_TIME, true, p50},
	{"p99", "latency p99", PN_UNIT_TIME, true, p99},
	{"p999", "latency p99.9", PN_UNIT_TIME, true, p999},
	{"wake_mean", "wake latency, mean", PN_UNIT_TIME, false, wake_mean},
	{"wake_p50", "wake latency p50", PN_UNIT_TIME, true, wake_p50},
	{"wake", "wake latency p99", PN_UNIT_TIME, true, wake},
	{"cpu", "host CPU time per interrupt", PN_UNIT_TIME, false, cpu},
	{"hold", "host CPU time per host interrupt", PN_UNIT_TIME, false, hold},
	{"irqs", "host interrupts per interrupt", PN_UNIT_RATIO, false, irqs},
	{"exits", "VM exits per interrupt", PN_UNIT_RATIO, false, exits},
	{"busiest", "share of host interrupts on the busiest CPU", PN_UNIT_RATIO, false, busiest},
	{"coalesced", "share of interrupts that coalesced", PN_UNIT_RATIO, false, coalesced},
	{"dropped", "GA log entries dropped", PN_UNIT_COUNT, false, dropped},
	{"missed", "wakeups missed", PN_UNIT_COUNT, false, missed},
	{"interrupts", "interrupts sent", PN_UNIT_COUNT, false, interrupts},
	{"lost", "interrupts lost", PN_UNIT_COUNT, false, lost},
};

int pn_figure_find(const char *name)
{
	for (int i = 0; i < PN_FIGURES; i++)
		if (!strcmp(pn_figures[i].name, name))
			return i;
	return -1;
}

void pn_figures_of(const struct pn_result *r, double out[PN_FIGURES])
{
	for (unsigned i = 0; i < PN_FIGURES; i++)
		if (!pn_figures[i].value(r, &out[i]))
			out[i] = NAN;
}

struct scale {
	double size;
	const char *name;
};

static struct scale scale_of(enum pn_figure_unit unit, double v)
{
	static const struct scale times[] = {{1e9, " s"}, {1e6, " ms"}, {1e3, " us"}, {1, " ns"}},
				  counts[] = {{1e12, " T"},
					      {1e9, " G"},
					      {1e6, " M"},
					      {1e3, " k"},
					      {1, ""}},
				  ratios[] = {{1, ""}};
	const struct scale *s = unit == PN_UNIT_TIME	? times
				: unit == PN_UNIT_COUNT ? counts
							: ratios;

	/* 999.5 would be printed as 1000 */
	while (s->size > 1 && v < s->size * 0.9995)
		s++;
	return *s;
}

/* Three significant digits; nanoseconds, counts below 1000 and zero have no more than they need. */
static int digits_of(enum pn_figure_unit unit, struct scale s, double v, bool interval)
{
	if (unit != PN_UNIT_RATIO && s.size == 1 && (!interval || v == floor(v)))
		return 0;
	return v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
}

const char *pn_figure_text(enum pn_figure_unit unit, double value, char *buf)
{
	return pn_figure_interval(unit, value, NAN, buf);
}

const char *pn_figure_interval(enum pn_figure_unit unit, double mean, double half, char *buf)
{
	struct scale s;
	double v;
	int digits;

	if (isnan(mean)) {
		strcpy(buf, "-");
		return buf;
	}
	s = scale_of(unit, fabs(mean));
	v = mean / s.size;
	digits = digits_of(unit, s, fabs(v), !isnan(half));
	if (!isnan(half))
		snprintf(buf, PN_FIGURE_TEXT, "%.*f +-%.*f%s", digits, v, digits, half / s.size,
			 s.name);
	else if (unit == PN_UNIT_COUNT && s.size == 1 && v != floor(v))
		snprintf(buf, PN_FIGURE_TEXT, "%.3g", v);
	else
		snprintf(buf, PN_FIGURE_TEXT, "%.*f%s", digits, v, s.name);
	return buf;
}
