/* SPDX-License-Identifier: MIT */
/*
 * The register file (48882 rev 3.11, 3.4): which bits exist, when they may change, and what
 * follows.
 */
#include <errno.h>
#include <stddef.h>

#include "amdvi_priv.h"

#define BASE_LEN (PN_AMDVI_BASE_MASK | PN_AMDVI_LEN_MASK)
#define PTR	 PN_AMDVI_PTR_MASK

/* What a row needs beyond its mask. */
enum {
	SNP = 1 << 0,	   /* locked under SEV-SNP (2.12.2.1) */
	POINTERS = 1 << 1, /* a write clears the head and tail that follow @ring */
	KICK = 1 << 2,	   /* the command processor may have work */
};

struct row {
	uint32_t off;
	uint16_t field; /* in struct pn_amdvi_regs */
	uint16_t ring;	/* the ring's head, then its tail */
	uint64_t writable;
	uint64_t need; /* EFR bits without which the register does not exist */
	uint64_t busy; /* Status bit while which writes are ignored */
	unsigned flags;
};

#define AT(f) (offsetof(struct pn_amdvi_regs, f))

/*
 * Command and event registers may only be modified while the ring does not run, GA log registers
 * while GALogRun = 0 (2.7.4); a write at another time is ignored. Writing the base of the command
 * buffer or of the event log clears head and tail; for the GA log and PPR log that is inferred.
 */
static const struct row rows[] = {
	{PN_AMDVI_DEVTAB, AT(devtab), 0, PN_AMDVI_BASE_MASK | PN_DEVTAB_SIZE_MASK, 0, 0, SNP},
	{PN_AMDVI_CMDBUF, AT(cmdbuf), AT(cmd_head), BASE_LEN, 0, PN_ST_CMDBUFRUN, SNP | POINTERS},
	{PN_AMDVI_EVTLOG, AT(evtlog), AT(evt_head), BASE_LEN, 0, PN_ST_EVENTLOGRUN, SNP | POINTERS},
	{PN_AMDVI_EFR, AT(efr), 0, 0, 0, 0, 0},
	{PN_AMDVI_PPRLOG, AT(pprlog), AT(ppr_head), BASE_LEN, PN_EFR_PPRSUP, PN_ST_PPRLOGRUN,
	 SNP | POINTERS},
	{PN_AMDVI_GALOG, AT(galog), AT(ga_head), BASE_LEN, PN_EFR_GASUP, PN_ST_GALOGRUN,
	 SNP | POINTERS},
	{PN_AMDVI_GALOG_TAIL_ADDR, AT(galog_tail_addr), 0, PN_GALOG_TAIL_ADDR_MASK, PN_EFR_GASUP,
	 PN_ST_GALOGRUN, SNP},
	{0x158, AT(msi_lo), 0, 0xFFFFFFFC00000000ull, PN_EFR_MSICAPMMIOSUP, 0, 0},
	{0x160, AT(msi_hi), 0, 0x0000FFFFFFFFFFFFull, PN_EFR_MSICAPMMIOSUP, 0, 0},
	{PN_AMDVI_XT_GEN, AT(xt_gen), 0, PN_XT_VALID_MASK, PN_EFR_XTSUP, 0, 0},
	{PN_AMDVI_XT_PPR, AT(xt_ppr), 0, PN_XT_VALID_MASK, PN_EFR_XTSUP, 0, 0},
	{PN_AMDVI_XT_GA, AT(xt_ga), 0, PN_XT_VALID_MASK, PN_EFR_XTSUP, 0, 0},
	{PN_AMDVI_EFR2, AT(efr2), 0, 0, 0, 0, 0},
	{PN_AMDVI_CMD_HEAD, AT(cmd_head), 0, PTR, 0, PN_ST_CMDBUFRUN, 0},
	{PN_AMDVI_CMD_TAIL, AT(cmd_tail), 0, PTR, 0, 0, KICK},
	{PN_AMDVI_EVT_HEAD, AT(evt_head), 0, PTR, 0, 0, 0},
	{PN_AMDVI_EVT_TAIL, AT(evt_tail), 0, PTR, 0, PN_ST_EVENTLOGRUN, 0},
	{PN_AMDVI_PPR_HEAD, AT(ppr_head), 0, PTR, PN_EFR_PPRSUP, 0, 0},
	{PN_AMDVI_PPR_TAIL, AT(ppr_tail), 0, PTR, PN_EFR_PPRSUP, PN_ST_PPRLOGRUN, 0},
	/* narrowed by the knob galog_ptr_mask */
	{PN_AMDVI_GA_HEAD, AT(ga_head), 0, PTR | 8, PN_EFR_GASUP, 0, 0},
	{PN_AMDVI_GA_TAIL, AT(ga_tail), 0, PTR | 8, PN_EFR_GASUP, PN_ST_GALOGRUN, 0},
};

