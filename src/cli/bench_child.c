/* SPDX-License-Identifier: MIT */
/* Programs that the bench runs: in a folder of their own, with their output in a file of it. */
#define _GNU_SOURCE /* O_CLOEXEC, mkdtemp() */
#include "bench_child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"

#define CPU_S 120

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
	_exit(PN_CHILD_NOT_HERE);
}

int pn_child_run(const char *dir, char *const *argv, double *seconds)
{
	double begun = pn_cli_now();
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
		*seconds = pn_cli_now() - begun;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

FILE *pn_child_file(const char *dir, const char *name, const char *mode)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return NULL;
	return fopen(path, mode);
}

void pn_child_remove_dir(const char *dir)
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

int pn_child_make_dir(char *dir)
{
	const char *tmp = getenv("TMPDIR");

	if ((size_t)snprintf(dir, PATH_MAX, "%s/postern-peer-XXXXXX", tmp ? tmp : "/tmp") >=
	    PATH_MAX)
		return -ENAMETOOLONG;
	return mkdtemp(dir) ? 0 : -errno;
}
