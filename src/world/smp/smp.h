/* SPDX-License-Identifier: MIT */
#ifndef PN_SMP_H
#define PN_SMP_H

#include <pthread.h>

#include "host_entry.h"
#include "hyp.h"
#include "pages.h"
#include "steps.h"
#include "vectors.h"

/*
 * Real threads: each IOMMU and each physical CPU is one. A CPU's thread runs the tasks of vCPUs and
 * takes the interrupts of its CPU where they are on; a CPU without work sleeps until a message
 * wakes it, by a futex.
 *
 * Time goes in rounds. In a round devices post a number of interrupts, and the host does a number
 * of chores meanwhile: moves interrupts, takes CPUs offline. Then everything comes to rest, which
 * is known exactly: a count of all threads that have something to do falls to 0. What was sent must
 * have arrived by then, since no later interrupt will repair it.
 *
 * Three kinds of memory: what hardware and host share, through the seam; what belongs to one
 * thread, or to the director while everything rests; what threads share for the book-keeping,
 * marked atomic.
 */

#define SMP_CPUS      64
#define SMP_VCPUS     12
#define SMP_DEVICES   8
#define SMP_SOURCES   168
#define SMP_BOOKS     (SMP_SOURCES + SMP_VCPUS * SMP_VCPUS)
#define SMP_VEC_FIRST 0x20 /* in guests */
#define SMP_VEC_TIMER 0xF0 /* a guest's timer, which is above all others */
#define SMP_LINE      128  /* two threads write to neighbours of this size without harm */

struct smp;
struct smp_cpu;

/* For a task: runs or waits to run, is about to sleep, sleeps. */
enum { SMP_AWAKE, SMP_DROWSY, SMP_ASLEEP };

/* The CPU goes offline: another one asks; it takes no interrupts any more; they go elsewhere. */
enum smp_dying { SMP_ASKED = 1, SMP_DEAF, SMP_LEFT };

struct smp_task {
	uint32_t state; /* atomic */
	struct smp *s;
	struct smp_vcpu *vcpu; /* NULL: a kernel thread, of CPU 0 */
	bool (*step)(void *arg, struct smp_cpu *c);
	void *arg;
};

/*
 * A sender of one vector to one receiver; of an IPI to all others one for each receiver. Its
 * interrupts are numbered: the sender counts before it sends, and whoever takes the vector
 * afterwards has seen all up to the number that it reads.
 */
struct smp_source {
	uint64_t sent __attribute__((aligned(SMP_LINE)));    /* atomic; of the sender alone */
	uint64_t covered __attribute__((aligned(SMP_LINE))); /* atomic: seen by receivers */
	uint64_t taken;					     /* atomic: times that it was taken */
	uint32_t target; /* atomic: vCPU, or CPU on bare metal */
	uint64_t may;	 /* atomic: those that may take it in this round, 1 << number */
	uint32_t always; /* those that may in each round, besides the target */
	uint32_t index;
	uint32_t device;	     /* that sends it */
	uint8_t vector;		     /* as its receiver sees it */
	uint8_t host_vector;	     /* of a device's: in the host */
	bool direct;		     /* when everything rested last, its entry posted */
	struct pn_host_entry *entry; /* of the vendor's remapping entry; NULL: no device's */
};

struct smp_vcpu {
	struct smp_task task;
	struct pn_host_vcpu *h;
	const uint64_t *pir; /* its descriptor; NULL: it has none */
	uint32_t id;
	uint32_t cpu;		/* where it ran last */
	bool blocking;		/* it is in the block loop */
	bool preempted;		/* switched out although runnable, and not switched in since */
	bool stays;		/* its guest waits for interrupts inside: HLT does not exit */
	bool inside;		/* it does so */
	uint32_t ipis;		/* that its guest has to send */
	uint32_t budget;	/* atomic: and those that its next timer makes it send */
	uint64_t exit[3];	/* of an IPI that the processor did not finish */
	uint64_t sleeps, moves; /* statistics, of the CPU where it is */
} __attribute__((aligned(SMP_LINE)));

struct smp_cpu {
	struct pn_host_cpu *host;
	struct pn_agent agent;
	struct pn_step_table steps;
	struct pn_bus bus; /* of its core */
	struct smp *s;
	uint32_t id;
	pthread_t thread;
	uint64_t dice; /* random numbers */
	/* messages to it: atomic */
	uint64_t irr[4] __attribute__((aligned(SMP_LINE)));
	uint32_t pending; /* look at irr */
	uint32_t bell;
	uint32_t idle; /* its thread sleeps, or is about to: the futex */
	uint32_t chores;
	uint32_t dying; /* enum smp_dying */
	uint32_t down;	/* it has done so: messages to it are lost */
	/* tasks that wait for it */
	struct pn_lock queue_lock __attribute__((aligned(SMP_LINE)));
	struct smp_vcpu *queue[SMP_VCPUS];
	uint32_t queued; /* atomic, written under the lock */
	bool closed;	 /* under the lock: takes no tasks */
	/* its own */
	bool resched __attribute__((aligned(SMP_LINE)));
	struct smp_bits bits;
	int deferred;	/* a vector that made the guest exit; -1: none */
	uint64_t fresh; /* interrupts that became pending by its software, not merged with others */
	uint64_t merged; /* and those that were pending already */
	uint64_t irqs, woken, preemptions;
} __attribute__((aligned(SMP_LINE)));

