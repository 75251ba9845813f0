/* SPDX-License-Identifier: MIT */
/* One IOMMU alone on AMD: its registers, commands, logs, interrupts and caches, without a race. */
#include "cases_amd_iommu.h"

struct pn_amdvi *iommu_bare, *iommu_eager[2];
/* IOMMUs with all features but those of the commands, and with each of these alone. */
static struct pn_amdvi *featured[4];
static const uint64_t feature_of[] = {0, PN_EFR_PREFSUP, PN_EFR_PPRSUP, PN_EFR_IASUP};
static bool is_broken;

void iommu_clear_status(void)
{
	vi_wr(PN_AMDVI_STATUS, PN_ST_W1C);
}

void iommu_dte(unsigned devid, uint64_t root)
{
	const struct pn_dte d = {
		.iv = true, .inttablen = 4, .intctl = PN_INTCTL_REMAP, .root = root};

	vi_dte(devid, pn_dte_encode(&d));
}

enum pn_msi_result iommu_ask(unsigned devid, unsigned index)
{
	const struct pn_msi m = {.addr = PN_MSI_ADDR_BASE, .devid = (uint16_t)devid, .data = index};

	return pn_amdvi_msi(solo->vi, &m);
}

void iommu_bring_up(void)
{
	vi_wr(PN_AMDVI_DEVTAB, DEVTAB | 2);
	vi_wr(PN_AMDVI_CMDBUF, CMDS | LEN(8));
	vi_wr(PN_AMDVI_EVTLOG, EVENTS | LEN(8));
	vi_wr(PN_AMDVI_GALOG, GALOG | LEN(8));
	vi_wr(PN_AMDVI_GALOG_TAIL_ADDR, SHADOW + 64);
	vi_wr(PN_AMDVI_XT_GEN, 0x71ull << 32 | 3ull << 56 | 2 << 8);
	vi_wr(PN_AMDVI_XT_GA, 0x72ull << 32 | 5ull << 56 | 4 << 8 | PN_XT_DELIVERY | PN_XT_DM);
	iommu_dte(DEV, IRT);
	iommu_dte(OTHER, IRT2);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	vi_is(PN_AMDVI_CONTROL, CTRL, "Control reads as written");
	vi_is(PN_AMDVI_STATUS, RUNS, "what is enabled runs");
}

/* Commands that need a feature stop the commands of an IOMMU that lacks it. */
static void features(void)
{
	static const uint64_t op[] = {0, PN_CMD_PREFETCH_IOMMU_PAGES, PN_CMD_COMPLETE_PPR_REQUEST,
				      PN_CMD_INVALIDATE_IOMMU_ALL};
	struct pn_amdvi *first = solo->vi;

	px_doing("sends commands that need features");
	for (unsigned has = 0; has < 4; has++) {
		for (unsigned needs = 1; needs < 4; needs++) {
			solo->vi = featured[has];
			vi_wr(PN_AMDVI_CONTROL, 0);
			vi_wr(PN_AMDVI_CMDBUF, CMDS | LEN(8));
			vi_wr(PN_AMDVI_EVTLOG, EVENTS | LEN(8));
			vi_wr(PN_AMDVI_CONTROL, CTRL);
			vi_command(op[needs] << 60, 0);
			rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN) == (has != needs),
				 "P7", "a command that needs a feature, with and without it");
		}
	}
	solo->vi = first;
}

