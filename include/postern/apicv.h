/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_APICV_H
#define POSTERN_APICV_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/agent.h"
#include "postern/bus.h"
#include "postern/pid.h"
#include "postern/x86.h"

#pragma GCC visibility push(default)

/*
 * APIC virtualization, posted-interrupt processing and IPI virtualization in the processor: Intel
 * SDM vol 3, "APIC Virtualization and Virtual Interrupts".
 */

/* VM-execution controls and exit controls that matter here. */
#define PN_PIN_EXT_INT_EXIT    (1u << 0)
#define PN_PIN_POSTED_INTR     (1u << 7)
#define PN_PROC_INTR_WINDOW    (1u << 2)
#define PN_PROC_TERTIARY       (1u << 17)
#define PN_PROC_TPR_SHADOW     (1u << 21)
#define PN_PROC_SECONDARY      (1u << 31)
#define PN_PROC2_APIC_ACCESSES (1u << 0)
#define PN_PROC2_X2APIC	       (1u << 4)
#define PN_PROC2_APIC_REGS     (1u << 8)
#define PN_PROC2_VID	       (1u << 9)
#define PN_PROC3_IPI_VIRT      (1ull << 4)
#define PN_EXITCTL_ACK_INTR    (1u << 15)

/* The parts of the VMCS that APIC virtualization reads; in brackets the field's encoding. */
struct pn_vmcs_apic {
	uint32_t pin, proc, proc2, exit_ctl;
	uint64_t proc3;		 /* [2034] */
	uint16_t posted_nv;	 /* [0002] */
	uint16_t last_pid_index; /* [0008] */
	uint16_t intr_status;	 /* [0810] RVI 7:0, SVI 15:8; written back by VM exit */
	uint32_t tpr_threshold;	 /* [401C] */
	uint64_t virtual_apic;	 /* [2012] */
	uint64_t apic_access;	 /* [2014] */
	uint64_t pid;		 /* [2016] */
	uint64_t pid_table;	 /* [2042] */
	uint64_t eoi_exit[4];	 /* [201C..2022] */
};

/* Exit reasons. */
#define PN_VMX_EXIT_EXT_INT	1u
#define PN_VMX_EXIT_TPR		43u
#define PN_VMX_EXIT_APIC_ACCESS 44u
#define PN_VMX_EXIT_EOI		45u
#define PN_VMX_EXIT_APIC_WRITE	56u

/* Reads the VMCS field with that encoding; its width is in bits 14:13 (0: 16 bits, 1: 64, 2: 32).
 */
typedef uint64_t (*pn_vmread_fn)(void *ctx, uint32_t field);

/* Fills @vmcs from a VMCS of the embedder. Only the fields whose controls are 1 are read; the
 * others are 0, so that a processor that lacks them need not have them. */
void pn_vmcs_apic_read(struct pn_vmcs_apic *vmcs, pn_vmread_fn read, void *ctx);

struct pn_apicv_features {
	uint8_t maxphyaddr; /* default 52 */
	bool ipiv;	    /* tertiary control allowed */
	/* VM entry with a PID-pointer table that is not 8-byte aligned, or last index given without
	 * TPR shadow. Default: the first is checked, the second is not (uncertain, U3). */
	bool ipiv_needs_tpr_shadow;
	/* Granule of the PIR's fetch-and-zero: 32 or 64 bits. Default 64 (U5, not architected). */
	uint8_t pir_granule;
};

void pn_apicv_features_default(struct pn_apicv_features *f);

struct pn_apicv_exit {
	uint32_t reason;
	uint64_t qualification;
};

/* The state of one logical processor. One agent: its own CPU. The layout is public so that it can
 * be embedded; only the functions below may change it. */
