/* SPDX-License-Identifier: MIT */
#ifndef PN_AMDVI_DRV_H
#define PN_AMDVI_DRV_H

#include <stdbool.h>
#include <stdint.h>

#include "host_entry.h"
#include "mmio.h"
#include "pages.h"
#include "postern/amd_irte.h"
#include "postern/bus.h"
#include "seam.h"
#include "steps.h"

/*
 * The interrupt half of an IOMMU driver. It knows the hardware by registers, by tables in memory
 * and by the vectors that arrive.
 */

enum pn_notify {
	PN_NOTIFY_NONE, /* no guest mode: every interrupt is remapped to the host */
	PN_NOTIFY_GALOG,
	PN_NOTIFY_GAPPI,
};

/* Longest time that a wait for the IOMMU may take, in polls; beyond it -ETIMEDOUT. */
#define PN_AMDVI_POLLS 1000000u

struct pn_iommus;

/* One IOMMU, as its driver sees it. */
struct pn_amdvi_drv {
	struct pn_iommus *all;
	struct pn_mmio mmio;
	uint64_t efr, efr2;
	bool gappidis;	     /* EFR2.GAPPIDisSup */
	bool xt;	     /* EFR.XTSup */
	bool irt2k;	     /* NumIntRemapMode is on */
	bool irtcachedis;    /* Control.IRTCacheDis is on: entries are not cached */
	struct pn_lock lock; /* command buffer and wait sequence; innermost lock */
	uint64_t *cmd;	     /* command ring */
	uint32_t cmd_bytes, cmd_tail;
	uint32_t cmd_head; /* as last read: the IOMMU has come at least this far */
	uint64_t *sem;	   /* COMPLETION_WAIT stores here */
	uint64_t sem_pa, sem_seq;
	uint64_t *devtab;
	uint32_t devtab_entries;
	uint64_t *galog;
	uint64_t *galog_shadow; /* tail shadow, offset E8h */
	uint64_t galog_pa, galog_shadow_pa;
	uint32_t galog_entries;
	struct pn_lock ga_lock; /* GA log registers, control, drain: thread, restart, switch */
	uint64_t control;	/* last value written */
	/* GA log thread */
	uint32_t ga_irq_pending; /* hard irq -> thread; atomic */
	struct {
		bool active, overflow;
		uint32_t head, tail;
	} drain;
	uint64_t galog_restarts;
};

/* Callbacks that the hypervisor registers for the GA log. The thread of an IOMMU calls them. */
struct pn_ga_notifier {
	void *ctx;
	/* An entry with @tag was read. */
	void (*entry)(void *ctx, struct pn_agent *self, uint32_t tag);
	/*
	 * The log overflowed: notifications were dropped. Called after the log runs again: an entry
	 * that is dropped after an earlier call would not be recovered. NULL: dropped entries are
	 * not recovered.
	 */
	void (*overflow)(void *ctx, struct pn_agent *self);
};

/* All IOMMUs of the machine. */
struct pn_iommus {
	const struct pn_os *os;
	const struct pn_bus *bus;
	struct pn_pages *pages;
	struct pn_amdvi_drv *drv;
	uint32_t n;
	uint32_t notify; /* enum pn_notify, atomic; the same for all: decided once (H15) */
	struct pn_lock notifier_lock; /* held while the notifier is called; outside all others */
	struct pn_ga_notifier notifier;
	uint32_t ga_apicid; /* atomic: CPU that takes GA log interrupts */
	uint8_t ga_vector;
};

struct pn_iommus_config {
	enum pn_notify notify;	/* wanted; GAPPI falls back to GALOG if any IOMMU lacks GAPPISup */
	uint32_t galog_entries; /* per IOMMU, 512 << k, at most 8192; 0: 512 */
	uint32_t devids;	/* requester ids that the device tables must hold, 1..65536 */
	uint32_t ga_apicid;
	bool irt2k; /* NumIntRemapMode: 2048 entries per function */
	/*
	 * Control.IRTCacheDis on every IOMMU on which the bit sticks: an entry that changes needs
	 * no invalidation, but the driver still waits for interrupts in flight. Linux: irtcachedis
	 * option.
	 */
	bool irtcachedis;
};

/*
 * Brings all IOMMUs up: control cleared first (bits of a previous kernel, GAPPIEn too), rings,
 * device tables, GAEn + GAMEn + XTEn as supported, then the notification. @drv is an array of @n
 * that the caller owns, each with .mmio set. Without XTSup all APIC IDs must be below 256, and the
 * PCI MSI capability is enabled by the caller. -ENODEV: no GASup (16-byte entries), or no GAMSup
 * although @cfg wants posting; -EINVAL: sizes, or @ga_apicid needs XTSup; -ENOMEM, -ETIMEDOUT.
 */
int pn_iommus_init(struct pn_iommus *all, struct pn_amdvi_drv *drv, uint32_t n,
		   const struct pn_iommus_config *cfg, const struct pn_os *os,
		   const struct pn_bus *bus, struct pn_pages *pages, struct pn_agent *self);
