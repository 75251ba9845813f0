/* SPDX-License-Identifier: MIT */
/*
 * MSIs in the unmapped format, decoded and encoded (AMD64 APM vol 2, 16.11; the same on both
 * vendors).
 */
#include "postern/x86.h"

#define ADDR_DM	     (1u << 2)
#define ADDR_RH	     (1u << 3)
#define ADDR_DEST_SH 12
#define DATA_MODE_SH 8
#define DATA_ASSERT  (1u << 14)
#define DATA_LEVEL   (1u << 15)

struct pn_intr pn_msi_decode(uint64_t addr, uint32_t data)
{
	return (struct pn_intr){
		.dest = (uint32_t)(addr >> ADDR_DEST_SH) & 0xFF,
		.vector = (uint8_t)data,
		.mode = (uint8_t)(data >> DATA_MODE_SH & 7),
		.logical = addr & ADDR_DM,
		.level = data & DATA_LEVEL,
	};
}

void pn_msi_encode(const struct pn_intr *intr, uint64_t *addr, uint32_t *data)
{
	*addr = PN_MSI_ADDR_BASE | (uint64_t)(intr->dest & 0xFF) << ADDR_DEST_SH |
		(intr->logical ? ADDR_DM : 0) | (intr->mode == PN_DM_LOWEST ? ADDR_RH : 0);
	*data = intr->vector | (uint32_t)(intr->mode & 7) << DATA_MODE_SH |
		(intr->level ? DATA_LEVEL | DATA_ASSERT : 0);
}
