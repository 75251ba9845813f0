/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_LITMUS_THREADS_H
#define PN_TEST_LITMUS_THREADS_H

#include "px.h"

#define LITMUS_THREADS 4

/* A thread on a CPU of its own for each program of @thread, NULL ends them; body(its number). */
static inline void litmus_threads(const char *const thread[LITMUS_THREADS], void (*body)(void *))
{
	static const char *const name[LITMUS_THREADS] = {"A", "B", "C", "D"};

	for (unsigned i = 0; i < LITMUS_THREADS && thread[i]; i++)
		px_thread(name[i], (int)i, body, (void *)(uintptr_t)i);
}

#endif