/* An IOMMU, and the devices behind it. One agent at a time: under @busy. */
struct smp_device {
	struct pn_lock busy __attribute__((aligned(SMP_LINE)));
	struct pn_agent agent;
	struct pn_step_table steps;
	struct pn_bus bus;
	struct smp *s;
	uint32_t id;
	pthread_t thread;
	uint64_t dice;
	struct smp_bits bits;
	uint64_t merged;  /* in the local APIC of a CPU */
	uint64_t strays;  /* that were refused */
	uint64_t illegal; /* messages with a vector below 16, which local APICs drop */
	/* written by the director while the thread waits for the next round */
	uint64_t budget;
	uint32_t source[SMP_SOURCES];
	uint32_t sources;
	void *hw;
	struct smp_task log; /* its guest APIC log's thread */
} __attribute__((aligned(SMP_LINE)));

enum smp_left { SMP_HALTED, SMP_INTERRUPTED, SMP_AGAIN };

/* What depends on the silicon. */
struct smp_ops {
	/* A device behind @d writes the MSI of @src. Under d->busy. */
	void (*post)(struct smp_device *d, struct smp_source *src);
	/* A device behind @d writes an MSI that has to be refused; under d->busy. NULL: none. */
	void (*stray)(struct smp_device *d);
	/* A physical interrupt that is no device's. Interrupts are off. */
	void (*irq)(struct smp_cpu *c, uint8_t vector);
	/* The entry of @src posts: no interrupt of it appears in the host. NULL: none does. */
	bool (*direct)(const struct smp_source *src);
	/* What else has to leave @c, which goes offline, before it does; NULL: nothing. */
	void (*leave)(struct smp_cpu *c, struct smp_cpu *self);
	/* @c is offline: what else has been left there; NULL: nothing. */
	void (*left)(struct smp_cpu *c, struct smp_cpu *self);
	/* A device's interrupt that goes to the host; NULL: injected into the guest. */
	void (*device_irq)(struct smp_cpu *c, struct smp_source *src);
	/* The guest of @v runs on @c until it leaves. */
	enum smp_left (*guest)(struct smp_vcpu *v, struct smp_cpu *c);
	/* The host's target of @src becomes @to. NULL: there is none. */
	int (*affinity)(struct smp_source *src, struct smp_cpu *to, struct smp_cpu *self);
	/* Vectors that a CPU which goes offline may lose, up to a 0; NULL: none. */
	const uint8_t *notices;
	/* Bits that merge where no agent can count them: words that are moved. */
	uint64_t (*hidden)(struct smp *s);
	/* Bits that the host has ever moved from an IRR to memory of its own; NULL: it does not. */
	uint64_t (*aside)(struct smp *s);
	const char *(*check)(struct smp *s); /* at rest; NULL: fine */
	bool looks; /* hyp->ops->check() reads nothing that senders write */
};

/* What the host does besides, each by one CPU. */
struct smp_chore {
	const char *name; /* in the report */
	/* Does it; false: not now. */
	bool (*run)(struct smp_cpu *c);
	uint32_t holds; /* SMP_HOLDS_*: no other chore that holds the same runs meanwhile */
	uint64_t done;	/* atomic */
};

enum {
	SMP_HOLDS_ENTRIES = 1, /* remapping entries */
	SMP_HOLDS_CPUS = 2,    /* which CPUs are there, and what comes to them */
	SMP_HOLDS_VM = 4,      /* inhibits */
	SMP_HOLDS_TIMERS = 8,  /* the senders of software's interrupts */
	SMP_HOLDS_ALL = 15
};

