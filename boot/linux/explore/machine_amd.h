/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_MACHINE_AMD_H
#define PN_EXPLORE_MACHINE_AMD_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/amdvi.h"
#include "postern/avic.h"

#include "harness.h"
#include "kernel_amd.h"
#include "machine_data.h"
#include "machine_task.h"

/*
 * The machine of AMD: machine_amd.c builds it and says what must hold, machine_amd_linux.c has what
 * Linux's half calls, machine_amd_iommu.c the IOMMUs and their devices, machine_amd_vcpu.c what
 * the vCPUs' tasks do, machine_amd_guest.c what runs in them, machine_amd_vmm.c everything else
 * that acts.
 */

#define HOST_VECTOR 0x31 /* of a device's interrupt that is not posted */
#define LOG_VECTOR  0x21 /* of the log of IOMMU 0; the next: of IOMMU 1 */
#define LOG_CPU	    1
#define WORK_VECTOR 0xF6 /* IRQ_WORK_VECTOR */
#define AM_CPUS	    3	 /* at most */

struct vcpu {
	struct mt_task task;
	void *svm;
	unsigned id;
	uint32_t *alive;    /* 2: to be killed, 0: has ended */
	uint32_t *vectors;  /* that the guest got: of interrupt N bit N */
	uint32_t *work;	    /* its irq_work is queued: 1 */
	uint32_t *inhibit;  /* its VM's vCPU has AVIC inhibited: 1 */
	uint64_t *wait;	    /* Linux's: the task that waits, or 0 */
	uint64_t *requests; /* Linux's: vcpu->requests */
	uint32_t *apic;	    /* Linux's: the vAPIC page */
	uint32_t *mode;	    /* Linux's: vcpu->mode */
	uint32_t sent;	    /* IPIs */
	bool active;	    /* AVIC is on */
	bool blocks;
	bool waits; /* for a doorbell */
};

struct unit {
	struct pn_amdvi *vi;
	struct pn_lock *busy;
	void *linux_iommu;
	uint32_t *idle;	   /* its thread has nothing to do: 1 */
	uint32_t *running; /* GALogRun */
	uint32_t *cleared; /* the log's interrupt was cleared by the last access to a register: 1 */
	uint32_t *no_command; /* 0: the tail of the command buffer was written, */
	uint64_t *tail;	      /* with this value */
	uint32_t *goes_on;    /* 0: the log has overflowed and is about to stop */
};

struct am_machine {
	unsigned vcpus, posts, iommus, cpus;
	unsigned ipis;	/* that vCPU 0 sends to vCPU 1, */
	bool others;	/* or to all others, */
	bool logical;	/* or to their logical IDs, */
	bool all;	/* or to all by the broadcast ID */
	bool xapic;	/* the guest does not use x2APIC */
	bool zen1;	/* a processor with erratum 1235, and without x2AVIC */
	bool waits;	/* the guest waits inside for its interrupts, and does not halt */
	unsigned ring;	/* entries of the log; 0: as Linux says */
	bool late;	/* the log stops some time after it has overflowed */
	bool preempted; /* also while it is about to block */
	bool migrates;	/* wakes up on the other CPU */
	bool attach;	/* the device is given to the VM while it runs */
	bool detach;	/* and is taken away */
	bool retarget;	/* the guest moves the first interrupt to its other vCPU */
	bool destroy;	/* its task is killed, and the VM is destroyed */
	bool whole;	/* an entry does not change while the IOMMU handles a request */
	bool offline;	/* CPU 0 goes offline */
	bool masked;	/* the guest halts with a TPR that masks interrupt 0 */
	bool unload;	/* and after destruction the module is unloaded */
	bool inhibit;	/* AVIC of vCPU 0 is inhibited, and then no more */
	bool stays;	/* and stays inhibited */
	bool loaded;	/* the vCPUs have run before the device comes */
	bool lists;	/* a vCPU that does not block is to be on no list */
	bool nogam;	/* the IOMMUs cannot post */
	bool galog;	/* Linux is not told to use GAPPI */
	bool lacking;	/* the IOMMUs cannot send a GAPPI */
	bool prefix;	/* amd_iommu=gappi2 */
	bool nodis;	/* GAPPIDis is not there */
	bool again;	/* the device sends each interrupt twice */
	bool queued;	/* commands are executed some time after they were written */
	bool novapic;	/* the device's IRTEs cannot post */
	bool vms; /* each vCPU is one of its own VM; their numbers share a bucket of Linux's hash */
	bool bug1312; /* an entry is logged as Linux clears the log's interrupt: it stays, and none
			 is sent */
};

extern struct am_machine machine;
extern struct vcpu *vcpus[PK_VCPUS];
extern struct unit units[PK_IOMMUS];
extern struct pn_avic *core; /* of each CPU */
extern struct pn_bus bus;
extern uint32_t *in_irq;   /* of each CPU: a handler runs there */
extern void *vm[PK_VCPUS]; /* vm[i]: that of vCPU i */
extern uint32_t *host;	   /* interrupts that were not posted: the host injects them */

#define AM_WORDS_OF_LINE 16

/* The guest's vector of interrupt @i; one class of priority each. */
static inline int am_vector(unsigned i)
{
	return 0x41 + 0x10 * (int)i;
}

/* ---- machine_amd_linux.c ---- */

void am_build_linux(void);
void am_wakeup_interrupt(void);

/* ---- machine_amd_iommu.c ---- */

void am_build_units(void);
void am_build_devices(void);

/* ---- machine_amd_vcpu.c ---- */

/* What the guest could take now. */
bool am_deliverable(struct vcpu *v);
void am_task(void *v);
/* The handler of all interrupts of a CPU. */
void am_interrupt(void *arg, uint8_t vector);

/* ---- machine_amd_guest.c ---- */

void am_build_guest(void);
/* VMRUN, and the guest takes what is pending until it halts; @stay: until it has all it expects. */
void am_guest(struct vcpu *v, bool stay);
/* Its guest waits inside: any but the one that sends. */
bool am_stays_inside(const struct vcpu *v);
/* AVIC is off. */
void am_inject(struct vcpu *v);
/* By the IOMMU, a core or Linux. */
void am_doorbell(uint32_t apicid);
/* The interrupts that vCPU @id is to get, a bit each: of devices first, then IPIs. */
uint32_t am_expected(unsigned id);

/* ---- machine_amd_vmm.c ---- */

/* The guest moves interrupt @irq to vCPU @id. */
void am_route(unsigned irq, int id);
void am_attach(unsigned irq);
void am_build_agents(void);

#endif
