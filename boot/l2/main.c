/* SPDX-License-Identifier: MIT */
/*
 * The guest: takes interrupts, counts them and ends them; idles and sends IPIs as the harness
 * orders. It never calls the hypervisor.
 */
#include "apic.h"
#include "l2.h"
#include "lines.h"

#define NMI	 2
#define ICR_MODE 0x700u
#define ICR_NMI	 0x400u
#define ICR_SELF (1u << 18)
#define ICR_TO	 (3u << 18) /* the shorthand */

struct gate {
	uint16_t offset_low, selector, flags, offset_high;
};

extern const char l2_vectors[256][16];

void l2_main(uint32_t id);
void l2_interrupt(uint32_t vector, uint32_t ip);

static struct gate idt[256] __attribute__((aligned(8)));
static volatile struct l2_shared *const shared = (volatile struct l2_shared *)L2_SHARED;

static volatile struct l2_vcpu *this_vcpu(void)
{
	uint32_t sp;

	__asm__ volatile("mov %%esp, %0" : "=r"(sp));
	return &shared->vcpu[*(uint32_t *)(sp & ~(L2_STACK_SIZE - 1))];
}

/* Every vCPU writes the same gates. */
static void idt_load(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} pointer = {sizeof(idt) - 1, (uint32_t)idt};

	for (unsigned i = 0; i < 256; i++) {
		uint32_t entry = (uint32_t)l2_vectors[i];

		idt[i] = (struct gate){.offset_low = (uint16_t)entry,
				       .selector = 0x08,
				       .flags = 0x8e00,
				       .offset_high = (uint16_t)(entry >> 16)};
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void apic_enable(uint32_t id)
{
	if (shared->x2apic)
		wrmsr(MSR_APIC_BASE, 0, rdmsr_low(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	apic_write(shared->x2apic, APIC_TPR, 0);
	apic_write(shared->x2apic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	if (shared->logical && !shared->x2apic)
		xapic_write(APIC_LDR, 1u << (24 + id));
}

void l2_interrupt(uint32_t vector, uint32_t ip)
{
	volatile struct l2_vcpu *me = this_vcpu();
	uint32_t line;

	if (vector == NMI && (shared->icr_low & ICR_MODE) == ICR_NMI) {
		me->seen[NMI]++;
		return;
	}
	if (vector < L2_FIRST_VECTOR) {
		me->fatal_ip = ip;
		me->fatal = vector + 1;
		__asm__ volatile("outb %%al, %1" : : "a"(0), "i"(L2_FATAL_PORT));
		for (;;)
			__asm__ volatile("hlt");
	}
	if (vector >> 4 <= me->tpr >> 4)
		me->early++;
	if (vector == shared->msi_vector)
		me->tag = shared->tag;
	me->seen[vector]++;
	line = line_of(shared, vector);
	if (line < L2_LINES)
		line_serve(line);
	apic_write(shared->x2apic, APIC_EOI, 0);
	if (line < L2_LINES)
		me->ended[line]++;
}

/* The recorded value never masks less than the register does. */
static void tpr_follow(volatile struct l2_vcpu *me)
{
	uint32_t tpr = shared->tpr;

	if (tpr == me->tpr)
		return;
	if (tpr < me->tpr)
		me->tpr = tpr;
	apic_write(shared->x2apic, APIC_TPR, tpr);
	me->tpr = tpr;
}

/* Interrupts are off until here: an IPI after the words were read still ends the HLT. */
static void halt(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

/* One IPI at a time: the next one goes out when the target has counted the last. */
static void ipi_follow(volatile struct l2_vcpu *me)
{
	uint32_t target = shared->target;

	if (me->ipi_sent == shared->ipi_count ||
	    shared->vcpu[target].seen[shared->ipi_vector] != me->ipi_sent)
		return;
	me->ipi_sent++;
	apic_send(shared->x2apic, target, shared->ipi_vector);
}

/* In x2APIC mode the IPI to itself has a register of its own. */
static void icr_follow(volatile struct l2_vcpu *me)
{
	uint32_t count = shared->icr_count;

	if (count == me->icr_seen)
		return;
	if (shared->x2apic && (shared->icr_low & ICR_TO) == ICR_SELF)
		apic_write(true, APIC_SELF, shared->icr_low & 0xff);
	else
		apic_send(shared->x2apic, shared->icr_dest, shared->icr_low);
	me->icr_seen = count;
}

void l2_main(uint32_t id)
{
	volatile struct l2_vcpu *me = &shared->vcpu[id];
	bool halts = shared->idle[id] == L2_HALT;

	idt_load();
	apic_enable(id);
	if (id == shared->target)
		lines_program(shared);
	me->ready = 1;
	if (!halts)
		__asm__ volatile("sti");
	for (;;) {
		me->spins++;
		if (id == shared->target)
			tpr_follow(me);
		if (id == 0) {
			ipi_follow(me);
			icr_follow(me);
		}
		if (halts)
			halt();
		else
			__asm__ volatile("pause");
	}
}
