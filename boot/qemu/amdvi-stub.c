/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For a build without amd-iommu: the functions that the ACPI tables call. */
#include "qemu/osdep.h"
#include "hw/i386/postern/amdvi.h"

uint64_t postern_amdvi_efr2(const AMDVIState *s)
{
    return 0;
}
