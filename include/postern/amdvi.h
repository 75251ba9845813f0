/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_AMDVI_H
#define POSTERN_AMDVI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/agent.h"
#include "postern/amd_dte.h"
#include "postern/amd_irte.h"
#include "postern/amd_log.h"
#include "postern/amdvi_regs.h"
#include "postern/bus.h"
#include "postern/x86.h"

#pragma GCC visibility push(default)

/*
 * The interrupt half of an AMD IOMMU: registers, device table, remapping tables, caches, command
 * buffer, event log, guest APIC log, posting (48882 rev 3.11).
 *
 * One IOMMU is one agent: calls on the same struct pn_amdvi must not overlap. Different IOMMUs and
 * processors may work on the same vAPIC page, tables and memory at the same time; that part is
 * lock-free.
 */
struct pn_amdvi;

/* Points that the specification leaves open or that sources contradict each other on. */
struct pn_amdvi_knobs {
	/* When IsRun, Destination, GATag, GALogIntr, GAPPIDis are read. Default: after the IRR bit
	 * is set, the only order that makes the usual host protocol correct (inferred). */
	enum { PN_VOLATILE_AFTER_IRR, PN_VOLATILE_BEFORE_IRR } volatile_fetch;
	/* Is a log entry suppressed when the IRR bit was already set? Default: never. */
	enum { PN_DEDUP_NEVER, PN_DEDUP_SAME_BIT } galog_dedup;
	/* What "all IRR bits were clear" looks at. Default: all 256 bits. word32: the word of the
	 * posted vector only (spurious notifications); always: notify for every interrupt. */
	enum { PN_EMPTY_EXACT256, PN_EMPTY_WORD32, PN_EMPTY_ALWAYS } gappi_emptiness;
	/* A GuestMode=1 entry while GAMEn is not 1. Default: fault. */
	enum { PN_GUESTMODE_OFF_FAULT, PN_GUESTMODE_OFF_REMAP } guestmode_off;
	/* Event for IntCtl = 00b. Default: IO_PAGE_FAULT. */
	enum { PN_INTCTL00_PAGE_FAULT, PN_INTCTL00_INVALID_REQUEST } intctl00_event;
	/* The address field of an interrupt's IO_PAGE_FAULT. Default: the MSI address. */
	enum { PN_FAULT_ADDR_MSI, PN_FAULT_ADDR_INDEX } fault_address;
	/* GA interrupt on each entry, or only when Status.GAInt goes from 0 to 1 (default). */
	enum { PN_GAINT_EDGE, PN_GAINT_EACH } galog_interrupt;
	/* When a log that overflowed (event log, guest APIC log) runs again. Default: when it is
	 * enabled anew after its overflow bit was cleared, which is the procedure of 2.7.4. w1c: as
	 * soon as that bit is cleared, which public models of the event log do. */
	enum { PN_OVERFLOW_TOGGLE, PN_OVERFLOW_W1C } overflow_restart;
	/* Largest GALogLen code taken as is; larger ones count as this. Default 12. */
	uint8_t galog_len_max;
	/*
	 * Entries of the GA log, a power of two, at least 2: rings that are smaller than the
	 * register can encode, for exploration. 0 (default): as GALogLen says.
	 */
	uint32_t galog_ring;
	/* Mask of the GA log head and tail registers. Default PN_GA_PTR_MASK. */
	uint32_t galog_ptr_mask;
};

struct pn_amdvi_config {
	uint64_t efr, efr2;	  /* feature registers, as the guest will read them */
	const struct pn_bus *bus; /* outlives the IOMMU */
	struct pn_agent *agent;	  /* statistics and cost; NULL: kept inside */
	/* Another IOMMU of the same machine, or NULL for the first. IOMMUs that may post to the
	 * same vAPIC page must be peers, or a GAPPI may be missed. */
	struct pn_amdvi *peer;
	struct pn_amdvi_knobs knobs;
	uint32_t dte_cache;  /* entries, a power of two; 0: 64 */
	uint32_t irte_cache; /* entries, a power of two; 0: 1024 */
	/* false: a write of the command tail executes what was queued before it returns. true: the
	 * embedder calls pn_amdvi_commands() itself. */
	bool async_commands;
	/* false: an overflow of the guest APIC log clears GALogRun with the same step that sets
	 * GALOverflow. true: GALogRun stays 1, and entries are dropped, until the embedder calls
	 * pn_amdvi_log_stop(): 2.7.4 has software wait for GALogRun = 0, so there may be time
	 * between the two. */
	bool async_stop;
	/* true: Control.IRTCacheDis does not stick, this IOMMU always caches. */
	bool no_irtcachedis;
	/* Debug: poison cached copies that memory no longer agrees with, so that a missing flush
	 * faults at once instead of working by luck. */
	bool poison_stale;
};

/* Every feature of this model; knobs at their defaults. Bus and agent are NULL. */
void pn_amdvi_config_default(struct pn_amdvi_config *cfg);

/*
 * Creates an IOMMU in reset state. -EINVAL: no bus, or a cache size that is no power of two or
 * above 1 << 20; -ENOMEM. The only allocation that the model ever makes. Not concurrent with the
 * creation or destruction of a peer.
 */
