/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_FROM_REC_H
#define PN_LAB_FROM_REC_H

#include <stdio.h>

#include "hist.h"
#include "recording.h"

/*
 * A scenario like a recording: its CPUs as pinned vCPUs, its interrupt lines as devices with one
 * queue for each CPU, rates and bursts as loads. It is open loop, as a replay is.
 */

/* Lines of one kind on neighbouring CPUs, with about the same rate. */
struct pn_from_part {
	uint32_t kind, cpu, cpus, vm;
	uint32_t lines; /* of one CPU, at most */
	uint64_t count, woken_ns;
	double handler_ns;	 /* mean; below 0: not recorded */
	struct pn_rec_hist gaps; /* from one interrupt of a queue to its next */
	double gap_sum;
};

/* Neighbouring CPUs on which the load is busy by itself for about the same share of the time. */
struct pn_from_vm {
	uint32_t cpu, cpus;
	double busy; /* mean */
	double burst_ns;
};

#define PN_FROM_KINDS 16
#define PN_FROM_PARTS 32 /* sections of one kind that a scenario may have */

struct pn_from_rec {
	const struct pn_rec_summary *sum;
	char kind[PN_FROM_KINDS][48];
	unsigned kinds, parts, vms;
	struct pn_from_part part[PN_FROM_PARTS];
	struct pn_from_vm vm[PN_FROM_PARTS];
	uint64_t displaced, displaced_ns; /* of the load, by other programs */
	double rate_factor;		  /* how far rates within a part are apart; 0: any */
};

/* 0, -ENOMEM, or the error of the recording. */
int pn_from_rec(struct pn_recording *rec, struct pn_from_rec *out);
/* The INI file, with comments that say where each value is from. 0, -EIO. */
int pn_from_rec_write(const struct pn_from_rec *x, FILE *f);

#endif
