/* SPDX-License-Identifier: MIT */
#ifndef PN_VMX_H
#define PN_VMX_H

#include <stdbool.h>
#include <stdint.h>

#include "host_cpu.h"
#include "host_route.h"
#include "host_vcpu.h"
#include "ioapic.h"
#include "list.h"
#include "pages.h"
#include "postern/apicv.h"
#include "postern/pid.h"
#include "seam.h"
#include "vtd_drv.h"

/*
 * The hypervisor's half on Intel: descriptors, load / put / wakeup, IRTE updates, the PID-pointer
 * table, software delivery, exits. docs/protocol-intel.md numbers the steps.
 *
 * Invariants: NV is PN_VEC_POSTED or PN_VEC_WAKEUP; a vCPU is on a wakeup list exactly while NV is
 * PN_VEC_WAKEUP, on the list of the CPU that NDST names, and SN is 0 then.
 *
 * Locks, outermost first: pn_host_routes.lock, pn_vmx_vcpu.ir_lock, pn_host_cpu.wake_lock,
 * pn_vtd_ir.lock, pn_vtd_drv.lock. ir_lock and wake_lock are taken with interrupts off.
 */

struct pn_vmx;
struct pn_vmx_vm;

struct pn_vmx_vcpu {
	struct pn_host_vcpu h; /* first */
	struct pn_vmx_vm *vm;
	struct pn_pid *pid;
	uint64_t pid_pa;
	uint64_t eoi_exit[4]; /* own context: vectors whose EOI exits */
	int stale_eoi;	      /* own context: the highest that does so for the last time, or -1 */
	uint8_t rvi, svi;     /* own context: guest interrupt status while out of the guest */
	bool blocking;	      /* own context: between blocking() and unblocking() */
	struct pn_list wake_node; /* wake_lock of the CPU that list_cpu names */
	uint32_t list_cpu;	  /* own context, and while it is on a list also offline() */
	struct pn_lock ir_lock;	  /* ir_list */
	struct pn_list ir_list;	  /* pn_vtd_ir.node of every entry that posts here */
};

struct pn_vmx_vm {
	struct pn_vmx *vmx;
	uint32_t id; /* 1-based, for steps */
	bool x2apic;
	uint32_t inhibits; /* atomic: reasons */
	uint32_t assigned; /* atomic: interrupts of devices assigned to it */
	uint32_t nr_vcpus, max_vcpu_ids;
	struct pn_vmx_vcpu *vcpu; /* array, owned by the caller */
	struct pn_host_apics apics;
	struct pn_host_routes routes; /* of device interrupts: host_route.h */
	struct pn_ioapic *ioapic;     /* NULL: none */
	uint64_t *pid_table;	      /* PID-pointer table; NULL without IPI virtualization */
	uint64_t pid_table_pa;
	struct pn_pages *pages;
};

struct pn_vmx_config {
	const struct pn_os *os;
	struct pn_host_cpu *cpu; /* .agent and .apicid set by the caller */
	uint32_t nr_cpus;
	bool posting;	  /* every unit has CAP.PI */
	bool ipiv;	  /* IPI virtualization */
	bool host_x2apic; /* how NDST is written */
};

struct pn_vmx {
	struct pn_vmx_config cfg;
	uint32_t vms;
	uint32_t loaded; /* atomic: wakeups are handled; 0 after pn_vmx_exit() */
};

void pn_vmx_init(struct pn_vmx *vmx, const struct pn_vmx_config *cfg);
/* Unregisters the wakeup handler and waits for handlers that run. Not from a handler. */
void pn_vmx_exit(struct pn_vmx *vmx);

/*
 * Makes @vm with @n vCPUs in @vcpu (caller's array; .h.task set by the caller), pages and
 * descriptors from @pages. APICv starts active unless @inhibits. The PID-pointer table is made when
 * the first vCPU is, for @max_vcpu_ids ids (0: @n), rounded up to pages. -EINVAL: none, or more
 * vCPUs than ids; -E2BIG: more ids than the 16 bits of the last index can say, or than xAPIC has
 * (255); -ENOMEM.
 */
int pn_vmx_vm_init(struct pn_vmx *vmx, struct pn_vmx_vm *vm, struct pn_vmx_vcpu *vcpu, uint32_t n,
		   uint32_t max_vcpu_ids, bool x2apic, uint32_t inhibits, struct pn_pages *pages);
/* No vCPU of @vm runs or sleeps any more. Its device interrupts go back to remapped form. */
void pn_vmx_vm_destroy(struct pn_vmx_vm *vm, struct pn_agent *self);

/* The VMCS fields for the next VM entry of @v; after pn_vmx_enter(). */
void pn_vmx_vmcs(const struct pn_vmx_vcpu *v, struct pn_vmcs_apic *out);

/* ---- scheduling: all in @v's own context on CPU @c, preemption off ---- */

