/* SPDX-License-Identifier: MIT */
#ifndef PN_SIM_H
#define PN_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "dist.h"
#include "list.h"
#include "postern/x86.h"
#include "seam.h"
#include "steps.h"
#include "wheel.h"

/*
 * The simulated world: one thread, virtual nanoseconds, the same bytes for the same seed. It knows
 * CPUs, tasks, guests and devices, and no vendor: the interrupt hardware of vCPUs and the host code
 * are behind struct pn_sim_ops, which the lab implements.
 *
 * Code runs at one instant, and its time passes afterwards: a piece of host code takes effect at
 * the moment it starts and keeps its CPU busy, interrupts off, for as long as its steps cost.
 */

struct pn_sim;
struct pn_pcpu;
struct pn_vcpu;
struct pn_task;

/* Host vectors that the world itself handles. */
#define PN_SIM_VEC_TIMER   0xEC
#define PN_SIM_VEC_RESCHED 0xFD

/* ---- tasks ---- */

enum pn_task_state {
	PN_TASK_RUNNABLE, /* running or in a run queue */
	PN_TASK_SLEEPING,
};

struct pn_task {
	struct pn_sim *sim;
	enum pn_task_state state;
	bool fifo; /* before all fair tasks, no time slice */
	bool queued;
	bool hold;    /* runs before pending interrupts: it is between VMRUN and guest */
	int32_t pin;  /* CPU it must stay on, or -1 */
	uint32_t cpu; /* where it runs, waits or ran last */
	uint64_t vruntime;
	uint64_t ran_since;
	struct pn_list rq;
	/*
	 * Does one piece of work on @p and charges its agent; called again until the task sleeps or
	 * is preempted.
	 */
	void (*run)(struct pn_task *t, struct pn_pcpu *p);
	void (*in)(struct pn_task *t, struct pn_pcpu *p);  /* switched in; may be NULL */
	void (*out)(struct pn_task *t, struct pn_pcpu *p); /* switched out; may be NULL */
	/* A span of PN_CPU_POLL that it began ended, or was cut short. */
	void (*poll_end)(struct pn_task *t, struct pn_pcpu *p);
};

/* A host thread: @step does one piece of work and returns false when there is none left. */
struct pn_thread {
	struct pn_task task;
	bool (*step)(struct pn_thread *th, struct pn_pcpu *p);
	void *arg;
	uint64_t work_ns; /* for threads that only burn time */
};

/* ---- CPUs ---- */

enum pn_pcpu_mode { PN_CPU_IDLE, PN_CPU_HOST, PN_CPU_GUEST, PN_CPU_POLL };

struct pn_pcpu {
	struct pn_sim *sim;
	uint32_t id;
	enum pn_pcpu_mode mode;
	bool online;
	bool parked; /* offline and nothing left on it */
	bool resched;
	bool slice_due, tick_due;
	bool irq_warm; /* nothing has run here since the last interrupt's EOI */
	bool irq_more; /* the interrupt that is handled has another piece: ops->host_more */
	int acked; /* vector that a VM exit acknowledged and the host has not handled yet, or -1 */
	uint32_t waiting, movable; /* tasks in its queues; those that another CPU may take */
	struct pn_task *cur;
	void *hw;	    /* the processor model, for the lab */
	struct pn_event ev; /* end of what the CPU does now */
	uint64_t host_ns, poll_since, idle_since;
	uint64_t recorded_ns; /* of the recorded program, see script */
	uint64_t interrupts;
	uint64_t min_vruntime;
	struct pn_lapic lapic;
	struct pn_list fair, fifo; /* waiting */
	struct pn_list timers;	   /* vCPUs whose guest timer expired: pn_vcpu.timer_due */
	struct pn_event slice, tick_ev, noise_ev;
	struct pn_agent agent;
	struct pn_step_table steps; /* of @agent */
	struct pn_rng rng;
	struct pn_thread noise;
	struct pn_thread script; /* replay: what displaces the vCPU here */
};

/* ---- processing of completions ---- */

struct pn_queue;

/* Completions that a handler has taken, and that a guest or a host program will process. */
struct pn_worker {
	struct pn_list todo; /* queues with completions taken: pn_queue.todo_node */
	struct pn_queue *work_q;
	uint64_t work_ns; /* left of the current completion */
};

