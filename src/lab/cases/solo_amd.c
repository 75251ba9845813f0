/* SPDX-License-Identifier: MIT */
/* Silicon alone: memory, bus, and what the model tells of its stores and steps. */
#include "solo_amd.h"

#include <string.h>

struct solo *solo;

static void *map(void *ctx, uint64_t pa, size_t len)
{
	struct solo *s = ctx;
	uint64_t off = pa - SOLO_PA;

	/* Structures that hardware reads have such sizes and places. */
	if (len < 4096 && (len & (len - 1) || pa & (len - 1)))
		px_fail("P7", "the model asks for %zu bytes at %#llx", len, (unsigned long long)pa);
	if (s->ring)
		pn_avic_doorbell(s->ring);
	if (off >= SOLO_SIZE || len > SOLO_SIZE - off || s->hole == off / 4096 + 1)
		return NULL;
	if (s->end && off < s->end && len > s->end - off)
		return NULL;
	return s->mem + off + s->skew;
}

/* The store may still be in the caller's buffer: it reads what it stored. */
static void wrote(void *ctx, uint64_t pa, size_t len)
{
	struct solo *s = ctx;
	uint64_t off = pa - SOLO_PA, value;
	size_t unit = len & 7 ? 4 : 8;

	if (off >= SOLO_SIZE || len > SOLO_SIZE - off || len & 3)
		px_fail("P7", "the model says that it stored elsewhere");
	for (size_t i = 0; i < len; i += unit) {
		value = unit == 8 ? solo_ld64(pa + i) : solo_ld32(pa + i);
		memcpy(s->followed + off + i, &value, unit);
	}
}

static void intr(void *ctx, const struct pn_intr *m)
{
	struct solo *s = ctx;

	s->intr = *m;
	s->intrs++;
}

static void doorbell(void *ctx, uint32_t apicid)
{
	struct solo *s = ctx;

	s->bell = apicid;
	s->bells++;
}

static void observe(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	(void)ctx;
	(void)agent;
	(void)a;
	(void)b;
	if (step == PN_STEP_AVIC_EVAL)
		solo->evaluations++;
	if (step == PN_STEP_DOORBELL_HOST)
		solo->lost++;
}

void solo_build(void)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE});
	rig->no_rest_check = true;
	solo = px_alloc(sizeof(*solo), 64);
	solo->mem = px_alloc(SOLO_SIZE, 4096);
	solo->followed = px_alloc(SOLO_SIZE, 64);
	solo->bus = (struct pn_bus){
		.ctx = solo, .map = map, .wrote = wrote, .intr = intr, .doorbell = doorbell};
	pn_host_agent_init(&solo->agent, 7, &solo->steps, NULL);
	px_ghost(&solo->steps, sizeof(solo->steps));
	solo->agent.observe = observe;
	solo->steps.slot[PN_STEP_AVIC_EVAL].watched = 1;
	solo->steps.slot[PN_STEP_DOORBELL_HOST].watched = 1;
}

void *solo_ptr(uint64_t pa)
{
	return solo->mem + (pa - SOLO_PA);
}

uint32_t solo_ld32(uint64_t pa)
{
	return pn_ld32(solo_ptr(pa));
}

uint64_t solo_ld64(uint64_t pa)
{
	return pn_ld64(solo_ptr(pa));
}

void solo_st32(uint64_t pa, uint32_t value)
{
	pn_st32(solo_ptr(pa), value);
	memcpy(solo->followed + (pa - SOLO_PA), &value, sizeof(value));
}

void solo_st64(uint64_t pa, uint64_t value)
{
	pn_st64(solo_ptr(pa), value);
	memcpy(solo->followed + (pa - SOLO_PA), &value, sizeof(value));
}

void solo_followed(void)
{
	pn_fence();
	if (memcmp(solo->mem, solo->followed, SOLO_SIZE) != 0)
		px_fail("P7", "the model stored, and did not say so");
}
