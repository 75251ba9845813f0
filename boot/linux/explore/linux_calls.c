/* SPDX-License-Identifier: MIT */
/*
 * What each half of the harness that is compiled in Linux's tree calls, whatever its machine:
 * names, spinlocks, interrupts off and on; and the end of a search that cannot go on.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "harness.h"
#include "kernel.h"

static char why[200];

const char *pn_why_not_finished(void)
{
	return why;
}

void pn_not_finished(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (px.current < 0) {
		fprintf(stderr, "during set-up: %s\n", why);
		exit(3);
	}
	px_fail("none", "%s", why);
	for (;;)
		px_point(&(struct px_access){.op = PX_OP_FENCE});
}

void pu_stub(const char *name)
{
	pn_not_finished("Linux reached %s, which is a stub", name);
}

void pu_name(const void *p, unsigned long size, const char *what, int number)
{
	static char names[64][48];
	static unsigned n;

	n %= 64;
	snprintf(names[n], sizeof(names[n]), "%s %d", what, number);
	px_name(p, size, names[n++]);
}

void *pu_alloc(unsigned long size, unsigned long align)
{
	if (px.current >= 0)
		pn_not_finished("Linux allocates memory");
	return px_alloc(size, align);
}

void pu_relax(void)
{
	pn_settle();
	pn_relax();
}

void pu_lock(void *lock, unsigned long pc)
{
	pn_settle();
	pn_spinlocks(1);
	if (px.current >= 0)
		px_lock(lock, pn_line_of(pc));
}

void pu_unlock(void *lock, unsigned long pc)
{
	pn_settle();
	if (px.current >= 0)
		px_unlock(lock, pn_line_of(pc));
	pn_spinlocks(-1);
}

int pu_irq_off(unsigned long pc)
{
	pn_settle();
	if (px.current < 0 || px.thread[px.current].handler || px.thread[px.current].irq_off)
		return 0;
	px_irq(NULL, false, pn_line_of(pc));
	return 1;
}

void pu_irq_on(unsigned long pc)
{
	pn_settle();
	px_irq(NULL, true, pn_line_of(pc));
}
