/* SPDX-License-Identifier: MIT */
/*
 * `postern bench`: measures how fast the models run here, with a peer beside each figure that has
 * one.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bench_explore.h"
#include "bench_sweep.h"
#include "bench_sim.h"
#include "cli.h"
#include "json_out.h"
#include "options.h"
#include "progress.h"
#include "nearest.h"
#include "usage.h"

#define MAX_FIGURES 32

enum { OPT_JSON = 0x100 };

struct bench_options {
	const char *figure[MAX_FIGURES];
	unsigned figures;
	bool json;
};

struct figure {
	const struct pn_bench *bench;
	double value, peer;
};

/* The lab's figures, the simulator's, the explorer's, those of sweeps; NULL beyond the end. */
static const struct pn_bench *bench_at(unsigned i)
{
	static const struct pn_bench *(*const get[])(unsigned) = {
		pn_bench_get, pn_bench_sim_get, pn_bench_explore_get, pn_bench_sweep_get};

	for (unsigned k = 0; k < sizeof(get) / sizeof(get[0]); k++) {
		for (unsigned n = 0; get[k](n); n++)
			if (!i--)
				return get[k](n);
	}
	return NULL;
}

/* The peer; NULL if it is not on this machine. */
static const char *peer_of(const struct figure *f)
{
	return f->peer > 0 ? f->bench->peer : NULL;
}

/* "AMD EPYC ..., 2 CPUs" */
static void machine_name(char *buf, size_t size)
{
	char line[256], model[160] = "unknown processor";
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "model name : %159[^\n]", model) == 1)
			break;
	}
	if (f)
		fclose(f);
	snprintf(buf, size, "%s, %ld CPUs", model, sysconf(_SC_NPROCESSORS_ONLN));
}

static bool wanted(const struct bench_options *o, const struct pn_bench *b)
{
	for (unsigned i = 0; i < o->figures; i++)
		if (!strcmp(o->figure[i], b->name))
			return true;
	return !o->figures;
}

static int unknown_figure(const char *name)
{
	const char *names[MAX_FIGURES], *near;
	unsigned n = 0;

	while (n < MAX_FIGURES && bench_at(n)) {
		names[n] = bench_at(n)->name;
		if (!strcmp(names[n++], name))
			return CLI_DONE;
	}
	near = n ? pn_nearest(name, names, n) : NULL;
	if (near)
		pn_cli_error("there is no figure '%s' (did you mean '%s'?)", name, near);
	else
		pn_cli_error("there is no figure '%s'", name);
	return CLI_USAGE;
}

static bool stopped(bool ok)
{
	pn_progress_end();
	pn_cli_error("stopped: not all figures were measured");
	return ok;
}

static bool measure(const struct bench_options *o, struct figure *fig, unsigned *n)
{
	const struct pn_bench *b;
	bool ok = true;

	*n = 0;
	pn_progress_begin();
	for (unsigned i = 0; i < MAX_FIGURES && (b = bench_at(i)) != NULL; i++) {
		struct figure f = {b, 0, 0};
		int r;

		if (!wanted(o, b))
			continue;
		if (pn_cli_stopped())
			return stopped(ok);
		if (pn_progress_due())
			pn_progress_line("measuring %s", b->name);
		r = b->fn(&f.value, &f.peer);
		if (r == -ENODATA) /* it has said why */
			continue;
		if (r && pn_cli_stopped())
			return stopped(ok);
		if (r) {
			pn_progress_end();
			pn_cli_error("%s: %s", b->name, strerror(-r));
			ok = false;
			continue;
		}
		fig[(*n)++] = f;
	}
	pn_progress_end();
	return ok;
}

static void print_table(const char *machine, const struct figure *fig, unsigned n)
{
	printf("Measured on this machine: %s\n\n", machine);
	if (!n) {
		printf("no figures\n");
		return;
	}
	printf("%-31s%12s %-10s  %-20s%12s%9s\n", "figure", "value", "unit", "peer", "value",
	       "ratio");
	for (unsigned i = 0; i < n; i++) {
		const struct pn_bench *b = fig[i].bench;

		printf("%-31s%12.4g %-10s", b->name, fig[i].value, b->unit);
		if (peer_of(&fig[i]))
			printf("  %-20s%12.4g%9.3g", b->peer, fig[i].peer,
			       fig[i].value / fig[i].peer);
		putchar('\n');
	}
}

static void print_json(const char *machine, const struct figure *fig, unsigned n)
{
	json_t *figures = json_array();

	for (unsigned i = 0; i < n; i++) {
		const struct pn_bench *b = fig[i].bench;
		const char *peer = peer_of(&fig[i]);

		json_array_append_new(
			figures,
			json_pack("{s:s, s:f, s:s, s:s?, s:o, s:o}", "name", b->name, "value",
				  fig[i].value, "unit", b->unit, "peer", peer, "peer_value",
				  peer ? json_real(fig[i].peer) : json_null(), "ratio",
				  peer ? json_real(fig[i].value / fig[i].peer) : json_null()));
	}
	pn_cli_print_json(json_pack("{s:s, s:s, s:o}", "schema", "postern.bench/1", "machine",
				    machine, "figures", figures));
}

static int parse(int key, char *arg, struct argp_state *state)
{
	struct bench_options *o = state->input;

	switch (key) {
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->figures == MAX_FIGURES)
			pn_cli_usage(state, "too many figures");
		o->figure[o->figures++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int pn_cli_bench(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "print one JSON object", 0},
		{0},
	};
	static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"[FIGURE...]",
		"Measures how fast the models run on this machine, and their peers.\v"
		"Example:\n  postern bench post_ns",
		children,
		NULL,
		NULL};
	struct figure fig[MAX_FIGURES];
	struct bench_options o = {0};
	char machine[256];
	unsigned n;
	bool ok;

	pn_cli_parse(&argp, argc, argv, &o);
	for (unsigned i = 0; i < o.figures; i++)
		if (unknown_figure(o.figure[i]))
			return CLI_USAGE;
	pn_cli_catch_stop();
	ok = measure(&o, fig, &n);
	machine_name(machine, sizeof(machine));
	if (o.json)
		print_json(machine, fig, n);
	else
		print_table(machine, fig, n);
	if (pn_cli_stopped())
		return CLI_STOPPED;
	return ok ? CLI_DONE : CLI_VIOLATED;
}
