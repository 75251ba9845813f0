/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "scenario.h"

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

uint32_t pn_scenario_iommu(const struct pn_scenario *sc, const struct pn_sc_device *dev,
			   uint32_t copy)
{
	return dev->iommu_spread ? copy / dev->per_iommu % sc->machine.iommus : dev->iommu;
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

static int check_table(const struct pn_scenario *sc, const struct pn_mode *m, struct pn_diag *d)
{
	for (uint32_t i = 0; i < sc->machine.iommus; i++)
		if (behind(sc, i) > VTD_ENTRIES)
			return pn_diag_set(
				d, -EINVAL, sc->path, 0,
				"mode '%s': %llu interrupts behind IOMMU %u, but a VT-d remapping "
				"table has at most %u entries",
				pn_mode_name(m->id), (unsigned long long)behind(sc, i), i,
				VTD_ENTRIES);
	return 0;
}

int pn_scenario_fits(const struct pn_scenario *sc, const struct pn_mode *m, struct pn_diag *d)
{
	static const char *const why[PN_WORK_NR] = {
		[PN_WORK_PASSTHROUGH] = "has a [vm NAME] with devices",
		[PN_WORK_BARE] = "has no [vm NAME]",
		[PN_WORK_IPI] = "has an [ipi NAME]",
	};
	enum pn_workload work = pn_mode_workload(m->id);
	char modes[160];

	if (work != sc->work)
		return pn_diag_set(d, -EINVAL, sc->path, 0,
				   "mode '%s' is for %s, but the scenario %s: %s (expected %s)",
				   pn_mode_name(m->id), pn_workload_name(work), why[sc->work],
				   pn_workload_name(sc->work),
				   pn_workload_modes(sc->work, modes, sizeof(modes)));
	if (m->id == PN_MODE_IPI_AVIC && sc->machine.x2apic && !sc->machine.x2avic)
		return pn_diag_set(d, -EINVAL, sc->path, 0,
				   "mode 'ipi-avic' with x2avic = no: AVIC serves guests in xAPIC "
				   "mode only (expected x2apic = no too)");
	if ((m->id == PN_MODE_VTD_PI || work == PN_WORK_BARE) && check_table(sc, m, d))
		return -EINVAL;
	return pn_scenario_inhibits(sc, m->id, d) ? -EINVAL : 0;
}
