/* SPDX-License-Identifier: MIT */
/*
 * The register file (VT-d rev 5.10, 11.4), in units of 32 bits. A 64-bit access is one to the lower
 * half and then one to the upper. A write of a lower half triggers nothing that depends on the
 * upper half of its register, except for the bases, which take effect later.
 */
#include <errno.h>
#include <string.h>

#include "vtd_priv.h"

#define QI  PN_VTD_ECAP_QI
#define IR  PN_VTD_ECAP_IR
#define EIM PN_VTD_ECAP_EIM

#define BASE_LO ((uint32_t)PN_VTD_BASE_MASK)

/* Bits that software may write, and the ECAP bits without which they do not exist. Registers with
 * rules of their own are in write_word(). */
static const struct row {
	uint32_t off, writable;
	uint64_t need;
} rows[] = {
	{PN_VTD_RTADDR, BASE_LO | 3u << PN_VTD_RTADDR_TTM_SH, 0},
	{PN_VTD_RTADDR + 4, UINT32_MAX, 0},
	{PN_VTD_FEDATA, 0xFFFF, 0},
	{PN_VTD_FEDATA, 0xFFFF0000, EIM},
	{PN_VTD_FEADDR, ~3u, 0},
	{PN_VTD_FEUADDR, UINT32_MAX, EIM},
	{PN_VTD_IQT, PN_VTD_IQ_PTR_MASK, QI},
	{PN_VTD_IQA, BASE_LO | (uint32_t)PN_VTD_IQA_QS, QI},
	{PN_VTD_IQA, (uint32_t)PN_VTD_IQA_DW, QI | PN_VTD_ECAP_SMTS},
	{PN_VTD_IQA + 4, UINT32_MAX, QI},
	{PN_VTD_IEDATA, 0xFFFF, QI},
	{PN_VTD_IEDATA, 0xFFFF0000, QI | EIM},
	{PN_VTD_IEADDR, ~3u, QI},
	{PN_VTD_IEUADDR, UINT32_MAX, QI | EIM},
	{PN_VTD_IRTA, BASE_LO | (uint32_t)PN_VTD_IRTA_S, IR},
	{PN_VTD_IRTA, (uint32_t)PN_VTD_IRTA_EIME, IR | EIM},
	{PN_VTD_IRTA + 4, UINT32_MAX, IR},
};

static uint32_t writable(const struct pn_vtd *v, uint32_t off)
{
	const uint32_t gsts = v->reg[PN_VTD_GSTS / 4];
	uint32_t mask = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].off == off && (v->ecap & rows[i].need) == rows[i].need)
			mask |= rows[i].writable;
	}
	/* The head would no longer fit the queue; that the write is ignored is inferred. */
	if ((gsts & PN_VTD_G_QIE) && (off & ~7u) == PN_VTD_IQA)
		return 0;
	/* EIME must not change while remapping is on; that it stays as it is is inferred. */
	if ((gsts & PN_VTD_G_IRE) && off == PN_VTD_IRTA)
		mask &= ~(uint32_t)PN_VTD_IRTA_EIME;
	return mask;
}

/* What requests depend on. */
static void derive(struct pn_vtd *v)
{
	const uint32_t gsts = *pn_vtd_reg(v, PN_VTD_GSTS);

	v->on = gsts & PN_VTD_G_IRE;
	v->compat = (gsts & PN_VTD_G_CFI) && !v->env.eime;
	v->eimer = (v->ecap & PN_VTD_ECAP_EIMER) && !v->env.eime;
}

/*
 * SIRTP. Entries of the old table stay in the cache unless CAP.ESIRTPS says otherwise: software
 * invalidates. With another EIME they would have another meaning, so they are dropped (inferred).
 */
static void latch_irta(struct pn_vtd *v)
{
	const uint64_t irta = pn_vtd_reg64(v, PN_VTD_IRTA);
	const bool eime = v->on ? v->env.eime : irta & PN_VTD_IRTA_EIME;

	if ((v->cap & PN_VTD_CAP_ESIRTPS) || eime != v->env.eime)
		pn_vtd_drop_all(v);
	v->env.eime = eime;
	v->table = irta & PN_VTD_BASE_MASK;
	v->entries = 2u << (irta & PN_VTD_IRTA_S);
}

