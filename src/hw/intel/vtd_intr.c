/* SPDX-License-Identifier: MIT */
/*
 * The unit's own interrupts: fault event and invalidation completion. They never go through
 * remapping or posting (VT-d rev 5.10, 5.1.3). FECTL and IECTL have the same layout: data, address
 * and upper address follow.
 */
#include "vtd_priv.h"

static bool message(struct pn_vtd *v, uint32_t ctl, struct pn_intr *m)
{
	const uint32_t *reg = pn_vtd_reg(v, ctl);

	if (!pn_msi_is(reg[2]))
		return false;
	*m = pn_msi_decode(reg[2], reg[1]);
	/* The register exists only with ECAP.EIM. */
	m->dest |= reg[3] & ~0xFFu;
	return true;
}

static void send(struct pn_vtd *v, uint32_t ctl)
{
	struct pn_intr m;

	*pn_vtd_reg(v, ctl) &= ~PN_VTD_ECTL_IP;
	if (!message(v, ctl, &m))
		return;
	v->stats.interrupts++;
	pn_step(v->agent, PN_STEP_IOMMU_INT, m.dest, m.vector);
	if (v->bus->intr)
		v->bus->intr(v->bus->ctx, &m);
}

void pn_vtd_raise(struct pn_vtd *v, uint32_t ctl)
{
	uint32_t *reg = pn_vtd_reg(v, ctl);

	if (*reg & PN_VTD_ECTL_IM)
		*reg |= PN_VTD_ECTL_IP;
	else
		send(v, ctl);
}

void pn_vtd_write_ectl(struct pn_vtd *v, uint32_t ctl, uint32_t value)
{
	uint32_t *reg = pn_vtd_reg(v, ctl);

	*reg = (value & PN_VTD_ECTL_IM) | (*reg & PN_VTD_ECTL_IP);
	if (*reg == PN_VTD_ECTL_IP)
		send(v, ctl);
}
