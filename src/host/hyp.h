/* SPDX-License-Identifier: MIT */
#ifndef PN_HYP_H
#define PN_HYP_H

#include <stdbool.h>
#include <stdint.h>

#include "host_cpu.h"
#include "host_entry.h"
#include "host_vcpu.h"
#include "host_vm.h"

/*
 * The hypervisor: its functions for schedulers, devices and other host code, on the silicon of both
 * vendors. src/host/amd implements it as pn_svm_ops, src/host/intel as pn_vmx_ops; the functions
 * have the same names there (pn_svm_load(), pn_vmx_load()), with what is particular to the vendor.
 * How hypervisors and VMs are made depends on the silicon: pn_svm_init(), pn_vmx_vm_init() and so
 * on.
 *
 * Parameters. @c or @self is the CPU that runs the code. A vector is 0 to 255, and 16 to 255 where
 * a device's interrupt is posted. A word of the IRR has 32 bits, word 0 vectors 0 to 31. No
 * function takes or measures time: what it costs, its steps tell the agent of @c.
 *
 * Contexts.
 *   own context   the task of @v runs on @c with preemption off. One at a time for a vCPU, so these
 *                 functions do not run against each other for one @v; they may for two vCPUs.
 *   any context   from any CPU, also while @v runs, sleeps or moves, and against every other
 *                 function; also from an interrupt handler, unless it says otherwise.
 *   handler       of a physical interrupt of @c, interrupts off.
 * The functions take the locks that they need, and are called with none of those held; the vendor's
 * header has their order.
 *
 * Results. A function that can fail returns 0 or a negative errno value; its comment lists them. A
 * vector is returned as int, -1 being none.
 */
struct pn_hyp_ops {
	/* ---- the end: everything else is over, or refused from here on ---- */

	/* Unregisters from interrupts and waits for handlers that run: a notification that comes
	 * later does nothing. Not from a handler. */
	void (*exit)(struct pn_hyp *hyp);
	/* No vCPU of @vm runs or sleeps any more. Its device interrupts go back to remapped form.
	 */
	void (*vm_destroy)(struct pn_host_vm *vm, struct pn_agent *self);

	/* ---- scheduling: own context ---- */

	/* Scheduled in on @c. */
	void (*load)(struct pn_host_vcpu *v, struct pn_host_cpu *c);
	/* Scheduled out: asleep after blocking(), or not. @preempted: the task is runnable, so no
	 * interrupt has to wake it. */
	void (*put)(struct pn_host_vcpu *v, struct pn_host_cpu *c, bool preempted);
	/* About to block: enters the block loop. v->irq_blocked says what the guest's RFLAGS.IF is.
	 * Put and load may come in between, on other CPUs too; unblocking() ends it. */
	void (*blocking)(struct pn_host_vcpu *v, struct pn_host_cpu *c);
	/*
	 * Called before every sleep in the block loop, after the task's state was set to asleep:
	 * true if the vCPU must not sleep. False only if there is no request and no interrupt that
	 * its guest could take; from then on a request or an interrupt wakes the task.
	 */
	bool (*must_run)(struct pn_host_vcpu *v, struct pn_host_cpu *c);
	/* Leaves the block loop, loaded on @c. */
	void (*unblocking)(struct pn_host_vcpu *v, struct pn_host_cpu *c);

	/* ---- the guest: own context, loaded, not blocking ---- */

	/*
	 * Before VMRUN or VM entry: handles requests, says IN_GUEST, fences, looks. Returns the
	 * vector to inject by software if interrupt virtualization is off (moved from IRR to ISR),
	 * or -1. Physical interrupts stay off from here until the guest runs, so that a kick in
	 * between makes it exit at once. The vendor's control block is read after it.
	 */
	int (*enter)(struct pn_host_vcpu *v, struct pn_host_cpu *c);
	/* After the exit, and after the vendor's control block was taken over. */
	void (*leave)(struct pn_host_vcpu *v, struct pn_host_cpu *c);
	/*
	 * An EOI that the host emulates: ends the highest vector in service. If that is
	 * level-triggered (TMR), the VM's I/O APIC gets the EOI, and the vector is returned for an
	 * I/O APIC that is elsewhere; otherwise -1.
	 */
	int (*eoi)(struct pn_host_vcpu *v, struct pn_host_cpu *c);

