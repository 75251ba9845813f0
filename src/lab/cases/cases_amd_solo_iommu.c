/* SPDX-License-Identifier: MIT */
/*
 * Cases of one agent on AMD: requests to the machine's IOMMU, what each invalidation drops, its
 * log. They are here because the cases with races use one kind of entry.
 */
#include "case_setup.h"
#include "postern/amd_dte.h"
#include "postern/amd_log.h"
#include "rig_amd.h"

/* ---- requests ---- */

static uint64_t *dte(uint16_t devid)
{
	return &amd->drv[0].devtab[devid * (PN_DTE_SIZE / 8) + 2];
}

static void command(struct pn_amd_cmd c)
{
	pn_amdvi_cmd_sync(&amd->drv[0], rig->cpu[0].agent, (const uint64_t[2]){c.q0, c.q1});
}

static void invalidate(uint16_t devid)
{
	command(pn_amd_cmd_inv_devtab(devid));
	command(pn_amd_cmd_inv_irt(devid));
}

static uint64_t mmio(uint32_t off)
{
	return amd->drv[0].mmio.read(amd->drv[0].mmio.ctx, off, 8);
}

/* The event that was logged last, and that it is one more; 0: none was logged. */
static uint64_t new_event(uint64_t before)
{
	uint64_t now = mmio(PN_AMDVI_EVT_TAIL), base = mmio(PN_AMDVI_EVTLOG) & ~0xFFFull;
	const uint64_t *e;

	if (now == before)
		return 0;
	rig_want(now == before + PN_EVENT_SIZE, "P7", "a fault logs one event");
	/* The log's length is in the same register. */
	e = pn_bus_ptr(&rig->bus, (base & 0x000FFFFFFFFFF000ull) + before, PN_EVENT_SIZE);
	return pn_ld64(&e[0]);
}

static void ask(const struct pn_msi *msi, enum pn_msi_result result, unsigned code, uint64_t flags)
{
	uint64_t tail = mmio(PN_AMDVI_EVT_TAIL), event;

	rig_want(pn_amdvi_msi(amd->iommu[0].vi, msi) == result, "P7",
		 "an interrupt request has another result");
	event = new_event(tail);
	rig_want(event >> PN_EVENT_CODE_SH == code, "P7", "another event is logged, or none");
	if (event)
		rig_want((event & 0xFFFF) == msi->devid && (event & flags) == flags, "P7",
			 "an event names another device, or lacks a flag");
}

static struct pn_msi msi_of(uint32_t data)
{
	return (struct pn_msi){.addr = PN_MSI_ADDR_BASE, .data = data, .devid = RIG_DEVID};
}

/* The DTE of the device with @set and without @clear. */
static void ask_dte(uint64_t clear, uint64_t set, uint32_t data, enum pn_msi_result result,
		    unsigned code)
{
	uint64_t old = pn_ld64(dte(RIG_DEVID));
	const struct pn_msi msi = msi_of(data);

	pn_st64(dte(RIG_DEVID), (old & ~clear) | set);
	invalidate(RIG_DEVID);
	ask(&msi, result, code, PN_EVENT_I);
	pn_st64(dte(RIG_DEVID), old);
	invalidate(RIG_DEVID);
}

static void ask_irte(struct pn_irte128 e, enum pn_msi_result result, unsigned code, uint64_t flags)
{
	struct pn_irte128 old = *amd->ir[0].ir.irte;
	const struct pn_msi msi = msi_of(0);

	pn_st64(&amd->ir[0].ir.irte->hi, e.hi);
	pn_st64(&amd->ir[0].ir.irte->lo, e.lo);
	invalidate(RIG_DEVID);
	ask(&msi, result, code, flags);
	pn_st64(&amd->ir[0].ir.irte->hi, old.hi);
	pn_st64(&amd->ir[0].ir.irte->lo, old.lo);
	invalidate(RIG_DEVID);
}

#define ABORT	PN_MSI_ABORTED
#define NMI	(4u << 8)
#define FORWARD PN_MSI_FORWARDED
#define FAULT	PN_EVENT_IO_PAGE_FAULT
#define INTCTL	(3ull << PN_DTE_INTCTL_SH)

static void entries(void)
{
	struct pn_irte128 good = *amd->ir[0].ir.irte, bad = good;
	const uint64_t guest = PN_IRTE_GUESTMODE | PN_IRTE_REMAPEN;

	ask_irte(good, PN_MSI_REMAPPED, 0, 0);
	ask_irte((struct pn_irte128){0, 0}, ABORT, FAULT, PN_EVENT_I);
	bad.lo |= PN_IRTE_REMAP_RSV_LO & -PN_IRTE_REMAP_RSV_LO;
	ask_irte(bad, ABORT, FAULT, PN_EVENT_I | PN_EVENT_PR | PN_EVENT_RZ);
	bad.lo |= PN_IRTE_SUPIOPF;
	ask_irte(bad, ABORT, 0, 0);
	ask_irte((struct pn_irte128){guest, 0x41 | rig->vcpu[0].h->page_pa}, PN_MSI_POSTED, 0, 0);
	rig_want(pn_vapic_test(rig->vcpu[0].h->page, PN_APIC_IRR, 0x41), "P4",
		 "an interrupt is posted to its page");
	ask_irte((struct pn_irte128){guest, 0x41 | 1ull << 40}, ABORT,
		 PN_EVENT_PAGE_TAB_HARDWARE_ERROR, PN_EVENT_I);
}

