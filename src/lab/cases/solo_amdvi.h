/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_SOLO_AMDVI_H
#define PN_LAB_CASES_SOLO_AMDVI_H

#include "solo_amd.h"

/*
 * For cases that drive one IOMMU alone, solo->vi: its registers, the rings that software gives it,
 * its tables, and how a request ends.
 */

#define CMDS   SOLO_AT(0) /* 256 entries */
#define EVENTS SOLO_AT(1)
#define GALOG  SOLO_AT(2) /* 512 entries */
#define SHADOW SOLO_AT(3) /* semaphores, and the copy of the log's tail */
#define DEVTAB SOLO_AT(4)
#define LEN(n) ((uint64_t)(n) << PN_AMDVI_LEN_SH) /* of a ring */

/* What an IOMMU is made of that has solo's bus and agent, to be changed. */
void vi_config(struct pn_amdvi_config *hw);

uint64_t vi_rd(uint32_t off); /* 64 bits */
void vi_wr(uint32_t off, uint64_t value);
/* A register is @value. */
void vi_is(uint32_t off, uint64_t value, const char *what);

/* One more command in the ring; and, if the IOMMU waits with commands, executed. */
void vi_put(uint64_t q0, uint64_t q1);
void vi_command(uint64_t q0, uint64_t q1);
/* INVALIDATE_IOMMU_ALL. */
void vi_flush(void);

/* Bits 191:128 of a device table entry. */
void vi_dte(unsigned devid, uint64_t q);
/* An entry of 128 bits of the table at @irt. */
void vi_irte(uint64_t irt, unsigned index, uint64_t lo, uint64_t hi);

/* A request; solo's counts begin anew. */
enum pn_msi_result vi_send(const struct pn_msi *m);
/* It is aborted, with this event; @q0 = 0: with none. */
void vi_aborts(const struct pn_msi *m, uint64_t q0, uint64_t q1, const char *what);

#endif
