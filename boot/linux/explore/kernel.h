/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_KERNEL_H
#define PN_EXPLORE_KERNEL_H

/*
 * Between the half of the harness that is compiled in Linux's tree and knows its structures
 * (kernel.c) and the half that is a program for the explorer. Only types that both have.
 */

#define PK_CPUS	 2
#define PK_VCPUS 2

/* ---- kernel.c ---- */

unsigned long pk_vm_size(void);
unsigned long pk_vcpu_size(void);
/* Before: the processors can virtualize IPIs. */
void pk_ipi_virtualization(void);
/* Zeroed memory becomes a VM, or a vCPU of it, on CPU @cpu. */
void pk_vm_init(void *vm);
void pk_vcpu_init(void *vcpu, void *vm, int id, int cpu, int apicv);
void pk_cpu_init(int cpu);
int pk_vcpu_id(const void *vcpu);
/* The physical address of what is at @p. */
unsigned long pk_pa(const void *p);
void *pk_pid(void *vcpu);
/* How many of its interrupts devices can post: a word. */
unsigned long *pk_bypass(void *vm);
/* A task's structure, and its state: 0 is running. */
unsigned long pk_task_size(void);
void pk_task_init(void *task);
unsigned *pk_task_state(void *task);
/* What the scheduler's notifiers make of a vCPU that is switched in, and out. */
void pk_sched_in(void *vcpu, int cpu);
void pk_sched_out(void *vcpu, void *task, int preempted);
/* vcpu->mode, and what it is while the guest runs; vmx_sync_pir_to_irr(). */
unsigned *pk_mode(void *vcpu);
int pk_in_guest_mode(void);
void pk_sync(void *vcpu);
unsigned long *pk_requests(void *vcpu);
int pk_has_apicv(void *vcpu);
/*
 * Without APICv: the vector that KVM injects, or -1: @vector, which it could not inject before, or
 * what there is, if it has been asked to look. And the guest's EOI.
 */
int pk_inject(void *vcpu, int vector);
void pk_eoi(void *vcpu);
/* vcpu_run() forgets KVM_REQ_UNBLOCK. */
void pk_unblocked(void *vcpu);
/* vmx_deliver_interrupt() */
void pk_deliver(void *vcpu, int vector);
/* The guest halts; and the vCPU blocks: not 0 when the guest goes on. */
void pk_halt(void *vcpu);
int pk_block(void *vcpu);
/* The registers of its local APIC. */
unsigned *pk_apic(void *vcpu);
/* kernel_kvm.c: kvm_for_each_vcpu() finds it. */
void pk_vcpu_add(void *vcpu, int id);
void pk_wakeup_handler(void);
/* pi_cpu_offline(), if this version has it. */
void pk_cpu_offline(int cpu);
int pk_posted_vector(void);
int pk_posted_wakeup_vector(void);
/* Names places in the memory of a vCPU and of a CPU. */
void pk_name_vcpu(void *vcpu, int id);
void pk_name_cpu(int cpu);

/* ---- the program's half: linux_calls.c, of every machine ---- */

void pu_name(const void *p, unsigned long size, const char *what, int number);
/* What the explorer cannot go on from: Linux called or used @name, which is not there. */
void pu_stub(const char *name);
/* Zeroed memory of the program; during set-up. */
void *pu_alloc(unsigned long size, unsigned long align);
/* Waits until the place that was read last changes. */
void pu_relax(void);
/* For the function that returns to @pc. */
void pu_lock(void *lock, unsigned long pc);
void pu_unlock(void *lock, unsigned long pc);
/* Not 0: interrupts were on. */
int pu_irq_off(unsigned long pc);
void pu_irq_on(unsigned long pc);

/* ---- and machine.c ---- */

/* A task is made runnable, as wake_up_process() does it; not 0 if it slept. */
int pu_wake(void *task);
/* The task of the running thread, which goes to sleep, and may be preempted. */
void *pu_current(void);
void pu_schedule(unsigned long pc);
void pu_preemptible(void);
/* A store that others may see late. */
void pu_store(int *p, int v);
/* @vector goes to each CPU of @mask. */
void pu_send(unsigned long mask, int vector);
/* Statistics, and what else is written and decides nothing. During set-up. */
void pu_unread(const void *p, unsigned long size);
/* Memory, zeroed, that Linux frees once: linux_memory.c. */
void *pu_allocate(unsigned long size, unsigned long align, unsigned long pc);
void pu_free(const void *p, unsigned long pc);
/* @what, at @pc, is wrong with a spinlock held or with interrupts off. */
void pu_may_sleep(const char *what, unsigned long pc);
void pu_mutex(void *m, int take, unsigned long pc);

#endif
