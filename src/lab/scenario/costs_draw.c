/* SPDX-License-Identifier: MIT */
/*
 * Draws cost tables with other assumptions, to see how far a conclusion depends on values that have
 * no source.
 */
#include "costs.h"

#include <math.h>

#include "dist.h"
#include "hash.h"

static bool is_drawn(const struct pn_costs *c, unsigned step)
{
	return c->source[step] == PN_COST_ASSUMPTION && c->ns[step];
}

static uint32_t draw_ns(uint32_t ns, unsigned draw, const char *key)
{
	struct pn_rng rng;
	double x;

	/* One stream for each step by its key: a step that is added to the table changes no other.
	 */
	pn_rng_seed(&rng, draw, pn_hash_text(PN_HASH_BEGIN, key));
	x = round((double)ns * exp2(2 * pn_rng_unit(&rng) - 1));
	return x < 1 ? 1 : x > UINT32_MAX ? UINT32_MAX : (uint32_t)x;
}

unsigned pn_costs_draw(const struct pn_costs *base, unsigned draw, struct pn_costs *out)
{
	unsigned n = 0;

	*out = *base;
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		if (!is_drawn(base, i))
			continue;
		out->ns[i] = draw_ns(base->ns[i], draw, pn_any_step_key(i));
		n++;
	}
	return n;
}