static void device_entries(void)
{
	ask_dte(PN_DTE_IV, 0, 0x31, FORWARD, 0);
	ask_dte(INTCTL, 0, 0, ABORT, FAULT);
	ask_dte(INTCTL, 0 | PN_DTE_IG, 0, ABORT, 0);
	ask_dte(INTCTL, (uint64_t)PN_INTCTL_FORWARD << PN_DTE_INTCTL_SH, 0x31, FORWARD, 0);
	ask_dte(0, INTCTL, 0, ABORT, PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY);
	ask_dte(0, 0, 8, ABORT, FAULT); /* beyond the table */
	ask_dte(0, 0, NMI, ABORT, FAULT);
	ask_dte(0, PN_DTE_NMIPASS, NMI, FORWARD, 0);
	ask_dte(0, PN_DTE_INITPASS, 5u << 8, FORWARD, 0);
	ask_dte(0, PN_DTE_EINTPASS, 7u << 8, FORWARD, 0);
}

static void asks(void *arg)
{
	struct pn_msi msi = msi_of(0);

	(void)arg;
	px_doing("its device writes");
	entries();
	device_entries();
	msi.has_pasid = true;
	ask(&msi, ABORT, FAULT, PN_EVENT_I | PN_EVENT_GN);
	msi = (struct pn_msi){.addr = PN_MSI_ADDR_BASE, .devid = 200};
	ask(&msi, ABORT, PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY, PN_EVENT_I);
	msi = (struct pn_msi){.addr = 0x1000, .devid = RIG_DEVID};
	ask(&msi, ABORT, 0, 0);
}

static void requests(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	rig_amd_attach(0, 0, NULL, 0x41);
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, asks, NULL);
}

/* ---- what an invalidation drops ---- */

static unsigned vector_now(unsigned index)
{
	const struct pn_msi msi = msi_of(index);

	amd->last_vector = 0;
	(void)pn_amdvi_msi(amd->iommu[0].vi, &msi);
	return amd->last_vector;
}

static void note_vector(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	amd->last_vector = intr->vector;
}

static void rewrite(uint8_t first)
{
	for (unsigned i = 0; i < 3; i++)
		pn_st64(&amd->ir[i].ir.irte->hi, first + i);
}

static void expect(uint8_t first, const char *what)
{
	for (unsigned i = 0; i < 3; i++)
		rig_want(vector_now(i) == first + i, "P4", what);
}

static void drops(void *arg)
{
	(void)arg;
	px_doing("changes entries and invalidates them");
	rewrite(0x71);
	expect(PN_VEC_DEVICE_FIRST, "an entry changes without an invalidation");
	command(pn_amd_cmd_inv_irt(RIG_DEVID - 1));
	expect(PN_VEC_DEVICE_FIRST, "the invalidation of another device drops an entry");
	command(pn_amd_cmd_inv_irt(RIG_DEVID));
	expect(0x71, "INVALIDATE_INTERRUPT_TABLE leaves an entry in the cache");
	rewrite(0x81);
	command(pn_amd_cmd_inv_all());
	expect(0x81, "INVALIDATE_IOMMU_ALL leaves an entry in the cache");
	pn_st64(dte(RIG_DEVID), pn_ld64(dte(RIG_DEVID)) & ~INTCTL);
	expect(0x81, "a device table entry changes without an invalidation");
	command(pn_amd_cmd_inv_devtab(RIG_DEVID));
	rig_want(!vector_now(0), "P4", "INVALIDATE_DEVTAB_ENTRY leaves the entry in the cache");
}

static void invalidations(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	amd->iommu[0].bus.intr = note_vector;
	for (unsigned i = 0; i < 3; i++)
		rig_amd_attach(i, 0, NULL, 0x41);
	for (unsigned i = 0; i < 3; i++)
		(void)vector_now(i);
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, drops, NULL);
}

/* ---- the log goes round ---- */

static void round_and_round(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 10; i++) {
		px_doing(i & 1 ? "its device interrupts vCPU 1" : "its device interrupts vCPU 0");
		rig->vcpu[i & 1].h->woken = 0;
		rig_post(i & 1);
		while (pn_galog_step(&amd->drv[0], rig->cpu[1].agent))
			;
		rig_want(rig->vcpu[i & 1].h->woken, "P1", "an entry of the log is not read");
		rig_want(pn_ld64(amd->drv[0].galog_shadow) == mmio(PN_AMDVI_GA_TAIL), "P2",
			 "the tail's copy in memory is another");
	}
}

static void log_wraps(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG,
					     .vcpus = 2,
					     .galog_ring = 4,
					     .moving = true,
					     .recover = PN_RECOVER_NONE});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[1], 0x91);
	rig_fall_asleep(0, 0);
	rig_fall_asleep(1, 0);
	rig->no_rest_check = true;
	px_thread("CPU 1", 1, round_and_round, NULL);
}

const struct case_setup pn_cases_amd_solo_iommu[] = {
	{{"fault-without-event", "48882, 2.5", "the IOMMU aborts a request and logs nothing",
	  "an event, unless the entry suppresses it", "P7", false, false},
	 PN_MISTAKE_FAULT_SILENT,
	 requests,
	 0},
	{{"invalidate-first-only", "48882, 2.4.5",
	  "INVALIDATE_INTERRUPT_TABLE drops one entry of the device", "all of them", "P4", false,
	  false},
	 PN_MISTAKE_DROP_FIRST_ONLY,
	 invalidations,
	 0},
	{{"galog-head-stays", "48882, 2.7",
	  "the host does not write the head back: the log is full after one turn",
	  "the head follows what was read", "P1", false, false},
	 PN_MISTAKE_HEAD_STAYS,
	 log_wraps,
	 0},
};

const unsigned pn_cases_amd_solo_iommu_nr =
	sizeof(pn_cases_amd_solo_iommu) / sizeof(pn_cases_amd_solo_iommu[0]);
