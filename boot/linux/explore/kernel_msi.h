/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_KERNEL_MSI_H
#define PN_EXPLORE_KERNEL_MSI_H

#include "kernel_vtd.h"

/*
 * As kernel.h, for posted MSIs of the bare machine: between kernel_msi.c, which is compiled in
 * Linux's tree, and machine_msi.c.
 */

/* ---- kernel_msi.c ---- */

/* On CPU @cpu: what it has of its own, and the descriptor of its posted MSIs. */
void pk_cpu(int cpu);
/* From the page of @p on, physical addresses are 4 GiB and more. */
void pk_high(const void *p);
/* Interrupt @irq of the device: from the allocation to the entry, by Linux's functions; CPU 0. */
void pk_irq(int irq);
/* How many vectors are taken, of all CPUs. */
int pk_vectors(void);
/* What Linux writes into the device for it. */
void pk_message(int irq, unsigned long *addr, unsigned *data);
/* The descriptor of the MSIs of a CPU. */
void *pk_msi_pid(int cpu);
/* The CPU takes this interrupt. */
void pk_interrupt(int vector);
/* irq_set_affinity(); as /proc/irq/N/smp_affinity writes it. */
void pk_set_affinity(int irq, int cpu);
/* take_cpu_down() on the CPU that goes; cpu_init() and lapic_online() on the one that comes. */
void pk_cpu_down(void);
void pk_cpu_up_early(void);
void pk_cpu_up(void);
/* The function of a timer that has expired. */
void pk_expired(void *timer);

/* ---- kernel_msi_now.c, kernel_msi_old.c ---- */

/* Where this version has the number of the CPU that runs. */
void pk_cpu_number(int cpu);

/* ---- machine_msi.c ---- */

/* [p, p + size) is statistics. */
void pu_statistics(const void *p, unsigned long size);
/* What the caller sees at @word: its store may still be in its buffer. */
unsigned long pu_read(const unsigned long *word);
/* The bit of CPU @cpu in a mask that others read. */
void pu_set_bit(unsigned long *word, int cpu, int on);
/* The handler of the device's driver for @irq. */
void pu_handler(int irq);
/* The device's mask bit for it. */
void pu_mask(int irq, int on);
/* A timer of CPU @cpu: @pending is a word of it that is not 0 while it is. */
void pu_timer_start(void *timer, unsigned long *pending, int cpu);
int pu_timer_stop(unsigned long *pending);

#endif