/* Everything off, GAPPIEn and GALogEn included: for kexec and suspend. */
void pn_iommus_disable(struct pn_iommus *all, struct pn_agent *self);
/*
 * Changes GALOG <-> GAPPI. The caller has taken every IRTE out of guest mode before (H16). -EINVAL:
 * not one of these two, or posting is off; -ENODEV: an IOMMU without GAPPISup; -ENOMEM, -ETIMEDOUT:
 * everything is as before.
 */
int pn_iommus_switch(struct pn_iommus *all, struct pn_agent *self, enum pn_notify to);
/*
 * Moves the GA log interrupt to another CPU (its old one goes offline). The last interrupt may be
 * lost with the old CPU: so the caller wakes the threads, whose next step finds the work.
 */
void pn_iommus_ga_affinity(struct pn_iommus *all, struct pn_agent *self, uint32_t apicid);

/* Queues one command and waits until the IOMMU has completed everything so far. 0 or -ETIMEDOUT. */
int pn_amdvi_cmd_sync(struct pn_amdvi_drv *d, struct pn_agent *self, const uint64_t cmd[2]);
/* Waits without a command: interrupts that the IOMMU began to handle before are over. Likewise. */
int pn_amdvi_wait(struct pn_amdvi_drv *d, struct pn_agent *self);

/*
 * GA log. The hard interrupt only records that there is work and wakes @task; the thread then calls
 * pn_galog_step() until it returns false. One step is one piece of work that a CPU does between two
 * points where it may be interrupted: acknowledge the status, take one entry, restart after
 * overflow. The thread sets its state to sleeping before the step that returns false, as for
 * pn_svm_must_run().
 */
void pn_galog_irq(struct pn_amdvi_drv *d, struct pn_agent *self, void *task);
bool pn_galog_step(struct pn_amdvi_drv *d, struct pn_agent *self);

/* ---- remapping table entries ---- */

/* An interrupt of a device: the handle that the hypervisor keeps, a pointer and no hash. */
struct pn_amdvi_ir {
	struct pn_amdvi_drv *drv;
	struct pn_irte128 *irte; /* in memory, shared with the IOMMU */
	uint16_t devid;
	uint16_t index;
	struct pn_lock lock; /* writers of this entry; hardware never writes it */
	bool guest_mode;
	uint32_t host_apicid; /* remap form: the target */
	uint8_t host_vector;
	/* guest form */
	uint32_t ga_tag;
	uint64_t page_pa;
	uint8_t vector;
	/* hypervisor's */
	struct pn_host_entry host;
};

/* Gives @devid a remapping table of 2^@order entries and writes its DTE. Order 0..11, above 9 only
 * with NumIntRemapMode. -EINVAL, -EEXIST: has one already, -ENOMEM, -ETIMEDOUT. */
int pn_amdvi_irt_create(struct pn_amdvi_drv *d, struct pn_agent *self, uint16_t devid,
			unsigned order);
/* Entries that change below are made visible by INVALIDATE_INTERRUPT_TABLE and COMPLETION_WAIT, or
 * by COMPLETION_WAIT alone on an IOMMU that caches none (pn_amdvi_drv.irtcachedis). */
/* Sets up entry @index of that table in remap form. -EINVAL: no table, index beyond it,
 * vector below 16, destination not expressible. */
int pn_amdvi_ir_init(struct pn_amdvi_ir *ir, struct pn_amdvi_drv *d, struct pn_agent *self,
		     uint16_t devid, uint16_t index, uint32_t host_apicid, uint8_t host_vector);
/* Host affinity: rewrites the entry and flushes; while in guest mode it only remembers. */
int pn_amdvi_ir_affinity(struct pn_amdvi_ir *ir, struct pn_agent *self, uint32_t host_apicid,
			 uint8_t host_vector);

/* State of the vCPU that an entry must show. */
struct pn_amdvi_ir_state {
	bool is_run;
	bool wakeup;	 /* not running: ask for a notification (GALogIntr / not GAPPIDis) */
	uint32_t apicid; /* running: its CPU; not running in GAPPI mode: the CPU to notify */
};

/*
 * Guest mode on: ga_tag (GALOG) or the wakeup vector (GAPPI) by the machine's notification, page,
 * vector, state; one 16-byte store, then INVALIDATE_INTERRUPT_TABLE and COMPLETION_WAIT. -EINVAL:
 * no posting on this machine, bad page or vector, destination not expressible.
 */
int pn_amdvi_ir_activate(struct pn_amdvi_ir *ir, struct pn_agent *self, uint64_t page_pa,
			 uint8_t vector, uint32_t ga_tag, struct pn_amdvi_ir_state st);
/* Changes only IsRun, Destination, GALogIntr / GAPPIDis: no flush. Nothing in remap form. */
void pn_amdvi_ir_update(struct pn_amdvi_ir *ir, struct pn_agent *self, struct pn_amdvi_ir_state st);
/* Back to remap form with the remembered host destination; flushes. */
int pn_amdvi_ir_deactivate(struct pn_amdvi_ir *ir, struct pn_agent *self);

#endif
