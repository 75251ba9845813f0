/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_KERNEL_AMD_H
#define PN_EXPLORE_KERNEL_AMD_H

#include "kernel.h"

/*
 * As kernel.h, for AMD: between kernel_amd.c, which is compiled in Linux's tree, and machine_amd.c.
 */

/* Whether the tree can use GAPPI; build says so. */
#ifndef PK_GAPPI
#define PK_GAPPI 0
#endif

#define PK_VCPUS  3
#define PK_IRQS	  4
#define PK_IOMMUS 2
#define PK_DEVID  4 /* of the device behind each IOMMU */

/* ---- kernel_amd.c ---- */

/*
 * Once, before all others: the feature flags of such a processor, and Linux's command line: GAPPI
 * is wanted; by a word that only begins like the option. @zen1: a processor of family 17h, where
 * AVIC is asked for.
 */
void pk_setup(int gappi, int prefix, int zen1);
/* When all IOMMUs are there: enable_iommus_vapic(). */
void pk_iommus_ready(void);
/* IRQ_POSTING_CAP: else KVM has no entry post. */
int pk_can_post(void);
/* avic_hardware_setup() */
void pk_kvm_setup(void);
/*
 * A VM, and vCPU @id of the machine in it, that has not run so far. The numbers of all VMs share a
 * bucket of the hash.
 */
void *pk_vm(void);
void *pk_vcpu(void *vm, int id, int xapic);
/* avic_vm_pre_destroy(), avic_vcpu_free(), kvm_free_lapic(), avic_vm_destroy(). */
void pk_vm_destroy(void *vm, void *vcpu);
/*
 * IOMMU @index with its registers at @mmio: tables, command buffer and log by Linux's functions.
 * @vapic: IRTEs of its device can post.
 */
void *pk_iommu(int index, void *mmio, int vapic);
/* Host interrupt @irq: entry @irq of the device behind the IOMMU, that the host gets at @vector. */
void pk_irq(int irq, void *iommu, int vector, int cpu);
/* The guest writes address and data of its device's interrupt: to vCPU @id as @vector. */
void pk_route(void *vm, int irq, int id, int vector);
/* VFIO's producer for it comes, and goes. */
void pk_attach(int irq);
void pk_detach(int irq);
/* Its IRTE is in guest mode. */
int pk_posts(int irq);

/* avic_incomplete_ipi_interception() of an exit with this information. */
void pk_incomplete_ipi(void *vcpu, unsigned long info1, unsigned long info2);
/* vcpu->mode: 1 IN_GUEST_MODE */
unsigned *pk_mode(void *vcpu);

/* What VMRUN of the vCPU loads. */
struct pk_vmcb {
	unsigned long v_intr, bar, page, logical, physical;
};
/* Nobody looks at that count. */
void *pk_preempt_count(int cpu);
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

/* KVM_REQ_UNBLOCK, and where a vCPU's requests are. */
int pk_unblock(void);
unsigned long *pk_requests(void *vcpu);
/* apic->apicv_active, and avic_refresh_apicv_exec_ctrl(). */
void pk_set_active(void *vcpu, int active);

/* ---- kernel_gappi.c; without it, of kernel_amd.c ---- */

#define PK_WAKEUP_VECTOR 0xF1 /* POSTED_INTR_WAKEUP_VECTOR */

/* amd_iommu_gappi */
int pk_gappi_is_on(void);
void pk_irq_work(void *vcpu);
/* What is registered for a CPU that has gone offline. */
void pk_cpu_dead(int cpu);
/* avic_hardware_unsetup(), and what the module had is gone. */
void pk_unload(void);
/* A word of the IRR that is not in the page while the vCPU sleeps. */
unsigned pk_parked(void *vcpu, int word);
/* It is on the list of a CPU. */
int pk_on_list(void *vcpu);

/* ---- machine_amd*.c ---- */

/* Around what changes an entry for good, for a case in which the IOMMU sees that as one step. */
void pu_change(int begin);
/* kvm_vcpu_wake_up(); not 0 if it slept. */
int pu_wake_up(int vcpu);
/* The CPU on which the caller runs. */
int pu_cpu(void);
/* irq_work_queue() and irq_work_sync() of the one work of a vCPU. */
void pu_work(int vcpu);
void pu_work_sync(int vcpu);
void pu_synchronize_rcu(void);
/* kvm_set_posted_intr_wakeup_handler(), without its waiting. */
void pu_wakeup_handler(void (*fn)(void));
/* kvm_lapic_find_highest_irr(), kvm_apic_has_interrupt(). */
int pu_highest_irr(int vcpu);
int pu_deliverable(int vcpu);
/* What a module had at @p is gone. */
void pu_gone(const void *p, unsigned long size, const char *what);
/* Memory that only one task accesses, more than 16 bytes at once, too. */
void pu_private(const void *p, unsigned long size);

#endif
