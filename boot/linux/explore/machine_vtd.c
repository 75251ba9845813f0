/* SPDX-License-Identifier: MIT */
/* The VT-d unit of both of Intel's machines: its registers, and the MSIs that it handles. */
#include "engine.h"
#include "kernel_vtd.h"
#include "machine_data.h"
#include "machine_vtd.h"

static struct pn_vtd *vtd;
static struct pn_lock *busy;
/* Registers are never accessed there; the address says which. */
static char mmio[PN_VTD_MMIO_SIZE];

struct pn_bus mv_bus;

static uint32_t offset_of(const volatile void *addr)
{
	size_t at = (size_t)((const volatile char *)addr - mmio);

	if (at >= sizeof(mmio))
		pn_not_finished("Linux accesses a register at a wild address");
	return (uint32_t)at;
}

uint64_t pn_reg_read(const volatile void *addr, unsigned size)
{
	uint64_t v = 0;

	pn_settle();
	px_device_enter(busy);
	pn_vtd_read(vtd, offset_of(addr), size, &v);
	px_device_leave(busy);
	return v;
}

void pn_reg_write(volatile void *addr, unsigned size, uint64_t v)
{
	pn_settle();
	px_device_enter(busy);
	pn_vtd_write(vtd, offset_of(addr), size, v);
	px_device_leave(busy);
}

enum pn_msi_result mv_msi(const struct pn_msi *msi)
{
	enum pn_msi_result r;

	px_device_enter(busy);
	r = pn_vtd_msi(vtd, msi);
	px_device_leave(busy);
	return r;
}

void mv_wait(void)
{
	px_device_enter(busy);
	px_device_leave(busy);
}

static void *map(void *ctx, uint64_t pa, size_t len)
{
	char *p = (char *)(uintptr_t)(pa - pk_pa(NULL));

	(void)ctx;
	return p >= px.arena && p + len <= px.arena + px.arena_size ? p : NULL;
}

void mv_build(void (*deliver)(void *ctx, const struct pn_intr *intr), bool x2apic)
{
	struct pn_vtd_config hw;

	mv_bus = (struct pn_bus){.map = map, .intr = deliver};
	busy = px_alloc(64, 64);
	px_name(busy, 4, "the unit");
	pn_vtd_config_default(&hw);
	hw.bus = &mv_bus;
	hw.irte_cache = 8;
	pn_vtd_create(&hw, &vtd);
	pk_unit(mmio, x2apic);
}
