/* SPDX-License-Identifier: MIT */
/*
 * The life of an interrupt inside the IOMMU, from top to bottom: notification, posting, and at the
 * end the way in, pn_amdvi_msi(), which passes what is not posted to remap.c. D1 to D7 are the
 * steps of docs/protocol-amd.md.
 */
#include "amdvi_priv.h"

/*
 * The steps of one request: their time stays in a register until an observer looks at the agent.
 * Added to memory step by step it would be one chain of dependent stores and loads, which takes
 * longer than the locked OR.
 *
 * Nearly all requests post by entries that are cached, and nothing watches their steps or stores:
 * usual() knows them. For these post() is compiled a second time, with @usual a constant: the
 * steps that they always take are charged together, and there is nothing to call.
 */
struct steps {
	const struct pn_amdvi *vi;
	struct pn_step_slot *slot;
	uint64_t ns;
	bool usual;
};

static inline struct steps begin(const struct pn_amdvi *vi)
{
	return (struct steps){vi, vi->agent->step, 0, false};
}

/* Cost, and above it whether the step is watched. */
static inline uint64_t cost_and_watch(const struct steps *s, unsigned step)
{
	return (uint64_t)s->slot[step].watched << 32 | s->slot[step].cost_ns;
}

/* False if a step that a usual request may take is watched. */
static inline bool begin_usual(const struct pn_amdvi *vi, struct steps *s)
{
	s->vi = vi;
	s->slot = vi->agent->step;
	s->ns = cost_and_watch(s, PN_STEP_MSI) + cost_and_watch(s, PN_STEP_DTE_HIT) +
		cost_and_watch(s, PN_STEP_IRTE_HIT) + cost_and_watch(s, PN_STEP_IRR_SET) +
		cost_and_watch(s, PN_STEP_IRTE_VOLATILE);
	s->usual = true;
	return !((s->ns + cost_and_watch(s, PN_STEP_IRR_MERGE) +
		  cost_and_watch(s, PN_STEP_DOORBELL_SEND) +
		  cost_and_watch(s, PN_STEP_GAPPI_NONEMPTY)) >>
		 32);
}

static inline void charge(struct steps *s)
{
	s->vi->agent->elapsed_ns += s->ns;
	s->ns = 0;
}

static void __attribute__((noinline))
observe(struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	agent->observe(agent->observe_ctx, agent, step, a, b);
}

static inline void take(struct steps *s, unsigned step, uint64_t a, uint64_t b)
{
	struct pn_step_slot *slot = &s->slot[step];

	s->ns += slot->cost_ns;
	slot->count++;
	if (!s->usual && pn_rarely(slot->watched)) {
		charge(s);
		observe(s->vi->agent, step, a, b);
	}
}

/* One of the steps that every usual request takes. */
static inline void pass(struct steps *s, unsigned step, uint64_t a, uint64_t b)
{
	if (s->usual)
		s->slot[step].count++;
	else
		take(s, step, a, b);
}

/* The destination in either 128-bit form (2.2.5.2, 2.2.5.3). */
static inline uint32_t destination(const struct pn_amdvi *vi, struct pn_u128 now)
{
	return ((uint32_t)now.lo >> PN_IRTE_DESTLO_SH | (uint32_t)(now.hi >> PN_IRTE_DESTHI_SH)
								<< 24) &
	       vi->dest_mask;
}

/* With GAPPI, GATag[7:0] is a vector. */
static inline uint8_t gappi_vector(struct pn_u128 now)
{
	return (uint8_t)(now.lo >> PN_IRTE_GATAG_SH);
}

