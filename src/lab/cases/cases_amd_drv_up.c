/* SPDX-License-Identifier: MIT */
/*
 * The driver brings IOMMUs up and down: each write to a register in its order; what it refuses; the
 * switch between the log and GAPPI, and where the log's interrupt goes.
 */
#include <errno.h>

#include "cases_amd_drv.h"

/* Control is cleared first, then tables, then what is enabled. */
static void tables(struct drv_unit *u, uint64_t control)
{
	drv_wrote(u, 0x2020, 0x667, "Status is cleared");
	drv_wrote(u, 0x0, SOLO_AT(0), "the device table");
	drv_wrote(u, 0x8, SOLO_AT(1) | 8ull << 56, "the command ring");
	drv_wrote(u, 0x2000, 0, "its head");
	drv_wrote(u, 0x2008, 0, "its tail");
	drv_wrote(u, 0x10, SOLO_AT(3) | 8ull << 56, "the event log");
	drv_wrote(u, 0x2010, 0, "its head");
	drv_wrote(u, 0x2018, 0, "its tail");
	drv_wrote(u, 0x18, control, "features before the IOMMU is on");
}

static void log_on(struct drv_unit *u, uint64_t control, uint64_t route)
{
	drv_wrote(u, 0xE0, SOLO_AT(5) | 8ull << 56, "the log");
	drv_wrote(u, 0xE8, SOLO_AT(4), "the tail's copy");
	drv_wrote(u, 0x2040, 0, "its head");
	drv_wrote(u, 0x2048, 0, "its tail");
	drv_wrote(u, 0x180, route, "where the log's interrupt goes");
	drv_wrote(u, 0x2020, 0x600, "GALOverflow and GAInt are cleared");
	drv_wrote(u, 0x18, control | GAINT, "GAIntEn");
	drv_wrote(u, 0x18, control | GAINT | GALOG, "then GALogEn");
}

static void comes_up(void)
{
	struct drv_unit *u = &drv_lab->units[FULL];
	uint64_t on = BASE | GAEN | VAPIC | XT | ON;
	struct pn_iommus_config cfg = drv_config(PN_NOTIFY_GALOG);

	cfg.ga_apicid = 0xD4C3B2A1;
	rig_want(!drv_up(FULL, -1, cfg) && drv_lab->host.n == 1 &&
			 drv_lab->host.notify == PN_NOTIFY_GALOG,
		 "P7", "an IOMMU does not come up");
	drv_wrote(u, 0x18, BASE, "Control is cleared first");
	tables(u, BASE | GAEN | VAPIC | XT);
	drv_wrote(u, 0x18, on, "IommuEn, CmdBufEn, EventLogEn");
	drv_wrote(u, 0x2008, 0x20, "the caches are emptied");
	log_on(u, on, 0xD4ull << 56 | 0xEEull << 32 | 0xC3B2A1ull << 8);
	drv_wrote_all(u, "bringing up writes more");
	drv_commanded(&drv_lab->drv[0], 8ull << 60, "everything is dropped");
	rig_want(drv_lab->drv[0].galog_entries == 512 && drv_lab->drv[0].xt &&
			 drv_lab->drv[0].gappidis && !drv_lab->drv[0].irt2k &&
			 !drv_lab->drv[0].irtcachedis && drv_lab->drv[0].devtab_entries == 9,
		 "P7", "what the driver knows of its IOMMU");
	pn_iommus_disable(&drv_lab->host, drv_self);
	drv_wrote(u, 0x18, on, "GALogEn and GAIntEn fall first");
	drv_wrote(u, 0x18, on, "GAPPIEn");
	drv_wrote(u, 0x18, BASE, "then everything");
	drv_wrote(u, 0x2020, 0x667, "and Status");
	drv_wrote_all(u, "switching off writes more");
	rig_want(drv_lab->host.notify == PN_NOTIFY_NONE, "P7", "posting after it was switched off");
}

