/* SPDX-License-Identifier: MIT */
/* `postern sweep`: a grid of runs, in worker processes, into a database; then its reports. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "farm.h"
#include "options.h"
#include "outfile.h"
#include "progress.h"
#include "ranks.h"
#include "sweep_report.h"
#include "usage.h"

enum { OPT_DB = 0x100, OPT_CSV, OPT_REPORT, OPT_YES, OPT_JSON, OPT_JOBS };

struct sweep_options {
	const char *file, *db, *csv, *report;
	bool yes, json;
	unsigned jobs; /* 0: one for each processor */
};

/* The manager's side. */
struct sweep {
	const struct sweep_options *o;
	const struct pn_sweep *s;
	struct pn_sweep_db *db;
	unsigned char *made;  /* a bit for each run */
	uint64_t next, asked; /* the first run not given out; how many were */
	struct pn_sweep_state st;
	uint64_t fresh; /* made by this program */
	struct pn_diag diag;
	bool broken;	     /* the database cannot be written */
	struct pn_diag lost; /* the first run that failed */
};

/* What a worker answers. */
struct answer {
	int32_t err;
	char text[300];
	struct pn_sweep_record r;
};

/* ---- a worker ---- */

static size_t work(void *ctx, uint64_t task, const void **answer)
{
	static struct answer a;
	const struct sweep *w = ctx;
	struct pn_diag d = {0};

	memset(&a, 0, sizeof(a));
	a.err = pn_sweep_do(w->s, task, NULL, &a.r, &d);
	a.r.id = task;
	if (a.err)
		snprintf(a.text, sizeof(a.text), "%.299s", d.text);
	*answer = &a;
	return sizeof(a);
}

/* ---- the manager ---- */

static bool is_made(const struct sweep *w, uint64_t id)
{
	return w->made[id / 8] >> (id % 8) & 1;
}

static void mark_made(void *ctx, uint64_t id)
{
	struct sweep *w = ctx;

	if (id >= w->s->runs || is_made(w, id))
		return;
	w->made[id / 8] |= (unsigned char)(1u << (id % 8));
	w->st.done++;
}

static bool next(void *ctx, uint64_t *task)
{
	struct sweep *w = ctx;

	while (w->next < w->s->runs && is_made(w, w->next))
		w->next++;
	if (w->next == w->s->runs)
		return false;
	*task = w->next++;
	w->asked++;
	return true;
}

static uint64_t left(void *ctx)
{
	const struct sweep *w = ctx;

	return w->s->runs - w->next;
}

static void run_failed(struct sweep *w, uint64_t task, const char *why)
{
	char at[400], mode[64];
	struct pn_sweep_run run;

	w->st.failed++;
	if (w->st.failed > 1)
		return;
	pn_sweep_at(w->s, task, &run);
	pn_sweep_point_text(w->s, run.point, at, sizeof(at));
	pn_diag_set(&w->lost, -EIO, w->s->path, 0, "run %llu (%s%s%s, seed %llu): %s",
		    (unsigned long long)task, at, *at ? ", " : "",
		    pn_mode_text(&w->s->mode[run.mode], mode, sizeof(mode)),
		    (unsigned long long)pn_sweep_seed(w->s, run.seed), why);
}

static bool done(void *ctx, uint64_t task, const void *answer, size_t size, const char *why)
{
	struct sweep *w = ctx;
	struct answer a;

	if (!answer || size != sizeof(a) || task >= w->s->runs) {
		run_failed(w, task, why ? why : "its answer is none");
		return true;
	}
	memcpy(&a, answer, sizeof(a));
	if (a.err) {
		a.text[sizeof(a.text) - 1] = 0;
		run_failed(w, task, a.text[0] ? a.text : strerror(-a.err));
		return true;
	}
	if (pn_sweep_db_add(w->db, &a.r, &w->diag)) {
		w->broken = true;
		return false;
	}
	mark_made(w, task);
	w->fresh++;
	return true;
}

static bool idle(void *ctx)
{
	struct sweep *w = ctx;

	if (pn_progress_due())
		pn_progress_line("%llu of %llu runs  %.3g runs per s",
				 (unsigned long long)w->st.done, (unsigned long long)w->s->runs,
				 (double)w->fresh / pn_progress_seconds());
	w->broken |= pn_sweep_db_flush(w->db, false, &w->diag) != 0;
	return !w->broken;
}

/* ---- the database, the runs ---- */

static int open_db(struct sweep *w)
{
	struct pn_diag d = {0};
	int err;

	w->made = calloc(1, w->s->runs / 8 + 1);
	err = w->made ? pn_sweep_db_open(w->o->db, w->s, &w->db, &d) : -ENOMEM;
	if (!err)
		err = pn_sweep_db_ids(w->db, mark_made, w, &d);
	return err ? pn_cli_refuse(&d, err, w->o->db) : CLI_DONE;
}

