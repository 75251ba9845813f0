/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: what a request to a remapping unit ends in (VT-d 5.1.4, 5.2.3).
 * Requests that never reach the table, forms of entries, posting with its four outcomes, units of
 * other kinds, memory that changes, and the descriptor itself.
 */
#include <errno.h>

#include "cases_intel_post.h"

struct post_units post_units;

struct pn_pid *post_pid(void)
{
	return unit_ptr(post_units.pid_pa);
}

struct pn_virte_raw *post_entry(unsigned i)
{
	return (struct pn_virte_raw *)unit_ptr(post_units.irt) + i;
}

void post_begin(struct pn_vtd *v, uint64_t eime, const char *what)
{
	px_doing(what);
	intel->vtd = v;
	pn_vtd_reset(v);
	unit_wr(PN_VTD_IRTA, post_units.irt | eime | 2);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	unit_gcmd(PN_VTD_G_IRE, 0);
	intel->messages = 0;
	for (unsigned i = 0; i < 4; i++)
		post_pid()->pir[i] = 0;
	for (unsigned i = 0; i < 3; i++)
		post_pid()->rsvd[i] = 0;
	post_pid()->control = (uint64_t)NV << PN_PID_NV_SH | pn_pid_ndst(5, eime);
}

void post_blocks(struct pn_msi msi, unsigned reason, unsigned index, const char *what)
{
	unsigned before = intel->messages;

	rig_want(pn_vtd_msi(intel->vtd, &msi) == PN_MSI_ABORTED, "P7", what);
	unit_eq(unit_reason(0), reason, what);
	if (reason)
		unit_eq(unit_rd(0x220) >> PN_VTD_FR_INDEX_SH, index, what);
	unit_eq(intel->messages, before, what);
	unit_wr(0x228, PN_VTD_FR_F);
	/* The next one has the first record again. */
	pn_vtd_reset(intel->vtd);
}

struct pn_msi post_to(uint16_t handle, uint16_t subhandle)
{
	struct pn_msi msi = {.devid = SID};

	pn_vtd_msi_encode(handle, subhandle, &msi.addr, &msi.data);
	return msi;
}

void post_set_posted(uint64_t pa, uint8_t vector, uint64_t flags)
{
	struct pn_virte_raw raw = pn_virte_encode(
		&(struct pn_virte){.p = true, .im = true, .pid = pa, .vector = vector}, true);

	raw.lo |= flags;
	*post_entry(2) = raw;
}

void post_remapped_to(uint32_t dest, uint64_t avail)
{
	*post_entry(4) =
		pn_virte_encode(&(struct pn_virte){.p = true, .dest = dest, .vector = 0x41}, true);
	post_entry(4)->lo |= avail;
}

static void heard(uint32_t dest, uint8_t vector, uint8_t mode, bool logical, bool level,
		  const char *what)
{
	const struct pn_intr *m = &intel->heard;

	rig_want(intel->messages == 1 && m->dest == dest && m->vector == vector &&
			 m->mode == mode && m->logical == logical && m->level == level,
		 "P7", what);
	intel->messages = 0;
}

/* ---- requests that never reach the table ---- */

static void early(void)
{
	struct pn_msi msi = post_to(0, 0);

	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "no interrupt request");
	*post_entry(0) =
		pn_virte_encode(&(struct pn_virte){.p = true, .dest = 3, .vector = 0x41}, true);
	msi.addr |= 1ull << 32;
	post_blocks(msi, 0, 0, "an address that is no interrupt");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a request with a PASID");
	msi = post_to(0, 0);
	msi.has_pasid = true;
	post_blocks(msi, 0, 0, "a request with a PASID");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a malformed request");
	msi = post_to(0, 0);
	msi.malformed = true;
	post_blocks(msi, PN_VTD_FAULT_MALFORMED, 0, "a malformed request");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "reserved bits of a request");
	msi = post_to(3, 0);
	msi.data = 1u << 16;
	post_blocks(msi, PN_VTD_FAULT_REQUEST_RSV, 3, "reserved bits of a request");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "an index beyond the table");
	post_blocks(post_to(7, 1), PN_VTD_FAULT_INDEX, 8, "an index beyond the table");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "the largest index");
	post_blocks(post_to(0xFFFF, 0), PN_VTD_FAULT_INDEX, 0xFFFF, "the largest index");
}

