/* SPDX-License-Identifier: MIT */
/* A case of one agent on AMD: what an IOMMU keeps until software asks for it. */
#include "case_setup.h"
#include "rig_amd.h"

static uint64_t status(void)
{
	uint64_t v = 0;

	pn_amdvi_read(amd->iommu[0].vi, PN_AMDVI_STATUS, 8, &v);
	return v;
}

/* A request of a device that has no entry in the device table: an event, and EventLogInt. */
static void event(void)
{
	pn_amdvi_msi(amd->iommu[0].vi,
		     &(struct pn_msi){.devid = 0x7700, .addr = PN_MSI_ADDR_BASE, .data = 0x41});
}

static void note(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	amd->last_vector = intr->vector;
}

/* The vector of interrupt 1, which is remapped. */
static uint32_t remaps(void)
{
	amd->last_vector = 0;
	rig_want(pn_amdvi_msi(amd->iommu[0].vi, &(struct pn_msi){.devid = RIG_DEVID,
								 .addr = PN_MSI_ADDR_BASE,
								 .data = 1}) == PN_MSI_REMAPPED,
		 "P4", "an interrupt is not remapped");
	return amd->last_vector;
}

/* An entry changes in memory: the cached one is used until it is invalidated. */
static void keeps_entry(void)
{
	struct pn_irte128 *e = amd->ir[1].ir.irte;
	uint32_t was;

	px_doing("an entry changes, and memory is mapped anew");
	amd->iommu[0].bus.intr = note;
	was = remaps();
	pn_st64(&e->hi, pn_ld64(&e->hi) ^ 1);
	pn_amdvi_memory_changed(amd->iommu[0].vi);
	rig_want(remaps() == was, "P7",
		 "a mapping of memory drops an entry that it does not concern");
}

static void drains(void)
{
	unsigned steps = 0;

	px_doing("reads the log");
	rig_want(status() & PN_ST_GAINT && status() & PN_ST_EVENTLOGINT, "P7",
		 "no entry in a log, or no event");
	pn_galog_irq(&amd->drv[0], rig->cpu[1].agent, &amd->iommu[0].log);
	while (steps < 8 && pn_galog_step(&amd->drv[0], rig->cpu[1].agent))
		steps++;
	rig_want(!(status() & (PN_ST_GAINT | PN_ST_GALOVERFLOW)), "P7",
		 "what the driver has seen stays set");
	rig_want(status() & PN_ST_EVENTLOGINT, "P7", "another driver's bit is cleared");
	rig_want(steps < 8, "P7", "the log is read for ever");
	rig_want(!rig->vcpu[0].task.sleeping, "P1", "the log's entry wakes nobody");
}

static void keeps(void *arg)
{
	(void)arg;
	drains();
	keeps_entry();
}

static void others_stay(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, NULL, 0x51);
	rig_fall_asleep(0, 0);
	event();
	rig_post(0);
	rig->no_rest_check = true;
	px_thread("CPU 1", 1, keeps, NULL);
}

const struct case_setup pn_cases_amd_status[] = {
	{{"status-bits-of-others", "inferred",
	  "hardware keeps the bits of Status to which the driver writes 1",
	  "it clears them; the driver writes only those that it has seen", "P7", true, false},
	 PN_MISTAKE_STATUS_COPIES,
	 others_stay,
	 0},
};

const unsigned pn_cases_amd_status_nr =
	sizeof(pn_cases_amd_status) / sizeof(pn_cases_amd_status[0]);
