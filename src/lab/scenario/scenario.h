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
#define PN_MAX_SECTION 32 /* [vm], [device], [load], [ipi] sections each */

/* The silicon and the host: [machine]. In brackets: unit or values; default. */
struct pn_sc_machine {
	uint32_t pcpus;	    /* [1..1024; 16] */
	uint32_t iommus;    /* [1..32; 1] */
	uint64_t duration;  /* [time; 1s] simulated */
	uint64_t warmup;    /* [time; 10ms] before statistics start */
	uint64_t halt_poll; /* [time; 0] the host polls that long before a vCPU blocks */
	uint64_t idle_poll; /* [time; 0] an idle CPU polls that long before it goes deeper */
	uint64_t slice;	    /* [time; 3ms] scheduler time slice */
	uint64_t wakeup_granularity; /* [time; 1ms] a woken task preempts beyond this lag */
	uint64_t host_tick;	     /* [time; 0 = tickless] periodic timer on busy CPUs */
	uint64_t noise_period;	/* [time; 0 = none] mean time between other host work per CPU */
	uint64_t noise_time;	/* [time; 0] how long it runs, in place of the vCPU */
	uint32_t galog_entries; /* [512..8192, power of two; 512] */
	uint32_t galog_cpu;	/* [CPU; 0] */
	bool galog_fifo;	/* galog_thread = fifo | fair [fifo]: class of the log thread */
	bool irq_spread;  /* irq_affinity = spread | cpu0 [spread]: host interrupts of devices */
	bool x2avic;	  /* x2avic = yes | no [yes] */
	bool x2avic_ext;  /* x2avic_ext [yes]: up to 4096 vCPUs */
	bool x2apic;	  /* x2apic = yes | no [yes]: APIC mode of host and guests on Intel, and of
			     guests that send IPIs */
	bool gappi;	  /* gappi [yes]: EFR.GAPPISup */
	bool gappidis;	  /* gappidis [yes]: EFR2.GAPPIDisSup */
	bool irtcachedis; /* irtcachedis [no]: Control.IRTCacheDis exists, and the driver sets it */
	bool erratum1235; /* erratum1235 [no] */
	uint32_t inttablen;  /* int_tab_entries [512 | 2048; 512] stored as log2 */
	uint32_t irte_cache; /* [entries, power of two; 1024] */
	struct pn_amdvi_knobs
		knobs; /* volatile_fetch, galog_dedup, overflow_restart, gappi_emptiness: amdvi.h */
	/* Disturbances for P6, each a mean period; 0 = never. */
	uint64_t churn_offline;	 /* [time; 0] a CPU goes offline for a while */
	uint64_t churn_inhibit;	 /* [time; 0] AVIC is inhibited for a while */
	uint64_t churn_retarget; /* [time; 0] an interrupt moves to another vCPU */
	uint64_t churn_detach;	 /* [time; 0] an interrupt is taken away and given back */
};

/* [vm NAME] */
struct pn_sc_vm {
	char name[32];
	uint32_t count;	     /* [1..1024; 1] identical VMs */
	uint32_t vcpus;	     /* [1..4096] */
	bool pin;	     /* [no] vCPU n stays on pCPU (first_pcpu + n) mod pcpus */
	uint32_t first_pcpu; /* [CPU; 0] */
	uint64_t timer;	     /* [time; 0 = tickless] the guest's own periodic timer */
	bool idle_poll;	     /* idle = halt | poll [halt] */
	uint8_t tpr;	     /* [0..0xff; 0] while masked: task priority */
	uint64_t tpr_period; /* [time; 0 = never] how often the guest masks */
	uint64_t tpr_hold;   /* [time; 0] for how long */
	double busy;	     /* [0..1; 0] share of each vCPU that other guest work takes */
	uint64_t busy_burst; /* [time; 100us] in pieces this long */
	/* The inhibit that is provoked: none, or 1 + enum pn_inhibit [none] */
	uint32_t inhibit;
	uint64_t
		inhibit_period; /* [time; 0 = for good, from the start] mean from one to the next */
	uint64_t inhibit_time;	/* [time; 0] how long each lasts */
	unsigned long inhibit_line; /* line of the key; PN_SC_LINE_OPTION: --set */
};

