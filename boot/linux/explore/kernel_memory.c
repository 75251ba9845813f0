// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of both vendors' harness, compiled in Linux's tree: memory that Linux allocates and frees, and
 * what may sleep. Linux may free what it allocated once; what uses it afterwards is found out.
 */
#include <linux/gfp.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "kernel.h"

static void *allocate(size_t size, size_t align, gfp_t gfp, unsigned long pc)
{
	if (gfpflags_allow_blocking(gfp))
		pu_may_sleep("an allocation that may wait", pc);
	return pu_allocate(size, align, pc);
}

void *__kmalloc_noprof(size_t size, gfp_t gfp)
{
	return allocate(size, 64, gfp, _RET_IP_);
}

kmem_buckets kmalloc_caches[NR_KMALLOC_TYPES];

void *__kmalloc_cache_noprof(struct kmem_cache *s, gfp_t gfp, size_t size)
{
	return allocate(size, 64, gfp, _RET_IP_);
}

void kfree(const void *p)
{
	pu_free(p, _RET_IP_);
}

unsigned long get_free_pages_noprof(gfp_t gfp, unsigned int order)
{
	return (unsigned long)allocate(PAGE_SIZE << order, PAGE_SIZE, gfp, _RET_IP_);
}

unsigned long get_zeroed_page_noprof(gfp_t gfp)
{
	return (unsigned long)allocate(PAGE_SIZE, PAGE_SIZE, gfp, _RET_IP_);
}

void free_pages(unsigned long p, unsigned int order)
{
	pu_free((void *)p, _RET_IP_);
}

/* A mutex is taken without contention, or waited for: a lock to which interrupts are of no matter.
 */
void mutex_lock(struct mutex *m)
{
	pu_may_sleep("mutex_lock()", _RET_IP_);
	pu_mutex(m, 1, _RET_IP_);
}

void mutex_unlock(struct mutex *m)
{
	pu_mutex(m, 0, _RET_IP_);
}
