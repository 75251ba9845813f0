/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_RIG_INTEL_H
#define PN_LAB_CASES_RIG_INTEL_H

#include "posted_msi.h"
#include "postern/apicv.h"
#include "postern/vtd.h"
#include "rig.h"
#include "vmx.h"

/* The Intel machine: one remapping unit, one VM, or none (posted MSI on bare metal), with the real
 * driver, hypervisor and silicon. */

/* A logical processor. Its steps are atomic: every agent that accesses it takes @turn first. */
struct rig_intel_core {
	struct pn_apicv apicv;
	struct pn_vmcs_apic vmcs;
	struct pn_lapic lapic; /* what is in it while a handler runs, and in service */
	uint32_t turn;
	struct rig_vcpu *runs; /* the last that entered its guest here */
};

struct rig_intel_conf {
	unsigned vcpus; /* 0: one */
	bool ipiv;
	bool no_vm;	    /* bare metal */
	bool no_unit;	    /* and a case makes its own units: no driver */
	bool no_posting;    /* no unit can post; processors can */
	bool caching_mode;  /* the unit keeps entries that are not present, too */
	bool small_granule; /* processors take the PIR by 32 bits, not by 64 */
	bool split_lines;   /* units access a descriptor as real threads do: px_split_lines() */
	uint64_t ram_base;  /* 0: RIG_RAM_BASE */
};

struct rig_intel {
	struct rig_intel_conf conf;
	struct pn_agent agent; /* of the unit */
	struct pn_step_table steps;
	struct pn_bus bus;
	struct pn_vtd *vtd;
	struct pn_lock busy;
	uint8_t *sends; /* what is owed by the request that the unit works on; NULL: it is posted */
	struct pn_vtd_drv drv;
	struct pn_vmx vmx;
	struct pn_vmx_vm vm;
	struct pn_vmx_vcpu vcpu[RIG_VCPUS];
	struct pn_ioapic ioapic __attribute__((aligned(16))); /* if a case gives it to the VM */
	struct rig_intel_core core[RIG_CPUS];
	struct pn_vtd_ir ir[RIG_IRS];
	uint8_t notified, cleared; /* if a case watches: notifications, and times that ON fell */
	/* Called in the guest, at each interrupt, before its EOI; interrupts are off. NULL:
	 * nothing. */
	void (*took)(struct rig_vcpu *v, struct pn_host_cpu *c, uint8_t vector);
	struct pn_intr heard; /* if a case listens: the unit's last message */
	uint8_t messages;     /* and how many there were */
	uint32_t saved;	      /* a word of the IRR */
	bool late_queue;      /* see rig_intel_run_queue() */
	uint32_t queue_idle;
	uint64_t tail;
	struct pn_pmsi pmsi;
	struct pn_pmsi_cpu pcpu[RIG_CPUS];
};

extern struct rig_intel *intel;

/* Builds it, as the machine of the exploration. */
void rig_intel_build(const struct rig_intel_conf *conf);
/* An interrupt: entry @index; posts to @v as @vector, or with NULL goes to CPU 1. */
void rig_intel_attach(unsigned index, struct rig_vcpu *v, uint8_t vector);
/* The same of bare metal: to @cpu's descriptor, or not posted. */
void rig_intel_attach_msi(unsigned index, unsigned cpu, uint8_t vector, bool posted);
/* VM entry and exit of @v, its hypervisor's part done. Interrupts are off. */
void rig_intel_vmentry(struct rig_vcpu *v, struct pn_host_cpu *c);
void rig_intel_vmexit(struct rig_vcpu *v, struct pn_host_cpu *c);
/* In the guest: an IPI to vCPU @to, by the processor alone. */
void rig_intel_ipi(struct pn_host_cpu *c, unsigned to, uint8_t vector);
/* A thread: the unit works on its invalidation queue some time after it was told. */
void rig_intel_run_queue(void);
/* Bare metal at rest: P4. */
const char *rig_intel_bare_check(void *arg, char *text, unsigned size);

#endif
