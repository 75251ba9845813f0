/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_KERNEL_VTD_H
#define PN_EXPLORE_KERNEL_VTD_H

#include "kernel.h"

#define PK_DEVID 0x0100
#define PK_IRQS	 3 /* of the device behind it */

/* ---- kernel_vtd.c ---- */

/*
 * The unit with its registers at @mmio: queue, table and enabling by Linux's functions. @x2apic: it
 * uses APIC IDs of 32 bits.
 */
void pk_unit(void *mmio, int x2apic);
/* In Linux's tree: the unit. */
struct intel_iommu;
extern struct intel_iommu *pk_iommu;

#endif
