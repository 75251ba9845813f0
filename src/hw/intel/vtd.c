/* SPDX-License-Identifier: MIT */
/*
 * The remapping unit: creation, and the life of an interrupt request inside it, from top to bottom:
 * blocked, forwarded, remapped, posted, and at the end the way in, pn_vtd_msi() (VT-d rev 5.10,
 * 5.1.4, 5.2.3).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vtd_priv.h"

#define HAW_MIN	    12
#define HAW_DEFAULT 52
#define RECORDS_AT  0x220u
#define RECORDS	    8u

void pn_vtd_config_default(struct pn_vtd_config *cfg)
{
	*cfg = (struct pn_vtd_config){
		.cap = PN_VTD_CAP_PI |
		       (uint64_t)(RECORDS_AT / PN_VTD_FR_SIZE) << PN_VTD_CAP_FRO_SH |
		       (RECORDS - 1ull) << PN_VTD_CAP_NFR_SH,
		.ecap = PN_VTD_ECAP_C | PN_VTD_ECAP_QI | PN_VTD_ECAP_IR | PN_VTD_ECAP_EIM |
			PN_VTD_ECAP_MHMV,
		.version = 5u << PN_VTD_VER_MAJOR_SH,
		.haw = HAW_DEFAULT,
		.irte_cache = PN_VTD_CACHE_SIZE,
	};
}

/* Fault records lie behind the other registers and inside the page. */
static bool place_records(const struct pn_vtd_config *cfg, uint32_t *base, uint32_t *count)
{
	*base = (uint32_t)((cfg->cap & PN_VTD_CAP_FRO) >> PN_VTD_CAP_FRO_SH) * PN_VTD_FR_SIZE;
	*count = (uint32_t)((cfg->cap & PN_VTD_CAP_NFR) >> PN_VTD_CAP_NFR_SH) + 1;
	return *base >= PN_VTD_REG_END && *base + *count * PN_VTD_FR_SIZE <= PN_VTD_MMIO_SIZE;
}

static void configure(struct pn_vtd *v, const struct pn_vtd_config *cfg)
{
	pn_agent_init(&v->own_agent, 0, v->own_steps);
	v->agent = cfg->agent ? cfg->agent : &v->own_agent;
	v->bus = cfg->bus;
	v->cap = cfg->cap;
	v->ecap = cfg->ecap;
	v->version = cfg->version;
	v->knobs = cfg->knobs;
	v->async_queue = cfg->async_queue;
	v->poison = cfg->poison_stale;
	v->cm = cfg->cap & PN_VTD_CAP_CM;
	v->env.haw = cfg->haw;
	v->env.pi = cfg->cap & PN_VTD_CAP_PI;
}

int pn_vtd_create(const struct pn_vtd_config *cfg, struct pn_vtd **out)
{
	const uint32_t slots = cfg->irte_cache ? cfg->irte_cache : PN_VTD_CACHE_SIZE;
	uint32_t base, count;
	struct pn_vtd *v;

	*out = NULL;
	if (!cfg->bus || cfg->haw < HAW_MIN || cfg->haw > 64 || slots > PN_VTD_CACHE_MAX ||
	    (slots & (slots - 1)) || !place_records(cfg, &base, &count))
		return -EINVAL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	pn_statistics(&v->stats, sizeof(v->stats));
	v->cache = calloc(slots, sizeof(*v->cache));
	if (!v->cache) {
		free(v);
		return -ENOMEM;
	}
	v->cache_mask = slots - 1;
	v->record_base = base;
	v->record_count = count;
	configure(v, cfg);
	pn_vtd_reset(v);
	*out = v;
	return 0;
}

void pn_vtd_destroy(struct pn_vtd *v)
{
	if (!v)
		return;
	free(v->cache);
	free(v);
}

void pn_vtd_reset(struct pn_vtd *v)
{
	pn_vtd_regs_reset(v);
	pn_vtd_drop_all(v);
}

void pn_vtd_stats(const struct pn_vtd *v, struct pn_vtd_stats *out)
{
	*out = v->stats;
}

static inline void send(struct pn_vtd *v, const struct pn_intr *m)
{
	if (v->bus->intr)
		v->bus->intr(v->bus->ctx, m);
}

