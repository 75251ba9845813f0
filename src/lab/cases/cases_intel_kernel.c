/* SPDX-License-Identifier: MIT */
/*
 * Cases on Intel about the remapping unit's driver: a unit that an earlier kernel left, and two
 * agents that change one entry at once.
 */
#include <errno.h>
#include <stdio.h>

#include "cases_intel.h"
#include "postern/vtd_regs.h"
#include "vectors.h"

static uint64_t reg(uint32_t off, unsigned size)
{
	uint64_t v = 0;

	pn_vtd_read(intel->vtd, off, size, &v);
	return v;
}

#define MODES (PN_VTD_G_QIE | PN_VTD_G_IRE | PN_VTD_G_CFI)

/* ---- after an earlier kernel ---- */

/* It goes with everything on, a queue that stopped, and faults. */
static void leaves_unit(void)
{
	struct pn_msi msi = {.devid = RIG_DEVID};

	px_doing("the kernel before");
	pn_vtd_write(intel->vtd, PN_VTD_GCMD, 4, 0);
	pn_vtd_write(intel->vtd, PN_VTD_IQA, 8, 0xF00000000000ull);
	pn_vtd_write(intel->vtd, PN_VTD_GCMD, 4, MODES);
	pn_vtd_write(intel->vtd, PN_VTD_IQT, 8, 16);
	pn_vtd_msi_encode(3, 0, &msi.addr, &msi.data);
	for (unsigned i = 0; i < 9; i++)
		pn_vtd_msi(intel->vtd, &msi);
	rig_want(reg(PN_VTD_FSTS, 4) & PN_VTD_FSTS_IQE, "P7", "the queue has not stopped");
}

static int init(bool x2apic)
{
	const struct pn_vtd_drv_config cfg = {
		.irt_entries = RIG_IRS, .x2apic = x2apic, .fault_apicid = 2};
	const struct pn_pages pages = rig->pages;
	int r;

	r = pn_vtd_drv_init(&intel->drv, &cfg, &rig->bus, &rig->pages, rig->cpu[0].agent);
	rig->pages = pages; /* the next kernel uses the same memory */
	return r;
}

static void brought_up(bool x2apic)
{
	rig_want(!init(x2apic), "P7", "the unit cannot be set up");
	rig_want((reg(PN_VTD_GSTS, 4) & MODES) == (PN_VTD_G_QIE | PN_VTD_G_IRE), "P7",
		 "queue and remapping are not on, or compatibility requests are");
	rig_want(!(reg(PN_VTD_FSTS, 4) & 0x7F), "P7", "faults of the kernel before");
	rig_want(!intel->drv.faults && !intel->drv.last_fault.reason, "P7",
		 "faults of the kernel before are counted");
	rig_want((reg(PN_VTD_IRTA, 8) & (PN_VTD_IRTA_S | PN_VTD_IRTA_EIME)) ==
			 (2 | (x2apic ? PN_VTD_IRTA_EIME : 0)),
		 "P7", "size or mode of the table");
	rig_want(reg(PN_VTD_FEDATA, 4) == PN_VEC_DMAR_FAULT && !reg(PN_VTD_FEUADDR, 4) &&
			 reg(PN_VTD_FEADDR, 4) == (PN_MSI_ADDR_BASE | 2u << 12) &&
			 !(reg(PN_VTD_FECTL, 4) & PN_VTD_ECTL_IM),
		 "P7", "the fault interrupt");
	rig_want(!pn_vtd_drv_flush(&intel->drv, rig->cpu[0].agent, 3) &&
			 reg(PN_VTD_IQH, 8) == reg(PN_VTD_IQT, 8),
		 "P7", "the queue does not run");
	rig_want(pn_vtd_ir_init(&intel->ir[0], &intel->drv, rig->cpu[0].agent, 0, RIG_DEVID, 0x123,
				0x41) == (x2apic ? 0 : -EINVAL) &&
			 pn_vtd_ir_init(&intel->ir[0], &intel->drv, rig->cpu[0].agent, 0, RIG_DEVID,
					0xFE, 15) == -EINVAL,
		 "P7", "a destination of more than 8 bits, or a vector below 16");
	pn_vtd_drv_disable(&intel->drv, rig->cpu[0].agent);
	rig_want(!(reg(PN_VTD_GSTS, 4) & MODES) && reg(PN_VTD_FECTL, 4) & PN_VTD_ECTL_IM, "P6",
		 "a unit that is switched off is not off");
}

