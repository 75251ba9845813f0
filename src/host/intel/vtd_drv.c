/* SPDX-License-Identifier: MIT */
/*
 * Bringing a remapping unit up and down, its invalidation queue, its faults. Register sequences:
 * VT-d rev 5.10, 5.1.2, 6.5.2 and 11.4.
 */
#include "vtd_drv.h"

#include <errno.h>
#include <string.h>

#include "postern/x86.h"
#include "vectors.h"
#include "vtd_drv_priv.h"

#define PAGE	    4096u
#define D_BYTES	    16u /* a 128-bit descriptor */
#define QUEUE_BYTES PAGE
#define IRTE_BYTES  16u
#define IRT_MAX	    65536u
#define ALL_INDICES UINT64_MAX /* of a flush, for its step */
#define FLUSH_SLOTS 2u	       /* IEC, wait */
#define G_ONE_SHOT  (PN_VTD_G_SIRTP | PN_VTD_G_WBF | PN_VTD_G_SFL | PN_VTD_G_SRTP)
#define UADDR_MASK  0xFFFFFF00u /* x2APIC: destination 31:8 */

static uint32_t rd32(const struct pn_vtd_drv *d, uint32_t off)
{
	return (uint32_t)d->mmio.read(d->mmio.ctx, off, 4);
}

static uint64_t rd64(const struct pn_vtd_drv *d, uint32_t off)
{
	return d->mmio.read(d->mmio.ctx, off, 8);
}

static void wr32(const struct pn_vtd_drv *d, uint32_t off, uint32_t value)
{
	d->mmio.write(d->mmio.ctx, off, 4, value);
}

static void wr64(const struct pn_vtd_drv *d, uint32_t off, uint64_t value)
{
	d->mmio.write(d->mmio.ctx, off, 8, value);
}

/*
 * One bit of the global command register, and wait for its status. The register cannot be read: the
 * other bits come from the status, without the one-shot commands (11.4.4).
 */
static int command(const struct pn_vtd_drv *d, uint32_t bit, bool on)
{
	uint32_t others = rd32(d, PN_VTD_GSTS) & ~(G_ONE_SHOT | bit);

	wr32(d, PN_VTD_GCMD, others | (on ? bit : 0));
	for (uint32_t i = 0; i < PN_VTD_POLLS; i++) {
		if (!(rd32(d, PN_VTD_GSTS) & bit) == !on)
			return 0;
		pn_relax();
	}
	return -ETIMEDOUT;
}

static int command_off(const struct pn_vtd_drv *d, uint32_t bit)
{
	return rd32(d, PN_VTD_GSTS) & bit ? command(d, bit, false) : 0;
}

/* ---- invalidation queue ---- */

/* Empty slots; one stays free: head == tail means empty. */
static uint32_t room(const struct pn_vtd_drv *d)
{
	return (d->head - d->tail - 1) & (d->queue_entries - 1);
}

/* Only descriptors whose wait was given up are still in the queue, so this is rare. */
static int wait_room(struct pn_vtd_drv *d)
{
	for (uint32_t i = 0; i < PN_VTD_POLLS; i++) {
		if (room(d) >= FLUSH_SLOTS)
			return 0;
		d->head = (uint32_t)(rd64(d, PN_VTD_IQH) & PN_VTD_IQ_PTR_MASK) / D_BYTES &
			  (d->queue_entries - 1);
		pn_relax();
	}
	return room(d) >= FLUSH_SLOTS ? 0 : -ETIMEDOUT;
}

static void put(struct pn_vtd_drv *d, uint64_t q0, uint64_t q1)
{
	uint64_t *slot = &d->queue[d->tail * (D_BYTES / 8)];

	/* Pairs with the unit, which fetches the descriptor once the tail is past it. */
	pn_st64(&slot[0], q0);
	pn_st64(&slot[1], q1);
	d->tail = (d->tail + 1) & (d->queue_entries - 1);
}

static int wait_status(const struct pn_vtd_drv *d, uint32_t seq)
{
	for (uint32_t i = 0; i < PN_VTD_POLLS; i++) {
		/*
		 * Pairs with the unit's store: its earlier effects are visible with the number. A
		 * wait that was given up may still store its own, smaller one.
		 */
		if ((int32_t)(pn_ld32_acq(d->status) - seq) >= 0)
			return 0;
		pn_relax();
	}
	return -ETIMEDOUT;
}

