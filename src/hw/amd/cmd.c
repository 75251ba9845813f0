/* SPDX-License-Identifier: MIT */
/* The command buffer (48882 rev 3.11, 2.4). */
#include <limits.h>

#include "amdvi_priv.h"

/* Commands that need a feature are illegal without it (inferred). */
static uint64_t feature_of(unsigned op)
{
	switch (op) {
	case PN_CMD_PREFETCH_IOMMU_PAGES:
		return PN_EFR_PREFSUP;
	case PN_CMD_COMPLETE_PPR_REQUEST:
		return PN_EFR_PPRSUP;
	case PN_CMD_INVALIDATE_IOMMU_ALL:
		return PN_EFR_IASUP;
	default:
		return 0;
	}
}

static bool legal(const struct pn_amdvi *vi, const struct pn_amd_cmd *c)
{
	const uint64_t need = feature_of(pn_amd_cmd_op(c));
	uint64_t rsv0, rsv1;

	return pn_amd_cmd_reserved(c, &rsv0, &rsv1) && !(c->q0 & rsv0) && !(c->q1 & rsv1) &&
	       (vi->r.efr & need) == need;
}

/* The head stays at the command that failed. */
static bool stop(struct pn_amdvi *vi, uint64_t flags, uint64_t addr)
{
	vi->cmd_stopped = true;
	vi->r.status &= ~PN_ST_CMDBUFRUN;
	pn_amdvi_event(vi, flags, addr);
	return false;
}

static bool hardware_error(struct pn_amdvi *vi, uint64_t addr)
{
	return stop(vi,
		    (uint64_t)PN_EVENT_COMMAND_HARDWARE_ERROR << PN_EVENT_CODE_SH |
			    PN_VI_MASTER_ABORT,
		    addr);
}

static void invalidated(struct pn_amdvi *vi, uint64_t devid, unsigned dropped)
{
	pn_step(vi->agent, PN_STEP_CMD_INVALIDATE, devid, dropped);
}

/* Everything before it is complete: commands are executed one by one. */
static bool completion_wait(struct pn_amdvi *vi, const struct pn_amd_cmd *c)
{
	const uint64_t addr = c->q0 & PN_CWAIT_ADDR_MASK;
	uint64_t *p;

	if (c->q0 & PN_CWAIT_S) {
		p = pn_amdvi_ptr(vi, addr, sizeof(*p), sizeof(*p));
		if (!p)
			return hardware_error(vi, addr);
		/* Pairs with the host that spins on the semaphore. */
		pn_st64_rel(p, c->q1);
		pn_bus_wrote(vi->bus, addr, sizeof(*p));
	}
	pn_step(vi->agent, PN_STEP_CMD_WAIT, addr, c->q1);
	if (c->q0 & PN_CWAIT_I)
		pn_amdvi_latch(vi, PN_ST_COMWAITINT);
	return true;
}

static bool execute(struct pn_amdvi *vi, const struct pn_amd_cmd *c)
{
	const uint16_t devid = (uint16_t)(c->q0 & PN_CMD_DEVID_MASK);

	pn_step(vi->agent, PN_STEP_CMD, c->q0, c->q1);
	switch (pn_amd_cmd_op(c)) {
	case PN_CMD_COMPLETION_WAIT:
		return completion_wait(vi, c);
	case PN_CMD_INVALIDATE_DEVTAB_ENTRY:
		invalidated(vi, devid, pn_amdvi_dte_drop(vi, devid));
		break;
	case PN_CMD_INVALIDATE_INTERRUPT_TABLE:
		vi->stats.irt_invalidations++;
		invalidated(vi, devid, pn_amdvi_irte_drop(vi, devid));
		break;
	case PN_CMD_INVALIDATE_IOMMU_ALL:
		invalidated(vi, UINT64_MAX, pn_amdvi_drop_all(vi));
		break;
	default: /* address translation: nothing is cached here */
		break;
	}
	return true;
}

static bool one(struct pn_amdvi *vi, uint32_t head)
{
	const uint64_t pa = (vi->r.cmdbuf & PN_AMDVI_BASE_MASK) + head;
	const uint64_t *p = pn_amdvi_ptr(vi, pa, PN_CMD_SIZE, 8);
	struct pn_amd_cmd c;

	if (!p)
		return hardware_error(vi, pa);
	/* Pairs with the host, which writes commands before it moves the tail. */
	c.q0 = pn_ld64_acq(&p[0]);
	c.q1 = pn_ld64_acq(&p[1]);
	if (!legal(vi, &c))
		return stop(vi, (uint64_t)PN_EVENT_ILLEGAL_COMMAND_ERROR << PN_EVENT_CODE_SH, pa);
	return execute(vi, &c);
}

unsigned pn_amdvi_commands(struct pn_amdvi *vi, unsigned max)
{
	unsigned n = 0;

	while (n < max && (vi->r.status & PN_ST_CMDBUFRUN)) {
		const uint32_t mask = pn_amdvi_ring_bytes(vi->r.cmdbuf) - 1;
		const uint32_t head = (uint32_t)vi->r.cmd_head & mask;

		if (head == (vi->r.cmd_tail & mask) || !one(vi, head))
			break;
		vi->r.cmd_head = (head + PN_CMD_SIZE) & mask;
		n++;
	}
	return n;
}

void pn_amdvi_kick(struct pn_amdvi *vi)
{
	if (!vi->async_commands)
		pn_amdvi_commands(vi, UINT_MAX);
}
