/* SPDX-License-Identifier: MIT */
#ifndef PN_DRV_PRIV_H
#define PN_DRV_PRIV_H

#include "amdvi_drv.h"
#include "postern/amdvi_regs.h"

/* Shared by the files of the driver. */

static inline uint64_t pn_drv_rd(const struct pn_amdvi_drv *d, uint32_t off)
{
	return d->mmio.read(d->mmio.ctx, off, 8);
}

static inline void pn_drv_wr(const struct pn_amdvi_drv *d, uint32_t off, uint64_t value)
{
	d->mmio.write(d->mmio.ctx, off, 8, value);
}

/* Changes Control; under ga_lock. */
static inline void pn_drv_control(struct pn_amdvi_drv *d, uint64_t clear, uint64_t set)
{
	d->control = (d->control & ~clear) | set;
	pn_drv_wr(d, PN_AMDVI_CONTROL, d->control);
}

/* True if @apicid fits into an entry. Without XTEn only eight bits count. */
static inline bool pn_drv_apicid_ok(const struct pn_amdvi_drv *d, uint32_t apicid)
{
	return d->xt || apicid <= 0xFF;
}

/* Waits until the Status bits @mask are @want. 0 or -ETIMEDOUT. */
int pn_drv_poll(const struct pn_amdvi_drv *d, uint64_t mask, uint64_t want);
/* Where the GA log interrupt goes, as @d->all says. */
void pn_drv_ga_route(const struct pn_amdvi_drv *d);

/* Programs and enables the GA log (1.6); disables it. 0, -ENOMEM, -ETIMEDOUT. Under ga_lock. */
int pn_drv_galog_start(struct pn_amdvi_drv *d);
int pn_drv_galog_stop(struct pn_amdvi_drv *d);

#endif
