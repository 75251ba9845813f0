/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_DEVICE_H
#define HW_I386_POSTERN_DEVICE_H

#include "qom/object.h"

/* Properties that Postern adds to the class of the amd-iommu device. */
void postern_amdvi_class_init(ObjectClass *klass);

#endif
