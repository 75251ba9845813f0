/* SPDX-License-Identifier: MIT */
/* Two processors, a guest on each: the second one's way in and out, and IPIs between the two. */
#include "pair.h"
#include "row.h"
#include "vendor.h"

static const uint8_t one[] = {0x45};

bool second_enters(void)
{
	second_give(vendor_run, &vms[1]);
	for (uint32_t i = 0; i < ENTRY_PAUSES; i++) {
		if (vms[1].guest->flag)
			return true;
		pause();
	}
	return !expect("the second guest's flag", 0, 1);
}

void second_leaves(void)
{
	if (!second_wait())
		broken("the second processor does not come back from its guest");
}

void second_waits(uint64_t turns)
{
	vm_op(&vms[1], g_set, 0, 1);
	vm_op(&vms[1], g_wait, turns, 1);
	vendor_second_runs();
}

bool pair_ipi(bool x2)
{
	second_waits(EVER);
	if (x2) {
		vm_x2(&vms[0]);
		vm_x2(&vms[1]);
		vm_op(&vms[0], g_wrmsr, X2(APIC_ICR), 1ull << 32 | 0x45);
	} else {
		vm_op(&vms[0], g_st4, APIC_PAGE + APIC_ICRH, 1u << 24);
		vm_op(&vms[0], g_st4, APIC_PAGE + APIC_ICR, 0x45);
	}
	if (!second_enters())
		return false;
	vendor_run(&vms[0]);
	second_leaves();
	expect_end(&vms[0]);
	expect_end(&vms[1]);
	expect_log(&vms[1], 1, one);
	expect("ISR", vector_test(vms[1].page, APIC_ISR, 0x45), 1);
	return true;
}

void pair_ping_pong(void)
{
	struct vm *a = &vms[0], *b = &vms[1];
	const unsigned turns = 12;

	second_waits(EVER);
	for (unsigned i = 0; i < turns; i++) {
		vm_op(a, g_st4, APIC_PAGE + APIC_ICRH, 1u << 24);
		vm_op(a, g_st4, APIC_PAGE + APIC_ICR, 0x45);
		vm_op(a, g_wait, EVER, i + 1);
		vm_op(b, g_st4, APIC_PAGE + APIC_ICRH, 0);
		vm_op(b, g_st4, APIC_PAGE + APIC_ICR, 0x46);
		if (i < turns - 1)
			vm_op(b, g_wait, EVER, i + 2);
	}
	a->guest->eoi = b->guest->eoi = EOI_PAGE;
	if (!second_enters())
		return;
	vendor_run(a);
	second_leaves();
	expect_end(a);
	expect_end(b);
	expect("interrupts of the first", a->guest->count, turns);
	expect("interrupts of the second", b->guest->count, turns);
}
