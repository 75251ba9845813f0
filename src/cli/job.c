/* SPDX-License-Identifier: MIT */
/*
 * One comparison from its options to its output files: opens them first, runs the modes, writes
 * everything, and decides the exit status.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "outfile.h"
#include "progress.h"
#include "report.h"
#include "runner.h"

/* The output files of one job. */
struct outputs {
	struct pn_outfile report, trace;
	const char *hgrm;
	bool hgrm_made;
};

static void drop(struct outputs *out)
{
	pn_outfile_drop(&out->report);
	pn_outfile_drop(&out->trace);
	/* rmdir() removes it only if it is still empty. */
	if (out->hgrm_made)
		rmdir(out->hgrm);
}

/* No file that is read is written. */
static bool spares_inputs(const struct pn_cli_options *o, bool recording)
{
	const char *output[] = {o->report, o->trace};

	for (unsigned i = 0; i < 2; i++)
		if (!pn_outfile_spares(o->input, recording ? "recording" : "scenario", output[i]) ||
		    !pn_outfile_spares(o->scenario, "scenario", output[i]) ||
		    !pn_outfile_spares(o->costs, "cost table", output[i]))
			return false;
	return true;
}

static bool open_all(const struct pn_cli_options *o, struct outputs *out)
{
	memset(out, 0, sizeof(*out));
	out->hgrm = o->hgrm;
	if (!pn_outfile_open(&out->report, o->report) && !pn_outfile_open(&out->trace, o->trace) &&
	    (!o->hgrm || !pn_outdir_check(o->hgrm, &out->hgrm_made)))
		return true;
	drop(out);
	return false;
}

/* Chrome's format: every event ends with a comma; the order of the modes closes the list. */
static void end_json(const struct pn_comparison *c, FILE *f)
{
	for (unsigned i = 0; i < c->n; i++)
		fprintf(f,
			"{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":%u,"
			"\"args\":{\"sort_index\":%u}}%s\n",
			i, i, i + 1 < c->n ? "," : "");
	fputs("]}\n", f);
}

static int put_hgrm(void *ctx, const char *name, const struct pn_hist *h)
{
	static struct pn_outfile file;
	char path[sizeof(file.path)];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, name) >=
	    sizeof(path)) {
		pn_cli_error("%s: %s", name, strerror(ENAMETOOLONG));
		return -1;
	}
	if (pn_outfile_open(&file, path))
		return -1;
	pn_report_hgrm_one(h, file.f);
	return pn_outfile_commit(&file);
}

/* Each that can be written is, whatever happens to the others. False: one cannot. */
static bool write_all(const struct pn_cli_options *o, struct outputs *out,
		      const struct pn_comparison *c, const struct pn_scenario *sc)
{
	struct pn_hgrm_sink sink = {put_hgrm, (void *)(uintptr_t)out->hgrm};
	bool ok;

	if (out->trace.f && !pn_cli_trace_perfetto(o))
		end_json(c, out->trace.f);
	if (out->report.f)
		pn_report_html(c, sc, out->report.f);
	ok = !pn_outfile_commit(&out->report);
	ok &= !pn_outfile_commit(&out->trace);
	ok &= !out->hgrm || !pn_report_hgrm(c, &sink);
	drop(out);
	return ok;
}

static void print(const struct pn_cli_options *o, const struct pn_comparison *c,
		  const struct pn_scenario *sc, bool detail)
{
	if (o->json)
		pn_report_json(c, stdout);
	else if (detail)
		pn_report_detail(c, sc, stdout);
	else
		pn_report_table(c, stdout);
}

static int status_of(const struct pn_comparison *c)
{
	if (pn_cli_stopped())
		return CLI_STOPPED;
	for (unsigned i = 0; i < c->n; i++)
		if (pn_result_violated(&c->result[i]))
			return CLI_VIOLATED;
	for (unsigned k = 0; k < c->draws; k++)
		if (status_of(&c->draw[k]) != CLI_DONE)
			return CLI_VIOLATED;
	return CLI_DONE;
}

