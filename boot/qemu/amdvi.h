/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_AMDVI_H
#define HW_I386_POSTERN_AMDVI_H

#include "exec/hwaddr.h"
#include "exec/memattrs.h"
#include "qom/object.h"

typedef struct AMDVIState AMDVIState;
typedef struct PosternAMDVI PosternAMDVI;
typedef struct PCIDevice PCIDevice;
typedef struct VMStateDescription VMStateDescription;

/*
 * Callable from any thread, with or without the BQL, unless a comment says
 * otherwise.
 */

/*
 * The model behind an amd-iommu with ga=on: registers, commands, logs,
 * interrupts.
 */
bool postern_amdvi_realize(AMDVIState *s, Error **errp);
void postern_amdvi_reset(AMDVIState *s);

/* Bits of the two feature registers that the properties ga and gappi add. */
uint64_t postern_amdvi_efr(const AMDVIState *s);
uint64_t postern_amdvi_efr2(const AMDVIState *s);

uint64_t postern_amdvi_read(AMDVIState *s, hwaddr addr, unsigned size);
void postern_amdvi_write(AMDVIState *s, hwaddr addr, uint64_t val,
                         unsigned size);

/*
 * Configuration space of the IOMMU's PCI function: it has the MSI capability.
 */
void postern_amdvi_config_write(PCIDevice *dev, uint32_t addr, uint32_t val,
                                int len);

/* A device's interrupt message. */
MemTxResult postern_amdvi_msi(AMDVIState *s, uint64_t addr, uint32_t data,
                              uint16_t sid);

/* Events of address translation, for the event log. */
void postern_amdvi_event(AMDVIState *s, const uint64_t *evt);
void postern_amdvi_page_fault(AMDVIState *s, uint16_t devid, uint16_t domid,
                              hwaddr addr, bool write, bool present);

/* Of an AMDVIState with ga=on; with ga=off there is a migration blocker. */
extern const VMStateDescription vmstate_postern_amdvi;

char *postern_amdvi_steps(const AMDVIState *s);

#endif
