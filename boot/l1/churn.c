/* SPDX-License-Identifier: MIT */
/*
 * The device's interrupt is detached from the guest at random moments, while its vCPU goes to sleep
 * and wakes all the time. An MSI that was posted before the remapping entry changed must be seen by
 * the guest although nothing else wakes it; those that came later wait in the eventfd.
 */
#include <pthread.h>
#include <stdlib.h>

#include "run.h"
#include "util.h"

#define RAISER_CPU 2
#define LEAST_NS   100000u /* the raiser runs at least this long before the interrupt is detached */
#define SPREAD_NS  400000u
#define RAISE_NS   60000u /* at most, from seen to the next MSI */
#define GIVE_UP_NS 300000u
#define SETTLE_NS  300000u

struct raiser {
	const struct run *run;
	pthread_t thread;
	volatile bool go, idle, ending;
	unsigned seed;
};

static void spin_for(uint64_t ns)
{
	const uint64_t end = now_ns() + ns;

	while (now_ns() < end)
		;
}

/* Waits only a short time: the MSI may be in the eventfd. */
static void wait_a_little(const struct raiser *r)
{
	const uint64_t end = now_ns() + GIVE_UP_NS;

	while (run_target(r->run)->tag != r->run->r->sent && r->go && now_ns() < end)
		;
}

static void *raise(void *arg)
{
	struct raiser *r = arg;

	pin_to(RAISER_CPU);
	while (!r->ending) {
		if (!r->go) {
			r->idle = true;
			sleep_until(now_ns() + 20000);
			continue;
		}
		r->idle = false;
		run_raise(r->run);
		wait_a_little(r);
		spin_for((uint64_t)rand_r(&r->seed) % RAISE_NS);
	}
	return NULL;
}

/*
 * MSIs that were not posted, by the IOMMU's own count: the host may take two of them as one
 * interrupt.
 */
static uint32_t remapped(void)
{
	static struct steps s;

	steps_read(&s);
	return (uint32_t)(steps_count(&s, "remap_send") + steps_count(&s, "abort"));
}

static void irqfd(const struct run *run, bool on)
{
	vm_irqfd(run->vm, RUN_GSI, run->vm->vcpus - 1, RUN_MSI_VECTOR, run->edu->eventfd, on);
}

/* Numbers never wrap; the guest is late if it has not read this number or a later one. */
static void wait_posted(const struct run *run, uint32_t last)
{
	const volatile uint32_t *tag = &run_target(run)->tag;
	const uint64_t start = now_ns();

	while (*tag < last && now_ns() - start < RUN_PATIENCE_NS)
		sleep_until(now_ns() + 50000);
	run->r->lost += *tag < last;
}

static void give_back(const struct run *run, bool lost)
{
	irqfd(run, true);
	if (!lost)
		run_wait_seen(run);
}

static void leave_and_return(const struct run *run, struct raiser *r)
{
	uint32_t late = remapped(), lost;

	r->idle = false;
	r->go = true;
	spin_for(LEAST_NS + (uint64_t)rand_r(&r->seed) % SPREAD_NS);
	irqfd(run, false);
	r->go = false;
	while (!r->idle)
		sleep_until(now_ns() + 20000);
	sleep_until(now_ns() + SETTLE_NS);
	late = remapped() - late;
	run->r->detached += late;
	lost = run->r->lost;
	wait_posted(run, run->r->sent - late);
	give_back(run, run->r->lost > lost);
}

void run_churn(const struct run *run)
{
	struct raiser r = {.run = run, .idle = true, .seed = 1};
	uint32_t n = 0;

	edu_msi_affinity(run->edu, 0);
	if (pthread_create(&r.thread, NULL, raise, &r))
		die("thread");
	while (n < run->c->count && run_well(run)) {
		leave_and_return(run, &r);
		n++;
	}
	r.ending = true;
	pthread_join(r.thread, NULL);
	run->r->turns = n;
}
