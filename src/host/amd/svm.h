/* SPDX-License-Identifier: MIT */
#ifndef PN_SVM_H
#define PN_SVM_H

#include <stdbool.h>
#include <stdint.h>

#include "amdvi_drv.h"
#include "host_route.h"
#include "hyp.h"
#include "ioapic.h"
#include "list.h"
#include "postern/avic.h"
#include "seam.h"

/*
 * The hypervisor's half: AVIC tables, load / put / block, posted interrupts of devices, wakeup
 * lists, software injection, exits. The algorithm is the one of docs/protocol-amd.md; hazards
 * H1..H17 are named where the code avoids them.
 *
 * Locks, outermost first: pn_host_vm.routes_lock, pn_iommus.notifier_lock, pn_svm.vm_lock,
 * pn_svm_vm.apic_lock, pn_svm_vcpu.ir_lock, pn_host_cpu.wake_lock, pn_amdvi_drv.ga_lock,
 * pn_amdvi_ir.lock, pn_amdvi_drv.lock. ir_lock and wake_lock are taken with interrupts off (H9).
 */

enum pn_masked_policy {
	PN_MASKED_NONE, /* as RFC v3: bits stay; H1 applies */
	PN_MASKED_PARK, /* undeliverable bits are moved aside while the vCPU sleeps */
};

/* When the guest APIC log has overflowed, and runs again. */
enum pn_recover {
	PN_RECOVER_WAKE, /* every blocked vCPU that has posted IRTEs is woken */
	PN_RECOVER_NONE, /* as Linux 7.3: nothing; a vCPU whose entry was dropped sleeps on */
};

struct pn_svm;
struct pn_svm_vm;
struct pn_svm_vcpu;

struct pn_svm_vcpu {
	struct pn_host_vcpu h; /* first */
	struct pn_svm_vm *vm;
	uint64_t *phys_entry; /* its entry in the physical APIC ID table */
	uint64_t shadow;      /* the intended value of the entry; ir_lock */

	struct pn_lock ir_lock;
	struct pn_list ir_list; /* pn_amdvi_ir.host.node of every IRTE that posts here */
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
	struct pn_host_vm h; /* first; its ID is the upper part of a GA tag */
	struct pn_svm *svm;
	bool x2avic; /* its vCPUs have x2AVIC, once they are in x2APIC mode */
	/*
	 * Held while registers of all APICs are compared, and while causes change. Not in
	 * interrupts.
	 */
	struct pn_lock apic_lock;
	uint32_t irq_windows;		/* vCPUs that wait for one; apic_lock */
	uint64_t raised[PN_INHIBIT_NR]; /* how often each cause came up; apic_lock */
	struct pn_svm_vcpu *vcpu;	/* array, owned by the caller */
	uint64_t *phys_table;
	uint64_t phys_table_pa;
	uint32_t *log_table;
	uint64_t log_table_pa;
};

#define PN_SVM_MAX_VMS 1024u

