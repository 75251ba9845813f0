/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_X86_H
#define POSTERN_X86_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/bus.h"

#pragma GCC visibility push(default)

/*
 * Local APIC registers (AMD64 APM vol 2 rev 3.44, 16.3; the same offsets on both vendors). Each is
 * 32 bits wide at a 16-byte stride; x2APIC MSR = 0x800 + offset / 16.
 */
#define PN_APIC_ID	  0x020
#define PN_APIC_VERSION	  0x030
#define PN_APIC_TPR	  0x080
#define PN_APIC_APR	  0x090
#define PN_APIC_PPR	  0x0A0
#define PN_APIC_EOI	  0x0B0
#define PN_APIC_RRR	  0x0C0
#define PN_APIC_LDR	  0x0D0
#define PN_APIC_DFR	  0x0E0
#define PN_APIC_SVR	  0x0F0
#define PN_APIC_ISR	  0x100
#define PN_APIC_TMR	  0x180
#define PN_APIC_IRR	  0x200
#define PN_APIC_ESR	  0x280
#define PN_APIC_ICRL	  0x300
#define PN_APIC_ICRH	  0x310
#define PN_APIC_LVT_TIMER 0x320
#define PN_APIC_LVT_LAST  0x370
#define PN_APIC_TMICT	  0x380
#define PN_APIC_TMCCT	  0x390
#define PN_APIC_TDCR	  0x3E0
#define PN_APIC_SELF_IPI  0x3F0
#define PN_X2APIC_MSR	  0x800u

/* Interrupt command register. */
#define PN_ICR_VECTOR(icr)    ((uint8_t)((icr)&0xFF))
#define PN_ICR_MODE(icr)      (((icr) >> 8) & 7) /* enum pn_delivery */
#define PN_ICR_LOGICAL	      (1u << 11)
#define PN_ICR_BUSY	      (1u << 12)
#define PN_ICR_ASSERT	      (1u << 14)
#define PN_ICR_LEVEL	      (1u << 15)
#define PN_ICR_SHORTHAND(icr) (((icr) >> 18) & 3)
#define PN_ICR_SH_NONE	      0
#define PN_ICR_SH_SELF	      1
#define PN_ICR_SH_ALL	      2
#define PN_ICR_SH_OTHERS      3

/* MSI, as a device writes it. */
#define PN_MSI_ADDR_BASE 0xFEE00000u
#define PN_MSI_ADDR_MASK 0xFFF00000u

/* True if a DMA write to @addr is an interrupt request (0xFEEx_xxxx, upper half zero). */
static inline bool pn_msi_is(uint64_t addr)
{
	return (addr & ~(uint64_t)0xFFFFF) == PN_MSI_ADDR_BASE;
}

/* One interrupt request of a device: a 4-byte DMA write to FEEx_xxxx. */
struct pn_msi {
	uint64_t addr;
	uint32_t data;
	uint32_t pasid; /* only if has_pasid */
	uint16_t devid; /* requester, bus:dev.fn */
	bool has_pasid;
	bool malformed; /* not an aligned 4-byte write */
};

/* The result of a request. */
enum pn_msi_result {
	PN_MSI_FORWARDED, /* unmapped, delivered as it was */
	PN_MSI_REMAPPED,
	PN_MSI_POSTED,	/* IRR or PIR bit set */
	PN_MSI_ABORTED, /* blocked; an event or a fault was recorded unless suppressed */
};

/* Unmapped (compatibility) MSI to message and back: destination 8 bits in address[19:12], RH bit 3,
 * DM bit 2; data: vector 7:0, delivery mode 10:8, level 14, trigger 15. */
struct pn_intr pn_msi_decode(uint64_t addr, uint32_t data);
void pn_msi_encode(const struct pn_intr *intr, uint64_t *addr, uint32_t *data);

/* x2APIC logical ID of a physical ID: cluster 31:16, bit of 15:0. */
static inline uint32_t pn_x2apic_logical(uint32_t id)
{
	return (id >> 4) << 16 | 1u << (id & 15);
}

/* Byte offset of the 32-bit word that holds @vector in the bank at @bank (PN_APIC_ISR, TMR, IRR).
 */
static inline uint32_t pn_apic_word(uint32_t bank, uint8_t vector)
{
	return bank + ((uint32_t)(vector >> 5) << 4);
}

/*
 * The virtual APIC page: 4 KiB of guest-visible registers that the processor, IOMMUs and host code
 * share. Everything below is lock-free and may run on one page from several agents at once.
 */

/* Plain access to one 32-bit register; @off is a multiple of 16 below 4096 (not checked). */
uint32_t pn_vapic_read(const void *page, uint32_t off);
void pn_vapic_write(void *page, uint32_t off, uint32_t value);

/* Atomically sets @vector's bit in @bank; returns true if it was set before. */
bool pn_vapic_set(void *page, uint32_t bank, uint8_t vector);
/* Atomically clears it; returns true if it was set before. */
bool pn_vapic_clear(void *page, uint32_t bank, uint8_t vector);
/* Atomically ORs @bits into word @word, 0..7, of @bank; returns what was there. */
uint32_t pn_vapic_or(void *page, uint32_t bank, unsigned word, uint32_t bits);
bool pn_vapic_test(const void *page, uint32_t bank, uint8_t vector);

/* Highest vector set in @bank, or -1. Word by word from the top: not one atomic read. */
int pn_vapic_highest(const void *page, uint32_t bank);
/* True if all 256 bits of @bank were seen clear, word by word. */
bool pn_vapic_empty(const void *page, uint32_t bank);
/* Number of bits set in @bank. */
unsigned pn_vapic_count(const void *page, uint32_t bank);

/* Processor priority from TPR and ISR: APM vol 2, 16.6.4. Bits 7:4 class, 3:0 sub-class. */
uint8_t pn_vapic_ppr(const void *page);
/* Highest IRR vector whose class is above the PPR class, or -1. */
int pn_vapic_deliverable(const void *page);
/* The same with TPR[7:4] = @priority, 0..15, whatever the page's TPR says. */
int pn_vapic_deliverable_above(const void *page, uint8_t priority);

/*
 * A physical local APIC as far as host interrupts need one: accept, take the highest, end. One
 * agent (its own CPU) uses it; messages are handed over by the world.
 */
struct pn_lapic {
	uint64_t irr[4], isr[4];
};

/* Accepts a fixed interrupt; returns true if the vector was pending already (merged). */
bool pn_lapic_accept(struct pn_lapic *l, uint8_t vector);
/* Takes the highest pending vector whose class is above the one in service: IRR to ISR. -1: none.
 */
int pn_lapic_take(struct pn_lapic *l);
/* Ends the highest interrupt in service; returns it, or -1 if there is none. */
int pn_lapic_eoi(struct pn_lapic *l);
/* Highest vector in the IRR, or -1. */
int pn_lapic_pending(const struct pn_lapic *l);

#pragma GCC visibility pop

#endif
