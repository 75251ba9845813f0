/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SCENARIO_H
#define PN_LAB_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/amdvi.h"
#include "costs.h"
#include "diag.h"
#include "dist.h"
#include "mode.h"

#define PN_MAX_PCPUS   1024
#define PN_MAX_VCPUS   4096 /* of one VM: x2AVIC_EXT */
#define PN_MAX_IOMMUS  32
#define PN_MAX_SECTION 32 /* [vm], [device], [load], [ipi], [inhibit] sections each */

/* The silicon and the host: [machine]. Units, ranges and defaults of all keys: scenario_keys.c. */
struct pn_sc_machine {
	uint32_t pcpus;
	uint32_t iommus;
	uint64_t duration;  /* simulated */
	uint64_t warmup;    /* before statistics start */
	uint64_t halt_poll; /* the host polls that long before a vCPU blocks */
	/* KVM's module parameters; kvm_poll: one of them was said, so they replace halt_poll */
	bool kvm_poll;
	uint64_t halt_poll_ns, halt_poll_ns_grow_start;
	uint32_t halt_poll_ns_grow, halt_poll_ns_shrink;
	uint64_t idle_poll;	     /* an idle CPU polls that long before it goes deeper */
	uint64_t slice;		     /* scheduler time slice */
	uint64_t wakeup_granularity; /* a woken task preempts beyond this lag */
	uint64_t host_tick;	     /* periodic timer on busy CPUs */
	uint64_t noise_period;	     /* mean time between other host work per CPU */
	uint64_t noise_time;	     /* how long it runs, in place of the vCPU */
	uint32_t galog_entries;
	uint32_t galog_cpu;
	bool galog_fifo; /* galog_thread: class of the log thread */
	bool irq_spread; /* irq_affinity: spread, not cpu0: host interrupts of devices */
	bool x2avic;
	bool x2avic_ext;  /* up to 4096 vCPUs */
	bool x2apic;	  /* APIC mode of host and guests on Intel, and of
			     guests that send IPIs */
	bool gappi;	  /* EFR.GAPPISup */
	bool gappidis;	  /* EFR2.GAPPIDisSup */
	bool irtcachedis; /* Control.IRTCacheDis exists, and the driver sets it */
	bool erratum1235;
	uint32_t inttablen; /* int_tab_entries stored as log2; never 0 in a checked scenario */
	uint32_t irte_cache;
	struct pn_amdvi_knobs
		knobs; /* volatile_fetch, galog_dedup, overflow_restart, gappi_emptiness: amdvi.h */
	/* Disturbances for P6, each a mean period; 0: never. */
	uint64_t churn_offline;	 /* a CPU goes offline for a while */
	uint64_t churn_inhibit;	 /* AVIC is inhibited for a while */
	uint64_t churn_retarget; /* an interrupt moves to another vCPU */
	uint64_t churn_detach;	 /* an interrupt is taken away and given back */
};

/* [vm NAME] */
struct pn_sc_vm {
	char name[32];
	uint32_t count; /* identical VMs */
	uint32_t vcpus;
	bool pin; /* vCPU n stays on pCPU (first_pcpu + n) mod pcpus */
	uint32_t first_pcpu;
	uint64_t timer;	     /* the guest's own periodic timer */
	bool idle_poll;	     /* idle = poll */
	uint8_t tpr;	     /* while masked: task priority */
	uint64_t tpr_period; /* how often the guest masks */
	uint64_t tpr_hold;   /* for how long */
	double busy;	     /* share of each vCPU that other guest work takes */
	uint64_t busy_burst; /* in pieces this long */
	/* The inhibit that is provoked: none, or 1 + enum pn_inhibit */
	uint32_t inhibit;
	uint64_t inhibit_period;    /* mean from one to the next */
	uint64_t inhibit_time;	    /* how long each lasts */
	unsigned long inhibit_line; /* line of the key; PN_SC_LINE_OPTION: --set */
};

/* [device NAME]. On bare metal there is no vm, first_vcpu and vector; elsewhere no first_pcpu. */
struct pn_sc_device {
	char name[32];
	uint32_t count; /* identical devices */
	char vm[32];	/* device k of a group goes to VM k mod count */
	char load[32];
	uint32_t iommu; /* index; or iommu = spread: device k behind IOMMU k mod iommus */
	bool iommu_spread;
	uint32_t per_iommu; /* spread: k / per_iommu instead of k */
	/* 0: one per vCPU or CPU; queue q interrupts vCPU (first_vcpu + q) mod vcpus,
	 * on bare metal CPU (first_pcpu + q) mod pcpus */
	uint32_t queues;
	uint32_t first_vcpu; /* [0] */
	uint32_t first_pcpu; /* [0] bare metal */
	uint8_t vector;	     /* guest vector */
};

