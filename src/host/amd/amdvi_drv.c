/* SPDX-License-Identifier: MIT */
/*
 * Bringing IOMMUs up and down, and commands. Register sequences: 48882 rev 3.11, 2.4 to 2.7 and
 * 3.4.
 */
#include "amdvi_drv.h"

#include <errno.h>
#include <string.h>

#include "drv_priv.h"
#include "postern/amd_dte.h"
#include "postern/amd_log.h"
#include "postern/x86.h"
#include "vectors.h"

#define RING_CODE  8u /* 256 entries of 16 bytes */
#define RING_BYTES (16u << RING_CODE)
#define PAGE	   4096u
#define DEVIDS_MAX 65536u

#define GALOG_MIN 512u
#define GALOG_MAX 8192u /* the pointers' bits 15:3 reach no further */

#define RUNNING (PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN | PN_ST_GALOGRUN)

int pn_drv_poll(const struct pn_amdvi_drv *d, uint64_t mask, uint64_t want)
{
	for (uint32_t i = 0; i < PN_AMDVI_POLLS; i++) {
		if ((pn_drv_rd(d, PN_AMDVI_STATUS) & mask) == want)
			return 0;
		pn_relax();
	}
	return -ETIMEDOUT;
}

void pn_drv_ga_route(const struct pn_amdvi_drv *d)
{
	/* Pairs with pn_iommus_ga_affinity(), which routes anew after its store. */
	uint64_t dest = pn_ld32(&d->all->ga_apicid);
	uint64_t vector = d->all->ga_vector;

	if (d->xt) {
		pn_drv_wr(d, PN_AMDVI_XT_GA,
			  (dest & 0xFFFFFF) << PN_XT_DESTLO_SH | vector << PN_XT_VECTOR_SH |
				  (dest >> 24) << PN_XT_DESTHI_SH);
	} else if (d->efr & PN_EFR_MSICAPMMIOSUP) {
		d->mmio.write(d->mmio.ctx, PN_AMDVI_MSI_ADDR_LO, 4,
			      PN_MSI_ADDR_BASE | (dest & 0xFF) << 12);
		d->mmio.write(d->mmio.ctx, PN_AMDVI_MSI_ADDR_HI, 4, 0);
		d->mmio.write(d->mmio.ctx, PN_AMDVI_MSI_DATA, 4, vector);
	}
}

/* ---- commands ---- */

/* Waits for room for one more entry. One slot stays free: head == tail means empty. */
static int wait_room(struct pn_amdvi_drv *d, uint32_t next)
{
	for (uint32_t i = 0; i < PN_AMDVI_POLLS; i++) {
		if (next != d->cmd_head)
			return 0;
		d->cmd_head = (uint32_t)pn_drv_rd(d, PN_AMDVI_CMD_HEAD) & (d->cmd_bytes - 1);
		pn_relax();
	}
	return next != d->cmd_head ? 0 : -ETIMEDOUT;
}

static int put_cmd(struct pn_amdvi_drv *d, struct pn_amd_cmd c)
{
	uint32_t next = (d->cmd_tail + PN_CMD_SIZE) & (d->cmd_bytes - 1);
	uint64_t *slot = &d->cmd[d->cmd_tail / 8];
	int r = wait_room(d, next);

	if (r)
		return r;
	/* Pairs with the IOMMU, which fetches the entry once the tail is past it. */
	pn_st64(&slot[0], c.q0);
	pn_st64(&slot[1], c.q1);
	d->cmd_tail = next;
	return 0;
}

static int wait_sem(const struct pn_amdvi_drv *d, uint64_t seq)
{
	for (uint32_t i = 0; i < PN_AMDVI_POLLS; i++) {
		/* Pairs with the IOMMU's store: its earlier effects are visible with the number. */
		if (pn_ld64_acq(d->sem) >= seq)
			return 0;
		pn_relax();
	}
	return -ETIMEDOUT;
}

/* Tail to the IOMMU, then wait. */
static int kick_and_wait(struct pn_amdvi_drv *d, uint64_t seq)
{
	int r = put_cmd(d, pn_amd_cmd_cwait(d->sem_pa, seq, false));

	if (r)
		return r;
	/*
	 * Store: the commands, and everything that they make visible. Other side: the IOMMU loads
	 * them after the tail register has changed.
	 */
	pn_fence();
	pn_drv_wr(d, PN_AMDVI_CMD_TAIL, d->cmd_tail);
	return wait_sem(d, seq);
}

