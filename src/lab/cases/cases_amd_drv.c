/* SPDX-License-Identifier: MIT */
/*
 * The driver of AMD's IOMMU alone with one IOMMU, or with two: each write to a register in its
 * order, under which lock, each command, each entry; what it refuses, and an IOMMU that does not
 * answer.
 */
#include <errno.h>

#include "amdvi_drv.h"
#include "case_setup.h"
#include "postern/amd_log.h"
#include "solo_amd.h"

#define WRITES 96u
#define DEV    5u
#define BASE   0x400ull /* Coherent */
#define GAEN   (1ull << 17)
#define VAPIC  (1ull << 25)
#define XT     (3ull << 50)
#define GALOG  (1ull << 28)
#define GAINT  (1ull << 29)
#define ON     (1ull << 0 | 1ull << 2 | 1ull << 12)
#define GAPPI  (1ull << 55)
#define WAIT   (1ull << 60 | 1)

struct write {
	uint32_t off;
	uint64_t value;
};

/* One IOMMU, and what the driver does to it. */
struct unit {
	struct pn_amdvi *vi;
	struct write done[WRITES];
	unsigned n;
	bool locked;		/* the driver has to hold a lock */
	bool deaf;		/* commands do not reach it */
	unsigned late;		/* so many reads of Status until GALogRun rises */
	uint64_t set, clear;	/* bits that Status shows, and does not show */
	struct pn_amdvi_ir *ir; /* its lock has to be held, too */
};

/* By what they lack. */
enum which { FULL, NO_GA, NO_GAM, NO_XT, NO_GAPPI, NO_IA, NO_MSI, OLD, NR };

/* What the driver reads and writes: in the machine's memory. */
static struct {
	struct unit units[NR];
	struct pn_amdvi_drv drv[2];
	struct pn_iommus host;
	struct pn_pages pages;
	struct pn_os os;
	struct pn_amdvi_ir ir;
} * lab;

static struct pn_agent *self;
static uint32_t woken, told, tag, overflows;
static const char *early; /* what was wrong before there was a thread */

/* ---- registers ---- */

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct unit *u = ctx;
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
	struct unit *u = ctx;
	const struct pn_amdvi_drv *d = lab->drv[1].mmio.ctx == u ? &lab->drv[1] : &lab->drv[0];

	(void)size;
	if (u->locked)
		rig_want(off == PN_AMDVI_CMD_TAIL ? d->lock.held : d->ga_lock.held, "P6",
			 "a register is written without its lock");
	if (u->ir)
		rig_want(u->ir->lock.held, "P6", "an entry is changed without its lock");
	if (u->n < WRITES)
		u->done[u->n++] = (struct write){off, value};
	if (!u->deaf || off != PN_AMDVI_CMD_TAIL)
		pn_amdvi_write(u->vi, off, size, value);
}

/* The next writes are these. */
static unsigned at;

static void wrote(const struct unit *u, uint32_t off, uint64_t value, const char *what)
{
	rig_want(at < u->n && u->done[at].off == off && u->done[at].value == value, "P7", what);
	at++;
}

static void wrote_all(struct unit *u, const char *what)
{
	rig_want(at == u->n, "P7", what);
	at = u->n = 0;
}

/* ---- commands ---- */

/* The last command is @q0, and a wait behind it that has completed. */
static void commanded(struct pn_amdvi_drv *d, uint64_t q0, const char *what)
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

static struct pn_iommus_config config(enum pn_notify notify)
{
	return (struct pn_iommus_config){
		.notify = notify, .devids = 9, .ga_apicid = 0xA1, .galog_entries = 0};
}

static int up(enum which a, int b, struct pn_iommus_config cfg)
{
	static const struct pn_mmio none;

	lab->drv[0].mmio = (struct pn_mmio){&lab->units[a], mmio_read, mmio_write};
	lab->drv[1].mmio = b < 0 ? none : (struct pn_mmio){&lab->units[b], mmio_read, mmio_write};
	for (unsigned i = 0; i < NR; i++)
		lab->units[i].n = lab->units[i].locked = lab->units[i].deaf = 0;
	at = 0;
	pn_pages_init(&lab->pages, &solo->bus, SOLO_AT(0), SOLO_SIZE);
	return pn_iommus_init(&lab->host, lab->drv, b < 0 ? 1 : 2, &cfg, &lab->os, &solo->bus,
			      &lab->pages, self);
}

/* Control is cleared first, then tables, then what is enabled. */
static void tables(struct unit *u, uint64_t control)
{
	wrote(u, 0x2020, 0x667, "Status is cleared");
	wrote(u, 0x0, SOLO_AT(0), "the device table");
	wrote(u, 0x8, SOLO_AT(1) | 8ull << 56, "the command ring");
	wrote(u, 0x2000, 0, "its head");
	wrote(u, 0x2008, 0, "its tail");
	wrote(u, 0x10, SOLO_AT(3) | 8ull << 56, "the event log");
	wrote(u, 0x2010, 0, "its head");
	wrote(u, 0x2018, 0, "its tail");
	wrote(u, 0x18, control, "features before the IOMMU is on");
}

