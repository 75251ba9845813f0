/* SPDX-License-Identifier: MIT */
/*
 * Requests, table entries and fault codes as bits (VT-d rev 5.10, 5.1.2.2, 9.9, 9.10, table 15).
 * Pure.
 */
#include <stddef.h>

#include "postern/vtd_irte.h"
#include "postern/x86.h"

#define MSI_HANDLE    0x7FFFu
#define MSI_SUBHANDLE 0xFFFFu

#define RTE_FORMAT     (1ull << 48)
#define RTE_INDEX_SH   49
#define RTE_INDEX15_SH 11
#define RTE_LEVEL      (1ull << 15)
#define RTE_DATA       0x87FFull /* vector, 10:8, trigger mode */

/* 14:12, 31:24. */
#define REMAP_RSV_LO 0x00000000FF007000ull
/* EIME = 0: 39:32, 63:48. */
#define REMAP_RSV_DST8 0xFFFF00FF00000000ull
/* 127:84. */
#define REMAP_RSV_HI 0xFFFFFFFFFFF00000ull
/* 7:2, 13:12, 37:24. */
#define POST_RSV_LO 0x0000003FFF0030FCull
/* 95:84. */
#define POST_RSV_HI  0x00000000FFF00000ull
#define DLM_RESERVED (1u << 3 | 1u << 6)
#define DST8_SH	     40

struct pn_vtd_request pn_vtd_msi_decode(uint64_t addr, uint32_t data)
{
	struct pn_vtd_request r = {.remappable = addr & PN_VTD_MSI_FORMAT};

	if (!r.remappable)
		return r;
	r.shv = addr & PN_VTD_MSI_SHV;
	r.handle = (uint16_t)((addr >> PN_VTD_MSI_HANDLE_SH & MSI_HANDLE) |
			      (addr & PN_VTD_MSI_HANDLE15 ? MSI_HANDLE + 1 : 0));
	r.index = r.handle;
	if (r.shv) {
		r.subhandle = (uint16_t)(data & MSI_SUBHANDLE);
		r.index += r.subhandle;
		r.reserved = data & PN_VTD_MSI_DATA_RSV;
	}
	return r;
}

void pn_vtd_msi_encode(uint16_t handle, uint16_t subhandle, uint64_t *addr, uint32_t *data)
{
	*addr = PN_MSI_ADDR_BASE | PN_VTD_MSI_FORMAT | PN_VTD_MSI_SHV |
		(uint64_t)(handle & MSI_HANDLE) << PN_VTD_MSI_HANDLE_SH |
		(handle > MSI_HANDLE ? PN_VTD_MSI_HANDLE15 : 0);
	*data = subhandle;
}

bool pn_vtd_ioapic_request(uint64_t rte, uint64_t *addr, uint32_t *data)
{
	uint16_t index =
		(uint16_t)((rte >> RTE_INDEX_SH & MSI_HANDLE) | (rte >> RTE_INDEX15_SH & 1) << 15);

	if (!(rte & RTE_FORMAT))
		return false;
	pn_vtd_msi_encode(index, 0, addr, data);
	*addr &= ~(uint64_t)PN_VTD_MSI_SHV;
	*data = (uint32_t)(rte & RTE_DATA); /* SHV = 0: not used */
	return true;
}

uint64_t pn_vtd_ioapic_rte(uint16_t index, uint8_t vector, bool level)
{
	return (uint64_t)(index & MSI_HANDLE) << RTE_INDEX_SH | RTE_FORMAT |
	       (uint64_t)(index >> 15) << RTE_INDEX15_SH | (level ? RTE_LEVEL : 0) | vector;
}

static unsigned remapped_decode(struct pn_virte_raw raw, const struct pn_virte_env *env,
				struct pn_virte *out)
{
	const uint64_t rsv = REMAP_RSV_LO | (env->eime ? 0 : REMAP_RSV_DST8) |
			     (env->pi ? 0 : PN_VIRTE_URG | PN_VIRTE_IM);

	out->dm = raw.lo & PN_VIRTE_DM;
	out->rh = raw.lo & PN_VIRTE_RH;
	out->tm = raw.lo & PN_VIRTE_TM;
	out->dlm = raw.lo >> PN_VIRTE_DLM_SH & 7;
	out->dest = env->eime ? (uint32_t)(raw.lo >> PN_VIRTE_DST_SH)
			      : (uint32_t)(raw.lo >> DST8_SH) & 0xFF;
	return ((raw.lo & rsv) || (raw.hi & REMAP_RSV_HI) ? PN_VIRTE_BAD_RESERVED : 0) |
	       (DLM_RESERVED >> out->dlm & 1 ? PN_VIRTE_BAD_DLM : 0);
}

static unsigned posted_decode(struct pn_virte_raw raw, const struct pn_virte_env *env,
			      struct pn_virte *out)
{
	out->urg = raw.lo & PN_VIRTE_URG;
	out->pid = (raw.hi & PN_VIRTE_PDAH_MASK) | (raw.lo & PN_VIRTE_PDAL_MASK) >> 32;
	return ((raw.lo & POST_RSV_LO) || (raw.hi & POST_RSV_HI) ? PN_VIRTE_BAD_RESERVED : 0) |
	       (env->haw < 64 && out->pid >> env->haw ? PN_VIRTE_BAD_PID : 0);
}

unsigned pn_virte_decode(struct pn_virte_raw raw, const struct pn_virte_env *env,
			 struct pn_virte *out)
{
	unsigned bad;

