/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VM_H
#define POSTERN_BARE_VM_H

#include "bare.h"

/* A virtual machine of one vCPU, one for each processor: AMD64 APM vol. 2, appendix B, 15.29. */

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
#define EVENT_VALID    (1u << 31)
#define EVENT_ERROR    (1u << 11)
#define EVENT_TYPE(e)  ((e) >> 8 & 7)
#define RFLAGS_TF      (1u << 8)
#define RFLAGS_IF      (1u << 9)
#define RFLAGS_ONE     2u
#define ENTRY_RUNNING  (1ull << 62)
#define ENTRY_VALID    (1ull << 63)
#define LOGICAL_VALID  (1u << 31)
#define SHADOW_INT     1u
#define PTE_PRESENT    1u
#define PTE_WRITE      2u
#define PTE_USER       4u
#define PTE_RWX	       (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define PTE_NX	       (1ull << 63)
#define EFER_NX	       (1u << 11)

#define APIC_ID	  0x020
#define APIC_TPR  0x080
#define APIC_PPR  0x0a0
#define APIC_EOI  0x0b0
#define APIC_LDR  0x0d0
#define APIC_DFR  0x0e0
#define APIC_SVR  0x0f0
#define APIC_ISR  0x100
#define APIC_TMR  0x180
#define APIC_IRR  0x200
#define APIC_ESR  0x280
#define APIC_ICR  0x300
#define APIC_ICRH 0x310
#define X2(reg)	  (0x800u + (reg) / 16)
#define X2_SELF	  0x83fu

struct op {
	uint64_t stub, at, value, rax, rdx;
	uint32_t done, counts;
};

/* What the guest reads and writes: layout.h has the offsets for its own code. */
struct guest {
	volatile uint32_t count;
	uint32_t limit, eoi;
	volatile uint32_t flag;
	uint32_t first;
	uint8_t log[GUEST_NLOG];
	struct op ops[GUEST_NOPS];
	uint64_t regs[5];
};

_Static_assert(sizeof(struct op) == OP_SIZE, "op");
_Static_assert(offsetof(struct guest, ops) == GUEST_OPS, "ops");
_Static_assert(offsetof(struct guest, regs) == GUEST_REGS, "regs");
_Static_assert(sizeof(struct guest) <= PAGE, "guest");

struct vm {
	struct vmcb *vmcb;
	uint32_t *page;	 /* vAPIC page */
	uint32_t *plain; /* the memory behind APIC_PAGE */
	uint8_t *msrpm;
	struct guest *guest;
	uint8_t *stack, *gdt, *idt; /* of the guest, one page each */
	unsigned nops;
};

extern struct vm vms[CPUS];
/* Tables that all share. */
extern uint64_t physical[4096];
extern uint32_t logical[1024];

extern const char g_end[], g_ld1[], g_ld2[], g_ld4[], g_ld8[], g_ld16[], g_st1[], g_st2[], g_st4[],
	g_st8[], g_st16[], g_xchg4[], g_add4[], g_lock_add4[], g_lock_or8[], g_cmpxchg8b[],
	g_cmpxchg16b[], g_fxsave[], g_push[], g_rdmsr[], g_wrmsr[], g_rdcr8[], g_wrcr8[], g_sti[],
	g_cli[], g_hlt[], g_nop[], g_int[], g_jump[], g_clflush[], g_stos[], g_movs[], g_stack[],
	g_wait[], g_await[], g_spin[], g_set[], g_step_st4[], g_step_st4_after[], g_invlpg[],
	g_stgi[], g_clgi[], g_halts[];
extern const char g_ld4_after[], g_st4_after[], g_rdmsr_after[], g_wrmsr_after[], g_end_after[];
extern const char g_stos_rep[], g_stos_after[], g_movs_rep[], g_eoi[], g_eoi_after[], g_eoi_msr[],
	g_eoi_msr_after[], guest_start[];
extern char guest_first[], guest_last[];

/* Everything as it is for a guest with xAVIC; the shared tables are left alone. */
void vm_reset(unsigned cpu);
/* The VMCB and the guest's list only. */
void vm_rewind(struct vm *vm);
/* The page tables that the guests share. */
void vm_guest_tables(void);
extern uint64_t guest_pml4[];
void vm_init(void);
/* Appends to what the guest does; it ends after the last. */
struct op *vm_op(struct vm *vm, const char *stub, uint64_t at, uint64_t value);
uint64_t vm_run(struct vm *vm);
void vm_x2(struct vm *vm);
void vm_intercept_msr(struct vm *vm, uint32_t msr, bool read, bool write);
/* The nested entry of a page below 4 MiB, or of APIC_PAGE. */
uint64_t *vm_nested(struct vm *vm, uint64_t gpa);
static inline unsigned vm_number(const struct vm *vm)
{
	return (unsigned)(vm - vms);
}

static inline uint64_t address(const volatile void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static inline volatile uint32_t *reg(uint32_t *page, unsigned off)
{
	return (volatile uint32_t *)(page + off / 4);
}

static inline void vector_set(uint32_t *page, unsigned bank, unsigned vector)
{
	__atomic_fetch_or(page + (bank + (vector >> 5) * 16) / 4, 1u << (vector & 31),
			  __ATOMIC_SEQ_CST);
}

static inline void vector_clear(uint32_t *page, unsigned bank, unsigned vector)
{
	__atomic_fetch_and(page + (bank + (vector >> 5) * 16) / 4, ~(1u << (vector & 31)),
			   __ATOMIC_SEQ_CST);
}

static inline bool vector_test(uint32_t *page, unsigned bank, unsigned vector)
{
	return *reg(page, bank + (vector >> 5) * 16) >> (vector & 31) & 1;
}

#endif
