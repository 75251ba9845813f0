/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_VTD_FIXTURE_H
#define PN_TEST_VTD_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "postern/vtd.h"
#include "row.h"
#include "seam.h"

/* One remapping unit on a bus of 4 MiB that records what reaches the processors. Sections in rows
 * are those of VT-d rev 5.10. */

#define V_BASE	  0x100000000ull
#define V_SIZE	  0x400000u
#define V_IRT	  (V_BASE + 0x000000) /* 64K entries */
#define V_IRT2	  (V_BASE + 0x100000)
#define V_QUEUE	  (V_BASE + 0x200000)
#define V_SEM	  (V_BASE + 0x210000)
#define V_PID	  (V_BASE + 0x220000)
#define V_PID2	  (V_BASE + 0x220040)
#define V_NOWHERE 0x0000000700000000ull
#define V_DEV	  0x3A41u

#define V_MAX 64u

struct vfix {
	struct pn_bus bus;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_vtd *v;
	struct pn_vtd_config cfg;
	struct pn_intr intr[V_MAX];
	unsigned intrs;
	uint32_t qt; /* tail of the queue, 128-bit descriptors */
};

static inline void v_intr(void *ctx, const struct pn_intr *m)
{
	struct vfix *f = ctx;

	f->intr[f->intrs++ % V_MAX] = *m;
}

static inline void *v_ptr(struct vfix *f, uint64_t pa)
{
	return f->bus.ram + (pa - V_BASE);
}

static inline uint64_t v_ld(struct vfix *f, uint64_t pa)
{
	return *(uint64_t *)v_ptr(f, pa);
}

static inline void v_st(struct vfix *f, uint64_t pa, uint64_t value)
{
	*(uint64_t *)v_ptr(f, pa) = value;
}

static inline uint64_t v_rd(struct vfix *f, uint32_t off)
{
	uint64_t value;

	assert_int_equal(pn_vtd_read(f->v, off, 8, &value), 0);
	return value;
}

static inline uint32_t v_rd32(struct vfix *f, uint32_t off)
{
	uint64_t value;

	assert_int_equal(pn_vtd_read(f->v, off, 4, &value), 0);
	assert_int_equal(value >> 32, 0);
	return (uint32_t)value;
}

static inline void v_wr(struct vfix *f, uint32_t off, uint64_t value)
{
	assert_int_equal(pn_vtd_write(f->v, off, 8, value), 0);
}

static inline void v_wr32(struct vfix *f, uint32_t off, uint32_t value)
{
	assert_int_equal(pn_vtd_write(f->v, off, 4, value), 0);
}

static inline void v_open(struct vfix *f, const struct pn_vtd_config *cfg)
{
	memset(f, 0, sizeof(*f));
	f->bus = (struct pn_bus){.ctx = f, .ram_base = V_BASE, .ram_size = V_SIZE, .intr = v_intr};
	f->bus.ram = aligned_alloc(4096, V_SIZE);
	assert_non_null(f->bus.ram);
	memset(f->bus.ram, 0, V_SIZE);
	pn_agent_init(&f->agent, 1, f->steps);
	row_watch(&f->agent);
	row_watch(&f->agent);
	if (cfg)
		f->cfg = *cfg;
	else
		pn_vtd_config_default(&f->cfg);
	f->cfg.bus = &f->bus;
	f->cfg.agent = &f->agent;
	assert_int_equal(pn_vtd_create(&f->cfg, &f->v), 0);
}

static inline void v_close(struct vfix *f)
{
	pn_vtd_destroy(f->v);
	free(f->bus.ram);
}

static inline void v_forget(struct vfix *f)
{
	f->intrs = 0;
	for (unsigned step = 0; step < PN_STEP_NR; step++)
		f->steps[step].count = 0;
}

/* One more bit of GCMD on or off, as drivers do it. */
static inline void v_gcmd(struct vfix *f, uint32_t set, uint32_t clear)
{
	const uint32_t levels = v_rd32(f, PN_VTD_GSTS) & ~(PN_VTD_G_SIRTP | PN_VTD_G_SRTP);

	v_wr32(f, PN_VTD_GCMD, (levels | set) & ~clear);
}

/* Table of 2^(@s + 1) entries, SIRTP, IRE. @eime: PN_VTD_IRTA_EIME or 0. */
static inline void v_remap(struct vfix *f, uint64_t table, uint64_t eime, unsigned s)
{
	v_wr(f, PN_VTD_IRTA, table | eime | s);
	v_gcmd(f, PN_VTD_G_SIRTP, 0);
	v_gcmd(f, PN_VTD_G_IRE, 0);
}

/* Queue of one page, on. */
static inline void v_queue(struct vfix *f)
{
	f->qt = 0;
	v_wr(f, PN_VTD_IQA, V_QUEUE);
	v_wr32(f, PN_VTD_IQT, 0);
	v_gcmd(f, PN_VTD_G_QIE, 0);
}

static inline void v_submit(struct vfix *f, uint64_t q0, uint64_t q1)
{
	v_st(f, V_QUEUE + f->qt, q0);
	v_st(f, V_QUEUE + f->qt + 8, q1);
	f->qt = (f->qt + 16) & 0xFFF;
	v_wr32(f, PN_VTD_IQT, f->qt);
}

static inline void v_irte(struct vfix *f, uint64_t table, uint32_t index, struct pn_virte_raw raw)
{
	v_st(f, table + index * 16, raw.lo);
	v_st(f, table + index * 16 + 8, raw.hi);
}

/* Posted form: P = 1, and @flags in the low quadword. */
static inline struct pn_virte_raw v_posted(uint64_t pid, uint8_t vector, uint64_t flags)
{
	const struct pn_virte i = {.p = true, .im = true, .pid = pid, .vector = vector};
	struct pn_virte_raw raw = pn_virte_encode(&i, true);

	raw.lo |= flags;
	return raw;
}

/* Remapped form: P = 1, fixed, edge, physical. */
static inline struct pn_virte_raw v_remapped(uint32_t dest, uint8_t vector, bool eime)
{
	const struct pn_virte i = {.p = true, .dest = dest, .vector = vector};

	return pn_virte_encode(&i, eime);
}

static inline enum pn_msi_result v_msi(struct vfix *f, uint16_t handle, uint16_t subhandle)
{
	struct pn_msi m = {.devid = V_DEV};

	pn_vtd_msi_encode(handle, subhandle, &m.addr, &m.data);
	return pn_vtd_msi(f->v, &m);
}

static inline struct pn_pid *v_pid(struct vfix *f, uint64_t pa)
{
	return v_ptr(f, pa);
}

/* F2h to APIC 7, in x2APIC mode. */
#define V_CONTROL (0xF2ull << PN_PID_NV_SH | 7ull << PN_PID_NDST_SH)

static inline uint32_t v_records(const struct vfix *f)
{
	return (uint32_t)((f->cfg.cap & PN_VTD_CAP_FRO) >> PN_VTD_CAP_FRO_SH) * 16;
}

/* Reason of the fault in record @i, or 0 if it is free. */
static inline unsigned v_reason(struct vfix *f, unsigned i)
{
	const uint64_t hi = v_rd(f, v_records(f) + 16 * i + 8);

	return hi & PN_VTD_FR_F ? (unsigned)(hi >> PN_VTD_FR_REASON_SH) & 0xFF : 0;
}

#endif
