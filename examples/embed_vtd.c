/* SPDX-License-Identifier: MIT */
/*
 * An emulator's view of Intel: a remapping unit posts a device's interrupt into the descriptor of a
 * vCPU, and the processor that runs the vCPU takes it without an exit. Then the vCPU sends an IPI
 * to one that does not run.
 */
#include <postern/postern.h>

#include <inttypes.h>
#include <stdio.h>

enum {
	IRT = 0x1000,
	PAGE = 0x2000,
	PID_TABLE = 0x3000,
	PIDS = 0x4000,
	RAM = 0x8000,
	DEVID = 0x0010,
	NOTIFY = 0xF2, /* active: posted processing in the guest */
	WAKEUP = 0xF1, /* the vCPU sleeps: the host's handler wakes it */
};

static _Alignas(4096) uint8_t ram[RAM];
static struct pn_lapic lapic[8]; /* of the physical CPUs */

/* The models' only way out: deliver a physical interrupt. */
static void on_interrupt(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	printf("interrupt: vector 0x%02x to APIC %" PRIu32 "\n", intr->vector, intr->dest);
	if (intr->dest < 8)
		pn_lapic_accept(&lapic[intr->dest], intr->vector);
}

static struct pn_pid *pid(unsigned vcpu)
{
	return (struct pn_pid *)(void *)(ram + PIDS) + vcpu;
}

/*
 * Writes what a hypervisor would write: a descriptor, its entry in the PID-pointer table, and a
 * posted entry of the remapping table.
 */
static void set_up(unsigned vcpu, uint8_t nv, uint32_t apicid)
{
	uint64_t *table = (uint64_t *)(void *)(ram + PID_TABLE);

	pid(vcpu)->control = (uint64_t)nv << PN_PID_NV_SH | pn_pid_ndst(apicid, true);
	table[vcpu] = (PIDS + vcpu * sizeof(struct pn_pid)) | PN_PIDPTR_VALID;
}

static void write_irte(unsigned index, unsigned vcpu, uint8_t vector)
{
	struct pn_virte irte = {
		.p = true,
		.im = true,
		.pid = PIDS + vcpu * sizeof(struct pn_pid),
		.vector = vector,
		.sid = DEVID,
		.svt = PN_SVT_SID,
	};

	((struct pn_virte_raw *)(void *)(ram + IRT))[index] = pn_virte_encode(&irte, true);
}

static int start_unit(const struct pn_bus *bus, struct pn_vtd **unit)
{
	struct pn_vtd_config cfg;

	pn_vtd_config_default(&cfg);
	cfg.bus = bus;
	if (pn_vtd_create(&cfg, unit))
		return -1;
	/* 2^(7 + 1) entries, x2APIC. */
	pn_vtd_write(*unit, PN_VTD_IRTA, 8, IRT | PN_VTD_IRTA_EIME | 7);
	pn_vtd_write(*unit, PN_VTD_GCMD, 4, PN_VTD_G_SIRTP);
	pn_vtd_write(*unit, PN_VTD_GCMD, 4, PN_VTD_G_IRE);
	return 0;
}

static int enter(struct pn_apicv *core, unsigned vcpu)
{
	struct pn_vmcs_apic vmcs = {
		.pin = PN_PIN_EXT_INT_EXIT | PN_PIN_POSTED_INTR,
		.proc = PN_PROC_TERTIARY | PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY,
		.proc2 = PN_PROC2_X2APIC | PN_PROC2_APIC_REGS | PN_PROC2_VID,
		.proc3 = PN_PROC3_IPI_VIRT,
		.exit_ctl = PN_EXITCTL_ACK_INTR,
		.posted_nv = NOTIFY,
		.last_pid_index = 1,
		.virtual_apic = PAGE,
		.pid = PIDS + vcpu * sizeof(struct pn_pid),
		.pid_table = PID_TABLE,
	};
	struct pn_apicv_exit exit;

	return pn_apicv_vmentry(core, &vmcs, &exit);
}

int main(void)
{
	struct pn_bus bus = {.ram = ram, .ram_size = RAM, .intr = on_interrupt};
	struct pn_msi msi = {.devid = DEVID};
	struct pn_apicv_features feat;
	struct pn_apicv_exit exit;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_apicv core;
	struct pn_vtd *unit;
	int vector;

	set_up(0, NOTIFY, 3); /* vCPU 0 runs on CPU 3 */
	set_up(1, WAKEUP, 5); /* vCPU 1 sleeps; its notifications go to CPU 5 */
	write_irte(0, 0, 0x41);
	pn_agent_init(&agent, 3, steps);
	pn_apicv_features_default(&feat);
	pn_apicv_init(&core, &bus, &agent, &feat, true);
	if (start_unit(&bus, &unit) || enter(&core, 0))
		return 1;

	pn_vtd_msi_encode(0, 0, &msi.addr, &msi.data);
	if (pn_vtd_msi(unit, &msi) != PN_MSI_POSTED)
		return 1;
	if (pn_apicv_intr(&core, &lapic[3], &vector) != PN_INTR_POSTED)
		return 1; /* PN_INTR_EXIT: leave the guest */
	if (pn_apicv_pending(&core, true) >= 0)
		printf("guest:     vector 0x%02x, no exit\n", (unsigned)pn_apicv_deliver(&core));

	/* WRMSR 830h, the ICR: vector 0x42 to vCPU 1. */
	if (pn_apicv_wrmsr(&core, PN_X2APIC_MSR + 0x30, 1ull << 32 | 0x42, &exit) != PN_APICV_DONE)
		return 1; /* PN_APICV_TRAP: an exit, the hypervisor sends it */
	printf("posted:    vector 0x42, ON = %u\n", (unsigned)(pid(1)->control & PN_PID_ON));
	pn_vtd_destroy(unit);
	return pid(1)->pir[1] == 1ull << (0x42 - 64) ? 0 : 1;
}
