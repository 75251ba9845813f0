/* SPDX-License-Identifier: MIT */
#ifndef PN_TORTURE_H
#define PN_TORTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "mode.h"

/* A machine on real threads (src/world/smp), in every mode. */

#define PN_TORTURE_CPUS	   64 /* at most */
#define PN_TORTURE_VCPUS   12
#define PN_TORTURE_DEVICES 8
#define PN_TORTURE_CHORES  14

struct pn_torture_result {
	double seconds;
	uint64_t rounds;
	uint64_t posts; /* interrupts that were sent, by devices, software and guests */
	/* Where they are: the four are all of @posts once everything rests. */
	uint64_t delivered, coalesced, lost, masked;
	uint64_t merged;	    /* of @coalesced, those that an agent saw merge */
	uint64_t sleeps, woken;	    /* of vCPUs */
	unsigned missed;	    /* vCPUs that sleep on although there is something to deliver */
	uint64_t moves;		    /* of vCPUs to another CPU */
	uint64_t preemptions, irqs; /* of CPUs */
	uint64_t illegal;	    /* messages with a vector below 16; local APICs drop them */
	struct {
		const char *name;
		uint64_t done;
	} chore[PN_TORTURE_CHORES];
	unsigned chores;
	bool partial;		     /* given up */
	bool stuck;		     /* threads are left */
	char property[4], text[200]; /* the violation; empty: none */
};

struct pn_torture_config {
	struct pn_mode mode;
	unsigned cpus, vcpus, devices; /* 1 to their maximum; devices: IOMMUs that post */
	double seconds;
	uint64_t posts; /* that devices send, about; 0: no limit */
	uint64_t seed;
	unsigned mistake;	    /* enum pn_mistake; 0: none */
	bool (*give_up)(void *ctx); /* asked now and then */
	/* Called between rounds; @r has no more than seconds, rounds and posts. */
	void (*progress)(void *ctx, const struct pn_torture_result *r);
	void *ctx;
};

/*
 * Runs until the time is over, the posts are sent, the caller gives up or a property is violated,
 * then lets everything come to rest and counts. 0, or a negative errno value: no memory, no
 * threads, hardware that refuses its set-up. One at a time in a process.
 */
int pn_torture_run(const struct pn_torture_config *cfg, struct pn_torture_result *r);

#endif
