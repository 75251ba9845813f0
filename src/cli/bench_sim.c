/* SPDX-License-Identifier: MIT */
/*
 * The simulator's figures of `postern bench` that need other programs: instructions for an
 * interrupt, which perf or callgrind counts in runs of this program, on machines of three sizes;
 * and SimPy and ns-3 on the same work, drawn as queues.
 */
#include "bench_sim.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_child.h"
#include "bench_time.h"
#include "cli.h"
#include "progress.h"
#include "run.h"
#include "scenario.h"

#define ROUNDS	  5
#define MAX_WORDS 48
#define SKIPPED	  77

/* A number that follows @before in the file "out"; 0: there is none. */
static uint64_t number_in_output(const char *dir, const char *before)
{
	FILE *f = pn_child_file(dir, "out", "re");
	uint64_t n = 0;
	char line[1024];

	while (f && !n && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, before);

		if (at)
			n = strtoull(at + strlen(before), NULL, 10);
	}
	if (f)
		fclose(f);
	return n;
}

/* "12345,,instructions:u,...": the number comes first. "<not supported>" reads as 0. */
static uint64_t perf_count(const char *dir)
{
	FILE *f = pn_child_file(dir, "perf", "re");
	uint64_t n = 0;
	char line[1024];

	while (f && !n && fgets(line, sizeof(line), f))
		if (strstr(line, "instructions"))
			n = strtoull(line, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

/* Runs a program in @dir: its exit status. */
static int run_words(const char *dir, const char *const *words)
{
	char *argv[MAX_WORDS];
	unsigned n = 0;
	int status;

	for (; words[n]; n++)
		argv[n] = strdup(words[n]);
	argv[n] = NULL;
	status = pn_child_run(dir, argv, NULL);
	while (n)
		free(argv[--n]);
	return status;
}

/* ---- instructions ---- */

static const char *const perf[] = {"perf", "stat",	     "-x,", "-o", "perf",
				   "-e",   "instructions:u", "--",  NULL};
static const char *const callgrind[] = {"valgrind", "--tool=callgrind",
					"--callgrind-out-file=/dev/null", NULL};

/* What one run took. */
struct effort {
	uint64_t instructions, interrupts;
};

static int run_counted(const char *dir, const char *const *counter, const char *const *words,
		       struct effort *e)
{
	const char *all[MAX_WORDS];
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	unsigned n = 0;

	if (len < 0)
		return -errno;
	exe[len] = '\0';
	while (*counter && n < MAX_WORDS - 2)
		all[n++] = *counter++;
	all[n++] = exe;
	while (*words && n < MAX_WORDS - 1)
		all[n++] = *words++;
	all[n] = NULL;
	if (run_words(dir, all))
		return -ENOENT;
	e->interrupts = number_in_output(dir, "\"interrupts\": ");
	e->instructions = perf_count(dir);
	if (!e->instructions)
		e->instructions = number_in_output(dir, "Collected : ");
	return e->instructions && e->interrupts ? 0 : -ENOENT;
}

/* What each interrupt of the simulated time between the two durations takes. */
static int difference(const char *dir, const char *const *counter, const char *const *words,
		      const char *const duration[2], double *value)
{
	const char *all[MAX_WORDS] = {"run",   "passthrough-nvme", "--mode",
				      "gappi", "--json",	   "--duration"};
	struct effort e[2];
	unsigned n = 7;

	while (*words)
		all[n++] = *words++;
	for (unsigned i = 0; i < 2; i++) {
		int err;

		all[6] = duration[i];
		err = run_counted(dir, counter, all, &e[i]);
		if (err)
			return err;
	}
	if (e[1].interrupts <= e[0].interrupts)
		return -EPROTO;
	*value = (double)(e[1].instructions - e[0].instructions) /
		 (double)(e[1].interrupts - e[0].interrupts);
	return 0;
}

static int instructions(const char *const *words, const char *const duration[2], double *value)
{
	char dir[PATH_MAX];
	int err = pn_child_make_dir(dir);

	if (err)
		return err;
	err = difference(dir, perf, words, duration, value);
	if (err == -ENOENT && !pn_cli_stopped())
		err = difference(dir, callgrind, words, duration, value);
	pn_child_remove_dir(dir);
	if (err == -ENOENT && pn_cli_stopped())
		return -EINTR;
	if (err == -ENOENT)
		pn_cli_error("SKIPPED: neither perf nor valgrind counts instructions here");
	return err == -ENOENT ? -ENODATA : err;
}

static int bench_interrupt(double *value, double *peer)
{
	static const char *const none[] = {NULL};
	static const char *const duration[] = {"25ms", "100ms"};

	(void)peer;
	return instructions(none, duration, value);
}

/*
 * 16 CPUs, 64 vCPUs and two disks, once or more often: the load of a CPU and of a unit is the same.
 * vCPUs sleep most of the time. Without intr_route, which all units share: it would limit the
 * larger machines.
 */
static int of_size(unsigned times, const char *const duration[2], double *value)
{
	char cpus[40], units[40], vms[40], disks[40];
	const char *const words[] = {"--set", cpus,
				     "--set", units,
				     "--set", vms,
				     "--set", disks,
				     "--set", "nvme.iommu=spread",
				     "--set", "guest.vcpus=64",
				     "--set", "read-4k.service=lognormal(800us, 0.35)",
				     "--set", "costs.intr_route=0",
				     "--set", "machine.warmup=1ms",
				     NULL};

	snprintf(cpus, sizeof(cpus), "machine.pcpus=%u", 16 * times);
	snprintf(units, sizeof(units), "machine.iommus=%u", times < 4 ? 1 : times / 4);
	snprintf(vms, sizeof(vms), "guest.count=%u", times);
	snprintf(disks, sizeof(disks), "nvme.count=%u", 2 * times);
	return instructions(words, duration, value);
}

/* The small machine is the peer of the others, and is measured once. */
static int small(double *value)
{
	static const char *const duration[] = {"25ms", "125ms"};
	static double known;
	int err = known > 0 ? 0 : of_size(1, duration, &known);

	*value = known;
	return err;
}

static int bench_16(double *value, double *peer)
{
	(void)peer;
	return small(value);
}

static int bench_128(double *value, double *peer)
{
	static const char *const duration[] = {"5ms", "20ms"};
	int err = small(peer);

	return err ? err : of_size(8, duration, value);
}

static int bench_1024(double *value, double *peer)
{
	static const char *const duration[] = {"2ms", "5ms"};
	int err = small(peer);

	return err ? err : of_size(64, duration, value);
}

/* ---- events, and other simulators ---- */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int our_events(const struct pn_scenario *sc, struct pn_result *r, double *rate)
{
	struct pn_run_options opt = {.seed = 1};
	struct pn_mode mode = pn_mode_plain(pn_mode_find("gappi"));
	double begun = cpu_seconds(), took;
	int err = pn_run(sc, &mode, &opt, r, NULL);

	took = cpu_seconds() - begun;
	*rate = took > 0 ? (double)r->events / took : 0;
	return err;
}

/* A simulator with the same work drawn as queues: a file, how to build it, how to run it. */
struct peer {
	const char *figure, *needs, *file, *text;
	const char *const *build[3]; /* until NULL */
	const char *const *run;
};

/* -ENODATA: there is none. */
static int prepare(const char *dir, const struct peer *p)
{
	FILE *f = pn_child_file(dir, p->file, "we");
	bool bad = !f || fputs(p->text, f) < 0;

	if ((f && fclose(f)) || bad)
		return -EIO;
	for (unsigned i = 0; p->build[i]; i++)
		if (run_words(dir, p->build[i]))
			return -ENODATA;
	return 0;
}

/* Both complete as many requests in a simulated second, or the queues are drawn wrong. */
static int run_peer(const char *dir, const struct peer *p, double ours, double *rate)
{
	int status = run_words(dir, p->run);
	double theirs;

	if (status == SKIPPED || status == PN_CHILD_NOT_HERE)
		return -ENODATA;
	*rate = (double)number_in_output(dir, "events per second: ");
	theirs = 1000 * (double)number_in_output(dir, "completions per ms: ");
	if (status || *rate <= 0)
		return -EIO;
	return theirs > 0.95 * ours && theirs < 1.05 * ours ? 0 : -EPROTO;
}

/* In turn, so that both have the same neighbours on the machine. */
static int in_turn(const struct pn_scenario *sc, struct pn_result *r, const char *dir,
		   const struct peer *p, double *value, double *peer)
{
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	double we[ROUNDS], they[ROUNDS];
	int err = prepare(dir, p);
	bool alone = err == -ENODATA;

	if (err && !alone)
		return err;
	for (unsigned i = 0; i < rounds; i++) {
		err = our_events(sc, r, &we[i]);
		if (!err && !alone)
			err = run_peer(dir, p,
				       1e9 * (double)r->completions / (double)r->duration_ns,
				       &they[i]);
		if (err == -ENODATA)
			alone = true;
		else if (err)
			return err;
	}
	*value = pn_bench_median(we, rounds);
	if (alone && pn_cli_stopped())
		return -EINTR;
	if (alone)
		pn_cli_error("%s: no peer: %s", p->figure, p->needs);
	else
		*peer = pn_bench_median(they, rounds);
	return 0;
}

static int events(const struct peer *p, double *value, double *peer)
{
	static const char *const set[] = {"machine.duration=100ms", "machine.warmup=0ms", NULL};
	struct pn_result *r = malloc(sizeof(*r));
	struct pn_scenario *sc = NULL;
	char dir[PATH_MAX];
	int err = r ? pn_scenario_load("passthrough-nvme", NULL, set, &sc, NULL) : -ENOMEM;

	if (!err)
		err = pn_child_make_dir(dir);
	if (!err) {
		err = in_turn(sc, r, dir, p, value, peer);
		pn_child_remove_dir(dir);
	}
	free(sc);
	free(r);
	return err;
}

static int bench_events(double *value, double *peer)
{
	static const char *const run[] = {"python3", "queues.py", NULL};
	static const struct peer simpy = {.figure = "sim_events_per_s",
					  .needs = "python3 with SimPy is needed",
					  .file = "queues.py",
					  .text = pn_queues_text,
					  .run = run};

	return events(&simpy, value, peer);
}

static int bench_events_ns3(double *value, double *peer)
{
	static const char *const known[] = {"pkg-config", "--exists", "ns3-core", NULL};
	static const char *const cxx[] = {"g++",       "-O2",	     "-o", "queues",
					  "queues.cc", "-lns3-core", NULL};
	static const char *const run[] = {"./queues", NULL};
	static const struct peer ns3 = {.figure = "sim_events_per_s_ns3",
					.needs = "g++, pkg-config and libns3-dev are needed",
					.file = "queues.cc",
					.text = pn_queues_ns3_text,
					.build = {known, cxx},
					.run = run};

	return events(&ns3, value, peer);
}

static const struct pn_bench benches[] = {
	{"sim_events_per_s", "1/s", "simpy",
	 "events of passthrough-nvme, mode gappi, by CPU time; peer: SimPy on the same queues "
	 "without "
	 "silicon",
	 bench_events},
	{"sim_events_per_s_ns3", "1/s", "ns3", "likewise; peer: ns-3 on these queues",
	 bench_events_ns3},
	{"sim_instructions", "1", NULL,
	 "instructions for each interrupt of passthrough-nvme, mode gappi", bench_interrupt},
	{"sim_instructions_16_cpus", "1", NULL,
	 "likewise: 16 CPUs, 64 vCPUs that mostly sleep, 128 queues", bench_16},
	{"sim_instructions_128_cpus", "1", "16_cpus", "8 times the machine; peer: the small one",
	 bench_128},
	{"sim_instructions_1024_cpus", "1", "16_cpus",
	 "64 times: 4096 vCPUs, 8192 queues, 16 units; peer: the small one", bench_1024},
};

const struct pn_bench *pn_bench_sim_get(unsigned i)
{
	return i < sizeof(benches) / sizeof(benches[0]) ? &benches[i] : NULL;
}
