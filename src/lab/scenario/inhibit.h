/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_INHIBIT_H
#define PN_LAB_INHIBIT_H

#include "host_vcpu.h"
#include "mode.h"
#include "scenario.h"

/* The causes that inhibit interrupt virtualization, and in which modes. */

/* As scenarios and reports write it: "irq-window"; NULL beyond the end. */
const char *pn_inhibit_name(enum pn_inhibit why);
#define PN_INHIBIT_BIT(c) (1u << PN_INHIBIT_##c)

/* The causes that KVM knows: for AVIC all of them, for APICv those that do not follow from how AVIC
 * works. */
enum pn_inhibit_set {
	PN_INHIBITS_APICV = PN_INHIBIT_BIT(DISABLED) | PN_INHIBIT_BIT(ABSENT) |
			    PN_INHIBIT_BIT(HYPERV) | PN_INHIBIT_BIT(BLOCKIRQ) |
			    PN_INHIBIT_BIT(PHYSICAL_ID_ALIASED) | PN_INHIBIT_BIT(APIC_ID_MODIFIED) |
			    PN_INHIBIT_BIT(APIC_BASE_MODIFIED),
	PN_INHIBITS_AVIC = PN_INHIBITS_APICV | PN_INHIBIT_BIT(NESTED) | PN_INHIBIT_BIT(IRQWIN) |
			   PN_INHIBIT_BIT(PIT_REINJ) | PN_INHIBIT_BIT(SEV) |
			   PN_INHIBIT_BIT(LOGICAL_ID_ALIASED) | PN_INHIBIT_BIT(PHYSICAL_ID_TOO_BIG),
};

/* As KVM writes it, in small letters and with -: "irqwin"; NULL beyond the end. */
const char *pn_inhibit_kvm_name(enum pn_inhibit why);
/* Either name, or KVM's in any case, with _ and with its prefix; PN_INHIBIT_NR: none. */
enum pn_inhibit pn_inhibit_find(const char *text);
/* @text in small letters, with - and without KVM's prefix. Returns @buf. */
const char *pn_inhibit_plain(const char *text, char *buf, size_t size);

/* What KVM does: a cause that is there from the creation of the VM only, one that never goes away,
 * one that lasts only as long as some action of a vCPU. */
bool pn_inhibit_from_start(enum pn_inhibit why);
bool pn_inhibit_for_good(enum pn_inhibit why);
bool pn_inhibit_transient(enum pn_inhibit why);
/* True if a vCPU writes another ID into its APIC. */
bool pn_inhibit_writes_id(enum pn_inhibit why);
/* True if the guest causes it by a change of its APIC's IDs, which are fixed in x2APIC mode. */
bool pn_inhibit_needs_xapic(enum pn_inhibit why);
/* APIC mode in which guests start, and the key of [machine] that says so. */
bool pn_guests_x2apic(const struct pn_scenario *sc, const struct pn_mode_info *info);
const char *pn_guests_x2apic_key(const struct pn_scenario *sc, const struct pn_mode_info *info);

/* The VM of an [inhibit NAME]. */
const struct pn_sc_vm *pn_sc_inhibit_vm(const struct pn_scenario *sc,
					const struct pn_sc_inhibit *in);

/* The cause that @vm provokes; PN_INHIBIT_NR: none. */
enum pn_inhibit pn_sc_vm_cause(const struct pn_sc_vm *vm);

#endif
