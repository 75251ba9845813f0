/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MACHINE_H
#define PN_LAB_MACHINE_H

#include "hyp.h"
#include "pages.h"
#include "postern/bus.h"
#include "postern/x86.h"
#include "run.h"
#include "sim.h"

/*
 * A machine in the simulated world: silicon of hw, host code of host, and the lab's books. The
 * common part of both vendors is here; struct pn_platform is the rest. Private to the lab.
 */

struct pn_machine;
struct pn_amd;
struct pn_intel;
struct pn_complaints;
struct pn_totals;
struct pn_tracer;

/* Vectors that guests give out by themselves. */
#define PN_GUEST_VECTOR_FIRST 0x31
#define PN_GUEST_VECTOR_LAST  0xEB

#define PN_LAB_FIRST_DEVID 0x0008u /* 00:01.0; one function a device */

/* A pending interrupt, from the device's write to the guest's handler; 0: none. */
#define PN_SENT_WINDOW	1ull /* sent in the measured part */
#define PN_SENT_BLOCKED 2ull /* its vCPU slept */
#define PN_SENT_IPI	4ull /* by a vCPU */
#define PN_SENT_SHIFT	3

struct pn_lab_vcpu {
	struct pn_machine *m;
	struct pn_vcpu *sim;
	struct pn_host_vcpu *h;
	uint32_t vm, first; /* its VM, and that VM's vCPU 0 */
	/* of the vector that left the IRR last, until its handler starts; 0: none */
	uint64_t taken;
	int inject; /* no virtualization: vector that the host put into the VMCB or VMCS, or -1 */
	bool need;  /* asleep with a deliverable interrupt */
	bool notified; /* since it went to sleep, hardware has notified the host about it */
	bool dropped;  /* need: its log entry was dropped */
	/* an ICR write of its guest that exited */
	struct pn_ipi ipi;
	uint64_t ipi_sent;
	bool ipi_posted; /* hardware had set the bits already */
	/* Intel: in the IRR or the PIR; and in the PIR while an older one is in the IRR. */
	uint64_t sent[256], second[256];
};

struct pn_lab_queue {
	struct pn_machine *m;
	struct pn_queue *sim;
	struct pn_host_entry *entry; /* of the platform's remapping entry */
	struct pn_msi msi;
	struct pn_lab_iommu *unit; /* that it is behind; its agent's id is its number */
	uint32_t host_cpu;
	uint8_t host_vector;
	bool detached;
	/* When they were sent: remapped or, on bare metal, posted interrupts between the device and
	 * the host's handler; ring. */
	uint64_t *flight;
	uint32_t flight_head, flights, flight_room;
};

/* An interrupt request that waits until its IOMMU has done those before it. */
struct pn_waiting {
	struct pn_lab_queue *q;
	uint64_t sent;
	uint32_t completions; /* written before it, and held up with it */
};

struct pn_lab_iommu {
	struct pn_machine *m;
	struct pn_agent agent;
	struct pn_step_table steps;
	struct pn_bus bus;
	void *hw;		 /* the platform's: its IOMMU, or NULL */
	struct pn_thread thread; /* GA log */
	bool ga_pending;
	/* one request after another */
	struct pn_event ev;
	uint64_t busy_until;
	const struct pn_lab_queue *serving; /* the request that it works on, or did last */
	uint64_t serving_sent;
	uint64_t routed_at; /* when the router took the last message of this request; 0: none */
	struct pn_waiting *waiting; /* ring */
	uint32_t head, waits, room;
};

struct pn_lab_core {
	struct pn_machine *m;
	struct pn_pcpu *sim;
	struct pn_bus bus;
	void *hw;		       /* the platform's: its interrupt virtualization */
	struct pn_lab_queue *handling; /* bare metal: the queue whose handler runs */
	uint32_t by_vector[256];       /* queue number + 1 */
	uint8_t next_vector;
};