/*
 * An interrupt that is not posted is ordered behind the DMA before it (5.2.4), and the unit is busy
 * until that DMA is done. A posted interrupt is itself a write in the same stream, so it is in
 * order already; the notification only has to come after it.
 */
static inline void issue(struct pn_vtd *v, const struct pn_intr *m)
{
	pn_step(v->agent, PN_STEP_INTR_ISSUE, m->dest, m->vector);
	send(v, m);
}

/* Unsupported Request, and a fault record unless the entry's FPD keeps it @quiet. */
static enum pn_msi_result __attribute__((noinline))
blocked(struct pn_vtd *v, const struct pn_msi *msi, uint32_t index, uint8_t reason, bool quiet)
{
	v->stats.aborted++;
	pn_step(v->agent, PN_STEP_ABORT, msi->devid, index);
	if (reason && !(quiet && pn_vtd_fault_qualified(reason)))
		pn_vtd_record_fault(v, reason, index, msi->devid);
	return PN_MSI_ABORTED;
}

static enum pn_msi_result __attribute__((noinline))
forwarded(struct pn_vtd *v, const struct pn_msi *msi)
{
	const struct pn_intr m = pn_msi_decode(msi->addr, msi->data);

	v->stats.forwarded++;
	pn_step(v->agent, PN_STEP_FORWARD, m.dest, m.vector);
	issue(v, &m);
	return PN_MSI_FORWARDED;
}

static enum pn_msi_result __attribute__((noinline))
remapped(struct pn_vtd *v, const struct pn_virte *f)
{
	const struct pn_intr m = {
		.dest = f->dest,
		.vector = f->vector,
		.mode = f->dlm,
		.logical = f->dm,
		.level = f->tm,
	};

	v->stats.remapped++;
	pn_step(v->agent, PN_STEP_REMAP_SEND, m.dest, m.vector);
	issue(v, &m);
	return PN_MSI_REMAPPED;
}

/* Physical, fixed, edge (5.2.3). NV and NDST are those that the update of the line found. */
static void notify(struct pn_vtd *v, uint64_t control)
{
	const struct pn_intr m = {
		.dest = pn_pid_dest(control, v->env.eime),
		.vector = pn_pid_nv(control),
		.mode = PN_DM_FIXED,
	};

	v->stats.notifications++;
	pn_step(v->agent, PN_STEP_PI_NOTIFY, m.dest, m.vector);
	send(v, &m);
}

static enum pn_msi_result posted(struct pn_vtd *v, const struct pn_msi *msi, uint32_t index,
				 const struct pn_vtd_entry *e)
{
	struct pn_pid_post post = {
		.vector = e->f.vector,
		.urg = e->f.urg,
		.x2apic = v->env.eime,
		.check = v->knobs.pid_reserved == PN_PID_RSV_FAULT,
	};
	const enum pn_pid_result result = pn_pid_post(e->pid, &post);

	if (pn_rarely(result == PN_PID_RESERVED))
		return blocked(v, msi, index, PN_VTD_FAULT_PID_RSV, e->f.fpd);
	pn_bus_wrote(v->bus, e->f.pid, sizeof(*e->pid));
	v->stats.posted++;
	pn_step(v->agent, PN_STEP_PIR_SET, e->f.pid, post.vector);
	if (post.merged) {
		v->stats.merged++;
		pn_step(v->agent, PN_STEP_PIR_MERGE, e->f.pid, post.vector);
	}
	if (result == PN_PID_NOTIFY) {
		notify(v, post.control);
	} else if (result == PN_PID_QUIET) {
		v->stats.outstanding++;
		pn_step(v->agent, PN_STEP_PI_ON, e->f.pid, post.vector);
	} else {
		v->stats.suppressed++;
		pn_step(v->agent, PN_STEP_PI_SUPPRESSED, e->f.pid, post.vector);
	}
	return PN_MSI_POSTED;
}

