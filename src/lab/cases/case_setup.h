/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_CASE_SETUP_H
#define PN_LAB_CASES_CASE_SETUP_H

#include "cases.h"

/* A case: its description, and the functions that set up its machine and agents. */
struct case_setup {
	struct pn_case info;	 /* first */
	enum pn_mistake mistake; /* in the broken variant */
	void (*build)(bool broken);
	uint32_t max_steps; /* 0: the explorer's */
	bool early;	    /* the mistake is made when the machine comes up, too */
	/* Properties of the case's own, at rest; NULL: rig_check(). */
	const char *(*check)(void *arg, char *text, unsigned size);
};

extern const struct case_setup pn_cases_amd_hyp[], pn_cases_amd_irte[], pn_cases_amd_solo[],
	pn_cases_amd_solo_iommu[], pn_cases_amd_host[], pn_cases_amd_msg[], pn_cases_amd_list[],
	pn_cases_amd_status[], pn_cases_amd_iommu[], pn_cases_amd_core[], pn_cases_amd_more[],
	pn_cases_intel[];
extern const unsigned pn_cases_amd_hyp_nr, pn_cases_amd_irte_nr, pn_cases_amd_solo_nr,
	pn_cases_amd_solo_iommu_nr, pn_cases_amd_host_nr, pn_cases_amd_msg_nr, pn_cases_amd_list_nr,
	pn_cases_amd_status_nr, pn_cases_amd_iommu_nr, pn_cases_amd_core_nr, pn_cases_amd_more_nr,
	pn_cases_intel_nr;

/* AMD, one agent each. */
extern const struct case_setup pn_cases_amd_bits[], pn_cases_amd_knobs[], pn_cases_amd_access[],
	pn_cases_amd_drv[], pn_cases_amd_ioapic[], pn_cases_amd_guest[];
/* AMD, races. */
extern const struct case_setup pn_cases_amd_race[];
extern const unsigned pn_cases_amd_race_nr;
extern const unsigned pn_cases_amd_bits_nr, pn_cases_amd_knobs_nr, pn_cases_amd_access_nr,
	pn_cases_amd_drv_nr, pn_cases_amd_ioapic_nr, pn_cases_amd_guest_nr;

#endif
