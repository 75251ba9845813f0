/* SPDX-License-Identifier: MIT */
/*
 * Level-triggered lines of the guest's I/O APIC. A line that is still up at EOI interrupts again; a
 * line that is down does not. So KVM must be told of every such EOI and its vector.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "run.h"
#include "util.h"

#define PATIENCE_MS 2000

/* Waits until the guest has ended all handlers that are due. */
static void wait_ended(const struct run *run, unsigned n)
{
	run_wait_taken(run, &run_target(run)->ended[n], run->lines->line[n].due);
}

/* Raises @n lines, one after the other and without a wait, and sees them end. */
static void raise_all(const struct run *run, unsigned n)
{
	struct lines *l = run->lines;

	l->up = run->c->up;
	for (; l->sent < run->c->count && run_well(run); l->sent++) {
		if (run->c->halt)
			run_wait_asleep(run);
		for (unsigned i = 0; i < n; i++)
			lines_raise(l, i);
		for (unsigned i = 0; i < n; i++)
			wait_ended(run, i);
		lines_rest(l);
	}
}

void run_level(const struct run *run)
{
	raise_all(run, 1);
}

void run_two(const struct run *run)
{
	raise_all(run, 2);
}

/* The low line's handler raises the high one, and is interrupted before its own EOI. */
void run_nested(const struct run *run)
{
	run->lines->nested = true;
	raise_all(run, 1);
	wait_ended(run, LINE_HIGH);
}

/* Up again as soon as the handler has lowered it: before its EOI, after it, or meanwhile. */
void run_retrigger(const struct run *run)
{
	struct lines *l = run->lines;

	l->up = run->c->up;
	while (l->sent < run->c->count && run_well(run)) {
		l->sent++;
		lines_raise(l, LINE_LOW);
		run_wait_taken(run, &l->line[LINE_LOW].lowered, l->sent);
	}
	wait_ended(run, LINE_LOW);
	lines_rest(l);
}

/*
 * The two eventfds of an irqfd: the first raises the line; KVM signals the second after it lowered
 * the line.
 */
struct irqfd {
	int raise, resample;
};

static struct irqfd irqfd_begin(const struct run *run)
{
	struct irqfd fd = {eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};

	if (fd.raise < 0 || fd.resample < 0)
		die("eventfd");
	run->lines->up = run->c->up;
	run->lines->by_irqfd = true;
	lines_resample(run->lines, LINE_LOW, fd.raise, fd.resample, true);
	return fd;
}

static void irqfd_end(const struct run *run, const struct irqfd *fd)
{
	lines_resample(run->lines, LINE_LOW, fd->raise, fd->resample, false);
	close(fd->raise);
	close(fd->resample);
}

/* As often as the device wants service; after each EOI KVM asks whether it still does. */
static void serve(const struct run *run, const struct irqfd *fd)
{
	struct pollfd resample = {.fd = fd->resample, .events = POLLIN};
	const uint64_t one = 1;

	for (uint32_t i = 0; i <= run->c->up; i++) {
		uint64_t n = 0;

		if (write(fd->raise, &one, sizeof(one)) != sizeof(one))
			die("writing the eventfd");
		if (poll(&resample, 1, PATIENCE_MS) != 1 ||
		    read(fd->resample, &n, sizeof(n)) != sizeof(n)) {
			run->r->lost++;
			return;
		}
		run->lines->resampled += (uint32_t)n;
	}
}

void run_resample(const struct run *run)
{
	struct irqfd fd = irqfd_begin(run);
	struct lines *l = run->lines;

	for (; l->sent < run->c->count && run_well(run); l->sent++) {
		if (run->c->halt)
			run_wait_asleep(run);
		lines_expect(l, LINE_LOW);
		serve(run, &fd);
		wait_ended(run, LINE_LOW);
		lines_rest(l);
	}
	irqfd_end(run, &fd);
}

/*
 * The same with VFIO instead of the harness: it masks INTx, writes the first eventfd and waits for
 * the second.
 */
void run_intx(const struct run *run)
{
	struct irqfd fd = irqfd_begin(run);
	struct lines *l = run->lines;

	witness_look(run->witness);
	edu_msi_disable(run->edu);
	edu_intx_enable(run->edu, fd.raise, fd.resample);
	l->edu = run->edu;
	for (; l->sent < run->c->count && run_well(run); l->sent++) {
		if (run->c->halt)
			run_wait_asleep(run);
		lines_expect(l, LINE_LOW);
		edu_raise(run->edu);
		wait_ended(run, LINE_LOW);
		lines_rest(l);
	}
	witness_look(run->witness);
	edu_intx_disable(run->edu);
	edu_msi_enable(run->edu);
	irqfd_end(run, &fd);
}
