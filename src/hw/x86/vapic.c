/* SPDX-License-Identifier: MIT */
/*
 * Lock-free operations on a virtual APIC page. Every access goes through the seam: the page's other
 * users are the core that runs the vCPU, IOMMUs and cores that post into the IRR, and the host.
 */
#include "bank.h"

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
	return pn_or32(word_at(page, bank + word * PN_BANK_STRIDE), bits);
}

bool pn_vapic_test(const void *page, uint32_t bank, uint8_t vector)
{
	return pn_vapic_read(page, pn_apic_word(bank, vector)) & bit_of(vector);
}

int pn_vapic_highest(const void *page, uint32_t bank)
{
	return pn_bank_highest(page, bank);
}

bool pn_vapic_empty(const void *page, uint32_t bank)
{
	return !pn_bank_any(page, bank);
}

/* Pairs as pn_bank_any() does. */
unsigned pn_vapic_count(const void *page, uint32_t bank)
{
	unsigned n = 0;

	for (unsigned w = 0; w < PN_BANK_WORDS; w++)
		n += (unsigned)__builtin_popcount(pn_ld32_acq(pn_bank_word(page, bank, w)));
	return n;
}

/* AMD64 APM vol 2 rev 3.44, 16.6.4: the sub-class counts only if the TPR decides. */
uint8_t pn_vapic_ppr(const void *page)
{
	uint8_t tpr = (uint8_t)pn_vapic_read(page, PN_APIC_TPR);
	int isrv = pn_bank_highest(page, PN_APIC_ISR);

	if (isrv < 0 || tpr >> 4 >= isrv >> 4)
		return tpr;
	return (uint8_t)(isrv & 0xF0);
}

/*
 * Only the highest request, @vector, can qualify. The PPR's class is below its class exactly if the
 * TPR's class is, and no vector of its class or above is in service.
 */
static int __attribute__((noinline)) above(const void *page, int vector, int class)
{
	if (vector >> 4 <= class)
		return -1;
	return vector >> 4 > pn_bank_highest(page, PN_APIC_ISR) >> 4 ? vector : -1;
}

int pn_vapic_deliverable_above(const void *page, uint8_t class)
{
	return above(page, pn_bank_highest(page, PN_APIC_IRR), class);
}

/* Without a request only the IRR is read. */
int pn_vapic_deliverable(const void *page)
{
	int vector = pn_bank_highest(page, PN_APIC_IRR);

	if (vector < 0)
		return -1;
	/* Pairs with pn_vapic_write() by core or host. */
	return above(page, vector, pn_ld32_acq(cword_at(page, PN_APIC_TPR)) >> 4 & 15);
}