/* Compatibility requests, and requests to a unit that is off. */
static void compatible(void)
{
	struct pn_msi msi = {.addr = 0xFEE0500C, .data = 0x8135, .devid = SID};

	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a compatibility request in x2APIC mode");
	unit_gcmd(PN_VTD_G_CFI, 0);
	post_blocks(msi, PN_VTD_FAULT_COMPAT, 0, "a compatibility request in x2APIC mode");
	post_begin(post_units.plain, 0, "a compatibility request with CFI = 0");
	post_blocks(msi, PN_VTD_FAULT_COMPAT, 0, "a compatibility request with CFI = 0");
	post_begin(post_units.plain, 0, "a compatibility request with CFI = 1");
	unit_gcmd(PN_VTD_G_CFI, 0);
	rig_want(pn_vtd_msi(post_units.plain, &msi) == PN_MSI_FORWARDED, "P7", "CFI = 1");
	heard(5, 0x35, PN_DM_LOWEST, true, true, "a request that is forwarded");
	post_begin(post_units.plain, 0, "a unit that is off");
	unit_gcmd(0, PN_VTD_G_IRE);
	rig_want(unit_msi(0, 0, SID) == PN_MSI_FORWARDED, "P7", "a remappable request, unit off");
	intel->messages = 0;
	rig_want(pn_vtd_msi(post_units.plain, &msi) == PN_MSI_FORWARDED, "P7",
		 "a unit that is off");
	heard(5, 0x35, PN_DM_LOWEST, true, true, "a unit that is off");
	post_begin(post_units.strict, 0, "a unit that requires x2APIC mode");
	post_blocks(post_to(0, 0), PN_VTD_FAULT_EIMER, 0, "x2APIC mode is required");
	post_begin(post_units.strict, 0, "a unit that requires remapping");
	unit_gcmd(0, PN_VTD_G_IRE);
	post_blocks(msi, PN_VTD_FAULT_IRREQ, 0, "remapping is required");
	post_begin(post_units.required, 0, "a unit that requires remapping, and not x2APIC mode");
	unit_gcmd(0, PN_VTD_G_IRE);
	post_blocks(msi, PN_VTD_FAULT_IRREQ, 0, "remapping is required");
	post_begin(post_units.required, 0, "such a unit in xAPIC mode");
	*post_entry(0) =
		pn_virte_encode(&(struct pn_virte){.p = true, .dest = 3, .vector = 0x41}, false);
	rig_want(unit_msi(0, 0, SID) == PN_MSI_REMAPPED, "P7", "x2APIC mode is not required");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "x2APIC mode over a reset");
	pn_vtd_reset(post_units.plain);
	unit_wr32(PN_VTD_GCMD, PN_VTD_G_IRE | PN_VTD_G_CFI);
	rig_want(pn_vtd_msi(post_units.plain, &msi) == PN_MSI_FORWARDED, "P7",
		 "x2APIC mode over a reset");
	post_begin(post_units.strict, PN_VTD_IRTA_EIME, "such a unit in x2APIC mode");
	*post_entry(0) =
		pn_virte_encode(&(struct pn_virte){.p = true, .dest = 3, .vector = 0x41}, true);
	rig_want(unit_msi(0, 0, SID) == PN_MSI_REMAPPED, "P7", "x2APIC mode is required, and on");
}

/* ---- remapped ---- */

static void goes_remapped(void)
{
	const struct pn_virte f = {.p = true,
				   .dm = true,
				   .tm = true,
				   .dlm = PN_DM_LOWEST,
				   .dest = 0x87,
				   .vector = 0x41};

	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a remapped request");
	*post_entry(1) = pn_virte_encode(&f, true);
	rig_want(unit_msi(1, 0, SID) == PN_MSI_REMAPPED, "P7", "a remapped request");
	heard(0x87, 0x41, PN_DM_LOWEST, true, true, "a remapped request");
	post_begin(post_units.plain, 0, "a remapped request, 8 bits");
	*post_entry(1) = pn_virte_encode(&f, false);
	rig_want(unit_msi(0, 1, SID) == PN_MSI_REMAPPED, "P7", "a subhandle");
	heard(0x87, 0x41, PN_DM_LOWEST, true, true, "a remapped request, 8 bits");
}

/* ---- posting ---- */

