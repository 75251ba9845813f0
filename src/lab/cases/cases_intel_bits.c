/* SPDX-License-Identifier: MIT */
/* A part of the case of cases_intel_post.c: requests and table entries bit by bit (VT-d 5.1.2.2,
 * 9.9, 9.10). */
#include "solo_intel.h"

static void formats(void)
{
	struct pn_vtd_request r;
	uint64_t addr;
	uint32_t data;

	px_doing("requests as bits");
	pn_vtd_msi_encode(0x8123, 0x45, &addr, &data);
	unit_eq(addr, 0xFEE0247Cull, "address of a request");
	unit_eq(data, 0x45, "data of a request");
	pn_vtd_msi_encode(0x7FFF, 0, &addr, &data);
	unit_eq(addr, 0xFEEFFFF8ull, "address of a request");
	r = pn_vtd_msi_decode(0xFEE0247C, 0x45);
	rig_want(r.remappable && r.shv && r.handle == 0x8123 && r.subhandle == 0x45 &&
			 r.index == 0x8168 && !r.reserved,
		 "P7", "a request");
	r = pn_vtd_msi_decode(0xFEE02474, 0x10045);
	rig_want(r.remappable && !r.shv && r.handle == 0x8123 && !r.subhandle &&
			 r.index == 0x8123 && !r.reserved,
		 "P7", "a request without subhandle");
	r = pn_vtd_msi_decode(0xFEE02478, 0x80000045);
	rig_want(r.handle == 0x123 && r.reserved, "P7", "reserved data");
	r = pn_vtd_msi_decode(0xFEE0246C, 0x45);
	rig_want(!r.remappable && !r.index, "P7", "a compatibility request");
	r = pn_vtd_msi_decode(0xFEEFFFFC, 0xFFFF);
	unit_eq(r.index, 0x1FFFE, "an index of 17 bits");
	unit_eq(pn_vtd_ioapic_rte(0x8123, 0x41, true), 0x0247000000008841ull, "an RTE");
	unit_eq(pn_vtd_ioapic_rte(0x7FFF, 0xFE, false), 0xFFFF0000000000FEull, "an RTE");
	rig_want(pn_vtd_ioapic_request(0x0247000000008841ull, &addr, &data) &&
			 addr == 0xFEE02474ull && data == 0x8041,
		 "P7", "the request of an RTE");
	rig_want(pn_vtd_ioapic_request(0xFFFF0000000007FEull, &addr, &data) &&
			 addr == 0xFEEFFFF0ull && data == 0x7FE,
		 "P7", "the request of an RTE");
	rig_want(!pn_vtd_ioapic_request(0x0246000000008841ull, &addr, &data), "P7",
		 "an RTE in compatibility format");
}

/* Every bit of an entry: reserved, and in which field it is. */
static void entry_bits(const struct pn_virte_env *env, uint64_t form, uint64_t lo, uint64_t hi)
{
	struct pn_virte f;

	for (unsigned b = 0; b < 128; b++) {
		struct pn_virte_raw raw = {.lo = form, .hi = 0};
		const uint64_t bit = 1ull << b % 64;
		unsigned bad, want = (b < 64 ? lo : hi) & bit ? PN_VIRTE_BAD_RESERVED : 0;

		if (b == 15) /* the other form */
			continue;
		*(b < 64 ? &raw.lo : &raw.hi) |= bit;
		bad = pn_virte_decode(raw, env, &f);
		unit_eq(bad & PN_VIRTE_BAD_RESERVED, want, rig_text("bit %u of an entry", b));
		unit_eq(bad & ~PN_VIRTE_BAD_RESERVED,
			b == 127 && form && env->haw < 64 ? PN_VIRTE_BAD_PID : 0,
			"what else is wrong with an entry");
		if (want || bad)
			continue;
		raw.lo &= ~PN_VIRTE_P; /* as it was taken apart, it is put together */
		f.p = false;
		unit_eq(pn_virte_encode(&f, env->eime).lo, raw.lo, rig_text("bit %u again", b));
		unit_eq(pn_virte_encode(&f, env->eime).hi, raw.hi, rig_text("bit %u again", b));
	}
}

