/* SPDX-License-Identifier: MIT */
/*
 * Lock-free operations on a virtual APIC page. Every access goes through the seam: the page's other
 * users are the core that runs the vCPU, IOMMUs and cores that post into the IRR, and the host.
 */
#include "postern/x86.h"
#include "seam.h"

#define BANK_WORDS  8
#define WORD_STRIDE 16

static uint32_t *word_at(void *page, uint32_t off)
{
	return (uint32_t *)(void *)((char *)page + off);
}

static const uint32_t *cword_at(const void *page, uint32_t off)
{
	return (const uint32_t *)(const void *)((const char *)page + off);
}

static uint32_t bit_of(uint8_t vector)
{
	return 1u << (vector & 31);
}

/*
 * Acquire pairs with the posters' RMW in pn_vapic_set(): an agent that sees an IRR bit also sees
 * what its poster wrote before.
 */
static uint32_t bank_word(const void *page, uint32_t bank, int w)
{
	return pn_ld32_acq(cword_at(page, bank + (uint32_t)w * WORD_STRIDE));
}

uint32_t pn_vapic_read(const void *page, uint32_t off)
{
	/* Pairs with pn_vapic_set() by posters and pn_vapic_write() by core or host. */
	return pn_ld32_acq(cword_at(page, off));
}

void pn_vapic_write(void *page, uint32_t off, uint32_t value)
{
	/* Pairs with pn_vapic_read() by core or host. */
	pn_st32_rel(word_at(page, off), value);
}

/* Always an RMW, also on a bit that looks set: it is the poster's barrier before it reads IsRun. */
bool pn_vapic_set(void *page, uint32_t bank, uint8_t vector)
{
	if (pn_mistake(PN_MISTAKE_OR_SKIPPED) && pn_vapic_test(page, bank, vector))
		return true;
	/* Pairs with the owning core's delivery and with the host's look at the IRR after its
	 * fence. */
	return pn_or32(word_at(page, pn_apic_word(bank, vector)), bit_of(vector)) & bit_of(vector);
}

bool pn_vapic_clear(void *page, uint32_t bank, uint8_t vector)
{
	/* Pairs with posters that set other bits of the word. */
	return pn_and32(word_at(page, pn_apic_word(bank, vector)), ~bit_of(vector)) &
	       bit_of(vector);
}

uint32_t pn_vapic_or(void *page, uint32_t bank, unsigned word, uint32_t bits)
{
	/* As pn_vapic_set(), for up to 32 vectors at once. */
	return pn_or32(word_at(page, bank + word * WORD_STRIDE), bits);
}

bool pn_vapic_test(const void *page, uint32_t bank, uint8_t vector)
{
	return pn_vapic_read(page, pn_apic_word(bank, vector)) & bit_of(vector);
}

/* The highest vector of word @w, if it has one. */
static inline bool in_word(const void *page, uint32_t bank, int w, int *vector)
{
	uint32_t bits = bank_word(page, bank, w);

	*vector = w * 32 + 31 - __builtin_clz(bits | 1);
	return bits;
}

/* Unrolled: with AVIC each look at a page comes here. */
static inline int highest(const void *page, uint32_t bank)
{
	int v;

	if (in_word(page, bank, 7, &v) || in_word(page, bank, 6, &v) ||
	    in_word(page, bank, 5, &v) || in_word(page, bank, 4, &v) ||
	    in_word(page, bank, 3, &v) || in_word(page, bank, 2, &v) ||
	    in_word(page, bank, 1, &v) || in_word(page, bank, 0, &v))
		return v;
	return -1;
}

int pn_vapic_highest(const void *page, uint32_t bank)
{
	return highest(page, bank);
}

bool pn_vapic_empty(const void *page, uint32_t bank)
{
	return pn_vapic_highest(page, bank) < 0;
}

unsigned pn_vapic_count(const void *page, uint32_t bank)
{
	unsigned n = 0;

	for (int w = 0; w < BANK_WORDS; w++)
		n += (unsigned)__builtin_popcount(bank_word(page, bank, w));
	return n;
}

/* AMD64 APM vol 2 rev 3.44, 16.6.4: the sub-class counts only if the TPR decides. */
uint8_t pn_vapic_ppr(const void *page)
{
	uint8_t tpr = (uint8_t)pn_vapic_read(page, PN_APIC_TPR);
	int isrv = pn_vapic_highest(page, PN_APIC_ISR);

	if (isrv < 0 || tpr >> 4 >= isrv >> 4)
		return tpr;
	return (uint8_t)(isrv & 0xF0);
}

/* Is a vector of class @cls or above in service? Looks at no word below that class. */
static bool in_service_from(const void *page, int cls)
{
	int low = cls >> 1;

	for (int w = BANK_WORDS - 1; w > low; w--) {
		if (bank_word(page, PN_APIC_ISR, w))
			return true;
	}
	return bank_word(page, PN_APIC_ISR, low) & (~0u << ((cls & 1) * 16));
}

/*
 * Only the highest request can qualify. The PPR's class is below its class exactly if the TPR's
 * class is, and no vector of its class or above is in service. Without a request only the IRR is
 * read.
 */
int pn_vapic_deliverable_above(const void *page, uint8_t class)
{
	int vector = highest(page, PN_APIC_IRR);
	int cls = vector >> 4;

	if (cls <= 0 || class >= cls)
		return -1;
	return in_service_from(page, cls) ? -1 : vector;
}

int pn_vapic_deliverable(const void *page)
{
	return pn_vapic_deliverable_above(page, pn_vapic_read(page, PN_APIC_TPR) >> 4 & 15);
}
