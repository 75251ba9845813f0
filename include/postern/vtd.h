/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_VTD_H
#define POSTERN_VTD_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/agent.h"
#include "postern/bus.h"
#include "postern/pid.h"
#include "postern/vtd_irte.h"
#include "postern/vtd_regs.h"
#include "postern/x86.h"

#pragma GCC visibility push(default)

/*
 * The interrupt half of a VT-d remapping unit: registers, remapping table, entry cache,
 * invalidation queue, faults, posting (VT-d rev 5.10).
 *
 * One unit is one agent: calls on the same struct pn_vtd must not overlap. Different units and
 * processors may work on the same tables, descriptors and memory at the same time.
 */
struct pn_vtd;

/* Points that the specification leaves open or that sources contradict each other on. */
struct pn_vtd_knobs {
	/* SVT = 11b. Default: 24h, a reserved value; QEMU reports 26h. */
	enum { PN_SVT11_RESERVED, PN_SVT11_SID } svt_reserved;
	/* Entry with a bad source and reserved bits. Default: the source first, as in 5.1.4. */
	enum { PN_CHECK_SID_FIRST, PN_CHECK_RSV_FIRST } check_order;
	/* Do reserved bits of a descriptor fault (28h)? Default: yes; older units may not check. */
	enum { PN_PID_RSV_FAULT, PN_PID_RSV_IGNORE } pid_reserved;
};

struct pn_vtd_config {
	uint64_t cap, ecap;	  /* capability registers, as software will read them */
	uint32_t version;	  /* VER_REG; default 5.0 */
	uint8_t haw;		  /* host address width in bits, 12..64; default 52 */
	const struct pn_bus *bus; /* outlives the unit */
	struct pn_agent *agent;	  /* statistics and cost; NULL: kept inside */
	struct pn_vtd_knobs knobs;
	uint32_t irte_cache; /* entries, a power of two; 0: 1024 */
	/* false: a write of IQT executes what was queued before it returns. true: the embedder
	 * calls pn_vtd_queue() itself. */
	bool async_queue;
	/* Debug: poison cached copies that memory no longer agrees with, so that a missing
	 * invalidation faults at once instead of working by luck. */
	bool poison_stale;
};

/* Every feature of this model (PI, EIM, IR, QI, ESIRTPS = 0, MHMV = 15, 8 fault records); knobs at
 * their defaults. Bus and agent are NULL. */
void pn_vtd_config_default(struct pn_vtd_config *cfg);

/*
 * Creates a unit in reset state. -EINVAL: no bus, haw, a cache size that is no power of two or
 * above 1 << 20, fault records outside the register page; -ENOMEM. The only allocation that the
 * model ever makes.
 */
int pn_vtd_create(const struct pn_vtd_config *cfg, struct pn_vtd **out);
void pn_vtd_destroy(struct pn_vtd *v);
/* Back to power-on values. */
void pn_vtd_reset(struct pn_vtd *v);

/*
 * Register access: @size 4 or 8, @off naturally aligned and below PN_VTD_MMIO_SIZE. -EINVAL
 * otherwise (reads then give all ones). Registers that do not exist read as zero and ignore writes.
 */
int pn_vtd_read(struct pn_vtd *v, uint32_t off, unsigned size, uint64_t *value);
int pn_vtd_write(struct pn_vtd *v, uint32_t off, unsigned size, uint64_t value);

/* Executes up to @max queued descriptors; returns how many. */
unsigned pn_vtd_queue(struct pn_vtd *v, unsigned max);

/*
 * A device's write to FEEx_xxxx arrives (5.1.4, 5.2.3). Ordering: PIR and ON are visible before
 * @bus is asked to send the notification. A request with PASID is not an interrupt: ABORTED, no
 * interrupt fault.
 */
enum pn_msi_result pn_vtd_msi(struct pn_vtd *v, const struct pn_msi *msi);

/*
 * Memory changed: pointers that @bus gave before may be wrong. The unit asks for all of them again;
 * cached entries stay, except those whose descriptor is no longer in memory.
 */
void pn_vtd_memory_changed(struct pn_vtd *v);

/* What a blocked DMA request wanted, as T1:T2 of the fault record. */
enum pn_vtd_dma { PN_VTD_DMA_WRITE, PN_VTD_DMA_PAGE, PN_VTD_DMA_READ, PN_VTD_DMA_ATOMIC };

/* A DMA request that the embedder's address translation blocked. */
struct pn_vtd_dma_fault {
	uint64_t addr;
	uint32_t pasid; /* 20 bits; the next three count with has_pasid only */
	bool has_pasid, priv, exec;
	bool fpd; /* of the context entry or PASID table entry, if one was read */
	uint8_t reason;
	uint8_t type; /* enum pn_vtd_dma */
	uint16_t sid;
};

/*
 * Records a fault that the embedder found: the embedder translates addresses, but software reads
 * the faults in the unit's records. The rules are those of the unit's own faults: FPD, overflow,
 * FRI, the fault event (7.3.1). Faults are never merged. -EINVAL: the reason is 0 or belongs to
 * interrupts, a PASID of more than 20 bits, no such type.
 */
int pn_vtd_dma_fault(struct pn_vtd *v, const struct pn_vtd_dma_fault *fault);

/* Counters that software cannot read from registers; for reports and self-checks. */
struct pn_vtd_stats {
	uint64_t msis, forwarded, remapped, posted, aborted;
	uint64_t merged;	/* posted to a PIR bit that was set already */
	uint64_t notifications; /* of posted interrupts */
	uint64_t suppressed;	/* SN = 1 */
	uint64_t outstanding;	/* ON was 1 */
	uint64_t iec_global, iec_index, entries_dropped, waits;
	uint64_t faults, faults_dropped; /* DMA faults too */
	uint64_t interrupts;		 /* the unit's own */
};

/* A call on @v like any other: must not overlap with one. */
void pn_vtd_stats(const struct pn_vtd *v, struct pn_vtd_stats *out);

#pragma GCC visibility pop

#endif
