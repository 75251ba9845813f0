/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_RIG_AMD_H
#define PN_LAB_CASES_RIG_AMD_H

#include "postern/amdvi.h"
#include "postern/avic.h"
#include "rig.h"
#include "svm.h"

/* The AMD machine: up to two IOMMUs and two VMs, with the real driver, hypervisor and silicon. */

#define RIG_IOMMUS 2

/* The host's vector of interrupt 0 after its affinity has changed. */
#define RIG_AMD_MOVED (PN_VEC_DEVICE_FIRST + RIG_IRS)

struct rig_amd_iommu {
	struct pn_agent agent;
	struct pn_step_table steps;
	struct pn_bus bus;
	struct pn_amdvi *vi;
	struct pn_lock busy;
	uint8_t *sends;	     /* what is owed by the request that it works on; NULL: posted */
	bool overflowed;     /* an entry was dropped, ever */
	struct rig_task log; /* GA log thread */
	uint32_t running;    /* GALogRun, with stops_late: what a poll of Status waits for */
	uint8_t acks;	     /* writes to Status since the machine came up, with w1c_lost */
};

struct rig_amd_ir {
	struct pn_amdvi_ir ir;
	uint32_t iommu;
};

struct rig_amd_conf {
	enum pn_notify notify;
	unsigned iommus, vcpus; /* 0: one */
	bool two_vms;		/* vCPU 1 is vCPU 0 of a second VM */
	bool no_gappi_on_1;	/* IOMMU 1 lacks GAPPISup */
	enum pn_masked_policy masked;
	bool erratum_core, erratum_known; /* processor has 1235; hypervisor knows */
	bool isrun_early;		  /* hardware reads IsRun before it sets the IRR bit */
	uint8_t tpr;			  /* of vCPU 0 */
	uint32_t galog_ring;		  /* entries; 0: as many as it has */
	bool irtcachedis;		  /* the IOMMUs cache no entries */
	bool stops_late;		  /* GALogRun falls some time after GALOverflow rises */
	enum pn_recover recover;	  /* recovery of dropped entries */
	bool no_xt;			  /* IOMMUs lack XTSup: their own interrupts are MSIs */
	bool xapic;			  /* no x2AVIC */
	bool moving;			  /* what a device sends is owed where it arrives */
	bool lowers_tpr;		  /* vCPU 0, once its guest has taken something */
	bool mail;			  /* what the sender stored before is read by the guest */
	bool w1c_lost; /* the first write of 1 to GAInt meets hardware that sets it */
};

struct rig_amd {
	struct rig_amd_conf conf;
	struct rig_amd_iommu iommu[RIG_IOMMUS];
	struct pn_amdvi_drv drv[RIG_IOMMUS];
	struct pn_iommus iommus;
	struct pn_svm svm;
	struct pn_avic core[RIG_CPUS];
	struct pn_svm_vm vm[2];
	struct pn_svm_vcpu vcpu[RIG_VCPUS];
	struct rig_amd_ir ir[RIG_IRS];
	uint32_t bell[RIG_CPUS];
	uint32_t in[RIG_CPUS]; /* which vCPU is in its guest there, and waits inside; 0: none */
	bool waiters;	       /* there are such vCPUs */
	bool moved;	       /* device interrupts have other host vectors now: RIG_AMD_MOVED */
	uint32_t mail, seen;   /* the sender's data; what the guest read when it took a vector */
	uint32_t last_vector;  /* of what the IOMMU sent */
	uint32_t saved;	       /* pending-left-at-save: word 2 of what is pending */
	bool new_kernel;       /* it does not know the wakeup vector */
};

extern struct rig_amd *amd;
extern bool rig_amd_overflow_w1c; /* knob overflow_restart of every IOMMU that is built */

/* Builds it, as the machine of the exploration; its IOMMUs have rig_amd_overflow_w1c. */
void rig_amd_build(const struct rig_amd_conf *conf);
/* An interrupt: entry @index, device behind IOMMU @iommu; posts to @v as @vector. */
void rig_amd_attach(unsigned index, unsigned iommu, struct rig_vcpu *v, uint8_t vector);
/* With stops_late: GALogRun falls if the log of @iommu has overflowed. */
void rig_amd_stop_log(unsigned iommu);
/* What a GA log's thread does, for ever; and the thread. */
void rig_amd_log_thread(unsigned iommu);
void rig_amd_run_log(unsigned iommu, int cpu);
/* CPU @arg takes an interrupt. */
void rig_amd_handler(void *arg, uint8_t vector);

#endif
