/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_AMD_IOMMU_H
#define PN_LAB_CASES_AMD_IOMMU_H

#include "case_setup.h"
#include "postern/amd_dte.h"
#include "postern/amd_log.h"
#include "solo_amdvi.h"

/* Cases of one IOMMU alone, by all its registers and its caches: what their files share. */

#define IRT   SOLO_AT(8) /* of DevID 8; 16 bytes an entry */
#define IRT2  SOLO_AT(9) /* of DevID 109h */
#define VAPIC SOLO_AT(10)

#define DEV   8u
#define OTHER 0x109u /* in the same bucket of the cache */
#define RUNS  (PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN | PN_ST_GALOGRUN)
#define ALL   UINT64_MAX
#define CTRL                                                                                       \
	(PN_CTRL_IOMMUEN | PN_CTRL_EVENTLOGEN | PN_CTRL_EVENTINTEN | PN_CTRL_COMWAITINTEN |        \
	 PN_CTRL_CMDBUFEN | PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC | PN_CTRL_GALOGEN |                 \
	 PN_CTRL_GAINTEN | PN_CTRL_XTEN | PN_CTRL_INTCAPXTEN)

#define GUEST (PN_IRTE_GUESTMODE | PN_IRTE_REMAPEN)

/* Without features; with other kinds of emptiness: one word, and any. */
extern struct pn_amdvi *iommu_bare, *iommu_eager[2];

/* Everything is on, and both devices have a table. */
void iommu_bring_up(void);
void iommu_clear_status(void);
/* Of 16 entries at @root. */
void iommu_dte(unsigned devid, uint64_t root);
/* The device interrupts. */
enum pn_msi_result iommu_ask(unsigned devid, unsigned index);

/* Parts of the cases: registers, and what may not change while it runs; commands and logs, of which
 * the last event is cleared or not; caches; an IOMMU that must not use what is stale. */
void iommu_registers(void), iommu_held(void);
void iommu_commands(void), iommu_event_log(bool broken), iommu_interrupts(void);
void iommu_caches(void), iommu_forms(void), iommu_stale(bool broken);

#endif
