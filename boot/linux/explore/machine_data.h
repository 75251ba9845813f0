/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_MACHINE_DATA_H
#define PN_EXPLORE_MACHINE_DATA_H

#include "harness.h"

/* ---- machine_data.c ---- */

/* During set-up, first of all: Linux's own variables, as they are at the start. */
void pn_build_data(void);
/* A name for what of them has none of its own: after all others, or before those of parts. */
void pn_name_data(void);

/* ---- the machine's: registers of its units, @addr being that which Linux accesses ---- */

uint64_t pn_reg_read(const volatile void *addr, unsigned size);
void pn_reg_write(volatile void *addr, unsigned size, uint64_t v);

#endif
