/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_GUEST_H
#define POSTERN_BARE_GUEST_H

#include "bare.h"

/* Guests, on processors of both vendors: their registers, steps and tables. */

#define RFLAGS_TF  (1u << 8)
#define RFLAGS_IF  (1u << 9)
#define RFLAGS_ONE 2u

#define PTE_PRESENT 1u
#define PTE_WRITE   2u
#define PTE_USER    4u /* nested, Intel: execute */
#define PTE_RWX	    (PTE_PRESENT | PTE_WRITE | PTE_USER)

#define EVENT_VALID (1u << 31)
#define EVENT_ERROR (1u << 11)

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
	uint64_t regs[6];
};

_Static_assert(sizeof(struct op) == OP_SIZE, "op");
_Static_assert(offsetof(struct guest, ops) == GUEST_OPS, "ops");
_Static_assert(offsetof(struct guest, regs) == GUEST_REGS, "regs");
_Static_assert(sizeof(struct guest) <= PAGE, "guest");

/* A virtual machine of one vCPU, one for each processor. */
struct vm {
	struct vmcb *vmcb; /* AMD */
	struct vmcs *vmcs; /* Intel */
	uint32_t *page;	   /* virtual APIC */
	uint32_t *plain;   /* the memory behind APIC_PAGE */
	struct guest *guest;
	uint8_t *stack, *gdt, *idt; /* of the guest, one page each */
	unsigned nops;
};

extern struct vm vms[CPUS];

static inline unsigned vm_number(const struct vm *vm)
{
	return (unsigned)(vm - vms);
}

void vm_init(void);
/* Everything as it is for a guest with an APIC in xAPIC mode; tables that guests share are left
 * alone. */
void vm_reset(unsigned cpu);
/* What the processor reads of it, and the guest's list only. */
void vm_rewind(struct vm *vm);
/* The page tables that the guests share. */
void vm_guest_tables(void);
extern uint64_t guest_pml4[];
/* Appends a step of the guest; the guest ends after the last one. */
struct op *vm_op(struct vm *vm, const char *stub, uint64_t at, uint64_t value);
/* The nested entry of a page below 4 MiB, or of APIC_PAGE, and the top of that table. */
uint64_t *vm_nested(struct vm *vm, uint64_t gpa);
uint64_t vm_nested_top(const struct vm *vm);
void vm_intercept_msr(struct vm *vm, uint32_t msr, bool read, bool write);
/* x2APIC MSRs instead of the page. */
void vm_x2(struct vm *vm);

/* The vendor's own part of the three above. */
void vendor_rewind(struct vm *vm);
void vendor_reset(struct vm *vm);
void vendor_init(void);
/* Tables that guests share. */
void vendor_tables(void);
extern const uint64_t vendor_nested_leaf;

extern const char g_end[], g_ld1[], g_ld2[], g_ld4[], g_ld8[], g_ld16[], g_st1[], g_st2[], g_st4[],
	g_st8[], g_st16[], g_xchg4[], g_add4[], g_lock_add4[], g_lock_or8[], g_cmpxchg8b[],
	g_cmpxchg16b[], g_fxsave[], g_push[], g_rdmsr[], g_wrmsr[], g_rdcr8[], g_wrcr8[], g_sti[],
	g_cli[], g_hlt[], g_nop[], g_int[], g_jump[], g_clflush[], g_stos[], g_movs[], g_stack[],
	g_wait[], g_await[], g_spin[], g_set[], g_step_st4[], g_step_st4_after[], g_invlpg[],
	g_stgi[], g_clgi[], g_halts[], g_sti_hlt[];
extern const char g_ld4_after[], g_st4_after[], g_rdmsr_after[], g_wrmsr_after[], g_end_after[],
	g_wrcr8_after[];
extern const char g_stos_rep[], g_stos_after[], g_movs_rep[], g_eoi[], g_eoi_after[], g_eoi_msr[],
	g_eoi_msr_after[], guest_start[];
extern char guest_first[], guest_last[];

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