static uint64_t *field(struct pn_amdvi_regs *r, uint16_t at)
{
	return (uint64_t *)(void *)((char *)r + at);
}

static const struct row *find(const struct pn_amdvi *vi, uint32_t off)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].off == off)
			return (vi->r.efr & rows[i].need) == rows[i].need ? &rows[i] : NULL;
	}
	return NULL;
}

static void derive_galog(struct pn_amdvi *vi)
{
	uint32_t n = (uint32_t)((vi->r.galog & PN_AMDVI_LEN_MASK) >> PN_AMDVI_LEN_SH);
	uint32_t span = vi->knobs.galog_ptr_mask + PN_GALOG_SIZE;

	if (n < PN_VI_LEN_MIN)
		n = PN_VI_LEN_MIN;
	if (n > vi->knobs.galog_len_max)
		n = vi->knobs.galog_len_max;
	/* 2^(n + 1) entries of 8 bytes; the pointers may not reach all of them */
	vi->ga_bytes = 16u << n < span ? 16u << n : span;
	if (vi->knobs.galog_ring)
		vi->ga_bytes = vi->knobs.galog_ring * PN_GALOG_SIZE;
}

/* What depends on Control and knobs, for every interrupt. */
static void derive_post(struct pn_amdvi *vi)
{
	const uint64_t c = vi->r.control;
	const uint32_t limit = c & PN_CTRL_NUMINTREMAP ? 2048 : 512;

	vi->on = c & PN_CTRL_IOMMUEN;
	vi->gaen = c & PN_CTRL_GAEN;
	vi->vapic = vi->gaen && (c & PN_CTRL_GAMEN) == PN_CTRL_GAMEN_VAPIC;
	vi->xten = c & PN_CTRL_XTEN;
	vi->dest_mask = vi->xten ? UINT32_MAX : 0xFF;
	vi->gappi = c & PN_CTRL_GAPPIEN;
	vi->quiet = vi->r.efr2 & PN_EFR2_GAPPIDISSUP ? PN_IRTE_GAPPIDIS : 0;
	vi->stamped = vi->gappi && vi->knobs.gappi_emptiness == PN_EMPTY_EXACT256;
	vi->word_counts = vi->gappi && vi->knobs.gappi_emptiness != PN_EMPTY_ALWAYS;
	vi->volatile_first = vi->knobs.volatile_fetch == PN_VOLATILE_BEFORE_IRR;
	vi->usual_page =
		vi->on && !vi->poison && !vi->volatile_first ? PN_MSI_ADDR_BASE >> 20 : UINT64_MAX;
	if (vi->index_limit != limit) {
		vi->index_limit = limit;
		pn_amdvi_limit_changed(vi);
	}
}

void pn_amdvi_derive(struct pn_amdvi *vi)
{
	const uint64_t c = vi->r.control;

	derive_post(vi);
	vi->r.status &= ~(PN_ST_EVENTLOGRUN | PN_ST_CMDBUFRUN | PN_ST_PPRLOGRUN | PN_ST_GALOGRUN);
	if (vi->on && (c & PN_CTRL_EVENTLOGEN) && !vi->evt_stopped)
		vi->r.status |= PN_ST_EVENTLOGRUN;
	if (vi->on && (c & PN_CTRL_CMDBUFEN) && !vi->cmd_stopped)
		vi->r.status |= PN_ST_CMDBUFRUN;
	if (vi->on && (c & PN_CTRL_PPRLOGEN))
		vi->r.status |= PN_ST_PPRLOGRUN;
	if (vi->on && (c & PN_CTRL_GALOGEN) && (!vi->ga_stopped || vi->ga_lingers))
		vi->r.status |= PN_ST_GALOGRUN;
	derive_galog(vi);
}

/*
 * A log that overflowed starts again when it is enabled anew after its overflow bit was cleared
 * (2.7.4; the event log alike); a command buffer when it is enabled anew.
 */
static void restart(struct pn_amdvi *vi, uint64_t rising)
{
	if (!(vi->r.control & PN_CTRL_GALOGEN))
		vi->ga_lingers = false;
	if (rising & PN_CTRL_CMDBUFEN)
		vi->cmd_stopped = false;
	if ((rising & PN_CTRL_EVENTLOGEN) && !(vi->r.status & PN_ST_EVENTOVERFLOW))
		vi->evt_stopped = false;
	if ((rising & PN_CTRL_GALOGEN) && !(vi->r.status & PN_ST_GALOVERFLOW))
		vi->ga_stopped = false;
}

