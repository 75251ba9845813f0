/* SPDX-License-Identifier: MIT */
/*
 * Exit 401h: AMD64 APM vol 2 rev 3.44, 15.29.6. The processor gives up on an IPI in two ways: it
 * has posted it to every target and found one that does not run (id 1), or it has done nothing. C
 * and S of docs/protocol-amd.md.
 */
#include "svm_priv.h"

/* True if the doorbell of the processor itself is enough. With erratum 1235 it never rings. */
static bool runs_by_itself(const struct pn_svm_vcpu *t)
{
	/*
	 * The IRR bit is older than this read. In the guest: it entered after the bit, or IsRunning
	 * was set and the doorbell rang.
	 */
	return t->vm->svm->enable_ipiv && pn_host_apicv(&t->h) &&
	       pn_ld32_acq(&t->h.mode) == PN_IN_GUEST;
}

/* Id 1. The bits are set everywhere: to set them again could deliver an interrupt twice. */
static void wake_targets(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint64_t icr)
{
	for (uint32_t i = 0; i < v->vm->h.nr_vcpus; i++) {
		struct pn_svm_vcpu *t = &v->vm->vcpu[i];

		/* Its own bit is found by the next VMRUN. */
		if (t == v || !pn_host_ipi_matches(&v->h, &t->h, icr))
			continue;
		/* C6. Store: the IRR bit, by this CPU's silicon. Load: mode. Other side: as in
		 * pn_svm_notify(). */
		pn_fence();
		if (!runs_by_itself(t)) {
			pn_svm_notify(t, c, PN_WAKE_NOTIFY);
			if (pn_mistake(PN_MISTAKE_IPI_FIRST_ONLY))
				return;
		}
	}
}

void pn_svm_incomplete_ipi(struct pn_svm_vcpu *v, struct pn_host_cpu *c,
			   const struct pn_avic_exit *exit)
{
	uint64_t icr = exit->info1;

	if (exit->info2 >> 32 == PN_IPI_NOT_RUNNING)
		wake_targets(v, c, icr);
	else
		pn_host_ipi_emulate(&v->vm->h, &v->h, c, icr);
	pn_host_icr_idle(&v->h);
}
