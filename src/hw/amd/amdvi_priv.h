/* SPDX-License-Identifier: MIT */
#ifndef PN_AMDVI_PRIV_H
#define PN_AMDVI_PRIV_H

#include "postern/amdvi.h"
#include "postern/x86.h"
#include "seam.h"

/* What the files of the AMD IOMMU share. References: 48882 rev 3.11. */

#define PN_VI_VALID	 (1u << 31) /* in the key of a cache slot */
#define PN_VI_INDEX_MASK 0x7FFu	    /* data[10:0] of an interrupt request */
#define PN_VI_INDEX_BITS 11
#define PN_VI_BUCKETS	 256u
#define PN_VI_LEN_MIN	 8u /* length codes 0 to 7 are reserved; they count as 8 */

/* Value of the type field of a hardware error: no memory answered at the address. */
#define PN_VI_MASTER_ABORT (1ull << PN_EVENT_TYPE_SH)

/*
 * What to do with a device's interrupts. It is decided when the entry is fetched, so that a hit
 * costs one comparison.
 */
enum pn_vi_dte_kind {
	PN_VI_DTE_REMAP,   /* IV = 1, IntCtl = 10b */
	PN_VI_DTE_FORWARD, /* IV = 0 */
	PN_VI_DTE_CONTROL, /* IV = 1, another IntCtl */
	/* never cached */
	PN_VI_DTE_ILLEGAL,
	PN_VI_DTE_OUTSIDE, /* beyond the device table */
	PN_VI_DTE_NO_MEMORY,
};

struct pn_vi_dte {
	uint32_t key; /* PN_VI_VALID | DevID */
	uint8_t kind;
	uint8_t bad;	   /* PN_DTE_BAD_* */
	uint32_t remapped; /* indices below it go to the remapping table; 0 of other kinds */
	struct pn_dte f;
	uint64_t raw; /* quadword 2 */
	uint64_t pa;
	const uint64_t *mem;
};

enum pn_vi_irte_kind {
	PN_VI_IRTE_POST,
	PN_VI_IRTE_REMAP,
	PN_VI_IRTE_ABSENT, /* RemapEn = 0 */
	/* never cached */
	PN_VI_IRTE_ILLEGAL,
	PN_VI_IRTE_NO_MEMORY,
	PN_VI_IRTE_NO_PAGE, /* guest form, and the vAPIC page cannot be reached */
};

/*
 * A cached remapping entry. Of the guest form only the fields that hardware caches are taken from
 * here (2.2.5.3: RemapEn, SupIOPF, GuestMode, Vector, root pointer); the others are read from @mem
 * for each interrupt.
 */
struct pn_vi_irte {
	/* read by every interrupt that posts: one cache line */
	uint32_t key; /* PN_VI_VALID | DevID << 11 | index */
	uint8_t kind;
	uint8_t vector;
	bool supiopf;
	uint32_t bit;		     /* the vector's, in its word */
	const struct pn_vi_dte *dte; /* the only slot that the device's entry can have */
	const void *mem;
	uint32_t *irr;	 /* the word that holds the vector's bit */
	uint64_t *stamp; /* of the page: see post.c */
	uint64_t root;
	uint32_t next, prev; /* slots of DevIDs in the same bucket, + 1 */

	uint64_t lo, hi;
	uint64_t pa; /* of the entry */
} __attribute__((aligned(64)));

/* The vector's word of the IRR, in the vAPIC page. */
static inline uint32_t pn_vi_irr_word(const struct pn_vi_irte *e)
{
	return pn_apic_word(PN_APIC_IRR, e->vector);
}

/* Which IOMMU posted to a page last: see post.c. Shared by the IOMMUs of a machine. */
#define PN_VI_STAMPS 64u

struct pn_vi_stamps {
	uint32_t refs; /* creation and destruction are not concurrent */
	struct {
		uint64_t who;
	} __attribute__((aligned(64))) word[PN_VI_STAMPS];
};

struct pn_amdvi {
	struct pn_vi_stamps *stamps;
	/* read by every interrupt */
	struct pn_agent *agent;
	struct pn_vi_irte *irtes;
	uint64_t usual_page; /* address[63:20] of requests that take the short way: see post.c */
	const struct pn_bus *bus;
	uint32_t irte_mask;
	uint32_t dest_mask; /* bits of a destination */
	uint64_t quiet;	    /* GAPPIDis, if it has an effect */
	bool gappi;
	bool stamped;	  /* GAPPI with an exact emptiness check: see post.c */
	bool word_counts; /* GAPPI, and another bit in the posted word prevents it */
	bool on, gaen, vapic, xten;
	bool volatile_first; /* knob volatile_fetch */
	bool poison;
	uint32_t index_limit;
	uint32_t dte_mask;
	struct pn_vi_dte *dtes;
	struct pn_amdvi_stats stats;

	struct pn_amdvi_regs r;
	struct pn_amdvi_knobs knobs;
	uint64_t control_mask; /* bits of Control that this IOMMU has */
	uint32_t ga_bytes;     /* size of the GA log */
	bool async_commands, async_stop;
	bool cmd_stopped, evt_stopped, ga_stopped; /* by an error, although enabled */
	bool ga_lingers;			   /* ga_stopped, but GALogRun is still 1 */
	bool snp_locked;

	bool msi_enable;
	uint8_t msgnum_event, msgnum_ppr, msgnum_ga;

