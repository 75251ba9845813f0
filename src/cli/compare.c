/* SPDX-License-Identifier: MIT */
/*
 * `postern compare` and `postern run`: a scenario through several modes, or through one in detail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "nearest.h"
#include "progress.h"
#include "runner.h"
#include "steps.h"
#include "usage.h"

#define DEFAULT_SCENARIO "passthrough-nvme"
#define DEFAULT_DRAWS	 16

static unsigned parse_draws(const char *arg, struct argp_state *state)
{
	uint64_t n;

	if (!arg)
		return DEFAULT_DRAWS;
	if (!pn_cli_whole(arg, 1, CLI_MAX_DRAWS, &n))
		pn_cli_usage(state,
			     "--sensitivity: '%s' is not a number of draws (expected 1 .. %d)", arg,
			     CLI_MAX_DRAWS);
	return (unsigned)n;
}

static void unknown_step(const char *text, struct argp_state *state)
{
	static const char *const groups[] = {"iommu", "processor", "host", "world"};
	const char *names[PN_ALL_STEPS_NR + 4], *near;

	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		names[i] = pn_any_step_key(i);
	memcpy(&names[PN_ALL_STEPS_NR], groups, sizeof(groups));
	near = pn_nearest(text, names, PN_ALL_STEPS_NR + 4);
	pn_cli_usage(
		state,
		"--steps: there is no step '%s' (%s%s%sexpected iommu, processor, host, world or a "
		"key of the cost table)",
		text, near ? "did you mean '" : "", near ? near : "", near ? "'? " : "");
}

/* "irr_set,host": keys of steps, and groups of them. */
static const bool *parse_steps(const char *arg, struct argp_state *state)
{
	static bool wanted[PN_ALL_STEPS_NR];
	char text[64];

	for (const char *list = arg; list;
	     list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL) {
		bool known = false;

		snprintf(text, sizeof(text), "%.*s", (int)strcspn(list, ","), list);
		for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
			if (strcmp(text, pn_any_step_key(i)) && strcmp(text, pn_step_group(i)))
				continue;
			wanted[i] = known = true;
		}
		if (!known)
			unknown_step(text, state);
	}
	if (!arg)
		memset(wanted, true, sizeof(wanted));
	return wanted;
}

static int parse_modes(int key, char *arg, struct argp_state *state)
{
	struct pn_cli_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = o;
		return 0;
	case CLI_OPT_MODES:
	case CLI_OPT_MODE:
		pn_cli_add_modes(o, arg);
		return 0;
	case CLI_OPT_FIDELITY:
		o->fidelity = true;
		return 0;
	case CLI_OPT_SENSITIVITY:
		o->draws = parse_draws(arg, state);
		return 0;
	case CLI_OPT_STEPS:
		o->steps = parse_steps(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (o->input)
			pn_cli_usage(state, "one scenario at a time, '%s' is a second one", arg);
		o->input = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&pn_cli_common, 0, NULL, 0}, {0}};

/*
 * The modes were not chosen by the user: modes that cannot have the inhibit that the scenario
 * provokes are left out. If no mode can, the scenario is refused, with the reason of the modes that
 * could in another APIC mode.
 */
static void leave_out(struct pn_cli_options *o, const struct pn_scenario *sc)
{
	bool any = false;
	unsigned n = 0;

	for (unsigned i = 0; i < o->modes; i++)
		any |= !pn_scenario_inhibits(sc, o->mode[i].info, NULL);
	for (unsigned i = 0; i < o->modes; i++) {
		const struct pn_mode_info *info = o->mode[i].info;
		int err = pn_scenario_inhibits(sc, info, NULL);

		if (any ? err : err == -ENOTSUP)
			o->left_out |= 1u << pn_mode_index(info);
		else
			o->mode[n++] = o->mode[i];
	}
	o->modes = n;
}

