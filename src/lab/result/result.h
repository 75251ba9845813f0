/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_RESULT_H
#define PN_LAB_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"
#include "host_vcpu.h"
#include "mode.h"
#include "postern/agent.h"
#include "wakes.h"

enum pn_exit_reason {
	PN_EXIT_INTR, /* external interrupt */
	PN_EXIT_HLT,
	PN_EXIT_APIC_EOI,   /* emulated: EOI write */
	PN_EXIT_APIC_WRITE, /* emulated: other local APIC write (TPR) */
	PN_EXIT_IPI,	    /* an IPI that hardware does not send: AVIC 401h, VT-x 56 at 300h */
	PN_EXIT_NOACCEL,    /* AVIC unaccelerated access, 402h */
	PN_EXIT_NR
};

enum pn_host_vector {
	PN_HV_DEVICE,  /* remapped device interrupt */
	PN_HV_GA_LOG,  /* GA log interrupt */
	PN_HV_WAKEUP,  /* GAPPI, VT-d: posted-interrupt wakeup vector */
	PN_HV_RESCHED, /* reschedule or kick IPI */
	PN_HV_TIMER,
	PN_HV_NOTIFY,	  /* posted-interrupt notification that found no guest */
	PN_HV_POSTED_MSI, /* bare metal: notification of posted MSIs */
	PN_HV_NR
};

const char *pn_exit_reason_name(enum pn_exit_reason r); /* "interrupt", "hlt", "eoi", ... */
const char *pn_host_vector_name(enum pn_host_vector v); /* "device", "ga_log", "wakeup", ... */

/* In a scenario with both: the interrupts of devices, and the IPIs. */
enum pn_part_kind { PN_PART_DEVICES, PN_PART_IPIS, PN_PARTS };

struct pn_part {
	uint64_t interrupts, delivered, coalesced, lost;
	uint64_t completions;
	struct pn_hist latency, wake_latency;
};

/* "devices", "ipis" */
const char *pn_part_name(enum pn_part_kind kind);
void pn_part_init(struct pn_part *p);

#define PN_RESULT_VMS 32

/* The figures of one mode. */
struct pn_result {
	struct pn_mode mode;
	uint64_t duration_ns; /* measured part of the simulated time */
	bool partial;	      /* interrupted by the user */

	uint64_t interrupts; /* MSIs that devices sent, or IPIs that vCPUs sent */
	/* IRR or PIR bits set, merged ones included: by IOMMUs; for guest IPIs by the processor
	 * and, after an exit, by the hypervisor */
	uint64_t posts;
	uint64_t delivered, coalesced, lost;
	struct pn_hist latency, wake_latency;
	bool mixed; /* devices and IPIs in one scenario: the figures are of both, these of each */
	struct pn_part part[PN_PARTS];
	uint64_t exits[PN_EXIT_NR];
	uint64_t host_vectors[PN_HV_NR];
	double busiest_cpu_share;
	uint64_t wakeups_needed, wakeups_spurious, wakeups_missed;
	uint64_t galog_entries, galog_interrupts, galog_overflows, galog_dropped;
	uint64_t gappi_notifications, gappi_spurious, gappi_vcpus_scanned;
	/* Posted-interrupt descriptors: posts by what the IOMMU, or IPI virtualization, found in
	 * them, and notifications that found the PIR empty. */
	uint64_t pi_notifications; /* ON went from 0 to 1 */
	uint64_t pi_outstanding;   /* ON was 1 */
	uint64_t pi_suppressed;	   /* SN was 1 */
	uint64_t pi_spurious;
	uint64_t unit_wait_ns;	 /* the longest that a request waited for its IOMMU */
	uint64_t router_wait_ns; /* the longest that an IOMMU's message waited for the router */
	/* Posted MSI: turns that read the PIR, and vectors that they dispatched. */
	uint64_t msi_harvests, msi_dispatched;
	uint64_t irt_invalidations;
	/* Since the start: how often each cause came up, and in the VMs of each section, which has
	 * that name; as many as there are. */
	uint64_t inhibits[PN_INHIBIT_NR];
	unsigned vms;
	char vm_name[PN_RESULT_VMS][32];
	uint64_t inhibits_of[PN_RESULT_VMS][PN_INHIBIT_NR];
	uint64_t host_cpu_ns;
	bool halt_polling; /* the host polls before a vCPU blocks; in the measured part: */
	uint64_t halt_polls, halt_polls_successful;
	uint64_t halt_poll_success_ns, halt_poll_fail_ns; /* CPU time, part of host_cpu_ns */
	uint64_t halt_poll_grown, halt_poll_shrunk;
	uint64_t other_cpu_ns; /* replay into guests: of the recording's other programs */
	uint64_t completions;  /* requests, round trips or IPIs that were finished */

	uint64_t parked; /* IRR bits parked by the host */
	uint64_t events; /* simulator events executed */
	double wall_s;	 /* real time that the simulation took */
	uint64_t steps[PN_ALL_STEPS_NR];
	struct pn_wakes *wakes; /* NULL: none were kept; free it */
	char check[512];	/* end-of-run self-check: empty if guest, host and IOMMUs agree */
};

struct pn_rec_summary;

struct pn_comparison {
	char scenario[64];
	char costs[64];
	uint64_t seed, duration_ns;
	uint32_t left_out; /* modes that the scenario's inhibits do not fit: 1 << pn_mode_index() */
	const struct pn_rec_summary *recording; /* NULL: no replay */
	unsigned n;
	struct pn_result *result; /* n of them */
	/* The same modes with drawn costs (pn_costs_draw), each a comparison without draws of its
	 * own; none: NULL, 0. */
	unsigned draws;
	struct pn_comparison *draw;
	unsigned drawn; /* how many costs were drawn */
};

/* The figures of one kind alone; those of all where there is one kind only. */
const struct pn_hist *pn_result_latency(const struct pn_result *r, enum pn_part_kind kind);
const struct pn_hist *pn_result_wake(const struct pn_result *r, enum pn_part_kind kind);
uint64_t pn_result_interrupts(const struct pn_result *r, enum pn_part_kind kind);

/* Lost interrupts, missed wakeups or a failed self-check. */
bool pn_result_violated(const struct pn_result *r);

#endif
