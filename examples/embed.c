/* SPDX-License-Identifier: MIT */
/*
 * An emulator's view: you own the memory and the bus, the model owns the registers. One device
 * interrupt is posted to a vCPU that runs (doorbell) and one to a vCPU that sleeps (GAPPI).
 */
#include <postern/postern.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEVTAB = 0x1000, IRT = 0x2000, VAPIC = 0x4000, RAM = 0x8000, DEVID = 0x0010 };

static _Alignas(4096) uint8_t ram[RAM];

static void on_interrupt(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	printf("interrupt: vector 0x%02x to APIC %" PRIu32 "\n", intr->vector, intr->dest);
}

static void on_doorbell(void *ctx, uint32_t apicid)
{
	(void)ctx;
	printf("doorbell:  APIC %" PRIu32 "\n", apicid);
}

/* Writes what a hypervisor would write: one guest-mode entry of the remapping table. */
static void write_irte(unsigned index, uint8_t vector, bool running, uint32_t apicid)
{
	struct pn_irte irte = {
		.form = PN_IRTE_128_GUEST,
		.remapen = true,
		.guestmode = true,
		.isrun = running,
		.dest = apicid,
		.gatag = 0xF1, /* GAPPI: GATag[7:0] is the vector of the notification */
		.root = VAPIC,
		.vector = vector,
	};
	struct pn_irte128 raw = pn_irte128_encode(&irte);

	memcpy(ram + IRT + index * sizeof(raw), &raw, sizeof(raw));
}

int main(void)
{
	struct pn_bus bus = {
		.ram = ram, .ram_size = RAM, .intr = on_interrupt, .doorbell = on_doorbell};
	struct pn_dte dte = {.iv = true, .inttablen = 4, .root = IRT, .intctl = PN_INTCTL_REMAP};
	struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .devid = DEVID};
	uint64_t qword2 = pn_dte_encode(&dte);
	struct pn_amdvi_config cfg;
	struct pn_amdvi *iommu;

	pn_amdvi_config_default(&cfg);
	cfg.bus = &bus;
	if (pn_amdvi_create(&cfg, &iommu))
		return 1;
	memcpy(ram + DEVTAB + DEVID * PN_DTE_SIZE + 16, &qword2, sizeof(qword2));
	pn_amdvi_write(iommu, PN_AMDVI_DEVTAB, 8, DEVTAB);
	pn_amdvi_write(iommu, PN_AMDVI_CONTROL, 8,
		       PN_CTRL_IOMMUEN | PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC | PN_CTRL_XTEN |
			       PN_CTRL_GAPPIEN);

	write_irte(0, 0x41, true, 3);
	if (pn_amdvi_msi(iommu, &msi) != PN_MSI_POSTED)
		return 1;
	pn_vapic_clear(ram + VAPIC, PN_APIC_IRR, 0x41); /* the guest takes it */

	write_irte(1, 0x42, false, 5);
	msi.data = 1;
	if (pn_amdvi_msi(iommu, &msi) != PN_MSI_POSTED)
		return 1;
	printf("pending:   vector 0x%02x\n", (unsigned)pn_vapic_highest(ram + VAPIC, PN_APIC_IRR));
	pn_amdvi_destroy(iommu);
	return 0;
}
