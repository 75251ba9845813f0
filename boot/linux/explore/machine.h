/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_MACHINE_H
#define PN_EXPLORE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

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
	uint32_t *mode;	    /* Linux's: vcpu->mode */
	uint64_t *requests; /* Linux's: vcpu->requests */
	uint32_t *apic;	    /* Linux's: the registers of its local APIC */
	uint32_t *vectors;  /* that the guest got, MI_VECTOR + bit */
	uint32_t *waits;    /* in the guest, for an interrupt */
	uint32_t want;	    /* vectors that are to come */
	uint16_t intr_status;
	int16_t injected; /* a vector that KVM is about to inject, or -1 */
};

/* What a case has besides one vCPU on CPU 0 and a device with two vectors. */
struct mi_machine {
	unsigned vcpus, posts;
	bool preempted; /* also while it is about to block */
	bool migrates;	/* wakes up on the other CPU */
	bool offline;	/* CPU 0 goes away while vCPUs sleep on its list */
	bool leaves;	/* the only device leaves the VM; */
	bool comes;	/* comes to it, or back */
	bool sender;	/* KVM delivers one more interrupt to vCPU 0, from CPU 1 */
	bool spins;	/* the guest waits inside for all interrupts before it halts */
	bool inhibited; /* vCPU 0 has no APICv */
	bool ipiv;	/* IPIs are virtualized: a vCPU that blocks always has the wakeup vector */
};

extern struct mi_machine machine;

extern struct vcpu *vcpus[PK_VCPUS];

/* ---- machine_guest.c ---- */

void mi_build_cores(void);
/* VM entry, what the guest does, VM exit, until the guest halts. */
void mi_guest(struct vcpu *v);
/* An interrupt reaches @cpu. True: the processor took it without leaving the guest. */
bool mi_posted(int cpu, uint8_t vector);
/* A guest on @cpu goes on, or leaves. */
void mi_poke(int cpu);

#endif
