/* SPDX-License-Identifier: MIT */
/* What cases of one agent on Intel share: the unit's registers, requests, comparisons. */
#include "solo_intel.h"

void unit_config(struct pn_vtd_config *cfg)
{
	pn_vtd_config_default(cfg);
	cfg->bus = &intel->bus;
	cfg->agent = &intel->agent;
	cfg->irte_cache = RIG_IRS;
}

struct pn_vtd *unit_make(const struct pn_vtd_config *cfg)
{
	struct pn_vtd *v = NULL;

	pn_vtd_create(cfg, &v);
	return v;
}

uint64_t unit_rd(uint32_t off)
{
	uint64_t value = 0;

	rig_want(!pn_vtd_read(intel->vtd, off, 8, &value), "P7", "a register cannot be read");
	return value;
}

uint32_t unit_rd32(uint32_t off)
{
	uint64_t value = 0;

	rig_want(!pn_vtd_read(intel->vtd, off, 4, &value) && !(value >> 32), "P7",
		 "a register cannot be read by 32 bits");
	return (uint32_t)value;
}

void unit_wr(uint32_t off, uint64_t value)
{
	rig_want(!pn_vtd_write(intel->vtd, off, 8, value), "P7", "a register cannot be written");
}

void unit_wr32(uint32_t off, uint32_t value)
{
	rig_want(!pn_vtd_write(intel->vtd, off, 4, value), "P7",
		 "a register cannot be written by 32 bits");
}

void unit_gcmd(uint32_t set, uint32_t clear)
{
	uint32_t levels = unit_rd32(PN_VTD_GSTS) & ~(PN_VTD_G_SIRTP | PN_VTD_G_SRTP);

	unit_wr32(PN_VTD_GCMD, (levels | set) & ~clear);
}

enum pn_msi_result unit_msi(uint16_t handle, uint16_t subhandle, uint16_t sid)
{
	struct pn_msi msi = {.devid = sid};

	pn_vtd_msi_encode(handle, subhandle, &msi.addr, &msi.data);
	return pn_vtd_msi(intel->vtd, &msi);
}

unsigned unit_reason(unsigned i)
{
	uint32_t base = (uint32_t)((unit_rd(PN_VTD_CAP) & PN_VTD_CAP_FRO) >> PN_VTD_CAP_FRO_SH);
	uint64_t hi = unit_rd((base + i) * PN_VTD_FR_SIZE + 8);

	return hi & PN_VTD_FR_F ? (unsigned)(hi >> PN_VTD_FR_REASON_SH) & 0xFF : 0;
}

void *unit_ptr(uint64_t pa)
{
	return pn_bus_ptr(&intel->bus, pa, 1);
}

void unit_eq(uint64_t got, uint64_t want, const char *what)
{
	rig_eq(got, want, "P7", what);
}
