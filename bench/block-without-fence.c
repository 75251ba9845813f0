/* SPDX-License-Identifier: MIT */
/*
 * The protocol of the case block-without-fence once more, for CBMC, which is given a memory order
 * and unrolls loops:
 *
 *   cbmc --mm tso --unwind 3 -DFENCE block-without-fence.c
 *
 * Without -DFENCE the assertion fails, with it the verification succeeds. An IOMMU posts two
 * vectors; a vCPU blocks, looks, and sleeps or not, once. CBMC has no way to wait: the vCPU's sleep
 * is the end of its thread, and what a handler does to it, the IOMMU's thread does itself. So there
 * is no second round after a wake-up, no list and no lock.
 */
#include <assert.h>
#include <pthread.h>

#define POSTS 2

int irr, is_run = 1, asleep;

static void *iommu(void *arg)
{
	for (int i = 0; i < POSTS; i++) {
		int was_empty;

		__CPROVER_atomic_begin();
		was_empty = !irr;
		irr |= 1 << i;
		__CPROVER_atomic_end();
		if (!is_run && was_empty) {
			__CPROVER_atomic_begin();
			if (irr)
				asleep = 0;
			__CPROVER_atomic_end();
		}
	}
	__CPROVER_fence("WWfence", "RRfence", "RWfence", "WRfence");
	return arg;
}

static void *vcpu(void *arg)
{
	is_run = 0;
	asleep = 1;
#ifdef FENCE
	__CPROVER_fence("WWfence", "RRfence", "RWfence", "WRfence");
#endif
	if (irr)
		asleep = 0;
	__CPROVER_fence("WWfence", "RRfence", "RWfence", "WRfence");
	return arg;
}

int main(void)
{
	pthread_t a, b;

	pthread_create(&a, 0, iommu, 0);
	pthread_create(&b, 0, vcpu, 0);
	pthread_join(a, 0);
	pthread_join(b, 0);
	assert(!(asleep && irr));
}