/* Pauses of the devices that belong to one vCPU or program. */
struct pn_stall {
	uint64_t until;
	uint64_t period, time; /* mean between pauses (0: none), length of one */
	struct pn_sim *sim;
	struct pn_rng *rng;
	struct pn_event ev;
};

/* Bare metal: the program on a CPU that submits requests and processes completions. */
struct pn_app {
	struct pn_task task; /* first */
	struct pn_sim *sim;
	uint32_t cpu;
	struct pn_worker work;
	struct pn_stall stall;
	struct pn_rng rng;
};

/* ---- guests ---- */

/* The kinds of IPI that a guest sends, or tries to send. */
enum pn_send_kind {
	PN_SEND_FIXED,	   /* physical destination, one target */
	PN_SEND_LOGICAL,   /* one target, logical destination */
	PN_SEND_BROADCAST, /* all but self */
	PN_SEND_SELF,
	PN_SEND_NMI,
	PN_SEND_INIT,
	PN_SEND_NR
};

struct pn_ipi {
	enum pn_send_kind kind;
	struct pn_vcpu *to; /* NULL for broadcast and self */
	uint8_t vector;
};

/* How the vCPUs of a VM send IPIs; shared by them. */
struct pn_ipi_conf {
	bool pingpong;	   /* vCPU 2k and 2k+1: one sends, waits for the answer, sends again */
	bool reply_memory; /* pingpong: the receiver answers by a store that the sender polls for */
	uint32_t senders;  /* otherwise: vCPUs that send, from the first on; each at random */
	struct pn_dist think; /* guest work before each send */
	uint64_t handler;     /* guest: IPI handler, until its EOI */
	uint8_t vector;
	double share[PN_SEND_NR]; /* of kinds; FIXED is what is left */
};

enum pn_vcpu_state {
	PN_V_ENTER, /* on the way into the guest */
	PN_V_GUEST, /* in the guest, or just left it involuntarily */
	PN_V_HALT,  /* HLT exit to be handled */
	PN_V_POLL,  /* halt polling */
	PN_V_BLOCK, /* about to block */
	PN_V_CHECK, /* in the block loop */
	PN_V_UNBLOCK,
	PN_V_EOI, /* EOI exit to be handled */
	PN_V_IPI, /* exit of an ICR write to be handled */
};

/* The reasons of a guest timer interrupt. */
#define PN_GT_TICK   (1u << 0)
#define PN_GT_BUSY   (1u << 1)
#define PN_GT_MASK   (1u << 2)
#define PN_GT_UNMASK (1u << 3)
#define PN_GT_SCRIPT (1u << 4)

struct pn_guest_conf {
	uint64_t timer;
	bool idle_poll;
	uint8_t tpr;
	uint64_t tpr_period, tpr_hold;
	double busy;
	uint64_t busy_burst;
	bool scripted; /* runs and halts as a recording says */
};

enum pn_guest_act {
	PN_ACT_NONE,
	PN_ACT_HANDLER,
	PN_ACT_WORK,
	PN_ACT_BUSY,
	PN_ACT_SPIN,
	PN_ACT_THINK, /* before it sends an IPI */
};

#define PN_GUEST_TIMER_VECTOR 0xEC
#define PN_GUEST_TIMER_NS     1000 /* guest: timer handler */

struct pn_message;

/* Polling of a vCPU that has halted, before it blocks. */
struct pn_halt_poll {
	uint64_t limit; /* conf.kvm_poll: how long it polls now; KVM's vcpu->halt_poll_ns */
	uint64_t since; /* the halt began */
	uint64_t left;
	uint64_t spent; /* of this halt, on polling */
	bool tried, slept;
};

