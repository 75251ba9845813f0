/* SPDX-License-Identifier: MIT */
/*
 * What an emulator saves and loads: the state of an IOMMU, and of a core's AVIC. A saved state may
 * come from a file or a network, so it is checked like any other input.
 */
#include <errno.h>
#include <string.h>

#include "amdvi_priv.h"
#include "avic_priv.h"

void pn_amdvi_save(const struct pn_amdvi *vi, struct pn_amdvi_state *out)
{
	*out = (struct pn_amdvi_state){
		.r = vi->r,
		.cmd_stopped = vi->cmd_stopped,
		.evt_stopped = vi->evt_stopped,
		.ga_stopped = vi->ga_stopped,
		.ga_lingers = vi->ga_lingers,
		.snp_locked = vi->snp_locked,
		.msi_enable = vi->msi_enable,
	};
}

int pn_amdvi_load(struct pn_amdvi *vi, const struct pn_amdvi_state *in)
{
	if (!pn_amdvi_regs_possible(vi, &in->r) || (in->ga_lingers && !in->ga_stopped))
		return -EINVAL;
	vi->r = in->r;
	vi->cmd_stopped = in->cmd_stopped;
	vi->evt_stopped = in->evt_stopped;
	vi->ga_stopped = in->ga_stopped;
	vi->ga_lingers = in->ga_lingers;
	vi->snp_locked = in->snp_locked;
	vi->msi_enable = in->msi_enable;
	pn_amdvi_drop_all(vi);
	pn_amdvi_derive(vi);
	return 0;
}

/* In host mode only a doorbell that the core holds is left of the last guest. */
void pn_avic_save(const struct pn_avic *av, struct pn_avic_state *out)
{
	memset(out, 0, sizeof(*out));
	out->doorbell = av->doorbell;
	out->in_guest = av->in_guest;
	if (!pn_avic_on(av))
		return;
	out->active = true;
	out->x2 = av->x2;
	out->v_tpr = av->v_tpr;
	out->max_index = av->max_index;
	out->page_pa = av->page_pa;
	out->logical_table = av->logical_table;
	out->physical_table = av->physical_table;
}

/* What VMRUN would have been given to come to that state. */
static struct pn_avic_vmcb vmcb_of(const struct pn_avic_state *in)
{
	return (struct pn_avic_vmcb){
		.v_intr = in->v_tpr | PN_VINTR_AVIC | (in->x2 ? PN_VINTR_X2AVIC : 0),
		.backing_page = in->page_pa,
		.logical_table = in->logical_table,
		.physical_table = in->physical_table | in->max_index,
		.np_enable = true,
	};
}

static bool possible(const struct pn_avic *av, const struct pn_avic_state *in)
{
	const uint64_t low = (in->page_pa | in->logical_table | in->physical_table) & 0xFFF;
	const struct pn_avic_vmcb vmcb = vmcb_of(in);

	if (!in->active)
		return true;
	return in->in_guest && in->v_tpr <= PN_VINTR_TPR_MASK && !low && in->max_index < 4096 &&
	       !pn_avic_vmcb_check(&av->feat, &vmcb);
}

int pn_avic_load(struct pn_avic *av, const struct pn_avic_state *in)
{
	uint32_t *page = NULL;

	if (!possible(av, in))
		return -EINVAL;
	if (in->active)
		page = pn_avic_map(av, in->page_pa, 4096, 8);
	if (in->active && !page)
		return -EFAULT;
	av->active = in->active;
	av->x2 = in->x2;
	av->in_guest = in->in_guest;
	av->entering = false;
	av->doorbell = in->doorbell;
	av->v_tpr = in->v_tpr;
	av->max_index = in->max_index;
	av->page = page;
	av->page_pa = in->page_pa;
	av->logical_table = in->logical_table;
	av->physical_table = in->physical_table;
	av->stale_entry = av->stale_value = 0;
	return 0;
}