/* With GAPPI, with nothing, with all that is optional. */
static void other_ways(void)
{
	struct pn_iommus_config cfg = drv_config(PN_NOTIFY_GAPPI);
	struct drv_unit *u = &drv_lab->units[FULL];

	rig_want(!drv_up(FULL, -1, cfg) && drv_lab->host.notify == PN_NOTIFY_GAPPI, "P7", "GAPPI");
	drv_wrote(u, 0x18, BASE, "Control is cleared first");
	tables(u, BASE | GAEN | VAPIC | XT);
	drv_wrote(u, 0x18, BASE | GAEN | VAPIC | XT | ON, "IommuEn, CmdBufEn, EventLogEn");
	drv_wrote(u, 0x2008, 0x20, "the caches are emptied");
	drv_wrote(u, 0x18, BASE | GAEN | VAPIC | XT | ON | GAPPI, "GAPPIEn");
	drv_wrote_all(u, "GAPPI needs no log");
	cfg = drv_config(PN_NOTIFY_NONE);
	cfg.irt2k = cfg.irtcachedis = true;
	rig_want(!drv_up(FULL, -1, cfg) && drv_lab->host.notify == PN_NOTIFY_NONE &&
			 drv_lab->drv[0].irt2k && drv_lab->drv[0].irtcachedis,
		 "P7", "no notification");
	drv_wrote(u, 0x18, BASE, "Control is cleared first");
	tables(u, BASE | GAEN | XT | 1ull << 43);
	drv_wrote(u, 0x18, BASE | GAEN | XT | 1ull << 43 | 1ull << 59, "IRTCacheDis");
	drv_wrote(u, 0x18, BASE | GAEN | XT | 1ull << 43 | 1ull << 59 | ON, "IommuEn, ...");
	drv_wrote(u, 0x2008, 0x20, "the caches are emptied");
	drv_wrote_all(u, "without notification");
	cfg.galog_entries = 1024;
	cfg.notify = PN_NOTIFY_GALOG;
	rig_want(!drv_up(OLD, -1, cfg) && !drv_lab->drv[0].irt2k && !drv_lab->drv[0].irtcachedis &&
			 !drv_lab->drv[0].gappidis && !(drv_lab->drv[0].control & 1ull << 59) &&
			 drv_lab->drv[0].galog_entries == 1024,
		 "P7", "an IOMMU without GAPPIDis, IRTCacheDis and 2048 entries");
	rig_want(drv_read(&drv_lab->units[OLD], 0xE0, 8) >> 56 == 9, "P7",
		 "the length of 1024 entries");
}

static void lesser_units(void)
{
	/* No INVALIDATE_IOMMU_ALL: each device by itself. */
	rig_want(!drv_up(NO_IA, -1, drv_config(PN_NOTIFY_GAPPI)), "P7", "no IASup");
	for (unsigned id = 0; id < 9; id++)
		rig_want(pn_ld64(&drv_lab->drv[0].cmd[8 * id]) == (2ull << 60 | id) &&
				 pn_ld64(&drv_lab->drv[0].cmd[8 * id + 4]) == (5ull << 60 | id),
			 "P7", "the caches of each device are emptied");
	rig_want(drv_lab->drv[0].cmd_tail == 9 * 4 * 16, "P7", "and no more");
	/* Without XTSup by MSI, in 32-bit writes; or not at all. */
	rig_want(!drv_up(NO_XT, -1, drv_config(PN_NOTIFY_GALOG)) && !drv_lab->drv[0].xt &&
			 !(drv_lab->drv[0].control & XT) &&
			 drv_read(&drv_lab->units[NO_XT], 0x15C, 4) == 0xFEEA1000 &&
			 !drv_read(&drv_lab->units[NO_XT], 0x160, 4) &&
			 drv_read(&drv_lab->units[NO_XT], 0x164, 4) == 0xEE,
		 "P7", "the log's MSI");
	rig_want(!drv_up(NO_MSI, -1, drv_config(PN_NOTIFY_GALOG)), "P7", "no MSI registers");
	for (unsigned i = 0; i < drv_lab->units[NO_MSI].n; i++)
		rig_want(drv_lab->units[NO_MSI].done[i].off != 0x15C &&
				 drv_lab->units[NO_MSI].done[i].off != 0x180,
			 "P7", "a register that is not there is written");
}

