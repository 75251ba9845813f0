/* SPDX-License-Identifier: MIT */
/*
 * The invalidation queue (6.5.2).
 *
 * Invalidation of interrupt entries also drains: once a wait descriptor behind it completes, no
 * interrupt that was translated by the old entry may still appear (6.5.2.8). Here a request runs to
 * its end inside pn_vtd_msi() - PIR and ON are in memory and the message has been handed to the bus
 * when it returns - and the queue runs on the same agent, never inside a request. So at the time a
 * descriptor is executed there is nothing in flight, and nothing to wait for.
 */
#include <limits.h>

#include "vtd_priv.h"

struct desc {
	uint64_t q[4];
};

/* Descriptors that concern address translation, of which nothing is cached here: checked only. */
static const struct {
	uint64_t rsv0, rsv1;
	uint8_t g; /* bit set of the values of 5:4 that are defined */
} translation[] = {
	[PN_VTD_D_CONTEXT] = {0xFFFC00000000F1C0ull, ~0ull, 0xE},
	[PN_VTD_D_IOTLB] = {0xFFFFFFFF0000F100ull, 0xF80ull, 0xE},
	[PN_VTD_D_DEVTLB] = {0x000F0000FFE001F0ull, 0xFFEull, 0xF},
	[PN_VTD_D_PASID_IOTLB] = {0xFFF000000000F1C0ull, 0xF80ull, 0xC},
	[PN_VTD_D_PASID] = {0xFFF000000000F1C0ull, ~0ull, 0xB},
	[PN_VTD_D_PASID_DEVTLB] = {0, 0x7FEull, 0xF},
};

/* The head stays at the descriptor that failed, until software clears IQE. */
static bool stop(struct pn_vtd *v, uint32_t iqei)
{
	*pn_vtd_reg(v, PN_VTD_IQER) = iqei;
	pn_vtd_event(v, PN_VTD_FSTS_IQE);
	return false;
}

static bool entries(struct pn_vtd *v, const struct desc *d)
{
	const uint32_t index = (uint32_t)(d->q[0] >> PN_VTD_IEC_IIDX_SH) & 0xFFFF;
	const unsigned im = (unsigned)(d->q[0] >> PN_VTD_IEC_IM_SH) & 31;
	const bool selective = d->q[0] & PN_VTD_IEC_INDEX;
	unsigned n;

	if ((d->q[0] & PN_VTD_IEC_RSV) || d->q[1])
		return stop(v, PN_VTD_IQEI_RESERVED);
	/* A mask that the unit does not support is no valid descriptor (inferred). */
	if (selective && im > (v->ecap & PN_VTD_ECAP_MHMV) >> PN_VTD_ECAP_MHMV_SH)
		return stop(v, PN_VTD_IQEI_RESERVED);
	n = selective ? pn_vtd_drop(v, index, im) : pn_vtd_drop_all(v);
	v->stats.entries_dropped += n;
	v->stats.iec_index += selective;
	v->stats.iec_global += !selective;
	pn_step(v->agent, PN_STEP_CMD_INVALIDATE, selective ? index : UINT64_MAX, n);
	return true;
}

/* Descriptors are executed one by one, so FN and PD find everything done. */
static bool wait(struct pn_vtd *v, const struct desc *d)
{
	const uint64_t addr = d->q[1] & PN_VTD_WAIT_ADDR_MASK;
	const uint32_t data = (uint32_t)(d->q[0] >> PN_VTD_WAIT_DATA_SH);
	uint32_t *p, *ics = pn_vtd_reg(v, PN_VTD_ICS);

	if ((d->q[0] & PN_VTD_WAIT_RSV) || (d->q[1] & ~PN_VTD_WAIT_ADDR_MASK))
		return stop(v, PN_VTD_IQEI_RESERVED);
	if (d->q[0] & PN_VTD_WAIT_SW) {
		p = pn_vtd_ptr(v, addr, sizeof(*p), sizeof(*p));
		/*
		 * Pairs with the host that spins on the status. A posted write to an address
		 * without memory is lost without an error (inferred).
		 */
		if (p) {
			pn_st32_rel(p, data);
			pn_bus_wrote(v->bus, addr, sizeof(*p));
		}
	}
	v->stats.waits++;
	pn_step(v->agent, PN_STEP_CMD_WAIT, addr, data);
	if ((d->q[0] & PN_VTD_WAIT_IF) && !(*ics & PN_VTD_ICS_IWC)) {
		*ics |= PN_VTD_ICS_IWC;
		pn_vtd_raise(v, PN_VTD_IECTL);
	}
	return true;
}

