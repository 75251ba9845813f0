/* SPDX-License-Identifier: MIT */
/*
 * Sentences about IPIs between vCPUs: what hardware saves that sends them, and which IPIs still
 * exit.
 */
#include <math.h>

#include "report_reading.h"

static double sent(const struct pn_result *r)
{
	return (double)pn_result_interrupts(r, PN_PART_IPIS);
}

static double exits_each(const struct pn_result *r)
{
	return (double)r->exits[PN_EXIT_IPI] / sent(r);
}

static const struct pn_hist *latency(const struct pn_result *r)
{
	return pn_result_latency(r, PN_PART_IPIS);
}

static void what_exits(struct pn_reader *rd, const struct pn_result *r)
{
	char mode[64], n[PN_FMT_SIZE], all[PN_FMT_SIZE], each[PN_FMT_SIZE];

	pn_say_mode(r, mode, sizeof(mode));
	if (r->exits[PN_EXIT_IPI])
		pn_say(rd, false, "With %s %s exits sent %s IPIs (%s each). Still exits: %s.", mode,
		       pn_fmt_count(n, (double)r->exits[PN_EXIT_IPI]), pn_fmt_count(all, sent(r)),
		       pn_fmt_ratio(each, exits_each(r)), r->mode.info->still_exits);
	else
		pn_say(rd, false, "With %s no IPI exited. Still would: %s.", mode,
		       r->mode.info->still_exits);
	pn_claim(rd, "with %s IPIs %s", mode, r->exits[PN_EXIT_IPI] ? "exit" : "do not exit");
	pn_question(rd, "do IPIs exit with %s", mode);
	pn_amount(rd, exits_each(r), "%.2f each");
}

static void against_exits(struct pn_reader *rd, const struct pn_result *exit,
			  const struct pn_result *r)
{
	char mode[64], a[4][PN_FMT_SIZE], b[4][PN_FMT_SIZE];
	double speed;

	pn_say_mode(r, mode, sizeof(mode));
	if (latency(exit)->n < P99_MIN || latency(r)->n < P99_MIN)
		return;
	speed = (double)pn_hist_quantile(latency(exit), 0.99) /
		fmax(1, (double)pn_hist_quantile(latency(r), 0.99));
	for (unsigned i = 0; i < 2; i++) {
		double at = i ? 0.99 : 0.5;

		pn_fmt_ns(a[i], (double)pn_hist_quantile(latency(exit), at));
		pn_fmt_ns(b[i], (double)pn_hist_quantile(latency(r), at));
	}
	pn_fmt_ratio(a[2], exits_each(exit));
	pn_fmt_ratio(b[2], exits_each(r));
	pn_fmt_ratio(a[3], (double)pn_report_exits(exit) / (double)exit->interrupts);
	pn_fmt_ratio(b[3], (double)pn_report_exits(r) / (double)r->interrupts);
	pn_say(rd, false,
	       "%s against IPI-EXIT: %s exits to send an IPI against %s, %s VM exits in all "
	       "against "
	       "%s; latency p50 %s against %s, p99 %s against %s.",
	       mode, b[2], a[2], b[3], a[3], b[0], a[0], b[1], a[1]);
	pn_claim(rd, "%s is %s IPI-EXIT at p99", mode,
		 speed >= P99_EQUAL	 ? "faster than"
		 : speed > 1 / P99_EQUAL ? "as fast as"
					 : "slower than");
	pn_question(rd, "is %s faster than IPI-EXIT at p99", mode);
	pn_amount(rd, speed, "%.2fx");
}

void pn_read_ipis(struct pn_reader *rd, const struct pn_comparison *c)
{
	const struct pn_result *exit = pn_result_of(c, PN_WORK_IPI, PN_TRAIT_BASELINE);
	bool vendor[2] = {false, false};

	for (unsigned i = 0; i < c->n; i++) {
		const struct pn_result *r = &c->result[i];

		if (r->mode.info->work != PN_WORK_IPI)
			continue;
		vendor[r->mode.info->vendor] = true;
		if (pn_mode_has(&r->mode, PN_TRAIT_BASELINE) || !(sent(r) > 0))
			continue;
		if (exit && sent(exit) > 0)
			against_exits(rd, exit, r);
		what_exits(rd, r);
	}
	if (vendor[PN_VENDOR_AMD] && vendor[PN_VENDOR_INTEL])
		pn_say(rd, false,
		       "IPI-AVIC is AMD's silicon, the others are Intel's. Intel's IPI costs are "
		       "fitted "
		       "to published figures, AVIC's are assumptions: compare what the modes do, "
		       "not "
		       "how fast a product is.");
}
