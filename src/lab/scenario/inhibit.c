/* SPDX-License-Identifier: MIT */
/* Causes against AVIC and APICv: their names, and which guests they are possible for. */
#include "inhibit.h"

static const char *const names[PN_INHIBIT_NR] = {
	[PN_INHIBIT_DISABLED] = "disabled",
	[PN_INHIBIT_ABSENT] = "absent",
	[PN_INHIBIT_HYPERV] = "hyperv",
	[PN_INHIBIT_NESTED] = "nested",
	[PN_INHIBIT_IRQWIN] = "irq-window",
	[PN_INHIBIT_PIT_REINJ] = "pit-reinjection",
	[PN_INHIBIT_BLOCKIRQ] = "blockirq",
	[PN_INHIBIT_SEV] = "sev",
	[PN_INHIBIT_PHYSICAL_ID_ALIASED] = "physical-id-aliased",
	[PN_INHIBIT_APIC_ID_MODIFIED] = "apic-id-modified",
	[PN_INHIBIT_APIC_BASE_MODIFIED] = "apic-base-modified",
	[PN_INHIBIT_LOGICAL_ID_ALIASED] = "logical-id-aliased",
	[PN_INHIBIT_PHYSICAL_ID_TOO_BIG] = "physical-id-too-big",
};

const char *pn_inhibit_name(enum pn_inhibit why)
{
	return (unsigned)why < PN_INHIBIT_NR ? names[why] : NULL;
}

bool pn_inhibit_needs_xapic(enum pn_inhibit why)
{
	return why == PN_INHIBIT_LOGICAL_ID_ALIASED || why == PN_INHIBIT_APIC_ID_MODIFIED;
}

/* Guests that send IPIs are in the mode that x2apic says, whoever runs them. */
static bool x2avic_says(const struct pn_scenario *sc, const struct pn_mode_info *info)
{
	return info->traits & PN_TRAIT_X2AVIC_GUESTS && !sc->ipis;
}

bool pn_guests_x2apic(const struct pn_scenario *sc, const struct pn_mode_info *info)
{
	return x2avic_says(sc, info) ? sc->machine.x2avic : sc->machine.x2apic;
}

const char *pn_guests_x2apic_key(const struct pn_scenario *sc, const struct pn_mode_info *info)
{
	return x2avic_says(sc, info) ? "x2avic" : "x2apic";
}

enum pn_inhibit pn_sc_vm_cause(const struct pn_sc_vm *vm)
{
	return vm->inhibit ? (enum pn_inhibit)(vm->inhibit - 1) : PN_INHIBIT_NR;
}