static void uses(void *arg)
{
	(void)arg;
	px_doing("the host uses the registers");
	vi_is(PN_AMDVI_CONTROL, PN_CTRL_COHERENT, "Control after reset");
	vi_is(PN_AMDVI_CMDBUF, LEN(8), "a length after reset");
	vi_is(PN_AMDVI_EVTLOG, LEN(8), "a length after reset");
	vi_is(PN_AMDVI_PPRLOG, LEN(8), "a length after reset");
	vi_is(PN_AMDVI_GALOG, LEN(8), "a length after reset");
	iommu_registers();
	iommu_bring_up();
	iommu_held();
	px_doing("the host sends commands");
	iommu_commands();
	features();
	px_doing("events are logged");
	iommu_event_log(is_broken);
	px_doing("its device interrupts");
	iommu_interrupts();
	solo_followed();
	pn_amdvi_reset(solo->vi);
	vi_is(PN_AMDVI_CONTROL, PN_CTRL_COHERENT, "Control after reset");
	vi_is(PN_AMDVI_STATUS, 0, "Status after reset");
	vi_is(PN_AMDVI_DEVTAB, 0, "a base after reset");
	rig_want(iommu_ask(DEV, 0) == PN_MSI_FORWARDED, "P7", "an IOMMU that is off forwards");
	solo_st64(DEVTAB + DEV * PN_DTE_SIZE + 16, 0);
	vi_wr(PN_AMDVI_DEVTAB, DEVTAB | 2);
	vi_wr(PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN);
	rig_want(iommu_ask(DEV, 0) == PN_MSI_FORWARDED, "P7", "a cached entry outlives a reset");
}

static void create(void)
{
	struct pn_amdvi_config hw;

	solo_build();
	vi_config(&hw);
	hw.dte_cache = 4;
	hw.irte_cache = 4;
	hw.efr |= PN_EFR_PPRSUP;
	pn_amdvi_create(&hw, &solo->vi);
	hw.efr = hw.efr2 = 0;
	hw.no_irtcachedis = true;
	pn_amdvi_create(&hw, &iommu_bare);
	vi_config(&hw);
	for (unsigned i = 0; i < 4; i++) {
		hw.efr &= ~(PN_EFR_PREFSUP | PN_EFR_PPRSUP | PN_EFR_IASUP);
		hw.efr |= feature_of[i];
		hw.dte_cache = hw.irte_cache = 1;
		pn_amdvi_create(&hw, &featured[i]);
	}
	vi_config(&hw);
	for (unsigned i = 0; i < 2; i++) {
		hw.knobs.gappi_emptiness = i ? PN_EMPTY_ALWAYS : PN_EMPTY_WORD32;
		pn_amdvi_create(&hw, &iommu_eager[i]);
	}
}

static void registers(bool broken)
{
	create();
	is_broken = broken;
	px_thread("CPU 0", 0, uses, NULL);
}

static void caches_all(void *arg)
{
	(void)arg;
	iommu_bring_up();
	px_doing("fills and empties the caches");
	iommu_caches();
	px_doing("entries of all forms");
	iommu_forms();
	solo_followed();
}

static void poisoned(void *arg)
{
	(void)arg;
	iommu_bring_up();
	px_doing("changes entries");
	iommu_stale(is_broken);
}

static void stale_entries(bool broken)
{
	struct pn_amdvi_config hw;

	create();
	is_broken = broken;
	vi_config(&hw);
	hw.poison_stale = true;
	pn_amdvi_create(&hw, &solo->vi);
	px_thread("CPU 0", 0, poisoned, NULL);
}

static void caches(bool broken)
{
	(void)broken;
	create();
	px_thread("CPU 0", 0, caches_all, NULL);
}

const struct case_setup pn_cases_amd_iommu[] = {
	{{"event-log-not-cleared", "48882, 2.5.1",
	  "an event log that overflowed is enabled anew, and EventOverflow is still set",
	  "EventOverflow is cleared first", "P7", false, false},
	 PN_MISTAKE_NONE,
	 registers,
	 0},
	{{"cache-drops-first", "48882, 2.4.5",
	  "INVALIDATE_INTERRUPT_TABLE drops one entry of a cache that is full", "all of them", "P4",
	  false, false},
	 PN_MISTAKE_DROP_FIRST_ONLY,
	 caches,
	 0},
	{{"entry-not-invalidated", "48882, 2.4.5",
	  "entries change, and the IOMMU goes on with those in its cache",
	  "INVALIDATE_INTERRUPT_TABLE", "P4", false, false},
	 PN_MISTAKE_NONE,
	 stale_entries,
	 0},
};

const unsigned pn_cases_amd_iommu_nr = sizeof(pn_cases_amd_iommu) / sizeof(pn_cases_amd_iommu[0]);