/* Source and form of a present entry; which of them is looked at first is a knob. */
static uint8_t entry_fault(const struct pn_vtd *v, const struct pn_vtd_entry *e, uint16_t sid)
{
	const bool svt11 = e->bad & PN_VIRTE_BAD_SVT;
	const bool as_sid = v->knobs.svt_reserved == PN_SVT11_SID;
	const bool source = !pn_mistake(PN_MISTAKE_SOURCE_UNCHECKED) &&
			    (svt11 ? as_sid : !pn_virte_source_ok(&e->f, sid));
	const bool form = (e->bad & ~PN_VIRTE_BAD_SVT) || (svt11 && !as_sid);

	if (form && (!source || v->knobs.check_order == PN_CHECK_RSV_FIRST))
		return PN_VTD_FAULT_IRTE_RSV;
	return source ? PN_VTD_FAULT_SID : PN_VTD_FAULT_NONE;
}

/* 5.1.4, from the entry on. */
static enum pn_msi_result by_entry(struct pn_vtd *v, const struct pn_msi *msi, uint32_t index,
				   const struct pn_vtd_entry *e)
{
	uint8_t reason;

	if (pn_rarely(e->fail))
		return blocked(v, msi, index, e->fail, false);
	if (pn_rarely(!e->f.p))
		return blocked(v, msi, index, PN_VTD_FAULT_NOT_PRESENT, e->f.fpd);
	reason = entry_fault(v, e, msi->devid);
	if (pn_rarely(reason))
		return blocked(v, msi, index, reason, e->f.fpd);
	if (!e->f.im)
		return remapped(v, &e->f);
	if (pn_rarely(!e->pid))
		return blocked(v, msi, index, PN_VTD_FAULT_PID, e->f.fpd);
	return posted(v, msi, index, e);
}

/* Requests that never reach the table. */
static enum pn_msi_result __attribute__((noinline))
not_remapped(struct pn_vtd *v, const struct pn_msi *msi, const struct pn_vtd_request *r)
{
	/* DMA, not an interrupt request: it is not translated here. */
	if (!pn_msi_is(msi->addr) || msi->has_pasid)
		return blocked(v, msi, 0, PN_VTD_FAULT_NONE, true);
	if (msi->malformed)
		return blocked(v, msi, 0, PN_VTD_FAULT_MALFORMED, false);
	if (!v->on)
		return v->ecap & PN_VTD_ECAP_IRREQ ? blocked(v, msi, 0, PN_VTD_FAULT_IRREQ, false)
						   : forwarded(v, msi);
	if (v->eimer)
		return blocked(v, msi, 0, PN_VTD_FAULT_EIMER, false);
	if (!r->remappable)
		return v->compat ? forwarded(v, msi)
				 : blocked(v, msi, 0, PN_VTD_FAULT_COMPAT, false);
	if (r->reserved)
		return blocked(v, msi, r->index, PN_VTD_FAULT_REQUEST_RSV, false);
	return blocked(v, msi, r->index, PN_VTD_FAULT_INDEX, false);
}

enum pn_msi_result pn_vtd_msi(struct pn_vtd *v, const struct pn_msi *msi)
{
	const struct pn_vtd_request r = pn_vtd_msi_decode(msi->addr, msi->data);
	const struct pn_vtd_entry *e;

	v->stats.msis++;
	pn_step(v->agent, PN_STEP_MSI, msi->devid, r.index);
	if (pn_rarely(!v->on || v->eimer || msi->has_pasid || msi->malformed ||
		      !pn_msi_is(msi->addr) || !r.remappable || r.reserved ||
		      r.index >= v->entries))
		return not_remapped(v, msi, &r);

	e = pn_vtd_slot(v, r.index);
	if (e->key == (PN_VTD_ENTRY_VALID | r.index)) {
		pn_step(v->agent, PN_STEP_IRTE_HIT, msi->devid, r.index);
		/* poison_stale: the host forgot an invalidation. A code that FPD does not hide. */
		if (pn_rarely(v->poison) && pn_vtd_stale(v, e, r.index))
			return blocked(v, msi, r.index, PN_VTD_FAULT_TABLE, false);
	} else {
		pn_step(v->agent, PN_STEP_IRTE_MISS, msi->devid, r.index);
		e = pn_vtd_fetch(v, r.index);
	}
	return by_entry(v, msi, r.index, e);
}
