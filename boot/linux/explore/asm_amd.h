/* SPDX-License-Identifier: MIT */
/*
 * Included by force before the unmodified files of AMD's half: asm.h, and accesses to registers of
 * a device go to the model of that device (machine_amd.c) instead of to memory that is mapped.
 */
#ifndef PN_EXPLORE_ASM_AMD_H
#define PN_EXPLORE_ASM_AMD_H

#include "asm.h"

#include <linux/io.h>

asm(".macro wrmsr\n"
    "	call pn_asm_wrmsr\n"
    ".endm\n");

u32 pn_linux_readl(const volatile void __iomem *addr);
u64 pn_linux_readq(const volatile void __iomem *addr);
void pn_linux_writel(u32 val, volatile void __iomem *addr);
void pn_linux_writeq(u64 val, volatile void __iomem *addr);

#undef readl
#undef readq
#undef writel
#undef writeq
#define readl  pn_linux_readl
#define readq  pn_linux_readq
#define writel pn_linux_writel
#define writeq pn_linux_writeq

#endif
