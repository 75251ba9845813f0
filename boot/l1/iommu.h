/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_IOMMU_H
#define POSTERN_L1_IOMMU_H

#include <stdint.h>

/*
 * Direct access to the IOMMU, without the kernel: the registers and tables of the unit that is in
 * front of a device, through /dev/mem (48882 rev 3.11, 2.2 and 3.4). Nothing here writes the
 * command buffer, whose tail only the kernel knows.
 */
struct iommu {
	int mem;		/* /dev/mem */
	volatile uint64_t *reg; /* NULL: the unit is not one of AMD's, which are PCI functions */
};

#define IOMMU_DEVTAB   0x0000
#define IOMMU_CONTROL  0x0018
#define IOMMU_EFR      0x0030
#define IOMMU_EFR2     0x01A0
#define IOMMU_EVT_TAIL 0x2018
#define IOMMU_STATUS   0x2020
#define IOMMU_GA_HEAD  0x2040
#define IOMMU_GA_TAIL  0x2048

#define CONTROL_GAEN	    (1ull << 17)
#define CONTROL_GAMEN	    (7ull << 25)
#define CONTROL_GAMEN_VAPIC (1ull << 25)
#define CONTROL_DEVTBLSEGEN (7ull << 34)
#define CONTROL_GALOGEN	    (1ull << 28)
#define CONTROL_GAPPIEN	    (1ull << 55)
#define EFR_GAPPISUP	    (1ull << 5)
#define EFR2_GAPPIDISSUP    (1ull << 4)
#define STATUS_GALOGRUN	    (1ull << 8)
#define STATUS_GALOVERFLOW  (1ull << 9)
#define STATUS_GAINT	    (1ull << 10)

/* A 128-bit interrupt remapping table entry (2.2.5.2, guest form 2.2.5.3). */
struct irte {
	uint64_t lo, hi;
} __attribute__((aligned(16)));

#define IRTE_REMAPEN	(1ull << 0)
#define IRTE_GALOGINTR	(1ull << 2)
#define IRTE_GAPPIDIS	(1ull << 5)
#define IRTE_ISRUN	(1ull << 6)
#define IRTE_GUESTMODE	(1ull << 7)
#define IRTE_DEST_LO	0x00000000FFFFFF00ull
#define IRTE_DEST_HI_SH 56
#define IRTE_ROOT	0x000FFFFFFFFFF000ull
#define IRTE_VECTOR	0x00000000000000FFull
#define IRTE_GATAG_SH	32

/* The unit in front of the PCI device @device. The others are for units with registers. */
void iommu_open(struct iommu *iommu, const char *device);
void iommu_close(struct iommu *iommu);
uint64_t iommu_read(const struct iommu *iommu, uint32_t reg);
void iommu_write(const struct iommu *iommu, uint32_t reg, uint64_t value);

/* The entry that the first MSI of @device goes through, in memory. */
volatile struct irte *iommu_irte(const struct iommu *iommu, const char *device);
void iommu_irte_unmap(volatile struct irte *entry);
struct irte irte_read(const volatile struct irte *entry);
/* In one piece, as the IOMMU reads it. */
void irte_write(volatile struct irte *entry, struct irte value);

/* The system physical address of @p, which is in memory. */
uint64_t physical_address(const void *p);

#endif
