/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any text as a recording, for calibrate and for --write-scenario. What they write is
 * read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"
#include "from_rec.h"
#include "fuzz_costs.h"
#include "ini_text.h"
#include "scenario_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char text[1 << 17];

/* @f, which is in @text, is complete: as INI text. */
static void end(FILE *f, struct pn_ini_text *t)
{
	struct pn_diag d = {0};
	long n = ftell(f);

	if (n < 0 || fclose(f) || pn_ini_memory("written", text, (size_t)n, t, &d))
		abort();
}

static void refused(const struct pn_diag *d)
{
	fprintf(stderr, "line %lu: %s\n%s", d->line, d->text, text);
	abort();
}

static void calibrate(const struct pn_recording *rec)
{
	static struct pn_costs base, c, again;
	struct pn_diag d = {0};
	struct pn_ini_text t;
	FILE *f;

	if (!base.name[0] && pn_costs_load("default", &base, &d))
		refused(&d);
	c = base;
	if (!pn_calibrate(rec, &c))
		return;
	f = fmemopen(text, sizeof(text), "w");
	if (!f || pn_costs_write(&c, f))
		abort();
	end(f, &t);
	if (pn_costs_parse(&t, &again, &d))
		refused(&d);
	if (!same_costs(&c, &again))
		abort();
}

static void write_scenario(struct pn_recording *rec)
{
	static struct pn_from_rec x;
	static struct pn_scenario sc;
	static struct pn_sc_build b;
	struct pn_diag d = {0};
	struct pn_ini_text t;
	FILE *f = fmemopen(text, sizeof(text), "w");

	if (!f || pn_from_rec(rec, &x) || pn_from_rec_write(&x, f))
		abort();
	end(f, &t);
	memset(&sc, 0, sizeof(sc));
	memset(&b, 0, sizeof(b));
	b.sc = &sc;
	if (pn_sc_parse(&b, &t, &d) || pn_sc_check(&b, &d))
		refused(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_rec_hints hints = {0};
	struct pn_recording *rec;
	struct pn_diag d = {0};
	int err;

	/* The first byte: a clock in ticks. */
	if (size && data[0] == 't')
		hints.tsc_ghz = 2.5;
	err = pn_recording_memory("fuzz.txt", (const char *)data, size, &hints, &rec, &d);
	if (err) {
		if (!d.text[0] || rec)
			abort();
		return 0;
	}
	calibrate(rec);
	write_scenario(rec);
	pn_recording_close(rec);
	return 0;
}
