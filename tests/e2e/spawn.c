/* SPDX-License-Identifier: MIT */
/* Runs the program under test and collects its status and output. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "spawn.h"

#define MAX_ARGS 32

const char *program;

static FILE *kept_out, *kept_err;

static char *slurp(FILE *f, size_t *size)
{
	long n;
	char *text;

	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	assert_true(n >= 0);
	rewind(f);
	text = calloc(1, (size_t)n + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)n, f), n);
	fclose(f);
	*size = (size_t)n;
	return text;
}

__attribute__((noreturn)) static void become(char *args, int out_fd)
{
	char *argv[MAX_ARGS] = {strdup(program)};
	int n = 1;

	for (char *w = strtok(args, " "); w && n < MAX_ARGS - 1; w = strtok(NULL, " "))
		argv[n++] = w;
	dup2(out_fd < 0 ? fileno(kept_out) : out_fd, STDOUT_FILENO);
	dup2(fileno(kept_err), STDERR_FILENO);
	/* The runner may have been started with these ignored. */
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execv(argv[0], argv);
	_exit(127);
}

pid_t start_program(const char *args, int out_fd, struct run *r)
{
	char *copy = strdup(args);
	pid_t pid;

	memset(r, 0, sizeof(*r));
	kept_out = tmpfile();
	kept_err = tmpfile();
	assert_non_null(kept_out);
	assert_non_null(kept_err);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		become(copy, out_fd);
	free(copy);
	return pid;
}

void finish_program(pid_t pid, struct run *r)
{
	size_t n;
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	r->out = slurp(kept_out, &r->out_size);
	r->err = slurp(kept_err, &n);
}

void run_program(const char *args, struct run *r)
{
	pid_t pid = start_program(args, -1, r);

	finish_program(pid, r);
}

void run_free(struct run *r)
{
	free(r->out);
	free(r->err);
}
