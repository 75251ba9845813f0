// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of the harness of posted MSIs, for versions before 6.15: kernel_msi_now.c, and what their files
 * call that later ones do not.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "kernel_msi.h"

DEFINE_PER_CPU_ALIGNED(struct pcpu_hot, pcpu_hot);
int nr_irqs = PK_IRQS;
unsigned long vmemmap_base;

void pk_cpu_number(int cpu)
{
	per_cpu(pcpu_hot, cpu).cpu_number = cpu;
}

void *__kmalloc_noprof(DECL_BUCKET_PARAMS(size, b), gfp_t flags)
{
	return pu_alloc(size, 64);
}

/* A page is only a number here. */
struct page *__alloc_pages_noprof(gfp_t gfp, unsigned int order, int node, nodemask_t *nodes)
{
	return virt_to_page(pu_alloc(PAGE_SIZE << order, PAGE_SIZE));
}

void mod_node_page_state(struct pglist_data *node, enum node_stat_item item, long delta)
{
}

struct irq_desc *__irq_get_desc_lock(unsigned int irq, unsigned long *flags, bool bus,
				     unsigned int check)
{
	struct irq_desc *desc = irq_to_desc(irq);

	raw_spin_lock_irqsave(&desc->lock, *flags);
	return desc;
}

void __irq_put_desc_unlock(struct irq_desc *desc, unsigned long flags, bool bus)
{
	raw_spin_unlock_irqrestore(&desc->lock, flags);
}

int timer_delete_sync_try(struct timer_list *timer);

int try_to_del_timer_sync(struct timer_list *timer)
{
	return timer_delete_sync_try(timer);
}
