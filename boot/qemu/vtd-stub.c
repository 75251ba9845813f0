/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For a build without intel-iommu: the functions that the ACPI tables call. */
#include "qemu/osdep.h"
#include "hw/i386/postern/vtd.h"

void postern_vtd_more_units(GArray *table)
{
}
