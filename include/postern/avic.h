/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_AVIC_H
#define POSTERN_AVIC_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/agent.h"
#include "postern/bus.h"
#include "postern/x86.h"

#pragma GCC visibility push(default)

/*
 * AVIC and x2AVIC in the processor: AMD64 APM vol 2 rev 3.44, 15.29.
 */

/* Physical APIC ID table entry, 8 bytes, indexed by guest APIC ID (15.29.5.2). */
#define PN_AVIC_PHYS_HOST_MASK 0x0000000000000FFFull /* 11:0 host physical APIC ID */
#define PN_AVIC_PHYS_PAGE_MASK 0x000FFFFFFFFFF000ull /* 51:12 backing page */
#define PN_AVIC_PHYS_RSV       0x3FF0000000000000ull /* 61:52 should be zero */
#define PN_AVIC_PHYS_ISRUNNING (1ull << 62)
#define PN_AVIC_PHYS_VALID     (1ull << 63)

/* Logical APIC ID table entry, 4 bytes (15.29.5.3). */
#define PN_AVIC_LOG_ID_MASK 0xFFu
#define PN_AVIC_LOG_VALID   (1u << 31)

#define PN_XAVIC_MAX_INDEX	255u
#define PN_X2AVIC_MAX_INDEX	511u
#define PN_X2AVIC_EXT_MAX_INDEX 4095u

/* The parts of the VMCB control area that AVIC reads (15.29.4), at their offsets. */
struct pn_avic_vmcb {
	uint64_t v_intr;	 /* 060h */
	uint64_t apic_bar;	 /* 098h */
	uint64_t backing_page;	 /* 0E0h */
	uint64_t logical_table;	 /* 0F0h */
	uint64_t physical_table; /* 0F8h, 11:0 AVIC_PHYSICAL_MAX_INDEX */
	bool np_enable;		 /* 090h bit 0 */
};

#define PN_VINTR_TPR_MASK  0x0Full
#define PN_VINTR_IRQ	   (1ull << 8)
#define PN_VINTR_VGIF	   (1ull << 9)
#define PN_VINTR_VNMI	   (1ull << 11)
#define PN_VINTR_VNMI_MASK (1ull << 12)
#define PN_VINTR_PRIO_SH   16
#define PN_VINTR_IGN_TPR   (1ull << 20)
#define PN_VINTR_MASKING   (1ull << 24)
#define PN_VINTR_VGIF_EN   (1ull << 25)
#define PN_VINTR_VNMI_EN   (1ull << 26)
#define PN_VINTR_X2AVIC	   (1ull << 30)
#define PN_VINTR_AVIC	   (1ull << 31)
#define PN_VINTR_VECTOR_SH 32

/* Exit codes and their ids. */
#define PN_EXIT_AVIC_INCOMPLETE_IPI 0x401u
#define PN_EXIT_AVIC_NOACCEL	    0x402u
#define PN_EXIT_INVALID		    0xFFFFFFFFFFFFFFFFull

enum pn_avic_ipi_fail {
	PN_IPI_INVALID_TYPE = 0,
	PN_IPI_NOT_RUNNING = 1,
	PN_IPI_INVALID_TARGET = 2,
	PN_IPI_INVALID_BACKING = 3,
	PN_IPI_INVALID_VECTOR = 4,
};

