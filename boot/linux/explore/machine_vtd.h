/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_MACHINE_VTD_H
#define PN_EXPLORE_MACHINE_VTD_H

#include "postern/vtd.h"

/* ---- machine_vtd.c ---- */

/* During set-up; Linux enables the unit. @deliver takes what the unit sends to processors. */
void mv_build(void (*deliver)(void *ctx, const struct pn_intr *intr), bool x2apic);
/* The memory that the unit and processors see. */
extern struct pn_bus mv_bus;
/* The unit handles a message; accesses to its registers come before or after. */
enum pn_msi_result mv_msi(const struct pn_msi *msi);
/* Until it has handled the message that is under way. */
void mv_wait(void);

#endif
