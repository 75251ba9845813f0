// SPDX-License-Identifier: GPL-2.0-only
/* Linux's spinlocks, for all halves of the harness that are compiled in Linux's tree. */
#include <linux/spinlock.h>

#include "kernel.h"

void _raw_spin_lock(raw_spinlock_t *lock)
{
	pu_lock(lock, _RET_IP_);
}

void _raw_spin_unlock(raw_spinlock_t *lock)
{
	pu_unlock(lock, _RET_IP_);
}

void _raw_spin_lock_irq(raw_spinlock_t *lock)
{
	pu_irq_off(_RET_IP_);
	pu_lock(lock, _RET_IP_);
}

void _raw_spin_unlock_irq(raw_spinlock_t *lock)
{
	pu_unlock(lock, _RET_IP_);
	pu_irq_on(_RET_IP_);
}

unsigned long _raw_spin_lock_irqsave(raw_spinlock_t *lock)
{
	int on = pu_irq_off(_RET_IP_);

	pu_lock(lock, _RET_IP_);
	return on ? X86_EFLAGS_IF : 0;
}

void _raw_spin_unlock_irqrestore(raw_spinlock_t *lock, unsigned long flags)
{
	pu_unlock(lock, _RET_IP_);
	if (flags)
		pu_irq_on(_RET_IP_);
}