static void log_on(struct unit *u, uint64_t control, uint64_t route)
{
	wrote(u, 0xE0, SOLO_AT(5) | 8ull << 56, "the log");
	wrote(u, 0xE8, SOLO_AT(4), "the tail's copy");
	wrote(u, 0x2040, 0, "its head");
	wrote(u, 0x2048, 0, "its tail");
	wrote(u, 0x180, route, "where the log's interrupt goes");
	wrote(u, 0x2020, 0x600, "GALOverflow and GAInt are cleared");
	wrote(u, 0x18, control | GAINT, "GAIntEn");
	wrote(u, 0x18, control | GAINT | GALOG, "then GALogEn");
}

static void comes_up(void)
{
	struct unit *u = &lab->units[FULL];
	uint64_t on = BASE | GAEN | VAPIC | XT | ON;
	struct pn_iommus_config cfg = config(PN_NOTIFY_GALOG);

	cfg.ga_apicid = 0xD4C3B2A1;
	rig_want(!up(FULL, -1, cfg) && lab->host.n == 1 && lab->host.notify == PN_NOTIFY_GALOG,
		 "P7", "an IOMMU does not come up");
	wrote(u, 0x18, BASE, "Control is cleared first");
	tables(u, BASE | GAEN | VAPIC | XT);
	wrote(u, 0x18, on, "IommuEn, CmdBufEn, EventLogEn");
	wrote(u, 0x2008, 0x20, "the caches are emptied");
	log_on(u, on, 0xD4ull << 56 | 0xEEull << 32 | 0xC3B2A1ull << 8);
	wrote_all(u, "bringing up writes more");
	commanded(&lab->drv[0], 8ull << 60, "everything is dropped");
	rig_want(lab->drv[0].galog_entries == 512 && lab->drv[0].xt && lab->drv[0].gappidis &&
			 !lab->drv[0].irt2k && !lab->drv[0].irtcachedis &&
			 lab->drv[0].devtab_entries == 9,
		 "P7", "what the driver knows of its IOMMU");
	pn_iommus_disable(&lab->host, self);
	wrote(u, 0x18, on, "GALogEn and GAIntEn fall first");
	wrote(u, 0x18, on, "GAPPIEn");
	wrote(u, 0x18, BASE, "then everything");
	wrote(u, 0x2020, 0x667, "and Status");
	wrote_all(u, "switching off writes more");
	rig_want(lab->host.notify == PN_NOTIFY_NONE, "P7", "posting after it was switched off");
}

/* With GAPPI, with nothing, with all that is optional. */
static void other_ways(void)
{
	struct pn_iommus_config cfg = config(PN_NOTIFY_GAPPI);
	struct unit *u = &lab->units[FULL];

	rig_want(!up(FULL, -1, cfg) && lab->host.notify == PN_NOTIFY_GAPPI, "P7", "GAPPI");
	wrote(u, 0x18, BASE, "Control is cleared first");
	tables(u, BASE | GAEN | VAPIC | XT);
	wrote(u, 0x18, BASE | GAEN | VAPIC | XT | ON, "IommuEn, CmdBufEn, EventLogEn");
	wrote(u, 0x2008, 0x20, "the caches are emptied");
	wrote(u, 0x18, BASE | GAEN | VAPIC | XT | ON | GAPPI, "GAPPIEn");
	wrote_all(u, "GAPPI needs no log");
	cfg = config(PN_NOTIFY_NONE);
	cfg.irt2k = cfg.irtcachedis = true;
	rig_want(!up(FULL, -1, cfg) && lab->host.notify == PN_NOTIFY_NONE && lab->drv[0].irt2k &&
			 lab->drv[0].irtcachedis,
		 "P7", "no notification");
	wrote(u, 0x18, BASE, "Control is cleared first");
	tables(u, BASE | GAEN | XT | 1ull << 43);
	wrote(u, 0x18, BASE | GAEN | XT | 1ull << 43 | 1ull << 59, "IRTCacheDis");
	wrote(u, 0x18, BASE | GAEN | XT | 1ull << 43 | 1ull << 59 | ON, "IommuEn, ...");
	wrote(u, 0x2008, 0x20, "the caches are emptied");
	wrote_all(u, "without notification");
	cfg.galog_entries = 1024;
	cfg.notify = PN_NOTIFY_GALOG;
	rig_want(!up(OLD, -1, cfg) && !lab->drv[0].irt2k && !lab->drv[0].irtcachedis &&
			 !lab->drv[0].gappidis && !(lab->drv[0].control & 1ull << 59) &&
			 lab->drv[0].galog_entries == 1024,
		 "P7", "an IOMMU without GAPPIDis, IRTCacheDis and 2048 entries");
	rig_want(mmio_read(&lab->units[OLD], 0xE0, 8) >> 56 == 9, "P7",
		 "the length of 1024 entries");
	/* No INVALIDATE_IOMMU_ALL: each device by itself. */
	rig_want(!up(NO_IA, -1, config(PN_NOTIFY_GAPPI)), "P7", "no IASup");
	for (unsigned id = 0; id < 9; id++)
		rig_want(pn_ld64(&lab->drv[0].cmd[8 * id]) == (2ull << 60 | id) &&
				 pn_ld64(&lab->drv[0].cmd[8 * id + 4]) == (5ull << 60 | id),
			 "P7", "the caches of each device are emptied");
	rig_want(lab->drv[0].cmd_tail == 9 * 4 * 16, "P7", "and no more");
	/* Without XTSup by MSI, in 32-bit writes; or not at all. */
	rig_want(!up(NO_XT, -1, config(PN_NOTIFY_GALOG)) && !lab->drv[0].xt &&
			 !(lab->drv[0].control & XT) &&
			 mmio_read(&lab->units[NO_XT], 0x15C, 4) == 0xFEEA1000 &&
			 !mmio_read(&lab->units[NO_XT], 0x160, 4) &&
			 mmio_read(&lab->units[NO_XT], 0x164, 4) == 0xEE,
		 "P7", "the log's MSI");
	rig_want(!up(NO_MSI, -1, config(PN_NOTIFY_GALOG)), "P7", "no MSI registers");
	for (unsigned i = 0; i < lab->units[NO_MSI].n; i++)
		rig_want(lab->units[NO_MSI].done[i].off != 0x15C &&
				 lab->units[NO_MSI].done[i].off != 0x180,
			 "P7", "a register that is not there is written");
}

