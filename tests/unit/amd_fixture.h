/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_AMD_FIXTURE_H
#define PN_TEST_AMD_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "postern/amdvi.h"
#include "postern/x86.h"
#include "row.h"
#include "seam.h"

/* One IOMMU on a bus of 4 MiB that records the interrupts and doorbells for the processors. */

#define F_BASE	  0x100000000ull
#define F_SIZE	  0x400000u
#define F_DEVTAB  (F_BASE + 0x000000) /* 64 KiB: DevIDs 0 to 7FFh */
#define F_DT_SIZE 15u
#define F_CMD	  (F_BASE + 0x010000)
#define F_EVT	  (F_BASE + 0x020000)
#define F_GALOG	  (F_BASE + 0x030000)
#define F_SHADOW  (F_BASE + 0x050000)
#define F_SEM	  (F_BASE + 0x051000)
#define F_IRT	  (F_BASE + 0x060000) /* one table of 2048 entries per test device */
#define F_IRT2	  (F_BASE + 0x070000)
#define F_PAGE	  (F_BASE + 0x080000)
#define F_PAGE2	  (F_BASE + 0x081000)
#define F_NOWHERE 0x0000000700000000ull

#define F_DEV  0x0041u
#define F_DEV2 0x0746u /* shares the bucket of F_DEV in the IRTE cache */
#define F_MSI  0xFEE01004ull

#define F_LEN(n)  ((uint64_t)(n) << PN_AMDVI_LEN_SH)
#define F_RUN	  (PN_CTRL_IOMMUEN | PN_CTRL_CMDBUFEN | PN_CTRL_EVENTLOGEN)
#define F_GUEST	  (F_RUN | PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC | PN_CTRL_XTEN)
#define F_GALOGON (F_GUEST | PN_CTRL_GALOGEN | PN_CTRL_GAINTEN | PN_CTRL_INTCAPXTEN)
#define F_GAPPION (F_GUEST | PN_CTRL_GAPPIEN)

#define F_MAX 64u

struct fix {
	struct pn_bus bus;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_amdvi *vi;
	struct pn_amdvi_config cfg;
	struct pn_intr intr[F_MAX];
	uint32_t bell[F_MAX];
	unsigned intrs, bells;
	uint32_t cmd_tail;
};

static inline void f_intr(void *ctx, const struct pn_intr *m)
{
	struct fix *f = ctx;

	f->intr[f->intrs++ % F_MAX] = *m;
}

static inline void f_bell(void *ctx, uint32_t apicid)
{
	struct fix *f = ctx;

	f->bell[f->bells++ % F_MAX] = apicid;
}

static inline void *f_ptr(struct fix *f, uint64_t pa)
{
	return f->bus.ram + (pa - F_BASE);
}

static inline uint64_t f_ld(struct fix *f, uint64_t pa)
{
	return *(uint64_t *)f_ptr(f, pa);
}

static inline void f_st(struct fix *f, uint64_t pa, uint64_t v)
{
	*(uint64_t *)f_ptr(f, pa) = v;
}

static inline uint64_t f_rd(struct fix *f, uint32_t off)
{
	uint64_t v;

	assert_int_equal(pn_amdvi_read(f->vi, off, 8, &v), 0);
	return v;
}

static inline void f_wr(struct fix *f, uint32_t off, uint64_t v)
{
	assert_int_equal(pn_amdvi_write(f->vi, off, 8, v), 0);
}

static inline void f_forget(struct fix *f)
{
	f->intrs = f->bells = 0;
	for (unsigned step = 0; step < PN_STEP_NR; step++)
		f->steps[step].count = 0;
}

/* Sets rings and tables up and writes Control. Interrupt of the GA log: 31h at APIC 5. */
static inline void f_enable(struct fix *f, uint64_t control)
{
	f_wr(f, PN_AMDVI_CONTROL, 0);
	f_wr(f, PN_AMDVI_DEVTAB, F_DEVTAB | F_DT_SIZE);
	f_wr(f, PN_AMDVI_CMDBUF, F_CMD | F_LEN(8));
	f_wr(f, PN_AMDVI_EVTLOG, F_EVT | F_LEN(8));
	f_wr(f, PN_AMDVI_GALOG, F_GALOG | F_LEN(8));
	f_wr(f, PN_AMDVI_GALOG_TAIL_ADDR, F_SHADOW);
	f_wr(f, PN_AMDVI_XT_GA, 0x0000003100000500ull);
	f_wr(f, PN_AMDVI_XT_GEN, 0x0000003200000600ull);
	f_wr(f, PN_AMDVI_STATUS, PN_ST_W1C);
	f->cmd_tail = 0;
	f_wr(f, PN_AMDVI_CONTROL, control);
}

