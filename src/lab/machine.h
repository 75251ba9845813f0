/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MACHINE_H
#define PN_LAB_MACHINE_H

#include "postern/amdvi.h"
#include "postern/avic.h"
#include "run.h"
#include "sim.h"
#include "svm.h"

/*
 * The AMD machine: IOMMUs and cores of hw/amd, the driver and hypervisor of host/amd, in the
 * simulated world. Private to the lab.
 */

struct pn_machine;

/* Vectors that guests give out by themselves. */
#define PN_GUEST_VECTOR_FIRST 0x31
#define PN_GUEST_VECTOR_LAST  0xEB

/* A pending interrupt, from the device's write to the guest's handler; 0: none. */
#define PN_SENT_WINDOW	1ull /* sent in the measured part */
#define PN_SENT_BLOCKED 2ull /* its vCPU slept */
#define PN_SENT_SHIFT	2

struct pn_lab_vcpu {
	struct pn_machine *m;
	struct pn_vcpu *sim;
	struct pn_svm_vcpu *svm;
	/* of the vector that left the IRR last, until its handler starts; 0: none */
	uint64_t taken;
	int inject;    /* AVIC off: vector that the host put into the VMCB, or -1 */
	bool need;     /* asleep with a deliverable interrupt */
	bool notified; /* since it went to sleep, hardware told the host something about it */
	uint64_t sent[256];
};

/* A remapped interrupt between the device and the host's handler. */
struct pn_flight {
	uint64_t sent;
};
#define PN_FLIGHTS 64 /* per queue; more at once cannot be: the rest merges in the local APIC */

struct pn_lab_queue {
	struct pn_machine *m;
	struct pn_queue *sim;
	struct pn_ir ir;
	struct pn_msi msi;
	uint32_t iommu;
	uint32_t host_cpu;
	uint8_t host_vector;
	bool detached;
	uint32_t flight_head, flights;
	struct pn_flight flight[PN_FLIGHTS];
};

struct pn_lab_iommu {
	struct pn_machine *m;
	struct pn_agent agent;
	struct pn_bus bus;
	struct pn_amdvi *vi;
	struct pn_thread thread; /* GA log */
	bool ga_pending;
};

struct pn_lab_core {
	struct pn_machine *m;
	struct pn_pcpu *sim;
	struct pn_bus bus;
	struct pn_avic avic;
	uint32_t by_vector[256]; /* queue number + 1 */
	uint8_t next_vector;
};

/* Everything that is counted from the beginning; a result is the difference of two. */
struct pn_totals {
	uint64_t steps[PN_STEP_NR];
	uint64_t interrupts, delivered, coalesced, unexpected;
	uint64_t needed, spurious, missed, gappi_spurious;
	uint64_t host_ns, completions, events, parked;
	uint64_t cpu_interrupts[PN_MAX_PCPUS];
};

struct pn_churn_event {
	struct pn_event ev;
	struct pn_machine *m;
	uint32_t what, arg;
};
#define PN_CHURN_EVENTS 8

struct pn_machine {
	const struct pn_scenario *sc;
	struct pn_mode mode;
	struct pn_sim *sim;
	uint8_t *ram;
	struct pn_bus bus; /* memory only, for the host */
	struct pn_pages pages;
	struct pn_os os;
	struct pn_lab_iommu *iommu;
	struct pn_amdvi_drv *drv;
	struct pn_iommus iommus;
	struct pn_svm svm;
	struct pn_svm_cpu *cpu;
	struct pn_lab_core *core;
	struct pn_svm_vm *vm;
	uint32_t vms;
	struct pn_svm_vcpu *svcpu;
	struct pn_lab_vcpu *vcpu;
	uint32_t vcpus;
	struct pn_source source[PN_MAX_SECTION];
	struct pn_lab_queue *queue;
	uint32_t queues;
	uint64_t warmup_at;   /* measured part starts */
	uint64_t outstanding; /* entries in pn_lab_vcpu.sent and flights */
	struct pn_totals now; /* only the lab's own counters are kept up to date */
	struct pn_hist *latency, *wake;
	struct pn_rng churn_rng;
	struct pn_churn_event churn[PN_CHURN_EVENTS];
	uint32_t ga_cpu;
	int error; /* something that cannot happen in a checked scenario */
};

/* Builds the machine; *out to be destroyed also on errors past allocation. */
int pn_machine_create(const struct pn_scenario *sc, const struct pn_mode *mode, uint64_t seed,
		      struct pn_machine **out, struct pn_diag *d);
void pn_machine_destroy(struct pn_machine *m);
/* Stops the devices and runs until nothing is on its way, or nothing moves any more. */
void pn_machine_drain(struct pn_machine *m);
void pn_machine_totals(const struct pn_machine *m, struct pn_totals *t);

extern const struct pn_sim_ops pn_machine_ops;
struct pn_os pn_machine_os(struct pn_machine *m);

/* ---- accounting ---- */

void pn_account_msi(struct pn_lab_queue *q);
void pn_account_inject(struct pn_lab_queue *q, struct pn_svm_cpu *c);
void pn_account_merged(struct pn_lab_queue *q);
/* @vector moved from IRR to ISR; its handler starts at @at. */
void pn_account_take(struct pn_lab_vcpu *v, uint8_t vector);
void pn_account_deliver(struct pn_lab_vcpu *v, uint64_t at);
bool pn_account_wake(struct pn_lab_vcpu *v, struct pn_pcpu *self, enum pn_wake_reason why);

/* Do guest, host and IOMMUs agree? Writes the first disagreements to @buf; empty: they do. */
void pn_selfcheck(struct pn_machine *m, char *buf, unsigned size);

void pn_churn_start(struct pn_machine *m);
void pn_churn_offlined(struct pn_machine *m, struct pn_pcpu *p);

/* Chrome trace format: every step of every agent. */
struct pn_tracer;
int pn_tracer_attach(struct pn_machine *m, const struct pn_run_options *opt,
		     struct pn_tracer **out);
int pn_tracer_close(struct pn_tracer *t);

/* Feeds a recording into the simulation. */
struct pn_feed;
int pn_feed_open(struct pn_machine *m, struct pn_recording *rec, struct pn_feed **out);
int pn_feed_close(struct pn_feed *f);

static inline struct pn_lab_vcpu *pn_lab_of(const struct pn_vcpu *v)
{
	return v->hw;
}

static inline struct pn_lab_core *pn_core_of(const struct pn_pcpu *p)
{
	return p->hw;
}

static inline struct pn_svm_cpu *pn_cpu_of(const struct pn_pcpu *p)
{
	return &pn_core_of(p)->m->cpu[p->id];
}

#endif
