/* SPDX-License-Identifier: MIT */
/*
 * Blocking. B1, K2, ... are the steps of docs/protocol-amd.md. The two-sided protocol with IOMMUs,
 * IPI senders and software posters:
 *
 *	vCPU:	IRTEs and table say "not running"; fence; read the IRR; sleep
 *	others:	set the IRR bit; read IsRun; notify if it is 0
 *
 * The side that comes second sees the store of the other (H2). GAPPI adds a condition: it fires
 * only if the IRR was empty, so the vCPU must leave it empty every time that it sleeps (H1).
 */
#include "svm_priv.h"

#define IRR_WORDS 8u

/*
 * Bits may be posted as fast as they are parked; after this many rounds the vCPU stays awake and
 * tries again.
 */
#define PARK_ROUNDS 16

/* In this order: see pn_svm_irr(). */
static uint32_t irr_and_parked(const struct pn_svm_vcpu *v, unsigned word)
{
	uint32_t irr = pn_ld32_acq(pn_svm_irr_word(v, word));

	return irr | pn_ld32_acq(&v->parked[word]);
}

int pn_svm_deliverable(const struct pn_svm_vcpu *v)
{
	/* Own context writes it and reads it here. */
	if (!pn_ld32_acq(&v->has_parked))
		return pn_vapic_deliverable(v->h.page);
	for (unsigned word = IRR_WORDS; word-- > 0;) {
		uint32_t bits = irr_and_parked(v, word);
		int vector;

		if (!bits)
			continue;
		vector = (int)(word * 32 + 31) - __builtin_clz(bits);
		return vector >> 4 > pn_vapic_ppr(v->h.page) >> 4 ? vector : -1;
	}
	return -1;
}

/*
 * K3. The bits are in the map before they leave the IRR, so that pn_svm_irr() in another context
 * never misses them.
 */
static void __attribute__((noinline))
park_word(struct pn_svm_vcpu *v, struct pn_agent *self, unsigned i, uint32_t bits)
{
	uint32_t *word = pn_svm_irr_word(v, i);

	if (pn_mistake(PN_MISTAKE_PARK_CLEARS_FIRST))
		pn_and32(word, ~bits);
	/* Pairs with pn_svm_irr(). */
	pn_st32(&v->has_parked, 1);
	pn_st32_rel(&v->parked[i], pn_ld32(&v->parked[i]) | bits);
	/* Pairs with the IOMMU, which checks whether the IRR is empty. */
	pn_and32(word, ~bits);
	v->parked_bits += (unsigned)__builtin_popcount(bits);
	pn_step(self, PN_STEP_PARK, i, bits);
}

/*
 * K2: every bit found moves to the side map. Returns true if there was any: only a round that saw
 * eight empty words proves that they were empty at one moment, because only this function clears
 * bits now.
 */
static bool park_round(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	bool any = false;

#pragma GCC unroll 8
	for (unsigned i = 0; i < IRR_WORDS; i++) {
		/* Pairs with posters; a bit that they set meanwhile is found in the next round. */
		uint32_t bits = pn_ld32_acq(pn_svm_irr_word(v, i));

		if (!bits)
			continue;
		any = true;
		park_word(v, self, i, bits);
	}
	return any;
}

/*
 * K2 to K4, after K1 found nothing deliverable. True if the IRR or the parked bits have such a
 * vector now; if not, the IRR is empty on return.
 */
static bool __attribute__((noinline)) park(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	for (int i = 0; i < PARK_ROUNDS; i++) {
		if (!park_round(v, self))
			return false;
		if (pn_svm_deliverable(v) >= 0)
			return true;
	}
	return true;
}

void pn_svm_blocking(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);

	pn_lock_irq(c->agent, &v->ir_lock); /* B2; H9 */
	if (!v->blocking) {
		v->blocking = true;
		v->loaded = false;
		v->gcpu = c->id;
		if (pn_mistake(PN_MISTAKE_LIST_AFTER_IRTE))
			pn_svm_show(v, c->agent);
		/* B3; H3: the handler on the CPU that an IRTE names must find the vCPU. */
		if (pn_svm_wants_list(v))
			pn_svm_list_add(v, c);
		pn_svm_show(v, c->agent); /* B4, B5 */
	}
	pn_unlock_irq(c->agent, &v->ir_lock);
	/* B6; H2. Stores: IRTEs, table entry, and mode (pn_svm_leave). Load: the IRR in
	 * pn_svm_must_run(). Other side: IOMMU, IPI sender, pn_svm_notify(): IRR, then these. */
	if (!pn_mistake(PN_MISTAKE_NO_FENCE))
		pn_fence();
	if (pn_mistake(PN_MISTAKE_PARK_ONCE) && pn_svm_deliverable(v) < 0)
		(void)park(v, c->agent);
}

