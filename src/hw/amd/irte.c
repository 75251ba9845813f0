/* SPDX-License-Identifier: MIT */
/* Interrupt remapping table entries, decoded and encoded (48882 rev 3.11, 2.2.5). */
#include "postern/amd_irte.h"

/* Without Control.XTEn the destination is 8 bits wide; the rest of the field is reserved. */
#define DEST8_RSV_LO 0x00000000FFFF0000ull
#define DEST_HI	     0xFF00000000000000ull

/* The bits that the two remap forms have in common: 7:0. */
static void common_decode(uint32_t low, struct pn_irte *out)
{
	out->remapen = low & PN_IRTE_REMAPEN;
	out->supiopf = low & PN_IRTE_SUPIOPF;
	out->inttype = (uint8_t)((low & PN_IRTE_INTTYPE) >> PN_IRTE_INTTYPE_SH);
	out->rqeoi = low & PN_IRTE_RQEOI;
	out->dm = low & PN_IRTE_DM;
}

static uint32_t common_encode(const struct pn_irte *i)
{
	return (i->remapen ? PN_IRTE_REMAPEN : 0) | (i->supiopf ? PN_IRTE_SUPIOPF : 0) |
	       (uint32_t)(i->inttype & 7) << PN_IRTE_INTTYPE_SH | (i->rqeoi ? PN_IRTE_RQEOI : 0) |
	       (i->dm ? PN_IRTE_DM : 0);
}

unsigned pn_irte32_decode(uint32_t raw, struct pn_irte *out)
{
	*out = (struct pn_irte){
		.form = PN_IRTE_32,
		.guestmode = raw & PN_IRTE_GUESTMODE,
		.dest = raw >> PN_IRTE32_DEST_SH & 0xFF,
		.vector = (uint8_t)(raw >> PN_IRTE32_VECTOR_SH),
	};
	common_decode(raw, out);
	return (raw & PN_IRTE32_RESERVED ? PN_IRTE_BAD_RESERVED : 0) |
	       (out->inttype > 1 ? PN_IRTE_BAD_INTTYPE : 0) |
	       (out->guestmode ? PN_IRTE_BAD_GUESTMODE : 0);
}

uint32_t pn_irte32_encode(const struct pn_irte *i)
{
	return common_encode(i) | (i->guestmode ? PN_IRTE_GUESTMODE : 0) |
	       (i->dest & 0xFF) << PN_IRTE32_DEST_SH | (uint32_t)i->vector << PN_IRTE32_VECTOR_SH;
}

static unsigned guest_decode(struct pn_irte128 raw, bool gappidissup, struct pn_irte *out)
{
	out->form = PN_IRTE_128_GUEST;
	out->guestmode = true;
	out->remapen = raw.lo & PN_IRTE_REMAPEN;
	out->supiopf = raw.lo & PN_IRTE_SUPIOPF;
	out->galogintr = raw.lo & PN_IRTE_GALOGINTR;
	out->gappidis = raw.lo & PN_IRTE_GAPPIDIS;
	out->isrun = raw.lo & PN_IRTE_ISRUN;
	out->gatag = (uint32_t)(raw.lo >> PN_IRTE_GATAG_SH);
	out->root = raw.hi & PN_IRTE_ROOT_MASK;
	return (raw.lo & PN_IRTE_GUEST_RSV_LO) || (raw.hi & PN_IRTE_GUEST_RSV_HI) ||
			       (!gappidissup && out->gappidis)
		       ? PN_IRTE_BAD_RESERVED
		       : 0;
}

static unsigned remap_decode(struct pn_irte128 raw, struct pn_irte *out)
{
	out->form = PN_IRTE_128_REMAP;
	common_decode((uint32_t)raw.lo, out);
	return ((raw.lo & PN_IRTE_REMAP_RSV_LO) || (raw.hi & PN_IRTE_REMAP_RSV_HI)
			? PN_IRTE_BAD_RESERVED
			: 0) |
	       (out->inttype > 1 ? PN_IRTE_BAD_INTTYPE : 0);
}

unsigned pn_irte128_decode(struct pn_irte128 raw, bool xten, bool gappidissup, struct pn_irte *out)
{
	unsigned bad;

	*out = (struct pn_irte){
		.dest = (uint32_t)(raw.lo & PN_IRTE_DESTLO_MASK) >> PN_IRTE_DESTLO_SH |
			(uint32_t)(raw.hi >> PN_IRTE_DESTHI_SH) << 24,
		.vector = (uint8_t)(raw.hi & PN_IRTE_VECTOR_MASK),
	};
	if (raw.lo & PN_IRTE_GUESTMODE)
		bad = guest_decode(raw, gappidissup, out);
	else
		bad = remap_decode(raw, out);
	if (!xten) {
		out->dest &= 0xFF;
		if ((raw.lo & DEST8_RSV_LO) || (raw.hi & DEST_HI))
			bad |= PN_IRTE_BAD_RESERVED;
	}
	return bad;
}

struct pn_irte128 pn_irte128_encode(const struct pn_irte *i)
{
	struct pn_irte128 raw = {
		.lo = (uint64_t)i->dest << PN_IRTE_DESTLO_SH & PN_IRTE_DESTLO_MASK,
		.hi = i->vector | (uint64_t)(i->dest >> 24) << PN_IRTE_DESTHI_SH,
	};

	if (!i->guestmode) {
		raw.lo |= common_encode(i);
		return raw;
	}
	raw.lo |= PN_IRTE_GUESTMODE | (i->remapen ? PN_IRTE_REMAPEN : 0) |
		  (i->supiopf ? PN_IRTE_SUPIOPF : 0) | (i->galogintr ? PN_IRTE_GALOGINTR : 0) |
		  (i->gappidis ? PN_IRTE_GAPPIDIS : 0) | (i->isrun ? PN_IRTE_ISRUN : 0) |
		  (uint64_t)i->gatag << PN_IRTE_GATAG_SH;
	raw.hi |= i->root & PN_IRTE_ROOT_MASK;
	return raw;
}
