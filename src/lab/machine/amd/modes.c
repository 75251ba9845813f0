/* SPDX-License-Identifier: MIT */
/* The modes of AMD's silicon. */
#include <errno.h>

#include "inhibit.h"
#include "machine.h"
#include "modes.h"

/* x2apic says the APIC mode of guests that send IPIs. */
static int xapic_or_x2avic(const struct pn_scenario *sc, const struct pn_mode_info *info,
			   struct pn_diag *d)
{
	if (!sc->ipis || !sc->machine.x2apic || sc->machine.x2avic)
		return 0;
	return pn_diag_set(d, -EINVAL, sc->path, 0,
			   "mode '%s' with x2avic = no: AVIC serves guests in xAPIC mode only "
			   "(expected x2apic = no too)",
			   info->name);
}

const struct pn_mode_info pn_mode_emulated = {
	.name = "emulated",
	.doc = "MSI to the host, injected by software; EOI exits",
	.vendor = PN_VENDOR_AMD,
	.work = PN_WORK_PASSTHROUGH,
	.traits = PN_TRAIT_BASELINE | PN_TRAIT_X2AVIC_GUESTS,
	.platform = &pn_platform_amd,
};

const struct pn_mode_info pn_mode_avic = {
	.name = "avic",
	.doc = "MSI to the host, AVIC in the processor: doorbell, no EOI exits",
	.vendor = PN_VENDOR_AMD,
	.work = PN_WORK_PASSTHROUGH,
	.traits = PN_TRAIT_X2AVIC_GUESTS,
	.inhibits = PN_INHIBITS_AVIC,
	.platform = &pn_platform_amd,
	.fits = xapic_or_x2avic,
};

const struct pn_mode_info pn_mode_galog = {
	.name = "galog",
	.doc = "the IOMMU posts; the guest APIC log reports sleeping vCPUs",
	.vendor = PN_VENDOR_AMD,
	.work = PN_WORK_PASSTHROUGH,
	.traits = PN_TRAIT_GALOG | PN_TRAIT_X2AVIC_GUESTS,
	.inhibits = PN_INHIBITS_AVIC,
	.key = {{"gate", {"blocking", "always"}, offsetof(struct pn_mode, gate_always)},
		{"recover", {"none", "wake"}, offsetof(struct pn_mode, recover_wake)}},
	.variants =
		"gate=blocking (default) or gate=always, recover=none (default) or recover=wake",
	.platform = &pn_platform_amd,
	.fits = xapic_or_x2avic,
};

const struct pn_mode_info pn_mode_gappi = {
	.name = "gappi",
	.doc = "the IOMMU posts; sleeping vCPUs' CPUs get a physical interrupt",
	.vendor = PN_VENDOR_AMD,
	.work = PN_WORK_PASSTHROUGH,
	.traits = PN_TRAIT_GAPPI | PN_TRAIT_X2AVIC_GUESTS,
	.inhibits = PN_INHIBITS_AVIC,
	.key = {{"masked", {"park", "none"}, offsetof(struct pn_mode, masked_none)}},
	.variants = "masked=park (default) or masked=none",
	.platform = &pn_platform_amd,
	.fits = xapic_or_x2avic,
};

const struct pn_mode_info pn_mode_ipi_avic = {
	.name = "ipi-avic",
	.doc = "AVIC sends IPIs to running vCPUs; it exits for sleeping ones",
	.vendor = PN_VENDOR_AMD,
	.work = PN_WORK_IPI,
	.inhibits = PN_INHIBITS_AVIC,
	/* AMD64 APM vol 2 rev 3.44, 15.29.6 */
	.still_exits = "NMIs and INITs, and whatever is sent to a vCPU that does not run",
	.platform = &pn_platform_amd,
	.fits = xapic_or_x2avic,
};