/* Functions that differ between the machines, besides their hypervisors (hyp.h). */
struct pn_platform {
	/* IOMMUs, cores and the hypervisor (@m->hyp); the simulation is there already. */
	int (*create)(struct pn_machine *m, uint32_t devices, struct pn_diag *d);
	void (*destroy)(struct pn_machine *m);
	/* Memory that it needs for all that, besides a page for each vCPU. */
	uint64_t (*ram)(const struct pn_machine *m, uint32_t devices);
	/* VM number @number with the vCPUs from @first on; NULL: bare metal. */
	int (*vm)(struct pn_machine *m, const struct pn_sc_vm *vm, uint32_t number, uint32_t first);
	/* A function behind @iommu with @queues interrupts; NULL: nothing to do. */
	int (*function)(struct pn_machine *m, uint32_t iommu, uint16_t devid, uint32_t queues);
	/* Interrupt @index of function @devid: host destination in @q, and to its vCPU. */
	int (*queue)(struct pn_lab_queue *q, uint16_t devid, uint32_t index, uint8_t vector);
	/*
	 * Executes a request that the device wrote at @sent: returns the IOMMU's answer, which is
	 * accounted.
	 */
	enum pn_msi_result (*request)(struct pn_lab_iommu *io, struct pn_lab_queue *q,
				      uint64_t sent);
	/* What is accounted when software is about to inject @vector: pn_account_irr or _pir. */
	void (*arrived)(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent);
	/* Could the vCPU take an interrupt that hardware holds for it? */
	bool (*deliverable)(const struct pn_lab_vcpu *v);
	/* q->host_cpu and host_vector have changed. */
	void (*affinity)(struct pn_lab_queue *q, struct pn_host_cpu *self);
	/* The IOMMU's own interrupts leave @from for @to; NULL: they may stay. */
	void (*move_own)(struct pn_machine *m, uint32_t from, struct pn_host_cpu *to);
	/* A cause against AVIC or APICv comes up on behalf of @v, for it or for its VM, or goes
	 * away; one that the mode knows. */
	void (*inhibit)(struct pn_lab_vcpu *v, struct pn_host_cpu *self, enum pn_inhibit why,
			bool set);
	enum pn_inhibit churn; /* the one that comes and goes most often in real life */
	/*
	 * Self-check: disagreements about a vCPU, besides those that the hypervisor finds (NULL:
	 * none), and about the IOMMUs.
	 */
	const char *(*check)(struct pn_lab_vcpu *v);
	void (*check_iommus)(struct pn_complaints *r, struct pn_machine *m,
			     const struct pn_totals *t);
	/* Disagreements about a device's interrupt, and about a CPU; NULL: not checked. */
	const char *(*check_queue)(const struct pn_lab_queue *q);
	const char *(*check_cpu)(struct pn_machine *m, uint32_t cpu);
	/* Bits that the hypervisor moved aside so far; NULL: it moves none. */
	uint64_t (*parked)(const struct pn_lab_vcpu *v);
	const struct pn_sim_ops *ops;
};

extern const struct pn_platform pn_platform_amd, pn_platform_intel, pn_platform_bare;

/* Everything that is counted from the beginning; a result is the difference of two. */
struct pn_totals {
	uint64_t steps[PN_ALL_STEPS_NR];
	uint64_t interrupts, delivered, coalesced, unexpected;
	uint64_t needed, spurious, missed, gappi_spurious;
	uint64_t unit_wait;   /* the longest, of a request for its IOMMU */
	uint64_t router_wait; /* the longest, of an IOMMU's message for the router */
	uint64_t host_ns, recorded_ns, completions, events, parked;
	struct pn_poll_stats polls;
	uint64_t ipi_completions; /* of the completions */
	/* IPIs to a vector, one for each target; and those that the hypervisor delivered */
	uint64_t ipis, ipis_injected;
	/* how often each cause came up, and of the VMs of each section */
	uint64_t inhibits[PN_INHIBIT_NR], inhibits_of[PN_MAX_SECTION][PN_INHIBIT_NR];
	uint64_t cpu_interrupts[PN_MAX_PCPUS];
};

/* A list of complaints. */
struct pn_complaints {
	char *buf;
	unsigned size, used;
};

