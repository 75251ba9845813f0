/* SPDX-License-Identifier: MIT */
/*
 * The guest's only device leaves it while its vCPU goes to sleep: VFIO takes the MSI from the
 * guest, and a moment before its remapping entry changes the device posts a last one. The vCPU was
 * awake then because of another MSI. Both are sent by another CPU, at moments that differ from turn
 * to turn, so that some of the vCPUs have looked for interrupts, and are not yet switched out.
 */
#include <pthread.h>

#include "run.h"
#include "util.h"

#define RAISER_CPU 2
#define AHEAD_NS   400000u /* both CPUs are ready by then */
#define SETTLE_NS  300000u
/*
 * From the call of VFIO to the last MSI. Later ones, from some 14 us on, meet an entry that is
 * being changed: the kernel of this machine, whose clock counts instructions.
 */
#define LEAVE_NS      9000u
#define LEAVE_SPAN_NS 3500u
#define LEAVE_STEP_NS 370u
#define TOO_LATE_NS   500u /* the raiser was held up: the MSI is not sent */
/* From the moment when the guest has seen the first MSI to the last one. */
#define DOZE_SPAN_NS 40000u
#define DOZE_STEP_NS 250u

struct raiser {
	const struct run *run;
	pthread_t thread;
	uint64_t first;		/* when */
	volatile uint64_t last; /* 0: nothing to do */
	uint64_t wake;		/* how long it took the guest of late to see the first */
	volatile bool ending;
};

static void spin_until(uint64_t ns)
{
	while (now_ns() < ns)
		;
}

static void two_msis(struct raiser *r)
{
	const struct run *run = r->run;
	bool seen = false;
	uint64_t now;

	spin_until(r->first);
	run_raise(run);
	while ((now = now_ns()) < r->last) {
		if (seen || run_target(run)->tag != run->r->sent)
			continue;
		seen = true;
		r->wake = now - r->first;
	}
	if (now < r->last + TOO_LATE_NS)
		run_raise(run);
	r->last = 0;
}

static void *raise(void *arg)
{
	struct raiser *r = arg;

	pin_to(RAISER_CPU);
	while (!r->ending) {
		if (r->last)
			two_msis(r);
		else
			sleep_until(now_ns() + 20000);
	}
	return NULL;
}

/* Counted by the unit. */
static uint32_t posted(void)
{
	static struct steps s;

	steps_read(&s);
	return (uint32_t)steps_count(&s, "pir_set");
}

static void leave(const struct run *run, struct raiser *r, uint64_t start, uint64_t last)
{
	r->last = last;
	spin_until(start);
	edu_msi_signal(run->edu, -1);
	while (r->last)
		sleep_until(now_ns() + 20000);
	sleep_until(now_ns() + SETTLE_NS);
}

/* It is seen without the device, whose return wakes a vCPU that sleeps. */
static void leave_and_return(const struct run *run, struct raiser *r)
{
	const uint32_t n = run->r->turns, sent = run->r->sent, before = posted();
	const uint64_t start = now_ns() + AHEAD_NS;
	const uint64_t last = start + LEAVE_NS + n * LEAVE_STEP_NS % LEAVE_SPAN_NS;
	uint32_t missed;

	r->first = last - n * DOZE_STEP_NS % DOZE_SPAN_NS - r->wake;
	leave(run, r, start, last);
	missed = run->r->sent - sent - (posted() - before);
	run->r->sent -= missed;
	if (!missed)
		run_wait_seen(run);
	edu_msi_signal(run->edu, run->edu->eventfd);
	edu_msi_affinity(run->edu, 0);
}

void run_leaves(const struct run *run)
{
	struct raiser r = {.run = run, .wake = AHEAD_NS / 2};

	edu_msi_affinity(run->edu, 0);
	if (pthread_create(&r.thread, NULL, raise, &r))
		die("thread");
	for (; run->r->turns < run->c->count && run_well(run); run->r->turns++) {
		run_wait_asleep(run);
		leave_and_return(run, &r);
	}
	r.ending = true;
	pthread_join(r.thread, NULL);
}
