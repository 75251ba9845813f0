/* SPDX-License-Identifier: MIT */
/*
 * Guest accesses to the APIC registers under AVIC and x2AVIC. AMD64 APM vol 2 rev 3.44, 15.29.3.1,
 * table 15-22; an x2APIC MSR n has the class of offset (n - 800h) * 16. The x2APIC register map,
 * 16.11, has checks of its own.
 */
#include "avic_priv.h"

#include "seam.h"

enum reg_class {
	ALLOW,	/* the page, nothing else */
	TRAP,	/* the page, then exit */
	FAULT,	/* exit instead */
	GP,	/* #GP */
	EXTLVT, /* by CPUID 8000_000A EDX[27]: read ALLOW, write TRAP; else FAULT */
	TPR,
	ESR, /* TRAP, and zero only */
	EOI,
	ICR,
	SELF_IPI,
};

/* Knob x2_map: the map's checks first, or the table alone. */
enum {
	XAVIC = 1,
	X2TABLE = 2,
	X2MAP = 4,
	TABLE = XAVIC | X2TABLE,
	X2AVIC = X2TABLE | X2MAP,
	ALL = TABLE | X2MAP,
};

/*
 * The first match counts. An offset that is not listed is plain memory, or #GP where the map
 * decides. The busy registers come first. #GP of the rows for X2AVIC: DFR and ICR2, which x2APIC
 * lacks, were measured on Zen 4; EOI and SELF_IPI are write-only (inferred). Measured there too:
 * the map lets reads of APR and of the timer's count through to the table. That the map has the
 * extended registers, 840h read-only, is inferred.
 */
static const struct reg_range {
	uint16_t first, last;
	uint8_t mode, read, write;
} ranges[] = {
	{PN_APIC_EOI, PN_APIC_EOI, XAVIC, ALLOW, EOI},
	{PN_APIC_EOI, PN_APIC_EOI, X2AVIC, GP, EOI},
	{PN_APIC_ICRL, PN_APIC_ICRL, ALL, ICR, ICR},
	{PN_APIC_TPR, PN_APIC_TPR, ALL, ALLOW, TPR},
	{PN_APIC_ICRH, PN_APIC_ICRH, XAVIC, ALLOW, ALLOW},
	{PN_APIC_ICRH, PN_APIC_ICRH, X2AVIC, GP, GP},
	{PN_APIC_SELF_IPI, PN_APIC_SELF_IPI, X2AVIC, GP, SELF_IPI},
	{PN_APIC_ID, PN_APIC_ID, TABLE, ALLOW, TRAP},
	{PN_APIC_ID, PN_APIC_ID, X2MAP, ALLOW, GP},
	{PN_APIC_VERSION, PN_APIC_VERSION, TABLE, ALLOW, FAULT},
	{PN_APIC_VERSION, PN_APIC_VERSION, X2MAP, ALLOW, GP},
	{PN_APIC_APR, PN_APIC_APR, TABLE, FAULT, FAULT},
	{PN_APIC_APR, PN_APIC_APR, X2MAP, FAULT, GP},
	{PN_APIC_PPR, PN_APIC_PPR, TABLE, ALLOW, FAULT},
	{PN_APIC_PPR, PN_APIC_PPR, X2MAP, ALLOW, GP},
	{PN_APIC_RRR, PN_APIC_RRR, TABLE, ALLOW, TRAP},
	{PN_APIC_LDR, PN_APIC_LDR, TABLE, ALLOW, TRAP},
	{PN_APIC_LDR, PN_APIC_LDR, X2MAP, ALLOW, GP},
	{PN_APIC_DFR, PN_APIC_DFR, XAVIC, ALLOW, TRAP},
	{PN_APIC_DFR, PN_APIC_DFR, X2AVIC, GP, GP},
	{PN_APIC_SVR, PN_APIC_SVR, ALL, ALLOW, TRAP},
	/* ISR, TMR, IRR */
	{PN_APIC_ISR, PN_APIC_IRR + 0x70, TABLE, ALLOW, FAULT},
	{PN_APIC_ISR, PN_APIC_IRR + 0x70, X2MAP, ALLOW, GP},
	{PN_APIC_ESR, PN_APIC_ESR, TABLE, ALLOW, TRAP},
	{PN_APIC_ESR, PN_APIC_ESR, X2MAP, ALLOW, ESR},
	{PN_APIC_LVT_TIMER, PN_APIC_LVT_LAST, ALL, ALLOW, TRAP},
	{PN_APIC_TMICT, PN_APIC_TMICT, ALL, ALLOW, TRAP},
	{PN_APIC_TMCCT, PN_APIC_TMCCT, TABLE, FAULT, FAULT},
	{PN_APIC_TMCCT, PN_APIC_TMCCT, X2MAP, FAULT, GP},
	{PN_APIC_TDCR, PN_APIC_TDCR, ALL, ALLOW, TRAP},
	{0x400, 0x400, X2MAP, FAULT, GP},
	{0x400, 0x420, ALL, FAULT, FAULT},
	{0x480, 0x4F0, ALL, FAULT, FAULT},
	{0x500, 0x530, ALL, EXTLVT, EXTLVT},
	{0x540, 0xFF0, TABLE, FAULT, FAULT},
};

