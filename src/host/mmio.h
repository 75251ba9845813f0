/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_MMIO_H
#define PN_HOST_MMIO_H

#include <stdint.h>

/* Register access of one IOMMU, @off within its MMIO region. */
struct pn_mmio {
	void *ctx;
	uint64_t (*read)(void *ctx, uint32_t off, unsigned size);
	void (*write)(void *ctx, uint32_t off, unsigned size, uint64_t value);
};

#endif
