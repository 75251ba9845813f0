/* SPDX-License-Identifier: MIT */
#ifndef PN_SVM_H
#define PN_SVM_H

#include <stdbool.h>
#include <stdint.h>

#include "amdvi_drv.h"
#include "host_cpu.h"
#include "host_route.h"
#include "host_vcpu.h"
#include "ioapic.h"
#include "list.h"
#include "postern/avic.h"
#include "seam.h"

/*
 * The hypervisor's half: AVIC tables, load / put / block, posted interrupts of devices, wakeup
 * lists, software injection, exits. The algorithm is the one of docs/protocol.md; hazards H1..H17
 * are named where the code avoids them.
 *
 * Locks, outermost first: pn_host_routes.lock, pn_iommus.notifier_lock, pn_svm.vm_lock,
 * pn_svm_vm.apic_lock,
 * pn_svm_vcpu.ir_lock, pn_host_cpu.wake_lock, pn_amdvi_drv.ga_lock, pn_ir.lock, pn_amdvi_drv.lock.
 * ir_lock and wake_lock are taken with interrupts off (H9).
 */

enum pn_masked_policy {
	PN_MASKED_NONE, /* RFC v3: nothing; H1 applies */
	PN_MASKED_PARK, /* undeliverable bits are moved aside while the vCPU sleeps */
};

/* When the guest APIC log has overflowed, and runs again. */
enum pn_recover {
	PN_RECOVER_WAKE, /* every blocked vCPU that has posted IRTEs is woken */
	PN_RECOVER_NONE, /* Linux 7.3: nothing; who waits for a dropped entry sleeps on */
};

struct pn_svm;
struct pn_svm_vm;
struct pn_svm_vcpu;

struct pn_svm_vcpu {
	struct pn_host_vcpu h; /* first */
	struct pn_svm_vm *vm;
	uint64_t *phys_entry; /* its entry in the physical APIC ID table */
	uint64_t shadow;      /* what the entry would say; ir_lock */

	struct pn_lock ir_lock;
	struct pn_list ir_list; /* pn_ir.node of every IRTE that posts here */
	/* ir_lock: */
	bool loaded;		  /* IRTEs say IsRun=1 */
	bool blocking;		  /* between blocking() and unblocking() */
	bool on_list;		  /* on wake_list of gcpu: blocking, GAPPI, posted IRTEs */
	bool hold;		  /* IRTEs stay in remap form while the notification is switched */
	uint32_t gcpu;		  /* CPU whose list it uses, last CPU it ran on; always valid */
	struct pn_list wake_node; /* wake_lock of gcpu */

	uint32_t inhibits; /* atomic: causes of its own, bits 1 << enum pn_inhibit */
	bool irq_window;   /* it waits to inject an ExtINT; apic_lock */
	bool x2apic_msrs;  /* its MSR permission map lets x2APIC MSRs through; own context */

	uint32_t parked[8];   /* IRR bits moved aside (H1); own context and get_irr */
	uint32_t has_parked;  /* atomic flag for readers */
	uint64_t parked_bits; /* statistics */
};

struct pn_svm_vm {
	struct pn_svm *svm;
	uint32_t id;	   /* 1-based */
	bool x2avic;	   /* its vCPUs have x2AVIC, once they are in x2APIC mode */
	uint32_t inhibits; /* atomic: causes for all its vCPUs, bits 1 << enum pn_inhibit */
	/* Registers of all its APICs are looked at together, causes change. Not in interrupts. */
	struct pn_lock apic_lock;
	uint32_t irq_windows;		/* vCPUs that wait for one; apic_lock */
	uint64_t raised[PN_INHIBIT_NR]; /* how often each cause came up; apic_lock */
	uint32_t nr_vcpus;
	struct pn_svm_vcpu *vcpu; /* array, owned by the caller */
	struct pn_host_apics apics;
	struct pn_host_routes routes; /* of device interrupts: host_route.h */
	struct pn_ioapic *ioapic;     /* NULL: none */
	uint64_t *phys_table;
	uint64_t phys_table_pa;
	uint32_t *log_table;
	uint64_t log_table_pa;
};

#define PN_SVM_MAX_VMS 1024u

