/* SPDX-License-Identifier: MIT */
/* AMD: the state that VMRUN reads, and preparation of the processor. */
#include "vm.h"

/* Intercepts everything after which a guest would not return, or which would reach the machine. */
#define INTERCEPT1                                                                                 \
	0xfd4c0021u /* INTR, CR0_SEL, CPUID, RSM, INVD, HLT, INVLPGA, IOIO .. SHUTDOWN             \
		     */
#define INTERCEPT2 0x00003fffu
#define CR_WRITES  0x0019u

#define PAGES __attribute__((aligned(4096)))

void svm_run(uint64_t vmcb, void *guest);

const uint64_t vendor_nested_leaf;
uint64_t physical[4096] PAGES;
uint32_t logical[1024] PAGES;

static struct vmcb vmcbs[CPUS] PAGES;
static uint8_t msrpms[CPUS][2 * PAGE] PAGES, iopm[3 * PAGE] PAGES, hsave[CPUS][PAGE] PAGES;

static void msrpm_fill(struct vm *vm)
{
	memset(msrpms[vm_number(vm)], 0xff, 2 * PAGE);
	for (uint32_t msr = 0x800; msr < 0x900; msr++)
		vm_intercept_msr(vm, msr, false, false);
}

void vm_intercept_msr(struct vm *vm, uint32_t msr, bool read, bool write)
{
	unsigned bit = msr < 0xc0010000 ? msr * 2 : 0x8000 + (msr - 0xc0010000) * 2;
	uint8_t *byte = msrpms[vm_number(vm)] + bit / 8;

	*byte = (uint8_t)((*byte & ~(3u << bit % 8)) | (read | write << 1) << bit % 8);
}

static void save_reset(struct vmcb *v, const struct vm *vm)
{
	v->cs = (struct segment){CODE64, 0x029b, 0xffffffff, 0};
	v->ds = v->es = v->ss = (struct segment){DATA, 0x0c93, 0xffffffff, 0};
	v->gdtr = (struct segment){0, 0, 4 * 8 - 1, address(vm->gdt)};
	v->idtr = (struct segment){0, 0, PAGE - 1, address(vm->idt)};
	v->efer = 0x500 | EFER_SVME | EFER_NX;
	v->cr0 = 0x80010033;
	v->cr3 = address(guest_pml4);
	v->cr4 = 0x620;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->rflags = RFLAGS_ONE | RFLAGS_IF;
	v->rip = address(guest_start);
	v->rsp = address(vm->stack) + PAGE;
}

static void control_reset(struct vmcb *v, const struct vm *vm)
{
	v->exceptions = 0xffffffff;
	v->intercept1 = INTERCEPT1;
	v->intercept2 = INTERCEPT2;
	v->cr_write = CR_WRITES;
	v->iopm = address(iopm);
	v->msrpm = address(msrpms[vm_number(vm)]);
	v->asid = 1;
	v->tlb_control = 1;
	v->v_intr = V_AVIC | V_INTR_MASKING | V_GIF;
	v->nested_control = NP_ENABLE;
	v->nested_cr3 = vm_nested_top(vm);
	v->apic_bar = APIC_PAGE;
	v->backing_page = address(vm->page);
	v->logical_table = address(logical);
	v->physical_table = address(physical) | 15;
}

void vendor_rewind(struct vm *vm)
{
	memset(vm->vmcb, 0, PAGE);
	control_reset(vm->vmcb, vm);
	save_reset(vm->vmcb, vm);
}

void vendor_reset(struct vm *vm)
{
	msrpm_fill(vm);
}

void vendor_tables(void)
{
	memset(physical, 0, sizeof(physical));
	memset(logical, 0, sizeof(logical));
	physical[0] = address(vms[0].page) | ENTRY_VALID | ENTRY_RUNNING;
}

void vendor_init(void)
{
	memset(iopm, 0xff, sizeof(iopm));
	for (unsigned i = 0; i < CPUS; i++)
		vms[i].vmcb = &vmcbs[i];
}

void vendor_cpu(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_HSAVE, (uintptr_t)hsave[cpu_self()]);
}

void vm_x2(struct vm *vm)
{
	vm->vmcb->v_intr |= V_X2AVIC;
	*reg(vm->page, APIC_ID) = vm_number(vm);
}

uint64_t vm_run(struct vm *vm)
{
	if (!vm->nops)
		vm->guest->ops[0].stub = address(g_end);
	vm->vmcb->exit_code = 0x5555;
	svm_run(address(vm->vmcb), vm->guest);
	return vm->vmcb->exit_code;
}