/* Scheduled in: NDST, SN = 0, NV back; then PIR is looked at and ON set if it is not empty. */
void pn_vmx_load(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);
/*
 * Scheduled out. Blocking, with interrupts not blocked and not @preempted (the task is no longer
 * runnable): onto the list, NV = wakeup, ON checked after the switch. In every other case SN = 1:
 * no interrupt has to wake it, and load looks at what was posted meanwhile. Nothing if the vCPU
 * cannot be posted to (no IPI virtualization, no assigned device). As in Linux 7.3.
 */
void pn_vmx_put(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, bool preempted);

/* About to block. h.irq_blocked says what the guest's RFLAGS.IF is now: with IF = 0 no interrupt is
 * to wake it, must_run() counts none, and put suppresses notifications. */
void pn_vmx_blocking(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);
/* To be asked before every sleep in the block loop, after the task state is set: syncs PIR to IRR;
 * true if it must not sleep. */
bool pn_vmx_must_run(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);
void pn_vmx_unblocking(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);
/* Cheap look from anywhere (halt polling, directed yield): ON, or SN and PIR not empty, or a
 * deliverable IRR bit, or a request. Changes nothing. */
bool pn_vmx_pending(const struct pn_vmx_vcpu *v);

/* Before VM entry: IN_GUEST, full barrier, requests, sync of PIR to IRR, RVI. Returns the vector to
 * inject by software when APICv is inhibited, or -1. Physical interrupts are off until VM entry. */
int pn_vmx_enter(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);
/* After VM exit; @vmcs as pn_apicv_vmexit() left it. */
void pn_vmx_leave(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, const struct pn_vmcs_apic *vmcs);

/* Emulated EOI while APICv is inhibited: ends the highest vector in service. If it is
 * level-triggered (TMR), the VM's I/O APIC is told of it. */
void pn_vmx_eoi(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);
/* EOI-induced exit (reason 45): the processor has ended @vector, and the I/O APIC hears of it. */
void pn_vmx_eoi_exit(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint8_t vector);
/*
 * APIC-write exit at @off other than 300h (reason 56), or a write that the host emulated: if
 * destinations depend on that register (ID, LDR, DFR, SVR), routes are decided anew and EOI-exit
 * bitmaps follow. False: they do not.
 */
bool pn_vmx_apic_trap(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint32_t off);
/* APIC-write exit at 300h (reason 56): reads VICR and emulates it; BUSY is cleared. Also for an
 * intercepted WRMSR of the ICR, whose value is in VICR then. */
void pn_vmx_icr_exit(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);

/* ---- from any context ---- */

/* Software delivery of @vector to @v by the code on @c: PIR, ON, notification or wake-up; into the
 * IRR while APICv is inhibited. True if the bit was set already. */
bool pn_vmx_inject(struct pn_vmx_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		   enum pn_wake_reason why);
/* One 32-bit word of what is pending: IRR and PIR. */
uint32_t pn_vmx_irr(const struct pn_vmx_vcpu *v, unsigned word);

/*
 * Device interrupt @ir posts to @v as @vector; NULL: taken away from its vCPU, remapped form. The
 * first assigned interrupt of a VM asks all its vCPUs to leave the block loop and block again. The
 * caller serializes calls for one @ir. -EINVAL: vector below 16; -ENODEV: no posting; -ETIMEDOUT.
 */
int pn_vmx_pi_update(struct pn_vtd_ir *ir, struct pn_vmx_vcpu *v, uint8_t vector,
		     struct pn_host_cpu *c);

/* Gives @vm an I/O APIC, before it runs. */
void pn_vmx_set_ioapic(struct pn_vmx_vm *vm, struct pn_ioapic *io);
/* Entries of the I/O APIC changed: every vCPU computes its EOI-exit bitmap anew before it runs its
 * guest again; returns when none runs with the old one. */
void pn_vmx_scan_ioapic(struct pn_vmx_vm *vm, struct pn_host_cpu *c);

/* The wakeup vector arrived at @c, interrupts off: wakes who is on the list and has ON. */
void pn_vmx_wakeup_irq(struct pn_vmx *vmx, struct pn_host_cpu *c);

/* Inhibits APICv for @vm or allows it again; devices go on posting. */
void pn_vmx_inhibit(struct pn_vmx_vm *vm, struct pn_host_cpu *c, enum pn_inhibit why, bool set);

/* @dead runs nothing and takes no interrupts any more: everyone on its list blocks elsewhere. */
void pn_vmx_cpu_offline(struct pn_vmx *vmx, struct pn_host_cpu *dead, struct pn_host_cpu *self);
void pn_vmx_cpu_online(struct pn_vmx *vmx, struct pn_host_cpu *c);

/* Consistency for tests and self-checks: NULL if all is well, or what disagrees. */
const char *pn_vmx_check(struct pn_vmx_vcpu *v, struct pn_host_cpu *c);

#endif
