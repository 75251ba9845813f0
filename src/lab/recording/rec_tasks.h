/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_TASKS_H
#define PN_LAB_REC_TASKS_H

#include "rec_line.h"
#include "rec_map.h"

/* The tasks of a recording, as small numbers: by tid, or by name where there is no tid. */

#define PN_TASK_IDLE	0u
#define PN_TASK_UNKNOWN UINT32_MAX

struct pn_rec_thread {
	int64_t tid, tgid; /* -1: not known */
	char name[32];	   /* empty: not known */
	bool full;	   /* the name is not cut short */
	bool kernel;	   /* its state or name says so */
	bool guest;	   /* it entered a guest */
	uint64_t switched_to, interrupts;
	bool woken; /* and not yet running: since when, and by which CPU */
	uint32_t woken_by;
	uint64_t woken_ns;
};

struct pn_rec_tasks {
	struct pn_rec_thread *task;
	uint32_t n, room;
	uint32_t last; /* most lines repeat a task */
	struct pn_rec_map by_tid, by_name;
};

/* 0, -ENOMEM. */
int pn_rec_tasks_init(struct pn_rec_tasks *t);
void pn_rec_tasks_free(struct pn_rec_tasks *t);
/* PN_TASK_UNKNOWN as *id: the line does not say. 0, -ENOMEM. */
int pn_rec_task_id(struct pn_rec_tasks *t, const struct pn_rec_task *as, uint32_t *id);

/* rec_names.c */
enum pn_rec_role { PN_ROLE_PROGRAM, PN_ROLE_VCPU, PN_ROLE_HELPER, PN_ROLE_KERNEL };
enum pn_rec_role pn_rec_role(const struct pn_rec_thread *t);

/* rec_load.c: which tasks are the load. */
struct pn_rec_choice {
	uint8_t *is_load; /* n of them; NULL: there is none */
	uint32_t threads;
	char name[32], why[96];
};

/* @pattern: of --load, or NULL. 0, -ENOMEM, or -ESRCH: @pattern fits no task. */
int pn_rec_choose_load(const struct pn_rec_tasks *t, const char *pattern,
		       struct pn_rec_choice *out);
/* The names of the tasks that were switched to most, for a message. */
void pn_rec_busiest(const struct pn_rec_tasks *t, char *buf, size_t size);

#endif