struct pn_apicv {
	const struct pn_bus *bus;
	struct pn_agent *agent;
	struct pn_apicv_features feat;
	bool host_x2apic; /* physical APIC mode: how notification IPIs read NDST */
	/* loaded by VM entry */
	struct pn_vmcs_apic vmcs;
	bool in_guest;
	bool recognized; /* a virtual interrupt is recognized, until delivery or re-evaluation */
	uint8_t rvi, svi;
	uint32_t *page;	    /* virtual-APIC page, or NULL */
	struct pn_pid *pid; /* own descriptor, or NULL */
	/* a store to the APIC-access page whose APIC-write emulation is still to come; 0: none */
	uint8_t stored_len;
	uint16_t stored_off;
};

/* @bus->intr sends physical IPIs (notifications of virtualized IPIs). Never fails. */
void pn_apicv_init(struct pn_apicv *a, const struct pn_bus *bus, struct pn_agent *agent,
		   const struct pn_apicv_features *feat, bool host_x2apic);
/* The physical APIC changed its mode. */
void pn_apicv_set_host_x2apic(struct pn_apicv *a, bool host_x2apic);

/* The checks of VM entry on these fields: 0, or -EINVAL (VM-entry failure). Pure. */
int pn_apicv_vmcs_check(const struct pn_apicv_features *f, const struct pn_vmcs_apic *vmcs);

/* All checks of VM entry, also those that read the virtual-APIC page: 0, -EINVAL or -EFAULT like
 * pn_apicv_vmentry(). Changes nothing: for an embedder that checks controls first, then its own
 * host and guest state, and enters last. */
int pn_apicv_vmentry_check(const struct pn_apicv *a, const struct pn_vmcs_apic *vmcs);

/*
 * VM entry: checks, loads, PPR virtualization and evaluation. -EINVAL: checks failed; -EFAULT: the
 * virtual-APIC page or the descriptor is no memory. With TPR shadow and no VID, if VTPR is below
 * the threshold: with virtualized APIC accesses the VM exits at once, @exit has reason 43 and 1 is
 * returned; without them it is one of the checks that fail (SDM 27.2.1.1, 27.7.7). Call it when the
 * guest state has been loaded and before an event is injected; the exit with reason 43 comes after
 * the injection, and not at all if the injection itself exits.
 */
int pn_apicv_vmentry(struct pn_apicv *a, const struct pn_vmcs_apic *vmcs,
		     struct pn_apicv_exit *exit);
/* VM exit: writes RVI and SVI back to @vmcs->intr_status. */
void pn_apicv_vmexit(struct pn_apicv *a, struct pn_vmcs_apic *vmcs);

/* What an external interrupt did in the guest. */
enum pn_apicv_intr {
	PN_INTR_NONE,	/* nothing to take in @lapic */
	PN_INTR_EXIT,	/* VM exit, reason 1; *@vector was acknowledged if the control says so, else
			   -1 */
	PN_INTR_POSTED, /* posted processing, no exit: something may be recognized now */
};

/* The physical local APIC of an embedder that has its own. The calls come from within
 * pn_apicv_ext_intr() and must not call back into @a. */
struct pn_apicv_lapic {
	void *ctx;
	/* Is there an interrupt to take? Asked only where VM exits do not acknowledge it. */
	bool (*pending)(void *ctx);
	/* Acknowledges the interrupt: its vector, IRR to ISR; -1: none. */
	int (*ack)(void *ctx);
	/* Writes 0 to the EOI register. */
	void (*eoi)(void *ctx);
};

/*
 * An external interrupt is pending in @lapic while in the guest (SDM "Posted-Interrupt
 * Processing"): the steps 1 to 7, which nothing interrupts. Also returns NONE, and changes nothing,
 * if external interrupts do not exit: they go through the guest's IDT. A guest in HLT goes back to
 * HLT unless something is recognized; after MWAIT it is active. Both forms ignore RFLAGS.IF.
 */
enum pn_apicv_intr pn_apicv_ext_intr(struct pn_apicv *a, const struct pn_apicv_lapic *lapic,
				     int *vector);
