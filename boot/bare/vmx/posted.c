/* SPDX-License-Identifier: MIT */
/* Posted-interrupt processing, 30.6, on one processor: what is pending in its APIC at VM entry. */
#include "vmx.h"

#define SPELL 2000

static const uint8_t one[] = {0x45};

/* No interrupt of the machine is pending or in service. */
static void clean(void)
{
	take_interrupts();
	cpus[0].interrupts = 0;
}

static void post(unsigned vector)
{
	pir_set(&pids[0], vector);
	pids[0].control |= PID_ON;
}

static void expect_processed(struct vm *vm)
{
	expect("PIR", pids[0].pir[0] | pids[0].pir[1] | pids[0].pir[2] | pids[0].pir[3], 0);
	expect("ON", pids[0].control & PID_ON, 0);
	expect("notification pending", host_pending(NOTIFY), 0);
	expect("notification in service", host_in_service(NOTIFY), 0);
	(void)vm;
}

static void notified(void)
{
	struct vm *vm = &vms[0];

	row("30.6", "a notification in the guest is no exit: the posted interrupt is taken");
	clean();
	post(0x45);
	self_interrupt(NOTIFY);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
	expect_processed(vm);
	expect_status(vm, 0, 0x45);

	row("30.6", "RFLAGS.IF of the guest plays no part in the processing");
	post(0x45);
	self_interrupt(NOTIFY);
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
	expect_processed(vm);
	expect_status(vm, 0x45, 0);

	row("30.6", "an empty PIR: nothing is recognized, RVI stays");
	self_interrupt(NOTIFY);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 0, NULL);
	expect_processed(vm);
	expect_status(vm, 0, 0);

	row("30.6", "a lower vector than RVI leaves it");
	*reg(vm->page, APIC_TPR) = 0xf0;
	pend(vm, 0x65);
	post(0x45);
	self_interrupt(NOTIFY);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect_status(vm, 0x65, 0);
	expect("IRR", vector_test(vm->page, APIC_IRR, 0x45), 1);
	expect_processed(vm);

	row("30.6", "the descriptor's other fields are software's");
	pids[0].control = ~0ull;
	pids[0].own[0] = pids[0].own[1] = pids[0].own[2] = ~0ull;
	self_interrupt(NOTIFY);
	vm_op(vm, g_wait, SPELL, 1);
	vm_run(vm);
	expect("control", pids[0].control, ~PID_ON);
	expect("the rest", pids[0].own[0] & pids[0].own[1] & pids[0].own[2], ~0ull);
}

static void every_vector(void)
{
	struct vm *vm = &vms[0];

	row("30.6", "each bit of the PIR is its vector's");
	for (unsigned v = 0; v < 256; v++) {
		vm_rewind(vm);
		memset(vm->page, 0, PAGE);
		post(v);
		self_interrupt(NOTIFY);
		*reg(vm->page, APIC_TPR) = 0xf0;
		vm_op(vm, g_wait, 3, 1);
		vm_run(vm);
		expect_end(vm);
		expect("IRR", vector_test(vm->page, APIC_IRR, v), 1);
		expect_status(vm, v, 0);
	}

	row("30.6", "all of them at once");
	memset(pids[0].pir, 0xff, sizeof(pids[0].pir));
	vector_set(vm->page, APIC_IRR, 0x33);
	self_interrupt(NOTIFY);
	*reg(vm->page, APIC_TPR) = 0xf0;
	vm_op(vm, g_wait, 3, 1);
	vm_run(vm);
	for (unsigned off = APIC_IRR; off < APIC_ESR; off += 16)
		expect("IRR", *reg(vm->page, off), 0xffffffff);
	expect_status(vm, 0xff, 0);
	expect_processed(vm);
}

