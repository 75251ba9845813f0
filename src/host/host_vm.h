/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_VM_H
#define PN_HOST_VM_H

#include <stdint.h>

#include "list.h"
#include "seam.h"

struct pn_hyp;
struct pn_ioapic;

/*
 * A VM as the hypervisor sees it on both vendors. The first member of the vendor's own struct,
 * whose pn_..._vm_init() fills it.
 */
struct pn_host_vm {
	struct pn_hyp *hyp;
	uint32_t id; /* 1-based, for steps and tags */
	uint32_t nr_vcpus;
	uint32_t inhibits; /* atomic: causes for all its vCPUs, bits 1 << enum pn_inhibit */
	/* Routes of device interrupts: host_route.h. The lock is outside the vCPUs' ir_lock, and
	 * not taken in interrupts. */
	struct pn_lock routes_lock;
	struct pn_list routes;	  /* routes_lock */
	struct pn_ioapic *ioapic; /* NULL: none */
};

#endif