/* [device NAME]. On bare metal there is no vm, first_vcpu and vector; elsewhere no first_pcpu. */
struct pn_sc_device {
	char name[32];
	uint32_t count; /* [1..1024; 1] identical devices */
	char vm[32];	/* [the only or first vm]; device k of a group goes to VM k mod count */
	char load[32];	/* [the only or first load] */
	uint32_t iommu; /* [index; 0] or iommu = spread: device k behind IOMMU k mod iommus */
	bool iommu_spread;
	uint32_t per_iommu; /* [1..1024; 1] spread: k / per_iommu instead of k */
	/* [1..2048; 0 = one per vCPU or CPU]; queue q interrupts vCPU (first_vcpu + q) mod vcpus,
	 * on bare metal CPU (first_pcpu + q) mod pcpus */
	uint32_t queues;
	uint32_t first_vcpu; /* [0] */
	uint32_t first_pcpu; /* [0] bare metal */
	uint8_t vector;	     /* [0x20..0xff; 0 = given out from 0x31 up] guest vector */
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
	uint32_t depth;		/* [1..65536; 32] closed */
	struct pn_dist service; /* [distribution of time] closed: from submission to completion */
	uint64_t service_floor; /* [time; 0] closed: completions of one queue at least this far
				   apart */
	double capacity;	/* [requests/s; 0 = no limit] closed: of one device in all */
	uint32_t burst;	   /* [1..65536; 1] closed: requests of a queue before the next one's */
	double rate;	   /* [events/s] others */
	uint64_t on, off;  /* [time] onoff */
	bool sync;	   /* [no] onoff: all queues burst together */
	uint64_t handler;  /* [time; 1us] guest: interrupt handler, until its EOI */
	uint64_t work;	   /* [time; 2us] guest: per completion, outside the handler */
	uint32_t coalesce; /* [1..256; 1] completions per MSI */
	uint64_t coalesce_time; /* [time; 10us] at most that late */
	uint64_t stall_period;	/* [time; 0 = never] closed: mean time between device pauses */
	uint64_t stall_time;	/* [time; 0] a pause of all queues that share a vCPU */
	uint64_t stall_spread;	/* [time; 0] requests come back spread over this long after it */
};

enum pn_ipi_kind {
	PN_IPI_PINGPONG, /* vCPU 2n to 2n + 1, which replies; and again */
	PN_IPI_STORM,	 /* each sender to a random vCPU, time and again */
};

/* [ipi NAME]: the vCPUs of each VM of that section interrupt each other */
struct pn_sc_ipi {
	char name[32];
	char vm[32];	       /* [the only or first vm] */
	enum pn_ipi_kind kind; /* type = pingpong | storm */
	bool reply_memory;     /* reply = ipi | memory [ipi] pingpong: memory = a flag that the
				  sender polls, the receiver spins too */
	uint32_t senders;      /* [1..4096; 0 = all: the number of vCPUs once it is loaded] storm:
				  vCPUs 0 .. senders - 1 */
	struct pn_dist think;  /* [distribution of time, a time or 0; 0] a sender's pause before the
				  next one; mean 0: none */
	uint64_t handler;      /* [time; 300ns] until its EOI */
	uint8_t vector;	       /* [0x20..0xff; 0xf0] */
	/* [share; 0] storm: how many are sent so; the rest: physical, to one other vCPU */
	double logical, broadcast, self, nmi, init;
};

struct pn_scenario {
	char name[64];
	char path[256];
	/* no [vm]: bare metal; an [ipi]: guest IPIs; else passthrough */
	enum pn_workload work;
	struct pn_sc_machine machine;
	struct pn_costs costs;
	struct pn_sc_vm vm[PN_MAX_SECTION];
	struct pn_sc_device device[PN_MAX_SECTION];
	struct pn_sc_load load[PN_MAX_SECTION];
	struct pn_sc_ipi ipi[PN_MAX_SECTION];
	unsigned vms, devices, loads, ipis;
};

/*
 * Reads a scenario from a file, or the built-in one of that name when @name has no slash and there
 * is no such file. Applies @costs_file (NULL: the scenario's choice) and @set, a NULL-terminated
 * array of "SECTION.KEY=VALUE" (SECTION is machine, costs, or the NAME of a vm, device, load or
 * ipi; may be NULL), then validates. A scenario that the silicon cannot run is refused here, with
 * file and line. -ENOENT, -EINVAL, -EIO. The caller frees *out with free().
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
