/* SPDX-License-Identifier: MIT */
/* The driver sets up tables and entries: their words, and when they are flushed. */
#include <errno.h>

#include "cases_amd_drv.h"

static void entry(const struct pn_amdvi_ir *ir, uint64_t lo, uint64_t hi, const char *what)
{
	rig_want(pn_ld64(&ir->irte->lo) == lo && pn_ld64(&ir->irte->hi) == hi, "P2", what);
}

static uint64_t flushed(bool cached)
{
	return cached ? 5ull << 60 | DEV : 0;
}

/* In remap form. */
static void remap_form(bool cached)
{
	const uint64_t dest = 0xC3B2A1ull << 8, high = 0xD4ull << 56;
	struct pn_amdvi_drv *d = &drv_lab->drv[0];
	struct pn_amdvi_ir *ir = &drv_lab->ir;

	rig_want(!pn_amdvi_irt_create(d, drv_self, DEV, 3), "P7", "a table");
	drv_commanded(d, 2ull << 60 | DEV, "the device table entry is flushed");
	rig_want((pn_ld64(&d->devtab[DEV * 4 + 2]) & ~0x000FFFFFFFFFFFC0ull) ==
			 (1 | 3 << 1 | 2ull << 60),
		 "P2", "the device table entry");
	rig_want(!pn_amdvi_ir_init(ir, d, drv_self, DEV, 7, 0xD4C3B2A1, 0x31), "P7", "an entry");
	drv_lab->units[FULL].locked = true;
	drv_lab->units[FULL].ir = ir;
	entry(ir, 1 | dest, 0x31 | high, "an entry in remap form");
	drv_commanded(d, flushed(cached), "an entry is flushed");
	rig_want(!pn_amdvi_ir_affinity(ir, drv_self, 9, 16) && ir->host_apicid == 9, "P7",
		 "affinity");
	entry(ir, 1 | 9 << 8, 16, "an entry after affinity");
	drv_commanded(d, flushed(cached), "affinity is flushed");
	rig_want(pn_amdvi_ir_affinity(ir, drv_self, 7, 15) == -EINVAL && ir->host_apicid == 9 &&
			 ir->host_vector == 16,
		 "P7", "a vector below 16");
}

/* What cannot be posted, and what is not to be done in remap form. */
static void not_posted(enum pn_notify kind)
{
	struct pn_amdvi_drv *d = &drv_lab->drv[0];
	struct pn_amdvi_ir *ir = &drv_lab->ir;
	struct pn_amdvi_ir_state st = {.is_run = true, .apicid = 0xD4C3B2A1};
	const uint64_t page = SOLO_AT(20);
	uint32_t tail;

	tail = d->cmd_tail;
	pn_amdvi_ir_update(ir, drv_self, st);
	rig_want(!pn_amdvi_ir_deactivate(ir, drv_self) && d->cmd_tail == tail, "P7",
		 "nothing to do in remap form");
	entry(ir, 1 | 9 << 8, 16, "an entry in remap form changes");
	rig_want(pn_amdvi_ir_activate(ir, drv_self, page | 8, 0x41, 1, st) == -EINVAL &&
			 pn_amdvi_ir_activate(ir, drv_self, 1ull << 52, 0x41, 1, st) == -EINVAL &&
			 pn_amdvi_ir_activate(ir, drv_self, page, 15, 1, st) == -EINVAL &&
			 !ir->guest_mode,
		 "P7", "a post that cannot be");
	if (kind == PN_NOTIFY_NONE)
		rig_want(pn_amdvi_ir_activate(ir, drv_self, page, 0x41, 1, st) == -EINVAL, "P7",
			 "a machine without posting posts");
}

/* In guest form, and back. */
static void guest_form(bool gappi, bool cached)
{
	struct pn_amdvi_drv *d = &drv_lab->drv[0];
	struct pn_amdvi_ir *ir = &drv_lab->ir;
	struct pn_amdvi_ir_state st = {.is_run = true, .apicid = 0xD4C3B2A1};
	const uint64_t page = SOLO_AT(20), dest = 0xC3B2A1ull << 8, high = 0xD4ull << 56;
	const uint64_t guest = 0x81, tag_now = gappi ? 0xF1 : 0xABCD1234;
	uint32_t tail;

	rig_want(!pn_amdvi_ir_activate(ir, drv_self, page, 0x41, 0xABCD1234, st) && ir->guest_mode,
		 "P7", "a post");
	entry(ir, guest | 0x40 | dest | tag_now << 32, page | 0x41 | high, "it runs");
	drv_commanded(d, flushed(cached), "guest mode is flushed");
	tail = d->cmd_tail;
	st = (struct pn_amdvi_ir_state){.wakeup = true, .apicid = 3};
	pn_amdvi_ir_update(ir, drv_self, st);
	entry(ir, guest | tag_now << 32 | (gappi ? 3ull << 8 : 4 | dest),
	      page | 0x41 | (gappi ? 0 : high), "it sleeps");
	st.wakeup = false;
	pn_amdvi_ir_update(ir, drv_self, st);
	entry(ir, guest | tag_now << 32 | (gappi ? 0x20 | 3ull << 8 : dest),
	      page | 0x41 | (gappi ? 0 : high), "it is preempted");
	st = (struct pn_amdvi_ir_state){.is_run = true, .wakeup = true, .apicid = 2};
	pn_amdvi_ir_update(ir, drv_self, st);
	entry(ir, guest | 0x40 | tag_now << 32 | 2 << 8, page | 0x41, "it runs again");
	rig_want(d->cmd_tail == tail, "P7", "a field that is never cached is flushed");
	rig_want(!pn_amdvi_ir_affinity(ir, drv_self, 5, 0x32) && d->cmd_tail == tail, "P7",
		 "affinity in guest mode");
	entry(ir, guest | 0x40 | tag_now << 32 | 2 << 8, page | 0x41, "it only remembers");
	rig_want(!pn_amdvi_ir_deactivate(ir, drv_self) && !ir->guest_mode, "P7", "back");
	entry(ir, 1 | 5 << 8, 0x32, "back in remap form, with the new affinity");
	drv_commanded(d, flushed(cached), "the way back is flushed");
}

