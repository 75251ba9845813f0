/* SPDX-License-Identifier: MIT */
/* The machine of AMD: the IOMMUs' registers, the devices behind them, the threads of their logs. */
#include "engine.h"
#include "machine_amd.h"

/* Registers are never accessed there; the address says which. */
static char mmio[PK_IOMMUS][PN_AMDVI_MMIO_SIZE];

/* ---- registers of the IOMMUs ---- */

static struct unit *unit_at(const volatile void *addr, uint32_t *off)
{
	size_t at = (size_t)((const volatile char *)addr - mmio[0]);

	if (at >= sizeof(mmio))
		pn_not_finished("Linux accesses a register at a wild address");
	*off = (uint32_t)(at % sizeof(mmio[0]));
	return &units[at / sizeof(mmio[0])];
}

/* In the device: what the program waits for follows its status. */
static void follow(struct unit *u)
{
	uint64_t status;
	uint32_t runs;

	if (!machine.late)
		return;
	pn_amdvi_read(u->vi, PN_AMDVI_STATUS, 8, &status);
	runs = !!(status & PN_ST_GALOGRUN);
	if (*u->running != runs)
		pn_xchg32(u->running, runs);
	if (*u->goes_on && runs && (status & PN_ST_GALOVERFLOW))
		pn_xchg32(u->goes_on, 0);
}

/*
 * ERBT1312: the log's interrupt is cleared, and set at the same time. The machine has the worst
 * that can come of it: the bit stays set, and no interrupt is sent.
 */
static void accessed(struct unit *u, bool clears)
{
	if (machine.bug1312)
		pn_xchg32(u->cleared, clears);
}

uint64_t pn_reg_read(const volatile void *addr, unsigned size)
{
	uint64_t v = 0;
	uint32_t off;
	struct unit *u = unit_at(addr, &off);

	pn_settle();
	px_device_enter(u->busy);
	pn_amdvi_read(u->vi, off, size, &v);
	accessed(u, false);
	px_device_leave(u->busy);
	if (px.current >= 0 && machine.late && off == PN_AMDVI_STATUS)
		px_relax_on(u->running, !!(v & PN_ST_GALOGRUN));
	return v;
}

void pn_reg_write(volatile void *addr, unsigned size, uint64_t v)
{
	uint32_t off;
	struct unit *u = unit_at(addr, &off);

	pn_settle();
	if (machine.queued && px.current >= 0 && off == PN_AMDVI_CMD_TAIL) {
		pn_xchg64(u->tail, v);
		pn_xchg32(u->no_command, 0);
		return;
	}
	px_device_enter(u->busy);
	pn_amdvi_write(u->vi, off, size, v);
	accessed(u, off == PN_AMDVI_STATUS && v & PN_ST_GAINT);
	follow(u);
	px_device_leave(u->busy);
}

/* ---- hardware ---- */

static bool silent; /* the interrupt that the log now sets sends none */

/* Entries do not post at all times. */
static bool moves(void)
{
	return machine.attach || machine.detach || machine.destroy || machine.inhibit ||
	       machine.nogam || (machine.retarget && PK_GAPPI);
}

static void send_all(struct unit *u)
{
	for (unsigned i = (unsigned)(u - units); i < machine.posts; i += machine.iommus) {
		struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = i, .devid = PK_DEVID};
		enum pn_msi_result result;

		pu_change(1);
		px_device_enter(u->busy);
		silent = machine.bug1312 && pn_ld32(u->cleared);
		result = pn_amdvi_msi(u->vi, &msi);
		silent = false;
		if (result != PN_MSI_POSTED && (result != PN_MSI_REMAPPED || !moves()))
			px_fail("P4", "the unit did not post interrupt %u", i);
		follow(u);
		px_device_leave(u->busy);
		pu_change(0);
	}
}

static void device(void *arg)
{
	for (unsigned n = 0; n < 1u + machine.again; n++)
		send_all(arg);
}

/* What commands take to be executed. */
static void execute(void *arg)
{
	struct unit *u = arg;

	for (;;) {
		px_sleep(u->no_command, "a command");
		pn_xchg32(u->no_command, 1);
		px_doing("executes commands");
		px_device_enter(u->busy);
		pn_amdvi_write(u->vi, PN_AMDVI_CMD_TAIL, 8, pn_ld64(u->tail));
		px_device_leave(u->busy);
		px_doing("");
	}
}

