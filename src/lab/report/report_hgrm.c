/* SPDX-License-Identifier: MIT */
/* Latencies as .hgrm files, two for each mode: of all interrupts, and of those that woke a vCPU;
 * and the same of devices and of IPIs where there are both. */
#include <ctype.h>
#include <string.h>

#include "report_fmt.h"

#define UNIT 1000.0 /* the usual one of .hgrm files: microseconds */

/* Scenario and mode become part of a file name. */
static void safe_name(char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			*s = '-';
}

int pn_report_hgrm_one(const struct pn_hist *h, FILE *f)
{
	return pn_hist_hgrm(h, f, UNIT);
}

static int write_pair(const struct pn_comparison *c, const struct pn_result *r, const char *kind,
		      const struct pn_hist *latency, const struct pn_hist *wake,
		      const struct pn_hgrm_sink *sink)
{
	const struct pn_hist *const h[] = {latency, wake};
	static const char *const what[] = {"latency", "wake"};
	char mode[64], name[176];

	pn_mode_text(&r->mode, mode, sizeof(mode));
	for (unsigned i = 0; i < 2; i++) {
		int e;

		snprintf(name, sizeof(name), "%s-%s-%s%s.hgrm", c->scenario, mode, kind, what[i]);
		safe_name(name);
		e = sink->put(sink->ctx, name, h[i]);
		if (e)
			return e;
	}
	return 0;
}

static int write_mode(const struct pn_comparison *c, const struct pn_result *r,
		      const struct pn_hgrm_sink *sink)
{
	int e = write_pair(c, r, "", &r->latency, &r->wake_latency, sink);

	for (unsigned i = 0; i < PN_PARTS && r->mixed && !e; i++) {
		char kind[16];

		snprintf(kind, sizeof(kind), "%s-", pn_part_name((enum pn_part_kind)i));
		e = write_pair(c, r, kind, &r->part[i].latency, &r->part[i].wake_latency, sink);
	}
	return e;
}

int pn_report_hgrm(const struct pn_comparison *c, const struct pn_hgrm_sink *sink)
{
	for (unsigned i = 0; i < c->n; i++) {
		int r = write_mode(c, &c->result[i], sink);

		if (r)
			return r;
	}
	return 0;
}
