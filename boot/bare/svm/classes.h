/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_CLASSES_H
#define POSTERN_BARE_CLASSES_H

#include "svm.h"

/*
 * The effect of an access to a register, through the page or through an MSR. The last two are for
 * the extended LVT, which depends on CPUID EDX[27].
 */
enum class { PLAIN, TRAP, FAULT, GP, EXTLVT_READ, EXTLVT_WRITE };

/*
 * Registers that share a class. The first matching range counts; the last one covers all registers.
 */
struct range {
	uint16_t first, last;
	uint8_t read, write;
	const char *cite, *name;
};

/* The value of a register before an access, and the value that is written. */
#define OLD 0x11110000u
#define NEW 0x00000022u

static inline const struct range *range_of(const struct range *r, unsigned off)
{
	while (off < r->first || off > r->last)
		r++;
	return r;
}

static inline uint8_t class_here(uint8_t c)
{
	if (c < EXTLVT_READ)
		return c;
	if (!svm_has(SVM_EXTLVT))
		return FAULT;
	return c == EXTLVT_READ ? PLAIN : TRAP;
}

/* In the page after VMRUN, which writes PPR. */
static inline uint32_t value_at_entry(unsigned off)
{
	return off == APIC_PPR ? 0 : OLD;
}

/* To the ICR, a self IPI. */
static inline uint32_t value_written(unsigned off)
{
	return off == APIC_ICR ? 0x40000 | NEW : NEW;
}

#endif