static void refuse(enum which a, int b, struct pn_iommus_config cfg, int error, const char *what)
{
	rig_want(up(a, b, cfg) == error, "P7", what);
}

static void refuses(void)
{
	static const uint32_t sizes[] = {256, 511, 768, 16384, 513};
	struct pn_iommus_config cfg;

	for (unsigned i = 0; i < 5; i++) {
		cfg = config(PN_NOTIFY_GALOG);
		cfg.galog_entries = sizes[i];
		refuse(FULL, -1, cfg, -EINVAL, "a log of that size");
	}
	cfg = config(PN_NOTIFY_GALOG);
	cfg.devids = 0;
	refuse(FULL, -1, cfg, -EINVAL, "no device");
	cfg.devids = 65537;
	refuse(FULL, -1, cfg, -EINVAL, "more devices than there are");
	cfg = config(PN_NOTIFY_GALOG);
	rig_want(pn_iommus_init(&lab->host, lab->drv, 0, &cfg, &lab->os, &solo->bus, &lab->pages,
				self) == -EINVAL,
		 "P7", "no IOMMU");
	refuse(NO_GA, -1, config(PN_NOTIFY_NONE), -ENODEV, "no GASup");
	refuse(FULL, NO_GA, config(PN_NOTIFY_NONE), -ENODEV, "the second has no GASup");
	refuse(NO_GAM, -1, config(PN_NOTIFY_GALOG), -ENODEV, "no GAMSup, and posting");
	refuse(FULL, NO_GAM, config(PN_NOTIFY_GAPPI), -ENODEV, "the second has no GAMSup");
	refuse(NO_GAM, -1, config(PN_NOTIFY_NONE), 0, "no GAMSup, and no posting");
	cfg.ga_apicid = 0x100;
	refuse(NO_XT, -1, cfg, -EINVAL, "an APIC ID that is too large");
	refuse(FULL, NO_XT, cfg, -EINVAL, "it is too large for the second");
	cfg.notify = PN_NOTIFY_NONE;
	refuse(NO_XT, -1, cfg, 0, "nobody needs the APIC ID");
	cfg = config(PN_NOTIFY_GALOG);
	cfg.ga_apicid = 0xFF;
	refuse(NO_XT, -1, cfg, 0, "the largest APIC ID");
	refuse(FULL, NO_GAPPI, config(PN_NOTIFY_GAPPI), 0, "one without GAPPISup");
	rig_want(lab->host.notify == PN_NOTIFY_GALOG && !(lab->drv[0].control & GAPPI) &&
			 lab->drv[0].control & GALOG && lab->drv[1].control & GALOG,
		 "P7", "one without GAPPISup decides for both");
	pn_iommus_disable(&lab->host, self);
	rig_want(mmio_read(&lab->units[FULL], 0x18, 8) == BASE &&
			 mmio_read(&lab->units[NO_GAPPI], 0x18, 8) == BASE,
		 "P6", "one of two IOMMUs stays on");
	/* Not enough memory: nothing stays on. */
	for (unsigned last = 0; last < 2; last++) {
		struct pn_iommus_config big = config(PN_NOTIFY_GALOG);

		if (last)
			big.galog_entries = 8192;
		else
			big.devids = 3000;
		refuse(FULL, last ? FULL + NO_GAPPI : -1, big, -ENOMEM, "too little memory");
		rig_want(mmio_read(&lab->units[FULL], 0x18, 8) == BASE, "P6",
			 "an IOMMU that stays on");
	}
}

/* ---- entries ---- */

static void entry(const struct pn_amdvi_ir *ir, uint64_t lo, uint64_t hi, const char *what)
{
	rig_want(pn_ld64(&ir->irte->lo) == lo && pn_ld64(&ir->irte->hi) == hi, "P2", what);
}

static uint64_t flushed(bool cached)
{
	return cached ? 5ull << 60 | DEV : 0;
}

