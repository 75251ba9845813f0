/* SPDX-License-Identifier: MIT */
/*
 * Guest accesses to its APIC: the APIC-access page (SDM vol 3, 30.4), the x2APIC MSRs (30.5) and
 * CR8 (30.3).
 */
#include "apicv_priv.h"

#include <string.h>

#include "seam.h"

#define PAGE	  4096u
#define REG_BYTES 4u
#define MSR_FIRST PN_X2APIC_MSR
#define MSR_LAST  0x8FFu
#define MSR_TPR	  0x808u
#define MSR_EOI	  0x80Bu
#define MSR_ICR	  0x830u
#define MSR_SELF  0x83Fu

/* Exit qualification of an APIC access, 15:12: how it was made. 11:0 is the offset, of a linear
 * access. */
#define ACCESS_READ	  0u
#define ACCESS_WRITE	  1u
#define ACCESS_FETCH	  2u
#define ACCESS_EVENT	  3u
#define ACCESS_PHYS_EVENT 10u
#define ACCESS_PHYS	  15u
#define ACCESS_HOW_SH	  12

/* What APIC-register virtualization virtualizes: 30.4.2 and 30.4.3.1. */
static const struct {
	uint16_t first, last;
	bool write;
} regs[] = {
	{PN_APIC_ICRL, PN_APIC_ICRH, true},
	{PN_APIC_TPR, PN_APIC_TPR, true},
	{PN_APIC_EOI, PN_APIC_EOI, true},
	{PN_APIC_ID, PN_APIC_ID, true},
	{PN_APIC_VERSION, PN_APIC_VERSION, false},
	{PN_APIC_LDR, PN_APIC_LDR, true},
	{PN_APIC_DFR, PN_APIC_DFR, true},
	{PN_APIC_SVR, PN_APIC_SVR, true},
	{PN_APIC_ISR, PN_APIC_ISR + 0x70, false},
	{PN_APIC_TMR, PN_APIC_TMR + 0x70, false},
	{PN_APIC_IRR, PN_APIC_IRR + 0x70, false},
	{PN_APIC_ESR, PN_APIC_ESR, true},
	{PN_APIC_LVT_TIMER, PN_APIC_LVT_LAST, true},
	{PN_APIC_TMICT, PN_APIC_TMICT, true},
	{PN_APIC_TDCR, PN_APIC_TDCR, true},
};

/* True if the register at @off is in the list. */
static bool listed(uint32_t off, bool write)
{
	uint32_t reg = off & ~15u;

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		if (reg >= regs[i].first && reg <= regs[i].last)
			return !write || regs[i].write;
	}
	return false;
}

/*
 * An access that is not within the four bytes of one register is never virtualized. Without
 * APIC-register virtualization the offset is that of the register. That IPI virtualization alone
 * suffices for a write of the ICR's low half is inferred.
 */
static bool virtualized(const struct pn_vmcs_apic *v, uint32_t off, uint32_t len, bool write)
{
	if (!pn_apicv_tpr_shadow(v) || !len || len > REG_BYTES || (off & 15) > REG_BYTES - len)
		return false;
	if (off == PN_APIC_TPR)
		return true;
	if (pn_apicv_vid(v) && (off == PN_APIC_EOI || off == PN_APIC_ICRL))
		return true;
	if (pn_apicv_ipiv(v) && off == PN_APIC_ICRL && write)
		return true;
	return pn_apicv_regs(v) && listed(off, write);
}

/* A guest-physical access has no offset in the qualification: it is undefined, 0 here. */
static enum pn_apicv_access access_exit(struct pn_apicv_exit *exit, uint32_t off, bool write,
					enum pn_apicv_how how)
{
	static const uint8_t type[] = {
		[PN_APICV_INSN] = ACCESS_READ,
		[PN_APICV_FETCH] = ACCESS_FETCH,
		[PN_APICV_EVENT] = ACCESS_EVENT,
		[PN_APICV_PHYS] = ACCESS_PHYS,
		[PN_APICV_PHYS_EVENT] = ACCESS_PHYS_EVENT,
	};
	uint32_t t = how == PN_APICV_INSN && write ? ACCESS_WRITE : type[how];

