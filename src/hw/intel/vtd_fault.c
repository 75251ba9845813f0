/* SPDX-License-Identifier: MIT */
/*
 * Fault recording (VT-d rev 5.10, 7.3.1): a ring of records, of which software clears the F bits.
 */
#include <errno.h>

#include "vtd_priv.h"

#define F_WORD 3u /* of the four 32-bit words of a record */
#define F_BIT  (1u << 31)

#define PASID_MAX 0xFFFFFu

void pn_vtd_event(struct pn_vtd *v, uint32_t fsts)
{
	uint32_t *reg = pn_vtd_reg(v, PN_VTD_FSTS);
	const bool was = *reg & PN_VTD_FSTS_EVENTS;

	*reg |= fsts;
	if (!was && (fsts & PN_VTD_FSTS_EVENTS))
		pn_vtd_raise(v, PN_VTD_FECTL);
}

/* FRI names the first record of those that are pending. */
static void pending(struct pn_vtd *v)
{
	uint32_t *fsts = pn_vtd_reg(v, PN_VTD_FSTS);

	if (*fsts & PN_VTD_FSTS_PPF)
		return;
	*fsts = (*fsts & ~PN_VTD_FSTS_FRI) | v->record_next << PN_VTD_FSTS_FRI_SH;
}

static void record(struct pn_vtd *v, struct pn_vtd_record now)
{
	struct pn_vtd_record *r = &v->record[v->record_next];

	/* After an overflow nothing is recorded until software clears PFO. */
	if ((*pn_vtd_reg(v, PN_VTD_FSTS) & PN_VTD_FSTS_PFO) || (r->hi & PN_VTD_FR_F)) {
		*pn_vtd_reg(v, PN_VTD_FSTS) |= PN_VTD_FSTS_PFO;
		v->stats.faults_dropped++;
		pn_step(v->agent, PN_STEP_FAULT_DROP, now.lo, now.hi);
		return;
	}
	*r = now;
	v->stats.faults++;
	pn_step(v->agent, PN_STEP_FAULT_RECORD, now.lo, now.hi);
	pending(v);
	v->record_next = (v->record_next + 1) % v->record_count;
	pn_vtd_event(v, PN_VTD_FSTS_PPF);
}

static uint64_t high(uint8_t reason, uint16_t sid)
{
	return PN_VTD_FR_F | (uint64_t)reason << PN_VTD_FR_REASON_SH | sid;
}

void pn_vtd_record_fault(struct pn_vtd *v, uint8_t reason, uint32_t index, uint16_t sid)
{
	record(v, (struct pn_vtd_record){
			  .lo = (uint64_t)(index & 0xFFFF) << PN_VTD_FR_INDEX_SH,
			  .hi = high(reason, sid),
		  });
}

static uint64_t pasid_fields(const struct pn_vtd_dma_fault *f)
{
	if (!f->has_pasid)
		return 0;
	return PN_VTD_FR_PP | (uint64_t)f->pasid << PN_VTD_FR_PV_SH |
	       (f->priv ? PN_VTD_FR_PRIV : 0) | (f->exec ? PN_VTD_FR_EXE : 0);
}

int pn_vtd_dma_fault(struct pn_vtd *v, const struct pn_vtd_dma_fault *f)
{
	if (!f->reason || pn_vtd_fault_is_interrupt(f->reason) || f->type > PN_VTD_DMA_ATOMIC ||
	    (f->has_pasid && f->pasid > PASID_MAX))
		return -EINVAL;
	if (f->fpd && pn_vtd_fault_qualified(f->reason))
		return 0;
	record(v, (struct pn_vtd_record){
			  .lo = f->addr & PN_VTD_FR_FI_MASK,
			  .hi = high(f->reason, f->sid) | pasid_fields(f) |
				(f->type & 2 ? PN_VTD_FR_T1 : 0) | (f->type & 1 ? PN_VTD_FR_T2 : 0),
		  });
	return 0;
}

static bool any_pending(const struct pn_vtd *v)
{
	for (uint32_t i = 0; i < v->record_count; i++) {
		if (v->record[i].hi & PN_VTD_FR_F)
			return true;
	}
	return false;
}

void pn_vtd_fault_serviced(struct pn_vtd *v)
{
	if (!(*pn_vtd_reg(v, PN_VTD_FSTS) & PN_VTD_FSTS_EVENTS))
		*pn_vtd_reg(v, PN_VTD_FECTL) &= ~PN_VTD_ECTL_IP;
}

uint32_t pn_vtd_record_read(const struct pn_vtd *v, uint32_t off)
{
	const struct pn_vtd_record *r = &v->record[off / PN_VTD_FR_SIZE];
	const uint64_t half = off & 8 ? r->hi : r->lo;

	return (uint32_t)(half >> (off & 4) * 8);
}

void pn_vtd_record_write(struct pn_vtd *v, uint32_t off, uint32_t value)
{
	if (off / 4 % 4 != F_WORD || !(value & F_BIT))
		return;
	v->record[off / PN_VTD_FR_SIZE].hi &= ~PN_VTD_FR_F;
	if (!any_pending(v))
		*pn_vtd_reg(v, PN_VTD_FSTS) &= ~PN_VTD_FSTS_PPF;
	pn_vtd_fault_serviced(v);
}
