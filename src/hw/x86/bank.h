/* SPDX-License-Identifier: MIT */
#ifndef PN_BANK_H
#define PN_BANK_H

#include "postern/x86.h"
#include "seam.h"

/*
 * A bank of a virtual APIC page (ISR, TMR, IRR), for the silicon's own files. Most are empty: all
 * words are read first, without a branch for each, and only a bank with a bit is searched, from the
 * highest word down. What is found is what a search alone would find at that time.
 *
 * Acquire pairs with the posters' RMW in pn_vapic_set(): an agent that sees an IRR bit also sees
 * what its poster wrote before.
 */
#define PN_BANK_WORDS  8u
#define PN_BANK_STRIDE 16u

static inline const uint32_t *pn_bank_word(const void *page, uint32_t bank, unsigned w)
{
	return (const uint32_t *)(const void *)((const char *)page + bank + w * PN_BANK_STRIDE);
}

/* The bits of all words together. */
static inline uint32_t pn_bank_any(const void *page, uint32_t bank)
{
	uint32_t bits = pn_ld32_acq(pn_bank_word(page, bank, PN_BANK_WORDS - 1));

#pragma GCC unroll 8
	for (unsigned w = PN_BANK_WORDS - 1; w-- > 0;)
		bits = pn_or_ld32(bits, pn_bank_word(page, bank, w));
	return bits;
}

/* Highest vector set in @bank, or -1: by a search alone. */
static inline int pn_bank_search(const void *page, uint32_t bank)
{
#pragma GCC unroll 8
	for (unsigned w = PN_BANK_WORDS; w-- > 0;) {
		uint32_t bits = pn_ld32_acq(pn_bank_word(page, bank, w));

		if (bits)
			return (int)(w * 32 + 31) - __builtin_clz(bits);
	}
	return -1;
}

static inline int pn_bank_highest(const void *page, uint32_t bank)
{
	return pn_bank_any(page, bank) ? pn_bank_search(page, bank) : -1;
}

#endif