	exit->reason = PN_VMX_EXIT_APIC_ACCESS;
	exit->qualification = t << ACCESS_HOW_SH | (t > ACCESS_EVENT ? 0 : off);
	return PN_APICV_FAULT;
}

static bool on_page(const struct pn_apicv *a, uint32_t off)
{
	return a->in_guest && a->vmcs.proc2 & PN_PROC2_APIC_ACCESSES && off < PAGE;
}

static bool may_virtualize(enum pn_apicv_how how)
{
	return how == PN_APICV_INSN || how == PN_APICV_EVENT;
}

/* 30.4.2. After a store of the same instruction every read exits. */
enum pn_apicv_access pn_apicv_page_read(struct pn_apicv *a, uint32_t off, uint32_t len,
					enum pn_apicv_how how, void *data,
					struct pn_apicv_exit *exit)
{
	uint32_t reg;

	if (!on_page(a, off))
		return PN_APICV_PASS;
	if (!may_virtualize(how) || a->stored_len || !virtualized(&a->vmcs, off, len, false))
		return access_exit(exit, off, false, how);
	reg = pn_vapic_read(a->page, off & ~15u);
	memcpy(data, (uint8_t *)&reg + (off & 15), len);
	return PN_APICV_DONE;
}

/* 30.4.3.1. Only this processor writes the other bytes of the register. */
enum pn_apicv_access pn_apicv_page_write(struct pn_apicv *a, uint32_t off, uint32_t len,
					 enum pn_apicv_how how, const void *data,
					 struct pn_apicv_exit *exit)
{
	uint32_t reg;

	if (!on_page(a, off))
		return PN_APICV_PASS;
	if (!may_virtualize(how) || !virtualized(&a->vmcs, off, len, true))
		return access_exit(exit, off, true, how);
	if (a->stored_len && (a->stored_len != len || a->stored_off != off))
		return access_exit(exit, off, true, how);
	reg = pn_vapic_read(a->page, off & ~15u);
	memcpy((uint8_t *)&reg + (off & 15), data, len);
	pn_vapic_write(a->page, off & ~15u, reg);
	a->stored_off = (uint16_t)off;
	a->stored_len = (uint8_t)len;
	return PN_APICV_DONE;
}

/* 30.4.3.2 */
enum pn_apicv_access pn_apicv_page_emulate(struct pn_apicv *a, struct pn_apicv_exit *exit)
{
	uint32_t off = a->stored_off, value;

	if (!a->in_guest || !a->stored_len)
		return PN_APICV_DONE;
	a->stored_len = 0;
	value = pn_vapic_read(a->page, off & ~15u);
	switch (off) {
	case PN_APIC_TPR:
		pn_vapic_write(a->page, off, value & 0xFF);
		return pn_apicv_tpr(a, exit);
	case PN_APIC_EOI:
		if (!pn_apicv_vid(&a->vmcs))
			break;
		pn_vapic_write(a->page, off, 0);
		return pn_apicv_eoi(a, exit);
	case PN_APIC_ICRL:
		return pn_apicv_icr_mmio(a, value, exit);
	default:
		break;
	}
	if ((off & ~3u) == PN_APIC_ICRH) {
		pn_vapic_write(a->page, PN_APIC_ICRH, value & 0xFF000000u);
		return PN_APICV_DONE;
	}
	return pn_apicv_trap(exit, PN_VMX_EXIT_APIC_WRITE, off);
}

enum pn_apicv_access pn_apicv_read(struct pn_apicv *a, uint32_t off, uint32_t *value,
				   struct pn_apicv_exit *exit)
{
	return pn_apicv_page_read(a, off, REG_BYTES, PN_APICV_INSN, value, exit);
}

enum pn_apicv_access pn_apicv_write(struct pn_apicv *a, uint32_t off, uint32_t value,
				    struct pn_apicv_exit *exit)
{
	enum pn_apicv_access done;

