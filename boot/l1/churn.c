/* SPDX-License-Identifier: MIT */
/*
 * The device's interrupt leaves the guest while its vCPU goes to sleep and wakes all the time, at
 * no moment in particular. An MSI that was posted before the remapping entry changed must be seen
 * by the guest although nothing else wakes it: those that came later wait in the eventfd, whose
 * count says how many they are.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "util.h"

#define RAISER_CPU 2
#define LEAST_NS   100000u /* with the raiser at work before the interrupt leaves */
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

/* Not for long: it may be in the eventfd. */
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

/* What the eventfd has, without taking it. */
static uint32_t pending(const struct edu *edu)
{
	char path[64], text[256];
	const char *count;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", edu->eventfd);
	if (read_file(path, text, sizeof(text)) < 0 || !(count = strstr(text, "eventfd-count:")))
		die("%s", path);
	return (uint32_t)strtoul(count + 14, NULL, 16);
}

static void irqfd(const struct run *run, bool on)
{
	vm_irqfd(run->vm, RUN_GSI, run->vm->vcpus - 1, RUN_MSI_VECTOR, run->edu->eventfd, on);
}

/* Numbers wrap never; the guest is behind if it has not read this one or a later one. */
static void wait_posted(const struct run *run, uint32_t last)
{
	const volatile uint32_t *tag = &run_target(run)->tag;
	const uint64_t start = now_ns();

	while (*tag < last && now_ns() - start < RUN_PATIENCE_NS)
		sleep_until(now_ns() + 50000);
	run->r->lost += *tag < last;
}

static void leave_and_return(const struct run *run, struct raiser *r)
{
	uint32_t late;

	r->idle = false;
	r->go = true;
	spin_for(LEAST_NS + (uint64_t)rand_r(&r->seed) % SPREAD_NS);
	irqfd(run, false);
	r->go = false;
	while (!r->idle)
		sleep_until(now_ns() + 20000);
	sleep_until(now_ns() + SETTLE_NS);
	late = pending(run->edu);
	run->r->detached += late;
	wait_posted(run, run->r->sent - late);
	irqfd(run, true);
	run_wait_seen(run);
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