/* @kind: what the machine uses; @cached: the IOMMU caches entries. */
static void one_entry(enum pn_notify kind, bool cached)
{
	struct pn_amdvi_drv *d = &lab->drv[0];
	struct pn_amdvi_ir *ir = &lab->ir;
	struct pn_amdvi_ir_state st = {.is_run = true, .apicid = 0xD4C3B2A1};
	const uint64_t page = SOLO_AT(20), dest = 0xC3B2A1ull << 8, high = 0xD4ull << 56;
	const uint64_t guest = 0x81, tag_now = kind == PN_NOTIFY_GAPPI ? 0xF1 : 0xABCD1234;
	const bool gappi = kind == PN_NOTIFY_GAPPI;
	uint32_t tail;

	rig_want(!pn_amdvi_irt_create(d, self, DEV, 3), "P7", "a table");
	commanded(d, 2ull << 60 | DEV, "the device table entry is flushed");
	rig_want((pn_ld64(&d->devtab[DEV * 4 + 2]) & ~0x000FFFFFFFFFFFC0ull) ==
			 (1 | 3 << 1 | 2ull << 60),
		 "P2", "the device table entry");
	rig_want(!pn_amdvi_ir_init(ir, d, self, DEV, 7, 0xD4C3B2A1, 0x31), "P7", "an entry");
	lab->units[FULL].locked = true;
	lab->units[FULL].ir = ir;
	entry(ir, 1 | dest, 0x31 | high, "an entry in remap form");
	commanded(d, flushed(cached), "an entry is flushed");
	rig_want(!pn_amdvi_ir_affinity(ir, self, 9, 16) && ir->host_apicid == 9, "P7", "affinity");
	entry(ir, 1 | 9 << 8, 16, "an entry after affinity");
	commanded(d, flushed(cached), "affinity is flushed");
	rig_want(pn_amdvi_ir_affinity(ir, self, 7, 15) == -EINVAL && ir->host_apicid == 9 &&
			 ir->host_vector == 16,
		 "P7", "a vector below 16");
	tail = d->cmd_tail;
	pn_amdvi_ir_update(ir, self, st);
	rig_want(!pn_amdvi_ir_deactivate(ir, self) && d->cmd_tail == tail, "P7",
		 "nothing to do in remap form");
	entry(ir, 1 | 9 << 8, 16, "an entry in remap form changes");
	rig_want(pn_amdvi_ir_activate(ir, self, page | 8, 0x41, 1, st) == -EINVAL &&
			 pn_amdvi_ir_activate(ir, self, 1ull << 52, 0x41, 1, st) == -EINVAL &&
			 pn_amdvi_ir_activate(ir, self, page, 15, 1, st) == -EINVAL &&
			 !ir->guest_mode,
		 "P7", "a post that cannot be");
	if (kind == PN_NOTIFY_NONE) {
		rig_want(pn_amdvi_ir_activate(ir, self, page, 0x41, 1, st) == -EINVAL, "P7",
			 "a machine without posting posts");
		lab->units[FULL].ir = NULL;
		return;
	}
	rig_want(!pn_amdvi_ir_activate(ir, self, page, 0x41, 0xABCD1234, st) && ir->guest_mode,
		 "P7", "a post");
	entry(ir, guest | 0x40 | dest | tag_now << 32, page | 0x41 | high, "it runs");
	commanded(d, flushed(cached), "guest mode is flushed");
	tail = d->cmd_tail;
	st = (struct pn_amdvi_ir_state){.wakeup = true, .apicid = 3};
	pn_amdvi_ir_update(ir, self, st);
	entry(ir, guest | tag_now << 32 | (gappi ? 3ull << 8 : 4 | dest),
	      page | 0x41 | (gappi ? 0 : high), "it sleeps");
	st.wakeup = false;
	pn_amdvi_ir_update(ir, self, st);
	entry(ir, guest | tag_now << 32 | (gappi ? 0x20 | 3ull << 8 : dest),
	      page | 0x41 | (gappi ? 0 : high), "it is preempted");
	st = (struct pn_amdvi_ir_state){.is_run = true, .wakeup = true, .apicid = 2};
	pn_amdvi_ir_update(ir, self, st);
	entry(ir, guest | 0x40 | tag_now << 32 | 2 << 8, page | 0x41, "it runs again");
	rig_want(d->cmd_tail == tail, "P7", "a field that is never cached is flushed");
	rig_want(!pn_amdvi_ir_affinity(ir, self, 5, 0x32) && d->cmd_tail == tail, "P7",
		 "affinity in guest mode");
	entry(ir, guest | 0x40 | tag_now << 32 | 2 << 8, page | 0x41, "it only remembers");
	rig_want(!pn_amdvi_ir_deactivate(ir, self) && !ir->guest_mode, "P7", "back");
	entry(ir, 1 | 5 << 8, 0x32, "back in remap form, with the new affinity");
	commanded(d, flushed(cached), "the way back is flushed");
	lab->units[FULL].ir = NULL;
}

