/* SPDX-License-Identifier: MIT */
#ifndef AVIC_RIG_H
#define AVIC_RIG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "postern/avic.h"
#include "row.h"

/*
 * One core with AVIC: guest memory with the sender's page, the tables and pages for 32 targets; a
 * bus that records doorbells.
 */
#define RIG_BASE  0x100000000ull
#define RIG_SIZE  0x40000u
#define RIG_LOG	  (RIG_BASE + 0x1000)
#define RIG_PHYS  (RIG_BASE + 0x8000) /* eight pages */
#define RIG_PAGE  (RIG_BASE + 0x10000)
#define RIG_HOST  7u			/* host APIC ID of the core */
#define RIG_SELF  2u			/* guest APIC ID of its vCPU */
#define RIG_HOLE  (RIG_BASE + 0x100000) /* no memory */
#define RIG_BELLS 64

struct rig {
	struct pn_bus bus;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_avic_features feat;
	struct pn_avic av;
	struct pn_avic_vmcb vmcb;
	struct pn_avic_exit exit;
	uint32_t bell[RIG_BELLS];
	unsigned bells;
};

static uint8_t rig_ram[RIG_SIZE] __attribute__((aligned(4096)));

static inline void rig_doorbell(void *ctx, uint32_t apicid)
{
	struct rig *r = ctx;

	if (r->bells < RIG_BELLS)
		r->bell[r->bells] = apicid;
	r->bells++;
}

/* Page of guest APIC ID @id, 0..31. */
static inline uint64_t rig_page_pa(uint32_t id)
{
	return RIG_PAGE + id * 0x1000ull;
}

static inline uint32_t *rig_page(uint32_t id)
{
	return (uint32_t *)(void *)(rig_ram + (rig_page_pa(id) - RIG_BASE));
}

static inline uint64_t *rig_phys(uint32_t id)
{
	return (uint64_t *)(void *)(rig_ram + (RIG_PHYS - RIG_BASE) + id * 8u);
}

static inline uint32_t *rig_log(uint32_t slot)
{
	return (uint32_t *)(void *)(rig_ram + (RIG_LOG - RIG_BASE) + slot * 4u);
}

/* Entry of @id with its own page (mod 32), on host APIC ID 40h + id if it runs. */
static inline void rig_vcpu(uint32_t id, bool running)
{
	*rig_phys(id) = PN_AVIC_PHYS_VALID | rig_page_pa(id & 31) | (0x40 + id) |
			(running ? PN_AVIC_PHYS_ISRUNNING : 0);
}

static inline void rig_init(struct rig *r, bool x2)
{
	memset(r, 0, sizeof(*r));
	memset(rig_ram, 0, sizeof(rig_ram));
	r->bus.ctx = r;
	r->bus.ram = rig_ram;
	r->bus.ram_base = RIG_BASE;
	r->bus.ram_size = RIG_SIZE;
	r->bus.doorbell = rig_doorbell;
	pn_agent_init(&r->agent, 0, r->steps);
	row_watch(&r->agent);
	pn_avic_features_default(&r->feat);
	r->vmcb.v_intr = PN_VINTR_AVIC | (x2 ? PN_VINTR_X2AVIC : 0);
	r->vmcb.apic_bar = 0xFEE00000;
	r->vmcb.backing_page = rig_page_pa(RIG_SELF);
	r->vmcb.logical_table = RIG_LOG;
	r->vmcb.physical_table = RIG_PHYS | (x2 ? 511 : 255);
	r->vmcb.np_enable = true;
	rig_page(RIG_SELF)[PN_APIC_DFR / 4] = 0xFFFFFFFFu;
	rig_vcpu(RIG_SELF, true);
}

/* Creates the core by r->feat and enters the guest. */
static inline void rig_run(struct rig *r)
{
	pn_avic_init(&r->av, &r->bus, &r->agent, &r->feat, RIG_HOST);
	assert_int_equal(pn_avic_vmrun(&r->av, &r->vmcb), 0);
	for (unsigned step = 0; step < PN_STEP_NR; step++)
		r->steps[step].count = 0;
}

static inline uint32_t rig_self_reg(uint32_t off)
{
	return rig_page(RIG_SELF)[off / 4];
}

static inline void rig_set(uint32_t id, uint32_t bank, uint8_t vector)
{
	pn_vapic_set(rig_page(id), bank, vector);
}

static inline bool rig_test(uint32_t id, uint32_t bank, uint8_t vector)
{
	return pn_vapic_test(rig_page(id), bank, vector);
}

#endif
