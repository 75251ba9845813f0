/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_GAPPI_MSI_H
#define POSTERN_L1_GAPPI_MSI_H

#include <stdbool.h>
#include <stdint.h>

#include "checks.h"
#include "edu.h"
#include "iommu.h"
#include "vapic.h"
#include "witness.h"

#define PATIENCE_MS 2000
#define CPUS_MAX    16

/* The interrupts of one CPU. */
struct target {
	int cpu;
	uint32_t apic_id;
	uint8_t vector;
	uint32_t seen;	  /* notifications */
	uint64_t counted; /* by the kernel, on this CPU */
};

struct gappi {
	struct iommu iommu;
	struct edu edu;
	volatile struct irte *entry;
	struct irte kernels; /* the entry as the kernel wrote it */
	struct vapic vapic;
	uint8_t vector; /* for the guest */
	bool dissup;
	struct target target[CPUS_MAX], *now;
	unsigned targets;
	struct witness log; /* of the time with the guest APIC log instead */
	uint32_t sent, quiet, seen, lost, extra;
	struct checks checks;
};

/* The kernel's entry for g->now->cpu is there, and nothing of it is cached; and the way back. */
void gappi_arrive(struct gappi *g);
void gappi_leave(struct gappi *g);
/*
 * The guest-mode entry: @flags and @tag of its low quadword. The IOMMU reads these for every
 * interrupt, so a change needs no flush.
 */
void gappi_entry(struct gappi *g, uint64_t flags, uint32_t tag);
/* One MSI through it: sets the bit, and raises the vector once or, unless @notifies, not at all. */
void gappi_posted(struct gappi *g, const char *what, bool notifies);

#endif