int pn_amdvi_cmd_sync(struct pn_amdvi_drv *d, struct pn_agent *self, const uint64_t cmd[2])
{
	struct pn_amd_cmd c = {cmd[0], cmd[1]};
	uint64_t seq;
	int r;

	pn_lock_take(&d->lock);
	seq = ++d->sem_seq;
	r = put_cmd(d, c);
	if (!r)
		r = kick_and_wait(d, seq);
	if (!r)
		d->cmd_head = d->cmd_tail;
	pn_lock_drop(&d->lock);
	if (pn_amd_cmd_op(&c) == PN_CMD_INVALIDATE_INTERRUPT_TABLE)
		pn_step(self, PN_STEP_IRT_FLUSH, c.q0 & PN_CMD_DEVID_MASK, seq);
	return r;
}

int pn_amdvi_wait(struct pn_amdvi_drv *d, struct pn_agent *self)
{
	uint64_t seq;
	int r;

	pn_lock_take(&d->lock);
	seq = ++d->sem_seq;
	r = kick_and_wait(d, seq);
	if (!r)
		d->cmd_head = d->cmd_tail;
	pn_lock_drop(&d->lock);
	pn_step(self, PN_STEP_IRT_WAIT, 0, seq);
	return r;
}

static int sync_cmd(struct pn_amdvi_drv *d, struct pn_agent *self, struct pn_amd_cmd c)
{
	return pn_amdvi_cmd_sync(d, self, (const uint64_t[2]){c.q0, c.q1});
}

/* A previous kernel may have left anything in the caches. */
static int drop_caches(struct pn_amdvi_drv *d, struct pn_agent *self)
{
	if (d->efr & PN_EFR_IASUP)
		return sync_cmd(d, self, pn_amd_cmd_inv_all());
	for (uint32_t id = 0; id < d->devtab_entries; id++) {
		int r = sync_cmd(d, self, pn_amd_cmd_inv_devtab((uint16_t)id));

		if (!r)
			r = sync_cmd(d, self, pn_amd_cmd_inv_irt((uint16_t)id));
		if (r)
			return r;
	}
	return 0;
}

/* ---- up and down ---- */

