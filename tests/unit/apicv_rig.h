/* SPDX-License-Identifier: MIT */
#ifndef APICV_RIG_H
#define APICV_RIG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "postern/apicv.h"
#include "postern/x86.h"
#include "row.h"

/*
 * One logical processor with APIC virtualization: guest memory with its virtual-APIC page, a
 * PID-pointer table and descriptors for 32 virtual APIC IDs; a bus that records physical IPIs.
 */
#define RIG_BASE   0x100000000ull
#define RIG_SIZE   0x20000u
#define RIG_PAGE   (RIG_BASE + 0x1000)
#define RIG_ACCESS (RIG_BASE + 0x2000)
#define RIG_PIDS   (RIG_BASE + 0x3000)
#define RIG_TABLE  (RIG_BASE + 0x8000)
#define RIG_HOLE   (RIG_BASE + 0x100000) /* no memory */
#define RIG_SELF   2u			 /* virtual APIC ID */
#define RIG_NV	   0xF2u
#define RIG_LAST   31u
#define RIG_IPIS   64

struct rig {
	struct pn_bus bus;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_apicv_features feat;
	struct pn_apicv cpu;
	struct pn_vmcs_apic vmcs;
	struct pn_apicv_exit exit;
	struct pn_lapic lapic;
	bool host_x2;
	struct pn_intr ipi[RIG_IPIS];
	unsigned ipis;
};

static uint8_t rig_ram[RIG_SIZE] __attribute__((aligned(4096)));

static inline void rig_intr(void *ctx, const struct pn_intr *intr)
{
	struct rig *r = ctx;

	if (r->ipis < RIG_IPIS)
		r->ipi[r->ipis] = *intr;
	r->ipis++;
}

static inline void *rig_at(uint64_t pa)
{
	return rig_ram + (pa - RIG_BASE);
}

static inline uint32_t *rig_page(void)
{
	return rig_at(RIG_PAGE);
}

static inline uint32_t rig_reg(uint32_t off)
{
	return rig_page()[off / 4];
}

static inline uint64_t rig_pid_pa(uint32_t id)
{
	return RIG_PIDS + id * 64ull;
}

static inline struct pn_pid *rig_pid(uint32_t id)
{
	return rig_at(rig_pid_pa(id));
}

static inline uint64_t *rig_entry(uint32_t id)
{
	return (uint64_t *)rig_at(RIG_TABLE) + id;
}

static inline bool rig_pir(uint32_t id, uint8_t vector)
{
	return rig_pid(id)->pir[vector >> 6] >> (vector & 63) & 1;
}

static inline void rig_set(uint32_t bank, uint8_t vector)
{
	pn_vapic_set(rig_page(), bank, vector);
}

static inline bool rig_test(uint32_t bank, uint8_t vector)
{
	return pn_vapic_test(rig_page(), bank, vector);
}

/* A post as an IOMMU makes it. True: a notification is due. */
static inline bool rig_post(uint32_t id, uint8_t vector)
{
	struct pn_pid *pid = rig_pid(id);
	bool notify = !(pid->control & (PN_PID_ON | PN_PID_SN));

	pid->pir[vector >> 6] |= 1ull << (vector & 63);
	if (notify)
		pid->control |= PN_PID_ON;
	return notify;
}

/* Everything on; @x2: MSRs instead of the access page. */
static inline void rig_init(struct rig *r, bool x2)
{
	memset(r, 0, sizeof(*r));
	memset(rig_ram, 0, sizeof(rig_ram));
	r->bus.ctx = r;
	r->bus.ram = rig_ram;
	r->bus.ram_base = RIG_BASE;
	r->bus.ram_size = RIG_SIZE;
	r->bus.intr = rig_intr;
	r->host_x2 = true;
	pn_agent_init(&r->agent, 0, r->steps);
	row_watch(&r->agent);
	pn_apicv_features_default(&r->feat);
	r->vmcs.pin = PN_PIN_EXT_INT_EXIT | PN_PIN_POSTED_INTR;
	r->vmcs.proc = PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY | PN_PROC_TERTIARY;
	r->vmcs.proc2 =
		(x2 ? PN_PROC2_X2APIC : PN_PROC2_APIC_ACCESSES) | PN_PROC2_APIC_REGS | PN_PROC2_VID;
	r->vmcs.proc3 = PN_PROC3_IPI_VIRT;
	r->vmcs.exit_ctl = PN_EXITCTL_ACK_INTR;
	r->vmcs.posted_nv = RIG_NV;
	r->vmcs.last_pid_index = RIG_LAST;
	r->vmcs.virtual_apic = RIG_PAGE;
	r->vmcs.apic_access = RIG_ACCESS;
	r->vmcs.pid = rig_pid_pa(RIG_SELF);
	r->vmcs.pid_table = RIG_TABLE;
	for (uint32_t id = 0; id <= RIG_LAST; id++) {
		*rig_entry(id) = rig_pid_pa(id) | PN_PIDPTR_VALID;
		rig_pid(id)->control = pn_pid_ndst(0x40 + id, true) | RIG_NV << PN_PID_NV_SH;
	}
}

/* Creates the processor by r->feat and enters the guest. */
static inline void rig_run(struct rig *r)
{
	pn_apicv_init(&r->cpu, &r->bus, &r->agent, &r->feat, r->host_x2);
	assert_int_equal(pn_apicv_vmentry(&r->cpu, &r->vmcs, &r->exit), 0);
	for (unsigned step = 0; step < PN_STEP_NR; step++)
		r->steps[step].count = 0;
}

static inline void rig_exit_is(const struct rig *r, const char *row, uint32_t reason,
			       uint64_t qualification)
{
	ROW_EQ(row, r->exit.reason, reason);
	ROW_EQ(row, r->exit.qualification, qualification);
}

#endif
