/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_MSIS_H
#define POSTERN_L1_MSIS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "aio.h"
#include "steps.h"

#define MSIS_CPUS   16
#define MSIS_ROWS   64
#define MSIS_QUEUES 17

/* An MSI of a drive or of a VFIO device: its row of /proc/interrupts. */
struct msis_row {
	int irq;
	char action[24]; /* "nvme0q1" */
	uint64_t n;	 /* of all CPUs that are online */
	unsigned cpus;	 /* that took some */
};

/* The MSIs of the host's devices as the host counts them. */
struct msis {
	struct msis_row row[MSIS_ROWS];
	unsigned rows;
	uint64_t taken;	 /* the sum of them */
	uint64_t ioapic; /* interrupts that came from the I/O APIC */
	bool posting;	 /* there is a row PMN */
	uint64_t notified;
	struct steps steps;
};

/* The remapping tables, as the kernel shows them in debugfs. */
struct msis_entries {
	bool known;
	unsigned posted, remapped;
	unsigned descriptors; /* that posted entries lead to */
};

void msis_read(struct msis *m);
void msis_entries_read(struct msis_entries *e);
/* The row whose action is @action, or NULL. */
const struct msis_row *msis_find(const struct msis *m, const char *action);

#endif