struct pn_vcpu {
	struct pn_task task; /* first */
	struct pn_sim *sim;
	void *hw;    /* the lab's */
	uint32_t id; /* over all VMs */
	enum pn_vcpu_state st;
	/* the guest */
	enum pn_guest_act act; /* what the current span of guest mode is */
	int handler;	       /* vector whose handler runs, or -1 */
	uint64_t handler_ns;   /* left of it */
	struct pn_worker work;
	uint64_t busy_ns; /* other guest work left; UINT64_MAX: without end */
	/* IPIs */
	const struct pn_ipi_conf *ipi; /* NULL: it sends none */
	struct pn_vcpu *ipi_first;     /* vCPU 0 of its VM, for targets */
	uint32_t ipi_vcpus;
	bool ipi_waits; /* pingpong: until the answer comes */
	bool ipi_due;	/* it is its turn to send, after @think_ns more of work */
	uint64_t think_ns;
	uint64_t span_start;
	struct pn_stall stall;
	struct pn_halt_poll poll;
	bool script_run;
	bool masked;
	bool timer_due_listed;
	uint32_t timer_flags; /* expired, handler not run yet */
	struct pn_guest_conf conf;
	struct pn_rng rng;
	/* its timers */
	struct pn_list timer_due;
	struct pn_event tick_ev, busy_ev, mask_ev;
	struct pn_queue *by_vector[256];
};

/* ---- devices ---- */

enum pn_source_kind {
	PN_SRC_CLOSED,
	PN_SRC_POISSON,
	PN_SRC_PERIODIC,
	PN_SRC_ONOFF,
	PN_SRC_EXTERNAL, /* pn_queue_complete() from outside */
};

/* How a queue is loaded; shared by all queues of a [load]. */
struct pn_source {
	enum pn_source_kind kind;
	uint32_t depth;
	struct pn_dist service;
	uint64_t service_floor;
	double interval_ns; /* mean between arrivals */
	uint64_t on, off;
	bool sync;
	uint64_t handler, work;
	uint32_t coalesce;
	uint64_t coalesce_time;
	uint64_t stall_period, stall_time, stall_spread;
};

/* State that the queues of a device share. */
struct pn_station {
	struct pn_sim *sim;
	uint64_t gap_ps, free_ps; /* between two requests; when it can take up the next one */
	uint32_t burst, left;	  /* requests of one queue before it turns to the next */
	struct pn_list todo;	  /* queues with requests submitted: pn_queue.station_node */
	struct pn_event ev;
};

struct pn_request {
	struct pn_event ev; /* its completion */
	struct pn_queue *q;
	struct pn_request *next_free;
};

/*
 * One queue of a device: completions go in, an MSI comes out. The fields that each completion needs
 * come first: with hundreds of queues cache misses decide the speed.
 */
struct pn_queue {
	struct pn_sim *sim;
	const struct pn_source *src;
	struct pn_vcpu *vcpu; /* the vCPU that it interrupts; NULL on bare metal */
	struct pn_app *app;   /* the program that gets the completions; NULL with a guest */
	void *hw;	      /* the lab's: requester, IOMMU */
	uint32_t ready;	      /* completed, not yet seen by the guest */
	uint32_t unsignalled; /* completed since the last MSI */
	uint32_t signalled;   /* by the MSI that goes out: in ops->msi */
	uint32_t taken;	      /* seen by the guest's handler, to be worked on */
	uint8_t vector;
	uint32_t submitted;	 /* not yet taken up by the device */
	struct pn_request *free; /* closed loop */
	uint64_t last_done;
	struct pn_rng rng;
	struct pn_list todo_node, station_node;
	struct pn_station *station; /* its device's; NULL: any number of requests at once */
	struct pn_event ev, coalesce_ev;
	uint64_t phase_end;	    /* on/off */
	struct pn_request *request; /* src->depth of them, closed loop */
};

/* ---- the machine behind it ---- */

/* What became of an IPI: the sender evaluates only if it is its own receiver. */
enum pn_ipi_sent { PN_IPI_SENT, PN_IPI_EVALUATE, PN_IPI_EXIT };

