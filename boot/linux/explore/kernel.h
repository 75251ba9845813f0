/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_KERNEL_H
#define PN_EXPLORE_KERNEL_H

/*
 * Between the half of the harness that is compiled in Linux's tree and knows its structures
 * (kernel.c) and the half that is a program for the explorer. Only types that both have.
 */

#define PK_CPUS 2

/* ---- kernel.c ---- */

unsigned long pk_vm_size(void);
unsigned long pk_vcpu_size(void);
/* Zeroed memory becomes a VM with one device that can post, or a vCPU of it, on CPU @cpu. */
void pk_vm_init(void *vm);
void pk_vcpu_init(void *vcpu, void *vm, int id, int cpu);
void pk_cpu_init(int cpu);
int pk_vcpu_id(const void *vcpu);
/* The physical address of what is at @p. */
unsigned long pk_pa(const void *p);
void *pk_pid(void *vcpu);
/* How many of its interrupts devices can post: a word. */
unsigned long *pk_bypass(void *vm);
/* The first device that can post is given to the VM. */
void pk_start_bypass(void *vm);
/* What the scheduler's notifiers make of a vCPU that is switched in, and out. */
void pk_sched_in(void *vcpu, int cpu);
void pk_sched_out(void *vcpu, int preempted);
/* The vCPU is in kvm_vcpu_block(). */
void pk_blocking(void *vcpu, int on);
void pk_wakeup_handler(void);
/* pi_cpu_offline(), if this version has it. */
void pk_cpu_offline(int cpu);
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
int pu_wake(int vcpu);
/* Memory, zeroed, that Linux frees once: linux_memory.c. */
void *pu_allocate(unsigned long size, unsigned long align, unsigned long pc);
void pu_free(const void *p, unsigned long pc);
/* @what, at @pc, is wrong with a spinlock held or with interrupts off. */
void pu_may_sleep(const char *what, unsigned long pc);
void pu_mutex(void *m, int take, unsigned long pc);
/* Every vCPU of the VM is asked to leave its block loop, if @unblock; no other request is known. */
void pu_request(int unblock);

#endif