static void table_errors(void)
{
	struct pn_amdvi_drv *d = &lab->drv[0];
	struct pn_amdvi_ir *ir = &lab->ir;
	uint64_t next;

	rig_want(pn_amdvi_irt_create(d, self, DEV, 3) == -EEXIST, "P7", "a second table");
	rig_want(pn_amdvi_irt_create(d, self, 9, 3) == -EINVAL, "P7", "a device beyond the table");
	rig_want(pn_amdvi_irt_create(d, self, 6, 10) == -EINVAL, "P7", "2^10 entries");
	rig_want(!pn_amdvi_irt_create(d, self, 6, 9), "P7", "2^9 entries");
	next = lab->pages.next;
	rig_want(!pn_amdvi_irt_create(d, self, 8, 0) &&
			 lab->pages.next == ((next + 127) & ~127ull) + 16,
		 "P7", "one entry, 128-byte aligned");
	rig_want(pn_amdvi_ir_init(ir, d, self, 4, 0, 1, 0x31) == -EINVAL &&
			 pn_amdvi_ir_init(ir, d, self, 9, 0, 1, 0x31) == -EINVAL &&
			 pn_amdvi_ir_init(ir, d, self, DEV, 8, 1, 0x31) == -EINVAL &&
			 pn_amdvi_ir_init(ir, d, self, DEV, 0, 1, 15) == -EINVAL &&
			 !pn_amdvi_ir_init(ir, d, self, 8, 0, 1, 16),
		 "P7", "an entry that cannot be, or can");
	lab->pages.next = lab->pages.end - 64;
	rig_want(pn_amdvi_irt_create(d, self, 7, 3) == -ENOMEM && !pn_ld64(&d->devtab[7 * 4 + 2]),
		 "P7", "a table without memory");
}

static void destinations(void)
{
	struct pn_amdvi_ir *ir = &lab->ir;
	struct pn_amdvi_ir_state st = {.apicid = 0x100};

	rig_want(!up(NO_XT, -1, config(PN_NOTIFY_GAPPI)) &&
			 !pn_amdvi_irt_create(&lab->drv[0], self, DEV, 3),
		 "P7", "no XTSup");
	rig_want(pn_amdvi_ir_init(ir, &lab->drv[0], self, DEV, 0, 0x100, 0x31) == -EINVAL &&
			 !pn_amdvi_ir_init(ir, &lab->drv[0], self, DEV, 0, 0xFF, 0x31) &&
			 pn_amdvi_ir_affinity(ir, self, 0x100, 0x31) == -EINVAL &&
			 pn_amdvi_ir_activate(ir, self, SOLO_AT(20), 0x41, 1, st) == -EINVAL &&
			 !ir->guest_mode,
		 "P7", "an APIC ID that is too large");
	/* Without GAPPIDis nothing suppresses a GAPPI. */
	rig_want(!up(OLD, -1, config(PN_NOTIFY_GAPPI)) &&
			 !pn_amdvi_irt_create(&lab->drv[0], self, DEV, 3) &&
			 !pn_amdvi_ir_init(ir, &lab->drv[0], self, DEV, 0, 1, 0x31),
		 "P7", "an old IOMMU");
	st.apicid = 3;
	rig_want(!pn_amdvi_ir_activate(ir, self, SOLO_AT(20), 0x41, 1, st), "P7", "a post");
	entry(ir, 0x81 | 3 << 8 | 0xF1ull << 32, SOLO_AT(20) | 0x41, "GAPPIDis is not there");
}

static void entries(void)
{
	struct pn_iommus_config cfg;

	for (unsigned k = 0; k < 6; k++) {
		cfg = config(k % 3);
		cfg.irtcachedis = k >= 3;
		rig_want(!up(FULL, -1, cfg), "P7", "an IOMMU");
		one_entry(k % 3, k < 3);
	}
	table_errors();
	destinations();
	cfg = config(PN_NOTIFY_GAPPI);
	cfg.irt2k = true;
	rig_want(!up(FULL, -1, cfg) && !pn_amdvi_irt_create(&lab->drv[0], self, DEV, 11) &&
			 pn_amdvi_irt_create(&lab->drv[0], self, 6, 12) == -EINVAL,
		 "P7", "2^11 entries");
}

/* ---- the switch, the log's interrupt ---- */

