/* SPDX-License-Identifier: MIT */
/*
 * The IOMMU's registers and tables, read and written through /dev/mem (48882 rev 3.11, 2.2 and
 * 3.4): finds the unit in front of a device and the device's remapping entry.
 */
#include "iommu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pci.h"
#include "util.h"

#define PCI_CAP_LIST  0x34
#define CAP_MSI	      0x05
#define CAP_IOMMU     0x0F
#define CAP_BASE_LOW  4 /* 48882 rev 3.11, 3.2 */
#define CAP_BASE_HIGH 8
#define MSI_64BIT     0x80 /* of the low byte of Message Control */

#define MMIO_SIZE 0x4000
#define BASE_MASK 0x000FFFFFFFFFF000ull
#define DTE_SIZE  32

#define DTE_IV		(1ull << 0)
#define DTE_INTTABLEN	15ull /* 4:1 */
#define DTE_INTTABROOT	0x000FFFFFFFFFFFC0ull
#define DTE_INTCTL	(3ull << 60)
#define DTE_INTCTL_MAP	(2ull << 60)
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_PFN	((1ull << 55) - 1)

struct pci_config {
	uint8_t byte[256];
};

static uint32_t config_long(const struct pci_config *c, unsigned at)
{
	uint32_t v;

	memcpy(&v, &c->byte[at & 0xFC], sizeof(v));
	return v;
}

/* Reads the hardware's registers: VFIO would show its own copies. */
static void config_read(struct pci_config *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, c->byte, sizeof(c->byte), 0) != (ssize_t)sizeof(c->byte))
		die("%s", path);
	close(fd);
}

static unsigned capability(const struct pci_config *c, uint8_t id)
{
	unsigned at = c->byte[PCI_CAP_LIST] & 0xFC;

	for (unsigned n = 0; at && n < 48; n++, at = c->byte[at + 1] & 0xFC)
		if (c->byte[at] == id)
			return at;
	errno = ENODEV;
	die("no PCI capability %#x", id);
}

/* Pages that the kernel maps write-back itself want no O_SYNC. */
static volatile void *map(const struct iommu *iommu, uint64_t pa, size_t size)
{
	uint64_t start = pa & ~4095ull;
	char *p = mmap(NULL, size + (pa - start), PROT_READ | PROT_WRITE, MAP_SHARED, iommu->mem,
		       (off_t)start);

	if (p == MAP_FAILED)
		die("mapping %#llx", (unsigned long long)pa);
	return p + (pa - start);
}

void iommu_open(struct iommu *iommu, const char *device)
{
	struct pci_config c;
	char path[100];
	uint64_t base;
	unsigned cap;

	memset(iommu, 0, sizeof(*iommu));
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu/device/config", device);
	if (access(path, F_OK))
		return;
	config_read(&c, path);
	cap = capability(&c, CAP_IOMMU);
	base = (uint64_t)config_long(&c, cap + CAP_BASE_HIGH) << 32;
	base |= config_long(&c, cap + CAP_BASE_LOW) & ~(MMIO_SIZE - 1u);
	iommu->mem = open("/dev/mem", O_RDWR | O_CLOEXEC);
	if (iommu->mem < 0)
		die("/dev/mem");
	iommu->reg = map(iommu, base, MMIO_SIZE);
}

void iommu_close(struct iommu *iommu)
{
	if (!iommu->reg)
		return;
	munmap((void *)(uintptr_t)iommu->reg, MMIO_SIZE);
	close(iommu->mem);
}

uint64_t iommu_read(const struct iommu *iommu, uint32_t reg)
{
	return iommu->reg[reg / 8];
}

void iommu_write(const struct iommu *iommu, uint32_t reg, uint64_t value)
{
	iommu->reg[reg / 8] = value;
}

static uint16_t requester(const char *device)
{
	unsigned segment, bus, slot, function;

	errno = EINVAL;
	if (sscanf(device, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4 || segment)
		die("address of %s", device);
	return (uint16_t)(bus << 8 | slot << 3 | function);
}

/* The message's data is the index (2.2.5). */
static unsigned msi_index(const char *device)
{
	struct pci_config c;
	char path[100];
	unsigned cap;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/config", device);
	config_read(&c, path);
	cap = capability(&c, CAP_MSI);
	return config_long(&c, cap + (c.byte[cap + 2] & MSI_64BIT ? 12 : 8)) & 0x7FF;
}

/* Quadword 2 of the device table entry. */
static uint64_t dte_interrupts(const struct iommu *iommu, const char *device)
{
	uint64_t devtab = iommu_read(iommu, IOMMU_DEVTAB);
	uint32_t offset = requester(device) * DTE_SIZE;
	volatile uint64_t *dte;
	uint64_t v;

	errno = ENOTSUP;
	if ((iommu_read(iommu, IOMMU_CONTROL) & CONTROL_DEVTBLSEGEN) ||
	    offset >= ((devtab & 0x1FF) + 1) * 4096)
		die("device table of %s", device);
	dte = map(iommu, (devtab & BASE_MASK) + offset, DTE_SIZE);
	v = dte[2];
	munmap((void *)((uintptr_t)dte & ~4095ul), 4096);
	return v;
}

volatile struct irte *iommu_irte(const struct iommu *iommu, const char *device)
{
	uint64_t dte = dte_interrupts(iommu, device);
	unsigned index = msi_index(device);

	errno = ENOTSUP;
	if (!(iommu_read(iommu, IOMMU_CONTROL) & CONTROL_GAEN) || !(dte & DTE_IV) ||
	    (dte & DTE_INTCTL) != DTE_INTCTL_MAP || index >> (dte >> 1 & DTE_INTTABLEN))
		die("remapping table of %s", device);
	return map(iommu, (dte & DTE_INTTABROOT) + index * sizeof(struct irte),
		   sizeof(struct irte));
}

void iommu_irte_unmap(volatile struct irte *entry)
{
	munmap((void *)((uintptr_t)entry & ~4095ul), 4096);
}

struct irte irte_read(const volatile struct irte *entry)
{
	return (struct irte){entry->lo, entry->hi};
}

void irte_write(volatile struct irte *entry, struct irte value)
{
	struct irte old = irte_read(entry);
	char done;

	do
		__asm__ volatile("lock cmpxchg16b %1"
				 : "=@ccz"(done), "+m"(*entry), "+a"(old.lo), "+d"(old.hi)
				 : "b"(value.lo), "c"(value.hi)
				 : "memory");
	while (!done);
}

uint64_t physical_address(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, 8, (off_t)((uintptr_t)p / 4096 * 8)) != 8)
		die("pagemap");
	close(fd);
	errno = EFAULT;
	if (!(entry & PAGEMAP_PRESENT) || !(entry & PAGEMAP_PFN))
		die("no page at %p", p);
	return (entry & PAGEMAP_PFN) * 4096 | ((uintptr_t)p & 4095);
}
