/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_SPAN_H
#define PN_LAB_REC_SPAN_H

#include <stdint.h>

/* How long things took on the recorded machine, in constant memory. */

enum pn_rec_span {
	PN_SPAN_HANDLER,   /* irq_handler_entry to exit, lines of the host's own drivers */
	PN_SPAN_VFIO,	   /* the same of lines that are passed on to a guest */
	PN_SPAN_WAKE_HERE, /* wakeup to switch, on the CPU that woke the task */
	PN_SPAN_WAKE_IDLE, /* wakeup to switch, on another CPU, which was idle */
	PN_SPAN_IRQ_WAKE,  /* irq_handler_exit to the switch from idle, on the same CPU */
	PN_SPAN_VM_EXIT,   /* kvm_exit to kvm_entry, neither interrupt nor switch between */
	PN_SPAN_NR,
};

struct pn_rec_hist {
	uint64_t n;
	uint32_t bucket[512]; /* eight to each power of two */
	uint64_t sum[512];    /* of a bucket's samples */
};

void pn_rec_hist_add(struct pn_rec_hist *h, uint64_t ns);
/* The mean of the bucket in which that fraction of the samples is reached; 0 without samples. */
uint64_t pn_rec_hist_quantile(const struct pn_rec_hist *h, double fraction);

#endif
