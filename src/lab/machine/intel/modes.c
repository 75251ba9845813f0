/* SPDX-License-Identifier: MIT */
/* The modes of Intel's silicon. */
#include <errno.h>
#include <string.h>

#include "inhibit.h"
#include "machine.h"
#include "modes.h"

/* VT-d 11.4, IRTA: S = 15 is the largest table. One table serves all devices of a unit. */
#define VTD_ENTRIES 65536u

static uint32_t queues_of(const struct pn_scenario *sc, const struct pn_sc_device *dev)
{
	if (dev->queues)
		return dev->queues;
	for (unsigned i = 0; i < sc->vms; i++)
		if (!strcmp(sc->vm[i].name, dev->vm))
			return sc->vm[i].vcpus;
	return sc->machine.pcpus;
}

static uint64_t behind(const struct pn_scenario *sc, uint32_t iommu)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < sc->devices; i++) {
		const struct pn_sc_device *dev = &sc->device[i];
		uint32_t count = 0;

		for (uint32_t k = 0; k < dev->count; k++)
			count += pn_scenario_iommu(sc, dev, k) == iommu;
		n += (uint64_t)count * queues_of(sc, dev);
	}
	return n;
}

static int check_table(const struct pn_scenario *sc, const struct pn_mode_info *info,
		       struct pn_diag *d)
{
	for (uint32_t i = 0; i < sc->machine.iommus; i++)
		if (behind(sc, i) > VTD_ENTRIES)
			return pn_diag_set(
				d, -EINVAL, sc->path, 0,
				"mode '%s': %llu interrupts behind IOMMU %u, but a VT-d remapping "
				"table has at most %u entries",
				info->name, (unsigned long long)behind(sc, i), i, VTD_ENTRIES);
	return 0;
}

const struct pn_mode_info pn_mode_vtd_pi = {
	.name = "vtd-pi",
	.doc = "VT-d posts into a descriptor per vCPU and notifies its CPU",
	.vendor = PN_VENDOR_INTEL,
	.work = PN_WORK_PASSTHROUGH,
	.traits = PN_TRAIT_DESCRIPTORS,
	.inhibits = PN_INHIBITS_APICV,
	.platform = &pn_platform_intel,
	.fits = check_table,
};

const struct pn_mode_info pn_mode_remapped = {
	.name = "remapped",
	.doc = "VT-d remaps each MSI to a vector of the host: one interrupt each",
	.vendor = PN_VENDOR_INTEL,
	.work = PN_WORK_BARE,
	.traits = PN_TRAIT_BASELINE,
	.platform = &pn_platform_bare,
	.fits = check_table,
};

const struct pn_mode_info pn_mode_posted_msi = {
	.name = "posted-msi",
	.doc = "VT-d posts MSIs into a descriptor per CPU: one interrupt for many",
	.vendor = PN_VENDOR_INTEL,
	.work = PN_WORK_BARE,
	.traits = PN_TRAIT_DESCRIPTORS | PN_TRAIT_POSTED_MSI,
	.key = {{.name = "loops", .offset = offsetof(struct pn_mode, loops), .dflt = 3, .max = 64}},
	.variants = "loops=3 (default), loops=N with N 1 .. 64",
	.platform = &pn_platform_bare,
	.fits = check_table,
};

const struct pn_mode_info pn_mode_ipi_exit = {
	.name = "ipi-exit",
	.doc = "each ICR write exits; the hypervisor posts to the receiver",
	.vendor = PN_VENDOR_INTEL,
	.work = PN_WORK_IPI,
	.traits = PN_TRAIT_BASELINE,
	.inhibits = PN_INHIBITS_APICV,
	.platform = &pn_platform_intel,
};

const struct pn_mode_info pn_mode_ipi_ipiv = {
	.name = "ipi-ipiv",
	.doc = "IPI virtualization posts through the PID-pointer table, no exit",
	.vendor = PN_VENDOR_INTEL,
	.work = PN_WORK_IPI,
	.traits = PN_TRAIT_DESCRIPTORS | PN_TRAIT_IPIV,
	.inhibits = PN_INHIBITS_APICV,
	/* SDM vol 3, 30.1.6 */
	.still_exits = "logical destinations, broadcasts, NMIs and INITs",
	.platform = &pn_platform_intel,
};
