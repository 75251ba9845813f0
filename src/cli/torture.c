/* SPDX-License-Identifier: MIT */
/* `postern torture`: a mode on real threads, and where every interrupt went. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "case_parse.h"
#include "cli.h"
#include "json_out.h"
#include "nearest.h"
#include "options.h"
#include "progress.h"
#include "ranks.h"
#include "torture.h"
#include "torture_ranks.h"
#include "units.h"
#include "usage.h"

#define SECONDS_MAX 1e7
#define THREADS_DFL 3
#define VCPUS_DFL   4
#define DEVICES_DFL 2

struct options {
	const char *mode, *mistake, *seconds, *posts, *cpus, *vcpus, *devices;
	uint64_t seed;
	bool json;
};

/* ---- options ---- */

static bool number(const char *what, const char *arg, unsigned max, unsigned *out)
{
	uint64_t n;

	if (!arg)
		return true;
	if (!pn_cli_whole(arg, 1, max, &n)) {
		pn_cli_error("--%s: '%s' is not possible (expected 1 .. %u)", what, arg, max);
		return false;
	}
	*out = (unsigned)n;
	return true;
}

static bool duration(const char *arg, double *out)
{
	if (!arg || pn_cli_seconds(arg, SECONDS_MAX, out))
		return true;
	pn_cli_error("--seconds: '%s' is not possible (expected more than 0, at most %.0f)", arg,
		     SECONDS_MAX);
	return false;
}

static bool mistake(const char *arg, unsigned *out)
{
	const char *near;

	if (!arg)
		return true;
	for (unsigned i = 1; i < PN_MISTAKE_NR; i++)
		if (!strcmp(arg, pn_mistake_names[i])) {
			*out = i;
			return true;
		}
	near = pn_nearest(arg, pn_mistake_names + 1, PN_MISTAKE_NR - 1);
	if (near)
		pn_cli_error("--mistake: there is no '%s' (did you mean '%s'?)", arg, near);
	else
		pn_cli_error("--mistake: there is no '%s' (see docs/torture.md)", arg);
	return false;
}

static bool posts(const char *arg, uint64_t *out)
{
	if (!arg || (!pn_parse_count(arg, out) && *out))
		return true;
	pn_cli_error("--posts: '%s' is no number of interrupts (expected 100k, 1000M)", arg);
	return false;
}

/* A vCPU has to have another one to send IPIs to. */
static bool fits(const struct pn_torture_config *cfg)
{
	if (cfg->mode.info->work != PN_WORK_IPI || cfg->vcpus > 1)
		return true;
	pn_cli_error("mode '%s' needs two vCPUs at least", cfg->mode.info->name);
	return false;
}

static bool configure(const struct options *o, struct pn_torture_config *cfg)
{
	struct pn_diag d = {0};

	if (!o->mode) {
		pn_cli_error("torture needs --mode MODE (see postern list modes)");
		return false;
	}
	if (pn_mode_parse(o->mode, &cfg->mode, &d)) {
		pn_cli_diag(&d);
		return false;
	}
	return duration(o->seconds, &cfg->seconds) && posts(o->posts, &cfg->posts) &&
	       number("cpus", o->cpus, PN_TORTURE_CPUS, &cfg->cpus) &&
	       number("vcpus", o->vcpus, PN_TORTURE_VCPUS, &cfg->vcpus) &&
	       number("devices", o->devices, PN_TORTURE_DEVICES, &cfg->devices) &&
	       mistake(o->mistake, &cfg->mistake) && fits(cfg);
}

/* ---- output ---- */

static const char *verdict(const struct pn_torture_result *r)
{
	if (r->property[0])
		return r->property;
	return r->partial ? "held so far" : "held";
}

static json_t *chores(const struct pn_torture_result *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < r->chores; i++)
		json_object_set_new(o, r->chore[i].name,
				    json_integer((json_int_t)r->chore[i].done));
	return o;
}

/* A machine that did not come to rest was not counted: its threads still run. */
static json_t *counted(const struct pn_torture_result *r, uint64_t n)
{
	return r->stuck ? json_null() : json_integer((json_int_t)n);
}