/* What a unit can do; whether it can be used with x2APICs and with xAPICs. */
static const struct ability {
	const char *name;
	uint64_t on, off;
	bool x2apic, xapic;
} abilities[] = {
	{"a unit without remapping", 0, PN_VTD_ECAP_IR, false, false},
	{"a unit without a queue", 0, PN_VTD_ECAP_QI, false, false},
	{"a unit without x2APIC mode", 0, PN_VTD_ECAP_EIM, false, true},
	{"a unit that requires x2APIC mode", PN_VTD_ECAP_EIMER, 0, true, false},
};

#define ABILITIES (sizeof(abilities) / sizeof(abilities[0]))

static struct pn_vtd **units; /* one of each, in the machine's memory */

static void build_units(void)
{
	struct pn_vtd_config hw;

	units = px_alloc(ABILITIES * sizeof(*units), 8);
	for (unsigned i = 0; i < ABILITIES; i++) {
		pn_vtd_config_default(&hw);
		hw.bus = &intel->bus;
		hw.agent = &intel->agent;
		hw.irte_cache = RIG_IRS;
		hw.ecap = (hw.ecap | abilities[i].on) & ~abilities[i].off;
		pn_vtd_create(&hw, &units[i]);
	}
}

static void able(void)
{
	for (unsigned i = 0; i < ABILITIES; i++) {
		const struct ability *a = &abilities[i];

		px_doing(a->name);
		intel->vtd = units[i];
		rig_want(!init(true) == a->x2apic, "P7", a->name);
		rig_want(!init(false) == a->xapic, "P7", a->name);
	}
}

static void next_kernel(void *arg)
{
	(void)arg;
	leaves_unit();
	px_doing("the next kernel");
	brought_up(true);
	leaves_unit();
	brought_up(false);
	able();
}

void intel_next_kernel(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	build_units();
	px_thread("CPU 0", 0, next_kernel, NULL);
}

/* ---- two agents change one entry ---- */

static void moves(void *arg)
{
	(void)arg;
	px_doing("interrupt 0 moves to CPU 2");
	pn_vtd_ir_affinity(&intel->ir[0], rig->cpu[1].agent, 2, 0x55);
}

static void posts(void *arg)
{
	(void)arg;
	px_doing("interrupt 0 is posted");
	pn_vtd_ir_post(&intel->ir[0], rig->cpu[0].agent, intel->pcpu[0].pid_pa, LOW, false);
}

static void remaps(void *arg)
{
	(void)arg;
	px_doing("interrupt 1 is not posted any more");
	pn_vtd_ir_remap(&intel->ir[1], rig->cpu[0].agent);
	posts(NULL);
}

static void moves_both(void *arg)
{
	moves(arg);
	px_doing("interrupt 1 moves to CPU 2");
	pn_vtd_ir_affinity(&intel->ir[1], rig->cpu[1].agent, 2, 0x56);
}

void intel_two_writers(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	rig_intel_attach_msi(0, 1, 0x45, false);
	rig_intel_attach_msi(1, 0, 0x46, true);
	px_thread("CPU 0", 0, remaps, NULL);
	px_thread("CPU 1", 1, moves_both, NULL);
}

/* Entry 0 posts; entry 1 leads to CPU 2: so say driver and table. */
const char *intel_two_writers_check(void *arg, char *text, unsigned size)
{
	const struct pn_virte_env env = {.eime = true, .pi = true, .haw = 64};
	struct pn_virte f;

	(void)arg;
	snprintf(text, size, "an entry does not say what its writers wrote, or a lock is left");
	if (pn_virte_decode(*intel->ir[0].irte, &env, &f) || !f.p || !f.im || f.vector != LOW ||
	    f.pid != intel->pcpu[0].pid_pa || f.sid != RIG_DEVID || f.svt != PN_SVT_SID)
		return "P6";
	if (pn_virte_decode(*intel->ir[1].irte, &env, &f) || !f.p || f.im || f.dest != 2 ||
	    f.vector != 0x56 || f.sid != RIG_DEVID || f.svt != PN_SVT_SID)
		return "P6";
	return intel->ir[0].lock.held || intel->drv.lock.held ? "P6" : NULL;
}
