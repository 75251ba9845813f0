/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_RIG_H
#define PN_LAB_CASES_RIG_H

#include "cases.h"
#include "host_route.h"
#include "hyp.h"
#include "pages.h"
#include "vectors.h"

/*
 * A small machine for the explorer, of either vendor: a few CPUs, tasks of vCPUs that block, sleep,
 * move and enter their guests. The same protocol as in the simulated world, without time.
 */

#define RIG_CPUS  3
#define RIG_VCPUS 3
#define RIG_IRS	  8
#define RIG_DEVID 8

#define RIG_RAM_BASE 0x100000u

/* A task's state for the operating system: 1 asleep, or about to. */
struct rig_task {
	uint32_t sleeping;
};

/*
 * What a vCPU or a host CPU is owed of a vector: a byte, not a count of all that was sent, so that
 * the same situation is the same state. An interrupt that is sent while another is pending merges
 * with it; one that is sent after the vector was taken is owed again, so a second one that gets
 * lost is noticed.
 */
#define RIG_OWED    0x80u /* sent since it was taken last */
#define RIG_MAY_GET 0x40u /* may come, and need not */
#define RIG_MAYBE   0x20u /* taken while an agent was about to send it: perhaps comes once more */
#define RIG_SENDING 0x1Fu /* how many agents are about to send it */

struct rig_vcpu {
	struct pn_host_vcpu *h; /* the hypervisor's */
	struct rig_task task;
	int cpu;	  /* where it starts */
	int moves_to;	  /* after its first sleep; -1: stays */
	uint8_t due[256]; /* what its guest is owed, by vector */
	bool asleep;	  /* already in the block loop, and asleep, at the start */
	bool stays;	  /* its guest waits for interrupts inside: HLT does not exit */
	bool waits;	  /* it does so */
	bool kicked;	  /* it has to leave the guest */
	bool left_hlt;	  /* it left the guest to block, not for the host */
	uint32_t halted;  /* its guest waits, or is about to */
	bool preempted;	  /* it was switched out runnable, and not switched in since; Intel */
	uint8_t preempt;  /* times that it is preempted between blocking and sleep */
	uint8_t yields;	  /* times that it is preempted before it blocks */
};

/* An interrupt of a device. */
struct rig_ir {
	struct pn_host_entry *entry; /* of the vendor's remapping entry */
	struct pn_host_route route;
	struct rig_vcpu *target; /* whose vCPU the guest believes it interrupts */
	uint8_t vector;
	uint8_t due; /* bare metal: what its handler is owed */
};

/* Functions that differ between vendors, besides the hypervisor. */
struct rig_vendor {
	/* Scheduled out, in the vCPU's own context; NULL: as rig_put() does. */
	void (*put)(struct rig_vcpu *v, struct pn_host_cpu *c, bool asleep);
	/* In and out again: takes everything that can be delivered, and with v->stays waits in the
	 * guest until it is kicked: rig_in_guest(). */
	void (*guest)(struct rig_vcpu *v, struct pn_host_cpu *c);
	/* In the guest: takes everything that can be delivered. */
	void (*deliver)(struct rig_vcpu *v, struct pn_host_cpu *c);
	/* A device writes the MSI of interrupt @index. */
	void (*post)(unsigned index);
	const char *pending;   /* where vectors wait: "its IRR" */
	enum pn_inhibit cause; /* one that all vCPUs can have */
	/* True if @vector is outside the IRR and on its way there, as memory has it: no access of
	 * the machine. NULL: none ever is. */
	bool (*waits)(const struct rig_vcpu *v, unsigned vector);
	/* At rest: what is wrong with @v, a violation of P6, or NULL. May be NULL. */
	const char *(*check)(struct rig_vcpu *v);
	/* The hypervisor's module is gone: what of it nobody may use any more. May be NULL. */
	void (*gone)(void);
	/* A host interrupt: the argument is the CPU. */
	void (*handler)(void *arg, uint8_t vector);
};

/* A list whose accesses are visible, and need its lock. */
struct rig_list {
	const struct pn_list *head;
	const struct pn_lock *lock;
	uint32_t touched; /* stands for the list: each access is one to this word */
	const char *name;
};

#define RIG_LISTS (RIG_CPUS + RIG_VCPUS + 2)

struct rig {
	const struct rig_vendor *vendor;
	struct pn_bus bus;
	struct pn_pages pages;
	struct pn_os os;
	struct pn_host_cpu cpu[RIG_CPUS];
	struct pn_agent cpu_agent[RIG_CPUS];
	struct pn_step_table cpu_steps[RIG_CPUS];
	struct rig_vcpu vcpu[RIG_VCPUS];
	unsigned vcpus;
	uint32_t flag;	       /* for a case's own synchronisation */
	bool no_rest_check;    /* the machine is taken apart at the end */
	bool no_hyp_check;     /* the hypervisor is */
	struct pn_hyp *hyp;    /* NULL: bare metal */
	struct pn_host_vm *vm; /* the first; NULL: bare metal */
	struct rig_ir ir[RIG_IRS];
	const char *msi_name[RIG_IRS];
	struct rig_list list[RIG_LISTS];
	unsigned lists;
};

/* The machine of the running exploration. */
extern struct rig *rig;

