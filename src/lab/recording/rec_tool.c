/* SPDX-License-Identifier: MIT */
/*
 * Files that another program has to make text of: zstd, xz, perf script, trace-cmd report. The
 * first bytes say which; the program's output is read through a pipe.
 */
#define _GNU_SOURCE /* pipe2() */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rec_priv.h"

extern char **environ;

static const struct pn_rec_tool tools[] = {
	{"\x28\xb5\x2f\xfd", 4, "zstd", "a zstd file", "the text in it", {"-dcq", "-"}},
	{"\xfd\x37zXZ", 6, "xz", "an xz file", "the text in it", {"-dcq", "-"}},
	{"PERFILE2",
	 8,
	 "perf",
	 "a perf.data file",
	 "the text of perf script",
	 {"script", "--ns", "-f", "-F", "trace:comm,pid,tid,cpu,time,event,trace", "-i",
	  "/dev/stdin"}},
	{"\x17\x08\x44tracing",
	 10,
	 "trace-cmd",
	 "a trace.dat file",
	 "the text of trace-cmd report",
	 {"report", "-t", "-i", "/dev/stdin"},
	 true},
};

const struct pn_rec_tool *pn_rec_tool_for(int fd)
{
	char head[16];
	ssize_t got = pread(fd, head, sizeof(head), 0);

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (got >= (ssize_t)tools[i].magic_len &&
		    !memcmp(head, tools[i].magic, tools[i].magic_len))
			return &tools[i];
	return NULL;
}

/* The file is the tool's standard input. What it complains about is not ours to print. */
static int spawn(const struct pn_rec_tool *tool, int fd, int out, pid_t *pid)
{
	char *argv[PN_REC_TOOL_ARGS + 2] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t pipe_signal;
	unsigned n = 0;
	int err;

	argv[n++] = (char *)(uintptr_t)tool->program;
	for (unsigned i = 0; i < PN_REC_TOOL_ARGS && tool->arg[i]; i++)
		argv[n++] = (char *)(uintptr_t)tool->arg[i];
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attr, &pipe_signal);
	posix_spawn_file_actions_adddup2(&files, fd, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(pid, tool->program, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return err;
}

int pn_rec_tool_start(const struct pn_rec_tool *tool, int fd, const char *path, pid_t *pid,
		      struct pn_diag *d)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return pn_diag_set(d, -EIO, path, 0, "pipe: %s", strerror(errno));
	err = spawn(tool, fd, ends[1], pid);
	close(ends[1]);
	if (!err)
		return ends[0];
	close(ends[0]);
	return pn_diag_set(d, -ENODATA, path, 1, "%s, and %s cannot be started: %s (expected %s)",
			   tool->file, tool->program, strerror(err), tool->expected);
}

int pn_rec_tool_end(const struct pn_rec_tool *tool, pid_t pid, const char *path, struct pn_diag *d)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	return pn_diag_set(d, -ENODATA, path, 1, "%s that %s cannot read (expected %s)", tool->file,
			   tool->program, tool->expected);
}