static void entries(void)
{
	const struct pn_virte_env x2 = {.eime = true, .pi = true, .haw = 63};
	const struct pn_virte_env x1 = {.eime = false, .pi = true, .haw = 64};
	const struct pn_virte_env no_pi = {.eime = true, .pi = false, .haw = 52};
	const uint64_t im = PN_VIRTE_IM;
	struct pn_virte_raw raw = {0};
	struct pn_virte f;

	px_doing("entries as bits");
	entry_bits(&x2, 0, 0x00000000FF007000ull, 0xFFFFFFFFFFF00000ull);
	entry_bits(&x1, 0, 0xFFFF00FFFF007000ull, 0xFFFFFFFFFFF00000ull);
	entry_bits(&x2, im, 0x0000003FFF0030FCull, 0x00000000FFF00000ull);
	entry_bits(&x1, im, 0x0000003FFF0030FCull, 0x00000000FFF00000ull);
	raw.lo = im;
	unit_eq(pn_virte_decode(raw, &no_pi, &f), PN_VIRTE_BAD_RESERVED, "IM without PI");
	rig_want(!f.im, "P7", "IM without PI");
	for (unsigned mode = 0; mode < 8; mode++) {
		raw.lo = (uint64_t)mode << PN_VIRTE_DLM_SH;
		unit_eq(pn_virte_decode(raw, &x2, &f),
			mode == 3 || mode == 6 ? PN_VIRTE_BAD_DLM : 0, "a delivery mode");
		unit_eq(f.dlm, mode, "a delivery mode");
	}
	raw.lo = 0;
	raw.hi = 3ull << PN_VIRTE_SVT_SH;
	unit_eq(pn_virte_decode(raw, &x2, &f), PN_VIRTE_BAD_SVT, "SVT = 3");
	raw = (struct pn_virte_raw){0x12345678ABC0FF01ull & ~PN_VIRTE_IM & ~0x7000ull, 0x57FFEull};
	pn_virte_decode(raw, &x2, &f);
	rig_want(f.p && !f.fpd && f.avail == 0xF && f.vector == 0xC0 && f.dest == 0x12345678 &&
			 f.sid == 0x7FFE && f.sq == 1 && f.svt == 1,
		 "P7", "fields of an entry");
	pn_virte_decode(raw, &x1, &f);
	unit_eq(f.dest, 0x56, "destination of 8 bits");
}

/* Every bus of a range, and a source check that is reserved. */
static void sources(void)
{
	struct pn_virte f = {.svt = PN_SVT_BUS, .sid = 0x2141};

	px_doing("sources");
	for (unsigned sid = 0; sid < 0x10000; sid += 0xF3)
		rig_want(pn_virte_source_ok(&f, (uint16_t)sid) == (sid >= 0x2100 && sid < 0x4200),
			 "P7", rig_text("a bus of a range, %04x", sid));
	for (unsigned sq = 0; sq < 4; sq++) {
		static const uint16_t free[] = {0, 4, 6, 7};

		f = (struct pn_virte){.svt = PN_SVT_SID, .sid = 0x5A5A, .sq = (uint8_t)sq};
		for (unsigned b = 0; b < 16; b++)
			rig_want(pn_virte_source_ok(&f, (uint16_t)(0x5A5A ^ 1u << b)) ==
					 (free[sq] >> b & 1),
				 "P7", "bits of the requester that are not compared");
	}
	f.svt = PN_SVT_RESERVED;
	rig_want(!pn_virte_source_ok(&f, 0x5A5A), "P7", "a reserved source check");
}

void intel_unit_formats(void)
{
	formats();
	entries();
	sources();
}
