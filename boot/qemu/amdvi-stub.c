/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without amd-iommu: what the ACPI tables ask about it. */
#include "qemu/osdep.h"
#include "hw/i386/postern/amdvi.h"

uint64_t postern_amdvi_efr2(const AMDVIState *s)
{
    return 0;
}
