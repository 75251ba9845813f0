/* SPDX-License-Identifier: MIT */
/*
 * One processor alone on AMD: every register of its APIC in each mode, every field that VMRUN
 * checks, and each of its knobs.
 */
#include <string.h>

#include "cases_amd_access.h"

struct pn_avic *access_core;
static bool is_broken;

struct pn_avic_vmcb access_vmcb(bool x2)
{
	return (struct pn_avic_vmcb){.v_intr = AVIC | (x2 ? X2 : 0),
				     .np_enable = true,
				     .backing_page = PAGE(2),
				     .logical_table = LOGICAL,
				     .physical_table = PHYSICAL | 3};
}

struct pn_avic_features access_features(void)
{
	struct pn_avic_features f;

	pn_avic_features_default(&f);
	return f;
}

static void wipe(void)
{
	for (unsigned off = 0; off < 4096; off += 4)
		for (unsigned n = 0; n < 4; n++)
			if (solo_ld32(PAGE(n) + off))
				solo_st32(PAGE(n) + off, 0);
}

void access_enter(const struct pn_avic_features *f, bool x2)
{
	const struct pn_avic_vmcb v = access_vmcb(x2);

	wipe();
	memset(access_core, 0xA5, sizeof(*access_core)); /* what a caller may pass */
	pn_avic_init(access_core, &solo->bus, &solo->agent, f, 7);
	rig_want(!pn_avic_vmrun(access_core, &v) && access_core->in_guest, "P7",
		 "VMRUN refuses a good VMCB");
	solo->bells = 0;
}

char access_letter(enum pn_avic_access a)
{
	static const char letters[] = {[PN_AVIC_DONE] = 'd',
				       [PN_AVIC_EVALUATE] = 'e',
				       [PN_AVIC_TRAP] = 't',
				       [PN_AVIC_FAULT] = 'f',
				       [PN_AVIC_GP] = 'g'};

	return letters[a];
}

void access_entries(void)
{
	for (unsigned n = 0; n < 4; n++)
		solo_st64(PHYSICAL + 8 * n, VALID | (n != 1 ? RUNS : 0) | PAGE(n) | (n + 0x100));
}

/* ---- the case ---- */

static void runs(void *arg)
{
	(void)arg;
	px_doing("uses its registers");
	access_defaults();
	access_entries();
	if (is_broken) {
		solo_st64(PHYSICAL, VALID | RUNS | PAGE(0) | 0x200);
		access_ipis_x1();
	}
	access_registers();
	px_doing("sends IPIs");
	access_ipis();
	px_doing("is entered");
	access_entry();
	solo_followed();
}

static void build(bool broken)
{
	is_broken = broken;
	solo_build();
	access_core = px_alloc(sizeof(*access_core), 64);
	px_thread("CPU 7", 0, runs, NULL);
}

const struct case_setup pn_cases_amd_access[] = {
	{{"entry-names-other-cpu", "APM vol 2, 15.29.5.2",
	  "the physical ID entry names another CPU than the one that runs the vCPU",
	  "its host physical APIC ID is that CPU's", "P1", false, false},
	 PN_MISTAKE_NONE,
	 build,
	 INT16_MAX},
};

const unsigned pn_cases_amd_access_nr =
	sizeof(pn_cases_amd_access) / sizeof(pn_cases_amd_access[0]);
