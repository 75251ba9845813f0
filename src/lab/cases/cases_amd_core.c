/* SPDX-License-Identifier: MIT */
/* One processor alone on AMD: IPIs through tables with holes, doorbells, delivery, its stores. */
#include "case_setup.h"
#include "solo_amd.h"

#define PAGE(n)	 SOLO_AT(n) /* vAPIC page of vCPU n, 0 to 2 */
#define PHYSICAL SOLO_AT(4)
#define LOGICAL	 SOLO_AT(5)
#define NOWHERE	 SOLO_AT(30)
#define VALID	 PN_AVIC_PHYS_VALID
#define RUNS	 PN_AVIC_PHYS_ISRUNNING
#define V	 0x61u
#define ALL	 ((uint64_t)PN_ICR_SH_ALL << 18 | V)

static struct pn_avic *core;
static unsigned last;

static void enter(void)
{
	const struct pn_avic_vmcb vmcb = {.v_intr = PN_VINTR_AVIC,
					  .np_enable = true,
					  .backing_page = PAGE(2),
					  .logical_table = LOGICAL,
					  .physical_table = PHYSICAL | last};

	rig_want(!pn_avic_vmrun(core, &vmcb), "P7", "VMRUN refuses a good VMCB");
}

/* @id: of the exit, or -1: none; @targets: pages that get the vector. */
static void ipi(uint64_t icr, int id, unsigned index, unsigned targets)
{
	struct pn_avic_exit exit = {0};
	bool trap;

	for (unsigned i = 0; i < 3; i++)
		solo_st32(pn_apic_word(PAGE(i) + PN_APIC_IRR, V), 0);
	trap = pn_avic_ipi(core, icr, &exit) == PN_AVIC_TRAP;
	for (unsigned i = 0; i < 3; i++)
		rig_want(!!solo_ld32(pn_apic_word(PAGE(i) + PN_APIC_IRR, V)) == (targets >> i & 1),
			 "P4", "an IPI reaches other vCPUs than it addresses");
	solo_followed();
	rig_want(trap == (id >= 0), "P7", "an IPI exits, or does not");
	if (trap)
		rig_want(exit.code == PN_EXIT_AVIC_INCOMPLETE_IPI && exit.info1 == icr &&
				 exit.info2 == ((uint64_t)id << 32 | index),
			 "P7", "the exit of an IPI says something else");
}

static void tables(void)
{
	ipi(ALL, PN_IPI_NOT_RUNNING, 1, 7);
	rig_want(solo->bells == 1 && solo->bell == 5, "P4", "the doorbell of the one that runs");
	ipi(2ull << 56 | V, -1, 0, 4);
	for (unsigned hole = 0; hole < 2; hole++) {
		uint64_t old = solo_ld64(PHYSICAL + 8 * hole);

		solo_st64(PHYSICAL + 8 * hole, VALID | RUNS | NOWHERE);
		ipi(ALL, PN_IPI_INVALID_BACKING, hole, 0);
		ipi((uint64_t)hole << 56 | V, PN_IPI_INVALID_BACKING, hole, 0);
		solo_st64(PHYSICAL + 8 * hole, 0);
		ipi((uint64_t)hole << 56 | V, PN_IPI_INVALID_TARGET, hole, 0);
		solo_st64(PHYSICAL + 8 * hole, old);
	}
	ipi(3ull << 56 | V, PN_IPI_INVALID_TARGET, 3, 0);
	ipi(8, PN_IPI_INVALID_VECTOR, 0, 0);
	ipi(4u << 8 | V, PN_IPI_INVALID_TYPE, 0, 0);
	/* Logical: flat, then clusters. */
	solo_st32(PAGE(2) + PN_APIC_DFR, 0xFFFFFFFF);
	solo_st32(LOGICAL + 4 * 7, PN_AVIC_LOG_VALID | 0);
	ipi(0x80ull << 56 | PN_ICR_LOGICAL | V, -1, 0, 1);
	ipi(0x81ull << 56 | PN_ICR_LOGICAL | V, PN_IPI_INVALID_TARGET, 0, 0);
	solo_st32(PAGE(2) + PN_APIC_DFR, 0);
	ipi(0x18ull << 56 | PN_ICR_LOGICAL | V, -1, 0, 1);
	ipi(0xF1ull << 56 | PN_ICR_LOGICAL | V, PN_IPI_INVALID_TARGET, 60, 0);
}

static void doorbells(void)
{
	uint32_t evaluations = solo->evaluations;

	pn_avic_vmexit(core);
	rig_want(!pn_avic_doorbell(core) && solo->lost == 1, "P5", "a doorbell in host mode");
	enter();
	rig_want(solo->evaluations == evaluations + 1, "P5", "it is not held until VMRUN");
	pn_avic_vmexit(core);
	solo->ring = core;
	enter();
	solo->ring = NULL;
	rig_want(solo->evaluations == evaluations + 3 && solo->lost == 1, "P1",
		 "a doorbell during VMRUN is lost");
}

static void runs(void *arg)
{
	(void)arg;
	enter();
	px_doing("sends IPIs");
	tables();
	doorbells();
	px_doing("takes a vector");
	ipi((uint64_t)PN_ICR_SH_SELF << 18 | V, -1, 0, 4);
	rig_want(pn_avic_evaluate(core, true) == V, "P4", "its own IPI");
	pn_avic_deliver(core, V);
	solo_followed();
}

static void build(bool broken)
{
	struct pn_avic_features feat;

	solo_build();
	last = broken ? 1 : 2;
	core = px_alloc(sizeof(*core), 64);
	pn_avic_features_default(&feat);
	pn_avic_init(core, &solo->bus, &solo->agent, &feat, 7);
	solo_st64(PHYSICAL, VALID | RUNS | PAGE(0) | 5);
	solo_st64(PHYSICAL + 8, VALID | PAGE(1) | 6);
	solo_st64(PHYSICAL + 16, VALID | RUNS | PAGE(2) | 7);
	px_thread("CPU 7", 0, runs, NULL);
}

const struct case_setup pn_cases_amd_core[] = {
	{{"table-too-short", "APM vol 2, 15.29.4.2",
	  "AVIC_PHYSICAL_MAX_INDEX leaves out the last vCPU of the VM",
	  "it is the last guest APIC ID", "P4", false, false},
	 PN_MISTAKE_NONE,
	 build,
	 0},
};

const unsigned pn_cases_amd_core_nr = sizeof(pn_cases_amd_core) / sizeof(pn_cases_amd_core[0]);
