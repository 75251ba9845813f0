/* SPDX-License-Identifier: MIT */
/*
 * Standard output that remembers why it could not be written. A stream keeps that it failed, but
 * not with which error, and its last flush may have nothing left to try again with.
 */
#define _GNU_SOURCE /* fopencookie() */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "os.h"
#include "standard_out.h"

#define BUFFER_SIZE 4096

static int first_error;

/* 0 is an error of the stream. */
static ssize_t on_write(void *cookie, const char *data, size_t size)
{
	(void)cookie;
	if (first_error)
		return 0;
	errno = 0;
	if (pn_cli_write_all(STDOUT_FILENO, data, size))
		return (ssize_t)size;
	first_error = errno ? errno : EIO;
	return 0;
}

static bool reader_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

/*
 * Called however the program ends. A reader that closed the pipe early (head) is no error.
 */
static void finish(void)
{
	fflush(stdout);
	if (!first_error || first_error == EPIPE || reader_gone())
		return;
	fprintf(stderr, "postern: standard output: %s\n", strerror(first_error));
	_exit(CLI_INPUT);
}

void pn_cli_watch_stdout(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = on_write});

	if (!f)
		return;
	setvbuf(f, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFFER_SIZE);
	stdout = f;
	atexit(finish);
}