enum pn_apicv_intr pn_apicv_intr(struct pn_apicv *a, struct pn_lapic *lapic, int *vector);

/* The recognized interrupt that may be delivered now, or -1. @interruptible: RFLAGS.IF, no shadow.
 */
int pn_apicv_pending(const struct pn_apicv *a, bool interruptible);
/*
 * Delivery of the recognized interrupt: IRR to ISR, RVI, SVI, PPR. Returns the vector; -1: none. It
 * remains valid even if the delivery through the IDT exits: the exit then has IDT-vectoring
 * information with this vector, type external interrupt.
 */
int pn_apicv_deliver(struct pn_apicv *a);

enum pn_apicv_access {
	PN_APICV_DONE,	   /* completed, no exit */
	PN_APICV_EVALUATE, /* completed; an interrupt may have been recognized */
	PN_APICV_TRAP,	   /* completed, then exit: @exit filled, RIP after the instruction */
	PN_APICV_FAULT,	   /* exit before the access: @exit filled */
	PN_APICV_GP,	   /* #GP(0) */
	PN_APICV_PASS,	   /* not virtualized: MSR bitmap and physical APIC decide */
};

/* Guest access to the APIC-access page at @off (virtualize APIC accesses), 32 bits. */
enum pn_apicv_access pn_apicv_read(struct pn_apicv *a, uint32_t off, uint32_t *value,
				   struct pn_apicv_exit *exit);
enum pn_apicv_access pn_apicv_write(struct pn_apicv *a, uint32_t off, uint32_t value,
				    struct pn_apicv_exit *exit);

/* How the APIC-access page is accessed: bits 15:12 of the exit qualification follow from it. */
enum pn_apicv_how {
	PN_APICV_INSN,	     /* linear, by an instruction's data access */
	PN_APICV_FETCH,	     /* linear, instruction fetch: always exits */
	PN_APICV_EVENT,	     /* linear, during delivery of an event */
	PN_APICV_PHYS,	     /* guest-physical: always exits */
	PN_APICV_PHYS_EVENT, /* the same, during delivery of an event */
};

/*
 * The same for accesses of 1 to 4096 bytes at any offset, @len bytes of @data. A store is made in
 * two parts, since APIC-write emulation follows the instruction: DONE from pn_apicv_page_write()
 * says that the page has the data; after the instruction pn_apicv_page_emulate() does the rest and
 * returns DONE, EVALUATE or TRAP. A second access in between is virtualized if it is a store of the
 * same bytes; otherwise it exits.
 */
enum pn_apicv_access pn_apicv_page_read(struct pn_apicv *a, uint32_t off, uint32_t len,
					enum pn_apicv_how how, void *data,
					struct pn_apicv_exit *exit);
enum pn_apicv_access pn_apicv_page_write(struct pn_apicv *a, uint32_t off, uint32_t len,
					 enum pn_apicv_how how, const void *data,
					 struct pn_apicv_exit *exit);
enum pn_apicv_access pn_apicv_page_emulate(struct pn_apicv *a, struct pn_apicv_exit *exit);

/* RDMSR and WRMSR of 800h to 8FFh (virtualize x2APIC mode). */
enum pn_apicv_access pn_apicv_rdmsr(struct pn_apicv *a, uint32_t msr, uint64_t *value,
				    struct pn_apicv_exit *exit);
enum pn_apicv_access pn_apicv_wrmsr(struct pn_apicv *a, uint32_t msr, uint64_t value,
				    struct pn_apicv_exit *exit);
/* MOV from CR8 and to CR8 with TPR shadow: VTPR[7:4]; TPR virtualization. */
enum pn_apicv_access pn_apicv_read_cr8(const struct pn_apicv *a, uint8_t *cr8);
enum pn_apicv_access pn_apicv_write_cr8(struct pn_apicv *a, uint8_t cr8,
					struct pn_apicv_exit *exit);

#pragma GCC visibility pop

#endif
