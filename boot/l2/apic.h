/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L2_APIC_H
#define POSTERN_L2_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define APIC_ID	    0x020u
#define APIC_TPR    0x080u
#define APIC_EOI    0x0b0u
#define APIC_LDR    0x0d0u
#define APIC_SVR    0x0f0u
#define APIC_ICR    0x300u
#define APIC_ICR_HI 0x310u
#define APIC_SELF   0x3f0u

#define MSR_APIC_BASE	  0x1bu
#define MSR_X2APIC_FIRST  0x800u
#define APIC_BASE_ADDRESS 0xfee00000u
#define APIC_BASE_X2APIC  (1u << 10)
#define APIC_SVR_ENABLE	  (1u << 8)

static inline void wrmsr(uint32_t msr, uint32_t hi, uint32_t lo)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "d"(hi), "a"(lo) : "memory");
}

static inline uint32_t rdmsr_low(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo;
}

static inline void xapic_write(uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(APIC_BASE_ADDRESS + reg) = value;
}

static inline void apic_write(bool x2apic, uint32_t reg, uint32_t value)
{
	if (x2apic)
		wrmsr(MSR_X2APIC_FIRST + (reg >> 4), 0, value);
	else
		xapic_write(reg, value);
}

static inline void apic_send(bool x2apic, uint32_t dest, uint32_t vector)
{
	if (x2apic) {
		wrmsr(MSR_X2APIC_FIRST + (APIC_ICR >> 4), dest, vector);
		return;
	}
	xapic_write(APIC_ICR_HI, dest << 24);
	xapic_write(APIC_ICR, vector);
}

#endif