/* GCMD: one-shot commands, then bits that set a level. That the commands come first is inferred. */
static void command(struct pn_vtd *v, uint32_t value)
{
	const uint32_t levels = PN_VTD_G_TE | (v->ecap & QI ? PN_VTD_G_QIE : 0) |
				(v->ecap & IR ? PN_VTD_G_IRE | PN_VTD_G_CFI : 0);
	uint32_t *gsts = pn_vtd_reg(v, PN_VTD_GSTS);

	if (value & PN_VTD_G_SRTP) {
		v->ttm = *pn_vtd_reg(v, PN_VTD_RTADDR) >> PN_VTD_RTADDR_TTM_SH & 3;
		*gsts |= PN_VTD_G_SRTP;
	}
	if ((value & PN_VTD_G_SIRTP) && (v->ecap & IR)) {
		latch_irta(v);
		*gsts |= PN_VTD_G_SIRTP;
	}
	*gsts = (*gsts & ~levels) | (value & levels);
	if (!(*gsts & PN_VTD_G_QIE))
		*pn_vtd_reg(v, PN_VTD_IQH) = 0;
	derive(v);
	pn_vtd_kick(v);
}

static void write_fsts(struct pn_vtd *v, uint32_t value)
{
	*pn_vtd_reg(v, PN_VTD_FSTS) &= ~(value & PN_VTD_FSTS_W1C);
	pn_vtd_fault_serviced(v);
	if (value & PN_VTD_FSTS_IQE)
		pn_vtd_kick(v);
}

static void write_ics(struct pn_vtd *v, uint32_t value)
{
	if (!(value & PN_VTD_ICS_IWC))
		return;
	*pn_vtd_reg(v, PN_VTD_ICS) = 0;
	*pn_vtd_reg(v, PN_VTD_IECTL) &= ~PN_VTD_ECTL_IP;
}

static bool in_records(const struct pn_vtd *v, uint32_t off)
{
	return off - v->record_base < v->record_count * PN_VTD_FR_SIZE;
}

static void write_row(struct pn_vtd *v, uint32_t off, uint32_t value)
{
	const uint32_t mask = writable(v, off);

	*pn_vtd_reg(v, off) = (*pn_vtd_reg(v, off) & ~mask) | (value & mask);
	if (off == PN_VTD_IQT)
		pn_vtd_kick(v);
}

static void write_word(struct pn_vtd *v, uint32_t off, uint32_t value)
{
	if (in_records(v, off)) {
		pn_vtd_record_write(v, off - v->record_base, value);
		return;
	}
	if (off >= PN_VTD_REG_END)
		return;
	switch (off) {
	case PN_VTD_GCMD:
		command(v, value);
		break;
	case PN_VTD_FSTS:
		write_fsts(v, value);
		break;
	case PN_VTD_ICS:
		write_ics(v, value);
		break;
	case PN_VTD_IECTL:
		if (!(v->ecap & QI))
			break;
		__attribute__((fallthrough));
	case PN_VTD_FECTL:
		pn_vtd_write_ectl(v, off, value);
		break;
	default:
		write_row(v, off, value);
		break;
	}
}

static uint32_t read_word(const struct pn_vtd *v, uint32_t off)
{
	if (in_records(v, off))
		return pn_vtd_record_read(v, off - v->record_base);
	return off < PN_VTD_REG_END ? v->reg[off / 4] : 0;
}

static bool access_ok(uint32_t off, unsigned size)
{
	return (size == 4 || size == 8) && !(off & (size - 1)) && off < PN_VTD_MMIO_SIZE;
}

int pn_vtd_read(struct pn_vtd *v, uint32_t off, unsigned size, uint64_t *value)
{
	*value = size == 4 ? UINT32_MAX : UINT64_MAX;
	if (!access_ok(off, size))
		return -EINVAL;
	*value = read_word(v, off);
	if (size == 8)
		*value |= (uint64_t)read_word(v, off + 4) << 32;
	return 0;
}

int pn_vtd_write(struct pn_vtd *v, uint32_t off, unsigned size, uint64_t value)
{
	if (!access_ok(off, size))
		return -EINVAL;
	write_word(v, off, (uint32_t)value);
	if (size == 8)
		write_word(v, off + 4, (uint32_t)(value >> 32));
	return 0;
}

static void put64(struct pn_vtd *v, uint32_t off, uint64_t value)
{
	pn_vtd_reg(v, off)[0] = (uint32_t)value;
	pn_vtd_reg(v, off)[1] = (uint32_t)(value >> 32);
}

void pn_vtd_regs_reset(struct pn_vtd *v)
{
	memset(v->reg, 0, sizeof(v->reg));
	memset(v->record, 0, sizeof(v->record));
	v->record_next = 0;
	*pn_vtd_reg(v, PN_VTD_VER) = v->version;
	put64(v, PN_VTD_CAP, v->cap);
	put64(v, PN_VTD_ECAP, v->ecap);
	*pn_vtd_reg(v, PN_VTD_FECTL) = PN_VTD_ECTL_IM;
	if (v->ecap & QI)
		*pn_vtd_reg(v, PN_VTD_IECTL) = PN_VTD_ECTL_IM;
	v->ttm = PN_VTD_TTM_LEGACY;
	/* No table before the first SIRTP. */
	v->table = 0;
	v->entries = 0;
	v->env.eime = false;
	derive(v);
}
