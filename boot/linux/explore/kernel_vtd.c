// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of both of Intel's halves of the harness that are compiled in Linux's tree: the VT-d unit, with
 * its queue and its table of interrupts, set up by Linux's own functions, and the device behind it.
 */
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <asm/irq_remapping.h>

#include "iommu.h"

#include "kernel_vtd.h"

int disable_sourceid_checking, irq_remapping_enabled = 1;

/* Of Linux, static there (build makes them global). */
void iommu_set_irq_remapping(struct intel_iommu *iommu, int mode);
void iommu_enable_irq_remapping(struct intel_iommu *iommu);
extern int eim_mode;

struct intel_iommu *pk_iommu;

/* intel_setup_irq_remapping() without its domain, and with a table of one page. */
void pk_unit(void *mmio, int x2apic)
{
	eim_mode = x2apic;
	pk_iommu = pu_alloc(sizeof(*pk_iommu), 64);
	pk_iommu->reg = mmio;
	pk_iommu->cap = readq(pk_iommu->reg + DMAR_CAP_REG);
	pk_iommu->ecap = readq(pk_iommu->reg + DMAR_ECAP_REG) | 1; /* coherent */
	pk_iommu->ir_domain = pu_alloc(sizeof(struct irq_domain), 64);
	pk_iommu->ir_domain->host_data = pk_iommu;
	pk_iommu->ir_table = pu_alloc(sizeof(*pk_iommu->ir_table), 64);
	pk_iommu->ir_table->base = pu_alloc(PAGE_SIZE, PAGE_SIZE);
	pk_iommu->ir_table->bitmap = pu_alloc(INTR_REMAP_TABLE_ENTRIES / 8, 64);
	if (dmar_enable_qi(pk_iommu))
		pu_stub("dmar_enable_qi(), which fails");
	iommu_set_irq_remapping(pk_iommu, x2apic);
	iommu_enable_irq_remapping(pk_iommu);
	for (int i = 0; i < PK_IRQS; i++)
		pu_name(&pk_iommu->ir_table->base[i], 16, "IRTE", i);
	pu_name(&pk_iommu->qi->q_lock, 4, "q_lock of unit", 0);
	pu_name(pk_iommu->qi->desc, PAGE_SIZE, "queue of unit", 0);
	pu_name(pk_iommu->qi->desc_status, 4 * QI_LENGTH, "desc_status of unit", 0);
}

/* ---- what they call ---- */

bool irq_remapping_cap(enum irq_remap_cap cap)
{
	return cap == IRQ_POSTING_CAP;
}

/* The device: function 0 of bus 1. */
static struct pci_bus bus = {.number = PK_DEVID >> 8};
static struct pci_dev device = {.bus = &bus, .devfn = PK_DEVID & 0xff};

struct pci_dev *msi_desc_to_pci_dev(struct msi_desc *desc)
{
	return &device;
}

struct pci_dev *pci_real_dma_dev(struct pci_dev *dev)
{
	return dev;
}

int pci_for_each_dma_alias(struct pci_dev *dev,
			   int (*fn)(struct pci_dev *dev, u16 alias, void *data), void *data)
{
	return fn(dev, PK_DEVID, data);
}

/* The entries of the table that are in use; during set-up. */
void __bitmap_set(unsigned long *map, unsigned int from, int n)
{
	while (n--)
		__set_bit(from++, map);
}

void *iommu_alloc_pages_node_sz(int node, gfp_t gfp, size_t size)
{
	return pu_alloc(size, PAGE_SIZE);
}

int _printk(const char *fmt, ...)
{
	return 0;
}

int ___ratelimit(struct ratelimit_state *rs, const char *func)
{
	return 0;
}

void __const_udelay(unsigned long xloops)
{
}