static int flush_locked(struct pn_vtd_drv *d, uint64_t iec, uint32_t seq)
{
	int r = wait_room(d);

	if (r)
		return r;
	put(d, iec, 0);
	put(d, PN_VTD_D_WAIT | PN_VTD_WAIT_SW | (uint64_t)seq << PN_VTD_WAIT_DATA_SH, d->status_pa);
	/*
	 * Store: the descriptors, and the entries that they invalidate. Other side: the unit loads
	 * them after the tail register has changed.
	 */
	pn_fence();
	wr64(d, PN_VTD_IQT, (uint64_t)d->tail * D_BYTES);
	r = pn_mistake(PN_MISTAKE_IEC_NO_WAIT) ? 0 : wait_status(d, seq);
	if (!r)
		d->head = d->tail;
	return r;
}

/* 6.5.2.8: done also means that requests translated before have been delivered. */
static int flush(struct pn_vtd_drv *d, struct pn_agent *self, uint64_t iec, uint64_t what)
{
	uint32_t seq;
	int r;

	pn_lock_irq(self, &d->lock);
	seq = ++d->seq;
	r = flush_locked(d, iec, seq);
	pn_unlock_irq(self, &d->lock);
	pn_step(self, PN_STEP_IRT_FLUSH, what, seq);
	return r;
}

int pn_vtd_drv_flush(struct pn_vtd_drv *d, struct pn_agent *self, uint16_t index)
{
	return flush(d, self,
		     PN_VTD_D_IEC | PN_VTD_IEC_INDEX | (uint64_t)index << PN_VTD_IEC_IIDX_SH,
		     index);
}

int pn_vtd_drv_flush_all(struct pn_vtd_drv *d, struct pn_agent *self)
{
	return flush(d, self, PN_VTD_D_IEC, ALL_INDICES);
}

/* ---- faults ---- */

static bool take_record(struct pn_vtd_drv *d, uint32_t i)
{
	uint32_t off = (uint32_t)((d->cap & PN_VTD_CAP_FRO) >> PN_VTD_CAP_FRO_SH) * 16 +
		       i * PN_VTD_FR_SIZE;
	uint64_t hi = rd64(d, off + 8);

	if (!(hi & PN_VTD_FR_F))
		return false;
	d->last_fault.reason = (uint8_t)(hi >> PN_VTD_FR_REASON_SH);
	d->last_fault.sid = (uint16_t)(hi & PN_VTD_FR_SID_MASK);
	d->last_fault.index = (uint16_t)(rd64(d, off) >> PN_VTD_FR_INDEX_SH);
	wr64(d, off + 8, PN_VTD_FR_F);
	return true;
}

/* Records are filled one after the other and round. None may stay behind: only the first of them
 * interrupts (11.4.9). */
unsigned pn_vtd_drv_fault_irq(struct pn_vtd_drv *d, struct pn_agent *self)
{
	uint32_t status = rd32(d, PN_VTD_FSTS);
	uint32_t records = (uint32_t)((d->cap & PN_VTD_CAP_NFR) >> PN_VTD_CAP_NFR_SH) + 1;
	uint32_t i = (status & PN_VTD_FSTS_FRI) >> PN_VTD_FSTS_FRI_SH;
	unsigned n = 0;

	(void)self;
	if (status & PN_VTD_FSTS_PPF) {
		while (n < PN_VTD_POLLS && take_record(d, i % records)) {
			i = (i + 1) % records;
			n++;
			if (pn_mistake(PN_MISTAKE_FAULT_FIRST_ONLY))
				break;
		}
	}
	/* It may have filled up meanwhile. */
	if (rd32(d, PN_VTD_FSTS) & PN_VTD_FSTS_PFO)
		wr32(d, PN_VTD_FSTS, PN_VTD_FSTS_PFO);
	d->faults += n;
	return n;
}

static void faults_on(const struct pn_vtd_drv *d, uint32_t apicid)
{
	wr32(d, PN_VTD_FEDATA, PN_VEC_DMAR_FAULT);
	wr32(d, PN_VTD_FEADDR, PN_MSI_ADDR_BASE | (apicid & 0xFF) << 12);
	wr32(d, PN_VTD_FEUADDR, apicid & UADDR_MASK);
	wr32(d, PN_VTD_FECTL, 0);
}

/* ---- up and down ---- */