static int finish(const struct pn_cli_options *o, struct pn_comparison *c,
		  const struct pn_scenario *sc, struct outputs *out, bool detail)
{
	bool written;

	if (!c->n) {
		pn_cli_error("stopped before anything was simulated");
		drop(out);
		return CLI_STOPPED;
	}
	if (c->n < o->modes)
		pn_cli_error("stopped: %u of %u modes were not begun", o->modes - c->n, o->modes);
	else if (c->draws < o->draws)
		pn_cli_error("stopped: %u of %u draws are complete", c->draws, o->draws);
	written = write_all(o, out, c, sc);
	print(o, c, sc, detail);
	return written ? status_of(c) : CLI_INPUT;
}

/*
 * A mode that does not fit is an error of the command line, unless a line of the scenario requires
 * what the mode cannot have.
 */
static int all_fit(const struct pn_cli_options *o, const struct pn_cli_work *w)
{
	struct pn_diag d = {0};

	for (unsigned i = 0; i < o->modes; i++) {
		const struct pn_scenario *sc = w->of[o->mode[i].info->work];

		if (!pn_scenario_fits(sc ? sc : pn_cli_first(w), &o->mode[i], &d))
			continue;
		pn_cli_diag(&d);
		return d.line ? CLI_INPUT : CLI_USAGE;
	}
	return CLI_DONE;
}

static bool window_fits(const struct pn_cli_options *o, const struct pn_scenario *sc)
{
	uint64_t end = sc->machine.warmup + sc->machine.duration;

	if (o->trace_from < end)
		return true;
	pn_cli_error("--trace-window: the simulation ends after %llu ns, its warm-up included",
		     (unsigned long long)end);
	return false;
}

int pn_cli_compare_work(const struct pn_cli_options *o, const struct pn_cli_work *w,
			struct pn_recording *rec, bool detail)
{
	struct pn_comparison c = {0};
	struct outputs out;
	int status = all_fit(o, w);

	if (status != CLI_DONE)
		return status;
	status = CLI_INPUT;
	if (rec)
		c.recording = pn_recording_summary(rec);
	if (!window_fits(o, pn_cli_first(w)))
		return CLI_USAGE;
	if (!spares_inputs(o, rec != NULL))
		return CLI_USAGE;
	if (!open_all(o, &out))
		return CLI_INPUT;
	if (out.trace.f && !pn_cli_trace_perfetto(o))
		fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", out.trace.f);
	if (o->draws ? pn_cli_run_draws(o, w, &c) : pn_cli_run_modes(o, w, rec, out.trace.f, &c))
		status = finish(o, &c, pn_cli_first(w), &out, detail);
	else
		drop(&out);
	pn_cli_free(&c);
	return status;
}

struct pn_scenario *pn_cli_load(struct pn_cli_options *o, const char *name, int *status)
{
	struct pn_scenario *sc;
	struct pn_diag d = {0};
	char duration[64];
	int r;

	o->set[o->sets] = NULL;
	if (o->duration) {
		snprintf(duration, sizeof(duration), "machine.duration=%lluns",
			 (unsigned long long)o->duration);
		o->set[o->sets] = duration;
		o->set[o->sets + 1] = NULL;
	}
	r = pn_scenario_load(name, o->costs, o->set, &sc, &d);
	o->set[o->sets] = NULL;
	if (!r)
		return sc;
	if (!d.text[0])
		pn_diag_set(&d, r, name, 0, "%s", strerror(-r));
	if (o->duration && !strcmp(d.file, "--set") && !strncmp(d.text, "duration =", 10))
		snprintf(d.file, sizeof(d.file), "--duration");
	pn_cli_diag(&d);
	/* A wrong --set or --duration is an error of the command line, not of a file. */
	*status = strncmp(d.file, "--", 2) ? CLI_INPUT : CLI_USAGE;
	return NULL;
}
