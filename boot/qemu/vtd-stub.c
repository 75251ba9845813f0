/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without intel-iommu: what the ACPI tables ask about it. */
#include "qemu/osdep.h"
#include "hw/i386/postern/vtd.h"

void postern_vtd_more_units(GArray *table)
{
}
