/* SPDX-License-Identifier: MIT */
/* The processors: exceptions, local APIC, the second one. */
#include "bare.h"

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_X2  (1u << 10)

#define LAPIC_EOI      0x0b0
#define LAPIC_SVR      0x0f0
#define LAPIC_ISR      0x100
#define LAPIC_IRR      0x200
#define LAPIC_ICR      0x300
#define LAPIC_ICR_HIGH 0x310
#define LAPIC_LVTT     0x320
#define LAPIC_TMICT    0x380
#define LAPIC_TDCR     0x3e0

#define ICR_INIT      0x4500u
#define ICR_SELF      (1u << 18)
#define ICR_STARTUP   0x4600u
#define LVTT_PERIODIC (1u << 17)
#define TDCR_BY_16    3
#define TIMER_VECTOR  0xe0
#define TRAMPOLINE    0x8000u
#define PATIENCE      400000000u

struct gate {
	uint16_t low, selector, flags, mid;
	uint32_t high, zero;
};

struct frame {
	uint64_t reg[15], vector, error, rip, cs, rflags, rsp, ss;
};

struct cpu cpus[CPUS];
volatile uint32_t second_starts;

extern const char host_vectors[256][16], trampoline[], trampoline_end[];

static struct gate idt[256] __attribute__((aligned(16)));

void host_trap(struct frame *f);

bool host_x2;

static uint32_t lapic_read(uint32_t reg)
{
	if (host_x2)
		return (uint32_t)rdmsr(0x800 + reg / 16);
	return *(volatile uint32_t *)(uintptr_t)(APIC_PAGE + reg);
}

static void lapic_write(uint32_t reg, uint32_t value)
{
	if (host_x2)
		wrmsr(0x800 + reg / 16, value);
	else
		*(volatile uint32_t *)(uintptr_t)(APIC_PAGE + reg) = value;
}

static void lapic_icr(unsigned cpu, uint32_t low)
{
	if (host_x2) {
		wrmsr(0x830, (uint64_t)cpu << 32 | low);
		return;
	}
	lapic_write(LAPIC_ICR_HIGH, cpu << 24);
	lapic_write(LAPIC_ICR, low);
}

void host_use_x2(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2);
}

static bool lapic_bit(uint32_t bank, unsigned vector)
{
	return lapic_read(bank + vector / 32 * 16) >> vector % 32 & 1;
}

bool host_in_service(unsigned vector)
{
	return lapic_bit(LAPIC_ISR, vector);
}

bool host_any_in_service(void)
{
	for (unsigned i = 0; i < 8; i++) {
		if (lapic_read(LAPIC_ISR + i * 16))
			return true;
	}
	return false;
}

bool host_pending(unsigned vector)
{
	return lapic_bit(LAPIC_IRR, vector);
}

/* The first to use x2APIC mode may read its ID before the other has switched. */
unsigned cpu_self(void)
{
	uint32_t r[4];

	cpuid(1, r);
	return r[1] >> 24;
}

void host_trap(struct frame *f)
{
	struct cpu *me = &cpus[cpu_self()];

	if (f->vector >= 32) {
		me->interrupts++;
		if (f->vector != SPURIOUS)
			lapic_write(LAPIC_EOI, 0);
		return;
	}
	if (!me->fixup)
		broken("processor %u: exception %lu, error %lx at %lx", cpu_self(), f->vector,
		       f->error, f->rip);
	me->faulted = f->vector;
	f->rip = me->fixup;
	me->fixup = 0;
}

unsigned rdmsr_try(uint32_t msr)
{
	struct cpu *me = &cpus[cpu_self()];
	uint32_t lo, hi;

	me->faulted = 0;
	__asm__ volatile("movq $1f, %2; rdmsr; 1:"
			 : "=a"(lo), "=d"(hi), "=m"(me->fixup)
			 : "c"(msr)
			 : "memory");
	me->fixup = 0;
	return (unsigned)me->faulted;
}

static void idt_load(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} pointer = {sizeof(idt) - 1, (uintptr_t)idt};

	for (unsigned i = 0; i < 256; i++) {
		uintptr_t at = (uintptr_t)host_vectors[i];

		idt[i] = (struct gate){.low = (uint16_t)at,
				       .selector = CODE64,
				       .flags = 0x8e00,
				       .mid = (uint16_t)(at >> 16)};
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void cpu_init(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	idt_load();
	lapic_write(LAPIC_SVR, 0x100 | SPURIOUS);
	vendor_cpu();
}

void timer(uint32_t count)
{
	lapic_write(LAPIC_TDCR, TDCR_BY_16);
	lapic_write(LAPIC_LVTT, TIMER_VECTOR | LVTT_PERIODIC);
	lapic_write(LAPIC_TMICT, count);
}

void self_interrupt(uint32_t vector)
{
	lapic_icr(0, ICR_SELF | vector);
}

void end_of_interrupt(void)
{
	lapic_write(LAPIC_EOI, 0);
}

void send_interrupt(unsigned cpu, uint32_t vector)
{
	lapic_icr(cpu, vector);
}

static void wait_a_bit(void)
{
	for (unsigned i = 0; i < 5000; i++)
		inb(0x80);
}

void second_init(void)
{
	lapic_icr(1, ICR_INIT);
	wait_a_bit();
}

bool second_start(void)
{
	uint32_t before = second_starts;

	memcpy((void *)(uintptr_t)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
	second_init();
	lapic_icr(1, ICR_STARTUP | TRAMPOLINE / PAGE);
	for (uint32_t i = 0; i < PATIENCE && second_starts == before; i++)
		pause();
	return second_starts != before;
}

void second_main(void)
{
	struct cpu *me = &cpus[1];

	me->work = NULL;
	cpu_init();
	second_starts++;
	for (;;) {
		void (*work)(void *) = __atomic_load_n(&me->work, __ATOMIC_ACQUIRE);

		if (work) {
			work(me->arg);
			__atomic_store_n(&me->work, NULL, __ATOMIC_RELEASE);
		}
		take_interrupts();
		pause();
		me->turns++;
	}
}

void second_turns(void)
{
	uint64_t before = cpus[1].turns;

	while (cpus[1].turns - before < 1000)
		pause();
}

void second_give(void (*work)(void *), void *arg)
{
	cpus[1].arg = arg;
	__atomic_store_n(&cpus[1].work, work, __ATOMIC_RELEASE);
}

bool second_wait(void)
{
	for (uint32_t i = 0; i < PATIENCE; i++) {
		if (!__atomic_load_n(&cpus[1].work, __ATOMIC_ACQUIRE))
			return true;
		pause();
	}
	return false;
}