/* @kind: what the machine uses; @cached: the IOMMU caches entries. */
static void one_entry(enum pn_notify kind, bool cached)
{
	remap_form(cached);
	not_posted(kind);
	if (kind != PN_NOTIFY_NONE)
		guest_form(kind == PN_NOTIFY_GAPPI, cached);
	drv_lab->units[FULL].ir = NULL;
}

static void table_errors(void)
{
	struct pn_amdvi_drv *d = &drv_lab->drv[0];
	struct pn_amdvi_ir *ir = &drv_lab->ir;
	uint64_t next;

	rig_want(pn_amdvi_irt_create(d, drv_self, DEV, 3) == -EEXIST, "P7", "a second table");
	rig_want(pn_amdvi_irt_create(d, drv_self, 9, 3) == -EINVAL, "P7",
		 "a device beyond the table");
	rig_want(pn_amdvi_irt_create(d, drv_self, 6, 10) == -EINVAL, "P7", "2^10 entries");
	rig_want(!pn_amdvi_irt_create(d, drv_self, 6, 9), "P7", "2^9 entries");
	next = drv_lab->pages.next;
	rig_want(!pn_amdvi_irt_create(d, drv_self, 8, 0) &&
			 drv_lab->pages.next == ((next + 127) & ~127ull) + 16,
		 "P7", "one entry, 128-byte aligned");
	rig_want(pn_amdvi_ir_init(ir, d, drv_self, 4, 0, 1, 0x31) == -EINVAL &&
			 pn_amdvi_ir_init(ir, d, drv_self, 9, 0, 1, 0x31) == -EINVAL &&
			 pn_amdvi_ir_init(ir, d, drv_self, DEV, 8, 1, 0x31) == -EINVAL &&
			 pn_amdvi_ir_init(ir, d, drv_self, DEV, 0, 1, 15) == -EINVAL &&
			 !pn_amdvi_ir_init(ir, d, drv_self, 8, 0, 1, 16),
		 "P7", "an entry that cannot be, or can");
	drv_lab->pages.next = drv_lab->pages.end - 64;
	rig_want(pn_amdvi_irt_create(d, drv_self, 7, 3) == -ENOMEM &&
			 !pn_ld64(&d->devtab[7 * 4 + 2]),
		 "P7", "a table without memory");
}

static void destinations(void)
{
	struct pn_amdvi_ir *ir = &drv_lab->ir;
	struct pn_amdvi_ir_state st = {.apicid = 0x100};

	rig_want(!drv_up(NO_XT, -1, drv_config(PN_NOTIFY_GAPPI)) &&
			 !pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, DEV, 3),
		 "P7", "no XTSup");
	rig_want(pn_amdvi_ir_init(ir, &drv_lab->drv[0], drv_self, DEV, 0, 0x100, 0x31) == -EINVAL &&
			 !pn_amdvi_ir_init(ir, &drv_lab->drv[0], drv_self, DEV, 0, 0xFF, 0x31) &&
			 pn_amdvi_ir_affinity(ir, drv_self, 0x100, 0x31) == -EINVAL &&
			 pn_amdvi_ir_activate(ir, drv_self, SOLO_AT(20), 0x41, 1, st) == -EINVAL &&
			 !ir->guest_mode,
		 "P7", "an APIC ID that is too large");
	/* Without GAPPIDis nothing suppresses a GAPPI. */
	rig_want(!drv_up(OLD, -1, drv_config(PN_NOTIFY_GAPPI)) &&
			 !pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, DEV, 3) &&
			 !pn_amdvi_ir_init(ir, &drv_lab->drv[0], drv_self, DEV, 0, 1, 0x31),
		 "P7", "an old IOMMU");
	st.apicid = 3;
	rig_want(!pn_amdvi_ir_activate(ir, drv_self, SOLO_AT(20), 0x41, 1, st), "P7", "a post");
	entry(ir, 0x81 | 3 << 8 | 0xF1ull << 32, SOLO_AT(20) | 0x41, "GAPPIDis is not there");
}

void drv_entries(void)
{
	struct pn_iommus_config cfg;

	for (unsigned k = 0; k < 6; k++) {
		cfg = drv_config(k % 3);
		cfg.irtcachedis = k >= 3;
		rig_want(!drv_up(FULL, -1, cfg), "P7", "an IOMMU");
		one_entry(k % 3, k < 3);
	}
	table_errors();
	destinations();
	cfg = drv_config(PN_NOTIFY_GAPPI);
	cfg.irt2k = true;
	rig_want(!drv_up(FULL, -1, cfg) &&
			 !pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, DEV, 11) &&
			 pn_amdvi_irt_create(&drv_lab->drv[0], drv_self, 6, 12) == -EINVAL,
		 "P7", "2^11 entries");
}