static void refuse(enum drv_kind a, int b, struct pn_iommus_config cfg, int error, const char *what)
{
	rig_want(drv_up(a, b, cfg) == error, "P7", what);
}

static void refuses(void)
{
	static const uint32_t sizes[] = {256, 511, 768, 16384, 513};
	struct pn_iommus_config cfg;

	for (unsigned i = 0; i < 5; i++) {
		cfg = drv_config(PN_NOTIFY_GALOG);
		cfg.galog_entries = sizes[i];
		refuse(FULL, -1, cfg, -EINVAL, "a log of that size");
	}
	cfg = drv_config(PN_NOTIFY_GALOG);
	cfg.devids = 0;
	refuse(FULL, -1, cfg, -EINVAL, "no device");
	cfg.devids = 65537;
	refuse(FULL, -1, cfg, -EINVAL, "more devices than there are");
	cfg = drv_config(PN_NOTIFY_GALOG);
	rig_want(pn_iommus_init(&drv_lab->host, drv_lab->drv, 0, &cfg, &drv_lab->os, &solo->bus,
				&drv_lab->pages, drv_self) == -EINVAL,
		 "P7", "no IOMMU");
	refuse(NO_GA, -1, drv_config(PN_NOTIFY_NONE), -ENODEV, "no GASup");
	refuse(FULL, NO_GA, drv_config(PN_NOTIFY_NONE), -ENODEV, "the second has no GASup");
	refuse(NO_GAM, -1, drv_config(PN_NOTIFY_GALOG), -ENODEV, "no GAMSup, and posting");
	refuse(FULL, NO_GAM, drv_config(PN_NOTIFY_GAPPI), -ENODEV, "the second has no GAMSup");
	refuse(NO_GAM, -1, drv_config(PN_NOTIFY_NONE), 0, "no GAMSup, and no posting");
	cfg.ga_apicid = 0x100;
	refuse(NO_XT, -1, cfg, -EINVAL, "an APIC ID that is too large");
	refuse(FULL, NO_XT, cfg, -EINVAL, "it is too large for the second");
	cfg.notify = PN_NOTIFY_NONE;
	refuse(NO_XT, -1, cfg, 0, "nobody needs the APIC ID");
	cfg = drv_config(PN_NOTIFY_GALOG);
	cfg.ga_apicid = 0xFF;
	refuse(NO_XT, -1, cfg, 0, "the largest APIC ID");
	refuse(FULL, NO_GAPPI, drv_config(PN_NOTIFY_GAPPI), 0, "one without GAPPISup");
	rig_want(drv_lab->host.notify == PN_NOTIFY_GALOG && !(drv_lab->drv[0].control & GAPPI) &&
			 drv_lab->drv[0].control & GALOG && drv_lab->drv[1].control & GALOG,
		 "P7", "one without GAPPISup decides for both");
	pn_iommus_disable(&drv_lab->host, drv_self);
	rig_want(drv_read(&drv_lab->units[FULL], 0x18, 8) == BASE &&
			 drv_read(&drv_lab->units[NO_GAPPI], 0x18, 8) == BASE,
		 "P6", "one of two IOMMUs stays on");
}

/* Nothing stays on. */
static void too_little_memory(void)
{
	for (unsigned last = 0; last < 2; last++) {
		struct pn_iommus_config big = drv_config(PN_NOTIFY_GALOG);

		if (last)
			big.galog_entries = 8192;
		else
			big.devids = 3000;
		refuse(FULL, last ? FULL + NO_GAPPI : -1, big, -ENOMEM, "too little memory");
		rig_want(drv_read(&drv_lab->units[FULL], 0x18, 8) == BASE, "P6",
			 "an IOMMU that stays on");
	}
}

