/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_RUN_H
#define POSTERN_L1_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "edu.h"
#include "iommu.h"
#include "lines.h"
#include "vm.h"
#include "witness.h"

#define RUN_GSI	       24
#define RUN_MSI_VECTOR 0x51
#define RUN_IPI_VECTOR 0x61
/* The second device's. */
#define RUN_HIGH_GSI	25
#define RUN_HIGH_VECTOR 0x71

/* Longer than any correct step takes, even on a busy machine. */
#define RUN_PATIENCE_NS 2000000000u

/* The parameters of one run. The target, which takes the interrupts, is the last vCPU. */
struct run_config {
	const char *name;
	const char *kind; /* see run.c */
	unsigned vcpus;
	bool halt; /* the target halts between interrupts */
	bool x2apic;
	uint32_t count;	 /* MSIs; of kinds without one: IPIs; of lines: how often one is raised */
	uint32_t rate;	 /* a second at most; 0: as fast as it goes */
	uint32_t gap_us; /* at least, from one to the next */
	bool open;	 /* do not wait until the guest has seen one before the next */
	uint32_t burst;	 /* kind=overflow, race, dropped: MSIs in one go */
	uint32_t up;	 /* EOIs with the line still up, each time it is raised */
	uint32_t ipis;	 /* from vCPU 0 to the target, meanwhile */
	uint32_t migrate_ms; /* the target changes host CPUs this often; 0: never */
	bool preempt;	     /* a busy thread shares the target's host CPU */
	bool here;	     /* the host's own vector of the MSI is on the target's host CPU */
	uint32_t edu;	     /* which edu sends, in the order of their addresses */
	uint32_t spread;     /* kind=meter: host CPUs that the vCPUs are on */
	uint32_t first;	     /* kind=reads: the first drive, how many, and reads in flight from */
	uint32_t drives;     /* each CPU on each of them */
	uint32_t depth;
	const char *meanwhile; /* what is done to the host, see drives.c, and how often */
	uint32_t times;
};

/* The results of one run, as the guest saw it. */
struct run_result {
	uint32_t sent, seen;
	uint32_t software;  /* of those sent: written to the eventfd by the harness */
	uint32_t detached;  /* of those sent: MSIs while none could be posted */
	uint32_t elsewhere; /* of those seen: by other vCPUs than the target */
	uint32_t turns;	    /* for kinds that disturb the host or the guest: how often */
	uint32_t lost;	    /* MSIs, or times a line was up, without the guest's interrupt */
	uint32_t stuck;	    /* steps of the guest, MSIs apart, that did not come */
	uint32_t early;	    /* taken although the TPR masked them, or while detached */
	uint32_t ipi_sent, ipi_seen;
	uint32_t displaced;   /* the target's thread left its CPU */
	uint32_t log_stopped; /* MSIs sent until the guest APIC log was found not to run; 0: it does
			       */
	uint64_t wait_max_ns; /* from raise to seen, of those that were waited for */
	uint64_t wait_sum_ns;
	uint64_t ns;
	uint32_t odd_exit, fatal, fatal_ip; /* 0 unless the guest went wrong */
};

struct run {
	const struct run_config *c;
	struct vm *vm;
	struct edu *edu;
	struct run_result *r;
	struct witness *witness;
	const struct iommu *iommu;
	struct lines *lines;
};

/* NULL if @c can run; otherwise the reason why not. */
const char *run_refuses(const struct run_config *c);
/* How many level-triggered lines the guest has. */
unsigned run_lines(const struct run_config *c);
/* The guest is running: raises the MSIs and waits until they arrive. */
void run_guest(const struct run *run);

/* The pieces that the kinds of run are made of. */
volatile struct l2_vcpu *run_target(const struct run *run);
/* The next MSI: has a number, which the guest reads in its handler. */
void run_raise(const struct run *run);
/* The same by the harness's own write to the eventfd. */
void run_raise_software(const struct run *run);
/* Waits until the guest has seen the last MSI, or RUN_PATIENCE_NS is over. */
void run_wait_seen(const struct run *run);
/* The same for what the guest writes. */
void run_wait_word(const struct run *run, const volatile uint32_t *word, uint32_t value);
/* The same for a count that an interrupt makes the guest write: otherwise it is lost. */
void run_wait_taken(const struct run *run, const volatile uint32_t *word, uint32_t value);
/* Waits until the target sleeps, or RUN_PATIENCE_NS is over. */
void run_wait_asleep(const struct run *run);
void run_wait_asleep_in(const struct run *run, const struct vm *vm, unsigned vcpu);
/* A guest, not yet running, as @c says. */
void run_vm_create(struct vm *vm, const struct run_config *c);
/* The CPU of each vCPU. */
void run_place(const struct run_config *c, int pcpu[L2_VCPUS]);
/* The target sleeps; an MSI wakes it, and it sees it. */
void run_wake(const struct run *run);
/* The target sleeps under a TPR that masks the MSI; an IPI from vCPU 0 still wakes it. */
void run_sleep_masked(const struct run *run);
/*
 * Sends one IPI from vCPU 0 to the target, and waits until it has arrived, or RUN_PATIENCE_NS is
 * over.
 */
void run_ipi(const struct run *run);
/* True if the guest has no error. */
bool run_well(const struct run *run);
/* True if the guest has no error and the run is not complete. */
bool run_goes_on(const struct run *run);

/* a file each, but for sleep.c, crowd.c and level.c */
void run_masked(const struct run *run);
void run_sleeper(const struct run *run);
void run_ipis(const struct run *run);
void run_icr(const struct run *run);
/* How many of them have been taken. */
uint32_t run_icr_seen(const struct run *run);
void run_overflow(const struct run *run);
void run_detach(const struct run *run);
void run_race(const struct run *run);
void run_offline(const struct run *run);
void run_churn(const struct run *run);
void run_leaves(const struct run *run);
void run_higher(const struct run *run);
void run_pair(const struct run *run);
void run_crowd(const struct run *run);
void run_dropped(const struct run *run);
void run_inhibit(const struct run *run);
void run_first(const struct run *run);
void run_suspend(const struct run *run);
void run_powered(const struct run *run);
void run_snapshot(const struct run *run);
void run_level(const struct run *run);
void run_retrigger(const struct run *run);
void run_two(const struct run *run);
void run_nested(const struct run *run);
void run_resample(const struct run *run);
void run_intx(const struct run *run);

#endif
