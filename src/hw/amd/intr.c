/* SPDX-License-Identifier: MIT */
/*
 * The IOMMU's own interrupts: XT interrupt control registers (48882 rev 3.11, 3.4.x) or its PCI MSI
 * capability.
 */
#include "amdvi_priv.h"

/* Vector 0 counts as masked: software masks by writing 0 to the register. */
static bool message_xt(uint64_t xt, struct pn_intr *m)
{
	*m = (struct pn_intr){
		.dest = (uint32_t)(xt >> PN_XT_DESTLO_SH & 0xFFFFFF) |
			(uint32_t)(xt >> PN_XT_DESTHI_SH) << 24,
		.vector = (uint8_t)(xt >> PN_XT_VECTOR_SH),
		.mode = xt & PN_XT_DELIVERY ? PN_DM_LOWEST : PN_DM_FIXED,
		.logical = xt & PN_XT_DM,
	};
	return m->vector != 0;
}

static bool message_pci(const struct pn_amdvi *vi, uint8_t msgnum, struct pn_intr *m)
{
	uint64_t addr = vi->r.msi_lo >> 32 | vi->r.msi_hi << 32;
	uint32_t data = (uint32_t)(vi->r.msi_hi >> 32) | msgnum;

	if (!vi->msi_enable || !pn_msi_is(addr))
		return false;
	*m = pn_msi_decode(addr, data);
	return true;
}

static bool raise(struct pn_amdvi *vi, uint64_t xt, uint8_t msgnum, unsigned step)
{
	struct pn_intr m;

	if (vi->r.control & PN_CTRL_INTCAPXTEN ? !message_xt(xt, &m) : !message_pci(vi, msgnum, &m))
		return false;
	pn_step(vi->agent, step, m.dest, m.vector);
	if (vi->bus->intr)
		vi->bus->intr(vi->bus->ctx, &m);
	return true;
}

void pn_amdvi_latch(struct pn_amdvi *vi, uint64_t latch)
{
	const bool was = vi->r.status & latch;
	const uint64_t c = vi->r.control;

	vi->r.status |= latch;
	if (latch == PN_ST_GAINT) {
		if ((c & PN_CTRL_GAINTEN) && (!was || vi->knobs.galog_interrupt == PN_GAINT_EACH) &&
		    raise(vi, vi->r.xt_ga, vi->msgnum_ga, PN_STEP_GA_INT))
			vi->stats.ga_interrupts++;
		return;
	}
	if (!was && (c & (latch == PN_ST_COMWAITINT ? PN_CTRL_COMWAITINTEN : PN_CTRL_EVENTINTEN)))
		raise(vi, vi->r.xt_gen, vi->msgnum_event, PN_STEP_IOMMU_INT);
}
