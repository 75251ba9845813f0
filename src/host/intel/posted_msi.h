/* SPDX-License-Identifier: MIT */
#ifndef PN_POSTED_MSI_H
#define PN_POSTED_MSI_H

#include <stdbool.h>
#include <stdint.h>

#include "host_cpu.h"
#include "pages.h"
#include "postern/pid.h"
#include "seam.h"
#include "vtd_drv.h"

/*
 * Posted MSI on bare metal: a descriptor per CPU, into which the IOMMU posts device vectors of the
 * host, and one notification vector, whose handler dispatches the device vectors. Opt-in for the
 * whole machine.
 */

/* Harvests of a notification at most, the final one after ON is cleared included. */
#define PN_PMSI_LOOPS_DEFAULT 3u
#define PN_PMSI_LOOPS_MAX     64u

struct pn_pmsi;

struct pn_pmsi_cpu {
	struct pn_pmsi *pmsi;
	struct pn_host_cpu *cpu;
	struct pn_pid *pid; /* shared with IOMMUs */
	uint64_t pid_pa;
	bool active; /* own CPU: inside the demultiplexing handler */
	/* own CPU, while active */
	uint64_t taken[4]; /* harvested, not dispatched yet */
	uint32_t harvests; /* so far */
	bool on_cleared;
	bool last_done; /* the harvest after that */
	bool any;	/* the last harvest found something */
	bool found;	/* one of them did */

	uint64_t notifications, empty, dispatched; /* statistics */
};

struct pn_pmsi_config {
	struct pn_host_cpu *cpu;
	uint32_t nr_cpus;
	uint32_t loops; /* 1..PN_PMSI_LOOPS_MAX */
	bool x2apic;
	void *ctx;
	/* The handler of device vector @vector on @c, interrupts off. It calls pn_pmsi_ack() as
	 * the device's flow handler would. */
	void (*dispatch)(void *ctx, struct pn_host_cpu *c, uint8_t vector);
	/* EOI of @c's local APIC. */
	void (*eoi)(void *ctx, struct pn_host_cpu *c);
};

struct pn_pmsi {
	struct pn_pmsi_config cfg;
	struct pn_pmsi_cpu *cpu; /* array, owned by the caller */
};

/* Sets a descriptor up for every CPU: NV = PN_VEC_POSTED_MSI, NDST = its own id, SN = 0. -EINVAL:
 * loops, or an APIC ID beyond 8 bits without x2APIC; -ENOMEM. */
int pn_pmsi_init(struct pn_pmsi *pm, struct pn_pmsi_cpu *cpu, const struct pn_pmsi_config *cfg,
		 struct pn_pages *pages);

/* @ir posts to @c's descriptor as host vector @vector. Also the change of affinity: bits that are
 * left over at the old CPU stay pending there, see pn_pmsi_pending(). Errors as pn_vtd_ir_post(),
 * and -EINVAL: @vector outside 20h to EAh, or no such CPU.
 */
int pn_pmsi_attach(struct pn_pmsi *pm, struct pn_vtd_ir *ir, struct pn_agent *self,
		   struct pn_host_cpu *c, uint8_t vector);

/*
 * The notification vector arrived at @c, interrupts off. One step is what a CPU does between two
 * points where time passes: take the PIR, dispatch one vector, clear ON. begin, then step until it
 * returns false: the last step is the EOI.
 */
void pn_pmsi_irq_begin(struct pn_pmsi_cpu *c);
bool pn_pmsi_irq_step(struct pn_pmsi_cpu *c);

/* A device vector arrived through the local APIC (retriggered, or not posted): dispatches it. */
void pn_pmsi_device_irq(struct pn_pmsi_cpu *c, uint8_t vector);
/* Acknowledges the interrupt that is being handled: EOI unless the demultiplexing handler is
 * active, whose own EOI comes at its end (fixed in Linux in Nov 2025). */
void pn_pmsi_ack(struct pn_pmsi_cpu *c);

/*
 * True if @vector is pending in @c's PIR. Used with the local APIC's IRR for vector clean-up and
 * CPU offline.
 */
bool pn_pmsi_pending(const struct pn_pmsi_cpu *c, uint8_t vector);
/* CPU going offline: takes what is left in @c's PIR and tells @found of each vector, on the code's
 * own CPU. Nothing posts there any more. Returns how many. */
unsigned pn_pmsi_drain(struct pn_pmsi_cpu *c, struct pn_agent *self,
		       void (*found)(void *ctx, uint8_t vector), void *ctx);

#endif
