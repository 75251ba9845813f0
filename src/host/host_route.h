/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_ROUTE_H
#define PN_HOST_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "host_entry.h"
#include "host_vcpu.h"
#include "host_vm.h"
#include "list.h"
#include "seam.h"

/*
 * Where interrupt messages go in a guest: the MSI that it programmed into a device, an entry of its
 * I/O APIC. An IOMMU can post a message to one vCPU, as a fixed interrupt, and nothing else (48882
 * rev 3.11, 2.2.5; VT-d rev 5.10, 9.10). What it cannot post stays in remapped format: the host
 * takes the interrupt and delivers it to all its targets by software. The host decides, for each
 * interrupt, whenever the message or the addressed APICs change.
 */

/* A message to the APICs of a guest. */
struct pn_host_msg {
	uint32_t dest; /* 8 bits, or more by the upper address (KVM's x2APIC format) */
	uint8_t vector;
	uint8_t mode; /* enum pn_delivery */
	bool logical; /* destination mode */
	bool hint;    /* redirection hint: to one of the destinations */
	bool level;   /* trigger mode */
};

/* @addr, @data: as the guest wrote them into the device's MSI registers, address bits 63:40 being
 * bits 31:8 of the destination. */
struct pn_host_msg pn_host_msg_decode(uint64_t addr, uint32_t data);

/*
 * True if @m addresses @t. Physical and logical destination against the target's own mode and IDs;
 * destination FFh means every vCPU in either mode, as in KVM. A disabled APIC is never addressed.
 */
bool pn_host_msg_matches(const struct pn_host_msg *m, const struct pn_host_vcpu *t);

/* The vCPU to which an IOMMU can post @m, or NULL: @m has no target or several, is neither fixed
 * nor lowest priority, or its vector is below 16. Any context. */
struct pn_host_vcpu *pn_host_msg_postable(const struct pn_host_vm *vm, const struct pn_host_msg *m);

/*
 * Delivers @m by software, by the code on @c: fixed to every target, lowest priority (or with the
 * hint) to the one with the lowest processor priority, the TMR set as its trigger mode says.
 * Returns how many APICs accepted it. NMI, SMI, INIT, ExtINT: guests here do not use them; targets
 * check, find nothing, and continue: 0. Any context.
 */
unsigned pn_host_msg_deliver(const struct pn_host_vm *vm, const struct pn_host_msg *m,
			     struct pn_host_cpu *c);

/* ---- routes of device interrupts ---- */

/* One interrupt of a device, in pn_host_vm.routes. Owned by the caller; the fields are this file's.
 */
struct pn_host_route {
	struct pn_list node;	     /* routes_lock */
	struct pn_host_entry *entry; /* of the vendor's remapping entry: pn_amdvi_ir, pn_vtd_ir */
	uint64_t msg;		     /* atomic: the message, packed; 0: none */
	struct pn_host_vcpu *posted; /* routes_lock: where the entry posts; NULL: remapped */
	uint8_t vector;		     /* routes_lock: posted as */
};

/* @vm has none. */
void pn_host_routes_init(struct pn_host_vm *vm);

/*
 * The guest's message for the interrupt with remapping entry @entry is (@addr, @data) from now on;
 * @r is zero, or was set before with the same entry. The message is stored first and the entry
 * follows, so that an interrupt that the host takes meanwhile goes to the targets of the new
 * message. Errors of the entry's update: the interrupt is remapped then, and delivered by software.
 */
int pn_host_route_set(struct pn_host_vm *vm, struct pn_host_route *r, struct pn_host_entry *entry,
		      uint64_t addr, uint32_t data, struct pn_host_cpu *c);
/* The interrupt has no route any more: remapped format, and the host drops it. @r may be reused. */
int pn_host_route_clear(struct pn_host_vm *vm, struct pn_host_route *r, struct pn_host_cpu *c);
/* APICs of the VM changed their IDs, mode or enable bit: every route is decided anew. 0 or the
 * first error. */
int pn_host_routes_refresh(struct pn_host_vm *vm, struct pn_host_cpu *c);
/* The host took the interrupt of @r in remapped format: delivered by software. Returns how many
 * vCPUs got it. Any context. */
unsigned pn_host_route_irq(const struct pn_host_vm *vm, const struct pn_host_route *r,
			   struct pn_host_cpu *c);

#endif
