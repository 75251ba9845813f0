/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_VTD_H
#define HW_I386_POSTERN_VTD_H

#include "exec/hwaddr.h"
#include "exec/memattrs.h"
#include "qom/object.h"

typedef struct IntelIOMMUState IntelIOMMUState;
typedef struct PosternVTD PosternVTD;

/* Under the BQL, except postern_vtd_dma_fault(). */

/*
 * The unit behind an intel-iommu with pi=on or pi=off: registers, queue,
 * faults, interrupts. With pi=auto, the default, there is none, and these do
 * nothing.
 */
bool postern_vtd_realize(IntelIOMMUState *s, Error **errp);
void postern_vtd_reset(IntelIOMMUState *s);
void postern_vtd_class_init(ObjectClass *klass);

/* What pi=on adds to CAP. */
uint64_t postern_vtd_cap(const IntelIOMMUState *s);

/* False: QEMU's own code has the register. A write may go to both. */
bool postern_vtd_read(IntelIOMMUState *s, hwaddr addr, unsigned size,
                      uint64_t *val);
bool postern_vtd_write(IntelIOMMUState *s, hwaddr addr, uint64_t *val,
                       unsigned size);

/*
 * The message of a device, or of the I/O APIC, which has no requester ID here.
 */
MemTxResult postern_vtd_msi(IntelIOMMUState *s, uint64_t addr, uint32_t data,
                            uint16_t sid);

/*
 * A fault of address translation, from any thread, with the lock of
 * translations held.
 */
void postern_vtd_dma_fault(IntelIOMMUState *s, int reason, bool fpd,
                           uint16_t sid, hwaddr addr, bool write,
                           bool has_pasid, uint32_t pasid);

/* More units of the machine, for the DMAR table. */
void postern_vtd_more_units(GArray *table);

#endif