static int make_runs(struct sweep *w, const struct pn_farm *f, struct pn_pool *pool,
		     const struct pn_ranks *ranks)
{
	bool all;

	pn_progress_begin();
	all = ranks ? pn_ranks_manage(ranks, f, pool) : pn_farm_run(f, pool);
	pn_progress_end();
	w->st.partial = !all;
	if (!w->broken && pn_sweep_db_flush(w->db, true, &w->diag))
		w->broken = true;
	if (!w->broken)
		return CLI_DONE;
	pn_cli_diag(&w->diag);
	return CLI_INPUT;
}

static int count_violated(void *ctx, const struct pn_sweep_record *r)
{
	*(uint64_t *)ctx += r->violated;
	return 0;
}

/* ---- reports ---- */

typedef int report_fn(struct pn_sweep_db *db, const struct pn_sweep *s,
		      const struct pn_sweep_state *st, FILE *f);

static int csv(struct pn_sweep_db *db, const struct pn_sweep *s, const struct pn_sweep_state *st,
	       FILE *f)
{
	(void)st;
	return pn_sweep_csv(db, s, f);
}

static int write_file(struct sweep *w, struct pn_outfile *o, report_fn *report)
{
	int err;

	if (!o->f)
		return 0;
	err = report(w->db, w->s, &w->st, o->f);
	if (err) {
		pn_cli_error("%s: %s", o->path, strerror(-err));
		pn_outfile_drop(o);
		return -1;
	}
	return pn_outfile_commit(o);
}

static int report(struct sweep *w, struct pn_outfile *page, struct pn_outfile *table)
{
	int err = pn_sweep_db_each(w->db, count_violated, &w->st.violated, &w->diag);

	if (!err)
		err = w->o->json ? pn_sweep_json(w->db, w->s, &w->st, stdout)
				 : pn_sweep_table(w->db, w->s, &w->st, stdout);
	/* standard output is looked at when the program ends */
	if (err && !ferror(stdout))
		return pn_cli_refuse(&w->diag, err, w->o->db);
	if (write_file(w, table, csv) || write_file(w, page, pn_sweep_html))
		return CLI_INPUT;
	if (w->st.failed) {
		pn_cli_diag(&w->lost);
		if (w->st.failed > 1)
			pn_cli_error("%llu runs failed, this is the first; the same command makes "
				     "them again",
				     (unsigned long long)w->st.failed);
		return CLI_INPUT;
	}
	if (w->st.partial)
		return CLI_STOPPED;
	return w->st.violated ? CLI_VIOLATED : CLI_DONE;
}

/* ---- the whole ---- */

/* No file that is read is written. */
static bool spares_inputs(const struct sweep *w)
{
	const char *output[] = {w->o->csv, w->o->report};

	for (unsigned i = 0; i < 2; i++) {
		if (!pn_outfile_spares(w->o->file, "sweep", output[i]) ||
		    !pn_outfile_spares(w->s->scenario, "scenario", output[i]) ||
		    !pn_outfile_spares(w->s->costs, "cost table", output[i]))
			return false;
		if (!w->o->db || !output[i] || !pn_outfile_same(w->o->db, output[i]))
			continue;
		pn_cli_error("%s is the database itself (expected another file to write)",
			     output[i]);
		return false;
	}
	return true;
}

static int manage(struct sweep *w, const struct pn_farm *f, struct pn_pool *pool,
		  const struct pn_ranks *ranks)
{
	struct pn_outfile page = {0}, table = {0};
	int status = spares_inputs(w) ? open_db(w) : CLI_USAGE;

	if (status != CLI_DONE)
		return status;
	if (pn_outfile_open(&page, w->o->report) || pn_outfile_open(&table, w->o->csv))
		status = CLI_INPUT;
	if (status == CLI_DONE)
		status = make_runs(w, f, pool, ranks);
	if (status == CLI_DONE)
		status = report(w, &page, &table);
	pn_outfile_drop(&page);
	pn_outfile_drop(&table);
	if (pn_sweep_db_close(w->db, &w->diag) && !w->broken) {
		pn_cli_diag(&w->diag);
		status = CLI_INPUT;
	}
	return status;
}

/* What is wrong with this rank's input; empty: nothing. */
static void problem_of(const struct sweep_options *o, const struct pn_sweep *s,
		       const struct pn_diag *d, char *text, size_t size)
{
	text[0] = 0;
	if (!s && d->line)
		snprintf(text, size, "%s:%lu: %s", d->file, d->line, d->text);
	else if (!s)
		snprintf(text, size, "%s: %s", d->file[0] ? d->file : o->file, d->text);
	else if (s->runs > PN_SWEEP_ASK && !o->yes)
		snprintf(text, size, "%s: %llu runs (--yes if they are meant)", s->path,
			 (unsigned long long)s->runs);
}

