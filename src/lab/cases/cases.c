/* SPDX-License-Identifier: MIT */
/* The cases that are written in C; explores these, and those that are written as text. */
#include "case_file.h"
#include "case_setup.h"
#include "rig_amd.h"

/* By vendor. */
static const struct {
	unsigned vendor;
	const struct case_setup *cases;
	const unsigned *nr;
} tables[] = {
	{0, pn_cases_amd_hyp, &pn_cases_amd_hyp_nr},
	{0, pn_cases_amd_irte, &pn_cases_amd_irte_nr},
	{0, pn_cases_amd_solo, &pn_cases_amd_solo_nr},
	{0, pn_cases_amd_solo_iommu, &pn_cases_amd_solo_iommu_nr},
	{0, pn_cases_amd_host, &pn_cases_amd_host_nr},
	{0, pn_cases_amd_msg, &pn_cases_amd_msg_nr},
	{0, pn_cases_amd_list, &pn_cases_amd_list_nr},
	{0, pn_cases_amd_status, &pn_cases_amd_status_nr},
	{0, pn_cases_amd_iommu, &pn_cases_amd_iommu_nr},
	{0, pn_cases_amd_core, &pn_cases_amd_core_nr},
	{0, pn_cases_amd_more, &pn_cases_amd_more_nr},
	{0, pn_cases_amd_bits, &pn_cases_amd_bits_nr},
	{0, pn_cases_amd_knobs, &pn_cases_amd_knobs_nr},
	{0, pn_cases_amd_access, &pn_cases_amd_access_nr},
	{0, pn_cases_amd_drv, &pn_cases_amd_drv_nr},
	{0, pn_cases_amd_guest, &pn_cases_amd_guest_nr},
	{0, pn_cases_amd_ioapic, &pn_cases_amd_ioapic_nr},
	{0, pn_cases_amd_race, &pn_cases_amd_race_nr},
	{1, pn_cases_intel, &pn_cases_intel_nr},
};

const struct pn_case *pn_case_c(unsigned vendor, unsigned i)
{
	for (unsigned t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		if (tables[t].vendor != vendor)
			continue;
		if (i < *tables[t].nr)
			return &tables[t].cases[i].info;
		i -= *tables[t].nr;
	}
	return NULL;
}

struct chosen {
	const struct case_setup *setup;	 /* NULL: a file */
	const struct pn_case_file *file; /* NULL: in C */
	struct pn_case_variant variant;
};

static enum pn_mistake mistake_of(const struct chosen *c)
{
	if (!c->variant.broken)
		return PN_MISTAKE_NONE;
	return c->file ? c->file->mistake : c->setup->mistake;
}

static void build(void *arg)
{
	const struct chosen *c = arg;

	rig_amd_overflow_w1c = c->variant.overflow_w1c;
	/* Some mistakes are made once, when the machine comes up; the others while it runs. */
	if (c->file ? c->file->early : c->setup->early)
		px_set_mistake(mistake_of(c));
	if (c->file)
		pn_case_file_build(c->file, c->variant.broken);
	else
		c->setup->build(c->variant.broken);
	px_set_mistake(mistake_of(c));
}

static const char *check(void *arg, char *text, unsigned size)
{
	const struct chosen *c = arg;

	if (c->file)
		return c->file->vendor->check(arg, text, size);
	return (c->setup->check ? c->setup->check : rig_check)(arg, text, size);
}

int pn_case_explore(const struct pn_case *c, const struct pn_case_variant *variant,
		    const struct px_options *opt, struct px_result *res)
{
	struct chosen chosen = {.file = c->file, .variant = *variant};
	struct px_program prog = {build, check, &chosen};
	struct px_options o = *opt;

	if (!c->file)
		chosen.setup = (const struct case_setup *)(const void *)c;
	if (!o.max_steps)
		o.max_steps = c->file ? c->file->max_steps : chosen.setup->max_steps;
	return px_explore(&prog, &o, res);
}