	if (off == PN_APIC_ICRL && on_page(a, off))
		pn_step(a->agent, PN_STEP_ICR_WRITE_MMIO, value, 0);
	done = pn_apicv_page_write(a, off, REG_BYTES, PN_APICV_INSN, &value, exit);
	return done == PN_APICV_DONE ? pn_apicv_page_emulate(a, exit) : done;
}

static bool on_msrs(const struct pn_apicv *a, uint32_t msr)
{
	return a->in_guest && a->vmcs.proc2 & PN_PROC2_X2APIC && msr >= MSR_FIRST &&
	       msr <= MSR_LAST;
}

/* The eight bytes at the offset of @msr. */
static uint64_t *qword(struct pn_apicv *a, uint32_t msr)
{
	return (uint64_t *)(void *)a->page + (msr & 0xFF) * 2;
}

/* With APIC-register virtualization any MSR of the range can be read, existing or not. */
enum pn_apicv_access pn_apicv_rdmsr(struct pn_apicv *a, uint32_t msr, uint64_t *value,
				    struct pn_apicv_exit *exit)
{
	(void)exit;
	if (!on_msrs(a, msr) || (msr != MSR_TPR && !pn_apicv_regs(&a->vmcs)))
		return PN_APICV_PASS;
	/* Pairs with host software that sets bits of the VIRR. */
	*value = pn_ld64_acq(qword(a, msr));
	return PN_APICV_DONE;
}

/*
 * True if WRMSR treats @msr specially. For all others the MSR bitmap and the physical APIC decide.
 */
static bool special(const struct pn_vmcs_apic *v, uint32_t msr)
{
	switch (msr) {
	case MSR_TPR:
		return true;
	case MSR_EOI:
	case MSR_SELF:
		return pn_apicv_vid(v);
	case MSR_ICR:
		return pn_apicv_ipiv(v);
	default:
		return false;
	}
}

static bool refused(uint32_t msr, uint64_t value)
{
	if (msr == MSR_EOI)
		return value;
	return msr == MSR_ICR ? value & PN_ICR_RESERVED : value >> 8;
}

enum pn_apicv_access pn_apicv_wrmsr(struct pn_apicv *a, uint32_t msr, uint64_t value,
				    struct pn_apicv_exit *exit)
{
	bool mine;

	if (!on_msrs(a, msr))
		return PN_APICV_PASS;
	mine = special(&a->vmcs, msr);
	if (mine && refused(msr, value))
		return PN_APICV_GP;
	if (msr == MSR_ICR)
		pn_step(a->agent, PN_STEP_ICR_WRITE, value, 0);
	if (!mine)
		return PN_APICV_PASS;
	/* Pairs with host code that reads the page after the VM exit. */
	pn_st64_rel(qword(a, msr), value);
	switch (msr) {
	case MSR_TPR:
		return pn_apicv_tpr(a, exit);
	case MSR_EOI:
		return pn_apicv_eoi(a, exit);
	case MSR_ICR:
		return pn_apicv_icr_msr(a, value, exit);
	default:
		break;
	}
	if (value < PN_FIRST_VECTOR)
		return pn_apicv_trap(exit, PN_VMX_EXIT_APIC_WRITE, PN_APIC_SELF_IPI);
	return pn_apicv_self_ipi(a, (uint8_t)value);
}

enum pn_apicv_access pn_apicv_read_cr8(const struct pn_apicv *a, uint8_t *cr8)
{
	if (!a->in_guest || !pn_apicv_tpr_shadow(&a->vmcs))
		return PN_APICV_PASS;
	*cr8 = pn_vapic_read(a->page, PN_APIC_TPR) >> 4 & 15;
	return PN_APICV_DONE;
}

enum pn_apicv_access pn_apicv_write_cr8(struct pn_apicv *a, uint8_t cr8, struct pn_apicv_exit *exit)
{
	if (!a->in_guest || !pn_apicv_tpr_shadow(&a->vmcs))
		return PN_APICV_PASS;
	if (cr8 >> 4)
		return PN_APICV_GP;
	pn_vapic_write(a->page, PN_APIC_TPR, (uint32_t)cr8 << 4);
	return pn_apicv_tpr(a, exit);
}
