/* SPDX-License-Identifier: MIT */
/* `postern replay`: a recording of a real machine through several modes. */
#define _GNU_SOURCE /* memfd_create() */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"
#include "from_rec.h"
#include "json_out.h"
#include "outfile.h"
#include "rec_open.h"
#include "report.h"
#include "report_json.h"
#include "runner.h"
#include "usage.h"

static bool wanted(const struct pn_cli_options *o, enum pn_workload work)
{
	for (unsigned i = 0; i < o->modes; i++)
		if (o->mode[i].info->work == work)
			return true;
	return false;
}

/* @base gives machine and costs; a recording that is shorter than --duration stays as long as it
 * is. */
static struct pn_scenario *scenario_for(const struct pn_cli_options *o,
					const struct pn_rec_summary *s,
					const struct pn_scenario *base, enum pn_workload work)
{
	struct pn_scenario *sc;
	struct pn_diag d = {0};
	int r = pn_replay_scenario(s, base, work, &sc, &d);

	if (r) {
		pn_cli_refuse(&d, r, o->input);
		return NULL;
	}
	if (o->duration && o->duration < sc->machine.duration)
		sc->machine.duration = o->duration;
	return sc;
}

static int replay(struct pn_cli_options *o, struct pn_recording *rec,
		  const struct pn_scenario *base)
{
	const struct pn_rec_summary *s = pn_recording_summary(rec);
	struct pn_scenario *sc[PN_WORK_NR] = {NULL};
	struct pn_cli_work w = {{NULL}};
	int status = CLI_INPUT;
	bool ok = true;

	for (unsigned i = 0; i < PN_WORK_NR && ok; i++) {
		if (!wanted(o, (enum pn_workload)i))
			continue;
		w.of[i] = sc[i] = scenario_for(o, s, base, (enum pn_workload)i);
		ok = sc[i] != NULL;
	}
	if (ok) {
		pn_report_recording(s, o->json ? stderr : stdout);
		status = pn_cli_compare_work(o, &w, rec, false);
	}
	for (unsigned i = 0; i < PN_WORK_NR; i++)
		free(sc[i]);
	return status;
}

/* As JSON: what was read, and where it is now. */
static void print_written(const struct pn_cli_options *o, const struct pn_rec_summary *s)
{
	pn_cli_print_json(json_pack("{s:s, s:o, s:o}", "schema", "postern.write-scenario/1",
				    "scenario", pn_json_text(o->write_scenario), "recording",
				    pn_json_recording(s)));
}

static int write_scenario(const struct pn_cli_options *o, struct pn_recording *rec)
{
	struct pn_from_rec *x = malloc(sizeof(*x));
	struct pn_outfile out = {0};
	struct pn_diag d = {0};
	int err = x ? pn_from_rec(rec, x) : -ENOMEM, status = CLI_INPUT;

	if (err) {
		pn_cli_refuse(&d, err, o->input);
	} else if (!pn_outfile_open(&out, o->write_scenario)) {
		pn_from_rec_write(x, out.f);
		if (!pn_outfile_commit(&out))
			status = CLI_DONE;
	}
	free(x);
	if (status != CLI_DONE)
		return status;
	if (o->json)
		print_written(o, pn_recording_summary(rec));
	else
		pn_report_recording(pn_recording_summary(rec), stdout);
	return CLI_DONE;
}

static int open_and_replay(struct pn_cli_options *o, const struct pn_scenario *base)
{
	struct pn_rec_hints hints = {.tsc_ghz = o->tsc_ghz, .load = o->load};
	struct pn_recording *rec;
	int status = CLI_USAGE;

	if (!o->write_scenario || pn_outfile_spares(o->input, "recording", o->write_scenario))
		status = pn_cli_open_recording(o->input, &hints, &rec);
	if (status != CLI_DONE)
		return status;
	status = o->write_scenario ? write_scenario(o, rec) : replay(o, rec, base);
	pn_recording_close(rec);
	return status;
}

/* Without --scenario: every default of a scenario, so that --costs and --set work all the same. */
static struct pn_scenario *load_defaults(struct pn_cli_options *o, int *status)
{
	static const char text[] = "[vm guest]\nvcpus = 1\n[device any]\n"
				   "[load any]\ntype = poisson\nrate = 1/s\n";
	int fd = memfd_create("defaults", MFD_CLOEXEC);
	struct pn_scenario *sc = NULL;
	char path[64];

