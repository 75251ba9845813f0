/* SPDX-License-Identifier: MIT */
/* The command line of `postern explore`. */
#include "explore_options.h"

#include <argp.h>
#include <stdint.h>
#include <string.h>

#include "nearest.h"
#include "options.h"
#include "usage.h"

#define MAX_STEPS   32000 /* the explorer counts the steps of an agent in 15 bits */
#define MAX_SECONDS 1e6
#define MAX_BOUND   1000000
#define MAX_JOBS    1000000 /* that can be asked for */

enum {
	OPT_ALL = 0x100,
	OPT_VARIANT,
	OPT_MEMORY,
	OPT_METHOD,
	OPT_CHECK,
	OPT_OVERFLOW,
	OPT_BOUND,
	OPT_STEPS,
	OPT_SECONDS,
	OPT_JOBS,
	OPT_LIMIT,
	OPT_ALL_STEPS,
	OPT_JSON,
	OPT_TRACE,
	OPT_LINUX,
};

static uint64_t whole(struct argp_state *state, const char *option, const char *arg, uint64_t min,
		      uint64_t max)
{
	uint64_t v;

	if (!pn_cli_whole(arg, min, max, &v))
		pn_cli_usage(state, "%s: '%s' is not a number from %llu to %llu", option, arg,
			     (unsigned long long)min, (unsigned long long)max);
	return v;
}

static double seconds(struct argp_state *state, const char *arg)
{
	double v;

	if (!pn_cli_seconds(arg, MAX_SECONDS, &v))
		pn_cli_usage(state, "--seconds: '%s' is not a time in seconds (expected 0.5, 60)",
			     arg);
	return v;
}

/* Index of @arg among @names, of which the third may be NULL; ends the program if it is none. */
static unsigned one_of(struct argp_state *state, const char *what, const char *arg,
		       const char *const names[3])
{
	unsigned n = names[2] ? 3 : 2;
	const char *near;

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(arg, names[i]))
			return i;
	near = pn_nearest(arg, names, n);
	if (near)
		pn_cli_usage(state, "unknown %s '%s' (did you mean '%s'?)", what, arg, near);
	pn_cli_usage(state, "unknown %s '%s' (expected %s%s%s or %s)", what, arg, names[0],
		     n == 3 ? ", " : "", n == 3 ? names[1] : "", names[n - 1]);
	return 0;
}