struct pn_sim_ops {
	/*
	 * Host interrupt @vector on @p, interrupts off. True: more work is left after the time of
	 * this piece: then @host_more is called until it returns false.
	 */
	bool (*host_vector)(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector);
	bool (*host_more)(struct pn_sim *s, struct pn_pcpu *p);
	/*
	 * An interrupt is pending in @p's local APIC while the guest runs there. True: the
	 * processor has taken it and goes on in the guest, which may have something to deliver
	 * now. False: VM exit; if that acknowledged a vector, p->acked is set. NULL: always exits.
	 */
	bool (*guest_intr)(struct pn_vcpu *v, struct pn_pcpu *p);
	/* Scheduling, as a hypervisor has it: in, out; about to block, may it sleep (false) or must
	 * it run, no longer blocking; a cheap look whether there is something to do. */
	void (*load)(struct pn_vcpu *v, struct pn_pcpu *p);
	void (*put)(struct pn_vcpu *v, struct pn_pcpu *p);
	void (*blocking)(struct pn_vcpu *v, struct pn_pcpu *p);
	bool (*must_run)(struct pn_vcpu *v, struct pn_pcpu *p);
	void (*unblocking)(struct pn_vcpu *v, struct pn_pcpu *p);
	bool (*pending)(struct pn_vcpu *v);
	/* World switches. @enter returns false if the entry must be tried again (a request came).
	 */
	bool (*enter)(struct pn_vcpu *v, struct pn_pcpu *p);
	void (*leave)(struct pn_vcpu *v, struct pn_pcpu *p);
	/* In the guest: takes the vector to deliver now (IRR to ISR), or -1. */
	int (*deliver)(struct pn_vcpu *v, struct pn_pcpu *p);
	/* EOI: true if it exits; @eoi_exit then handles it. */
	bool (*eoi)(struct pn_vcpu *v, struct pn_pcpu *p);
	void (*eoi_exit)(struct pn_vcpu *v, struct pn_pcpu *p);
	/* Guest writes TPR: true if it exits (handled already, charged). */
	bool (*set_tpr)(struct pn_vcpu *v, struct pn_pcpu *p, uint8_t tpr);
	/* Guest writes the ICR. If it exits, @ipi_exit handles it. */
	enum pn_ipi_sent (*send_ipi)(struct pn_vcpu *v, struct pn_pcpu *p,
				     const struct pn_ipi *ipi);
	void (*ipi_exit)(struct pn_vcpu *v, struct pn_pcpu *p);
	/* The doorbell reached @p: true if it is in guest mode and has to evaluate. */
	bool (*doorbell)(struct pn_pcpu *p);
	/* The guest's timer expired: host injects its vector. @p runs the host's timer interrupt.
	 */
	void (*guest_timer)(struct pn_vcpu *v, struct pn_pcpu *p);
	/* Device writes its MSI. */
	void (*msi)(struct pn_queue *q);
	/* An interrupt that arrived at @p merged with a pending one of the same vector. */
	void (*merged)(struct pn_pcpu *p, uint8_t vector);
	/* A CPU that goes offline runs nothing any more. */
	void (*offlined)(struct pn_pcpu *p);
};

/* Halt polling as KVM has it: the values of its module parameters halt_poll_ns and so on. */
struct pn_kvm_poll {
	bool on;
	uint64_t max, grow_start;
	uint32_t grow, shrink;
};

/* The halts that were polled in, as KVM counts them. */
struct pn_poll_stats {
	uint64_t attempted, successful;
	uint64_t success_ns, fail_ns; /* CPU time of polls that an interrupt ended, and others */
	uint64_t grown, shrunk;	      /* changes of a vCPU's limit */
	uint64_t spans_ns;	      /* the same CPU time, of polls that are not over too */
};

struct pn_sim_conf {
	uint32_t pcpus, vcpus, queues;
	uint64_t slice, wakeup_granularity, halt_poll, host_tick;
	struct pn_kvm_poll kvm_poll; /* on: in place of halt_poll, which is always as long */
	uint64_t idle_poll; /* an idle CPU polls that long before its idle state costs an exit */
	uint64_t noise_period, noise_time;
	uint64_t seed;
	const uint32_t *cost_ns; /* PN_ALL_STEPS_NR entries, read at creation; NULL: free of cost */
	bool apps;		 /* bare metal: a pn_app on every CPU */
};

/* A set of CPUs. */
#define PN_SIM_MAX_PCPUS 4096u
struct pn_cpus {
	uint64_t used; /* bit per word that is not 0 */
	uint64_t word[PN_SIM_MAX_PCPUS / 64];
};

