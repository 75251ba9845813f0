/* SPDX-License-Identifier: MIT */
#include "inhibit.h"

/* Causes against AVIC and APICv: their names, and which mode can have them. */

#define BIT(c) (1u << PN_INHIBIT_##c)
#define APICV                                                                                      \
	(BIT(DISABLED) | BIT(ABSENT) | BIT(HYPERV) | BIT(BLOCKIRQ) | BIT(PHYSICAL_ID_ALIASED) |    \
	 BIT(APIC_ID_MODIFIED) | BIT(APIC_BASE_MODIFIED))
#define AVIC                                                                                       \
	(APICV | BIT(NESTED) | BIT(IRQWIN) | BIT(PIT_REINJ) | BIT(SEV) | BIT(LOGICAL_ID_ALIASED) | \
	 BIT(PHYSICAL_ID_TOO_BIG))

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

uint32_t pn_inhibit_known(enum pn_mode_id id)
{
	switch (id) {
	case PN_MODE_AVIC:
	case PN_MODE_GALOG:
	case PN_MODE_GAPPI:
	case PN_MODE_IPI_AVIC:
		return AVIC;
	case PN_MODE_VTD_PI:
	case PN_MODE_IPI_EXIT:
	case PN_MODE_IPI_IPIV:
		return APICV;
	default:
		return 0;
	}
}

bool pn_inhibit_needs_xapic(enum pn_inhibit why)
{
	return why == PN_INHIBIT_LOGICAL_ID_ALIASED || why == PN_INHIBIT_APIC_ID_MODIFIED;
}

bool pn_guests_x2apic(const struct pn_scenario *sc, enum pn_mode_id id)
{
	bool by_avic = sc->work == PN_WORK_PASSTHROUGH && id != PN_MODE_VTD_PI;

	return by_avic ? sc->machine.x2avic : sc->machine.x2apic;
}

enum pn_inhibit pn_sc_vm_cause(const struct pn_sc_vm *vm)
{
	return vm->inhibit ? (enum pn_inhibit)(vm->inhibit - 1) : PN_INHIBIT_NR;
}