struct smp {
	const struct smp_ops *ops;
	struct pn_hyp *hyp; /* NULL: bare metal */
	struct pn_host_vm *vm;
	struct pn_os os;
	struct pn_bus bus;
	struct pn_pages pages;
	unsigned cpus, vcpus, devices, sources;
	unsigned books;	 /* the sources, and those of IPIs to all others, by sender and receiver */
	unsigned timers; /* the first source that software sends: one for each vCPU */
	/* From vector to vector, for devices' in the host too: they are in all words of an IRR. */
	unsigned stride, host_stride;
	bool ipis;  /* guests send IPIs: the sources before @timers */
	bool masks; /* guests raise their TPR */
	bool calm;  /* no chores in this round */
	struct smp_chore *chore;
	unsigned chores;
	void (*last)(struct smp_cpu *c); /* instead, in the last rounds */
	struct smp_cpu *cpu;
	struct smp_vcpu *vcpu;
	struct smp_device *device;
	struct smp_source *source;
	struct pn_host_cpu *host_cpu;
	struct pn_host_cpu watch; /* the director's, for checks */
	struct pn_agent watch_agent;
	struct pn_step_table watch_steps;
	void *machine; /* the vendor's part */
	uint64_t dice;
	uint64_t rounds;
	bool watched;  /* bits are counted where they are set */
	uint64_t held; /* bits of control words and requests when their count began */
	uint32_t busy
		__attribute__((aligned(SMP_LINE))); /* atomic: threads that have work; a futex */
	uint32_t round
		__attribute__((aligned(SMP_LINE))); /* atomic, a futex: devices wait for it */
	uint32_t stop;				    /* atomic: threads end */
	uint32_t wild;	 /* atomic: smp_dice.mean of all threads in this round */
	uint32_t menu;	 /* atomic: chores of this round, 1 << number */
	uint32_t hot;	 /* atomic: of each device's sources, the one that is busy in this round */
	uint32_t storm;	 /* atomic: devices begin with a storm of one interrupt */
	uint32_t pace;	 /* atomic: turns that a device waits between two posts, at most */
	uint32_t holds;	 /* atomic: SMP_HOLDS_* of the chores that run */
	uint32_t opens;	 /* atomic: the first chore opens the gate */
	uint32_t begins; /* atomic: vCPUs whose guests are to send their budget */
	uint32_t gate;	 /* atomic: agents that have to come before devices begin */
	uint32_t cut;	 /* atomic: devices send no more in this round */
	uint32_t failed; /* atomic */
	bool stuck;	 /* it did not come to rest: threads cannot be joined */
	struct pn_lock fail_lock;
	char property[4], text[200];
};

/* ---- threads.c ---- */

uint64_t smp_random(uint64_t *dice);
/* 0 to @n - 1. */
uint32_t smp_draw(uint64_t *dice, uint32_t n);
/* The calling thread begins to have work; has none any more. */
void smp_busy(struct smp *s);
void smp_rests(struct smp *s);
/* Sends @vector to @c; a CPU that is offline does not get it. True if it was pending already. */
bool smp_raise(struct smp_cpu *c, uint8_t vector);
/* The AVIC doorbell of @c. */
void smp_ring(struct smp_cpu *c);
/* The thread of @c sleeps until there is a message, or returns at once if there is one. */
void smp_wait(struct smp_cpu *c);
/* Locks of the world's own, and of devices: no interrupt comes while they are held. */
void smp_hold(struct pn_lock *l);
void smp_let_go(struct pn_lock *l);
/* 0, or -errno with no thread left. */
int smp_start(struct smp *s);
/* Ends the threads, while everything rests. */
void smp_join(struct smp *s);
/* Waits at most @ms; true if everything rests. */
bool smp_at_rest(struct smp *s, unsigned ms);
/* The first violation; later ones are forgotten. */
__attribute__((format(printf, 3, 4))) void smp_fail(struct smp *s, const char *property,
						    const char *fmt, ...);
/* The CPU that executes host code as @agent. */
struct smp_cpu *smp_cpu_of(struct pn_agent *agent);

/* ---- stumble.c ---- */

/* Up to @turns of a loop. */
void smp_pause(uint64_t *dice, uint32_t turns);
/* Threads stumble from now on, if this round is a wild one. */
void smp_mood(struct smp *s);

/* ---- cpu.c ---- */

void *smp_cpu_main(void *cpu);
/* Takes all interrupts that are pending. Interrupts are on. */
void smp_irqs(struct smp_cpu *c);
/* The highest pending vector, which is taken; -1: none. */
int smp_take_irq(struct smp_cpu *c);
static inline bool smp_interrupted(struct smp_cpu *c)
{
	return pn_ld32(&c->pending); /* pairs with smp_raise() */
}
/* @v waits for a CPU: that where it ran, or another one. */
void smp_enqueue(struct smp *s, struct smp_vcpu *v, uint64_t *dice);
/* @holds, if no other chore has any of these; false: it has. */
bool smp_try_hold(struct smp *s, uint32_t holds);
void smp_unhold(struct smp *s, uint32_t holds);
/* CPU @c goes offline, by the code on @self, and comes back. False: it is not possible now. */
bool smp_offline(struct smp_cpu *c, struct smp_cpu *self);
void smp_online(struct smp_cpu *c);
/* The host's target of @src becomes @to. */
void smp_set_affinity(struct smp_source *src, struct smp_cpu *to, struct smp_cpu *self);

