/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_RUN_H
#define POSTERN_L1_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "edu.h"
#include "vm.h"

/* What one run does. */
struct run_config {
	const char *name;
	unsigned vcpus; /* MSIs go to the last one */
	bool halt;	/* the vCPU that takes the interrupts halts between them */
	bool x2apic;
	uint32_t count;	     /* MSIs */
	uint32_t rate;	     /* a second at most; 0: as fast as it goes */
	uint32_t gap_us;     /* at least, from one to the next */
	bool open;	     /* do not wait until the guest has seen one before the next */
	bool mask;	     /* every MSI is raised under a TPR that masks it */
	uint32_t ipis;	     /* from vCPU 0 to the last one, meanwhile */
	uint32_t migrate_ms; /* the last vCPU changes host CPUs this often; 0: never */
	bool preempt;	     /* a busy thread shares the last vCPU's host CPU */
};

/* What the guest saw of it. */
struct run_result {
	uint32_t sent, seen;
	uint32_t lost;	/* MSIs after which the guest took no interrupt */
	uint32_t early; /* taken although the TPR masked them */
	uint32_t ipi_sent, ipi_seen;
	uint64_t wait_max_ns; /* from raise to seen, of those that were waited for */
	uint64_t wait_sum_ns;
	uint64_t ns;
	uint32_t odd_exit, fatal, fatal_ip; /* 0 unless the guest went wrong */
};

#define RUN_MSI_VECTOR 0x51
#define RUN_IPI_VECTOR 0x61
#define RUN_TPR_MASKS  0x60

/* The guest is running; raises the MSIs and sees them arrive. */
void run_guest(const struct run_config *c, struct vm *vm, const struct edu *edu,
	       struct run_result *r);

#endif
