/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_HARNESS_H
#define PN_EXPLORE_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "px.h"

/* ---- lines.c: where in Linux's files an instruction lies ---- */

/* The place of the call that returns to @pc; never NULL. */
const struct px_site *pn_line_of(uintptr_t pc);

/* ---- hooks.c ---- */

/* During set-up. */
void pn_hooks_start(void);
/* Before the harness itself does something that other threads can see: Linux's last store. */
void pn_settle(void);
/* The current thread is on another CPU. */
void pn_moved(void);

/* ---- machine.c ---- */

/* What a case has besides one vCPU on CPU 0 and a device with two vectors. */
struct pn_machine {
	unsigned vcpus, posts;
	bool preempted; /* also while it is about to block */
	bool migrates;	/* wakes up on the other CPU */
	bool offline;	/* CPU 0 goes away while vCPUs sleep on its list */
	bool detached;	/* the only device leaves the VM, and comes back */
};

struct px_program pn_machine_program(struct pn_machine *m);
/* The exploration cannot go on: no verdict. Does not return in a thread of the program. */
void pn_not_finished(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The reason, if that happened; else an empty string. */
const char *pn_why_not_finished(void);

#endif
