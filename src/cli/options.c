/* SPDX-License-Identifier: MIT */
/* The options that compare, run and replay share: modes, scenario values, costs, seed, outputs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "options.h"
#include "scenario.h"
#include "units.h"
#include "usage.h"

enum {
	OPT_COSTS = 0x200,
	OPT_SET,
	OPT_DURATION,
	OPT_SEED,
	OPT_JSON,
	OPT_REPORT,
	OPT_TRACE,
	OPT_TRACE_WINDOW,
	OPT_HGRM,
};

static const struct argp_option options[] = {
	{"costs", OPT_COSTS, "FILE.ini", 0, "cost table: a file or a built-in name", 1},
	{"set", OPT_SET, "SECTION.KEY=VALUE", 0, "change one value of the scenario (repeatable)",
	 1},
	{"duration", OPT_DURATION, "TIME", 0, "simulated time, as 500ms or 2s", 1},
	{"seed", OPT_SEED, "N", 0, "random seed (default 1); the same seed gives the same bytes",
	 1},
	{"json", OPT_JSON, NULL, 0, "print one JSON object", 2},
	{"report", OPT_REPORT, "FILE.html", 0, "write a page with curves and the cost table", 2},
	{"trace", OPT_TRACE, "FILE", 0,
	 "write a trace that opens in Perfetto (the first million steps of each mode): in "
	 "Perfetto's format, or in Chrome's if the name ends in .json; compressed if it ends in "
	 ".gz",
	 2},
	{"trace-window", OPT_TRACE_WINDOW, "FROM,FOR", 0,
	 "all steps of this span of the simulated time instead, which begins with the warm-up "
	 "(20ms,500us)",
	 2},
	{"hgrm", OPT_HGRM, "DIR", 0, "write latency histograms (.hgrm, in microseconds)", 2},
	{0},
};

/* An error in the command line: prints it and ends the program. */
__attribute__((noreturn)) static void refuse(const struct pn_diag *d)
{
	pn_cli_diag(d);
	exit(CLI_USAGE);
}

void pn_cli_options_init(struct pn_cli_options *o)
{
	memset(o, 0, sizeof(*o));
	o->seed = 1;
}

void pn_cli_add_modes(struct pn_cli_options *o, const char *list)
{
	struct pn_diag d = {0};
	char text[128];

	for (;;) {
		size_t len = strcspn(list, ",");

		if (o->modes == CLI_MAX_MODES) {
			pn_diag_set(&d, -EINVAL, NULL, 0, "more than %d modes", CLI_MAX_MODES);
			refuse(&d);
		}
		snprintf(text, sizeof(text), "%.*s", (int)len, list);
		if (pn_mode_parse(text, &o->mode[o->modes], &d))
			refuse(&d);
		o->modes++;
		if (!list[len])
			return;
		list += len + 1;
	}
}

void pn_cli_add_workload(struct pn_cli_options *o, enum pn_workload work)
{
	for (unsigned i = 0; pn_modes[i] && o->modes < CLI_MAX_MODES; i++)
		if (pn_mode_runs(pn_modes[i], work))
			o->mode[o->modes++] = pn_mode_plain(pn_modes[i]);
}

static void parse_duration(struct pn_cli_options *o, const char *arg, struct argp_state *state)
{
	if (pn_parse_time(arg, &o->duration) || !o->duration)
		pn_cli_usage(state, "--duration: '%s' is not a time (expected 500ms, 2s)", arg);
}

/* "20ms,500us" */
static void parse_window(struct pn_cli_options *o, const char *arg, struct argp_state *state)
{
	const char *comma = strchr(arg, ',');
	char from[64];
	uint64_t length = 0;

	snprintf(from, sizeof(from), "%.*s", (int)(comma ? comma - arg : 0), arg);
	if (!comma || pn_parse_time(from, &o->trace_from) || pn_parse_time(comma + 1, &length) ||
	    !length || o->trace_from > INT64_MAX || length > INT64_MAX)
		pn_cli_usage(state, "--trace-window: '%s' is not FROM,FOR (expected 20ms,500us)",
			     arg);
	o->trace_until = o->trace_from + length;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

bool pn_cli_is_perfetto(const char *path)
{
	return !ends_with(path, ".json") && !ends_with(path, ".json.gz");
}

bool pn_cli_trace_perfetto(const struct pn_cli_options *o)
{
	return o->trace && pn_cli_is_perfetto(o->trace);
}

bool pn_cli_whole(const char *arg, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(arg, &end, 10);
	return !errno && end != arg && !*end && *arg != '-' && *out >= min && *out <= max;
}

bool pn_cli_seconds(const char *arg, double max, double *out)
{
	char *end;

	*out = strtod(arg, &end);
	return end != arg && !*end && *out > 0 && *out <= max;
}

uint64_t pn_cli_seed_value(const char *arg, struct argp_state *state)
{
	uint64_t seed;
	char *end;

	errno = 0;
	seed = strtoull(arg, &end, 0);
	if (errno || end == arg || *end || *arg == '-' || seed > INT64_MAX)
		pn_cli_usage(state, "--seed: '%s' is not a number (expected 0 .. 2^63 - 1)", arg);
	return seed;
}

static void add_set(struct pn_cli_options *o, const char *arg, struct argp_state *state)
{
	const char *eq = strchr(arg, '='), *dot = strchr(arg, '.');

	if (!eq || !dot || dot > eq)
		pn_cli_usage(state, "--set: '%s' is not SECTION.KEY=VALUE", arg);
	if (o->sets == CLI_MAX_SETS)
		pn_cli_usage(state, "more than %d --set", CLI_MAX_SETS);
	o->set[o->sets++] = arg;
}

static int parse(int key, char *arg, struct argp_state *state)
{
	struct pn_cli_options *o = state->input;

	switch (key) {
	case OPT_COSTS:
		o->costs = arg;
		return 0;
	case OPT_SET:
		add_set(o, arg, state);
		return 0;
	case OPT_DURATION:
		parse_duration(o, arg, state);
		return 0;
	case OPT_SEED:
		o->seed = pn_cli_seed_value(arg, state);
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_REPORT:
		o->report = arg;
		return 0;
	case OPT_TRACE:
		o->trace = arg;
		return 0;
	case OPT_TRACE_WINDOW:
		parse_window(o, arg, state);
		return 0;
	case OPT_HGRM:
		o->hgrm = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->trace_until && !o->trace)
			pn_cli_usage(state, "--trace-window is for --trace");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp pn_cli_common = {options, parse, NULL, NULL, NULL, NULL, NULL};

static const struct argp_option seed_option[] = {
	{"seed", OPT_SEED, "N", 0, "accepted, but has no effect here", 0},
	{0},
};

static int ignore_seed(int key, char *arg, struct argp_state *state)
{
	if (key != OPT_SEED)
		return ARGP_ERR_UNKNOWN;
	(void)pn_cli_seed_value(arg, state);
	return 0;
}

const struct argp pn_cli_seed = {seed_option, ignore_seed, NULL, NULL, NULL, NULL, NULL};

double pn_cli_rate(const char *arg, struct argp_state *state)
{
	char *end;
	double ghz = strtod(arg, &end);

	if (end == arg || *end || !(ghz >= 1e-9 && ghz <= 1000))
		pn_cli_usage(state, "--tsc-ghz: '%s' is not a rate (expected 3.0, GHz)", arg);
	return ghz;
}

void pn_cli_one_recording(const char **input, const char *arg, struct argp_state *state)
{
	if (*input)
		pn_cli_usage(state, "one recording at a time, '%s' is a second one", arg);
	*input = arg;
}
