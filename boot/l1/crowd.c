/* SPDX-License-Identifier: MIT */
/*
 * Many vCPUs that sleep, each with an interrupt of its own. Crowd: on one CPU, each is woken alone,
 * then all of them at once. Dropped: the first one's interrupts fill the guest APIC log while its
 * handler is kept from running, and the entry of the last one's only interrupt is dropped: who
 * wakes the last one? Powered: the machine is suspended to memory while the device sends one to
 * each. What it sent before its power was off must arrive, but for the last moment: Linux switches
 * the IOMMU off while the device still has power, and what it sends then is forwarded as it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bells.h"
#include "irq.h"
#include "run.h"
#include "util.h"

#define FIRST_GSI	 32
#define SUSPEND_FIRST_NS 300000000u /* about what a suspend takes until the power is off */
#define SPACING_NS	 500000u

static uint32_t seen_by(const struct run *run, unsigned i)
{
	return run->vm->shared->vcpu[i].seen[RUN_MSI_VECTOR];
}

static void ring(const struct run *run, const struct bells *bells, unsigned i)
{
	run->r->sent++;
	bells_ring(bells, i);
}

static void all_asleep(const struct run *run)
{
	for (unsigned i = 0; i < run->vm->vcpus; i++)
		run_wait_asleep_in(run, run->vm, i);
}

static void wait_taken(const struct run *run, unsigned i, uint32_t value)
{
	run_wait_taken(run, &run->vm->shared->vcpu[i].seen[RUN_MSI_VECTOR], value);
}

static void irqfds(const struct run *run, const struct bells *bells, bool on)
{
	for (unsigned i = 0; i < run->vm->vcpus; i++)
		vm_irqfd(run->vm, FIRST_GSI + i, i, RUN_MSI_VECTOR, bells->eventfd[i], on);
}

static void turns(const struct run *run,
		  void (*turn)(const struct run *run, const struct bells *bells))
{
	struct bells bells;

	bells_open(&bells, PCI_BELLS, run->vm->vcpus);
	irqfds(run, &bells, true);
	while (run_goes_on(run))
		turn(run, &bells);
	for (unsigned i = 0; i + 1 < run->vm->vcpus; i++)
		run->r->elsewhere += seen_by(run, i);
	irqfds(run, &bells, false);
	bells_close(&bells);
}

static void crowd_turn(const struct run *run, const struct bells *bells)
{
	uint32_t before = run->r->sent / run->vm->vcpus;

	all_asleep(run);
	for (unsigned i = 0; i < run->vm->vcpus && run_well(run); i++) {
		ring(run, bells, i);
		wait_taken(run, i, before + 1);
	}
	all_asleep(run);
	for (unsigned i = 0; i < run->vm->vcpus; i++)
		ring(run, bells, i);
	for (unsigned i = 0; i < run->vm->vcpus && run_well(run); i++)
		wait_taken(run, i, before + 2);
}

void run_crowd(const struct run *run)
{
	turns(run, crowd_turn);
}

static void dropped_turn(const struct run *run, const struct bells *bells)
{
	unsigned last = run->vm->vcpus - 1;
	uint32_t before[] = {seen_by(run, 0), seen_by(run, last)};

	all_asleep(run);
	above_all(true);
	for (uint32_t i = 0; i < run->c->burst; i++)
		ring(run, bells, 0);
	ring(run, bells, last);
	above_all(false);
	wait_taken(run, 0, before[0] + 1);
	wait_taken(run, last, before[1] + 1);
}

void run_dropped(const struct run *run)
{
	/* CPU 0 rings the bells */
	irq_affinity("AMD-Vi", 0);
	turns(run, dropped_turn);
}

/* A row of messages that begins so that the power goes off in the middle of it, as the last time.
 */
static uint32_t next_delay(uint32_t delay, uint32_t row_ns, uint32_t sent, uint32_t all)
{
	if (sent == all)
		return delay + row_ns;
	if (!sent)
		return delay > row_ns ? delay - row_ns : 0;
	delay += row_ns / all * sent;
	return delay > row_ns / 2 ? delay - row_ns / 2 : 0;
}

/* Sleeps; how many messages the IOMMU forwarded meanwhile because it was off. */
static uint32_t suspend(const struct run *run)
{
	struct steps before, after;

	steps_read(&before);
	run->r->stuck += system("sleep-mem 5 >&2") != 0;
	run->r->turns++;
	steps_read(&after);
	return (uint32_t)(steps_count(&after, "forward") - steps_count(&before, "forward"));
}

static void powered_turn(const struct run *run, const struct bells *bells)
{
	static uint32_t delay = SUSPEND_FIRST_NS;
	const unsigned all = run->vm->vcpus;
	const uint32_t spacing = run->c->gap_us ? run->c->gap_us * 1000 : SPACING_NS;
	uint32_t before[L2_VCPUS], sent, late;

	all_asleep(run);
	for (unsigned i = 0; i < all; i++)
		before[i] = seen_by(run, i);
	bells_send(bells, delay, spacing);
	late = suspend(run);
	sent = bells_sent(bells);
	late = late < sent ? late : sent;
	fprintf(stderr, "powered: %u of %u sent from %u us on, the last %u with the IOMMU off\n",
		sent, all, delay / 1000, late);
	for (unsigned i = 0; i < all; i++)
		vm_move(run->vm, i, run->vm->vcpu[i].pcpu);
	run->r->sent += sent - late;
	for (unsigned i = 0; i < sent - late; i++)
		wait_taken(run, i, before[i] + 1);
	/* One of these that arrived after all would be one too many now. */
	for (unsigned i = sent - late; i < all; i++) {
		ring(run, bells, i);
		wait_taken(run, i, before[i] + 1);
	}
	delay = next_delay(delay, spacing * all, sent, all);
}

void run_powered(const struct run *run)
{
	turns(run, powered_turn);
}
