/* SPDX-License-Identifier: MIT */
/* `postern explore`: jobs, text or JSON, exit status. xchild.c runs the explorations. */
#define _GNU_SOURCE /* sched_getaffinity() */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_text.h"
#include "cli.h"
#include "explore_linux.h"
#include "explore_options.h"
#include "explore_ranks.h"
#include "json_out.h"
#include "options.h"
#include "outfile.h"
#include "progress.h"
#include "ranks.h"
#include "nearest.h"
#include "xchild.h"
#include "xreport.h"

#define MAX_CASES     256
#define DEFAULT_LIMIT 2048 /* MiB */

/* ---- cases ---- */

/* The cases of the tree of Linux that was opened, or the project's own. */
static const struct pn_case *nth_case(const struct explore_options *o, unsigned i)
{
	return o->linux_tree ? pn_linux_case(i) : pn_case_get(i);
}

static const struct pn_case *find_case(const struct explore_options *o)
{
	const char *name = o->name;
	const char *names[MAX_CASES], *near;
	const struct pn_case *c;
	unsigned n = 0;

	while (n < MAX_CASES && (c = nth_case(o, n)) != NULL) {
		if (!strcmp(c->name, name))
			return c;
		names[n++] = c->name;
	}
	near = pn_nearest(name, names, n);
	if (near)
		pn_cli_error("there is no case '%s' (did you mean '%s'?)", name, near);
	else
		pn_cli_error("there is no case '%s' (see postern list cases)", name);
	return NULL;
}

/* A name that can only be a file's, or that is one. */
static bool is_file(const char *name)
{
	size_t len = strlen(name);

	return strchr(name, '/') || (len > 4 && !strcmp(name + len - 4, ".ini"));
}

/* The case that is asked for; NULL: there is none, and that was said. */
static const struct pn_case *wanted(const struct explore_options *o)
{
	const char *name = o->name;
	const struct pn_case *c = NULL;
	struct pn_diag d = {0};

	if (o->linux_tree || !is_file(name))
		return find_case(o);
	if (pn_case_load(name, &c, &d))
		pn_cli_diag(&d);
	return c;
}

/* False: the case has no such variant. */
static bool add_job(struct pn_xjob *j, const struct explore_options *o, const struct pn_case *c,
		    bool broken)
{
	/* Some mistakes need a store buffer, or a log that stays off, and are harmless without. */
	bool wrong =
		broken && !(o->search.sc && c->needs_tso) && !(o->overflow_w1c && c->needs_toggle);

	*j = (struct pn_xjob){.c = c, .variant = {broken, o->overflow_w1c}, .opt = o->search};
	j->memory = (size_t)o->limit_mib << 20;
	if (o->search.bound == UINT32_MAX && !o->linux_tree)
		j->opt.bound = pn_case_bound(c);
	j->opt.quick = wrong && j->opt.bound == UINT32_MAX;
	j->run.name = c->name;
	j->run.variant = broken ? "broken" : "fixed";
	j->run.memory = o->search.sc ? "sc" : "x86-tso";
	j->run.overflow_restart = o->overflow_w1c ? "w1c" : "needs_toggle";
	j->run.property = wrong ? c->property : NULL;
	j->run.bound = j->opt.bound;
	return !o->linux_tree || pn_linux_job(j);
}

static unsigned add_variants(struct pn_xjob *job, const struct explore_options *o,
			     const struct pn_case *c)
{
	unsigned n = 0;

	if (o->variants & BROKEN && !c->one_variant)
		n += add_job(&job[n], o, c, true);
	if (o->variants & FIXED)
		n += add_job(&job[n], o, c, false);
	return n;
}

static unsigned add_jobs(struct pn_xjob *job, const struct explore_options *o,
			 const struct pn_case *only)
{
	const struct pn_case *c;
	unsigned n = 0;

	if (only)
		return add_variants(job, o, only);
	for (unsigned i = 0; i < MAX_CASES && (c = nth_case(o, i)) != NULL; i++)
		n += add_variants(job + n, o, c);
	return n;
}

/* ---- output ---- */

/* A violation that was not expected outweighs a search that did not finish. */
static int status_of(const struct pn_xrun *run, unsigned n)
{
	int status = CLI_DONE;

	if (pn_cli_stopped())
		return CLI_STOPPED;
	for (unsigned i = 0; i < n; i++) {
		if (run[i].res.verdict != PX_UNFINISHED && !pn_xreport_as_expected(&run[i]))
			return CLI_VIOLATED;
		if (run[i].res.verdict == PX_UNFINISHED)
			status = CLI_INPUT;
	}
	return status;
}

static void print_text(const struct explore_options *o, const struct pn_case *c,
		       const struct pn_xrun *run, unsigned n)
{
	const char *text;

	pn_xreport_table(stdout, run, n);
	for (unsigned i = 0; c && i < n; i++) {
		if (run[i].res.verdict != PX_VIOLATION)
			continue;
		text = !strcmp(run[i].variant, "broken") ? c->broken : c->fixed;
		printf("\n%s%s%s\n\n", run[i].variant, *text ? ": " : "", text);
		pn_xreport_trace(stdout, &run[i], o->all_steps);
	}
}