static int in_ranks(struct sweep *w, struct pn_farm *f, struct pn_pool *pool,
		    const struct pn_ranks *ranks, const char *problem)
{
	char text[PN_PROBLEM + 200];
	bool agreed =
		pn_ranks_agree(ranks, problem, w->s ? pn_sweep_hash(w->s) : 0, text, sizeof(text));
	int status = CLI_INPUT;

	if (!agreed && !ranks->rank)
		pn_cli_error("%s", text);
	if (agreed)
		status = ranks->rank ? pn_ranks_serve(ranks, pool) : manage(w, f, pool, ranks);
	pn_ranks_close(ranks, status, agreed);
	return status;
}

static unsigned jobs_of(const struct sweep_options *o)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (o->jobs)
		return o->jobs;
	/* a rank is usually there for each processor */
	if (pn_ranks_wanted())
		return 1;
	return cpus < 1 ? 1 : cpus > PN_FARM_JOBS ? PN_FARM_JOBS : (unsigned)cpus;
}

static int run(const struct sweep_options *o)
{
	struct pn_sweep *s = NULL;
	struct pn_diag d = {0};
	struct sweep w = {.o = o};
	struct pn_farm f = {work, next, done, idle, left, pn_cli_stopped, &w, jobs_of(o)};
	struct pn_pool *pool = NULL;
	const struct pn_ranks *ranks;
	char problem[PN_PROBLEM];
	int status;

	pn_sweep_load(o->file, &s, &d);
	problem_of(o, s, &d, problem, sizeof(problem));
	w.s = s;
	/* before MPI begins, and before there is a database that a child must not touch */
	if (!problem[0]) {
		pn_cli_catch_term();
		pool = pn_pool_open(&f);
		if (!pool)
			snprintf(problem, sizeof(problem), "no process could be started: %s",
				 strerror(errno));
	}
	ranks = pn_ranks_wanted() ? pn_ranks_open() : NULL;
	if (pn_ranks_wanted() && !ranks)
		status = CLI_INPUT;
	else if (ranks)
		status = in_ranks(&w, &f, pool, ranks, problem);
	else if (problem[0])
		pn_cli_error("%s", problem), status = CLI_INPUT;
	else
		status = manage(&w, &f, pool, NULL);
	if (pool)
		pn_pool_close(pool);
	pn_sweep_free(s);
	free(w.made);
	return status;
}

static unsigned parse_jobs(const char *arg, struct argp_state *state)
{
	uint64_t n;

	if (!pn_cli_whole(arg, 1, PN_FARM_JOBS, &n))
		pn_cli_usage(state, "--jobs: '%s' is not a number of processes (expected 1 .. %d)",
			     arg, PN_FARM_JOBS);
	return (unsigned)n;
}

static int parse(int key, char *arg, struct argp_state *state)
{
	struct sweep_options *o = state->input;

	switch (key) {
	case OPT_DB:
		/* SQLite would take a file that goes with the program */
		if (!*arg)
			pn_cli_usage(state, "--db: a file without a name");
		o->db = arg;
		return 0;
	case OPT_CSV:
		o->csv = arg;
		return 0;
	case OPT_REPORT:
		o->report = arg;
		return 0;
	case OPT_YES:
		o->yes = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_JOBS:
		o->jobs = parse_jobs(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (o->file)
			pn_cli_usage(state, "one sweep at a time, '%s' is a second one", arg);
		o->file = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		pn_cli_usage(state, "no sweep is named (a file, or one of postern list sweeps)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int pn_cli_sweep(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"db", OPT_DB, "FILE", 0,
		 "keep the runs in this SQLite database; those that are there are not made again",
		 1},
		{"jobs", OPT_JOBS, "N", 0,
		 "runs at a time (default: one for each processor; one in each MPI rank)", 1},
		{"yes", OPT_YES, NULL, 0, "yes, more than 100000 runs are meant", 1},
		{"json", OPT_JSON, NULL, 0, "print one JSON object", 2},
		{"csv", OPT_CSV, "FILE", 0, "write a line for each run", 2},
		{"report", OPT_REPORT, "FILE.html", 0, "write a page with a chart for each figure",
		 2},
		{0},
	};
	static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"SWEEP.ini",
		"Runs a scenario at every combination of some keys' values, in several modes, with "
		"several seeds: "
		"means with their intervals, and where modes change places. docs/sweep.md has the "
		"file's keys.\v"
		"Examples:\n"
		"  postern sweep sparse-rate\n"
		"  postern sweep mine.ini --db mine.db --report mine.html\n"
		"  mpirun -n 64 postern sweep mine.ini --db mine.db",
		children,
		NULL,
		NULL};
	struct sweep_options o = {0};

	pn_cli_parse(&argp, argc, argv, &o);
	return run(&o);
}
