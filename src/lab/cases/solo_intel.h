/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_SOLO_INTEL_H
#define PN_LAB_CASES_SOLO_INTEL_H

#include "cases_intel.h"
#include "postern/vtd_irte.h"
#include "postern/vtd_regs.h"

/* For cases of one agent that look at a remapping unit by its registers: that of intel->vtd. */

/* In set-up: what the machine's unit is made of, to be changed. */
void unit_config(struct pn_vtd_config *cfg);
/* In set-up: a unit made of @cfg. */
struct pn_vtd *unit_make(const struct pn_vtd_config *cfg);

uint64_t unit_rd(uint32_t off); /* 64 bits */
uint32_t unit_rd32(uint32_t off);
void unit_wr(uint32_t off, uint64_t value);
void unit_wr32(uint32_t off, uint32_t value);
/* One more bit of GCMD on, or off. */
void unit_gcmd(uint32_t set, uint32_t clear);
/* Requester @sid interrupts by entry @handle + @subhandle. */
enum pn_msi_result unit_msi(uint16_t handle, uint16_t subhandle, uint16_t sid);
/* Reason of the fault in record @i, 0: none. */
unsigned unit_reason(unsigned i);
/* Memory of the machine; @what is a place in it that a case uses. */
void *unit_ptr(uint64_t pa);
/* P7 unless they are equal; says which. */
void unit_eq(uint64_t got, uint64_t want, const char *what);

/* Requests and entries as bits. */
void intel_unit_formats(void);

#define UNIT_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
