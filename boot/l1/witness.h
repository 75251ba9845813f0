/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_WITNESS_H
#define POSTERN_L1_WITNESS_H

#include <stdint.h>
#include <stdio.h>

#include "steps.h"

/*
 * What the host kernel itself counts during a run: KVM's tracepoints counted by histogram triggers
 * (tracefs), and the rows of /proc/interrupts; and what the IOMMU did.
 */
enum witness_event {
	W_EXIT,		  /* by exit code */
	W_GA_LOG,	  /* entries that were reported to KVM */
	W_INCOMPLETE_IPI, /* by failure id */
	W_UNACCELERATED,  /* by register offset */
	W_KICK_SLOW,	  /* IPI targets woken after an incomplete IPI */
	W_DOORBELL,	  /* rung by KVM */
	W_IRTE_UPDATE,	  /* by "set": posting switched on or off for an IRTE */
	W_WAKEUP,	  /* blocked vCPUs that woke, by waited */
	W_INJECT,	  /* vectors injected by KVM */
	W_EOI,		  /* that KVM makes or receives, by the vector that it ends; -1: none */
	W_ACK,		  /* ends of an I/O APIC's interrupt, by pin */
	W_INHIBIT,  /* changes of the inhibits of APIC virtualization, by the inhibits after the
		       change */
	W_APIC,	    /* accesses to a local APIC that KVM makes, by register */
	W_SOFTWARE, /* interrupts of a local APIC that KVM sets, by vector */
	W_EVENTS
};

enum witness_irq {
	W_IRQ_DEVICE,
	W_IRQ_IOMMU,
	W_IRQ_RESCHED,
	W_IRQ_CALL,
	W_IRQ_POSTED,
	W_IRQ_PIN,
	W_IRQ_PIW,
	W_IRQ_NPI,
	W_IRQS
};

#define W_KEYS 96
#define W_CPUS 16

struct witness_hist {
	int known; /* this kernel has the tracepoint */
	unsigned keys;
	uint64_t total;
	struct {
		uint64_t key, count;
	} row[W_KEYS];
};

struct witness {
	struct witness_hist event[W_EVENTS];
	uint64_t irq[W_IRQS];
	uint64_t irq_last[W_IRQS]; /* as the rows were when they were looked at */
	uint64_t wakeups[W_CPUS];  /* interrupts with the wakeup vector, by CPU */
	unsigned cpus;
	struct steps before, after;
	char device[16];
};

void witness_begin(struct witness *w, const char *device);
/* Call it before the device's interrupt is freed, which removes its row. */
void witness_look(struct witness *w);
void witness_end(struct witness *w);
/* The members of a JSON object, without its braces. */
void witness_print(const struct witness *w, FILE *out);

#endif