/* @ranks: 0 without MPI. */
static json_t *as_json(const struct pn_torture_config *cfg, const struct pn_torture_result *r,
		       int ranks)
{
	char mode[64];
	json_t *o = json_pack(
		"{s:s, s:s, s:I, s:b, s:f, s:I, s:{s:i, s:i, s:i}}", "schema", "postern.torture/1",
		"mode", pn_mode_text(&cfg->mode, mode, sizeof(mode)), "seed", (json_int_t)cfg->seed,
		"partial", r->partial, "seconds", r->seconds, "rounds", (json_int_t)r->rounds,
		"threads", "cpus", (int)cfg->cpus, "vcpus",
		cfg->mode.info->work == PN_WORK_BARE ? 0 : (int)cfg->vcpus, "devices",
		cfg->mode.info->work == PN_WORK_IPI ? 0 : (int)cfg->devices);

	json_object_update_new(
		o, json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}}", "posts",
			     (json_int_t)r->posts, "delivered", (json_int_t)r->delivered,
			     "coalesced", counted(r, r->coalesced), "lost", counted(r, r->lost),
			     "masked", counted(r, r->masked), "merged_seen", counted(r, r->merged),
			     "wakeups", "sleeps", counted(r, r->sleeps), "woken",
			     counted(r, r->woken), "missed", counted(r, r->missed)));
	json_object_update_new(o,
			       json_pack("{s:o, s:o, s:o, s:o, s:o}", "moves", counted(r, r->moves),
					 "preemptions", counted(r, r->preemptions),
					 "host_interrupts", counted(r, r->irqs), "illegal",
					 counted(r, r->illegal), "chores", chores(r)));
	if (ranks)
		json_object_set_new(o, "ranks", json_integer(ranks));
	json_object_set_new(
		o, "violation",
		r->property[0] ? json_pack("{s:s, s:s}", "property", r->property, "text", r->text)
			       : json_null());
	return o;
}

static void row(const char *what, uint64_t n, const char *note)
{
	printf("  %-14s %15" PRIu64 "  %s\n", what, n, note);
}

/* What is known of a machine at rest only. */
static void print_counted(const struct pn_torture_config *cfg, const struct pn_torture_result *r)
{
	row("coalesced", r->coalesced, "sent while another one was pending");
	row("lost", r->lost, "sent, and nowhere");
	if (r->masked)
		row("masked", r->masked, "pending, held back by a priority");
	if (cfg->mode.info->work != PN_WORK_BARE) {
		row("sleeps", r->sleeps, "of vCPUs");
		row("wakeups missed", r->missed, "vCPUs that sleep on with an interrupt to take");
		row("moves", r->moves, "of vCPUs to another CPU");
	}
	row("preemptions", r->preemptions, "");
	row("interrupts", r->irqs, "of the host");
	if (r->illegal)
		row("illegal", r->illegal, "messages with a vector below 16: dropped");
}

static void print(const struct pn_torture_config *cfg, const struct pn_torture_result *r, int ranks)
{
	char mode[64];

	printf("%s on real threads", pn_mode_text(&cfg->mode, mode, sizeof(mode)));
	if (ranks)
		printf(" of %d ranks", ranks);
	printf(": %.1f s, %" PRIu64 " rounds, seed %" PRIu64 "%s\n\n", r->seconds, r->rounds,
	       cfg->seed, r->partial ? ", partial: it was interrupted" : "");
	row("posts", r->posts, "interrupts that were sent");
	row("delivered", r->delivered, "taken by a guest, or by the host's handler");
	if (!r->stuck)
		print_counted(cfg, r);
	for (unsigned i = 0; i < r->chores; i++)
		row(r->chore[i].name, r->chore[i].done, "");
	printf("\n%s%s%s\n", r->property[0] ? "violated: " : "", verdict(r),
	       r->property[0] ? "" : ": P1 to P7");
	if (r->property[0])
		printf("  %s\n", r->text);
}

static bool give_up(void *ctx)
{
	(void)ctx;
	return pn_cli_stopped();
}

static void progress(void *ctx, const struct pn_torture_result *r)
{
	(void)ctx;
	if (pn_progress_due())
		pn_progress_line("%.0f s, %" PRIu64 " rounds, %.1f M interrupts", r->seconds,
				 r->rounds, (double)r->posts / 1e6);
}

static int report(const struct pn_torture_config *cfg, const struct pn_torture_result *r, int ranks,
		  bool json)
{
	if (json)
		pn_cli_print_json(as_json(cfg, r, ranks));
	else
		print(cfg, r, ranks);
	if (r->property[0] || r->lost || r->missed)
		return CLI_VIOLATED;
	return r->partial ? CLI_STOPPED : CLI_DONE;
}

