/* SPDX-License-Identifier: MIT */
/*
 * Programs that cannot go on: a wild pointer or another fault of the processor, and a loop without
 * end. Each becomes a violation with its counter-example; the thread is left where it is, and so is
 * the set-up.
 */
#define _GNU_SOURCE /* sigaltstack */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "engine.h"

#define SIGNAL_STACK (64u << 10)

/* Computing without a transition, at most; the set-up has more to do. */
#define TICK_US	  250000
#define PATIENCE  4
#define PATIENCE0 8

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM};
static struct sigaction before[sizeof(faults) / sizeof(faults[0])];
static void *stack;
static jmp_buf set_up;

/* Stops the current thread, or the set-up, for good. */
__attribute__((noreturn)) static void leave(void)
{
	if (px.builds)
		longjmp(set_up, 1);
	px_fiber_switch(&px.thread[px.current].fiber, &px.main);
	abort(); /* the search never goes on in it */
}

static const char *who(void)
{
	return px.builds ? "the set-up" : px.thread[px.current].name;
}

void px_endless(void)
{
	px_fail("P1", "livelock: %s goes round for ever without an effect", who());
	leave();
}

/* TICK_US of computing are over. */
static void tick(void)
{
	static uint32_t moves, ticks;

	ticks = moves == px.moves ? ticks + 1 : 0;
	moves = px.moves;
	if (ticks >= (px.builds ? PATIENCE0 : PATIENCE) && (px.current >= 0 || px.builds)) {
		ticks = 0;
		px_endless();
	}
}

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGVTALRM) {
		tick();
		return;
	}
	if (px.current < 0 &&
	    !px.builds) { /* set-up, a check, or the search itself: as if nobody watched */
		px_faults(false);
		raise(sig);
		return;
	}
	px_fail("P6", "%s: %s at address %p", who(), strsignal(sig), info->si_addr);
	leave();
}

void px_faults(bool on)
{
	struct sigaction act = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART};

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
	setitimer(ITIMER_VIRTUAL, &(struct itimerval){{0, on ? TICK_US : 0}, {0, on ? TICK_US : 0}},
		  NULL);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigaction(faults[i], on ? &act : &before[i], on ? &before[i] : NULL);
	if (!on) {
		free(stack);
		stack = NULL;
	}
}

void px_build(const struct px_program *prog)
{
	px.builds = true;
	if (!setjmp(set_up))
		prog->setup(prog->arg);
	px.builds = false;
}