void pn_svm_unpark(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	if (!pn_ld32(&v->has_parked)) /* own context writes it */
		return;
	for (unsigned i = 0; i < IRR_WORDS - pn_mistake(PN_MISTAKE_UNPARK_SHORT); i++) {
		uint32_t bits = pn_ld32(&v->parked[i]);

		if (!bits)
			continue;
		/*
		 * Pairs with posters to the same word. The bits are in the IRR before they leave
		 * the map.
		 */
		pn_or32(pn_svm_irr_word(v, i), bits);
		pn_st32_rel(&v->parked[i], 0);
		pn_step(self, PN_STEP_UNPARK, i, bits);
	}
	pn_st32_rel(&v->has_parked, 0);
}

/* H1 exists only with GAPPI; the log has an entry for every interrupt. */
static bool must_park(const struct pn_svm_vcpu *v)
{
	const struct pn_svm *svm = v->vm->svm;

	return svm->masked == PN_MASKED_PARK && pn_host_apicv(&v->h) &&
	       !pn_mistake(PN_MISTAKE_PARK_ONCE) && pn_svm_notify_kind(svm) == PN_NOTIFY_GAPPI;
}

/*
 * H17: this does not check whether the guest has IF = 0 or waits for SIPI. A spurious run is
 * harmless, and NMI or SIPI wakes a vCPU that sleeps in such a state.
 */
bool pn_svm_must_run(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);
	bool run;

	pn_st32(&v->h.woken, 0);
	if (pn_mistake(PN_MISTAKE_NO_FENCE))
		return pn_svm_deliverable(v) >= 0;
	/*
	 * B7; H11. Store: woken (and the task's state). Load: requests and IRR. Other side:
	 * pn_svm_wake_once() after the IRR was set or a request made: it finds 0 and wakes, or the
	 * interrupt or request is seen below.
	 */
	pn_fence();
	run = pn_ld32(&v->h.requests) & PN_REQ_BLOCK_MASK; /* B8 */
	if (!run)
		run = pn_svm_deliverable(v) >= 0 || (must_park(v) && park(v, c->agent));
	pn_step(c->agent, PN_STEP_BLOCK_CHECK, pn_svm_key(v), run);
	return run;
}

void pn_svm_unblocking(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);

	pn_lock_irq(c->agent, &v->ir_lock); /* U1 */
	v->blocking = false;
	/*
	 * U2, U3; H4: in any order with the IRTEs; the vCPU is awake, and VMRUN evaluates
	 * interrupts that come now.
	 */
	if (v->on_list)
		pn_svm_list_del(v, c->agent);
	pn_svm_set_running(v, c);
	pn_unlock_irq(c->agent, &v->ir_lock);
	pn_svm_unpark(v, c->agent); /* U4 */
	/*
	 * U5. Off the list, the request is fulfilled: the offline code finds the vCPU on the list,
	 * or not at all. Pairs with pn_svm_cpu_offline().
	 */
	pn_and32(&v->h.requests, ~PN_REQ_UNBLOCK);
	pn_svm_refresh(v, c);
}

/* Relaxed: a request that is missed here is seen by pn_svm_must_run(), before the vCPU sleeps. */
bool pn_svm_pending(const struct pn_host_vcpu *h)
{
	return (pn_ld32(&h->requests) & PN_REQ_BLOCK_MASK) ||
	       pn_svm_deliverable(pn_svm_of_const(h)) >= 0;
}

uint32_t pn_svm_irr(const struct pn_host_vcpu *h, unsigned word)
{
	const struct pn_svm_vcpu *v = pn_svm_of_const(h);
	/*
	 * A bit that moves is in both places for a moment: if the first read of the IRR and the map
	 * both miss it, it is in the IRR at the second read.
	 */
	uint32_t bits = irr_and_parked(v, word);

	if (pn_mistake(PN_MISTAKE_SAVE_FORGETS))
		return pn_ld32_acq(pn_svm_irr_word(v, word));
	return bits | pn_ld32_acq(pn_svm_irr_word(v, word));
}
