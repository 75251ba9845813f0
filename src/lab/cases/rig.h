/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_RIG_H
#define PN_LAB_CASES_RIG_H

#include "cases.h"
#include "postern/amdvi.h"
#include "postern/avic.h"
#include "svm.h"
#include "vectors.h"

/*
 * A small AMD machine for the explorer: up to two IOMMUs, a few CPUs, two VMs, with the real
 * driver, hypervisor and silicon in it. The same protocol as in the simulated world, without time.
 */

#define RIG_CPUS   3
#define RIG_VCPUS  2
#define RIG_IOMMUS 2
#define RIG_IRS	   3
#define RIG_DEVID  8

struct rig;

/* A task's state for the operating system: 1 asleep, or about to. */
struct rig_task {
	uint32_t sleeping;
};

struct rig_vcpu {
	struct rig *r;
	struct pn_svm_vcpu *svm;
	struct rig_task task;
	int cpu;	 /* where it starts */
	int moves_to;	 /* after its first sleep; -1: stays */
	bool taken[256]; /* vectors that its guest handled */
	bool sent[256];	 /* vectors that were posted or injected for it */
	bool asleep;	 /* already in the block loop, and asleep, at the start */
	uint8_t preempt; /* times that it is preempted between blocking and sleep */
};

struct rig_iommu {
	struct rig *r;
	struct pn_agent agent;
	struct pn_bus bus;
	struct pn_amdvi *vi;
	struct pn_lock busy;
	struct rig_task log; /* GA log thread */
};

struct rig_ir {
	struct pn_ir ir;
	struct rig_vcpu *target; /* whose vCPU the guest believes it interrupts */
	uint8_t vector;
	uint32_t iommu;
};

struct rig_conf {
	enum pn_notify notify;
	unsigned iommus, vcpus; /* 0: one */
	bool two_vms;		/* vCPU 1 is vCPU 0 of a second VM */
	bool no_gappi_on_1;	/* IOMMU 1 lacks GAPPISup */
	enum pn_masked_policy masked;
	bool erratum_core, erratum_known; /* processor has 1235; hypervisor knows */
	bool isrun_early;		  /* hardware reads IsRun before it sets the IRR bit */
	uint8_t tpr;			  /* of vCPU 0 */
	uint32_t galog_ring;		  /* entries; 0: as many as it has */
};

struct rig {
	struct rig_conf conf;
	struct pn_bus bus;
	struct pn_pages pages;
	struct pn_os os;
	struct rig_iommu iommu[RIG_IOMMUS];
	struct pn_amdvi_drv drv[RIG_IOMMUS];
	struct pn_iommus iommus;
	struct pn_svm svm;
	struct pn_svm_cpu cpu[RIG_CPUS];
	struct pn_agent cpu_agent[RIG_CPUS];
	struct pn_avic core[RIG_CPUS];
	struct pn_svm_vm vm[2];
	struct pn_svm_vcpu svcpu[RIG_VCPUS];
	struct rig_vcpu vcpu[RIG_VCPUS];
	struct rig_ir ir[RIG_IRS];
	uint32_t bell[RIG_CPUS];
	uint32_t flag;	    /* for a case's own synchronisation */
	bool new_kernel;    /* it does not know the wakeup vector */
	bool no_rest_check; /* the machine is taken apart at the end */
};

/* The machine of the running exploration. */
extern struct rig *rig;

/* Builds it. */
void rig_build(const struct rig_conf *conf);
/* An interrupt: entry @index, device behind IOMMU @iommu; posts to @v as @vector. */
void rig_attach(unsigned index, unsigned iommu, struct rig_vcpu *v, uint8_t vector);

/* Threads. */
void rig_run_vcpu(unsigned v, int cpu, int moves_to);
void rig_run_handlers(unsigned cpus);
void rig_run_log(unsigned iommu, int cpu);
/* An IOMMU that posts each of the vectors in turn; a list of pn_ir indices, ended by -1. */
void rig_run_posts(unsigned iommu, const int *list);

/* What CPU @arg does with an interrupt. */
void rig_handler(void *arg, uint8_t vector);
/* A device of IOMMU @i writes its MSI; for threads of a case's own. */
void rig_post(unsigned index);
/* Waits in the block loop as the vCPU's task does; for threads of a case's own. */
void rig_vcpu_loop(struct rig_vcpu *v);

/* P1..P4 at rest. */
const char *rig_check(void *arg, char *text, unsigned size);

#endif
