// SPDX-License-Identifier: GPL-2.0-only
/* Of the harness of posted MSIs: what versions before 6.15 have otherwise (kernel_msi_old.c). */
#include <linux/sched.h>
#include <linux/slab.h>

#include "kernel_msi.h"

DEFINE_PER_CPU_CACHE_HOT(typeof(__preempt_count), __preempt_count);
DEFINE_PER_CPU_CACHE_HOT(bool, hardirq_stack_inuse);
DEFINE_PER_CPU_CACHE_HOT(struct task_struct *, current_task);

void pk_cpu_number(int cpu)
{
}

void *__kmalloc_noprof(DECL_KMALLOC_PARAMS(size, b, token), gfp_t flags)
{
	return pu_alloc(size, 64);
}
