/* SPDX-License-Identifier: MIT */
/*
 * Programs that cannot go on: a wild pointer or another fault of the processor, and a loop without
 * end. Each becomes a violation with its counter-example; the thread is left where it is.
 */
#define _GNU_SOURCE /* sigaltstack */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define SIGNAL_STACK (64u << 10)

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
static struct sigaction before[sizeof(faults) / sizeof(faults[0])];
static void *stack;

/* Stops the current thread for good. */
__attribute__((noreturn)) static void leave(void)
{
	px_fiber_switch(&px.thread[px.current].fiber, &px.main);
	abort(); /* the search never goes on in it */
}

void px_endless(void)
{
	px_fail("P1", "livelock: %s goes round for ever without an effect",
		px.thread[px.current].name);
	leave();
}

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (px.current < 0) { /* set-up, a check, or the search itself: as if nobody watched */
		px_faults(false);
		raise(sig);
		return;
	}
	px_fail("P6", "%s: %s at address %p", px.thread[px.current].name, strsignal(sig),
		info->si_addr);
	leave();
}

void px_faults(bool on)
{
	struct sigaction act = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	/* A sanitizer says more about a fault. */
	if (!px_can_save() || on == (stack != NULL))
		return;
	if (on) {
		stack = malloc(SIGNAL_STACK);
		if (!stack)
			return;
	}
	sigaltstack(&(stack_t){.ss_sp = stack,
			       .ss_size = SIGNAL_STACK,
			       .ss_flags = on ? 0 : SS_DISABLE},
		    NULL);
	act.sa_sigaction = fault;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigaction(faults[i], on ? &act : &before[i], on ? &before[i] : NULL);
	if (!on) {
		free(stack);
		stack = NULL;
	}
}