static bool known(unsigned type)
{
	return type == PN_VTD_D_IEC || type == PN_VTD_D_WAIT ||
	       (type < sizeof(translation) / sizeof(translation[0]) && translation[type].g);
}

static bool other(struct pn_vtd *v, unsigned type, const struct desc *d)
{
	if (v->ttm == PN_VTD_TTM_RESERVED)
		return stop(v, PN_VTD_IQEI_TTM);
	if ((d->q[0] & translation[type].rsv0) || (d->q[1] & translation[type].rsv1) ||
	    !(translation[type].g >> (d->q[0] >> 4 & 3) & 1))
		return stop(v, PN_VTD_IQEI_RESERVED);
	return true;
}

static bool execute(struct pn_vtd *v, const struct desc *d)
{
	const unsigned type = PN_VTD_D_TYPE(d->q[0]);

	pn_step(v->agent, PN_STEP_CMD, d->q[0], d->q[1]);
	if (!known(type))
		return stop(v, PN_VTD_IQEI_TYPE);
	/* 128-bit descriptors are padded with zeros. */
	if (d->q[2] | d->q[3])
		return stop(v, PN_VTD_IQEI_RESERVED);
	if (type == PN_VTD_D_IEC)
		return entries(v, d);
	if (type == PN_VTD_D_WAIT)
		return wait(v, d);
	return other(v, type, d);
}

static bool fetch(struct pn_vtd *v, uint32_t head, uint32_t size, struct desc *d)
{
	const uint64_t pa = (pn_vtd_reg64(v, PN_VTD_IQA) & PN_VTD_BASE_MASK) + head;
	const uint64_t *p = pn_vtd_beyond(v, pa, size) ? NULL : pn_vtd_ptr(v, pa, size, 8);

	if (!p)
		return stop(v, PN_VTD_IQEI_FETCH);
	/* Pairs with the host, which writes descriptors before it moves the tail. */
	for (uint32_t i = 0; i < 4; i++)
		d->q[i] = i < size / 8 ? pn_ld64_acq(&p[i]) : 0;
	return true;
}

/* One descriptor; false: there is none, or it stopped the queue. */
static bool one(struct pn_vtd *v)
{
	const uint64_t iqa = pn_vtd_reg64(v, PN_VTD_IQA);
	const uint32_t bytes = 4096u << (iqa & PN_VTD_IQA_QS);
	const uint32_t size = iqa & PN_VTD_IQA_DW ? 32 : 16;
	const uint32_t tail = *pn_vtd_reg(v, PN_VTD_IQT);
	uint32_t *head = pn_vtd_reg(v, PN_VTD_IQH);
	struct desc d;

	if (*head == tail)
		return false;
	if (tail >= bytes)
		return stop(v, PN_VTD_IQEI_TAIL);
	if (tail & (size - 1))
		return stop(v, PN_VTD_IQEI_ALIGN);
	/* Scalable mode has descriptors of 256 bits only. */
	if (size == 16 && v->ttm == PN_VTD_TTM_SCALABLE)
		return stop(v, PN_VTD_IQEI_WIDTH);
	if (!fetch(v, *head, size, &d) || !execute(v, &d))
		return false;
	*head = (*head + size) & (bytes - 1);
	return true;
}

unsigned pn_vtd_queue(struct pn_vtd *v, unsigned max)
{
	unsigned n = 0;

	while (n < max && (*pn_vtd_reg(v, PN_VTD_GSTS) & PN_VTD_G_QIE) &&
	       !(*pn_vtd_reg(v, PN_VTD_FSTS) & PN_VTD_FSTS_IQE) && one(v))
		n++;
	return n;
}

void pn_vtd_kick(struct pn_vtd *v)
{
	if (!v->async_queue)
		pn_vtd_queue(v, UINT_MAX);
}