void pn_wrong(struct pn_complaints *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct pn_provoker; /* a cause of one VM */

struct pn_churn_event {
	struct pn_event ev;
	struct pn_machine *m;
	uint32_t what, arg;
};
#define PN_CHURN_EVENTS 8

struct pn_machine {
	const struct pn_scenario *sc;
	struct pn_mode mode;
	const struct pn_platform *plat;
	struct pn_amd *amd;
	struct pn_intel *intel;
	struct pn_hyp *hyp; /* NULL: bare metal */
	struct pn_sim *sim;
	uint8_t *ram;
	struct pn_bus bus; /* memory only, for the host */
	struct pn_pages pages;
	struct pn_os os;
	struct pn_lab_iommu *iommu;
	struct pn_agent router; /* what all IOMMUs share on the way to the CPUs */
	struct pn_step_table router_steps;
	uint64_t router_free; /* when it can pass the next message on */
	struct pn_host_cpu *cpu;
	struct pn_lab_core *core;
	uint32_t vms;
	struct pn_lab_vcpu *vcpu;
	uint32_t vcpus;
	struct pn_ipi_conf ipi[PN_MAX_SECTION];
	struct pn_source source[PN_MAX_SECTION];
	struct pn_lab_queue *queue;
	uint32_t queues;
	struct pn_station *station; /* one for each device */
	uint64_t warmup_at;	    /* measured part starts */
	uint64_t outstanding;	    /* interrupts on their way, wherever they are */
	struct pn_totals now;	    /* only the lab's own counters are kept up to date */
	struct pn_hist *latency, *wake;
	struct pn_part *part; /* PN_PARTS of them, in a scenario with both; NULL: one kind only */
	struct pn_rng churn_rng;
	struct pn_churn_event churn[PN_CHURN_EVENTS];
	struct pn_provoker *provoker; /* one for each VM, and for each of an [inhibit] */
	uint32_t provokers;
	struct pn_tracer *tracer; /* NULL: none */
	const char *error; /* what happened that cannot in a checked scenario; NULL: nothing */
};

/* Builds the machine; *out to be destroyed also on errors past allocation. */
int pn_machine_create(const struct pn_scenario *sc, const struct pn_mode *mode, uint64_t seed,
		      struct pn_machine **out, struct pn_diag *d);
void pn_machine_destroy(struct pn_machine *m);
/* Stops the devices and runs until nothing is on its way, or nothing moves any more. */
void pn_machine_drain(struct pn_machine *m);
void pn_machine_totals(const struct pn_machine *m, struct pn_totals *t);

struct pn_os pn_machine_os(struct pn_machine *m);
/* Gives the queue's interrupt a vector of @cpu, for while it is not posted to a guest; an older
 * vector keeps its handler, for what is on its way. False: there is none left. */
bool pn_machine_host_vector(struct pn_machine *m, struct pn_lab_queue *q, uint32_t cpu);
/* A physical interrupt of an IOMMU, for pn_bus.intr; @ctx is its struct pn_lab_iommu. */
void pn_machine_intr(void *ctx, const struct pn_intr *intr);
void pn_unit_init(struct pn_lab_iommu *io);
/* The device's MSI, behind those that its IOMMU has to order first. */
void pn_unit_msi(struct pn_lab_queue *q);
/* A message of the request that @io works on: how long until the router has taken it. */
uint64_t pn_unit_route(struct pn_lab_iommu *io, uint32_t dest, uint8_t vector);
/* Functions that are the same for every machine: see struct pn_sim_ops. */
void pn_machine_load(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_machine_put(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_machine_blocking(struct pn_vcpu *v, struct pn_pcpu *p);
bool pn_machine_must_run(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_machine_unblocking(struct pn_vcpu *v, struct pn_pcpu *p);
bool pn_machine_pending(struct pn_vcpu *v);
void pn_machine_eoi_exit(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_machine_merged(struct pn_pcpu *p, uint8_t vector);
void pn_machine_offlined(struct pn_pcpu *p);
void pn_machine_guest_timer(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_machine_msi(struct pn_queue *q);
/* A device's interrupt reached the host that was meant for a guest; false: the vector is no
 * device's. */
bool pn_machine_device_irq(struct pn_machine *m, struct pn_pcpu *p, uint8_t vector);

/* The xAPIC logical ID that firmware gave vCPU @idx of @n: see pn_host_vcpu_init_page(). */
uint32_t pn_machine_logical_id(uint32_t idx, uint32_t n);
/* The ICR of what a guest sends, in x2APIC form (destination in 63:32) or xAPIC form (63:56). */
uint64_t pn_machine_icr(const struct pn_lab_vcpu *v, const struct pn_ipi *ipi, bool x2apic);

/* ---- accounting ---- */

/* Behind pn_account_sent(): where the machine keeps devices and IPIs apart. */
void pn_account_sent_part(struct pn_machine *m, uint64_t sent);
/* Its IRR bit is set, or was. */
void pn_account_irr(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent);
/* Its PIR bit is set; @merged: it was before. */
void pn_account_pir(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent, bool merged);
/* The IRR bit is set by the vCPU itself; @merged: it was before. */
void pn_account_self(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent, bool merged);
/* Software is about to set a bit for a vCPU that may sleep. */
void pn_account_injecting(struct pn_lab_vcpu *v, uint8_t vector);
/* An interrupt for a vCPU that may sleep was posted by hardware; @told: the host was notified. */
void pn_account_posted(struct pn_lab_vcpu *v, bool told);
/* The same if its notification was dropped, and the host does not recover it. */
void pn_account_dropped(struct pn_lab_vcpu *v);
/* Wakes those that sleep with a deliverable interrupt, each a missed wakeup, once nothing else
 * moves any more. False: there are none. */
bool pn_account_stranded(struct pn_machine *m);
/* It is on its way to the host. */
void pn_account_flight(struct pn_lab_queue *q, uint64_t sent);
/* It merged with another on that way, or before. */
void pn_account_coalesced(struct pn_machine *m, uint64_t sent);
void pn_account_merged(struct pn_lab_queue *q);
/* The host injects what arrived. */
void pn_account_inject(struct pn_lab_queue *q, struct pn_host_cpu *c);
/* Bare metal: the handler starts at @at. */
void pn_account_handled(struct pn_lab_queue *q, uint64_t at);
/* IPIs of @from's guest: one interrupt for each target; @set: its bit is set now. */
uint64_t pn_account_ipi_sent(struct pn_lab_vcpu *from);
void pn_account_ipi(struct pn_lab_vcpu *from, const struct pn_ipi *ipi, uint64_t sent,
		    void (*set)(struct pn_lab_vcpu *to, uint8_t vector, uint64_t sent));
/* The same after an exit: the hypervisor is about to set the bits. */
void pn_account_ipi_exit(struct pn_lab_vcpu *from, const struct pn_ipi *ipi, uint64_t sent);
/* @vector moved from IRR to ISR; its handler starts at @at. @pir: it is in the PIR again. */
void pn_account_take(struct pn_lab_vcpu *v, uint8_t vector, bool pir);
void pn_account_deliver(struct pn_lab_vcpu *v, uint64_t at);
bool pn_account_wake(struct pn_lab_vcpu *v, struct pn_pcpu *self, enum pn_wake_reason why);

/*
 * Checks that guest, host and IOMMUs agree. Writes the first disagreements to @buf; empty: they
 * agree.
 */
void pn_selfcheck(struct pn_machine *m, char *buf, unsigned size);

void pn_churn_start(struct pn_machine *m);
void pn_churn_offlined(struct pn_machine *m, struct pn_pcpu *p);
/* Raises or ends a cause, as plat->inhibit(), by code of the host that is not paid for. */
void pn_churn_inhibit(struct pn_lab_vcpu *v, enum pn_inhibit why, bool set);

/* The inhibits that the scenario's VMs provoke: created, then started. -ENOMEM. */
int pn_provoke_init(struct pn_machine *m);
void pn_provoke_start(struct pn_machine *m);

/* Every step of every agent, written as @opt says. *out is to be closed also after -ENOMEM. */
int pn_tracer_attach(struct pn_machine *m, const struct pn_run_options *opt,
		     struct pn_tracer **out);
int pn_tracer_close(struct pn_tracer *t);
/* With opt->wakes: some wakeups with their steps; @wake has the lengths of all. -ENOMEM. */
int pn_tracer_wakes(const struct pn_tracer *t, const struct pn_hist *wake, struct pn_wakes **out);
/* An IPI that @from sent, for one of its targets. */
void pn_tracer_ipi(struct pn_tracer *t, const struct pn_lab_vcpu *from,
		   const struct pn_lab_vcpu *to, uint8_t vector, uint64_t sent);

/* Feeds a recording into the simulation. */
struct pn_feed;
int pn_feed_open(struct pn_machine *m, struct pn_recording *rec, struct pn_feed **out);
int pn_feed_close(struct pn_feed *f);

static inline struct pn_lab_vcpu *pn_lab_of(const struct pn_vcpu *v)
{
	return v->hw;
}

/* When an interrupt is sent to @v (NULL: bare metal), and what it finds. */
static inline uint64_t pn_account_stamp(const struct pn_machine *m, const struct pn_vcpu *v)
{
	uint64_t now = pn_sim_now(m->sim), sent = (now + 1) << PN_SENT_SHIFT;

	if (v && v->task.state == PN_TASK_SLEEPING)
		sent |= PN_SENT_BLOCKED;
	return now < m->warmup_at ? sent : sent | PN_SENT_WINDOW;
}

static inline void pn_account_sent(struct pn_machine *m, uint64_t sent)
{
	if (!(sent & PN_SENT_WINDOW))
		return;
	m->now.interrupts++;
	if (__builtin_expect(m->part != NULL, 0))
		pn_account_sent_part(m, sent);
}

/* The guest's IF is 0 in its handlers. */
static inline bool pn_machine_irq_blocked(const struct pn_vcpu *v)
{
	return v->handler >= 0 || pn_lab_of(v)->inject >= 0;
}

static inline struct pn_lab_core *pn_core_of(const struct pn_pcpu *p)
{
	return p->hw;
}

static inline struct pn_host_cpu *pn_cpu_of(const struct pn_pcpu *p)
{
	return &pn_core_of(p)->m->cpu[p->id];
}

#endif
