/* SPDX-License-Identifier: MIT */
/* Decides which modes can run a scenario. */
#include <errno.h>

#include "scenario.h"

uint32_t pn_scenario_iommu(const struct pn_scenario *sc, const struct pn_sc_device *dev,
			   uint32_t copy)
{
	return dev->iommu_spread ? copy / dev->per_iommu % sc->machine.iommus : dev->iommu;
}

int pn_scenario_fits(const struct pn_scenario *sc, const struct pn_mode *m, struct pn_diag *d)
{
	static const char *const why[PN_WORK_NR] = {
		[PN_WORK_PASSTHROUGH] = "has a [vm NAME] with devices",
		[PN_WORK_BARE] = "has no [vm NAME]",
		[PN_WORK_IPI] = "has an [ipi NAME]",
		[PN_WORK_MIXED] = "has devices and an [ipi NAME]",
	};
	const struct pn_mode_info *info = m->info;
	char modes[160];

	if (!pn_mode_runs(info, sc->work))
		return pn_diag_set(d, -EINVAL, sc->path, 0,
				   "mode '%s' is for %s, but the scenario %s: %s (expected %s)",
				   info->name, pn_workload_name(info->work), why[sc->work],
				   pn_workload_name(sc->work),
				   pn_workload_modes(sc->work, modes, sizeof(modes)));
	if (info->fits && info->fits(sc, info, d))
		return -EINVAL;
	return pn_scenario_inhibits(sc, info, d) ? -EINVAL : 0;
}
