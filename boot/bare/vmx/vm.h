/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VM_H
#define POSTERN_BARE_VM_H

#include "guest.h"

/* What VM entry reads and VM exit writes: Intel SDM vol. 3, chapter 25 and appendix B. */
struct vmcs {
	uint32_t pin, proc, proc2, exit_ctl, entry_ctl, exceptions, tpr_threshold;
	uint32_t entry_info, entry_error, entry_length, timer;
	uint64_t proc3, msr_bitmap, eptp, virtual_apic, apic_access, pid, pid_table, eoi_exit[4];
	uint64_t vpid, nv, last_pid;
	/* both */
	uint64_t rip, rsp, rflags;
	uint32_t activity, interruptibility, intr_status;
	/* VM exit */
	uint32_t error; /* of VMfailValid; ~0: VMfailInvalid; 0: it ran */
	uint32_t reason, exit_info, vectoring, vectoring_error, length;
	uint64_t qualification, gpa;
	bool in_service; /* in the processor's own APIC: the interrupt that exit_info names */
};

#define EXIT_EXCEPTION	  0u
#define EXIT_INTERRUPT	  1u
#define EXIT_TRIPLE	  2u
#define EXIT_WINDOW	  7u
#define EXIT_HLT	  12u
#define EXIT_VMCALL	  18u
#define EXIT_RDMSR	  31u
#define EXIT_WRMSR	  32u
#define EXIT_TPR	  43u
#define EXIT_APIC_ACCESS  44u
#define EXIT_EOI	  45u
#define EXIT_EPT	  48u
#define EXIT_TIMER	  52u
#define EXIT_APIC_WRITE	  56u
#define EXIT_ENTRY_FAILED (1u << 31)

#define BAD_CONTROLS 7u /* VM-instruction error */

#define PIN_EXT_INT    (1u << 0)
#define PIN_NMI	       (1u << 3)
#define PIN_TIMER      (1u << 6)
#define PIN_POSTED     (1u << 7)
#define PROC_WINDOW    (1u << 2)
#define PROC_HLT       (1u << 7)
#define PROC_TERTIARY  (1u << 17)
#define PROC_TPR       (1u << 21)
#define PROC_MSRS      (1u << 28)
#define PROC_SECONDARY (1u << 31)
#define PROC2_ACCESSES (1u << 0)
#define PROC2_EPT      (1u << 1)
#define PROC2_X2APIC   (1u << 4)
#define PROC2_REGS     (1u << 8)
#define PROC2_VID      (1u << 9)
#define PROC3_IPIV     (1ull << 4)
#define EXITC_ACK      (1u << 15)

#define ACTIVE	  0
#define HALTED	  1
#define BY_STI	  1
#define BY_MOV_SS 2

/* Of the interruption information at VM entry and VM exit. */
#define EVENT_NMI	(2u << 8)
#define EVENT_EXCEPTION (3u << 8)

/* Posted-interrupt descriptors, and the table of pointers to them. */
struct pid {
	uint64_t pir[4], control, own[3];
} __attribute__((aligned(64)));

#define PIDS	   4u
#define PID_ON	   1ull
#define PID_SN	   2ull
#define PID_NV(v)  ((uint64_t)(v) << 16)
#define PID_VALID  1ull
#define TABLE_SIZE 512u
#define NOTIFY	   0xf2u
#define OTHER	   0xf1u /* another vector of the host's */

extern struct pid pids[PIDS];
extern uint64_t pid_table[TABLE_SIZE];

static inline bool pir_test(const struct pid *p, unsigned vector)
{
	return __atomic_load_n(&p->pir[vector / 64], __ATOMIC_ACQUIRE) >> vector % 64 & 1;
}

static inline void pir_set(struct pid *p, unsigned vector)
{
	__atomic_fetch_or(&p->pir[vector / 64], 1ull << vector % 64, __ATOMIC_SEQ_CST);
}

/* Of the processor: MAXPHYADDR; IPI virtualization. */
unsigned phys_bits(void);
bool has_ipiv(void);
/* The descriptor's NDST for a processor, as the mode of its APIC wants it. */
uint64_t pid_ndst(unsigned cpu);

/*
 * Runs the guest on the processor with the number of @vm until it exits. Returns the exit reason;
 * ~0: it did not run.
 */
uint32_t vm_run(struct vm *vm);

#endif