struct pn_svm {
	const struct pn_os *os;
	struct pn_iommus *iommus; /* NULL: no IOMMU */
	struct pn_host_cpu *cpu;  /* array, owned by the caller */
	uint32_t nr_cpus;
	enum pn_masked_policy masked;
	bool gate_always; /* GALogIntr = 1 whenever not running, as Linux 6.12 */
	bool enable_ipiv; /* false with erratum 1235: IsRunning stays 0 in the real table */
	struct pn_svm_vm *vm[PN_SVM_MAX_VMS]; /* by id - 1: a tag finds its VM without a hash */
	struct pn_lock vm_lock;
	uint32_t loaded; /* atomic: notifications are handled; 0 after pn_svm_exit() */
};

struct pn_svm_config {
	const struct pn_os *os;
	struct pn_iommus *iommus;
	struct pn_host_cpu *cpu; /* .agent and .apicid set by the caller */
	uint32_t nr_cpus;
	enum pn_masked_policy masked;
	enum pn_recover recover;
	bool gate_always;
	bool erratum1235;
};

/* Registers the GA log notifier or the wakeup handler with the driver. Never fails. */
void pn_svm_init(struct pn_svm *svm, const struct pn_svm_config *cfg);
/* Unregisters and waits for handlers that run; afterwards a late notification is a no-op
 * (handler-left-behind). Not to be called from a handler. */
void pn_svm_exit(struct pn_svm *svm);

/* Makes @vm with @n vCPUs in @vcpu (caller's array; .task set by the caller), tables and pages from
 * @pages. AVIC starts active unless @inhibits. The APICs start as firmware leaves them: enabled, in
 * x2APIC mode if @x2avic, logical IDs assigned (xAPIC: flat up to 8 vCPUs, then clusters up to 60).
 * -E2BIG: more vCPUs than the table's kind can index (255 xAVIC, 512 x2AVIC, 4096 with @ext),
 * -EINVAL: none, -ENOSPC: too many VMs, -ENOMEM. */
int pn_svm_vm_init(struct pn_svm *svm, struct pn_svm_vm *vm, struct pn_svm_vcpu *vcpu, uint32_t n,
		   bool x2avic, bool ext, uint32_t inhibits, struct pn_pages *pages);
/* No vCPU of @vm runs or sleeps any more. Its device interrupts go back to remap form. */
void pn_svm_vm_destroy(struct pn_svm_vm *vm, struct pn_agent *self);

uint32_t pn_svm_ga_tag(const struct pn_svm_vcpu *v); /* vm_id[31:12] | vcpu idx[11:0] */
/* NULL: stale tag. Under vm_lock, or by who knows that no VM goes away. */
struct pn_svm_vcpu *pn_svm_by_tag(struct pn_svm *svm, uint32_t tag);

/* The VMCB fields for the next VMRUN of @v; after pn_svm_enter(), which may switch AVIC. */
void pn_svm_vmcb(const struct pn_svm_vcpu *v, struct pn_avic_vmcb *out);

/* ---- scheduling: all in @v's own context on CPU @c, preemption off ---- */

