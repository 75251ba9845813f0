/* SPDX-License-Identifier: MIT */
/*
 * Included by force before the unmodified files of bare metal's posted MSIs: asm.h, registers as in
 * asm_amd.h, per-CPU variables, counters of interrupts among them, as in asm_percpu.h. cpu_relax()
 * waits.
 */
#ifndef PN_EXPLORE_ASM_MSI_H
#define PN_EXPLORE_ASM_MSI_H

#include "asm_amd.h"
#include "asm_percpu.h"

#include <linux/processor.h>

void pu_relax(void);
#define cpu_relax() pu_relax()

#endif