static void posts(uint64_t pir, uint64_t control, unsigned notified, const char *what)
{
	intel->messages = 0;
	rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED, "P7", what);
	unit_eq(post_pid()->pir[1], pir, what);
	unit_eq(post_pid()->pir[0] | post_pid()->pir[2] | post_pid()->pir[3], 0, what);
	unit_eq(post_pid()->control, control, what);
	unit_eq(intel->messages, notified, what);
}

static void outcomes(uint64_t eime)
{
	const uint64_t bit = 1ull << 0x41 % 64;
	uint64_t base;

	post_begin(post_units.plain, eime, "a posted request");
	base = post_pid()->control;
	post_set_posted(post_units.pid_pa, 0x41, 0);
	posts(bit, base | PN_PID_ON, 1, "the first post notifies");
	heard(5, NV, PN_DM_FIXED, false, false, "a notification");
	posts(bit, base | PN_PID_ON, 0, "ON = 1 does not notify");
	post_pid()->pir[1] = 0;
	post_pid()->control = base | PN_PID_SN;
	posts(bit, base | PN_PID_SN, 0, "SN = 1 suppresses");
	post_pid()->control = base;
	posts(bit, base | PN_PID_ON, 1, "the bit was set, ON was not");
	post_begin(post_units.plain, eime, "an urgent request");
	post_set_posted(post_units.pid_pa, 0x41, PN_VIRTE_URG);
	post_pid()->control |= PN_PID_SN;
	posts(bit, base | PN_PID_SN | PN_PID_ON, 1, "urgent, SN = 1");
	posts(bit, base | PN_PID_SN | PN_PID_ON, 0, "urgent, ON = 1");
}

/* Of either mode, reserved bits of a descriptor; @v ignores them. */
static void reserved(struct pn_vtd *v, uint64_t eime)
{
	const uint64_t rsv = PN_PID_CTL_RSV | (eime ? 0 : PN_PID_CTL_RSV_XAPIC);

	for (unsigned b = 0; b < 256; b++) {
		bool bad = b >= 64 || rsv >> b & 1;
		uint64_t *at;

		post_begin(v, eime, "reserved bits of a descriptor");
		at = b < 64 ? &post_pid()->control : &post_pid()->rsvd[b / 64 - 1];
		*at ^= 1ull << b % 64;
		unit_eq((unsigned)-pn_pid_check(post_pid(), eime), bad ? EINVAL : 0,
			rig_text("bit %u of a descriptor", 256 + b));
		post_set_posted(post_units.pid_pa, 0x41, 0);
		if (bad && v != post_units.old) {
			post_blocks(post_to(2, 0), PN_VTD_FAULT_PID_RSV, 2,
				    "reserved bits of a descriptor");
			unit_eq(post_pid()->pir[1] | (post_pid()->control & PN_PID_ON & (b != 0)),
				0, "a post with reserved bits");
			continue;
		}
		rig_want(unit_msi(2, 0, SID) == PN_MSI_POSTED && post_pid()->pir[1], "P7",
			 rig_text("bit %u of a descriptor", 256 + b));
	}
}

static void unreachable(void)
{
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a descriptor without memory");
	post_set_posted(FARA, 0x41, 0);
	post_blocks(post_to(2, 0), PN_VTD_FAULT_PID, 2, "a descriptor without memory");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "the same, silent");
	post_set_posted(FARA, 0x41, PN_VIRTE_FPD);
	post_blocks(post_to(2, 0), 0, 2, "a silent one");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "reserved bits of a descriptor, silent");
	post_set_posted(post_units.pid_pa, 0x41, PN_VIRTE_FPD);
	post_pid()->rsvd[1] = 1;
	post_blocks(post_to(2, 0), 0, 2, "a silent one");
	post_begin(post_units.plain, PN_VTD_IRTA_EIME, "a descriptor above the width");
	post_set_posted(1ull << 52, 0x41, 0);
	post_blocks(post_to(2, 0), PN_VTD_FAULT_IRTE_RSV, 2, "a descriptor above the width");
	post_begin(post_units.unposting, PN_VTD_IRTA_EIME, "a unit that cannot post");
	post_set_posted(post_units.pid_pa, 0x41, 0);
	post_blocks(post_to(2, 0), PN_VTD_FAULT_IRTE_RSV, 2, "a unit that cannot post");
}

