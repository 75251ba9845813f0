/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L2_H
#define POSTERN_L2_H

#include <stdint.h>

/*
 * Shared by the guest's program and the harness: one structure in the guest's memory. Words are
 * written by one side only, 32 bits at a time, on a machine with total store order.
 */
#define L2_MEMORY	0x200000u
#define L2_SHARED	0x10000u
#define L2_STACKS	0x80000u /* a page for every vCPU */
#define L2_STACK_SIZE	0x1000u
#define L2_ENTRY	0x100000u
#define L2_VCPUS	64
#define L2_FATAL_PORT	0xf4
#define L2_SERVE_PORT	0xf5 /* a line's handler has begun: its device acts */
#define L2_LEAVE_PORT	0xf6 /* the handler is about to write EOI */
#define L2_FIRST_VECTOR 0x20
#define L2_LINES	2

enum { L2_SPIN, L2_HALT };

struct l2_vcpu {
	/* written by the guest */
	uint32_t ready;
	uint32_t tpr;	   /* what the vCPU last wrote to its TPR */
	uint32_t tag;	   /* l2_shared.tag as the last device interrupt saw it */
	uint32_t spins;	   /* turns of the idle loop */
	uint32_t early;	   /* interrupts of a class that the TPR masks */
	uint32_t ipi_sent; /* by this vCPU */
	uint32_t icr_seen; /* icr_count, after the write */
	uint32_t fatal;	   /* exception + 1 */
	uint32_t fatal_ip;
	uint32_t ended[L2_LINES]; /* handlers of the line whose EOI is done */
	uint32_t seen[256];	  /* interrupts by vector */
};

/* A level-triggered pin of the I/O APIC. */
struct l2_line {
	uint32_t pin, vector;
};

struct l2_shared {
	/* written by the harness before the vCPUs start */
	uint32_t idle[L2_VCPUS];
	uint32_t x2apic;
	uint32_t msi_vector;
	uint32_t ipi_vector;
	uint32_t target;  /* the vCPU that MSIs and lines go to, and the IPIs of vCPU 0 */
	uint32_t logical; /* xAPIC: every vCPU has a bit of flat logical destinations */
	uint32_t lines;	  /* how many of line[] the target programs; without any, no I/O APIC */
	struct l2_line line[L2_LINES];
	/* written by the harness at any time */
	uint32_t tag; /* the number of the MSI that is about to be raised */
	uint32_t tpr; /* what the target should have in its TPR */
	uint32_t ipi_count;
	/* vCPU 0 writes icr_low and icr_dest to its ICR whenever icr_count is not what it last saw
	 */
	uint32_t icr_count, icr_low, icr_dest;
	uint32_t pad[8];
	struct l2_vcpu vcpu[L2_VCPUS];
};

#endif