	*status = CLI_INPUT;
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1) {
		pn_cli_error("%s", strerror(errno));
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		sc = pn_cli_load(o, path, status);
	}
	if (fd >= 0)
		close(fd);
	return sc;
}

/* A recording holds interrupts of devices: into a guest, or into the host itself. */
static bool choose_modes(struct pn_cli_options *o)
{
	if (!o->modes) {
		pn_cli_add_workload(o, PN_WORK_PASSTHROUGH);
		pn_cli_add_workload(o, PN_WORK_BARE);
	}
	for (unsigned i = 0; i < o->modes; i++) {
		char guests[160], bare[160];

		if (o->mode[i].info->work != PN_WORK_IPI)
			continue;
		pn_cli_error("mode '%s' is for guest IPIs, and a recording holds interrupts of "
			     "devices (expected %s; %s)",
			     o->mode[i].info->name,
			     pn_workload_modes(PN_WORK_PASSTHROUGH, guests, sizeof(guests)),
			     pn_workload_modes(PN_WORK_BARE, bare, sizeof(bare)));
		return false;
	}
	return true;
}

static int parse(int key, char *arg, struct argp_state *state)
{
	struct pn_cli_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = o;
		return 0;
	case CLI_OPT_MODES:
		pn_cli_add_modes(o, arg);
		return 0;
	case CLI_OPT_SCENARIO:
		o->scenario = arg;
		return 0;
	case CLI_OPT_LOAD:
		o->load = arg;
		return 0;
	case CLI_OPT_WRITE_SCENARIO:
		o->write_scenario = arg;
		return 0;
	case CLI_OPT_TSC_GHZ:
		o->tsc_ghz = pn_cli_rate(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		pn_cli_one_recording(&o->input, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (o->write_scenario && o->scenario)
			pn_cli_usage(state,
				     "--scenario is for a replay, and --write-scenario makes "
				     "a scenario without one");
		return 0;
	case ARGP_KEY_NO_ARGS:
		pn_cli_usage(state, "replay needs a recording");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int pn_cli_replay(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"modes", CLI_OPT_MODES, "A,B,C", 0,
		 "modes to compare (default: all with devices, of guests and of bare metal)", 1},
		{"scenario", CLI_OPT_SCENARIO, "FILE.ini", 0,
		 "take machine and costs from this scenario", 1},
		{"load", CLI_OPT_LOAD, "PATTERN", 0,
		 "the recorded tasks that are the load: a pattern for their names, or a thread's "
		 "or process' number (default: vCPU threads, else the busiest program)",
		 1},
		{"write-scenario", CLI_OPT_WRITE_SCENARIO, "FILE.ini", 0,
		 "do not replay, but make a scenario of the recording, for postern compare", 1},
		{"tsc-ghz", CLI_OPT_TSC_GHZ, "GHZ", 0,
		 "rate of the recording's clock, if it counts ticks", 1},
		{0},
	};
	static const struct argp_child children[] = {{&pn_cli_common, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"RECORDING",
		"Sends the interrupts of a real recording through every mode: into a guest with "
		"the "
		"recorded CPUs as its vCPUs, and into a host. A recording is the text of "
		"ftrace's trace file, of trace-cmd report or of perf script, plain or packed (.gz, "
		".zst, .xz), perf.data or trace.dat, or - for standard input, with "
		"irq_handler_entry and, if possible, sched_switch.\v"
		"Example:\n  trace-cmd record -e irq:irq_handler_entry -e sched:sched_switch sleep "
		"2\n"
		"  trace-cmd report > trace.txt && postern replay trace.txt",
		children,
		NULL,
		NULL};
	struct pn_cli_options o;
	struct pn_scenario *base;
	int status;

	pn_cli_options_init(&o);
	pn_cli_parse(&argp, argc, argv, &o);
	if (!choose_modes(&o))
		return CLI_USAGE;
	base = o.scenario ? pn_cli_load(&o, o.scenario, &status) : load_defaults(&o, &status);
	if (!base)
		return status;
	status = open_and_replay(&o, base);
	free(base);
	return status;
}