	*out = (struct pn_virte){
		.p = raw.lo & PN_VIRTE_P,
		.fpd = raw.lo & PN_VIRTE_FPD,
		.im = env->pi && (raw.lo & PN_VIRTE_IM),
		.avail = (raw.lo & PN_VIRTE_AVAIL) >> 8,
		.vector = (uint8_t)(raw.lo >> PN_VIRTE_VECTOR_SH),
		.sid = raw.hi & PN_VIRTE_SID_MASK,
		.sq = raw.hi >> PN_VIRTE_SQ_SH & 3,
		.svt = raw.hi >> PN_VIRTE_SVT_SH & 3,
	};
	bad = out->im ? posted_decode(raw, env, out) : remapped_decode(raw, env, out);
	return bad | (out->svt == PN_SVT_RESERVED ? PN_VIRTE_BAD_SVT : 0);
}

struct pn_virte_raw pn_virte_encode(const struct pn_virte *i, bool eime)
{
	struct pn_virte_raw raw = {
		.lo = (i->p ? PN_VIRTE_P : 0) | (i->fpd ? PN_VIRTE_FPD : 0) |
		      ((uint64_t)i->avail << 8 & PN_VIRTE_AVAIL) |
		      (uint64_t)i->vector << PN_VIRTE_VECTOR_SH,
		.hi = i->sid | (uint64_t)(i->sq & 3) << PN_VIRTE_SQ_SH |
		      (uint64_t)(i->svt & 3) << PN_VIRTE_SVT_SH,
	};

	if (i->im) {
		raw.lo |= PN_VIRTE_IM | (i->urg ? PN_VIRTE_URG : 0) |
			  (i->pid << 32 & PN_VIRTE_PDAL_MASK);
		raw.hi |= i->pid & PN_VIRTE_PDAH_MASK;
		return raw;
	}
	raw.lo |= (i->dm ? PN_VIRTE_DM : 0) | (i->rh ? PN_VIRTE_RH : 0) |
		  (i->tm ? PN_VIRTE_TM : 0) | (uint64_t)(i->dlm & 7) << PN_VIRTE_DLM_SH |
		  (eime ? (uint64_t)i->dest << PN_VIRTE_DST_SH
			: (uint64_t)(i->dest & 0xFF) << DST8_SH);
	return raw;
}

bool pn_virte_source_ok(const struct pn_virte *irte, uint16_t sid)
{
	/* SQ: the bits of the requester ID that are compared */
	static const uint16_t mask[4] = {0xFFFF, 0xFFFB, 0xFFF9, 0xFFF8};
	const uint8_t bus = (uint8_t)(sid >> 8);

	switch (irte->svt) {
	case PN_SVT_NONE:
		return true;
	case PN_SVT_SID:
		return !((irte->sid ^ sid) & mask[irte->sq & 3]);
	case PN_SVT_BUS:
		return bus >= irte->sid >> 8 && bus <= (irte->sid & 0xFF);
	default:
		return false;
	}
}

static const struct {
	const char *text;
	bool qualified;
} faults[] = {
	{"reserved bits in the request", false},
	{"index beyond the table", false},
	{"entry not present", true},
	{"table cannot be read", false},
	{"reserved bits in the entry", true},
	{"compatibility request blocked", false},
	{"wrong source", true},
	{"descriptor cannot be accessed", true},
	{"reserved bits in the descriptor", true},
	{"malformed request", false},
	{"x2APIC mode required", false},
	{"remapping required", false},
};

#define FAULT_FIRST PN_VTD_FAULT_REQUEST_RSV
#define FAULT_COUNT (sizeof(faults) / sizeof(faults[0]))

const char *pn_vtd_fault_text(unsigned reason)
{
	return reason - FAULT_FIRST < FAULT_COUNT ? faults[reason - FAULT_FIRST].text : NULL;
}

/*
 * Reasons of DMA that FPD cannot silence (7.1.3): faults before an entry with FPD was found, or
 * while it was read. Legacy mode: root table and root entry, reading of a context entry; scalable
 * mode the same, and reading of the PASID directory and table.
 */
static const uint8_t loud[] = {0x01, 0x08, 0x09, 0x0A, 0x30, 0x31, 0x32,
			       0x38, 0x39, 0x3A, 0x40, 0x50, 0x58};

/* Reasons of DMA that are defined, first and last. */
static const uint8_t defined[][2] = {
	{0x01, 0x0E}, {0x30, 0x32}, {0x38, 0x3A}, {0x40, 0x48}, {0x50, 0x52},
	{0x58, 0x5D}, {0x70, 0x74}, {0x78, 0x7C}, {0x80, 0x87}, {0x90, 0x91},
};

static bool dma_qualified(unsigned reason)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(defined) / sizeof(defined[0]); i++)
		known |= reason >= defined[i][0] && reason <= defined[i][1];
	for (size_t i = 0; i < sizeof(loud); i++)
		known &= reason != loud[i];
	return known;
}

bool pn_vtd_fault_is_interrupt(unsigned reason)
{
	return reason >> 4 == FAULT_FIRST >> 4;
}

bool pn_vtd_fault_qualified(unsigned reason)
{
	if (!pn_vtd_fault_is_interrupt(reason))
		return dma_qualified(reason);
	return reason - FAULT_FIRST < FAULT_COUNT && faults[reason - FAULT_FIRST].qualified;
}