/* Scheduled in. Nothing while blocking (H5); IRTEs and tables say "runs on c" afterwards. */
void pn_svm_load(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/* Scheduled out: preempted, or asleep after pn_svm_blocking(). */
void pn_svm_put(struct pn_svm_vcpu *v, struct pn_host_cpu *c);

/* About to block: list first (H3), then IRTEs, then a full fence (H2). */
void pn_svm_blocking(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/*
 * To be asked before every sleep in the block loop, after the task state is set: true if the vCPU
 * must not sleep (deliverable interrupt or a request; now and then without either). Applies the H1
 * policy.
 */
bool pn_svm_must_run(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/* Left the block loop: off the list, loaded on @c, parked bits merged back. */
void pn_svm_unblocking(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/* Cheap look for halt polling: deliverable interrupt or a request; changes nothing. */
bool pn_svm_pending(const struct pn_svm_vcpu *v);

/*
 * Before VMRUN: handles requests (APICv update), says IN_GUEST, full fence. Returns the vector to
 * inject by software when AVIC is not active (moved from IRR to ISR), or -1. Physical interrupts
 * stay off from here until VMRUN, so that a kick in between makes it exit at once.
 */
int pn_svm_enter(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/* After VMEXIT. */
void pn_svm_leave(struct pn_svm_vcpu *v, struct pn_host_cpu *c);

/*
 * Emulated EOI (AVIC off, or exit 402h): ends the highest vector that the ISR has in service, not
 * the one of EXITINFO2. If it is level-triggered (TMR), the VM's I/O APIC is told of it. Returns
 * the vector then, for an I/O APIC that is elsewhere, or -1.
 */
int pn_svm_eoi(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/* Exit 401h: wakes or kicks targets that were not running; emulates what hardware refused. */
void pn_svm_incomplete_ipi(struct pn_svm_vcpu *v, struct pn_host_cpu *c,
			   const struct pn_avic_exit *exit);

/* ---- the APIC that the guest sets up; in @v's own context unless it says otherwise ---- */

/*
 * Exit 402h of a register write that has taken effect (trap): the logical table and the causes that
 * follow from IDs are made to fit. False: the exit is another one, and nothing was done.
 */
bool pn_svm_apic_trap(struct pn_svm_vcpu *v, struct pn_host_cpu *c,
		      const struct pn_avic_exit *exit);
/* The same for a write that the host emulates: AVIC is off, or the access was intercepted. @off:
 * PN_APIC_ID, _LDR, _DFR or _SVR; from any context if the guest does not write it too. */
void pn_svm_apic_write(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint32_t off, uint32_t value);
/*
 * The guest writes the APIC base MSR (1Bh): disabled, xAPIC or x2APIC mode from the next entry on.
 * -EINVAL: #GP (reserved bits, a transition that there is not), nothing has changed. Another base
 * than FEE0_0000h inhibits AVIC for good.
 */
int pn_svm_apic_base(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint64_t value);
/* May the guest (L1) read and write MSR @msr without an exit, as far as the APIC is concerned? */
bool pn_svm_msr_passes(const struct pn_svm_vcpu *v, uint32_t msr);

/* ---- from any context ---- */

/* Software delivery of @vector to @v by the code on @c (irqfd, emulated timer, IPI). Returns true
 * if the IRR bit was set already. @why: reason for the wake-up if it sleeps. */
bool pn_svm_inject(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		   enum pn_wake_reason why);
/* One 32-bit word of the IRR with the parked bits: for state save and priority decisions. */
uint32_t pn_svm_irr(const struct pn_svm_vcpu *v, unsigned word);

/*
 * Device interrupt @ir posts to @v as @vector (7.3); NULL: taken away from its vCPU, remap form.
 * While AVIC is inhibited the entry keeps its remap form and its place in the vCPU's list. The
 * caller serializes calls for one @ir. -EINVAL: vector below 16; -ENODEV: no IOMMU; -ETIMEDOUT.
 */
int pn_svm_pi_update(struct pn_svm *svm, struct pn_ir *ir, struct pn_svm_vcpu *v, uint8_t vector,
		     struct pn_host_cpu *c);

/* Gives @vm an I/O APIC, before it runs. */
void pn_svm_set_ioapic(struct pn_svm_vm *vm, struct pn_ioapic *io);

/* GAPPI: the wakeup vector arrived at @c, interrupts off. */
void pn_svm_wakeup_irq(struct pn_svm *svm, struct pn_host_cpu *c);

/*
 * A cause against AVIC for all vCPUs of @vm comes up or goes away (7.6); AVIC is active while there
 * is none. vCPUs switch in their own context before they run. Causes that follow from the state of
 * APICs or vCPUs have functions of their own; here the caller answers for the condition.
 */
void pn_svm_inhibit(struct pn_svm_vm *vm, struct pn_host_cpu *c, enum pn_inhibit why, bool set);
/* @v waits until its guest can take an ExtINT, or waits no longer: AVIC is off for the VM. Without
 * effect while @v runs a nested guest. */
void pn_svm_irq_window(struct pn_svm_vcpu *v, struct pn_host_cpu *c, bool open);
/* @v enters or leaves a nested guest: AVIC is off for @v alone. */
void pn_svm_nested(struct pn_svm_vcpu *v, struct pn_host_cpu *c, bool in_l2);

/* @dead runs nothing and takes no interrupts any more: everyone on its list is asked to block
 * elsewhere (H8). */
void pn_svm_cpu_offline(struct pn_svm *svm, struct pn_host_cpu *dead, struct pn_host_cpu *self);
void pn_svm_cpu_online(struct pn_svm *svm, struct pn_host_cpu *c);

/* GALOG <-> GAPPI on a running machine: all IRTEs out of guest mode, switch, back (H16). Errors as
 * pn_iommus_switch(); -ENODEV: no IOMMU. */
int pn_svm_switch_notify(struct pn_svm *svm, struct pn_host_cpu *c, enum pn_notify to);

/* Consistency for tests and self-checks: NULL if all is well, or what disagrees. Takes the locks.
 */
const char *pn_svm_check(struct pn_svm_vcpu *v, struct pn_host_cpu *c);

#endif
