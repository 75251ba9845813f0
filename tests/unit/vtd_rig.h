/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_VTD_RIG_H
#define PN_TEST_VTD_RIG_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pages.h"
#include "postern/vtd.h"
#include "rig_ram.h"
#include "row.h"
#include "vectors.h"
#include "vtd_drv.h"

/*
 * One remapping unit behind a spy on its registers, its driver, and CPUs with local APICs. One
 * thread: what another agent could do in between is done from the spy or from the CPUs' steps.
 */

#define RIG_BASE	0x100000000ull
#define RIG_SIZE	0x400000u
#define RIG_DIRTY	0x8000u /* so much of it is not zero */
#define RIG_CPUS	3u
#define RIG_DEV		0x0841u
#define RIG_APICID(cpu) ((cpu)*2 + 0x20)
#define RIG_LOG		128u

#define row_is(name, got, want)                                                                    \
	do {                                                                                       \
		if (strcmp(got, want))                                                             \
			fail_msg("%s:\n  got      %s\n  expected %s", name, got, want);            \
	} while (0)

struct rig_write {
	uint32_t off;
	unsigned size;
	uint64_t value;
};

struct rig {
	struct pn_bus bus;
	struct pn_vtd *unit;
	struct pn_agent hw, agent[RIG_CPUS];
	struct pn_step_table hw_steps, cpu_steps[RIG_CPUS];
	struct pn_pages pages;
	struct pn_vtd_drv drv;
	struct pn_lapic lapic[RIG_CPUS];
	struct pn_intr intr; /* the last one */
	unsigned intrs;
	/* spy */
	struct rig_write log[RIG_LOG];
	unsigned writes;
	unsigned dead_after; /* so many writes arrive, no more */
	unsigned pump;	     /* asynchronous unit: descriptors after each write of IQT */
	uint64_t all_ones;   /* what reads give instead, if not 0 */
};

static inline uint64_t rig_read(void *ctx, uint32_t off, unsigned size)
{
	struct rig *r = ctx;
	uint64_t v;

	assert_int_equal(pn_vtd_read(r->unit, off, size, &v), 0);
	return r->all_ones ? r->all_ones : v;
}

static inline void rig_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct rig *r = ctx;

	if (r->writes < RIG_LOG)
		r->log[r->writes] = (struct rig_write){off, size, value};
	if (r->writes++ >= r->dead_after)
		return;
	assert_int_equal(pn_vtd_write(r->unit, off, size, value), 0);
	if (off == PN_VTD_IQT)
		pn_vtd_queue(r->unit, r->pump);
}

static inline void rig_intr(void *ctx, const struct pn_intr *m)
{
	struct rig *r = ctx;

	r->intrs++;
	r->intr = *m;
	for (uint32_t i = 0; i < RIG_CPUS; i++) {
		if (m->dest == RIG_APICID(i))
			pn_lapic_accept(&r->lapic[i], m->vector);
	}
}

/* The unit; the driver is not initialised. @tune may be NULL. */
static inline void rig_open(struct rig *r, void (*tune)(struct pn_vtd_config *))
{
	struct pn_vtd_config cfg;

	memset(r, 0, sizeof(*r));
	r->dead_after = UINT32_MAX;
	r->bus = (struct pn_bus){
		.ctx = r, .ram_base = RIG_BASE, .ram_size = RIG_SIZE, .intr = rig_intr};
	r->bus.ram = rig_ram_open(RIG_SIZE, RIG_DIRTY);
	pn_pages_init(&r->pages, &r->bus, RIG_BASE, RIG_SIZE);
	pn_host_agent_init(&r->hw, 0, &r->hw_steps, NULL);
	for (uint32_t i = 0; i < RIG_CPUS; i++)
		pn_host_agent_init(&r->agent[i], i, &r->cpu_steps[i], NULL);
	pn_vtd_config_default(&cfg);
	cfg.bus = &r->bus;
	cfg.agent = &r->hw;
	cfg.poison_stale = true;
	if (tune)
		tune(&cfg);
	assert_int_equal(pn_vtd_create(&cfg, &r->unit), 0);
	r->drv.mmio = (struct pn_mmio){.ctx = r, .read = rig_read, .write = rig_write};
}

static inline void rig_close(struct rig *r)
{
	pn_vtd_destroy(r->unit);
	rig_ram_close(r->bus.ram, RIG_SIZE);
}

static inline int rig_driver(struct rig *r, const struct pn_vtd_drv_config *cfg)
{
	return pn_vtd_drv_init(&r->drv, cfg, &r->bus, &r->pages, &r->agent[0]);
}

/* Unit and driver, x2APIC, 256 entries. */
static inline void rig_start(struct rig *r)
{
	rig_open(r, NULL);
	assert_int_equal(
		rig_driver(r, &(struct pn_vtd_drv_config){.irt_entries = 256, .x2apic = true}), 0);
}

static inline uint64_t rig_reg(struct rig *r, uint32_t off, unsigned size)
{
	uint64_t v;

	assert_int_equal(pn_vtd_read(r->unit, off, size, &v), 0);
	return v;
}

static inline enum pn_msi_result rig_msi_from(struct rig *r, uint16_t devid, uint32_t index)
{
	struct pn_msi m = {.devid = devid};

	pn_vtd_msi_encode((uint16_t)index, 0, &m.addr, &m.data);
	return pn_vtd_msi(r->unit, &m);
}

static inline enum pn_msi_result rig_msi(struct rig *r, uint32_t index)
{
	return rig_msi_from(r, RIG_DEV, index);
}

#endif
