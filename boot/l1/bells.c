/* SPDX-License-Identifier: MIT */
/*
 * The device of this project with many MSI-X messages: opens it and gives each message an eventfd.
 */
#include "bells.h"

#include <linux/vfio.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util.h"

void bells_open(struct bells *b, uint16_t device, unsigned n)
{
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + sizeof(b->eventfd)];
	} irq = {.set = {.argsz = sizeof(irq.set) + n * (unsigned)sizeof(int),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = VFIO_PCI_MSIX_IRQ_INDEX,
			 .count = n}};

	edu_open_as(&b->dev, device, 0);
	b->n = n;
	for (unsigned i = 0; i < n; i++) {
		b->eventfd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (b->eventfd[i] < 0)
			die("eventfd");
	}
	memcpy(irq.bytes + offsetof(struct vfio_irq_set, data), b->eventfd, n * sizeof(int));
	if (ioctl(b->dev.device, VFIO_DEVICE_SET_IRQS, &irq))
		die("%u interrupts of %s", n, b->dev.name);
}

void bells_close(struct bells *b)
{
	struct vfio_irq_set set = {.argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = VFIO_PCI_MSIX_IRQ_INDEX};

	if (ioctl(b->dev.device, VFIO_DEVICE_SET_IRQS, &set))
		die("interrupts of %s off", b->dev.name);
	for (unsigned i = 0; i < b->n; i++)
		close(b->eventfd[i]);
	edu_close(&b->dev);
}

void bells_ring(const struct bells *b, unsigned i)
{
	b->dev.bar[0] = i;
}

void bells_send(const struct bells *b, uint32_t delay_ns, uint32_t spacing_ns)
{
	b->dev.bar[1] = spacing_ns;
	b->dev.bar[2] = b->n;
	b->dev.bar[3] = delay_ns;
}

uint32_t bells_sent(const struct bells *b)
{
	return b->dev.bar[1];
}
