/* SPDX-License-Identifier: MIT */
/* Virtual GIF, which holds what AVIC delivers, and the physical one, which holds INIT. */
#include "pair.h"
#include "svm.h"

#define SPELL 20000 /* turns of a guest that waits for an event that must not come */

static const uint8_t one[] = {0x45};

/* GIF of the guest is @gif; STGI and CLGI are its own. One interrupt is pending. */
static void begin(struct vm *vm, bool gif)
{
	vm->vmcb->v_intr = (vm->vmcb->v_intr & ~V_GIF) | V_GIF_ENABLE | (gif ? V_GIF : 0);
	vm->vmcb->intercept2 &= ~INTERCEPT_GIF;
	vector_set(vm->page, APIC_IRR, one[0]);
}

static void expect_gif(struct vm *vm, bool gif)
{
	expect("V_GIF", !!(vm->vmcb->v_intr & V_GIF), gif);
}

static void stgi(bool x2)
{
	struct vm *vm = &vms[0];

	row("15.33.2", "%s: what is pending under virtual GIF = 0 is taken after STGI",
	    x2 ? "x2AVIC" : "xAVIC");
	if (x2)
		vm_x2(vm);
	begin(vm, false);
	vm_op(vm, g_wait, SPELL, 1);
	vm_op(vm, g_stgi, 0, 0);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect("turns left", vm->guest->ops[0].rax, 0);
	expect_log(vm, 1, one);
	expect_gif(vm, true);
}

static void clgi(void)
{
	struct vm *vm = &vms[0];

	row("15.33.2", "CLGI holds what STI would take, and V_GIF says so after #VMEXIT");
	begin(vm, true);
	vm->vmcb->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_clgi, 0, 0);
	vm_op(vm, g_sti, 0, 0);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
	expect("IRR", vector_test(vm->page, APIC_IRR, one[0]), 1);
	expect_gif(vm, false);

	row("15.33.2", "evaluation points under virtual GIF = 0: TPR, self IPI, EOI");
	begin(vm, false);
	vm_op(vm, g_wrcr8, 0, 3);
	vm_op(vm, g_st4, APIC_PAGE + APIC_ICR, 0x40055);
	vm_op(vm, g_st4, APIC_PAGE + APIC_EOI, 0);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
}

static void not_held(void)
{
	struct vm *vm = &vms[0];

	row("15.33.2", "V_GIF = 0 means nothing while virtual GIF is not enabled");
	begin(vm, false);
	vm->vmcb->intercept2 |= INTERCEPT_GIF;
	vm->vmcb->v_intr &= ~V_GIF_ENABLE;
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);

	row("15.33.2, 15.20", "virtual GIF = 0 does not hold an injected event");
	begin(vm, false);
	vm->vmcb->event_inj = EVENT_VALID | 0x33;
	vm_op(vm, g_wait, SPELL, 2);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, (const uint8_t[]){0x33});

	row("15.33.2, 15.21.1", "nor an interrupt of the machine that is intercepted");
	begin(vm, false);
	self_interrupt(0x52);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	take_interrupts();
	expect("exit code", vm->vmcb->exit_code, EXIT_INTR);
	expect_log(vm, 0, NULL);
}

static void doorbell(void)
{
	struct vm *vm = &vms[1];

	row("15.33.2, 15.29.8", "a doorbell under virtual GIF = 0 is honoured at STGI");
	begin(vm, false);
	vector_clear(vm->page, APIC_IRR, one[0]);
	vm_op(vm, g_set, 0, 1);
	vm_op(vm, g_await, EVER, 2);
	vm_op(vm, g_wait, SPELL, 1);
	vm_op(vm, g_stgi, 0, 0);
	vm_op(vm, g_wait, 1000, 1);
	if (!second_enters())
		return;
	vector_set(vm->page, APIC_IRR, one[0]);
	wrmsr(MSR_DOORBELL, 1);
	vm->guest->flag = 2;
	second_leaves();
	expect_end(vm);
	expect("turns left", vm->guest->ops[2].rax, 0);
	expect_log(vm, 1, one);

	row("15.33.2, 15.21.8", "virtual GIF = 0 in the first guest after INIT");
	if (!second_start())
		broken("the second processor does not start again");
	begin(vm, false);
	vm_op(vm, g_wait, SPELL, 1);
	second_give(vendor_run, vm);
	second_leaves();
	expect_end(vm);
	expect_log(vm, 0, NULL);
}

#define RELEASED UINT32_MAX

static volatile uint32_t held, release;

static void hold_init(void *unused)
{
	(void)unused;
	__asm__ volatile("clgi");
	while (!release)
		held++;
	held = RELEASED;
	__asm__ volatile("stgi");
	for (;;)
		pause();
}

static void physical_gif(void)
{
	uint32_t before;

	row("15.17", "INIT waits until GIF is 1");
	held = release = 0;
	second_give(hold_init, NULL);
	while (!held)
		pause();
	second_init();
	before = held;
	for (uint32_t i = 0; i < 100000000 && held == before; i++)
		pause();
	expect("it goes on", held != before, 1);
	release = 1;
	for (uint32_t i = 0; i < 100000000 && held != RELEASED; i++)
		pause();
	/* Between RELEASED and STGI a start-up IPI is lost: once more, if it was. */
	if (!second_start() && !second_start())
		broken("the second processor does not start again");
}

void directed_gif(void)
{
	physical_gif();
	if (!svm_has(SVM_VGIF))
		return;
	stgi(false);
	stgi(true);
	clgi();
	not_held();
	doorbell();
}
