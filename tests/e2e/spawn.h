/* SPDX-License-Identifier: MIT */
#ifndef PN_E2E_SPAWN_H
#define PN_E2E_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "sanitizer.h"

/* A sanitizer needs more address space than any limit gives: there is none then. */
#ifdef PX_SANITIZED
#define NO_MEMORY_LIMIT true
#else
#define NO_MEMORY_LIMIT false
#endif

/* The result of a finished program. */
struct run {
	int status; /* exit status; 128 + signal if one ended it */
	char *out, *err;
	size_t out_size;
};

/* The program under test: from the environment (POSTERN) or the command line. */
extern const char *program;

/* Runs the program with the words of @args (no quoting: one blank separates). */
void run_program(const char *args, struct run *r);
void run_free(struct run *r);

/* The same in pieces: starts it with standard output on @out_fd (-1: kept), waits for it. */
pid_t start_program(const char *args, int out_fd, struct run *r);
void finish_program(pid_t pid, struct run *r);

#endif
