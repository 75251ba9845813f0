/* SPDX-License-Identifier: MIT */
/* Chooses the accesses of the guest: of every size, through the page and through MSRs. */
#include "fuzz.h"
#include "vendor.h"

#define STEPS 16

void fuzz_step(struct fuzz *f, const char *stub, uint64_t at, uint64_t value)
{
	vm_op(f->vm, stub, at, value)->counts = 1;
}

unsigned fuzz_register(struct fuzz *f)
{
	static const uint16_t busy[] = {0x080, 0x0b0, 0x300, 0x310, 0x0d0,
					0x0e0, 0x200, 0x100, 0x180};

	if (fuzz_chance(f, 60))
		return busy[fuzz_below(f, COUNT(busy))];
	return fuzz_below(f, 256) * 16;
}

/* As an ICR: all modes and shorthands, often something that works. */
uint32_t fuzz_value(struct fuzz *f)
{
	uint32_t icr = 0x10 + fuzz_below(f, 0xf0);

	switch (fuzz_below(f, 6)) {
	case 0:
		return (uint32_t)fuzz_random(f);
	case 1:
		return fuzz_below(f, 256);
	case 2:
		return fuzz_below(f, 256) << 24;
	case 3:
		return 1u << fuzz_below(f, 32);
	default:
		return icr | (uint32_t)(fuzz_random(f) & 0xc0800) |
		       (fuzz_chance(f, 10) ? (uint32_t)fuzz_random(f) & 0xffff : 0);
	}
}

uint64_t fuzz_guest_bar(struct fuzz *f)
{
	struct vm *vm = f->vm;
	const uint64_t others[] = {
		address(vm->gdt),     address(vm->idt),	    address(vm->stack), address(vm->guest),
		address(guest_start), address(guest_first), 1ull << 38,		fuzz_random(f),
	};

	return fuzz_chance(f, 90) ? APIC_PAGE : others[fuzz_below(f, COUNT(others))];
}

static uint64_t target(struct fuzz *f)
{
	uint64_t bar = fuzz_chance(f, 95) ? APIC_PAGE : fuzz_guest_bar(f) & ~0xfffull;

	return bar + (fuzz_chance(f, 85) ? fuzz_register(f) : fuzz_below(f, PAGE + 16) - 8);
}

static void access_page(struct fuzz *f)
{
	const char *const stubs[] = {
		g_ld1,	     g_ld2,	   g_ld8,   g_ld16,   g_st1,	   g_st2,
		g_st8,	     g_st16,	   g_xchg4, g_add4,   g_lock_add4, g_lock_or8,
		g_cmpxchg8b, g_cmpxchg16b, g_push,  g_fxsave, g_clflush,
	};
	const char *stub = fuzz_chance(f, 30) ? g_ld4 : g_st4;

	if (fuzz_chance(f, 15))
		stub = stubs[fuzz_below(f, COUNT(stubs))];
	if (fuzz_chance(f, 1))
		stub = g_step_st4;
	fuzz_step(f, stub, target(f), fuzz_value(f) | fuzz_random(f) << 32);
}

static void access_msr(struct fuzz *f)
{
	uint64_t high = fuzz_chance(f, 60)   ? 0
			: fuzz_chance(f, 50) ? fuzz_below(f, 20)
					     : fuzz_random(f);
	uint32_t msr = fuzz_chance(f, 10) ? X2_SELF : X2(fuzz_register(f));

	fuzz_step(f, fuzz_chance(f, 40) ? g_rdmsr : g_wrmsr, msr, fuzz_value(f) | high << 32);
}

static void strings(struct fuzz *f)
{
	uint64_t n = fuzz_below(f, 40);

	if (fuzz_chance(f, 50))
		fuzz_step(f, g_stos, target(f), fuzz_value(f) | n << 32);
	else
		fuzz_step(f, g_movs, target(f), (uint32_t)target(f) | n << 32);
}

static void processor(struct fuzz *f)
{
	switch (fuzz_below(f, 10)) {
	case 0:
	case 1:
		fuzz_step(f, g_wrcr8, 0, fuzz_chance(f, 90) ? fuzz_below(f, 16) : fuzz_random(f));
		break;
	case 2:
		vm_op(f->vm, g_rdcr8, 0, 0);
		break;
	case 3:
		vm_op(f->vm, g_cli, 0, 0);
		break;
	case 4:
		vm_op(f->vm, g_int, 0, 0);
		break;
	case 5:
		vm_op(f->vm, g_spin, 1 + fuzz_below(f, 300), 0);
		break;
	case 6:
		vm_op(f->vm, g_wait, 1 + fuzz_below(f, 10), fuzz_below(f, 4));
		break;
	default:
		vm_op(f->vm, g_sti, 0, 0);
	}
}

/* Seldom: stack, code or an end on the access page. */
static void odd(struct fuzz *f)
{
	switch (fuzz_below(f, 4)) {
	case 0:
		fuzz_step(f, g_stack, target(f), 0);
		break;
	case 1:
		vm_op(f->vm, FUZZ_FETCH ? g_jump : g_nop, target(f), 0);
		break;
	case 2:
		vm_op(f->vm, g_hlt, 0, 0);
		break;
	default:
		fuzz_vendor_step(f);
	}
}

static void step(struct fuzz *f)
{
	unsigned n = fuzz_below(f, 100);
	bool x2 = fuzz_is_x2(f->vm);

	if (n < 65)
		(x2 == fuzz_chance(f, 95) ? access_msr : access_page)(f);
	else if (n < 70)
		fuzz_vendor_step(f);
	else if (n < 73)
		strings(f);
	else if (n < 98)
		processor(f);
	else
		odd(f);
}

void fuzz_guest(struct fuzz *f)
{
	struct guest *g = f->vm->guest;
	unsigned n = 1 + fuzz_below(f, STEPS);

	fuzz_vendor_guest(f);
	g->eoi = fuzz_below(f, 3);
	g->limit = FUZZ_LIMIT;
	for (unsigned i = 0; i < n; i++)
		step(f);
}
