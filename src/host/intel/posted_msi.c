/* SPDX-License-Identifier: MIT */
/*
 * Posted MSI on bare metal. While ON is 1 the IOMMU posts without a notification, so that one
 * notification stands for many device vectors. The handler clears ON only after a read of the PIR
 * found nothing, or after a number of reads.
 */
#include "posted_msi.h"

#include <errno.h>
#include <string.h>

#include "vectors.h"

#define PIR_WORDS    4u
#define VECTOR_FIRST 0x20u /* below: exceptions */
#define VECTOR_END   PN_VEC_POSTED_MSI
#define XAPIC_MAX    0xFFu

/* Bits of PIR word @w that are device vectors. */
static uint64_t device_mask(unsigned w)
{
	uint64_t mask = UINT64_MAX;

	if (w == VECTOR_FIRST / 64)
		mask &= UINT64_MAX << VECTOR_FIRST % 64;
	if (w == VECTOR_END / 64)
		mask &= (1ull << VECTOR_END % 64) - 1;
	return mask;
}

static bool vector_ok(uint8_t vector)
{
	return vector >= VECTOR_FIRST && vector < VECTOR_END;
}

static struct pn_pmsi_cpu *of(struct pn_pmsi *pm, const struct pn_host_cpu *c)
{
	return c->id < pm->cfg.nr_cpus ? &pm->cpu[c->id] : NULL;
}

/* ---- descriptors ---- */

static int init_cpu(struct pn_pmsi *pm, uint32_t i, struct pn_pages *pages)
{
	struct pn_pmsi_cpu *c = &pm->cpu[i];
	uint32_t apicid = pm->cfg.cpu[i].apicid;

	memset(c, 0, sizeof(*c));
	c->pmsi = pm;
	c->cpu = &pm->cfg.cpu[i];
	if (!pm->cfg.x2apic && apicid > XAPIC_MAX)
		return -EINVAL;
	c->pid = pn_pages_alloc(pages, sizeof(*c->pid), sizeof(*c->pid), &c->pid_pa);
	if (!c->pid)
		return -ENOMEM;
	/* Pairs with IOMMUs, once an entry leads here. */
	pn_st64_rel(&c->pid->control, (uint64_t)PN_VEC_POSTED_MSI << PN_PID_NV_SH |
					      pn_pid_ndst(apicid, pm->cfg.x2apic));
	return 0;
}

int pn_pmsi_init(struct pn_pmsi *pm, struct pn_pmsi_cpu *cpu, const struct pn_pmsi_config *cfg,
		 struct pn_pages *pages)
{
	int r = 0;

	if (!cfg->loops || cfg->loops > PN_PMSI_LOOPS_MAX)
		return -EINVAL;
	*pm = (struct pn_pmsi){.cfg = *cfg, .cpu = cpu};
	for (uint32_t i = 0; i < cfg->nr_cpus && !r; i++)
		r = init_cpu(pm, i, pages);
	return r;
}

int pn_pmsi_attach(struct pn_pmsi *pm, struct pn_vtd_ir *ir, struct pn_agent *self,
		   struct pn_host_cpu *c, uint8_t vector)
{
	struct pn_pmsi_cpu *to = of(pm, c);

	if (!to || !vector_ok(vector))
		return -EINVAL;
	return pn_vtd_ir_post(ir, self, to->pid_pa, vector, false);
}

/*
 * All loads first, then an exchange of each word that is not empty: alternating would take the
 * cache line from the IOMMU again and again. True if a bit was set; bits that are no device vectors
 * are dropped.
 */
static bool take_pir(struct pn_pid *pid, uint64_t out[PIR_WORDS])
{
	bool any = false;

	/* Pairs with IOMMUs, which set a bit and then read ON. */
	for (unsigned w = 0; w < PIR_WORDS; w++)
		out[w] = pn_ld64_sc(&pid->pir[w]);
	for (unsigned w = 0; w < PIR_WORDS; w++) {
		if (!out[w])
			continue;
		any = true;
		/* The same: bits that were set since the load are taken too, and none twice. */
		out[w] = pn_xchg64(&pid->pir[w], 0) & device_mask(w);
	}
	return any;
}

static void clear_on(struct pn_pmsi_cpu *c, struct pn_agent *self)
{
	/*
	 * Store: ON. Load: the PIR, in the harvest that follows. Other side: IOMMUs set the bit,
	 * then read ON: either the harvest finds the bit, or there is a new notification.
	 */
	pn_and64(&c->pid->control, ~PN_PID_ON);
	pn_step(self, PN_STEP_MSI_CLEAR_ON, c->pid_pa, 0);
}