/* The hypervisor's functions. */
static inline const struct pn_hyp_ops *rig_ops(void)
{
	return rig->hyp->ops;
}

/* Memory, CPUs and vCPUs without a hypervisor. */
void rig_init(const struct rig_vendor *vendor, unsigned vcpus, size_t ram);
/* The same with memory from physical address @base on. */
void rig_init_at(const struct rig_vendor *vendor, unsigned vcpus, uint64_t base, size_t ram);
/* A name for counter-examples, kept until the next machine is built. */
const char *rig_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A new machine: no such name, and no list is visible. */
void rig_no_names(void);
/* For counter-examples: what agents share of any vCPU and CPU; its hypervisor's part exists. */
void rig_name_vcpu(unsigned n);
void rig_name_cpus(void);
/* The wakeup lists are visible; the hypervisor exists. */
void rig_watch_wakelists(void);
/* So is this list of a vCPU or VM. */
void rig_watch_list(const struct pn_list *head, const struct pn_lock *lock, const char *name);

/* Interrupt @index with the entry @e posts to @v as @vector; NULL: it does not. */
void rig_attach(unsigned index, struct pn_host_entry *e, struct rig_vcpu *v, uint8_t vector);
/* The device writes its MSI, and the IOMMU begins with it: the vector is owed to its vCPU. Returns
 * what rig_has_sent() takes when the IOMMU is done. */
uint8_t *rig_sends(unsigned index);
/* The same of any sender of @vector to @v. */
uint8_t *rig_sends_to(struct rig_vcpu *v, uint8_t vector);
void rig_has_sent(uint8_t *due);
/* The same when no transition is known in which the bit was set. If the guest took the vector
 * before that, the bit is set still. */
void rig_send_ended(struct rig_vcpu *v, uint8_t vector, uint8_t *due);
/* The host injects @vector. */
void rig_inject(struct rig_vcpu *v, struct pn_host_cpu *c, uint8_t vector);
/* The bit is set in this transition: owed, whatever the guest took since the sender began. */
void rig_posted(struct rig_vcpu *v, uint8_t vector);
/* The same of a device, whose post ends: @due is that of rig_sends(), NULL afterwards. */
void rig_device_posted(struct rig_vcpu *v, uint8_t vector, uint8_t **due);
/* The host takes interrupt @index, by the vector that the rig gave it: injects it. */
void rig_device_irq(uint8_t vector, struct pn_host_cpu *c);

/* Host code on the CPU of @self tells CPU @cpu something, by @how: it has to be another one,
 * because a guest that has to be told is not in its guest where host code runs. P5 */
void rig_tells(const struct pn_agent *self, uint32_t cpu, const char *how);
/* A message on its way to the local APICs. */
void rig_intr(void *ctx, const struct pn_intr *intr);

/* Threads. */
void rig_run_vcpu(unsigned v, int cpu, int moves_to);
/* A vCPU that never blocks: it is preempted v->yields times, and then waits in its guest. */
void rig_run_guest(unsigned v, int cpu, int moves_to);
void rig_run_handlers(unsigned cpus);
/* An IOMMU that posts each of the interrupts in turn; a list of indices, ended by -1. */
void rig_run_posts(unsigned iommu, const int *list);
/* The same after rig->flag was set. */
void rig_run_late_posts(const int *list);
/* Sets rig->flag. */
void rig_set_flag(void);
/* The MSI of interrupt @index, by the calling IOMMU. */
void rig_post(unsigned index);

/* Called when vCPU @v's guest takes @vector. */
void rig_took(struct rig_vcpu *v, int vector);
/* In the guest: @vendor->deliver, once; with v->stays for ever, until it is kicked. */
void rig_in_guest(struct rig_vcpu *v, struct pn_host_cpu *c);
/* An interrupt reaches the guest of @v: it looks at what can be delivered; @exit: and leaves. */
void rig_interrupts(struct rig_vcpu *v, bool exit);
/* Out and in again, until an interrupt or a request makes it run: the block loop. */
struct pn_host_cpu *rig_block(struct rig_vcpu *v, struct pn_host_cpu *c);
/* vCPU @n is asleep on the list of @cpu when the machine starts. */
void rig_fall_asleep(unsigned n, unsigned cpu);
/* The thread of vCPU @arg: blocks, sleeps and runs its guest, without end. */
void rig_vcpu_loop(void *arg);
/* Scheduled in; out, @asleep: it meant to sleep. */
void rig_load(struct rig_vcpu *v, struct pn_host_cpu *c);
void rig_put(struct rig_vcpu *v, struct pn_host_cpu *c, bool asleep);
/* Scheduled out and in again; perhaps elsewhere. Returns where. */
struct pn_host_cpu *rig_resched(struct rig_vcpu *v, struct pn_host_cpu *c, bool asleep);

/* @property is violated now unless @ok; @what: a sentence. */
void rig_want(bool ok, const char *property, const char *what);
/* The same unless they are equal; says both. */
void rig_eq(uint64_t got, uint64_t want, const char *property, const char *what);
/* P1..P4 at rest. */
const char *rig_check(void *arg, char *text, unsigned size);

/* The lists that most cases post. */
extern const int rig_first_only[], rig_second_only[], rig_two_posts[], rig_three_posts[],
	rig_twice[], rig_last_two[], rig_other_way[];

#endif
