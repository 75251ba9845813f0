/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_MACHINE_TASK_H
#define PN_EXPLORE_MACHINE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"
#include "seam.h"

/*
 * The scheduler of all machines whose threads are tasks of vCPUs: machine_task.c. It stands for
 * that of Linux, in few lines: the order in which a task goes to sleep, is switched out and in, and
 * is woken. CPUs matter as such only if there are more tasks than one, or if one goes away.
 */

/* The first field of what the machine has of a vCPU. */
struct mt_task {
	uint32_t *asleep; /* the task's state: not 0, it sleeps or is about to */
	uint32_t cpu;
};

/* What a machine has. Before mt_build(). */
extern struct mt_settings {
	unsigned cpus; /* 2 or 3; with three, tasks that move do so between CPUs 1 and 2 */
	bool shared;   /* more tasks than one */
	bool offline;  /* CPUs go offline */
	bool migrate;  /* a task wakes up on the other CPU */
	bool queues;   /* it is switched out, and woken, under the lock of its run queue */
} mt;

void mt_build(void);
/* A name for the state of vCPU @number's task. */
void mt_name(struct mt_task *t, int number);
/* A new task on its CPU. */
void mt_start(struct mt_task *t);
/* For good. */
void mt_end(struct mt_task *t);
void mt_preempt(struct mt_task *t);
/* Preempted, and put on the other CPU. */
void mt_move(struct mt_task *t);
/* schedule(): nothing, if the task has been woken. */
void mt_schedule(struct mt_task *t);
/* try_to_wake_up(): not 0 if it slept. */
int mt_wake(struct mt_task *t);

bool mt_is_online(int cpu);
/* No task runs on @cpu between the two; it is offline when the second returns. */
void mt_stop_cpu(int cpu);
void mt_cpu_is_offline(int cpu);
/* It is offline, whether tasks look or not. */
void mt_set_offline(int cpu);

/* ---- of the machine: what KVM does when a task is switched in and out ---- */

void mt_load(struct mt_task *t);
/* Interrupts are off. */
void mt_put(struct mt_task *t, int preempted);
/* After it was preempted: between being switched out and in. */
void mt_preempted(struct mt_task *t);

#endif
