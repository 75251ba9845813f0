/* SPDX-License-Identifier: MIT */
/* Causes against AVIC and APICv: their names, and which guests they are possible for. */
#include <ctype.h>
#include <string.h>

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

const char *pn_inhibit_kvm_name(enum pn_inhibit why)
{
	if (why == PN_INHIBIT_IRQWIN)
		return "irqwin";
	return why == PN_INHIBIT_PIT_REINJ ? "pit-reinj" : pn_inhibit_name(why);
}

const char *pn_inhibit_plain(const char *text, char *buf, size_t size)
{
	static const char prefix[] = "apicv-inhibit-reason-";
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		buf[n++] = *text == '_' ? '-' : (char)tolower((unsigned char)*text);
	buf[n] = 0;
	if (!strncmp(buf, prefix, sizeof(prefix) - 1))
		memmove(buf, buf + sizeof(prefix) - 1, n - (sizeof(prefix) - 1) + 1);
	return buf;
}

enum pn_inhibit pn_inhibit_find(const char *text)
{
	char plain[64];
	unsigned i = 0;

	pn_inhibit_plain(text, plain, sizeof(plain));
	while (i < PN_INHIBIT_NR && strcmp(plain, names[i]) != 0 &&
	       strcmp(plain, pn_inhibit_kvm_name((enum pn_inhibit)i)) != 0)
		i++;
	return (enum pn_inhibit)i;
}

bool pn_inhibit_from_start(enum pn_inhibit why)
{
	return why == PN_INHIBIT_DISABLED || why == PN_INHIBIT_ABSENT || why == PN_INHIBIT_SEV ||
	       why == PN_INHIBIT_PHYSICAL_ID_TOO_BIG;
}

bool pn_inhibit_for_good(enum pn_inhibit why)
{
	return why == PN_INHIBIT_APIC_BASE_MODIFIED ||
	       (pn_inhibit_from_start(why) && why != PN_INHIBIT_ABSENT);
}

bool pn_inhibit_transient(enum pn_inhibit why)
{
	return why == PN_INHIBIT_IRQWIN || why == PN_INHIBIT_NESTED;
}

bool pn_inhibit_writes_id(enum pn_inhibit why)
{
	return why == PN_INHIBIT_APIC_ID_MODIFIED || why == PN_INHIBIT_PHYSICAL_ID_ALIASED;
}

bool pn_inhibit_needs_xapic(enum pn_inhibit why)
{
	return why == PN_INHIBIT_LOGICAL_ID_ALIASED || pn_inhibit_writes_id(why);
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

const struct pn_sc_vm *pn_sc_inhibit_vm(const struct pn_scenario *sc,
					const struct pn_sc_inhibit *in)
{
	for (unsigned i = 0; i < sc->vms; i++)
		if (!strcmp(sc->vm[i].name, in->vm))
			return &sc->vm[i];
	return NULL;
}

enum pn_inhibit pn_sc_vm_cause(const struct pn_sc_vm *vm)
{
	return vm->inhibit ? (enum pn_inhibit)(vm->inhibit - 1) : PN_INHIBIT_NR;
}
