/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VM_H
#define POSTERN_BARE_VM_H

#include "guest.h"

/* CPUID 8000_000A EDX, and of its ECX X2AVIC_EXT. */
static inline bool svm_has(unsigned bit)
{
	uint32_t r[4];

	cpuid(0x8000000a, r);
	return r[3] >> bit & 1;
}

static inline bool svm_has_x2avic_ext(void)
{
	uint32_t r[4];

	cpuid(0x8000000a, r);
	return r[2] >> 6 & 1;
}

#define SVM_NPT	   0
#define SVM_CLEAN  5
#define SVM_AVIC   13
#define SVM_VGIF   16
#define SVM_X2AVIC 18
#define SVM_EXTLVT 27

#define EFER_SVME    (1u << 12)
#define MSR_HSAVE    0xc0010117u
#define MSR_DOORBELL 0xc001011bu

/* What VMRUN reads and #VMEXIT writes: AMD64 APM vol. 2, appendix B, 15.29. */

struct segment {
	uint16_t selector, attrib;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	uint16_t cr_read, cr_write, dr_read, dr_write;
	uint32_t exceptions, intercept1, intercept2;
	uint8_t pad014[0x040 - 0x014];
	uint64_t iopm, msrpm, tsc_offset;
	uint32_t asid;
	uint8_t tlb_control, pad05d[3];
	uint64_t v_intr, shadow, exit_code, exit_info1, exit_info2, exit_int_info, nested_control,
		apic_bar;
	uint8_t pad0a0[0x0a8 - 0x0a0];
	uint64_t event_inj, nested_cr3, lbr;
	uint32_t clean, pad0c4;
	uint8_t pad0c8[0x0e0 - 0x0c8];
	uint64_t backing_page, pad0e8, logical_table, physical_table;
	uint8_t pad100[0x400 - 0x100];
	struct segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t pad4a0[0x4d0 - 0x4a0];
	uint64_t efer;
	uint8_t pad4d8[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t pad580[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t pad5e0[0x5f8 - 0x5e0];
	uint64_t rax;
	uint8_t pad600[0x640 - 0x600];
	uint64_t cr2;
	uint8_t pad648[PAGE - 0x648];
};

_Static_assert(offsetof(struct vmcb, apic_bar) == 0x098, "apic_bar");
_Static_assert(offsetof(struct vmcb, physical_table) == 0x0f8, "physical_table");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "efer");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "rip");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "rax");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "cr2");
_Static_assert(sizeof(struct vmcb) == PAGE, "vmcb");

#define EXIT_INTR      0x060u
#define EXIT_INIT      0x063u
#define EXIT_HLT       0x078u
#define EXIT_SHUTDOWN  0x07fu
#define EXIT_VMMCALL   0x081u
#define EXIT_NPF       0x400u
#define EXIT_IPI       0x401u
#define EXIT_NOACCEL   0x402u
#define EXIT_INVALID   0xffffffffffffffffull
#define EXIT_EXCEPTION 0x040u
#define EXIT_EXCP_DB   (EXIT_EXCEPTION + 1)
#define EXIT_EXCP_GP   (EXIT_EXCEPTION + 13)

/* Of intercept1 and intercept2. */
#define INTERCEPT_INIT (1u << 3)
#define INTERCEPT_HLT  (1u << 24)
#define INTERCEPT_GIF  (3u << 4) /* STGI and CLGI */

#define V_TPR(n)       ((uint64_t)(n))
#define V_IRQ	       (1ull << 8)
#define V_GIF	       (1ull << 9)
#define V_PRIO(n)      ((uint64_t)(n) << 16)
#define V_IGN_TPR      (1ull << 20)
#define V_INTR_MASKING (1ull << 24)
#define V_GIF_ENABLE   (1ull << 25)
#define V_X2AVIC       (1ull << 30)
#define V_AVIC	       (1ull << 31)
#define V_VECTOR(n)    ((uint64_t)(n) << 32)
#define NP_ENABLE      1u
#define CLEAN_AVIC     (1u << 11)
#define EVENT_TYPE(e)  ((e) >> 8 & 7)
#define ENTRY_RUNNING  (1ull << 62)
#define ENTRY_VALID    (1ull << 63)
#define LOGICAL_VALID  (1u << 31)
#define SHADOW_INT     1u
#define PTE_NX	       (1ull << 63)
#define EFER_NX	       (1u << 11)

/* Tables that all share. */
extern uint64_t physical[4096];
extern uint32_t logical[1024];

uint64_t vm_run(struct vm *vm);

#endif