static void write_control(struct pn_amdvi *vi, uint64_t value)
{
	const uint64_t old = vi->r.control;
	const uint64_t locked = vi->snp_locked ? PN_CTRL_IOMMUEN | PN_CTRL_DEVTBLSEGEN : 0;

	vi->r.control = (value & vi->control_mask & ~locked) | (old & locked);
	restart(vi, vi->r.control & ~old);
	/*
	 * The meaning of cached entries depends on these bits; that a change drops them is
	 * inferred.
	 */
	if ((old ^ vi->r.control) &
	    (PN_CTRL_GAEN | PN_CTRL_GAMEN | PN_CTRL_XTEN | PN_CTRL_IRTCACHEDIS))
		pn_amdvi_drop_all(vi);
	pn_amdvi_derive(vi);
	pn_amdvi_kick(vi);
}

/* Clears bits. With the knob, a log whose overflow is cleared runs on while it is enabled. */
static void write_status(struct pn_amdvi *vi, uint64_t value)
{
	const uint64_t cleared = value & vi->r.status & PN_ST_W1C;

	vi->r.status &= ~cleared;
	if (vi->knobs.overflow_restart != PN_OVERFLOW_W1C)
		return;
	if (cleared & PN_ST_EVENTOVERFLOW)
		vi->evt_stopped = false;
	if (cleared & PN_ST_GALOVERFLOW)
		vi->ga_stopped = vi->ga_lingers = false;
	pn_amdvi_derive(vi);
}

static void write_row(struct pn_amdvi *vi, const struct row *row, uint64_t value)
{
	uint64_t mask = row->writable;

	if (!mask || (vi->r.status & row->busy) || ((row->flags & SNP) && vi->snp_locked))
		return;
	if (row->off == PN_AMDVI_GA_HEAD || row->off == PN_AMDVI_GA_TAIL)
		mask &= vi->knobs.galog_ptr_mask;
	*field(&vi->r, row->field) = value & mask;
	if (row->flags & POINTERS) {
		field(&vi->r, row->ring)[0] = 0;
		field(&vi->r, row->ring)[1] = 0;
	}
	pn_amdvi_derive(vi);
	if (row->flags & KICK)
		pn_amdvi_kick(vi);
}

static bool access_ok(const struct pn_amdvi *vi, uint32_t off, unsigned size)
{
	uint32_t end = vi->r.efr & PN_EFR_PCSUP ? PN_AMDVI_MMIO_SIZE_PC : PN_AMDVI_MMIO_SIZE;

	return (size == 4 || size == 8) && !(off & (size - 1)) && off < end;
}

/* The whole register at @off, a multiple of 8; what does not exist reads as zero. */
static uint64_t peek(struct pn_amdvi *vi, uint32_t off)
{
	const struct row *row = find(vi, off);

	if (off == PN_AMDVI_CONTROL)
		return vi->r.control;
	if (off == PN_AMDVI_STATUS)
		return vi->r.status;
	return row ? *field(&vi->r, row->field) : 0;
}

int pn_amdvi_read(struct pn_amdvi *vi, uint32_t off, unsigned size, uint64_t *value)
{
	uint64_t v;

	*value = size == 4 ? UINT32_MAX : UINT64_MAX;
	if (!access_ok(vi, off, size))
		return -EINVAL;
	v = peek(vi, off & ~7u);
	*value = size == 4 ? (uint32_t)(v >> (off & 4) * 8) : v;
	return 0;
}

int pn_amdvi_write(struct pn_amdvi *vi, uint32_t off, unsigned size, uint64_t value)
{
	const uint32_t reg = off & ~7u;
	uint64_t mask = UINT64_MAX;
	const struct row *row;

	if (!access_ok(vi, off, size))
		return -EINVAL;
	if (size == 4) {
		mask = (uint64_t)UINT32_MAX << (off & 4) * 8;
		value = (value & UINT32_MAX) << (off & 4) * 8;
	}
	if (reg == PN_AMDVI_STATUS) {
		if (pn_mistake(PN_MISTAKE_STATUS_COPIES))
			vi->r.status |= value;
		else
			write_status(vi, value);
		return 0;
	}
	value |= peek(vi, reg) & ~mask;
	if (reg == PN_AMDVI_CONTROL) {
		write_control(vi, value);
		return 0;
	}
	row = find(vi, reg);
	if (row)
		write_row(vi, row, value);
	return 0;
}

/* The values need not agree with each other: every order of writes must be possible. */
bool pn_amdvi_regs_possible(const struct pn_amdvi *vi, const struct pn_amdvi_regs *r)
{
	const uint64_t run = PN_ST_EVENTLOGRUN | PN_ST_CMDBUFRUN | PN_ST_PPRLOGRUN | PN_ST_GALOGRUN;
	struct pn_amdvi_regs copy = *r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].writable && *field(&copy, rows[i].field) & ~rows[i].writable)
			return false;
	}
	return r->efr == vi->r.efr && r->efr2 == vi->r.efr2 && !(r->control & ~vi->control_mask) &&
	       !(r->status & ~(PN_ST_W1C | run));
}