/*
 * "All IRR bits were clear before this OR", without locking the page (knob PN_EMPTY_EXACT256).
 *
 * The posted word's old value comes from the OR itself. The other seven words cannot be read in
 * the same instant:
 *  - If they are read before the OR, the IOMMU may see a bit that the vCPU's CPU takes before the
 *    OR: the IRR was empty at the OR, and no notification is sent.
 *  - If they are read after the OR, two IOMMUs that post to different words may see each other's
 *    bit, and neither notifies.
 *  - If they are read before and after, both can happen at once.
 * So an IOMMU first leaves its stamp in a word that stands for the page, then ORs, then reads the
 * other words, and then reads the stamp again. It stays silent only if it saw another bit and its
 * own stamp. Suppose A stays silent although the IRR was empty at its OR. The bit that it saw was
 * then set later, by D. If D stamped after A, A would have seen D's stamp, since D stamps before
 * it ORs. So D stamped before A; D's second read of the stamp is later than its OR, hence later
 * than A's stamp: D finds a stamp that is not its own and notifies. So at least one IOMMU notifies,
 * after A's bit is visible. A bit that a CPU takes between the OR and the reads, a collision of
 * stamps, or an overlap of two posts costs one notification more, which the specification allows;
 * never one less. A CPU that sets IRR bits (IPI, injection) does not stamp, but it always notifies
 * by itself.
 */
static inline void stamp(const struct pn_amdvi *vi, const struct pn_vi_irte *e)
{
	/* D2. Pairs with was_empty() of other IOMMUs. */
	pn_xchg64(e->stamp, (uintptr_t)vi);
}

/*
 * Bits of the IRR's other seven words. Pairs with the vCPU's CPU, which takes bits, and with every
 * agent that sets bits.
 */
static uint32_t other_words(const struct pn_vi_irte *e)
{
	const uint32_t *word = e->irr - (e->vector >> 5) * 4;
	uint32_t bits = 0;

	for (unsigned i = 0; i < 8; i++)
		bits |= i == e->vector >> 5 ? 0 : pn_ld32_sc(&word[i * 4]);
	return bits;
}

/* @old: what the OR found in the posted word. */
static bool was_empty(const struct pn_amdvi *vi, const struct pn_vi_irte *e, uint32_t old)
{
	if (vi->knobs.gappi_emptiness == PN_EMPTY_ALWAYS)
		return true;
	if (old)
		return false;
	if (vi->knobs.gappi_emptiness == PN_EMPTY_WORD32 || pn_mistake(PN_MISTAKE_SCAN_BEFORE_OR))
		return true;
	if (!other_words(e))
		return true;
	if (pn_mistake(PN_MISTAKE_SCAN_AFTER_OR))
		return false;
	/* Pairs with stamp() of other IOMMUs. */
	return pn_ld64_sc(e->stamp) != (uintptr_t)vi;
}

static inline void not_empty(struct pn_amdvi *vi, struct steps *s, struct pn_u128 now)
{
	vi->stats.gappi_nonempty++;
	take(s, PN_STEP_GAPPI_NONEMPTY, destination(vi, now), gappi_vector(now));
	charge(s);
}

/* D7; 2.2.5.4. Fixed, edge, physical: inferred, like the absence of an upper bound for the vector.
 */
static void gappi(struct pn_amdvi *vi, const struct pn_vi_irte *e, struct pn_u128 now, uint32_t old)
{
	const struct pn_intr m = {
		.dest = destination(vi, now),
		.vector = gappi_vector(now),
		.mode = PN_DM_FIXED,
	};

	if (now.lo & vi->quiet) {
		vi->stats.gappi_dis++;
		pn_step(vi->agent, PN_STEP_GAPPI_DIS, m.dest, m.vector);
		return;
	}
	if (!was_empty(vi, e, old)) {
		struct steps s = begin(vi);

		not_empty(vi, &s, now);
		return;
	}
	vi->stats.gappi_sent++;
	pn_step(vi->agent, PN_STEP_GAPPI_SEND, m.dest, m.vector);
	pn_amdvi_send(vi, &m);
}