int pn_amdvi_create(const struct pn_amdvi_config *cfg, struct pn_amdvi **out);
void pn_amdvi_destroy(struct pn_amdvi *vi);

/* Back to power-on values: Control = Coherent, length fields 8, everything else 0. */
void pn_amdvi_reset(struct pn_amdvi *vi);

/*
 * Register access: @size 4 or 8, @off naturally aligned and inside the region. -EINVAL otherwise
 * (reads then give all ones). Registers that do not exist read as zero and ignore writes.
 */
int pn_amdvi_read(struct pn_amdvi *vi, uint32_t off, unsigned size, uint64_t *value);
int pn_amdvi_write(struct pn_amdvi *vi, uint32_t off, unsigned size, uint64_t value);

/* SEV-SNP lock of base registers, Control.IommuEn and DevTblSegEn (2.12.2.1): while on, writes to
 * them are ignored. */
void pn_amdvi_snp_lock(struct pn_amdvi *vi, bool on);

/* The register file, as software reads it. */
struct pn_amdvi_regs {
	uint64_t devtab, cmdbuf, evtlog, control, efr, pprlog, galog, galog_tail_addr;
	uint64_t msi_lo; /* 158h: upper half is MSI address low */
	uint64_t msi_hi; /* 160h: MSI address high, MSI data */
	uint64_t xt_gen, xt_ppr, xt_ga, efr2;
	uint64_t cmd_head, cmd_tail, evt_head, evt_tail, status;
	uint64_t ppr_head, ppr_tail, ga_head, ga_tail;
};

/*
 * All that an IOMMU has besides what is in memory, to be saved and loaded. Cached entries do not
 * belong to it: hardware may drop them at any time.
 */
struct pn_amdvi_state {
	struct pn_amdvi_regs r;
	bool cmd_stopped, evt_stopped, ga_stopped; /* by an error, although enabled */
	bool ga_lingers;			   /* ga_stopped, but GALogRun is still 1 */
	bool snp_locked, msi_enable;
};

/* No other call on @vi at the same time. Agrees with memory only while no other agent runs. */
void pn_amdvi_save(const struct pn_amdvi *vi, struct pn_amdvi_state *out);

/*
 * -EINVAL if no IOMMU with these features can be in that state; nothing has changed then. Queued
 * commands are not executed and no interrupt is sent. Message numbers of the MSI capability stay.
 * No other call on @vi at the same time; memory must have its content before the next one.
 */
int pn_amdvi_load(struct pn_amdvi *vi, const struct pn_amdvi_state *in);

/*
 * The PCI MSI capability, used while Control.IntCapXTEn = 0. Message numbers: event and completion
 * (cap + 10h [4:0]), PPR ([31:27]), GA (cap + 14h [4:0]); data is OR-ed with the message number.
 */
void pn_amdvi_pci_msi(struct pn_amdvi *vi, bool enable, uint64_t addr, uint32_t data);
void pn_amdvi_pci_msgnum(struct pn_amdvi *vi, uint8_t event, uint8_t ppr, uint8_t ga);

/*
 * Addresses lead to other memory than before, or to none: memory was plugged, unplugged or moved.
 * The IOMMU asks the bus again for everything that it keeps a pointer to. Cached entries stay as
 * they were read; those that cannot be reached any more are dropped. Pointers that the bus gave
 * before are not used after this function returns.
 */
void pn_amdvi_memory_changed(struct pn_amdvi *vi);

/* Executes up to @max queued commands; returns how many. */
unsigned pn_amdvi_commands(struct pn_amdvi *vi, unsigned max);

/* With async_stop: GALogRun falls, if the guest APIC log has overflowed. Nothing otherwise. */
void pn_amdvi_log_stop(struct pn_amdvi *vi);

/*
 * A device's 4-byte DMA write to FEEx_xxxx arrives (section 2.2.5). Ordering towards memory and
 * messages: the IRR bit is visible before @bus is asked to send a notification.
 */
enum pn_msi_result pn_amdvi_msi(struct pn_amdvi *vi, const struct pn_msi *msi);

/*
 * Logs an event that the embedder found: the embedder does the address translation. @q0 and @q1 as
 * in struct pn_amd_event; a code of 0 is no event and is ignored. The log's rules are the same as
 * for the model's own events: enabled, overflow, interrupt (2.5).
 */
void pn_amdvi_log_event(struct pn_amdvi *vi, uint64_t q0, uint64_t q1);

/* Counters that software cannot read from registers; for reports and self-checks. */
struct pn_amdvi_stats {
	uint64_t msis, forwarded, remapped, posted, aborted;
	uint64_t merged; /* posted to a bit that was set already */
	uint64_t doorbells;
	uint64_t galog_entries, galog_dropped, galog_overflows, ga_interrupts;
	uint64_t gappi_sent, gappi_nonempty, gappi_dis;
	uint64_t irt_invalidations, events, events_dropped;
};

/* A call on @vi like any other: must not overlap with one. */
void pn_amdvi_stats(const struct pn_amdvi *vi, struct pn_amdvi_stats *out);

#pragma GCC visibility pop

#endif
