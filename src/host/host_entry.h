/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_ENTRY_H
#define PN_HOST_ENTRY_H

#include "list.h"

struct pn_host_vcpu;

/*
 * The hypervisor's part of a device's interrupt: a member of the vendor's remapping entry
 * (pn_amdvi_ir, pn_vtd_ir), which the driver initialises and does not use. Under the ir_lock of
 * @vcpu.
 */
struct pn_host_entry {
	struct pn_list node;	   /* in the ir_list of @vcpu */
	struct pn_host_vcpu *vcpu; /* to which it posts, or would without inhibits; NULL: none */
};

#endif