static void not_posted(void)
{
	struct vm *vm = &vms[0];

	row("30.6", "another vector exits, acknowledged, and the PIR is not looked at");
	clean();
	post(0x45);
	self_interrupt(OTHER);
	vm_run(vm);
	expect_exit(vm, EXIT_INTERRUPT, 0, guest_start);
	expect("interruption information", vm->vmcs->exit_info, EVENT_VALID | OTHER);
	expect("in service", vm->vmcs->in_service, 1);
	expect("PIR", pir_test(&pids[0], 0x45), 1);
	expect("ON", pids[0].control & PID_ON, 1);

	row("30.6", "the VMCS names the vector, not the descriptor");
	clean();
	post(0x45);
	vm->vmcs->nv = OTHER;
	self_interrupt(OTHER);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);

	row("30.6", "without the control the vector exits");
	clean();
	post(0x45);
	vm->vmcs->pin &= ~PIN_POSTED;
	self_interrupt(NOTIFY);
	vm_run(vm);
	expect_exit(vm, EXIT_INTERRUPT, 0, guest_start);
	expect("interruption information", vm->vmcs->exit_info, EVENT_VALID | NOTIFY);
	expect("PIR", pir_test(&pids[0], 0x45), 1);

	row("27.2.2", "without acknowledgement the exit leaves it pending");
	clean();
	vm->vmcs->pin &= ~PIN_POSTED;
	vm->vmcs->exit_ctl &= ~EXITC_ACK;
	self_interrupt(OTHER);
	vm_run(vm);
	expect_exit(vm, EXIT_INTERRUPT, 0, guest_start);
	expect("interruption information", vm->vmcs->exit_info & EVENT_VALID, 0);
	expect("pending", host_pending(OTHER), 1);
	clean();

	row("25.6.1", "without external-interrupt exiting the guest takes the machine's interrupt");
	vm->vmcs->pin &= ~(PIN_POSTED | PIN_EXT_INT);
	vm->vmcs->proc2 &= ~PROC2_VID;
	self_interrupt(0x45);
	vm_op(vm, g_wait, 1000, 1);
	vm_run(vm);
	end_of_interrupt();
	expect_end(vm);
	expect_log(vm, 1, one);

	row("30.6", "in root mode the notification is an interrupt like any other");
	clean();
	post(0x45);
	self_interrupt(NOTIFY);
	take_interrupts();
	expect("interrupts of the host", cpus[0].interrupts, 1);
	expect("PIR", pir_test(&pids[0], 0x45), 1);
	expect("ON", pids[0].control & PID_ON, 1);
}

/* A guest that enters in HLT: the exit by the timer shows that it stayed in HLT until then. */
static void halted(void)
{
	struct vm *vm = &vms[0];

	row("30.6", "HLT goes on after a notification that brings nothing");
	clean();
	vm->vmcs->activity = HALTED;
	vm->vmcs->timer = 100000;
	self_interrupt(NOTIFY);
	vm_run(vm);
	expect_exit(vm, EXIT_TIMER, 0, guest_start);
	expect("activity", vm->vmcs->activity, HALTED);
	expect_processed(vm);

	row("30.6", "HLT goes on after a vector that TPR holds");
	vm->vmcs->activity = HALTED;
	vm->vmcs->timer = 100000;
	*reg(vm->page, APIC_TPR) = 0x40;
	post(0x45);
	self_interrupt(NOTIFY);
	vm_run(vm);
	expect_exit(vm, EXIT_TIMER, 0, guest_start);
	expect("activity", vm->vmcs->activity, HALTED);
	expect_status(vm, 0x45, 0);
	expect_processed(vm);

	row("30.6", "HLT ends with what the notification brings");
	vm->vmcs->activity = HALTED;
	post(0x45);
	self_interrupt(NOTIFY);
	vm_run(vm);
	expect_end(vm);
	expect_log(vm, 1, one);
	expect_processed(vm);

	row("25.6.1", "another interrupt exits from HLT");
	clean();
	vm->vmcs->activity = HALTED;
	self_interrupt(OTHER);
	vm_run(vm);
	expect_exit(vm, EXIT_INTERRUPT, 0, guest_start);
	expect("activity", vm->vmcs->activity, HALTED);

	row("25.6.1", "an external interrupt exits whatever RFLAGS.IF");
	clean();
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	self_interrupt(OTHER);
	vm_run(vm);
	expect_exit(vm, EXIT_INTERRUPT, 0, guest_start);

	row("30.2.2", "and RFLAGS.IF = 0 holds a virtual interrupt that is recognized then");
	clean();
	pend(vm, 0x45);
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	self_interrupt(OTHER);
	vm_run(vm);
	expect_exit(vm, EXIT_INTERRUPT, 0, guest_start);
	expect_status(vm, 0x45, 0);

	row("25.6.1", "and from HLT with RFLAGS.IF = 0");
	clean();
	vm->vmcs->activity = HALTED;
	vm->vmcs->rflags &= ~(uint64_t)RFLAGS_IF;
	self_interrupt(OTHER);
	vm->vmcs->timer = 100000;
	vm_run(vm);
	expect_exit(vm, EXIT_INTERRUPT, 0, guest_start);
	clean();
}

static void both(void)
{
	static const uint8_t order[] = {0x45, 0x45};
	struct vm *vm = &vms[0];

	row("30.2.2", "a virtual interrupt comes before an external one");
	clean();
	pend(vm, 0x45);
	self_interrupt(OTHER);
	vm_run(vm);
	expect("exit reason", vm->vmcs->reason, EXIT_INTERRUPT);
	expect_log(vm, 0, order);
	expect_status(vm, 0, 0x45);
	clean();
}

void directed_posted(void)
{
	notified();
	every_vector();
	not_posted();
	halted();
	both();
}
