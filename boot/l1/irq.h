/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_IRQ_H
#define POSTERN_L1_IRQ_H

#include <stdbool.h>
#include <stdint.h>

/* Calls @row with each row of /proc/interrupts. */
void irq_rows(void (*row)(const char *line, void *ctx), void *ctx);
/* The row is that of @device under VFIO. */
bool irq_is_vfio(const char *line, const char *device);
/* Interrupts of the VFIO device @device that the kernel has counted on @cpu. */
uint64_t irq_count(const char *device, int cpu);
/* All interrupts whose row of /proc/interrupts has @name in it go to @cpu. There is one at least.
 */
void irq_affinity(const char *name, int cpu);
/* The physical APIC ID of @cpu. The caller is on CPU 0 afterwards. */
uint32_t irq_apic_id(int cpu);

#endif
