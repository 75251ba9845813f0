/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_CLASSES_H
#define POSTERN_BARE_CLASSES_H

#include "svm.h"

/*
 * What an access to a register does, through the page or through an MSR. The last two are those of
 * the extended LVT, which CPUID EDX[27] decides.
 */
enum class { PLAIN, TRAP, FAULT, GP, EXTLVT_READ, EXTLVT_WRITE };

/* Registers that share a class. Of ranges that overlap the first counts; the last has them all. */
struct range {
	uint16_t first, last;
	uint8_t read, write;
	const char *cite, *name;
};

/* What a register has before an access, and what is written to it. */
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