static int alloc_tables(struct pn_amdvi_drv *d, uint32_t devids)
{
	struct pn_pages *pages = d->all->pages;
	uint64_t bytes = ((uint64_t)devids * PN_DTE_SIZE + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	uint64_t devtab, cmd, evt;

	d->devtab_entries = devids;
	d->cmd_bytes = RING_BYTES;
	d->devtab = pn_pages_alloc(pages, bytes, PAGE, &devtab);
	d->cmd = pn_pages_alloc(pages, RING_BYTES, PAGE, &cmd);
	d->sem = pn_pages_alloc(pages, 64, 64, &d->sem_pa);
	if (!d->devtab || !d->cmd || !d->sem || !pn_pages_alloc(pages, RING_BYTES, PAGE, &evt))
		return -ENOMEM;
	pn_drv_wr(d, PN_AMDVI_DEVTAB, devtab | (bytes / PAGE - 1));
	pn_drv_wr(d, PN_AMDVI_CMDBUF, cmd | (uint64_t)RING_CODE << PN_AMDVI_LEN_SH);
	pn_drv_wr(d, PN_AMDVI_CMD_HEAD, 0);
	pn_drv_wr(d, PN_AMDVI_CMD_TAIL, 0);
	pn_drv_wr(d, PN_AMDVI_EVTLOG, evt | (uint64_t)RING_CODE << PN_AMDVI_LEN_SH);
	pn_drv_wr(d, PN_AMDVI_EVT_HEAD, 0);
	pn_drv_wr(d, PN_AMDVI_EVT_TAIL, 0);
	return 0;
}

static uint64_t control_bits(const struct pn_amdvi_drv *d, bool posting)
{
	uint64_t c = PN_CTRL_COHERENT | PN_CTRL_GAEN;

	if (posting)
		c |= PN_CTRL_GAMEN_VAPIC;
	if (d->xt)
		c |= PN_CTRL_XTEN | PN_CTRL_INTCAPXTEN;
	if (d->irt2k)
		c |= 1ull << PN_CTRL_NUMINTREMAP_SH;
	return c;
}

/* Stops everything that is on, also GAPPIEn and GALogEn of a previous kernel. */
static int quiesce(struct pn_amdvi_drv *d)
{
	int r;

	pn_drv_control(d, ~0ull, PN_CTRL_COHERENT);
	r = pn_drv_poll(d, RUNNING, 0);
	if (!r)
		pn_drv_wr(d, PN_AMDVI_STATUS, PN_ST_W1C);
	return r;
}

static int notification_on(struct pn_amdvi_drv *d, enum pn_notify n)
{
	int r = 0;

	pn_lock_take(&d->ga_lock);
	if (n == PN_NOTIFY_GALOG)
		r = pn_drv_galog_start(d);
	else if (n == PN_NOTIFY_GAPPI)
		pn_drv_control(d, 0, PN_CTRL_GAPPIEN);
	pn_lock_drop(&d->ga_lock);
	return r;
}

static int notification_off(struct pn_amdvi_drv *d)
{
	int r;

	pn_lock_take(&d->ga_lock);
	r = pn_drv_galog_stop(d);
	pn_drv_control(d, PN_CTRL_GAPPIEN, 0);
	pn_lock_drop(&d->ga_lock);
	return r;
}

/* 1.2: it has no feature bit; the bit keeps its value on an IOMMU that implements it. */
static void disable_irt_cache(struct pn_amdvi_drv *d)
{
	pn_drv_control(d, 0, PN_CTRL_IRTCACHEDIS);
	d->irtcachedis = pn_drv_rd(d, PN_AMDVI_CONTROL) & PN_CTRL_IRTCACHEDIS;
	if (!d->irtcachedis)
		pn_drv_control(d, PN_CTRL_IRTCACHEDIS, 0);
}

static int bring_up(struct pn_amdvi_drv *d, const struct pn_iommus_config *cfg,
		    struct pn_agent *self)
{
	enum pn_notify notify = (enum pn_notify)d->all->notify;
	int r = alloc_tables(d, cfg->devids);

	if (r)
		return r;
	pn_drv_control(d, ~0ull, control_bits(d, notify != PN_NOTIFY_NONE));
	if (cfg->irtcachedis)
		disable_irt_cache(d);
	pn_drv_control(d, 0, PN_CTRL_IOMMUEN | PN_CTRL_CMDBUFEN | PN_CTRL_EVENTLOGEN);
	r = pn_drv_poll(d, PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN,
			PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN);
	if (!r)
		r = drop_caches(d, self);
	return r ? r : notification_on(d, notify);
}

static void probe(struct pn_amdvi_drv *d, struct pn_iommus *all, const struct pn_iommus_config *cfg)
{
	struct pn_mmio mmio = d->mmio;

	memset(d, 0, sizeof(*d));
	d->all = all;
	d->mmio = mmio;
	d->efr = pn_drv_rd(d, PN_AMDVI_EFR);
	d->efr2 = pn_drv_rd(d, PN_AMDVI_EFR2);
	d->xt = d->efr & PN_EFR_XTSUP;
	d->gappidis = d->efr2 & PN_EFR2_GAPPIDISSUP;
	d->irt2k = cfg->irt2k &&
		   (d->efr2 & PN_EFR2_NUMINTREMAPSUP) == 1ull << PN_EFR2_NUMINTREMAPSUP_SH;
	d->galog_entries = cfg->galog_entries ? cfg->galog_entries : GALOG_MIN;
}

static bool galog_size_ok(uint32_t n)
{
	return !n || (n >= GALOG_MIN && n <= GALOG_MAX && !(n & (n - 1)));
}

static bool all_have(const struct pn_iommus *all, uint64_t mask, uint64_t want)
{
	for (uint32_t i = 0; i < all->n; i++) {
		if ((all->drv[i].efr & mask) != want)
			return false;
	}
	return true;
}

/* H15: GATag has one meaning per machine, so one IOMMU that cannot decides for all. */
static enum pn_notify choose(const struct pn_iommus *all, enum pn_notify wanted)
{
	if (pn_mistake(PN_MISTAKE_FIRST_IOMMU_DECIDES))
		return wanted;
	if (wanted == PN_NOTIFY_GAPPI && !all_have(all, PN_EFR_GAPPISUP, PN_EFR_GAPPISUP))
		return PN_NOTIFY_GALOG;
	return wanted;
}

static int check_features(const struct pn_iommus *all, const struct pn_iommus_config *cfg)
{
	if (!all_have(all, PN_EFR_GASUP, PN_EFR_GASUP))
		return -ENODEV;
	if (cfg->notify == PN_NOTIFY_NONE)
		return 0;
	if (!all_have(all, PN_EFR_GAMSUP, PN_EFR_GAMSUP_VAPIC))
		return -ENODEV;
	for (uint32_t i = 0; i < all->n; i++) {
		if (!pn_drv_apicid_ok(&all->drv[i], cfg->ga_apicid))
			return -EINVAL;
	}
	return 0;
}

int pn_iommus_init(struct pn_iommus *all, struct pn_amdvi_drv *drv, uint32_t n,
		   const struct pn_iommus_config *cfg, const struct pn_os *os,
		   const struct pn_bus *bus, struct pn_pages *pages, struct pn_agent *self)
{
	int r;

	if (!n || !cfg->devids || cfg->devids > DEVIDS_MAX || !galog_size_ok(cfg->galog_entries))
		return -EINVAL;
	*all = (struct pn_iommus){.os = os, .bus = bus, .pages = pages, .drv = drv, .n = n};
	all->ga_apicid = cfg->ga_apicid;
	all->ga_vector = PN_VEC_GA_LOG;
	for (uint32_t i = 0; i < n; i++)
		probe(&drv[i], all, cfg);
	for (uint32_t i = 0; i < n; i++) {
		r = quiesce(&drv[i]);
		if (r)
			return r;
	}
	r = check_features(all, cfg);
	if (r)
		return r;
	/* Relaxed: hypervisors, which read it, start after this function. */
	pn_st32(&all->notify, choose(all, cfg->notify));
	for (uint32_t i = 0; i < n && !r; i++)
		r = bring_up(&drv[i], cfg, self);
	if (r)
		pn_iommus_disable(all, self);
	return r;
}

void pn_iommus_disable(struct pn_iommus *all, struct pn_agent *self)
{
	(void)self;
	if (pn_mistake(PN_MISTAKE_KEXEC_KEEPS_GAPPI))
		return;
	/* Pairs with vCPUs that block or load: no more guest mode from here on. */
	pn_st32(&all->notify, PN_NOTIFY_NONE);
	for (uint32_t i = 0; i < all->n; i++) {
		struct pn_amdvi_drv *d = &all->drv[i];

		/* An IOMMU that does not answer is switched off nevertheless. */
		(void)notification_off(d);
		pn_lock_take(&d->ga_lock);
		if (!pn_mistake(PN_MISTAKE_KEXEC_KEEPS_ENTRIES))
			(void)quiesce(d);
		pn_lock_drop(&d->ga_lock);
	}
}

static int switch_one(struct pn_amdvi_drv *d, enum pn_notify to)
{
	int r = notification_off(d);

	return r ? r : notification_on(d, to);
}

int pn_iommus_switch(struct pn_iommus *all, struct pn_agent *self, enum pn_notify to)
{
	/* Relaxed: only this function changes it, and callers take turns. */
	enum pn_notify from = (enum pn_notify)pn_ld32(&all->notify);
	uint32_t done = 0;
	int r = 0;

	(void)self;
	if (from == PN_NOTIFY_NONE || (to != PN_NOTIFY_GALOG && to != PN_NOTIFY_GAPPI))
		return -EINVAL;
	if (choose(all, to) != to)
		return -ENODEV;
	if (from == to)
		return 0;
	for (; done < all->n && !r; done++)
		r = switch_one(&all->drv[done], to);
	if (!r) {
		/*
		 * Pairs with vCPUs that block: a stale value is corrected when their IRTEs return
		 * to guest mode (pn_svm_switch_notify).
		 */
		pn_st32(&all->notify, to);
		return 0;
	}
	while (done--)
		(void)switch_one(&all->drv[done], from);
	return r;
}

void pn_iommus_ga_affinity(struct pn_iommus *all, struct pn_agent *self, uint32_t apicid)
{
	(void)self;
	/* Relaxed: pairs with pn_drv_ga_route(), which reads it under ga_lock. */
	pn_st32(&all->ga_apicid, apicid);
	for (uint32_t i = 0; i < all->n; i++) {
		struct pn_amdvi_drv *d = &all->drv[i];

		pn_lock_take(&d->ga_lock);
		if (!pn_mistake(PN_MISTAKE_LOG_OLD_CPU))
			pn_drv_ga_route(d);
		pn_lock_drop(&d->ga_lock);
		/* Pairs with the thread, which reads it before it sleeps. */
		pn_xchg32(&d->ga_irq_pending, 1);
	}
}
