/* SPDX-License-Identifier: MIT */
#ifndef PN_SEAM_H
#define PN_SEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/agent.h"

/*
 * Silicon and host code use these functions, and nothing else, for memory that other agents write,
 * for locks, interrupts and wakeups. The include path decides which world implements them: see
 * seam_impl.h.
 *
 * Every use says in a comment which agent it pairs with.
 *
 *   pn_ld32/64[_acq|_sc]  pn_st32/64[_rel]  pn_or, pn_and, pn_xchg, pn_cas 32/64 (return the old
 *   value, cas: success, with *expected updated)  pn_ld128_sc  pn_cas128  pn_fence
 *   pn_or_ld32(bits, p): bits | pn_ld32_acq(p)
 *   pn_lock_take/drop  pn_irq_off/on  pn_relax
 *   pn_line_begin, pn_line_end: bracket what a device does to a line of memory in one
 *   access: one access in the simulator and the explorer, several with real threads
 *   pn_lock_irq, pn_unlock_irq: a lock that interrupt handlers take too, interrupts off first
 *   pn_statistics(p, size): when it is created: memory of which no decision depends; the explorer
 *   does not tell states apart by it
 *   pn_mistake(PN_MISTAKE_x): the explorer wants that mistake here; elsewhere constant false
 */

struct pn_u128 {
	uint64_t lo, hi;
} __attribute__((aligned(16)));

struct pn_lock {
	uint32_t held;
};

#include "mistake.h"
#include "seam_impl.h"

/* Why a task is woken, for statistics. It does not change what waking does. */
enum pn_wake_reason {
	PN_WAKE_NOTIFY,	 /* an interrupt's own notification: log entry, GAPPI, software injection */
	PN_WAKE_RECOVER, /* the host suspects that a notification was dropped */
	PN_WAKE_TIMER,	 /* the guest's own timer */
	PN_WAKE_REQUEST, /* the host wants the task out of its block loop: offline, inhibit, detach
			  */
	PN_WAKE_NR
};

/*
 * What host code needs from the operating system around it. @self is the CPU that calls. No
 * function here blocks; all may be called with locks held and interrupts off.
 */
struct pn_os {
	void *ctx;
	/* Makes @task runnable; harmless if it is awake. Full barrier before it looks at the
	 * task's state. Returns true if the task slept. */
	bool (*wake)(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why);
	/* Sends a fixed interrupt @vector to CPU number @cpu. */
	void (*ipi)(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector);
	/* Writes the AVIC doorbell MSR C001_011B with @apicid. */
	void (*doorbell)(void *ctx, struct pn_agent *self, uint32_t apicid);
};

#endif