/* What the processor supports (CPUID 8000_000A) and how the model settles open points. */
struct pn_avic_features {
	bool avic, x2avic, x2avic_ext; /* EDX[13], EDX[18], ECX[6] */
	bool extlvt;		       /* EDX[27]: 500h-530h allowed / trap */
	uint64_t phys_mask;	       /* legal physical address bits */
	/* Erratum 1235: the core may read a stale IsRunning = 1 after software cleared it. */
	bool erratum1235;
	/*
	 * EOI of a level-triggered vector: exit 402h after or at the instruction, the vector still
	 * in service or not. The manual contradicts itself. Default: a trap that leaves ISR and PPR
	 * to the host, which is what a host needs that looks the vector up in the ISR itself.
	 */
	enum { PN_EOI_TRAP, PN_EOI_TRAP_CLEARED, PN_EOI_FAULT } level_eoi;
	/* x2AVIC destination FFFF_FFFFh, open. Default: broadcast. */
	enum { PN_X2BCAST_BROADCAST, PN_X2BCAST_INVALID } x2_broadcast;
	/* Index reported when several targets do not run, open. Default: the first. */
	enum { PN_IPI_INDEX_FIRST, PN_IPI_INDEX_LAST } ipi_index;
	/* Doorbell while in host mode, unspecified. Default: dropped. */
	enum { PN_DOORBELL_HOST_DROP, PN_DOORBELL_HOST_HOLD } doorbell_host;
	/*
	 * x2AVIC: do the checks of the x2APIC register map (16.11) come before table 15-22, which
	 * does not know them? Registers that are read-only, reserved or not implemented, and ESR
	 * writes other than 0, are #GP then. Default: yes, what is known of Zen 4; otherwise only
	 * the table counts. On Zen 4 DFR, ICR2 and the TSC-deadline mode were measured to be #GP,
	 * and reads of the arbitration priority and of the timer's count to exit: no value changes
	 * that.
	 */
	enum { PN_X2MAP_FIRST, PN_X2MAP_TABLE } x2_map;
	/*
	 * Does VMRUN copy V_TPR to the page's TPR[7:4]? The manual leaves it open. Default: no,
	 * only what the guest writes keeps the two alike; the copy is inferred.
	 */
	enum { PN_VMRUN_TPR_KEEP, PN_VMRUN_TPR_TO_PAGE } vmrun_tpr;
	/*
	 * NP_ENABLE = 0 with AVIC: software must not, and no consequence is stated. Default:
	 * VMEXIT_INVALID (inferred); otherwise NP_ENABLE is not looked at.
	 */
	enum { PN_NP_OFF_INVALID, PN_NP_OFF_IGNORED } np_off;
};

void pn_avic_features_default(struct pn_avic_features *f);

/* A virtual exit, as VMRUN or an intercepted access reports it. */
struct pn_avic_exit {
	uint64_t code, info1, info2;
};

/*
 * The AVIC state of one core. One agent: its own core. Embed it or allocate it; the layout is
 * public for that reason, but only the functions below may change it.
 */
struct pn_avic {
	const struct pn_bus *bus;
	struct pn_agent *agent;
	struct pn_avic_features feat;
	uint32_t host_apicid;
	/* loaded by VMRUN */
	bool active, x2;
	bool in_guest;
	bool entering; /* VMRUN is in progress */
	bool doorbell; /* rang while VMRUN was in progress (or held) */
	uint8_t v_tpr; /* decides what is delivered; VMEXIT leaves it for the VMCB's V_TPR */
	uint32_t max_index;
	uint32_t *page; /* vAPIC page */
	uint64_t page_pa;
	uint64_t logical_table, physical_table;
	/* erratum 1235: table entry last seen running, and its value; value 0: none */
	uint64_t stale_entry, stale_value;
};

/* @agent may be NULL only if the caller sets one before any other call. Never fails. */
void pn_avic_init(struct pn_avic *av, const struct pn_bus *bus, struct pn_agent *agent,
		  const struct pn_avic_features *feat, uint32_t host_apicid);

/* The consistency checks of VMRUN (15.29.4.1 to 15.29.4.3): 0, or -EINVAL for VMEXIT_INVALID.
 * Pure. */
int pn_avic_vmcb_check(const struct pn_avic_features *f, const struct pn_avic_vmcb *vmcb);

/*
 * VMRUN: loads @vmcb and evaluates, honouring a doorbell that rang in between. -EINVAL: consistency
 * check failed (VMEXIT_INVALID), -EFAULT: the backing page is no memory. V_TPR of @vmcb is loaded,
 * and the page's PPR follows from it and the ISR (inferred); the page's TPR is left alone, see knob
 * vmrun_tpr. After success the core is in guest mode and pn_avic_evaluate() says what
 * may be delivered.
 */