static int run_scenario(struct pn_cli_options *o, const char *name, bool detail)
{
	int status;
	struct pn_scenario *sc = pn_cli_load(o, name, &status);
	struct pn_cli_work w = {{NULL}};

	if (!sc)
		return status;
	if (!o->modes) {
		pn_cli_add_workload(o, sc->work);
		leave_out(o, sc);
	}
	/* by the workload of modes */
	for (unsigned i = 0; pn_modes[i]; i++)
		if (pn_mode_runs(pn_modes[i], sc->work))
			w.of[pn_modes[i]->work] = sc;
	pn_cli_catch_stop();
	status = pn_cli_compare_work(o, &w, NULL, detail);
	free(sc);
	return status;
}

int pn_cli_compare(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"modes", CLI_OPT_MODES, "A,B,C", 0,
		 "modes to compare (default: all that fit the scenario, see postern list modes)",
		 1},
		{"fidelity", CLI_OPT_FIDELITY, NULL, 0,
		 "prints every published figure beside the modelled one, and the values that "
		 "were chosen to fit it",
		 1},
		{"sensitivity", CLI_OPT_SENSITIVITY, "N", OPTION_ARG_OPTIONAL,
		 "repeats the comparison N times (default 16), each time with every cost that is "
		 "an assumption drawn between half and double: the range of each figure, and how "
		 "often each "
		 "sentence holds",
		 1},
		{0},
	};
	static const struct argp argp = {
		options,
		parse_modes,
		"[SCENARIO.ini]",
		"Runs the same workload through every mode that fits it and prints them side by "
		"side. Without a scenario: " DEFAULT_SCENARIO ".\v"
		"Examples:\n"
		"  postern compare overcommit --modes galog,gappi:masked=none --duration 500ms\n"
		"  postern compare nvme-bare-metal\n"
		"  postern compare ipi-storm --set machine.x2apic=no\n"
		"  postern compare storm --sensitivity\n"
		"  postern compare --fidelity",
		children,
		NULL,
		NULL};
	struct pn_cli_options o;

	pn_cli_options_init(&o);
	pn_cli_parse(&argp, argc, argv, &o);
	if (o.draws && (o.trace || o.hgrm)) {
		pn_cli_error("--sensitivity is about many runs, --trace and --hgrm are about one "
			     "each: give one or the other");
		return CLI_USAGE;
	}
	if (o.fidelity && (o.input || o.modes || o.sets || o.duration || o.draws || o.report ||
			   o.trace || o.hgrm)) {
		pn_cli_error("--fidelity has its own scenarios and modes: only --costs, --seed and "
			     "--json go with it");
		return CLI_USAGE;
	}
	if (o.fidelity)
		return pn_cli_fidelity(&o);
	return run_scenario(&o, o.input ? o.input : DEFAULT_SCENARIO, false);
}

int pn_cli_run(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"mode", CLI_OPT_MODE, "MODE", 0, "the mode, as in `postern list modes`", 1},
		{"steps", CLI_OPT_STEPS, "KIND,...", OPTION_ARG_OPTIONAL,
		 "prints each step of silicon and host, or those of KIND: iommu, processor, host, "
		 "world, or a key of the cost table",
		 2},
		{0},
	};
	static const struct argp argp = {
		options,
		parse_modes,
		"SCENARIO.ini --mode MODE",
		"Runs one mode and prints everything: exits by reason, steps with their counts and "
		"costs, histograms.\v"
		"Examples:\n"
		"  postern run overcommit --mode gappi --trace gappi.pftrace.gz\n"
		"  postern run sparse-wakeups --mode gappi --duration 2ms --steps=iommu,wake",
		children,
		NULL,
		NULL};
	struct pn_cli_options o;

	pn_cli_options_init(&o);
	pn_cli_parse(&argp, argc, argv, &o);
	if (!o.input || o.modes != 1) {
		pn_cli_error("%s (see postern run --help)",
			     o.input ? "run takes one --mode" : "run needs a scenario");
		return CLI_USAGE;
	}
	if (o.steps && o.json) {
		pn_cli_error("--steps prints text: give --steps or --json");
		return CLI_USAGE;
	}
	return run_scenario(&o, o.input, true);
}
