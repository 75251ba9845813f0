/* SPDX-License-Identifier: MIT */
#ifndef LAB_RIG_H
#define LAB_RIG_H

#include <stdlib.h>
#include <string.h>

#include "run.h"

/* Helpers for tests that run whole machines. Include after cmocka.h. */

#define LAB_ROWS(t) (sizeof(t) / sizeof((t)[0]))

/* A scenario with settings "machine.pcpus=4 guest.pin=yes", separated by blanks. */
static inline struct pn_scenario *lab_scenario(const char *name, const char *settings)
{
	const char *set[64] = {NULL};
	struct pn_scenario *sc = NULL;
	struct pn_diag d = {0};
	char text[1024];
	unsigned n = 0;

	snprintf(text, sizeof(text), "%s", settings ? settings : "");
	for (char *save = NULL, *s = strtok_r(text, " ", &save); s && n < 63;
	     s = strtok_r(NULL, " ", &save))
		set[n++] = s;
	if (pn_scenario_load(name, NULL, set, &sc, &d))
		fail_msg("%s with \"%s\": %s", name, settings ? settings : "", d.text);
	return sc;
}

static inline struct pn_mode lab_mode(const char *text)
{
	struct pn_mode m;
	struct pn_diag d = {0};

	if (pn_mode_parse(text, &m, &d))
		fail_msg("%s", d.text);
	return m;
}

/* One run; free() the result. */
static inline struct pn_result *lab_run(const struct pn_scenario *sc, const char *mode,
					uint64_t seed, struct pn_recording *rec)
{
	struct pn_run_options opt = {.seed = seed, .recording = rec};
	struct pn_result *r = calloc(1, sizeof(*r));
	struct pn_mode m = lab_mode(mode);
	struct pn_diag d = {0};

	assert_non_null(r);
	if (pn_run(sc, &m, &opt, r, &d))
		fail_msg("%s in mode %s: %s", sc->name, mode, d.text);
	return r;
}

/* The counts add up and the self-check found nothing. */
static inline void lab_balanced(const struct pn_result *r, const char *row, const char *mode,
				uint64_t seed)
{
	if (r->check[0] || !r->interrupts || r->partial ||
	    r->interrupts != r->delivered + r->coalesced + r->lost ||
	    r->latency.n != r->delivered || r->wake_latency.n > r->latency.n)
		fail_msg(
			"%s, %s, seed %lu: %lu interrupts, %lu delivered, %lu coalesced, %lu lost, "
			"%lu latencies; self-check: \"%s\"",
			row, mode, (unsigned long)seed, (unsigned long)r->interrupts,
			(unsigned long)r->delivered, (unsigned long)r->coalesced,
			(unsigned long)r->lost, (unsigned long)r->latency.n, r->check);
}

/* The same, and nothing was lost or missed. */
static inline void lab_clean(const struct pn_result *r, const char *row, const char *mode,
			     uint64_t seed)
{
	lab_balanced(r, row, mode, seed);
	if (r->lost || r->wakeups_missed)
		fail_msg("%s, %s, seed %lu: %lu of %lu lost, %lu wake-ups missed", row, mode,
			 (unsigned long)seed, (unsigned long)r->lost, (unsigned long)r->interrupts,
			 (unsigned long)r->wakeups_missed);
}

#endif