int pn_avic_vmrun(struct pn_avic *av, const struct pn_avic_vmcb *vmcb);
void pn_avic_vmexit(struct pn_avic *av);

/*
 * Addresses lead to other memory than before. The core asks the bus again for the vAPIC page; that
 * is the only pointer that it keeps, in guest mode only. -EFAULT: the address has no memory any
 * more. The core then uses the old memory until VMEXIT, so the embedder must keep it.
 */
int pn_avic_memory_changed(struct pn_avic *av);

/* All that a core has besides what is in memory, to be saved and loaded. */
struct pn_avic_state {
	bool in_guest, active, x2; /* active, and what follows: of a guest with AVIC only */
	bool doorbell;
	uint8_t v_tpr;
	uint32_t max_index;
	uint64_t page_pa, logical_table, physical_table;
};

/* By the core's agent, or while it rests. Agrees with memory only while no other agent runs. */
void pn_avic_save(const struct pn_avic *av, struct pn_avic_state *out);

/*
 * -EINVAL if no core with these features can be in that state, -EFAULT if the vAPIC page is no
 * memory; nothing has changed then. Memory is left alone. Afterwards, in a guest with AVIC, ask
 * pn_avic_evaluate(). By the core's agent, or while it rests; the page must have its content before
 * that agent goes on.
 */
int pn_avic_load(struct pn_avic *av, const struct pn_avic_state *in);

/*
 * The doorbell reaches this core. True: guest mode, evaluate now. In host mode see the knob. By the
 * core's agent: @bus->doorbell, which any agent calls, only leaves word for it.
 */
bool pn_avic_doorbell(struct pn_avic *av);

/*
 * Virtual interrupt evaluation (15.29.8): the vector to deliver, or -1, by the page's PPR, which
 * the core keeps as V_TPR and the ISR say.
 * @interruptible: RFLAGS.IF, GIF, no shadow. Does not change state.
 */
int pn_avic_evaluate(struct pn_avic *av, bool interruptible);
/* Delivery of @vector: IRR to ISR, PPR recomputed. @vector must come from pn_avic_evaluate(). */
void pn_avic_deliver(struct pn_avic *av, uint8_t vector);

enum pn_avic_access {
	PN_AVIC_DONE,	  /* access completed, no exit */
	PN_AVIC_EVALUATE, /* completed; an evaluation point (EOI, TPR) */
	PN_AVIC_TRAP,	  /* completed, then exit: @exit filled, RIP after the instruction */
	PN_AVIC_FAULT,	  /* exit before the access: @exit filled, RIP at the instruction */
	PN_AVIC_GP,	  /* x2AVIC: #GP */
};

/*
 * Guest access to register @off (xAPIC offset; an x2APIC MSR n is (n - 800h) * 16) by the classes
 * of table 15-22 (15.29.3.1). 32-bit; in x2AVIC mode @value is 64 bits for the ICR. Includes EOI,
 * TPR and ICR writes with their side effects.
 */
enum pn_avic_access pn_avic_read(struct pn_avic *av, uint32_t off, uint64_t *value,
				 struct pn_avic_exit *exit);
enum pn_avic_access pn_avic_write(struct pn_avic *av, uint32_t off, uint64_t value,
				  struct pn_avic_exit *exit);
/* MOV to CR8: updates V_TPR and TPR[7:4], TPR[3:0] = 0. An evaluation point. */
void pn_avic_write_cr8(struct pn_avic *av, uint8_t cr8);

/*
 * The IPI algorithm of an ICR write (15.29.6). @icr: ICRH << 32 | ICRL (x2APIC: destination in
 * 63:32). PN_AVIC_DONE, PN_AVIC_EVALUATE (self) or PN_AVIC_TRAP with exit 401h.
 */
enum pn_avic_access pn_avic_ipi(struct pn_avic *av, uint64_t icr, struct pn_avic_exit *exit);

/* Slot of the logical table for an xAPIC destination bit, or -1. @dfr_cluster: DFR says cluster. */
int pn_avic_logical_slot(bool dfr_cluster, uint8_t cluster, unsigned bit);

#pragma GCC visibility pop

#endif
