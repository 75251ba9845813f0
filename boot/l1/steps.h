/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_STEPS_H
#define POSTERN_L1_STEPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define STEPS_MAX 96

/*
 * The steps that the model of the IOMMU took, by name: the machine's own count, independent of the
 * kernel. Read from the device "postern-steps".
 */
struct steps {
	bool known; /* there is such a device */
	unsigned n;
	struct {
		char name[24];
		uint64_t count;
	} step[STEPS_MAX];
};

/* All of them since the machine's start. */
void steps_read(struct steps *s);
/* Of one of them. */
uint64_t steps_count(const struct steps *s, const char *name);
/* Those between two readings, as a JSON object; null if they are not known. */
void steps_print(const struct steps *before, const struct steps *after, FILE *out);

#endif