static void switches(void)
{
	struct unit *u = &lab->units[FULL];
	uint64_t on = BASE | GAEN | VAPIC | XT | ON, next;

	up(FULL, -1, config(PN_NOTIFY_GAPPI));
	u->n = 0;
	u->locked = true;
	rig_want(!pn_iommus_switch(&lab->host, self, PN_NOTIFY_GAPPI) &&
			 pn_iommus_switch(&lab->host, self, PN_NOTIFY_NONE) == -EINVAL && !u->n,
		 "P7", "no switch");
	rig_want(!pn_iommus_switch(&lab->host, self, PN_NOTIFY_GALOG) &&
			 lab->host.notify == PN_NOTIFY_GALOG,
		 "P7", "to the log");
	wrote(u, 0x18, on | GAPPI, "the log is off");
	wrote(u, 0x18, on, "GAPPIEn falls");
	log_on(u, on, 0xEEull << 32 | 0xA1ull << 8);
	wrote_all(u, "the switch writes more");
	rig_want(!pn_iommus_switch(&lab->host, self, PN_NOTIFY_GAPPI) &&
			 lab->host.notify == PN_NOTIFY_GAPPI,
		 "P7", "back");
	wrote(u, 0x18, on, "the log falls");
	wrote(u, 0x18, on, "GAPPIEn is off");
	wrote(u, 0x18, on | GAPPI, "GAPPIEn");
	wrote_all(u, "the way back writes more");
	next = lab->pages.next;
	rig_want(!pn_iommus_switch(&lab->host, self, PN_NOTIFY_GALOG) && lab->pages.next == next,
		 "P7", "each switch takes memory for another log");
	u->locked = false;
	up(FULL, NO_GAPPI, config(PN_NOTIFY_GALOG));
	rig_want(pn_iommus_switch(&lab->host, self, PN_NOTIFY_GAPPI) == -ENODEV, "P7",
		 "one without GAPPISup");
	up(FULL, -1, config(PN_NOTIFY_NONE));
	rig_want(pn_iommus_switch(&lab->host, self, PN_NOTIFY_GAPPI) == -EINVAL, "P7",
		 "no posting");
	/* No memory for the second log: both are as before. */
	up(FULL, OLD, config(PN_NOTIFY_GAPPI));
	lab->pages.next = lab->pages.end - 2 * 4096 + 64;
	lab->pages.next &= ~4095ull;
	rig_want(pn_iommus_switch(&lab->host, self, PN_NOTIFY_GALOG) == -ENOMEM &&
			 lab->host.notify == PN_NOTIFY_GAPPI,
		 "P7", "too little memory");
	for (unsigned i = 0; i < 2; i++)
		rig_want((lab->drv[i].control & (GAPPI | GALOG | GAINT)) == GAPPI, "P7",
			 "an IOMMU is not as before");
}

static void routes(void)
{
	for (unsigned k = 0; k < 2; k++) {
		struct unit *u = &lab->units[k ? NO_XT : FULL];

		up(k ? NO_XT : FULL, -1, config(PN_NOTIFY_GALOG));
		u->n = 0;
		u->locked = true;
		lab->drv[0].ga_irq_pending = 0;
		pn_iommus_ga_affinity(&lab->host, self, 0xB2);
		rig_want(lab->host.ga_apicid == 0xB2 && lab->drv[0].ga_irq_pending == 1, "P1",
			 "the thread is not told to look");
		if (k) {
			wrote(u, 0x15C, 0xFEEB2000, "the log's MSI");
			wrote(u, 0x160, 0, "the log's MSI");
			wrote(u, 0x164, 0xEE, "the log's MSI");
		} else {
			wrote(u, 0x180, 0xEEull << 32 | 0xB2ull << 8, "the log's interrupt");
		}
		wrote_all(u, "affinity writes more");
		u->locked = false;
	}
}

/* ---- the log's thread ---- */

static bool os_wake(void *ctx, struct pn_agent *agent, void *task, enum pn_wake_reason why)
{
	(void)ctx;
	(void)agent;
	(void)why;
	rig_want(task == &woken, "P1", "another task is woken");
	rig_want(lab->drv[0].ga_irq_pending == 1, "P1", "the thread is woken before it is told");
	woken++;
	return true;
}

static void tells(void *ctx, struct pn_agent *agent, uint32_t t)
{
	(void)agent;
	rig_want(ctx == &told && lab->host.notifier_lock.held && !lab->drv[0].ga_lock.held, "P6",
		 "the hypervisor is called under other locks");
	told++;
	tag = t;
}

static void overflowed(void *ctx, struct pn_agent *agent)
{
	(void)agent;
	rig_want(ctx == &told && lab->host.notifier_lock.held && !lab->drv[0].ga_lock.held, "P6",
		 "the hypervisor is called under other locks");
	rig_want(lab->drv[0].control & GALOG && mmio_read(&lab->units[FULL], 0x2020, 8) & 0x100,
		 "P1", "it is called before the log runs again");
	overflows++;
}

static void posts(struct pn_amdvi_ir *ir, uint32_t as)
{
	const struct pn_msi m = {.addr = 0xFEE00000, .data = 7, .devid = DEV};
	struct pn_amdvi_ir_state st = {.wakeup = true};

	pn_amdvi_ir_activate(ir, self, SOLO_AT(20), 0x41, as, st);
	rig_want(pn_amdvi_msi(lab->units[FULL].vi, &m) == PN_MSI_POSTED, "P4", "a post");
}