static int cannot(const struct pn_torture_config *cfg, int err)
{
	pn_cli_error("%u threads cannot be started here: %s", cfg->cpus + cfg->devices,
		     strerror(-err));
	return CLI_USAGE;
}

static int torture(const struct pn_torture_config *cfg, bool json)
{
	struct pn_torture_result r;
	int err;

	pn_cli_catch_stop();
	pn_progress_begin();
	err = pn_torture_run(cfg, &r);
	pn_progress_end();
	return err ? cannot(cfg, err) : report(cfg, &r, 0, json);
}

static int torture_ranks(const struct pn_torture_config *cfg, bool json)
{
	struct pn_torture_result r;
	int ranks, status, err;

	pn_cli_catch_term();
	err = pn_tranks_run(cfg, &r, &ranks);
	if (err > 0)
		return CLI_INPUT;
	status = err ? cannot(cfg, err) : report(cfg, &r, ranks, json);
	if (!pn_tranks_whole() && status == CLI_DONE)
		status = CLI_INPUT;
	pn_tranks_close(status);
	return status;
}

/* ---- the verb ---- */

enum {
	OPT_MODE = 0x300,
	OPT_SECONDS,
	OPT_POSTS,
	OPT_CPUS,
	OPT_VCPUS,
	OPT_DEVICES,
	OPT_MISTAKE,
	OPT_SEED,
	OPT_JSON
};

static int parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_MODE:
		o->mode = arg;
		return 0;
	case OPT_SECONDS:
		o->seconds = arg;
		return 0;
	case OPT_POSTS:
		o->posts = arg;
		return 0;
	case OPT_CPUS:
		o->cpus = arg;
		return 0;
	case OPT_VCPUS:
		o->vcpus = arg;
		return 0;
	case OPT_DEVICES:
		o->devices = arg;
		return 0;
	case OPT_MISTAKE:
		o->mistake = arg;
		return 0;
	case OPT_SEED:
		o->seed = pn_cli_seed_value(arg, state);
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int pn_cli_torture(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"mode", OPT_MODE, "MODE", 0, "mode, perhaps with variants: gappi:masked=none", 1},
		{"seconds", OPT_SECONDS, "N", 0, "how long (default 10)", 1},
		{"posts", OPT_POSTS, "N", 0,
		 "end earlier, when so many interrupts were sent: 1000M", 1},
		{"cpus", OPT_CPUS, "N", 0, "CPUs, each a thread (default 3)", 1},
		{"vcpus", OPT_VCPUS, "N", 0, "vCPUs, which are tasks of the CPUs (default 4)", 1},
		{"devices", OPT_DEVICES, "N", 0,
		 "IOMMUs whose devices post, each a thread (default 2)", 1},
		{"mistake", OPT_MISTAKE, "NAME", 0,
		 "make a known mistake, which should be found: no-fence (docs/torture.md)", 1},
		{"seed", OPT_SEED, "N", 0,
		 "of the random numbers (default 1); what threads make of them differs", 2},
		{"json", OPT_JSON, NULL, 0, "print one JSON object", 2},
		{0},
	};
	static const struct argp argp = {
		options,
		parse,
		"--mode MODE",
		"Runs the models of a mode on real threads: IOMMUs post, CPUs run vCPUs, which "
		"block, "
		"sleep and move, while interrupts are reassigned and CPUs go offline. Counts where "
		"every interrupt went, and looks whether anything was lost.\v"
		"Example:\n  postern torture --mode gappi --seconds 30\n"
		"  postern torture --mode gappi --mistake unlist-first\n"
		"  mpirun -n 64 postern torture --mode gappi --seconds 3600",
		NULL,
		NULL,
		NULL};
	struct options o = {.seed = 1};
	struct pn_torture_config cfg = {.cpus = THREADS_DFL,
					.vcpus = VCPUS_DFL,
					.devices = DEVICES_DFL,
					.seconds = 10,
					.give_up = give_up,
					.progress = progress};

	pn_cli_parse(&argp, argc, argv, &o);
	if (!configure(&o, &cfg))
		return CLI_USAGE;
	cfg.seed = o.seed;
	return pn_ranks_wanted() ? torture_ranks(&cfg, o.json) : torture(&cfg, o.json);
}