struct pn_sim {
	struct pn_wheel wheel;
	struct pn_sim_conf conf;
	const struct pn_sim_ops *ops;
	void *ctx; /* the lab's */
	struct pn_pcpu *pcpu;
	struct pn_vcpu *vcpu;
	struct pn_app *app; /* conf.apps: one per CPU */
	struct pn_queue *queue;
	uint32_t nr_queues;
	struct pn_cpus idle;   /* and online */
	struct pn_cpus movers; /* with movable tasks */
	bool draining;	       /* devices send nothing new */
	uint64_t events, completions;
	uint64_t ipi_completions; /* those of the completions that are round trips or IPIs */
	struct pn_poll_stats polls;
	bool out_of_memory;
	struct pn_message *free_msg;
	void *msg_blocks;
};

static inline uint64_t pn_sim_now(const struct pn_sim *s)
{
	return s->wheel.now;
}

/* Creates CPUs and vCPUs; the caller fills conf, hw and pins of each vCPU, then starts. -ENOMEM. */
int pn_sim_create(const struct pn_sim_conf *conf, const struct pn_sim_ops *ops, void *ctx,
		  struct pn_sim **out);
void pn_sim_destroy(struct pn_sim *s);
/* vCPUs start to run, noise, ticks and guest timers are armed. */
void pn_sim_start(struct pn_sim *s);
/* Executes events up to and including @until; @max events at most. Returns false if none is left
 * before @until. */
bool pn_sim_run(struct pn_sim *s, uint64_t until, uint64_t max);

/* Queue number @i with its source, for @v or, on bare metal, for the program on @app's CPU;
 * -ENOMEM. It sends nothing before pn_queue_start(). */
int pn_queue_init(struct pn_sim *s, uint32_t i, const struct pn_source *src, struct pn_vcpu *v,
		  struct pn_app *app, uint8_t vector, uint64_t seed);
void pn_queue_start(struct pn_queue *q);
/* The device takes up one of its requests. */
void pn_queue_begin(struct pn_queue *q);
/* A device that takes up @capacity requests a second, @burst of one queue before the next one's.
 * Its queues point to it, see pn_queue.station. */
void pn_station_init(struct pn_station *st, struct pn_sim *s, double capacity, uint32_t burst);
/* One more request of @q, to be taken up in its turn. */
void pn_station_submit(struct pn_station *st, struct pn_queue *q);
/* @n completions are there now: an MSI goes out, at once or when coalescing says so. */
void pn_queue_complete(struct pn_queue *q, uint32_t n);
/* One completion has been processed. */
void pn_queue_worked(struct pn_queue *q);
/* Bare metal: the device's handler on @p takes what is ready, and the program gets it. */
void pn_queue_harvest(struct pn_queue *q, struct pn_pcpu *p);
/* Moves the queue's interrupt to another vCPU and vector; the old vector keeps its handler. */
void pn_queue_retarget(struct pn_queue *q, struct pn_vcpu *v, uint8_t vector);

/* ---- messages ---- */

/* A physical interrupt arrives at CPU @cpu after @delay. */
void pn_sim_raise(struct pn_sim *s, uint32_t cpu, uint8_t vector, uint64_t delay);
/* The doorbell arrives at CPU @cpu after @delay. */
void pn_sim_doorbell(struct pn_sim *s, uint32_t cpu, uint64_t delay);

/* ---- for the files of this room ---- */

void pn_pcpu_init(struct pn_sim *s, uint32_t id);
void pn_pcpu_intr(struct pn_pcpu *p, uint8_t vector);
void pn_pcpu_doorbell(struct pn_pcpu *p);
/* Ends an idle or polling span so that host code runs. */
void pn_pcpu_kick(struct pn_pcpu *p);
/* Host code continues after the charged time has passed. */
void pn_pcpu_host(struct pn_pcpu *p);
/* After the charged time: guest or polling for @length ns (UINT64_MAX: until an event ends it). */
void pn_pcpu_span(struct pn_pcpu *p, enum pn_pcpu_mode mode, uint64_t length);
/* Takes a CPU away (ops->offlined follows) or gives it back. Its tasks move. */
void pn_pcpu_offline(struct pn_pcpu *p);
void pn_pcpu_online(struct pn_pcpu *p);

