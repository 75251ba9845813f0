/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_KERNEL_AMD_H
#define PN_EXPLORE_KERNEL_AMD_H

#include "kernel.h"

/*
 * As kernel.h, for AMD: between kernel_amd.c, which is compiled in Linux's tree, and machine_amd.c.
 */

#define PK_VCPUS  2
#define PK_IRQS	  4
#define PK_IOMMUS 2
#define PK_DEVID  4 /* of the device behind each IOMMU */

/* ---- kernel_amd.c ---- */

/* Once, before all others: AVIC's set-up of Linux, with the feature flags of such a processor. */
void pk_setup(void);
/* A VM, and vCPU @id of it, that has not run so far. */
void *pk_vm(void);
void *pk_vcpu(void *vm, int id);
/* avic_vm_pre_destroy(). */
void pk_vm_pre_destroy(void *vm);
/* IOMMU @index with its registers at @mmio: tables, command buffer and log by Linux's functions. */
void *pk_iommu(int index, void *mmio);
/* Host interrupt @irq: entry @irq of the device behind the IOMMU, that the host gets at @vector. */
void pk_irq(int irq, void *iommu, int vector, int cpu);
/*
 * kvm_pi_update_irte(): its device's interrupt goes to vCPU @id as @vector; -1: to the host. By an
 * attach, a detach, or by another address or data that the guest writes.
 */
void pk_route(void *vm, int irq, int id, int vector);

/* What VMRUN of the vCPU loads. */
struct pk_vmcb {
	unsigned long v_intr, bar, page, logical, physical;
};
void pk_vmcb(void *vcpu, struct pk_vmcb *out);
unsigned *pk_apic(void *vcpu);
/* rcuwait: the task that waits, or 0. */
unsigned long *pk_wait(void *vcpu);

/* svm_vcpu_load(), svm_vcpu_put(), as kvm_sched_in() and _out() call them. */
void pk_load(void *vcpu, int cpu);
void pk_put(void *vcpu, int preempted);
void pk_start_blocking(void *vcpu);
void pk_stop_blocking(void *vcpu);
/* The thread of the interrupt that IOMMU @iommu sends for its guest APIC log. */
void pk_galog_thread(void *iommu);

/* ---- machine_amd.c ---- */

/* Zeroed memory of the program; during set-up. */
void *pu_alloc(unsigned long size, unsigned long align);
/* Not 0: interrupts were on. */
int pu_irq_off(unsigned long pc);
void pu_irq_on(unsigned long pc);
/* Around what changes an entry for good, for a case in which the IOMMU sees that as one step. */
void pu_change(int begin);
/* kvm_vcpu_wake_up(); not 0 if it slept. */
int pu_wake_up(int vcpu);
/* Waits until the place that was read last changes. */
void pu_relax(void);

#endif
