/* SPDX-License-Identifier: MIT */
/* Bare metal: whether posted MSI pays against remapped interrupts. */
#include "report_reading.h"

/* A gain or a saving below this counts as none. */
#define WORTH 0.02

struct pay {
	double rate[2], cpu[2]; /* remapped, posted */
	double p99[2];		/* 0: too few samples */
	double gain;		/* of throughput */
	bool cheaper, slower;
};

static void one(const struct pn_result *r, unsigned i, struct pay *p)
{
	p->rate[i] = 1e9 * (double)r->completions / (double)r->duration_ns;
	p->cpu[i] = (double)r->host_cpu_ns / (double)r->interrupts;
	p->p99[i] = r->latency.n >= P99_MIN ? (double)pn_hist_quantile(&r->latency, 0.99) : 0;
}

static struct pay weigh(const struct pn_result *remapped, const struct pn_result *posted)
{
	struct pay p;

	one(remapped, 0, &p);
	one(posted, 1, &p);
	p.gain = p.rate[0] > 0 ? p.rate[1] / p.rate[0] - 1 : 0;
	if (p.gain > -0.0005 && p.gain < 0.0005) /* never "-0.0 %" */
		p.gain = 0;
	p.cheaper = p.cpu[1] < p.cpu[0] * (1 - WORTH);
	p.slower = p.p99[0] > 0 && p.p99[1] > p.p99[0] * P99_EQUAL;
	return p;
}

/* A cheaper interrupt does not compensate for lost throughput. */
static const char *verdict(const struct pay *p)
{
	if (p->gain >= WORTH || (p->cheaper && p->gain > -WORTH))
		return p->slower ? "pays here, but costs latency" : "pays here";
	return p->slower ? "does not pay here, and costs latency" : "does not pay here";
}

static void latencies(const struct pay *p, char *buf, unsigned size)
{
	char a[PN_FMT_SIZE], b[PN_FMT_SIZE];

	if (p->p99[0] > 0 && p->p99[1] > 0)
		snprintf(buf, size, "p99 latency %s against %s", pn_fmt_ns(b, p->p99[1]),
			 pn_fmt_ns(a, p->p99[0]));
	else
		snprintf(buf, size, "too few interrupts for a p99");
}

static void coalescing(const struct pn_result *r, char *buf, unsigned size)
{
	char each[PN_FMT_SIZE];

	if (r->pi_notifications)
		snprintf(buf, size, "%s interrupts for each notification, ",
			 pn_fmt_ratio(each, (double)r->interrupts / (double)r->pi_notifications));
	else
		snprintf(buf, size, "no notification, ");
}

/* If one interrupt stands for many requests, the published figures count interrupts. */
static void handled(struct pn_reader *rd, const struct pn_result *remapped,
		    const struct pn_result *r)
{
	double before = 1e9 * (double)remapped->delivered / (double)remapped->duration_ns;
	double after = 1e9 * (double)r->delivered / (double)r->duration_ns;
	char a[PN_FMT_SIZE], b[PN_FMT_SIZE], mode[64];

	if (before <= 0 || (double)r->completions < 1.05 * (double)r->delivered)
		return;
	pn_say_mode(r, mode, sizeof(mode));
	pn_say(rd, false, "Interrupts handled: %s per second against %s (%+.1f %%).",
	       pn_fmt_count(b, after), pn_fmt_count(a, before), 100 * (after / before - 1));
	pn_claim(rd, "%s handles %s interrupts", mode, after < before ? "fewer" : "more");
	pn_question(rd, "does %s handle more interrupts", mode);
	pn_amount(rd, 100 * (after / before - 1), "%+.1f %%");
}

static void posted_msi(struct pn_reader *rd, const struct pn_result *remapped,
		       const struct pn_result *r)
{
	char mode[64], a[PN_FMT_SIZE], b[PN_FMT_SIZE], x[PN_FMT_SIZE], y[PN_FMT_SIZE];
	char latency[96], each[96];
	uint64_t least =
		remapped->interrupts < r->interrupts ? remapped->interrupts : r->interrupts;
	struct pay p;

	pn_say_mode(r, mode, sizeof(mode));
	if (least < P99_MIN) {
		pn_say(rd, false,
		       "Too few interrupts to tell whether %s pays: %llu, %d are needed.", mode,
		       (unsigned long long)least, P99_MIN);
		return;
	}
	p = weigh(remapped, r);
	latencies(&p, latency, sizeof(latency));
	coalescing(r, each, sizeof(each));
	pn_say(rd, false,
	       "%s %s: %s requests per second against %s with remapped interrupts (%+.1f %%), host "
	       "CPU %s against %s for an interrupt, %s%s.",
	       mode, verdict(&p), pn_fmt_count(b, p.rate[1]), pn_fmt_count(a, p.rate[0]),
	       100 * p.gain, pn_fmt_ns(y, p.cpu[1]), pn_fmt_ns(x, p.cpu[0]), each, latency);
	pn_claim(rd, "%s %s", mode, verdict(&p));
	pn_question(rd, "does %s pay", mode);
	pn_amount(rd, 100 * p.gain, "%+.1f %%");
	handled(rd, remapped, r);
}

static bool usable(const struct pn_result *r)
{
	return r->interrupts && r->duration_ns;
}

void pn_read_posted_msi(struct pn_reader *rd, const struct pn_comparison *c)
{
	const struct pn_result *remapped = pn_result_of(c, PN_WORK_BARE, PN_TRAIT_BASELINE);

	if (!remapped || !usable(remapped))
		return;
	for (unsigned i = 0; i < c->n; i++)
		if (pn_mode_has(&c->result[i].mode, PN_TRAIT_POSTED_MSI) && usable(&c->result[i]))
			posted_msi(rd, remapped, &c->result[i]);
}
