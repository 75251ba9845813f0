/* SPDX-License-Identifier: MIT */
/*
 * A page that stands for a vCPU's APIC backing page. An IOMMU posts to it, no CPU runs on it, and
 * the whole page is compared with what must be in it.
 */
#include "vapic.h"

#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "iommu.h"
#include "util.h"

#define IRR	0x200 /* eight words, 16 bytes apart */
#define PATTERN 0xA5
#define IOVA	0x100000

static uint32_t *word(uint8_t *page, unsigned n)
{
	return (uint32_t *)(void *)(page + IRR + n * 16);
}

/* VFIO maps the page for the device, which never uses it, so that the kernel pins it. */
void vapic_create(struct vapic *v, const struct edu *edu)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = IOVA,
		.size = sizeof(v->expected),
	};

	v->page = mmap(NULL, sizeof(v->expected), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (v->page == MAP_FAILED)
		die("vAPIC page");
	dma.vaddr = (uintptr_t)v->page;
	if (ioctl(edu->container, VFIO_IOMMU_MAP_DMA, &dma))
		die("pinning the vAPIC page");
	memset(v->page, PATTERN, sizeof(v->expected));
	memset(v->expected, PATTERN, sizeof(v->expected));
	vapic_clear(v);
	v->pa = physical_address(v->page);
}

void vapic_destroy(struct vapic *v)
{
	munmap(v->page, sizeof(v->expected));
}

void vapic_clear(struct vapic *v)
{
	for (unsigned n = 0; n < 8; n++) {
		*word(v->expected, n) = 0;
		__atomic_store_n(word(v->page, n), 0, __ATOMIC_SEQ_CST);
	}
}

void vapic_expect(struct vapic *v, uint8_t vector)
{
	*word(v->expected, vector >> 5) |= 1u << (vector & 31);
}

void vapic_set(struct vapic *v, uint8_t vector)
{
	vapic_expect(v, vector);
	__atomic_fetch_or(word(v->page, vector >> 5), 1u << (vector & 31), __ATOMIC_SEQ_CST);
}

bool vapic_matches(const struct vapic *v)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !memcmp(v->page, v->expected, sizeof(v->expected));
}
