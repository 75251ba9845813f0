/* SPDX-License-Identifier: MIT */
#ifndef PN_HW_INTEL_VTD_PRIV_H
#define PN_HW_INTEL_VTD_PRIV_H

#include "postern/vtd.h"
#include "seam.h"

/* What the files of the remapping unit share. References: VT-d rev 5.10. */

#define PN_VTD_REG_END	   0xC0u /* the registers of rows[] end here; fault records may follow */
#define PN_VTD_RECORDS	   256u
#define PN_VTD_CACHE_SIZE  1024u
#define PN_VTD_CACHE_MAX   (1u << 20)
#define PN_VTD_ENTRY_VALID (1u << 31) /* in the key of a cache slot */

/* Status fields whose setting is an interrupt condition while none of them was set. */
#define PN_VTD_FSTS_EVENTS (PN_VTD_FSTS_PPF | PN_VTD_FSTS_IQE | PN_VTD_FSTS_ICE | PN_VTD_FSTS_ITE)

/* An entry of the remapping table, from the cache or fetched just now. */
struct pn_vtd_entry {
	uint32_t key; /* PN_VTD_ENTRY_VALID | index */
	uint8_t bad;  /* PN_VIRTE_BAD_* */
	uint8_t fail; /* enum pn_vtd_fault: why no entry could be read */
	struct pn_virte f;
	struct pn_virte_raw raw;
	struct pn_pid *pid; /* NULL: remapped form, or no memory there */
};

struct pn_vtd_record {
	uint64_t lo, hi;
};

struct pn_vtd {
	/* read by every interrupt */
	struct pn_agent *agent;
	bool on;     /* GSTS.IRES */
	bool compat; /* compatibility requests pass: CFIS = 1 and EIME = 0 */
	bool eimer;  /* every request is blocked: EIMER = 1 and EIME = 0 */
	bool cm;
	bool poison;
	struct pn_virte_env env; /* of the latched IRTA */
	uint64_t table;		 /* base and number of entries of the latched IRTA */
	uint32_t entries;
	uint32_t cache_mask;
	struct pn_vtd_entry *cache;
	struct pn_vtd_entry scratch; /* the last fetched entry, if it is not cached */
	const struct pn_bus *bus;
	struct pn_vtd_knobs knobs;
	struct pn_vtd_stats stats;

	uint64_t cap, ecap;
	uint32_t version;
	bool async_queue;
	uint8_t ttm; /* of the latched RTADDR */
	uint32_t reg[PN_VTD_REG_END / 4];
	uint32_t record_base; /* offset of the fault records */
	uint32_t record_count;
	uint32_t record_next;
	struct pn_vtd_record record[PN_VTD_RECORDS];
	struct pn_agent own_agent;
	struct pn_step_slot own_steps[PN_STEP_NR];
};

static inline bool pn_rarely(bool x)
{
	return __builtin_expect(x, 0);
}

/* Memory for an atomic access of @len bytes, or NULL: none, or the embedder's is misaligned. */
static inline void *pn_vtd_ptr(const struct pn_vtd *v, uint64_t pa, size_t len, size_t align)
{
	void *p = pn_bus_ptr(v->bus, pa, len);

	return (uintptr_t)p & (align - 1) ? NULL : p;
}

/* Do @len bytes at @pa end above the host address width? */
static inline bool pn_vtd_beyond(const struct pn_vtd *v, uint64_t pa, uint32_t len)
{
	const uint64_t last = pa + len - 1;

	return last < pa || (v->env.haw < 64 && last >> v->env.haw);
}

static inline uint32_t *pn_vtd_reg(struct pn_vtd *v, uint32_t off)
{
	return &v->reg[off / 4];
}

static inline uint64_t pn_vtd_reg64(const struct pn_vtd *v, uint32_t off)
{
	return v->reg[off / 4] | (uint64_t)v->reg[off / 4 + 1] << 32;
}

/* vtd_regs.c: power-on values, and what depends on them. */
void pn_vtd_regs_reset(struct pn_vtd *v);

/* vtd_cache.c */
static inline struct pn_vtd_entry *pn_vtd_slot(const struct pn_vtd *v, uint32_t index)
{
	return &v->cache[index & v->cache_mask];
}

/* Reads an entry from memory and, where that is allowed, into the cache. Never NULL. @index is
 * below v->entries. */
const struct pn_vtd_entry *pn_vtd_fetch(struct pn_vtd *v, uint32_t index);
/* True if memory no longer agrees with the cached copy. */
bool pn_vtd_stale(const struct pn_vtd *v, const struct pn_vtd_entry *e, uint32_t index);
/* Drop cached entries: 2^@im from @index on, its low bits ignored; return how many there were. */
unsigned pn_vtd_drop(struct pn_vtd *v, uint32_t index, unsigned im);
unsigned pn_vtd_drop_all(struct pn_vtd *v);

/* vtd_queue.c: after a write that may have given the queue work. */
void pn_vtd_kick(struct pn_vtd *v);

/* vtd_fault.c */
/* Records an interrupt remapping fault, or drops it. */
void pn_vtd_record_fault(struct pn_vtd *v, uint8_t reason, uint32_t index, uint16_t sid);
/* Sets FSTS bits, and interrupts if that is a new condition. */
void pn_vtd_event(struct pn_vtd *v, uint32_t fsts);
/* Registers in the fault records: 4 bytes at @off from the first. */
uint32_t pn_vtd_record_read(const struct pn_vtd *v, uint32_t off);
void pn_vtd_record_write(struct pn_vtd *v, uint32_t off, uint32_t value);
/* Software has serviced some status field. */
void pn_vtd_fault_serviced(struct pn_vtd *v);

/* vtd_intr.c: the message of FECTL or IECTL, whose offset is @ctl: sent, or held back by IM. */
void pn_vtd_raise(struct pn_vtd *v, uint32_t ctl);
/* Software writes FECTL or IECTL. */
void pn_vtd_write_ectl(struct pn_vtd *v, uint32_t ctl, uint32_t value);

#endif
