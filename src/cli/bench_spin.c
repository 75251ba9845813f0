/* SPDX-License-Identifier: MIT */
/*
 * SPIN as a peer of the explorer: builds its verifier from bench/block-without-fence.pml, runs it,
 * and reads its verdict.
 */
#define _GNU_SOURCE /* O_CLOEXEC, mkdtemp() */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_time.h"

#include "bench_explore.h"

#define ROUNDS	 5
#define CPU_S	 60
#define NOT_HERE 127 /* exit status when there is no such program */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

__attribute__((noreturn)) static void become(const char *dir, char *const *argv)
{
	struct rlimit cpu = {CPU_S, CPU_S};
	int out;

	if (chdir(dir))
		_exit(1);
	out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(1);
	setrlimit(RLIMIT_CPU, &cpu);
	execvp(argv[0], argv);
	_exit(NOT_HERE);
}

/* Exit status, or -1. Its output goes to the file "out". */
static int run(const char *dir, char *const *argv, double *seconds)
{
	double begun = now();
	pid_t pid = fork();
	int status;

	if (!pid)
		become(dir, argv);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (seconds)
		*seconds = now() - begun;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static FILE *file_in(const char *dir, const char *name, const char *mode)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return NULL;
	return fopen(path, mode);
}

static int write_model(const char *dir)
{
	FILE *f = file_in(dir, "model.pml", "we");
	bool bad;

	if (!f)
		return -errno;
	bad = fputs(pn_spin_model, f) < 0;
	return fclose(f) || bad ? -EIO : 0;
}

/* "State-vector 52 byte, depth reached 53, errors: 0"; -1 if the search was cut short. */
static int errors_found(const char *dir)
{
	FILE *f = file_in(dir, "out", "re");
	char line[512];
	const char *at;
	int errors = -1;
	bool cut = false;

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "errors: ");
		if (at)
			errors = atoi(at + strlen("errors: "));
		cut |= strstr(line, "max search depth too small") != NULL ||
		       strstr(line, "Search not completed") != NULL;
	}
	if (f)
		fclose(f);
	return cut && !errors ? -1 : errors;
}

static int build(const char *dir, bool fence)
{
	char *with[] = {(char[]){"spin"}, (char[]){"-a"}, (char[]){"-DFENCE"},
			(char[]){"model.pml"}, NULL};
	char *without[] = {with[0], with[1], with[3], NULL};
	char *cc[] = {(char[]){"gcc"}, (char[]){"-O2"}, (char[]){"-DSAFETY"}, (char[]){"-w"},
		      (char[]){"-o"},  (char[]){"pan"}, (char[]){"pan.c"},    NULL};
	int status = run(dir, fence ? with : without, NULL);

	if (!status)
		status = run(dir, cc, NULL);
	return status == NOT_HERE ? -ENOENT : status ? -EIO : 0;
}

static int search(const char *dir, bool fence, double *seconds)
{
	/* Its usual hash table would take longer than the search. */
	char *pan[] = {(char[]){"./pan"}, (char[]){"-w18"}, NULL};
	double t[ROUNDS];
	int err = build(dir, fence);

	if (err)
		return err;
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (run(dir, pan, &t[i]) < 0)
			return -EIO;
		if (errors_found(dir) != (fence ? 0 : 1))
			return -EPROTO;
	}
	*seconds = pn_bench_median(t, ROUNDS);
	return 0;
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

int pn_spin_measure(double *seconds)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX];
	double without = 0, with = 0;
	int err;

	if ((size_t)snprintf(dir, sizeof(dir), "%s/postern-spin-XXXXXX", tmp ? tmp : "/tmp") >=
	    sizeof(dir))
		return -ENAMETOOLONG;
	if (!mkdtemp(dir))
		return -errno;
	err = write_model(dir);
	if (!err)
		err = search(dir, false, &without);
	if (!err)
		err = search(dir, true, &with);
	remove_dir(dir);
	*seconds = err ? 0 : without + with;
	return err;
}
