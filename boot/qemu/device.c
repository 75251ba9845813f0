/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-only properties that Postern adds to the amd-iommu device: its version,
 * and the steps that the model took.
 */
#include "qemu/osdep.h"
#include "../amd_iommu.h"
#include "hw/i386/postern/amdvi.h"
#include "hw/i386/postern/device.h"
#include "postern/postern.h"

static char *postern_version_get(Object *obj, Error **errp)
{
    return g_strdup(pn_version());
}

static char *postern_steps_get(Object *obj, Error **errp)
{
    return postern_amdvi_steps(AMD_IOMMU_DEVICE(obj));
}

void postern_amdvi_class_init(ObjectClass *klass)
{
    object_class_property_add_str(klass, "postern", postern_version_get, NULL);
    object_class_property_set_description(klass, "postern", pn_version());
    object_class_property_add_str(klass, "postern-steps", postern_steps_get,
                                  NULL);
}
