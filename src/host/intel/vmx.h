/* SPDX-License-Identifier: MIT */
#ifndef PN_VMX_H
#define PN_VMX_H

#include <stdbool.h>
#include <stdint.h>

#include "host_route.h"
#include "hyp.h"
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
 * Locks, outermost first: pn_host_vm.routes_lock, pn_vmx_vcpu.ir_lock, pn_host_cpu.wake_lock,
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
	struct pn_list ir_list;	  /* pn_vtd_ir.host.node of every entry that posts here */
};

struct pn_vmx_vm {
	struct pn_host_vm h; /* first */
	struct pn_vmx *vmx;
	bool x2apic;
	uint32_t assigned; /* atomic: interrupts of devices assigned to it */
	uint32_t max_vcpu_ids;
	struct pn_vmx_vcpu *vcpu; /* array, owned by the caller */
	uint64_t *pid_table;	  /* PID-pointer table; NULL without IPI virtualization */
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
	struct pn_hyp hyp; /* first */
	struct pn_vmx_config cfg;
	uint32_t vms;
	uint32_t loaded; /* atomic: wakeups are handled; 0 after pn_vmx_exit() */
};

void pn_vmx_init(struct pn_vmx *vmx, const struct pn_vmx_config *cfg);

/*
 * Makes @vm with @n vCPUs in @vcpu (caller's array; .h.task set by the caller), pages and
 * descriptors from @pages. APICv starts active unless @inhibits. The PID-pointer table is made when
 * the first vCPU is, for @max_vcpu_ids ids (0: @n), rounded up to pages. -EINVAL: none, or more
 * vCPUs than ids; -E2BIG: more ids than the 16 bits of the last index can say, or than xAPIC has
 * (255); -ENOMEM.
 */
int pn_vmx_vm_init(struct pn_vmx *vmx, struct pn_vmx_vm *vm, struct pn_vmx_vcpu *vcpu, uint32_t n,
		   uint32_t max_vcpu_ids, bool x2apic, uint32_t inhibits, struct pn_pages *pages);
/* The VMCS fields for the next VM entry of @v; after pn_vmx_enter(). */
void pn_vmx_vmcs(const struct pn_vmx_vcpu *v, struct pn_vmcs_apic *out);
/* The way back, before pn_vmx_leave(): takes the guest interrupt status over from @vmcs, as
 * pn_apicv_vmexit() left it. Own context. */
void pn_vmx_vmexit(struct pn_vmx_vcpu *v, const struct pn_vmcs_apic *vmcs);

/* ---- hyp.h: all of it, and what is particular to Intel ---- */

extern const struct pn_hyp_ops pn_vmx_ops;

void pn_vmx_exit(struct pn_hyp *hyp);
void pn_vmx_vm_destroy(struct pn_host_vm *vm, struct pn_agent *self);

/* NDST, SN = 0, NV back; then the PIR is read, and ON is set if it is not empty. */
void pn_vmx_load(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/*
 * Blocking, with interrupts not blocked and not @preempted: onto the list, NV = wakeup, ON checked
 * after the switch. In every other case SN = 1: no interrupt has to wake it, and load checks for
 * interrupts that were posted meanwhile. Nothing if the vCPU cannot be posted to (no IPI
 * virtualization, no assigned device). As in Linux 7.3.
 */
void pn_vmx_put(struct pn_host_vcpu *h, struct pn_host_cpu *c, bool preempted);
/*
 * With RFLAGS.IF = 0 no interrupt may wake it, must_run() counts none, and put suppresses
 * notifications.
 */
void pn_vmx_blocking(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/* Syncs PIR to IRR. */
bool pn_vmx_must_run(struct pn_host_vcpu *h, struct pn_host_cpu *c);
void pn_vmx_unblocking(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/* ON, or SN and PIR not empty, or a deliverable IRR bit, or a request. */
bool pn_vmx_pending(const struct pn_host_vcpu *h);

/* Also syncs PIR to IRR, and finds RVI: pn_vmx_vmcs() comes after it. */
int pn_vmx_enter(struct pn_host_vcpu *h, struct pn_host_cpu *c);
void pn_vmx_leave(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/* APICv is inhibited. */
int pn_vmx_eoi(struct pn_host_vcpu *h, struct pn_host_cpu *c);

/* PIR, ON, notification or wake-up; into the IRR while APICv is inhibited. */
bool pn_vmx_inject(struct pn_host_vcpu *h, struct pn_host_cpu *c, uint8_t vector,
		   enum pn_wake_reason why);
/* IRR and PIR. */
uint32_t pn_vmx_irr(const struct pn_host_vcpu *h, unsigned word);
/* @e is that of a struct pn_vtd_ir. The first assigned interrupt of a VM asks all its vCPUs to
 * leave the block loop and block again. */
int pn_vmx_pi_update(struct pn_hyp *hyp, struct pn_host_entry *e, struct pn_host_vcpu *h,
		     uint8_t vector, struct pn_host_cpu *c);
/* Devices go on posting. */
void pn_vmx_inhibit(struct pn_host_vm *vm, struct pn_host_cpu *c, enum pn_inhibit why, bool set);
/* Every vCPU computes its EOI-exit bitmap anew before it runs its guest again. */
void pn_vmx_ioapic_changed(struct pn_host_vm *vm, struct pn_host_cpu *c);

/* Wakes the vCPUs of the list that have ON set. */
void pn_vmx_wakeup_irq(struct pn_hyp *hyp, struct pn_host_cpu *c);
void pn_vmx_cpu_offline(struct pn_hyp *hyp, struct pn_host_cpu *dead, struct pn_host_cpu *self);
void pn_vmx_cpu_online(struct pn_hyp *hyp, struct pn_host_cpu *c);
const char *pn_vmx_check(struct pn_host_vcpu *h, struct pn_host_cpu *c);

/* ---- exits that only APICv has: own context ---- */

/* EOI-induced exit (reason 45): the processor has ended @vector, and the I/O APIC gets the EOI. */
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

_Static_assert(!offsetof(struct pn_vmx_vcpu, h) && !offsetof(struct pn_vmx_vm, h) &&
		       !offsetof(struct pn_vmx, hyp),
	       "pointers to the first member and to the whole are the same");

static inline struct pn_vmx_vcpu *pn_vmx_of(struct pn_host_vcpu *h)
{
	return (struct pn_vmx_vcpu *)(void *)h;
}

static inline const struct pn_vmx_vcpu *pn_vmx_of_const(const struct pn_host_vcpu *h)
{
	return (const struct pn_vmx_vcpu *)(const void *)h;
}

static inline struct pn_vmx_vm *pn_vmx_vm_of(struct pn_host_vm *h)
{
	return (struct pn_vmx_vm *)(void *)h;
}

static inline const struct pn_vmx_vm *pn_vmx_vm_of_const(const struct pn_host_vm *h)
{
	return (const struct pn_vmx_vm *)(const void *)h;
}

static inline struct pn_vmx *pn_vmx_of_hyp(struct pn_hyp *hyp)
{
	return (struct pn_vmx *)(void *)hyp;
}

#endif