struct pn_svm {
	struct pn_hyp hyp; /* first */
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

/* Makes @vm with @n vCPUs in @vcpu (caller's array; .task set by the caller), tables and pages from
 * @pages. AVIC starts active unless @inhibits. The APICs start as firmware leaves them: enabled, in
 * x2APIC mode if @x2avic, logical IDs assigned (xAPIC: flat up to 8 vCPUs, then clusters up to 60).
 * -E2BIG: more vCPUs than the table's kind can index (255 xAVIC, 512 x2AVIC, 4096 with @ext),
 * -EINVAL: none, -ENOSPC: too many VMs, -ENOMEM. */
int pn_svm_vm_init(struct pn_svm *svm, struct pn_svm_vm *vm, struct pn_svm_vcpu *vcpu, uint32_t n,
		   bool x2avic, bool ext, uint32_t inhibits, struct pn_pages *pages);
uint32_t pn_svm_ga_tag(const struct pn_svm_vcpu *v); /* vm_id[31:12] | vcpu idx[11:0] */
/* NULL: stale tag. Under vm_lock, or if the caller knows that no VM goes away. */
struct pn_svm_vcpu *pn_svm_by_tag(struct pn_svm *svm, uint32_t tag);

/* The VMCB fields for the next VMRUN of @v; after pn_svm_enter(), which may switch AVIC. */
void pn_svm_vmcb(const struct pn_svm_vcpu *v, struct pn_avic_vmcb *out);

/* ---- hyp.h: all of it, and what is particular to AMD ---- */

extern const struct pn_hyp_ops pn_svm_ops;

/* Afterwards a late notification is a no-op (handler-left-behind). */
void pn_svm_exit(struct pn_hyp *hyp);
void pn_svm_vm_destroy(struct pn_host_vm *vm, struct pn_agent *self);

/* Nothing while blocking (H5); IRTEs and tables say "runs on c" afterwards. */
void pn_svm_load(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/* @preempted makes no difference. */
void pn_svm_put(struct pn_host_vcpu *h, struct pn_host_cpu *c, bool preempted);
/* List first (H3), then IRTEs, then a full fence (H2). */
void pn_svm_blocking(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/*
 * Applies the H1 policy. May return true without need, while bits are posted as fast as they are
 * parked.
 */
bool pn_svm_must_run(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/* Off the list, loaded on @c, parked bits merged back. */
void pn_svm_unblocking(struct pn_host_vcpu *h, struct pn_host_cpu *c);
bool pn_svm_pending(const struct pn_host_vcpu *h);

/* May switch AVIC: pn_svm_vmcb() comes after it. */
int pn_svm_enter(struct pn_host_vcpu *h, struct pn_host_cpu *c);
void pn_svm_leave(struct pn_host_vcpu *h, struct pn_host_cpu *c);
/* AVIC off, or exit 402h, whose EXITINFO2 is not asked for the vector. */
int pn_svm_eoi(struct pn_host_vcpu *h, struct pn_host_cpu *c);

bool pn_svm_inject(struct pn_host_vcpu *h, struct pn_host_cpu *c, uint8_t vector,
		   enum pn_wake_reason why);
/* With the parked bits. */
uint32_t pn_svm_irr(const struct pn_host_vcpu *h, unsigned word);
/* @e is that of a struct pn_amdvi_ir. While AVIC is inhibited the entry keeps its remap form and
 * its place in the vCPU's list (7.3). -ENODEV: no IOMMU. */
int pn_svm_pi_update(struct pn_hyp *hyp, struct pn_host_entry *e, struct pn_host_vcpu *h,
		     uint8_t vector, struct pn_host_cpu *c);
/* (7.6) Causes that follow from the state of APICs or vCPUs have functions of their own; here the
 * caller answers for the condition. */
void pn_svm_inhibit(struct pn_host_vm *vm, struct pn_host_cpu *c, enum pn_inhibit why, bool set);
uint32_t pn_svm_inhibits(const struct pn_host_vcpu *h);

/* GAPPI. */
void pn_svm_wakeup_irq(struct pn_hyp *hyp, struct pn_host_cpu *c);
/* H8. */
void pn_svm_cpu_offline(struct pn_hyp *hyp, struct pn_host_cpu *dead, struct pn_host_cpu *self);
void pn_svm_cpu_online(struct pn_hyp *hyp, struct pn_host_cpu *c);
const char *pn_svm_check(struct pn_host_vcpu *h, struct pn_host_cpu *c);

/* ---- exits that only AVIC has: own context ---- */

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

/* @v waits until its guest can take an ExtINT, or waits no longer: AVIC is off for the VM. Without
 * effect while @v runs a nested guest. */
void pn_svm_irq_window(struct pn_svm_vcpu *v, struct pn_host_cpu *c, bool open);
/* @v enters or leaves a nested guest: AVIC is off for @v alone. */
void pn_svm_nested(struct pn_svm_vcpu *v, struct pn_host_cpu *c, bool in_l2);

/* GALOG <-> GAPPI on a running machine: all IRTEs out of guest mode, switch, back (H16). Errors as
 * pn_iommus_switch(); -ENODEV: no IOMMU. */
int pn_svm_switch_notify(struct pn_svm *svm, struct pn_host_cpu *c, enum pn_notify to);

_Static_assert(!offsetof(struct pn_svm_vcpu, h) && !offsetof(struct pn_svm_vm, h) &&
		       !offsetof(struct pn_svm, hyp),
	       "pointers to the first member and to the whole are the same");

static inline struct pn_svm_vcpu *pn_svm_of(struct pn_host_vcpu *h)
{
	return (struct pn_svm_vcpu *)(void *)h;
}

static inline const struct pn_svm_vcpu *pn_svm_of_const(const struct pn_host_vcpu *h)
{
	return (const struct pn_svm_vcpu *)(const void *)h;
}

static inline struct pn_svm_vm *pn_svm_vm_of(struct pn_host_vm *h)
{
	return (struct pn_svm_vm *)(void *)h;
}

static inline const struct pn_svm_vm *pn_svm_vm_of_const(const struct pn_host_vm *h)
{
	return (const struct pn_svm_vm *)(const void *)h;
}

static inline struct pn_svm *pn_svm_of_hyp(struct pn_hyp *hyp)
{
	return (struct pn_svm *)(void *)hyp;
}

#endif
