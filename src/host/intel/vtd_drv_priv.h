/* SPDX-License-Identifier: MIT */
#ifndef PN_VTD_DRV_PRIV_H
#define PN_VTD_DRV_PRIV_H

#include "postern/vtd_regs.h"
#include "vtd_drv.h"

/* What the files of the driver share. */

/* Can @apicid be written as a destination? Without x2APIC only eight bits count. */
static inline bool pn_vtd_apicid_ok(const struct pn_vtd_drv *d, uint32_t apicid)
{
	return d->x2apic || apicid <= 0xFF;
}

#endif
