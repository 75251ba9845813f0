/* SPDX-License-Identifier: MIT */
/*
 * Requests that are not posted: remapped, forwarded, or refused with an event. post.c decides which
 * are.
 */
#include "amdvi_priv.h"

/* A device's interrupt waits for the device's writes before it. */
static void issue(struct pn_amdvi *vi, const struct pn_intr *m)
{
	pn_step(vi->agent, PN_STEP_INTR_ISSUE, m->dest, m->vector);
	pn_amdvi_send(vi, m);
}

static enum pn_msi_result remapped(struct pn_amdvi *vi, const struct pn_vi_irte *e)
{
	struct pn_intr m = {.mode = PN_DM_FIXED};
	struct pn_irte f;

	if (vi->gaen)
		pn_irte128_decode((struct pn_irte128){e->lo, e->hi}, vi->xten, true, &f);
	else
		pn_irte32_decode((uint32_t)e->lo, &f);
	/*
	 * An entry in guest form gets here if the knob guestmode_off says so; its IntType, DM and
	 * RqEOI read as 0.
	 */
	if (f.inttype == PN_DM_LOWEST)
		m.mode = PN_DM_LOWEST;
	m.dest = f.dest;
	m.vector = f.vector;
	m.logical = f.dm;
	m.level = f.rqeoi;
	vi->stats.remapped++;
	pn_step(vi->agent, PN_STEP_REMAP_SEND, m.dest, m.vector);
	issue(vi, &m);
	return PN_MSI_REMAPPED;
}

static enum pn_msi_result forwarded(struct pn_amdvi *vi, const struct pn_msi *msi)
{
	const struct pn_intr m = pn_msi_decode(msi->addr, msi->data);

	vi->stats.forwarded++;
	pn_step(vi->agent, PN_STEP_FORWARD, m.dest, m.vector);
	issue(vi, &m);
	return PN_MSI_FORWARDED;
}

/* Target abort, and an event unless @quiet. */
static enum pn_msi_result refused(struct pn_amdvi *vi, const struct pn_msi *msi, bool quiet,
				  unsigned code, uint64_t flags, uint64_t addr)
{
	vi->stats.aborted++;
	pn_step(vi->agent, PN_STEP_ABORT, msi->devid, msi->data & PN_VI_INDEX_MASK);
	if (!quiet && !pn_mistake(PN_MISTAKE_FAULT_SILENT))
		pn_amdvi_event(vi, (uint64_t)code << PN_EVENT_CODE_SH | flags | msi->devid, addr);
	return PN_MSI_ABORTED;
}

/* IO_PAGE_FAULT of an interrupt: I = 1, RW = 0, PR = IRTE.RemapEn (2.5.3). */
static enum pn_msi_result fault(struct pn_amdvi *vi, const struct pn_msi *msi, bool quiet,
				uint64_t flags)
{
	const uint64_t addr = vi->knobs.fault_address == PN_FAULT_ADDR_INDEX
				      ? msi->data & PN_VI_INDEX_MASK
				      : msi->addr;

	return refused(vi, msi, quiet, PN_EVENT_IO_PAGE_FAULT, PN_EVENT_I | flags, addr);
}

/*
 * RZ tells a reserved bit from an undefined encoding (2.5.2). A DevID beyond the device table is
 * reported the same way, with neither bit (inferred).
 */
static enum pn_msi_result bad_dte(struct pn_amdvi *vi, const struct pn_msi *msi,
				  const struct pn_vi_dte *d)
{
	const bool rz = d->bad & (PN_DTE_BAD_RESERVED | PN_DTE_BAD_ALIGN);

	if (d->kind == PN_VI_DTE_NO_MEMORY)
		return refused(vi, msi, false, PN_EVENT_DEV_TAB_HARDWARE_ERROR,
			       PN_EVENT_I | PN_VI_MASTER_ABORT, d->pa);
	return refused(vi, msi, false, PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY,
		       PN_EVENT_I | (rz ? PN_EVENT_RZ : 0), msi->addr);
}

