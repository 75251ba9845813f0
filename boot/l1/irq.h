/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_IRQ_H
#define POSTERN_L1_IRQ_H

#include <stdint.h>

/* Interrupts of the VFIO device @device that the kernel has counted on @cpu. */
uint64_t irq_count(const char *device, int cpu);
/* All interrupts whose row of /proc/interrupts has @name in it go to @cpus, a list. */
void irq_affinity(const char *name, const char *cpus);
/* The physical APIC ID of @cpu. The caller is on CPU 0 afterwards. */
uint32_t irq_apic_id(int cpu);

#endif
