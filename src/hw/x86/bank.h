/* SPDX-License-Identifier: MIT */
#ifndef PN_BANK_H
#define PN_BANK_H

#include "postern/x86.h"
#include "seam.h"

/*
 * A bank of a virtual APIC page (ISR, TMR, IRR), for the silicon's own files: each of the eight
 * words is read once, the highest first, and none is left out once a bit was seen. No branch for
 * each word: most banks are empty. What is found is the same as with a search that ends at the
 * first bit.
 */
#define PN_BANK_WORDS  8u
#define PN_BANK_STRIDE 16u

struct pn_bank {
	uint32_t word[PN_BANK_WORDS];
	uint32_t any; /* bits of all words: 0, the bank is empty */
};

/*
 * Acquire pairs with the posters' RMW in pn_vapic_set(): an agent that sees an IRR bit also sees
 * what its poster wrote before.
 */
static inline uint32_t pn_bank_word(const void *page, uint32_t bank, unsigned w)
{
	const char *at = (const char *)page + bank + w * PN_BANK_STRIDE;

	return pn_ld32_acq((const uint32_t *)(const void *)at);
}

static inline struct pn_bank pn_bank_read(const void *page, uint32_t bank)
{
	struct pn_bank b = {.any = 0};

#pragma GCC unroll 8
	for (unsigned w = PN_BANK_WORDS; w-- > 0;) {
		b.word[w] = pn_bank_word(page, bank, w);
		b.any |= b.word[w];
	}
	return b;
}

/* Highest vector of a bank that is not empty. */
static inline int pn_bank_top(const struct pn_bank *b)
{
#pragma GCC unroll 8
	for (unsigned w = PN_BANK_WORDS; w-- > 1;) {
		if (b->word[w])
			return (int)(w * 32 + 31) - __builtin_clz(b->word[w]);
	}
	return 31 - __builtin_clz(b->any); /* all of word 0 */
}

/* Highest vector set in @bank, or -1. */
static inline int pn_bank_highest(const void *page, uint32_t bank)
{
	const struct pn_bank b = pn_bank_read(page, bank);

	return b.any ? pn_bank_top(&b) : -1;
}

#endif