enum pn_load_kind {
	PN_LOAD_CLOSED,	 /* depth requests in flight per queue */
	PN_LOAD_POISSON, /* rate per queue */
	PN_LOAD_PERIODIC,
	PN_LOAD_ONOFF,	   /* Poisson at rate while on */
	PN_LOAD_RECORDING, /* replay only */
};

/* [load NAME] */
struct pn_sc_load {
	char name[32];
	enum pn_load_kind kind; /* type = closed | poisson | periodic | onoff */
	uint32_t depth;		/* closed */
	struct pn_dist service; /* closed: from submission to completion */
	uint64_t service_floor; /* closed: completions of one queue at least this far
				   apart */
	double capacity;	/* closed: of one device in all */
	uint32_t burst;		/* closed: requests of a queue before the next one's */
	double rate;		/* others */
	uint64_t on, off;	/* onoff */
	bool sync;		/* onoff: all queues burst together */
	uint64_t handler;	/* guest: interrupt handler, until its EOI */
	uint64_t work;		/* guest: per completion, outside the handler */
	uint32_t coalesce;	/* completions per MSI */
	uint64_t coalesce_time; /* at most that late */
	uint64_t stall_period;	/* closed: mean time between device pauses */
	uint64_t stall_time;	/* a pause of all queues that share a vCPU */
	uint64_t stall_spread;	/* requests come back spread over this long after it */
};

enum pn_ipi_kind {
	PN_IPI_PINGPONG, /* vCPU 2n to 2n + 1, which replies; and again */
	PN_IPI_STORM,	 /* each sender to a random vCPU, time and again */
};

/* [ipi NAME]: the vCPUs of each VM of that section interrupt each other */
struct pn_sc_ipi {
	char name[32];
	char vm[32];
	enum pn_ipi_kind kind; /* type = pingpong | storm */
	bool reply_memory;     /* reply = ipi | memory [ipi] pingpong: memory = a flag that the
				  sender polls, the receiver spins too */
	uint32_t senders;      /* storm: vCPUs 0 .. senders - 1 */
	struct pn_dist think;  /* a sender's pause before the
				  next one; mean 0: none */
	uint64_t handler;      /* until its EOI */
	uint8_t vector;
	/* storm: how many are sent so; the rest: physical, to one other vCPU */
	double logical, broadcast, self, nmi, init;
};

/* [inhibit NAME]: a cause against AVIC or APICv of one VM, for a while */
struct pn_sc_inhibit {
	char name[32];
	char vm[32];
	uint32_t reason;     /* 1 + enum pn_inhibit; 0: not said */
	uint64_t start, end; /* of the measured part; start 0: before it; end 0: never */
	unsigned long line;  /* of reason; PN_SC_LINE_OPTION: --set */
};

struct pn_scenario {
	char name[64];
	char path[256];
	/* no [vm]: bare metal; a [device] and an [ipi]: mixed; an [ipi]: guest IPIs; else
	 * passthrough */
	enum pn_workload work;
	struct pn_sc_machine machine;
	struct pn_costs costs;
	struct pn_sc_vm vm[PN_MAX_SECTION];
	struct pn_sc_device device[PN_MAX_SECTION];
	struct pn_sc_load load[PN_MAX_SECTION];
	struct pn_sc_ipi ipi[PN_MAX_SECTION];
	struct pn_sc_inhibit inhibit[PN_MAX_SECTION];
	unsigned vms, devices, loads, ipis, inhibits;
};

/*
 * Reads a scenario from a file, or the built-in one of that name when @name has no slash and there
 * is no such file. Applies @costs_file (NULL: the scenario's choice) and @set, a NULL-terminated
 * array of "SECTION.KEY=VALUE" (SECTION is machine, costs, or the NAME of a vm, device, load, ipi
 * or inhibit; may be NULL), then validates. A scenario that the silicon cannot run is refused here,
 * with file and line. -ENOENT, -EINVAL, -EIO. The caller frees *out with free().
 */
int pn_scenario_load(const char *name, const char *costs_file, const char *const *set,
		     struct pn_scenario **out, struct pn_diag *d);

/* 0 if the mode can run the scenario. -EINVAL: @d says why not, and which modes can. */
int pn_scenario_fits(const struct pn_scenario *sc, const struct pn_mode *m, struct pn_diag *d);
/*
 * The same, for provoked inhibits only. -ENOTSUP: the mode knows no such cause; -EINVAL: not in the
 * APIC mode that guests are in.
 */
int pn_scenario_inhibits(const struct pn_scenario *sc, const struct pn_mode_info *info,
			 struct pn_diag *d);

/* The IOMMU that copy @copy of a device is behind. */
uint32_t pn_scenario_iommu(const struct pn_scenario *sc, const struct pn_sc_device *dev,
			   uint32_t copy);

/* Names and one-line descriptions of what is built in; NULL beyond the end. */
const char *pn_builtin_scenario(unsigned i, const char **description);
const char *pn_builtin_costs(unsigned i, const char **description);

#endif
