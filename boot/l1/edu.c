/* SPDX-License-Identifier: MIT */
/*
 * QEMU's device "edu", opened through VFIO as a VMM does it: its MSI, its INTx, and the registers
 * that raise them.
 */
#include "edu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "irq.h"
#include "pci.h"
#include "util.h"

#define EDU_RAISE	(0x60 / 4)
#define EDU_ACKNOWLEDGE (0x64 / 4)
#define EDU_DMA_FROM	(0x80 / 4)
#define EDU_DMA_TO	(0x88 / 4)
#define EDU_DMA_BYTES	(0x90 / 4)
#define EDU_DMA_COMMAND (0x98 / 4)
#define EDU_MEMORY	0x40000 /* its own, as its DMA counts */
#define EDU_RUN_AND_MSI 5

static void bind_vfio(const struct edu *edu)
{
	char path[100];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override", edu->name);
	if (!write_file(path, "vfio-pci"))
		die("%s", path);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", edu->name);
	if (access(path, F_OK) && !write_file("/sys/bus/pci/drivers_probe", edu->name))
		die("vfio-pci and %s", edu->name);
}

static void open_group(struct edu *edu)
{
	char path[100], link[100];
	ssize_t n;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", edu->name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		die("%s has no IOMMU group", edu->name);
	link[n] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	edu->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	edu->group = open(path, O_RDWR | O_CLOEXEC);
	if (edu->container < 0 || edu->group < 0)
		die("%s", path);
	if (ioctl(edu->group, VFIO_GROUP_SET_CONTAINER, &edu->container))
		die("group into container");
	if (ioctl(edu->container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))
		die("type 1 IOMMU");
}

static void map_bar(struct edu *edu)
{
	struct vfio_region_info region = {.argsz = sizeof(region),
					  .index = VFIO_PCI_BAR0_REGION_INDEX};
	void *map;

	if (ioctl(edu->device, VFIO_DEVICE_GET_REGION_INFO, &region))
		die("BAR 0");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, edu->device,
		   (off_t)region.offset);
	if (map == MAP_FAILED)
		die("mapping BAR 0");
	edu->bar = map;
}

/* Makes the device a bus master: otherwise it must not send messages. */
static void bus_master(struct edu *edu)
{
	struct vfio_region_info config = {.argsz = sizeof(config),
					  .index = VFIO_PCI_CONFIG_REGION_INDEX};
	uint16_t command;

	if (ioctl(edu->device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    pread(edu->device, &command, 2, (off_t)config.offset + 4) != 2)
		die("configuration space");
	command |= 0x6;
	if (pwrite(edu->device, &command, 2, (off_t)config.offset + 4) != 2)
		die("bus mastering");
}

void edu_open(struct edu *edu, unsigned nth)
{
	edu_open_as(edu, PCI_EDU, nth);
}

void edu_open_as(struct edu *edu, uint16_t device, unsigned nth)
{
	memset(edu, 0, sizeof(*edu));
	errno = ENODEV;
	if (!pci_find(device, nth, edu->name, sizeof(edu->name)))
		die("device %x, number %u", device, nth);
	bind_vfio(edu);
	open_group(edu);
	edu->device = ioctl(edu->group, VFIO_GROUP_GET_DEVICE_FD, edu->name);
	if (edu->device < 0)
		die("device %s", edu->name);
	bus_master(edu);
	map_bar(edu);
	edu->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (edu->eventfd < 0)
		die("eventfd");
}

void edu_close(struct edu *edu)
{
	munmap((void *)(uintptr_t)edu->bar, 4096);
	close(edu->device);
	close(edu->group);
	close(edu->container);
	close(edu->eventfd);
}

/* @fd gets the interrupts of @index, or takes their mask off. */
static void irq_eventfd(const struct edu *edu, uint32_t index, uint32_t action, int fd)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} irq = {.set = {.argsz = sizeof(irq.bytes),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | action,
			 .index = index,
			 .count = 1}};

	memcpy(irq.bytes + sizeof(irq.set), &fd, sizeof(int32_t));
	if (ioctl(edu->device, VFIO_DEVICE_SET_IRQS, &irq))
		die("interrupt %u of %s", index, edu->name);
}

static void irq_off(const struct edu *edu, uint32_t index)
{
	struct vfio_irq_set set = {.argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = index};

	if (ioctl(edu->device, VFIO_DEVICE_SET_IRQS, &set))
		die("interrupt %u of %s off", index, edu->name);
}

void edu_msi_enable(struct edu *edu)
{
	irq_eventfd(edu, VFIO_PCI_MSI_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, edu->eventfd);
}

void edu_msi_disable(struct edu *edu)
{
	irq_off(edu, VFIO_PCI_MSI_IRQ_INDEX);
}

void edu_msi_signal(const struct edu *edu, int eventfd)
{
	irq_eventfd(edu, VFIO_PCI_MSI_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, eventfd);
}

void edu_intx_enable(const struct edu *edu, int eventfd, int unmask)
{
	irq_eventfd(edu, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, eventfd);
	irq_eventfd(edu, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK, unmask);
}

void edu_intx_disable(const struct edu *edu)
{
	irq_off(edu, VFIO_PCI_INTX_IRQ_INDEX);
}

void edu_msi_affinity(const struct edu *edu, int pcpu)
{
	irq_affinity(edu->name, pcpu);
}

void edu_dma_map(const struct edu *edu)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)page,
		.size = 4096,
	};

	if (page == MAP_FAILED || ioctl(edu->container, VFIO_IOMMU_MAP_DMA, &map))
		die("a page for DMA");
}

void edu_dma(const struct edu *edu)
{
	edu->bar[EDU_DMA_FROM] = 0;
	edu->bar[EDU_DMA_TO] = EDU_MEMORY;
	edu->bar[EDU_DMA_BYTES] = 64;
	edu->bar[EDU_DMA_COMMAND] = EDU_RUN_AND_MSI;
}

void edu_raise(const struct edu *edu)
{
	edu->bar[EDU_RAISE] = 1;
}

void edu_acknowledge(const struct edu *edu)
{
	edu->bar[EDU_ACKNOWLEDGE] = 1;
}