static bool harvest(struct pn_pmsi_cpu *c, struct pn_agent *self, uint64_t out[PIR_WORDS])
{
	bool any = take_pir(c->pid, out);

	pn_step(self, PN_STEP_MSI_HARVEST, c->pid_pa, any);
	return any;
}

/* The lowest vector in @set, which is taken out; -1: none. */
static int next_vector(uint64_t set[PIR_WORDS])
{
	for (unsigned w = 0; w < PIR_WORDS; w++) {
		if (set[w]) {
			unsigned bit = (unsigned)__builtin_ctzll(set[w]);

			set[w] &= set[w] - 1;
			return (int)(w * 64 + bit);
		}
	}
	return -1;
}

/* ---- interrupts ---- */

void pn_pmsi_device_irq(struct pn_pmsi_cpu *c, uint8_t vector)
{
	const struct pn_pmsi_config *cfg = &c->pmsi->cfg;

	pn_step(c->cpu->agent, PN_STEP_IRQ_DISPATCH, c->cpu->id, vector);
	cfg->dispatch(cfg->ctx, c->cpu, vector);
}

static void eoi(struct pn_pmsi_cpu *c)
{
	c->pmsi->cfg.eoi(c->pmsi->cfg.ctx, c->cpu);
}

/* The vector never entered the local APIC if it came from a descriptor. A retriggered one did: the
 * first version of this code in Linux had no EOI for it (fixed in Nov 2025). */
void pn_pmsi_ack(struct pn_pmsi_cpu *c)
{
	if (!c->active && !pn_mistake(PN_MISTAKE_PMSI_RETRIGGER_NO_EOI))
		eoi(c);
}

void pn_pmsi_irq_begin(struct pn_pmsi_cpu *c)
{
	memset(c->taken, 0, sizeof(c->taken));
	c->harvests = 0;
	c->on_cleared = c->last_done = c->any = c->found = false;
	c->active = true;
	c->notifications++;
}

static bool dispatch_one(struct pn_pmsi_cpu *c)
{
	int vector = next_vector(c->taken);

	if (vector < 0)
		return false;
	c->dispatched++;
	pn_step(c->cpu->agent, PN_STEP_MSI_DEMUX, c->pid_pa, (uint64_t)vector);
	pn_pmsi_device_irq(c, (uint8_t)vector);
	return true;
}

static void look(struct pn_pmsi_cpu *c)
{
	c->harvests++;
	c->any = harvest(c, c->cpu->agent, c->taken);
	c->found |= c->any;
}

static bool look_again(const struct pn_pmsi_cpu *c)
{
	return c->harvests + 1 < c->pmsi->cfg.loops && (!c->harvests || c->any);
}

static bool end(struct pn_pmsi_cpu *c)
{
	c->empty += !c->found;
	c->active = false;
	eoi(c);
	return false;
}

bool pn_pmsi_irq_step(struct pn_pmsi_cpu *c)
{
	if (!c->active)
		return false;
	if (dispatch_one(c))
		return true;
	if (c->last_done)
		return end(c);
	if (c->on_cleared) {
		look(c);
		c->last_done = true;
	} else if (look_again(c)) {
		look(c);
	} else {
		clear_on(c, c->cpu->agent);
		c->on_cleared = true;
		c->last_done = pn_mistake(PN_MISTAKE_PMSI_NO_LAST_HARVEST);
	}
	return true;
}

/* ---- left-overs ---- */

bool pn_pmsi_pending(const struct pn_pmsi_cpu *c, uint8_t vector)
{
	/* Pairs with IOMMUs; after pn_pmsi_attach() elsewhere nothing is added. */
	return pn_ld64_acq(&c->pid->pir[vector / 64]) >> (vector % 64) & 1;
}

/* ON goes too, or the CPU would not be notified when it is back. */
unsigned pn_pmsi_drain(struct pn_pmsi_cpu *c, struct pn_agent *self,
		       void (*found)(void *ctx, uint8_t vector), void *ctx)
{
	uint64_t left[PIR_WORDS];
	unsigned n = 0;

	if (!pn_mistake(PN_MISTAKE_DRAIN_ON_LATE))
		clear_on(c, self);
	harvest(c, self, left);
	if (pn_mistake(PN_MISTAKE_DRAIN_ON_LATE))
		clear_on(c, self);
	for (int vector = next_vector(left); vector >= 0; vector = next_vector(left)) {
		found(ctx, (uint8_t)vector);
		n++;
	}
	return n;
}