/* What the log takes to stop. */
static void stop(void *arg)
{
	struct unit *u = arg;

	for (;;) {
		px_sleep(u->goes_on, "the log has overflowed");
		px_doing("the log stops: GALogRun=0");
		px_device_enter(u->busy);
		pn_amdvi_log_stop(u->vi);
		pn_xchg32(u->goes_on, 1);
		follow(u);
		px_device_leave(u->busy);
		px_doing("");
	}
}

static void deliver(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	if (silent)
		return;
	if (intr->vector >= HOST_VECTOR && intr->vector < HOST_VECTOR + machine.posts &&
	    intr->dest != LOG_CPU)
		px_fail("P4", "an interrupt of the host goes to APIC ID %u", intr->dest);
	else if (intr->dest >= machine.cpus)
		px_fail("P4", "an interrupt goes to APIC ID %u, which does not exist", intr->dest);
	else if (mt_is_online((int)intr->dest))
		px_send((int)intr->dest, intr->vector);
}

static void doorbell(void *ctx, uint32_t apicid)
{
	(void)ctx;
	if (apicid >= machine.cpus)
		px_fail("P4", "a doorbell goes to APIC ID %u, which does not exist", apicid);
	else
		am_doorbell(apicid);
}

static void *map(void *ctx, uint64_t pa, size_t len)
{
	char *p = (char *)(uintptr_t)(pa - pk_pa(NULL));

	(void)ctx;
	return p >= px.arena && p + len <= px.arena + px.arena_size ? p : NULL;
}

static void log_thread(void *arg)
{
	struct unit *u = arg;

	for (;;) {
		px_sleep(u->idle, "log thread");
		pn_xchg32(u->idle, 1);
		pk_galog_thread(u->linux_iommu);
		pn_settle();
	}
}

static uint64_t features(uint64_t efr)
{
	if (!PK_GAPPI || machine.lacking)
		efr &= ~PN_EFR_GAPPISUP;
	if (machine.nogam)
		efr &= ~PN_EFR_GAMSUP;
	return efr & ~PN_EFR_XTSUP;
}

void am_build_units(void)
{
	struct pn_amdvi_config hw;

	bus = (struct pn_bus){.map = map, .intr = deliver, .doorbell = doorbell};
	pn_amdvi_config_default(&hw);
	hw.bus = &bus;
	hw.dte_cache = 1;
	hw.irte_cache = 4;
	hw.knobs.galog_ring = machine.ring;
	hw.async_stop = machine.late;
	hw.efr = features(hw.efr);
	if (machine.nodis)
		hw.efr2 &= ~PN_EFR2_GAPPIDISSUP;
	for (unsigned i = 0; i < machine.iommus; i++) {
		struct unit *u = &units[i];

		hw.peer = i ? units[0].vi : NULL;
		u->busy = px_alloc(64, 64);
		u->idle = px_alloc(64, 64);
		u->running = px_alloc(64, 64);
		u->goes_on = px_alloc(64, 64);
		u->cleared = px_alloc(64, 64);
		u->no_command = px_alloc(64, 64);
		u->tail = px_alloc(64, 64);
		*u->no_command = 1;
		pu_name(u->no_command, 4, "no command for IOMMU", (int)i);
		pu_name(u->tail, 8, "tail of the command buffer, IOMMU", (int)i);
		*u->idle = *u->running = *u->goes_on = 1;
		pu_name(u->running, 4, "GALogRun of IOMMU", (int)i);
		pu_name(u->cleared, 4, "the last access cleared the log's interrupt, IOMMU",
			(int)i);
		pu_name(u->goes_on, 4, "the log goes on, IOMMU", (int)i);
		pu_name(u->busy, 4, "IOMMU itself", (int)i);
		pu_name(u->idle, 4, "log thread asleep", (int)i);
		pn_amdvi_create(&hw, &u->vi);
		pn_amdvi_pci_msi(u->vi, true, PN_MSI_ADDR_BASE | LOG_CPU << 12, LOG_VECTOR + i);
		u->linux_iommu = pk_iommu((int)i, mmio[i], !machine.novapic);
	}
	pk_iommus_ready();
}

void am_build_devices(void)
{
	static const char *const device_name[] = {"IOMMU 0", "IOMMU 1"};
	static const char *const thread_name[] = {"log thread 0", "log thread 1"};

	for (unsigned i = 0; i < machine.iommus; i++) {
		px_thread(device_name[i], -1, device, &units[i]);
		if (!pk_gappi_is_on())
			px_thread(thread_name[i], LOG_CPU, log_thread, &units[i]);
		if (machine.queued)
			px_thread("commands", -1, execute, &units[i]);
		if (machine.late)
			px_thread("log", -1, stop, &units[i]);
	}
}
