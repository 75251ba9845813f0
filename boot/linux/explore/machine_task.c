/* SPDX-License-Identifier: MIT */
/* The scheduler of the machines with vCPUs: how a task leaves its CPU, sleeps, is woken and comes
 * back. */
#include "engine.h"
#include "harness.h"
#include "machine_task.h"

#define WORDS_OF_LINE 16

#define CPUS 3 /* at most */

struct mt_settings mt = {.cpus = 2};

static struct pn_lock *run[CPUS];   /* one task at a time on a CPU */
static struct pn_lock *queue[CPUS]; /* the lock of its run queue */
static uint32_t *online;	    /* of each CPU, one in each line */

void mt_build(void)
{
	online = px_alloc(mt.cpus * 64, 64);
	for (int c = 0; c < (int)mt.cpus; c++) {
		run[c] = px_alloc(64, 64);
		queue[c] = px_alloc(64, 64);
		online[c * WORDS_OF_LINE] = 1;
		pu_name(run[c], 4, "the run queue of CPU", c);
		pu_name(queue[c], 4, "the lock of the run queue of CPU", c);
		pu_name(&online[c * WORDS_OF_LINE], 4, "online: CPU", c);
	}
}

void mt_name(struct mt_task *t, int number)
{
	pu_name(t, sizeof(*t), "the task's CPU, vCPU", number);
	pu_name(t->asleep, 4, "task asleep, vCPU", number);
}

/* ---- CPUs ---- */

bool mt_is_online(int cpu)
{
	return !mt.offline || pn_ld32(&online[cpu * WORDS_OF_LINE]);
}

void mt_stop_cpu(int cpu)
{
	pn_lock_take(run[cpu]);
}

void mt_set_offline(int cpu)
{
	pn_xchg32(&online[cpu * WORDS_OF_LINE], 0);
}

void mt_cpu_is_offline(int cpu)
{
	pn_lock_drop(run[cpu]);
}

static bool scheduled(void)
{
	return mt.shared || mt.offline;
}

static uint32_t other_cpu(const struct mt_task *t)
{
	return (mt.cpus > 2 ? 3 : 1) - t->cpu;
}

/* Read by who wakes the task, under the lock of its run queue. */
static void go_to(struct mt_task *t, uint32_t cpu)
{
	if (mt.queues)
		pn_xchg32(&t->cpu, cpu);
	else
		t->cpu = cpu;
	px_migrate((int)cpu);
	pn_moved();
}

/* Waits until the task may run on its CPU; on the other one if that is gone. */
static void take_cpu(struct mt_task *t)
{
	if (!scheduled())
		return;
	pn_lock_take(run[t->cpu]);
	if (mt_is_online((int)t->cpu))
		return;
	pn_lock_drop(run[t->cpu]);
	go_to(t, other_cpu(t));
	pn_lock_take(run[t->cpu]);
}

static void give_cpu(uint32_t cpu)
{
	if (scheduled())
		pn_lock_drop(run[cpu]);
}

/* ---- a task ---- */

/* Interrupts are off. */
static void put(struct mt_task *t, int preempted)
{
	if (mt.queues)
		pn_lock_take(queue[t->cpu]);
	mt_put(t, preempted);
	pn_settle();
	if (mt.queues)
		pn_lock_drop(queue[t->cpu]);
}

static void switch_out(struct mt_task *t, int preempted)
{
	px_irq(NULL, false, PX_SITE("interrupts off"));
	put(t, preempted);
	px_irq(NULL, true, PX_SITE("interrupts on"));
}

static void switch_in(struct mt_task *t)
{
	mt_load(t);
	pn_settle();
}

void mt_start(struct mt_task *t)
{
	take_cpu(t);
	switch_in(t);
}

void mt_end(struct mt_task *t)
{
	switch_out(t, 0);
}

void mt_preempt(struct mt_task *t)
{
	const char *before;

	pn_settle();
	before = px_doing("preempted");
	switch_out(t, 1);
	mt_preempted(t);
	switch_in(t);
	px_doing(before);
}

void mt_move(struct mt_task *t)
{
	uint32_t from = t->cpu;

	px_doing("preempted");
	switch_out(t, 1);
	give_cpu(from);
	go_to(t, other_cpu(t));
	take_cpu(t);
	px_doing("switched in");
	switch_in(t);
	px_doing("");
}

void mt_schedule(struct mt_task *t)
{
	uint32_t from = t->cpu;

	pn_settle();
	px_irq(NULL, false, PX_SITE("interrupts off"));
	if (!pn_ld32(t->asleep)) {
		px_irq(NULL, true, PX_SITE("interrupts on"));
		return;
	}
	px_doing("switched out");
	put(t, 0);
	give_cpu(from);
	px_irq(NULL, true, PX_SITE("interrupts on"));
	px_sleep(t->asleep, "vCPU");
	go_to(t, mt.migrate ? other_cpu(t) : t->cpu);
	take_cpu(t);
	px_doing("switched in");
	switch_in(t);
	px_doing("");
}

int mt_wake(struct mt_task *t)
{
	uint32_t cpu;
	int woken;

	pn_settle();
	if (!mt.queues)
		return (int)pn_xchg32(t->asleep, 0);
	cpu = pn_ld32(&t->cpu);
	pn_lock_take(queue[cpu]);
	woken = (int)pn_xchg32(t->asleep, 0);
	pn_lock_drop(queue[cpu]);
	return woken;
}
