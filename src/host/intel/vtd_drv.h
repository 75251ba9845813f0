/* SPDX-License-Identifier: MIT */
#ifndef PN_VTD_DRV_H
#define PN_VTD_DRV_H

#include <stdbool.h>
#include <stdint.h>

#include "host_entry.h"
#include "mmio.h"
#include "pages.h"
#include "postern/bus.h"
#include "postern/vtd_irte.h"
#include "seam.h"
#include "steps.h"

/*
 * The interrupt half of a VT-d driver. It knows the hardware by registers, by tables in memory and
 * by the vectors that arrive.
 */

/* Longest time that a wait for the unit may take, in polls; beyond it -ETIMEDOUT. */
#define PN_VTD_POLLS 1000000u

/* One remapping unit, as its driver sees it. */
struct pn_vtd_drv {
	struct pn_mmio mmio;
	struct pn_pages *pages;
	const struct pn_bus *bus;
	uint64_t cap, ecap;
	bool pi;	     /* CAP.PI: posting is possible */
	bool x2apic;	     /* IRTA.EIME */
	struct pn_lock lock; /* invalidation queue; innermost lock */
	uint64_t *queue;     /* 128-bit descriptors */
	uint32_t queue_entries, tail;
	uint32_t head;	  /* the unit has come at least this far */
	uint32_t *status; /* wait descriptors store here */
	uint64_t status_pa;
	uint32_t seq;
	struct pn_virte_raw *irt; /* in memory, shared with the unit */
	uint32_t irt_entries;
	uint32_t next_index; /* atomic: table entries given out so far */
	uint64_t faults;     /* records read by pn_vtd_drv_fault_irq() */
	struct {
		uint8_t reason;
		uint16_t index, sid;
	} last_fault;
};

struct pn_vtd_drv_config {
	uint32_t irt_entries; /* power of two, 2..65536; 0: 65536 */
	bool x2apic;	      /* EIME; needs ECAP.EIM */
	uint32_t fault_apicid;
};

/*
 * Brings a unit up: queue on, table set (SIRTP), global IEC invalidation unless CAP.ESIRTPS, IRE
 * on, compatibility interrupts off, fault interrupt to @fault_apicid. @d->mmio is set by the
 * caller. -ENODEV: no IR or QI, EIM missing for x2APIC, or EIMER without it; -EINVAL: sizes, or
 * @fault_apicid not expressible without x2APIC; -ENOMEM, -ETIMEDOUT.
 */
int pn_vtd_drv_init(struct pn_vtd_drv *d, const struct pn_vtd_drv_config *cfg,
		    const struct pn_bus *bus, struct pn_pages *pages, struct pn_agent *self);
/* Remapping and queue off: for kexec and suspend. */
void pn_vtd_drv_disable(struct pn_vtd_drv *d, struct pn_agent *self);

/* @n consecutive table entries, their first aligned to the next power of two (multi-MSI). Returns
 * the first, or -ENOSPC, -EINVAL. */
int pn_vtd_drv_alloc(struct pn_vtd_drv *d, uint32_t n);

/* Invalidates one cached entry (IM = 0) or all of them, and waits until it is done and drained. */
int pn_vtd_drv_flush(struct pn_vtd_drv *d, struct pn_agent *self, uint16_t index);
int pn_vtd_drv_flush_all(struct pn_vtd_drv *d, struct pn_agent *self);

/* The fault interrupt: reads and clears the records. Returns how many there were. */
unsigned pn_vtd_drv_fault_irq(struct pn_vtd_drv *d, struct pn_agent *self);

/* An interrupt of a device: the handle that the rest of the host keeps. */
struct pn_vtd_ir {
	struct pn_vtd_drv *drv;
	struct pn_virte_raw *irte; /* in memory, shared with the unit */
	uint16_t index;
	uint16_t sid;
	struct pn_lock lock; /* writers of this entry */
	bool posted;
	uint32_t host_apicid; /* remapped form: the target */
	uint8_t host_vector;
	/* posted form */
	uint64_t pid_pa;
	uint8_t vector;
	bool urg;
	/* hypervisor's */
	struct pn_host_entry host;
};

/* Sets entry @index up for requester @sid in remapped form (fixed, physical, edge). -EINVAL: no
 * such entry, vector below 16, destination not expressible without x2APIC; -ETIMEDOUT. */
int pn_vtd_ir_init(struct pn_vtd_ir *ir, struct pn_vtd_drv *d, struct pn_agent *self,
		   uint16_t index, uint16_t sid, uint32_t host_apicid, uint8_t host_vector);
/* The MSI that the device is to write. */
void pn_vtd_ir_msi(const struct pn_vtd_ir *ir, uint64_t *addr, uint32_t *data);
/* Host affinity: rewrites the entry and invalidates; while posted it only remembers. Errors as
 * init, and -EINVAL: init failed, so that there is no entry. */
int pn_vtd_ir_affinity(struct pn_vtd_ir *ir, struct pn_agent *self, uint32_t host_apicid,
		       uint8_t host_vector);
/*
 * Posts to the descriptor at @pid_pa as @vector from now on: one 16-byte compare and exchange, then
 * invalidation and wait, after which no interrupt by the old entry can appear. -ENODEV: no CAP.PI;
 * -EINVAL: descriptor not 64-byte aligned, or no entry as above; -ETIMEDOUT.
 */
int pn_vtd_ir_post(struct pn_vtd_ir *ir, struct pn_agent *self, uint64_t pid_pa, uint8_t vector,
		   bool urg);
/* Back to remapped form with the remembered host destination; as above. */
int pn_vtd_ir_remap(struct pn_vtd_ir *ir, struct pn_agent *self);

#endif