	struct pn_vi_dte dte_scratch; /* the last fetched entry, if it is not cached */
	struct pn_vi_irte irte_scratch;
	uint32_t bucket[PN_VI_BUCKETS]; /* first slot + 1 */
	struct pn_agent own_agent;
	struct pn_step_slot own_steps[PN_STEP_NR];
};

static inline bool pn_rarely(bool x)
{
	return __builtin_expect(x, 0);
}

/* Memory for an atomic access of @len bytes, or NULL: none, or the embedder's is misaligned. */
static inline void *pn_amdvi_ptr(const struct pn_amdvi *vi, uint64_t pa, size_t len, size_t align)
{
	void *p = pn_bus_ptr(vi->bus, pa, len);

	return ((uintptr_t)p & (align - 1)) ? NULL : p;
}

/* Bytes of a ring of 16-byte entries whose base register is @base (2^n entries). */
static inline uint32_t pn_amdvi_ring_bytes(uint64_t base)
{
	uint32_t n = (uint32_t)((base & PN_AMDVI_LEN_MASK) >> PN_AMDVI_LEN_SH);

	return 16u << (n < PN_VI_LEN_MIN ? PN_VI_LEN_MIN : n);
}

/* regs.c: recomputes Status run bits and everything that depends on the registers. */
void pn_amdvi_derive(struct pn_amdvi *vi);
/* regs.c: can the register file of this IOMMU have these values? */
bool pn_amdvi_regs_possible(const struct pn_amdvi *vi, const struct pn_amdvi_regs *r);

/* cache.c */
/* After a change of index_limit. */
void pn_amdvi_limit_changed(struct pn_amdvi *vi);

static inline uint32_t pn_amdvi_dte_key(uint16_t devid)
{
	return PN_VI_VALID | devid;
}

static inline struct pn_vi_dte *pn_amdvi_dte_slot(const struct pn_amdvi *vi, uint16_t devid)
{
	return &vi->dtes[(devid ^ devid >> 6) & vi->dte_mask];
}

static inline uint32_t pn_amdvi_irte_key(uint16_t devid, uint32_t index)
{
	return PN_VI_VALID | (uint32_t)devid << PN_VI_INDEX_BITS | index;
}

static inline uint16_t pn_amdvi_irte_devid(const struct pn_vi_irte *e)
{
	return (uint16_t)(e->key >> PN_VI_INDEX_BITS);
}

static inline struct pn_vi_irte *pn_amdvi_irte_slot(const struct pn_amdvi *vi, uint16_t devid,
						    uint32_t index)
{
	return &vi->irtes[(index + devid * 67u) & vi->irte_mask];
}

/* Read an entry from memory and, where that is allowed, into the cache. Never NULL. */
const struct pn_vi_dte *pn_amdvi_dte_fetch(struct pn_amdvi *vi, uint16_t devid);
const struct pn_vi_irte *pn_amdvi_irte_fetch(struct pn_amdvi *vi, uint16_t devid, uint32_t index,
					     const struct pn_vi_dte *dte);
/* True if memory no longer agrees with the cached copy. */
bool pn_amdvi_dte_stale(const struct pn_vi_dte *dte);
bool pn_amdvi_irte_stale(const struct pn_amdvi *vi, const struct pn_vi_irte *e);
/* Drop cached entries; return how many there were. */
unsigned pn_amdvi_dte_drop(struct pn_amdvi *vi, uint16_t devid);
unsigned pn_amdvi_irte_drop(struct pn_amdvi *vi, uint16_t devid);
unsigned pn_amdvi_drop_all(struct pn_amdvi *vi);

static inline void pn_amdvi_send(struct pn_amdvi *vi, const struct pn_intr *m)
{
	if (vi->bus->intr)
		vi->bus->intr(vi->bus->ctx, m);
}

/* remap.c: IOMMU off, or no interrupt request at all: that is not translated here. */
enum pn_msi_result pn_amdvi_not_mine(struct pn_amdvi *vi, const struct pn_msi *msi);
/* Requests that the device table entry decides, without a remapping entry. */
enum pn_msi_result pn_amdvi_not_remapped(struct pn_amdvi *vi, const struct pn_msi *msi,
					 const struct pn_vi_dte *d);
/* Requests whose remapping entry does not post. */
enum pn_msi_result pn_amdvi_not_posted(struct pn_amdvi *vi, const struct pn_msi *msi,
				       const struct pn_vi_dte *d, const struct pn_vi_irte *e);
/* poison_stale: the host forgot an invalidation, of @e or, if NULL, of the device table entry. */
enum pn_msi_result pn_amdvi_stale(struct pn_amdvi *vi, const struct pn_msi *msi,
				  const struct pn_vi_irte *e);

/* cmd.c: after a write that may have given the command processor work. */
void pn_amdvi_kick(struct pn_amdvi *vi);

/* event.c: logs one event, or drops it. */
void pn_amdvi_event(struct pn_amdvi *vi, uint64_t q0, uint64_t q1);

/* intr.c */
/* Sets a Status latch (EventLogInt, ComWaitInt, GAInt) and interrupts on its way from 0 to 1. */
void pn_amdvi_latch(struct pn_amdvi *vi, uint64_t latch);

/* galog.c: appends to the guest APIC log (2.7). */
void pn_amdvi_galog(struct pn_amdvi *vi, uint32_t gatag, uint16_t devid);

#endif
