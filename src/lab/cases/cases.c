/* SPDX-License-Identifier: MIT */
/* All cases, in the order in which they are listed. */
#include "case_setup.h"
#include "rig_amd.h"

const struct pn_case *pn_case_get(unsigned i)
{
	if (i < pn_cases_amd_nr)
		return &pn_cases_amd[i].info;
	i -= pn_cases_amd_nr;
	return i < pn_cases_intel_nr ? &pn_cases_intel[i].info : NULL;
}

struct chosen {
	const struct case_setup *setup;
	struct pn_case_variant variant;
};

static void build(void *arg)
{
	const struct chosen *c = arg;
	bool broken = c->variant.broken;

	rig_amd_overflow_w1c = c->variant.overflow_w1c;
	/* Some mistakes are made once, when the machine comes up; the others while it runs. */
	if (broken && c->setup->early)
		px_set_mistake(c->setup->mistake);
	c->setup->build(broken);
	if (broken)
		px_set_mistake(c->setup->mistake);
}

int pn_case_explore(const struct pn_case *c, const struct pn_case_variant *variant,
		    const struct px_options *opt, struct px_result *res)
{
	struct chosen chosen = {(const struct case_setup *)(const void *)c, *variant};
	struct px_program prog = {build, chosen.setup->check ? chosen.setup->check : rig_check,
				  &chosen};
	struct px_options o = *opt;

	if (!o.max_steps)
		o.max_steps = chosen.setup->max_steps;
	return px_explore(&prog, &o, res);
}