void drv_comes_up(void)
{
	comes_up();
	other_ways();
	lesser_units();
	refuses();
	too_little_memory();
}

/* ---- the switch, the log's interrupt ---- */

static void switches(void)
{
	struct drv_unit *u = &drv_lab->units[FULL];
	uint64_t on = BASE | GAEN | VAPIC | XT | ON, next;

	drv_up(FULL, -1, drv_config(PN_NOTIFY_GAPPI));
	u->n = 0;
	u->locked = true;
	rig_want(!pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GAPPI) &&
			 pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_NONE) == -EINVAL &&
			 !u->n,
		 "P7", "no switch");
	rig_want(!pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GALOG) &&
			 drv_lab->host.notify == PN_NOTIFY_GALOG,
		 "P7", "to the log");
	drv_wrote(u, 0x18, on | GAPPI, "the log is off");
	drv_wrote(u, 0x18, on, "GAPPIEn falls");
	log_on(u, on, 0xEEull << 32 | 0xA1ull << 8);
	drv_wrote_all(u, "the switch writes more");
	rig_want(!pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GAPPI) &&
			 drv_lab->host.notify == PN_NOTIFY_GAPPI,
		 "P7", "back");
	drv_wrote(u, 0x18, on, "the log falls");
	drv_wrote(u, 0x18, on, "GAPPIEn is off");
	drv_wrote(u, 0x18, on | GAPPI, "GAPPIEn");
	drv_wrote_all(u, "the way back writes more");
	next = drv_lab->pages.next;
	rig_want(!pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GALOG) &&
			 drv_lab->pages.next == next,
		 "P7", "each switch takes memory for another log");
	u->locked = false;
	drv_up(FULL, NO_GAPPI, drv_config(PN_NOTIFY_GALOG));
	rig_want(pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GAPPI) == -ENODEV, "P7",
		 "one without GAPPISup");
	drv_up(FULL, -1, drv_config(PN_NOTIFY_NONE));
	rig_want(pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GAPPI) == -EINVAL, "P7",
		 "no posting");
	/* No memory for the second log: both are as before. */
	drv_up(FULL, OLD, drv_config(PN_NOTIFY_GAPPI));
	drv_lab->pages.next = drv_lab->pages.end - 2 * 4096 + 64;
	drv_lab->pages.next &= ~4095ull;
	rig_want(pn_iommus_switch(&drv_lab->host, drv_self, PN_NOTIFY_GALOG) == -ENOMEM &&
			 drv_lab->host.notify == PN_NOTIFY_GAPPI,
		 "P7", "too little memory");
	for (unsigned i = 0; i < 2; i++)
		rig_want((drv_lab->drv[i].control & (GAPPI | GALOG | GAINT)) == GAPPI, "P7",
			 "an IOMMU is not as before");
}

static void routes(void)
{
	for (unsigned k = 0; k < 2; k++) {
		struct drv_unit *u = &drv_lab->units[k ? NO_XT : FULL];

		drv_up(k ? NO_XT : FULL, -1, drv_config(PN_NOTIFY_GALOG));
		u->n = 0;
		u->locked = true;
		drv_lab->drv[0].ga_irq_pending = 0;
		pn_iommus_ga_affinity(&drv_lab->host, drv_self, 0xB2);
		rig_want(drv_lab->host.ga_apicid == 0xB2 && drv_lab->drv[0].ga_irq_pending == 1,
			 "P1", "the thread is not told to look");
		if (k) {
			drv_wrote(u, 0x15C, 0xFEEB2000, "the log's MSI");
			drv_wrote(u, 0x160, 0, "the log's MSI");
			drv_wrote(u, 0x164, 0xEE, "the log's MSI");
		} else {
			drv_wrote(u, 0x180, 0xEEull << 32 | 0xB2ull << 8, "the log's interrupt");
		}
		drv_wrote_all(u, "affinity writes more");
		u->locked = false;
	}
}

void drv_switches(void)
{
	switches();
	routes();
}
