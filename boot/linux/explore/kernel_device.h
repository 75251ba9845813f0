/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_KERNEL_DEVICE_H
#define PN_EXPLORE_KERNEL_DEVICE_H

#include "kernel.h"

/* ---- kernel_device.c, during set-up ---- */

/* Interrupt @irq of the device; where it goes when it is not posted. */
void pk_irq(int irq, int host_vector, int cpu);
/* What Linux writes into the device for it. */
void pk_message(int irq, unsigned long *addr, unsigned *data);
/* To which vCPU, by its number, and vector of the guest KVM routes it. */
void pk_irqfd(int irq, void *vm, int vcpu, int vector);

/* ---- and at any time ---- */

/* kvm_arch_irq_bypass_add_producer(), and _del_producer(). */
void pk_attach(int irq);
void pk_detach(int irq);

#endif
