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
/* gs of Linux's code. Threads have that of their CPU; during set-up the caller says whose. */
void pn_set_gs(unsigned long base);
/* During set-up: only one thread accesses [p, p + size), more than 16 bytes at once, too. */
void pn_private(const void *p, size_t size);
/* During set-up: CPU @cpu writes 8 bytes at @p that nobody reads, without a hook. */
void pn_untold(int cpu, void *p);
/* During set-up: what is at [p, p + size) decides nothing; it is no part of the state. */
void pn_unread(const void *p, size_t size);
/* The current thread is on another CPU. */
void pn_moved(void);

/* ---- linux_memory.c ---- */

/* During set-up. */
void pn_memory_start(void);
/* The current thread has one spinlock of Linux more, or one less. */
void pn_spinlocks(int change);

/* ---- the machine of a vendor: machine.c, machine_amd.c ---- */

/* Before anything else. */
void pn_machine_start(void);
/* A word of the command line says what the machine has. False: it is none of these words. */
bool pn_machine_take(const char *word);
struct px_program pn_machine_program(void);
/* Linux writes @v to a register of the processor. */
void pn_machine_wrmsr(uint32_t msr, uint64_t v);
/* The exploration cannot go on: no verdict. Does not return in a thread of the program. */
void pn_not_finished(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The reason, if that happened; else an empty string. */
const char *pn_why_not_finished(void);

#endif