/* A reserved source check, or a bad source with reserved bits: by the unit's kind. */
static void order(struct pn_vtd *v, uint64_t lo, uint64_t hi, unsigned reason, const char *what)
{
	post_begin(v, PN_VTD_IRTA_EIME, what);
	*post_entry(3) = (struct pn_virte_raw){PN_VIRTE_P | lo, hi};
	post_blocks(post_to(3, 0), reason, 3, what);
}

static void orders(void)
{
	const uint64_t rsv = 1ull << 12;

	order(post_units.plain, 0, SVT(3), PN_VTD_FAULT_IRTE_RSV, "SVT = 3");
	order(post_units.old, 0, SVT(3), PN_VTD_FAULT_SID,
	      "SVT = 3, a unit that calls it a bad source");
	order(post_units.plain, rsv, SVT(1) | 9, PN_VTD_FAULT_SID, "source first");
	order(post_units.old, rsv, SVT(1) | 9, PN_VTD_FAULT_IRTE_RSV, "reserved bits first");
	order(post_units.old, rsv, SVT(3), PN_VTD_FAULT_IRTE_RSV, "reserved bits first, SVT = 3");
	order(post_units.plain, rsv, SVT(3), PN_VTD_FAULT_IRTE_RSV, "reserved bits and SVT = 3");
	order(post_units.plain, 0, SVT(1) | 9, PN_VTD_FAULT_SID, "a bad source");
	order(post_units.old, 0, SVT(1) | 9, PN_VTD_FAULT_SID, "a bad source");
	order(post_units.plain, rsv, SVT(1) | SID, PN_VTD_FAULT_IRTE_RSV, "reserved bits");
	order(post_units.plain, PN_VIRTE_FPD | rsv, SVT(1) | 9, 0, "a bad source, silent");
	order(post_units.plain, PN_VIRTE_FPD, SVT(3), 0, "SVT = 3, silent");
}

/* ---- the case ---- */

static void posts_all(void *arg)
{
	(void)arg;
	early();
	compatible();
	intel_unit_formats();
	goes_remapped();
	outcomes(PN_VTD_IRTA_EIME);
	outcomes(0);
	reserved(post_units.plain, PN_VTD_IRTA_EIME);
	reserved(post_units.plain, 0);
	reserved(post_units.old, 0);
	unreachable();
	orders();
	post_memory();
	post_counts();
}

void intel_unit_requests(bool broken)
{
	struct pn_vtd_config cfg;

	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true, .no_unit = true});
	intel->bus.intr = intel_hears;
	pn_pages_alloc(&rig->pages, 4096, 4096, &post_units.irt);
	pn_pages_alloc(&rig->pages, 64, 64, &post_units.pid_pa);
	unit_config(&cfg);
	post_units.plain = unit_make(&cfg);
	post_units.mapped = unit_make(&cfg);
	cfg.poison_stale = true;
	post_units.poison = unit_make(&cfg);
	cfg.poison_stale = false;
	cfg.knobs.svt_reserved = PN_SVT11_SID;
	cfg.knobs.check_order = PN_CHECK_RSV_FIRST;
	cfg.knobs.pid_reserved = PN_PID_RSV_IGNORE;
	post_units.old = unit_make(&cfg);
	unit_config(&cfg);
	cfg.ecap |= PN_VTD_ECAP_EIMER | PN_VTD_ECAP_IRREQ;
	post_units.strict = unit_make(&cfg);
	cfg.ecap &= ~PN_VTD_ECAP_EIMER;
	post_units.required = unit_make(&cfg);
	unit_config(&cfg);
	cfg.cap &= ~PN_VTD_CAP_PI;
	post_units.unposting = unit_make(&cfg);
	unit_config(&cfg);
	cfg.cap |= PN_VTD_CAP_CM;
	post_units.caching = unit_make(&cfg);
	unit_config(&cfg);
	cfg.agent = NULL;
	cfg.irte_cache = 0;
	post_units.alone = unit_make(&cfg);
	unit_config(&cfg);
	cfg.haw = 32;
	post_units.small = unit_make(&cfg);
	cfg.haw = 63;
	post_units.almost = unit_make(&cfg);
	cfg.haw = 64;
	post_units.wide = unit_make(&cfg);
	px_thread("CPU 0", 0, posts_all, NULL);
}