/* x2APIC ICR bits that do not exist (16.13): BUSY is one of them. */
#define X2_ICR_RESERVED 0xFFF33000ull
#define LVTT_DEADLINE	(1u << 18)

/*
 * No register starts there: not a multiple of 16, or outside the page. xAVIC leaves the access to
 * the host (a fault), x2AVIC has no such MSR (#GP). Both are this model's choice.
 */
static bool no_register(uint32_t off)
{
	return off & 15 || off >= 4096;
}

static uint8_t mode_of(const struct pn_avic *av)
{
	if (!av->x2)
		return XAVIC;
	return av->feat.x2_map == PN_X2MAP_TABLE ? X2TABLE : X2MAP;
}

static enum reg_class class_of(const struct pn_avic *av, uint32_t off, bool write)
{
	uint8_t mode = mode_of(av);

	if (no_register(off))
		return av->x2 ? GP : FAULT;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct reg_range *r = &ranges[i];
		enum reg_class c = write ? r->write : r->read;

		if (off < r->first || off > r->last || !(r->mode & mode))
			continue;
		if (c == EXTLVT)
			c = !av->feat.extlvt ? FAULT : write ? TRAP : ALLOW;
		return c;
	}
	return mode == X2MAP ? GP : ALLOW;
}

static enum pn_avic_access fault(struct pn_avic_exit *exit, uint32_t off, bool write)
{
	pn_avic_noaccel(exit, off, write, 0);
	return PN_AVIC_FAULT;
}

enum pn_avic_access pn_avic_read(struct pn_avic *av, uint32_t off, uint64_t *value,
				 struct pn_avic_exit *exit)
{
	enum reg_class c;

	if (!pn_avic_on(av))
		return fault(exit, off, false);
	c = class_of(av, off, false);
	if (c == GP)
		return PN_AVIC_GP;
	if (c == FAULT)
		return fault(exit, off, false);
	*value = pn_vapic_read(av->page, off);
	/* One 64-bit MSR, two registers in the page (inferred). */
	if (c == ICR && av->x2)
		*value |= (uint64_t)pn_vapic_read(av->page, PN_APIC_ICRH) << 32;
	return PN_AVIC_DONE;
}

/*
 * Values that WRMSR refuses: reserved bits of registers that AVIC takes (16.13 for the ICR; the
 * others inferred), whatever x2_map says, and the TSC-deadline mode of the timer, as measured on
 * Zen 4.
 */
static bool x2_refused(uint32_t off, uint64_t value, enum reg_class c)
{
	switch (c) {
	case ICR:
		return value & X2_ICR_RESERVED;
	case TPR:
	case SELF_IPI:
		return value >> 8;
	case EOI:
	case ESR:
		return value;
	default:
		return value >> 32 || (off == PN_APIC_LVT_TIMER && value & LVTT_DEADLINE);
	}
}

/* xAVIC keeps reserved bits as they were written (inferred: the xapic_state_test of Linux allows
 * for it on AMD with AVIC). */
static enum pn_avic_access write_icr(struct pn_avic *av, uint64_t value, struct pn_avic_exit *exit)
{
	uint32_t low = (uint32_t)value & ~PN_ICR_BUSY;
	uint32_t high = av->x2 ? (uint32_t)(value >> 32) : pn_vapic_read(av->page, PN_APIC_ICRH);

	if (av->x2)
		pn_avic_store(av, PN_APIC_ICRH, high);
	pn_avic_store(av, PN_APIC_ICRL, low);
	return pn_avic_ipi(av, (uint64_t)high << 32 | low, exit);
}

/* The ICR value that has the effect of SELF_IPI; an exit reports that value (inferred). */
static enum pn_avic_access write_self_ipi(struct pn_avic *av, uint8_t vector,
					  struct pn_avic_exit *exit)
{
	return pn_avic_ipi(av, PN_ICR_SH_SELF << 18 | vector, exit);
}

static enum pn_avic_access __attribute__((noinline))
write_any(struct pn_avic *av, uint32_t off, uint64_t value, struct pn_avic_exit *exit)
{
	enum reg_class c;

	if (!pn_avic_on(av))
		return fault(exit, off, true);
	c = class_of(av, off, true);
	if (c == GP || (c != FAULT && av->x2 && x2_refused(off, value, c)))
		return PN_AVIC_GP;
	switch (c) {
	case EOI:
		return pn_avic_eoi(av, exit);
	case ICR:
		return write_icr(av, value, exit);
	case SELF_IPI:
		return write_self_ipi(av, (uint8_t)value, exit);
	case TPR:
		pn_avic_set_tpr(av, (uint8_t)value);
		return PN_AVIC_EVALUATE;
	case FAULT:
		return fault(exit, off, true);
	default:
		break;
	}
	pn_avic_store(av, off, (uint32_t)value);
	if (c != TRAP && c != ESR)
		return PN_AVIC_DONE;
	pn_avic_noaccel(exit, off, true, 0);
	return PN_AVIC_TRAP;
}

enum pn_avic_access pn_avic_write(struct pn_avic *av, uint32_t off, uint64_t value,
				  struct pn_avic_exit *exit)
{
	/* What guests write most, and the same in every mode. */
	if (off == PN_APIC_EOI && !value && pn_avic_on(av))
		return pn_avic_eoi(av, exit);
	return write_any(av, off, value, exit);
}
