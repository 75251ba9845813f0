/* SPDX-License-Identifier: MIT */
/*
 * The figures of sweeps: runs per second in two processes and in two MPI ranks, beside two programs
 * that make half of the runs each and do not talk. The rate is that of the runs which a longer
 * sweep has beyond a shorter one: starting mpirun is not counted.
 */
#include "bench_sweep.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_child.h"
#include "bench_time.h"
#include "ranks.h"

#define ROUNDS 3
#define SHORT  16 /* runs, even numbers */
#define LONG   176
#define LITTLE 32 /* instead of LONG, where nothing is measured */

static unsigned long_runs(void)
{
	return pn_bench_measures ? LONG : LITTLE;
}

/* @n seeds from @first on, in a file of that name. */
static int write_sweep(const char *dir, const char *name, unsigned first, unsigned n)
{
	FILE *f = pn_child_file(dir, name, "we");
	bool bad;

	if (!f)
		return -errno;
	bad = fprintf(f,
		      "[sweep]\nscenario = sparse-wakeups\nmodes = gappi\nseeds = %u .. %u\n"
		      "[set]\nmachine.duration = 100ms\npackets.rate = 20k/s\n",
		      first, first + n - 1) < 0;
	return fclose(f) || bad ? -EIO : 0;
}

static int write_sweeps(const char *dir)
{
	const unsigned many = long_runs();
	int err = write_sweep(dir, "short.ini", 1, SHORT);

	if (!err)
		err = write_sweep(dir, "long.ini", 1, many);
	if (!err)
		err = write_sweep(dir, "short-1.ini", 1, SHORT / 2);
	if (!err)
		err = write_sweep(dir, "short-2.ini", 1 + SHORT / 2, SHORT / 2);
	if (!err)
		err = write_sweep(dir, "long-1.ini", 1, many / 2);
	if (!err)
		err = write_sweep(dir, "long-2.ini", 1 + many / 2, many / 2);
	return err;
}

/* @command has %s for "short" and "long" four times at most; $0 is this program. */
static int seconds_of(const char *dir, const char *command, const char *size, double *seconds)
{
	char text[512], self[PATH_MAX];
	char *argv[] = {(char[]){"sh"}, (char[]){"-ec"}, text, self, NULL};
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *at = text, *end = text + sizeof(text) - 1;

	if (n <= 0)
		return -errno;
	self[n] = 0;
	for (; *command && at < end; command++) {
		if (*command != '%')
			*at++ = *command;
		else
			at += snprintf(at, (size_t)(end - at), "%s", size);
	}
	*at = 0;
	return pn_child_run(dir, argv, seconds) ? -EIO : 0;
}

/* Runs per second. */
static int rate(const char *dir, const char *command, double *value)
{
	double few, many;
	int err = seconds_of(dir, command, "short", &few);

	if (!err)
		err = seconds_of(dir, command, "long", &many);
	*value = err || many <= few ? 0 : (long_runs() - SHORT) / (many - few);
	return err;
}

static int measure(const char *command, double *value, double *peer)
{
	static const char two[] =
		"\"$0\" sweep %-1.ini --jobs 1 & \"$0\" sweep %-2.ini --jobs 1; wait";
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	double v[ROUNDS], p[ROUNDS];
	char dir[PATH_MAX];
	int err = pn_child_make_dir(dir);

	if (err)
		return err;
	err = write_sweeps(dir);
	for (unsigned i = 0; i < rounds && !err; i++) {
		err = rate(dir, command, &v[i]);
		if (!err)
			err = rate(dir, two, &p[i]);
	}
	pn_child_remove_dir(dir);
	if (err)
		return err;
	*value = pn_bench_median(v, rounds);
	*peer = pn_bench_median(p, rounds);
	return 0;
}

static int jobs(double *value, double *peer)
{
	return measure("\"$0\" sweep %.ini --jobs 2", value, peer);
}

/* Open MPI refuses to run as root unless told; in a container this often runs as root. */
static int ranks(double *value, double *peer)
{
	return measure("export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; "
		       "mpirun --oversubscribe --bind-to none -n 2 \"$0\" sweep %.ini --jobs 1",
		       value, peer);
}

static bool mpirun_is_here(void)
{
	char *argv[] = {(char[]){"mpirun"}, (char[]){"--version"}, NULL};

	return pn_ranks_module_path() && !pn_child_run("/", argv, NULL);
}

const struct pn_bench *pn_bench_sweep_get(unsigned i)
{
	static const struct pn_bench figures[] = {
		{"sweep_runs_per_s", "/s", "two_programs", "runs of a sweep in two processes",
		 jobs},
		{"sweep_ranks_runs_per_s", "/s", "two_programs", "the same in two MPI ranks",
		 ranks},
	};

	if (i == 1 && !mpirun_is_here())
		return NULL;
	return i < sizeof(figures) / sizeof(figures[0]) ? &figures[i] : NULL;
}