static void reads_the_log(struct unit *u, struct pn_amdvi_ir *ir)
{
	uint64_t on = BASE | GAEN | VAPIC | XT | ON | GALOG | GAINT;

	lab->drv[0].ga_irq_pending = 0;
	pn_galog_irq(&lab->drv[0], self, &woken);
	rig_want(woken == 1, "P1", "the interrupt wakes nobody");
	rig_want(!pn_galog_step(&lab->drv[0], self) && !lab->drv[0].ga_irq_pending, "P5",
		 "nothing to read");
	posts(ir, 0x11);
	posts(ir, 0x22);
	u->n = at = 0;
	u->locked = true;
	rig_want(pn_galog_step(&lab->drv[0], self) && lab->drv[0].drain.active &&
			 lab->drv[0].drain.tail == 16,
		 "P1", "the status is read");
	wrote(u, 0x2020, 0x400, "GAInt alone is acknowledged");
	rig_want(pn_galog_step(&lab->drv[0], self) && told == 1 && tag == 0x11, "P1", "an entry");
	wrote(u, 0x2040, 8, "the head follows");
	rig_want(pn_galog_step(&lab->drv[0], self) && told == 2 && tag == 0x22, "P1", "an entry");
	wrote(u, 0x2040, 16, "the head follows");
	rig_want(pn_galog_step(&lab->drv[0], self) && !lab->drv[0].drain.active, "P1",
		 "all were read");
	rig_want(!pn_galog_step(&lab->drv[0], self) && told == 2 && !overflows, "P5",
		 "nothing is left");
	wrote_all(u, "the thread writes more");
	/* An entry of another kind; then an overflow. */
	u->locked = false;
	posts(ir, 0x33);
	pn_st64(&lab->drv[0].galog[2], 0x33 | 2ull << 60);
	while (pn_galog_step(&lab->drv[0], self))
		;
	rig_want(told == 2, "P7", "an entry of an unknown kind is taken for a guest's");
	for (unsigned i = 0; i < 512; i++)
		posts(ir, 0x44);
	u->n = at = 0;
	u->locked = true;
	rig_want(pn_galog_step(&lab->drv[0], self), "P1", "the status is read");
	wrote(u, 0x2020, 0x400, "GAInt alone is acknowledged, the overflow later");
	for (unsigned i = 0; i < 511; i++)
		pn_galog_step(&lab->drv[0], self);
	rig_want(told == 513 && !overflows && lab->drv[0].drain.head == lab->drv[0].drain.tail,
		 "P1", "what the log holds is read first");
	at = u->n = 0;
	rig_want(pn_galog_step(&lab->drv[0], self) && overflows == 1, "P1",
		 "then it is started anew");
	wrote(u, 0x18, on & ~(GALOG | GAINT), "it is disabled");
	wrote(u, 0x2020, 0x200, "GALOverflow is cleared");
	wrote(u, 0x18, on & ~GALOG, "GAIntEn");
	wrote(u, 0x18, on, "it is enabled");
	wrote_all(u, "the restart writes more");
	rig_want(!pn_galog_step(&lab->drv[0], self), "P5", "nothing is left");
	u->locked = false;
	posts(ir, 0x55);
	while (pn_galog_step(&lab->drv[0], self))
		;
	rig_want(told == 514 && tag == 0x55, "P1", "the log runs again");
}

static void log_thread(void)
{
	struct unit *u = &lab->units[FULL];
	struct pn_amdvi_ir *ir = &lab->ir;

	woken = told = overflows = 0;
	rig_want(!up(FULL, -1, config(PN_NOTIFY_GALOG)) &&
			 !pn_amdvi_irt_create(&lab->drv[0], self, DEV, 3) &&
			 !pn_amdvi_ir_init(ir, &lab->drv[0], self, DEV, 7, 1, 0x31),
		 "P7", "an IOMMU");
	lab->host.notifier =
		(struct pn_ga_notifier){.ctx = &told, .entry = tells, .overflow = overflowed};
	reads_the_log(u, ir);
	/* Nobody listens. */
	lab->host.notifier = (struct pn_ga_notifier){0};
	posts(ir, 0x66);
	while (pn_galog_step(&lab->drv[0], self))
		;
	rig_want(told == 514 && lab->drv[0].drain.head == lab->drv[0].drain.tail, "P6",
		 "a hypervisor that is gone is called");
	for (unsigned i = 0; i < 513; i++)
		posts(ir, 0x66);
	while (pn_galog_step(&lab->drv[0], self))
		;
	rig_want(mmio_read(&lab->units[FULL], 0x2020, 8) == 0x118, "P1",
		 "a log that overflowed is not started anew without a hypervisor");
	pn_iommus_switch(&lab->host, self, PN_NOTIFY_GAPPI);
	lab->drv[0].drain.active = true;
	rig_want(!pn_galog_step(&lab->drv[0], self), "P5", "a log that is off is read");
}

/* ---- commands without an answer: before there is a thread, a poll costs nothing ---- */

static void must(bool ok, const char *what)
{
	if (!ok && !early)
		early = what;
}

