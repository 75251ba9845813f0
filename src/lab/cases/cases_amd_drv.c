/* SPDX-License-Identifier: MIT */
/*
 * The driver of AMD's IOMMU alone with one IOMMU, or with two: each write to a register in its
 * order, under which lock, each command, each entry; what it refuses, and an IOMMU that does not
 * answer.
 */
#include "cases_amd_drv.h"

struct drv_lab *drv_lab;
struct pn_agent *drv_self;

static unsigned at;	  /* the write that is compared next */
static const char *early; /* what was wrong before there was a thread */
static bool is_broken;

/* ---- registers ---- */

uint64_t drv_read(void *ctx, uint32_t off, unsigned size)
{
	struct drv_unit *u = ctx;
	uint64_t v;

	pn_amdvi_read(u->vi, off, size, &v);
	if (off != PN_AMDVI_STATUS)
		return v;
	if (u->late && v & 0x100) {
		u->late--;
		v &= ~0x100ull;
	}
	return (v | u->set) & ~u->clear;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct drv_unit *u = ctx;
	const struct pn_amdvi_drv *d =
		drv_lab->drv[1].mmio.ctx == u ? &drv_lab->drv[1] : &drv_lab->drv[0];

	(void)size;
	if (u->locked)
		rig_want(off == PN_AMDVI_CMD_TAIL ? d->lock.held : d->ga_lock.held, "P6",
			 "a register is written without its lock");
	if (u->ir)
		rig_want(u->ir->lock.held, "P6", "an entry is changed without its lock");
	if (u->n < WRITES)
		u->done[u->n++] = (struct drv_write){off, value};
	if (!u->deaf || off != PN_AMDVI_CMD_TAIL)
		pn_amdvi_write(u->vi, off, size, value);
}

void drv_watch(struct drv_unit *u)
{
	at = u->n = 0;
}

void drv_wrote(const struct drv_unit *u, uint32_t off, uint64_t value, const char *what)
{
	rig_want(at < u->n && u->done[at].off == off && u->done[at].value == value, "P7", what);
	at++;
}

void drv_wrote_all(struct drv_unit *u, const char *what)
{
	rig_want(at == u->n, "P7", what);
	drv_watch(u);
}

void drv_commanded(struct pn_amdvi_drv *d, uint64_t q0, const char *what)
{
	uint32_t words = d->cmd_bytes / 8, i = d->cmd_tail / 8 + words;

	rig_want(pn_ld64(&d->cmd[(i - 2) % words]) == (WAIT | d->sem_pa) &&
			 pn_ld64(&d->cmd[(i - 1) % words]) == d->sem_seq &&
			 pn_ld64(d->sem) == d->sem_seq,
		 "P7", what);
	if (q0)
		rig_want(pn_ld64(&d->cmd[(i - 4) % words]) == q0 &&
				 !pn_ld64(&d->cmd[(i - 3) % words]),
			 "P7", what);
	rig_want(d->cmd_head == d->cmd_tail, "P7", "the driver's copy of the head");
}

/* ---- up and down ---- */

struct pn_iommus_config drv_config(enum pn_notify notify)
{
	return (struct pn_iommus_config){
		.notify = notify, .devids = 9, .ga_apicid = 0xA1, .galog_entries = 0};
}

int drv_up(enum drv_kind a, int b, struct pn_iommus_config cfg)
{
	static const struct pn_mmio none;

	drv_lab->drv[0].mmio = (struct pn_mmio){&drv_lab->units[a], drv_read, mmio_write};
	drv_lab->drv[1].mmio =
		b < 0 ? none : (struct pn_mmio){&drv_lab->units[b], drv_read, mmio_write};
	for (unsigned i = 0; i < DRV_KINDS; i++)
		drv_lab->units[i].n = drv_lab->units[i].locked = drv_lab->units[i].deaf = 0;
	at = 0;
	pn_pages_init(&drv_lab->pages, &solo->bus, SOLO_AT(0), SOLO_SIZE);
	return pn_iommus_init(&drv_lab->host, drv_lab->drv, b < 0 ? 1 : 2, &cfg, &drv_lab->os,
			      &solo->bus, &drv_lab->pages, drv_self);
}

/* ---- the case ---- */

static void drives(void *arg)
{
	(void)arg;
	rig_want(!early, "P7", early ? early : "");
	px_doing("brings an IOMMU up and down");
	if (is_broken) {
		struct pn_iommus_config cfg = drv_config(PN_NOTIFY_GALOG);

		cfg.galog_entries = 768;
		rig_want(!drv_up(FULL, -1, cfg), "P7", "an IOMMU does not come up");
	}
	drv_comes_up();
	px_doing("sets up entries");
	drv_entries();
	px_doing("switches");
	drv_switches();
	px_doing("reads the log");
	drv_log();
}

static void make(enum drv_kind kind)
{
	struct pn_amdvi_config hw;

	pn_amdvi_config_default(&hw);
	hw.bus = &solo->bus;
	hw.agent = &solo->agent;
	hw.dte_cache = hw.irte_cache = 4;
	hw.no_irtcachedis = kind == OLD;
	if (kind == NO_GA)
		hw.efr &= ~PN_EFR_GASUP;
	if (kind == NO_GAM)
		hw.efr &= ~PN_EFR_GAMSUP;
	if (kind == NO_XT || kind == NO_MSI)
		hw.efr &= ~PN_EFR_XTSUP;
	if (kind == NO_MSI)
		hw.efr &= ~PN_EFR_MSICAPMMIOSUP;
	if (kind == NO_GAPPI)
		hw.efr &= ~PN_EFR_GAPPISUP;
	if (kind == NO_IA)
		hw.efr &= ~PN_EFR_IASUP;
	if (kind == OLD)
		hw.efr2 = 0;
	drv_lab->units[kind] = (struct drv_unit){0};
	pn_amdvi_create(&hw, &drv_lab->units[kind].vi);
}

static void build(bool broken)
{
	is_broken = broken;
	solo_build();
	drv_lab = px_alloc(sizeof(*drv_lab), 64);
	drv_self = rig->cpu[0].agent;
	drv_lab->os = (struct pn_os){.wake = drv_os_wake};
	for (unsigned i = 0; i < DRV_KINDS; i++)
		make(i);
	early = broken ? NULL : drv_silence();
	px_thread("CPU 0", 0, drives, NULL);
}

const struct case_setup pn_cases_amd_drv[] = {
	{{"log-of-768-entries", "48882, 3.4.4, inferred",
	  "the driver is asked for a log whose size no length code expresses",
	  "512 to 8192 entries, a power of two", "P7", true, false},
	 PN_MISTAKE_NONE,
	 build,
	 INT16_MAX},
};

const unsigned pn_cases_amd_drv_nr = sizeof(pn_cases_amd_drv) / sizeof(pn_cases_amd_drv[0]);