void pn_task_init(struct pn_task *t, struct pn_sim *s, int32_t pin, bool fifo);
/* Makes a task runnable on behalf of CPU @self (NULL: hardware or world); true if it slept. */
bool pn_task_wake(struct pn_task *t, struct pn_pcpu *self);
/* Switches tasks on @p as the state of p->cur and its queues requires. */
void pn_sched_switch(struct pn_pcpu *p);
/* Time slice used up, or a tick: switches if another task should run. */
void pn_sched_slice(struct pn_pcpu *p);
void pn_sched_account(struct pn_pcpu *p);
void pn_sched_idle(struct pn_pcpu *p, bool idle);
/* Moves everything that waits on an offline CPU elsewhere. */
void pn_sched_drain(struct pn_pcpu *p);

void pn_thread_init(struct pn_thread *th, struct pn_sim *s, int32_t pin, bool fifo,
		    bool (*step)(struct pn_thread *, struct pn_pcpu *), void *arg);
/* Wakes a thread without a step function to burn @ns (UINT64_MAX: until told otherwise). */
void pn_thread_burn(struct pn_thread *th, uint64_t ns, struct pn_pcpu *self);

void pn_worker_init(struct pn_worker *w);
/* The handler has run: the completions that are ready in @q can be processed. */
void pn_worker_take(struct pn_worker *w, struct pn_queue *q);
/* True if there is a completion to process; work_ns is then its time. */
bool pn_worker_next(struct pn_worker *w);
/* The current completion is done. */
void pn_worker_done(struct pn_worker *w);

void pn_stall_init(struct pn_stall *st, struct pn_sim *s, struct pn_rng *rng);
void pn_stall_start(struct pn_stall *st);

void pn_app_init(struct pn_sim *s, uint32_t cpu);
void pn_app_run(struct pn_task *t, struct pn_pcpu *p); /* pn_task.run of every program */
/* The program of a task, if it is one. */
static inline struct pn_app *pn_app_of(struct pn_task *t)
{
	return t->run == pn_app_run ? pn_container(t, struct pn_app, task) : NULL;
}

void pn_vcpu_init(struct pn_sim *s, uint32_t id);
void pn_vcpu_start(struct pn_vcpu *v);
/* Guest mode events, called by the CPU. */
void pn_vcpu_span_end(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_vcpu_poke(struct pn_vcpu *v, struct pn_pcpu *p);
/* An interrupt came to @p's local APIC. */
void pn_vcpu_intr(struct pn_vcpu *v, struct pn_pcpu *p);
/* Another agent wrote memory that the guest may be polling. */
void pn_vcpu_stored(struct pn_vcpu *v);
/*
 * Halt polling: the vCPU has halted (false: it does not poll); a span of it is over; how long the
 * next one may be; an interrupt came, or it was woken, so that the halt ends at @at.
 */
bool pn_poll_begin(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_poll_end(struct pn_task *t, struct pn_pcpu *p);
uint64_t pn_poll_left(const struct pn_vcpu *v, const struct pn_pcpu *p);
void pn_poll_over(struct pn_vcpu *v, uint64_t at);
/* New work for a task that is awake: if it polls on @p, it sees the work now. */
void pn_vcpu_notice(struct pn_task *t, struct pn_pcpu *p);
/* Expired guest timers of the vCPUs that ran last on @p. */
void pn_vcpu_timers(struct pn_pcpu *p);
/* Replay: from now on the guest has work (true) or nothing to do. */
void pn_vcpu_script(struct pn_vcpu *v, bool run);
/*
 * A guest that sends IPIs: it starts; its pause is over and it sends (true: it exits); its handler
 * has run.
 */
void pn_guest_ipi_start(struct pn_vcpu *v);
enum pn_ipi_sent pn_guest_ipi_send(struct pn_vcpu *v, struct pn_pcpu *p);
void pn_guest_ipi_handled(struct pn_vcpu *v);
void pn_vcpu_run(struct pn_task *t, struct pn_pcpu *p); /* pn_task.run of every vCPU */
/* The vCPU of a task, if it is one. */
static inline struct pn_vcpu *pn_vcpu_of(struct pn_task *t)
{
	return t->run == pn_vcpu_run ? pn_container(t, struct pn_vcpu, task) : NULL;
}

#endif