static uint64_t pasid_fields(uint32_t pasid)
{
	return PN_EVENT_GN | (uint64_t)(pasid & 0xFFFF) << 32 | (uint64_t)(pasid >> 16 & 15) << 16;
}

/* Message types other than fixed and arbitrated; only where data[10:8] is not part of the index. */
static enum pn_msi_result special(struct pn_amdvi *vi, const struct pn_msi *msi,
				  const struct pn_vi_dte *d)
{
	bool pass = false;

	switch (msi->data >> 8 & 7) {
	case PN_DM_NMI:
		pass = d->f.nmipass;
		break;
	case PN_DM_INIT:
		pass = d->f.initpass;
		break;
	case PN_DM_EXTINT:
		pass = d->f.eintpass;
		break;
	default: /* SMI is not let through here; 3 and 6 are reserved (inferred: the same fault) */
		break;
	}
	return pass ? forwarded(vi, msi) : fault(vi, msi, d->f.ig, 0);
}

/* Requests that the device table entry decides, without a remapping entry (2.2.2.1, 2.2.5). */
enum pn_msi_result pn_amdvi_not_remapped(struct pn_amdvi *vi, const struct pn_msi *msi,
					 const struct pn_vi_dte *d)
{
	if (d->kind >= PN_VI_DTE_ILLEGAL)
		return bad_dte(vi, msi, d);
	if (msi->has_pasid)
		return fault(vi, msi, d->f.iv && d->f.ig, pasid_fields(msi->pasid));
	if (d->kind == PN_VI_DTE_FORWARD)
		return forwarded(vi, msi);
	if ((msi->data & PN_VI_INDEX_MASK) >= vi->index_limit)
		return special(vi, msi, d);
	if (d->f.intctl == PN_INTCTL_FORWARD)
		return forwarded(vi, msi);
	if (d->f.intctl == PN_INTCTL_ABORT &&
	    vi->knobs.intctl00_event == PN_INTCTL00_INVALID_REQUEST)
		return refused(vi, msi, d->f.ig, PN_EVENT_INVALID_DEVICE_REQUEST,
			       4ull << PN_EVENT_TYPE_SH, msi->addr);
	return fault(vi, msi, d->f.ig, 0); /* IntCtl = 00b, or an index beyond the table */
}

/*
 * An entry or a vAPIC page that cannot be reached is PAGE_TAB_HARDWARE_ERROR: the one event for
 * failed accesses to tables other than the device table, and it has an I bit (inferred for the
 * page).
 */
enum pn_msi_result pn_amdvi_not_posted(struct pn_amdvi *vi, const struct pn_msi *msi,
				       const struct pn_vi_dte *d, const struct pn_vi_irte *e)
{
	const bool quiet = d->f.ig || e->supiopf;

	switch (e->kind) {
	case PN_VI_IRTE_REMAP:
		return remapped(vi, e);
	case PN_VI_IRTE_ABSENT:
		return fault(vi, msi, quiet, 0);
	case PN_VI_IRTE_ILLEGAL:
		return fault(vi, msi, quiet, PN_EVENT_PR | PN_EVENT_RZ);
	default:
		return refused(vi, msi, false, PN_EVENT_PAGE_TAB_HARDWARE_ERROR,
			       PN_EVENT_I | PN_VI_MASTER_ABORT, e->root);
	}
}

/* IOMMU off, or no interrupt request at all: that is not translated here. */
enum pn_msi_result pn_amdvi_not_mine(struct pn_amdvi *vi, const struct pn_msi *msi)
{
	if (!pn_msi_is(msi->addr))
		return refused(vi, msi, true, 0, 0, 0);
	return forwarded(vi, msi);
}

/* poison_stale: the host forgot an invalidation. */
enum pn_msi_result pn_amdvi_stale(struct pn_amdvi *vi, const struct pn_msi *msi,
				  const struct pn_vi_irte *e)
{
	if (!e)
		return refused(vi, msi, false, PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY, PN_EVENT_I,
			       msi->addr);
	return fault(vi, msi, false, e->lo & PN_IRTE_REMAPEN ? PN_EVENT_PR : 0);
}
