/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_MACHINE_H
#define PN_EXPLORE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/bus.h"
#include "postern/pid.h"

#include "harness.h"
#include "kernel.h"
#include "machine_task.h"

/*
 * The machine of Intel's guests: machine.c builds it and says what must hold, machine_guest.c has
 * the processors and what a guest does on them, machine_vmcs.c the VMCS as Linux accesses it.
 */

#define MI_VECTOR 0x41 /* that post 0 raises in its guest; the next: post 1 */

struct vcpu {
	struct mt_task task;
	void *linux_vcpu, *linux_task;
	struct pn_pid *pid;
	uint32_t *mode;	   /* Linux's: vcpu->mode */
	uint32_t *apic;	   /* Linux's: the registers of its local APIC */
	uint32_t *vectors; /* that the guest got, MI_VECTOR + bit */
	uint16_t intr_status;
};

extern struct pn_bus mi_bus;

/* ---- machine_guest.c ---- */

void mi_build_cores(void);
/* VM entry, what the guest does until it halts, VM exit. */
void mi_guest(struct vcpu *v);
/* True: the processor took the interrupt without leaving the guest. */
bool mi_posted(int cpu, uint8_t vector);

#endif
