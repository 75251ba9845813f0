/* SPDX-License-Identifier: MIT */
/* A physical local APIC: what a host CPU needs to accept, take and end fixed interrupts. */
#include "postern/x86.h"

static int highest(const uint64_t *bank)
{
	for (int w = 3; w >= 0; w--) {
		if (bank[w])
			return w * 64 + 63 - __builtin_clzll(bank[w]);
	}
	return -1;
}

static uint64_t bit_of(int vector)
{
	return 1ull << (vector & 63);
}

bool pn_lapic_accept(struct pn_lapic *l, uint8_t vector)
{
	uint64_t *word = &l->irr[vector >> 6];
	bool pending = *word & bit_of(vector);

	/* Vectors below 16 are illegal and are not accepted: AMD64 APM vol 2 rev 3.44, 16.4. */
	if (vector >= 16)
		*word |= bit_of(vector);
	return pending;
}

int pn_lapic_take(struct pn_lapic *l)
{
	int vector = highest(l->irr);
	int serving = highest(l->isr);

	if (vector < 0 || (serving >= 0 && vector >> 4 <= serving >> 4))
		return -1;
	l->irr[vector >> 6] &= ~bit_of(vector);
	l->isr[vector >> 6] |= bit_of(vector);
	return vector;
}

int pn_lapic_eoi(struct pn_lapic *l)
{
	int vector = highest(l->isr);

	if (vector >= 0)
		l->isr[vector >> 6] &= ~bit_of(vector);
	return vector;
}

int pn_lapic_pending(const struct pn_lapic *l)
{
	return highest(l->irr);
}