static void __attribute__((noinline))
notify(struct pn_amdvi *vi, const struct pn_vi_irte *e, uint64_t lo, uint64_t hi, uint32_t old)
{
	const struct pn_u128 now = {lo, hi};
	const uint32_t gatag = (uint32_t)(now.lo >> PN_IRTE_GATAG_SH);
	const uint16_t devid = pn_amdvi_irte_devid(e);

	if (vi->gappi)
		gappi(vi, e, now, old);
	else if (!(now.lo & PN_IRTE_GALOGINTR) ||
		 (vi->knobs.galog_dedup == PN_DEDUP_SAME_BIT && (old & e->bit)))
		pn_step(vi->agent, PN_STEP_GALOG_QUIET, gatag, devid);
	else
		pn_amdvi_galog(vi, gatag, devid); /* D6 */
}

/* The fields that are never cached: IsRun, Destination, GATag, GALogIntr, GAPPIDis. */
static inline struct pn_u128 read_volatile(struct steps *s, const struct pn_vi_irte *e)
{
	/* D4. Pairs with the host: it clears IsRun, then reads the IRR; here the IRR bit comes
	 * first. */
	struct pn_u128 now = pn_ld128_sc(e->mem);

	pass(s, PN_STEP_IRTE_VOLATILE, pn_amdvi_irte_devid(e), e->key & PN_VI_INDEX_MASK);
	return now;
}

static inline void ring(struct pn_amdvi *vi, struct steps *s, uint32_t dest)
{
	vi->stats.doorbells++; /* D5 */
	take(s, PN_STEP_DOORBELL_SEND, dest, 0);
	charge(s);
	if (vi->bus->doorbell)
		vi->bus->doorbell(vi->bus->ctx, dest);
}

/*
 * D2, D3. The word before; without GAPPI only the bit, which a processor can set and return without
 * a loop.
 */
static inline uint32_t set_bit(const struct pn_amdvi *vi, const struct pn_vi_irte *e)
{
	/* D3. Pairs with the vCPU's CPU and its host code, which take IRR bits. */
	if (!vi->gappi)
		return pn_or32(e->irr, e->bit) & e->bit;
	if (vi->stamped)
		stamp(vi, e);
	return pn_or32(e->irr, e->bit);
}

/* The vCPU does not run. @old: what the IOMMU knows of the IRR before the OR. */
static inline void silent(struct pn_amdvi *vi, struct steps *s, const struct pn_vi_irte *e,
			  struct pn_u128 now, uint32_t old)
{
	if (vi->word_counts && old && !(now.lo & vi->quiet)) {
		not_empty(vi, s, now);
		return;
	}
	charge(s);
	notify(vi, e, now.lo, now.hi, old);
}

/* Posts into the vAPIC page of @e and notifies (2.2.5.3, 2.2.5.4). */
static inline __attribute__((always_inline)) enum pn_msi_result
post(struct pn_amdvi *vi, struct steps *s, const struct pn_vi_irte *e)
{
	const bool first = !s->usual && vi->volatile_first;
	struct pn_u128 now = {0, 0};
	uint32_t old, early = 0;

	if (pn_mistake(PN_MISTAKE_SCAN_BEFORE_OR) && other_words(e))
		early = ~e->bit;
	if (first)
		now = read_volatile(s, e);
	old = set_bit(vi, e);
	if (!s->usual)
		pn_bus_wrote(vi->bus, e->root + pn_vi_irr_word(e), sizeof(*e->irr));
	vi->stats.posted++;
	pass(s, PN_STEP_IRR_SET, e->root, e->vector);
	if (old & e->bit) {
		vi->stats.merged++;
		take(s, PN_STEP_IRR_MERGE, e->root, e->vector);
	}
	if (!first)
		now = read_volatile(s, e);
	if (now.lo & PN_IRTE_ISRUN)
		ring(vi, s, destination(vi, now));
	else
		silent(vi, s, e, now, old | early);
	return PN_MSI_POSTED;
}

