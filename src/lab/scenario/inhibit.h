/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_INHIBIT_H
#define PN_LAB_INHIBIT_H

#include "host_vcpu.h"
#include "mode.h"
#include "scenario.h"

/* What may inhibit interrupt virtualization, and in which modes. */

/* As scenarios and reports write it: "irq-window"; NULL beyond the end. */
const char *pn_inhibit_name(enum pn_inhibit why);
/* Causes that the hypervisor of a mode knows, bits 1 << n; 0: nothing is virtualized. KVM's sets:
 * for AVIC all of them, for APICv those that do not follow from how AVIC works. */
uint32_t pn_inhibit_known(enum pn_mode_id id);
/* What the guest itself does for it to its APIC's IDs, which are fixed in x2APIC mode. */
bool pn_inhibit_needs_xapic(enum pn_inhibit why);
/* APIC mode in which guests start. */
bool pn_guests_x2apic(const struct pn_scenario *sc, enum pn_mode_id id);

/* The cause that @vm provokes; PN_INHIBIT_NR: none. */
enum pn_inhibit pn_sc_vm_cause(const struct pn_sc_vm *vm);

#endif