/* ---- vcpu.c ---- */

/* pn_os.wake and pn_os.ipi */
bool smp_os_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why);
void smp_os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector);
/* Runs @v on @c until it sleeps or another task is to run. */
void smp_run(struct smp_cpu *c, struct smp_vcpu *v);
/* @c has something else to do than to wait in a guest. */
bool smp_wanted(const struct smp_cpu *c);
/* While @v does not run: @vector is pending. */
bool smp_pends(const struct smp *s, const struct smp_vcpu *v, unsigned vector);
/* Likewise: the highest vector that its guest could take, or -1. */
int smp_deliverable(const struct smp *s, const struct smp_vcpu *v);
/* Likewise: a vector of its PIR that irr() of the hypervisor overlooks, or -1. */
int smp_overlooked(const struct smp *s, const struct smp_vcpu *v);
/* The guest of @v takes @vector. */
void smp_took(struct smp *s, struct smp_vcpu *v, int vector);
/* A handler of the host on CPU @cpu takes @vector. */
void smp_host_took(struct smp *s, uint32_t cpu, int vector);
/* @src is given to vCPU, or CPU, @id, which may take it from now on. */
void smp_aim(struct smp_source *src, uint32_t id);
/* Counts one more of @src, which the caller sends now. */
void smp_sends(struct smp_source *src);
/* In guests: devices' or IPIs' from the first on, then timers, in the highest class. */
static inline uint8_t smp_vector(const struct smp *s, unsigned index)
{
	return (uint8_t)(index < s->timers ? SMP_VEC_FIRST + index * s->stride
					   : SMP_VEC_TIMER + index - s->timers);
}
/* In the host: the other way round, so that one is not taken for the other. */
static inline uint8_t smp_host_vector(const struct smp *s, unsigned index)
{
	return (uint8_t)(PN_VEC_DEVICE_LAST - index * s->host_stride);
}
/* The source whose vector it is in guests, or -1. */
static inline int smp_index(const struct smp *s, int vector)
{
	int at = vector - SMP_VEC_FIRST, index = at / (int)s->stride;

	if (vector >= SMP_VEC_TIMER)
		return vector - SMP_VEC_TIMER < (int)s->vcpus
			       ? (int)s->timers + vector - SMP_VEC_TIMER
			       : -1;
	return at < 0 || at % (int)s->stride || index >= (int)s->timers ? -1 : index;
}
/* The device's source whose vector it is in the host, or -1. */
static inline int smp_host_index(const struct smp *s, int vector)
{
	int at = PN_VEC_DEVICE_LAST - vector, index = at / (int)s->host_stride;

	return at < 0 || at % (int)s->host_stride || index >= (int)s->timers ? -1 : index;
}
/* @src is injected by software. */
void smp_inject(struct smp_cpu *c, struct smp_source *src);
/* An interrupt of a device arrives in the host. */
void smp_device_irq(struct smp_cpu *c, uint8_t vector);
/* The guest of @v takes @vector: what it does. @tpr: what it writes to its TPR then, or -1. */
void smp_handle(struct smp_vcpu *v, struct smp_cpu *c, int vector, int *tpr);

/* It has ended an interrupt by itself, and reads its PPR. */
void smp_ended(struct smp_vcpu *v, struct smp_cpu *c);

/* ---- bits.c ---- */

/* From now on each thread counts the bits that it sets in what vCPUs have pending. */
void smp_watch(struct smp *s);
void smp_unwatch(void);
/* At rest: of all threads. */
struct smp_bits smp_bits(const struct smp *s);
/*
 * At rest: each IPI that was sent has set a bit, once; each bit that was set has been moved, taken
 * or is there; no change of a control word or of a request is lost.
 */
void smp_check_bits(struct smp *s);

/* ---- round.c ---- */

/* Seconds of a clock that never goes back. */
double smp_now(void);
/*
 * One round with at most @posts of all devices, until everything rests and was checked. @give_up is
 * asked while it lasts: true, and devices send no more. False: a property is violated.
 */
bool smp_round(struct smp *s, uint64_t posts, bool (*give_up)(void *), void *arg);
/* A round in which CPU 0 does @last, once, and nothing else happens. */
bool smp_last_round(struct smp *s, void (*last)(struct smp_cpu *c));
uint64_t smp_sent(const struct smp *s);
uint64_t smp_taken(const struct smp *s);
/* At rest: pending, and not to be delivered now. */
uint64_t smp_masked(const struct smp *s);
/* At rest: sent, and nowhere. */
uint64_t smp_lost(const struct smp *s);
/* At rest: vCPUs that sleep although there is something to deliver. */
unsigned smp_missed(const struct smp *s);

#endif