static inline void f_open(struct fix *f, const struct pn_amdvi_config *cfg)
{
	memset(f, 0, sizeof(*f));
	f->bus = (struct pn_bus){.ctx = f,
				 .ram_base = F_BASE,
				 .ram_size = F_SIZE,
				 .intr = f_intr,
				 .doorbell = f_bell};
	f->bus.ram = aligned_alloc(4096, F_SIZE);
	assert_non_null(f->bus.ram);
	memset(f->bus.ram, 0, F_SIZE);
	pn_agent_init(&f->agent, 1, f->steps);
	row_watch(&f->agent);
	row_watch(&f->agent);
	if (cfg)
		f->cfg = *cfg;
	else
		pn_amdvi_config_default(&f->cfg);
	f->cfg.bus = &f->bus;
	f->cfg.agent = &f->agent;
	assert_int_equal(pn_amdvi_create(&f->cfg, &f->vi), 0);
}

static inline void f_close(struct fix *f)
{
	pn_amdvi_destroy(f->vi);
	free(f->bus.ram);
}

static inline void f_dte(struct fix *f, uint16_t devid, uint64_t qword2)
{
	f_st(f, F_DEVTAB + devid * PN_DTE_SIZE + 16, qword2);
}

/* IV, 2048 or @len entries, remap. */
static inline uint64_t f_dte_remap(uint64_t root, unsigned len)
{
	return PN_DTE_IV | (uint64_t)len << PN_DTE_INTTABLEN_SH | root |
	       (uint64_t)PN_INTCTL_REMAP << PN_DTE_INTCTL_SH;
}

static inline void f_irte(struct fix *f, uint64_t table, uint32_t index, struct pn_irte128 raw)
{
	f_st(f, table + index * 16, raw.lo);
	f_st(f, table + index * 16 + 8, raw.hi);
}

/* Guest form: RemapEn, the given low flags, dest 7, tag 0x1000 + vector. */
static inline struct pn_irte128 f_guest(uint64_t page, uint8_t vector, uint64_t flags)
{
	return (struct pn_irte128){
		.lo = PN_IRTE_REMAPEN | PN_IRTE_GUESTMODE | flags | 7ull << PN_IRTE_DESTLO_SH |
		      (0x1000ull + vector) << PN_IRTE_GATAG_SH,
		.hi = page | vector,
	};
}

static inline void f_cmd(struct fix *f, struct pn_amd_cmd c)
{
	f_st(f, F_CMD + f->cmd_tail, c.q0);
	f_st(f, F_CMD + f->cmd_tail + 8, c.q1);
	f->cmd_tail = (f->cmd_tail + 16) & 0xFFF;
	f_wr(f, PN_AMDVI_CMD_TAIL, f->cmd_tail);
}

static inline enum pn_msi_result f_msi(struct fix *f, uint16_t devid, uint32_t data)
{
	const struct pn_msi m = {.addr = F_MSI, .data = data, .devid = devid};

	return pn_amdvi_msi(f->vi, &m);
}

static inline uint32_t f_irr(struct fix *f, uint64_t page, uint8_t vector)
{
	return *(uint32_t *)f_ptr(f, page + pn_apic_word(PN_APIC_IRR, vector));
}

static inline void f_irr_clear(struct fix *f, uint64_t page)
{
	memset(f_ptr(f, page), 0, 4096);
}

/* Number of logged events; the last one, if any, in @last. */
static inline unsigned f_events(struct fix *f, struct pn_amd_event *last)
{
	uint32_t tail = (uint32_t)f_rd(f, PN_AMDVI_EVT_TAIL);

	if (tail && last) {
		last->q0 = f_ld(f, F_EVT + tail - 16);
		last->q1 = f_ld(f, F_EVT + tail - 8);
	}
	return tail / 16;
}

#endif
