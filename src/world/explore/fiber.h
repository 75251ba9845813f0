/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_FIBER_H
#define PN_PX_FIBER_H

#include <stddef.h>

/* Coroutines on stacks of their own. A fiber is abandoned by starting it anew. */
struct px_fiber {
	void *sp;
	char *stack;
	size_t size;
	void *fake; /* a sanitizer's own */
};

/* Makes @f start in fn(arg) when it is switched to next; fn must not return. */
void px_fiber_start(struct px_fiber *f, void (*fn)(void *arg), void *arg);
/* Forgets @f, which does not run; its stack can be freed. */
void px_fiber_stop(struct px_fiber *f);
/* Goes on in @to; returns when another fiber switches back to @from. */
void px_fiber_switch(struct px_fiber *from, struct px_fiber *to);
/* To be called first in a fiber, and after each switch back into one. */
void px_fiber_entered(struct px_fiber *self);

#endif