/* DTE and IRTE come from their caches. Without a cached entry what was done so far is charged. */
static inline const struct pn_vi_dte *dte_of(struct pn_amdvi *vi, struct steps *s, uint16_t devid,
					     uint32_t index, bool *stale)
{
	const struct pn_vi_dte *d = pn_amdvi_dte_slot(vi, devid);

	if (d->key == pn_amdvi_dte_key(devid)) {
		take(s, PN_STEP_DTE_HIT, devid, index);
		*stale = pn_rarely(vi->poison) && pn_amdvi_dte_stale(d);
		return d;
	}
	take(s, PN_STEP_DTE_MISS, devid, index);
	charge(s);
	*stale = false;
	return pn_amdvi_dte_fetch(vi, devid);
}

static inline const struct pn_vi_irte *irte_of(struct pn_amdvi *vi, struct steps *s, uint16_t devid,
					       uint32_t index, const struct pn_vi_dte *d,
					       bool *stale)
{
	const struct pn_vi_irte *e = pn_amdvi_irte_slot(vi, devid, index);

	if (e->key == pn_amdvi_irte_key(devid, index)) {
		take(s, PN_STEP_IRTE_HIT, devid, index);
		*stale = pn_rarely(vi->poison) && pn_amdvi_irte_stale(vi, e);
		return e;
	}
	take(s, PN_STEP_IRTE_MISS, devid, index);
	charge(s);
	*stale = false;
	return pn_amdvi_irte_fetch(vi, devid, index, d);
}

/* Every request, step by step. */
static enum pn_msi_result __attribute__((noinline))
step_by_step(struct pn_amdvi *vi, const struct pn_msi *msi)
{
	const uint32_t index = msi->data & PN_VI_INDEX_MASK;
	const uint16_t devid = msi->devid;
	struct steps s = begin(vi);
	const struct pn_vi_irte *e;
	const struct pn_vi_dte *d;
	bool old;

	take(&s, PN_STEP_MSI, devid, index);
	if (!vi->on || !pn_msi_is(msi->addr)) {
		charge(&s);
		return pn_amdvi_not_mine(vi, msi);
	}
	d = dte_of(vi, &s, devid, index, &old); /* D1 */
	if (old) {
		charge(&s);
		return pn_amdvi_stale(vi, msi, NULL);
	}
	if (msi->has_pasid || index >= d->remapped) {
		charge(&s);
		return pn_amdvi_not_remapped(vi, msi, d);
	}
	e = irte_of(vi, &s, devid, index, d, &old);
	if (old) {
		charge(&s);
		return pn_amdvi_stale(vi, msi, e);
	}
	if (e->kind != PN_VI_IRTE_POST) {
		charge(&s);
		return pn_amdvi_not_posted(vi, msi, d, e);
	}
	return post(vi, &s, e);
}

/* D1: both entries are cached, and both say that the interrupt is posted. */
static inline bool usual(const struct pn_amdvi *vi, const struct pn_msi *msi,
			 const struct pn_vi_irte *e)
{
	const uint32_t index = msi->data & PN_VI_INDEX_MASK;

	return !vi->bus->wrote && msi->addr >> 20 == vi->usual_page && !msi->has_pasid &&
	       e->key == pn_amdvi_irte_key(msi->devid, index) && e->kind == PN_VI_IRTE_POST &&
	       e->dte->key == pn_amdvi_dte_key(msi->devid) && index < e->dte->remapped;
}

enum pn_msi_result pn_amdvi_msi(struct pn_amdvi *vi, const struct pn_msi *msi)
{
	const struct pn_vi_irte *e;
	struct steps s;

	vi->stats.msis++;
	e = pn_amdvi_irte_slot(vi, msi->devid, msi->data & PN_VI_INDEX_MASK);
	if (pn_rarely(!begin_usual(vi, &s) || !usual(vi, msi, e)))
		return step_by_step(vi, msi);
	s.slot[PN_STEP_MSI].count++;
	s.slot[PN_STEP_DTE_HIT].count++;
	s.slot[PN_STEP_IRTE_HIT].count++;
	return post(vi, &s, e);
}