/* Options of the search itself. */
static int parse_search(int key, char *arg, struct argp_state *state)
{
	static const char *const memories[] = {"x86-tso", "sc", NULL};
	static const char *const methods[] = {"states", "traces", "replay"};
	struct px_options *search = &((struct explore_options *)state->input)->search;

	switch (key) {
	case OPT_MEMORY:
		search->sc = one_of(state, "memory order", arg, memories);
		return 0;
	case OPT_METHOD:
		search->method = one_of(state, "method", arg, methods) ? PX_TRACES : PX_STATES;
		search->replay = !strcmp(arg, "replay");
		return 0;
	case OPT_CHECK:
		search->check_writes = true;
		return 0;
	case OPT_BOUND:
		search->bound = (unsigned)whole(state, "--bound", arg, 0, MAX_BOUND);
		return 0;
	case OPT_STEPS:
		search->max_steps = whole(state, "--steps", arg, 1, MAX_STEPS);
		return 0;
	case OPT_SECONDS:
		search->seconds = seconds(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Something is to be explored, and one thing only. */
static void check(struct argp_state *state, const struct explore_options *o)
{
	if (!o->name && !o->all && !o->linux_tree)
		pn_cli_usage(state,
			     "no case is given (a CASE, see postern list cases, a FILE, or --all)");
	if (o->name && o->all)
		pn_cli_usage(state, "a case, or --all, not both");
}

static int parse(int key, char *arg, struct argp_state *state)
{
	static const char *const variants[] = {"broken", "fixed", NULL};
	static const char *const restarts[] = {"needs_toggle", "w1c", NULL};
	struct explore_options *o = state->input;

	switch (key) {
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_VARIANT:
		o->variants = one_of(state, "variant", arg, variants) ? FIXED : BROKEN;
		return 0;
	case OPT_OVERFLOW:
		o->overflow_w1c = one_of(state, "restart", arg, restarts);
		return 0;
	case OPT_JOBS:
		o->jobs = (unsigned)whole(state, "--jobs", arg, 1, MAX_JOBS);
		return 0;
	case OPT_LIMIT:
		o->limit_mib = (unsigned)whole(state, "--memory-limit", arg, 1, 1u << 24);
		return 0;
	case OPT_ALL_STEPS:
		o->all_steps = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_TRACE:
		o->trace = arg;
		return 0;
	case OPT_LINUX:
		o->linux_tree = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->name)
			pn_cli_usage(state, "one case at a time, or --all");
		o->name = arg;
		return 0;
	case ARGP_KEY_END:
		check(state, o);
		return 0;
	default:
		return parse_search(key, arg, state);
	}
}

static const struct argp_option options[] = {
	{"all", OPT_ALL, NULL, 0, "every case", 1},
	{"variant", OPT_VARIANT, "broken|fixed", 0, "only this one (default: both)", 1},
	{"memory", OPT_MEMORY, "x86-tso|sc", 0,
	 "memory order: with store buffers (default), or sequential consistency", 1},
	{"method", OPT_METHOD, "states|traces|replay", 0,
	 "each state once (default); or each trace once, by checkpoints or by running again from "
	 "the start",
	 2},
	{"check-writes", OPT_CHECK, NULL, 0,
	 "slow: look after each step for writes that the compiler's hooks did not tell", 2},
	{"overflow-restart", OPT_OVERFLOW, "needs_toggle|w1c", 0,
	 "what makes a log that overflowed run again: enabling it anew (default), or clearing its "
	 "overflow bit alone",
	 1},
	{"bound", OPT_BOUND, "N", 0, "no more than N preemptions: not exhaustive", 2},
	{"steps", OPT_STEPS, "N", 0, "no more than N steps of an execution: not exhaustive", 2},
	{"seconds", OPT_SECONDS, "N", 0, "stop each search after N seconds: not finished", 2},
	{"memory-limit", OPT_LIMIT, "MiB", 0, "memory of each search (default 2048)", 2},
	{"jobs", OPT_JOBS, "N", 0,
	 "searches at a time (default, and at most: one for each processor)", 2},
	{"all-steps", OPT_ALL_STEPS, NULL, 0, "show steps that no other agent can notice, too", 3},
	{"json", OPT_JSON, NULL, 0, "print one JSON object", 3},
	{"trace", OPT_TRACE, "FILE", 0,
	 "write counter-examples to open in Perfetto: in its format, or in Chrome's if the name "
	 "ends in .json; compressed if it ends in .gz",
	 3},
	{"linux", OPT_LINUX, "TREE", 0,
	 "the cases of Linux's own code (docs/explore-linux.md), from the source tree at this "
	 "path, "
	 "or 7.3: Debian's",
	 1},
	{0},
};

static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};

static const struct argp argp = {
	options,
	parse,
	"CASE|FILE|--all",
	"Runs hardware and host code of a named case, or of one that a file describes, under every "
	"interleaving that the memory order allows. The broken variant has a real mistake that "
	"must be found; the fixed one "
	"must hold.\v"
	"Exit status: 0 as expected, 1 not as expected, 2 usage, 3 a search did not finish.\n\n"
	"Examples:\n  postern explore gappi-masked-irr\n"
	"  postern explore block-without-fence --variant broken --memory sc\n"
	"  postern explore ./mine.ini\n"
	"  postern explore --linux 7.3 migrates\n"
	"  postern explore --all --json",
	children,
	NULL,
	NULL};

void pn_explore_options(int argc, char **argv, struct explore_options *o)
{
	pn_cli_parse(&argp, argc, argv, o);
}