static void silence(void)
{
	const uint64_t cmd[2] = {8ull << 60, 0};
	struct unit *u = &lab->units[FULL];
	struct pn_amdvi_ir *ir = &lab->ir;
	uint32_t head, tail;

	u->set = 0x100;
	must(up(FULL, -1, config(PN_NOTIFY_GALOG)) == -ETIMEDOUT, "a log that does not stop");
	must(u->n == 1, "an IOMMU that does not stop is used");
	u->set = 0;
	u->clear = 8;
	must(up(FULL, -1, config(PN_NOTIFY_GAPPI)) == -ETIMEDOUT, "it does not start");
	u->clear = 0;
	u->clear = 0x100;
	must(up(FULL, -1, config(PN_NOTIFY_GALOG)) == -ETIMEDOUT, "the log does not start");
	u->clear = 0;
	must(!up(FULL, -1, config(PN_NOTIFY_GAPPI)), "it answers again");
	must(!pn_amdvi_irt_create(&lab->drv[0], self, DEV, 3) &&
		     !pn_amdvi_ir_init(ir, &lab->drv[0], self, DEV, 7, 1, 0x31),
	     "an entry");
	u->deaf = true;
	must(pn_amdvi_cmd_sync(&lab->drv[0], self, cmd) == -ETIMEDOUT && !lab->drv[0].lock.held,
	     "a command without an answer");
	must(pn_amdvi_wait(&lab->drv[0], self) == -ETIMEDOUT && !lab->drv[0].lock.held,
	     "a wait without an answer");
	must(pn_amdvi_ir_affinity(ir, self, 2, 0x32) == -ETIMEDOUT && !ir->lock.held,
	     "affinity without an answer");
	must(pn_amdvi_irt_create(&lab->drv[0], self, 6, 3) == -ETIMEDOUT,
	     "a table without an answer");
	/* The ring is full: the head as it was read last, then the IOMMU's own. */
	tail = lab->drv[0].cmd_tail;
	head = (uint32_t)mmio_read(u, PN_AMDVI_CMD_HEAD, 8);
	lab->drv[0].cmd_head = head;
	lab->drv[0].cmd_tail = (head - 16) & 0xFFF;
	must(pn_amdvi_wait(&lab->drv[0], self) == -ETIMEDOUT &&
		     lab->drv[0].cmd_tail == ((head - 16) & 0xFFF) && !lab->drv[0].lock.held,
	     "a command is written over one that waits");
	lab->drv[0].cmd_head = tail + 16;
	lab->drv[0].cmd_tail = tail;
	must(pn_amdvi_wait(&lab->drv[0], self) == -ETIMEDOUT && lab->drv[0].cmd_tail == tail + 16 &&
		     lab->drv[0].cmd_head == head,
	     "the head is not read again");
	u->deaf = false;
	must(!pn_amdvi_wait(&lab->drv[0], self) && lab->drv[0].cmd_head == lab->drv[0].cmd_tail,
	     "it goes on");
	u->set = 0x100;
	must(pn_iommus_switch(&lab->host, self, PN_NOTIFY_GALOG) == -ETIMEDOUT &&
		     lab->host.notify == PN_NOTIFY_GAPPI && !lab->drv[0].ga_lock.held,
	     "a switch without an answer");
	u->set = 0;
}

/* GALogRun rises some time after GALogEn. */
static void restarts_late(void)
{
	struct unit *u = &lab->units[FULL];
	struct pn_amdvi_ir *ir = &lab->ir;

	u->late = 3;
	must(!up(FULL, -1, config(PN_NOTIFY_GALOG)) && !u->late, "the log's start is not awaited");
	must(!pn_amdvi_irt_create(&lab->drv[0], self, DEV, 3) &&
		     !pn_amdvi_ir_init(ir, &lab->drv[0], self, DEV, 7, 1, 0x31),
	     "an entry");
	for (unsigned i = 0; i < 513; i++)
		posts(ir, 0x11);
	for (unsigned i = 0; i < 512; i++)
		pn_galog_step(&lab->drv[0], self);
	u->late = 3;
	must(pn_galog_step(&lab->drv[0], self) && !u->late && lab->drv[0].control & GALOG,
	     "the log's restart is not awaited");
	u->late = 0;
}

/* ---- the case ---- */

static bool is_broken;

static void drives(void *arg)
{
	(void)arg;
	rig_want(!early, "P7", early ? early : "");
	px_doing("brings an IOMMU up and down");
	if (is_broken) {
		struct pn_iommus_config cfg = config(PN_NOTIFY_GALOG);

		cfg.galog_entries = 768;
		rig_want(!up(FULL, -1, cfg), "P7", "an IOMMU does not come up");
	}
	comes_up();
	other_ways();
	refuses();
	px_doing("sets up entries");
	entries();
	px_doing("switches");
	switches();
	routes();
	px_doing("reads the log");
	log_thread();
}

static void make(enum which which)
{
	struct pn_amdvi_config hw;

	pn_amdvi_config_default(&hw);
	hw.bus = &solo->bus;
	hw.agent = &solo->agent;
	hw.dte_cache = hw.irte_cache = 4;
	hw.no_irtcachedis = which == OLD;
	if (which == NO_GA)
		hw.efr &= ~PN_EFR_GASUP;
	if (which == NO_GAM)
		hw.efr &= ~PN_EFR_GAMSUP;
	if (which == NO_XT || which == NO_MSI)
		hw.efr &= ~PN_EFR_XTSUP;
	if (which == NO_MSI)
		hw.efr &= ~PN_EFR_MSICAPMMIOSUP;
	if (which == NO_GAPPI)
		hw.efr &= ~PN_EFR_GAPPISUP;
	if (which == NO_IA)
		hw.efr &= ~PN_EFR_IASUP;
	if (which == OLD)
		hw.efr2 = 0;
	lab->units[which] = (struct unit){0};
	pn_amdvi_create(&hw, &lab->units[which].vi);
}

static void build(bool broken)
{
	is_broken = broken;
	early = NULL;
	solo_build();
	lab = px_alloc(sizeof(*lab), 64);
	self = rig->cpu[0].agent;
	lab->os = (struct pn_os){.wake = os_wake};
	for (unsigned i = 0; i < NR; i++)
		make(i);
	if (!broken) {
		silence();
		restarts_late();
	}
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