/* Stops features that a previous kernel left on; its faults are cleared and not reported. */
static int quiesce(struct pn_vtd_drv *d, struct pn_agent *self)
{
	int r;

	wr32(d, PN_VTD_FECTL, PN_VTD_ECTL_IM);
	r = command_off(d, PN_VTD_G_IRE);
	if (!r)
		r = command_off(d, PN_VTD_G_QIE);
	if (r)
		return r;
	wr32(d, PN_VTD_FSTS, PN_VTD_FSTS_W1C); /* IQE would keep the queue from running */
	pn_vtd_drv_fault_irq(d, self);
	d->faults = 0;
	memset(&d->last_fault, 0, sizeof(d->last_fault));
	return 0;
}

static int queue_on(struct pn_vtd_drv *d)
{
	uint64_t pa;

	d->queue_entries = QUEUE_BYTES / D_BYTES;
	d->queue = pn_pages_alloc(d->pages, QUEUE_BYTES, PAGE, &pa);
	d->status = pn_pages_alloc(d->pages, 64, 64, &d->status_pa);
	if (!d->queue || !d->status)
		return -ENOMEM;
	wr64(d, PN_VTD_IQT, 0);
	wr64(d, PN_VTD_IQA, pa); /* one page, 128-bit descriptors */
	return command(d, PN_VTD_G_QIE, true);
}

static int set_table(struct pn_vtd_drv *d)
{
	uint64_t pa, size = (uint64_t)__builtin_ctz(d->irt_entries) - 1;

	d->irt = pn_pages_alloc(d->pages, (uint64_t)d->irt_entries * IRTE_BYTES, PAGE, &pa);
	if (!d->irt)
		return -ENOMEM;
	wr64(d, PN_VTD_IRTA, pa | (d->x2apic ? PN_VTD_IRTA_EIME : 0) | size);
	return command(d, PN_VTD_G_SIRTP, true);
}

static int bring_up(struct pn_vtd_drv *d, uint32_t fault_apicid, struct pn_agent *self)
{
	int r = quiesce(d, self);

	if (!r)
		r = queue_on(d);
	if (!r)
		r = set_table(d);
	if (!r && !(d->cap & PN_VTD_CAP_ESIRTPS))
		r = pn_vtd_drv_flush_all(d, self);
	if (!r)
		r = command(d, PN_VTD_G_IRE, true);
	if (!r)
		r = command_off(d, PN_VTD_G_CFI);
	if (!r)
		faults_on(d, fault_apicid);
	return r;
}

static bool entries_ok(uint32_t n)
{
	return !n || (n >= 2 && n <= IRT_MAX && !(n & (n - 1)));
}

static bool able(const struct pn_vtd_drv *d)
{
	const uint64_t need = PN_VTD_ECAP_IR | PN_VTD_ECAP_QI;

	if ((d->ecap & need) != need)
		return false;
	return d->x2apic ? d->ecap & PN_VTD_ECAP_EIM : !(d->ecap & PN_VTD_ECAP_EIMER);
}

int pn_vtd_drv_init(struct pn_vtd_drv *d, const struct pn_vtd_drv_config *cfg,
		    const struct pn_bus *bus, struct pn_pages *pages, struct pn_agent *self)
{
	struct pn_mmio mmio = d->mmio;
	int r;

	memset(d, 0, sizeof(*d));
	d->mmio = mmio;
	d->bus = bus;
	d->pages = pages;
	d->x2apic = cfg->x2apic;
	d->irt_entries = cfg->irt_entries ? cfg->irt_entries : IRT_MAX;
	if (!entries_ok(cfg->irt_entries) || !pn_vtd_apicid_ok(d, cfg->fault_apicid))
		return -EINVAL;
	d->cap = rd64(d, PN_VTD_CAP);
	d->ecap = rd64(d, PN_VTD_ECAP);
	d->pi = d->cap & PN_VTD_CAP_PI;
	if (!able(d))
		return -ENODEV;
	r = bring_up(d, cfg->fault_apicid, self);
	if (r)
		pn_vtd_drv_disable(d, self);
	return r;
}

void pn_vtd_drv_disable(struct pn_vtd_drv *d, struct pn_agent *self)
{
	pn_lock_irq(self, &d->lock);
	wr32(d, PN_VTD_FECTL, PN_VTD_ECTL_IM);
	/* A unit that does not answer is switched off nevertheless. */
	if (!pn_mistake(PN_MISTAKE_VTD_KEEPS_IRE))
		(void)command_off(d, PN_VTD_G_IRE);
	(void)command_off(d, PN_VTD_G_QIE);
	pn_unlock_irq(self, &d->lock);
}
