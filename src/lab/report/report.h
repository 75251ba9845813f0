/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_H
#define PN_LAB_REPORT_H

#include <stdio.h>

#include "recording.h"
#include "result.h"
#include "scenario.h"

/* Reports of a comparison. All write to @f and return 0 or -EIO. */

/* One table of at most 100 columns, then sentences that say what it shows. */
int pn_report_table(const struct pn_comparison *c, FILE *f);
/* One mode in full detail (postern run). */
int pn_report_detail(const struct pn_comparison *c, const struct pn_scenario *sc, FILE *f);
/* The JSON object of schema postern.compare/1. */
int pn_report_json(const struct pn_comparison *c, FILE *f);
/* A self-contained page: table, latency curves as SVG, cost table with sources, what is modelled.
 */
int pn_report_html(const struct pn_comparison *c, const struct pn_scenario *sc, FILE *f);
/* A summary of a recording. */
int pn_report_recording(const struct pn_rec_summary *s, FILE *f);
/*
 * Latency histograms as .hgrm files. @put gets each with the name of its file,
 * SCENARIO-MODE-{latency,wake}.hgrm, and writes it by pn_report_hgrm_one(). Ends with the first
 * result of @put that is not 0, and returns it.
 */
struct pn_hgrm_sink {
	int (*put)(void *ctx, const char *name, const struct pn_hist *h);
	void *ctx;
};
int pn_report_hgrm(const struct pn_comparison *c, const struct pn_hgrm_sink *sink);
int pn_report_hgrm_one(const struct pn_hist *h, FILE *f);

#endif
