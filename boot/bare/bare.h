/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_H
#define POSTERN_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* The program on the processor: console, end, model-specific registers, processors. */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	 4096u

/*
 * The exit status of QEMU is 2 * value + 1; Bochs has no exit status, so the last line has the
 * value.
 */
enum { END_PASSED = 16, END_FAILED = 17, END_BROKEN = 18 };

__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
__attribute__((noreturn)) void end(unsigned value);
__attribute__((noreturn, format(printf, 1, 2))) void broken(const char *format, ...);

/* The value of "name=" on the command line, or @otherwise. */
uint64_t option(const char *name, uint64_t otherwise);
bool option_is(const char *name);

void *memset(void *to, int byte, size_t n);
void *memcpy(void *to, const void *from, size_t n);

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline void cpuid(uint32_t leaf, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(0));
}

static inline void pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* Takes the interrupts that the host has pending. */
static inline void take_interrupts(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory");
}

#define MSR_EFER 0xc0000080u

#define CPUS 2

struct cpu {
	uint64_t fixup;	  /* where execution continues after an exception, or 0 */
	uint64_t faulted; /* the vector of the last one */
	uint64_t interrupts;
	volatile uint64_t turns;       /* of the second processor while it waits for work */
	void (*volatile work)(void *); /* for the second processor */
	void *arg;
};

extern struct cpu cpus[CPUS];
extern volatile uint32_t second_starts;

/* The number of this processor, which is its APIC ID, too. */
unsigned cpu_self(void);
void cpu_init(void);
/* The vendor's part of it: virtualization on, for this processor. */
void vendor_cpu(void);
/* RDMSR that may fault: its vector, or 0. */
unsigned rdmsr_try(uint32_t msr);

/* Sends an INIT IPI and waits until it should have been taken. */
void second_init(void);
/*
 * INIT and start-up IPIs; the second processor starts and waits for work. False: it does not start.
 */
bool second_start(void);
void second_give(void (*work)(void *), void *arg);
/* False: it is still busy after a long time. */
bool second_wait(void);
/*
 * Waits until the second processor has gone through its loop, where it takes interrupts, several
 * times.
 */
void second_turns(void);
void second_main(void);

#define SPURIOUS 0xff /* of the processors' own APICs */

/* A timer interrupt every @count * 16 ns, for guests that never leave; 0: none. */
void timer(uint32_t count);
/* An interrupt of the host to itself: pending until it is taken, in service until it is ended. */
void self_interrupt(uint32_t vector);
void end_of_interrupt(void);
bool host_in_service(unsigned vector);
bool host_any_in_service(void);
bool host_pending(unsigned vector);
/* Fixed, to the processor with that APIC ID. */
void send_interrupt(unsigned cpu, uint32_t vector);
/*
 * True if the processors' own APICs are in x2APIC mode. Each processor switches its own and cannot
 * switch back.
 */
extern bool host_x2;
void host_use_x2(void);

#endif