/* Messages that the JSON object has no key for. */
static void say_unfinished(const struct pn_xrun *run, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (run[i].res.verdict == PX_UNFINISHED)
			pn_cli_error("%s, %s: not finished: %s", run[i].name, run[i].variant,
				     run[i].why);
}

static void print_json(const struct explore_options *o, const struct pn_xjob *job, unsigned jobs,
		       const struct pn_xrun *run, unsigned n)
{
	json_t *all = pn_xreport_json(run, n);

	if (o->linux_tree)
		json_object_set_new(all, "linux", pn_linux_json(job, jobs));
	pn_cli_print_json(all);
}

/* False: it cannot be written, which a message says. */
static bool write_trace(const struct explore_options *o, const struct pn_xrun *run, unsigned n,
			struct pn_outfile *trace)
{
	if (!trace->f)
		return true;
	if (pn_cli_is_perfetto(o->trace)) {
		if (pn_xreport_perfetto(run, n, trace->f)) {
			pn_cli_error("%s: %s", o->trace, strerror(ENOMEM));
			return false;
		}
	} else {
		json_t *chrome = pn_xreport_chrome(run, n);

		json_dumpf(chrome, trace->f, JSON_COMPACT);
		json_decref(chrome);
	}
	return !pn_outfile_commit(trace);
}

static int report(const struct explore_options *o, const struct pn_case *c,
		  const struct pn_xjob *job, unsigned jobs, const struct pn_xrun *run, unsigned n,
		  struct pn_outfile *trace)
{
	bool written = write_trace(o, run, n, trace);

	if (o->json) {
		print_json(o, job, jobs, run, n);
		say_unfinished(run, n);
	} else {
		print_text(o, c, run, n);
		if (o->linux_tree)
			pn_linux_print(job, jobs);
	}
	return written ? status_of(run, n) : CLI_INPUT;
}

static int explore(const struct explore_options *o, const struct pn_case *c, struct pn_xjob *job,
		   struct pn_xrun *run)
{
	static struct pn_outfile trace;
	unsigned n = add_jobs(job, o, c), done = 0;
	bool ranks = pn_ranks_wanted();
	int status;

	if (ranks && !pn_xranks_open(job, n, o->jobs))
		return CLI_INPUT;
	if (pn_outfile_open(&trace, o->trace)) {
		if (ranks)
			pn_xranks_close(CLI_INPUT);
		return CLI_INPUT;
	}
	if (ranks)
		pn_xranks_run();
	else
		pn_xjobs_run(job, n, o->jobs);
	for (unsigned i = 0; i < n; i++)
		if (job[i].done)
			run[done++] = job[i].run;
	status = report(o, c, job, n, run, done, &trace);
	pn_outfile_drop(&trace);
	pn_xjobs_free(job, n);
	if (ranks)
		pn_xranks_close(status);
	return status;
}

static unsigned processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return n < 1 ? 1 : n > PN_XJOBS_AT_ONCE ? PN_XJOBS_AT_ONCE : (unsigned)n;
}

/* More searches at a time than processors only take memory. */
static void limit_jobs(struct explore_options *o)
{
	unsigned n = processors();

	if (o->jobs <= n)
		return;
	pn_cli_error("--jobs %u: this machine has %u processor%s: %u at a time", o->jobs, n,
		     n == 1 ? "" : "s", n);
	o->jobs = n;
}

static bool lacks_variant(const struct explore_options *o, const struct pn_case *c)
{
	if (!c->one_variant || o->variants & FIXED)
		return false;
	pn_cli_error("%s has no broken variant: it has no mistake, and no broken. key", c->name);
	return true;
}

/* @c, or all cases. */
static int explore_all(struct explore_options *o, const struct pn_case *c)
{
	struct pn_xjob *job = calloc(2 * MAX_CASES, sizeof(*job));
	struct pn_xrun *run = calloc(2 * MAX_CASES, sizeof(*run));
	int status = CLI_INPUT;

	limit_jobs(o);
	pn_cli_catch_stop();
	if (job && run)
		status = explore(o, c, job, run);
	else
		pn_cli_error("out of memory");
	free(job);
	free(run);
	return status;
}

int pn_cli_explore(int argc, char **argv)
{
	struct explore_options o = {
		.variants = BROKEN | FIXED,
		.search = {.bound = UINT32_MAX},
		/* a rank is usually there for each processor */
		.jobs = pn_ranks_wanted() ? 1 : processors(),
		.limit_mib = DEFAULT_LIMIT,
	};
	const struct pn_case *c = NULL;
	int status;

	pn_explore_options(argc, argv, &o);
	if (o.linux_tree && pn_linux_open(o.linux_tree))
		return CLI_INPUT;
	if (o.name)
		c = wanted(&o);
	if (o.name && !c)
		status = !o.linux_tree && is_file(o.name) ? CLI_INPUT : CLI_USAGE;
	else if (c && lacks_variant(&o, c))
		status = CLI_USAGE;
	else
		status = explore_all(&o, c);
	if (o.linux_tree)
		pn_linux_close();
	else if (c && is_file(o.name))
		pn_case_free(c);
	return status;
}