	/* ---- any context ---- */

	/*
	 * A cheap check for halt polling and directed yield: true if there is a request or an
	 * interrupt. Changes nothing, and has no steps.
	 */
	bool (*pending)(const struct pn_host_vcpu *v);
	/* Software delivery of @vector by an irqfd or an emulated timer; @why: the reason for the
	 * wake-up if the vCPU sleeps. True if it was pending already. */
	bool (*inject)(struct pn_host_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		       enum pn_wake_reason why);
	/* The same of an IPI or a message that the hypervisor delivers: without what an irqfd
	 * costs. */
	void (*deliver)(struct pn_host_vcpu *v, struct pn_host_cpu *c, uint8_t vector);
	/* @v has a request: it is woken, or made to leave its guest. */
	void (*poke)(struct pn_host_vcpu *v, struct pn_host_cpu *c);
	/* Word @word (0 to 7) of all that is pending for @v, wherever it is kept. Exact while the
	 * vCPU does not run. */
	uint32_t (*irr)(const struct pn_host_vcpu *v, unsigned word);
	/* True if @v is on a wakeup list. Exact while no function of its own context runs. */
	bool (*listed)(const struct pn_host_vcpu *v);
	/* vCPU @i of @vm, below vm->nr_vcpus. */
	struct pn_host_vcpu *(*vcpu)(const struct pn_host_vm *vm, uint32_t i);

	/*
	 * Device interrupt @e posts to @v as @vector from now on; NULL: taken away from its vCPU,
	 * remapped form. When it returns, no interrupt by the old entry can appear. The caller
	 * serializes calls for one @e; not from a handler. -EINVAL: vector below 16, or no entry,
	 * -ENODEV: no posting on this machine: nothing has changed; -ETIMEDOUT: the IOMMU does not
	 * answer, and the interrupt has no vCPU any more.
	 */
	int (*pi_update)(struct pn_hyp *hyp, struct pn_host_entry *e, struct pn_host_vcpu *v,
			 uint8_t vector, struct pn_host_cpu *c);
	/* A cause against interrupt virtualization comes up (@set) for all vCPUs of @vm, or goes
	 * away; it is off while there is one. vCPUs switch in their own context before they run.
	 * Not from a handler. */
	void (*inhibit)(struct pn_host_vm *vm, struct pn_host_cpu *c, enum pn_inhibit why,
			bool set);
	/* All causes for @v, its VM's and its own: bits 1 << enum pn_inhibit. */
	uint32_t (*inhibits)(const struct pn_host_vcpu *v);
	/*
	 * Entries of the VM's I/O APIC changed: when it returns, every vCPU that runs its guest has
	 * read pn_ioapic_handled() again. Called with the I/O APIC's lock held. NULL: the silicon
	 * needs nothing.
	 */
	void (*ioapic_changed)(struct pn_host_vm *vm, struct pn_host_cpu *c);

	/* ---- physical CPUs ---- */

	/* PN_VEC_WAKEUP arrived at @c: wakes vCPUs of its list that have an interrupt. Handler. */
	void (*wakeup_irq)(struct pn_hyp *hyp, struct pn_host_cpu *c);
	/* @dead runs nothing and takes no interrupts any more: vCPUs on its list are woken and
	 * block elsewhere. @self is another CPU; the caller serializes it with cpu_online(). */
	void (*cpu_offline)(struct pn_hyp *hyp, struct pn_host_cpu *dead, struct pn_host_cpu *self);
	void (*cpu_online)(struct pn_hyp *hyp, struct pn_host_cpu *c);

	/* ---- self-check ---- */

	/* NULL if tables, lists and the fields of @v agree, or what does not: a constant text. Any
	 * context but a handler; exact while nothing of @v changes. */
	const char *(*check)(struct pn_host_vcpu *v, struct pn_host_cpu *c);
};

/* A hypervisor that is loaded: the first member of pn_svm, pn_vmx. */
struct pn_hyp {
	const struct pn_hyp_ops *ops; /* constant */
};

#endif
