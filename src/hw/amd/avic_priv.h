/* SPDX-License-Identifier: MIT */
#ifndef PN_AVIC_PRIV_H
#define PN_AVIC_PRIV_H

#include "postern/avic.h"

/* The core has a vAPIC page to work on. */
static inline bool pn_avic_on(const struct pn_avic *av)
{
	return av->active && av->in_guest;
}

/* Memory at @pa with the natural alignment of what is read there, or NULL. */
static inline void *pn_avic_map(const struct pn_avic *av, uint64_t pa, size_t len, size_t align)
{
	void *p = pa & ~av->feat.phys_mask ? NULL : pn_bus_ptr(av->bus, pa, len);

	return (uintptr_t)p & (align - 1) ? NULL : p;
}

/* A register of this core's own vAPIC page. */
static inline void pn_avic_store(struct pn_avic *av, uint32_t off, uint32_t value)
{
	pn_vapic_write(av->page, off, value);
	pn_bus_wrote(av->bus, av->page_pa + off, sizeof(value));
}

/*
 * The IRR of the vAPIC page at @pa, this core's or another's. Pairs with the target core's
 * delivery, and with the host, which reads the IRR before a vCPU sleeps.
 */
static inline void pn_avic_request(struct pn_avic *av, void *page, uint64_t pa, uint8_t vector)
{
	pn_vapic_set(page, PN_APIC_IRR, vector);
	pn_bus_wrote(av->bus, pa + pn_apic_word(PN_APIC_IRR, vector), sizeof(uint32_t));
}

/* Guest writes EOI: PN_AVIC_EVALUATE, or the exit of a level-triggered vector. */
enum pn_avic_access pn_avic_eoi(struct pn_avic *av, struct pn_avic_exit *exit);
/* Guest writes the TPR (15.29.3.1): page, V_TPR and PPR follow. */
void pn_avic_set_tpr(struct pn_avic *av, uint8_t tpr);
/* Fills @exit as exit 402h reports it: info1 bit 32 write, 11:4 offset; info2 7:0 EOI vector. */
void pn_avic_noaccel(struct pn_avic_exit *exit, uint32_t off, bool write, uint8_t vector);

#endif
